"""Chat platforms: what each must do, what it is given, and how it is found by its place here.

A platform that needs a token is a module or package of this folder with `open_platform`; its settings
are NAME_BOT_TOKEN and NAME_API_URL. The terminal needs none.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.menu import Kind, MenuRow
from bot.messages import Incoming, Reply
from digest.models import Chat, Ending, Language


class PlatformError(Exception):
    """A platform did not do what was asked. The message is one line that says what to do."""


class Unreachable(PlatformError):
    """It cannot be reached now; trying again later helps."""


class Refused(PlatformError):
    """It will not do this, however often it is asked: a wrong token, a message it cannot take."""


class Gone(PlatformError):
    """Nothing can be sent to that chat any more: the bot was blocked or removed, the chat deleted."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How to reach a platform."""

    token: str = field(repr=False)
    api_url: str = ""
    """Another server than the platform's own; empty for that one."""
    proxy: str = field(default="", repr=False)
    operators: tuple[str, ...] = ()
    """Ids of the people in ADMINS."""


class Host(Protocol):
    """The bot, as a platform sees it."""

    @property
    def menu(self) -> Sequence[MenuRow]:
        """The table of commands."""
        ...

    def answer(self, incoming: Incoming) -> AsyncIterator[Reply]:
        """The replies to a line, as they are ready. Never raises."""
        ...

    def apology(self, error: Exception, where: str, language: Language | None) -> Reply:
        """Logs a failure under an id; the words that tell the id to whoever asked."""
        ...

    def link_word(self, line: str) -> str:
        """The word of a link that asks this line, or nothing where a link may not."""
        ...

    async def suggest(self, kind: Kind, typed: str, topic: str) -> Sequence[tuple[str, str]]:
        """Values that complete what is typed: what is shown, what is meant. At most 25."""
        ...

    async def first_time(self, platform: str, update: str) -> bool:
        """Whether this update was never handled; from now on it was."""
        ...

    async def ended(self, platform: str, chat: str, why: Ending, *, space: str = "") -> None:
        """Nothing can be posted in a chat any more, or in a whole server."""
        ...

    async def moved(self, platform: str, old: str, new: str) -> None:
        """A chat has a new id."""
        ...

    async def note(self, platform: str, name: str) -> str:
        """What a platform noted under that name, or nothing."""
        ...

    async def save_note(self, platform: str, name: str, value: str) -> None:
        """Keeps a note across restarts."""
        ...

    def ready(self, platform: str, name: str) -> None:
        """The platform talks to people now, under that name."""
        ...


class Platform(Protocol):
    """A chat platform."""

    async def run(self) -> None:
        """Talks to people until cancelled. Raises Unreachable, or Refused for a wrong token."""
        ...

    async def send(self, chat: Chat, reply: Reply) -> None:
        """Posts a reply whole. Raises Gone, Refused or Unreachable."""
        ...

    async def tell(self, person: str, reply: Reply) -> None:
        """Sends a reply to somebody's private chat. Raises Gone, Refused or Unreachable."""
        ...

    async def check(self, chats: Sequence[Chat]) -> list[str]:
        """A line on who the token is for and how to invite the bot; then a line for each of these
        subscribed chats where it may not post. Changes nothing. Raises as `run` does."""
        ...


def names() -> tuple[str, ...]:
    """The platforms of this folder."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules(__path__)))


def open_platform(name: str, host: Host, setup: Setup) -> Platform:
    """The platform of that name; loads its SDK, and connects to nothing yet."""
    module = importlib.import_module(f"{__name__}.{name}")
    made: Platform = module.open_platform(host, setup)
    return made


def language_of(code: str | None) -> Language | None:
    """The language for a code such as `zh-hans` or `en-US`; None where there is no code."""
    if not code:
        return None
    return "zh" if code.lower().startswith("zh") else "en"


ADVICE: Mapping[str, str] = {
    "token": "{name} does not accept the token: check {variable}",
    "unreachable": "{name} cannot be reached ({why}): check the network, HTTPS_PROXY and {address}",
}
"""What to tell operators of the usual faults."""
