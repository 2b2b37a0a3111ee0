"""The report as the one JSON object of `digest --json`, and as Markdown with each item's sources
linked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from digest.models import Hit, Item, Report, Section, show_author

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")
_LIST_MARK = re.compile(r"^(\d*)([.)+-])(?=\s)")

COUNTS = ("collected", "outside", "ads", "offtopic", "duplicates", "stories", "unproved")
"""Counts that the contract of `--json` names."""


def as_dict(report: Report, cloud: Path | None) -> dict[str, Any]:
    """Return the object that `digest --json` prints; `cloud` is where a copy of the picture was
    written."""
    return {
        "topic": report.topic,
        "from": report.first.isoformat(),
        "to": report.last.isoformat(),
        "language": report.language,
        "writer": report.writer,
        "sections": [
            {
                "name": section.name,
                "title": section.title,
                "items": [
                    {
                        "group": item.group,
                        "title": item.title,
                        "text": item.text,
                        "cites": list(item.cites),
                        "status": item.status,
                    }
                    for item in section.items
                ],
            }
            for section in report.sections
        ],
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
    """Return an item that was found as a JSON object: where it stands and what it says."""
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


def as_markdown(report: Report, title: str, cloud: str = "") -> str:
    """Return the report under `title`; `cloud` is the address of the picture, relative to the
    file."""
    blocks = [f"# {escape(title)}"]
    for section in report.sections:
        blocks.append(f"## {escape(section.title)}")
        blocks += _section(report, section)
        if section.name == "cloud" and cloud:
            blocks.append(f"![{escape(section.title)}]({cloud})")
    return "\n\n".join(blocks) + "\n"


def escape(text: str) -> str:
    """Return text of strangers as text: no markup, no HTML, no lists of its own, one line."""
    one_line = " ".join(text.split())
    return _LIST_MARK.sub(r"\1\\\2", _MARKUP.sub(r"\\\1", one_line))


def _section(report: Report, section: Section) -> list[str]:
    blocks = []
    for group, items in groupby(section.items, key=lambda item: item.group):
        if group:
            blocks.append(f"### {escape(group)}")
        for is_note, lines in groupby(_lines(report, section, items), key=itemgetter(0)):
            blocks.append(("\n\n" if is_note else "\n").join(line for _, line in lines))
    return blocks


def _lines(report: Report, section: Section, items: Iterable[Item]) -> Iterator[tuple[bool, str]]:
    """Yield the lines of a group, and whether each is a paragraph instead of a list's line."""
    for number, item in enumerate(items, 1):
        if item.status == "note":
            yield True, escape(item.text)
        else:
            mark = f"{number}." if section.name == "points" else "-"
            yield False, f"{mark} {_item(report, item)}"


def _item(report: Report, item: Item) -> str:
    parts = [f"**{escape(item.title)}**"] if item.title else []
    parts += [escape(item.text)] if item.text else []
    links = [_link(report, key) for key in item.cites if key in report.posts]
    return " ".join([*parts, *([f"({', '.join(links)})"] if links else [])])


def _link(report: Report, key: str) -> str:
    post = report.posts[key]
    label = escape(show_author(key, post.author))
    address = (
        post.url.replace(" ", "%20").replace("(", "%28").replace(")", "%29").replace(">", "%3E")
    )
    return f"[{label}]({address})" if address else label
