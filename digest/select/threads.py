"""Posts that are nearer to each other than their words tell: a quotation and what it quotes, two
posts about one page, and the later parts of a thread, which seldom name what it is about ("2/ It
runs on a phone")."""

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


def linked(posts: Sequence[Post]) -> Labels:
    """Return a label for each post: equal for posts that link to one another, or to one page."""
    labels = np.full(len(posts), -1)
    for first, second in _links(posts):
        for former in {int(labels[first]), int(labels[second])} - {-1}:
            labels[labels == former] = first
        labels[[first, second]] = first
    return labels


def _links(posts: Sequence[Post]) -> Iterator[tuple[int, int]]:
    place: dict[str, int] = {}
    for i, post in enumerate(posts):
        if not post.url.endswith(f"/status/{post.id}"):  # of X: it says no more than the key
            place[_page(post.url)] = i
        place[post.key] = i
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
    """Return the key of what a link leads to; empty for a site, an account or a channel
    ("x.com/mei"), and for a link that does not say."""
    if link.startswith("https://t.co/"):
        return ""
    page = identity(link)
    path = page.id.partition("/")[2]
    door = page.source == "rss" and "/" not in path and len(path) < SLUG
    return "" if door else f"{page.source}:{page.id}"


def followers(readings: Sequence[Reading]) -> dict[int, int]:
    """Return later parts of threads that name nothing of their own, each with the part whose story
    they are of.

    A part that names something else may be the next item of a round-up ("2/ Haiku", "3/ Skills"),
    and belongs where its own words lead.
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
                # Two headlines in Chinese may name nothing that is known, and still differ.
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
