"""What the bot asks of the machine: memory that goes back, and processes that give way."""

import contextlib
import ctypes
import gc
import os
import re
import signal
import sys
from pathlib import Path

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""M_TRIM_THRESHOLD, M_MMAP_THRESHOLD and M_ARENA_MAX of glibc's malloc.h."""
_PDEATHSIG = 1
_LARGE = 64 * 1024
"""Bytes of what goes back as soon as it is free."""
_NICENESS = 10
"""Niceness of child processes: a report may wait while an answer needs the processor."""


SWITCH_SECONDS = 0.0005
"""Interpreter switch interval, a tenth of the default. The loop may have to wait this long for the
GIL each time the database reader returns from a system call, and reading a hundred pages takes a
hundred calls."""


def start_lean() -> None:
    """Call before any thread starts and before anything large is imported. Give all threads one
    malloc arena (the GIL serialises them anyway) and fix the mmap and trim thresholds, so that
    large blocks such as reports and pictures are returned to the system as soon as they are freed
    (mallopt(3)). Keep the garbage collector out until `give_back`: importing leaves none."""
    gc.disable()
    sys.setswitchinterval(SWITCH_SECONDS)
    if (mallopt := _of_glibc("mallopt")) is not None:
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _LARGE)


def give_back() -> None:
    """Call once start-up is over. Release the memory that only start-up needed (malloc_trim(3)),
    freeze what remains so that the collector never scans it again (scans blocked the loop for
    120 ms), and enable garbage collection."""
    gc.collect()
    gc.freeze()
    gc.enable()
    if (trim := _of_glibc("malloc_trim")) is not None:
        trim(0)


def serve_parent(parent: int) -> None:
    """Lower this process's priority, and die with process `parent`: an orphaned build would finish
    beside the one the restarted parent begins (nice(2); prctl(2), PR_SET_PDEATHSIG, on Linux
    only)."""
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):  # a sandbox may refuse it
            os.nice(_NICENESS)
    if (prctl := _of_glibc("prctl")) is None:
        return
    prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before that was asked
        sys.exit(1)


def _of_glibc(name: str) -> ctypes._CFuncPtr | None:  # type: ignore[name-defined]
    # Windows cannot open the running program as a library.
    return None if os.name == "nt" else getattr(ctypes.CDLL(None), name, None)


MOUNTS = Path("/proc/self/mountinfo")
WIPED = {
    "tmpfs": "memory, which a restart of the machine wipes",
    "ramfs": "memory, which a restart of the machine wipes",
    "overlay": "the inside of a container, which goes when a new one takes its place",
    "aufs": "the inside of a container, which goes when a new one takes its place",
}
"""Kinds of file systems that forget, and what to call them."""


def storage_fault(file: Path, mounts: str) -> str:
    """Return what is wrong with the place of the file; "" where it stays. `mounts`: proc(5),
    mountinfo."""
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


def warn_of_storage(file: Path) -> str:
    """Return a line for operators about a database that a restart wipes; "" where it stays, or
    where this system does not tell."""
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="replace")
        why = storage_fault(file.resolve(), mounts)
    except OSError:
        return ""
    return f"{file} lies in {why}: put it on a volume, or use PostgreSQL" if why else ""
