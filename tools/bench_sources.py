"""Source figures: hostile feeds, and a day with ten times the posts. Asserts nothing."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.hostile_feeds import HOSTILE
from tests.model_server import KEY, MODEL, ModelServer, Request, count
from tests.writers import honest, wanted
from tools.bench import DATA, ROOT, run_bot
from tools.feed_set import measure_costs

DAY = "2025-12-06"


def print_feeds() -> None:
    """Print CPU seconds and memory of the worst feeds, each parsed in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / str(number) for number in range(len(HOSTILE))]
        for path, body in zip(files, HOSTILE.values(), strict=True):
            path.write_bytes(body)
        found = dict(zip(HOSTILE, measure_costs([(path, {}) for path in files]), strict=True))
    slowest = max(found, key=lambda name: found[name].cpu)
    largest = max(found, key=lambda name: found[name].megabytes)
    print(
        f"{len(HOSTILE)} hostile feeds: {found[slowest].cpu:.2f} s CPU at the most ({slowest}; bar 1),"
        f" {found[largest].megabytes:.0f} MB ({largest}; bar 64)"
    )


def crowd_day(number: int) -> Iterator[str]:
    """Yield lines of a post file: all real posts, then pairs of them combined into one post."""
    dice = random.Random(3)  # noqa: S311 (fixed seed)
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


@dataclass(frozen=True, slots=True)
class DigestCost:
    """Cost of a digest."""

    cpu: float
    wall: float
    megabytes: float
    tokens: int
    """Prompt tokens of the calls for the report's pages."""


def make_digest(number: int, folder: Path) -> DigestCost:
    """Build a digest of that many posts with a local simulated model that answers at once."""
    path = folder / f"{number}.jsonl"
    path.write_text("\n".join(crowd_day(number)) + "\n", "utf-8")

    def script(request: Request) -> object:
        return honest(*(str(message["content"]) for message in request.body["messages"]))

    with ModelServer(script) as server:
        told = {"BASE_URL": server.base_url, "MODEL": MODEL, "API_KEY": KEY}
        os.environ.update({f"OPENAI_{name}": value for name, value in told.items()})
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        asked = ("digest", "ai", "--date", DAY, "--posts", str(path), "--json")
        wall, peak, out = run_bot(*asked, folder=folder)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = json.loads(out)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    pages = [one for one in server.requests if wanted(one.prompt) != "items"]
    repairs = sum(count(one.text) for one in server.requests) - sum(
        count(one.text) for one in pages
    )
    tokens = sum(count(one.text) for one in pages)
    print(
        f"{number} posts: {cpu:.1f} s CPU, {wall:.1f} s, {peak:.0f} MB, writer {found['writer']},"
        f" {len(pages)} calls, {tokens} tokens in, {repairs} to repair what was refused, {found['counts']}"
    )
    return DigestCost(cpu, wall, peak, tokens)


def print_flood(folder: Path) -> None:
    """Compare a digest of 30,000 posts with one of 3,000."""
    few, many = make_digest(3_000, folder), make_digest(30_000, folder)
    print(
        f"ten times the posts: {many.cpu / few.cpu:.2f} x CPU, {many.wall / few.wall:.2f} x time (bar 3),"
        f" {many.megabytes:.0f} MB (bar 600), {many.tokens / few.tokens:.3f} x tokens in"
    )


def main() -> None:
    """Print all figures, measured in a temporary folder."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    print_feeds()
    if not DATA.is_dir():
        print("a day with ten times the posts: ../shared/data is absent")
        return
    with tempfile.TemporaryDirectory() as name:
        shutil.copy(ROOT / "topics.toml", name)
        print_flood(Path(name))


if __name__ == "__main__":
    main()
