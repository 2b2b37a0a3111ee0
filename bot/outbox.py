"""Messages to one platform: claimed in small groups, paced, sent side by side, outcomes written down.

What is sent was committed as `sending` before; what came of it is committed after. Whatever ends in
between, the ledger knows which messages nobody is sure of.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.pacing import ChatPace, Invalid, Rate, backoff
from bot.platforms import (
    Delivered,
    Delivering,
    Gone,
    Limited,
    Moved,
    NotSent,
    Outgoing,
    PlatformError,
    Refused,
    Revoked,
    Unsure,
)
from digest.models import Outcome, Part
from digest.store import StoreError
from digest.store.ledger import RESTORED, Ledger

log = logging.getLogger(__name__)

MOST_AT_ONCE = 100
"""Sends under way at once: rate times latency, for a second or two."""
AHEAD = 0.5
"""Seconds of sending that are claimed ahead; with what is under way, all that a kill leaves unsure."""
MOST_AHEAD = 50
GATHER = 0.4
"""Seconds in which outcomes are gathered into one commit."""
MOST_IN_COMMIT = 100
POLL = 1.0
"""Seconds between looks for new messages where there were none."""
PATIENCE = 2.0
"""Seconds that claimed messages wait here for their turn; longer, and they are put back."""
FAILURES = 3
"""Failed sends in a row after which the platform is taken to be down."""
LONG = 30.0
"""Seconds of a pause that is worth remembering across a restart, or telling of."""
NONCE = timedelta(minutes=2)
"""How long Discord surely remembers a nonce ("the past few minutes")."""


class Tell(Protocol):
    """Lets the operator know."""

    async def __call__(self, matter: str, about: str, **values: object) -> None: ...


class Writer:
    """The one writer of outcomes: a commit for all that came in meanwhile."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: list[Outcome] = []
        self._some, self._one = asyncio.Event(), asyncio.Lock()
        self.stuck = False
        """Whether outcomes could not be written: nothing more may be sent then."""

    def put(self, outcome: Outcome) -> None:
        """Writes it down soon."""
        self._waiting.append(outcome)
        self._some.set()

    async def run(self) -> None:
        """Writes until cancelled."""
        while True:
            await self._some.wait()
            await asyncio.sleep(GATHER)
            await self.flush()
            if self.stuck:
                await asyncio.sleep(1.0)

    async def flush(self) -> None:
        """Writes all there is now, not what comes meanwhile; keeps it where that fails."""
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


@dataclass(slots=True)
class Job:
    """A claimed part, and how it is to be tried."""

    part: Part
    picture: str
    """What its body calls the picture, or nothing."""
    plain: bool = False
    bare: bool = False
    uploaded: bool = False
    """Whether the picture itself was tried, not only its name there."""
    uploads: bool = False
    """Whether others wait for the picture that this one uploads now."""
    began: float = 0.0
    """When its turn came."""


def job_of(part: Part) -> Job:
    """The part as a job."""
    return Job(part, str(json.loads(part.body).get("picture", "")))


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
        self._picture, self._tell, self._now, self._resend = picture, tell, now, resend
        self._clock = asyncio.get_running_loop().time
        pace = delivering.pace
        self.rate = Rate(pace.a_second, pace.most)
        self._chats = ChatPace(pace.chat_gap, pace.group_minute)
        self._invalid = Invalid()
        self._queue: deque[Job] = deque()
        self._parked: dict[str, list[Job]] = {}
        self._file_ids: dict[str, str] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(at_once)
        self._filled, self._wake = asyncio.Event(), asyncio.Event()
        self._stopping = False
        self.revoked = False
        self._failures, self._failing_since = 0, 0.0

    async def run(self) -> None:
        """Sends until cancelled or the token is revoked; `stop` afterwards."""
        await self._begin_at_last()
        feeding = asyncio.create_task(self._feed())
        try:
            while not self._stopping:
                await self._step()
        finally:
            self._stopping = True
            self._wake.set()
            # A claim that was committed must come back, or its messages would be unsure.
            await asyncio.shield(feeding)

    def wake(self) -> None:
        """There is something new to send."""
        self._wake.set()

    async def stop(self, within: float) -> None:
        """Puts back what was not begun, and lets what was finish, so many seconds at the most."""
        self._stopping = True
        self._wake.set()
        self._give_back()
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
        """What an earlier process left behind: unsure messages, and a pause."""
        now = self._now()
        until = await self._ledger.paused_until(self.name)
        if until is not None and until > now:
            self.rate.halt(self._clock() + (until - now).total_seconds())
        left = await self._ledger.recover(self.name)
        if left:
            log.warning("%s: %d messages were under way when the bot ended", self.name, left)
        if self._to.repeats or self._resend:
            held = await self._ledger.held(self.name)
            # What a restored backup calls unknown was sent long ago, if it was.
            ids = [one.part for one in held if one.error != RESTORED]
            await self._ledger.decide(ids, again=True)

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
        if not self._queue or self._queue[0] is not job or self._stopping:
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
        """Waits for the next send's turn; gives all back where that is far off."""
        while (wait := self.rate.wait(self._clock())) > 0:
            if wait > PATIENCE:
                self._give_back()
            await asyncio.sleep(min(wait, POLL))
            if not self._queue:
                return False
        return True

    def _done(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._room.release()

    def _give_back(self) -> None:
        """Puts claimed messages back that were not begun."""
        jobs = [*self._queue, *(job for parked in self._parked.values() for job in parked)]
        self._queue.clear()
        self._parked.clear()
        for job in jobs:
            self._writer.put(Outcome(job.part.id, "waiting"))

    def _again(self, *jobs: Job) -> None:
        """Tries these next."""
        self._queue.extendleft(reversed(jobs))
        self._filled.set()

    def _park(self, job: Job) -> bool:
        """Sets a message aside while another one uploads its picture."""
        if not job.picture or job.bare or not self._to.reuses or job.picture in self._file_ids:
            return False
        if job.picture not in self._parked:
            return False
        self._parked[job.picture].append(self._queue.popleft())
        self._wake.set()
        return True

    def _uploads(self, job: Job) -> bool:
        """Whether this is the message that uploads its picture for the others."""
        first = job.picture and not job.bare and self._to.reuses
        if not first or job.picture in self._file_ids:
            return False
        self._parked[job.picture] = []
        return True

    async def _send(self, job: Job) -> None:
        """One send and its outcome. One may fail without the others."""
        part = job.part
        outcome: Outcome | None
        try:
            outcome = await self._tried(job)
        except PlatformError as error:
            outcome = await self._told(job, error)
        except StoreError as error:  # before the send: nothing is known of the picture
            outcome = self._later(part, str(error), 5.0)
        except Exception as error:
            log.exception("%s: a message failed", self.name)
            outcome = Outcome(part.id, "unknown", error=type(error).__name__)
        finally:
            if job.uploads:
                self._again(*self._parked.pop(job.picture, []))
        if outcome is not None:
            self._writer.put(outcome)

    async def _tried(self, job: Job) -> Outcome:
        part = job.part
        message = await self._message(job)
        if self._stale(part) and (
            known := await self._to.arrived(message, part.tried_at or self._now())
        ):
            return Outcome(part.id, "sent", known)
        delivered = await self._to.deliver(message)
        self.rate.accepted(job.began, self._clock())
        self._failures = 0
        if delivered.file_id and job.picture:
            with contextlib.suppress(StoreError):  # the message is there, whatever comes now
                await self._keep(job.picture, delivered.file_id)
        if delivered.publish:
            await self._turn()
            await self._to.publish(part.chat, delivered.message)
        return Outcome(part.id, "sent", delivered.message, again_at=self._next(part, delivered))

    async def _turn(self) -> None:
        """Waits for a turn of its own: a call that belongs to a message that was sent."""
        while (wait := self.rate.wait(self._clock())) > 0:  # noqa: ASYNC110 (a time, no event)
            await asyncio.sleep(wait)
        self.rate.begin(self._clock())

    async def _message(self, job: Job) -> Outgoing:
        part = job.part
        file_id, picture = "", b""
        if job.picture and not job.bare:
            file_id = self._file_ids.get(job.picture, "")
            if not file_id and self._to.reuses and not job.uploaded:
                file_id = await self._ledger.file_id(self.name, job.picture)
            if not file_id:
                picture = await self._picture(job.picture)
                job.uploaded = True
                job.bare = not picture
        return Outgoing(part.chat, part.body, part.nonce, picture, file_id, job.plain, job.bare)

    async def _keep(self, picture: str, file_id: str) -> None:
        if self._file_ids.get(picture) != file_id and picture not in self._file_ids:
            self._file_ids[picture] = file_id
            await self._ledger.save_file_id(self.name, picture, file_id)

    def _stale(self, part: Part) -> bool:
        """Whether an earlier try may have arrived, and its nonce is forgotten."""
        old = part.tried_at is not None and self._now() - part.tried_at > NONCE
        return self._to.repeats and part.attempts > 1 and old

    def _next(self, part: Part, delivered: Delivered) -> datetime | None:
        """When the chat may get its next message."""
        now = self._clock()
        at = self._chats.sent(part.chat.id, part.chat.kind != "private", now)
        wait = max(at - now, delivered.again)
        return self._now() + timedelta(seconds=wait) if wait > 0 else None

    async def _told(self, job: Job, error: PlatformError) -> Outcome | None:
        """The outcome of a send that failed, also where the store fails meanwhile."""
        try:
            return await self._failed(job, error)
        except StoreError as why:
            log.error("%s: %s", self.name, why)
            if isinstance(error, Unsure) and not (self._to.repeats or self._resend):
                return Outcome(job.part.id, "unknown", error=str(error))
            return self._later(job.part, str(error), 5.0)

    async def _failed(self, job: Job, error: PlatformError) -> Outcome | None:
        """The outcome of a send that failed; None where it is tried again at once."""
        part = job.part
        if self._to.pace.bans and isinstance(error, Limited | Gone | Revoked | Refused):
            await self._note_invalid(error)
        match error:
            case Limited():
                return await self._limited(job, error)
            case NotSent():
                await self._down(error)
                return self._later(part, str(error), backoff(part.attempts, 10.0))
            case Unsure():
                await self._down(error)
                if self._to.repeats or self._resend:
                    return self._later(part, str(error), backoff(part.attempts, 30.0))
                return Outcome(part.id, "unknown", error=str(error))
            case Gone():
                log.info("%s: a chat is gone (%s)", self.name, error)
                await self._ledger.end_chat(self.name, part.chat.id, error.why)
                return Outcome(part.id, "refused", error=str(error))
            case Moved():
                await self._ledger.move_chat(self.name, part.chat.id, error.new)
                return self._later(part, str(error), 0.0)
            case Revoked():
                return await self._revoked(part, error)
            case _:
                return self._without(job, error)

    def _later(self, part: Part, why: str, seconds: float) -> Outcome:
        again_at = self._now() + timedelta(seconds=seconds)
        return Outcome(part.id, "waiting", error=why, again_at=again_at)

    async def _limited(self, job: Job, error: Limited) -> Outcome:
        now, part = self._clock(), job.part
        if error.everywhere:
            if job.began >= self.rate.cut:
                self.rate.come_down(now, error.seconds)
            self.rate.halt(now + error.seconds)
            await self._remember(error.seconds)
        elif self.rate.refused(part.chat.id, job.began, error.seconds, now):
            await self._remember(error.seconds)
        return self._later(part, str(error), error.seconds)

    async def _remember(self, seconds: float) -> None:
        """Keeps a long pause across restarts."""
        if seconds >= LONG:
            log.warning("%s asks to wait %.0f s; nothing is sent meanwhile", self.name, seconds)
            await self._ledger.pause(self.name, self._now() + timedelta(seconds=seconds))

    async def _note_invalid(self, error: PlatformError) -> None:
        if isinstance(error, Limited) and not error.counts:
            return
        seconds = self._invalid.note(self._clock())
        if seconds > 0 and self.rate.halted_until < self._clock() + seconds:
            self.rate.halt(self._clock() + seconds)
            await self._remember(max(seconds, LONG))
            why = f"{Invalid.MOST} refused requests in ten minutes"
            await self._tell("stopped", self.name, why=why)

    async def _down(self, error: PlatformError) -> None:
        """Failures in a row stop all sending for a while, instead of failing for every chat."""
        now = self._clock()
        self._failing_since = now if not self._failures else self._failing_since
        self._failures += 1
        if self._failures < FAILURES:
            return
        self.rate.halt(now + backoff(self._failures - FAILURES + 1, LONG))
        if now - self._failing_since > LONG:
            await self._tell("platform_down", self.name, why=str(error))

    async def _revoked(self, part: Part, error: Revoked) -> Outcome:
        if not self.revoked:
            self.revoked = self._stopping = True
            log.error("%s: sending stops: %s", self.name, error)
            self._give_back()
            self._filled.set()
            self._wake.set()
            await self._tell("token_revoked", self.name)
        return self._later(part, str(error), 0.0)

    def _without(self, job: Job, error: PlatformError) -> Outcome | None:
        """A refused message without what was refused; refused for good where nothing is left to
        leave out."""
        refused = error if isinstance(error, Refused) else Refused(str(error))
        if refused.picture and job.picture and not job.bare:
            if job.uploaded:
                job.bare = True
            else:  # its name there has run out
                self._file_ids.pop(job.picture, None)
                job.uploaded = True
        elif refused.markup and not job.plain:
            job.plain = True
        else:
            return Outcome(job.part.id, "refused", error=str(error))
        log.warning("%s: %s; sent again without that", self.name, error)
        self._again(job)
        return None
