"""Find posts that belong together although their words differ: a quoting and a quoted post, two
posts about one page, and later parts of a thread, which seldom name their subject ("2/ It runs on a
phone")."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from digest.fetch.identity import identity
from digest.models import Post
from digest.reading import Reading
from digest.reading.sentences import thread_number

Labels = npt.NDArray[np.int64]
"""A number per post: posts with the same number are linked, -1 is not linked."""

THREADED = frozenset(["x", "bluesky", "mastodon"])
"""Sources where authors reply to themselves; elsewhere a whole feed may have one time."""
AT_ONCE = timedelta(seconds=5)
"""Maximum time between two posts of an author that were written as one thread."""
NUMBERED = timedelta(minutes=30)
"""Maximum time between two parts of a numbered thread."""
MAX_LINKS = 20
"""Maximum links of a post that are considered."""
SLUG = 16
"""Minimum letters of a single path segment that is a title rather than a name."""
MAX_LINKING = 20
"""Maximum posts that link to a page; pages with more are shops or channels, not subjects."""


def label_links(posts: Sequence[Post]) -> Labels:
    """Return a label for each post: equal for posts that link to one another, or to one page."""
    labels = np.full(len(posts), -1)
    for first, second in _find_links(posts):
        for former in {int(labels[first]), int(labels[second])} - {-1}:
            labels[labels == former] = first
        labels[[first, second]] = first
    return labels


def _find_links(posts: Sequence[Post]) -> Iterator[tuple[int, int]]:
    place: dict[str, int] = {}
    for i, post in enumerate(posts):
        if not post.url.endswith(f"/status/{post.id}"):  # X: the key says the same
            place[_key_page(post.url)] = i
        place[post.key] = i
    place.pop("", None)
    linking: defaultdict[str, list[int]] = defaultdict(list)
    for i, post in enumerate(posts):
        for page in dict.fromkeys(_key_page(link) for link in post.links[:MAX_LINKS]):
            linking[page].append(i)
    for page, posts_linking in linking.items():
        if page in place:
            yield from ((place[page], i) for i in posts_linking)
        elif page and len(posts_linking) <= MAX_LINKING:
            yield from pairwise(posts_linking)


def _key_page(link: str) -> str:
    """Return the key of a linked page; "" for a site, an account or a channel ("x.com/mei"), and a
    shortened link."""
    if link.startswith("https://t.co/"):
        return ""
    page = identity(link)
    path = page.id.partition("/")[2]
    door = page.source == "rss" and "/" not in path and len(path) < SLUG
    return "" if door else f"{page.source}:{page.id}"


def find_followers(readings: Sequence[Reading]) -> dict[int, int]:
    """Return the later parts of threads that have no name of their own, each with the part to whose
    story it belongs.

    A part with a new name may be the next item of a round-up ("2/ Haiku", "3/ Skills"), which is
    clustered by its own words.
    """
    posts = [reading.post for reading in readings]
    by_author: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for i, post in enumerate(posts):
        if post.source in THREADED and post.author:
            by_author[post.source, post.author].append(i)
    leads: dict[int, int] = {}
    for places in by_author.values():
        places.sort(key=lambda i: (posts[i].created_at, posts[i].key))
        numbered: dict[int, int] = {}
        before = places[0]
        for i in places:
            number = thread_number(readings[i].text)
            lead = numbered.get(number - 1)
            if lead is None or _gap(posts, lead, i) > NUMBERED:
                # Two Chinese headlines may have no known name, and still differ.
                spaced = readings[i].language not in ("zh", "ja")
                lead = before if spaced and _gap(posts, before, i) <= AT_ONCE else i
            lead = leads.get(lead, lead)
            names = {term for term in readings[i].terms if term.isalpha()}
            if lead != i and names <= readings[lead].terms:
                leads[i] = lead
            if number:
                numbered[number] = i
            before = i
    return leads


def _gap(posts: Sequence[Post], first: int, second: int) -> timedelta:
    return posts[second].created_at - posts[first].created_at
