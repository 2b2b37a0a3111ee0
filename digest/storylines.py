"""Stories over several days: items of daily reports that tell of one event, in order of their days.

Items of one day belong together where they cite a common post; items of two days where they cite a
common post, or share names and enough rare words. Pure, and without the encoder: the process that
talks to people does this.
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

TOLD_IN: Mapping[SectionName, float] = {
    "points": 1.0,
    "events": 0.5,
    "markets": 0.4,
    "finance": 0.4,
    "ai": 0.4,
    "views": 0.3,
}
"""Sections that tell stories, the one that represents an event first, with their weights."""
PLACE_LOSS, PERSISTENCE = 0.05, 0.4
"""What each place further down takes off, and the share of a further day's that counts."""
LONGEST_GAP = timedelta(days=14)
"""Days without a word after which it is another story."""
NEAR, NEAR_UPDATE, NEAR_SUBJECT = 0.30, 0.20, 0.05
"""Cosine of names and rare words from which items of two days tell of one event; where the later
one was marked as an update of the earlier day; where both begin with one name besides, or one is
in Chinese and the other is not.

On the pairs of `tests/data/continuity.jsonl` the first links 12 of 45 that are one event and 2 of
the 69 near misses: a wrong link is worse than two entries.
"""
GENERAL = frozenset({"company", "institution", "person", "place"})
"""Kinds of names that stand in many stories: sharing one proves nothing."""
READ_ITEMS = 1024
"""Items whose words are remembered: readers open the sections of one week one after another."""
POST_CHARS = 400
"""Characters of the first cited post that count as the item's own words."""

_LATIN = re.compile(r"[a-z][a-z0-9]{2,}|\d+(?:\.\d+)+")
_HAN = re.compile(r"[\u4e00-\u9fff]{2,}")


@dataclass(frozen=True, slots=True)
class Telling:
    """What one day's report tells of a story: its first item on it, and all that belong to it."""

    day: date
    section: SectionName
    number: int
    """Place of the first item in its section, from 1."""
    items: tuple[Item, ...]
    score: float = 0.0
    """Of the posts of the first item, as its day ranked them; 0 where no scores are stored."""

    @property
    def item(self) -> Item:
        """Return the item that represents the day."""
        return self.items[0]

    @property
    def cites(self) -> tuple[str, ...]:
        """Return the posts of all its items, each once."""
        return tuple(dict.fromkeys(key for item in self.items for key in item.cites))

    @property
    def weight(self) -> float:
        """Return how prominent the day's report made it, up to 1."""
        place = max(0.3, 1 - PLACE_LOSS * (self.number - 1))
        return TOLD_IN[self.section] * (place + self.score) / 2


@dataclass(frozen=True, slots=True)
class Storyline:
    """A story with one telling a day, oldest first."""

    tellings: tuple[Telling, ...]
    posts: Mapping[str, Cited] = field(default_factory=dict)
    """The posts that its items cite."""

    @property
    def weight(self) -> float:
        """Return its best day's weight with a share of those of the other days."""
        weights = sorted((telling.weight for telling in self.tellings), reverse=True)
        return weights[0] + PERSISTENCE * sum(weights[1:])

    @property
    def best(self) -> Telling:
        """Return the telling that its reports made most of; of equal ones the latest."""
        return max(self.tellings, key=lambda telling: (telling.weight, telling.day))


def trace_storylines(
    reports: Sequence[Report], language: Language | None = None
) -> list[Storyline]:
    """Return the stories of daily reports, the weightiest first: the same ones in each language,
    told in `language` by the reports that have it."""
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
            # A later day may say that it goes on with something of this one.
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
    """Return the stories in the items of a language, and those that only that language tells."""
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
    """Return the story that an item of that day belongs to."""
    for line in lines:
        if any(telling.day == day and item in telling.items for telling in line.tellings):
            return line
    return None


def _tell(report: Report) -> list[Telling]:
    """Return the events of one report: items that cite a common post are one."""
    rows = [
        (name, number, item)
        for name in TOLD_IN
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
    """Words of a telling; `names` are those that may tell its story from others, `subject` is the
    name that comes first."""

    names: frozenset[str]
    all: frozenset[str]
    subject: str
    is_chinese: bool


class _Features:
    """Words of all tellings with their weights: a word of every day tells nothing."""

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
        """Return what stories must have in common: a post, a name of its own or the day that the
        later one was marked as an update of."""
        earlier = _list_earlier(report, telling)
        return self._words[id(telling)].names | frozenset(telling.cites) | earlier

    def closeness(self, report: Report, telling: Telling, line: Sequence[Telling]) -> float:
        """Return how surely a telling goes on with a story, 0 where it does not: 2 for a common
        post, else the highest cosine with one of its days."""
        keys = set(telling.cites)
        if any(keys & set(other.cites) for other in line):
            return 2.0
        earlier = _list_earlier(report, telling)
        best = 0.0
        for other in line:
            least = NEAR
            is_update = other.day.isoformat() in earlier
            if is_update:
                mine, theirs = self._words[id(telling)], self._words[id(other)]
                shared = mine.subject and mine.subject == theirs.subject
                # A Chinese and an English text have nothing but names in common.
                alike = shared or mine.is_chinese != theirs.is_chinese
                least = NEAR_SUBJECT if alike else NEAR_UPDATE
            cosine = self._cosine(telling, other, is_update=is_update)
            if cosine >= least:
                best = max(best, cosine + NEAR - least)
        return best

    def _cosine(self, left: Telling, right: Telling, *, is_update: bool) -> float:
        mine, other = self._words[id(left)], self._words[id(right)]
        if not (is_update or mine.names & other.names):
            return 0.0
        is_about = mine.subject in other.all or other.subject in mine.all
        if (mine.subject or other.subject) and not is_about:
            return 0.0  # a rival's product, compared with the one of the day before
        shared = sum(map(self._weights.__getitem__, mine.all & other.all))
        return shared / (self._norms[id(left)] * self._norms[id(right)])


def _list_earlier(report: Report, telling: Telling) -> frozenset[str]:
    """Return the days that the posts of a telling were marked as updates of."""
    posts = (report.posts[key] for key in telling.cites if key in report.posts)
    return frozenset(post.earlier for post in posts if post.earlier)


def _text_of(report: Report, telling: Telling) -> str:
    item = telling.item
    title = "" if telling.section == "views" else item.title  # who speaks, of whatever it is
    post = next((report.posts[key] for key in item.cites if key in report.posts), None)
    return f"{title}\n{item.text}\n{post.text[:POST_CHARS] if post else ''}"


@lru_cache(maxsize=READ_ITEMS)
def _read_words(item_text: str) -> _Words:
    # Imported here: the bot starts without what reads texts.
    from digest.reading.names import find_names, simplify

    text = simplify(item_text)
    mentions = [name for _, name in sorted(find_names(text), key=lambda placed: placed[0])]
    names = frozenset(name.key for name in mentions)
    specific = frozenset(name.key for name in mentions if name.kind not in GENERAL)
    latin = _LATIN.findall(text.lower())
    pairs = frozenset(run[at : at + 2] for run in _HAN.findall(text) for at in range(len(run) - 1))
    subject = mentions[0].key if mentions else ""
    return _Words(specific, names | frozenset(latin) | pairs, subject, bool(pairs))
