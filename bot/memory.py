"""Memory that goes back to the machine. On libraries other than glibc nothing happens."""

from __future__ import annotations

import ctypes
import gc

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""M_TRIM_THRESHOLD, M_MMAP_THRESHOLD and M_ARENA_MAX of glibc's malloc.h."""
_LARGE = 64 * 1024
"""Bytes of what goes back as soon as it is free."""


def lean_heap() -> None:
    """Before any thread is started: all threads share one heap, so that none keeps free memory of its
    own; they take turns at the interpreter anyway. Reports and pictures go back at once, instead of
    raising the size from which that is done (mallopt(3))."""
    if (mallopt := _of_glibc("mallopt")) is not None:
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _LARGE)


def give_back() -> None:
    """After a start: what was only needed for it (malloc_trim(3)). What stays is never looked
    through again: that held up the loop for 120 ms now and then."""
    gc.collect()
    if not gc.get_freeze_count():
        gc.freeze()
    if (trim := _of_glibc("malloc_trim")) is not None:
        trim(0)


def _of_glibc(name: str) -> ctypes._CFuncPtr | None:  # type: ignore[name-defined]
    return getattr(ctypes.CDLL(None), name, None)
