"""Read the evidence in cited posts: figures, days, names, authors and sources."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from itertools import chain, count, product
from typing import Any
from urllib.parse import urlsplit

from digest.models import Post
from digest.reading.amounts import find_amounts, find_cues, find_durations
from digest.reading.assets import find_tickers
from digest.reading.contexts import (
    count_entries,
    find_aim,
    find_direction,
    find_moves,
    find_pace,
    join_amounts,
)
from digest.reading.days import (
    Day,
    Hour,
    Term,
    as_day,
    blank_days,
    find_days,
    find_hours,
    find_short_days,
    find_spans,
    find_terms,
    resolve_days,
    spell_weekdays,
    translate_months,
)
from digest.reading.markup import blank_handles, drop_short_links, find_handles, fold_text
from digest.reading.mentions import Mentions, follows_name, join_versions, read_mentions
from digest.reading.numerals import find_bare_scales, find_roman
from digest.reading.sentences import strip_context
from digest.reading.units import YEARS, Amount, Quantity
from digest.reading.vocabulary import CURRENCIES
from digest.text import language
from digest.write.verify.figures import MAX_COUNTED, read_parts

_SOURCES = {
    "hn": "Hacker News HN",
    "reddit": "Reddit Redditor Redditors",
    "v2ex": "V2EX",
    "x": "X Twitter 推特",
    "rss": "",
}
CHANGES = CURRENCIES | {"percent", "pp", "bp"}
"""Units of figures that can rise and fall."""
SPAN_DAYS = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.4, "year": 365.25}
_SPELLED = (
    ("majority", 50.0, "percent"),
    ("third_part", 100 / 3, "percent"),
    ("whole_year", 1.0, "year"),
    ("decade", 10.0, "year"),
    ("century", 100.0, "year"),
    ("millennium", 1000.0, "year"),
    ("fortnight", 2.0, "week"),
    ("pair", 2.0, ""),
    ("trio", 3.0, ""),
    ("nonstop", 24.0, "hour"),
    ("nonstop", 7.0, "day"),
    ("multimillion", 2e6, ""),
)
"""Figures implied by words, by table of `vocabulary/figures.toml`."""
_BESIDE = (
    *(("year", "next_year", 1), ("year", "last_year", -1), ("year", "year_before", -1)),
    *(("month", "next_month", 1), ("month", "last_month", -1), ("month", "month_before", -1)),
)
"""Neighbouring years and months of the post's own, by table of `vocabulary/figures.toml`."""
MIN_SIZE = 1e6
"""Place value of the last digit from which a number inside a name is a size."""
_OPERANDS = frozenset({"number", "share", "multiple"})
MAX_SHIFT_DAYS = 366
"""Maximum days from a post to a day or month that it means by "in six weeks"."""
FIRST_YEAR = 1400.0
"""Smallest bare number that may be a year."""
MAX_YEARS = 100
"""Maximum years from a post back to the year that it means by "three years ago"."""
ZONES = (-8, 0, 9)
"""Offsets from UTC, in hours, in which a post's own day is determined: from California to Japan."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure of a post with its direction (1 up, -1 down), its aim ("by" or "to") and the time
    units of its rate."""

    amount: Amount
    direction: int
    aim: str
    pace: frozenset[str]


@dataclass(frozen=True)
class Evidence:
    """The evidence in one post or, joined, in several."""

    text: str
    languages: frozenset[str]
    amounts: tuple[Amount, ...]
    operands: tuple[Amount, ...]
    """Figures that can be added or compared; not part of a name, date, version or ranking."""
    facts: tuple[Fact, ...]
    moves: tuple[tuple[Amount, Amount], ...]
    """Start and end value of each "from ... to ..."."""
    days: tuple[Day, ...]
    """Days that the posts name, or mean by "yesterday" and 周五."""
    short_days: tuple[Day, ...]
    """Days in the short form 10/24 or 10.19, which may also be versions."""
    own_days: tuple[Day, ...]
    """Days on which the posts were written, in any of ZONES."""
    names_days: bool
    names_weekdays: bool
    hours: tuple[Hour, ...]
    created: tuple[datetime, ...]
    terms: frozenset[str]
    spans: frozenset[str]
    lists: frozenset[int]
    ranks: tuple[Amount, ...]
    """Figures that may be ranks."""
    handles: frozenset[str]
    authors: frozenset[str]

    @cached_property
    def mentions(self) -> Mentions:
        """Return the names in the posts, including authors and sources."""
        return read_mentions(self.text, self.languages, self.authors)


def read_evidence(posts: Sequence[Post]) -> Evidence:
    """Return the joined evidence of the posts, without what they quote from others."""
    parts = [
        _read(p.source, p.url, p.author, p.author_name, strip_context(p.text), p.created_at)
        for p in posts
    ]
    if len(parts) == 1:
        return parts[0]
    joined = {f.name: _join([getattr(part, f.name) for part in parts]) for f in fields(Evidence)}
    return Evidence(**joined | {"lists": joined["lists"] | {len(parts)}})


def _join(values: Sequence[Any]) -> Any:
    match values[0]:
        case str():
            return "\n".join(values)
        case bool():
            return any(values)
        case frozenset():
            return frozenset().union(*values)
        case _:
            return tuple(chain.from_iterable(values))


@lru_cache(maxsize=512)  # an item is verified as a whole and sentence by sentence
def _read(
    source: str, url: str, author: str, author_name: str, posted: str, created: datetime
) -> Evidence:
    words = join_versions(drop_short_links(fold_text(posted)))
    if language(posted) == "other":
        words = translate_months(words)
    name = fold_text(author_name)
    name = name.title() if name.islower() else name
    text = f"{name} @{fold_text(author)} {_name_source(source, url)}\n{words}"
    bare = blank_days(words)
    days, terms = find_days(words), find_terms(spell_weekdays(words))
    short_days = find_short_days(bare)
    numbers = find_amounts(bare)
    if language(posted) not in ("en", "zh"):
        numbers = [replace(n, counts=False) for n in numbers]  # the counted noun is not English
    lengths = list_lengths(numbers)
    own_days = [as_day((created + timedelta(hours=shift)).date()) for shift in ZONES]
    implied = [as_day(day) for day in resolve_days(words, terms, created, lengths, days)]
    if any(find_cues(words, "today")):  # 23 years ago today
        years = [created.year + away for away in _find_years_away(words, numbers)]
        implied += [replace(day, year=year) for day, year in product(own_days, years)]
    parts = (*read_parts(numbers), *join_amounts(bare, numbers))
    amounts = (
        *numbers,
        *find_amounts(words),
        *find_amounts(f"{name} {author}"),
        *parts,
        *_list_shifts(numbers, bare),
        *_other_amounts(words, (*days, *short_days, *implied), terms),
        *_count_years(terms, numbers, created),
    )
    return Evidence(
        text,
        frozenset({language(posted)}),
        tuple(dict.fromkeys(amounts)),
        (*_select_operands(numbers, blank_handles(bare)), *parts),
        tuple(
            Fact(
                amount,
                find_direction(bare, amount),
                find_aim(bare, amount),
                find_pace(bare, amount),
            )
            for amount in numbers
        ),
        tuple(find_moves(bare, numbers)),
        (*days, *implied),
        tuple(short_days),
        tuple(dict.fromkeys(own_days)),
        bool(days),
        any(term.value.startswith("weekday") for term in terms),
        tuple(find_hours(words)),
        (created,),
        frozenset(_list_terms(words, terms, (*days, *implied), created, numbers)),
        frozenset(find_spans(words, amounts, terms)),
        frozenset(_list_sizes(words, numbers)),
        tuple(_select_ranks(amounts, bare)),
        frozenset({author.lower(), *(handle.lower() for handle in find_handles(text))}),
        frozenset(filter(None, (name.lower(), author.lower()))),
    )


def _list_sizes(words: str, numbers: Sequence[Amount]) -> Iterator[int]:
    """Yield the lengths of the posts' lists (also "first" to "fourth"), and their numbers of
    handles and tickers."""
    ranks = {amount.value for amount in numbers if amount.kind == "rank"}
    yield next(place for place in count() if place + 1 not in ranks)
    yield from count_entries(words)
    yield len(set(find_handles(words)))
    yield len({ticker for _, ticker in find_tickers(words)})


def _name_source(source: str, url: str) -> str:
    """Return the names of a source that a report may use: its own, the site's, the subreddit's."""
    address = urlsplit(url)
    host = (address.hostname or "").removeprefix("www.").rpartition(".")[0]
    parts = address.path.split("/")
    forum = f"r/{parts[2]}" if parts[1:2] == ["r"] and len(parts) > 2 else ""
    return " ".join((_SOURCES.get(source, source), host, forum))


def _select_operands(numbers: Sequence[Amount], bare: str) -> Iterator[Amount]:
    for amount in numbers:
        behind = bare[amount.end : amount.end + 2]
        named = amount.in_name and amount.step < MIN_SIZE  # 72B of a model is a size
        year = amount.text in YEARS and amount.value % 100
        handle = not bare[amount.start : amount.end].strip()
        opens_line = not bare[: amount.start].rpartition("\n")[2].strip()
        entry = opens_line and behind[:1] in (".", ")", "、")
        # "It's been a quarter" is not 25%.
        time = amount.text.endswith("quarter") and bare[amount.end :].split()[:1] != ["of"]
        if amount.kind == "rank" and amount.text[:3].lower() == "top":
            yield replace(amount, quantities=(Quantity(amount.value, "count"),), kind="number")
        elif amount.kind in _OPERANDS and not (named or year or entry or handle or time):
            yield amount


def _select_ranks(amounts: Sequence[Amount], bare: str) -> Iterator[Amount]:
    """Yield the figures that may be ranks: not the 4.5 that may be a day, and no number inside a
    name if the post has explicit ranks."""
    ranked = any(amount.kind == "rank" and amount.value > 1 for amount in amounts)
    for amount in amounts:
        named = amount.in_name or (not amount.unit and follows_name(bare, amount.start))
        if amount.kind == "rank" or not ("." in amount.text or (ranked and named)):
            yield amount


def _other_amounts(words: str, days: Sequence[Day], terms: Sequence[Term]) -> Iterator[Amount]:
    """Yield further figures that may support others: days of a month, months of a quarter, bare
    百万, and words that imply a figure ("a decade", 24/7)."""
    for day in days:
        yield Amount(0, 0, day.text, (Quantity(float(day.day), "day"),))
    yield from find_durations(words)
    for numeral in find_bare_scales(words):
        text = words[numeral.start : numeral.end]
        yield Amount(numeral.start, numeral.end, text, (Quantity(numeral.value, ""),))
    for table, value, unit in _SPELLED:
        for match in find_cues(words, table):
            yield Amount(*match.span(), match.group(), (Quantity(value, unit),))
    for match in find_cues(words, "decades"):  # 几十年
        quantities = (Quantity(10.0, ""),)
        yield Amount(*match.span(), match.group(), quantities, kind="magnitude", below=100.0)
    for word, value in find_roman(words):
        yield Amount(0, 0, word, (Quantity(value, "rank"),))
    for term in terms:
        if months := {"quarter": 3.0, "half": 6.0}.get(term.value.split()[0]):
            yield Amount(term.start, term.end, term.text, (Quantity(months, "month"),))


def _list_shifts(numbers: Sequence[Amount], bare: str) -> Iterator[Amount]:
    """Yield the seven days of "7x18 小时"."""
    for number in numbers:
        hours = bare[number.end : number.end + 2]
        if number.unit == "times" and number.value <= 7 and hours.isdigit() and int(hours) <= 24:
            yield replace(number, quantities=(Quantity(number.value, "day"),))


def _count_years(
    terms: Sequence[Term], numbers: Sequence[Amount], created: datetime
) -> Iterator[Amount]:
    """Yield the number of years from each year that a post names to the post."""
    named = [float(term.value[5:]) for term in terms if term.value.startswith("year ")]
    named += [n.value for n in numbers if n.text.isdigit() and n.value > FIRST_YEAR]
    for year in named:
        if (ago := created.year - year) > MAX_COUNTED:
            yield Amount(0, 0, f"{year:g}", (Quantity(ago, "year"),))


def _list_terms(
    words: str,
    written: Sequence[Term],
    days: Sequence[Day],
    created: datetime,
    amounts: Sequence[Amount],
) -> Iterator[str]:
    """Yield the months, years, weekdays and similar terms of the post: those it names, those of its
    days, those at the distance of a named time span, and its own month and year if it names
    none."""
    terms = {term.value for term in written} | {f"month {day.month}" for day in days}
    terms |= {f"year {day.year}" for day in days if day.year}
    for first, _, second in (amount.text.partition(".") for amount in amounts):
        if first in YEARS and second.isdigit() and 0 < int(second) <= 12:
            terms |= {f"year {first}", f"month {int(second)}"}  # 2018.3——2021.3
    yield from terms
    for unit in ("month", "year"):
        if not any(term.startswith(unit) for term in terms):
            yield f"{unit} {getattr(created, unit)}"
    for unit, table, shift in _BESIDE:
        if any(find_cues(words, table)):
            month = (created.month + shift - 1) % 12 + 1
            yield f"{unit} {created.year + shift if unit == 'year' else month}"
    yield from (f"year {created.year + years}" for years in _find_years_away(words, amounts))
    for length in list_lengths(amounts):
        for at in (created - length, created + length):
            yield f"month {at.month}"


def _find_years_away(words: str, amounts: Iterable[Amount]) -> Iterator[int]:
    """Yield the years between the post and the years that it means: -5 for "five years ago", 3 for
    "in three years"."""
    for amount in amounts:
        if amount.unit == "year" and amount.value < MAX_YEARS and amount.value.is_integer():
            behind, before = words[amount.end :].lstrip(), words[: amount.start].rstrip()
            for table, sign in (("ago", -1), ("from_now", 1)):
                if any(not cue.start() for cue in find_cues(behind, table)):
                    yield sign * int(amount.value)
            if any(cue.end() == len(before) for cue in find_cues(before, "over_the_next")):
                yield int(amount.value)


def list_lengths(amounts: Sequence[Amount]) -> list[timedelta]:
    """Return the named time spans of up to a year."""
    lengths = (q.value * SPAN_DAYS.get(q.unit, 0.0) for a in amounts for q in a.quantities)
    return [timedelta(days=length) for length in lengths if 0 < length < MAX_SHIFT_DAYS]
