"""Render messages sent to the fake Telegram and Discord servers as pages that look like their
apps."""

from __future__ import annotations

import base64
from html import escape
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt

from bot import texts
from bot.messages import Reply
from bot.platforms import Host, Setup, open_platform
from digest.cloud import font_path
from digest.models import Language
from tests.discord_gateway import TOKEN
from tests.discord_server import DiscordServer
from tests.discord_things import Message as DiscordMessage
from tests.hosts import running
from tests.telegram_chats import Message as TelegramMessage
from tests.telegram_server import TelegramServer

FONT = '@font-face{{font-family:"Noto Sans SC";src:url("{font}")}}'
TAGS = {"text_link": 'a href="#"', "bold": "b", "expandable_blockquote": "q"}
TELEGRAM = """<!doctype html><meta charset="utf-8"><style>{face}
body{{margin:0;padding:14px 12px;background:#d3e3c8;font:15px/1.42 "Noto Sans SC",sans-serif;color:#111}}
.m{{background:#fff;border-radius:12px;padding:8px 12px;margin:0 34px 6px 0;white-space:pre-wrap;overflow-wrap:anywhere}}
.me{{background:#e7fdd1;margin:0 0 8px auto;width:fit-content}}.p{{padding:0;overflow:hidden}}.p img{{width:100%;display:block}}
.p div{{padding:8px 12px}}i{{font-style:normal;background:#eef4fa}}q{{quotes:none;box-shadow:-3px 0 #2a7bbf;padding-left:6px}}a{{color:#2a7bbf;text-decoration:none}}.r{{display:flex;gap:5px;margin:0 34px 5px 0}}
.r span{{flex:1;background:#8fae83cc;color:#fff;border-radius:8px;text-align:center;padding:7px 2px;font-size:14px}}</style>{body}"""
DISCORD = """<!doctype html><meta charset="utf-8"><style>{face}
body{{margin:0;padding:14px 12px;background:#313338;font:15px/1.42 "Noto Sans SC",sans-serif;color:#dbdee1}}
.u{{color:#949ba4;font-size:13px;margin:4px 0 8px}}.u b{{color:#f2f3f5;font-size:15px}}
.e{{background:#2b2d31;border-left:4px solid;border-radius:4px;padding:10px 14px;margin:0 20px 6px 0;overflow-wrap:anywhere}}
.e h4{{margin:0 0 6px;color:#f2f3f5}}.e p{{margin:0 0 9px}}.e img{{width:100%;border-radius:4px;margin-top:6px}}
a{{color:#00a8fc;text-decoration:none}}small{{color:#949ba4}}.r{{display:flex;flex-wrap:wrap;gap:7px;margin:8px 0}}
.r span{{background:#4e5058;color:#fff;border-radius:4px;padding:6px 13px;font-size:14px}}
.s{{background:#1e1f22;border-radius:4px;padding:8px 12px;margin:6px 20px 6px 0;color:#949ba4}}</style>{body}"""


async def telegram_pages(host: Host, language: Language, alert: Reply) -> tuple[str, str]:
    """Return pages of Telegram: a brief with one of its sections; settings with an alert."""
    async with TelegramServer() as server:
        server.person(7, "Mei", language)
        platform = open_platform("telegram", host, Setup(server.token, server.url))
        async with running(platform):
            await _say(server, f"/subscribe {language}", 2)
            brief = await _say(server, "/brief 5", 1)
            number = len(server.messages(7))
            section = texts.text("open_stocks", language)
            server.press(7, brief[-1].message_id, section, 7)
            await server.until(lambda: len(server.messages(7)) > number)
            brief += server.messages(7)[number:]
            settings = await _say(server, "/settings", 1)
            await platform.tell("7", alert)
            settings.append(server.messages(7)[-1])
        return _telegrams("/brief 5", brief), _telegrams("/settings", settings)


async def _say(server: TelegramServer, line: str, keyboards: int) -> list[TelegramMessage]:
    """Send a line; return the answers once that many of them have buttons."""
    number = len(server.messages(7))
    server.say(7, 7, line)

    def answers() -> list[TelegramMessage]:
        return [message for message in server.messages(7)[number:] if message.mine]

    await server.until(lambda: sum(bool(one.buttons) for one in answers()) >= keyboards, 20)
    return answers()


def _telegrams(line: str, messages: list[TelegramMessage]) -> str:
    shown = "".join(map(_telegram, messages))
    return _filled(TELEGRAM, f'<div class="m me">{escape(line)}</div>{shown}')


async def discord_pages(host: Host, language: Language, alert: Reply) -> tuple[str, str]:
    """Return pages of Discord: a brief with one of its sections; settings with an alert."""
    async with DiscordServer() as server:
        mei = server.person(7, "Mei", {"zh": "zh-CN", "en": "en-US"}[language])
        channel, section = server.dm(mei), texts.text("open_stocks", language)
        platform = open_platform("discord", host, Setup(TOKEN, server.api_url))
        async with running(platform):
            await server.until(lambda: server.commands and server._hearing(channel.guild), 20)
            await (await server.slash(channel, mei, "subscribe", options=language)).done()
            brief = await (await server.slash(channel, mei, "brief")).done()
            pressed = await (await server.press(brief, section, mei)).done()
            settings = await (await server.slash(channel, mei, "settings")).done()
            await platform.tell("7", alert)
            told = server.messages(channel)[-1]
        title = texts.text("alert", language)
        pages = (("/brief", brief), (section, pressed)), (("/settings", settings), (title, told))
        first, second = ("".join(_discord(one, line) for line, one in page) for page in pages)
        return _filled(DISCORD, first), _filled(DISCORD, second)


def _filled(page: str, body: str) -> str:
    return page.format(face=FONT.format(font=font_path().as_uri()), body=body)


def _telegram(message: TelegramMessage) -> str:
    text = _marked(message.text, message.entities)
    rows = "".join(_row([button["text"] for button in row]) for row in message.buttons)
    if message.photo:
        return f'<div class="m p">{_image(message.photo)}<div>{text}</div></div>{rows}'
    return f'<div class="m">{text}</div>{rows}'


def _marked(text: str, entities: list[Any]) -> str:
    """Return a text as HTML with its entities, which count UTF-16 units."""
    units = text.encode("utf-16-le")
    cuts = sorted({0, len(units) // 2, *(e["offset"] for e in entities), *map(_end, entities)})
    shown = ""
    for start, stop in pairwise(cuts):
        piece = escape(units[2 * start : 2 * stop].decode("utf-16-le"))
        for entity in entities:
            if entity["offset"] <= start and stop <= _end(entity):
                tag = TAGS.get(entity["type"], "i")
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
