"""Days, hours, months and spans of time of a statement against those of its posts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from digest.reading.days import (
    Hour,
    convert_hour,
    find_days,
    find_hours,
    find_terms,
    has_short_year,
    read_spans,
)
from digest.write.verify.evidence import Evidence

_MINUTES = {"hour": 60, "minute": 1}


def find_missing_days(text: str, bare: str, evidence: Evidence) -> Iterator[str]:
    """Yield days, hours, months, years, weekdays and spans of a statement that its posts do not
    have.

    `bare` is the text with days and fractions blanked out: "a quarter" of them is no span of time.
    """
    days = find_days(text)
    shared = any(day.matches(other) for day in days for other in evidence.days)
    # The post's own day is a fact too, unless the posts name days and the item names none of them.
    own = () if evidence.names_days and not shared else evidence.own_days
    for day in days:
        if not any(day.matches(other) for other in (*evidence.days, *own)):
            yield day.text
    hours = find_hours(text)
    zones = {hour.zone for hour in hours if hour.zone}
    zone = zones.pop() if len(zones) == 1 else ""
    hours = [replace(hour, zone=hour.zone or zone) for hour in hours]
    yield from (hour.text for hour in hours if not _has_hour(hour, evidence))
    terms = {*evidence.terms, *_own_terms(evidence)}
    for term in find_terms(bare):
        kind, _, value = term.value.partition(" ")
        number = float(value) if value.isdigit() else 0.0
        numbered = kind == "year" and (
            _has_number(number, evidence) or has_short_year(int(number), evidence.text)
        )
        if term.value not in terms and not numbered:
            yield term.text
    if evidence.spans:
        counted = {unit: words for words, by, unit in read_spans(bare) if by}
        yield from (words for unit, words in counted.items() if unit not in evidence.spans)


def _own_terms(evidence: Evidence) -> Iterator[str]:
    """Yield month, year and weekday of the time of writing; the month only where the posts name
    none."""
    named = {term.split()[0] for term in evidence.terms}
    for created in evidence.created:
        if "month" not in named:
            yield f"month {created.month}"
        if "year" not in named:
            yield f"year {created.year}"
        yield from (f"weekday {(created.weekday() + shift) % 7}" for shift in (-1, 0, 1))


def _has_hour(hour: Hour, evidence: Evidence) -> bool:
    """Return True where the posts name the hour, in its zone or in another that they name."""
    if _has_number(hour.minutes / 60, evidence):
        return True
    for other in _add_spans(evidence):
        if hour.minutes == other.minutes and (
            not hour.zone or not other.zone or hour.zone == other.zone
        ):
            return True
        if hour.zone and other.zone and other.minutes < 1440:
            days = {created.date() for created in evidence.created}
            if any(convert_hour(other, day, hour.zone) == hour.minutes for day in days):
                return True
    return False


def _add_spans(evidence: Evidence) -> Iterator[Hour]:
    """Yield the hours of the posts, and those so many hours or minutes after one as they say:
    "at 2 AM, claims open 3 hours later"."""
    yield from evidence.hours
    spans = {
        round(amount.value * _MINUTES[amount.unit])
        for amount in evidence.amounts
        if amount.unit in _MINUTES and amount.value < 24
    }
    for hour in evidence.hours[:10]:
        yield from (replace(hour, minutes=(hour.minutes + span) % 1440) for span in spans)


def _has_number(value: float, evidence: Evidence) -> bool:
    """Return True where a figure without a unit has the value: 2025 may be a count of posts, 8 点
    a score."""
    return bool(value) and any(
        fact.value == value
        for amount in evidence.amounts
        if not evidence.hours
        for fact in amount.quantities
    )
