"""Split clusters that joined two events: posts that the encoder finds apart are two stories.

One of the two would be hidden behind the other's leading post, where no editor finds it. A story
that was split wrongly costs a line: where there is a model, it unites it again.
"""

from collections.abc import Iterable

from digest.reading import Reading
from digest.reading.contrast import is_opposite
from digest.select.embed import has_encoder

APART, APART_COMPANY, APART_LANGUAGES = 0.50, 0.60, 0.40
"""Cosine below which two posts tell of two events: without a common name, with no more in common
than one company, and in two languages. Set on the four days read by an editor: of 22 posts that are
split off there, 16 belong to another event or to none."""
APART_VERSIONS = 0.60
"""The same where each names a numbered product that the other does not."""
DENIED = 0.85
"""Cosine from which one of two texts in nearly the same words may deny the other."""
MAX_VERSIONS = 2
"""Numbered products in a post that is about them; more are a comparison."""
LEAST_DIGITS = 3
LEAST_PIECE = 4
"""Letters of a piece of a name that two posts may share by more than chance: "API", "GPT"."""
BROAD = frozenset(["company", "institution", "place", "title", "coin"])
"""Kinds of names that many events of a day have in common."""


def split_readings(readings: Iterable[Reading]) -> list[list[Reading]]:
    """Return the readings of a story in groups: each reading is apart from all of the groups before
    its own. Without the encoder they stay together: n-grams find two languages
    apart, whatever these tell."""
    if not has_encoder():
        return [list(readings)]
    groups: list[list[Reading]] = []
    for reading in readings:
        group = next((g for g in groups if not all(is_apart(r, reading) for r in g)), None)
        if group is None:
            groups.append([reading])
        else:
            group.append(reading)
    return groups


def is_apart(first: Reading, second: Reading) -> bool:
    """Return True where two posts tell of two events, by their meaning and the names they share."""
    if first.vector is None or second.vector is None:
        return False
    if not (first.vector.any() and second.vector.any()):
        return False  # one of the many that were not encoded
    versions, others = list_versions(first.name_keys), list_versions(second.name_keys)
    shared = first.name_keys & second.name_keys
    cosine = float(first.vector @ second.vector)
    if cosine >= DENIED and is_opposite(first.plain, second.plain):
        return True  # a statement and its denial: neither may stand for both
    if any(a <= b or b <= a for a in versions for b in others) or len(shared) > 1:
        return False
    if _pieces(first) & _pieces(second) or list_figures(first) & list_figures(second):
        return False
    if versions and others and max(len(versions), len(others)) <= MAX_VERSIONS:
        return cosine < APART_VERSIONS
    if first.post.author and first.post.author == second.post.author:
        return False  # a thread
    if first.language != second.language:
        return cosine < APART_LANGUAGES
    return cosine < (APART_COMPANY if shared else APART)


def list_versions(keys: Iterable[str]) -> list[set[str]]:
    """Return the pieces of each name with a number."""
    return [set(key.casefold().split()) for key in keys if any(map(str.isdigit, key))]


def _pieces(reading: Reading) -> set[str]:
    """Return the pieces of the names that few events of a day have in common."""
    keys = {name.key.casefold() for name in reading.names if name.kind not in BROAD}
    return {piece for key in keys for piece in key.split() if len(piece) >= LEAST_PIECE}


def list_figures(reading: Reading) -> set[str]:
    """Return figures that are hardly shared by chance: 171.30, 13 billion dollars, no version."""
    digits = {term: term.replace(".", "") for term in reading.terms}
    return {term for term, d in digits.items() if d.isdigit() and len(d) >= LEAST_DIGITS}
