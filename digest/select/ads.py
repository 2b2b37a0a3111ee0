"""Drop advertisements: by their phrases (`digest/vocabulary/ads.toml`) and by the other posts of
their authors. (`relevance` drops those of which the trained head is sure.)"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain

from digest.models import Dropped
from digest.reading import Reading
from digest.reading.vocabulary import count_words_of, load_table
from digest.text import replace_links

THRESHOLD = 2
"""Total weight of phrases from which a post is an advertisement. A weak phrase alone is not enough,
so that news about a sale or a course is not dropped as an offer."""
GAP_CHARS = 60
"""Maximum characters between the parts of a phrase."""
MOSTLY = 0.4
"""Share of advertisements in an author's posts (four or more) that makes the author a promoter."""
REPEATS = 3
"""Equal posts of one author that count as a pitch; authors of equal posts about a coin, apart from
the figures, that count as a tip."""
COIN_WORDS = 2
"""Minimum words about coins in a post about a coin, because language models have tokens too."""
PITCH_CHARS = 20
"""Characters from which equal texts are no coincidence."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase of advertisements: its normalized parts, its reason and its weight."""

    parts: tuple[str, ...]
    reason: str
    weight: int

    def occurs_in(self, text: str) -> bool:
        """Return True if a normalized text has the parts in this order, close to each other."""
        start = text.find(self.parts[0])
        while start >= 0:
            end = start + len(self.parts[0])
            for part in self.parts[1:]:
                place = text.find(part, end - 1, end + GAP_CHARS + len(part))
                if place < 0:
                    break
                end = place + len(part)
            else:
                return True
            start = text.find(self.parts[0], start + 1)
        return False


class _Letters(dict[int, str]):
    """Map characters to their normalized form, computed at the first use."""

    def __missing__(self, code: int) -> str:
        c = chr(code)
        self[code] = "#" if c.isdigit() else c if c.isalnum() or c in "%&+'#-：【】" else " "
        return self[code]


_LETTERS = _Letters({ord("’"): "'"})


def normalize(text: str) -> str:
    """Return the words in lower case between single blanks, with "#" for each number."""
    letters = replace_links(text, " ").lower().translate(_LETTERS)
    while "##" in letters:
        letters = letters.replace("##", "#")
    return f" {' '.join(letters.split())} "


@cache
def load_phrases() -> tuple[Phrase, ...]:
    """Return the phrases of the vocabulary, strong ones first."""
    phrases = []
    for reason, table in load_table("ads").items():
        for line in filter(None, table["words"].splitlines()):
            parts = tuple(_bound(normalize(part)) for part in line.split("…"))
            phrases.append(Phrase(parts, "promo" if reason == "weak" else reason, table["weight"]))
    return tuple(phrases)


@cache
def _index_phrases() -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Return the indices of phrases by first word, and by first part where it is not Latin."""
    by_word: dict[str, list[int]] = {}
    by_part: dict[str, list[int]] = {}
    for place, phrase in enumerate(load_phrases()):
        part = phrase.parts[0]
        first = part.split()[0]
        index, key = (by_word, first) if first.isascii() else (by_part, part)
        index.setdefault(key, []).append(place)
    return by_word, by_part


def _bound(part: str) -> str:
    """Return the part with blanks at its Latin ends; Chinese has no blanks between words."""
    start = "" if part[1] > "\u2e7f" else " "
    end = "" if part[-2] > "\u2e7f" else " "
    return f"{start}{part.strip()}{end}"


def find_reason(text: str) -> str:
    """Return the reason if a text has the phrases of an advertisement, else ""."""
    normalized = normalize(text)
    weak = 0
    by_word, by_part = _index_phrases()
    places = [by_word[word] for word in by_word.keys() & set(normalized.split())]
    if not normalized.isascii():
        places += [by_part[part] for part in by_part if part in normalized]
    for phrase in map(load_phrases().__getitem__, sorted(chain(*places))):
        if phrase.occurs_in(normalized):
            weak += phrase.weight
            if phrase.weight >= THRESHOLD or weak >= THRESHOLD:
                return phrase.reason
    return ""


def drop_ads(readings: Sequence[Reading]) -> tuple[list[Reading], list[Dropped]]:
    """Return the readings without advertisements, and the dropped ones with their reasons.

    An author who repeats a pitch, or whose posts of these days are mostly advertisements, is a
    promoter; the author's other posts are dropped too, as milder advertisements. If several authors
    post the same words about a coin with different figures, these are tips.
    """
    reasons = {r.key: find_reason(r.text) for r in readings}
    pitches = Counter((r.post.author, r.plain.casefold()) for r in readings)
    for r in readings:
        words = r.plain.casefold()
        if r.post.author and len(words) > PITCH_CHARS and pitches[r.post.author, words] >= REPEATS:
            reasons[r.key] = reasons[r.key] or "promo"
    for variants in _group_variants(readings):
        differing = len({r.plain for r in variants})
        if min(differing, len({r.post.author for r in variants} - {""})) >= REPEATS:
            reasons |= {r.key: reasons[r.key] or "token" for r in variants}
    written = Counter(r.post.author for r in readings)
    sold = Counter(r.post.author for r in readings if reasons[r.key])
    for r in readings:
        author = r.post.author
        if author and written[author] >= 4 and sold[author] >= MOSTLY * written[author]:
            reasons[r.key] = reasons[r.key] or "promo"
    dropped = [Dropped(r.key, "ads", reasons[r.key]) for r in readings if reasons[r.key]]
    return [r for r in readings if not reasons[r.key]], dropped


def _group_variants(readings: Sequence[Reading]) -> Iterable[list[Reading]]:
    """Return the readings about coins, grouped by their words without figures."""
    groups: defaultdict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        if count_words_of(reading.text, "money", "coins") >= COIN_WORDS:
            groups[normalize(reading.plain)].append(reading)
    return groups.values()
