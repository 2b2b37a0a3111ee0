"""Posts about one event become a story, across languages.

Average linkage over a distance made of two views: what the sentences mean (encoder) and which names
and numbers they share. Names keep two releases of one company apart and hold a headline and a thread
in two languages together, because product names are spelled alike in both.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

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
SAME_WORDS = 0.62
"""Encoder cosine from which two posts say the same whatever names they share."""
RARE = 5.0
"""Summed inverse document frequency of shared names that is evidence of one event."""
NO_EVIDENCE = 0.2
"""How far two posts without such evidence are pushed apart."""
SAME_STORY = (0.50, 0.50)
"""Cosines of meaning and of names from which two groups are one story after all."""
SAME_EVENT = (0.42, 0.38)
"""The same for groups so closely related that a reader wants one point for both."""
JOIN = 0.6
"""Cosine of names at which a post that was not encoded joins a story."""
SMALL_DAY = 500
"""Posts below which rarity is judged as on a day of that size: among three posts every name is common."""
MAX_NAMES = 1500
"""Columns kept for names, most frequent first: bounds memory on a day of 100,000 posts."""
MAX_CLUSTERED = 3000
"""Average linkage is quadratic; posts beyond this many join the nearest story."""

_NAME = re.compile(
    r"[A-Z][A-Za-z]*[a-z0-9+]*(?:\d[\d.]*)?|\d+(?:\.\d+)+|\d{1,3}(?:,\d{3})+|\d{3,}|\d+[BMKbmk]\b|[a-z]+[A-Z]\w*|"
    r"[a-z]{2,}(?=-?\d+\.\d)|\$[A-Za-z]{2,6}"
)
_YEAR = re.compile(r"20[0-4]\d$")
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
    found = (match.lower().replace(",", "") for match in _NAME.findall(words))
    return frozenset(w for w in found if len(w) > 1 and w not in _STARTERS and not _YEAR.match(w))


@dataclass(frozen=True, slots=True)
class Cluster:
    """Indices of the posts of one story. Clusters of one `event` number tell of the same or a
    closely related event: they stay apart, but a reader wants one of them among the points."""

    members: tuple[int, ...]
    event: int


def clusters(posts: Sequence[Post], vectors: Vectors) -> list[Cluster]:
    """The posts grouped by event, members in the order given.

    The first MAX_CLUSTERED posts are clustered, so give the most promising first. Later ones need no
    vector (zero rows): each joins the story whose names it shares, else it stands alone.
    """
    if not posts:
        return []
    terms = _named(posts)
    head = min(len(posts), MAX_CLUSTERED)
    groups = _linked(_distances(vectors[:head], terms[:head]))
    groups = _united(groups, vectors, terms, SAME_STORY)
    meaning, named = _centres(groups, vectors), _centres(groups, terms)
    events = _united([[i] for i in range(len(groups))], meaning, named, SAME_EVENT)
    number = {group: event for event, members in enumerate(events) for group in members}
    numbered = [number[i] for i in range(len(groups))]
    if head < len(posts):
        _join(groups, terms, head)
        numbered += range(len(events), len(events) + len(groups) - len(numbered))
    return [Cluster(tuple(g), event) for g, event in zip(groups, numbered, strict=True)]


def _centres(groups: Sequence[Sequence[int]], rows: Vectors) -> Vectors:
    return np.stack([rows[list(group)].mean(axis=0) for group in groups])


def _united(
    groups: Sequence[Sequence[int]], vectors: Vectors, terms: Vectors, alike: tuple[float, float]
) -> list[list[int]]:
    """Groups whose centres are alike in meaning and in names, and share a rare name, become one.

    Average linkage leaves the fringe of a big story behind as small groups of its own.
    """
    meaning, named = _unit(_centres(groups, vectors)), _unit(_centres(groups, terms))
    shared = _in_common(groups, terms)
    near = (meaning @ meaning.T >= alike[0]) & (named @ named.T >= alike[1])
    joined = near & (shared >= RARE)
    leader = list(range(len(groups)))
    for left, right in zip(*np.nonzero(np.triu(joined, 1)), strict=True):
        _unite(leader, int(left), int(right))
    united: dict[int, list[int]] = {}
    for i, group in enumerate(groups):
        united.setdefault(_leader(leader, i), []).extend(group)
    return [sorted(group) for group in united.values()]


def _in_common(groups: Sequence[Sequence[int]], terms: Vectors) -> Vectors:
    """Summed inverse document frequency of the names that each two groups share."""
    most = np.stack([terms[list(group)].max(axis=0) for group in groups])
    return np.asarray(most @ (most > 0).astype(np.float32).T, np.float32)


def _leader(leader: list[int], i: int) -> int:
    while leader[i] != i:
        leader[i] = leader[leader[i]]
        i = leader[i]
    return i


def _unite(leader: list[int], left: int, right: int) -> None:
    leader[_leader(leader, right)] = _leader(leader, left)


def _named(posts: Sequence[Post]) -> Vectors:
    """A row a post: the names it has, each with its inverse document frequency."""
    found = [names(post.text) for post in posts]
    frequency = Counter(name for each in found for name in each)
    shared = sorted((-count, name) for name, count in frequency.items() if count > 1)[:MAX_NAMES]
    column = {name: i for i, (_, name) in enumerate(shared)}
    terms = np.zeros((len(posts), max(1, len(column))), np.float32)
    for row, each in zip(terms, found, strict=True):
        for name in each & column.keys():
            row[column[name]] = np.log(max(len(posts), SMALL_DAY) / frequency[name])
    return terms


def _unit(rows: Vectors) -> Vectors:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(norms > 0, norms, 1)).astype(np.float32)


def _distances(vectors: Vectors, terms: Vectors) -> npt.NDArray[np.float64]:
    """Condensed distances. Two posts that only sound alike ("AI changes everything") and share no
    rare name have no evidence of one event, and are pushed apart."""
    upper = np.triu_indices(len(vectors), 1)
    meaning = (vectors @ vectors.T)[upper]
    alike = _unit(terms)
    evidence = (terms @ (terms > 0).astype(np.float32).T)[upper]
    similarity = meaning + NAME_WEIGHT * (alike @ alike.T)[upper]
    similarity -= NO_EVIDENCE * ((meaning < SAME_WORDS) & (evidence < RARE))
    return (1 - similarity).astype(np.float64)


def _linked(distances: npt.NDArray[np.float64]) -> list[list[int]]:
    if not len(distances):
        return [[0]]
    count = round((1 + (1 + 8 * len(distances)) ** 0.5) / 2)
    members: dict[int, list[int]] = {i: [i] for i in range(count)}
    merges: npt.NDArray[np.float64] = fastcluster.linkage(distances, "average")
    for step, (left, right, height, _) in enumerate(merges):
        if height > CUT:
            break
        members[count + step] = sorted(members.pop(int(left)) + members.pop(int(right)))
    return list(members.values())


def _join(groups: list[list[int]], terms: Vectors, head: int) -> None:
    terms = _unit(terms)
    centres = _unit(_centres(groups, terms))
    for i in range(head, len(terms)):
        similarity = centres @ terms[i]
        nearest = int(similarity.argmax())
        if similarity[nearest] >= JOIN:
            groups[nearest].append(i)
        else:
            groups.append([i])
