"""Split clusters that joined two events: posts far apart for the encoder become two stories.

Otherwise one event would be hidden behind the leading post of the other, where no editor finds it.
A wrong split costs one line, and a model can merge the stories again.
"""

from collections.abc import Iterable

from digest.reading import Reading
from digest.reading.contrast import is_opposite
from digest.select.embed import has_encoder

APART, APART_COMPANY, APART_LANGUAGES = 0.50, 0.60, 0.40
"""Cosine below which two posts are two events: without a common name, sharing only one company, in
two languages. Tuned on four days read by an editor: of the 22 posts split off there, 16 belong to
another event or to none."""
APART_VERSIONS = 0.60
"""The same if each has a numbered product that the other has not."""
DENIED = 0.85
"""Cosine from which two opposite texts are a statement and its denial."""
MAX_VERSIONS = 2
"""Maximum numbered products in a post about them; more are a comparison."""
THREAD_MINUTES = 15
"""Minutes between two posts of one author within which they may be a thread."""
MIN_DIGITS = 3
MIN_PIECE = 4
"""Letters of a part of a name from which it is not shared by chance, as "API" and "GPT" are."""
BROAD = frozenset(["company", "institution", "place", "title", "coin"])
"""Kinds of names that many events of a day share."""


def split_readings(readings: Iterable[Reading]) -> list[list[Reading]]:
    """Return the readings of a story in groups, so that each reading is apart from all readings of
    the groups before its own. Without the encoder they stay together, because n-grams
    place texts in two languages far apart, whatever they say."""
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
    """Return True if two posts report two events, by their meaning and the names they share."""
    if first.vector is None or second.vector is None:
        return False
    if not (first.vector.any() and second.vector.any()):
        return False  # at least one was not encoded
    versions, others = list_versions(first.name_keys), list_versions(second.name_keys)
    shared = first.name_keys & second.name_keys
    cosine = float(first.vector @ second.vector)
    if cosine >= DENIED and is_opposite(first.plain, second.plain):
        return True  # a statement and its denial cannot represent each other
    if any(a <= b or b <= a for a in versions for b in others) or len(shared) > 1:
        return False
    if _name_parts(first) & _name_parts(second) or list_figures(first) & list_figures(second):
        return False
    if versions and others and max(len(versions), len(others)) <= MAX_VERSIONS:
        return cosine < APART_VERSIONS
    minutes = abs((first.post.created_at - second.post.created_at).total_seconds()) / 60
    is_one_author = first.post.author and first.post.author == second.post.author
    if is_one_author and minutes <= THREAD_MINUTES:
        return False  # a thread
    if first.language != second.language:
        return cosine < APART_LANGUAGES
    return cosine < (APART_COMPANY if shared else APART)


def list_versions(keys: Iterable[str]) -> list[set[str]]:
    """Return the parts of each name with a number."""
    return [set(key.casefold().split()) for key in keys if any(map(str.isdigit, key))]


def _name_parts(reading: Reading) -> set[str]:
    """Return the parts of the names, without kinds that many events of a day share."""
    keys = {name.key.casefold() for name in reading.names if name.kind not in BROAD}
    return {piece for key in keys for piece in key.split() if len(piece) >= MIN_PIECE}


def list_figures(reading: Reading) -> set[str]:
    """Return figures that are rarely shared by chance: 171.30, 13 billion dollars; no versions."""
    digits = {term: term.replace(".", "") for term in reading.terms}
    return {term for term, d in digits.items() if d.isdigit() and len(d) >= MIN_DIGITS}
