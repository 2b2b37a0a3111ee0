"""A command as the table, help and the platforms' own menus have it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bot import texts
from bot.messages import Reply
from digest.models import Language

if TYPE_CHECKING:
    from bot.commands.asking import Ask

Kind = (
    Literal["topic", "day", "section", "name", "words", "question", "number", "time", "zone"]
    | Literal["language", "options", "action", "address"]
)
Who = Literal["everybody", "chat", "operators"]
"""Who may ask: everybody; who may configure the chat; who runs the bot."""


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
    takes: tuple[Argument, ...] = ()
    who: Who = "everybody"
    private: bool = False
    """Whether the answer is only for who asked, where the platform can do that."""

    @property
    def reads(self) -> bool:
        """True if it only shows what is stored, so that a link from anywhere may ask it."""
        return self.who == "everybody" and not self.private

    def help(self, language: Language) -> str:
        """Return what it does."""
        return texts.command(self.name)[language]
