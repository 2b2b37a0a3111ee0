"""Updates that Telegram brings: stored, answered once, also across a restart."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from bot.host import BotHost
from bot.platforms import Setup
from bot.platforms.telegram import Telegram
from bot.web import SECRET_HEADER, build_app, serving
from digest.store import Store
from tests.hosts import hosted, running
from tests.telegram_server import TelegramServer

MEI = 7


class Hooked:
    """A bot that Telegram brings updates to."""

    def __init__(self, server: TelegramServer, host: BotHost, store: Store, url: str) -> None:
        self.server, self.store, self.url = server, store, url
        self.setup = Setup(server.token, server.url, webhook_url="https://bot.example/telegram")
        self._bot = Telegram(host, self.setup)

    async def bring(self, update: Any) -> int:
        """Take an update to the bot as Telegram does."""
        headers = {SECRET_HEADER: self.server.secret or self.setup.webhook_secret}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/telegram", json=update, headers=headers) as answer,
        ):
            return answer.status

    def talking(self) -> AbstractAsyncContextManager[None]:
        """The bot at work."""
        return running(self._bot)

    async def answers(self, number: int) -> None:
        """Wait for so many messages to Mei, and until no update is left."""
        await self.server.until(lambda: len(self.server.messages(MEI)) >= number)
        async with asyncio.timeout(10):
            while await self.store.list_received("telegram"):  # noqa: ASYNC110 (a table)
                await asyncio.sleep(0.02)


@asynccontextmanager
async def hooked(folder: Path) -> AsyncIterator[Hooked]:
    async with TelegramServer() as server, hosted(folder) as (host, context, _):
        server.person(MEI, "Mei")
        setup = Setup(server.token, webhook_url="https://bot.example/telegram")
        async with serving(
            build_app(context, lambda: host.platforms, host.receive, setup), "127.0.0.1:0"
        ) as address:
            yield Hooked(server, host, context.store, f"http://{address}")


async def test_an_update_that_is_brought_is_answered_once(tmp_path: Path) -> None:
    async with hooked(tmp_path) as up, up.talking():
        await up.server.until(lambda: up.server.webhook)
        assert up.server.secret == up.setup.webhook_secret
        update = up.server.say(MEI, MEI, "/help")
        assert await up.bring(update) == 200
        await up.answers(1)
        number = len(up.server.messages(MEI))
        assert await up.bring(update) == 200, "Telegram repeats what it is unsure of"
        await up.answers(number)
        await asyncio.sleep(0)
        assert len(up.server.messages(MEI)) == number


async def test_what_came_while_nobody_talked_is_answered_later(tmp_path: Path) -> None:
    async with hooked(tmp_path) as up:
        updates = [up.server.say(MEI, MEI, line) for line in ("/help", "/topics")]
        assert [await up.bring(one) for one in updates] == [200, 200]
        (first, _), _ = await up.store.list_received("telegram")
        assert len(await up.store.list_received("telegram", {first})) == 1, "it is under way"
        async with up.talking():
            await up.answers(2)


async def test_an_odd_update_stops_nothing(tmp_path: Path) -> None:
    async with hooked(tmp_path) as up, up.talking():
        assert await up.bring({"update_id": 5, "message": json.loads("[1]")}) == 200
        assert await up.bring(up.server.say(MEI, MEI, "/help")) == 200
        await up.answers(1)
