"""What goes between a chat and the commands: plain values that every platform renders its own way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from digest.models import Language


@dataclass(frozen=True, slots=True)
class Incoming:
    """A line that somebody wrote to the bot."""

    platform: str
    chat_id: str
    user_id: str
    text: str


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


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph of the bot's own words."""

    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a list: what a report says, with the posts it rests on."""

    text: str
    title: str = ""
    number: int = 0
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms, each with what it means: two columns where the platform has room for them."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file and what to say where it cannot be shown."""

    path: Path
    alt: str


Block = Heading | Text | Entry | Terms | Picture


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the bot."""

    blocks: tuple[Block, ...]
    language: Language = "zh"


def reply(*blocks: Block, language: Language = "zh") -> Reply:
    """A reply of these blocks."""
    return Reply(blocks, language)
