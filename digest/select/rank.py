"""Rank posts and stories. A score is a weighted sum of parts from -1 to 1, so that it can be
explained.

The main part is news value, which the `news` head learned from editors' choices. The others measure
what the text does not show: attention, number of authors, reputation of the author.
"""

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from statistics import median
from types import MappingProxyType

from digest.models import Post, Topic
from digest.reading import Reading, Story
from digest.reading.tokens import find_digits
from digest.select import WEIGHTS
from digest.text import HANDLE

TOP_POSTS = 3
"""Posts of a story whose mean counts as much as the best, because one good post is no story."""
NEUTRAL = 0.4
"""Engagement of a post whose source has no counts."""
NEWS_MARGINS = (-2.0, 1.5)
"""Margins of the head that are mapped to news values 0 and 1."""
FULL_CHARS = 280
"""Characters from which a longer text scores no more; a Han character counts as two and a half."""
REPLY = 0.6
"""Factor of the substance of a reply, because half of its content is in the other post."""
MANY_VOICES = 8
"""Independent authors from which more add nothing."""
OWN_MEASURE = 0.5
"""Share of an author's usual attention that is subtracted; the rest is compared within the
source."""
USUAL_POSTS = 2
"""Posts of an author that weigh as much as the source's median in the author's usual attention."""
TRUST_POSTS = 10
"""Number of posts with counts at which a rank is moved halfway towards NEUTRAL."""
STANDING = 0.7
"""Weight in the part `author` of being mentioned by others, and of posting more than usual."""


def measure_news(reading: Reading) -> float:
    """Return the news value of a post, 0 to 1, from the score of the `news` head."""
    low, high = NEWS_MARGINS
    return min(1.0, max(0.0, (reading.scores.get("news", low) - low) / (high - low)))


def measure_substance(reading: Reading) -> float:
    """Return how much a post says, 0 to 1: length, numbers, names, a link."""
    words = reading.plain
    size = len(words) * (2.5 if reading.language in ("zh", "ja") else 1.0)
    numbers = len(find_digits(words))
    capitalised = {word for word in words.split() if word[0].isupper()}
    score = (
        0.50 * min(1.0, size / FULL_CHARS)
        + 0.20 * min(1.0, numbers / 3)
        + 0.20 * min(1.0, len(capitalised) / 6)
        + 0.10 * (bool(reading.post.links) or reading.has_link)
    )
    return score * (REPLY if reading.text.startswith("@") else 1.0)


def measure_engagement(posts: Sequence[Post]) -> dict[str, float]:
    """Return for each post, by key, the share of its source's posts that got less attention.

    NEUTRAL without counts. Posts are compared within a source only, because a hundred points on
    Hacker News are more than a hundred likes on X, and half with the author's other posts.
    """
    by_source: defaultdict[str, list[Post]] = defaultdict(list)
    for post in posts:
        if post.metrics:
            by_source[post.source].append(post)
    shares = dict.fromkeys((post.key for post in posts), NEUTRAL)
    for counted in by_source.values():
        surplus = _measure_surplus(counted)
        ordered = sorted(surplus.values())
        shares |= {key: _find_share(ordered, value) for key, value in surplus.items()}
    return shares


def _measure_surplus(posts: Sequence[Post]) -> dict[str, float]:
    """Return the attention of each post of a source in excess of what its author usually gets."""
    attention = {post.key: _sum_attention(post) for post in posts}
    usual = median(attention.values())
    totals: defaultdict[str, float] = defaultdict(float)
    for post in posts:
        totals[post.author] += attention[post.key] - usual
    written = Counter(post.author for post in posts)
    surplus = {}
    for post in posts:
        above = attention[post.key] - usual
        others = written[post.author] - 1
        expected = (totals[post.author] - above) / (others + USUAL_POSTS) if post.author else 0.0
        surplus[post.key] = above - OWN_MEASURE * expected
    return surplus


def _sum_attention(post: Post) -> float:
    counts = post.metrics
    reactions = counts.get("likes", 0) + 2 * counts.get("reposts", 0) + counts.get("replies", 0)
    return math.log1p(reactions + counts.get("views", 0) / 100)


def _find_share(ordered: Sequence[float], value: float) -> float:
    share = bisect_left(ordered, value) / max(1, len(ordered) - 1)
    # Being the best of three posts says less than being the best of three hundred.
    trust = len(ordered) / (len(ordered) + TRUST_POSTS)
    return trust * share + (1 - trust) * NEUTRAL


def measure_author(
    topic: Topic, post: Post, weights: Mapping[str, float] = MappingProxyType({})
) -> float:
    """Return 0 for the usual author, up to 1 for a weight of 2 or more in `topics.toml`, and below
    0 for a weight below 1. `weights` are those of the posts' sources, by key."""
    weight = topic.authors.get(post.author.lower(), 1.0) * weights.get(post.key, 1.0)
    return _clip(weight - 1.0)


def _clip(value: float) -> float:
    return max(-1.0, min(1.0, value))


def measure_standing(readings: Sequence[Reading]) -> dict[str, float]:
    """Return the standing of each author: higher if others mention them, lower for many posts."""
    written = Counter(reading.post.author for reading in readings if reading.post.author)
    callers: defaultdict[str, set[str]] = defaultdict(set)
    for reading in readings:
        for handle in HANDLE.findall(reading.text):
            callers[handle[1:].lower()].add(reading.post.author)
    usual = median(written.values()) if written else 1
    return {
        author: STANDING * _share_voices(1 + len(callers[author.lower()] - {author}))
        - STANDING * _share_voices(max(1.0, count / usual))
        for author, count in written.items()
    }


def _share_voices(count: float) -> float:
    """Return 0 for one voice, 1 for MANY_VOICES or more."""
    return min(1.0, math.log(count) / math.log(MANY_VOICES))


def rank_posts(
    topic: Topic,
    readings: Sequence[Reading],
    fit: Mapping[str, float],
    topical: Collection[str],
    weights: Mapping[str, float] = MappingProxyType({}),
) -> dict[str, dict[str, float]]:
    """Return the parts of each post's score, by key, as if the post were a story of its own.

    Attention and standing of `topical` posts (keys) are measured among these only, whatever other
    posts are shown to an editor.
    """
    attention: dict[str, float] = {}
    standing: dict[str, float] = {}
    for peers in (readings, [reading for reading in readings if reading.key in topical]):
        attention |= measure_engagement([reading.post for reading in peers])
        by_author = measure_standing(peers)
        standing |= {reading.key: by_author.get(reading.post.author, 0.0) for reading in peers}
    return {
        reading.key: {
            "news": measure_news(reading),
            "substance": measure_substance(reading),
            "engagement": attention[reading.key],
            "fit": max(0.0, min(1.0, fit[reading.key])),
            "author": _clip(measure_author(topic, reading.post, weights) + standing[reading.key]),
        }
        for reading in readings
    }


def sum_parts(parts: Mapping[str, float]) -> float:
    """Return the score of a post or story from its parts."""
    return sum(WEIGHTS[name] * value for name, value in parts.items())


def sort_best_first(
    readings: Sequence[Reading], parts: Mapping[str, Mapping[str, float]]
) -> list[Reading]:
    return sorted(readings, key=lambda r: (-sum_parts(parts[r.key]), r.post.created_at, r.key))


def make_story(
    readings: Sequence[Reading], parts: Mapping[str, Mapping[str, float]], echoes: Mapping[str, int]
) -> Story:
    """Return the story of these posts, best post first. Each part is the best of the posts; news
    and fit are half the best and half the mean of the TOP_POSTS best.

    `echoes` has, by key, the number of other authors who repeated a post.
    """
    best_first = sort_best_first(readings, parts)
    authors = {(r.post.source, r.post.author or r.post.author_name) for r in readings}
    voices = len(authors) + sum(echoes.get(r.key, 0) for r in readings)
    best = {name: max(parts[r.key][name] for r in readings) for name in parts[readings[0].key]}
    for name in ("news", "fit"):
        top = sorted((parts[r.key][name] for r in readings), reverse=True)[:TOP_POSTS]
        best[name] = 0.5 * top[0] + 0.5 * sum(top) / len(top)
    best["voices"] = _share_voices(voices)
    return Story(tuple(best_first), sum_parts(best), best)


def rank_stories(stories: Sequence[Story]) -> tuple[Story, ...]:
    """Return the stories, best first, with ties in a fixed order, so that a day has one report."""
    return tuple(sorted(stories, key=lambda s: (-s.score, s.posts[0].key)))
