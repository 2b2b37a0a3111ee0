"""A command as the table, help and the platforms' own menus have it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from bot import texts
from bot.messages import Reply
from digest.models import Language

if TYPE_CHECKING:
    from bot.commands.asking import Ask

Kind = (
    Literal["topic", "day", "section", "name", "words", "question", "number", "time", "zone"]
    | Literal["language", "options", "action", "address"]
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
        return texts.command(self.name)[language]
