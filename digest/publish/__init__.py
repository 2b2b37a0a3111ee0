"""Reports in other shapes; here what their files and sections are called."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from hashlib import sha256

from digest.models import Hit, Language, Report, SectionName, Topic
from digest.write.extractive.notes import heading

MAX_SLUG = 60
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))]
)


def safe_slug(slug: str) -> str:
    """Return the slug as part of a file name, in letters, digits, `_` and `-`.

    A slug that had to be changed gets a mark of the original, so that two never meet in one file.
    """
    stripped = re.sub(r"[^A-Za-z0-9_-]+", "_", slug).strip("_-")[:MAX_SLUG]
    if stripped == slug and stripped.lower() not in _DEVICES:
        return stripped
    return f"{stripped or 'topic'}_{mark_of(slug)}"


def mark_of(slug: str) -> str:
    """Return eight letters that tell this slug from others."""
    return sha256(slug.encode("utf-8", "replace")).hexdigest()[:8]


def stem(slug: str, first: date, last: date) -> str:
    """Return what post and picture are called after: `twitter_ai_20251206_20251206`."""
    return f"{safe_slug(slug)}_{first:%Y%m%d}_{last:%Y%m%d}"


def days_of(report: Report | Hit) -> str:
    """Return its days as addresses have them: 2025-12-06, 2025-12-01..2025-12-07."""
    if report.first == report.last:
        return str(report.first)
    return f"{report.first}..{report.last}"


def section_title(topic: Topic, report: Report, name: SectionName, language: Language) -> str:
    """Return a section's heading: the report's own in its language, else ours."""
    if language == report.language:
        return report.section(name).title
    return heading(name, replace(topic, language=language))
