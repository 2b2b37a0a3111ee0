"""`make chaos`: kill the sending process 200 times and account for every message.

A child sends to both platforms, faster than they would allow. It is killed with SIGKILL before or
after a commit or a send, or at a random moment from outside; in addition, every 97th response is
cut off. After every kill the ledger must balance. At the end no message may be lost or duplicated,
and every message of unknown outcome must be on the list of held parts.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import select

from bot.delivery.attempt import MessageSender
from bot.delivery.dispatch import AHEAD_SECONDS, Outbox, Writer
from bot.platforms import Pace
from digest.models import Chat, Subscription
from digest.store import Store
from digest.store.ledger import Ledger
from digest.store.tables import deliveries, parts
from tests.delivery_stub import DeliveryStub
from tests.samples import report
from tests.town import DAY, DUE, PNG, TOPICS, body, every, opened
from tools.balance import is_busy, list_unbalanced

PLATFORMS = ("telegram", "discord")
KILLS, CHATS, PARTS, RATE = 200, 60, 2, 60.0
POINTS = ("claim", "settle", "plan", "recover", "decide", "deliver")
"""Operations before or after which the child is killed; all but the last are commits."""

BROKEN = ("lost", "doubled", "listed", "explained", "otherwise", "planned")
"""Counts that must be 0 at the end."""


class Fuse:
    """Kills this process before or after the nth commit or send."""

    def __init__(self, left: int) -> None:
        """Set the number of points to pass before the kill; 0: never kill."""
        self._left = left

    def pass_(self) -> None:
        """Pass one more point."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str) -> None:
        """Wrap a method with a point before and after each call."""
        real: Callable[..., Awaitable[Any]] = getattr(owner, name)

        async def lit(*args: Any, **named: Any) -> Any:
            self.pass_()
            result = await real(*args, **named)
            self.pass_()
            return result

        setattr(owner, name, lit)


def child(database: str, url: str, day: int, points: int, resend: bool) -> None:
    """Send everything due on that day, then exit."""
    logging.disable()
    asyncio.run(_send(database, url, DUE + timedelta(days=day), Fuse(points), resend))


async def _send(database: str, url: str, now: datetime, fuse: Fuse, resend: bool) -> None:
    async with await Store.open(database) as store:
        ledger = Ledger(store)
        for name in POINTS[:-1]:
            fuse.around(ledger, name)
        writer = Writer(ledger)
        tasks = [asyncio.create_task(writer.run())]
        for platform in PLATFORMS:
            to: Any = opened(platform, url)
            to.pace = Pace(RATE, RATE, 0.0, 0)
            fuse.around(to, "deliver")
            sender = MessageSender(platform, to, ledger, _picture, _tell, _now, resend)
            box = Outbox(sender, writer)
            tasks.append(asyncio.create_task(box.run()))
        await ledger.propose(TOPICS, now)
        for platform in PLATFORMS:
            while ready := await ledger.list_ready(platform, 25, TOPICS, now):
                said = [
                    (one.id, [body(platform, f"{one.id}.{n}") for n in range(PARTS)])
                    for one, _ in ready
                ]
                await ledger.plan(said)
        while await is_busy(store):  # noqa: ASYNC110 (a table)
            await asyncio.sleep(0.05)
        os._exit(0)


async def _picture(_: str) -> bytes:
    return PNG


async def _tell(matter: str, about: str, **values: object) -> None:
    pass


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Score:
    """Results of a run."""

    kills: int = 0
    days: int = 0
    most_sending: int = 0
    """Maximum number of messages in flight at a kill."""
    under_way: Counter[str] = field(default_factory=Counter)
    """Messages in flight at all kills, by platform."""
    restarts: list[float] = field(default_factory=list)
    """Seconds from each restart to its first send, if any; counted from when a message was due if
    all remaining ones were waiting for a retry."""
    problems: list[str] = field(default_factory=list)


class Chaos:
    """A run with one database and one stub."""

    def __init__(self, stub: DeliveryStub, store: Store, database: str, seed: int) -> None:
        self.stub, self.store, self.database = stub, store, database
        self.ledger, self.score = Ledger(store), Score()
        self._chance = random.Random(seed)  # noqa: S311
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(["bot.delivery.dispatch", "tests.delivery_stub"])

    async def run(self, kills: int, *, resend: bool = False) -> Score:
        """Send days of digests until the child was killed that often; then send the rest."""
        for number in range(CHATS):
            for platform in PLATFORMS:
                subscription = Subscription(
                    Chat(platform, str(1000 + number)), "ai", DUE.time(), "UTC"
                )
                await self.store.subscribe(subscription, DUE - timedelta(hours=12))
        while self.score.kills < kills:
            await self.store.save_report(report(DAY + timedelta(days=self.score.days - 1)))
            while await self._child(kills, resend):
                await self._check()
            self.score.days += 1
        await self._check()
        return self.score

    async def _child(self, kills: int, resend: bool) -> bool:
        """Run the child once; return True if it was killed."""
        spared = self.score.kills >= kills
        inside = self._chance.random() < 0.5
        points = self._chance.randint(1, 120) if inside and not spared else 0
        calls = sum(book.calls for book in self.stub.books.values())
        wait = await self._wait()
        began = time.perf_counter()
        process = self._processes.Process(
            target=child, args=(self.database, self.stub.url, self.score.days, points, resend)
        )
        process.start()
        seconds = 30.0 if inside or spared else self._chance.uniform(0.1, 1.5)
        first = 0.0
        while process.is_alive() and time.perf_counter() - began < seconds:
            await asyncio.sleep(0.01)
            if not first and sum(book.calls for book in self.stub.books.values()) > calls:
                first = time.perf_counter() - began
        if process.is_alive():
            process.kill()
        process.join()
        if first:
            self.score.restarts.append(max(0.0, first - wait))
        if process.exitcode == 0:
            return False
        self.score.kills += 1
        return True

    async def _wait(self) -> float:
        """Return the seconds until the first remaining message may be retried, or 0."""
        left = parts.c.state.in_(("waiting", "sending", "unknown"))
        turns: dict[tuple[str, str], datetime] = {}
        now = _now()
        async with self.store.reading() as connection:
            for row in await connection.execute(select(parts).where(left).order_by(parts.c.id)):
                if row.platform == "discord" or row.state == "waiting":
                    turns.setdefault((row.platform, row.chat), row.again_at or now)
        return max(0.0, (min(turns.values(), default=now) - now).total_seconds())

    async def _check(self) -> None:
        """Record where the ledger does not balance, and how much was in flight."""
        if wrong := await list_unbalanced(self.ledger):
            self.score.problems.append(f"kill {self.score.kills}: {wrong} do not balance")
        now = DUE + timedelta(days=self.score.days)
        for platform, one in (await self.ledger.count_due(now)).items():
            whole = one.delivered + one.refused + one.unknown + one.waiting + one.skipped
            if one.due != whole:
                self.score.problems.append(f"kill {self.score.kills}: {platform} {one}")
        query = select(parts.c.platform).where(parts.c.state == "sending")
        async with self.store.reading() as connection:
            sending = Counter((await connection.scalars(query)).all())
        self.score.under_way.update(sending)
        self.score.most_sending = max([self.score.most_sending, *sending.values()])

    async def judge(self) -> dict[str, int]:
        """Count lost, duplicated and unknown messages, and unknown ones missing from the list."""
        query = select(parts, deliveries.c.id.label("delivery")).join(deliveries)
        counts: Counter[str] = Counter()
        listed = {one.part for one in await self.ledger.list_held_parts()}
        async with self.store.reading() as connection:
            rows = list(await connection.execute(query))
        held = {row.delivery for row in rows if row.state == "unknown"}
        for row in rows:
            if row.state == "waiting" and row.delivery in held:
                counts[f"{row.platform} behind a held one"] += 1
                continue
            text = f"{row.delivery}.{row.position}"
            said = text if row.platform == "telegram" else f'["{text}"]'
            got = self.stub.books[row.platform].taken[f"{row.chat} {said}"]
            counts[f"{row.platform} messages"] += 1
            counts[f"{row.platform} unknown"] += row.state == "unknown"
            counts["unknown, not listed"] += row.state == "unknown" and row.id not in listed
            counts[f"{row.platform} lost"] += not got and row.state != "unknown"
            counts[f"{row.platform} doubled"] += max(0, got - 1)
            counts["sent, but called otherwise"] += bool(got) and row.state not in (
                "sent",
                "unknown",
            )
        known = self.score.under_way["telegram"] + self.stub.books["telegram"].cut
        counts["unknown, not explained"] = max(0, counts["telegram unknown"] - known)
        whole = CHATS * PARTS * self.score.days
        counts["never planned"] = whole * len(PLATFORMS) - len(rows)
        return dict(counts)


async def chaos(
    kills: int, seed: int, folder: Path, *, resend: bool = False
) -> tuple[Score, dict[str, int]]:
    """Do a complete run in that folder."""
    database = f"sqlite:///{folder}/chaos.db"
    async with (
        DeliveryStub(fault=every(97, "drop_after"), latency=0.02) as stub,
        await Store.open(database) as store,
    ):
        run = Chaos(stub, store, database, seed)
        score = await run.run(kills, resend=resend)
        return score, await run.judge()


def main() -> None:
    """Print the results; exit with 1 if a guarantee was broken."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else KILLS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 6
    began = time.perf_counter()
    logging.disable()  # the stub logs broken connections
    with tempfile.TemporaryDirectory() as name:
        score, counts = asyncio.run(chaos(kills, seed, Path(name)))
    group = round(AHEAD_SECONDS * RATE)
    print(f"{score.kills} kills over {score.days} days, {time.perf_counter() - began:.0f} s")
    print(
        f"most under way at a kill on one platform: {score.most_sending} (a group is {group}, and what was called)"
    )
    print(f"under way at all kills: {dict(score.under_way)}")
    restarts = sorted(score.restarts)
    print(
        f"restart to first send, {len(restarts)} times: median {median(restarts):.2f} s,"
        f" 19 of 20 within {restarts[len(restarts) * 19 // 20]:.2f} s, at the most {restarts[-1]:.2f} s"
        " (from the moment at which a message was to be sent)"
    )
    print("\n".join(f"{name}: {number}" for name, number in sorted(counts.items())))
    print("\n".join(score.problems) or "the ledger balanced after every kill")
    broken = any(number and name.endswith(BROKEN) for name, number in counts.items())
    sys.exit(int(broken or bool(score.problems)))


if __name__ == "__main__":
    main()
