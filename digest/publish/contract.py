"""The report as the one JSON object that `digest --json` prints."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from digest.models import Report


def as_contract(report: Report, cloud: Path | None) -> dict[str, Any]:
    """The object described in the contracts; `cloud` is where a copy of the picture was written."""
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
        "counts": asdict(report.counts),
        "sources": [
            {"name": s.name, "posts": s.posts, "ok": s.ok, "note": s.note} for s in report.sources
        ],
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
