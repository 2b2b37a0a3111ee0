"""JSON Feed (www.jsonfeed.org/version/1.1, and 1)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from digest.errors import FeedError
from digest.fetch.entries import MAX_CONTENT, MAX_ENTRIES, MAX_TITLE, Entry, Feed, in_utc, text_of

MAX_BYTES = 2_000_000
"""Its objects take twenty times their bytes in memory."""
MAX_OBJECTS = 50_000
"""Even empty ones take 300 bytes."""


def looks_so(body: bytes) -> bool:
    return body.lstrip(b" \t\r\n")[:1] == b"{"


def parse(body: bytes) -> Feed:
    """The feed in a body. Raises FeedError."""
    if len(body) > MAX_BYTES or body.count(b"{") + body.count(b"[") > MAX_OBJECTS:
        raise FeedError("no feed: a JSON Feed has at most 2 MB and some thousand entries")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or not isinstance(data.get("items"), list):
        raise FeedError("no feed: its JSON is broken, or is no JSON Feed")
    items = [item for item in data["items"] if isinstance(item, dict)][:MAX_ENTRIES]
    return Feed(
        title=text_of(data.get("title"))[:MAX_TITLE],
        link=text_of(data.get("home_page_url")),
        language=text_of(data.get("language"))[:20],
        entries=tuple(_entry(item, data) for item in items),
    )


def _entry(item: Mapping[str, Any], feed: Mapping[str, Any]) -> Entry:
    id_ = item.get("id")
    said = text_of(id_) or (str(id_)[:500] if isinstance(id_, int) else "")
    texts = [text_of(item.get(name)) for name in ("content_html", "content_text", "summary")]
    names = dict.fromkeys([*_authors(item)] or [*_authors(feed)])
    web = said if said.startswith(("https://", "http://")) else ""
    return Entry(
        title=text_of(item.get("title"))[:MAX_TITLE],
        link=text_of(item.get("url")) or web or text_of(item.get("external_url")),
        id=said[:500],
        content=next(filter(None, texts), "")[:MAX_CONTENT],
        author=", ".join(names)[:MAX_TITLE],
        published=_date(item.get("date_published")) or _date(item.get("date_modified")),
    )


def _authors(of: Mapping[str, Any]) -> Iterator[str]:
    """Names, in the way of version 1.1 or 1."""
    listed = of.get("authors")
    for one in [*(listed if isinstance(listed, list) else ()), of.get("author")]:
        if isinstance(one, dict) and (name := text_of(one.get("name"))):
            yield name


def _date(value: object) -> datetime | None:
    try:
        return in_utc(datetime.fromisoformat(text_of(value)))
    except ValueError:
        return None
