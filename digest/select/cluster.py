"""Posts about one event become a story, across languages.

Average linkage over a distance made of two views: what the sentences mean (encoder) and which names
and numbers they share. Names keep two releases of one company apart and hold a headline and a thread
in two languages together, because product names are spelled alike in both.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import fastcluster
import numpy as np
import numpy.typing as npt

from digest.models import Post
from digest.select.embed import Vectors
from digest.select.terms import Places, Terms
from digest.select.threads import Labels, followers, linked
from digest.text import unaddressed

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
SMALL_JOIN = 0.04
"""The same for a text in small letters, where all words stand for names."""
MOST_HOLDERS = 300
"""Stories that may hold a name for it to lead a later post to them."""
HEADLINES = 0.5
"""Share of texts in small letters above which they are headlines without capitals, and are told apart by their words."""
SMALL_WEIGHT = 1.6
"""Weight of such words against 1 for the encoder's cosine, instead of NAME_WEIGHT."""
SMALL_NEARER = 0.08
"""How much nearer two such texts are taken to be: headlines of all kinds sound less alike than posts of one topic."""
LINKED_NEARER = 0.3
"""How much nearer a quotation is to what it quotes, and two posts about one page. Not next to each other:
anybody may link to the day's best story and speak of something else."""
SMALL_DAY = 500
"""Posts below which rarity is judged as on a day of that size: among three posts every name is common."""
MAX_NAMES = 4000
"""Names that are looked at, most frequent first."""
NAMES_A_POST = 100
"""Names of a post that are looked at, the rarest; a longer list is a directory."""
EVERYBODYS = 0.3
"""Share of a large day's posts from which a name is everybody's, and tells nothing."""
BLOCK = 128
"""Posts that are compared with all others at a time: bounds memory."""
MAX_CLUSTERED = 3000
"""Average linkage is quadratic; posts beyond this many join the nearest story."""

_NAME = re.compile(
    r"[A-Z][A-Za-z]*[a-z0-9+]*(?:\d[\d.]*)?|\d+(?:\.\d+)+|\d{1,3}(?:,\d{3})+|\d{3,}|\d+[BMKbmk]\b|"
    r"(?<![a-z])(?:[a-z]+[A-Z]\w*|[a-z]{2,}(?=-?\d+\.\d))|\$[A-Za-z]{2,6}"
)
_SMALL = re.compile(r"[a-z]{3,}|\d{2,}")
_YEAR = re.compile(r"20[0-4]\d$")
_STARTERS = frozenset(
    "the a an i it we you he she they this that these those what when where why who how if in on at"
    " for from with and but or so as to of by is are was were be do does did not no yes my your our"
    " his her their its new now here there just also today breaking all more most can will would"
    " could should has have had get got let one two first last next up out over after before about"
    " via read see check try use using some any many much very really only even still well good"
    " great big best being been than then too ai".split()
)


@lru_cache(maxsize=4096)
def names(text: str) -> frozenset[str]:
    """Names, versions and tickers of a text as lower-case terms, spelled alike in any language."""
    words = unaddressed(text)
    if caseless(words):
        return frozenset(_singular(w) for w in _SMALL.findall(words) if w not in _STARTERS)
    found = (match.lower().replace(",", "") for match in _NAME.findall(words))
    return frozenset(w for w in found if len(w) > 1 and w not in _STARTERS and not _YEAR.match(w))


def _singular(word: str) -> str:
    """ "prices" as "price"; "news", "crisis" and "access" as they are."""
    plural = len(word) > 4 and word[-1] == "s" and word[-2] not in "sui"
    return word[:-1] if plural else word


def caseless(text: str) -> bool:
    """Whether a Latin text has small letters only, and so shows no names: its words stand for them."""
    return text.islower() and text.isascii()


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
    found = [names(post.text) for post in posts]
    small = np.array([caseless(unaddressed(p.text)) for p in posts])
    # A few posts of authors who shun capitals are posts like the others.
    lines = small if small.mean() > HEADLINES else np.zeros_like(small)
    head = min(len(posts), MAX_CLUSTERED)
    terms = _named(found[:head], _rarity(posts[:head], found[:head], small[:head]))
    groups = _grouped(_Views(vectors[:head], terms, lines[:head], linked(posts[:head])))
    groups = _followed(groups, followers(posts[:head], found[:head]))
    groups = _united(groups, vectors, terms, SAME_STORY)
    named, _ = terms.grouped(groups)
    singles = [[i] for i in range(len(groups))]
    events = _united(singles, _centres(groups, vectors), named, SAME_EVENT)
    number = {group: event for event, members in enumerate(events) for group in members}
    numbered = [number[i] for i in range(len(groups))]
    if head < len(posts):
        rarity = _rarity(posts, found, small)
        _join(groups, found, rarity, np.where(lines, SMALL_JOIN, JOIN))
        numbered += range(len(events), len(events) + len(groups) - len(numbered))
    return [Cluster(tuple(g), event) for g, event in zip(groups, numbered, strict=True)]


def _centres(groups: Sequence[Sequence[int]], rows: Vectors) -> Vectors:
    return np.stack([rows[list(group)].mean(axis=0) for group in groups])


def _united(
    groups: Sequence[Sequence[int]], vectors: Vectors, terms: Terms, alike: tuple[float, float]
) -> list[list[int]]:
    """Groups whose centres are alike in meaning and in names, and share a rare name, become one.

    Average linkage leaves the fringe of a big story behind as small groups of its own.
    """
    meaning = _unit(_centres(groups, vectors))
    centres, most = terms.grouped(groups)
    named = centres.unit()
    labels = np.arange(len(groups))
    for start, stop in _blocks(len(groups)):
        near = meaning[start:stop] @ meaning[start:].T >= alike[0]
        near &= named.products(start, stop)[:, start:] >= alike[1]
        near &= most.in_common(start, stop)[:, start:] >= RARE
        _join_rows(labels, start, np.triu(near, 1))
    united: dict[int, list[int]] = {}
    for label, group in zip(labels.tolist(), groups, strict=True):
        united.setdefault(label, []).extend(group)
    return [sorted(group) for group in united.values()]


def _blocks(count: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))


def _join_rows(labels: Places, start: int, near: npt.NDArray[np.bool_]) -> None:
    """What is near becomes one group: rows of `near` stand for the places from `start` on, and so do its
    columns. Each place has the label of its group."""
    for row in np.flatnonzero(near.any(axis=1)):
        mine = labels[start + row]
        others = labels[start + np.flatnonzero(near[row])]
        for other in set(others.tolist()) - {int(mine)}:
            labels[labels == other] = mine


def _rarity(
    posts: Sequence[Post], found: Sequence[frozenset[str]], small: npt.NDArray[np.bool_]
) -> dict[str, float]:
    """The inverse document frequency of each name that several posts have, and not a third of a large day.

    A text in small letters counts its words as names, so other texts count for these too: "people" is
    no rare name because one author shuns capitals.
    """
    frequency = Counter(name for each in found for name in each)
    if small.any() and not small.all():
        words = frozenset(word for i in np.flatnonzero(small) for word in found[int(i)])
        for i in map(int, np.flatnonzero(~small)):
            said = map(_singular, _SMALL.findall(unaddressed(posts[i].text).lower()))
            frequency.update((words - found[i]).intersection(said))
    # Where there are words alone, those of a few texts are as common as they look.
    many = len(posts) if small.all() else max(len(posts), SMALL_DAY)
    most = EVERYBODYS * len(posts) if len(posts) > SMALL_DAY else many
    return {n: math.log(many / count) for n, count in frequency.items() if 1 < count <= most}


def _named(found: Sequence[frozenset[str]], rarity: Mapping[str, float]) -> Terms:
    """A row a post: the names it has, each with its rarity."""
    common_first = sorted(rarity, key=lambda name: (rarity[name], name))[:MAX_NAMES]
    column = {name: i for i, name in enumerate(common_first)}
    rows = [sorted(column[n] for n in each if n in column)[-NAMES_A_POST:] for each in found]
    return Terms.of(rows, np.array([rarity[name] for name in column], np.float32))


def _unit(rows: Vectors) -> Vectors:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(norms > 0, norms, 1)
    return rows


@dataclass(frozen=True, slots=True)
class _Views:
    """What distances are made of, a row a post."""

    meaning: Vectors
    terms: Terms
    small: npt.NDArray[np.bool_]
    linked: Labels
    """Posts that are nearer to each other than their words are."""

    def of(self, members: Sequence[int]) -> _Views:
        rows = list(members)
        return _Views(
            self.meaning[rows], self.terms.rows(rows), self.small[rows], self.linked[rows]
        )

    def distances(self) -> Iterator[tuple[int, Vectors]]:
        """From a few posts to those from the first of them on: its place, and a row each. Two posts that only
        sound alike ("AI changes everything") and share no rare name have no evidence of one event, and are
        pushed apart."""
        unit = self.terms.unit()
        for start, stop in _blocks(len(self.meaning)):
            meaning = self.meaning[start:stop] @ self.meaning[start:].T
            named = unit.products(start, stop)[:, start:]
            similarity = meaning + np.float32(NAME_WEIGHT) * named
            evident = self.terms.in_common(start, stop)[:, start:] >= RARE
            evident |= meaning >= SAME_WORDS
            if self.small[start:stop].any():
                both_small = self.small[start:stop, None] & self.small[start:]
                evident |= both_small
                nearer = SMALL_NEARER + (SMALL_WEIGHT - NAME_WEIGHT) * named
                similarity += nearer.astype(np.float32, copy=False) * both_small
            if (self.linked[start:stop] >= 0).any():
                tied = _same(self.linked, start, stop)
                evident |= tied
                similarity += np.float32(LINKED_NEARER) * tied
            similarity -= np.float32(NO_EVIDENCE) * ~evident
            yield start, 1 - similarity


def _same(labels: Labels, start: int, stop: int) -> npt.NDArray[np.bool_]:
    """From places of a block to those from its first on: whether they have the same label."""
    mine = labels[start:stop, None]
    found: npt.NDArray[np.bool_] = (mine == labels[start:]) & (mine >= 0)
    return found


def _grouped(views: _Views) -> list[list[int]]:
    """Groups by average linkage. A group only grows over some pair nearer than the cut, so what no such
    pair connects is linked apart: all distances at once would take 100 MB on a large day."""
    labels = np.arange(len(views.meaning))
    for start, rows in views.distances():
        _join_rows(labels, start, np.triu(rows <= CUT, 1))
    parts: defaultdict[int, list[int]] = defaultdict(list)
    for i, label in enumerate(labels.tolist()):
        parts[label].append(i)
    found = [group for part in parts.values() for group in _of_part(part, views)]
    return [members for _, members in sorted(found)]


def _followed(groups: Sequence[list[int]], led: Mapping[int, int]) -> list[list[int]]:
    """The groups, with each post that follows another one in that one's group."""
    home = {i: number for number, group in enumerate(groups) for i in group}
    found = [[i for i in group if i not in led] for group in groups]
    for i, lead in led.items():
        found[home[lead]].append(i)
    return [sorted(group) for group in found if group]


def _of_part(part: list[int], views: _Views) -> list[tuple[float, list[int]]]:
    """The groups of connected posts, each with the distance at which it came together."""
    if len(part) == 1:
        return [(0.0, part)]
    members = {i: (0.0, [post]) for i, post in enumerate(part)}
    merges = fastcluster.linkage(_condensed(views.of(part)), "average", preserve_input=False)
    for step, (left, right, height, _) in enumerate(merges):
        if height > CUT:
            break
        joined = members.pop(int(left))[1] + members.pop(int(right))[1]
        members[len(part) + step] = float(height), sorted(joined)
    return list(members.values())


def _condensed(views: _Views) -> npt.NDArray[np.float64]:
    """The distance of each pair once, as `fastcluster` wants them."""
    count = len(views.meaning)
    found = np.empty(count * (count - 1) // 2, np.float64)
    filled = 0
    for _, rows in views.distances():
        for i, row in enumerate(rows, 1):
            rest = row[i:]
            found[filled : filled + len(rest)] = rest
            filled += len(rest)
    return found


class _Nearest:
    """Stories by the names they hold, for posts that come one by one (single pass, inverted index)."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = weights
        self._centres: list[dict[str, float]] = []
        self._squares: list[float] = []
        self._holders: defaultdict[str, list[int]] = defaultdict(list)

    def open(self) -> int:
        """A new story; its number."""
        self._centres.append({})
        self._squares.append(0.0)
        return len(self._centres) - 1

    def add(self, story: int, found: frozenset[str]) -> None:
        """A post with these names becomes part of the story."""
        centre = self._centres[story]
        for name in sorted(found):
            before = centre.get(name)
            if before is None:
                before = 0.0
                self._holders[name].append(story)
            centre[name] = before + self._weights[name]
            self._squares[story] += centre[name] ** 2 - before**2

    def find(self, found: frozenset[str]) -> tuple[int, float]:
        """The nearest story and its cosine; a name that very many stories hold is not looked up."""
        products: defaultdict[int, float] = defaultdict(float)
        for name in sorted(found):
            holders = self._holders.get(name, ())
            if len(holders) <= MOST_HOLDERS:
                for story in holders:
                    products[story] += self._weights[name] * self._centres[story][name]
        if not products:
            return -1, 0.0
        length = self._length(found)
        cosines = {s: p / length / self._squares[s] ** 0.5 for s, p in products.items()}
        best = max(cosines, key=lambda story: (cosines[story], -story))
        return best, cosines[best]

    def _length(self, found: frozenset[str]) -> float:
        return math.sqrt(sum(self._weights[name] ** 2 for name in sorted(found))) or 1.0


def _join(
    groups: list[list[int]],
    found: Sequence[frozenset[str]],
    rarity: Mapping[str, float],
    near: npt.NDArray[np.float64],
) -> None:
    """Posts that are in no group yet join the nearest story, or open one that later posts may join."""
    head = sum(map(len, groups))
    stories = _Nearest(rarity)
    shared = [each & rarity.keys() for each in found]
    for number, group in enumerate(groups):
        stories.open()
        for i in group:
            stories.add(number, shared[i])
    for i in range(head, len(found)):
        nearest, cosine = stories.find(shared[i])
        if cosine < near[i]:
            nearest = stories.open()
            groups.append([])
            stories.add(nearest, shared[i])  # a centre that took in all who came near would drift
        groups[nearest].append(i)
