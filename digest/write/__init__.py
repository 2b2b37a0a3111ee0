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
    """All that a writer may use: the day's stories, best first, and what was counted on the way."""

    topic: Topic
    window: Window
    stories: tuple[Story, ...]
    counts: Counts
    sources: tuple[SourceResult, ...]
    dropped: tuple[Dropped, ...]
    wordcounts: tuple[tuple[str, int], ...] = ()
    """The words of the cloud, most frequent first."""
    quotes: Mapping[str, tuple[Quote, ...]] = field(default_factory=dict)
    """Sentences of the stories that may be quoted, by key of the post; empty: not collected yet."""
    prospects: tuple[Story, ...] = ()
    """Stories that a model picks from, best first: some may be off topic, some of `stories` are not
    among them."""
    told: tuple[str, ...] = ()
    """Points of the days before, the latest day's first: readers know them."""
    knows_news: bool = True
    """Whether what heads learned of news holds for the topic."""

    def list_all(self) -> list[Story]:
        """Return the stories, then the prospects that are none of them."""
        stories = (*self.stories, *self.prospects)
        return list({id(story): story for story in stories}.values())

    def count_told(self, cites: Collection[str]) -> Material:
        """Return the material as a report that cites these posts counts it: what an editor told
        though the code took it for off topic is a story, and not dropped."""
        prospects = self.list_all()[len(self.stories) :]
        told = [s for s in prospects if any(post.key in cites for post in s.posts)]
        keys = {post.key for story in told for post in story.posts}
        dropped = tuple(drop for drop in self.dropped if drop.key not in keys)
        counts = replace(
            self.counts,
            stories=self.counts.stories + len(told),
            offtopic=self.counts.offtopic - len(self.dropped) + len(dropped),
        )
        return replace(self, counts=counts, dropped=dropped)
