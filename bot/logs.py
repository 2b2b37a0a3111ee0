"""Logs on standard error, without secrets: Telegram's token is part of every address it is asked at."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from urllib.parse import quote


class Redacted(logging.Formatter):
    """Lines, tracebacks included, in which secrets are stars."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__("%(levelname)s: %(message)s")
        written = {form for secret in secrets for form in (secret, quote(secret, safe=""))}
        # The longest first: one secret may be part of another.
        self._secrets = sorted(filter(None, written), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        line = super().format(record)
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return line


def set_up(level: str, secrets: Sequence[str]) -> None:
    """Logs of that level and above, of this program and its libraries."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redacted(secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # They tell of every request at INFO, which says nothing to operators.
    for name in ("httpx", "httpcore", "discord.gateway", "discord.client"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    # Of a tick that comes while its step still runs, and of one that was ended: both are meant.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
