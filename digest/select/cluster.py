"""Cluster posts about one event into a story, across languages.

Average linkage over a distance made of two views: what the sentences mean (encoder) and which terms
(names and figures) they share. Names keep two releases of one company apart and hold a headline and
a thread in two languages together, because product names are spelled alike in both.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import fastcluster
import numpy as np
import numpy.typing as npt

from digest.reading import Reading
from digest.reading.index_terms import is_in_small_letters, list_small_words
from digest.select.embed import Vectors, scale_to_unit
from digest.select.terms import Places, Terms
from digest.select.threads import Labels, followers, linked

CUT = 0.52
"""Distance at which two groups are two stories; chosen on labelled days (design notes)."""
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
"""Share of texts in small letters above which they are headlines without capitals, and are told
apart by their words."""
SMALL_WEIGHT = 1.6
"""Weight of such words against 1 for the encoder's cosine, instead of NAME_WEIGHT."""
SMALL_NEARER = 0.08
"""How much nearer two such texts of a large set are taken to be: headlines of all kinds sound
less alike than posts of one topic."""
LINKED_NEARER = 0.3
"""How much nearer a quotation is to what it quotes, and two posts about one page. Not next to
each other: anybody may link to the day's best story and speak of something else."""
SMALL_DAY = 500
"""Posts from which a day is a large one."""
RARE_AMONG = 250
"""Posts by which rarity is measured on a day with fewer: among three every name is common. With so
few one name that two posts share is no evidence; it is with 500, and on 21 small days of other
subjects than AI 13 of 24 pairs that were joined then tell of two events, with this 2 of 12."""
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


@dataclass(frozen=True, slots=True)
class Cluster:
    """Places of the posts of one story. Clusters of one `event` number tell of the same or a
    closely related event: they stay apart, but a reader wants one of them among the points."""

    members: tuple[int, ...]
    event: int


def cluster_posts(readings: Sequence[Reading], vectors: Vectors) -> list[Cluster]:
    """Return the posts grouped by event, members in the order given.

    The first MAX_CLUSTERED posts are clustered, so give the most promising first. Later ones need
    no vector (zero rows): each joins the story whose names it shares, else it stands alone.
    """
    if not readings:
        return []
    terms = [reading.terms for reading in readings]
    small = np.array([is_in_small_letters(reading.plain) for reading in readings])
    # A few posts of authors who shun capitals are posts like the others.
    headlines = small if small.mean() > HEADLINES else np.zeros_like(small)
    head = min(len(readings), MAX_CLUSTERED)
    table = _tabulate(terms[:head], _weigh_terms(readings[:head], small[:head]))
    links = linked([reading.post for reading in readings[:head]])
    nearer = SMALL_NEARER if head >= SMALL_DAY else 0.0
    groups = _group(_Views(vectors[:head], table, headlines[:head], links, nearer))
    groups = _follow(groups, followers(readings[:head]))
    groups = _unite(groups, vectors, table, SAME_STORY)
    means, _ = table.grouped(groups)
    singles = [[i] for i in range(len(groups))]
    events = _unite(singles, _centres(groups, vectors), means, SAME_EVENT)
    number = {group: event for event, members in enumerate(events) for group in members}
    numbers = [number[i] for i in range(len(groups))]
    if head < len(readings):
        rarity = _weigh_terms(readings, small)
        _join(groups, terms, rarity, np.where(headlines, SMALL_JOIN, JOIN))
        numbers += range(len(events), len(events) + len(groups) - len(numbers))
    return [Cluster(tuple(g), event) for g, event in zip(groups, numbers, strict=True)]


def _centres(groups: Sequence[Sequence[int]], rows: Vectors) -> Vectors:
    """Return the mean of the rows of each group; most groups are of one."""
    return np.stack([rows[g[0]] if len(g) == 1 else rows[list(g)].mean(axis=0) for g in groups])


def _unite(
    groups: Sequence[Sequence[int]], vectors: Vectors, terms: Terms, alike: tuple[float, float]
) -> list[list[int]]:
    """Return the groups, those joined whose centres are alike in meaning and in names and that
    share a rare name.

    Average linkage leaves the fringe of a big story behind as small groups of its own.
    """
    meaning = scale_to_unit(_centres(groups, vectors))
    centres, most = terms.grouped(groups)
    terms_of = centres.unit()
    labels = np.arange(len(groups))
    for start, stop in _blocks(len(groups)):
        near = meaning[start:stop] @ meaning[start:].T >= alike[0]
        near &= terms_of.products(start, stop)[:, start:] >= alike[1]
        near &= most.in_common(start, stop)[:, start:] >= RARE
        _join_rows(labels, start, np.triu(near, 1))
    united: dict[int, list[int]] = {}
    for label, group in zip(labels.tolist(), groups, strict=True):
        united.setdefault(label, []).extend(group)
    return [sorted(group) for group in united.values()]


def _blocks(count: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))


def _join_rows(labels: Places, start: int, near: npt.NDArray[np.bool_]) -> None:
    """Join what is near into one group: rows of `near` stand for the places from `start` on, and
    so do its columns. `labels` holds the group of each place."""
    for row in np.flatnonzero(near.any(axis=1)):
        mine = labels[start + row]
        others = labels[start + np.flatnonzero(near[row])]
        for other in set(others.tolist()) - {int(mine)}:
            labels[labels == other] = mine


def _weigh_terms(readings: Sequence[Reading], small: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Return the inverse document frequency of each term that several posts have, and not a third
    of a large day.

    A text in small letters counts its words as terms, so other texts count for these too: "people"
    is no rare name because one author shuns capitals.
    """
    frequency = Counter(term for reading in readings for term in reading.terms)
    if small.any() and not small.all():
        words = frozenset(word for i in np.flatnonzero(small) for word in readings[int(i)].terms)
        for i in map(int, np.flatnonzero(~small)):
            others = words - readings[i].terms
            frequency.update(others & list_small_words(readings[i].plain))
    # Where there are words alone, those of a few texts are as common as they look.
    many = len(readings) if small.all() else max(len(readings), RARE_AMONG)
    most = EVERYBODYS * len(readings) if len(readings) > SMALL_DAY else many
    # Of names a post's own ones are left out; of few texts' words they tell how little two of them
    # share.
    least = 1 if small.all() and len(readings) < SMALL_DAY else 2
    return {n: math.log(many / count) for n, count in frequency.items() if least <= count <= most}


def _tabulate(terms: Sequence[frozenset[str]], rarity: Mapping[str, float]) -> Terms:
    """Return one row per post: the terms it has, each with its rarity."""
    common_first = sorted(rarity, key=lambda term: (rarity[term], term))[:MAX_NAMES]
    column = {term: i for i, term in enumerate(common_first)}
    rows = [sorted(column[t] for t in each if t in column)[-NAMES_A_POST:] for each in terms]
    return Terms.of(rows, np.array([rarity[term] for term in column], np.float32))


@dataclass(frozen=True, slots=True)
class _Views:
    """What distances are made of, one row per post."""

    meaning: Vectors
    terms: Terms
    small: npt.NDArray[np.bool_]
    linked: Labels
    """Posts that are nearer to each other than their words are."""
    nearer: float
    """How much nearer two texts in small letters are taken to be."""

    def of(self, members: Sequence[int]) -> _Views:
        """Return the views of these posts alone."""
        rows = list(members)
        return _Views(
            self.meaning[rows],
            self.terms.rows(rows),
            self.small[rows],
            self.linked[rows],
            self.nearer,
        )

    def distances(self) -> Iterator[tuple[int, Vectors]]:
        """Yield a place and the distances from the posts of a block there to all from it on. Two
        posts that only sound alike ("AI changes everything") and share no rare name have no
        evidence of one event, and are pushed apart."""
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
                nearer = self.nearer + (SMALL_WEIGHT - NAME_WEIGHT) * named
                similarity += nearer.astype(np.float32, copy=False) * both_small
            labels = self.linked[start:stop, None]
            if (labels >= 0).any():
                tied = (labels >= 0) & (labels == self.linked[start:])
                evident |= tied
                similarity += np.float32(LINKED_NEARER) * tied
            similarity -= np.float32(NO_EVIDENCE) * ~evident
            yield start, 1 - similarity


def _group(views: _Views) -> list[list[int]]:
    """Return groups by average linkage. A group only grows over some pair nearer than the cut,
    so what no such pair connects is linked apart: all distances at once would take 100 MB on a
    large day."""
    labels = np.arange(len(views.meaning))
    for start, rows in views.distances():
        _join_rows(labels, start, np.triu(rows <= CUT, 1))
    parts: defaultdict[int, list[int]] = defaultdict(list)
    for i, label in enumerate(labels.tolist()):
        parts[label].append(i)
    groups = [group for part in parts.values() for group in _link_part(part, views)]
    return [members for _, members in sorted(groups)]


def _follow(groups: Sequence[list[int]], led: Mapping[int, int]) -> list[list[int]]:
    """Return the groups, each post that follows another one in that one's group."""
    home = {i: number for number, group in enumerate(groups) for i in group}
    moved = [[i for i in group if i not in led] for group in groups]
    for i, lead in led.items():
        moved[home[lead]].append(i)
    return [sorted(group) for group in moved if group]


def _link_part(part: list[int], views: _Views) -> list[tuple[float, list[int]]]:
    """Return the groups of connected posts, each with the distance at which it came together."""
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
    """Return the distance of each pair once, as `fastcluster` wants them."""
    count = len(views.meaning)
    distances = np.empty(count * (count - 1) // 2, np.float64)
    filled = 0
    for _, rows in views.distances():
        for i, row in enumerate(rows, 1):
            further = row[i:]
            distances[filled : filled + len(further)] = further
            filled += len(further)
    return distances


class _Nearest:
    """Find stories by their terms, for posts that come one by one (single pass, inverted index)."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = weights
        self._centres: list[dict[str, float]] = []
        self._squares: list[float] = []
        self._holders: defaultdict[str, list[int]] = defaultdict(list)

    def open(self, terms: Iterable[str]) -> int:
        """Add a story whose posts have these terms; return its number."""
        number = len(self._centres)
        held = Counter(terms)
        self._centres.append({name: held[name] * self._weights[name] for name in sorted(held)})
        self._squares.append(sum(weight**2 for weight in self._centres[-1].values()))
        for name in held:
            self._holders[name].append(number)
        return number

    def find(self, terms: frozenset[str]) -> tuple[int, float]:
        """Return the nearest story and its cosine, without terms that very many stories hold."""
        products: defaultdict[int, float] = defaultdict(float)
        for name in sorted(terms):
            holders = self._holders.get(name, ())
            if len(holders) <= MOST_HOLDERS:
                for story in holders:
                    products[story] += self._weights[name] * self._centres[story][name]
        if not products:
            return -1, 0.0
        length = math.sqrt(sum(self._weights[name] ** 2 for name in sorted(terms))) or 1.0
        cosines = {s: p / length / self._squares[s] ** 0.5 for s, p in products.items()}
        best = max(cosines, key=lambda story: (cosines[story], -story))
        return best, cosines[best]


def _join(
    groups: list[list[int]],
    terms: Sequence[frozenset[str]],
    rarity: Mapping[str, float],
    near: npt.NDArray[np.float64],
) -> None:
    """Let posts without a group join the nearest story, or open one that later ones may join."""
    head = sum(map(len, groups))
    stories = _Nearest(rarity)
    shared = [each & rarity.keys() for each in terms]
    for group in groups:
        stories.open(name for i in group for name in shared[i])
    for i in range(head, len(terms)):
        nearest, cosine = stories.find(shared[i])
        if cosine < near[i]:
            nearest = stories.open(shared[i])  # a centre that took in all who came near would drift
            groups.append([])
        groups[nearest].append(i)
