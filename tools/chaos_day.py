"""`make chaos`, a day of 60 chats with all options on both platforms: two SIGKILLs, 429s, proxy
error pages, lost responses, missing permissions and deleted chats.

Prints what arrived in each chat, and the operators' alerts. Exit 1 if a chat got a part twice, out
of order or not at all and is not named in an alert.
"""

from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice, product
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bot.alerts import Alerts, Watch, list_undelivered
from bot.delivery import Deliveries
from bot.messages import Reply
from bot.platforms.terminal import render
from digest.models import Chat, Item, Subscription
from digest.store import Store
from digest.store.ledger import Ledger
from digest.store.tables import bodies, deliveries, parts
from tests.delivery_stub import HTML, DeliveryStub, telegram_says
from tests.samples import report
from tests.test_delivery import context
from tests.town import DAY, DUE, TOPICS, opened
from tools.balance import is_busy

FIRST = 500_000
"""First chat id, far from message ids."""
PLATFORMS = ("telegram", "discord")
YESTERDAY = DAY - timedelta(days=1)
VIEWS = tuple(Item(f"View {n}. " + "x y " * 200, f"Ada {n}", cites=("x:1",)) for n in range(9))
LIMITED = {
    "telegram": f"429 {telegram_says(429, 'Too Many Requests: retry after 2', retry_after=2)}",
    "discord": '429 {"retry_after": 2, "global": false}',
}
LOST = {
    "telegram": (
        f"403 {telegram_says(403, 'Forbidden: bot was kicked from the supergroup chat')}",
        f"400 {telegram_says(400, 'Bad Request: not enough rights to send text messages to the chat')}",
    ),
    "discord": (
        '403 {"message": "Missing Access", "code": 50001}',
        '403 {"message": "Missing Permissions", "code": 50013}',
    ),
}
"""Chats the bot was removed from, and chats it may not write in."""


def list_subscriptions(number: int) -> Iterator[Subscription]:
    """Yield that many subscriptions, alternating platforms and covering all options."""
    options = product(
        (None, "zh", "en"), ("brief", "detail"), ((), ("NVDA",)), (False, True), (False, True)
    )
    for place, one in enumerate(islice(cycle(list(options)), number)):
        language, length, words, quiet, more = one
        chat = Chat(PLATFORMS[place % 2], str(FIRST + place), kind="group", title=f"Chat {place}")
        yield Subscription(
            chat,
            "ai",
            DUE.time(),
            "UTC",
            language=language,  # type: ignore[arg-type]
            length=length,  # type: ignore[arg-type]
            highlight=words,
            without=words if more and not words else (),
            sections=("points", "views") if more and length == "brief" else (),
            quiet=quiet,
            threads=more and chat.platform == "discord",
            weekly=place % 15 == 14,
            weekdays=(DAY.weekday(),) if place % 15 == 14 else tuple(range(7)),
        )


@dataclass
class Weather:
    """Injects faults into calls: some chats are limited once, some are gone for good; every 11th
    response is a proxy's error page, every 13th is lost."""

    calls: int = 0
    limited: set[str] = field(default_factory=set)

    def __call__(self, platform: str, chat: str, _: int) -> str | None:
        """Return the fault of a call, or None."""
        self.calls += 1
        place = int(chat) - FIRST
        if place % 20 in (6, 7) or place % 20 in (12, 13):
            return LOST[platform][place % 20 > 10]
        if place % 7 == 3 and chat not in self.limited:
            self.limited.add(chat)
            return LIMITED[platform]
        if self.calls % 11 == 5:
            return f"403 {HTML}"
        return "drop_after" if self.calls % 13 == 7 else None


def send(database: str, url: str) -> None:
    """Send as the bot does, until killed."""
    logging.disable()
    asyncio.run(_send(database, url))


async def _send(database: str, url: str) -> None:
    async with await Store.open(f"sqlite:///{database}") as store:
        ledger, alerts = Ledger(store), Alerts(store, _now, "en")
        sending = Deliveries(context(store, Path(database).parent), alerts.tell)
        await ledger.propose(TOPICS, DUE)
        to: list[Any] = [opened(platform, url) for platform in PLATFORMS]
        await asyncio.gather(
            *(sending.send_through(name, one) for name, one in zip(PLATFORMS, to, strict=True))
        )


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Chats:
    """The parts expected in each chat, and why some were not sent."""

    wanted: dict[str, list[str]]
    reasons: dict[str, str]

    def judge(self, got: dict[str, list[str]], alerts: str) -> Iterator[tuple[str, str, bool]]:
        """Yield each chat, what arrived, and whether it is complete or explained."""
        for chat, parts_ in self.wanted.items():
            texts = got.get(chat, [])
            places = [parts_.index(text) if text in parts_ else -1 for text in texts]
            ordered = places == list(range(len(places)))
            told = f"Chat {int(chat.split()[1]) - FIRST}:" in alerts
            words = f"{len(texts)} of {len(parts_)} parts"
            if not ordered:
                words += f", in the order {[place + 1 for place in places]}"
            if ordered and len(texts) == len(parts_):
                yield chat, words, True
            else:
                why = self.reasons.get(chat, "no reason")
                yield chat, f"{words}: {'told' if told else 'NOT TOLD'} ({why})", ordered and told


async def read_chats(store: Store) -> Chats:
    """Return the digests of all chats according to the ledger."""
    query = (
        select(parts, bodies.c.content)
        .join(bodies, parts.c.body == bodies.c.hash)
        .join(deliveries, deliveries.c.id == parts.c.delivery_id)
        .order_by(parts.c.delivery_id, parts.c.position)
    )
    wanted: defaultdict[str, list[str]] = defaultdict(list)
    reasons: dict[str, str] = {}
    async with store.reading() as connection:
        for row in await connection.execute(query):
            chat = f"{row.platform} {row.chat}"
            wanted[chat].append(_words(json.loads(row.content)))
            if row.state in ("unknown", "refused"):
                reasons.setdefault(chat, row.error)
    return Chats(wanted, reasons)


def _words(body: dict[str, Any]) -> str:
    if "embeds" in body:
        return json.dumps([embed.get("description") for embed in body["embeds"]])
    return str(body.get("text") or body.get("caption") or "")


def received(stub: DeliveryStub) -> dict[str, list[str]]:
    """Return what each chat received, in order; messages in a thread count for its channel."""
    got: defaultdict[str, list[str]] = defaultdict(list)
    for platform, chat, text in stub.order:
        got[f"{platform} {stub.parents.get(chat, chat)}"].append(text)
    return got


async def day(number: int, folder: Path) -> tuple[list[tuple[str, str, bool]], str]:
    """Return a row per chat, and the operators' alerts."""
    processes = multiprocessing.get_context("forkserver")
    async with (
        await Store.open(f"sqlite:///{folder}/day.db") as store,
        DeliveryStub(fault=Weather()) as stub,
    ):
        for wants in list_subscriptions(number):
            await store.subscribe(wants, DUE - timedelta(hours=12))
        for back in range(1, 8):
            await store.save_report(report(DAY - timedelta(days=back), views=VIEWS))
        for enough in (number // 2, number, 0):
            process = processes.Process(target=send, args=(str(folder / "day.db"), stub.url))
            process.start()
            await _wait(store, stub, enough)
            process.kill()
            process.join()
        chats = await read_chats(store)
        told = await _tell(store)
        return list(chats.judge(received(stub), told)), told


async def _wait(store: Store, stub: DeliveryStub, enough: int) -> None:
    """Wait for `enough` messages, or until nothing remains to be sent."""
    async with asyncio.timeout(240):
        while len(stub.order) < enough if enough else await is_busy(store):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def _tell(store: Store) -> str:
    """Return the day's alerts as an operator would see them."""
    ledger, alerts, heard = Ledger(store), Alerts(store, _now, "en"), list[str]()
    watch = Watch(store, (), alerts.tell)

    async def send_(_: str, reply: Reply) -> None:
        heard.append(render(reply, 100, styled=False))

    for _ in range(2):  # alerts are sent when no more problems are added
        undelivered = await list_undelivered(ledger, _now())
        await watch.look(_now(), await ledger.count_due(DUE), undelivered)
    await alerts.deliver("telegram", ["1"], send_)
    return "\n".join(heard)


def main() -> None:
    """Print what arrived; exit with 1 if a chat is neither complete nor in an alert."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    logging.disable()
    with tempfile.TemporaryDirectory() as name:
        rows, told = asyncio.run(day(number, Path(name)))
    for chat, words, good in rows:
        print(f"{chat}: {words}" + ("" if good else ": BROKEN"))
    print(f"\nWhat operators were told:\n{told}")
    whole = sum(": " not in words for _, words, _ in rows)
    print(f"\n{len(rows)} chats: {whole} whole, {len(rows) - whole} others")
    sys.exit(int(not rows or not all(good for *_, good in rows)))


if __name__ == "__main__":
    main()
