"""Find the speakers of a statement: names before a verb of speech ("roon says", 英伟达表示)."""

import re
from collections.abc import Iterator

from digest.reading.markup import fold_text
from digest.reading.mentions import cut_humps, has_word
from digest.reading.names import find_names, is_common, is_jargon
from digest.reading.vocabulary import compile_words, load_unit_names

_LOWER = re.compile(r"(?<![\w'.@/-])[a-z]{3,}(?=\s)")

_ARTICLES = frozenset("a an the its one some this that another every each no any".split())
_RECORDS = ("数据", "证据", "依据", "占据")


def speaks(text: str, end: int) -> bool:
    """Return True if a verb of speech follows the name that ends at this index."""
    after = text[end : end + 20].lstrip(" ")
    if compile_words("speech", "other").match(after):
        return False
    return any(compile_words("speech", table).match(after) for table in ("chinese", "english"))


def find_lower_speakers(text: str) -> Iterator[str]:
    """Yield lower-case names before a verb of speech: "roon says". Words with an article or in the
    plural ("a redditor", "tipsters") are not names."""
    for match in _LOWER.finditer(text):
        name = match[0]
        before = text[max(0, match.start() - 8) : match.start()].lower().split()[-1:]
        if _ARTICLES.intersection(before) or (name[-1] == "s" and name[-2] not in "sui"):
            continue
        ordinary = is_common(name) or is_jargon(name) or name in load_unit_names()
        if not ordinary and speaks(text, match.end()):
            yield name


def is_speaker(text: str, name: str, handle: str) -> bool:
    """Return True if a text names somebody as the speaker, by name, handle or another spelling:
    "Acme says", 据艾克米."""
    folded = fold_text(text)
    exact = "|".join(re.escape(fold_text(spelling)) for spelling in (name, handle) if spelling)
    pattern = rf"(?<!\w)(?:{exact})(?!\w)"  # with re.A, so that Han characters may touch it
    spans = [m.span() for m in re.finditer(pattern, folded, re.I | re.A)] if exact else []
    keys = {known.key for _, known in find_names(fold_text(name))}
    places = ((at, known) for at, known in find_names(folded) if known.key in keys)
    spans += [(at, at + len(known.text)) for at, known in places]
    return any(
        speaks(folded, end + (folded[end : end + 1] in (")", "）")))
        or _is_attributed(folded[max(0, start - 8) : start].rstrip(" @"))
        for start, end in spans
    )


def is_named(text: str, name: str, handle: str) -> bool:
    """Return True if a text has somebody's name, handle or another spelling of the name."""
    folded = fold_text(text)
    names = {known.key for _, known in find_names(folded)}
    spellings = (spelling.lower() for spelling in (name, handle) if spelling)
    return any(has_word(spelling, folded.lower()) for spelling in spellings) or any(
        known.key in names for _, known in find_names(fold_text(name))
    )


def is_addressed_speaker(text: str, handle: str) -> bool:
    """Return True if a text names the addressee of a post as the speaker, by handle or name."""
    folded = fold_text(text)
    keys = {name.key for _, name in find_names(" ".join(cut_humps(handle)))}
    lower = handle.lower()
    names = (
        name.text
        for start, name in find_names(folded)
        if name.key in keys
        or (" " in name.text and all(word in lower for word in name.text.lower().split()))
    )
    return any(is_speaker(folded, name, "") for name in (*names, handle))


def _is_attributed(before: str) -> bool:
    """Return True for words that introduce a source: 据, but not 数据."""
    return before.endswith("据") and not before.endswith(_RECORDS)
