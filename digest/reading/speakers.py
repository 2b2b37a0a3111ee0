"""Who a statement says it from: names before a verb of speech ("roon says", 英伟达表示)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from digest.reading.names import is_common, is_jargon
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
