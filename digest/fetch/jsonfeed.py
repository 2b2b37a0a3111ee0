"""JSON Feed (www.jsonfeed.org/version/1.1, and 1)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from digest.errors import FeedError
from digest.fetch import (
    MAX_CONTENT,
    MAX_ENTRIES,
    MAX_TITLE,
    Entry,
    Feed,
    UnknownZone,
    iter_mappings,
    parse_date,
    strip_text,
)

MAX_BYTES = 2_000_000
"""Its objects take twenty times their bytes in memory."""
MAX_OBJECTS = 50_000
"""Even empty ones take 300 bytes."""


def is_json(body: bytes) -> bool:
    """Return True for a body that begins as a JSON object does."""
    return body.lstrip(b" \t\r\n")[:1] == b"{"


def parse(body: bytes) -> Feed:
    """Return the feed in a body. Raise FeedError."""
    if len(body) > MAX_BYTES or body.count(b"{") + body.count(b"[") > MAX_OBJECTS:
        raise FeedError("no feed: a JSON Feed has at most 2 MB and some thousand entries")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or not isinstance(data.get("items"), list):
        raise FeedError("no feed: its JSON is broken, or is no JSON Feed")
    unknown: list[str] = []
    entries = [_entry(item, data, unknown) for item in iter_mappings(data["items"])]
    first, last = (entries[0].published, entries[-1].published) if entries else (None, None)
    if first and last and first < last:
        entries.reverse()  # the oldest stood first
    return Feed(
        title=strip_text(data.get("title"))[:MAX_TITLE],
        link=strip_text(data.get("home_page_url")),
        language=strip_text(data.get("language"))[:20],
        entries=tuple(entries[:MAX_ENTRIES]),
        unknown_zone=unknown[0][:20] if unknown else "",
    )


def _entry(item: Mapping[str, Any], feed: Mapping[str, Any], unknown: list[str]) -> Entry:
    """Return an entry. `unknown` collects time zones that are not understood."""
    number = item.get("id")
    id_ = strip_text(number) or (str(number)[:500] if isinstance(number, int) else "")
    html = strip_text(item.get("content_html"))
    text = strip_text(item.get("content_text")) or strip_text(item.get("summary"))
    names = dict.fromkeys([*_authors(item)] or [*_authors(feed)])
    web = id_ if id_.startswith(("https://", "http://")) else ""
    return Entry(
        title=strip_text(item.get("title"))[:MAX_TITLE],
        link=strip_text(item.get("url")) or web or strip_text(item.get("external_url")),
        id=id_[:500],
        content=(html or text)[:MAX_CONTENT],
        author=", ".join(names)[:MAX_TITLE],
        published=_date(item.get("date_published"), unknown)
        or _date(item.get("date_modified"), unknown),
        plain_title=True,
        plain_content=not html,
    )


def _authors(of: Mapping[str, Any]) -> Iterator[str]:
    """Yield names, in the way of version 1.1 or 1."""
    for author in (*iter_mappings(of.get("authors")), *iter_mappings([of.get("author")])):
        if name := strip_text(author.get("name")):
            yield name


def _date(value: object, unknown: list[str]) -> datetime | None:
    try:
        return parse_date(strip_text(value))
    except UnknownZone as error:
        unknown.append(str(error))
        return None
