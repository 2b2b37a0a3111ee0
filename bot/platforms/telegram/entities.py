"""Render lines as Telegram text and entities (offsets). Nothing is parsed as markup."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity

from bot.messages import Button, Picture, Press, Reply
from bot.platforms import Host
from bot.rich import COMMANDS, JOINER, Line, PageBudget, Run, Unit, fitting, pages, parts, utf16

# Telegram's servers turn names, tags, commands and addresses in any text into links (TDLib,
# MessageEntity.cpp). Untrusted text must neither become links nor mention people.
_NAMES = re.compile(r"[@#＃](?=\S)|\$(?=[A-Za-z])")
_SCHEMES = re.compile(r":(?=//)")
_DOMAINS = re.compile(r"\.(?=[^\W\d])")
_ADDRESSES = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)")

TEXT = PageBudget(4095, 90)
CAPTION = PageBudget(1023, 90)
"""4,096 and 1,024 UTF-16 units after parsing (Bot API), one of which is for a leading joiner.
Entities beyond 100, including block quotes, are dropped silently."""


@dataclass(frozen=True, slots=True)
class TextSheet:
    """A message to send: text with entities, or a picture with them as its caption."""

    lines: Sequence[Line]
    picture: Picture | None = None


def sheets(reply: Reply) -> list[TextSheet]:
    """Return the reply as messages within Telegram's limits. If all text fits in the picture's
    caption, there is one message; otherwise the sections come first, and the picture follows with
    the text after it."""
    before, picture, after = parts(reply)
    before, after = inert_units(before), inert_units(after)
    if picture is None:
        return list(map(TextSheet, pages(after, size, TEXT)))
    caption, left = fitting([*before, *after], size, CAPTION)
    if not left:
        return [TextSheet(caption, picture)]
    while before and before[-1].heading:  # a heading stays with the text after it
        after.insert(0, before.pop())
    texts = pages(before, size, TEXT)
    spread = pages([*before, *after], size, TEXT, CAPTION)
    if len(texts) > 1 and len(spread) == 2:
        return [TextSheet(spread[0]), TextSheet(spread[1], picture)]
    caption, left = fitting(after, size, CAPTION)
    closing = map(TextSheet, pages(left, size, TEXT))
    return [*map(TextSheet, texts), TextSheet(caption, picture), *closing]


def inert(text: str, *, tappable: bool = False) -> str:
    """Insert a joiner wherever Telegram would create a link."""
    for pattern in (_NAMES, _SCHEMES, _DOMAINS):
        text = pattern.sub(lambda match: match.group() + JOINER, text)
    text = _ADDRESSES.sub(lambda match: match.group().replace(".", "." + JOINER), text)
    return text if tappable else COMMANDS.sub("/" + JOINER, text)


def inert_units(units: Sequence[Unit]) -> list[Unit]:
    """Return the units with text that cannot become links."""

    def neutralize(line: Line) -> Line:
        return tuple(replace(run, text=inert(run.text, tappable=run.tappable)) for run in line)

    return [replace(unit, lines=tuple(map(neutralize, unit.lines))) for unit in units]


def size(run: Run) -> int:
    return utf16(run.text)


def message(lines: Sequence[Line]) -> tuple[str, list[MessageEntity]]:
    """Return a page as text with entities."""
    text: list[str] = []
    entities: list[MessageEntity] = []
    place = 0
    first = lines[0][0] if lines and lines[0] else None
    # A page may begin in the middle of a word.
    if first and not first.tappable and first.text.startswith("/"):
        first = replace(first, text=f"/{JOINER}{first.text[1:]}")
        lines = [(first, *lines[0][1:]), *lines[1:]]
    starts: list[int] = []
    for number, line in enumerate(lines):
        if number:
            text.append("\n")
            place += 1
        starts.append(place)
        for run in line:
            length = utf16(run.text)
            if run.url and length:
                entities.append(MessageEntity("text_link", place, length, url=run.url))
            if run.bold and length:
                entities.append(MessageEntity("bold", place, length))
            text.append(run.text)
            place += length
    return "".join(text), [*entities, *_quotes(lines, starts)]


def _quotes(lines: Sequence[Line], starts: Sequence[int]) -> Iterator[MessageEntity]:
    """Yield an expandable block quote for each sequence of folded lines."""
    # An empty line belongs to the line after it.
    flags = [any(run.folded for run in line) for line in lines]
    for n in range(len(lines) - 2, -1, -1):
        flags[n] = flags[n] or (not lines[n] and flags[n + 1])
    for is_folded, group in groupby(range(len(lines)), key=flags.__getitem__):
        if is_folded:
            members = list(group)
            while not lines[members[0]]:
                del members[0]
            last = members[-1]
            end = starts[last] + sum(utf16(run.text) for run in lines[last])
            first = starts[members[0]]
            yield MessageEntity("expandable_blockquote", first, end - first)


MAX_BUTTON_BYTES = 64
"""Maximum button data (Bot API, InlineKeyboardButton)."""
ROW_CELLS, MAX_PER_ROW, MAX_BUTTONS = 30, 6, 96


def is_paged(reply: Reply, written: Sequence[TextSheet], host: Host, bot: str) -> bool:
    """Return True if these messages are shown as pages with arrows; in a channel only if a link can
    lead to the other pages."""
    if len(written) < 2 or not reply.line or any(sheet.picture for sheet in written):
        return False
    fits = Press(reply.line, len(written)).fits(MAX_BUTTON_BYTES)
    return fits and (not bot or bool(host.encode_link(reply.line)))


def write_bodies(
    reply: Reply, picture: str, host: Host, bot: str, page: int = 0
) -> list[dict[str, Any]]:
    """Return a reply's messages, or one page with arrows: text, entities, buttons, and `picture` in
    the message that shows it. `bot`: see `keyboard`."""
    written = sheets(reply)
    if page and is_paged(reply, written, host, bot):
        number = min(page, len(written))
        buttons = keyboard(reply, number, len(written), host, bot)
        return [_body(written[number - 1], picture, buttons)]
    last = keyboard(reply, 1, 1, host, bot)
    return [
        _body(sheet, picture, last if number == len(written) else None)
        for number, sheet in enumerate(written, 1)
    ]


def _body(sheet: TextSheet, picture: str, buttons: InlineKeyboardMarkup | None) -> dict[str, Any]:
    text, entities = message(sheet.lines)
    body: dict[str, Any] = {"text": text}
    if entities:
        body["entities"] = [entity.to_dict() for entity in entities]
    if sheet.picture:
        body["picture"] = picture
    if buttons:
        body["buttons"] = buttons.to_dict()
    return body


def keyboard(reply: Reply, page: int, of: int, host: Host, bot: str) -> InlineKeyboardMarkup | None:
    """Return the buttons of a page. `bot`: the bot's name in a channel, else "".

    Any reader of a channel may press buttons, and the answer must not be posted for all. So in
    channels, public commands become links to the private chat, and other buttons are left out.
    """
    rows: list[list[InlineKeyboardButton]] = []
    if of > 1:
        rows.append(_arrows(reply.line, page, of, host, bot))
    for group in reply.buttons:
        rows += _rows([key for button in group if (key := _button(button, host, bot))])
    fitting: list[list[InlineKeyboardButton]] = []
    for row in rows:
        if sum(map(len, fitting)) + len(row) <= MAX_BUTTONS:
            fitting.append(row)
    return InlineKeyboardMarkup(fitting) if fitting else None


def _arrows(line: str, page: int, of: int, host: Host, bot: str) -> list[InlineKeyboardButton]:
    if bot:
        return [InlineKeyboardButton(f"{page}/{of} ▶", url=link(host.encode_link(line), bot))]
    sides = ((page - 1, "◀"), (page, f"{page}/{of}"), (page + 1, "▶"))
    return [
        InlineKeyboardButton(label, callback_data=Press(line, to).code)
        for to, label in sides
        if 1 <= to <= of
    ]


def link(word: str, bot: str) -> str:
    """Return the link that opens the private chat and runs the command of that start word."""
    return f"https://t.me/{bot}?start={word}" if word else f"https://t.me/{bot}"


def is_for_everybody(line: str, host: Host) -> bool:
    """Return True if any reader of a chat may run this line."""
    return bool(host.encode_link(line.split(" ")[0]))


def _button(button: Button, host: Host, bot: str) -> InlineKeyboardButton | None:
    if bot and (word := host.encode_link(button.line)):
        return InlineKeyboardButton(button.label, url=link(word, bot))
    press = Press(button.line, fresh=button.fresh)
    if not press.fits(MAX_BUTTON_BYTES) or (bot and is_for_everybody(button.line, host)):
        return None
    return InlineKeyboardButton(button.label, callback_data=press.code)


def _rows(buttons: Sequence[InlineKeyboardButton]) -> Iterator[list[InlineKeyboardButton]]:
    """Yield rows of equal length, as many buttons per row as fit a phone with their full labels."""
    if not buttons:
        return
    # A Han character takes two columns.
    widths = [len(b.text) + sum(char > "\u2e7f" for char in b.text) for b in buttons]
    widest = max(widths) + 3
    most = max(1, min(MAX_PER_ROW, ROW_CELLS // widest, len(buttons)))
    rows = -(-len(buttons) // most)
    width = -(-len(buttons) // rows)
    for start in range(0, len(buttons), width):
        yield list(buttons[start : start + width])
