"""Environment of the commands: settings, store, loop, memory; logs without secrets and posts."""

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
"""Loggers that LOG_LEVEL may set below WARNING. Libraries stay at WARNING, because they log
addresses, SQL parameters and whole answers, which contain tokens and posts."""


TIME = "%Y-%m-%dT%H:%M:%SZ"
"""Time format of log lines, used by long-running commands unless stderr is a terminal."""
_fields: ContextVar[dict[str, str]] = ContextVar("log_fields", default={})  # noqa: B039


class MaskingFormatter(logging.Formatter):
    """One line per record. Tracebacks have no message of foreign exceptions, only their type."""

    converter = time.gmtime  # type: ignore[assignment]

    def __init__(self, *, timed: bool = False) -> None:
        super().__init__("%(asctime)s " * timed + "%(levelname)s: %(message)s", TIME)

    def format(self, record: logging.LogRecord) -> str:
        """Return the log line with secrets masked."""
        return mask(super().format(record))

    def formatException(self, ei: Any) -> str:
        """Return the stack and the exception type: the message may quote a post."""
        kind, error, trace = ei
        words = f": {error}" if isinstance(error, DigestError) else ""
        frames = "".join(traceback.format_tb(trace))
        return f"{frames}{kind.__name__ if kind else 'error'}{words}"


class JsonFormatter(MaskingFormatter):
    """One JSON object per line: time, level, logger, message and bound fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON line; secrets are masked before encoding."""
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
    """Add fields to all JSON log lines inside the block."""
    token = _fields.set({**_fields.get(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


def stamp(line: str, out: TextIO) -> str:
    """Return the line with a timestamp, unless the output is a terminal."""
    return line if out.isatty() else f"{datetime.now(UTC):{TIME}} {line}"


def log_event(line: str, level: int = logging.INFO) -> bool:
    """Log a line regardless of LOG_LEVEL; return False if logs are text."""
    if not any(isinstance(out.formatter, JsonFormatter) for out in logging.root.handlers):
        return False
    log.handle(log.makeRecord(log.name, level, "", 0, line, (), None))
    return True


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


def set_up_logging(level: str, layout: str = "text", *, timed: bool = False) -> None:
    """Log this program's records from that level up, and warnings of its libraries."""
    handler = logging.StreamHandler(sys.stderr)
    text = MaskingFormatter(timed=timed and not sys.stderr.isatty())
    handler.setFormatter(JsonFormatter() if layout == "json" else text)
    lowest = max(logging.WARNING, logging.getLevelNamesMapping()[level])
    logging.basicConfig(level=lowest, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    # APScheduler warns if a step still runs at its next tick or is cancelled; both are expected.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)


class Progress:
    """Show each step as it begins, with the numbers of finished steps and of all steps."""

    def __init__(self, out: TextIO | None = None, *, quiet: bool = False) -> None:
        """`quiet`: log the steps instead of drawing a bar."""
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
"""Interpreter switch interval, a tenth of the default: after each system call of the database
reader (a hundred a page list), the event loop may wait this long for the GIL."""


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
