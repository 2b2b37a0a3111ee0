"""What posts name, in the forms that names of a statement are looked up by."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from digest.write.verify.known import Found, names_in, pieces

LATIN = re.compile(
    r"[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f][A-Za-z0-9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]*(?:['.&+_-][A-Za-z0-9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]+)*"
)
_SEGMENT = re.compile(r"[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]+|\d+(?:\.\d+)*")
_CAMEL = re.compile(r"[A-Z]?[a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]+|[A-Z]+(?![a-z])|\d+")
_GLUED = re.compile(r"[@#]\w+|(?<![\w-])[\w-]{1,80}(?:\.[\w-]{1,80})+")
ENDING = re.compile(r"(?:'s|s|es|ed|ing|d|er|ers|ly|'s)$")

VARIANTS = frozenset(
    "pro max mini ultra flash turbo lite nano plus air opus sonnet haiku code codex thinking instruct vision preview oss base large"
    " small medium xl high low coder omni".split()
)
"""Words that tell one model of a family from the others."""


@dataclass(slots=True)
class Names:
    """What the posts name, in the forms that names of a statement are looked up by."""

    text: str = ""
    words: set[str] = field(default_factory=set)
    glued: set[str] = field(default_factory=set)
    known: set[int] = field(default_factory=set)
    places: int = 0
    after: dict[str, set[str]] = field(default_factory=dict)
    """By segment, the segments that follow it at once."""
    near: set[tuple[str, str]] = field(default_factory=set)
    """Segments and those within three after them, or just before."""
    segments: set[str] = field(default_factory=set)


def read_names(text: str) -> Names:
    """The names of a post's text."""
    found = Names(text.lower())
    tokens = [fold(match.group()) for match in LATIN.finditer(text)]
    for match in LATIN.finditer(text):
        _add_word(found, match.group())
    for first, second in pairwise(tokens):
        found.words.add(bare(first + second))
    found.glued = {re.sub(r"[\W_]", "", match.group().lower()) for match in _GLUED.finditer(text)}
    tags = " | ".join(" ".join(_CAMEL.findall(match.group())) for match in _GLUED.finditer(text))
    known = [*names_in(text, exact=False), *names_in(tags, exact=False)]
    found.known = {id(one.name) for one in known}
    for spelling in {spelling for one in known for spelling in one.name.spellings}:
        found.words.update(pieces(spelling))
    found.places = sum(one.name.kind == "places" for one in known)
    _add_segments(found, text, names_in(text, exact=False))
    return found


def _add_word(found: Names, word: str) -> None:
    whole = fold(word)
    parts = [part for part in re.split(r"[-.&+'_]", whole) if part]
    camel = [part.lower() for part in _CAMEL.findall(unaccented(word))]
    found.words.update((whole, bare(whole), *parts, *camel))
    found.words.update(ENDING.sub("", part) for part in parts)


def _add_segments(found: Names, text: str, known: Sequence[Found]) -> None:
    cut = segments(text)
    found.segments = set(cut)
    for n, segment in enumerate(cut):
        following = cut[n + 1 : n + 4]
        if following:
            found.after.setdefault(segment, set()).add(following[0])
        for other in following:
            found.near.add((segment, other))
            if other[0].isdigit():
                break
        found.near.update((other, segment) for other in following[:1])
    # 混元3.0 is Hunyuan 3.0: a version after any spelling belongs to all of them.
    for one in known:
        number = re.match(r"[\s-]?v?(\d+(?:\.\d+)*)", text[one.end : one.end + 12], re.IGNORECASE)
        if number:
            for spelling in one.name.spellings:
                for piece in pieces(spelling)[-1:]:
                    found.after.setdefault(piece, set()).add(number[1])
                    found.near |= {(piece, number[1]), (number[1], piece)}


def segments(text: str) -> list[str]:
    """The text as runs of letters and numbers: "Qwen3-VL-8B" is qwen, 3, vl, 8, b."""
    cut = [match.group().lower() for match in _SEGMENT.finditer(unaccented(text))]
    return [segment.removesuffix(".0") for segment in cut if segment not in ("v", "s")]


def add_names(one: Names, other: Names) -> Names:
    """Return the names of two posts together."""
    after = {key: set(value) for key, value in one.after.items()}
    for key, value in other.after.items():
        after[key] = after.get(key, set()) | value
    return Names(
        f"{one.text}\n{other.text}",
        one.words | other.words,
        one.glued | other.glued,
        one.known | other.known,
        one.places + other.places,
        after,
        one.near | other.near,
        one.segments | other.segments,
    )


def unaccented(text: str) -> str:
    """Latin letters without their accents."""
    if text.isascii():
        return text
    kept = (c for c in unicodedata.normalize("NFD", text) if not 0x300 <= ord(c) < 0x370)
    return unicodedata.normalize("NFC", "".join(kept))


def fold(word: str) -> str:
    """A word as it is compared."""
    return unaccented(word).lower()


def bare(word: str) -> str:
    return re.sub(r"[-.&+'_]", "", word)
