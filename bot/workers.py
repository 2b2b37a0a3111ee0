"""Builds, rounds of the sources and errands as jobs for any number of workers, on PostgreSQL.

A job is only a hint. Rows in our own tables decide whether there is anything to do, so a job that
runs twice, late or on two machines changes nothing, and one that is lost is proposed again: by the
clock, every 15 seconds, for as long as the report is missing.
"""

import asyncio
import contextlib
import importlib.util
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

from bot.builds import Errand, is_due, make_report, run_child, run_errand
from bot.delivery.leases import pause
from bot.services import Services
from digest.errors import StoreError
from digest.store.engine import queue_address
from digest.store.ledger import Ledger

log = logging.getLogger(__name__)

BUILDS, ROUNDS = "builds", "rounds"
AT_ONCE = {BUILDS: 1, ROUNDS: 2}
"""The queues, and how many jobs of each a process works at once: a build takes a core and 300 MB,
as an errand may, and a round mostly waits."""
HEARTBEAT, STALLED = 8.0, 30.0
"""Seconds between two signs of life of a worker, and without one until its jobs are let go."""
ROUND_SECONDS = 270.0
"""How long a topic's sources belong to who began a round: just until the next one is due."""
GRACE_SECONDS = 2.0
"""For jobs that are almost done when a worker is stopped; the others are proposed again."""
PAUSE_SECONDS = 2.0
"""Before a worker whose database went away begins again."""


def can_share(database_url: str) -> bool:
    """Return True if work can go to other processes: on PostgreSQL, with procrastinate."""
    return bool(queue_address(database_url)) and bool(importlib.util.find_spec("procrastinate"))


class Jobs:
    """The queue as the clock and the workers see it."""

    def __init__(self, context: Services, ledger: Ledger, holder: str, app: Any) -> None:
        """`holder` names this process; `app` is procrastinate's."""
        self._context, self._ledger, self._holder, self._app = context, ledger, holder, app
        self._build = app.task(name="build", queue=BUILDS)(self.build)
        self._round = app.task(name="round", queue=ROUNDS)(self.collect)
        self._errand = app.task(name="errand", queue=BUILDS)(self.run_errand)

    async def propose_build(self, topic: str, day: date) -> None:
        """Have a worker make a report that is due."""
        await self._defer(self._build, f"build {topic} {day}", topic=topic, day=str(day))

    async def propose_errand(self, errand: Errand) -> None:
        """Have a worker do what follows from a change of the reports."""
        if await is_due(self._context.store, errand):
            line = json.dumps(errand.words)
            await self._defer(self._errand, errand.role, role=errand.role, line=line)

    async def propose_rounds(self) -> None:
        """Have workers ask the sources of every topic; forget jobs of workers that died."""
        for topic in self._context.topics:
            await self._defer(self._round, f"round {topic}", topic=topic)
        for job in await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED):
            await self._finish(job)

    async def _finish(self, job: Any) -> None:
        from procrastinate.jobs import Status

        await self._app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)

    async def _defer(self, task: Any, lock: str, **arguments: str) -> None:
        from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

        try:
            await task.configure(queueing_lock=lock).defer_async(**arguments)
        except AlreadyEnqueued:
            pass  # nobody has begun the one before
        except ConnectorException as error:
            raise StoreError(f"no job can be queued ({type(error).__name__})") from None

    async def build(self, topic: str, day: str) -> None:
        """Make a report, unless it is made or another process makes it."""
        day_ = date.fromisoformat(day)
        await make_report(self._context, self._ledger, self._holder, topic, day_)

    async def run_errand(self, role: str, line: str) -> None:
        """Run an errand, unless it has been run or another process is at it."""
        errand = Errand(role, tuple(json.loads(line)))
        await run_errand(self._context, self._ledger, self._holder, errand)

    async def collect(self, topic: str) -> None:
        """Ask the sources of a topic, unless somebody did so just now."""
        role, now = f"round:{topic}", self._context.now()
        if await self._ledger.lease(role, f"{self._holder}:{now.timestamp()}", now, ROUND_SECONDS):
            await run_child("collect", topic, "--patient")

    async def work(self, queue: str) -> None:
        """Work the jobs of a queue until cancelled, whatever becomes of the database meanwhile."""
        while True:
            try:
                await self._app.run_worker_async(
                    queues=[queue],
                    concurrency=AT_ONCE[queue],
                    install_signal_handlers=False,
                    delete_jobs="always",
                    shutdown_graceful_timeout=GRACE_SECONDS,
                    update_heartbeat_interval=HEARTBEAT,
                    stalled_worker_timeout=STALLED,
                )
            except Exception as error:  # noqa: BLE001 (the database may come back)
                log.error("worker: no jobs for now (%s); trying again", type(error).__name__)
            await pause(PAUSE_SECONDS)


@asynccontextmanager
async def open_jobs(
    database_url: str, context: Services, ledger: Ledger, holder: str
) -> AsyncIterator[Jobs]:
    """Open the queue in the bot's own database; make its tables where there are none."""
    from procrastinate import App, PsycopgConnector

    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # failed jobs are proposed again
    connector = PsycopgConnector(
        conninfo=queue_address(database_url), min_size=1, max_size=6, timeout=10.0
    )
    app = App(connector=connector)
    async with app.open_async():
        await _make_tables(app)
        yield Jobs(context, ledger, holder, app)


async def _make_tables(app: Any) -> None:
    from procrastinate.exceptions import ConnectorException

    if await app.check_connection_async():
        return
    with contextlib.suppress(ConnectorException):  # another process makes them right now
        await app.schema_manager.apply_schema_async()
    if not await app.check_connection_async():
        raise StoreError("the tables of the job queue cannot be made: may the bot create tables?")


def start_workers(jobs: Jobs) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(jobs.work(queue)) for queue in AT_ONCE]
