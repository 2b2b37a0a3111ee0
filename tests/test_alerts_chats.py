"""Operators are told in their private chats on Telegram and Discord."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.alerts import Alerts
from bot.messages import Paragraph, reply
from bot.platforms import Gone, Setup, Unreachable
from bot.platforms.discord import Discord
from bot.platforms.telegram import Telegram
from tests.discord_server import DiscordServer
from tests.hosts import BOSS, NOW, hosted
from tests.samples import DAY
from tests.telegram_server import TelegramServer


async def test_an_operator_hears_on_telegram_once(tmp_path: Path) -> None:
    async with TelegramServer() as server, hosted(tmp_path) as (host, context, lines):
        server.person(int(BOSS), "Boss")
        bot = Telegram(host, Setup(server.token, server.url, operators=(BOSS,)))
        task = asyncio.create_task(bot.run())
        await server.until(lambda: lines or task.done())
        alerts = Alerts(context.store, lambda: NOW, "en")
        await alerts.tell("no_posts", "ai", day=DAY, n=0)
        for _ in range(3):
            await alerts.deliver("telegram", (BOSS,), bot.tell)
        (said,) = server.messages(int(BOSS))
        assert "no posts at all for 2025-12-06" in said.text
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_an_operator_hears_on_discord_by_direct_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Route, "BASE", Route.BASE)  # put back at the end
    async with DiscordServer() as server, hosted(tmp_path) as (host, context, lines):
        monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(server.gateway_url))
        boss = server.person(int(BOSS), "Boss", "en-US")
        bot = Discord(host, Setup(server.token, server.api_url, operators=(BOSS,)))
        task = asyncio.create_task(bot.run())
        await server.until(lambda: lines or task.done())
        alerts = Alerts(context.store, lambda: NOW, "en")
        await alerts.tell("source_down", "ai/hn", why="time-out")
        for _ in range(3):
            await alerts.deliver("discord", (BOSS,), bot.tell)
        (said,) = server.messages(server.dm(boss))
        assert "ai/hn does not answer (time-out)" in str(said.embeds)
        with pytest.raises((Gone, Unreachable)):
            await bot.tell("12345", reply(Paragraph("hello")))
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
