"""Days as people type them. Strict: `date.fromisoformat` would take "2025-W01-1" for a day of 2024."""

from __future__ import annotations

import re
from datetime import date, timedelta

_FULL = re.compile(r"(\d{4})\s?[-/.年]\s?(\d{1,2})\s?[-/.月]\s?(\d{1,2})日?")
_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SHORT = re.compile(r"(\d{1,2})[-/月](\d{1,2})日?")
_WORDS = {"today": 0, "今天": 0, "今日": 0, "yesterday": 1, "昨天": 1, "昨日": 1, "前天": 2}
_BETWEEN = re.compile(r"\s*(?:\.{2,3}|…|~|～|至|到|—|–|\bto\b)\s*", re.IGNORECASE)
MOST_DAYS = 366


class DateError(ValueError):
    """It looks like a day but is none."""


def parse_days(text: str, today: date) -> tuple[date, date] | None:
    """First and last day that the text names, or None where it names none.

    Takes 2025-12-06, 2025/12/6, 20251206, 12-06 (the latest one not after `today`), 12月6日, today,
    yesterday, 今天, 昨天, 前天, and two of them with `..`, `~`, `to`, `至` or `到` between. Raises
    DateError for what looks like a day but is none, and for a range longer than a year.
    """
    ends = [part for part in _BETWEEN.split(text.strip()) if part]
    if not 1 <= len(ends) <= 2:
        return None
    days = [_day(end, today) for end in ends]
    found = [day for day in days if day is not None]
    if len(found) != len(days):
        return None
    first, last = min(found), max(found)
    if (last - first).days >= MOST_DAYS:
        raise DateError(text)
    return first, last


def full_day(text: str) -> date | None:
    """The day written out with its year, as 2025-12-06, 2025/12/6 or 20251206; DateError as above."""
    match = _FULL.fullmatch(text) or _DIGITS.fullmatch(text)
    return _made(text, *(int(part) for part in match.groups())) if match else None


def _day(text: str, today: date) -> date | None:
    word = text.strip().lower()
    if word in _WORDS:
        return today - timedelta(days=_WORDS[word])
    if full := full_day(word):
        return full
    if match := _SHORT.fullmatch(word):
        month, day = (int(part) for part in match.groups())
        return _latest(text, month, day, today)
    return None


def _latest(text: str, month: int, day: int, today: date) -> date:
    """The last such day up to today; a 29th of February may lie years back."""
    for year in range(today.year, today.year - 9, -1):
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if found <= today:
            return found
    raise DateError(text)


def _made(text: str, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise DateError(text) from None
