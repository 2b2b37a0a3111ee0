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
_UNSPACED = re.compile(r"[\u3041-\u30fa\u3400-\u9fff\uac00-\ud7af]")
_UPPER_WORD = re.compile(r"[A-Z]{3,}")
_CAPITALISED = re.compile(r"\b[A-Z][A-Za-z]+\b")
_FINAL_LINK = re.compile(r"https?://\S+$")

Buckets = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.int64]


def hash_text(text: str) -> Hashes:
    """Return the 32-bit hash of each n-gram of a cleaned text, repeats included."""
    return np.array([zlib.crc32(gram.encode()) for gram in list_ngrams(text)], np.int64)


def fold_hashes(hashes: Hashes, size: int) -> tuple[Buckets, Floats]:
    """Return the buckets (0 to size - 1, ascending) of the hashes and the weight of each.

    Weights grow with the square root of the count, and their squares add up to one.
    """
    buckets, counts = np.unique(hashes % size, return_counts=True)
    return buckets, np.sqrt(counts / max(1, len(hashes)))


def list_ngrams(text: str) -> Iterator[str]:
    """Yield the n-grams of a cleaned text and the marks of how it is set."""
    marked = HANDLE.sub(" ￺ ", URL.sub(" ￹ ", text)).lower()
    tokens = _TOKEN.findall(marked)
    yield f"size {min(24, len(text).bit_length() * 2 + (len(text) * 3 >> len(text).bit_length()))}"
    yield f"lines {min(5, text.count(chr(10)))}"
    yield f"links {min(3, marked.count('￹'))}"
    yield f"first {' '.join(tokens[:1])}"
    yield f"last {' '.join(tokens[-2:])}"
    yield from _list_marks(text)
    title = _TOKEN.findall(marked.split("\n", 1)[0][:TITLE_CHARS])
    yield from (f"title {gram}" for gram in _list_runs(title))
    if len(tokens) > MAX_TOKENS:
        tokens = tokens[: MAX_TOKENS // 2] + tokens[-MAX_TOKENS // 2 :]
    yield from _list_runs(tokens)


def _list_marks(text: str) -> Iterator[str]:
    capitals = sum(map(str.isupper, text))
    yield f"capitals {20 * capitals // max(1, len(text))}"
    yield f"shouted {min(5, len(_UPPER_WORD.findall(text)))}"
    yield f"small {text[:1].islower()}"
    yield f"reply {min(4, text.count('@'))} {text[:1] == '@'}"
    yield from (f"{mark} {min(4, text.count(mark))}" for mark in "#!?$")
    yield f"cut {'…' in text[-40:]}"
    yield f"end {'link' if _FINAL_LINK.search(text) else text[-1:]}"
    yield from (f"name {word}" for word in _CAPITALISED.findall(text)[:MAX_NAMES])


def _list_runs(tokens: Sequence[str]) -> Iterator[str]:
    before = ""
    for token in tokens:
        word = "0" * min(4, len(token)) if token.isdigit() else token
        unspaced = bool(_UNSPACED.match(word))
        if unspaced:
            for size in (1, 2, 3):
                yield from (word[at : at + size] for at in range(len(word) - size + 1))
        else:
            yield word
            yield f"{before} {word}"
        before = word[-1:] if unspaced else word
