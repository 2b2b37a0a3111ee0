"""Evaluate the parser on odd feeds: `python -m tools.feed_set FOLDER` with an `index.jsonl` as in
../shared/data."""

from __future__ import annotations

import ast
import calendar
import io
import json
import os
import re
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import feedparser

from digest.errors import FeedError
from digest.fetch import Feed
from digest.fetch.feeds import parse
from digest.fetch.pages import plain_text
from digest.sources.rss import FeedContext, posts_of

ROOT = Path(__file__).parents[1]
FOLDER = ROOT.parent / "shared" / "data" / "feeds"

_EXPECTED = re.compile(
    r"(?P<of>feed|entries\[(?P<n>\d)\])(?:\.|\[')(?P<field>title|link|published|updated|created|issued|modified)"
    r"(?P<parsed>_parsed)?(?:'\])?\s*==\s*(?:entries\[1\]\['link'\]\s*==\s*)?(?P<value>.+?)(?:\s+and\s.*)?$"
)
_DETAILS = ("['title_detail']['value']", "['links'][0]['href']")
_PLAIN = ("['title']", "['link']")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a file's own test suite expects: a title, link or date."""

    entry: int | None
    field: str
    value: Any


def expect(words: str) -> Expectation | None:
    """Parse the expectation; return None if it is about another field."""
    for detail, plain in zip(_DETAILS, _PLAIN, strict=True):
        words = words.replace(detail, plain)
    found = _EXPECTED.search(words)
    if not found:
        return None
    value = ast.literal_eval(found["value"].strip())
    entry = int(found["n"]) if found["n"] else None
    field = found["field"] if found["field"] in ("title", "link") else "date"
    return Expectation(entry, field, value)


def headers_of(row: Mapping[str, str]) -> dict[str, str]:
    """Return the HTTP headers of the file."""
    name, _, value = (row.get("header") or "").partition(": ")
    return {name.lower(): value} if name else {}


def read_ours(feed: Feed, expected: Expectation) -> Any:
    """Return that field as parsed by us."""
    if expected.entry is not None:
        if len(feed.entries) <= expected.entry:
            return None
        entry = feed.entries[expected.entry]
        return {"title": entry.title, "link": entry.link, "date": entry.published}[expected.field]
    return {"title": feed.title, "link": feed.link, "date": feed.updated}[expected.field]


def read_theirs(read: Any, expected: Expectation) -> Any:
    """Return that field as parsed by feedparser alone."""
    entries = read.get("entries") or []
    if expected.entry is not None and len(entries) <= expected.entry:
        return None
    part = read.get("feed", {}) if expected.entry is None else entries[expected.entry]
    if expected.field != "date":
        return part.get(expected.field, "")
    part = dict(part)
    for name in ("published_parsed", "updated_parsed", "created_parsed"):
        if part.get(name):
            return datetime.fromtimestamp(calendar.timegm(part[name]), UTC)
    return None


def same(found: Any, expected: Expectation) -> bool:
    """Return True if the field has the expected value, ignoring markup."""
    if found is None or found == "":
        return False
    if expected.field == "title":
        return plain_text(str(found)) == plain_text(str(expected.value))
    if expected.field == "link":
        return bool(found == expected.value)
    if isinstance(expected.value, tuple):
        return bool(found == datetime.fromtimestamp(calendar.timegm(expected.value), UTC))
    return bool(found == datetime.fromisoformat(str(expected.value)))


_WARM = b"<rss version='2.0'><channel><item><title>a</title><link>https://example.com/</link></item></channel></rss>"
_ODD = _WARM.replace(b"<title>a</title>", b"")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds, and peak memory in MB above that of a process that has already parsed a feed."""

    cpu: float
    megabytes: float


def measure_costs(files: Sequence[tuple[Path, Mapping[str, str]]]) -> list[Cost]:
    """Return the cost of parsing each file with its headers."""
    asked = json.dumps([(str(path), dict(headers)) for path, headers in files])
    command = [sys.executable, "-c", "from tools.feed_set import measure; measure()"]
    done = subprocess.run(
        command, input=asked, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return [Cost(*json.loads(line)) for line in done.stdout.splitlines()]


def measure() -> None:
    """Serve a request of `measure_costs`. Each file is parsed in a fork, so that memory is not
    reused."""
    for plain in (_WARM, _ODD):  # warm up both parsers: do not count their permanent memory
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
    """Process a body as a source does: parse the feed and convert its entries to posts."""
    try:
        feed = parse(body, headers)
    except FeedError:
        return
    posts_of(FeedContext(feed, "https://feeds.example.com/x.xml", datetime.now(UTC)))


def main(folder: Path) -> None:
    """Print our and feedparser's success rates, and the slowest file."""
    warnings.simplefilter("ignore")
    rows = [json.loads(line) for line in (folder / "index.jsonl").read_text("utf-8").splitlines()]
    right = alone = number = refused = 0
    for row in rows:
        body, headers = (folder / row["file"]).read_bytes(), headers_of(row)
        try:
            feed = parse(body, headers)
        except FeedError:
            feed, refused = Feed(), refused + 1
        expected = expect(row.get("expect") or "")
        if expected:
            number += 1
            right += same(read_ours(feed, expected), expected)
            read = feedparser.parse(io.BytesIO(body), response_headers=headers)
            alone += same(read_theirs(read, expected), expected)
    cost = measure_costs([(folder / row["file"], headers_of(row)) for row in rows])
    print(
        f"feeds: {len(rows)} files, {refused} taken for no feed; the worst of them"
        f" {max(c.cpu for c in cost):.3f} s CPU (bar 1), {max(c.megabytes for c in cost):.1f} MB (bar 64)"
    )
    print(
        f"title, link or date as expected, {number} files: ours {right}, feedparser alone {alone}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
