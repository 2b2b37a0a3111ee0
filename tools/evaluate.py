"""`make evaluate [DATA=DIR]`: one table of quality figures, also written to docs/figures.md.

Every row calls the product's own functions; baselines run in the same process.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from digest.models import Post
from digest.reading import Story, read
from digest.select.continuity import COMPARED, EarlierItem, drop_repeats
from tools import (
    evaluate_ads,
    evaluate_gold,
    evaluate_ranking,
    evaluate_stories,
    evaluate_summaries,
    evaluate_verifier,
    feed_set,
)
from tools.evaluate_data import DATA, Row, lines, of_day, table, topic
from tools.figures import write_block
from tools.left_out import prepare

LABELS = Path(__file__).parents[1] / "tests" / "data" / "continuity.jsonl"


def judge_pairs(data: Path) -> list[tuple[str, str]]:
    """Return our judgement and the label of each labelled pair whose posts are in the folder.

    As in a digest, each story is compared with all labelled stories of earlier days.
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


def continuity_rows(data: Path) -> list[Row]:
    """Return the row on continuity."""
    pairs = judge_pairs(data)
    if not pairs:
        return [Row("continuity, labelled story pairs", "right label", "no data")]
    right = sum(verdict == label for verdict, label in pairs)
    always = sum(label == "new" for _, label in pairs)
    same = sum((verdict == "new") == (label == "new") for verdict, label in pairs)
    return [
        Row(
            f"continuity: {len(pairs)} labelled story pairs",
            "correct label (same event or not)",
            f"{100 * right / len(pairs):.0f} % ({100 * same / len(pairs):.0f} %)",
            f"always new {100 * always / len(pairs):.0f} %",
            "85 %",
        )
    ]


STEPS: tuple[Callable[[Path], list[Row]], ...] = (
    evaluate_stories.first_rows,  # the longest first, so that both cores finish together
    evaluate_ranking.rows,
    evaluate_gold.rows,
    evaluate_stories.rows,
    evaluate_ads.rows_of,
    continuity_rows,
    evaluate_summaries.rows,
)


def timed(step: Callable[[Path], list[Row]], data: Path) -> list[Row]:
    """Return the rows of a step; print how long they took."""
    began = time.perf_counter()
    rows = step(data)
    print(f"{step.__module__}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return rows


def main() -> None:
    """Print the table; write it to docs/figures.md if the data is the default."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    rows = evaluate_verifier.rows(data)
    if (data / "posts").is_dir():
        prepare(data)
        with ProcessPoolExecutor(2) as pool:
            for future in [pool.submit(timed, step, data) for step in STEPS]:
                rows += future.result()
    else:
        print(f"{data}: no posts in it; nothing is measured", file=sys.stderr)
    print(table(rows))
    if feed_set.FOLDER.is_dir():
        feed_set.main(feed_set.FOLDER)
    if (data / "posts").is_dir() and data == DATA:
        write_block("evaluate", table(rows))


if __name__ == "__main__":
    main()
