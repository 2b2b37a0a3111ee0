"""Chats that are due, an outbox for each platform, and the stub that takes their messages."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from bot.delivery.attempt import MessageSender
from bot.delivery.dispatch import MAX_CONCURRENT, Outbox, Writer
from bot.platforms import Delivering, Pace, Setup
from bot.platforms.discord import rest as discord
from bot.platforms.telegram import api as telegram
from digest.models import Chat, Subscription
from digest.store import Store
from digest.store.chat_tables import insert_subscription
from digest.store.ledger import Ledger
from digest.store.tables import parts
from tests.clocks import database_work
from tests.delivery_stub import DISCORD_TOKEN, TELEGRAM_TOKEN, DeliveryStub
from tests.hosts import Links
from tests.posts import TOPIC
from tests.samples import report

PNG = b"\x89PNG made up"


def opened(
    platform: str, url: str, timeout: float = 5.0, token: str = "", news: Any = None
) -> Delivering:
    """A way to deliver to the stub."""
    if platform == "telegram":
        host: Any = Links()
        setup = Setup(token or TELEGRAM_TOKEN, url)
        return telegram.TelegramDeliverer(host, setup, lambda: "made_up_bot", timeout)
    setup = Setup(token or DISCORD_TOKEN)
    return discord.DiscordDeliverer(setup, f"{url}/api/v10", news or (lambda _: False), timeout)


def body(platform: str, text: str = "hello", **more: Any) -> str:
    """A message as the platform's `render` makes it."""
    told = {"text": text} if platform == "telegram" else {"embeds": [{"description": text}]}
    return json.dumps(told | more)


_NOW = datetime.now(UTC)
DUE = datetime.combine(_NOW.date(), time(8), UTC)
DUE += (_NOW - timedelta(hours=2) - DUE) // timedelta(hours=12) * timedelta(hours=12)
"""Eight in the morning or in the evening: hours ago, so that it is late, and less than a day ago."""
DAY = DUE.date()
TOPICS = {"ai": replace(TOPIC, timezone="UTC", build_at=time(6))}


@asynccontextmanager
async def town(stub: DeliveryStub, folder: Path, *, fast: float = 300.0) -> AsyncIterator[Town]:
    """A town over a database in that folder. `fast`: messages a second, for tests that are not
    about the pace; 0: as stated."""
    with database_work():
        async with await Store.open(f"sqlite:///{folder}/town.db") as store:
            made = Town(stub, store, fast)
            try:
                yield made
            finally:
                await made.stop()


class Town:
    """Subscribed chats with messages to send."""

    def __init__(self, stub: DeliveryStub, store: Store, fast: float) -> None:
        self.stub, self.store, self.fast = stub, store, fast
        self.ledger = Ledger(store)
        self._began = datetime.now(UTC), asyncio.get_running_loop().time()
        self.ahead = timedelta()
        """How far the clock of those who send is set ahead."""
        self.told: list[tuple[str, str, dict[str, object]]] = []
        self.boxes: dict[str, Outbox] = {}
        self.writer = Writer(self.ledger)
        self._tasks: list[asyncio.Task[None]] = []

    async def digests(self, platform: str, number: int, *bodies: str, first: int = 0) -> None:
        """So many chats that are due a digest of these messages."""
        chats = [Chat(platform, str(1000 + chat)) for chat in range(first, first + number)]
        await due(self.store, chats)
        while ready := await self.ledger.list_ready(platform, 500, TOPICS, DUE):
            said = bodies or (body(platform),)
            await self.ledger.plan([(one.id, said) for one, _ in ready])

    async def tell(self, matter: str, about: str, **values: object) -> None:
        await asyncio.sleep(0.02)  # the real one reads the store: a sender must let it
        self.told.append((matter, about, values))

    def now(self) -> datetime:
        at, second = self._began
        passed = asyncio.get_running_loop().time() - second
        return at + timedelta(seconds=passed) + self.ahead

    async def picture(self, name: str) -> bytes:
        return PNG

    def start(
        self,
        *platforms: str,
        timeout: float = 5.0,
        resend: bool = False,
        token: str = "",
        at_once: int = MAX_CONCURRENT,
    ) -> None:
        """Begins to send on these platforms."""
        self._tasks.append(asyncio.create_task(self.writer.run()))
        for name in platforms or ("telegram", "discord"):
            to: Any = opened(name, self.stub.url, timeout, token, self.stub.news.__contains__)
            if self.fast:
                to.pace = Pace(self.fast, self.fast, 0.0, 0, to.pace.bans)
            ours = self.ledger, self.picture, self.tell, self.now
            sender = MessageSender(name, to, *ours, resend=resend)
            box = self.boxes[name] = Outbox(sender, self.writer, at_once)
            self._tasks.append(asyncio.create_task(box.run()))

    async def stop(self, within: float = 5.0) -> None:
        """Ends all sending as SIGTERM does."""
        for task in self._tasks[1:]:
            task.cancel()
        for task in self._tasks[1:]:
            with suppress(asyncio.CancelledError):
                await task
        for box in self.boxes.values():
            await box.stop(within)
        for task in self._tasks[:1]:
            task.cancel()
            await asyncio.wait({task})
        self._tasks, self.boxes = [], {}

    async def states(self, platform: str = "") -> Counter[str]:
        """How many messages are in each state."""
        counted = select(parts.c.state, func.count()).group_by(parts.c.state)
        if platform:
            counted = counted.where(parts.c.platform == platform)
        async with self.store.reading() as connection:
            return Counter({row[0]: row[1] for row in await connection.execute(counted)})

    async def ended(self, *platforms: str, seconds: float = 20.0, look: float = 0.1) -> None:
        """Waits until no message is to be sent any more."""
        for platform in platforms or ("",):
            await self.until(platform, lambda s: not s["waiting"] + s["sending"], seconds, look)

    async def until(
        self,
        platform: str,
        so: Callable[[Counter[str]], bool],
        seconds: float = 20.0,
        look: float = 0.1,
    ) -> None:
        """Waits until the states are so; looks every so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                while not so(await self.states(platform)):  # noqa: ASYNC110 (a table)
                    await asyncio.sleep(look)
        except TimeoutError:
            raise AssertionError(f"{platform}: {await self.states(platform)}") from None

    def reached(self, platform: str) -> int:
        """Chats that got their message."""
        return len(self.stub.books[platform].taken)


async def due(store: Store, chats: Sequence[Chat]) -> None:
    """Chats that are due a digest whose report is there."""
    async with store.writing() as connection:
        for chat in chats:
            wanted = Subscription(chat, "ai", DUE.time(), "UTC")
            await insert_subscription(connection, wanted, DUE - timedelta(hours=12))
    await store.save_report(report(DAY - timedelta(days=1)))
    await Ledger(store).propose(TOPICS, DUE)


def every(number: int, fault: str, platform: str = "") -> Callable[[str, str, int], str | None]:
    """Each call of that number meets the fault."""
    return lambda where, _, call: fault if call % number == 0 and platform in ("", where) else None
