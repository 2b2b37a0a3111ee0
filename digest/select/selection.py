"""Select stories step by step: posts of some days in, ranked stories and drop reasons out."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count, islice
from types import MappingProxyType

import numpy as np

from digest.models import Dropped, Post, Topic
from digest.reading import Reading, Story, attach, read
from digest.reading.heads.linear import score_posts
from digest.select.ads import drop_ads
from digest.select.cluster import MAX_CLUSTERED, Cluster, cluster_posts
from digest.select.continuity import EarlierItem, drop_repeats
from digest.select.dedupe import drop_copies, merge_streams
from digest.select.embed import Vectors, embed_words, has_encoder
from digest.select.rank import (
    make_story,
    measure_author,
    measure_engagement,
    measure_substance,
    rank_posts,
    rank_stories,
    sort_best_first,
)
from digest.select.relevance import (
    Relevance,
    appeals,
    belongs,
    drop_silent,
    find_keyword,
    judge_relevance,
    list_keywords,
)
from digest.select.split import split_readings

log = logging.getLogger(__name__)

STEPS = ("duplicates", "ads", "copies", "relevance", "stories")
"""The steps in order, for a progress display."""
MAX_READ = 4_000
"""Maximum posts that are read closely. A usual day has some 1,000; each costs about 3 ms."""
SCORED_CHARS = 600
"""Characters of each post that are used to choose them."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Ranked stories, and all dropped posts with their reasons."""

    stories: tuple[Story, ...]
    dropped: tuple[Dropped, ...]
    prospects: tuple[Story, ...] = ()
    """Ranked stories that an editor may pick: without unlikely ones, but with some that the code
    considers off topic."""
    parts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Parts of the score of each post of the stories, by key."""
    knows_news: bool = True
    """True if the `news` head may be used for the topic."""


def select(
    topic: Topic,
    posts: Sequence[Post],
    step: Callable[[str], None],
    weights: Mapping[str, float] = MappingProxyType({}),
    earlier: Sequence[EarlierItem] = (),
) -> Selection:
    """Return the stories of the posts, best first, and the dropped posts. Stories without news
    since the `earlier` items are dropped.

    `posts` may have one post several times, once per stream. `weights` are those of the posts'
    sources, by key; 1 is usual. `step` is called with the name of each of STEPS when it begins.
    """
    step("duplicates")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(has_encoder)  # load it in the background while copies are searched for
        posts, repeated = merge_streams(posts)
        posts, unread = most_promising(topic, posts, weights)
        step("ads")
        readings, ads = drop_ads(read(posts))
        step("copies")
        readings, copies, echoes = drop_copies(readings)
        step("relevance")
        readings = _order_promising(topic, readings, weights)
        encoding = pool.submit(_encode, readings)
        # Meanwhile, because the encoder's matrix products release the GIL:
        read_well, unreadable = _read_closely(readings)
        vectors = encoding.result()[read_well]
    readings = [readings[i] for i in read_well]
    attach(readings, vectors=vectors, scores=score_posts(readings, vectors))
    relevant = judge_relevance(topic, readings, vectors)
    inside, silent = drop_silent(readings, relevant)
    step("stories")
    grouped = cluster_posts([readings[i] for i in inside], vectors[inside])
    stories, off, parts = _make_stories(topic, readings, inside, grouped, relevant, echoes, weights)
    places = {reading.key: place for place, reading in enumerate(readings)}

    def choose(rule: Callable[[Sequence[int], Relevance], bool]) -> set[int]:
        return {s.event for s in stories if rule([places[p.key] for p in s.posts], relevant)}

    # Before posts that repeat earlier days are dropped: a story may belong because of them.
    topical, appealing = choose(belongs), choose(appeals)
    ranked, old = drop_repeats(topic, rank_stories(stories), earlier)
    off_keys = {drop.key for drop in off}
    old = [drop for drop in old if drop.key not in off_keys]
    dropped = (*repeated, *unread, *ads, *copies, *unreadable, *silent, *off, *old)
    return Selection(
        tuple(story for story in ranked if story.event in topical),
        dropped,
        tuple(story for story in ranked if story.event in appealing),
        parts,
        relevant.knows_news,
    )


def most_promising(
    topic: Topic, posts: Sequence[Post], weights: Mapping[str, float]
) -> tuple[list[Post], list[Dropped]]:
    """Return the posts to read closely, in the given order, and the others; all if they are few.

    The cheap score uses words of the topic, attention relative to the source, the weights of author
    and source, and a minimum length. Of equal texts only the first scores well: the others are
    copies.
    """
    if len(posts) <= MAX_READ:
        return list(posts), []
    keywords, attention = list_keywords(topic), measure_engagement(posts)
    seen: set[str] = set()
    scores: dict[str, float] = {}
    for post in posts:
        text = f" {post.text[:SCORED_CHARS].lower().replace('-', ' ')} "
        named = (word for word in keywords if word in text and find_keyword(text, word) >= 0)
        scores[post.key] = (
            2.0 * len(list(islice(named, 2)))
            + attention[post.key]
            + topic.authors.get(post.author.lower(), 1.0) * weights.get(post.key, 1.0)
            + 0.5 * (len(text) >= 60)
            - 10.0 * (text in seen)
        )
        seen.add(text)
    best = sorted(posts, key=lambda post: (-scores[post.key], post.key))[:MAX_READ]
    kept = {post.key for post in best}
    left = [Dropped(post.key, "offtopic", "too_many") for post in posts if post.key not in kept]
    return [post for post in posts if post.key in kept], left


def _make_stories(
    topic: Topic,
    readings: Sequence[Reading],
    inside: Sequence[int],
    grouped: Sequence[Cluster],
    relevant: Relevance,
    echoes: Mapping[str, int],
    weights: Mapping[str, float],
) -> tuple[list[Story], list[Dropped], Mapping[str, Mapping[str, float]]]:
    """Return the clusters that belong to the digest as stories, the posts of the others, and the
    parts of the posts' scores. `inside` are the indices of the clustered readings."""
    members = [[inside[i] for i in cluster.members] for cluster in grouped]
    chosen = {i for group in members if _is_open(group, relevant) for i in group}
    places = {readings[i].key: i for i in sorted(chosen)}
    fit = {key: float(relevant.fit[i]) for key, i in places.items()}
    topical = {readings[i].key for group in members if belongs(group, relevant) for i in group}
    parts = rank_posts(topic, [readings[i] for i in places.values()], fit, topical, weights)
    stories, reported = [], set()
    events = count(max((cluster.event for cluster in grouped), default=0) + 1)
    for cluster, group in zip(grouped, members, strict=True):
        event = cluster.event
        joined = sort_best_first([readings[i] for i in group if i in chosen], parts)
        for part in split_readings(joined):
            group = [places[reading.key] for reading in part]
            if _is_open(group, relevant):
                story = make_story(part, parts, echoes)
                market = relevant.money_story(group)
                stories.append(replace(story, market=market, event=event))
                event = next(events)
            if belongs(group, relevant):
                reported.update(group)
    off = [Dropped(readings[i].key, "offtopic", "off_topic") for i in inside if i not in reported]
    return stories, off, parts


def _is_open(members: Sequence[int], relevant: Relevance) -> bool:
    return belongs(members, relevant) or appeals(members, relevant)


def _order_promising(
    topic: Topic, readings: Sequence[Reading], weights: Mapping[str, float]
) -> list[Reading]:
    """Return the most promising readings first, because only MAX_CLUSTERED are encoded."""
    if len(readings) <= MAX_CLUSTERED:
        return list(readings)
    return sorted(
        readings,
        key=lambda r: (-measure_substance(r) - measure_author(topic, r.post, weights), r.key),
    )


def _read_closely(readings: Sequence[Reading]) -> tuple[list[int], list[Dropped]]:
    """Return the indices of the readings whose names can be found, and the unreadable ones: a bug
    may cost a post, but not the day. Sentences are split later, for leading stories only."""
    places, dropped = [], []
    for place, reading in enumerate(readings):
        try:
            _ = reading.terms
        except Exception as error:
            fault, debug = type(error).__name__, log.isEnabledFor(logging.DEBUG)
            log.error("%s is left out: it cannot be read (%s)", reading.key, fault, exc_info=debug)
            dropped.append(Dropped(reading.key, "offtopic", "unreadable"))
        else:
            places.append(place)
    return places, dropped


def _encode(readings: Sequence[Reading]) -> Vectors:
    """Return a row for each reading; zeros beyond MAX_CLUSTERED."""
    head = embed_words([reading.plain for reading in readings[:MAX_CLUSTERED]])
    if len(readings) <= MAX_CLUSTERED:
        return head
    rows = np.zeros((len(readings) - MAX_CLUSTERED, head.shape[1]), np.float32)
    return np.vstack([head, rows])
