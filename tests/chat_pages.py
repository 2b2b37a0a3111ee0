"""What the bot sent to the servers of Telegram and Discord, as pages that look like their apps."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from html import escape
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt

from bot.platforms import Host, Platform, Setup, open_platform
from digest.cloud import font_path
from tests.discord_gateway import TOKEN
from tests.discord_server import DiscordServer
from tests.discord_things import Message as DiscordMessage
from tests.telegram_chats import Message as TelegramMessage
from tests.telegram_server import TelegramServer

FONT = '@font-face{{font-family:"Noto Sans SC";src:url("{font}")}}'
TELEGRAM = """<!doctype html><meta charset="utf-8"><style>{face}
body{{margin:0;padding:14px 12px;background:#d3e3c8;font:15px/1.42 "Noto Sans SC",sans-serif;color:#111}}
.m{{background:#fff;border-radius:12px;padding:8px 12px;margin:0 34px 6px 0;white-space:pre-wrap;overflow-wrap:anywhere}}
.me{{background:#e7fdd1;margin:0 0 8px auto;width:fit-content}}.p{{padding:0;overflow:hidden}}.p img{{width:100%;display:block}}
.p div{{padding:8px 12px}}i{{font-style:normal;background:#eef4fa}}a{{color:#2a7bbf;text-decoration:none}}.r{{display:flex;gap:5px;margin:0 34px 5px 0}}
.r span{{flex:1;background:#8fae83cc;color:#fff;border-radius:8px;text-align:center;padding:7px 2px;font-size:14px}}</style>{body}"""
DISCORD = """<!doctype html><meta charset="utf-8"><style>{face}
body{{margin:0;padding:14px 12px;background:#313338;font:15px/1.42 "Noto Sans SC",sans-serif;color:#dbdee1}}
.u{{color:#949ba4;font-size:13px;margin:4px 0 8px}}.u b{{color:#f2f3f5;font-size:15px}}
.e{{background:#2b2d31;border-left:4px solid;border-radius:4px;padding:10px 14px;margin:0 20px 6px 0;overflow-wrap:anywhere}}
.e h4{{margin:0 0 6px;color:#f2f3f5}}.e p{{margin:0 0 9px}}.e img{{width:100%;border-radius:4px;margin-top:6px}}
a{{color:#00a8fc;text-decoration:none}}small{{color:#949ba4}}.r{{display:flex;flex-wrap:wrap;gap:7px;margin:8px 0}}
.r span{{background:#4e5058;color:#fff;border-radius:4px;padding:6px 13px;font-size:14px}}
.s{{background:#1e1f22;border-radius:4px;padding:8px 12px;margin:6px 20px 6px 0;color:#949ba4}}</style>{body}"""


async def telegram_page(host: Host) -> str:
    """/brief and one of its buttons on Telegram."""
    async with TelegramServer() as server:
        server.person(7, "Mei")
        setup = Setup(server.token, server.url)
        async with running(open_platform("telegram", host, setup)):
            server.say(7, 7, "/brief 5")
            await server.until(lambda: any(m.buttons for m in server.messages(7)))
            points = server.messages(7)[-1]
            number = len(server.messages(7))
            server.press(7, points.message_id, "行情", 7)
            await server.until(lambda: len(server.messages(7)) > number)
            shown = ['<div class="m me">/brief 5</div>', *map(_telegram, server.messages(7))]
    return _filled(TELEGRAM, "".join(shown))


async def discord_page(host: Host) -> str:
    """/brief and one of its buttons on Discord."""
    async with DiscordServer() as server:
        channel = server.channel(server.guild(1 << 22, "Home"), 20, "ai-news")
        mei = server.person(7, "Mei")
        async with running(open_platform("discord", host, Setup(TOKEN, server.api_url))):
            await server.until(lambda: server.commands and server._hearing(channel.guild), 20)
            first = await (await server.slash(channel, mei, "brief")).done()
            pressed = await server.press(first, "行情", mei)
            found = [first, await pressed.done()]
            shown = [
                _discord(one, said) for one, said in zip(found, ("/brief", "行情"), strict=True)
            ]
    return _filled(DISCORD, "".join(shown))


@contextlib.asynccontextmanager
async def running(platform: Platform) -> AsyncIterator[None]:
    """The platform at work."""
    task = asyncio.create_task(platform.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _filled(page: str, body: str) -> str:
    return page.format(face=FONT.format(font=font_path().as_uri()), body=body)


def _telegram(message: TelegramMessage) -> str:
    text = _marked(message.text, message.entities)
    rows = "".join(_row([button["text"] for button in row]) for row in message.buttons)
    if message.photo:
        return f'<div class="m p">{_image(message.photo)}<div>{text}</div></div>{rows}'
    return f'<div class="m">{text}</div>{rows}'


def _marked(text: str, entities: list[Any]) -> str:
    """Text with its entities, which count UTF-16 units."""
    units = text.encode("utf-16-le")
    cuts = sorted({0, len(units) // 2, *(e["offset"] for e in entities), *map(_end, entities)})
    shown = ""
    for start, stop in pairwise(cuts):
        piece = escape(units[2 * start : 2 * stop].decode("utf-16-le"))
        for entity in entities:
            if entity["offset"] <= start and stop <= _end(entity):
                tag = {"text_link": 'a href="#"', "bold": "b"}.get(entity["type"], "i")
                piece = f"<{tag}>{piece}</{tag[0]}>"
        shown += piece
    return shown


def _end(entity: Any) -> int:
    return int(entity["offset"]) + int(entity["length"])


def _discord(message: DiscordMessage, said: str) -> str:
    shown = [f'<div class="u"><b>简报</b> Mei: {escape(said)}</div>']
    for embed in message.embeds:
        text = MarkdownIt("commonmark", {"breaks": True}).render(embed.get("description") or "")
        title = f"<h4>{escape(embed['title'])}</h4>" if embed.get("title") else ""
        picture = _image(next(iter(message.files.values()))) if embed.get("image") else ""
        foot = f"<small>{escape(embed['footer']['text'])}</small>" if embed.get("footer") else ""
        colour = f"#{embed.get('color') or 0:06x}"
        shown.append(
            f'<div class="e" style="border-color:{colour}">{title}{text}{picture}{foot}</div>'
        )
    for row in message.components:
        inside = row["components"]
        if inside[0]["type"] == 3:
            shown.append(f'<div class="s">{escape(inside[0]["placeholder"])} ▾</div>')
        else:
            shown.append(_row([button["label"] for button in inside]))
    return "".join(shown)


def _row(labels: list[str]) -> str:
    return (
        '<div class="r">' + "".join(f"<span>{escape(label)}</span>" for label in labels) + "</div>"
    )


def _image(data: bytes) -> str:
    return f'<img src="data:image/png;base64,{base64.b64encode(data).decode()}">'
