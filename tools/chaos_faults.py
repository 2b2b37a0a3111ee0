"""`make chaos`, slow faults: F06, F11, F21 and F35 of the catalogue at their full length, and kills
of the whole program.

Prints a line for each; exit 1 if one broke a guarantee.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from digest.models import Chat
from digest.store import Store
from digest.store.ledger import Ledger
from tests.delivery_stub import DeliveryStub
from tests.telegram_server import TelegramServer
from tests.test_run import bot, telegram
from tests.town import DUE, due, every, town
from tools.balance import list_unbalanced

PLATFORMS = ("telegram", "discord")


async def send_while_closed(folder: Path, seconds: float = 60.0) -> tuple[str, bool]:
    """Send while the server is unreachable for a minute (F06)."""
    stub, chats = DeliveryStub(), 200
    async with stub:
        pass  # reserve a port and release it
    async with town(stub, folder, fast=0) as people:
        for name in PLATFORMS:
            await people.digests(name, chats)
        people.start()
        await asyncio.sleep(seconds)
        async with stub:
            await people.ended(seconds=120)
            calls = [stub.books[name].calls for name in PLATFORMS]
            good = await people.states() == {"sent": 2 * chats} and calls == [chats, chats]
            await people.stop()
    return f"F06 closed for {seconds:.0f} s: {calls} calls for {chats} chats each", good


async def send_under_limit(folder: Path, chats: int = 500) -> tuple[str, bool]:
    """Send with a limit of 5 per second where 30 are documented (F11)."""
    async with DeliveryStub(telegram_rate=5) as stub, town(stub, folder, fast=0) as people:
        await people.digests("telegram", chats)
        people.start("telegram")
        await people.ended("telegram", seconds=240, look=0.5)
        book = stub.books["telegram"]
        states = await people.states()
        good = states == {"sent": chats} and not book.doubled and book.limited <= book.calls * 0.02
    share = 100 * book.limited / book.calls
    return f"F11 5/s really: {book.limited} 429s of {book.calls} calls ({share:.1f} %)", good


async def send_beside_down(folder: Path, chats: int = 600) -> tuple[str, bool]:
    """Send to Discord while Telegram is down, and while it works: both must take as long (F21)."""
    took = []
    for number, fault in enumerate(("", "drop_before")):
        place = folder / str(number)
        place.mkdir()
        beside = every(1, fault, "telegram") if fault else None
        async with DeliveryStub(fault=beside) as stub, town(stub, place, fast=0) as people:
            for name in PLATFORMS:
                await people.digests(name, chats)
            people.start(resend=True)
            await people.ended("discord", seconds=120, look=0.1)
            times = stub.books["discord"].times
            took.append(times[-1] - times[0])
            good = await people.states("discord") == {"sent": chats}
    more = 100 * (took[1] / took[0] - 1)
    said = f"F21 Telegram down: Discord took {took[1]:.1f} s, {took[0]:.1f} s beside one that works"
    return f"{said} ({more:+.1f} %)", good and more <= 5.0


async def send_while_locked(
    folder: Path, chats: int = 300, seconds: float = 10.0
) -> tuple[str, bool]:
    """Send while another process holds the database's write lock (F35)."""
    async with DeliveryStub() as stub, town(stub, folder, fast=0) as people:
        for name in PLATFORMS:
            await people.digests(name, chats)
        people.start()
        await asyncio.sleep(2.0)
        other = sqlite3.connect(folder / "town.db", check_same_thread=False)
        # In a thread, because a write transaction that is open now must end in this loop.
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        began = time.monotonic()
        asked = await people.ledger.count_due(DUE)  # reads must still work
        answered = time.monotonic() - began
        await asyncio.sleep(seconds)
        other.rollback()
        other.close()
        await people.ended(seconds=120)
        states: Counter[str] = await people.states()
        doubled = [stub.books[name].doubled for name in PLATFORMS]
        good = (
            states == {"sent": 2 * chats} and doubled == [0, 0] and answered < 1.0 and bool(asked)
        )
    said = f"F35 write lock held for {seconds:.0f} s: {dict(states)}, doubled {doubled}"
    return f"{said}, the ledger was read in {answered * 1000:.0f} ms meanwhile", good


async def kill_program(folder: Path, people: int = 400, kills: int = 20) -> tuple[str, bool]:
    """Kill the whole program half a second after its first send, repeatedly."""
    database = f"sqlite:///{folder}/jianbao.db"
    took: list[float] = []
    async with await Store.open(database) as store, TelegramServer() as server:
        for person in range(1, people + 1):
            server.person(person, f"Mei {person}")
            server.say(person, person, "hello")
        await due(store, [Chat("telegram", str(n)) for n in range(1, people + 1)])
        told = {"DATABASE_URL": database, **telegram(server)}
        for _ in range(kills):
            before, began = _sends(server), time.monotonic()
            async with bot("--only", "telegram", **told):  # killed at the end of the block
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(30):
                        while _sends(server) == before:  # noqa: ASYNC110 (another process)
                            await asyncio.sleep(0.005)
                took.append(time.monotonic() - began)
                await asyncio.sleep(0.5)
        wrong = await list_unbalanced(Ledger(store))
        doubled = 0
        for person in range(1, people + 1):
            texts = [one.text for one in server.messages(person) if one.mine]
            doubled += len(texts) - len(set(texts))
    took.sort()
    said = f"the program killed {kills} times: start to first send {took[kills // 2]:.2f} s"
    said += f" (median), at the most {took[-1]:.2f} s; {doubled} doubled"
    return said, not wrong and not doubled and took[-1] < 30


def _sends(server: TelegramServer) -> int:
    return sum(name in ("sendPhoto", "sendMessage") for name, _ in server.calls)


def main() -> None:
    """Print a line per fault; exit with 1 if one broke a guarantee."""
    logging.disable()
    broken = False
    for fault in (
        kill_program,
        send_while_closed,
        send_under_limit,
        send_beside_down,
        send_while_locked,
    ):
        with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
            said, good = asyncio.run(fault(Path(name)))
        print(said if good else f"{said}: BROKEN", flush=True)
        broken = broken or not good
    sys.exit(int(broken))


if __name__ == "__main__":
    main()
