"""Link the items of daily reports that cover one event into storylines, in order of days.

Two items of one day belong together if they cite a common post. Two items of different days belong
together if they cite a common post or share names and enough rare words. Pure, and without the
encoder, because the chat process runs it.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache

from digest.models import Cited, Item, Language, Report, SectionName
from digest.select import WEIGHTS

STORY_SECTIONS: Mapping[SectionName, float] = {
    "points": 1.0,
    "events": 0.5,
    "markets": 0.4,
    "finance": 0.4,
    "ai": 0.4,
    "views": 0.3,
}
"""Sections with stories and their weights; the first represents an event in several."""
PLACE_LOSS, PERSISTENCE = 0.05, 0.4
"""Loss of weight per place further down, and the share of each further day's weight that counts."""
LONGEST_GAP = timedelta(days=14)
"""After this many days without an item, a new item starts another story."""
NEAR, NEAR_UPDATE, NEAR_SUBJECT = 0.30, 0.20, 0.05
"""Minimum cosine of names and rare words for items of two days: in general; if the later item is
marked as an update of the earlier day; if, in addition, both begin with the same name or exactly
one of them is in Chinese.

On the pairs of `tests/data/continuity.jsonl`, NEAR links 12 of 45 that are one event and 2 of the
69 near misses: a wrong link is worse than two entries.
"""
GENERAL = frozenset({"company", "institution", "person", "place"})
"""Kinds of names that occur in many stories: sharing one is no evidence."""
READ_ITEMS = 4096
"""Cache size in items: the 43 days around a story have 60 or more items each. A smaller cache would
be flushed within one trace, and every item would be read again for each page."""
POST_CHARS = 400
"""Characters of the first cited post that are added to the item's text."""

_LATIN = re.compile(r"[a-z][a-z0-9]{2,}|\d+(?:\.\d+)+")
_HAN = re.compile(r"[\u4e00-\u9fff]{2,}")


@dataclass(frozen=True, slots=True)
class Telling:
    """The items of one day's report on one story, the most prominent first."""

    day: date
    section: SectionName
    number: int
    """Position of the first item in its section, from 1."""
    items: tuple[Item, ...]
    score: float = 0.0
    """Rank score of the first item's posts on that day; 0 if no scores are stored."""

    @property
    def item(self) -> Item:
        """Return the item that represents the day."""
        return self.items[0]

    @property
    def cites(self) -> tuple[str, ...]:
        """Return the posts of all items, without duplicates."""
        return tuple(dict.fromkeys(key for item in self.items for key in item.cites))

    @property
    def weight(self) -> float:
        """Return the story's prominence in the day's report, up to 1."""
        place = max(0.3, 1 - PLACE_LOSS * (self.number - 1))
        return STORY_SECTIONS[self.section] * (place + self.score) / 2


@dataclass(frozen=True, slots=True)
class Storyline:
    """A story over several days: one telling per day, oldest first."""

    tellings: tuple[Telling, ...]
    posts: Mapping[str, Cited] = field(default_factory=dict)
    """The posts cited by its items."""

    @property
    def weight(self) -> float:
        """Return the highest weight of a day plus a share of the other days' weights."""
        weights = sorted((telling.weight for telling in self.tellings), reverse=True)
        return weights[0] + PERSISTENCE * sum(weights[1:])

    @property
    def best(self) -> Telling:
        """Return the telling with the highest weight; the latest of equals."""
        return max(self.tellings, key=lambda telling: (telling.weight, telling.day))


def trace_storylines(
    reports: Sequence[Report], language: Language | None = None
) -> list[Storyline]:
    """Return the storylines of daily reports, highest weight first. Linking does not depend on
    `language`; it selects the language of the items where reports have it."""
    days = [(report, _tell(report)) for report in sorted(reports, key=lambda daily: daily.last)]
    features = _Features([(report, telling) for report, tellings in days for telling in tellings])
    lines: list[list[Telling]] = []
    by_clue: defaultdict[str, set[int]] = defaultdict(set)
    for report, tellings in days:
        rows = [
            (features.closeness(report, telling, lines[n]), place, n)
            for place, telling in enumerate(tellings)
            for n in {n for clue in features.clues(report, telling) for n in by_clue[clue]}
            if report.last - lines[n][-1].day <= LONGEST_GAP
        ]
        taken: dict[int, int] = {}
        for closeness, place, n in sorted(rows, key=lambda row: (-row[0], row[1], -row[2])):
            if closeness and place not in taken and n not in taken.values():
                taken[place] = n
        for place, telling in enumerate(tellings):
            n = taken.get(place, len(lines))
            if n == len(lines):
                lines.append([])
            lines[n].append(telling)
            # A later item may be marked as an update of this day.
            for clue in (report.last.isoformat(), *features.clues(report, telling)):
                by_clue[clue].add(n)
    if language:
        lines = _translate(lines, [report for report, _ in days], language)
    posts = {key: post for report, _ in days for key, post in report.posts.items()}
    storylines = [
        Storyline(tuple(line), {k: posts[k] for t in line for k in t.cites if k in posts})
        for line in lines
    ]
    return sorted(storylines, key=lambda line: -line.weight)


def _translate(
    lines: Iterable[Sequence[Telling]], reports: Iterable[Report], language: Language
) -> list[list[Telling]]:
    """Return the storylines with items in that language, plus items that only it has."""
    spoken: dict[date, dict[Item, Item]] = {}
    others: list[list[Telling]] = []
    for report in reports:
        other = report.in_language(language)
        rows = [(item, report.find_counterpart(n, other)) for n, _, item in report.numbered_items()]
        spoken[report.last] = {item: row[1] for item, row in rows if row}
        items_told = set(spoken[report.last].values())
        others += [[telling] for telling in _tell(other) if not items_told & {*telling.items}]
    translated = [
        [
            replace(telling, items=items)
            for telling in line
            if (items := tuple(filter(None, map(spoken[telling.day].get, telling.items))))
        ]
        for line in lines
    ]
    return [line for line in (*translated, *others) if line]


def find_storyline(lines: Iterable[Storyline], day: date, item: Item) -> Storyline | None:
    """Return the storyline that contains an item of that day."""
    for line in lines:
        if any(telling.day == day and item in telling.items for telling in line.tellings):
            return line
    return None


def _tell(report: Report) -> list[Telling]:
    """Return the events of one report: items that cite a common post are one event."""
    rows = [
        (name, number, item)
        for name in STORY_SECTIONS
        for number, item in enumerate(
            (item for item in report.section(name).items if item.status != "note"), 1
        )
    ]
    tellings: list[Telling] = []
    owner: dict[str, int] = {}
    for name, number, item in rows:
        place = next((owner[key] for key in item.cites if key in owner), None)
        if place is None:
            place = len(tellings)
            tellings.append(Telling(report.last, name, number, (item,), _score(report, item)))
        else:
            old = tellings[place]
            tellings[place] = replace(old, items=(*old.items, item))
        owner.update((key, place) for key in item.cites if key not in owner)
    return tellings


def _score(report: Report, item: Item) -> float:
    why = next((p.why for key in item.cites if (p := report.posts.get(key)) and p.why), {})
    return sum(WEIGHTS[name] * part for name, part in why.items() if name in WEIGHTS)


@dataclass(frozen=True, slots=True)
class _Words:
    """Words of a telling. `names`: specific names, which can distinguish stories. `subject`: the
    first name."""

    names: frozenset[str]
    all: frozenset[str]
    subject: str
    is_chinese: bool


class _Features:
    """Weighted words of all tellings; a word that occurs every day has little weight."""

    def __init__(self, tellings: Sequence[tuple[Report, Telling]]) -> None:
        self._words = {
            id(telling): _read_words(_text_of(report, telling)) for report, telling in tellings
        }
        counts = Counter(word for words in self._words.values() for word in words.all)
        total = len(tellings) + 1
        self._weights = {word: math.log(total / n) + 0.1 for word, n in counts.items()}
        self._norms = {
            key: math.sqrt(sum(map(self._weights.__getitem__, words.all))) or 1.0
            for key, words in self._words.items()
        }

    def clues(self, report: Report, telling: Telling) -> frozenset[str]:
        """Return keys of which two tellings must share one to be compared: cited posts, specific
        names, and days that the later telling is marked as an update of."""
        earlier = _list_earlier(report, telling)
        return self._words[id(telling)].names | frozenset(telling.cites) | earlier

    def closeness(self, report: Report, telling: Telling, line: Sequence[Telling]) -> float:
        """Return how closely a telling follows a storyline: 2 for a common post, otherwise the
        highest cosine with one of its days; 0 if it does not follow."""
        keys = set(telling.cites)
        if any(keys & set(other.cites) for other in line):
            return 2.0
        earlier = _list_earlier(report, telling)
        best = 0.0
        for other in line:
            least = NEAR
            is_update = other.day.isoformat() in earlier
            if is_update:
                words, other_words = self._words[id(telling)], self._words[id(other)]
                shared = words.subject and words.subject == other_words.subject
                # A Chinese and an English text can share only names.
                alike = shared or words.is_chinese != other_words.is_chinese
                least = NEAR_SUBJECT if alike else NEAR_UPDATE
            cosine = self._cosine(telling, other, is_update=is_update)
            if cosine >= least:
                best = max(best, cosine + NEAR - least)
        return best

    def _cosine(self, left: Telling, right: Telling, *, is_update: bool) -> float:
        words, other_words = self._words[id(left)], self._words[id(right)]
        if not (is_update or words.names & other_words.names):
            return 0.0
        is_about = words.subject in other_words.all or other_words.subject in words.all
        if (words.subject or other_words.subject) and not is_about:
            return 0.0  # for example a rival's product compared with yesterday's
        shared = sum(map(self._weights.__getitem__, words.all & other_words.all))
        return shared / (self._norms[id(left)] * self._norms[id(right)])


def _list_earlier(report: Report, telling: Telling) -> frozenset[str]:
    """Return the days that the telling's posts are marked as updates of."""
    posts = (report.posts[key] for key in telling.cites if key in report.posts)
    return frozenset(post.earlier for post in posts if post.earlier)


def _text_of(report: Report, telling: Telling) -> str:
    item = telling.item
    title = "" if telling.section == "views" else item.title  # there, the title is the speaker
    post = next((report.posts[key] for key in item.cites if key in report.posts), None)
    return f"{title}\n{item.text}\n{post.text[:POST_CHARS] if post else ''}"


@lru_cache(maxsize=READ_ITEMS)
def _read_words(item_text: str) -> _Words:
    # Imported here so that the bot starts without the text reading code.
    from digest.reading.names import find_names, simplify

    text = simplify(item_text)
    mentions = [name for _, name in sorted(find_names(text), key=lambda placed: placed[0])]
    names = frozenset(name.key for name in mentions)
    specific = frozenset(name.key for name in mentions if name.kind not in GENERAL)
    latin = _LATIN.findall(text.lower())
    pairs = frozenset(run[at : at + 2] for run in _HAN.findall(text) for at in range(len(run) - 1))
    subject = mentions[0].key if mentions else ""
    return _Words(specific, names | frozenset(latin) | pairs, subject, bool(pairs))
