"""Two figures of a statement that changed places: unemployment of 4.4 % against the 4.6 % expected,
where the posts have it the other way round.

Of figures in another order than in the posts, the words of each are compared, by meaning and by
names, with the words beside both in the posts; of those in the same order, only the names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from digest.models import Post
from digest.reading.amounts import Amount
from digest.reading.contexts import read_contexts
from digest.reading.markup import fold_text
from digest.reading.names import find_names
from digest.select.embed import Vectors
from digest.write.verify.figures import is_supported

LEAST, NAME = 0.35, 0.5
"""Least by which the crossed pairing is nearer than the direct one, in cosines; what a name weighs
that both have. Of 533 true items of seven sets 2 are refused; of 184 of them with two figures
exchanged 108 are."""
EXCHANGED = "figures exchanged"


@dataclass(frozen=True, slots=True)
class FigurePair:
    """Two figures of a statement, their words, and the words beside each in the posts."""

    figures: tuple[Amount, Amount]
    said: tuple[str, str]
    posted: tuple[tuple[str, ...], tuple[str, ...]]
    turned: bool
    """True where they stand in the other order in the posts."""

    @property
    def words(self) -> str:
        """Return the two figures as a claim."""
        first, second = self.figures
        return f"{EXCHANGED}: {first.text}, {second.text}"

    @property
    def texts(self) -> tuple[str, ...]:
        """Return what is compared by meaning."""
        return (*self.said, *self.posted[0], *self.posted[1]) if self.turned else ()

    def is_exchanged(self, vectors: Mapping[str, Vectors]) -> bool:
        """Return True where the posts have the figures in each other's place; `vectors` has a unit
        vector for each of `texts`."""
        return _compare(self, vectors) >= LEAST if self.turned else _have_turned_names(self)


def list_pairs(text: str, posts: Sequence[Post]) -> list[FigurePair]:
    """Return the pairs of figures of a statement that may have changed places."""
    return list(_list_pairs(fold_text(text), [fold_text(post.text) for post in posts]))


def _list_pairs(text: str, posted: Sequence[str]) -> Iterator[FigurePair]:
    """Yield pairs of figures of one unit that the posts have too."""
    figures = [(amount, words) for amount, words in read_contexts(text) if _is_telling(amount)]
    facts = [fact for post in posted for fact in read_contexts(post)]
    places = [
        [n for n, (fact, _) in enumerate(facts) if is_supported(amount, [fact])]
        for amount, _ in figures
    ]
    for at, other in combinations(range(len(figures)), 2):
        (first, words), (second, others) = figures[at], figures[other]
        if not places[at] or not places[other]:
            continue
        if _measure(first) == _measure(second) and first.value != second.value:
            beside = [tuple(filter(None, (facts[n][1] for n in places[x]))) for x in (at, other)]
            if words and others and all(beside):
                turned = places[at][-1] > places[other][0]
                yield FigurePair((first, second), (words, others), (beside[0], beside[1]), turned)


def _is_telling(amount: Amount) -> bool:
    bare_year = not amount.unit and 1900 <= amount.value < 2100
    counted = amount.spelled and amount.value < 10 and amount.unit in ("", "count")
    return not bare_year and not counted


def _measure(amount: Amount) -> tuple[str, bool]:
    """Return what can change places: figures of one unit; of none, counts or decimals."""
    unit = amount.unit.removeprefix("count")
    return unit, bool(unit) or amount.step < 1


def _compare(pair: FigurePair, vectors: Mapping[str, Vectors]) -> float:
    """Return by how much the statement's words are nearer to those of the other figure."""

    def near(words: str, others: Sequence[str]) -> float:
        return max(float(vectors[words] @ vectors[other]) for other in others)

    (first, second), (own, other) = pair.said, pair.posted
    direct = near(first, own) + near(second, other)
    crossed = near(first, other) + near(second, own)
    names = [_names([words]) for words in pair.said]
    posted = [_names(words) for words in pair.posted]
    shared = len(names[0] & posted[1]) + len(names[1] & posted[0])
    shared -= len(names[0] & posted[0]) + len(names[1] & posted[1])
    return crossed - direct + NAME * shared


def _have_turned_names(pair: FigurePair) -> bool:
    """Return True where each figure's name stands beside the other figure in the posts only."""
    first, second = (_names([words]) for words in pair.said)
    own, other = (_names(words) for words in pair.posted)
    crossed = bool((first - second) & (other - own)) and bool((second - first) & (own - other))
    return crossed and not (first & own or second & other)


def _names(texts: Sequence[str]) -> set[str]:
    return {name.key for text in texts for _, name in find_names(text)}
