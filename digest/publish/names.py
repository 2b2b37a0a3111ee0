"""Names of the files that reports are written to, whatever a topic is called."""

from __future__ import annotations

import re
from datetime import date
from hashlib import sha256

MAX_SLUG = 60
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))]
)


def safe_slug(slug: str) -> str:
    """The slug as part of a file name: what was not letters, digits, `_` or `-` is gone. A slug that
    had to be changed gets a mark of the original, so that two never meet in one file."""
    kept = re.sub(r"[^A-Za-z0-9_-]+", "_", slug).strip("_-")[:MAX_SLUG]
    if kept == slug and kept.lower() not in _DEVICES:
        return kept
    return f"{kept or 'topic'}_{sha256(slug.encode('utf-8', 'replace')).hexdigest()[:8]}"


def stem(slug: str, first: date, last: date) -> str:
    """What post and picture are called after: `twitter_ai_20251206_20251206`."""
    return f"{safe_slug(slug)}_{first:%Y%m%d}_{last:%Y%m%d}"
