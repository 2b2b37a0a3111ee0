"""Feeds of a topic's reports: RSS, Atom and JSON Feed, with one stable id a report."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, time
from html import escape

from feedgenerator import Atom1Feed, Rss201rev2Feed

from digest.models import BRIEF, Item, Report, Topic
from digest.publish import days_of
from digest.publish.layout import Frame, describe, label, list_cited, printable, web_address

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
    make = _make_json if name == "feed.json" else _make_xml
    return make(name, topic, frame, reports), KINDS[name]


def _make_xml(name: str, topic: Topic, frame: Frame, reports: Sequence[Report]) -> bytes:
    title = topic.title[frame.language]
    build = Rss201rev2Feed if name == "feed.xml" else Atom1Feed
    feed = build(
        title=printable(title),
        link=frame.absolute(topic.name),
        description=label("about", frame.language, topic=printable(title)),
        language=frame.language,
        feed_url=frame.absolute(f"{topic.name}/{name}"),
        feed_guid=_id(topic, "reports"),
        author_name=label("archive", frame.language),
    )
    for report in reports:
        feed.add_item(
            title=printable(_title(topic, report, frame)),
            link=frame.absolute(f"{topic.name}/{days_of(report)}"),
            description=printable(_summary(report) if name == "atom.xml" else _content(report)),
            content=_content(report) if name == "atom.xml" else None,
            unique_id=_id(topic, days_of(report)),
            unique_id_is_permalink=False,
            pubdate=_published(report),
            updateddate=_updated(report),
        )
    return bytes(feed.writeString("utf-8"), "utf-8") if reports else b""


def _make_json(_: str, topic: Topic, frame: Frame, reports: Sequence[Report]) -> bytes:
    items = [
        {
            "id": _id(topic, days_of(report)),
            "url": frame.absolute(f"{topic.name}/{days_of(report)}"),
            "title": printable(_title(topic, report, frame)),
            "summary": printable(_summary(report)),
            "content_html": _content(report),
            "date_published": _published(report).isoformat(),
            "date_modified": _updated(report).isoformat(),
            "language": report.language,
        }
        for report in reports
    ]
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": printable(topic.title[frame.language]),
        "home_page_url": frame.absolute(topic.name),
        "feed_url": frame.absolute(f"{topic.name}/feed.json"),
        "language": frame.language,
        "items": items,
    }
    return json.dumps(feed, ensure_ascii=False, indent=1).encode()


def _id(topic: Topic, days: str) -> str:
    return f"tag:jianbao,2025:{topic.slug}/{days}"


def _title(topic: Topic, report: Report, frame: Frame) -> str:
    mark = label("imported_mark", frame.language) if report.writer == "imported" else ""
    return f"{topic.title[frame.language]} · {days_of(report)}{mark}"


def _published(report: Report) -> datetime:
    """Return noon of the last day: it stays where the report is made again."""
    return datetime.combine(report.last, time(12), UTC)


def _updated(report: Report) -> datetime:
    return max(report.created_at or _published(report), _published(report)).astimezone(UTC)


def _summary(report: Report) -> str:
    return describe(report) or str(report.last)


def _content(report: Report) -> str:
    """Return overview and points as HTML that any reader shows."""
    parts = []
    for name in BRIEF:
        section = report.section(name)
        rows = "".join(f"<li>{_statement(item, report)}</li>" for item in section.items)
        if rows:
            tag = "ol" if name == "points" else "ul"
            parts.append(f"<h3>{escape(printable(section.title))}</h3><{tag}>{rows}</{tag}>")
    return "".join(parts)


def _statement(item: Item, report: Report) -> str:
    title = f"<strong>{escape(printable(item.title))}</strong> " if item.title else ""
    links = [
        f'<a href="{escape(address)}">{escape(printable(author if post.author else "link"))}</a>'
        for author, post in list_cited(item, report.posts)
        if (address := web_address(post.url))
    ]
    return title + escape(printable(item.text)) + (f" ({', '.join(links)})" if links else "")
