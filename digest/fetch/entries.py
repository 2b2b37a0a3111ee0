"""A feed as all its kinds are read: the nouns, and what of a feed is too much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

MAX_ENTRIES = 300
MAX_TITLE, MAX_CONTENT = 1_000, 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, as the feed words it: titles and content may be HTML."""

    title: str = ""
    link: str = ""
    id: str = ""
    content: str = ""
    author: str = ""
    published: datetime | None = None
    comments: str = ""
    """Address of the discussion."""
    metrics: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Feed:
    title: str = ""
    link: str = ""
    updated: datetime | None = None
    language: str = ""
    entries: tuple[Entry, ...] = ()


def in_utc(moment: datetime) -> datetime | None:
    """The moment in UTC, which is what it means where it names no zone; None beyond the calendar."""
    try:
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def text_of(value: object) -> str:
    """What may be a text, without spaces around it."""
    return value.strip() if isinstance(value, str) else ""
