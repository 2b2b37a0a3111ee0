"""Render lines as Discord markdown in embeds. Untrusted text is escaped completely."""

import colorsys
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import discord
from discord import ui

from bot import texts
from bot.messages import Button, Picture, Press, Reply
from bot.rich import Line, PageBudget, Run, fitting, pages, parts, text_of, utf16
from digest.models import Language

# Discord accepts a backslash escape before any character. These characters can begin markup,
# mentions, emoji, time stamps or links anywhere in a line.
_SIGNS = re.compile(r"[\\*_~`|\[\]<>@#]|:(?=//|[\w+-]+:)")
# At the start of a line, lists and small print, too.
_LEADING = re.compile(r"(?m)^(\s*)([-+])")
_AFTER_NUMBER = re.compile(r"(?m)^(\s*\d+)([.)])")

# Characters that would end a link's address.
_ENDING = re.compile(r'[()<>"\\\s]')

PICTURE = "wordcloud.png"
TITLE = 256
DESCRIPTION = PageBudget(4000)
CLOSING = PageBudget(1500)
"""Discord allows 4,096 per embed and 6,000 for all embeds of a message with titles. Counted here in
UTF-16 units, which is never less than Discord counts."""


@dataclass(frozen=True, slots=True)
class EmbedSheet:
    """A message: its embeds, and the picture shown by the last one."""

    embeds: tuple[discord.Embed, ...]
    picture: Picture | None = None


def escaped(text: str) -> str:
    """Escape the text so that Discord shows it literally."""
    text = _SIGNS.sub(lambda sign: "\\" + sign.group(), text)
    text = _AFTER_NUMBER.sub(r"\1\\\2", text)
    return _LEADING.sub(r"\1\\\2", text)


def shown(run: Run) -> str:
    inner = escaped(run.text)
    if run.url:
        return f"[{inner}]({_ENDING.sub(lambda sign: quote(sign.group()), run.url)})"
    if run.bold and inner.strip():
        core = inner.strip()
        before, _, after = inner.partition(core)
        return f"{before}**{core}**{after}"
    return inner


def size(run: Run) -> int:
    """Return the maximum size of a run in an embed, wherever it is placed."""
    return utf16(shown(run))


def sheets(reply: Reply) -> list[EmbedSheet]:
    """Return the reply as messages within Discord's limits. The picture is in one message with the
    end of the text before it and the text after it."""
    before, picture, after = parts(reply)
    title = None
    first = before or after
    if first and first[0].heading == 1:
        heading = escaped(text_of(first[0].lines))
        if utf16(heading) <= TITLE:
            title = heading
            del first[0]

    def write(lines: Sequence[Line]) -> discord.Embed:
        text = "\n".join("".join(map(shown, line)) for line in lines)
        return discord.Embed(description=text or None, colour=colour(reply.topic))

    def pictured(lines: Sequence[Line]) -> discord.Embed:
        return write(lines).set_image(url=f"attachment://{PICTURE}")

    if picture is None:
        embeds = [write(page) for page in pages(after, size, DESCRIPTION) or [[]]]
        for embed in embeds:
            embed.title = title
        return [EmbedSheet((embed,)) for embed in embeds]
    single, left = fitting([*before, *after], size, DESCRIPTION)
    if not left:
        embeds, left_pages = [pictured(single)], list[list[Line]]()
    else:
        closing, left = fitting(after, size, CLOSING)
        embeds = [*map(write, pages(before, size, DESCRIPTION)), pictured(closing)]
        left_pages = pages(left, size, DESCRIPTION)
    embeds[0].title = title
    return [
        *(EmbedSheet((embed,)) for embed in embeds[:-2]),
        EmbedSheet(tuple(embeds[-2:]), picture),
        *(EmbedSheet((write(page),)) for page in left_pages),
    ]


MAX_ID_CHARS, MAX_LABEL_CHARS, MAX_OPTIONS, MAX_ROWS, MAX_PER_ROW = 100, 80, 25, 5, 5
"""Limits of message components (Discord's documentation)."""


def colour(topic: str) -> discord.Colour:
    """Return the topic's fixed colour; grey for replies without a topic."""
    if not topic:
        return discord.Colour(0x99AAB5)
    hue = zlib.crc32(topic.encode()) % 360 / 360
    red, green, blue = colorsys.hls_to_rgb(hue, 0.55, 0.65)
    return discord.Colour.from_rgb(round(red * 255), round(green * 255), round(blue * 255))


def build_view(reply: Reply, number: int, of: int) -> ui.View:
    """Return the buttons of a message; this process does not keep them."""
    view = ui.View(timeout=None)
    rows = _rows(reply, number, of, 2 * MAX_PER_ROW)
    if len(rows) > MAX_ROWS:
        rows = _rows(reply, number, of, MAX_PER_ROW)
    ids: set[str] = set()
    for place, row in enumerate(rows[:MAX_ROWS]):
        for item in row:
            id_ = str(getattr(item, "custom_id", ""))
            if id_ not in ids:
                ids.add(id_)
                item.row = place
                view.add_item(item)
    view.stop()  # otherwise the library would keep every view it ever sent
    return view


def _rows(reply: Reply, number: int, of: int, most: int) -> list[Sequence[ui.Item[ui.View]]]:
    """Return rows of buttons; groups of more than `most` become selects."""
    rows: list[Sequence[ui.Item[ui.View]]] = []
    if of > 1 and len(Press(reply.line, of).code) <= MAX_ID_CHARS:
        rows.append(_arrows(reply.line, number, of))
    for group in reply.buttons:
        rows += _group(group, reply.language, len(rows), most)
    return rows


def _arrows(line: str, number: int, of: int) -> Sequence[ui.Item[ui.View]]:
    arrows = [ui.Button[ui.View](label=f"{number}/{of}", custom_id="where", disabled=True)]
    if number > 1:
        arrows.insert(0, ui.Button(label="◀", custom_id=Press(line, number - 1).code))
    if number < of:
        arrows.append(ui.Button(label="▶", custom_id=Press(line, number + 1).code))
    return arrows


def _group(
    group: Sequence[Button], language: Language, place: int, most: int
) -> Iterator[Sequence[ui.Item[ui.View]]]:
    """Yield up to `most` buttons in rows of five; more as selects."""
    presses = [(button.label, Press(button.line, fresh=button.fresh)) for button in group]
    fitting = [
        (label[:MAX_LABEL_CHARS], press.code)
        for label, press in presses
        if press.fits(MAX_ID_CHARS)
    ]
    if len(fitting) <= most:
        buttons = [ui.Button[ui.View](label=label, custom_id=code) for label, code in fitting]
        for start in range(0, len(buttons), MAX_PER_ROW):
            yield buttons[start : start + MAX_PER_ROW]
        return
    words = texts.text("choose", language)
    for start in range(0, len(fitting), MAX_OPTIONS):
        some = fitting[start : start + MAX_OPTIONS]
        options = {code: discord.SelectOption(label=label, value=code) for label, code in some}
        id_, listed = f"choice:{place}:{start}", list(options.values())
        yield [ui.Select[ui.View](custom_id=id_, placeholder=words, options=listed)]
