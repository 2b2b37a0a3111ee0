"""Opinosis: 25-word summaries of short reviews by the writer's sentence scores; ROUGE against human
ones."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from digest.select.embed import embed
from tools.evaluate_data import Row, counted, lines, means

BUDGET = 25
_WORD = re.compile(r"[a-z0-9]+")


def words(text: str) -> list[str]:
    """Return the words that ROUGE counts."""
    return _WORD.findall(text.lower())


def rouge(text: str, references: Sequence[str]) -> tuple[float, float, float]:
    """Return F1 of ROUGE-1, -2 and -L (Lin, 2004), averaged over the references."""
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
    """Select the sentences nearest to the centroid, without near-duplicates, up to the word
    budget."""
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


def _tf_idf(sentences: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return a unit-length tf-idf row for each sentence."""
    counts = [Counter(words(s)) for s in sentences]
    frequency = Counter(word for each in counts for word in each)
    column = {word: i for i, word in enumerate(sorted(frequency))}
    found = np.zeros((len(sentences), max(1, len(column))))
    for row, each in zip(found, counts, strict=True):
        for word, count in each.items():
            row[column[word]] = count * math.log(1 + len(sentences) / frequency[word])
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return found / np.where(lengths > 0, lengths, 1)


def _filled(sentences: Sequence[str], order: Iterable[int]) -> str:
    """Join the sentences in this order, truncated to the word budget."""
    chosen: list[str] = []
    for i in order:
        if len(chosen) >= BUDGET:
            break
        chosen += sentences[i].split()
    return " ".join(chosen[:BUDGET])


def lexrank(sentences: Sequence[str]) -> str:
    """Summarise by continuous LexRank (Erkan and Radev, 2004), damping 0.85."""
    rows = _tf_idf(sentences)
    alike = rows @ rows.T
    step = alike / np.maximum(alike.sum(axis=1, keepdims=True), 1e-9)
    rank = np.full(len(rows), 1 / len(rows))
    for _ in range(50):
        rank = 0.15 / len(rows) + 0.85 * step.T @ rank
    return _filled(sentences, np.argsort(-rank, kind="stable"))


def centroid_mmr(sentences: Sequence[str]) -> str:
    """Summarise by centroid similarity (Radev et al., 2004) with MMR (Carbonell and Goldstein,
    1998), weighted half and half."""
    rows = _tf_idf(sentences)
    centre = rows.mean(axis=0)
    near = rows @ centre / max(float(np.linalg.norm(centre)), 1e-9)
    order: list[int] = []
    while len(order) < min(len(rows), BUDGET):
        said = (rows @ rows[order].T).max(axis=1) if order else np.zeros(len(rows))
        worth = 0.5 * near - 0.5 * said
        worth[order] = -np.inf
        order.append(int(worth.argmax()))
    return _filled(sentences, order)


def first(sentences: Sequence[str]) -> str:
    """Return the first words of the text."""
    return " ".join(" ".join(sentences).split()[:BUDGET])


def rows(data: Path) -> list[Row]:
    """Return the row on summaries."""
    given: list[dict[str, Any]] = [
        {**t, "references": [r if isinstance(r, str) else " ".join(r) for r in t["references"]]}
        for t in lines(data / "summaries" / "opinosis_dev.jsonl")
    ]
    if not given:
        return [Row("Opinosis dev", "ROUGE-1 / 2 / L", "no data")]
    ours = means([rouge(central(t["sentences"]), t["references"]) for t in given])
    simple = {
        name: means([rouge(how(t["sentences"]), t["references"]) for t in given])
        for name, how in (
            ("LexRank", lexrank),
            ("centroid and MMR", centroid_mmr),
            ("first words", first),
        )
    }
    return [
        Row(
            f"Opinosis dev: {len(given)} topics, summaries of {BUDGET} words (encoder centroid)",
            "ROUGE-1 / 2 / L",
            ours,
            counted(simple),
            "print",
        )
    ]
