"""Feeds of a topic's reports: RSS, Atom and JSON Feed, with one stable id a report."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import urlsplit

from feedgenerator import Atom1Feed, Rss201rev2Feed

from digest.calendar import closes
from digest.models import BRIEF, Item, Report, Topic
from digest.publish import days_of, label, say_sample
from digest.publish.jekyll import BRACKETS, COMMA
from digest.publish.layout import Frame, describe, list_cited, printable, web_address

KINDS = {
    "feed.xml": "application/rss+xml; charset=utf-8",
    "atom.xml": "application/atom+xml; charset=utf-8",
    "feed.json": "application/feed+json; charset=utf-8",
}


def make_feed(
    name: str, topic: Topic, frame: Frame, reports: Sequence[Report]
) -> tuple[bytes, str]:
    """Return a feed and its content type. A report made again keeps its id and gets a new date.

    Links in feeds are absolute: the frame needs its `address`.
    """
    entries = [_make_entry(topic, report, frame) for report in reports]
    make = _make_json if name == "feed.json" else _make_xml
    return make(name, topic, frame, entries), KINDS[name]


def _make_entry(topic: Topic, report: Report, frame: Frame) -> dict[str, Any]:
    """Return a report as JSON Feed names its parts."""
    published = _find_published(topic, report)
    return {
        "id": _id(topic, days_of(report), frame),
        "url": frame.absolute(f"{frame.prefix}{topic.name}/{days_of(report)}"),
        "title": printable(_title(topic, report, frame)),
        "summary": printable(describe(report) or str(report.last)),
        "content_html": _content(report),
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
            # Atom's, too, is HTML here.
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
    """Return an id that no other archive gives, and that stays where http becomes https."""
    site = urlsplit(frame.address)
    return f"tag:{site.hostname},2025:{site.path.strip('/')}/{frame.prefix}{topic.slug}/{days}"


def _title(topic: Topic, report: Report, frame: Frame) -> str:
    mark = label("imported_mark", frame.language) if report.writer == "imported" else ""
    return f"{topic.title[frame.language]} · {days_of(report)}{mark}"


def _find_published(topic: Topic, report: Report) -> datetime:
    """Return when the report of that day was due: it stays where the report is made again."""
    due = closes(topic, report.last)
    return min(due, report.created_at or due)


def _content(report: Report) -> str:
    """Return overview and points as HTML that any reader shows."""
    sample = say_sample(report.posts, report.language)
    parts = [f"<p>{sample}</p>"] if sample else []
    for name in BRIEF:
        section = report.section(name)
        rows = "".join(f"<li>{_statement(item, report)}</li>" for item in section.items)
        if rows:
            tag = "ol" if name == "points" else "ul"
            parts.append(f"<h3>{escape(printable(section.title))}</h3><{tag}>{rows}</{tag}>")
    return "".join(parts)


def _statement(item: Item, report: Report) -> str:
    mark = label("update", report.language) if item.status == "update" else ""
    title = escape(printable(item.title))
    title = f"<strong>{title}</strong> " if title and item.text else title
    links = [
        f'<a href="{escape(address)}">{escape(printable(author if post.author else "link"))}</a>'
        for author, post in list_cited(item, report.posts)
        if (address := web_address(post.url))
    ]
    authors = BRACKETS[report.language].format(COMMA[report.language].join(links))
    return mark + title + escape(printable(item.text)) + (authors if links else "")
