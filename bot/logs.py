"""Logs on stderr, without secrets and post texts, and the progress of a digest."""

import json
import logging
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from digest.errors import DigestError
from digest.masking import mask

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
