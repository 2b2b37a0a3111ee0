"""Messages to one platform: claimed in small groups, sent side by side as their turns come.

What is sent was committed as `sending` before; what came of it is committed after. Whatever ends in
between, the ledger knows which messages nobody is sure of.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime

from bot.alerts import Tell, tell_undelivered
from bot.delivery.attempt import Job, Tries, job_of
from bot.delivery.rate import Rate
from bot.platforms import Delivering
from digest.errors import StoreError
from digest.models import Outcome
from digest.store.ledger import Ledger
from digest.store.outbox import MADE_UP, RESTORED

log = logging.getLogger(__name__)

MOST_AT_ONCE = 100
"""Sends under way at once: rate times latency, for a second or two."""
AHEAD = 0.5
"""Seconds of sending that are claimed ahead; with what is under way, all that a kill leaves
unsure."""
MOST_AHEAD = 250
"""A quarter of a second of the fastest sending there is, 1,000 a second: two commits for 250
messages instead of ten. At the usual pace half a second is less."""
POLL = 1.0
"""Seconds between looks for new messages where there were none."""
EXPIRE = 60.0
"""Seconds between looks for messages that are too late to be sent."""
PATIENCE = 2.0
"""Seconds that claimed messages wait here for their turn; longer, and they are put back."""


class Outbox:
    """One platform's messages."""

    def __init__(
        self,
        name: str,
        delivering: Delivering,
        ledger: Ledger,
        writer: Writer,
        picture: Callable[[str], Awaitable[bytes]],
        tell: Tell,
        now: Callable[[], datetime],
        *,
        resend: bool = False,
        at_once: int = MOST_AT_ONCE,
    ) -> None:
        """`picture` gives the picture that a body names. `resend`: what may have arrived is sent
        again where the platform cannot tell doubles."""
        self.name, self._to, self._ledger, self._writer = name, delivering, ledger, writer
        self._now, self._resend, self._tell = now, resend, tell
        self._clock = asyncio.get_running_loop().time
        self.rate = Rate(delivering.pace.a_second, delivering.pace.most)
        self._tries = Tries(name, delivering, ledger, self.rate, picture, tell, now, resend=resend)
        self._queue: deque[Job] = deque()
        self._parked: dict[str, list[Job]] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(at_once)
        self._filled, self._wake = asyncio.Event(), asyncio.Event()
        self._stopping, self._expires = False, 0.0

    async def run(self) -> None:
        """Send until cancelled or the token is revoked; `stop` afterwards."""
        await self._begin_at_last()
        feeding = asyncio.create_task(self._feed())
        try:
            while not self._stopping:
                await self._step()
        finally:
            self._end()
            # A claim that was committed must come back, or its messages would be unsure.
            await asyncio.shield(feeding)
            self._give_back()

    def wake(self) -> None:
        """There is something new to send."""
        self._wake.set()

    async def stop(self, within: float) -> None:
        """Put back what was not begun, and lets what was finish, so many seconds at the most."""
        self._end()
        if self._sending:
            await asyncio.wait(self._sending, timeout=within)
        for task in list(self._sending):
            task.cancel()
        self._give_back()
        await self._writer.flush()
        await self._to.close()

    async def _begin_at_last(self) -> None:
        while True:
            try:
                return await self._begin()
            except StoreError as error:
                log.error("%s: sending cannot begin (%s); trying again", self.name, error)
                await asyncio.sleep(POLL)

    async def _begin(self) -> None:
        """Take up what an earlier process left behind: unsure messages, and a pause."""
        now = self._now()
        until = await self._ledger.paused_until(self.name)
        if until is not None and until > now:
            self.rate.halt(self._clock() + (until - now).total_seconds())
        left = await self._ledger.recover(self.name)
        if left:
            log.warning("%s: %d messages were under way when the bot ended", self.name, left)
        if self._to.repeats or self._resend:
            held = await self._ledger.held(self.name)
            # What a restored backup calls unknown was sent long ago, if it was; what was begun more
            # than a day ago is for an operator to decide.
            old = now - MADE_UP
            ids = [
                one.part for one in held if one.error != RESTORED and (one.tried_at or now) > old
            ]
            await self._ledger.decide(ids, again=True)
        if held := await self._ledger.held(self.name):
            await tell_undelivered(held, self._tell)
        await self._expire()

    async def _expire(self) -> None:
        """Lets go of what is too late, once a minute; says so."""
        if self._clock() < self._expires:
            return
        self._expires = self._clock() + EXPIRE
        if number := await self._ledger.expire(self.name, self._now()):
            log.error("%s: %d digests were not sent within a day", self.name, number)
            await self._tell("too_late", self.name, n=number)

    async def _feed(self) -> None:
        """Claims messages whenever few are left here."""
        while not self._stopping:
            self._wake.clear()
            group = min(MOST_AHEAD, max(2, round(AHEAD * self.rate.rate)))
            room = group - len(self._queue) - sum(map(len, self._parked.values()))
            idle = self._writer.stuck or self.rate.halted_until > self._clock() + PATIENCE
            if not idle and room > group // 2:
                idle = await self._claim(room) < room
            elif not idle:
                await self._wake.wait()
            if idle and not self._stopping:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), POLL)

    async def _claim(self, room: int) -> int:
        try:
            await self._expire()
            parts = await self._ledger.claim(self.name, room, self._now())
        except StoreError as error:
            log.error("%s: no message can be claimed, so none is sent (%s)", self.name, error)
            return 0
        self._queue.extend(map(job_of, parts))
        if parts:
            self._filled.set()
        return len(parts)

    async def _step(self) -> None:
        """Begins one send when its turn comes."""
        if not self._queue:
            self._filled.clear()
            self._wake.set()
            await self._filled.wait()
        job = self._queue[0] if self._queue else None
        if job is None or self._park(job):
            return
        await self._room.acquire()
        if not await self._slot():
            self._room.release()
            return
        if not self._queue or self._queue[0] is not job or self._over:
            self._room.release()  # put back meanwhile
            return
        self._queue.popleft()
        self._wake.set()
        job.began = self._clock()
        self.rate.begin(job.began)
        job.uploads = self._uploads(job)
        task = asyncio.create_task(self._send(job))
        self._sending.add(task)
        task.add_done_callback(self._done)

    async def _slot(self) -> bool:
        """Wait for the next send's turn; give all back where that is far off."""
        while (wait := self.rate.wait(self._clock())) > 0:
            if wait > PATIENCE:
                self._give_back()
            await asyncio.sleep(min(wait, POLL))
            if not self._queue:
                return False
        return True

    @property
    def _over(self) -> bool:
        return self._stopping or self._tries.revoked

    def _end(self) -> None:
        """From now on no send begins."""
        self._stopping = True
        self._give_back()
        self._filled.set()
        self._wake.set()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._room.release()

    def _give_back(self) -> None:
        """Put claimed messages back that were not begun."""
        jobs = [*self._queue, *(job for parked in self._parked.values() for job in parked)]
        self._queue.clear()
        self._parked.clear()
        for job in jobs:
            self._writer.put(Outcome(job.part.id, "waiting"))

    def _again(self, *jobs: Job) -> None:
        """Try these next."""
        self._queue.extendleft(reversed(jobs))
        self._filled.set()

    def _park(self, job: Job) -> bool:
        """Set a message aside while another one uploads its picture."""
        if (
            not job.picture
            or job.bare
            or not self._to.reuses
            or job.picture in self._tries.file_ids
        ):
            return False
        if job.picture not in self._parked:
            return False
        self._parked[job.picture].append(self._queue.popleft())
        self._wake.set()
        return True

    def _uploads(self, job: Job) -> bool:
        """Whether this is the message that uploads its picture for the others."""
        first = job.picture and not job.bare and self._to.reuses
        if not first or job.picture in self._tries.file_ids:
            return False
        self._parked[job.picture] = []
        return True

    async def _send(self, job: Job) -> None:
        """One send; its outcome goes to the writer, or it is the next one again."""
        try:
            outcome = await self._tries.send(job)
        finally:
            if job.uploads:
                self._again(*self._parked.pop(job.picture, []))
        if outcome is None:
            self._again(job)
        else:
            self._writer.put(outcome)
        if self._tries.revoked:
            self._end()


GATHER = 0.4
"""Seconds in which outcomes are gathered into one commit; a full one does not wait."""
MOST_IN_COMMIT = MOST_AHEAD


class Writer:
    """The one writer of outcomes: a commit for all that came in meanwhile."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: list[Outcome] = []
        self._some, self._full = asyncio.Event(), asyncio.Event()
        self._one = asyncio.Lock()
        self.stuck = False
        """Whether outcomes could not be written: nothing more may be sent then."""

    def put(self, outcome: Outcome) -> None:
        """Write it down soon."""
        self._waiting.append(outcome)
        self._some.set()
        if len(self._waiting) >= MOST_IN_COMMIT:
            self._full.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._some.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), GATHER)
            self._full.clear()
            await self.flush()
            if self.stuck:
                await asyncio.sleep(1.0)

    async def flush(self) -> None:
        """Write all there is now, not what comes meanwhile; keep it where that fails."""
        async with self._one:
            left = len(self._waiting)
            while left > 0:
                group = self._waiting[: min(left, MOST_IN_COMMIT)]
                try:
                    await self._ledger.settle(group)
                except StoreError as error:
                    if not self.stuck:
                        log.error("outcomes cannot be written (%s); sending waits", error)
                    self.stuck = True
                    return
                del self._waiting[: len(group)]
                left -= len(group)
                self.stuck = False
            if not self._waiting:
                self._some.clear()
