"""One try of a message, and what its outcome means: for the message, its chat and the whole
platform."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.alerts import Tell
from bot.delivery.rate import ChatPace, Invalid, Rate
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
    backoff,
)
from digest.errors import StoreError
from digest.models import Outcome, Part
from digest.store.ledger import Ledger

log = logging.getLogger(__name__)

FAILURES = 3
"""Failed sends in a row after which the platform is taken to be down."""
LONG = 30.0
"""Seconds of a pause that is worth remembering across a restart, or telling of."""
NONCE = timedelta(minutes=2)
"""How long Discord surely remembers a nonce ("the past few minutes")."""


@dataclass(slots=True)
class Job:
    """A claimed part, and how it is to be tried."""

    part: Part
    picture: str
    """What its body calls the picture, or nothing."""
    in_thread: bool = False
    """Whether it belongs in the thread of its digest's first part."""
    message: Outgoing | None = None
    """As it was last tried."""
    plain: bool = False
    bare: bool = False
    denied: bool = False
    uploaded: bool = False
    """Whether the picture itself was tried, not only its name there."""
    uploads: bool = False
    """Whether others wait for the picture that this one uploads now."""
    began: float = 0.0
    """When its turn came."""


def job_of(part: Part) -> Job:
    """Return the part as a job."""
    body = json.loads(part.body)
    return Job(part, str(body.get("picture", "")), bool(body.get("in_thread")))


class Tries:
    """Tries messages on one platform, at the rate's turns."""

    def __init__(
        self,
        name: str,
        delivering: Delivering,
        ledger: Ledger,
        rate: Rate,
        picture: Callable[[str], Awaitable[bytes]],
        tell: Tell,
        now: Callable[[], datetime],
        *,
        resend: bool,
    ) -> None:
        """As an outbox is made."""
        self._name, self._to, self._ledger, self._rate = name, delivering, ledger, rate
        self._picture, self._tell, self._now, self._resend = picture, tell, now, resend
        self._clock = asyncio.get_running_loop().time
        self._chats = ChatPace(delivering.pace.chat_gap, delivering.pace.group_minute)
        self._invalid = Invalid()
        self.file_ids: dict[str, str] = {}
        """What the platform calls the pictures that were sent there."""
        self.revoked = False
        self._failures, self._failing_since = 0, 0.0
        self._stopped_until = 0.0

    async def send(self, job: Job) -> Outcome | None:
        """One send and its outcome; None where it is to be tried again at once. One may fail
        without the others."""
        try:
            return await self._tried(job)
        except PlatformError as error:
            return await self._told(job, error)
        except StoreError as error:  # before the send: nothing is known of the picture
            return self._later(job.part, str(error), 5.0)
        except Exception as error:
            log.exception("%s: a message failed", self._name)
            return Outcome(job.part.id, "unknown", error=type(error).__name__)

    async def _tried(self, job: Job) -> Outcome:
        part = job.part
        message = await self._message(job)
        if self._stale(part) and (
            known := await self._to.arrived(message, part.tried_at or self._now())
        ):
            return Outcome(part.id, "sent", known)
        delivered = await self._to.deliver(message)
        self._rate.accepted(job.began, self._clock())
        self._failures = 0
        if delivered.file_id and job.picture:
            with contextlib.suppress(StoreError):  # the message is there, whatever comes now
                await self._keep(job.picture, delivered.file_id)
        if delivered.publish:
            await self._turn()
            await self._to.publish(part.chat, delivered.message)
        return Outcome(part.id, "sent", delivered.message, again_at=self._next(part, delivered))

    async def _turn(self) -> None:
        """Wait for a turn of its own: a call that belongs to a message that was sent."""
        while (wait := self._rate.wait(self._clock())) > 0:  # noqa: ASYNC110 (a time, no event)
            await asyncio.sleep(wait)
        self._rate.begin(self._clock())

    async def _message(self, job: Job) -> Outgoing:
        part = job.part
        file_id, picture = "", b""
        if job.picture and not job.bare:
            file_id = self.file_ids.get(job.picture, "")
            if not file_id and self._to.reuses and not job.uploaded:
                file_id = await self._ledger.file_id(self._name, job.picture)
            if not file_id:
                picture = await self._picture(job.picture)
                job.uploaded = True
                job.bare = not picture
        job.message = Outgoing(
            part.chat,
            part.body,
            part.nonce,
            picture,
            file_id,
            job.plain,
            job.bare,
            job.denied,
            await self._ledger.first_message(part.delivery) if job.in_thread else "",
            part.attempts > 1,
        )
        return job.message

    async def _keep(self, picture: str, file_id: str) -> None:
        if self.file_ids.get(picture) != file_id and picture not in self.file_ids:
            self.file_ids[picture] = file_id
            await self._ledger.save_file_id(self._name, picture, file_id)

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
        """Return the outcome of a send that failed, also where the store fails meanwhile."""
        try:
            return await self._failed(job, error)
        except StoreError as why:
            log.error("%s: %s", self._name, why)
            if isinstance(error, Unsure) and not (self._to.repeats or self._resend):
                return Outcome(job.part.id, "unknown", error=str(error))
            return self._later(job.part, str(error), 5.0)

    async def _failed(self, job: Job, error: PlatformError) -> Outcome | None:
        """Return the outcome of a send that failed; None where it is tried again at once."""
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
                log.info("%s: a chat is gone (%s)", self._name, error)
                thread = part.chat.thread if error.thread else None
                await self._ledger.end_chat(self._name, part.chat.id, error.why, thread=thread)
                return Outcome(part.id, "refused", error=str(error))
            case Moved():
                await self._ledger.move_chat(self._name, part.chat.id, error.new)
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
            if job.began >= self._rate.cut:
                self._rate.come_down(now, error.seconds)
            self._rate.halt(now + error.seconds)
            await self._remember(error.seconds)
        elif self._rate.refused(part.chat.id, job.began, error.seconds, now):
            await self._remember(error.seconds)
        return self._later(part, str(error), error.seconds)

    async def _remember(self, seconds: float) -> None:
        """Keep a long pause across restarts."""
        if seconds >= LONG:
            log.warning("%s asks to wait %.0f s; nothing is sent meanwhile", self._name, seconds)
            await self._ledger.pause(self._name, self._now() + timedelta(seconds=seconds))

    async def _note_invalid(self, error: PlatformError) -> None:
        if isinstance(error, Limited) and not error.counts:
            return
        now = self._clock()
        seconds = self._invalid.note(now)
        if seconds > 0 and self._rate.halted_until < now + seconds:
            told, self._stopped_until = now < self._stopped_until, now + seconds
            self._rate.halt(self._stopped_until)
            await self._remember(max(seconds, LONG))
            if told:  # the answers of calls that were under way
                return
            why = f"{Invalid.MOST} refused requests in ten minutes"
            await self._tell("stopped", self._name, why=why)

    async def _down(self, error: PlatformError) -> None:
        """Failures in a row stop all sending for a while, instead of failing for every chat."""
        now = self._clock()
        self._failing_since = now if not self._failures else self._failing_since
        self._failures += 1
        if self._failures < FAILURES:
            return
        self._rate.halt(now + backoff(self._failures - FAILURES + 1, LONG))
        if now - self._failing_since > LONG:
            await self._tell("platform_down", self._name, why=str(error))

    async def _revoked(self, part: Part, error: Revoked) -> Outcome:
        if not self.revoked:
            self.revoked = True
            log.error("%s: sending stops: %s", self._name, error)
            await self._tell("token_revoked", self._name)
        return self._later(part, str(error), 0.0)

    def _without(self, job: Job, error: PlatformError) -> Outcome | None:
        """Have a refused message tried again without what was refused; return its outcome where
        nothing is left to leave out."""
        refused = error if isinstance(error, Refused) else Refused(str(error))
        less = job.message.without(refused) if job.message else None
        if less is None:
            return Outcome(job.part.id, "refused", error=str(error))
        if less.bare and not job.bare and not job.uploaded:  # its name there has run out
            self.file_ids.pop(job.picture, None)
            job.uploaded = True
        else:
            job.plain, job.bare, job.denied = less.plain, less.bare, less.denied
        log.warning("%s: %s; sent again without that", self._name, error)
        return None
