"""The publish gate: is the model's version good enough to take the extractive one's place?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digest.models import Quality, Section, SectionName

GATE = 0.7
"""Least score; chosen so that a version in which every third item fails does not pass."""
_WEIGHTS = {"supported": 0.4, "complete": 0.25, "distinct": 0.15, "specific": 0.1, "cited": 0.1}
WRITTEN: tuple[SectionName, ...] = (
    "overview",
    "points",
    "views",
    "events",
    "markets",
    "ai",
    "finance",
)
"""The sections that a writer writes; the others are counted by code."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What came of asking a model: the sections to print, how good they are (None where there was
    nothing to ask), and how many items failed the check."""

    sections: tuple[Section, ...]
    quality: Quality | None
    unproved: int = 0


def quality(
    sections: Sequence[Section],
    extractive: Sequence[Section],
    *,
    written: int,
    unproved: int,
    repeated: int,
    generic: int,
) -> Quality:
    """The score of a version: of `written` items, how many failed, repeated or said nothing."""
    parts = {
        "cited": _cited(sections),
        "supported": _share(written - unproved, written),
        "distinct": _share(written - repeated, written),
        "complete": _complete(sections, extractive),
        "specific": _share(written - generic, written),
    }
    score = sum(_WEIGHTS[name] * value for name, value in parts.items())
    return Quality(round(score, 3), {name: round(value, 3) for name, value in parts.items()})


def _share(good: int, whole: int) -> float:
    return max(0, good) / whole if whole else 0.0


def _cited(sections: Sequence[Section]) -> float:
    items = [item for s in sections if s.name in WRITTEN for item in s.items]
    told = [item for item in items if item.status != "note"]
    return _share(sum(bool(item.cites) for item in told), len(told))


def _complete(sections: Sequence[Section], extractive: Sequence[Section]) -> float:
    """How much of what the posts hold is told by the model: the points count as much as the rest."""
    had, has = _told(extractive), _told(sections, status="new")
    others = [name for name in WRITTEN if name != "points" and had[name]]
    points = min(1.0, _share(has["points"], min(had["points"], 5))) if had["points"] else 1.0
    rest = _share(sum(bool(has[name]) for name in others), len(others)) if others else 1.0
    return 0.5 * points + 0.5 * rest


def _told(sections: Sequence[Section], status: str = "") -> Mapping[SectionName, int]:
    return {
        s.name: sum(i.status != "note" and status in ("", i.status) for i in s.items)
        for s in sections
    }
