"""Chat platforms: the ports Platform and Delivering, the Host they use, errors, and loading.

A platform with a token is a module or package in this folder with `open_platform`; its settings are
NAME_BOT_TOKEN and NAME_API_URL. The terminal has no token.
"""

from __future__ import annotations

import asyncio
import hmac
import importlib
import pkgutil
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Protocol

from bot.messages import Command, Incoming, Kind, Reply
from digest.masking import mask
from digest.models import Chat, Ending, Language

MAX_WAIT_SECONDS = 60.0
"""Maximum delay requested by a platform before an answer is given up."""
MAX_TRIES = 5
"""Maximum attempts per message of an answer."""


class PlatformError(Exception):
    """A platform request failed. The message is one line that says what to do.

    Secrets in it are masked, because servers may echo the URL and its token.
    """

    partial = False
    """True if the beginning of a multi-part message was already accepted."""

    def __init__(self, message: str = "") -> None:
        super().__init__(mask(message))


class Unreachable(PlatformError):
    """The platform cannot be reached now; retrying later may help."""


class Refused(PlatformError):
    """The platform refuses permanently: a wrong token, or a message it does not accept."""

    def __init__(
        self,
        message: str = "",
        *,
        markup: bool = False,
        picture: bool = False,
        rights: bool = False,
    ) -> None:
        """`markup`, `picture`: it may be accepted without markup or without the picture; `rights`:
        the bot lacks permissions in that chat."""
        super().__init__(message)
        self.markup, self.picture, self.rights = markup, picture, rights


class Gone(PlatformError):
    """The chat is gone for good: the bot was blocked or removed, or the chat deleted."""

    def __init__(self, message: str = "", why: Ending = "removed", *, thread: bool = False) -> None:
        """`thread`: only the chat's thread is gone; the chat itself remains."""
        super().__init__(message)
        self.why: Ending = why
        self.thread = thread


class Moved(PlatformError):
    """The chat has a new id."""

    def __init__(self, new: str) -> None:
        super().__init__(f"the chat is {new} now")
        self.new = new


class Limited(PlatformError):
    """Rate-limited: not accepted. Waiting `seconds` helps."""

    def __init__(self, seconds: float, *, everywhere: bool = False, counts: bool = True) -> None:
        """`everywhere`: the whole bot is limited, not only this chat; `counts`: towards a ban."""
        super().__init__(f"too many messages; asks to wait {seconds:.0f} s")
        self.seconds, self.everywhere, self.counts = seconds, everywhere, counts


class NotSent(Unreachable):
    """The message was certainly not accepted: it was not sent, or the server refused it before
    processing. Sending it again cannot duplicate it."""


class Unsure(Unreachable):
    """The message may have been accepted: the request failed or timed out after its first byte."""


class ServerFault(Unsure):
    """The platform or a proxy in front of it failed, perhaps after accepting the message. Replies
    are sent again; digests only if the platform deduplicates."""


class Unseen(Unsure):
    """An earlier attempt may have been accepted, and the bot lacks the permission to check."""


FAULT = "a fault of the program: see the log"
"""Reason for unexpected errors."""
UNSEEN = "the bot needs the permission Read Message History in that channel"
"""Reason for `Unseen`."""


class Revoked(PlatformError):
    """The token is invalid or was revoked."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Connection settings of a platform."""

    token: str = field(repr=False)
    api_url: str = field(default="", repr=False)
    """API server other than the platform's own, or ""."""
    proxy: str | None = field(default=None, repr=False)
    """Proxy for this API; None for a local server (`choose_proxy`)."""
    operators: tuple[str, ...] = ()
    """Ids of the users in ADMINS."""
    webhook_url: str = ""
    """Where the platform posts updates; empty to poll for them."""

    @property
    def bot_id(self) -> str:
        """Return the bot's id, with which a Telegram token begins."""
        return self.token.partition(":")[0]

    @property
    def webhook_secret(self) -> str:
        """Return the secret that the platform sends with every update. It is derived from the
        token, so there is no further secret to configure or leak."""
        return hmac.new(self.token.encode(), b"webhook", "sha256").hexdigest()


class Host(Protocol):
    """The interface of the bot that platforms use."""

    @property
    def menu(self) -> Sequence[Command]:
        """The table of commands."""

    def answer(self, incoming: Incoming) -> AsyncIterator[Reply]:
        """Yield the replies to a line as they are ready. Never raises."""

    def apologize(self, error: Exception, where: str, language: Language | None) -> Reply:
        """Log an error under an id; return an apology that contains the id."""

    def encode_link(self, line: str) -> str:
        """Return the deep-link parameter that runs this line, or "" if a link must not run it."""

    async def suggest(
        self, kind: Kind, typed: str, topic: str, language: Language | None
    ) -> Sequence[tuple[str, str]]:
        """Return up to 25 completions: labels in that language, and values."""

    def is_flooding(self, platform: str, person: str) -> bool:
        """Return True if a person is over the rate limit and was warned: ignore what they send."""

    async def mark_handled(self, platform: str, update: str) -> bool:
        """Mark an update as handled; return False if it was already marked."""

    async def end_chat(
        self, platform: str, chat: str, why: Ending, *, space: str = "", thread: str | None = None
    ) -> None:
        """End the subscriptions of a chat, of one of its threads, or of a whole server."""

    async def confirm_arrival(self, chat: Chat, message: str, text: str, at: datetime) -> None:
        """Record that a message of the bot with this text and date is visible in the chat (and
        thread): this settles a part of unknown outcome."""

    async def move_chat(self, platform: str, old: str, new: str) -> None:
        """Move a chat's data to its new id."""

    async def read_note(self, platform: str, name: str) -> str:
        """Return a platform's note of that name, or ""."""

    async def save_note(self, platform: str, name: str, value: str) -> None:
        """Save a note across restarts."""

    async def list_received(
        self, platform: str, under_way: Collection[str]
    ) -> list[tuple[str, str]]:
        """Return keys and contents of stored updates except those `under_way`, oldest first; wait
        briefly if there are none."""

    async def forget_received(self, platform: str, key: str) -> None:
        """Delete a stored update after it was handled."""

    def mark_ready(self, platform: str, name: str, bot: str) -> None:
        """Record that the platform is connected, with the bot of that name and id."""

    def mark_lost(self, platform: str, why: str) -> None:
        """Record that a connected platform cannot be reached now."""

    def mark_resumed(self, platform: str) -> None:
        """Record that a lost platform can be reached again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Documented rate limits of a platform."""

    a_second: float
    most: float
    """Highest rate that is ever tried."""
    chat_gap: float = 0.0
    """Minimum seconds between two messages to one chat."""
    group_minute: int = 0
    """Messages per minute to one group or channel; 0: unlimited."""
    bans: bool = False
    """True if many invalid responses get the address banned."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be sent to a chat."""

    chat: Chat
    body: str
    """An element of the list made by `render`."""
    nonce: str
    """Idempotency key, the same at every attempt."""
    picture: bytes = b""
    """The picture named in the body, unless there is a `file_id`."""
    file_id: str = ""
    """Platform id of the picture, if it was uploaded before."""
    plain: bool = False
    """True: without markup and buttons."""
    bare: bool = False
    """True: without the picture."""
    denied: bool = False
    """True: something is left out because of missing permissions, and the message says so."""
    thread: str = ""
    """First message of its digest, whose thread it belongs in; empty: the chat itself."""
    doubt: timedelta | None = None
    """Age of the first earlier attempt that may have arrived; None if there is none."""
    resend: bool = False
    """True: send it even if it cannot be determined whether it arrived."""
    reply_to: str = ""
    """Id of the message to reply to; needed only in comment threads, where the reply determines the
    thread."""

    def without(self, error: Refused) -> Outgoing | None:
        """Return a copy without the refused element (picture, then markup), or None if nothing is
        left to drop."""
        denied = self.denied or error.rights
        if error.picture and (self.picture or self.file_id) and not self.bare:
            return replace(self, bare=True, denied=denied)
        if error.markup and not self.plain:
            return replace(self, plain=True, denied=denied)
        return None


@dataclass(frozen=True, slots=True)
class Delivered:
    """A platform's response to an accepted message."""

    message: str
    file_id: str = ""
    """Id to reuse the picture; empty if that is not possible."""
    publish: bool = False
    """True if followers get it only after `publish`."""
    again: float = 0.0
    """Seconds until the next message to that chat."""


class Delivering(Protocol):
    """The port for digests: prepared messages, one call each, with precise errors."""

    pace: Pace
    repeats: bool
    """True if the platform deduplicates messages with the same nonce."""
    reuses: bool
    """True if an uploaded picture can be reused by its id."""

    def render(self, reply: Reply, chat: Chat, picture: str, *, quiet: bool = False) -> list[str]:
        """Return the messages of a reply as JSON objects. `picture`: the picture's name, which is
        the value of `picture` in the message that shows it. Only the first message notifies users,
        and none if `quiet`."""

    async def deliver(self, message: Outgoing) -> Delivered:
        """Send one message in one call, except what an earlier attempt already sent, if the
        platform can tell. Raises Gone, Moved, Refused, Limited, NotSent, Unsure or Revoked."""

    async def publish(self, chat: Chat, message: str) -> None:
        """Publish a message to followers; log a refusal."""

    async def close(self) -> None:
        """Close the connections."""


class Platform(Protocol):
    """A chat platform."""

    @property
    def delivering(self) -> Delivering:
        """Return the port for digests."""

    async def run(self) -> None:
        """Serve users until cancelled. Raises Unreachable, or Refused for a wrong token."""

    async def tell(self, person: str, reply: Reply) -> None:
        """Send a reply to a user's private chat. Raises Gone, Refused or Unreachable."""

    async def check(self, chats: Sequence[Chat]) -> list[str]:
        """Return a line on the bot and how to invite it; then a line for each of these subscribed
        chats where it may not post. Changes nothing. Raises like `run`."""


async def send_answer(
    send: Callable[[Outgoing], Awaitable[object]],
    message: Outgoing,
    moved: Callable[[str], Awaitable[None]] | None = None,
) -> None:
    """Send one message of an answer: wait if rate-limited, retry if it was not accepted or the
    server failed, follow a moved chat, drop refused elements. Raises Gone, Refused, Revoked or
    Unreachable."""
    reason = ""
    for attempt in range(1, MAX_TRIES + 1):
        try:
            await send(message)
            return
        except Limited as error:
            if error.seconds > MAX_WAIT_SECONDS:
                raise Unreachable(str(error)) from error
            reason = str(error)
            await asyncio.sleep(error.seconds)
        except (NotSent, ServerFault) as error:
            reason = str(error)
            if attempt < MAX_TRIES:
                await asyncio.sleep(backoff(attempt))
        except Moved as error:
            if moved:
                await moved(error.new)
            message = replace(message, chat=replace(message.chat, id=error.new))
        except Refused as error:
            reduced = message.without(error)
            if reduced is None:
                raise
            message = reduced
    raise Unreachable(reason or "refused again and again")


def backoff(attempts: int, most: float = 60.0) -> float:
    """Return the delay before the next attempt: 1, 2, 4 s and so on, at most `most`."""
    return min(most, 2.0 ** max(0, min(attempts, 30) - 1))


def names() -> tuple[str, ...]:
    """Return the platforms in this folder: modules without a leading underscore."""
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in modules if not name.startswith("_")))


def load(name: str) -> ModuleType:
    """Import the platform's module and SDK, which takes half a second the first time."""
    return importlib.import_module(f"{__name__}.{name}")


def open_platform(name: str, host: Host, setup: Setup) -> Platform:
    """Return the platform of that name, not yet connected."""
    platform: Platform = load(name).open_platform(host, setup)
    return platform


def language_of(code: str | None) -> Language | None:
    """Return the language for a code like `zh-hans` or `en-US`; None without a code."""
    if not code:
        return None
    return "zh" if code.lower().startswith("zh") else "en"


ADVICE: Mapping[str, str] = {
    "token": "{name} does not accept the token: check {variable}",
    "unreachable": "{name} cannot be reached ({why}): check the network, HTTPS_PROXY and {address}",
}
"""Advice to operators on common faults."""
