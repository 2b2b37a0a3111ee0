"""Leases: one process at a time may act on a platform, by a database row that must be renewed."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from digest.errors import StoreError
from digest.store.ledger import Ledger

log = logging.getLogger(__name__)

LEASE_SECONDS = 30
"""Validity of a lease that is not renewed; after that another process takes over."""
RENEW_SECONDS = 8.0
WAIT_SECONDS = 2.0
"""Interval of attempts to acquire a lease held by another process."""


def own_name() -> str:
    """Return a unique name for this process: containers may share host name and process id."""
    return f"{_place()}:{os.getpid()}:{secrets.token_hex(4)}"


def _place() -> str:
    """Return the scope in which a process id is unique: host, boot and PID namespace."""
    facts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        facts.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()[:8])
        facts.append(str(os.stat("/proc/self/ns/pid").st_ino))
    return "/".join(facts)


class Lease:
    """A lease held by this process."""

    def __init__(self, ledger: Ledger, name: str, now: Callable[[], datetime]) -> None:
        self._ledger, self._name, self._now = ledger, name, now
        self._holder = own_name()

    async def while_held(
        self, work: Callable[[], Awaitable[None]], waiting: Callable[[], None]
    ) -> None:
        """Run the work while holding the lease, and return when it ends. If the lease is lost,
        cancel the work and start it again after reacquiring the lease. Call `waiting` once if
        another process holds it."""
        while True:
            await self._take(waiting)
            task = asyncio.ensure_future(work())
            try:
                if not await self._renew_until_lost(task):
                    await task
                    return
                log.warning("%s: another process took over", self._name)
            finally:
                await _cancel(task)
                with contextlib.suppress(StoreError):
                    await self._ledger.release_lease(self._name, self._holder)

    async def _take(self, waiting: Callable[[], None]) -> None:
        reported = False
        while True:
            try:
                if await self._ledger.take_lease(
                    self._name, self._holder, self._now(), LEASE_SECONDS
                ):
                    return
                other = await self._ledger.find_holder(self._name, self._now())
                if is_dead(other):
                    await self._ledger.release_lease(self._name, other)
                    continue
                if not reported:
                    waiting()
                    reported = True
            except StoreError as error:
                log.error("%s: no lease can be taken (%s)", self._name, error)
            await pause(WAIT_SECONDS)

    async def _renew_until_lost(self, task: asyncio.Future[None]) -> bool:
        """Renew the lease until the work ends (False) or the lease is lost (True)."""
        loop = asyncio.get_running_loop()
        renewed_at = loop.time()
        while True:
            done, _ = await asyncio.wait({task}, timeout=RENEW_SECONDS)
            if done:
                return False
            try:
                now = self._now()
                if not await self._ledger.take_lease(self._name, self._holder, now, LEASE_SECONDS):
                    return True
                renewed_at = loop.time()
            except StoreError as error:
                log.error("%s: the lease cannot be renewed (%s)", self._name, error)
                await pause(0)  # raises if this task is being cancelled
                if loop.time() - renewed_at > LEASE_SECONDS - RENEW_SECONDS:
                    return True  # by now another process may hold it


async def pause(seconds: float) -> None:
    """Sleep before a retry. Raise CancelledError if a cancellation was swallowed by an error."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    await asyncio.sleep(seconds)


async def _cancel(task: asyncio.Future[None]) -> None:
    """Cancel the work and wait until it ends, even if this task is cancelled meanwhile."""
    task.cancel()
    again = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            again = True
    if again:
        raise asyncio.CancelledError


def is_dead(holder: str) -> bool:
    """Return True if the holder is a process of this host that has ended."""
    place, _, process = holder.partition(":")
    number = process.partition(":")[0]
    if place != _place() or not number.isdigit() or sys.platform == "win32":
        return False
    try:
        os.kill(int(number), 0)
    except OSError as error:
        return isinstance(error, ProcessLookupError)
    return False
