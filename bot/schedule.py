"""The clock: proposes reports and deliveries repeatedly; the database decides which ones exist.

APScheduler's cron triggers are not used: on clock changes they run a job twice or not at all, and a
run missed in a busy loop is lost. Here a tick that is late, duplicated or in two processes changes
nothing.

On PostgreSQL, builds, collection rounds and errands are jobs for any number of workers. A job is
only a hint, as a tick is; a lost one is proposed again every 15 seconds while the report is
missing.
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
"""Intervals in seconds: due deliveries, builds, alerts, collection, clean-up of old rows."""
KEPT = timedelta(days=60)
"""How long ended deliveries are kept."""

Step = Callable[[], Awaitable[object]]


class Schedule:
    """The periodic steps of the process that holds the clock role."""

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
        """Prepare the clock of the process named `holder`.

        `upkeep` maintains the store, hourly; `collect` collects all sources; `make` builds a due
        report and `run` runs an errand, by default in this process, otherwise through a worker.
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
        """Run the steps until cancelled."""
        # Imported here so that the first answer does not wait for it.
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
                # APScheduler waits by the wall clock; after that was set back it would wait for
                # hours.
                before = datetime.now(UTC)
                await asyncio.sleep(PROPOSE)
                if datetime.now(UTC) < before:
                    log.warning("clock: the machine's clock was set back; its steps start again")
                    for job in scheduler.get_jobs():
                        job.modify(next_run_time=datetime.now(UTC))
        finally:
            scheduler.shutdown(wait=False)  # cancels running steps
            await asyncio.gather(*self._turns, return_exceptions=True)
            with contextlib.suppress(StoreError):  # otherwise the lease ends after LEASE_SECONDS
                await self._ledger.release_lease(ROLE, self._holder)

    async def _turn(self, step: Step) -> None:
        if task := asyncio.current_task():
            self._turns.add(task)
            task.add_done_callback(self._turns.discard)
        try:
            if await self._ledger.take_lease(ROLE, self._holder, self._context.now()):
                await step()
        except StoreError as error:
            log.error("clock: %s", error)
        except Exception:
            log.exception("clock: a step failed")

    async def propose(self) -> None:
        """Save deliveries for the digests that are due."""
        new = await self._ledger.propose(self._context.topics, self._context.now())
        if new:
            log.info("clock: %d deliveries are due", new)

    async def build(self) -> None:
        """Build the reports of closed days."""
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
        """Run errands after changes of reports, but not during a build, to limit the load.

        The pages are also written at start-up, as their folder, address or style may have
        changed."""
        for errand in self._errands:
            if not self._is_building:
                if errand.role == PUBLISH and not self._pages_known:
                    await forget_pages(self._context.store)
                    self._pages_known = True
                await self._run(errand)

    async def collect(self) -> None:
        """Collect all sources; most list only their latest posts."""
        if self._collect:
            await self._collect()

    async def watch(self) -> None:
        """Raise alerts on what is missing."""
        now = self._context.now()
        undelivered = await list_undelivered(self._ledger, now)
        await self._watch.look(now, await self._ledger.count_due(now), undelivered)

    async def tidy(self) -> None:
        """Skip expired deliveries, delete old ones, and run the upkeep."""
        await self._ledger.give_up(self._context.now())
        await self._ledger.delete_ended(self._context.now() - KEPT)
        if self._upkeep:
            await self._upkeep(self._context.now())


BUILDS, ERRANDS, ROUNDS = "builds", "errands", "rounds"
AT_ONCE = {BUILDS: 1, ERRANDS: 1, ROUNDS: 2}
"""The queues and the concurrent jobs of each per process: a build takes a core and 300 MB, an
errand may take as much (builds do not wait for it), and a round mostly waits."""
HEARTBEAT, STALLED = 8.0, 30.0
"""Interval of worker heartbeats, and seconds without one after which a worker's jobs are
released."""
ROUND_SECONDS = 270.0
"""Lease of a topic's collection round: it ends just before the next round is due."""
GRACE_SECONDS = 2.0
"""Time for jobs to finish when a worker is stopped; the others are proposed again."""
PAUSE_SECONDS = 2.0
"""Pause before a worker retries after a database failure."""


def can_share(database_url: str) -> bool:
    """Return True if work can be shared with other processes: on PostgreSQL, with procrastinate."""
    return bool(queue_address(database_url)) and bool(importlib.util.find_spec("procrastinate"))


class Jobs:
    """The job queue, for the clock and the workers."""

    def __init__(self, context: Services, holder: str, app: Any) -> None:
        """`holder` names this process; `app` is procrastinate's."""
        self._context, self._holder, self._app = context, holder, app
        self._is_building = False
        self._build = app.task(name="build", queue=BUILDS)(self.build)
        self._round = app.task(name="round", queue=ROUNDS)(self.collect)
        self._errand = app.task(name="errand", queue=ERRANDS)(self.run_errand)

    async def propose_build(self, topic: str, day: date) -> None:
        """Queue a due build for a worker."""
        await self._defer(self._build, f"build {topic} {day}", topic=topic, day=str(day))

    async def propose_errand(self, errand: Errand) -> None:
        """Queue an errand for a worker if reports have changed."""
        if await is_due(self._context.store, errand):
            line = json.dumps(errand.words)
            await self._defer(self._errand, errand.role, role=errand.role, line=line)

    async def propose_rounds(self) -> None:
        """Queue collection rounds of all topics; release jobs of dead workers."""
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
            pass  # the previous job has not begun yet
        except ConnectorException as error:
            raise StoreError(f"no job can be queued ({type(error).__name__})") from None

    async def build(self, topic: str, day: str) -> None:
        """Build a report, unless it is built or another process builds it."""
        self._is_building = True
        try:
            await make_report(self._context, self._holder, topic, date.fromisoformat(day))
        finally:
            self._is_building = False

    async def run_errand(self, role: str, line: str) -> None:
        """Run an errand, unless it was run, another process runs it, or a build is running here (it
        is proposed again)."""
        if not self._is_building:
            errand = Errand(role, tuple(json.loads(line)))
            await run_errand(self._context, self._holder, errand)

    async def collect(self, topic: str) -> None:
        """Collect the sources of a topic, unless that was done just now."""
        now = self._context.now()
        turn = f"{self._holder}:{now.timestamp()}"
        if await self._context.ledger.take_lease(f"round:{topic}", turn, now, ROUND_SECONDS):
            await run_child("collect", topic, "--patient")

    async def work(self, queue: str) -> None:
        """Process the jobs of a queue until cancelled, even if the database fails meanwhile."""
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
    """Open the queue in the bot's database; create its tables if needed. Raises StoreError if the
    database cannot be reached."""
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
    with contextlib.suppress(ConnectorException):  # another process is creating them
        await app.schema_manager.apply_schema_async()
    if not await app.check_connection_async():
        raise StoreError("the job queue's tables cannot be created: may the bot create tables?")


def start_workers(jobs: Jobs) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(jobs.work(queue)) for queue in AT_ONCE]
