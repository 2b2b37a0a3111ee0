"""Which posts and stories matter. Each score is a sum of named parts, so that it can be explained."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from statistics import median
from types import MappingProxyType

from digest.models import Post, Topic
from digest.reading import Story, read
from digest.text import HANDLE, clean, language, plain, unlinked

NEUTRAL = 0.4
"""Engagement of a post whose source gives no counts: neither a hit nor a failure."""
WEIGHTS: Mapping[str, float] = {
    "voices": 0.25,
    "substance": 0.40,
    "news": 0.25,
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
OWN_MEASURE = 0.5
"""How far an author is measured by the own usual attention instead of that of the whole source."""
USUAL_POSTS = 2
"""Posts of an author that tell as much about the usual attention as the source does."""
OPENING = 200
"""Characters in which a text that tells news says so."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*\s?(?:%|x\b|[BMK]\b|亿|万|倍|美元|\$)?", re.IGNORECASE)
_NAME = re.compile(r"\b[A-Z][A-Za-z]+(?:[- ]?\d[\d.]*)?\b|《[^》]{2,30}》")
_NEWS = re.compile(
    r"\b(?:introduc\w+|announc\w+|releas\w+|launch\w+|unveil\w+|open[- ]sourc\w+|now (?:available|live|supports?)|"
    r"rolling out|new (?:paper|model|research|feature|study|benchmark|report)|we(?:'re| are) (?:releasing|open|launching)|"
    r"acquir\w+|raises?|raised|partner\w*|state[- ]of[- ]the[- ]art|sota|outperform\w*|trained|benchmark\w*|results?|"
    r"according to|reports?|reportedly|exclusive|paper|weights|api)\b"
    r"|发布|推出|上线|开源|宣布|发表|论文|新增|支持|升级|更新|突破|超越|融资|收购|合作|报道|据(?:悉|报|称|介绍)|研究|正式|实现|曝"
)
"""For small letters: to look for both cases takes twice as long."""
_STARTS = re.compile(
    r"^\W*(?:introducing|announcing|we(?:'re|’re| are)|today,? we|new:|meet |发布|推出|官宣)",
    re.IGNORECASE,
)
_TELLS = re.compile(
    r"^\W*(?:\S+ ){0,6}?(?:(?:introduc|announc|releas|launch|unveil)(?:ing|es|s|ed)|meet|new(?: in| paper| research| model)?:|"
    r"presents?|rolling out|today,? we|(?:is|are) (?:now |finally )?(?:here|live|out|available|open)|"
    r"now (?:available|live|supports?|in)|(?:just |open[- ]?)(?:dropped|released|sourced|launched|shipped)|"
    r"we(?:['’]re| are)? (?:\w+ )?(?:(?:releas|launch|open[- ]?sourc|announc|introduc|shar|roll|bring|publish)\w+|built|trained|shipped|excited))\b"
    r"|^.{0,40}(?:发布|推出|上线|开源|宣布|正式|官宣)",
    re.IGNORECASE,
)
_MAKERS = re.compile(r"\b(?:we|we['’](?:re|ve)|our)\b|我们", re.IGNORECASE)
_PERSONAL = re.compile(
    r"^(?:@\w+\s*)+|\b(?:lol|lmao|haha\w*|omg|wtf|gm|congrats|thanks|thank you|"
    r"excited to (?!announce|share|introduce|launch|release|partner|bring|welcome|open)|so proud|happy birthday|"
    r"can't wait|mood|my (?:wife|dad|mom|kids?|cat|dog))\b|哈哈|笑死|早上好|晚安|谢谢|恭喜|🤣|😂"
)
"""For small letters too."""


def substance(post: Post) -> float:
    """How much a post says, 0 to 1: length, numbers, names and news verbs, less for replies and jokes."""
    return _substance(post.text, linked=bool(post.links))


@lru_cache(maxsize=4096)  # on a large day it is asked for before the closer rank too
def _substance(raw: str, *, linked: bool) -> float:
    text, words = clean(raw), plain(raw)
    # A Han character carries about as much as two and a half Latin ones.
    size = len(words) * (2.5 if language(raw) in ("zh", "ja") else 1)
    score = 0.40 * min(1.0, size / 280)
    score += 0.15 * len(list(islice(_NUMBER.finditer(words), 3))) / 3
    score += 0.15 * min(1.0, len(set(_NAME.findall(words))) / 6)
    score += 0.20 * _different(_NEWS, words.lower(), 2) / 2
    score += 0.10 * (linked or unlinked(raw) != text)
    if _PERSONAL.search(text.lower()):
        score *= 0.6
    if text.rstrip().endswith(("?", "？")) and size < 200:
        score *= 0.7
    return score


def _different(pattern: re.Pattern[str], text: str, most: int) -> int:
    """How many different things the pattern finds, up to so many: it looks no further."""
    found: set[str] = set()
    for match in pattern.finditer(text):
        found.add(match.group())
        if len(found) == most:
            break
    return len(found)


def news(post: Post) -> float:
    """How plainly a post makes something public, 0 to 1; most where its makers do."""
    words = plain(post.text)
    opening = words[:OPENING]
    return (
        0.50 * bool(_TELLS.search(opening))
        + 0.25 * bool(_STARTS.search(opening))
        + 0.25 * bool(_MAKERS.search(words))
    )


def engagement(posts: Sequence[Post]) -> dict[str, float]:
    """Share of the posts of the same source that drew less attention, by key; NEUTRAL without counts.

    Compared within a source only: a hundred points on Hacker News are more than a hundred likes on X;
    and half by what the author's other posts usually draw.
    """
    by_source: defaultdict[str, list[Post]] = defaultdict(list)
    for post in posts:
        if post.metrics:
            by_source[post.source].append(post)
    found = dict.fromkeys((post.key for post in posts), NEUTRAL)
    for counted in by_source.values():
        drawn = _drawn(counted)
        ordered = sorted(drawn.values())
        found |= {key: _percentile(ordered, value) for key, value in drawn.items()}
    return found


def _drawn(posts: Sequence[Post]) -> dict[str, float]:
    """The attention that each of one source's posts drew, less what its author could count on."""
    seen = {post.key: _attention(post) for post in posts}
    usual = median(seen.values())
    own: defaultdict[str, float] = defaultdict(float)
    for post in posts:
        own[post.author] += seen[post.key] - usual
    written = Counter(post.author for post in posts)
    found = {}
    for post in posts:
        above = seen[post.key] - usual
        others = written[post.author] - 1
        counted_on = (own[post.author] - above) / (others + USUAL_POSTS) if post.author else 0.0
        found[post.key] = above - OWN_MEASURE * counted_on
    return found


def _attention(post: Post) -> float:
    counts = post.metrics
    seen = counts.get("likes", 0) + 2 * counts.get("reposts", 0) + counts.get("replies", 0)
    return math.log1p(seen + counts.get("views", 0) / 100)


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
    return _between(weight - 1.0)


def _between(value: float) -> float:
    return max(-1.0, min(1.0, value))


def standing(posts: Sequence[Post]) -> dict[str, float]:
    """By author: more where other authors speak of the account, less where it posts more than is usual."""
    written = Counter(post.author for post in posts if post.author)
    callers: defaultdict[str, set[str]] = defaultdict(set)
    for post in posts:
        for handle in HANDLE.findall(clean(post.text)):
            callers[handle[1:].lower()].add(post.author)
    usual = median(written.values()) if written else 1
    return {
        author: 0.7 * _share_of_many(1 + len(callers[author.lower()] - {author}))
        - 0.7 * _share_of_many(max(1.0, count / usual))
        for author, count in written.items()
    }


def _share_of_many(count: float) -> float:
    """0 for one, 1 for MANY_VOICES or more."""
    return min(1.0, math.log(count) / math.log(MANY_VOICES))


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
    attention, known = engagement(posts), standing(posts)
    return {
        post.key: {
            "substance": substance(post),
            "news": news(post),
            "engagement": attention[post.key],
            "fit": max(0.0, min(1.0, fit[post.key])),
            "author": _between(author_part(topic, post, weights) + known.get(post.author, 0.0)),
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
    best["voices"] = _share_of_many(voices)
    return Story(tuple(read(best_first)), total(best), best)


def rank(stories: Sequence[Story]) -> tuple[Story, ...]:
    """Best first; equal scores in a fixed order, so that the same day gives the same report."""
    return tuple(sorted(stories, key=lambda s: (-s.score, s.posts[0].key)))
