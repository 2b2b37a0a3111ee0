"""What reading one feed costs: CPU seconds and memory, each in a process of its own."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from digest.errors import FeedError
from digest.fetch.feeds import parse
from digest.sources.rss import FeedContext, posts_of

ROOT = Path(__file__).parents[1]
_WARM = b"<rss version='2.0'><channel><item><title>a</title><link>https://example.com/</link></item></channel></rss>"
_ODD = _WARM.replace(b"<title>a</title>", b"")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds, and megabytes at the peak above what a process that has read a feed holds anyway."""

    cpu: float
    megabytes: float


def costs(files: Sequence[tuple[Path, Mapping[str, str]]]) -> list[Cost]:
    """The cost of each file with the headers it came with."""
    asked = json.dumps([(str(path), dict(headers)) for path, headers in files])
    command = [sys.executable, "-m", "tools.feed_cost"]
    done = subprocess.run(
        command, input=asked, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return [Cost(*json.loads(line)) for line in done.stdout.splitlines()]


def main() -> None:
    """Forks for each file, so that none finds the memory that another has left."""
    for plain in (_WARM, _ODD):  # both parsers, so that what they keep for good is not counted
        _read(plain, {})
    for path, headers in json.load(sys.stdin):
        if child := os.fork():
            assert os.waitpid(child, 0)[1] == 0, path
        else:
            os.write(1, f"{json.dumps(_cost(Path(path), headers))}\n".encode())
            os._exit(0)


def _cost(path: Path, headers: Mapping[str, str]) -> tuple[float, float]:
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    _read(path.read_bytes(), headers)
    cpu = time.process_time() - began
    return (cpu, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def _read(body: bytes, headers: Mapping[str, str]) -> None:
    """As a source reads it: the body as a feed, and its entries as posts."""
    try:
        feed = parse(body, headers)
    except FeedError:
        return
    posts_of(FeedContext(feed, "https://feeds.example.com/x.xml", datetime.now(UTC)))


if __name__ == "__main__":
    main()
