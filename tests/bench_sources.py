"""Figures of the sources: hostile feeds, and a day with ten times the posts. Asserts nothing."""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from digest.fetch.feeds import FeedError, parse
from tests.bench import DATA, ROOT, timed
from tests.hostile_feeds import HOSTILE

DAY = "2025-12-06"


def feeds() -> None:
    """CPU seconds and growth of memory of the worst body."""
    slowest, before = (0.0, ""), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, body in HOSTILE.items():
        began = time.process_time()
        with contextlib.suppress(FeedError):
            parse(body)
        slowest = max(slowest, (time.process_time() - began, name))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"{len(HOSTILE)} hostile feeds: slowest {slowest[0]:.2f} s CPU ({slowest[1]}), {grown:.0f} MB"
    )


def crowded(number: int) -> Iterator[str]:
    """So many lines of a post file: the real posts as they are, then two of them at a time in one."""
    dice = random.Random(3)  # noqa: S311 (the same posts every time)
    rows = [
        json.loads(line)
        for path in sorted(DATA.glob("*/*.jsonl"))
        for line in path.read_text("utf-8").split("\n")
        if line
    ]
    dice.shuffle(rows)
    for n in range(number):
        row, other = dict(rows[n % len(rows)]), dice.choice(rows)
        if n >= len(rows):
            row["text"] = f"{(row['text'] or '')[:140]} {(other['text'] or '')[:140]}"
        row |= {"id": f"{row['id']}-{n}", "created_at": f"{DAY}T{n % 24:02}:{n % 60:02}:00Z"}
        yield json.dumps(row, ensure_ascii=False)


def flood(folder: Path) -> None:
    """A digest of 3,000 and of 30,000 posts."""
    for number in (3_000, 30_000):
        path = folder / f"{number}.jsonl"
        path.write_text("\n".join(crowded(number)) + "\n", "utf-8")
        asked = ("digest", "ai", "--date", DAY, "--posts", str(path), "--json")
        seconds, peak, out = timed(*asked, "--writer", "extractive", folder=folder)
        print(f"{number} posts: {seconds:.1f} s, {peak:.0f} MB, {json.loads(out)['counts']}")


def main() -> None:
    """All of it, in a folder of its own."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    feeds()
    if not DATA.is_dir():
        print("a day with ten times the posts: ../shared/data is absent")
        return
    with tempfile.TemporaryDirectory() as name:
        shutil.copy(ROOT / "topics.toml", name)
        flood(Path(name))


if __name__ == "__main__":
    main()
