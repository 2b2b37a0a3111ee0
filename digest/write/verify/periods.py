"""Verify days, hours, months and time spans of a statement against its posts."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, product

from digest.reading.amounts import find_cues
from digest.reading.contexts import has_cue
from digest.reading.days import (
    Day,
    Hour,
    Term,
    as_day,
    convert_hour,
    find_days,
    find_hours,
    find_terms,
    has_short_year,
    read_spans,
)
from digest.reading.units import Amount
from digest.reading.vocabulary import load_words
from digest.write.verify.evidence import SPAN_DAYS, Evidence

_MINUTES = {"hour": 60, "minute": 1}
NOON = 720
"""Minute of the day."""
NEAR_DAYS = 30
"""Maximum days from a post to the day that it may mean by 9.19."""
BESIDE_CHARS = 12
"""Maximum characters between a day and "posts from"."""
MAX_DAYS = 20
"""Maximum days of the posts that are compared, because a calendar gives chance results."""


def find_missing_days(text: str, bare: str, evidence: Evidence) -> Iterator[str]:
    """Yield days, hours, months, years and weekdays of a statement that its posts do not have.

    `bare` is the text with days and fractions blanked out: "a quarter" of something is no period.
    """
    days, terms, hours = find_days(text), find_terms(bare), _read_hours(text)
    near = [day for day in evidence.short_days if _is_near(day, evidence)]
    meant = (*evidence.days, *_move_days(hours, evidence))
    posted = (*meant, *evidence.short_days)
    posted_terms = {*evidence.terms, *_find_day_terms((*meant, *near), evidence)}
    posted_terms |= {f"month {day.month}" for day in evidence.short_days}
    shared = any(day.matches(other) for day in days for other in posted) or any(
        term.value in posted_terms for term in terms if term.value.startswith("weekday")
    )
    # The day on which a post was written is evidence too, except if there is only one post, it
    # names days, the item has none of them, and the item does not call its day the day of a post.
    # The exception applies to the post's weekday only if the post names weekdays.
    named = evidence.names_days or any(term.startswith("weekday") for term in evidence.terms)
    silent = named and not shared and len(evidence.created) == 1

    def own_days(beside: Day | Term) -> Sequence[Day]:
        around = text[max(0, beside.start - BESIDE_CHARS) : beside.end + BESIDE_CHARS]
        return () if silent and not has_cue(around, "posting") else evidence.own_days

    for day in days:
        if not any(day.matches(other) for other in (*posted, *own_days(day))):
            yield day.text
    yield from (hour.text for hour in hours if not _has_hour(hour, evidence))
    for term in terms:
        kind, _, value = term.value.partition(" ")
        number = float(value) if value.isdigit() else 0.0
        numbered = (
            _has_number(number, evidence) or has_short_year(int(number), evidence.text)
            if kind == "year"
            else kind == "quarter" and _has_number(number, evidence)  # 第二季 is also a season
        )
        own_weekdays = own_days(term) if evidence.names_weekdays else evidence.own_days
        own = _find_day_terms(own_weekdays, evidence) if kind == "weekday" else ()
        if term.value not in {*posted_terms, *own} and not numbered:
            yield term.text
    if evidence.languages <= {"en", "zh"}:
        yield from _find_missing_relatives(text, (*meant, *near), posted_terms, evidence)


def _find_missing_relatives(
    text: str, days: Sequence[Day], terms: Set[str], evidence: Evidence
) -> Iterator[str]:
    """Yield "yesterday", 上周, "next month" and the like if the posts neither say so nor name a day
    in that period."""
    created, dates = evidence.created[0].date(), list(_list_dates(days, evidence))
    dates += [at.date() for at in evidence.created[1:]]
    gaps = {(at - created).days for at in dates}
    gaps |= {(at - day).days for at in dates for day in _list_dates(evidence.own_days, evidence)}
    for sign, table in ((-1, "last"), (1, "next")):
        month = (created.month + sign - 1) % 12 + 1
        beyond = any(f"month {n}" in terms for n in range(1, 13) if (n - created.month) * sign < 0)
        given = {
            "yesterday" if sign < 0 else "tomorrow": sign in gaps,
            f"{table}_week": "week" in evidence.spans or any(0 < n * sign < 14 for n in gaps),
            f"{table}_month": f"month {month}" in terms,
            f"{table}_year": beyond or f"year {created.year + sign}" in terms,
        }
        for cue in (cue for cue, found in given.items() if not found):
            for match in () if has_cue(evidence.text, cue) else find_cues(text, cue):
                # "The next year" means from now on; 网上月入 is not a month.
                other = text[: match.start()].lower().endswith(("the ", "网"))
                if not other and not text.startswith("末", match.end()):
                    yield match.group()


def _read_hours(text: str) -> list[Hour]:
    """Return the hours of a statement, all in its time zone if it names one only. An hour without
    a.m. or p.m. may be in the afternoon if it follows one that is, or follows 晚."""
    hours = find_hours(text)
    zones = {hour.zone for hour in hours if hour.zone}
    zone = zones.pop() if len(zones) == 1 else ""
    late = [
        at
        for at, hour in enumerate(hours)
        if (hour.minutes >= NOON and not hour.either) or _names_evening(text[: hour.start])
    ]
    return [
        replace(
            hour, zone=hour.zone or zone, either=hour.either and at >= min(late, default=len(hours))
        )
        for at, hour in enumerate(hours)
    ]


def _names_evening(text: str) -> bool:
    """Return True for 10 月 18 日晚, but not for 晚期 and 晚于."""
    _, evening, behind = text.rpartition("晚")
    return bool(evening) and behind[:1] not in load_words("figures", "no_evening")


def _move_days(hours: Sequence[Hour], evidence: Evidence) -> Iterator[Day]:
    """Yield the days of the posts' hours in the time zones of the statement: Monday noon in New
    York is Tuesday in Beijing."""
    days = _list_meant(evidence)
    for hour, other in product(hours, evidence.hours[:MAX_DAYS]):
        there = (convert_hour(other, day, hour.zone) for day in days if _differ(hour, other))
        yield from (as_day(at.date()) for at in there if _is_at(at, hour))


def _list_meant(evidence: Evidence) -> list[date]:
    """Return the days to which the posts' hours may belong; summer time depends on them."""
    return list(_list_dates((*evidence.days[:MAX_DAYS], *evidence.own_days), evidence))


def _differ(hour: Hour, other: Hour) -> bool:
    """Return True if both hours have a time zone and the zones differ."""
    return bool(hour.zone and other.zone) and hour.zone != other.zone and other.minutes < 1440


def _is_at(at: datetime, hour: Hour) -> bool:
    """Return True if a time is this hour; 11:59 in one zone may be 3 o'clock in another."""
    minutes = at.hour * 60 + at.minute
    minutes += minutes % 60 == 59 and hour.minutes % 60 == 0
    return hour.minutes == minutes or (hour.either and (hour.minutes - minutes) % NOON == 0)


def find_missing_spans(bare: str, paces: Set[str], evidence: Evidence) -> list[str]:
    """Return the time units of rates in a statement if its posts use other units. `paces` are the
    units of its figures, which are verified with the figures."""
    counted = {unit: words for words, by, unit in read_spans(bare) if by and evidence.spans}
    return [words for unit, words in counted.items() if unit not in evidence.spans | paces]


def _is_near(day: Day, evidence: Evidence) -> bool:
    """Return True for 9.19 in a post of those weeks; at other times it may be a version."""
    dates = _list_dates([day], evidence)
    return any(abs((at - evidence.created[0].date()).days) <= NEAR_DAYS for at in dates)


def is_until_short_day(amount: Amount, evidence: Evidence) -> bool:
    """Return True for the time from a post to its 12/22; 9/10 may also be a rating."""
    created, size = evidence.created[0].date(), SPAN_DAYS.get(amount.unit, 0.0)
    days = [day for day in evidence.short_days if "/" in day.text]
    return bool(size) and any(
        round(abs((at - created).days) / size) == amount.value for at in _list_dates(days, evidence)
    )


def _find_day_terms(days: Sequence[Day], evidence: Evidence) -> Iterator[str]:
    """Yield the terms for month, year and weekday of days."""
    yield from (f"month {day.month}" for day in days)
    yield from (f"year {day.year}" for day in days if day.year)
    yield from (f"weekday {day.weekday()}" for day in _list_dates(days, evidence))


def _has_hour(hour: Hour, evidence: Evidence) -> bool:
    """Return True if the posts name the hour, in its time zone or another that they name."""
    if _has_number(hour.minutes / 60, evidence):
        return True
    days = _list_meant(evidence)
    for other in _add_spans(evidence):
        same = hour.minutes == other.minutes or (
            (hour.either or other.either) and hour.minutes % NOON == other.minutes % NOON
        )
        if same and (not hour.zone or not other.zone or hour.zone == other.zone):
            return True
        there = (convert_hour(other, day, hour.zone) for day in days if _differ(hour, other))
        if any(_is_at(at, hour) for at in there):
            return True
    return False


def _add_spans(evidence: Evidence) -> Iterator[Hour]:
    """Yield the hours of the posts, and the times at a named distance from them ("at 2 AM, claims
    open 3 hours later") or from when a post was written ("live in 35 mins")."""
    yield from evidence.hours
    spans = {
        round(amount.value * _MINUTES[amount.unit])
        for amount in evidence.amounts
        if amount.unit in _MINUTES and amount.value * _MINUTES[amount.unit] < 1440
    }
    for hour in evidence.hours[:10]:
        yield from (replace(hour, minutes=(hour.minutes + span) % 1440) for span in spans)
    past = -1 if has_cue(evidence.text, "past") else 1
    for created, span in product(evidence.created[:MAX_DAYS], spans):
        at = created.astimezone(UTC) + past * timedelta(minutes=span)
        for minutes in (at.hour * 60 + at.minute, at.hour * 60 + at.minute + 1):
            yield Hour(0, 0, "", minutes % 1440, "UTC")


def _has_number(value: float, evidence: Evidence) -> bool:
    """Return True if a figure without a unit has the value: 2025 may be a count of posts, 8 点 a
    score."""
    return bool(value) and any(
        fact.value == value
        for amount in evidence.amounts
        if not evidence.hours
        for fact in amount.quantities
    )


def find_month_days(text: str, evidence: Evidence) -> set[int]:
    """Return the days that a statement may give by number only: 24 日 for the day of a post, or for
    a post's "noon on the 23rd in New York", which is the 24th in Beijing."""
    return {day.day for day in (*evidence.own_days, *_move_days(_read_hours(text), evidence))}


def is_between(amount: Amount, evidence: Evidence) -> bool:
    """Return True if two times that the posts name, or at which they were written, are this far
    apart: "six days earlier", "30 years after"."""
    if amount.unit in ("year", "decade"):
        years = {float(term[5:]) for term in evidence.terms if term.startswith("year ")}
        years |= {fact.value for fact in evidence.amounts if not fact.unit and len(fact.text) == 4}
        years |= {at.year for at in evidence.created}
        span, most = (10, 2) if amount.unit == "decade" else (1, 0)
        pairs = combinations(years, 2)
        return any(abs(abs(a - b) - amount.value * span) <= most for a, b in pairs)
    if minutes := _MINUTES.get(amount.unit):
        hours = combinations((hour.minutes for hour in evidence.hours), 2)
        apart = (abs(b - a).total_seconds() / 60 for a, b in combinations(evidence.created, 2))
        return any(abs(a - b) == amount.value * minutes for a, b in hours) or any(
            abs(gap - amount.value * minutes) <= minutes / 2 for gap in apart
        )
    if amount.unit == "month":
        months = {int(term[6:]) for term in evidence.terms if term.startswith("month ")}
        if amount.value in {(at.month - n) % 12 for at in evidence.created for n in months}:
            return True
    length = SPAN_DAYS.get(amount.unit, 0.0)
    slack = 0.5 if length == 1 else length / (4 if amount.hedge else 7)
    days = list(_list_dates(evidence.days[:MAX_DAYS], evidence))
    own = list(_list_dates(evidence.own_days[:MAX_DAYS], evidence))
    gaps = [abs((a - b).days) for a, b in combinations(days, 2)]
    gaps += [gap + 1 for gap in gaps if length == 1]  # 28 to 30 October is three days
    # A post's own day has one date per time zone; those are not a time span.
    gaps += [abs((a - b).days) for a, b in product(days, own)]
    dates = [at.date() for at in evidence.created[:MAX_DAYS]]
    gaps += [abs((a - b).days) for a, b in combinations(dates, 2)]
    return bool(length) and any(abs(gap - amount.value * length) <= slack for gap in gaps)


def _list_dates(days: Sequence[Day], evidence: Evidence) -> Iterator[date]:
    """Yield calendar dates; days without a year are in the year of the first post."""
    for day in days:
        try:
            yield date(day.year or evidence.created[0].year, day.month, day.day)
        except ValueError:  # 30 February
            continue
