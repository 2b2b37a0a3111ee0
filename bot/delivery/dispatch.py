"""The outbox of one platform: claims parts in small batches and sends them concurrently.

A part is committed as `sending` before it is sent, and its outcome afterwards. So wherever the
process is killed, the ledger knows which parts may have arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from dataclasses import replace

from bot.alerts import tell_undelivered
from bot.delivery.attempt import Job, MessageSender
from bot.delivery.leases import pause
from digest.errors import StoreError
from digest.models import Outcome
from digest.store.ledger import Ledger
from digest.store.outbox import MAX_LATENESS

log = logging.getLogger(__name__)

MAX_CONCURRENT = 100
"""Maximum sends in flight: rate times latency, for a latency of one or two seconds."""
AHEAD_SECONDS = 0.5
"""Messages are claimed this far ahead. After a kill, only these and the sends in flight are
unknown."""
MAX_AHEAD = 250
"""Maximum messages per claim; at the highest rate, 1,000/s, two commits per quarter of a second. At
usual rates AHEAD_SECONDS claims fewer."""
POLL_SECONDS = 1.0
"""Interval of checks for new parts if there were none."""
EXPIRE_SECONDS = 60.0
"""Interval of checks for expired parts."""
PATIENCE_SECONDS = 2.0
"""Maximum wait of claimed parts for their turn; after that they are released."""


class Outbox:
    """Sends the parts of one platform."""

    def __init__(
        self, sender: MessageSender, writer: Writer, at_once: int = MAX_CONCURRENT
    ) -> None:
        self._sender, self._writer, self._now, self._tell = sender, writer, sender.now, sender.tell
        self.name, self.rate, self._ledger = sender.name, sender.rate, sender.ledger
        self._clock = asyncio.get_running_loop().time
        self._queue: deque[Job] = deque()
        self._parked: dict[str, list[Job]] = {}
        self._sends: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(at_once)
        self._filled, self._wake = asyncio.Event(), asyncio.Event()
        self._stopping, self._expire_at = False, 0.0

    async def run(self) -> None:
        """Send until cancelled or the token is revoked; call `stop` afterwards."""
        await self._recover()
        feeding = asyncio.create_task(self._feed())
        feeding.add_done_callback(lambda _: self._begin_stop())  # also if it fails
        try:
            while not self._ending:  # otherwise a revoked token would cause a busy loop
                await self._start_next()
        finally:
            self._begin_stop()
            # Let a committed claim finish, or its parts would become unknown.
            await asyncio.shield(feeding)
            self._put_back()

    def wake(self) -> None:
        """Check for new parts now."""
        self._wake.set()

    async def stop(self, within: float) -> None:
        """Release parts not begun; give sends in flight `within` seconds to finish."""
        self._begin_stop()
        if self._sends:
            await asyncio.wait(self._sends, timeout=within)
        late = list(self._sends)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        self._put_back()
        try:
            await self._writer.flush()
        finally:
            await self._sender.platform.close()

    async def _recover(self) -> None:
        """Take over from an earlier process, retrying until the store works."""
        while True:
            try:
                return await self._take_over()
            except StoreError as error:
                log.error("%s: sending cannot begin (%s); trying again", self.name, error)
                await pause(POLL_SECONDS)

    async def _take_over(self) -> None:
        """Resume a saved pause; settle the parts an earlier process had in flight, after flushing
        this process's own unsaved outcomes."""
        await self._writer.flush()
        if self._writer.stuck:
            raise StoreError("outcomes cannot be written")
        now = self._now()
        until = await self._ledger.read_pause(self.name)
        # A longer pause cannot be real: a clock ran ahead.
        if until is not None and now < until <= now + MAX_LATENESS:
            self.rate.halt(self._clock() + (until - now).total_seconds())
        if number := await self._ledger.recover(self.name):
            log.warning("%s: %d messages were being sent when the bot stopped", self.name, number)
        if self._sender.may_resend:
            # Parts tried more than a day ago are left to an operator.
            await self._ledger.resume(self.name, now - MAX_LATENESS)
        if held_parts := await self._ledger.list_held_parts(self.name):
            await tell_undelivered(held_parts, self._tell)
        await self._expire()

    async def _expire(self) -> None:
        if self._clock() < self._expire_at:
            return
        self._expire_at = self._clock() + EXPIRE_SECONDS
        if number := await self._ledger.expire(self.name, self._now()):
            log.error("%s: %d digests were not sent within a day", self.name, number)
            await self._tell("too_late", self.name, n=number)

    async def _feed(self) -> None:
        while not self._stopping:
            self._wake.clear()
            group = min(MAX_AHEAD, max(2, round(AHEAD_SECONDS * self.rate.rate)))
            room = group - len(self._queue) - sum(map(len, self._parked.values()))
            idle = self._writer.stuck or self.rate.halted_until > self._clock() + PATIENCE_SECONDS
            if not idle and room > group // 2:
                idle = await self._claim(room) < room
            elif not idle:
                await self._wake.wait()
            if idle and not self._stopping:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)

    async def _claim(self, room: int) -> int:
        try:
            await self._expire()
            parts = await self._ledger.claim(self.name, room, self._now())
        except StoreError as error:
            log.error("%s: no message can be claimed, so none is sent (%s)", self.name, error)
            return 0
        self._queue.extend(map(Job, parts))
        if parts:
            self._filled.set()
        return len(parts)

    async def _start_next(self) -> None:
        if not self._queue:
            self._filled.clear()
            self._wake.set()
            await self._filled.wait()
        job = self._queue[0] if self._queue else None
        if job is None or self._park(job):
            return
        await self._slots.acquire()
        if not await self._wait_for_turn():
            self._slots.release()
            return
        if not self._queue or self._queue[0] is not job or self._ending:
            self._slots.release()  # it was released meanwhile
            return
        self._queue.popleft()
        self._wake.set()
        job.began = self._clock()
        self.rate.record_start(job.began)
        job.uploads = self._needs_upload(job)
        if job.uploads:  # other jobs with this picture wait for the upload
            self._parked[job.picture] = []
        task = asyncio.create_task(self._send(job))
        self._sends.add(task)
        task.add_done_callback(self._sends.discard)
        task.add_done_callback(lambda _: self._slots.release())

    async def _wait_for_turn(self) -> bool:
        """Wait for the next send's turn; if it is far off, release all parts and return False."""
        while (wait := self.rate.measure_wait(self._clock())) > 0:
            if wait > PATIENCE_SECONDS:
                self._put_back()
            await asyncio.sleep(min(wait, POLL_SECONDS))
            if not self._queue:
                return False
        return True

    @property
    def _ending(self) -> bool:
        return self._stopping or self._sender.revoked

    def _begin_stop(self) -> None:
        self._stopping = True
        self._put_back()
        self._filled.set()
        self._wake.set()

    def _put_back(self) -> None:
        jobs = [*self._queue, *(job for parked in self._parked.values() for job in parked)]
        self._queue.clear()
        self._parked.clear()
        for job in jobs:
            self._save(job, Outcome(job.part.id, "waiting"))

    def _save(self, job: Job, outcome: Outcome) -> None:
        self._writer.put(replace(outcome, claimed_at=job.part.claimed_at))

    def _requeue(self, *jobs: Job) -> None:
        self._queue.extendleft(reversed(jobs))
        self._filled.set()

    def _needs_upload(self, job: Job) -> bool:
        """Return True if the picture must be uploaded and the platform will keep it."""
        pictured = bool(job.picture) and not job.message.bare and self._sender.platform.reuses
        return pictured and job.picture not in self._sender.file_ids

    def _park(self, job: Job) -> bool:
        """Park a job while another one uploads its picture; return True if parked."""
        if not self._needs_upload(job) or job.picture not in self._parked:
            return False
        self._parked[job.picture].append(self._queue.popleft())
        self._wake.set()
        return True

    async def _send(self, job: Job) -> None:
        try:
            outcome = await self._sender.send(job)
        finally:
            if job.uploads:
                self._requeue(*self._parked.pop(job.picture, []))
        if outcome is None:
            self._requeue(job)
        else:
            self._save(job, outcome)
        if self._sender.revoked:
            self._begin_stop()
        await self._sender.finish(job)  # last: a kill here must not make the part unknown


GATHER_SECONDS = 0.4
"""How long outcomes are collected for one commit; a full batch is committed at once."""
COMMIT_SIZE = MAX_AHEAD


class Writer:
    """Writes outcomes to the ledger in batches."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._outcomes: list[Outcome] = []
        self._filled, self._full = asyncio.Event(), asyncio.Event()
        self._lock = asyncio.Lock()
        self.stuck = False
        """True while outcomes cannot be saved; sending must stop then."""

    def put(self, outcome: Outcome) -> None:
        """Queue an outcome to be saved soon."""
        self._outcomes.append(outcome)
        self._filled.set()
        if len(self._outcomes) >= COMMIT_SIZE:
            self._full.set()

    async def run(self) -> None:
        """Save outcomes until cancelled."""
        while True:
            await self._filled.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), GATHER_SECONDS)
            self._full.clear()
            await self.flush()
            await pause(POLL_SECONDS if self.stuck else 0)

    async def flush(self) -> None:
        """Save the outcomes queued now, but not later ones; keep them on failure."""
        async with self._lock:
            left = len(self._outcomes)
            while left > 0:
                group = self._outcomes[: min(left, COMMIT_SIZE)]
                try:
                    await self._ledger.settle(group)
                except StoreError as error:
                    if not self.stuck:
                        log.error("outcomes cannot be written (%s); sending waits", error)
                    self.stuck = True
                    return
                del self._outcomes[: len(group)]
                left -= len(group)
                self.stuck = False
            if not self._outcomes:
                self._filled.clear()
