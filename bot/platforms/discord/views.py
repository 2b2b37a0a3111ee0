"""Sheets as embeds, buttons and selects. A button's id is all there is to it, so that it works after
any restart."""

from __future__ import annotations

import colorsys
import zlib
from collections.abc import Iterator, Sequence

import discord
from discord import ui

from bot import texts
from bot.messages import Button, Reply
from bot.platforms.discord.text import Sheet
from bot.presses import Press
from digest.models import Language

MOST_ID, MOST_LABEL, MOST_OPTIONS, MOST_ROWS, MOST_IN_ROW = 100, 80, 25, 5, 5
"""Of a component (Discord's documentation, Message Components)."""
PICTURE = "wordcloud.png"


def colour(topic: str) -> discord.Colour:
    """The topic's colour, the same every day; the bot's own matters are grey."""
    if not topic:
        return discord.Colour(0x99AAB5)
    hue = zlib.crc32(topic.encode()) % 360 / 360
    red, green, blue = colorsys.hls_to_rgb(hue, 0.55, 0.65)
    return discord.Colour.from_rgb(round(red * 255), round(green * 255), round(blue * 255))


def embeds(reply: Reply, sheet: Sheet, number: int, of: int) -> list[discord.Embed]:
    """The embeds of a message, the last with the page's number where there are several."""
    found = []
    for page in sheet.pages:
        embed = discord.Embed(
            title=page.title or None, description=page.text or None, colour=colour(reply.topic)
        )
        if page.pictured:
            embed.set_image(url=f"attachment://{PICTURE}")
        found.append(embed)
    if of > 1:
        found[-1].set_footer(text=texts.text("page", reply.language, n=number, of=of))
    return found


def view(reply: Reply, number: int, of: int) -> ui.View:
    """The buttons of a message; none of it is kept in this process."""
    found = ui.View(timeout=None)
    rows = _rows(reply, number, of, 2 * MOST_IN_ROW)
    if len(rows) > MOST_ROWS:
        rows = _rows(reply, number, of, MOST_IN_ROW)
    taken: set[str] = set()
    for place, row in enumerate(rows[:MOST_ROWS]):
        for item in row:
            id_ = str(getattr(item, "custom_id", ""))
            if id_ not in taken:
                taken.add(id_)
                item.row = place
                found.add_item(item)
    found.stop()  # or the library would remember every view it ever sent
    return found


def _rows(reply: Reply, number: int, of: int, most: int) -> list[Sequence[ui.Item[ui.View]]]:
    """Rows of buttons; of more than `most` in a group, selects."""
    rows: list[Sequence[ui.Item[ui.View]]] = []
    if of > 1 and len(Press(reply.line, of).code) <= MOST_ID:
        rows.append(_arrows(reply.line, number, of))
    for group in reply.buttons:
        rows += _group(group, reply.language, len(rows), most)
    return rows


def _arrows(line: str, number: int, of: int) -> list[ui.Item[ui.View]]:
    back = ui.Button[ui.View](
        label="◀", custom_id=Press(line, max(1, number - 1)).code, disabled=number == 1
    )
    where = ui.Button[ui.View](label=f"{number}/{of}", custom_id="where", disabled=True)
    forth = ui.Button[ui.View](
        label="▶", custom_id=Press(line, min(of, number + 1)).code, disabled=number == of
    )
    if number == 1:
        return [where, forth]
    return [back, where] if number == of else [back, where, forth]


def _group(
    group: Sequence[Button], language: Language, place: int, most: int
) -> Iterator[Sequence[ui.Item[ui.View]]]:
    """Up to `most` buttons in rows of five; more as selects."""
    presses = [(one, Press(one.line, fresh=one.fresh)) for one in group]
    fitting = [(one, press) for one, press in presses if press.fits(MOST_ID)]
    if not fitting:
        return
    if len(fitting) <= most:
        buttons = [
            ui.Button[ui.View](label=one.label[:MOST_LABEL], custom_id=press.code)
            for one, press in fitting
        ]
        for start in range(0, len(buttons), MOST_IN_ROW):
            yield buttons[start : start + MOST_IN_ROW]
        return
    for start in range(0, len(fitting), MOST_OPTIONS):
        options = {
            press.code: discord.SelectOption(label=one.label[:MOST_LABEL], value=press.code)
            for one, press in fitting[start : start + MOST_OPTIONS]
        }
        select: ui.Select[ui.View] = ui.Select(
            custom_id=f"choice:{place}:{start}",
            placeholder=texts.text("choose", language),
            options=list(options.values()),
        )
        yield [select]
