"""Memory of files that are made to fill it, each read in a process of its own."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_MEGABYTES = 300
READ = """
import asyncio, sys
from pathlib import Path
from digest.errors import DigestError
from digest.models import SourceState
from digest.sources.jsonl import FileSource
from tests.posts import WINDOW
try:
    posts, _ = asyncio.run(FileSource(Path(sys.argv[1])).fetch(WINDOW, SourceState()))
    print(len(posts), end=" ")
except DigestError as error:
    print(-1, end=" ")
# Not ru_maxrss: that of a process begins with what its parent had in memory.
status = Path("/proc/self/status").read_text()
print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""
ROW = {"id": "1", "source": "x", "text": "模型" * 30 + "😀", "created_at": "2025-12-06T08:00:00Z"}


def rows(number: int, **changes: object) -> Iterator[bytes]:
    for n in range(number):
        yield json.dumps(ROW | {"id": str(n)} | changes).encode() + b"\n"


def repeat(piece: bytes, times: int) -> Iterator[bytes]:
    for _ in range(times):
        yield piece


FILES: dict[str, tuple[Callable[[], Iterator[bytes]], bool]] = {
    "many posts": (lambda: rows(250_000), True),
    "fat posts": (lambda: rows(9_000, text="😀" * 12_000, links=["https://e.example/a"] * 50), True),
    "no line break": (lambda: repeat(b"a" * 1_000_000, 400), False),
    "an array without end": (lambda: repeat(b"[{\"a\":" * 200_000, 10), False),
    "empty lines": (lambda: repeat(b"\n" * 1_000_000, 30), True),
    "zeros": (lambda: repeat(bytes(1_000_000), 400), False),
}  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", FILES)
def test_no_file_fills_memory(name: str, tmp_path: Path) -> None:
    pieces, good = FILES[name]
    path = tmp_path / "posts.jsonl"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.writelines(pieces())
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ, str(path)],
        capture_output=True, text=True, cwd=ROOT, check=True,
    )  # fmt: skip
    posts, megabytes = map(int, done.stdout.split())
    assert megabytes < MAX_MEGABYTES
    assert (posts >= 0) == good
