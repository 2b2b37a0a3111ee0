"""Stories in, sections with citations out."""

from __future__ import annotations

from dataclasses import dataclass

from digest.models import Counts, Dropped, SourceResult, Topic, Window
from digest.reading import Story


@dataclass(frozen=True, slots=True)
class Material:
    """All that a writer may use: the day's stories, best first, and what was counted on the way."""

    topic: Topic
    window: Window
    stories: tuple[Story, ...]
    counts: Counts
    sources: tuple[SourceResult, ...]
    dropped: tuple[Dropped, ...]
    wordcounts: tuple[tuple[str, int], ...] = ()
    """The words of the cloud, most frequent first."""
