"""Publish reports as Jekyll posts, web pages, feeds and JSON. This module: names and labels."""

import re
import tomllib
from collections.abc import Collection
from dataclasses import asdict, replace
from datetime import date
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from digest.models import Hit, Language, Report, SectionName, Topic
from digest.text import fill
from digest.write.extractive.notes import heading

MAX_SLUG = 60
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))]
)


def safe_slug(slug: str) -> str:
    """Return the slug as part of a file name, in letters, digits, `_` and `-`.

    A slug that had to be changed gets a hash of the original, to keep file names unique.
    """
    stripped = re.sub(r"[^A-Za-z0-9_-]+", "_", slug).strip("_-")[:MAX_SLUG]
    if stripped == slug and stripped.lower() not in _DEVICES:
        return stripped
    return f"{stripped or 'topic'}_{mark_of(slug)}"


def mark_of(slug: str) -> str:
    """Return an eight-character hash of a slug."""
    return sha256(slug.encode("utf-8", "replace")).hexdigest()[:8]


def stem(slug: str, first: date, last: date) -> str:
    """Return the base name of post and picture: `twitter_ai_20251206_20251206`."""
    return f"{safe_slug(slug)}_{first:%Y%m%d}_{last:%Y%m%d}"


def days_of(report: Report | Hit) -> str:
    """Return the days as used in URLs: 2025-12-06, 2025-12-01..2025-12-07."""
    if report.first == report.last:
        return str(report.first)
    return f"{report.first}..{report.last}"


def section_title(topic: Topic, report: Report, name: SectionName, language: Language) -> str:
    """Return a section's heading: from the report in its own language, else the default."""
    if language == report.language:
        return report.section(name).title
    return heading(name, replace(topic, language=language))


@cache
def _labels() -> dict[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_name("labels.toml").read_text(encoding="utf-8"))


def label(key: str, language: Language, **values: object) -> str:
    """Return a text of `labels.toml`, filled in. Raises KeyError for an unknown key."""
    return fill(_labels()[key][language], **values)


def say_sample(keys: Collection[str], language: Language) -> str:
    """Return the line that says that all or some of these posts are fictional; "" if none is."""
    number = sum(key.startswith("sample:") for key in keys)
    name = "sample" if number == len(keys) else "sample_among"
    return label(name, language) if number else ""


COUNTS = ("collected", "outside", "ads", "offtopic", "duplicates", "stories", "unproved")
"""Counts in the `--json` contract."""


def as_dict(report: Report, cloud: Path | None) -> dict[str, Any]:
    """Return the object that `digest --json` prints; `cloud`: path of the saved picture."""
    return {
        "topic": report.topic,
        "from": report.first.isoformat(),
        "to": report.last.isoformat(),
        "language": report.language,
        "writer": report.writer,
        "sections": [asdict(section) for section in report.sections],
        "counts": {name: getattr(report.counts, name) for name in COUNTS},
        "sources": [asdict(source) for source in report.sources],
        "cost": asdict(report.cost),
        "posts": {
            key: {
                "author": post.author,
                "url": post.url,
                "text": post.text,
                "created_at": post.created_at.isoformat() if post.created_at else None,
                **({"earlier": post.earlier} if post.earlier else {}),
            }
            for key, post in report.posts.items()
        },
        "cloud": str(cloud) if cloud else None,
        "wordcounts": dict(report.wordcounts),
    }


def hit_as_dict(hit: Hit) -> dict[str, Any]:
    """Return a search hit as a JSON object."""
    return {
        "topic": hit.topic,
        "from": hit.first.isoformat(),
        "to": hit.last.isoformat(),
        "section": hit.section,
        "number": hit.number,
        "title": hit.item.title,
        "text": hit.item.text,
        "cites": list(hit.item.cites),
    }
