"""Train a linear head: squared hinge loss with an L2 penalty, by L-BFGS (Nocedal, 1980) in numpy.

Uses only sums, products and square roots outside of BLAS, so results are equal on every processor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from digest.reading.heads.linear import Head, dot_rows, round_vectors
from digest.reading.heads.ngrams import Floats, Hashes, fold_hashes
from digest.select.embed import Vectors

MAX_ROUNDS = 60
PROGRESS = 1e-5
"""Minimum relative improvement of the loss per round; below it, training stops."""
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Examples:
    """Feature rows of texts: sparse hashed n-grams, and the encoder's vectors."""

    row: npt.NDArray[np.int64]
    bucket: npt.NDArray[np.int64]
    weight: Floats
    size: int
    """Number of buckets."""
    vectors: Floats
    rarity: Floats
    """Factors applied to the weights of each bucket."""

    @classmethod
    def of(cls, hashes: Sequence[Hashes], vectors: Vectors, size: int) -> Examples:
        """Return the rows of texts, from their hashes and vectors."""
        return cls(
            *fold_hashes(hashes, size),
            size,
            round_vectors(vectors),
            np.ones(size),
        )

    def __len__(self) -> int:
        return len(self.vectors)

    def select(self, chosen: Bools) -> Examples:
        """Return only the chosen rows."""
        inside = chosen[self.row]
        renumbered = np.cumsum(chosen) - 1
        return Examples(
            renumbered[self.row[inside]],
            self.bucket[inside],
            self.weight[inside],
            self.size,
            self.vectors[chosen],
            self.rarity,
        )

    def score(self, point: Floats) -> Floats:
        """Return the score of each row; `point` holds bucket weights, vector weights, bias."""
        sparse = np.bincount(self.row, self.weight * point[self.bucket], len(self))
        return np.asarray(
            sparse + dot_rows(self.vectors, point[self.size : -1]) + point[-1], np.float64
        )

    def pull(self, errors: Floats) -> Floats:
        """Return the gradient of a loss, given its derivative by each row's score."""
        sparse = np.bincount(self.bucket, self.weight * errors[self.row], self.size)
        dense = np.einsum("ij,i->j", self.vectors, errors)
        return np.concatenate([sparse, dense, [errors.sum()]])


@dataclass(frozen=True, slots=True)
class Penalty:
    """Strengths of the L2 penalty."""

    ngrams: float
    vector: float


def scale_by_rarity(examples: Examples) -> Examples:
    """Return the examples with n-grams weighted by rarity (inverse document frequency), which
    weakens the penalty on rare ones."""
    frequency = np.bincount(examples.bucket, minlength=examples.size)
    rarity = np.round(np.log(len(examples) / np.maximum(frequency, 1)) + 0.2, 3)
    return replace(examples, weight=examples.weight * rarity[examples.bucket], rarity=rarity)


def fit(
    examples: Examples, labels: Bools, penalty: Penalty, importance: Floats | None = None
) -> Floats:
    """Return bucket weights, vector weights and bias; `importance`: weight of each row (default 1).

    Both labels get the same total weight, so that 0 separates them.
    """
    signs = np.where(labels, 1.0, -1.0)
    counts = np.ones(len(labels)) if importance is None else importance
    totals = [max(1e-9, float(counts[labels == label].sum())) for label in (False, True)]
    balance = np.where(labels, max(totals) / totals[1], max(totals) / totals[0])
    importance = counts * balance
    strength = np.full(examples.size + examples.vectors.shape[1] + 1, penalty.ngrams)
    strength[examples.size :] = penalty.vector
    strength[-1] = 0.0

    def loss(point: Floats) -> tuple[float, Floats]:
        short = np.maximum(0.0, 1.0 - signs * examples.score(point))
        value = float((importance * short * short).sum()) + _dot(strength * point, point) / 2
        return value, examples.pull(-2 * importance * short * signs) + strength * point

    return minimize(loss, np.zeros(len(strength)))


def minimize(loss: Callable[[Floats], tuple[float, Floats]], point: Floats) -> Floats:
    """Return the minimum of a loss function that returns its value and gradient."""
    past: deque[tuple[Floats, Floats]] = deque(maxlen=8)
    value, gradient = loss(point)
    for _ in range(MAX_ROUNDS):
        direction = _find_direction(gradient, past)
        step = 1.0 if past else 1.0 / max(1.0, float(np.abs(gradient).sum()))
        slope = _dot(gradient, direction)
        while True:
            moved = point + step * direction
            new_value, new_gradient = loss(moved)
            if new_value <= value + 1e-4 * step * slope or step < 1e-10:
                break
            step /= 2
        past.append((moved - point, new_gradient - gradient))
        done = value - new_value < PROGRESS * abs(value)
        point, value, gradient = moved, new_value, new_gradient
        if done:
            break
    return point


def _find_direction(gradient: Floats, past: Sequence[tuple[Floats, Floats]]) -> Floats:
    """Return the search direction by the two-loop recursion."""
    direction = gradient.copy()
    shares = []
    for moved, turned in reversed(past):
        shares.append(_dot(moved, direction) / _dot(moved, turned))
        direction -= shares[-1] * turned
    if past:
        moved, turned = past[-1]
        direction *= _dot(moved, turned) / _dot(turned, turned)
    for (moved, turned), share in zip(past, reversed(shares), strict=True):
        direction += (share - _dot(turned, direction) / _dot(moved, turned)) * moved
    return -direction


def _dot(left: Floats, right: Floats) -> float:
    return float(np.sum(left * right))


def make_head(point: Floats, examples: Examples) -> Head:
    """Return the head with the fitted weights, each quantised to one of 255 steps."""
    ngrams, ngram_step = _quantize(point[: examples.size] * examples.rarity)
    vector, vector_step = _quantize(point[examples.size : -1])
    usual = dot_rows(examples.vectors, vector * vector_step).mean()
    return Head(
        ngrams * ngram_step,
        vector * vector_step,
        round(float(point[-1]), 5),
        round(float(usual), 5),
    )


def _quantize(weights: Floats) -> tuple[Floats, float]:
    step = round(float(np.abs(weights).max(initial=0.0)) / 127, 8) or 1e-8
    return np.clip(np.round(weights / step), -127, 127), step


def count_steps(weights: Floats) -> tuple[npt.NDArray[np.int8], float]:
    """Return the weights as numbers of steps, and the step size."""
    steps, step = _quantize(weights)
    return steps.astype(np.int8), step
