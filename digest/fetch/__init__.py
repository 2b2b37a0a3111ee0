"""Answers of servers that strangers named, fetched and read within limits: the nouns of feeds,
and dates as feeds and servers write them."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

MAX_ENTRIES = 300
MAX_TITLE, MAX_CONTENT = 1_000, 100_000
LONGEST_WAIT = 24 * 3600.0
"""The longest wait that a server may ask for, in seconds."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, as the feed words it. Title and content are HTML unless marked as plain."""

    title: str = ""
    link: str = ""
    id: str = ""
    content: str = ""
    author: str = ""
    published: datetime | None = None
    comments: str = ""
    """Address of the discussion."""
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
    """A time zone in it that could not be read; such dates are left out."""


def strip_text(value: object) -> str:
    """Return what may be a text, without spaces around it."""
    return value.strip() if isinstance(value, str) else ""


class UnknownZone(ValueError):
    """A date whose time zone is not understood. The message is the zone as it is written."""


_MONTHS = {
    name: number
    for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)
}
_CLOCK = r"(?P<H>\d\d?):(?P<M>\d\d)(?::(?P<S>\d\d)(?:[.,]\d+)?)?"
_MONTH = r"(?P<b>[A-Za-z]{3})[a-z]*\.?"
_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?P<Y>\d{{4}})[-/.年](?P<m>\d\d?)[-/.月](?P<d>\d\d?)日?(?:[Tt\s]\s*{_CLOCK}(?P<z>.*))?",
        rf"(?:[A-Za-z]+\.?,?\s+)?(?P<d>\d\d?)[\s-]+{_MONTH}[\s,-]+(?P<Y>\d{{4}}|\d\d),?\s+{_CLOCK}(?P<z>.*)",
        rf"(?:[A-Za-z]+\.?,?\s+)?{_MONTH}\s+(?P<d>\d\d?),?\s+(?P<Y>\d{{4}}),?\s+{_CLOCK}(?P<z>.*)",
        rf"(?:[A-Za-z]+,?\s+)?{_MONTH}\s+(?P<d>\d\d?)\s+{_CLOCK}(?P<z>.*?)\s+(?P<Y>\d{{4}})",
    )
)
"""ISO 8601; RFC 822; what browsers and people write; `date` of Unix and X. `z` names the zone."""
_MAX_DATE = 100
"""Characters: time of the patterns above grows with the square of the blanks."""
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
"""Hours east of UTC; in North America as RFC 822 has them, without names of several (IST)."""


def parse_date(text: str) -> datetime | None:
    """Return the moment in UTC that a date of a feed names; one without a zone is UTC.

    None for a form that is not known and a day that does not exist. Raise UnknownZone.
    """
    text = text.strip().replace("\u2212", "-")
    if len(text) > _MAX_DATE:
        return None
    if len(text) in (10, 13) and text.isascii() and text.isdecimal():  # (milli)seconds since 1970
        return datetime.fromtimestamp(int(text[:10]), UTC)
    match = next((hit for form in _DATES if (hit := form.fullmatch(text))), None)
    if match is None:
        return None
    parts = match.groupdict()
    month = parts["m"] if parts.get("m") else _MONTHS.get((parts.get("b") or "").lower())
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


def _zone(text: str) -> tzinfo:
    """Return the zone that stands after a time. Raise UnknownZone."""
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
    """Return the seconds until a server wants to be asked again, at most LONGEST_WAIT; None where
    it does not say. In Retry-After (RFC 9110, 10.2.3), in milliseconds, or as X says it."""
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
    """Return the JSON object in a body; an empty one where there is none."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def iter_mappings(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the mappings in what may be a list of them."""
    for part in value if isinstance(value, list) else ():
        if isinstance(part, Mapping):
            yield part
