"""`make evaluate [DATA=DIR]`: one table of what selection is worth, written into the README too.

Every row runs the product's own functions; baselines run in the same process.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from tools import (
    evaluate_ads,
    evaluate_continuity,
    evaluate_gold,
    evaluate_ranking,
    evaluate_stories,
    evaluate_summaries,
    evaluate_verifier,
    feed_set,
)
from tools.evaluate_data import DATA, Row, table
from tools.figures import write_block
from tools.left_out import prepare

STEPS: tuple[Callable[[Path], list[Row]], ...] = (
    evaluate_stories.first_rows,  # the longest first, so that both cores end together
    evaluate_ranking.rows,
    evaluate_gold.rows,
    evaluate_stories.rows,
    evaluate_ads.rows_of,
    evaluate_continuity.rows,
    evaluate_summaries.rows,
)


def timed(step: Callable[[Path], list[Row]], data: Path) -> list[Row]:
    """The rows of a step; tells how long they took."""
    began = time.perf_counter()
    rows = step(data)
    print(f"{step.__module__}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return rows


def main() -> None:
    """Print the table; write it into docs/figures.md where the data is the usual one."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    rows = evaluate_verifier.rows(data)
    if (data / "posts").is_dir():
        prepare(data)
        with ProcessPoolExecutor(2) as pool:
            for found in [pool.submit(timed, step, data) for step in STEPS]:
                rows += found.result()
    else:
        print(f"{data}: no posts in it; nothing is measured", file=sys.stderr)
    print(table(rows))
    if feed_set.FOLDER.is_dir():
        feed_set.main(feed_set.FOLDER)
    if (data / "posts").is_dir() and data == DATA:
        write_block("evaluate", table(rows))


if __name__ == "__main__":
    main()
