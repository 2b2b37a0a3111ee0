"""Fetch and parse responses of untrusted servers within limits. This module: feed entries and date
parsing."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

MAX_ENTRIES = 300
MAX_TITLE, MAX_CONTENT = 1_000, 100_000
LONGEST_WAIT = 24 * 3600.0
"""Longest Retry-After that is honoured, in seconds."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A feed entry. Title and content are HTML unless marked as plain."""

    title: str = ""
    link: str = ""
    id: str = ""
    content: str = ""
    author: str = ""
    published: datetime | None = None
    comments: str = ""
    """Address of its discussion page."""
    metrics: Mapping[str, int] = field(default_factory=dict)
    plain_title: bool = False
    plain_content: bool = False


@dataclass(frozen=True, slots=True)
class Feed:
    title: str = ""
    link: str = ""
    updated: datetime | None = None
    language: str = ""
    entries: tuple[Entry, ...] = ()
    unknown_zone: str = ""
    """A time zone in the feed that could not be parsed; dates with it are left out."""


def strip_text(value: object) -> str:
    """Return the stripped text, or "" if the value is not a string."""
    return value.strip() if isinstance(value, str) else ""


class UnknownZone(ValueError):
    """A date with an unknown time zone. The message is the zone as written."""


_MONTHS = {
    name: number
    for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)
}
_HAN_MONTHS = {
    name: number for number, name in enumerate("一 二 三 四 五 六 七 八 九 十 十一 十二".split(), 1)
}
_CLOCK = r"(?P<H>\d\d?):(?P<M>\d\d)(?::(?P<S>\d\d)(?:[.,]\d+)?)?"
_MONTH = r"(?P<b>\w{2,})\.?"
_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?P<Y>\d{{4}})[-/.年](?P<m>\d\d?)[-/.月](?P<d>\d\d?)日?(?:[Tt\s]?\s*{_CLOCK}(?P<z>.*))?",
        rf"(?:\w+\.?,?\s+)?(?P<d>\d\d?)[\s.-]+{_MONTH}[\s,-]+(?P<Y>\d{{4}}|\d\d)(?:,?\s+{_CLOCK}(?P<z>.*))?",
        rf"(?:\w+\.?,?\s+)?{_MONTH}\s+(?P<d>\d\d?),?\s+(?P<Y>\d{{4}})(?:,?\s+{_CLOCK}(?P<z>.*))?",
        rf"(?:\w+,?\s+)?{_MONTH}\s+(?P<d>\d\d?)\s+{_CLOCK}(?P<z>.*?)\s+(?P<Y>\d{{4}})",
    )
)
"""ISO 8601; RFC 822; browsers' and written forms; `date` of Unix and X. `z` is the zone."""
_MAX_DATE = 100
"""Maximum length of a date: the patterns take quadratic time in runs of blanks."""
_OFFSET = re.compile(
    r"(?:GMT|UTC|UT|Z)?\s*([+-])\s*(\d\d?):?([0-5]\d)?(?:\s*[A-Z]{1,5})?", re.IGNORECASE
)
_MAX_OFFSET_HOURS = 14
_HOURS: dict[str, float] = {
    **dict.fromkeys("z ut utc gmt wet".split(), 0),
    **dict.fromkeys("cet met bst west".split(), 1),
    **dict.fromkeys("eet cest mest".split(), 2),
    **dict.fromkeys("msk eest".split(), 3),
    **dict.fromkeys("hkt sgt pht myt awst".split(), 8),
    **dict.fromkeys("jst kst".split(), 9),
    **{"pkt": 5, "wib": 7, "ict": 7, "acst": 9.5, "aest": 10, "acdt": 10.5, "aedt": 11},
    **{"nzst": 12, "nzdt": 13, "brt": -3, "art": -3, "ndt": -2.5, "nst": -3.5, "adt": -3},
    **{"ast": -4, "edt": -4, "est": -5, "cdt": -5, "cst": -6, "mdt": -6, "mst": -7, "pdt": -7},
    **{"pst": -8, "akdt": -8, "akst": -9, "hst": -10},
}
"""Hours east of UTC. North American names as in RFC 822; ambiguous names (IST) are left out."""


def parse_date(text: str) -> datetime | None:
    """Return the date in a feed as a UTC moment; a date without a zone is UTC.

    Return None for an unknown format or an impossible date. Raise UnknownZone.
    """
    text = text.strip().replace("\u2212", "-").replace(" de ", " ")
    if len(text) > _MAX_DATE:
        return None
    date, space, rest = text.partition(" ")
    day_first = date.replace(".", "-").split("-")
    if len(day_first) == 3 and len(day_first[2]) == 4 and day_first[1].isdecimal():
        # Only dates with slashes have the month first, as PHP reads them too.
        text = f"{'-'.join(reversed(day_first))}{space}{rest}"
    if len(text) in (10, 13) and text.isascii() and text.isdecimal():  # (milli)seconds since 1970
        return datetime.fromtimestamp(int(text[:10]), UTC)
    match = next((hit for form in _DATES if (hit := form.fullmatch(text))), None)
    if match is None:
        return None
    parts = match.groupdict()
    month = parts["m"] if parts.get("m") else _find_month((parts.get("b") or "").lower())
    if month is None:
        return None
    clock = [int(parts[name] or 0) for name in ("H", "M", "S")]
    zone, year = parts["z"] or "", int(parts["Y"])
    if half := re.match(r"\s*([AP])\.?M\b\.?", zone, re.IGNORECASE):
        zone = zone[half.end() :]
        clock[0] = clock[0] % 12 + 12 * (half[1].upper() == "P")
    if len(parts["Y"]) == 2:  # RFC 822: 69 is 1969, 68 is 2068
        year += 1900 if year > 68 else 2000
    try:
        day = datetime(year, int(month), int(parts["d"]), tzinfo=_zone(zone))
        length = timedelta(hours=clock[0], minutes=clock[1], seconds=clock[2])
        local = day + length if length <= timedelta(days=1) else None
        return local.astimezone(UTC) if local else None
    except UnknownZone:
        raise
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=256)
def _find_month(word: str) -> int | None:
    """Return the number of a month in full or abbreviated: Dec, dez, дек, 12月; None if unknown."""
    if word[:3] in _MONTHS:
        return _MONTHS[word[:3]]
    number = word.removesuffix("月")
    if number != word:
        return int(number) if number.isdecimal() else _HAN_MONTHS.get(number)
    # Imported here so that the chat process does not load the text reading code.
    from digest.reading.vocabulary import load_lines

    rows = enumerate(load_lines("months", "months"), 1)
    return next((n for n, row in rows if f" {word}" in row), None)


def _zone(text: str) -> tzinfo:
    """Return the time zone written after a time. Raise UnknownZone."""
    before, _, inside = re.sub(r"[\[(]", "(", text).partition("(")
    text = (before.strip(" ,;") or inside.strip(" ,;)]")).strip()
    if not text:
        return UTC
    match = _OFFSET.fullmatch(text)
    if match and int(match[2]) <= _MAX_OFFSET_HOURS:
        sign = -1 if match[1] == "-" else 1
        return timezone(sign * timedelta(hours=int(match[2]), minutes=int(match[3] or 0)))
    if (hours := _HOURS.get(text.lower())) is not None:
        return timezone(timedelta(hours=hours))
    try:
        if "/" in text:
            return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        pass
    raise UnknownZone(text)


def parse_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the server's requested delay in seconds, at most LONGEST_WAIT; None if there is none.
    Read Retry-After (RFC 9110, 10.2.3), retry-after-ms and X's rate limit header."""
    for name, unit, since in (
        ("retry-after-ms", 1000.0, 0.0),
        ("retry-after", 1.0, 0.0),
        ("x-rate-limit-reset", 1.0, now.timestamp()),
    ):
        with suppress(ValueError):
            seconds = float(headers.get(name, "")) / unit - since
            if math.isfinite(seconds) and (since or seconds >= 0):
                return max(0.0, min(LONGEST_WAIT, seconds))
    with suppress(UnknownZone):
        if at := parse_date(headers.get("retry-after", "")):
            return max(0.0, min(LONGEST_WAIT, (at - now).total_seconds()))
    return None


def load_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body, or {} if it is not one."""
    try:
        data = json.loads(body, strict=False)  # templates of feeds leave line breaks in texts
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def iter_mappings(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the mappings in a value that may be a list of them."""
    for part in value if isinstance(value, list) else ():
        if isinstance(part, Mapping):
            yield part
