"""One attempt to send a message, and the consequences of its outcome for message, chat and
platform."""

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot import platforms
from bot.alerts import Tell
from bot.delivery.rate import ChatPace, Rate
from bot.services import TurnLimit
from digest.errors import StoreError
from digest.models import Outcome, Part
from digest.store.ledger import Ledger
from digest.store.open_parts import NOTHING, WITHDRAWN

log = logging.getLogger(__name__)

MAX_FAILURES = 3
"""Consecutive failed sends after which the platform counts as down."""
LONG_PAUSE_SECONDS = 30.0
"""Minimum length of pauses that are logged and saved across restarts."""
RETRY_SECONDS = 5.0
"""Delay before the next attempt after a store failure."""
MAX_REFUSALS = 3
"""Refusals of a picture, never accepted by any chat, after which it is no longer sent."""
_INVALID = platforms.Limited, platforms.Gone, platforms.Revoked, platforms.Refused
"""Answers that can get an address banned if there are too many."""
MAX_INVALID, INVALID_SECONDS = 2_000, 600.0
"""Stop sending after this many within that time: Discord bans an address for 10,000 in ten
minutes."""


@dataclass(slots=True)
class Job:
    """A claimed part, and how to send it."""

    part: Part
    picture: str = field(init=False)
    """Name of the picture in the body, or ""."""
    in_thread: bool = field(init=False)
    """True if the part belongs in the thread of its digest's first part."""
    message: platforms.Outgoing = field(init=False)
    """The message as last sent, without refused elements."""
    uploaded: bool = False
    """True after the picture itself was uploaded, not referred to by its platform id."""
    uploads: bool = False
    """True while other jobs wait for the picture this one uploads."""
    began: float = 0.0
    """Loop time at the start of the attempt."""
    new_file_id: str = ""
    """Platform id of the uploaded picture, if it must be saved."""
    unpublished: str = ""
    """Platform id of a message that must still be published to followers."""

    def __post_init__(self) -> None:
        part, body = self.part, json.loads(self.part.body)
        self.picture, self.in_thread = str(body.get("picture", "")), bool(body.get("in_thread"))
        self.message = platforms.Outgoing(part.chat, part.body, part.nonce)


@dataclass
class MessageSender:
    """Sends single messages on one platform."""

    name: str
    platform: platforms.Delivering
    ledger: Ledger
    load_picture: Callable[[str], Awaitable[bytes]]
    """Returns a picture by its name in a body."""
    tell: Tell
    now: Callable[[], datetime]
    resend: bool = False
    """See UNKNOWN_SENDS."""

    def __post_init__(self) -> None:
        pace = self.platform.pace
        self._clock = asyncio.get_running_loop().time
        self.rate = Rate(pace.a_second, pace.most)
        self._chats = ChatPace(pace.chat_gap, pace.group_minute)
        self._invalid = TurnLimit(MAX_INVALID, INVALID_SECONDS)
        self.file_ids: dict[str, str] = {}
        """Platform ids of uploaded pictures by name; "" for a picture the platform refuses."""
        self._refusals: Counter[str] = Counter()
        self.revoked = False
        self._failures, self._failing_since = 0, 0.0
        self._stopped_until = 0.0

    async def send(self, job: Job) -> Outcome | None:
        """Make one attempt; return its outcome, or None to try again at once."""
        try:
            return await self._deliver(job)
        except platforms.PlatformError as error:
            failure = error
        except StoreError as error:  # nothing was sent: the picture could not be loaded
            return self._retry_later(job.part, error, RETRY_SECONDS)
        except Exception:
            log.exception("%s: a message failed", self.name)
            return Outcome(job.part.id, "unknown", error=platforms.FAULT)
        try:
            return await self._read_failure(job, failure)
        except StoreError as store_error:
            log.error("%s: %s", self.name, store_error)
            if isinstance(failure, platforms.Unsure) and not self.may_resend:
                return Outcome(job.part.id, "unknown", error=str(failure))
            return self._retry_later(job.part, failure, RETRY_SECONDS)

    async def _deliver(self, job: Job) -> Outcome:
        part = job.part
        if part.body == NOTHING:  # a post was withdrawn while the part was in flight or held
            return Outcome(part.id, "refused", error=WITHDRAWN)
        message = await self._build_message(job)
        delivered = await self.platform.deliver(message)
        self.rate.record_accepted(job.began, self._clock())
        self._failures = 0
        if delivered.file_id and job.picture and job.picture not in self.file_ids:
            self.file_ids[job.picture] = job.new_file_id = delivered.file_id
        job.unpublished = delivered.message if delivered.publish else ""
        # Time of the chat's next message.
        now = self._clock()
        wait = self._chats.record_sent(part.chat.id, part.chat.kind != "private", now) - now
        wait = max(wait, delivered.again)
        again_at = self.now() + timedelta(seconds=wait) if wait > 0 else None
        return Outcome(part.id, "sent", delivered.message, again_at=again_at)

    async def finish(self, job: Job) -> None:
        """Save the id of an uploaded picture; publish the message to followers, rate-limited."""
        if job.new_file_id:
            with contextlib.suppress(StoreError):  # it will be uploaded again after a restart
                await self.ledger.save_file_id(self.name, job.picture, job.new_file_id)
        if not job.unpublished:
            return
        while (wait := self.rate.measure_wait(self._clock())) > 0:  # noqa: ASYNC110 (a time, no event)
            await asyncio.sleep(wait)
        self.rate.record_start(self._clock())
        await self.platform.publish(job.part.chat, job.unpublished)

    async def _build_message(self, job: Job) -> platforms.Outgoing:
        part, bare = job.part, job.message.bare
        file_id, picture = "", b""
        if job.picture and not bare:
            file_id = self.file_ids.get(job.picture, "")
            bare = not file_id and job.picture in self.file_ids
            if not (file_id or bare) and self.platform.reuses and not job.uploaded:
                file_id = await self.ledger.read_file_id(self.name, job.picture)
            if not (file_id or bare):
                picture = await self.load_picture(job.picture)
                job.uploaded = True
                bare = not picture
        job.message = replace(
            job.message,
            picture=picture,
            file_id=file_id,
            bare=bare,
            thread=await self.ledger.find_first_message(part.delivery) if job.in_thread else "",
            # Absolute value, because after a clock was set back an old doubt must not look new.
            doubt=abs(self.now() - part.doubt_since) if part.doubt_since else None,
            resend=part.resend or self.resend,
        )
        return job.message

    @property
    def may_resend(self) -> bool:
        """Return True if messages that may have arrived are sent again."""
        return self.platform.repeats or self.resend

    async def _read_failure(self, job: Job, error: platforms.PlatformError) -> Outcome | None:
        part = job.part
        if self.platform.pace.bans and isinstance(error, _INVALID):
            await self._count_invalid(error)
        match error:
            case platforms.Limited():
                return await self._slow_down(job, error)
            case platforms.NotSent():
                await self._count_failure(error)
                return self._retry_later(part, error, platforms.backoff(part.attempts, 10.0))
            case platforms.Unseen():
                return Outcome(part.id, "unknown", error=str(error))
            case platforms.Unsure():
                await self._count_failure(error)
                if self.may_resend:
                    return self._retry_later(part, error, platforms.backoff(part.attempts, 30.0))
                return Outcome(part.id, "unknown", error=str(error))
            case platforms.Gone():
                log.info("%s: chat %s is gone (%s)", self.name, part.chat.id, error)
                thread = part.chat.thread if error.thread else None
                if not await self.ledger.is_on_trial(self.name, self.now()):
                    await self.ledger.end_chat(self.name, part.chat.id, error.why, thread=thread)
                return Outcome(part.id, "refused", error=str(error))
            case platforms.Moved():
                await self.ledger.move_chat(self.name, part.chat.id, error.new)
                return self._retry_later(part, error, 0.0)
            case platforms.Revoked():
                if not self.revoked:
                    log.error("%s: sending stops: %s", self.name, error)
                self.revoked = True
                return self._retry_later(part, error, 0.0)
            case _:
                return self._reduce(job, error)

    def _retry_later(self, part: Part, error: Exception, seconds: float) -> Outcome:
        again_at = self.now() + timedelta(seconds=seconds)
        unsure = isinstance(error, platforms.Unsure) or (
            isinstance(error, platforms.PlatformError) and error.partial
        )
        return Outcome(part.id, "waiting", error=str(error), again_at=again_at, unsure=unsure)

    async def _slow_down(self, job: Job, error: platforms.Limited) -> Outcome:
        now, part = self._clock(), job.part
        if error.everywhere:
            if job.began >= self.rate.lowered_at:
                self.rate.come_down(now, error.seconds)
            self.rate.halt(now + error.seconds)
            await self._save_pause(error.seconds)
        elif self.rate.record_refused(part.chat.id, job.began, error.seconds, now):
            await self._save_pause(error.seconds)
        return self._retry_later(part, error, error.seconds)

    async def _save_pause(self, seconds: float) -> None:
        if seconds >= LONG_PAUSE_SECONDS:
            log.warning("%s asks to wait %.0f s; nothing is sent meanwhile", self.name, seconds)
            await self.ledger.save_pause(self.name, self.now() + timedelta(seconds=seconds))

    async def _count_invalid(self, error: platforms.PlatformError) -> None:
        """Count a response that counts towards a ban; stop sending long before the ban."""
        if isinstance(error, platforms.Limited) and not error.counts:
            return
        now = self._clock()
        seconds = self._invalid.take_turn(self.name)
        if seconds > 0 and self.rate.halted_until < now + seconds:
            reported, self._stopped_until = now < self._stopped_until, now + seconds
            self.rate.halt(self._stopped_until)
            await self._save_pause(max(seconds, LONG_PAUSE_SECONDS))
            if reported:  # responses to requests that were in flight
                return
            why = f"{MAX_INVALID} refused requests in ten minutes"
            await self.tell("stopped", self.name, why=why)

    async def _count_failure(self, error: platforms.PlatformError) -> None:
        """Count a failure; after several in a row, pause all sending instead of failing chats."""
        now = self._clock()
        self._failing_since = now if not self._failures else self._failing_since
        self._failures += 1
        if self._failures < MAX_FAILURES:
            return
        self.rate.halt(
            now + platforms.backoff(self._failures - MAX_FAILURES + 1, LONG_PAUSE_SECONDS)
        )
        if now - self._failing_since > LONG_PAUSE_SECONDS:
            await self.tell("platform_down", self.name, why=str(error))

    def _reduce(self, job: Job, error: platforms.PlatformError) -> Outcome | None:
        """Remove the refused element and retry at once; return the outcome if nothing is left."""
        refused = error if isinstance(error, platforms.Refused) else platforms.Refused(str(error))
        reduced = job.message.without(refused)
        if reduced is None:
            return Outcome(job.part.id, "refused", error=str(error))
        if reduced.bare and not job.message.bare and not job.uploaded:  # the file id has expired
            self.file_ids.pop(job.picture, None)
            job.uploaded = True
        else:
            if refused.picture and not (refused.markup or refused.rights):
                self._refusals[job.picture] += 1
                if self._refusals[job.picture] >= MAX_REFUSALS:
                    self.file_ids.setdefault(job.picture, "")  # unless another chat accepted it
            job.message = reduced
        log.warning("%s, %s: %s; sent again without that", self.name, job.part.chat.id, error)
        return None
