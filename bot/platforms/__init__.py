"""Chat platforms: the ports Platform and Delivering, the Host they see, and how they are loaded.

A platform that needs a token is a module or package of this folder with `open_platform`; its
settings are NAME_BOT_TOKEN and NAME_API_URL. The terminal needs none.
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

MOST_WAIT_SECONDS = 60.0
"""The longest wait a platform may ask for before an answer is given up."""
MOST_TRIES = 5
"""Attempts for one message of an answer."""


class PlatformError(Exception):
    """A platform did not do what was asked. The message is one line that says what to do.

    Secrets in it are masked: servers may echo the address they were asked at, token included.
    """

    partial = False
    """True where the beginning of a message in several was accepted before."""

    def __init__(self, message: str = "") -> None:
        super().__init__(mask(message))


class Unreachable(PlatformError):
    """The platform cannot be reached now; trying again later helps."""


class Refused(PlatformError):
    """The platform refuses for good: a wrong token, a message it does not accept."""

    def __init__(
        self,
        message: str = "",
        *,
        markup: bool = False,
        picture: bool = False,
        rights: bool = False,
    ) -> None:
        """`markup`: without its markup it may be taken; `picture`: without its picture; `rights`:
        the bot lacks permissions in that chat."""
        super().__init__(message)
        self.markup, self.picture, self.rights = markup, picture, rights


class Gone(PlatformError):
    """Nothing can be sent to that chat any more: the bot was blocked or removed, the chat
    deleted."""

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
    """Not accepted: too many messages. Waiting `seconds` helps."""

    def __init__(self, seconds: float, *, everywhere: bool = False, counts: bool = True) -> None:
        """`everywhere`: said of the whole bot, not of this chat; `counts`: towards a ban."""
        super().__init__(f"too many messages; asks to wait {seconds:.0f} s")
        self.seconds, self.everywhere, self.counts = seconds, everywhere, counts


class NotSent(Unreachable):
    """The message was certainly not accepted: it never left this machine, or the server refused it
    before it did anything. Sending it again duplicates nothing."""


class Unsure(Unreachable):
    """The message may have been accepted: cut off or timed out after its first byte."""


class ServerFault(Unsure):
    """The platform, or a server in front of it, failed: perhaps after the message was accepted.
    An answer is sent again then; a digest only where the platform drops duplicates."""


class Unseen(Unsure):
    """An earlier attempt may have been accepted, and the bot lacks the permission to check."""


FAULT = "a fault of the program: see the log"
"""Why something failed in a way that nobody foresaw."""
UNSEEN = "the bot needs the permission Read Message History in that channel"
"""Why `Unseen` is raised."""


class Revoked(PlatformError):
    """The token is wrong, or was revoked."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How to reach a platform."""

    token: str = field(repr=False)
    api_url: str = field(default="", repr=False)
    """Another server than the platform's own; empty for that one."""
    proxy: str | None = field(default=None, repr=False)
    """To this API; None for a server of this machine or network (`choose_proxy`)."""
    operators: tuple[str, ...] = ()
    """Ids of the people in ADMINS."""
    webhook_url: str = ""
    """Where the platform is to bring updates; empty to fetch them."""

    @property
    def bot_id(self) -> str:
        """Return the bot's number, which a token of Telegram begins with."""
        return self.token.partition(":")[0]

    @property
    def webhook_secret(self) -> str:
        """Return what the platform shows with every update: it follows from the token, so there is
        nothing more to set up or to leak."""
        return hmac.new(self.token.encode(), b"webhook", "sha256").hexdigest()


class Host(Protocol):
    """The bot, as a platform sees it."""

    @property
    def menu(self) -> Sequence[Command]:
        """The table of commands."""

    def answer(self, incoming: Incoming) -> AsyncIterator[Reply]:
        """Yield the replies to a line, as they are ready. Never raises."""

    def apology(self, error: Exception, where: str, language: Language | None) -> Reply:
        """Log a failure under an id; return the words that tell the id to whoever asked."""

    def link_word(self, line: str) -> str:
        """Return the deep-link parameter that runs this line, or "" if a link must not run it."""

    async def suggest(
        self, kind: Kind, typed: str, topic: str, language: Language | None
    ) -> Sequence[tuple[str, str]]:
        """Return labels, in that language, and values that complete what is typed, at most 25."""

    def is_flooding(self, platform: str, person: str) -> bool:
        """Return whether a person has asked too much and was told so: nothing of it is answered."""

    async def first_time(self, platform: str, update: str) -> bool:
        """Mark an update as handled; return False if it was marked before."""

    async def ended(
        self, platform: str, chat: str, why: Ending, *, space: str = "", thread: str | None = None
    ) -> None:
        """End what is posted in a chat, in one thread of it, or in a whole server."""

    async def arrived(self, chat: Chat, message: str, text: str, at: datetime) -> None:
        """Record that somebody in the chat, in its thread, sees a message of the bot with this
        text, sent at that time: it settles a part that may not have arrived."""

    async def moved(self, platform: str, old: str, new: str) -> None:
        """Give a chat its new id."""

    async def note(self, platform: str, name: str) -> str:
        """Return what a platform noted under that name, or nothing."""

    async def save_note(self, platform: str, name: str, value: str) -> None:
        """Save a note across restarts."""

    async def list_received(
        self, platform: str, under_way: Collection[str]
    ) -> list[tuple[str, str]]:
        """Return stored updates but those `under_way`, oldest first, as keys and contents; wait a
        moment for the first one."""

    async def forget_received(self, platform: str, key: str) -> None:
        """Delete a stored update that was handled."""

    def ready(self, platform: str, name: str) -> None:
        """Record that the platform is connected, under that name."""

    def lost(self, platform: str, why: str) -> None:
        """Record that a connected platform cannot be reached now."""

    def resumed(self, platform: str) -> None:
        """Record that a platform that was lost can be reached again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The rate limits of a platform, as its makers state them."""

    a_second: float
    most: float
    """The highest rate that is ever tried."""
    chat_gap: float = 0.0
    """Seconds between two messages to one chat."""
    group_minute: int = 0
    """Messages a minute to one group or channel; 0: no such limit."""
    bans: bool = False
    """Whether many invalid answers get the address banned."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way to a chat."""

    chat: Chat
    body: str
    """One of those that `bodies` made."""
    nonce: str
    """Unique to this message, and the same at every attempt."""
    picture: bytes = b""
    """The picture that the body names, where there is no `file_id`."""
    file_id: str = ""
    """The platform's id of the picture, where it was uploaded before."""
    plain: bool = False
    """Without markup and buttons."""
    bare: bool = False
    """Without the picture."""
    denied: bool = False
    """Something is left out for want of permissions, and the message says so."""
    thread: str = ""
    """The first message of its digest, in whose thread it belongs; empty for the chat itself."""
    doubt: timedelta | None = None
    """How long ago an earlier attempt began that may have arrived; None where none may have."""
    resend: bool = False
    """True to send it, doubted or not, where nobody can tell whether it arrived."""
    reply_to: str = ""
    """Id of the message to reply to; needed only in comment threads, where the reply decides the
    thread."""

    def without(self, error: Refused) -> Outgoing | None:
        """Return a copy without what was refused (picture, then markup), or None if nothing more
        can be dropped."""
        denied = self.denied or error.rights
        if error.picture and (self.picture or self.file_id) and not self.bare:
            return replace(self, bare=True, denied=denied)
        if error.markup and not self.plain:
            return replace(self, plain=True, denied=denied)
        return None


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a platform answers for a message it accepted."""

    message: str
    file_id: str = ""
    """Under which the picture can be sent again; empty where that is not possible."""
    publish: bool = False
    """Whether followers get it only after `publish`."""
    again: float = 0.0
    """Seconds before the next message to that chat."""


class Delivering(Protocol):
    """The port for digests: prepared messages, one call each, every outcome told apart."""

    pace: Pace
    repeats: bool
    """True if the platform merges messages with the same nonce."""
    reuses: bool
    """True if an uploaded picture can be sent again by its id."""

    def bodies(self, reply: Reply, chat: Chat, picture: str, *, quiet: bool = False) -> list[str]:
        """Return the messages of a reply as JSON objects. `picture` names its picture: it is the
        value of `picture` in the message that shows it. Only the first one rings, and none where
        `quiet`."""

    async def deliver(self, message: Outgoing) -> Delivered:
        """Send one message, in one call, but not what an earlier attempt sent, where the platform
        can tell. Raises Gone, Moved, Refused, Limited, NotSent, Unsure or Revoked."""

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
        """Talk to people until cancelled. Raises Unreachable, or Refused for a wrong token."""

    async def tell(self, person: str, reply: Reply) -> None:
        """Send a reply to somebody's private chat. Raises Gone, Refused or Unreachable."""

    async def check(self, chats: Sequence[Chat]) -> list[str]:
        """Return a line on who the token is for and how to invite the bot; then a line for each
        of these subscribed chats where it may not post. Changes nothing. Raises as `run` does."""


async def send_answer(
    send: Callable[[Outgoing], Awaitable[object]],
    message: Outgoing,
    moved: Callable[[str], Awaitable[None]] | None = None,
) -> None:
    """Send one message of an answer: wait where the platform asks to, send again what the server
    did not accept or failed at, follow a chat that moved, leave out what is refused. Raises Gone,
    Refused, Revoked or Unreachable."""
    reason = ""
    for attempt in range(1, MOST_TRIES + 1):
        try:
            await send(message)
            return
        except Limited as error:
            if error.seconds > MOST_WAIT_SECONDS:
                raise Unreachable(str(error)) from error
            reason = str(error)
            await asyncio.sleep(error.seconds)
        except (NotSent, ServerFault) as error:
            reason = str(error)
            if attempt < MOST_TRIES:
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
    """Return the seconds before the next try: 1, 2, 4 and so on, at most `most`."""
    return min(most, 2.0 ** max(0, min(attempts, 30) - 1))


def names() -> tuple[str, ...]:
    """Return the platforms of this folder; a module with an underscore is none."""
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in modules if not name.startswith("_")))


def load(name: str) -> ModuleType:
    """Return the platform's module, with its SDK: half a second of work the first time."""
    return importlib.import_module(f"{__name__}.{name}")


def open_platform(name: str, host: Host, setup: Setup) -> Platform:
    """Return the platform of that name; connects to nothing yet."""
    platform: Platform = load(name).open_platform(host, setup)
    return platform


def language_of(code: str | None) -> Language | None:
    """Return the language for a code such as `zh-hans` or `en-US`; None where there is no code."""
    if not code:
        return None
    return "zh" if code.lower().startswith("zh") else "en"


ADVICE: Mapping[str, str] = {
    "token": "{name} does not accept the token: check {variable}",
    "unreachable": "{name} cannot be reached ({why}): check the network, HTTPS_PROXY and {address}",
}
"""What to tell operators of the usual faults."""
