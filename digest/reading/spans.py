"""Spans of time that a text counts by (per day, 每月) or mentions in any way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from digest.reading.amounts import Amount
from digest.reading.days import Term

_SPAN = re.compile(
    r"\b(?P<by>(?:per|an?|each|every|within|few|of)\s)?(?P<word>second|minute|hour|day|week|month|quarter|year)s?\b"
    r"|\b(?P<every>hourly|daily|weekly|monthly|quarterly|yearly|annual(?:ly)?)\b"
    r"|(?P<han_by>[每几数]个?)?(?P<han>秒|分钟|小时|天|日|周|星期|月|季|年)|(?<=\w)/(?P<slash>s|min|hr?|day|week|mo|yr?)\b",
    re.IGNORECASE,
)
_UNIT_OF = {
    "秒": "second", "s": "second", "分钟": "minute", "min": "minute", "小时": "hour", "h": "hour", "hr": "hour", "hourly": "hour",
    "天": "day", "日": "day", "daily": "day", "周": "week", "星期": "week", "weekly": "week", "月": "month", "mo": "month",
    "monthly": "month", "季": "quarter", "quarterly": "quarter", "年": "year", "y": "year", "yr": "year", "yearly": "year",
    "annual": "year", "annually": "year",
}  # fmt: skip
_SECONDS = {
    "hour": 3600,
    "day": 86400,
    "week": 604800,
    "month": 2629800,
    "quarter": 7889400,
    "year": 31557600,
}
_RATES = re.compile(r"\b(?:yoy|ytd|arr|run[- ]rate|today|tonight|overnight)\b", re.IGNORECASE)
_SPAN_OF_RATE = {"today": "day", "tonight": "day", "overnight": "day"}


def find_spans(text: str, amounts: Iterable[Amount], terms: Iterable[Term]) -> set[str]:
    """Return the spans of time that a text mentions in any way, also as 24 hours or by its terms (Q3)."""
    spans = {unit for _, _, unit in read_spans(text)}
    spans |= {_SPAN_OF_RATE.get(match.lower(), "year") for match in _RATES.findall(text)}
    spans |= {term.value.split()[0] for term in terms} & {"quarter", "year", "month"}
    lengths = {round(a.value) for a in amounts if a.unit == "hour"}
    spans |= {unit for unit, seconds in _SECONDS.items() if seconds // 3600 in lengths}
    days = {round(a.value) for a in amounts if a.unit == "day"}
    return spans | {"week" for _ in days & {7}} | {"month" for _ in days & {30, 31}}


def read_spans(text: str) -> Iterator[tuple[str, bool, str]]:
    """Yield each mention: the words, True where the text counts by it (per day, 每天), and the unit."""
    for match in _SPAN.finditer(text):
        word = next(match[g] for g in ("word", "every", "han", "slash") if match[g]).lower()
        by = (match["by"] or match["han_by"] or "").lower().strip()
        vague = word in ("day", "天", "日") and by[:1] in ("f", "o", "几", "数")
        counted = bool((by and not vague) or match["every"] or match["slash"])
        yield match.group().strip(), counted, _UNIT_OF.get(word, word)
