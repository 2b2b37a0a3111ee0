"""The clock: proposes reports and deliveries again and again; the database decides which there are.

APScheduler's own times of day are not used: on clock changes it runs a job twice or not at all, and
a run that a busy loop missed is gone. A tick that comes late, twice, or in two processes at once
changes nothing here.

On PostgreSQL builds, rounds of the sources and errands are jobs for any number of workers. A job is
only a hint, as a tick is, and one that is lost is proposed again, every 15 seconds, for as long as
the report is missing.
"""

import asyncio
import contextlib
import importlib.util
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from bot.alerts import Watch, list_undelivered
from bot.builds import PUBLISH, Errand, forget_pages, is_due, make_report, run_child, run_errand
from bot.delivery.leases import pause
from bot.services import Services
from digest.errors import StoreError
from digest.store.engine import queue_address

log = logging.getLogger(__name__)

ROLE = "clock"
PROPOSE, BUILD, WATCH, COLLECT, UPKEEP = 5.0, 15.0, 60.0, 300.0, 3600.0
"""Seconds between two looks at what is due, at which reports are to be made, at what operators must
hear of, at the sources, and at old rows."""
KEPT = timedelta(days=60)
"""How long deliveries that have ended are kept."""

Step = Callable[[], Awaitable[object]]


class Schedule:
    """What runs by the clock, in whichever process has that role."""

    def __init__(
        self,
        context: Services,
        holder: str,
        upkeep: Callable[[datetime], Awaitable[None]] | None = None,
        collect: Step | None = None,
        make: Callable[[str, date], Awaitable[object]] | None = None,
        errands: Sequence[Errand] = (),
        run: Callable[[Errand], Awaitable[object]] | None = None,
    ) -> None:
        """Prepare the clock of the process that `holder` names.

        `upkeep` keeps the store in order, once an hour; `collect` does a round of the sources;
        `make` makes a report that is due, and `run` runs an errand, or has a worker do it: by
        default both are done here.
        """
        self._context, self._ledger, self._holder = context, context.ledger, holder
        self._upkeep, self._collect = upkeep, collect
        self._make = make or partial(make_report, context, holder)
        self._errands = errands
        self._run = run or partial(run_errand, context, holder)
        self._turns: set[asyncio.Task[object]] = set()
        self._is_building, self._pages_known = False, False
        self._watch = Watch(context.store, list(context.topics.values()), context.tell)

    async def run(self) -> None:
        """Tick until cancelled."""
        # Imported here: the first answer does not wait for it.
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        scheduler = AsyncIOScheduler(timezone="UTC")
        now = datetime.now(UTC)
        # Propose due digests at once; start CPU-heavy steps after the platforms have connected.
        for step, seconds, first in (
            (self.propose, PROPOSE, 0.0),
            (self.build, BUILD, 3.0),
            (self.collect, COLLECT, 5.0),
            (self.run_errands, BUILD, 8.0),
            (self.watch, WATCH, 30.0),
            (self.tidy, UPKEEP, 60.0),
        ):
            scheduler.add_job(
                self._turn,
                "interval",
                (step,),
                seconds=seconds,
                next_run_time=now + timedelta(seconds=min(first, seconds)),
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
            )
        scheduler.start()
        try:
            while True:
                # APScheduler waits by the wall clock: until now, where that is set back by hours.
                before = datetime.now(UTC)
                await asyncio.sleep(PROPOSE)
                if datetime.now(UTC) < before:
                    log.warning("clock: the machine's clock was set back; its steps start again")
                    for job in scheduler.get_jobs():
                        job.modify(next_run_time=datetime.now(UTC))
        finally:
            scheduler.shutdown(wait=False)  # cancels the steps under way
            await asyncio.gather(*self._turns, return_exceptions=True)
            with contextlib.suppress(StoreError):  # another takes it in LEASE_SECONDS
                await self._ledger.give_back(ROLE, self._holder)

    async def _turn(self, step: Step) -> None:
        if task := asyncio.current_task():
            self._turns.add(task)
            task.add_done_callback(self._turns.discard)
        try:
            if await self._ledger.lease(ROLE, self._holder, self._context.now()):
                await step()
        except StoreError as error:
            log.error("clock: %s", error)
        except Exception:
            log.exception("clock: a step failed")

    async def propose(self) -> None:
        """Save rows for the digests that are due."""
        new = await self._ledger.propose(self._context.topics, self._context.now())
        if new:
            log.info("clock: %d deliveries are due", new)

    async def build(self) -> None:
        """Make the reports whose days have closed."""
        due = await self._ledger.list_builds_due(
            list(self._context.topics.values()), self._context.now()
        )
        self._is_building = True
        try:
            for topic, day in due:
                await self._make(topic, day)
        finally:
            self._is_building = False

    async def run_errands(self) -> None:
        """Run what follows from changed reports, none beside a build: two children are much.

        The pages are written at the start too: their folder, address or looks may be others now."""
        for errand in self._errands:
            if not self._is_building:
                if errand.role == PUBLISH and not self._pages_known:
                    await forget_pages(self._context.store)
                    self._pages_known = True
                await self._run(errand)

    async def collect(self) -> None:
        """Collect a round of the sources: most show only their latest posts."""
        if self._collect:
            await self._collect()

    async def watch(self) -> None:
        """Tell the operators of what is missing."""
        now = self._context.now()
        undelivered = await list_undelivered(self._ledger, now)
        await self._watch.look(now, await self._ledger.balance(now), undelivered)

    async def tidy(self) -> None:
        """Give up what is too old to be delivered, delete what ended long ago, do the upkeep."""
        await self._ledger.give_up(self._context.now())
        await self._ledger.delete_ended(self._context.now() - KEPT)
        if self._upkeep:
            await self._upkeep(self._context.now())


BUILDS, ERRANDS, ROUNDS = "builds", "errands", "rounds"
AT_ONCE = {BUILDS: 1, ERRANDS: 1, ROUNDS: 2}
"""The queues, and how many jobs of each a process works at once: a build takes a core and 300 MB,
as an errand may, for which no build waits, and a round mostly waits."""
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

    def __init__(self, context: Services, holder: str, app: Any) -> None:
        """`holder` names this process; `app` is procrastinate's."""
        self._context, self._holder, self._app = context, holder, app
        self._is_building = False
        self._build = app.task(name="build", queue=BUILDS)(self.build)
        self._round = app.task(name="round", queue=ROUNDS)(self.collect)
        self._errand = app.task(name="errand", queue=ERRANDS)(self.run_errand)

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
        from procrastinate.jobs import Status

        for topic in self._context.topics:
            await self._defer(self._round, f"round {topic}", topic=topic)
        for job in await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED):
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
        self._is_building = True
        try:
            await make_report(self._context, self._holder, topic, date.fromisoformat(day))
        finally:
            self._is_building = False

    async def run_errand(self, role: str, line: str) -> None:
        """Run an errand, unless it has been run or another process is at it; none beside a build.
        It is proposed again."""
        if not self._is_building:
            errand = Errand(role, tuple(json.loads(line)))
            await run_errand(self._context, self._holder, errand)

    async def collect(self, topic: str) -> None:
        """Ask the sources of a topic, unless somebody did so just now."""
        now = self._context.now()
        turn = f"{self._holder}:{now.timestamp()}"
        if await self._context.ledger.lease(f"round:{topic}", turn, now, ROUND_SECONDS):
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
async def open_jobs(database_url: str, context: Services, holder: str) -> AsyncIterator[Jobs]:
    """Open the queue in the bot's own database; make its tables where there are none. Raises
    StoreError where that cannot be reached."""
    from procrastinate import App, PsycopgConnector
    from procrastinate.exceptions import ConnectorException
    from psycopg_pool import PoolTimeout

    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # failed jobs are proposed again
    connector = PsycopgConnector(
        conninfo=queue_address(database_url), min_size=1, max_size=6, timeout=10.0
    )
    app = App(connector=connector)
    try:
        async with app.open_async():
            await _make_tables(app)
            yield Jobs(context, holder, app)
    except (PoolTimeout, ConnectorException) as error:
        raise StoreError(
            f"the job queue cannot be reached ({type(error).__name__}):"
            " check DATABASE_URL and that the server runs"
        ) from None


async def _make_tables(app: Any) -> None:
    from procrastinate.exceptions import ConnectorException

    if await app.check_connection_async():
        return
    with contextlib.suppress(ConnectorException):  # another process makes them right now
        await app.schema_manager.apply_schema_async()
    if not await app.check_connection_async():
        raise StoreError("the job queue's tables cannot be created: may the bot create tables?")


def start_workers(jobs: Jobs) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(jobs.work(queue)) for queue in AT_ONCE]
