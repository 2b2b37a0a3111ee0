"""Lines as Telegram's text and entities. Nothing is ever parsed as markup: entities are offsets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity

from bot.messages import Button, Reply
from bot.platforms import Host
from bot.presses import Press
from bot.rich import Budget, Line, Run, Unit, cells, utf16

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


MOST_BYTES = 64
"""Of a button's data (Bot API, InlineKeyboardButton)."""
ROW_CELLS, MOST_IN_ROW, MOST_BUTTONS = 30, 6, 96


def keyboard(reply: Reply, page: int, of: int, host: Host, bot: str) -> InlineKeyboardMarkup | None:
    """The buttons of this page of a reply. `bot`: in a channel, where buttons are links that open
    a private chat with this bot, its name; else empty."""
    rows: list[list[InlineKeyboardButton]] = []
    if of > 1:
        rows.append(_arrows(reply.line, page, of))
    for group in reply.buttons:
        made = [one for button in group if (one := _button(button, host, bot))]
        rows += _rows(made)
    kept: list[list[InlineKeyboardButton]] = []
    for row in rows:
        if sum(map(len, kept)) + len(row) <= MOST_BUTTONS:
            kept.append(row)
    return InlineKeyboardMarkup(kept) if kept else None


def _arrows(line: str, page: int, of: int) -> list[InlineKeyboardButton]:
    sides = ((page - 1, "◀"), (page, f"{page}/{of}"), (page + 1, "▶"))
    return [
        InlineKeyboardButton(label, callback_data=Press(line, to).code)
        for to, label in sides
        if 1 <= to <= of
    ]


def _button(button: Button, host: Host, bot: str) -> InlineKeyboardButton | None:
    if bot and (word := host.link_word(button.line)):
        # Whoever reads a channel may press: the answer goes to them, not to all readers.
        return InlineKeyboardButton(button.label, url=f"https://t.me/{bot}?start={word}")
    press = Press(button.line, fresh=button.fresh)
    if not press.fits(MOST_BYTES):
        return None
    return InlineKeyboardButton(button.label, callback_data=press.code)


def _rows(buttons: Sequence[InlineKeyboardButton]) -> Iterator[list[InlineKeyboardButton]]:
    """Rows of equally many buttons, as many as a phone shows without cutting the longest label."""
    if not buttons:
        return
    widest = max(cells(button.text) for button in buttons) + 3
    most = max(1, min(MOST_IN_ROW, ROW_CELLS // widest, len(buttons)))
    rows = -(-len(buttons) // most)
    each = -(-len(buttons) // rows)
    for start in range(0, len(buttons), each):
        yield list(buttons[start : start + each])
