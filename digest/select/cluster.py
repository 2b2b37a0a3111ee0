"""Cluster posts about one event into a story, across languages.

Average linkage over a distance with two components: the meaning of the posts (encoder) and the
terms (names and figures) that they share. Names separate two releases of one company and join a
headline and a thread in two languages, because product names are spelled the same in both.
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
from digest.select.threads import Labels, find_followers, label_links

CUT = 0.52
"""Minimum distance of two stories; tuned on labelled days (docs/design/stories.md)."""
NAME_WEIGHT = 0.22
"""Weight of shared names, against 1 for the encoder's cosine."""
SAME_WORDS = 0.62
"""Cosine from which two posts say the same, even without shared names."""
RARE = 5.0
"""Sum of inverse document frequencies of shared names that is evidence of one event."""
NO_EVIDENCE = 0.2
"""Similarity subtracted from two posts without such evidence."""
SAME_STORY = (0.50, 0.50)
"""Minimum cosines of meaning and of names of two groups that are merged into one story."""
SAME_EVENT = (0.42, 0.38)
"""The same for groups so closely related that a reader wants one point for both."""
JOIN = 0.6
"""Minimum cosine of names for a post without a vector to join a story."""
SMALL_JOIN = 0.04
"""The same for a text in lower case, all of whose words count as names."""
MAX_HOLDERS = 300
"""Maximum stories that have a name for it to be used in finding a story for later posts."""
HEADLINES = 0.5
"""Share of texts in lower case from which they are headlines, which are compared by their
words."""
SMALL_WEIGHT = 1.6
"""Weight of such words against 1 for the encoder's cosine, instead of NAME_WEIGHT."""
SMALL_NEARER = 0.08
"""Similarity added to two such texts of a large set, because headlines on all subjects are less
similar than posts on one topic."""
LINKED_NEARER = 0.3
"""Similarity added to a quoting post and its quoted post, and to two posts about one page. Links do
not decide alone: anyone may link to the top story and write about something else."""
SMALL_DAY = 500
"""Number of posts of a large day."""
RARE_AMONG = 250
"""Number of posts assumed when measuring rarity on a small day: among three posts every name would
be common. With so few, one shared name is no evidence. With 500 it is, and on 21 small days of
topics other than AI 13 of 24 joined pairs were two events; with this value, 2 of 12."""
MAX_NAMES = 4000
"""Maximum names that are compared, the most frequent ones."""
NAMES_A_POST = 100
"""Maximum names of a post that are compared, the rarest ones; a longer list is a directory."""
EVERYBODYS = 0.3
"""Share of a large day's posts from which a name is too common to be evidence."""
BLOCK = 128
"""Posts that are compared with all others at once, to limit memory."""
MAX_CLUSTERED = 3000
"""Maximum posts for average linkage, which is quadratic; further posts join the nearest story."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Indices of the posts of one story. Clusters with the same `event` number report the same or a
    closely related event: they stay separate, but only one of them should be a point."""

    members: tuple[int, ...]
    event: int


def cluster_posts(readings: Sequence[Reading], vectors: Vectors) -> list[Cluster]:
    """Return the posts grouped by event, in the given order within a group.

    The first MAX_CLUSTERED posts are clustered, so pass the most promising ones first. Later ones
    need no vector (zero rows): each joins the story whose names it shares, or stays alone.
    """
    if not readings:
        return []
    terms = [reading.terms for reading in readings]
    small = np.array([is_in_small_letters(reading.plain) for reading in readings])
    # A few posts by authors who avoid capitals are treated like the others.
    headlines = small if small.mean() > HEADLINES else np.zeros_like(small)
    head = min(len(readings), MAX_CLUSTERED)
    table = _tabulate(terms[:head], _weigh_terms(readings[:head], small[:head]))
    links = label_links([reading.post for reading in readings[:head]])
    nearer = SMALL_NEARER if head >= SMALL_DAY else 0.0
    groups = _group(_Views(vectors[:head], table, headlines[:head], links, nearer))
    groups = _follow(groups, find_followers(readings[:head]))
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
    """Return the mean row of each group; most groups have one row."""
    return np.stack([rows[g[0]] if len(g) == 1 else rows[list(g)].mean(axis=0) for g in groups])


def _unite(
    groups: Sequence[Sequence[int]], vectors: Vectors, terms: Terms, least: tuple[float, float]
) -> list[list[int]]:
    """Merge groups whose centres are close in meaning and in names and that share a rare name.

    Average linkage leaves posts at the edge of a large story behind as small groups.
    """
    meaning = scale_to_unit(_centres(groups, vectors))
    centres, most = terms.grouped(groups)
    terms_of = centres.unit()
    labels = np.arange(len(groups))
    for start, stop in _blocks(len(groups)):
        near = meaning[start:stop] @ meaning[start:].T >= least[0]
        near &= terms_of.products(start, stop)[:, start:] >= least[1]
        near &= most.in_common(start, stop)[:, start:] >= RARE
        _join_rows(labels, start, np.triu(near, 1))
    united: dict[int, list[int]] = {}
    for label, group in zip(labels.tolist(), groups, strict=True):
        united.setdefault(label, []).extend(group)
    return [sorted(group) for group in united.values()]


def _blocks(count: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))


def _join_rows(labels: Places, start: int, near: npt.NDArray[np.bool_]) -> None:
    """Merge the groups of close posts in `labels`, the group number of each post. Rows and columns
    of `near` are the posts from index `start` on."""
    for row in np.flatnonzero(near.any(axis=1)):
        mine = labels[start + row]
        others = labels[start + np.flatnonzero(near[row])]
        for other in set(others.tolist()) - {int(mine)}:
            labels[labels == other] = mine


def _weigh_terms(readings: Sequence[Reading], small: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Return the inverse document frequency of each term that at least two posts have, without
    those that are too common on a large day.

    Texts in lower case count all their words as terms, so these words are counted in other texts
    too: "people" is not a rare name because one author avoids capitals.
    """
    frequency = Counter(term for reading in readings for term in reading.terms)
    if small.any() and not small.all():
        words = frozenset(word for i in np.flatnonzero(small) for word in readings[int(i)].terms)
        for i in map(int, np.flatnonzero(~small)):
            others = words - readings[i].terms
            frequency.update(others & list_small_words(readings[i].plain))
    # If all texts are in lower case, words of few texts are as common as they look.
    many = len(readings) if small.all() else max(len(readings), RARE_AMONG)
    most = EVERYBODYS * len(readings) if len(readings) > SMALL_DAY else many
    # Names that only one post has are left out, except words of few lower-case texts, which show
    # how little two of these share.
    least = 1 if small.all() and len(readings) < SMALL_DAY else 2
    return {n: math.log(many / count) for n, count in frequency.items() if least <= count <= most}


def _tabulate(terms: Sequence[frozenset[str]], rarity: Mapping[str, float]) -> Terms:
    """Return one row per post: its terms, weighted by rarity."""
    common_first = sorted(rarity, key=lambda term: (rarity[term], term))[:MAX_NAMES]
    column = {term: i for i, term in enumerate(common_first)}
    rows = [sorted(column[t] for t in each if t in column)[-NAMES_A_POST:] for each in terms]
    return Terms.of(rows, np.array([rarity[term] for term in column], np.float32))


@dataclass(frozen=True, slots=True)
class _Views:
    """The data that distances are computed from, one row per post."""

    meaning: Vectors
    terms: Terms
    small: npt.NDArray[np.bool_]
    linked: Labels
    """Labels of posts that count as closer than their words suggest."""
    nearer: float
    """Similarity added to two texts in lower case."""

    def of(self, members: Sequence[int]) -> _Views:
        """Return the views of these posts only."""
        rows = list(members)
        return _Views(
            self.meaning[rows],
            self.terms.rows(rows),
            self.small[rows],
            self.linked[rows],
            self.nearer,
        )

    def distances(self) -> Iterator[tuple[int, Vectors]]:
        """Yield the start index of each block of posts and their distances to all posts from there
        on. Two posts that are only phrased alike ("AI changes everything") and share no rare name
        are moved apart, because nothing shows that they report one event."""
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
    """Return groups by average linkage. A group grows only through a pair closer than the cut, so
    each connected component is linked separately: all distances of a large day at once would take
    100 MB."""
    labels = np.arange(len(views.meaning))
    for start, rows in views.distances():
        _join_rows(labels, start, np.triu(rows <= CUT, 1))
    parts: defaultdict[int, list[int]] = defaultdict(list)
    for i, label in enumerate(labels.tolist()):
        parts[label].append(i)
    groups = [group for part in parts.values() for group in _link_part(part, views)]
    return [members for _, members in sorted(groups)]


def _follow(groups: Sequence[list[int]], led: Mapping[int, int]) -> list[list[int]]:
    """Move each post that continues another into the group of that post."""
    home = {i: number for number, group in enumerate(groups) for i in group}
    moved = [[i for i in group if i not in led] for group in groups]
    for i, lead in led.items():
        moved[home[lead]].append(i)
    return [sorted(group) for group in moved if group]


def _link_part(part: list[int], views: _Views) -> list[tuple[float, list[int]]]:
    """Link one connected component; return its groups with the distance of their last merge."""
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
    """Return the distance of each pair once, in the condensed form of `fastcluster`."""
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
    """Find the nearest story by terms, for posts added one by one (single pass, inverted index)."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = weights
        self._centres: list[dict[str, float]] = []
        self._squares: list[float] = []
        self._holders: defaultdict[str, list[int]] = defaultdict(list)

    def open(self, terms: Iterable[str]) -> int:
        """Add a story whose posts have these terms; return its number."""
        number = len(self._centres)
        counts = Counter(terms)
        self._centres.append({name: counts[name] * self._weights[name] for name in sorted(counts)})
        self._squares.append(sum(weight**2 for weight in self._centres[-1].values()))
        for name in counts:
            self._holders[name].append(number)
        return number

    def find(self, terms: frozenset[str]) -> tuple[int, float]:
        """Return the nearest story and its cosine, ignoring terms of more than MAX_HOLDERS
        stories."""
        products: defaultdict[int, float] = defaultdict(float)
        for name in sorted(terms):
            holders = self._holders.get(name, ())
            if len(holders) <= MAX_HOLDERS:
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
    """Add each remaining post to the nearest story, or open a new one that later posts may join."""
    head = sum(map(len, groups))
    stories = _Nearest(rarity)
    shared = [each & rarity.keys() for each in terms]
    for group in groups:
        stories.open(name for i in group for name in shared[i])
    for i in range(head, len(terms)):
        nearest, cosine = stories.find(shared[i])
        if cosine < near[i]:
            nearest = stories.open(shared[i])  # centres stay fixed so that they cannot drift
            groups.append([])
        groups[nearest].append(i)
