"""Buttons under a message. A button's data is all there is to it, so it works after any restart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.messages import Button, Reply
from bot.platforms import Host
from bot.rich import cells

MOST_BYTES = 64
"""Of a button's data (Bot API, InlineKeyboardButton)."""
ROW_CELLS, MOST_IN_ROW, MOST_BUTTONS = 30, 6, 96


@dataclass(frozen=True, slots=True)
class Press:
    """What a button asks: this page of what the line answers, here or in a message of its own."""

    line: str
    page: int = 1
    fresh: bool = False

    @property
    def data(self) -> str:
        return f"{'+' if self.fresh else '='}{self.page}{self.line}"

    @property
    def fits(self) -> bool:
        return self.data.isprintable() and len(self.data.encode()) <= MOST_BYTES


def pressed(data: str) -> Press | None:
    """What a button asked; None for data that is not ours."""
    place = data.find("/")
    if place < 2 or data[0] not in "+=" or not data[1:place].isascii():
        return None
    page = data[1:place]
    return Press(data[place:], int(page), data[0] == "+") if page.isdigit() else None


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
        InlineKeyboardButton(label, callback_data=Press(line, to).data)
        for to, label in sides
        if 1 <= to <= of
    ]


def _button(button: Button, host: Host, bot: str) -> InlineKeyboardButton | None:
    if bot and (word := host.link_word(button.line)):
        # Whoever reads a channel may press: the answer goes to them, not to all readers.
        return InlineKeyboardButton(button.label, url=f"https://t.me/{bot}?start={word}")
    press = Press(button.line, fresh=button.fresh)
    return InlineKeyboardButton(button.label, callback_data=press.data) if press.fits else None


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
