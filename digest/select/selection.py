"""The whole selection, step by step: posts of some days in, ranked stories and drop reasons out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from digest.models import Dropped, Post, Topic
from digest.reading import Story
from digest.select.ads import drop_ads
from digest.select.cluster import MAX_CLUSTERED, Cluster, clusters
from digest.select.continuity import Told, without_repeats
from digest.select.dedupe import drop_copies, merge_streams
from digest.select.embed import Vectors, embed
from digest.select.flood import most_promising
from digest.select.learned import promotion
from digest.select.rank import (
    author_part,
    rank,
    rank_posts,
    story,
    substance,
    total,
)
from digest.select.relevance import Relevance, belongs, drop_chatter, relevance

PITCHED = 300
"""Posts, the best by all else, that are read for promotion: it moves none by more than 0.2."""
STEPS = ("duplicates", "ads", "copies", "relevance", "stories")
"""The steps in order, for whoever shows progress."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Ranked stories, and every post that was left out with its reason."""

    stories: tuple[Story, ...]
    dropped: tuple[Dropped, ...]
    parts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Parts of the score of each post of the stories, by its key."""


def select(
    topic: Topic,
    posts: Sequence[Post],
    step: Callable[[str], None],
    weights: Mapping[str, float] = MappingProxyType({}),
    earlier: Sequence[Told] = (),
) -> Selection:
    """Stories of the posts, best first; `posts` may name one post several times, a stream each.
    Of what was told `earlier`, only news.

    `weights` by key: how much the source of a post counts, 1 being usual.
    `step` is told the name of each of STEPS as it begins.
    """
    step("duplicates")
    posts, repeated = merge_streams(posts)
    posts, unread = most_promising(topic, posts, weights)
    step("ads")
    posts, ads = drop_ads(posts)
    step("copies")
    posts, copies, echoes = drop_copies(posts)
    step("relevance")
    posts = _promising_first(topic, posts, weights)
    vectors = _encoded(posts)
    found = relevance(topic, posts, vectors)
    kept, silent = drop_chatter(posts, found)
    vectors = vectors[kept]
    step("stories")
    stories, off, parts = _stories(
        topic,
        posts,
        kept,
        clusters([posts[i] for i in kept], vectors),
        found,
        echoes,
        weights,
    )
    stories, old = without_repeats(topic, stories, earlier)
    return Selection(rank(stories), (*repeated, *unread, *ads, *copies, *silent, *off, *old), parts)


def _stories(
    topic: Topic,
    posts: Sequence[Post],
    kept: Sequence[int],
    grouped: Sequence[Cluster],
    found: Relevance,
    echoes: Mapping[str, int],
    weights: Mapping[str, float],
) -> tuple[list[Story], list[Dropped], Mapping[str, Mapping[str, float]]]:
    """The clusters that belong to the digest as stories, the posts of the others, and the parts of scores."""
    members = [[kept[i] for i in cluster.members] for cluster in grouped]
    chosen = [belongs(group, found) for group in members]
    inside = [i for group, fits in zip(members, chosen, strict=True) if fits for i in group]
    fit = {posts[i].key: float(found.fit[i]) for i in inside}
    parts = rank_posts(topic, [posts[i] for i in inside], fit, weights)
    best = sorted((posts[i] for i in inside), key=lambda p: (-total(parts[p.key]), p.key))[:PITCHED]
    for post, pitch in zip(best, promotion([post.text for post in best]), strict=True):
        parts[post.key]["promotion"] = pitch
    stories, off = [], []
    for cluster, group, fits in zip(grouped, members, chosen, strict=True):
        if fits:
            told = story([posts[i] for i in group], parts, echoes)
            stories.append(replace(told, market=found.money_story(group), event=cluster.event))
        else:
            off += [Dropped(posts[i].key, "offtopic", "off_topic") for i in group]
    return stories, off, parts


def _promising_first(
    topic: Topic, posts: Sequence[Post], weights: Mapping[str, float]
) -> list[Post]:
    """Cheap rank: only the first MAX_CLUSTERED are encoded, whatever the day brings."""
    if len(posts) <= MAX_CLUSTERED:
        return list(posts)
    return sorted(posts, key=lambda p: (-substance(p) - author_part(topic, p, weights), p.key))


def _encoded(posts: Sequence[Post]) -> Vectors:
    head = embed([post.text for post in posts[:MAX_CLUSTERED]])
    if len(posts) <= MAX_CLUSTERED:
        return head
    rest = np.zeros((len(posts) - MAX_CLUSTERED, head.shape[1]), np.float32)
    return np.vstack([head, rest])
