"""Stories in, sections with citations out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from digest.models import Counts, Dropped, SourceResult, Topic, Window

if TYPE_CHECKING:
    from digest.reading import Story
    from digest.write.extractive.quotes import Quote


@dataclass(frozen=True, slots=True)
class Material:
    """The input of a writer: the day's stories, best first, and the counts for its report."""

    topic: Topic
    window: Window
    stories: tuple[Story, ...]
    counts: Counts
    sources: tuple[SourceResult, ...]
    dropped: tuple[Dropped, ...]
    wordcounts: tuple[tuple[str, int], ...] = ()
    """Words of the word cloud, most frequent first."""
    quotes: Mapping[str, tuple[Quote, ...]] = field(default_factory=dict)
    """Sentences that may be quoted, by post key; empty if not collected yet."""
    prospects: tuple[Story, ...] = ()
    """Stories offered to a model, best first. Some may be off topic; not all `stories` are among
    them."""
    earlier_points: tuple[str, ...] = ()
    """Points of earlier days, latest day first: readers know them already."""
    knows_news: bool = True
    """True if the topic is one whose news the heads recognise."""

    def list_all(self) -> list[Story]:
        """Return the stories, then the prospects that are not among them."""
        stories = (*self.stories, *self.prospects)
        return list({id(story): story for story in stories}.values())

    def count_reported(self, cites: Collection[str]) -> Material:
        """Return the material with the counts of a report that cites these posts: a story that the
        editor reported is counted as a story, even if the code dropped it as off topic."""
        prospects = self.list_all()[len(self.stories) :]
        reported = [s for s in prospects if any(post.key in cites for post in s.posts)]
        keys = {post.key for story in reported for post in story.posts}
        dropped = tuple(drop for drop in self.dropped if drop.key not in keys)
        counts = replace(
            self.counts,
            stories=self.counts.stories + len(reported),
            offtopic=self.counts.offtopic - len(self.dropped) + len(dropped),
        )
        return replace(self, counts=counts, dropped=dropped)
