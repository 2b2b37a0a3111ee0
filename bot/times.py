"""Local times of day and zones, as people type them."""

from __future__ import annotations

import re
from datetime import time
from zoneinfo import ZoneInfo

_TIME = re.compile(r"([01]?\d|2[0-3])[:：.h点]([0-5]\d)?(?:分)?")
_OFFSET = re.compile(r"(?:utc|gmt)\s?([+-])\s?(\d{1,2})(?::?00)?", re.IGNORECASE)
ZONES = (
    "UTC",
    "Asia/Shanghai",
    "Asia/Hong_Kong",
    "Asia/Taipei",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Asia/Seoul",
    "Asia/Kolkata",
    "Asia/Dubai",
    "Europe/Moscow",
    "Europe/Istanbul",
    "Europe/Berlin",
    "Europe/Paris",
    "Europe/London",
    "America/Sao_Paulo",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "Australia/Sydney",
    "Pacific/Auckland",
)
"""Zones to choose from; any other may be typed."""


def time_named(word: str) -> time | None:
    """The time of day a word names: 08:30, 8:30, 8点, 8h30."""
    found = _TIME.fullmatch(word.strip().lower())
    return time(int(found[1]), int(found[2] or 0)) if found else None


def zone_named(word: str) -> str:
    """The IANA zone a word names, or nothing: Asia/Shanghai in any case, shanghai, UTC+8."""
    wanted = word.strip()
    if offset := _OFFSET.fullmatch(wanted):
        hours = int(offset[2])
        # Etc/GMT counts to the west, people to the east.
        west = "-" if offset[1] == "+" else "+"
        return _known(f"Etc/GMT{west}{hours}") if hours else "UTC"
    for zone in ZONES:
        if wanted.lower().replace(" ", "_") in (zone.lower(), zone.split("/")[-1].lower()):
            return zone
    return _known(wanted) or _known("/".join(_capitals(part) for part in wanted.split("/")))


def zone_label(name: str) -> str:
    """Return a zone as people write it: `Etc/GMT-8` is `UTC+8`."""
    fixed = re.fullmatch(r"Etc/GMT([+-])(\d+)", name)
    if fixed is None:
        return name
    return f"UTC{'-' if fixed[1] == '+' else '+'}{fixed[2]}"


def _capitals(part: str) -> str:
    return "_".join(word.capitalize() for word in re.split(r"[_ ]", part))


def _known(name: str) -> str:
    # Only names of the shape that zones have: others would be looked for as files.
    if not re.fullmatch(r"[A-Z][A-Za-z0-9_+-]*(?:/[A-Z][A-Za-z0-9_+-]*){0,2}", name):
        return ""
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError):
        return ""
