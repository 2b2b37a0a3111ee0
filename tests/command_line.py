"""`python -m bot` with arguments, in this process: a start of the interpreter costs a second."""

from __future__ import annotations

import io
import logging
import sys
from subprocess import CompletedProcess

import pytest

from bot.__main__ import main
from bot.logs import OURS
from digest.masking import forget_secrets


def run_command(*args: str, env: dict[str, str] | None = None) -> CompletedProcess[str]:
    """Run the program as if started with these arguments; nothing is on its standard input."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "latin-1") for _ in range(2))
    loggers = [logging.getLogger(name) for name in ("", "apscheduler", *OURS)]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["bot", *args])
        for name, stream in (("stdin", io.StringIO()), ("stdout", out), ("stderr", err)):
            patch.setattr(sys, name, stream)
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        finally:
            for logger, level, logger.handlers[:] in before:
                logger.setLevel(level)
            forget_secrets()
    return CompletedProcess(args, code, _read(out), _read(err))


def _read(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()
