"""Values passed between platforms and commands; each platform renders them its own way."""

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
    """A line sent to the bot, or the line of a pressed button."""

    chat: Chat
    user_id: str
    text: str
    language: Language | None = None
    """Language of the person's app, if the platform reports it."""
    direct: bool = True
    """True if it was certainly meant for this bot; in a group it may be for another one."""
    configures: Callable[[], Awaitable[bool]] = nobody
    """Returns True if the person may configure what is posted in this chat."""
    lacking: tuple[str, ...] = ()
    """Permissions that the bot lacks to post in this chat."""

    @property
    def platform(self) -> str:
        return self.chat.platform

    @property
    def person(self) -> str:
        """Return the sender's id, unique across platforms."""
        return f"{self.platform}:{self.user_id}"


@dataclass(frozen=True, slots=True)
class Link:
    """A label and its target; `url` is empty if the source gave none."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the title of the reply."""

    text: str
    level: int = 2
    folded: bool = False
    """True if it is collapsed where the platform supports that; also in Paragraph and ListItem."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of the bot's own text."""

    text: str
    folded: bool = False


@dataclass(frozen=True, slots=True)
class ListItem:
    """A list item: a statement of a report with links to its posts."""

    text: str
    title: str = ""
    number: int = 0
    links: tuple[Link, ...] = ()
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Terms and explanations: two columns on platforms that have them."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, the path to save it at, and the alternative text."""

    content: bytes = field(repr=False)
    path: Path
    alt: str


Foldable = Heading | Paragraph | ListItem
Block = Foldable | Rows | Picture


@dataclass(frozen=True, slots=True)
class Button:
    """A button: pressing it is equivalent to sending its line."""

    label: str
    line: str
    fresh: bool = False
    """True if the answer is a new message instead of replacing this one."""


Manner = Literal["answer", "private", "post"]
"""Who sees the reply: everybody in the chat; only the sender, if the platform can do that; or
everybody, posted like a digest."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the bot."""

    blocks: tuple[Block, ...]
    language: Language = "zh"
    buttons: tuple[tuple[Button, ...], ...] = ()
    manner: Manner = "answer"
    topic: str = ""
    """Topic of the reply, for its colour; empty if it is not about one."""
    line: str = ""
    """Command line that reproduces exactly this reply; used for paging."""
    menu: Language | Literal["", "topic"] = ""
    """New language of the chat's command menu; `topic`: that of each user's app."""


def reply(*blocks: Block, language: Language = "zh") -> Reply:
    return Reply(blocks, language)


@dataclass(frozen=True, slots=True)
class Press:
    """The request of a button: a page of the line's answer, here or in a new message. The button's
    code contains all of it, so that buttons work after a restart."""

    line: str
    page: int = 1
    fresh: bool = False

    @property
    def code(self) -> str:
        """Return the data that the platform stores with the button."""
        return f"{'+' if self.fresh else '='}{self.page}{self.line}"

    def fits(self, most: int) -> bool:
        """Return True if the code fits into `most` bytes."""
        return self.code.isprintable() and len(self.code.encode()) <= most


def pressed(code: str) -> Press | None:
    """Parse a button's code; return None if it is not ours."""
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
"""Who may use a command: everybody; everybody, answered privately; people who may configure the
chat; operators."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a command; its kind is also its name."""

    kind: Kind
    required: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the command table. `{day}` in the example stands for a day with a report; the
    description is in `texts.toml`."""

    name: str
    alias: str
    """Chinese name."""
    handler: Callable[[Ask], AsyncIterator[Reply]]
    example: str
    arguments: str = ""
    """Argument kinds, separated by spaces; `!` marks required ones."""
    who: Who = "everybody"

    @property
    def takes(self) -> tuple[Argument, ...]:
        kinds = self.arguments.split()
        return tuple(Argument(cast(Kind, kind.rstrip("!")), kind.endswith("!")) for kind in kinds)

    @property
    def reads(self) -> bool:
        """True if it only shows stored content: links may trigger it, and the answer may be public
        in the chat."""
        return self.who == "everybody"

    def help(self, language: Language) -> str:
        return str(texts.table("command_help")[self.name][language])

    def example_in(self, language: Language) -> str:
        """Return the example in the language."""
        chinese = texts.table("command_help")[self.name].get("example", self.example)
        return str(chinese) if language == "zh" else self.example
