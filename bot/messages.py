"""What goes between a chat and the commands: plain values that every platform renders its own
way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from bot import texts
from digest.models import Chat, Language

if TYPE_CHECKING:
    from bot.commands.asking import Ask


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

    @property
    def person(self) -> str:
        """Return who wrote it, on whichever platform."""
        return f"{self.platform}:{self.user_id}"


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
    """A picture, and where it is kept and what is said where it cannot be shown."""

    content: bytes = field(repr=False)
    path: Path
    alt: str


Foldable = Heading | Paragraph | ListItem
Block = Foldable | Rows | Picture


@dataclass(frozen=True, slots=True)
class Button:
    """A button: pressing it is as good as sending its line."""

    label: str
    line: str
    fresh: bool = False
    """Whether the answer is a message of its own instead of taking the place of this one."""


Manner = Literal["answer", "private", "post"]
"""Who sees the reply: everybody here; only the person who asked, if the platform can do that; or
everybody, posted the way digests are."""


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
    """A command line that reproduces exactly this answer; used to turn its pages."""
    menu: Language | Literal["", "topic"] = ""
    """The language that the chat's menu of commands has from now on; `topic`: that of each app."""


def reply(*blocks: Block, language: Language = "zh") -> Reply:
    return Reply(blocks, language)


@dataclass(frozen=True, slots=True)
class Press:
    """What a button asks: this page of what the line answers, here or in a message of its own.
    All of it stands in the button's code, so that it works after any restart."""

    line: str
    page: int = 1
    fresh: bool = False

    @property
    def code(self) -> str:
        """Return what a platform keeps with the button and gives back when it is pressed."""
        return f"{'+' if self.fresh else '='}{self.page}{self.line}"

    def fits(self, most: int) -> bool:
        """Return whether a platform that keeps so many bytes can keep it."""
        return self.code.isprintable() and len(self.code.encode()) <= most


def pressed(code: str) -> Press | None:
    """Return what a button asked; None for a code that is not ours."""
    place = code.find("/")
    page = code[1:place]
    if place < 2 or code[0] not in "+=" or not (page.isascii() and page.isdigit()):
        return None
    return Press(code[place:], int(page), code[0] == "+")


Kind = (
    Literal["topic", "day", "section", "name", "words", "question", "number", "time", "zone"]
    | Literal["limit", "language", "options", "action", "address"]
)
Who = Literal["everybody", "oneself", "chat", "operators"]
"""Who may use it: everybody; everybody, answered privately; people who may configure the chat;
operators."""


@dataclass(frozen=True, slots=True)
class Argument:
    """Something a command may be given. Its kind is also its name."""

    kind: Kind
    required: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table: name, handler, and an example in which `{day}` stands for a day that
    has a report. What it does stands in `texts.toml`."""

    name: str
    alias: str
    """Its Chinese name."""
    handler: Callable[[Ask], AsyncIterator[Reply]]
    example: str
    arguments: str = ""
    """The kinds of what it may be given; `!` marks what it needs."""
    who: Who = "everybody"

    @property
    def takes(self) -> tuple[Argument, ...]:
        """Return what it may be given."""
        kinds = self.arguments.split()
        return tuple(Argument(cast(Kind, kind.rstrip("!")), kind.endswith("!")) for kind in kinds)

    @property
    def reads(self) -> bool:
        """True if it only shows what is stored: a link from anywhere may ask it, and the answer is
        for all in the chat."""
        return self.who == "everybody"

    def help(self, language: Language) -> str:
        """Return what it does."""
        return str(texts.table("command_help")[self.name][language])

    def example_in(self, language: Language) -> str:
        """Return its example with words of the language."""
        chinese = texts.table("command_help")[self.name].get("example", self.example)
        return str(chinese) if language == "zh" else self.example
