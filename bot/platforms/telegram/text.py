"""Lines as Telegram's text and entities. Nothing is ever parsed as markup: entities are offsets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

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

TEXT = Budget(4096, 96)
CAPTION = Budget(1024, 96)
"""Characters after parsing, in UTF-16 units (Bot API); entities beyond 100 are dropped silently."""


def inert(text: str, *, own: bool = False) -> str:
    """The text with a joiner wherever Telegram would make a link; `own`: commands may be tapped."""
    for pattern in (_NAMES, _SCHEMES, _DOMAINS):
        text = pattern.sub(lambda found: found.group() + JOINER, text)
    text = _ADDRESSES.sub(lambda found: found.group().replace(".", "." + JOINER), text)
    return text if own else _COMMANDS.sub("/" + JOINER, text)


def inert_units(units: Sequence[Unit]) -> list[Unit]:
    """Units whose text makes no links of its own."""
    return [
        replace(
            unit,
            lines=tuple(
                tuple(replace(run, text=inert(run.text, own=run.own)) for run in line)
                for line in unit.lines
            ),
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
