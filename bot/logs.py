"""Logs on standard error, without secrets and without what posts say."""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType

from digest.errors import DigestError
from digest.masking import mask

OURS = ("bot", "digest", "__main__")
"""Loggers that LOG_LEVEL can open further than WARNING: libraries log addresses, SQL parameters and
whole answers, which hold tokens and posts."""


class MaskingFormatter(logging.Formatter):
    """One line a record; a traceback shows where, and of strangers' errors only the kind."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, with secrets masked."""
        return mask(super().format(record))

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """Return the stack and the kind of an error: its own words may quote a post."""
        kind, error, trace = ei
        words = f": {error}" if isinstance(error, DigestError) else ""
        frames = "".join(traceback.format_tb(trace))
        return f"{frames}{kind.__name__ if kind else 'error'}{words}"


def set_up_logging(level: str) -> None:
    """Log that level and above of this program, and warnings of its libraries."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(MaskingFormatter())
    logging.basicConfig(level=max(logging.WARNING, _number(level)), handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    # It warns of a tick that comes while its step still runs, and of one that was ended: both are
    # meant.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level]
