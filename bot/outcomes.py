"""What became of messages, written down in small groups by one writer."""

from __future__ import annotations

import asyncio
import logging

from digest.errors import StoreError
from digest.models import Outcome
from digest.store.ledger import Ledger

log = logging.getLogger(__name__)

GATHER = 0.4
"""Seconds in which outcomes are gathered into one commit."""
MOST_IN_COMMIT = 100


class Writer:
    """The one writer of outcomes: a commit for all that came in meanwhile."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: list[Outcome] = []
        self._some, self._one = asyncio.Event(), asyncio.Lock()
        self.stuck = False
        """Whether outcomes could not be written: nothing more may be sent then."""

    def put(self, outcome: Outcome) -> None:
        """Writes it down soon."""
        self._waiting.append(outcome)
        self._some.set()

    async def run(self) -> None:
        """Writes until cancelled."""
        while True:
            await self._some.wait()
            await asyncio.sleep(GATHER)
            await self.flush()
            if self.stuck:
                await asyncio.sleep(1.0)

    async def flush(self) -> None:
        """Writes all there is now, not what comes meanwhile; keeps it where that fails."""
        async with self._one:
            left = len(self._waiting)
            while left > 0:
                group = self._waiting[: min(left, MOST_IN_COMMIT)]
                try:
                    await self._ledger.settle(group)
                except StoreError as error:
                    if not self.stuck:
                        log.error("outcomes cannot be written (%s); sending waits", error)
                    self.stuck = True
                    return
                del self._waiting[: len(group)]
                left -= len(group)
                self.stuck = False
            if not self._waiting:
                self._some.clear()
