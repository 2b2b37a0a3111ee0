"""Whether a file lies where a restart leaves it."""

from __future__ import annotations

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
WIPED = {
    "tmpfs": "memory, which a restart of the machine wipes",
    "ramfs": "memory, which a restart of the machine wipes",
    "overlay": "the inside of a container, which goes when a new one takes its place",
    "aufs": "the inside of a container, which goes when a new one takes its place",
}
"""Kinds of file systems that forget, and what to call them."""


def forgetful(file: Path, mounts: str) -> str:
    """What is wrong with the place of the file; "" where it stays. `mounts`: proc(5), mountinfo."""
    here, kind = Path("/"), ""
    for line in mounts.splitlines():
        left, dash, right = line.partition(" - ")
        if not dash:
            continue
        # Spaces in names are written \040.
        point = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), left.split()[4]))
        # Of several mounts on one place the last one is seen.
        if file.is_relative_to(point) and len(point.parts) >= len(here.parts):
            here, kind = point, right.split()[0]
    return WIPED.get(kind, "")


def warning(file: Path) -> str:
    """A line for operators about a database that a restart wipes; "" where it stays, or where this
    system does not tell."""
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="replace")
        why = forgetful(file.resolve(), mounts)
    except OSError:
        return ""
    return f"{file} lies in {why}: put it on a volume, or use PostgreSQL" if why else ""
