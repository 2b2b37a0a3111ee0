"""Lines as Telegram's text and entities. Nothing is ever parsed as markup: entities are offsets."""

from __future__ import annotations

import re
from collections.abc import Sequence

from telegram import MessageEntity

from bot.rich import Budget, Line, Run, Unit, utf16

JOINER = "\u2060"
"""Unicode's word joiner: shown as nothing, and no part of any name or address."""

# Telegram's servers make links of names, tags, commands and addresses in any text (TDLib,
# MessageEntity.cpp). Texts of strangers must not become links, or ping people.
_NAMES = re.compile(r"[@#＃](?=\S)|\$(?=[A-Za-z])")
_COMMANDS = re.compile(r"(?<![\w/])/(?=\w)")
_SCHEMES = re.compile(r":(?=//)")
_DOMAINS = re.compile(r"\.(?=[^\W\d])")
_ADDRESSES = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)")

TEXT = Budget(4095, 96)
CAPTION = Budget(1023, 96)
"""4,096 and 1,024 UTF-16 units after parsing (Bot API), one of them for a joiner before all else;
entities beyond 100 are dropped silently."""


def inert(text: str, *, own: bool = False) -> str:
    """The text with a joiner wherever Telegram would make a link; `own`: commands may be tapped."""
    for pattern in (_NAMES, _SCHEMES, _DOMAINS):
        text = pattern.sub(lambda found: found.group() + JOINER, text)
    text = _ADDRESSES.sub(lambda found: found.group().replace(".", "." + JOINER), text)
    return text if own else _COMMANDS.sub("/" + JOINER, text)


def inert_units(units: Sequence[Unit]) -> list[Unit]:
    """Units whose text makes no links of its own."""
    return [
        Unit(
            tuple(
                tuple(Run(inert(r.text, own=r.own), r.bold, r.url, r.own) for r in line)
                for line in unit.lines
            ),
            unit.heading,
            unit.gap,
        )
        for unit in units
    ]


def size(run: Run) -> int:
    """What a run takes of a message."""
    return utf16(run.text)


def message(lines: Sequence[Line]) -> tuple[str, list[MessageEntity]]:
    """A page as text and its entities."""
    text: list[str] = []
    entities: list[MessageEntity] = []
    place = 0
    if _begins_a_command(lines):  # a page may begin within a word
        text.append(JOINER)
        place = 1
    for number, line in enumerate(lines):
        if number:
            text.append("\n")
            place += 1
        for run in line:
            length = utf16(run.text)
            if run.url and length:
                entities.append(MessageEntity("text_link", place, length, url=run.url))
            if run.bold and length:
                entities.append(MessageEntity("bold", place, length))
            text.append(run.text)
            place += length
    return "".join(text), entities


def _begins_a_command(lines: Sequence[Line]) -> bool:
    first = lines[0][0] if lines and lines[0] else None
    return first is not None and not first.own and first.text.startswith("/")
