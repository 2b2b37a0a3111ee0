"""User-visible texts in Chinese and English from `texts.toml`; dates and reasons in words."""

import calendar
import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

from digest.calendar import month_of
from digest.models import Language
from digest.text import fill

LANGUAGES: Mapping[str, Language] = {"zh": "zh", "en": "en"}
WEEKDAYS, CHINESE_WEEKDAYS = tuple(calendar.day_name), "一二三四五六日"
MONTHS = tuple(calendar.month_name)
"""English month names; the first is empty."""


@cache
def _load() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_name("texts.toml").read_text(encoding="utf-8"))


def text(key: str, language: Language, **values: object) -> str:
    """Return the text of `key`, filled in. Raises KeyError for an unknown key."""
    return fill(_load()[key][language], **values)


def table(name: Literal["command_help", "arguments", "zones"]) -> Mapping[str, Mapping[str, Any]]:
    """Return rows with `zh` and `en`: command descriptions, with a Chinese `example`; arguments,
    with a Chinese `name`; time zones, with other `names` and `menu` (False: no button)."""
    rows: Mapping[str, Mapping[str, Any]] = _load()[name]
    return rows


def listed(words: Iterable[str], language: Language) -> str:
    """Join words to a list within a sentence."""
    return ("、" if language == "zh" else ", ").join(words)


def weekday(day: date, language: Language) -> str:
    """Return a day as in titles: `2025-12-06 周六`, `2025-12-06 Sat`."""
    return f"{day} {day_name(day.weekday(), language)}"


def day_name(day: int, language: Language) -> str:
    """Return `周六` or `Sat` for a day of the week; Monday is 0."""
    return f"周{CHINESE_WEEKDAYS[day]}" if language == "zh" else WEEKDAYS[day][:3]


def days(first: date, last: date, language: Language) -> str:
    """Return a day or a range as in titles."""
    return weekday(first, language) if first == last else f"{first} — {last}"


def days_in_words(first: date, last: date, language: Language, today: date) -> str:
    """Return days as in sentences: `5 December`, `12月5日至8日`, a whole month as `December`; with
    the year if it is not the current one."""
    is_month, zh = (first, last) == month_of(first), language == "zh"
    if first == last or is_month:
        return _day_in_words(last, language, today, is_month=is_month)
    # Chinese puts year and month before the first day, English after the last one.
    shared = last if first.year == last.year else today
    start = _day_in_words(first, language, today if zh else shared)
    end = _day_in_words(last, language, shared if zh else today)
    if first.replace(day=1) == last.replace(day=1):
        return f"{start}至{last.day}日" if zh else f"{first.day}–{end}"
    return f"{start}至{end}" if zh else f"{start} to {end}"


def _day_in_words(day: date, language: Language, today: date, *, is_month: bool = False) -> str:
    other_year = day.year != today.year
    if language == "zh":
        shown = "" if is_month else f"{day.day}日"
        return (f"{day.year}年" if other_year else "") + f"{day.month}月{shown}"
    shown = "" if is_month else f"{day.day} "
    return f"{shown}{MONTHS[day.month]}" + (f" {day.year}" if other_year else "")


def language_of(line: str, default: Language) -> Language:
    """Return Chinese for a line with Han characters, else the default."""
    return "zh" if any("\u4e00" <= char <= "\u9fff" for char in line) else default


def reason(words: str, language: Language) -> str:
    """Return a reason of failure, translated if its text is known."""
    for pattern, row in _reasons():
        if match := pattern.fullmatch(words):
            inner = (reason(group, language) for group in match.groups())
            return str(row[language]).format("", *inner)
    return words


def source_reason(words: str, language: Language) -> str:
    """Return a source's error without its address, which is shown beside it."""
    address = r"(?:hackernews|x(?: \w+:\S+)?|\S*[./]\S*|.{0,60}?(?=: write )): (?=\S)"
    return reason(re.sub(rf"^{address}", "", words, count=1), language)


@cache
def _reasons() -> tuple[tuple[re.Pattern[str], Mapping[str, str]], ...]:
    """Return the known reasons with patterns that match them; `{1}` matches anything."""
    rows = []
    for row in _load()["reasons"].values():
        parts = re.split(r"\{\d\}", row.get("is", row["en"]))
        rows.append((re.compile("(.*?)".join(map(re.escape, parts)), re.DOTALL), row))
    return tuple(rows)
