"""Opinosis: 25 words of short reviews through the sentence scores of the writer, ROUGE against people."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from digest.select.embed import embed
from tests.evaluate_data import Row, lines, means

BUDGET = 25
_WORD = re.compile(r"[a-z0-9]+")


def words(text: str) -> list[str]:
    """The words that ROUGE counts."""
    return _WORD.findall(text.lower())


def rouge(text: str, references: Sequence[str]) -> tuple[float, float, float]:
    """F1 of ROUGE-1, -2 and -L (Lin, 2004), the mean over the references."""
    own = words(text)
    scores = [
        (_grams(own, words(r), 1), _grams(own, words(r), 2), _longest(own, words(r)))
        for r in references
    ]
    one, two, long = (sum(each) / len(scores) for each in zip(*scores, strict=True))
    return one, two, long


def _grams(own: Sequence[str], other: Sequence[str], size: int) -> float:
    left, right = (
        Counter(tuple(w[at : at + size]) for at in range(len(w) - size + 1)) for w in (own, other)
    )
    return 2 * (left & right).total() / max(1, left.total() + right.total())


def _longest(own: Sequence[str], other: Sequence[str]) -> float:
    row = [0] * (len(other) + 1)
    for word in own:
        before = 0
        for at, there in enumerate(other, 1):
            before, row[at] = row[at], before + 1 if word == there else max(row[at], row[at - 1])
    return 2 * row[-1] / max(1, len(own) + len(other))


def central(sentences: Sequence[str]) -> str:
    """Sentences nearest to the centre of all, none too like another, up to the budget of words."""
    vectors = embed(sentences)
    left = list(np.argsort(-(vectors @ vectors.mean(axis=0)), kind="stable"))
    chosen: list[int] = []
    for i in left:
        size = sum(len(words(sentences[j])) for j in chosen)
        if size >= BUDGET:
            break
        if all(float(vectors[i] @ vectors[j]) < 0.6 for j in chosen):
            chosen.append(int(i))
    return " ".join(" ".join(sentences[i] for i in chosen).split()[:BUDGET])


def first(sentences: Sequence[str]) -> str:
    """The first words there are."""
    return " ".join(" ".join(sentences).split()[:BUDGET])


def rows(data: Path) -> list[Row]:
    """The row about summaries."""
    given: list[dict[str, Any]] = [
        {**t, "references": [r if isinstance(r, str) else " ".join(r) for r in t["references"]]}
        for t in lines(data / "summaries" / "opinosis_dev.jsonl")
    ]
    if not given:
        return [Row("Opinosis dev", "ROUGE-1 / 2 / L", "no data")]
    ours = means([rouge(central(t["sentences"]), t["references"]) for t in given])
    simple = means([rouge(first(t["sentences"]), t["references"]) for t in given])
    return [
        Row(
            f"Opinosis dev, {len(given)} topics, {BUDGET} words (the encoder's centre)",
            "ROUGE-1 / 2 / L",
            ours,
            f"first words {simple}",
            "print",
        )
    ]
