"""The clock: proposes reports and deliveries again and again; the database decides which there are.

APScheduler's own times of day are not used: on clock changes it runs a job twice or not at all, and
a run that a busy loop missed is gone. A tick that comes late, twice, or in two processes at once
changes nothing here.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial

from bot.alerts import Watch, list_undelivered
from bot.builds import Errand, make_report, run_errand
from bot.services import Services
from digest.errors import StoreError
from digest.store.ledger import Ledger

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
        ledger: Ledger,
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
        self._context, self._ledger, self._holder = context, ledger, holder
        self._upkeep, self._collect = upkeep, collect
        self._make = make or partial(make_report, context, ledger, holder)
        self._errands = errands
        self._run = run or partial(run_errand, context, ledger, holder)
        self._turns: set[asyncio.Task[object]] = set()
        self._is_building = False
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
            await asyncio.Event().wait()
        finally:
            scheduler.shutdown(wait=False)  # cancels the steps under way
            await asyncio.gather(*self._turns, return_exceptions=True)
            with contextlib.suppress(StoreError):  # another takes it in LEASE_SECONDS
                await self._ledger.give_back(ROLE, self._holder)

    async def _turn(self, step: Step) -> None:
        """Take a step, if this process has the role. One that fails is logged and comes again."""
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
        """Run what follows from changed reports. A build never waits for one; none begins during a
        build, because two children are much for a small machine."""
        for errand in self._errands:
            if not self._is_building:
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
        """Give up what is too old to be delivered, and delete what was delivered long ago; the
        daily backup, and posts that are not kept."""
        await self._ledger.give_up(self._context.now())
        await self._ledger.delete_ended(self._context.now() - KEPT)
        if self._upkeep:
            await self._upkeep(self._context.now())
