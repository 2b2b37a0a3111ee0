"""Builds per minute with 1, 2 and 4 workers on one PostgreSQL: simulated builds that only wait, and
real ones of the sample. Asserts nothing."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import func, select

from bot.builds import Builds
from bot.delivery.leases import own_name
from bot.schedule import open_jobs, start_workers
from bot.services import Services
from digest.store import Store
from digest.store.ledger import Ledger
from digest.store.tables import builds
from tests.samples import report
from tests.source_servers import offline_topics
from tools.chaos_workers import Place, make_topics, server, services

WORKERS = (1, 2, 4)
WAIT_SECONDS, WAITING_BUILDS, REAL_BUILDS = 2.0, 12, 4
"""Duration of a simulated build, without CPU; number of builds measured per worker."""
MAX_SECONDS = 400.0
NOW = datetime(2025, 12, 7, 12, tzinfo=UTC)
"""The morning after a day of the sample."""


def make_services(store: Store, database: str) -> Services:
    """Return the services of a bot process on that morning."""
    return replace(services(store, Place(database, "", 0, 0.0)), now=lambda: NOW)


class WaitingBuilder(Builds):
    """Simulates a build in a child process by waiting."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def build(self, topic: str, day: date, user: str, *, with_model: bool = False) -> str:
        """Wait, then save the report."""
        await asyncio.sleep(WAIT_SECONDS)
        await self._store.save_report(replace(report(day), topic=topic))
        return ""


def work(database: str, real: bool) -> None:
    """Run a worker until killed."""
    logging.disable()
    with suppress(KeyboardInterrupt):
        asyncio.run(_work(database, real))


async def _work(database: str, real: bool) -> None:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(await Store.open(database))
        builder = Builds() if real else WaitingBuilder(store)
        shared = replace(make_services(store, database), builder=builder)
        opening = open_jobs(database, shared, own_name())
        await asyncio.gather(*start_workers(await stack.enter_async_context(opening)))


async def measure(database: str, names: Sequence[str], workers: int, real: bool) -> float:
    """Return builds per minute with that many workers, from the first report to the last."""
    spawn = multiprocessing.get_context("forkserver")
    spawn.set_forkserver_preload(["tools.chaos_workers"])
    async with await Store.open(database) as store:
        shared, ledger = make_services(store, database), Ledger(store)
        known = make_topics(1)["topic0"]
        topics = [replace(known, name=name, slug=name) for name in names]
        async with open_jobs(database, shared, own_name()) as jobs:
            for topic, day in await ledger.list_builds_due(topics, NOW):
                await jobs.propose_build(topic, day)
        crowd = [spawn.Process(target=work, args=(database, real)) for _ in range(workers)]
        for process in crowd:
            process.start()
        try:
            began = await _until(store, names, 1)
            return 60 * (len(names) - 1) / (await _until(store, names, len(names)) - began)
        finally:
            for process in crowd:
                process.kill()
                process.join()


async def _until(store: Store, names: Sequence[str], number: int) -> float:
    """Wait until `number` builds of these topics are done; return the time."""
    query = select(func.count()).where(builds.c.topic.in_(names), builds.c.state == "done")
    async with asyncio.timeout(MAX_SECONDS):
        while True:
            async with store.reading() as connection:
                if int(await connection.scalar(query) or 0) >= number:
                    return time.monotonic()
            await asyncio.sleep(0.05)


def write_topics(folder: Path, names: Sequence[str]) -> None:
    """Write topics that use the sample, for the child processes."""
    text = offline_topics(folder).read_text("utf-8")
    (folder / "topics.toml").write_text(
        "\n".join(text.replace("[ai]", f"[{n}]").replace("twitter_ai", n) for n in names), "utf-8"
    )


async def _measure_all(database: str, folder: Path) -> None:
    names = {n: [f"real{n}x{k}" for k in range(REAL_BUILDS * min(n, 2))] for n in WORKERS}
    write_topics(folder, [name for several in names.values() for name in several])
    for workers in WORKERS:
        waiting = [f"wait{workers}x{k}" for k in range(WAITING_BUILDS * workers)]
        rate = await measure(database, waiting, workers, real=False)
        print(
            f"{workers} workers: {rate:.0f} builds/min of {WAIT_SECONDS:.0f} s of waiting", end=""
        )
        rate = await measure(database, names[workers], workers, real=True)
        print(f", {rate:.1f} builds/min of the sample on {os.cpu_count()} cores", flush=True)


def main() -> None:
    """Print the figures."""
    logging.disable()
    with tempfile.TemporaryDirectory() as name, server(Path(name)) as running:
        database = running.get_uri()
        os.environ |= {
            "DATABASE_URL": database,
            "TOPICS_FILE": f"{name}/topics.toml",
            "DATA_DIR": name,
        }
        asyncio.run(_measure_all(database, Path(name)))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
