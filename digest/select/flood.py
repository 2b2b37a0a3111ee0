"""A day with far more posts than can be read closely: the most promising ones, chosen cheaply."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digest.models import Dropped, Post, Topic

MAX_READ = 4_000
"""Posts that are read closely. A usual day has some 1,000; each costs about 3 ms."""
LOOKED_AT = 600
"""Characters of a post that are looked at here."""

_WORD = re.compile(r"[a-z0-9]+")


def most_promising(
    topic: Topic, posts: Sequence[Post], weights: Mapping[str, float]
) -> tuple[list[Post], list[Dropped]]:
    """Return the posts to read, in their order, and the others; all are read if they are not many.

    What counts: words of the topic, how a post did among those of its source, its author and its
    source, and enough text to say something. Of equal texts the first is enough: the rest are
    copies.
    """
    if len(posts) <= MAX_READ:
        return list(posts), []
    words = _Words.of(topic)
    standing = _standing(posts)
    seen: set[str] = set()
    scores: dict[str, float] = {}
    for post in posts:
        text = post.text[:LOOKED_AT].lower()
        again = text in seen
        seen.add(text)
        scores[post.key] = (
            2.0 * words.count(text)
            + standing[post.key]
            + topic.authors.get(post.author.lower(), 1.0) * weights.get(post.key, 1.0)
            + 0.5 * (len(text) >= 60)
            - 10.0 * again
        )
    best = sorted(posts, key=lambda post: (-scores[post.key], post.key))[:MAX_READ]
    kept = {post.key for post in best}
    left = [Dropped(post.key, "offtopic", "too_many") for post in posts if post.key not in kept]
    return [post for post in posts if post.key in kept], left


@dataclass(frozen=True, slots=True)
class _Words:
    """The topic's keywords: single words of Latin letters, and what is found anywhere in a text."""

    single: frozenset[str]
    anywhere: tuple[str, ...]

    @classmethod
    def of(cls, topic: Topic) -> _Words:
        lower = [keyword.lower() for keyword in topic.keywords]
        single = frozenset(word for word in lower if _WORD.fullmatch(word))
        return cls(single, tuple(word for word in lower if word not in single))

    def count(self, text: str) -> int:
        """How many of them are in the text, up to two."""
        found = len(self.single.intersection(_WORD.findall(text)))
        for word in self.anywhere:
            if found > 1:
                break
            found += word in text
        return min(2, found)


def _standing(posts: Sequence[Post]) -> dict[str, float]:
    """From 0 to 1: how a post's counts compare with those of the same source, which count
    differently."""
    by_source: defaultdict[str, list[Post]] = defaultdict(list)
    for post in posts:
        by_source[post.source].append(post)
    found: dict[str, float] = {}
    for members in by_source.values():
        ordered = sorted(members, key=lambda post: (_count(post), post.key))
        found |= {post.key: place / len(ordered) for place, post in enumerate(ordered)}
    return found


def _count(post: Post) -> int:
    counts = post.metrics
    return counts.get("likes", 0) + 2 * counts.get("reposts", 0) + counts.get("replies", 0)
