"""The whole selection, step by step: posts of some days in, ranked stories and drop reasons out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from digest.models import Dropped, Post, Story, Topic
from digest.select.ads import drop_ads
from digest.select.cluster import MAX_CLUSTERED, clusters
from digest.select.dedupe import drop_copies, merge_streams
from digest.select.embed import Vectors, embed
from digest.select.rank import author_part, rank, rank_posts, story, substance
from digest.select.relevance import drop_off_topic, relevance

STEPS = ("duplicates", "ads", "copies", "relevance", "stories")
"""The steps in order, for whoever shows progress."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Ranked stories, and every post that was left out with its reason."""

    stories: tuple[Story, ...]
    dropped: tuple[Dropped, ...]


def select(topic: Topic, posts: Sequence[Post], step: Callable[[str], None]) -> Selection:
    """Stories of the posts, best first; `posts` may name one post several times, a stream each.

    `step` is told the name of each of STEPS as it begins.
    """
    step("duplicates")
    posts, repeated = merge_streams(posts)
    step("ads")
    posts, ads = drop_ads(posts)
    step("copies")
    posts, copies, echoes = drop_copies(posts)
    step("relevance")
    posts = _promising_first(topic, posts)
    vectors = _encoded(posts)
    found = relevance(topic, posts, vectors)
    kept, off = drop_off_topic(posts, found)
    step("stories")
    chosen = [posts[i] for i in kept]
    fit = {posts[i].key: float(found.fit[i]) for i in kept}
    money_only = {posts[i].key for i in kept if found.money_only(i)}
    groups = [[chosen[i] for i in group] for group in clusters(chosen, vectors[kept])]
    stories = _stories(topic, groups, fit, money_only, echoes)
    return Selection(rank(stories), (*repeated, *ads, *copies, *off))


def _promising_first(topic: Topic, posts: Sequence[Post]) -> list[Post]:
    """Cheap rank: only the first MAX_CLUSTERED are encoded, whatever the day brings."""
    if len(posts) <= MAX_CLUSTERED:
        return list(posts)
    return sorted(posts, key=lambda p: (-substance(p) - author_part(topic, p), p.key))


def _encoded(posts: Sequence[Post]) -> Vectors:
    head = embed([post.text for post in posts[:MAX_CLUSTERED]])
    rest = np.zeros((max(0, len(posts) - MAX_CLUSTERED), head.shape[1]), np.float32)
    return np.vstack([head, rest])


def _stories(
    topic: Topic,
    groups: Sequence[Sequence[Post]],
    fit: Mapping[str, float],
    money_only: set[str],
    echoes: Mapping[str, int],
) -> list[Story]:
    parts = rank_posts(topic, [post for group in groups for post in group], fit)
    return [
        story(group, parts, echoes, market=all(post.key in money_only for post in group))
        for group in groups
    ]
