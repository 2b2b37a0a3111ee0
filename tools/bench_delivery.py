"""Print delivery figures: rate under strict limits, CPU per message, event loop stalls.

The platform stub runs in a separate process. Run `python -m tools.bench_delivery` or `make bench`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import discord
from discord.http import Route, handle_message_parameters
from telegram import Bot
from telegram.request import HTTPXRequest

from bot.commands import answer
from bot.delivery import Deliveries
from bot.messages import Incoming
from bot.process import give_back
from bot.services import Services
from digest.models import Chat
from digest.store import Store
from digest.store.ledger import Ledger
from tests.delivery_stub import DISCORD_TOKEN, TELEGRAM_TOKEN
from tests.hosts import context
from tests.samples import report
from tests.town import Town, opened, town
from tools.bench_ledger import DAY, EIGHT, TOPICS, Loop, memory, subscribe

_people = count(10**6)


@dataclass
class Far:
    """A platform stub in another process."""

    url: str
    session: aiohttp.ClientSession
    news: frozenset[str] = frozenset()

    async def book(self, platform: str) -> dict[str, Any]:
        """Return what the stub accepted and refused on a platform."""
        async with self.session.get(f"{self.url}/stub") as answer:
            books = await answer.json()
        assert not books["problems"], books["problems"][:3]
        book: dict[str, Any] = books[platform]
        return book


@asynccontextmanager
async def far(**options: Any) -> AsyncIterator[Far]:
    """Start a stub in a separate process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.delivery_stub",
        json.dumps(options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    assert process.stdin
    assert process.stdout
    url = (await process.stdout.readline()).decode().strip()
    async with aiohttp.ClientSession() as session:
        yield Far(url, session)
    process.stdin.close()
    await process.wait()


@asynccontextmanager
async def delivering(
    platform: str, chats: int, fast: float = 0, **options: Any
) -> AsyncIterator[tuple[Town, Far]]:
    """Set up that many chats, each due one message."""
    with tempfile.TemporaryDirectory() as name:
        async with far(**options) as stub, town(stub, Path(name), fast=fast) as people:  # type: ignore[arg-type]
            await people.digests(platform, chats)
            yield people, stub


async def pace(platform: str, allowed: float, latency: float, chats: int) -> None:
    """Print the rate over all chats under a strict limit, and the refusals."""
    limit = {f"{platform}_rate": allowed, "latency": latency}
    async with delivering(platform, chats, **limit) as (people, stub):
        began = time.perf_counter()
        people.start(platform)
        await people.ended(platform, seconds=120, look=0.5)
        seconds = time.perf_counter() - began
        book = await stub.book(platform)
    times = book["times"]
    rate = (len(times) - 1) / (times[-1] - times[0])
    print(
        f"{platform}, {allowed:.0f}/s, {latency * 1000:.0f} ms, {chats} chats: {rate:.1f}/s"
        f" ({rate / allowed:.3f} of it; {chats / seconds:.1f}/s with start and end),"
        f" {book['limited']} 429s of {book['calls']}, {book['doubled']} doubled"
    )


async def throughput(chats: int) -> None:
    """Print rate and CPU of one process at paid broadcast, including the ledger."""
    async with delivering("telegram", chats, fast=1000.0) as (people, stub):
        began, used = time.perf_counter(), time.process_time()
        people.start("telegram")
        await people.ended("telegram", seconds=120, look=0.5)
        seconds, used = time.perf_counter() - began, time.process_time() - used
        book = await stub.book("telegram")
    times = book["times"]
    rate = (len(times) - 1) / (times[-1] - times[0])
    print(
        f"telegram, 1,000/s allowed, {chats} chats: {rate:.0f}/s, {used / chats * 1e6:.0f} us CPU"
        f" a message, {used / seconds:.2f} of a core, {book['doubled']} doubled"
    )


async def learned(allowed: float, latency: float, seconds: float = 60.0) -> None:
    """Print the rate in the last ten seconds of a minute if the limit is unknown."""
    chats = round(max(30.0, allowed) * (seconds + 6))
    limit = {"telegram_rate": allowed, "latency": latency}
    async with delivering("telegram", chats, **limit) as (people, stub):
        people.start("telegram")
        await asyncio.sleep(seconds + 3)
        book = await stub.book("telegram")
    times = [at - book["times"][0] for at in book["times"]]
    last = sum(seconds - 10 <= at < seconds for at in times) / 10
    print(
        f"telegram, really {allowed:.0f}/s: {last:.1f}/s in seconds {seconds - 10:.0f} to"
        f" {seconds:.0f} ({last / allowed:.2f} of it), {book['limited']} 429s of {book['calls']}"
    )


async def cpu(platform: str, chats: int) -> None:
    """Print the CPU of a delivered message and of a bare SDK message, in this process, both without
    limits and eight at a time."""
    async with delivering(platform, chats, fast=5000.0) as (people, stub):
        bare = await _bare(platform, stub.url, chats)
        began = time.process_time()
        people.start(platform, at_once=8)
        await people.ended(platform, seconds=120, look=0.5)
        ours = (time.process_time() - began) / chats
    print(
        f"{platform}: {ours * 1e6:.0f} us CPU a delivered message, {bare * 1e6:.0f} us a bare one"
        f" of the SDK, ratio {ours / bare:.2f}"
    )


async def _bare(platform: str, url: str, number: int) -> float:
    """Return the CPU seconds per message sent with the SDK alone, eight at a time."""
    if platform == "telegram":
        request = HTTPXRequest(connection_pool_size=16)
        async with Bot(TELEGRAM_TOKEN, f"{url}/bot", request=request) as bot:
            return await _timed(lambda n: bot.send_message(n, "hello"), number)
    Route.BASE = f"{url}/api/v10"
    async with discord.Client(intents=discord.Intents.none()) as client:
        await client.http.static_login(DISCORD_TOKEN)

        def send(number: int) -> Awaitable[object]:
            embed = discord.Embed(description="hello")
            with handle_message_parameters(embed=embed, nonce=str(number)) as parameters:
                return client.http.send_message(number, params=parameters)

        return await _timed(send, number)


async def _timed(send: Callable[[int], Awaitable[object]], number: int) -> float:
    numbers = iter(range(1, number + 1))

    async def work() -> None:
        for number in numbers:
            await send(number)

    began = time.process_time()
    await asyncio.gather(*(work() for _ in range(8)))
    return (time.process_time() - began) / number


async def busy(chats: int, lasts: float = 40.0) -> None:
    """Print event loop stalls, answer times and memory while that many chats become due, are
    planned and sent at the documented rate, for the first seconds."""
    with tempfile.TemporaryDirectory() as name:
        async with far() as stub, await Store.open(f"sqlite:///{name}/busy.db") as store:
            await subscribe(store, chats)
            await store.save_report(report(DAY - timedelta(days=1)))
            began = time.perf_counter()

            def now() -> datetime:
                return EIGHT + timedelta(seconds=time.perf_counter() - began)

            services = replace(context(store, Path(name)), topics=TOPICS, now=now)
            await _answers(services, 3)  # warm up
            give_back()  # as `run` does after start-up
            loop, ledger, before = Loop(), Ledger(store), memory()
            began, used = time.perf_counter(), time.process_time()
            sending = Deliveries(services, _tell)
            to: Any = opened("telegram", stub.url)
            tasks = [
                asyncio.create_task(loop.watch()),
                asyncio.create_task(sending.send_through("telegram", to)),
                asyncio.create_task(ledger.propose(TOPICS, EIGHT)),
            ]
            took: list[float] = []
            while time.perf_counter() - began < lasts:
                took += await _answers(services, 10)
            used = time.process_time() - used
            balance = (await ledger.count_due(EIGHT))["telegram"]
            more = memory() - before
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
    took.sort()
    print(
        f"{balance.due} chats due, {balance.delivered} sent to in {lasts:.0f} s, CPU {used:.0f} s:"
        f" the loop was held up {loop.longest:.0f} ms at the most, {len(took)} commands meanwhile:"
        f" p50 {took[len(took) // 2]:.0f} ms, p99 {took[len(took) * 99 // 100]:.0f} ms,"
        f" {more:.0f} MB more"
    )


async def _answers(services: Services, number: int) -> list[float]:
    """Return the answer times in milliseconds of people who ask one after the other."""
    took = []
    for _ in range(number):
        user = str(next(_people))  # a new user each time, to avoid the rate limit
        incoming = Incoming(Chat("telegram", user), user, "/brief", "en")
        began = time.perf_counter()
        assert [reply async for reply in answer(services, incoming)]
        took.append(1000 * (time.perf_counter() - began))
        await asyncio.sleep(0.02)
    return took


async def _tell(matter: str, about: str, **values: object) -> None:
    print(f"operators were told: {matter} {about} {values}")


async def everything() -> None:
    """Print all figures."""
    print(f"load of this machine: {os.getloadavg()[0]:.1f} (a busy one makes messages bunch)")
    for latency in (0.05, 0.25):
        await pace("telegram", 30, latency, 600)
    await pace("discord", 50, 0.05, 600)
    for allowed in (12, 60):
        await learned(allowed, 0.05)
    await cpu("telegram", 1500)
    await cpu("discord", 1500)
    await throughput(6000)
    for chats in (10_000, 100_000):
        await busy(chats)


def main() -> None:
    """Print all figures."""
    asyncio.run(everything())


if __name__ == "__main__":
    main()
