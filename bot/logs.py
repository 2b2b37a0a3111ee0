"""What commands of the command line run in: settings, store, loop and process; logs on standard
error, without secrets and without what posts say."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TextIO, TypeVar

from digest.errors import DigestError
from digest.masking import mask

if TYPE_CHECKING:
    from bot.settings import Settings
    from digest.store import Store

log = logging.getLogger(__name__)

BAR_WIDTH = 24
OURS = ("bot", "digest", "__main__")
"""Loggers that LOG_LEVEL can open further than WARNING: libraries log addresses, SQL parameters and
whole answers, which hold tokens and posts."""


TIME = "%Y-%m-%dT%H:%M:%SZ"
"""Before each line of a program that keeps running, unless a person reads it as it is written."""
_fields: ContextVar[dict[str, str]] = ContextVar("log_fields", default={})  # noqa: B039


class MaskingFormatter(logging.Formatter):
    """One line a record; a traceback shows where, and of strangers' errors only the kind."""

    converter = time.gmtime  # type: ignore[assignment]

    def __init__(self, *, timed: bool = False) -> None:
        super().__init__("%(asctime)s " * timed + "%(levelname)s: %(message)s", TIME)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, with secrets masked."""
        return mask(super().format(record))

    def formatException(self, ei: Any) -> str:
        """Return the stack and the kind of an error: its own words may quote a post."""
        kind, error, trace = ei
        words = f": {error}" if isinstance(error, DigestError) else ""
        frames = "".join(traceback.format_tb(trace))
        return f"{frames}{kind.__name__ if kind else 'error'}{words}"


class JsonFormatter(MaskingFormatter):
    """One JSON object a line: when, how bad, who says it, what, and the fields that are bound."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, with secrets masked before it becomes JSON."""
        event: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            **_fields.get(),
            "message": mask(record.getMessage()),
        }
        if record.exc_info:
            event["error"] = mask(self.formatException(record.exc_info))
        return json.dumps(event, ensure_ascii=False)


@contextmanager
def log_fields(**fields: str) -> Iterator[None]:
    """Add fields to every JSON line that is logged inside."""
    token = _fields.set({**_fields.get(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


def stamp(line: str, out: TextIO) -> str:
    """Return a line with the time before it, unless a person reads it as it is written."""
    return line if out.isatty() else f"{datetime.now(UTC):{TIME}} {line}"


def log_event(line: str, level: int = logging.INFO) -> bool:
    """Log a line at whatever LOG_LEVEL; return False where logs are text."""
    if not any(isinstance(out.formatter, JsonFormatter) for out in logging.root.handlers):
        return False
    log.handle(log.makeRecord(log.name, level, "", 0, line, (), None))
    return True


def open_settings(*, timed: bool = False) -> Settings:
    """Return the settings, and log as they say, `timed` for what keeps running."""
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


def set_up_logging(level: str, layout: str = "text", *, timed: bool = False) -> None:
    """Log that level and above of this program, and warnings of its libraries."""
    handler = logging.StreamHandler(sys.stderr)
    text = MaskingFormatter(timed=timed and not sys.stderr.isatty())
    handler.setFormatter(JsonFormatter() if layout == "json" else text)
    lowest = max(logging.WARNING, logging.getLevelNamesMapping()[level])
    logging.basicConfig(level=lowest, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    # APScheduler warns when a step is still running at its next tick, and when one is cancelled;
    # both are intended here.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)


class Progress:
    """Shows each step as it begins, how many are behind it and how many there are."""

    def __init__(self, out: TextIO | None = None, *, quiet: bool = False) -> None:
        """`quiet`: log the steps instead of writing them."""
        self.out = out or sys.stderr
        self.bar, self.quiet = self.out.isatty(), quiet

    def __call__(self, step: str, behind: int, steps: int) -> None:
        if self.quiet:
            log.info("step %d of %d: %s", behind, steps, step)
        elif self.bar:
            done = round(BAR_WIDTH * behind / steps)
            self.out.write(f"\r\x1b[2K[{'█' * done}{'·' * (BAR_WIDTH - done)}] {step}")
            if behind == steps:
                self.out.write("\r\x1b[2K")
        elif behind < steps:
            self.out.write(f"{step} ({behind + 1}/{steps})\n")
        self.out.flush()


_Result = TypeVar("_Result")
_Options = ParamSpec("_Options")


def run_task(task: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a command to its end and return its result; garbage is looked for from here on."""
    gc.freeze()  # what was loaded stays
    gc.enable()
    return asyncio.run(task)


def runs_task(command: Callable[_Options, Coroutine[Any, Any, None]]) -> Callable[_Options, None]:
    """Return a coroutine function as the function that runs it to its end, for click."""

    @wraps(command)
    def run(*args: _Options.args, **options: _Options.kwargs) -> None:
        run_task(command(*args, **options))

    return run


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """Open the database that is set, and close it. Raises StoreError."""
    # Imported here: `--help` does not wait for it.
    from digest.store import Store

    async with await Store.open(settings.database_url) as store:
        yield store


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
    """Call before any thread starts and before anything large is imported. Large blocks go back to
    the system as soon as they are freed (mallopt(3)); the garbage collector stays out until
    `give_back`: importing leaves none."""
    gc.disable()
    sys.setswitchinterval(SWITCH_SECONDS)
    if (mallopt := _of_glibc("mallopt")) is not None:
        mallopt(-8, 1)  # M_ARENA_MAX: the GIL serialises the threads anyway
        mallopt(-3, _LARGE)  # M_MMAP_THRESHOLD
        mallopt(-1, _LARGE)  # M_TRIM_THRESHOLD


def give_back() -> None:
    """Call once start-up is over. Release the memory that only start-up needed (malloc_trim(3));
    freeze what remains: scanning it blocked the loop for 120 ms."""
    gc.collect()
    gc.freeze()
    gc.enable()
    if (trim := _of_glibc("malloc_trim")) is not None:
        trim(0)


def serve_parent(parent: int) -> None:
    """Lower this process's priority, and die with process `parent` (prctl(2), on Linux only): an
    orphaned build would finish beside the one the restarted parent begins."""
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):  # a sandbox may refuse it
            os.nice(_NICENESS)
    if (prctl := _of_glibc("prctl")) is None:
        return
    prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before that was asked
        sys.exit(1)


def _of_glibc(name: str) -> Callable[..., int] | None:
    # Imported here: `--help` does not wait for it. Windows cannot open the running program so.
    import ctypes

    return None if os.name == "nt" else getattr(ctypes.CDLL(None), name, None)
