"""One way to talk to the bot on every platform, each against its fake."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from bot.host import BotHost
from bot.messages import Incoming, Reply
from bot.platforms import Setup, open_platform, terminal
from bot.services import Services
from digest.models import Chat, Report
from digest.store import Store
from tests import discord_markdown
from tests.discord_server import DiscordServer
from tests.discord_things import Channel, Message
from tests.hosts import context, fill
from tests.telegram_server import TelegramServer


class Recording(BotHost):
    """The bot, and all that it answered; everybody is one of its operators."""

    context: Services
    answered: list[list[Reply]]

    async def answer(self, incoming: Incoming) -> AsyncIterator[Reply]:
        """The replies to a line."""
        replies: list[Reply] = []
        async for one in super().answer(incoming):
            replies.append(one)
            yield one
        self.answered.append(replies)


@asynccontextmanager
async def recording(folder: Path, *more: Report) -> AsyncIterator[Recording]:
    """The bot over a store of its own with two reports, and these."""
    folder.mkdir(exist_ok=True)
    async with await Store.open(f"sqlite:///{folder}/bot.db") as store:
        await fill(store, *more)
        made = replace(context(store, folder), is_admin=lambda _: True)
        host = Recording(made, lambda _: None)
        host.context, host.answered = made, []
        yield host


class Talk(Protocol):
    """A conversation with the bot on one platform."""

    async def ask(self, command: str, words: str = "", person: int = 7) -> str:
        """What a person sees after a command."""
        ...


Fake = Callable[[Recording], AbstractAsyncContextManager[Talk]]


class OnTelegram:
    """Private chats."""

    def __init__(self, server: TelegramServer, host: Recording) -> None:
        self.server, self.host = server, host

    async def ask(self, command: str, words: str = "", person: int = 7) -> str:
        """Sends a line in the private chat with that person."""
        if person not in self.server.chats:
            self.server.person(person, "Somebody")
        before, done = len(self.server.messages(person)), len(self.host.answered)
        self.server.say(person, person, f"/{command} {words}".strip())
        await self.server.until(lambda: len(self.host.answered) > done)
        return "\n".join(found.text for found in self.server.messages(person)[before:])


class OnDiscord:
    """Direct messages."""

    def __init__(self, server: DiscordServer, host: Recording) -> None:
        self.server, self.host = server, host

    async def ask(self, command: str, words: str = "", person: int = 7) -> str:
        """Calls a slash command with the words as its first text, if it takes any."""
        somebody = self.server.person(person, "Somebody")
        channel = self.server.dm(somebody)
        options = self.server.commands[command]["options"]
        texts = [option for option in options if option["type"] == 3]
        words = words or "news" * any(option.get("required") for option in texts[:1])
        given = {texts[0]["name"]: words} if words and texts else {}
        before, done = len(self.server.messages(channel)), len(self.host.answered)
        await self.server.slash(channel, somebody, command, **given)
        await self.server.until(lambda: len(self.host.answered) > done)
        return "\n".join(_read(found) for found in self.server.messages(channel)[before:])


def _read(message: Message) -> str:
    parts = [embed.get(key, "") for embed in message.embeds for key in ("title", "description")]
    return "\n".join(discord_markdown.read(part)[0] for part in parts)


class OnTerminal:
    """A terminal of 100 columns."""

    def __init__(self, host: Recording) -> None:
        self.host = host

    async def ask(self, command: str, words: str = "", person: int = 7) -> str:
        """Types a line."""
        line = f"/{command} {words}".strip()
        here = Chat("terminal", "terminal")
        asked = Incoming(here, str(person), line, configures=terminal.everything)
        return "\n".join(
            [terminal.render(one, 100, styled=False) async for one in self.host.answer(asked)]
        )


@asynccontextmanager
async def _telegram(host: Recording) -> AsyncIterator[OnTelegram]:
    async with TelegramServer() as server, _running("telegram", host, server.token, server.url):
        yield OnTelegram(server, host)
        assert not [call for call in server.calls if call[0] == "getFile"]


@asynccontextmanager
async def _discord(host: Recording) -> AsyncIterator[OnDiscord]:
    async with DiscordServer() as server, _running("discord", host, server.token, server.api_url):
        yield OnDiscord(server, host)
        assert server.refusals == []


@asynccontextmanager
async def _terminal(host: Recording) -> AsyncIterator[OnTerminal]:
    yield OnTerminal(host)


@asynccontextmanager
async def _running(name: str, host: Recording, token: str, url: str) -> AsyncIterator[None]:
    """The bot on a platform, from the moment it is ready."""
    ready = asyncio.Event()
    host.ready = lambda *_: ready.set()  # type: ignore[method-assign]
    task = asyncio.create_task(open_platform(name, host, Setup(token, url)).run())
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        yield
    finally:
        waiting.cancel()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


FAKES: Mapping[str, Fake] = {"telegram": _telegram, "discord": _discord, "terminal": _terminal}
"""A new platform needs a fake here."""
__all__ = ["FAKES", "Channel", "OnDiscord", "OnTelegram", "Recording", "recording"]
