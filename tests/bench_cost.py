"""CPU of a whole digest without a model and without the encoder, against one jieba pass over the same text.

`python -m tests.bench_cost COUNT` measures one size in a process of its own, so that memory is its own too.
"""

from __future__ import annotations

import logging
import os
import resource
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import islice

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import jieba

from digest import pipeline
from digest.models import Post, Window
from digest.select import embed
from tests.evaluate_data import DATA, days, of_day, topic


def many(count: int) -> list[Post]:
    """So many posts of the days, one after the other; where they run out, again under other ids."""
    own = [post for day in days(DATA) for post in of_day(DATA, day)]
    turns = (
        replace(post, id=f"{post.id}-{turn}", text=f"{post.text} {turn}") if turn else post
        for turn in range(1 + count // len(own))
        for post in own
    )
    return list(islice(turns, count))


def memory() -> float:
    """The peak so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """One line."""
    jieba.setLogLevel(logging.ERROR)
    embed._encoder = lambda: None  # type: ignore[assignment]
    posts = many(int(sys.argv[1]))
    before = memory()
    window = Window(date(2025, 9, 1), date(2025, 12, 31), "UTC")
    gathered = pipeline.Gathered(tuple(("all", post) for post in posts), ())
    pipeline.release = lambda: None  # type: ignore[attr-defined]
    began = time.process_time()
    pipeline.build(topic(), window, gathered, lambda step: None, datetime.now(UTC))
    ours, grown = time.process_time() - began, memory() - before
    jieba.lcut("")
    began = time.process_time()
    for post in posts:
        jieba.lcut(post.text)
    one = time.process_time() - began
    print(
        f"{len(posts)} posts, encoder off: {ours:.1f} s CPU, {ours / one:.2f} jieba passes, {grown:.0f} MB more"
    )


if __name__ == "__main__":
    main()
