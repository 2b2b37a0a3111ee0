"""Posts about one event become a story, across languages.

Average linkage over a distance made of two views: what the sentences mean (encoder) and which names
and numbers they share. Names keep two releases of one company apart and hold a headline and a thread
in two languages together, because product names are spelled alike in both.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import fastcluster
import numpy as np
import numpy.typing as npt

from digest.models import Post
from digest.select.embed import Vectors
from digest.text import HANDLE, URL, clean

CUT = 0.52
"""Distance at which two groups are no longer one story; chosen on labelled days (CONTRIBUTING, design notes)."""
NAME_WEIGHT = 0.22
"""How much shared names bring two posts together, against 1 for the encoder's cosine."""
JOIN = 0.6
"""Cosine of names at which a post that was not encoded joins a story."""
MAX_NAMES = 1500
"""Columns kept for names, most frequent first: bounds memory on a day of 100,000 posts."""
MAX_CLUSTERED = 3000
"""Average linkage is quadratic; posts beyond this many join the nearest story."""

_NAME = re.compile(r"[A-Z][A-Za-z]*[a-z0-9+]*(?:\d[\d.]*)?|\d+(?:\.\d+)+|\d+[BMKbmk]\b|[a-z]+[A-Z]\w*|\$[A-Za-z]{2,6}")
_STARTERS = frozenset(
    "the a an i it we you he she they this that these those what when where why who how if in on at"
    " for from with and but or so as to of by is are was were be do does did not no yes my your our"
    " his her their its new now here there just also today breaking all more most can will would"
    " could should has have had get got let one two first last next up out over after before about"
    " via read see check try use using some any many much very really only even still well good"
    " great big best being been than then too ai".split()
)


def names(text: str) -> frozenset[str]:
    """Names, versions and tickers of a text as lower-case terms, spelled alike in any language."""
    words = HANDLE.sub(" ", URL.sub(" ", clean(text)))
    return frozenset(w for w in (m.lower() for m in _NAME.findall(words)) if len(w) > 1 and w not in _STARTERS)


def clusters(posts: Sequence[Post], vectors: Vectors) -> list[list[int]]:
    """Indices of `posts`, grouped by event; the largest group first, each in the order given.

    The first MAX_CLUSTERED posts are clustered, so give the most promising first. Later ones need no
    vector (zero rows): each joins the story whose names it shares, else it stands alone.
    """
    if not posts:
        return []
    terms = _named(posts)
    head = min(len(posts), MAX_CLUSTERED)
    groups = _linked(np.hstack([vectors[:head], np.sqrt(NAME_WEIGHT) * terms[:head]]))
    if head < len(posts):
        _join(groups, terms, head)
    return sorted(groups, key=lambda group: (-len(group), group[0]))


def _named(posts: Sequence[Post]) -> Vectors:
    """A unit row a post: which names it has, the rare ones weighing more (inverse document frequency)."""
    found = [names(post.text) for post in posts]
    frequency = Counter(name for each in found for name in each)
    shared = sorted((-count, name) for name, count in frequency.items() if count > 1)[:MAX_NAMES]
    column = {name: i for i, (_, name) in enumerate(shared)}
    terms = np.zeros((len(posts), max(1, len(column))), np.float32)
    for row, each in zip(terms, found, strict=True):
        for name in each & column.keys():
            row[column[name]] = np.log(len(posts) / frequency[name])
    norms = np.linalg.norm(terms, axis=1, keepdims=True)
    return (terms / np.where(norms > 0, norms, 1)).astype(np.float32)


def _linked(views: Vectors) -> list[list[int]]:
    count = len(views)
    if count == 1:
        return [[0]]
    upper = np.triu_indices(count, 1)
    distance = (1 - views @ views.T)[upper].astype(np.float64)
    members: dict[int, list[int]] = {i: [i] for i in range(count)}
    merges: npt.NDArray[np.float64] = fastcluster.linkage(distance, "average")
    for step, (left, right, height, _) in enumerate(merges):
        if height > CUT:
            break
        members[count + step] = sorted(members.pop(int(left)) + members.pop(int(right)))
    return list(members.values())


def _join(groups: list[list[int]], terms: Vectors, head: int) -> None:
    centres = np.stack([terms[group].mean(axis=0) for group in groups])
    norms = np.linalg.norm(centres, axis=1, keepdims=True)
    centres /= np.where(norms > 0, norms, 1)
    for i in range(head, len(terms)):
        similarity = centres @ terms[i]
        nearest = int(similarity.argmax())
        if similarity[nearest] >= JOIN:
            groups[nearest].append(i)
        else:
            groups.append([i])
