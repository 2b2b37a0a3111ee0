"""Local times of day and zones, as people type them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time
from functools import cache
from zoneinfo import available_timezones

from bot import texts
from bot.spelling import arabic, normalized
from digest.models import Language

_TIME = re.compile(
    r"(凌晨|清晨|早上|早晨|早|上午|中午|下午|傍晚|晚上|晚)?\s?([01]?\d|2[0-4])"
    r"(?:([:.h点时])\s?([0-5]\d|半|一刻|三刻)?)?[分整]?\s?(am|pm|a\.m\.|p\.m\.)?",
    re.ASCII,
)
_MINUTES = {"半": 30, "一刻": 15, "三刻": 45}
_NAMED = {"noon": 12, "中午": 12, "正午": 12, "midnight": 0, "午夜": 0}
_OFFSET = re.compile(r"(?:utc|gmt)\s?([+-])\s?(\d{1,2})(?::?(\d\d))?", re.IGNORECASE)
_PARTIAL = {
    **{"+03:30": "Asia/Tehran", "+04:30": "Asia/Kabul", "+05:30": "Asia/Kolkata"},
    **{"+05:45": "Asia/Kathmandu", "+06:30": "Asia/Yangon", "+08:45": "Australia/Eucla"},
    **{"+09:30": "Australia/Darwin", "-09:30": "Pacific/Marquesas"},
}
"""Zones without summer time whose offset is no whole hour: Etc/GMT has none of these."""
_SUFFIX = re.compile(r"\s?(?:时间|时区|time)$")


@cache
def offered_zones(language: Language) -> Mapping[str, str]:
    """Return the zones to choose from by a button, with their labels; any other may be typed."""
    return {zone: row[language] for zone, row in texts.zones().items() if row.get("menu", True)}


def time_named(text: str) -> time | None:
    """Return the time of day that a text names: 08:30, 8am, 8点, 早上8点半, noon."""
    line = arabic(normalized(text).lower())
    if line in _NAMED:
        return time(_NAMED[line])
    match = _TIME.fullmatch(line)
    if match is None or not (match[1] or match[3] or match[5]):
        return None
    hour = _hour(int(match[2]), match[1] or "", (match[5] or "").replace(".", ""))
    minute = _MINUTES.get(match[4]) or int(match[4] or 0) if match[4] else 0
    return time(hour, minute) if hour is not None else None


def _hour(hour: int, part: str, half: str) -> int | None:
    """Return the hour of the day, None for one that there is not. `part`: of the day in Chinese;
    `half`: am or pm."""
    if half:
        return hour % 12 + 12 * (half == "pm") if 1 <= hour <= 12 else None
    if (part in ("下午", "傍晚") and hour < 12) or (part == "中午" and hour < 4):
        return hour + 12
    if part in ("晚上", "晚") and hour <= 12:
        return (hour + 12) % 24
    return 0 if hour == 24 or (part == "凌晨" and hour == 12) else hour


def zone_named(text: str) -> str:
    """Return the IANA zone that a text names, or nothing: Asia/Shanghai in any case, shanghai,
    北京时间, Toronto, UTC+8."""
    line = normalized(text)
    if match := _OFFSET.fullmatch(line):
        return _fixed(match[1], int(match[2]), int(match[3] or 0))
    low = _SUFFIX.sub("", line.lower())
    if zone := _zone_labels().get(low.replace("_", " ")):
        return zone
    if len(low) < 3 or not low.replace("/", "").replace("_", "").replace(" ", "").isascii():
        return ""
    return _all_zones().get(low.replace(" ", "_"), "")


def _fixed(sign: str, hours: int, minutes: int) -> str:
    if minutes:
        return _PARTIAL.get(f"{sign}{hours:02}:{minutes:02}", "")
    if not hours:
        return "UTC"
    # Etc/GMT counts to the west, people to the east.
    name = f"Etc/GMT{'-' if sign == '+' else '+'}{hours}"
    return name if name in _all_zones().values() else ""


@cache
def _zone_labels() -> Mapping[str, str]:
    """Return the zones by what people call them, in small letters."""
    labels: dict[str, str] = {}
    for zone, row in texts.zones().items():
        names = (zone, zone.split("/")[-1].replace("_", " "), row["zh"], row["en"])
        for name in (*(name.lower() for name in names), *row.get("names", ())):
            labels.setdefault(name, zone)
    return labels


@cache
def _all_zones() -> Mapping[str, str]:
    """Return every zone by its name and by that of its city, in small letters."""
    names = sorted(available_timezones())
    regions = [name for name in names if "/" in name and not name.startswith(("Etc/", "US/"))]
    cities = {name.split("/")[-1].lower(): name for name in regions}
    return cities | {name.lower(): name for name in names}


def zone_label(name: str, language: Language) -> str:
    """Return a zone as people write it, and may type it: `UTC+8`, `Shanghai time`, `上海时间`."""
    if fixed := re.fullmatch(r"Etc/GMT([+-])(\d+)", name):
        return f"UTC{'-' if fixed[1] == '+' else '+'}{fixed[2]}"
    if "/" not in name or name.startswith("Etc/"):
        return name.removeprefix("Etc/")
    row = texts.zones().get(name)
    place = row[language] if row else name.split("/")[-1].replace("_", " ")
    if language == "zh" and place.isascii():
        place += " "
    return texts.text("zone_time", language, place=place)
