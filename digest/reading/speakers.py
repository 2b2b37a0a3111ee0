"""Who a statement says it from: names before a verb of speech ("roon says", 英伟达表示)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from digest.reading.markup import fold_text
from digest.reading.names import find_names, is_common, is_jargon
from digest.reading.phrases import compile_words

_LOWER = re.compile(r"(?<![\w'.@/-])([a-z]{3,})(?=\s)")


def speaks(text: str, end: int) -> bool:
    """Return True where a verb of speech follows the name that ends at a place of the text."""
    after = text[end : end + 20].lstrip(" ")
    return any(compile_words("speech", table).match(after) for table in ("chinese", "english"))


def find_lower_speakers(text: str) -> Iterator[str]:
    """Yield names in small letters before a verb of speech: "roon says"."""
    for match in _LOWER.finditer(text):
        name = match[1]
        if speaks(text, match.end(1)) and not is_common(name) and not is_jargon(name):
            yield name


def is_speaker(text: str, name: str, handle: str) -> bool:
    """Return True where a text gives somebody as who says it, by name, handle or another spelling
    of the name: "Acme says", 据艾克米."""
    folded = fold_text(text)
    exact = "|".join(re.escape(spelling) for spelling in (name, handle) if spelling)
    spans = [m.span() for m in re.finditer(exact, folded, re.I)] if exact else []
    keys = {known.key for _, known in find_names(fold_text(name))}
    places = ((at, known) for at, known in find_names(folded) if known.key in keys)
    spans += [(at, at + len(known.text)) for at, known in places]
    return any(
        speaks(folded, end + (folded[end : end + 1] in (")", "）")))
        or folded[:start].rstrip(" @").endswith("据")
        for start, end in spans
    )
