"""Labelled texts of the shared data, for `make train` and `make evaluate`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.train_linear import Penalty


@dataclass(frozen=True, slots=True)
class Labelled:
    """One text with its label and the day that it is left out with."""

    text: str
    label: bool
    day: str


@dataclass(frozen=True, slots=True)
class Task:
    """What a head learns."""

    read: Callable[[Path], list[Labelled]]
    buckets: int
    penalty: Penalty


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSONL file; none where there is no such file."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def read_sentences(data: Path) -> list[Labelled]:
    """Return sentences, true where one may stand alone in a digest."""
    rows = read_rows(data / "labels" / "sentences_dev.jsonl")
    return [Labelled(row["text"], row["label"] != "bad", row["day"]) for row in rows]


def read_views(data: Path) -> list[Labelled]:
    """Return sentences that may stand alone, true where one is somebody's view."""
    rows = read_rows(data / "labels" / "sentences_dev.jsonl")
    good = [row for row in rows if row["label"] != "bad"]
    return [Labelled(row["text"], row["label"] == "view", row["day"]) for row in good]


TASKS: Mapping[str, Task] = {
    "stands_alone": Task(read_sentences, 1 << 14, Penalty(2.0, 4.0)),
    "view": Task(read_views, 1 << 12, Penalty(1.0, 1.0)),
}
