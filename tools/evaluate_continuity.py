"""Continuity: pairs of a story and an earlier one, read and labelled by hand; the file holds keys only."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from digest.models import Post
from digest.reading import Story, read
from digest.select.continuity import COMPARED, EarlierItem, drop_repeats
from tools.evaluate_data import Row, lines, of_day, topic

LABELS = Path(__file__).parents[1] / "tests" / "data" / "continuity.jsonl"


def judged(data: Path) -> list[tuple[str, str]]:
    """For each pair whose posts are in the folder: our judgement and the label.

    Each story is judged against all labelled stories of the days before, as in a digest.
    """
    pairs, given = lines(LABELS), topic()
    days = sorted({row[name] for row in pairs for name in ("day", "earlier_day")})
    known: dict[str, Post] = {
        post.key: post
        for day in days
        if (data / "posts" / day).is_dir()
        for post in of_day(data, day)
    }
    earlier = [
        EarlierItem(date.fromisoformat(day), tuple(read([known[key]])))
        for day, key in sorted({(r["earlier_day"], r["earlier"]) for r in pairs})
        if key in known
    ]
    found: list[tuple[str, str]] = []
    for row in pairs:
        if row["now"] in known and row["earlier"] in known:
            day = date.fromisoformat(row["day"])
            before = [item for item in earlier if day - COMPARED <= item.day < day]
            fresh, _ = drop_repeats(given, [Story(tuple(read([known[row["now"]]])))], before)
            ours = "repeat" if not fresh else "update" if fresh[0].earlier else "new"
            found.append((ours, row["label"]))
    return found


def rows(data: Path) -> list[Row]:
    """The row about continuity."""
    found = judged(data)
    if not found:
        return [Row("continuity, labelled story pairs", "right label", "no data")]
    right = sum(ours == label for ours, label in found)
    always = sum(label == "new" for _, label in found)
    same = sum((ours == "new") == (label == "new") for ours, label in found)
    return [
        Row(
            f"continuity, {len(found)} labelled story pairs",
            "right label (same event or not)",
            f"{100 * right / len(found):.0f} % ({100 * same / len(found):.0f} %)",
            f"always new {100 * always / len(found):.0f} %",
            "85 %",
        )
    ]
