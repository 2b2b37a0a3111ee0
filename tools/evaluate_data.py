"""Load posts and labels for `make evaluate`, and compute retrieval metrics."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from statistics import median_low
from typing import Any

import numpy as np
import numpy.typing as npt

from digest.models import Post, Topic
from digest.sources.jsonl import PostRows
from digest.topics import load_topics

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
NEARLY = 0.01
"""Tolerance below the best F1 within which thresholds count as equally good."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: subject, metric, baselines by name, our figure, target."""

    what: str
    measure: str
    ours: str
    baselines: str = ""
    bar: str = ""


def topic() -> Topic:
    """Return the shipped topic."""
    return load_topics(ROOT / "topics.toml")["ai"]


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSONL file; [] if it does not exist."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@lru_cache(maxsize=256)
def posts(path: Path) -> tuple[Post, ...]:
    """Return the posts of a stream file; () if it does not exist."""
    if not path.is_file():
        return ()
    return tuple(PostRows(path.name).parse(path.read_text(encoding="utf-8").split("\n")))


def days(data: Path) -> list[str]:
    """Return the days in the folder, ascending."""
    return sorted(path.name for path in (data / "posts").iterdir() if path.is_dir())


def of_day(data: Path, day: str) -> list[Post]:
    """Return all posts of a day, stream by stream."""
    return [p for path in sorted((data / "posts" / day).glob("*.jsonl")) for p in posts(path)]


def renamed(given: Sequence[Post], day: str) -> list[Post]:
    """Replace the authors by random handles, different ones each day."""
    chance = random.Random(day)  # noqa: S311 - no secret
    authors = sorted({post.author for post in given})
    names = {a: f"u{chance.randrange(10**9)}" for a in authors}
    return [
        replace(post, author=names[post.author], author_name=names[post.author]) for post in given
    ]


def cited(data: Path, stream: str, least: int = 5) -> dict[str, set[str]]:
    """Return the ids cited by the editor, by day, for days with at least `least` of them."""
    ids_by_day: dict[str, set[str]] = {}
    for row in lines(data / "labels" / "ainews_cited.jsonl"):
        if row["stream"] == stream:
            ids_by_day.setdefault(row["day"], set()).add(row["id"])
    return {day: ids for day, ids in sorted(ids_by_day.items()) if len(ids) >= least}


def retrieval(ranked: Sequence[str], relevant: set[str]) -> tuple[float, float, float]:
    """Return average precision, precision at 10 and recall at 20."""
    hits, total = 0, 0.0
    for place, key in enumerate(ranked, 1):
        if key in relevant:
            hits += 1
            total += hits / place
    first = sum(key in relevant for key in ranked[:10])
    return (
        total / len(relevant),
        first / 10,
        sum(key in relevant for key in ranked[:20]) / len(relevant),
    )


def means(measured: Sequence[tuple[float, ...]]) -> str:
    """Format the means of each metric for the table."""
    if not measured:
        return "no data"
    return " / ".join(f"{sum(m) / len(m):.3f}" for m in zip(*measured, strict=True))


def f1(predicted: Sequence[bool], true: Sequence[bool]) -> float:
    """Return the harmonic mean of precision and recall."""
    both = sum(s and t for s, t in zip(predicted, true, strict=True))
    return 2 * both / max(1, sum(predicted) + sum(true))


def auc(scores: npt.NDArray[np.float64], true: npt.NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve; ties count half."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positives = int(true.sum())
    lowest = positives * (positives + 1) / 2
    return float((ranks[true].sum() - lowest) / (positives * (len(true) - positives)))


def best_threshold(scores: Sequence[float], true: Sequence[bool]) -> float:
    """Return the threshold with the best F1: the median of all thresholds within NEARLY of the
    best, because which of these is the very best is chance."""
    order = sorted(zip(scores, true, strict=True), reverse=True)
    hits, positive, found = 0, sum(true), []
    for said, (_, label) in enumerate(order, 1):
        hits += label
        found.append(2 * hits / (said + positive))
    best = max(found)
    return median_low(s for (s, _), f in zip(order, found, strict=True) if f >= best - NEARLY)


def table(rows: Sequence[Row]) -> str:
    """Format the rows as a Markdown table."""
    head = ["| data | measure | here | baselines, same process | bar |", "|---|---|---|---|---|"]
    return "\n".join(
        [*head, *(f"| {r.what} | {r.measure} | {r.ours} | {r.baselines} | {r.bar} |" for r in rows)]
    )


def counted(values: Mapping[str, str]) -> str:
    """Format baselines for one cell."""
    return ", ".join(f"{name} {value}" for name, value in values.items())
