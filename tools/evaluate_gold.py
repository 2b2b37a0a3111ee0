"""Evaluate the extractive report on days an editor has labelled completely: which stories it
contains.

Each day's report is made with heads trained without that day.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from digest.models import Counts, Item, Section, Window
from digest.select.selection import Selection, select
from digest.write import Material
from digest.write.extractive.writer import write
from tools.evaluate_data import DATA, Row, of_day, topic
from tools.left_out import heads_without, prepare

NOISE = ("ad", "offtopic", "chatter")


def make_sections(data: Path, day: str) -> dict[str, tuple[Item, ...]]:
    """Return the items of that day's extractive report, by section."""
    chosen = select(topic(), of_day(data, day), lambda step: None)
    return {section.name: section.items for section in write_sections(day, chosen)}


def write_sections(day: str, chosen: Selection) -> tuple[Section, ...]:
    """Return the extractive report of that day's selection."""
    written_day = date.fromisoformat(day)
    window = Window(written_day, written_day, "UTC")
    material = Material(
        topic(), window, chosen.stories, Counts(), (), chosen.dropped, knows_news=chosen.knows_news
    )
    return write(material)


def score_day(gold: dict[str, Any], sections: dict[str, tuple[Item, ...]]) -> Counter[str]:
    """Return counts: must-haves, those reported, those in the points, weak points, noise cited,
    citations."""
    stories = {key: s["importance"] for s in gold["stories"] for key in s["posts"]}
    must = {s["id"]: set(s["posts"]) for s in gold["stories"] if s["importance"] == 3}
    reported = [i for n, items in sections.items() if n not in ("filtered", "cloud") for i in items]
    points = sections["points"]
    in_points = {key for item in points for key in item.cites}
    anywhere = {key for item in reported for key in item.cites}
    worth = [max((stories.get(key, 0) for key in item.cites), default=0) for item in points]
    return Counter(
        must=len(must),
        points=sum(bool(posts & in_points) for posts in must.values()),
        anywhere=sum(bool(posts & anywhere) for posts in must.values()),
        weak=sum(importance < 2 for importance in worth),
        noise=sum(gold["other"].get(key) in NOISE for item in reported for key in item.cites),
        cites=sum(len(item.cites) for item in reported),
    )


def rows(data: Path) -> list[Row]:
    """Return the row on the gold days."""
    counts: dict[str, Counter[str]] = {}
    for path in sorted((data / "labels" / "gold").glob("*.json")):
        with heads_without(data, path.stem):
            gold = json.loads(path.read_text(encoding="utf-8"))
            counts[path.stem] = score_day(gold, make_sections(data, path.stem))
    if not counts:
        return [Row("gold days", "must-haves in the points", "no data")]
    total = sum(counts.values(), Counter[str]())
    by_day = ", ".join(f"{counts[day]['points']}" for day in counts)
    return [
        Row(
            f"{len(counts)} gold days, report without a model, heads trained without the day",
            "must-haves in the points; anywhere; weak points; noise cited",
            f"{total['points']} of {total['must']} ({by_day}); {total['anywhere']};"
            f" {total['weak']}; {total['noise']} of {total['cites']}",
            bar="27 of 40; 33; 1 a day; 0",
        )
    ]


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    prepare(folder)
    for row in rows(folder):
        print(row)
