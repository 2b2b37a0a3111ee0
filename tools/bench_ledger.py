"""Print ledger figures: rows for many chats, event loop stalls, restart to first claim."""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from digest.calendar import next_due
from digest.models import Chat, Outcome, Subscription
from digest.store import Store
from digest.store.ledger import Ledger
from digest.store.tables import subscriptions
from tests.posts import TOPIC
from tests.samples import report
from tools.balance import list_unbalanced

DAY = date(2026, 3, 10)
EIGHT = datetime(2026, 3, 10, 8, tzinfo=UTC)
BEFORE = EIGHT - timedelta(hours=12)
TOPICS = {"ai": replace(TOPIC, timezone="UTC", build_at=EIGHT.time().replace(hour=6))}
ZONES = ("UTC", "Europe/London", "Africa/Abidjan", "Atlantic/Reykjavik")
GROUP = 500


class Loop:
    """Measures the longest stall of the event loop, in milliseconds."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        """Sample every 2 ms until cancelled."""
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.002)
            self.longest = max(self.longest, (time.perf_counter() - begun) * 1000 - 2)


def main() -> None:
    """Print the figures for 10,000 and 100,000 chats."""
    for number in map(int, sys.argv[1:] or (10_000, 100_000)):
        with tempfile.TemporaryDirectory() as name:
            asyncio.run(_measure(f"sqlite:///{name}/store.db", number))


async def _measure(url: str, number: int) -> None:
    async with await Store.open(url) as store:
        await subscribe(store, number)
        await store.save_report(report(DAY - timedelta(days=1)))
        await _rows(Ledger(store), number)
        await _parts(Ledger(store), number)
    begun = time.perf_counter()
    async with await Store.open(url) as store:
        ledger = Ledger(store)
        await ledger.take_lease("telegram", "bench:1", EIGHT)
        await ledger.recover("telegram")
        first = await ledger.claim("telegram", 40, EIGHT)
        show(
            number, "restart to the first claim", time.perf_counter() - begun, f"{len(first)} parts"
        )
        await _claims(ledger, number, first)


async def _rows(ledger: Ledger, number: int) -> None:
    loop, before = Loop(), memory()
    watching = asyncio.create_task(loop.watch())
    begun, cpu = time.perf_counter(), time.process_time()
    new = await ledger.propose(TOPICS, EIGHT)
    seconds, used = time.perf_counter() - begun, time.process_time() - cpu
    watching.cancel()
    more = (
        f"{new} rows, CPU {used:.2f} s, loop {loop.longest:.0f} ms, {memory() - before:.0f} MB more"
    )
    show(number, "rows made", seconds, more)
    begun = time.perf_counter()
    await ledger.propose(TOPICS, EIGHT + timedelta(seconds=5))
    show(number, "a tick with nothing due", time.perf_counter() - begun)


async def _parts(ledger: Ledger, number: int) -> None:
    loop, before, longest = Loop(), memory(), 0.0
    watching = asyncio.create_task(loop.watch())
    begun = time.perf_counter()
    while True:
        asked = time.perf_counter()
        ready = await ledger.list_ready("telegram", GROUP, TOPICS, EIGHT)
        longest = max(longest, time.perf_counter() - asked)
        if not ready:
            break
        await ledger.plan([(delivery.id, ["first", "second"]) for delivery, _ in ready])
    watching.cancel()
    more = f"loop {loop.longest:.0f} ms, longest ready() {longest * 1000:.0f} ms"
    show(number, "planned", time.perf_counter() - begun, f"{more}, {memory() - before:.0f} MB more")


async def _claims(ledger: Ledger, number: int, parts: list[Any]) -> None:
    begun, done = time.perf_counter(), 0
    while done < 2_000:
        await ledger.settle([Outcome(part.id, "sent", "1") for part in parts])
        done += len(parts)
        parts = await ledger.claim("telegram", 40, EIGHT)
    seconds = (time.perf_counter() - begun) / done
    show(number, "claim and settle, 40 at a time", seconds, "a message")
    begun = time.perf_counter()
    await ledger.count_due(EIGHT)
    show(number, "balance", time.perf_counter() - begun)
    begun = time.perf_counter()
    await list_unbalanced(ledger)
    show(number, "unbalanced", time.perf_counter() - begun)


async def subscribe(store: Store, number: int) -> None:
    """Bulk-insert rows as `Store.subscribe` would write them."""
    await store.subscribe(Subscription(Chat("telegram", "0"), "ai", EIGHT.time(), "UTC"), BEFORE)
    async with store.writing() as connection:
        row = dict((await connection.execute(subscriptions.select())).mappings().one())
        del row["id"]
        rows: list[dict[str, Any]] = []
        for n in range(1, number):
            zone = ZONES[n % len(ZONES)]
            subscription = Subscription(Chat("telegram", str(n)), "ai", EIGHT.time(), zone)
            next_at = next_due(subscription, BEFORE)
            rows.append({**row, "chat": str(n), "timezone": zone, "next_at": next_at})
            if len(rows) == GROUP or n + 1 == number:
                await connection.execute(subscriptions.insert(), rows)
                rows.clear()


def show(number: int, what: str, seconds: float, more: str = "") -> None:
    """Print one figure."""
    duration = f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1000:.2f} ms"
    print(f"{number:>7} chats: {what}: {duration} {more}".rstrip())


def memory() -> float:
    """Return the peak memory of this process so far, in MB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
