"""`make train`: makes `digest/select/promotion.npz` again from labelled posts, byte for byte.

Logistic regression with an L2 penalty, by L-BFGS (Nocedal, 1980) in numpy.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from digest.select.ads import worded
from digest.select.learned import BUCKETS, FILE, WORDED, features

DATA = Path(__file__).parents[2] / "shared" / "data"
PENALTY = 0.03
LEAST = 2
"""Texts that a feature stands in, or it says nothing about others."""
ROUNDS = 60
COLUMNS = BUCKETS + 1
"""The buckets, and last whether the text is worded as in an advertisement."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Texts as rows of hashed features, stored sparsely."""

    row: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    value: Floats
    count: int

    def times(self, weights: Floats) -> Floats:
        """Rows times a column of weights."""
        found = np.bincount(self.row, self.value * weights[self.column], self.count)
        return np.asarray(found, np.float64)

    def transposed_times(self, errors: Floats) -> Floats:
        """Columns times a column of errors."""
        found = np.bincount(self.column, self.value * errors[self.row], COLUMNS)
        return np.asarray(found, np.float64)

    def part(self, chosen: npt.NDArray[np.bool_]) -> Rows:
        """Only the chosen rows."""
        inside = chosen[self.row]
        renumbered = np.cumsum(chosen) - 1
        return Rows(
            renumbered[self.row[inside]],
            self.column[inside],
            self.value[inside],
            int(chosen.sum()),
        )


def rows(texts: Sequence[str]) -> Rows:
    """The features of the texts, weighed by rarity (inverse document frequency); each row has length
    one before its last column."""
    found = [features(text) for text in texts]
    column = np.concatenate([buckets for buckets, _ in found])
    row = np.repeat(np.arange(len(found)), [len(buckets) for buckets, _ in found])
    value = np.concatenate([counts for _, counts in found]) * rarities(column, len(found))[column]
    length = np.sqrt(np.bincount(row, value * value, len(found)))
    ads = np.nonzero([worded(text) for text in texts])[0]
    return Rows(
        np.append(row, ads),
        np.append(column, np.full(len(ads), BUCKETS)),
        np.append(value / length[row], np.full(len(ads), WORDED)),
        len(found),
    )


def rarities(column: npt.NDArray[np.int64], count: int) -> Floats:
    """How rare each feature is among `count` texts that have these."""
    frequency = np.bincount(column, minlength=COLUMNS)
    return np.asarray(np.log(count / np.maximum(frequency, 1)) + 0.2, np.float64)


def fit(
    data: Rows, labels: npt.NDArray[np.bool_], penalty: float = PENALTY
) -> tuple[Floats, float]:
    """Weights and bias of the regression."""
    signs = np.where(labels, 1.0, -1.0)

    def loss(point: Floats) -> tuple[float, Floats]:
        margin = signs * (data.times(point[:-1]) + point[-1])
        pull = -signs / (1 + np.exp(np.clip(margin, -30, 30)))
        gradient = np.append(data.transposed_times(pull) + penalty * point[:-1], pull.sum())
        value = np.logaddexp(0, -margin).sum() + penalty / 2 * _dot(point[:-1], point[:-1])
        return float(value), gradient

    point = _minimum(loss, np.zeros(COLUMNS + 1))
    return point[:-1], float(point[-1])


def _dot(left: Floats, right: Floats) -> float:
    """Without BLAS, whose sums depend on how many threads it runs."""
    return float(np.sum(left * right))


def _minimum(loss: Any, point: Floats) -> Floats:
    past: deque[tuple[Floats, Floats]] = deque(maxlen=8)
    value, gradient = loss(point)
    for _ in range(ROUNDS):
        direction = _direction(gradient, past)
        step = 1.0 if past else 1.0 / max(1.0, float(np.abs(gradient).sum()))
        while True:
            moved = point + step * direction
            reached, slope = loss(moved)
            if reached <= value + 1e-4 * step * _dot(gradient, direction) or step < 1e-10:
                break
            step /= 2
        past.append((moved - point, slope - gradient))
        done = value - reached < 1e-6 * abs(value)
        point, value, gradient = moved, reached, slope
        if done:
            break
    return point


def _direction(gradient: Floats, past: Sequence[tuple[Floats, Floats]]) -> Floats:
    """The two-loop recursion."""
    found = gradient.copy()
    shares = []
    for moved, turned in reversed(past):
        share = _dot(moved, found) / _dot(moved, turned)
        shares.append(share)
        found -= share * turned
    if past:
        moved, turned = past[-1]
        found *= _dot(moved, turned) / _dot(turned, turned)
    for (moved, turned), share in zip(past, reversed(shares), strict=True):
        found += (share - _dot(turned, found) / _dot(moved, turned)) * moved
    return -found


def labelled(data: Path) -> tuple[list[str], npt.NDArray[np.bool_]]:
    """Texts in two languages, and which of them are promotion."""
    texts, true = [], []
    for name, label in (("x_promoted_dev", "promoted"), ("v2ex_promo_dev", "promo")):
        for line in (data / "ads" / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")[:-1]:
            row = json.loads(line)
            texts.append(row["text"])
            true.append(row["label"] == label)
    return texts, np.array(true, np.bool_)


def stored(weights: Floats, rarity: Floats, bias: float) -> bytes:
    """The model as a file: small whole numbers, and the same bytes for the same model."""
    buckets, ad = weights[:BUCKETS], weights[BUCKETS]
    scale = float(np.abs(buckets).max()) / 127
    parts = {
        "weights": np.round(buckets / scale).astype(np.int8),
        "rarity": np.round(rarity[:BUCKETS] * 16).astype(np.uint8),
        "numbers": np.round(np.array([scale, ad, bias]), 6),
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, values in parts.items():
            inside = io.BytesIO()
            np.save(inside, values, allow_pickle=False)
            # A fixed date, or no two files would be equal.
            entry = zipfile.ZipInfo(f"{name}.npy", (2025, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, inside.getvalue())
    return content.getvalue()


def model(data: Path) -> bytes:
    """The file's content, from the labelled posts of the folder."""
    texts, true = labelled(data)
    found = rows(texts)
    weights, bias = fit(found, true)
    seen = np.bincount(found.column, minlength=COLUMNS) >= LEAST
    return stored(weights * seen, rarities(found.column, len(texts)), bias)


def main() -> None:
    """Writes the file."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    content = model(data)
    FILE.write_bytes(content)
    sys.stdout.write(f"{FILE.name}: {len(content)} bytes\n")


if __name__ == "__main__":
    main()
