"""What goes between a chat and the commands: plain values that every platform renders its own
way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from digest.models import Chat, Language


async def nobody() -> bool:
    """Permission check that always fails."""
    return False


@dataclass(frozen=True, slots=True)
class Incoming:
    """A line that somebody wrote to the bot, or the line behind a button."""

    chat: Chat
    user_id: str
    text: str
    language: Language | None = None
    """The language of the person's own app, where the platform tells it."""
    direct: bool = True
    """Whether it was certainly meant for this bot: in a group it may be for another one."""
    configures: Callable[[], Awaitable[bool]] = nobody
    """Asks whether the person may decide what is posted in this chat."""
    lacking: tuple[str, ...] = ()
    """Permissions that the bot itself would need to post in this chat."""

    @property
    def platform(self) -> str:
        return self.chat.platform


@dataclass(frozen=True, slots=True)
class Link:
    """A label and where it leads; `url` may be empty where the origin gave none."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is that of the whole reply."""

    text: str
    level: int = 2
    folded: bool = False
    """Unfolded by a tap, where the platform can; also of Paragraph and ListItem."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of the bot's own words."""

    text: str
    folded: bool = False


@dataclass(frozen=True, slots=True)
class ListItem:
    """An entry of a list: what a report says, with the posts it rests on."""

    text: str
    title: str = ""
    number: int = 0
    links: tuple[Link, ...] = ()
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Terms, each with what it means: two columns where the platform has room for them."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file and what to say where it cannot be shown."""

    path: Path
    alt: str


Block = Heading | Paragraph | ListItem | Rows | Picture


@dataclass(frozen=True, slots=True)
class Button:
    """A button: pressing it is as good as sending its line."""

    label: str
    line: str
    fresh: bool = False
    """Whether the answer is a message of its own instead of taking the place of this one."""


Manner = Literal["answer", "private", "post"]
"""For everybody here; only for who asked, where the platform can; or as digests are posted."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the bot."""

    blocks: tuple[Block, ...]
    language: Language = "zh"
    buttons: tuple[tuple[Button, ...], ...] = ()
    """Groups of buttons that belong together."""
    manner: Manner = "answer"
    topic: str = ""
    """The topic it is about, for its colour; empty for the bot's own matters."""
    line: str = ""
    """The line that gives this very answer again, whenever it is asked: for turning its pages."""
    menu: Language | Literal["", "topic"] = ""
    """The language that the chat's menu of commands has from now on; `topic`: that of each app."""


def reply(*blocks: Block, language: Language = "zh") -> Reply:
    """Return a reply of these blocks."""
    return Reply(blocks, language)
