"""Which posts and stories matter. Each score is a sum of named parts, so that it can be explained."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from digest.models import Post, Story, Topic
from digest.text import URL, clean, language, plain

NEUTRAL = 0.4
"""Engagement of a post whose source gives no counts: neither a hit nor a failure."""
WEIGHTS: Mapping[str, float] = {
    "voices": 0.30,
    "substance": 0.40,
    "engagement": 0.45,
    "fit": 0.10,
    "author": 0.15,
    "promotion": -0.25,
}
"""Chosen on posts that an independent editor cited (CONTRIBUTING, design notes)."""
USUAL_PITCH = 0.2
"""How much the usual post reads like promotion."""
MANY_VOICES = 8
"""Independent authors after which more add nothing."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*\s?(?:%|x\b|[BMK]\b|亿|万|倍|美元|\$)?", re.IGNORECASE)
_NAME = re.compile(r"\b[A-Z][A-Za-z]+(?:[- ]?\d[\d.]*)?\b|[\u4e00-\u9fff]{2,}")
_NEWS = re.compile(
    r"\b(?:introduc\w+|announc\w+|releas\w+|launch\w+|unveil\w+|open[- ]sourc\w+|now (?:available|live|supports?)|"
    r"rolling out|new (?:paper|model|research|feature|study|benchmark|report)|we(?:'re| are) (?:releasing|open|launching)|"
    r"acquir\w+|raises?|raised|partner\w*|state[- ]of[- ]the[- ]art|sota|outperform\w*|trained|benchmark\w*|results?|"
    r"according to|reports?|reportedly|exclusive|paper|weights|api)\b"
    r"|发布|推出|上线|开源|宣布|发表|论文|新增|支持|升级|更新|突破|超越|融资|收购|合作|报道|据|研究|正式|实现|曝",
    re.IGNORECASE,
)
_PERSONAL = re.compile(
    r"^(?:@\w+\s*)+|\b(?:lol|lmao|haha\w*|omg|wtf|gm|congrats|thanks|thank you|excited to|so proud|happy birthday|"
    r"can't wait|mood|my (?:wife|dad|mom|kids?|cat|dog))\b|哈哈|笑死|早上好|晚安|谢谢|恭喜|🤣|😂",
    re.IGNORECASE,
)


def substance(post: Post) -> float:
    """How much a post says, 0 to 1: length, numbers, names and news verbs, less for replies and jokes."""
    text, words = clean(post.text), plain(post.text)
    # A Han character carries about as much as two and a half Latin ones.
    size = len(words) * (2.5 if language(post.text) in ("zh", "ja") else 1)
    score = 0.40 * min(1.0, size / 280)
    score += 0.15 * min(1.0, len(_NUMBER.findall(words)) / 3)
    score += 0.15 * min(1.0, len(set(_NAME.findall(words))) / 6)
    score += 0.20 * min(1.0, len(set(_NEWS.findall(words.lower()))) / 2)
    score += 0.10 * bool(URL.search(text) or post.links)
    if _PERSONAL.search(text):
        score *= 0.6
    if text.rstrip().endswith(("?", "？")) and size < 200:
        score *= 0.7
    return score


def engagement(posts: Sequence[Post]) -> dict[str, float]:
    """Share of the posts of the same source that drew less attention, by key; NEUTRAL without counts.

    Compared within a source only: a hundred points on Hacker News are more than a hundred likes on X.
    """
    counts: defaultdict[str, list[float]] = defaultdict(list)
    attention: dict[str, float] = {}
    for post in posts:
        if post.metrics:
            m = post.metrics
            seen = m.get("likes", 0) + 2 * m.get("reposts", 0) + m.get("replies", 0)
            attention[post.key] = math.log1p(seen + m.get("views", 0) / 100)
            counts[post.source].append(attention[post.key])
    ordered = {source: sorted(values) for source, values in counts.items()}
    return {
        post.key: _percentile(ordered[post.source], attention[post.key])
        if post.key in attention
        else NEUTRAL
        for post in posts
    }


def _percentile(ordered: Sequence[float], value: float) -> float:
    low, high = 0, len(ordered)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if ordered[middle] < value else (low, middle)
    # The best of three is less telling than the best of three hundred: shrink to neutral.
    share = low / max(1, len(ordered) - 1)
    trust = len(ordered) / (len(ordered) + 10)
    return trust * share + (1 - trust) * NEUTRAL


def author_part(
    topic: Topic, post: Post, weights: Mapping[str, float] = MappingProxyType({})
) -> float:
    """0 for the usual author, up to 1 for one whose weight in `topics.toml` is 2 or more; below 0 for less.

    `weights`, by key, are those of the sources that posts came from; they count with the author's.
    """
    weight = topic.authors.get(post.author.lower(), 1.0) * weights.get(post.key, 1.0)
    return max(-1.0, min(1.0, weight - 1.0))


def rank_posts(
    topic: Topic,
    posts: Sequence[Post],
    fit: Mapping[str, float],
    weights: Mapping[str, float] = MappingProxyType({}),
    pitch: Mapping[str, float] | None = None,
) -> dict[str, dict[str, float]]:
    """Parts of each post's score by key; a post is judged as a story of one. `pitch` says how much a
    post reads like promotion; one that was not looked at counts as the usual post."""
    pitch = pitch or {}
    attention = engagement(posts)
    return {
        post.key: {
            "substance": substance(post),
            "engagement": attention[post.key],
            "fit": max(0.0, min(1.0, fit[post.key])),
            "author": author_part(topic, post, weights),
            "promotion": pitch.get(post.key, USUAL_PITCH),
        }
        for post in posts
    }


def total(parts: Mapping[str, float]) -> float:
    """The score of parts."""
    return sum(WEIGHTS[name] * value for name, value in parts.items())


def story(
    posts: Sequence[Post],
    parts: Mapping[str, Mapping[str, float]],
    echoes: Mapping[str, int],
) -> Story:
    """The story of these posts, best post first, with its score."""
    best_first = sorted(posts, key=lambda p: (-total(parts[p.key]), p.created_at, p.key))
    authors = {(post.source, post.author or post.author_name) for post in posts}
    voices = len(authors) + sum(echoes.get(post.key, 0) for post in posts)
    best = {name: max(parts[p.key][name] for p in posts) for name in parts[posts[0].key]}
    top = sorted((parts[p.key]["fit"] for p in posts), reverse=True)[:3]
    best["fit"] = 0.5 * top[0] + 0.5 * sum(top) / len(top)
    best["promotion"] = parts[best_first[0].key]["promotion"]
    best["voices"] = min(1.0, math.log(voices) / math.log(MANY_VOICES))
    return Story(tuple(best_first), total(best), best)


def rank(stories: Sequence[Story]) -> tuple[Story, ...]:
    """Best first; equal scores in a fixed order, so that the same day gives the same report."""
    return tuple(sorted(stories, key=lambda s: (-s.score, s.posts[0].key)))
