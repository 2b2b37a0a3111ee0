"""Posts that are nearer to each other than their words tell: a quotation and what it quotes, two posts about
one page, and the later parts of a thread, which seldom name what it is about ("2/ It runs on a phone").
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from digest.fetch.identity import identity
from digest.models import Post
from digest.text import language

Labels = npt.NDArray[np.int64]
"""A number for each post: those with the same one are tied, -1 is tied to none."""

THREADED = frozenset(["x", "bluesky", "mastodon"])
"""Where authors answer themselves; elsewhere a second may hold a whole feed."""
AT_ONCE = timedelta(seconds=5)
"""What one author posts so close together was written as one thread."""
NUMBERED = timedelta(minutes=30)
"""Between two parts of a numbered thread."""
MOST_LINKS = 20
"""Links of a post that are looked at."""
SLUG = 16
"""Letters from which the one word of an address is a title and no name."""
MOST_LINKING = 20
"""A page that more posts than this link to is a shop or a channel, not what they are about."""

_PART = re.compile(r"\s*[(\[]?(\d{1,2})\s?/\s?(?:\d{1,2}|[nN])?[)\]]?(?!\d)")


def linked(posts: Sequence[Post]) -> Labels:
    """Posts that link to one another, or to one page."""
    labels = np.full(len(posts), -1)
    for one, other in _links(posts):
        for old in {int(labels[one]), int(labels[other])} - {-1}:
            labels[labels == old] = one
        labels[[one, other]] = one
    return labels


def _links(posts: Sequence[Post]) -> Iterator[tuple[int, int]]:
    place = {key: i for i, post in enumerate(posts) for key in (_page(post.url), post.key)}
    place.pop("", None)
    linking: defaultdict[str, list[int]] = defaultdict(list)
    for i, post in enumerate(posts):
        for page in dict.fromkeys(_page(link) for link in post.links[:MOST_LINKS]):
            linking[page].append(i)
    for page, those in linking.items():
        if page in place:
            yield from ((place[page], i) for i in those)
        elif page and len(those) <= MOST_LINKING:
            yield from pairwise(those)


def _page(link: str) -> str:
    """The key of what a link leads to; empty for a site, an account or a channel ("x.com/mei"), and for a
    link that does not say."""
    if link.startswith("https://t.co/"):
        return ""
    known = identity(link)
    path = known.id.partition("/")[2]
    door = known.source == "rss" and "/" not in path and len(path) < SLUG
    return "" if door else f"{known.source}:{known.id}"


def followers(posts: Sequence[Post], found: Sequence[frozenset[str]]) -> dict[int, int]:
    """Later parts of threads that name nothing of their own, each with the part whose story they are of.

    `found` are the names in each post. A part that names something else may be the next item of a
    round-up ("2/ Haiku", "3/ Skills"), and belongs where its own words lead.
    """
    own: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for i, post in enumerate(posts):
        if post.source in THREADED and post.author:
            own[post.source, post.author].append(i)
    led: dict[int, int] = {}
    for places in own.values():
        places.sort(key=lambda i: (posts[i].created_at, posts[i].key))
        numbered: dict[int, int] = {}
        before = places[0]
        for i in places:
            part = _PART.match(posts[i].text)
            number = int(part[1]) if part else 0
            lead = numbered.get(number - 1)
            if lead is None or _gap(posts, lead, i) > NUMBERED:
                # Names are Latin: of two headlines in Chinese nothing tells that they differ.
                spoken = language(posts[i].text) not in ("zh", "ja")
                lead = before if spoken and _gap(posts, before, i) <= AT_ONCE else i
            lead = led.get(lead, lead)
            if lead != i and {name for name in found[i] if name.isalpha()} <= found[lead]:
                led[i] = lead
            if number:
                numbered[number] = i
            before = i
    return led


def _gap(posts: Sequence[Post], one: int, other: int) -> timedelta:
    return posts[other].created_at - posts[one].created_at
