"""Hash the words of a text into numbered features for the linear heads.

Single words and pairs stand for scripts with spaces, runs of one to three characters for the
others; a few marks tell how the text is set. Each is hashed into a bucket (Weinberger et al., ICML
2009).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from digest.text import HANDLE, URL

MAX_TOKENS = 200
"""Tokens of a text that are read, half of them from its end: the pitch stands at either."""
TITLE_CHARS = 80
"""Characters of the first line that count as its title."""
MAX_NAMES = 60
"""Capitalised words of a text that are read as names."""

_TOKEN = re.compile(
    r"[a-z\u00c0-\u024f]+(?:['’][a-z]+)?|\d+|[\u3041-\u30fa\u3400-\u9fff\uac00-\ud7af]+"
    r"|[^\sa-z\d\u00c0-\u024f\u3041-\u30fa\u3400-\u9fff\uac00-\ud7af]"
)
FIRST_UNSPACED = "\u3041"
_UNSPACED = re.compile(r"[\u3041-\u30fa\u3400-\u9fff\uac00-\ud7af]")
_UPPER_WORD = re.compile(r"[A-Z]{3,}")
_CAPITALISED = re.compile(r"\b[A-Z][A-Za-z]+\b")
_FINAL_LINK = re.compile(r"https?://\S+$")

Buckets = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.int64]


def hash_text(text: str) -> Hashes:
    """Return the 32-bit hash of each n-gram of a cleaned text, and of the marks of how it is set,
    repeats included."""
    marked = HANDLE.sub(" ￺ ", URL.sub(" ￹ ", text)).lower()
    tokens = _TOKEN.findall(marked)
    title = _TOKEN.findall(marked.split("\n", 1)[0][:TITLE_CHARS])
    hashes = [zlib.crc32(mark.encode()) for mark in _list_marks(text, marked, tokens)]
    start = zlib.crc32(b"name ")
    names = _CAPITALISED.findall(text)[:MAX_NAMES]
    hashes += [zlib.crc32(name.encode(), start) for name in names]
    _hash_runs(title, zlib.crc32(b"title "), hashes)
    if len(tokens) > MAX_TOKENS:
        tokens = tokens[: MAX_TOKENS // 2] + tokens[-MAX_TOKENS // 2 :]
    _hash_runs(tokens, 0, hashes)
    return np.array(hashes, np.int64)


def fold_hashes(hashes: Hashes, size: int) -> tuple[Buckets, Floats]:
    """Return the buckets (0 to size - 1, ascending) of the hashes and the weight of each.

    Weights grow with the square root of the count, and their squares add up to one.
    """
    ordered = np.sort(hashes % size)
    # As np.unique does, in a quarter of the time for the few n-grams of a sentence.
    borders = np.ones(len(ordered) + 1, bool)
    np.not_equal(ordered[1:], ordered[:-1], out=borders[1:-1])
    places = borders.nonzero()[0]
    counts = places[1:] - places[:-1]
    return ordered[places[:-1]], np.sqrt(counts / max(1, len(hashes)))


def _list_marks(text: str, marked: str, tokens: Sequence[str]) -> Iterator[str]:
    """Yield how a text is set. `marked`: in small letters, with signs for links and handles."""
    yield f"size {min(24, len(text).bit_length() * 2 + (len(text) * 3 >> len(text).bit_length()))}"
    yield f"lines {min(5, text.count(chr(10)))}"
    yield f"links {min(3, marked.count('￹'))}"
    yield f"first {' '.join(tokens[:1])}"
    yield f"last {' '.join(tokens[-2:])}"
    capitals = sum(map(str.isupper, text))
    yield f"capitals {20 * capitals // max(1, len(text))}"
    yield f"shouted {min(5, len(_UPPER_WORD.findall(text)))}"
    yield f"small {text[:1].islower()}"
    yield f"reply {min(4, text.count('@'))} {text[:1] == '@'}"
    yield from (f"{mark} {min(4, text.count(mark))}" for mark in "#!?$")
    yield f"cut {'…' in text[-40:]}"
    yield f"end {'link' if _FINAL_LINK.search(text) else text[-1:]}"


def _hash_runs(tokens: Sequence[str], start: int, hashes: list[int]) -> None:
    """Add the hash of each word and pair of words, and of each run of one to three characters of a
    script without spaces. `start`: hash of what stands before each n-gram."""
    crc32 = zlib.crc32
    before = start
    for token in tokens:
        if token >= FIRST_UNSPACED and _UNSPACED.match(token):
            encoded = token.encode()  # three bytes a character
            ends = range(3, len(encoded) + 1, 3)
            for size in (3, 6, 9):
                hashes += [crc32(encoded[at - size : at], start) for at in ends if at >= size]
            before = crc32(encoded[-3:], start)
        else:
            word = b"0000"[: len(token)] if token.isdigit() else token.encode()
            # A hash goes on from that of what stands before.
            pair = crc32(b" " + word, before)
            before = crc32(word, start)
            hashes += before, pair
