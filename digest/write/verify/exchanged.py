"""Find two figures of a statement that were exchanged: unemployment of 4.4 % against the 4.6 %
expected, where the posts say the reverse.

The words around each figure are compared with the words around both in the posts: by names, by the
words that only one of them has and, if the figures are in reversed order, by meaning.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, takewhile

from digest.models import Post
from digest.reading.contexts import read_contexts
from digest.reading.markup import drop_short_links, fold_text
from digest.reading.mentions import cut_pieces
from digest.reading.names import find_names, simplify
from digest.reading.units import Amount
from digest.select.embed import Vectors
from digest.write.verify.figures import is_supported

MIN_TURNED, MIN_STRAIGHT = 0.25, 0.75
"""Minimum by which the crossed pairing must be nearer than the direct one, if the figures are in
reversed order and if they are not. Of 333 pairs of true items of 18 sets 3 are refused; of 321
pairs exchanged by us 240 are, of 69 exchanged by others 46."""
NAME, WORD = 0.5, 0.4
"""Weight of a shared name, and of a share of 1 of the words that only one figure has."""
POST_CHARS = 300
"""Characters of a post that is compared as a whole."""
EXCHANGED = "figures exchanged"


@dataclass(frozen=True, slots=True)
class FigurePair:
    """Two figures of a statement, the words around each, and those around each in the posts."""

    figures: tuple[Amount, Amount]
    stated: tuple[str, str]
    posted: tuple[tuple[str, ...], tuple[str, ...]]
    is_reversed: bool
    """True if the posts have them in reversed order."""

    @property
    def words(self) -> str:
        """Return the two figures as a claim."""
        first, second = self.figures
        return f"{EXCHANGED}: {first.text}, {second.text}"

    @property
    def texts(self) -> tuple[str, ...]:
        """Return the texts that are compared by meaning."""
        return (*self.stated, *self.posted[0], *self.posted[1]) if self.is_reversed else ()

    def is_exchanged(self, vectors: Mapping[str, Vectors]) -> bool:
        """Return True if the posts have the figures exchanged; `vectors` has a unit vector for each
        of `texts`."""
        if self.is_reversed:
            return _compare_meaning(self, vectors) + _compare_words(self) >= MIN_TURNED
        return _compare_words(self) >= MIN_STRAIGHT


def list_pairs(text: str, posts: Sequence[Post]) -> list[FigurePair]:
    """Return the pairs of figures of a statement that may have been exchanged."""
    texts = [drop_short_links(fold_text(post.text)) for post in posts]
    return list(_list_pairs(fold_text(text), texts))


def _list_pairs(text: str, posted: Sequence[str]) -> Iterator[FigurePair]:
    """Yield pairs of figures with the same unit that the posts have too. If the two are in
    different posts, whole posts are compared."""
    figures = [(amount, words) for amount, words in read_contexts(text) if _is_telling(amount)]
    facts = [(*fact, post) for post in posted for fact in read_contexts(post)]
    places = [
        [n for n, (fact, _, _) in enumerate(facts) if is_supported(amount, [fact])]
        for amount, _ in figures
    ]
    for at, other in combinations(range(len(figures)), 2):
        (first, words), (second, others) = figures[at], figures[other]
        if not (places[at] and places[other] and words and others):
            continue
        if _is_comparable(first, second) and not _is_part(text, first, second):
            sides = [{facts[n][2] for n in places[x]} for x in (at, other)]
            apart = sides[0].isdisjoint(sides[1])
            beside = [
                tuple(post[:POST_CHARS] for post in side)
                if apart
                else tuple(filter(None, (facts[n][1] for n in places[x])))
                for x, side in zip((at, other), sides, strict=True)
            ]
            swapped = apart or places[at][0] > places[other][0]
            if swapped and not apart:
                words, *beside[1:] = _drop_subject(words, *beside[1:])
            if all(beside) and (
                swapped or not _stand_together(facts, places[at][0], places[other][0])
            ):
                yield FigurePair((first, second), (words, others), (beside[0], beside[1]), swapped)


def _drop_subject(stated: str, posted: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Remove the subject at the beginning of the words of both first figures, because the second
    figures have the same subject."""
    size = 0
    for words in posted:
        pairs = zip(stated, words, strict=False)
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        if stated[shared - 1 : shared + 1].isascii():  # not within a Latin word
            shared = stated.rfind(" ", 0, shared) + 1
        size = max(size, shared)
    subject, rest = stated[:size], stated[size:]
    left = tuple(words.removeprefix(subject) for words in posted)
    return (rest, left) if rest.strip() and all(map(str.strip, left)) else (stated, posted)


def _stand_together(facts: Sequence[tuple[Amount, str, str]], first: int, second: int) -> bool:
    """Return True for adjacent figures in a post, such as 16G 512G: the words after them describe
    both."""
    (left, _, post), (right, _, other) = facts[first], facts[second]
    return post is other and not post[left.end : right.start].strip(" ,/、")


def _is_part(text: str, first: Amount, second: Amount) -> bool:
    """Return True for "2,650 of 3,200 sold": the smaller figure must be the part."""
    between = " ".join(text[first.end : second.start].split())
    return first.value < second.value and between in ("of", "of the", "out of")


def _is_telling(amount: Amount) -> bool:
    return not (amount.spelled and amount.value < 10 and amount.unit in ("", "count"))


def _is_comparable(first: Amount, second: Amount) -> bool:
    """Return True for figures that can be exchanged: of one unit, or both counts or both decimals
    without a unit."""
    units = [amount.unit.removeprefix("count") for amount in (first, second)]
    scores = first.unit == second.unit or (first.step < 1) == (second.step < 1)
    return units[0] == units[1] and scores and first.value != second.value


def _compare_meaning(pair: FigurePair, vectors: Mapping[str, Vectors]) -> float:
    """Return by how much the statement's words are nearer to those of the other figure."""

    def near(words: str, others: Sequence[str]) -> float:
        return max(float(vectors[words] @ vectors[other]) for other in others)

    (first, second), (beside_first, beside_second) = pair.stated, pair.posted
    direct = near(first, beside_first) + near(second, beside_second)
    return near(first, beside_second) + near(second, beside_first) - direct


def _compare_words(pair: FigurePair) -> float:
    """Return how many more names and words the figures share crosswise than directly."""
    stated = [(text,) for text in pair.stated]
    sets = (*stated, *pair.posted)
    names = _cross([_names(texts) for texts in sets], _count_shared)
    first, second, beside_first, beside_second = map(_words, sets)
    alone = first - second, second - first
    alone_beside = beside_first - beside_second, beside_second - beside_first
    return NAME * names + WORD * _cross([*alone, *alone_beside], _share)


def _cross(sets: Sequence[set[str]], measure: Callable[[set[str], set[str]], float]) -> float:
    first, second, beside_first, beside_second = sets
    direct = measure(first, beside_first) + measure(second, beside_second)
    return measure(first, beside_second) + measure(second, beside_first) - direct


def _count_shared(words: set[str], others: set[str]) -> float:
    return len(words & others)


def _share(words: set[str], others: set[str]) -> float:
    return len(words & others) / (min(len(words), len(others)) or 1)


def _words(texts: Sequence[str]) -> set[str]:
    """Return word stems of Latin text, character pairs, and numbers; of years only the end."""
    return {piece for text in texts for piece in cut_pieces(simplify(text).lower())}


def _names(texts: Sequence[str]) -> set[str]:
    return {name.key for text in texts for _, name in find_names(text)}
