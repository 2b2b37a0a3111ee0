"""Two figures of a statement that changed places: unemployment of 4.4 % against the 4.6 % expected,
where the posts have it the other way round.

Of figures in another order than in the posts, the words of each are compared, by meaning and by
names, with the words beside both in the posts; of those in the same order, only the names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from digest.models import Post
from digest.reading.amounts import Amount
from digest.reading.contexts import is_range, read_contexts
from digest.reading.markup import fold_text
from digest.reading.names import find_names
from digest.select.embed import embed
from digest.write.verify.figures import is_supported

LEAST, NAME = 0.5, 0.5
"""Least by which the crossed pairing is nearer than the direct one, in cosines; what a name weighs
that both have. Of 239 true items (verify_dev and 79 others) 1 is refused; of 68 of them with two
figures exchanged 32 are."""
EXCHANGED = "figures exchanged"


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two figures of a statement, their words, and the words beside each in the posts."""

    figures: tuple[Amount, Amount]
    said: tuple[str, str]
    posted: tuple[tuple[str, ...], tuple[str, ...]]
    turned: bool
    """True where they stand in the other order in the posts."""


def find_exchanged(text: str, posts: Sequence[Post]) -> Iterator[str]:
    """Yield the words of two figures of the statement that the posts have in each other's place."""
    for pair in _list_pairs(fold_text(text), [fold_text(post.text) for post in posts]):
        if _compare(pair) >= LEAST if pair.turned else _have_turned_names(pair):
            first, second = pair.figures
            yield f"{EXCHANGED}: {first.text}, {second.text}"


def _list_pairs(text: str, posted: Sequence[str]) -> Iterator[_Pair]:
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
        alike = _unit(first) == _unit(second) and first.value != second.value
        if alike and not is_range(text, first, second):
            beside = [tuple(filter(None, (facts[n][1] for n in places[x]))) for x in (at, other)]
            if words and others and all(beside):
                turned = places[at][0] > places[other][0]
                yield _Pair((first, second), (words, others), (beside[0], beside[1]), turned)


def _is_telling(amount: Amount) -> bool:
    bare_year = not amount.unit and 1900 <= amount.value < 2100
    return not bare_year and not (amount.spelled and amount.value < 2 and not amount.unit)


def _unit(amount: Amount) -> str:
    return amount.unit.removeprefix("count")


def _compare(pair: _Pair) -> float:
    """Return by how much the statement's words are nearer to those of the other figure."""
    first, second = (embed([words, *pair.posted[0], *pair.posted[1]]) for words in pair.said)
    cut = 1 + len(pair.posted[0])
    own, other = slice(1, cut), slice(cut, None)
    direct = max(first[own] @ first[0]) + max(second[other] @ second[0])
    crossed = max(first[other] @ first[0]) + max(second[own] @ second[0])
    names = [_names([words]) for words in pair.said]
    posted = [_names(words) for words in pair.posted]
    shared = len(names[0] & posted[1]) + len(names[1] & posted[0])
    shared -= len(names[0] & posted[0]) + len(names[1] & posted[1])
    return float(crossed - direct) + NAME * shared


def _have_turned_names(pair: _Pair) -> bool:
    """Return True where each figure's name stands beside the other figure in the posts only."""
    first, second = (_names([words]) for words in pair.said)
    own, other = (_names(words) for words in pair.posted)
    crossed = bool((first - second) & (other - own)) and bool((second - first) & (own - other))
    return crossed and not (first & own or second & other)


def _names(texts: Sequence[str]) -> set[str]:
    return {name.key for text in texts for _, name in find_names(text)}
