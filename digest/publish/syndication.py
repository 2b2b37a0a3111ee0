"""Feeds of a topic's reports: RSS, Atom and JSON Feed, with a stable id per report."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import urlsplit

from feedgenerator import Atom1Feed, Rss201rev2Feed

from digest.calendar import closes
from digest.models import BRIEF, Report, Topic
from digest.publish import days_of, label
from digest.publish.layout import Frame, describe, printable, render

KINDS = {
    "feed.xml": "application/rss+xml; charset=utf-8",
    "atom.xml": "application/atom+xml; charset=utf-8",
    "feed.json": "application/feed+json; charset=utf-8",
}


def make_feed(
    name: str, topic: Topic, frame: Frame, reports: Sequence[Report]
) -> tuple[bytes, str]:
    """Return a feed and its content type. A rebuilt report keeps its id and gets a new date.

    Links in feeds are absolute, so the frame needs an `address`.
    """
    entries = [_make_entry(topic, report, frame) for report in reports]
    make = _make_json if name == "feed.json" else _make_xml
    return make(name, topic, frame, entries), KINDS[name]


def _make_entry(topic: Topic, report: Report, frame: Frame) -> dict[str, Any]:
    """Return a report as a JSON Feed item with its overview and points. Its publication date is
    when it was due, and stays when the report is rebuilt."""
    due = closes(topic, report.last)
    published = min(due, report.created_at or due)
    mark = label("imported_mark", frame.language) if report.writer == "imported" else ""
    sections = [report.section(name) for name in BRIEF]
    return {
        "id": _id(topic, days_of(report), frame),
        "url": frame.absolute(f"{frame.prefix}{topic.name}/{days_of(report)}"),
        "title": printable(f"{topic.title[frame.language]} · {days_of(report)}{mark}"),
        "summary": printable(describe(report) or str(report.last)),
        "content_html": render("feed.html", frame, report=report, sections=sections).decode(),
        "date_published": published,
        "date_modified": max(report.created_at or published, published),
        "language": report.language,
    }


def _make_xml(name: str, topic: Topic, frame: Frame, entries: Sequence[Mapping[str, Any]]) -> bytes:
    title = printable(topic.title[frame.language])
    is_atom = name == "atom.xml"
    feed = (Atom1Feed if is_atom else Rss201rev2Feed)(
        title=title,
        link=frame.absolute(f"{frame.prefix}{topic.name}"),
        description=label("about", frame.language, topic=title),
        language=frame.language,
        feed_url=frame.absolute(f"{frame.prefix}{topic.name}/{name}"),
        feed_guid=_id(topic, "reports", frame),
        author_name=label("archive", frame.language),
    )
    for entry in entries:
        feed.add_item(
            title=entry["title"],
            link=entry["url"],
            # Atom summaries are HTML here, too.
            description=escape(entry["summary"]) if is_atom else entry["content_html"],
            content=entry["content_html"] if is_atom else None,
            unique_id=entry["id"],
            unique_id_is_permalink=False,
            pubdate=entry["date_published"],
            updateddate=entry["date_modified"],
        )
    return bytes(feed.writeString("utf-8"), "utf-8")


def _make_json(_: str, topic: Topic, frame: Frame, entries: Sequence[Mapping[str, Any]]) -> bytes:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": printable(topic.title[frame.language]),
        "home_page_url": frame.absolute(f"{frame.prefix}{topic.name}"),
        "feed_url": frame.absolute(f"{frame.prefix}{topic.name}/feed.json"),
        "language": frame.language,
        "items": entries,
    }
    return json.dumps(feed, ensure_ascii=False, indent=1, default=datetime.isoformat).encode()


def _id(topic: Topic, days: str, frame: Frame) -> str:
    """Return a globally unique id that does not change from http to https."""
    site = urlsplit(frame.address)
    return f"tag:{site.hostname},2025:{site.path.strip('/')}/{frame.prefix}{topic.slug}/{days}"
