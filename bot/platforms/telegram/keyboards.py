"""Buttons under a message. A button's data is all there is to it, so it works after any restart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.messages import Button, Reply
from bot.platforms import Host
from bot.presses import Press
from bot.rich import cells

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
