"""A linear head: small integer weights for hashed n-grams and for the encoder vector.

`python -m tools.train` makes the files. No text can be recovered from them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from digest.reading import Reading
from digest.reading.heads.ngrams import Floats, Hashes, fold_hashes, hash_text
from digest.reading.names import simplify
from digest.select.embed import Vectors, has_encoder

FOLDER = Path(__file__).parent
VECTOR_STEPS = 1024
"""Steps to which a vector component is rounded, because its last bits differ between CPUs."""

_BLOCK = 256
"""Texts that are scored at once."""


@dataclass(frozen=True, slots=True)
class Head:
    """Weights of a linear score; above 0 the label is more likely than not."""

    ngrams: Floats
    """A weight for each bucket."""
    vector: Floats
    """A weight for each component of the encoder vector."""
    bias: float
    usual: float
    """Mean contribution of the vector, used without an encoder."""

    def score(self, hashes: Sequence[Hashes], vectors: Vectors | None) -> Floats:
        """Return the score of each text, from its hashed n-grams and its encoder vector (rows).

        A row of zeros means that the text was not encoded.
        """
        return score_heads([self], hashes, vectors)[0]


def score_heads(
    heads: Sequence[Head], hashes: Sequence[Hashes], vectors: Vectors | None
) -> list[Floats]:
    """Return the scores of the texts by each of the heads."""
    scores = [np.zeros(len(hashes), np.float64) for _ in heads]
    for start in range(0, len(hashes), _BLOCK):
        block = hashes[start : start + _BLOCK]
        folded = {size: fold_hashes(block, size) for size in {len(h.ngrams) for h in heads}}
        for head, values in zip(heads, scores, strict=True):
            rows, buckets, weights = folded[len(head.ngrams)]
            parts = head.ngrams[buckets] * weights
            values[start : start + _BLOCK] = np.bincount(rows, parts, len(block))
    if vectors is None:
        return [values + h.usual + h.bias for h, values in zip(heads, scores, strict=True)]
    rounded, encoded = round_vectors(vectors), vectors.any(axis=1)
    dense = [np.where(encoded, dot_rows(rounded, head.vector), head.usual) for head in heads]
    return [v + d + h.bias for h, v, d in zip(heads, scores, dense, strict=True)]


def round_vectors(vectors: Vectors) -> Floats:
    """Round the vectors to whole steps, so that every CPU computes with the same numbers."""
    return np.round(vectors.astype(np.float64) * VECTOR_STEPS) / VECTOR_STEPS


def dot_rows(rows: Floats, weights: Floats) -> Floats:
    """Return the product of each row with the weights, without BLAS, whose sums depend on its
    number of threads."""
    return np.asarray(np.einsum("ij,j->i", rows, weights), np.float64)


@cache
def load_head(name: str) -> Head:
    """Return the committed head of that name."""
    with np.load(FOLDER / f"{name}.npz") as stored:
        ngram_step, vector_step, bias, usual = (float(number) for number in stored["numbers"])
        ngrams = stored["ngrams"].astype(np.float64) * ngram_step
        vector = stored["vector"].astype(np.float64) * vector_step
    return Head(ngrams, vector, bias, usual)


def normalize_script(text: str) -> str:
    """Return the text written as nearly all labelled ones are: in simplified characters, and with
    an initial capital if it is in lower case."""
    return text[:1].upper() + text[1:] if text.islower() else simplify(text)


def score_texts(
    names: Sequence[str], texts: Sequence[str], vectors: npt.NDArray[np.float32] | None
) -> list[Floats]:
    """Return the scores of the texts by each named head; `vectors` are those of the texts, zeros if
    not encoded. Without the encoder's package the n-grams decide alone."""
    hashes = [hash_text(normalize_script(text)) for text in texts]
    encoded = vectors if has_encoder() else None
    return score_heads([load_head(name) for name in names], hashes, encoded)


POST_HEADS = ("news", "advertisement")
"""Heads that score every post of a day."""


def score_posts(readings: Sequence[Reading], vectors: Vectors) -> Mapping[str, list[float]]:
    """Return the scores of the posts by each head of OF_POSTS; `vectors` are those of the posts,
    zeros if not encoded."""
    scores = score_texts(POST_HEADS, [reading.text for reading in readings], vectors)
    return {name: values.tolist() for name, values in zip(POST_HEADS, scores, strict=True)}


def score_sentences(texts: Sequence[str], vectors: Vectors | None) -> tuple[Floats, Floats]:
    """Return how well each sentence can stand alone in a digest (news, detail or view), and how
    likely it is a view rather than news, which is meaningful only for sentences that can.

    `vectors` are `embed(texts)`, or None to use the n-grams only (cheaper). On held-out days, of
    random sentences (15 % fit to print) 40 % of those above -0.4 are fit, 57 % above 0 and 73 %
    above 0.4; these are 88, 62 and 29 % of all that are fit.
    """
    fitness, opinion = score_texts(("stands_alone", "view"), texts, vectors)
    return fitness, opinion
