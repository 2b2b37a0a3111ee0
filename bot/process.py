"""The process of a command: its settings and store, event loop, memory and priority."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from bot.logs import set_up_logging

if TYPE_CHECKING:
    from bot.settings import Settings
    from digest.store import Store

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")
_Options = ParamSpec("_Options")


def open_settings(*, timed: bool = False) -> Settings:
    """Load the settings and set up logging; `timed`: for a long-running command."""
    from bot.settings import SettingsError, find_env_faults, load_settings

    try:
        settings = load_settings()
    except SettingsError as error:
        set_up_logging("WARNING", error.log_format, timed=timed)
        raise
    set_up_logging(settings.log_level, settings.log_format, timed=timed)
    for fault in find_env_faults() if timed else ():
        log.warning("%s", fault)
    return settings


def run_task(task: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a command and return its result; enable garbage collection now."""
    gc.freeze()  # exclude everything imported so far
    gc.enable()
    return asyncio.run(task)


def runs_task(command: Callable[_Options, Coroutine[Any, Any, None]]) -> Callable[_Options, None]:
    """Wrap a coroutine function for click, which needs a plain function."""

    @wraps(command)
    def run(*args: _Options.args, **options: _Options.kwargs) -> None:
        run_task(command(*args, **options))

    return run


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """Open the configured database, and close it. Raises StoreError."""
    # Imported here to keep `--help` fast.
    from digest.store import Store

    async with await Store.open(settings.database_url) as store:
        yield store


_PDEATHSIG = 1
_LARGE = 64 * 1024
"""Minimum size of blocks that are returned to the system when freed, in bytes."""
_NICENESS = 10
"""Niceness of child processes: a report may wait while an answer needs the CPU."""
SWITCH_SECONDS = 0.0005
"""Interpreter switch interval, a tenth of the default. The event loop may have to wait this long
for the GIL after each system call of the database reader, and reading a hundred pages takes a
hundred calls."""


def start_lean() -> None:
    """Reduce memory; call before starting threads and importing large modules. Return large blocks
    to the system when freed (mallopt(3)), and disable garbage collection until `give_back`, because
    imports create no garbage."""
    gc.disable()
    sys.setswitchinterval(SWITCH_SECONDS)
    if (mallopt := _of_glibc("mallopt")) is not None:
        mallopt(-8, 1)  # M_ARENA_MAX: the GIL serialises the threads anyway
        mallopt(-3, _LARGE)  # M_MMAP_THRESHOLD
        mallopt(-1, _LARGE)  # M_TRIM_THRESHOLD


def give_back() -> None:
    """Release memory that only start-up needed (malloc_trim(3)); call after start-up. Freeze the
    remaining objects, because scanning them blocked the loop for 120 ms."""
    gc.collect()
    gc.freeze()
    gc.enable()
    if (trim := _of_glibc("malloc_trim")) is not None:
        trim(0)


def serve_parent(parent: int) -> None:
    """Lower this process's priority, and die with process `parent` (prctl(2), Linux only), because
    an orphaned build would run beside the one that the restarted parent begins."""
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):  # a sandbox may refuse it
            os.nice(_NICENESS)
    if (prctl := _of_glibc("prctl")) is None:
        return
    prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before prctl was called
        sys.exit(1)


def _of_glibc(name: str) -> Callable[..., int] | None:
    # Imported here to keep `--help` fast. On Windows, CDLL(None) does not work.
    import ctypes

    return None if os.name == "nt" else getattr(ctypes.CDLL(None), name, None)
