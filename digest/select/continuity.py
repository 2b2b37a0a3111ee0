"""What is new since the last days: a story that was told and has no news is left out, one with news
is marked as an update of the day that told it. Pure: stories and what was told in, stories out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import numpy as np

from digest.models import Dropped, Post, Report, Topic
from digest.reading import Story
from digest.reading.vocabulary import count_words_of
from digest.select.cluster import names
from digest.select.embed import embed
from digest.text import plain

DAYS = 7
"""How many earlier days a story is compared with."""
LEADS = 4
"""Posts of a story that are compared, the best ones."""
SAME = 0.60
"""Cosine of meaning from which two texts that share names tell of one event."""
SAME_VERSION = 0.55
"""The same where one of the names is a version ("3.1"): it tells which release is meant."""
SHARED = 0.33
"""Share of the names of the text with fewer that the other has too; chosen on labelled pairs."""
SURE = 0.65
"""Cosine from which one name in common is enough; below it two are needed, or a version."""
EQUAL = 0.85
"""Cosine from which no name in common is needed."""
NEWS = 0.5
"""Share of a post's names and numbers that were not told, above which it brings news."""
OWN_NEWS = 0.72
"""The same for an author who told it before: a pitch is put in other words every day."""
ACT_NEWS = 0.2
"""The same where somebody did what nobody had done before: released, bought, raised, sued, won."""

ACTS = ("release", "open", "acquire", "raise", "sue", "people", "win")
"""Tables of `vocabulary/acts.toml`. "Introducing" and "is here" are one act: a launch is told in both."""

_VERSION = re.compile(r"\d+(?:\.\d+)+")
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*\s?%?")

Judgement = Literal["new", "update", "repeat"]


@dataclass(frozen=True, slots=True)
class Told:
    """What one item of an earlier report told: the day, and the posts it cites."""

    day: date
    keys: frozenset[str]
    texts: tuple[str, ...]
    authors: frozenset[str] = frozenset()


def told(reports: Sequence[Report]) -> tuple[Told, ...]:
    """What these reports told, item by item; one that cites nothing is not compared."""
    found = []
    for report in reports:
        for section in report.sections:
            for item in section.items:
                known = [report.posts[key] for key in item.cites if key in report.posts]
                if known:
                    texts = tuple(dict.fromkeys(post.text for post in known))
                    authors = frozenset(post.author for post in known if post.author)
                    found.append(Told(report.last, frozenset(item.cites), texts, authors))
    return tuple(dict.fromkeys(found))


def earliest(first: date) -> date:
    """The first of the days that a report which begins on `first` is compared with."""
    return first - timedelta(days=DAYS)


def without_repeats(
    topic: Topic, stories: Sequence[Story], earlier: Sequence[Told]
) -> tuple[list[Story], list[Dropped]]:
    """Stories that bring something new, updates with the day that told of them before; and the posts
    of the others."""
    kept, dropped = [], []
    for story, (judged, day) in zip(stories, judge(topic, stories, earlier), strict=True):
        if judged == "repeat":
            dropped += [Dropped(post.key, "duplicates", "told") for post in story.posts]
        else:
            kept.append(replace(story, earlier=day if judged == "update" else None))
    return kept, dropped


def judge(
    topic: Topic, stories: Sequence[Story], earlier: Sequence[Told]
) -> list[tuple[Judgement, date | None]]:
    """For each story whether it is new, an update or a repetition, and the latest day that told it."""
    if not stories or not earlier:
        return [("new", None)] * len(stories)
    # The topic's own words stand in every second text: sharing one proves nothing.
    common = frozenset(w.lower() for keyword in topic.keywords for w in (keyword, f"{keyword}s"))
    known = [text for one in earlier for text in one.texts]
    owner = [n for n, one in enumerate(earlier) for _ in one.texts]
    before = embed(known)
    known_names = [names(text) - common for text in known]
    leads = [story.posts[:LEADS] for story in stories]
    vectors = iter(embed([post.text for posts in leads for post in posts]))
    found = []
    for story, posts in zip(stories, leads, strict=True):
        keys = {post.key for post in story.posts}
        same = {n for n, one in enumerate(earlier) if one.keys & keys}
        for post in posts:
            near = before @ next(vectors)
            own = names(post.text) - common
            same |= {
                owner[i]
                for i in map(int, np.nonzero(near >= SAME_VERSION)[0])
                if _one_event(float(near[i]), own, known_names[i])
            }
        found.append(_judged(posts, [earlier[n] for n in sorted(same)]))
    return found


def _one_event(near: float, left: frozenset[str], right: frozenset[str]) -> bool:
    shared = left & right
    enough = len(shared) >= SHARED * max(1, min(len(left), len(right)))
    versioned = any(_VERSION.fullmatch(name) for name in shared)
    least = SAME if len(shared) >= 2 else SURE if shared else EQUAL
    return near >= EQUAL or (enough and near >= (SAME_VERSION if versioned else least))


def _judged(posts: Sequence[Post], same: Sequence[Told]) -> tuple[Judgement, date | None]:
    if not same:
        return "new", None
    keys = frozenset().union(*(one.keys for one in same))
    authors = frozenset().union(*(one.authors for one in same))
    before = " ".join(text for one in same for text in one.texts)
    said, done = _details(before), _acts(before)
    for post in posts:
        least = OWN_NEWS if post.author in authors else NEWS
        if _acts(post.text) - done:
            least = ACT_NEWS
        if post.key not in keys and _fresh(post.text, said) > least:
            return "update", max(one.day for one in same)
    return "repeat", max(one.day for one in same)


def _acts(text: str) -> set[str]:
    return {act for act in ACTS if count_words_of(text.replace("-", " "), "acts", act)}


def _details(text: str) -> frozenset[str]:
    return names(text) | frozenset(_FIGURE.findall(plain(text)))


def _fresh(text: str, said: frozenset[str]) -> float:
    """The share of what the text names and counts that was not told before."""
    own = _details(text)
    return len(own - said) / max(1, len(own))
