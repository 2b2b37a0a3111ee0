"""Names of a statement against those of its posts: people, companies, products, places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from digest.write.verify.known import Found, beside, common, jargon, names_in, opens
from digest.write.verify.people import people, quoted
from digest.write.verify.postnames import ENDING, LATIN, Names, bare, fold, segments
from digest.write.verify.surnames import SURNAMES

_HAN = re.compile(r"[\u3400-\u9fff]")
_SHORTENED = re.compile(r"'(?:re|ve|ll|d|m|t|s)?$", re.IGNORECASE)
_ORDINARY = re.compile(
    r"(?:ing|ed|tions?|ments?|ness|ly|ity|ous|ful|able|ible|ive|al|ary|ics|isms?|ists?|ized?|izes)$"
)
"""Endings of words that open a sentence and are in no list."""
_TITLED = re.compile(
    r"(?:\b[A-Z][a-z]+\s){1,4}(?:Act|Law|Hospital|University|Institute|Office|Bank|Court|Ministry|Agency|Commission|Parliament|"
    r"School|College|Museum|Library|Council|Committee|Bureau|Association|Bill|Plan)\b"
)
"""An institution or law by an English name made of words: it stands for a Chinese one that cannot be looked up."""


def missing_names(text: str, posts: Names, *, english: bool, chinese: bool) -> Iterator[str]:
    """Names of the statement that the posts do not have. `english`, `chinese`: languages of the posts."""
    known = names_in(text, exact=True)
    for one in known:
        if not _has(one, text, posts, chinese):
            yield one.said
    covered = [(one.start, one.end) for one in known]
    yield from _unknown_latin(text, covered, posts, english, chinese)
    if chinese:
        yield from quoted(text, posts)
    yield from people(text, covered, posts)


def _has(one: Found, text: str, posts: Names, chinese: bool) -> bool:
    if id(one.name) in posts.known or (one.said.isascii() and _in_words(one.said, posts)):
        return True
    if one.said.lower() in posts.text or beside(text, one):
        return True
    if one.name.kind != "places":
        return False
    implied = any(_mentions(thing, posts) for thing in one.name.owned)
    home = "China" in one.name.spellings and chinese
    wide = bool({"China", "US", "Europe", "Asia"} & one.name.spellings) and not posts.places
    return implied or home or wide


def _mentions(thing: str, posts: Names) -> bool:
    return any(id(one.name) in posts.known for one in names_in(thing, exact=False))


def _in_words(said: str, posts: Names) -> bool:
    """All pieces of a known name are words of the posts, or it is glued into a handle, tag or address."""
    cut = [piece for piece in re.split(r"[\s\-.&']+", fold(said)) if piece and piece != "s"]
    return all(piece in posts.words for piece in cut) or (
        len("".join(cut)) > 3 and _in_glued("".join(cut), posts)
    )


def _in_glued(word: str, posts: Names) -> bool:
    return any(glued.startswith(word) or glued.endswith(word) for glued in posts.glued)


def _unknown_latin(
    text: str, covered: Sequence[tuple[int, int]], posts: Names, english: bool, chinese: bool
) -> Iterator[str]:
    spoken = {fold(m.group()) for m in LATIN.finditer(text) if m.group().islower()}
    hidden = [] if english else [match.span() for match in _TITLED.finditer(text)]
    run: list[re.Match[str]] = []
    for match in LATIN.finditer(text):
        end = match.end() - 2 * match.group().endswith("'s")
        inside = any(a <= match.start() and end <= b for a, b in (*covered, *hidden))
        strange = not inside and _strange(match, text, posts, spoken, chinese)
        if run and (not strange or text[run[-1].end() : match.start()] != " "):
            yield text[run[0].start() : run[-1].end()]
            run = []
        if strange:
            run.append(match)
    if run:
        yield text[run[0].start() : run[-1].end()]


def _strange(
    match: re.Match[str], text: str, posts: Names, spoken: set[str], chinese: bool
) -> bool:
    """Whether a Latin word is a name that the posts lack."""
    word = _SHORTENED.sub("", match.group())
    if not _is_name(word, text, match.start(), spoken):
        return False
    if _named(word, posts) or _joined(match, text, posts):
        return False
    return not (chinese and _pinyin(word, match, text, posts))


def _is_name(word: str, text: str, at: int, spoken: set[str]) -> bool:
    parts = [part for part in re.split(r"[-.&+'_]", word) if part]
    if parts and _digits(word) and parts[0].islower() and common(parts[0]):
        return False  # "sub-100ms" is a number
    telling = [part for part in parts if len(part) > 1 and (part != part.lower() or _digits(part))]
    in_chinese = bool(_HAN.search(text[max(0, at - 2) : at + len(word) + 2]))
    if not telling and not (in_chinese and word.islower() and len(word) > 2):
        return False
    # "(RIOT)" is a ticker, "BUT" is not.
    loud = word.isupper() and len(word) > 2 and text[at - 1 : at] == "("
    plain = jargon if (in_chinese and not word.islower()) or loud else common
    if all(plain(part) or part.isdigit() or len(part) == 1 for part in parts) or plain(word):
        return False
    # A word that the statement also has in lower case is no name; nor is a hyphenated ordinary one.
    lower = fold(word)
    if opens(text, at) and word[1:].islower() and _ORDINARY.search(lower):
        return False
    return not (
        word[1:].islower()
        and word.isalpha()
        and any(other.startswith(lower[: max(4, len(lower) - 3)]) for other in spoken)
    )


def _digits(word: str) -> bool:
    return any(char.isdigit() for char in word)


def _named(word: str, posts: Names) -> bool:
    """Whether the posts have the word, or for a compound all of its parts, in order where it holds a number."""
    lower = fold(word)
    if lower in posts.words or bare(lower) in posts.words or ENDING.sub("", lower) in posts.words:
        return True
    if len(bare(lower)) > 3 and _in_glued(bare(lower), posts):
        return True
    cut = segments(re.sub(r"(?:-[a-z]+)+$", "", word))
    if any(segment[0].isdigit() for segment in cut) and len(cut) > 1:
        return _numbered(cut, posts)
    parts = [part for part in re.split(r"[-.&+'_]", word) if len(part) > 1]
    telling = [fold(part) for part in parts if not part.islower()]
    return len(parts) > 1 and all(
        part in posts.words or common(part) or ENDING.sub("", part) in posts.words
        for part in telling
    )


def _numbered(cut: Sequence[str], posts: Names) -> bool:
    """A name with numbers: its pieces follow each other in the posts, or are all there ("Qwen3" for 千问 3)."""
    apart = [(a, b) for a, b in pairwise(cut) if (a, b) not in posts.near]
    if any(a[0].isdigit() and len(b) == 1 for a, b in apart):
        return False  # 4B is not 4M
    strange = [
        s
        for s in cut
        if s not in posts.segments and (s[0].isdigit() or (len(s) > 1 and s not in posts.words))
    ]
    return not apart or not strange


def _joined(match: re.Match[str], text: str, posts: Names) -> bool:
    """ "Check Point" for checkpoint: the word and a neighbour are one word of the posts."""
    before = re.search(r"([A-Za-z0-9]+)[\s-]$", text[: match.start()][-24:])
    after = re.match(r"[\s-]([A-Za-z0-9]+)", text[match.end() : match.end() + 24])
    word = bare(fold(match.group()))
    both = ([before[1].lower() + word] if before else []) + (
        [word + after[1].lower()] if after else []
    )
    return any(pair in posts.words or (len(pair) > 5 and _in_glued(pair, posts)) for pair in both)


def _pinyin(word: str, match: re.Match[str], text: str, posts: Names) -> bool:
    """ "Cao Yue" may be 曹越: a surname of a Chinese post, in Latin letters, with the name beside it."""
    around = text[max(0, match.start() - 16) : match.end() + 16]
    near = [fold(m.group()).removesuffix("'s") for m in LATIN.finditer(around)]
    return any(
        any(char in posts.text for char in SURNAMES.get(one, "")) for one in near
    ) and _syllables(word)


_SYLLABLE = re.compile(
    r"(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:[aeiou]{1,3}(?:ng|n|r)?)){1,3}(?:'s)?",
    re.IGNORECASE,
)


def _syllables(word: str) -> bool:
    return bool(_SYLLABLE.fullmatch(word))
