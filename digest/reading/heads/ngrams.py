"""Hash the words of a text into numbered features for the linear heads.

Scripts with spaces use single words and pairs, others runs of one to three characters; some
features describe the layout. Each is hashed into a bucket (Weinberger et al., ICML 2009).
"""

import re
import zlib
from array import array
from collections.abc import Sequence
from functools import lru_cache
from itertools import repeat
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from digest.text import HANDLE, replace_links

MAX_TOKENS = 200
"""Tokens of a text that are hashed, half of them from its end, because a pitch is at either end."""
TITLE_CHARS = 80
"""Characters of the first line that count as its title."""
MAX_NAMES = 60
"""Capitalised words of a text that are hashed as names."""

_TOKEN = re.compile(
    r"[a-z\u00c0-\u024f]+(?:['’][a-z]+)?|\d+|[\u3041-\u30fa\u3400-\u9fff\uac00-\ud7af]+"
    r"|[^\sa-z\d\u00c0-\u024f\u3041-\u30fa\u3400-\u9fff\uac00-\ud7af]"
)
FIRST_UNSPACED = "\u3041"
_UNSPACED = re.compile(r"[\u3041-\u30fa\u3400-\u9fff\uac00-\ud7af]")
_UPPER_WORD = re.compile(r"[A-Z]{3,}")
_CAPITALISED = re.compile(r"\b[A-Z][A-Za-z]+\b")
_FINAL_LINK = re.compile(r"https?://\S+$")

Rows = npt.NDArray[np.int64]
Buckets = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Hashes: TypeAlias = "array[int]"


def hash_text(text: str) -> Hashes:
    """Return the 32-bit hash of each n-gram of a cleaned text and of its layout features,
    repetitions included."""
    marked = replace_links(text, " ￹ ")
    marked = HANDLE.sub(" ￺ ", marked).lower()
    tokens = _TOKEN.findall(marked)
    line = marked.split("\n", 1)[0][:TITLE_CHARS]
    title = _TOKEN.findall(line) if len(line) < len(marked) else tokens
    hashes = _hash_marks(text, marked, tokens)
    start = zlib.crc32(b"name ")
    names = _CAPITALISED.findall(text)[:MAX_NAMES]
    hashes += map(zlib.crc32, map(str.encode, names), repeat(start))
    _hash_runs(title, zlib.crc32(b"title "), hashes)
    if len(tokens) > MAX_TOKENS:
        tokens = tokens[: MAX_TOKENS // 2] + tokens[-MAX_TOKENS // 2 :]
    _hash_runs(tokens, 0, hashes)
    return array("I", hashes)


def fold_hashes(hashes: Sequence[Hashes], size: int) -> tuple[Rows, Buckets, Floats]:
    """Return the features of all texts: the row of the text, the bucket (0 to size - 1), and the
    weight, ordered by row and bucket.

    Weights are proportional to the square root of the count; their squares add up to one per text.
    """
    lengths = np.array(list(map(len, hashes)), np.int64)
    owner = np.repeat(np.arange(len(hashes)), lengths)
    joined = np.frombuffer(b"".join(hashes), np.uintc)
    ordered = np.sort(owner * size + joined % size)
    # Does the same as np.unique, in a quarter of the time for the few n-grams of a sentence.
    borders = np.ones(len(ordered) + 1, bool)
    np.not_equal(ordered[1:], ordered[:-1], out=borders[1:-1])
    places = borders.nonzero()[0]
    rows, buckets = np.divmod(ordered[places[:-1]], size)
    return rows, buckets, np.sqrt((places[1:] - places[:-1]) / lengths[rows])


def _hash_marks(text: str, marked: str, tokens: Sequence[str]) -> list[int]:
    """Return hashes of the layout of a text. `marked` is it in lower case, with signs for links and
    handles."""
    size, bits = len(text), len(text).bit_length()
    calls, *counts = [min(4, text.count(mark)) for mark in "@#!?$"]
    has_link = "://" in text and _FINAL_LINK.search(text)
    return [
        _hash_mark("size", min(24, bits * 2 + (size * 3 >> bits))),
        _hash_mark("lines", min(5, text.count("\n"))),
        _hash_mark("links", min(3, marked.count("￹"))),
        zlib.crc32(f"first {' '.join(tokens[:1])}".encode()),
        zlib.crc32(f"last {' '.join(tokens[-2:])}".encode()),
        _hash_mark("capitals", 20 * sum(map(str.isupper, text)) // max(1, size)),
        _hash_mark("shouted", min(5, len(_UPPER_WORD.findall(text)))),
        _hash_mark("small", text[:1].islower()),
        _hash_mark("reply", f"{calls} {text[:1] == '@'}"),
        *map(_hash_mark, "#!?$", counts),
        _hash_mark("cut", "…" in text[-40:]),
        _hash_mark("end", "link" if has_link else text[-1:]),
    ]


@lru_cache(maxsize=4096)
def _hash_mark(name: str, value: object) -> int:
    return zlib.crc32(f"{name} {value}".encode())


def _hash_runs(tokens: Sequence[str], start: int, hashes: list[int]) -> None:
    """Add the hash of each word and pair of words, or, in a script without spaces, of each run of
    one to three characters. `start` is the hash of the prefix of each n-gram."""
    crc32 = zlib.crc32
    before = start
    for token in tokens:  # CRC-32 can be continued from the hash of the preceding text
        if token >= FIRST_UNSPACED and _UNSPACED.match(token):
            chars = list(map(str.encode, token))
            ones = list(map(crc32, chars, repeat(start)))
            twos = list(map(crc32, chars[1:], ones))
            hashes += (*ones, *twos, *map(crc32, chars[2:], twos))
            before = ones[-1]
        else:
            word = b"0000"[: len(token)] if token.isdigit() else token.encode()
            pair = crc32(b" " + word, before)
            before = crc32(word, start)
            hashes += before, pair
