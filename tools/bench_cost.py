"""CPU of a whole digest without a model and without the encoder, against one jieba pass over the
same text.

`python -m tools.bench_cost COUNT` measures one size in a fresh process. Memory is the peak above
that of a process with all libraries imported; it includes the posts and the part of jieba's
dictionary that the day needs. The jieba pass loads the whole dictionary first; its cost without
that is printed as well. `python -m tools.bench_cost COUNT encoder` measures the time with the
encoder.
"""

from __future__ import annotations

import gc
import logging
import os
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count, islice

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import jieba
import PIL.ImageFont
import PIL.ImageOps
import wordcloud

from digest import pipeline
from digest.models import Post, Window
from digest.select import embed
from tools.evaluate_data import DATA, days, of_day, topic

LIBRARIES = (PIL.ImageFont, PIL.ImageOps, wordcloud)
"""Imported in advance, as a digest would import them later."""


def many(size: int) -> list[Post]:
    """Return `size` posts of the labelled days, repeated under other ids if needed."""
    return list(islice(_turns(), size))


def _turns() -> Iterator[Post]:
    for turn in count():
        for day in days(DATA):
            for post in of_day(DATA, day):
                again = replace(post, id=f"{post.id}-{turn}", text=f"{post.text} {turn}")
                yield again if turn else post


def memory() -> float:
    """Return the peak memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print one line of figures."""
    gc.disable()  # as in the `digest` command
    jieba.setLogLevel(logging.ERROR)
    encoder = "encoder" in sys.argv[2:]
    if not encoder:
        embed._encoder = lambda: None  # type: ignore[assignment]
        pipeline.release = lambda: None  # type: ignore[attr-defined]
    before = memory()
    posts = many(int(sys.argv[1]))
    window = Window(date(2025, 9, 1), date(2025, 12, 31), "UTC")
    gathered = pipeline.Gathered(tuple(("all", post) for post in posts), ())
    began = time.process_time()
    material = pipeline.prepare_material(topic(), window, gathered, lambda step: None)
    pipeline.draft_report(material, lambda step: None, datetime.now(UTC))
    ours, grown = time.process_time() - began, memory() - before
    if encoder:
        print(f"{len(posts)} posts with the encoder: {ours:.1f} s CPU, {grown:.0f} MB over imports")
        return
    began = time.process_time()
    jieba.initialize()
    loaded = time.process_time()
    for post in posts:
        jieba.lcut(post.text)
    ended = time.process_time()
    print(
        f"{len(posts)} posts, encoder off: {ours:.1f} s CPU, {ours / (ended - began):.2f} jieba passes"
        f" ({ours / (ended - loaded):.2f} with the dictionary loaded), {grown:.0f} MB over imports"
    )


if __name__ == "__main__":
    main()
