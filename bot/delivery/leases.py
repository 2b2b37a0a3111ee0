"""Who talks and sends on a platform: one process at a time, by a row that must be renewed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime

from digest.errors import StoreError
from digest.store.ledger import Ledger

log = logging.getLogger(__name__)

SECONDS = 30
"""How long a lease is good without being renewed; another process takes over after that."""
RENEWED = 8.0
WAIT = 2.0


def own_name() -> str:
    """Return this process, as leases name it: host and number."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def while_held(
    ledger: Ledger,
    name: str,
    work: Callable[[], Awaitable[None]],
    now: Callable[[], datetime],
    waiting: Callable[[], None],
) -> None:
    """Works while this process holds the lease, and ends with the work. Calls `waiting` where
    another process has it. Where it is lost the work is cancelled, and begins anew when it is
    taken again."""
    holder = own_name()
    while True:
        await _take(ledger, name, holder, now, waiting)
        task = asyncio.ensure_future(work())
        try:
            if not await _renewing(ledger, name, holder, now, task):
                await task
                return
            log.warning("%s: another process took over", name)
        finally:
            await _ended(task)
            with contextlib.suppress(StoreError):
                await ledger.give_back(name, holder)


async def _ended(task: asyncio.Future[None]) -> None:
    """End the work and waits until it has: sends under way are finished and written down, even
    where this process is told to end once more meanwhile."""
    task.cancel()
    again = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            again = True
    if again:
        raise asyncio.CancelledError


async def _take(
    ledger: Ledger,
    name: str,
    holder: str,
    now: Callable[[], datetime],
    waiting: Callable[[], None],
) -> None:
    told = False
    while True:
        try:
            if await ledger.lease(name, holder, now(), SECONDS):
                return
            other = await ledger.holder(name, now())
            if _is_dead(other):
                await ledger.give_back(name, other)
                continue
            if not told:
                waiting()
                told = True
        except StoreError as error:
            log.error("%s: no lease can be taken (%s)", name, error)
        await asyncio.sleep(WAIT)


async def _renewing(
    ledger: Ledger,
    name: str,
    holder: str,
    now: Callable[[], datetime],
    task: asyncio.Future[None],
) -> bool:
    """Renews until the work ends (False) or the lease is lost (True)."""
    loop = asyncio.get_running_loop()
    good = loop.time()
    while True:
        done, _ = await asyncio.wait({task}, timeout=RENEWED)
        if done:
            return False
        try:
            if not await ledger.lease(name, holder, now(), SECONDS):
                return True
            good = loop.time()
        except StoreError as error:
            log.error("%s: the lease cannot be renewed (%s)", name, error)
            if loop.time() - good > SECONDS - RENEWED:
                return True  # another process may have it by now


def _is_dead(holder: str) -> bool:
    """Whether the holder was a process of this host that is no more: nothing to wait for then."""
    host, _, number = holder.rpartition(":")
    if host != socket.gethostname() or not number.isdigit() or sys.platform == "win32":
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
