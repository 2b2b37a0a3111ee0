"""One contract for every platform of the folder and every command of the table, and texts of
strangers wherever they may come in: nobody is pinged, nothing is refused or breaks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, cast

import pytest

from bot import platforms
from bot.commands import COMMANDS, answer
from bot.host import BotHost
from bot.messages import Block, Incoming, Paragraph, Reply
from bot.platforms import Setup, open_platform, terminal
from bot.services import Services
from bot.texts import text
from digest.models import SECTIONS, Chat, Cited, Item, Report, Section, SourceResult
from digest.store import Store
from tests import FULL, discord_markdown
from tests.discord_server import DiscordServer
from tests.discord_things import Message
from tests.hosts import context, fill
from tests.made_replies import strings
from tests.posts import TOPIC
from tests.rendered import check, expected, in_terminal, squeezed
from tests.samples import DAY, WHEN, report
from tests.telegram_server import TelegramServer

ARGUMENTS = {
    "report": "2025-12-06",
    "stocks": "NVDA",
    "detail": "views",
    "help": "en",
    "ask": "NVDA",
    "search": "NVDA",
}
"""What is asked where the bare command is not the usual way."""


STRINGS = strings(1000 if FULL else 250)
PARTS = len(STRINGS) // 80
"""Reports that hold all of them."""
HERE = Chat("terminal", "terminal")
READS = frozenset(
    "list_topics load_latest load_report list_days count_posts find_neighbours load_cloud"
    " load_daily list_dropped check".split()
)
APOLOGIES = tuple(
    text(key, language, id="|").split("|")[0]
    for key in ("wrong", "busy")
    for language in ("zh", "en")
)


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
    host.mark_ready = lambda *_: ready.set()  # type: ignore[method-assign]
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


def _content(replies: list[Reply], name: str, folder: Path) -> list[str]:
    """The words of the replies, but for what the terminal says about itself, and the folder."""
    own = "终端收不到推送"
    return [
        squeezed(line).replace(str(folder), "")
        for one in replies
        for line in expected(one).split("\n")
        if not (name == "terminal" and own in line)
    ]


async def test_every_command_says_the_same_on_every_platform(tmp_path: Path) -> None:
    missing = set(platforms.names()) - FAKES.keys()
    assert not missing, f"no fake for {missing}: add one to FAKES"
    async with AsyncExitStack() as stack:
        talks: dict[str, tuple[Recording, Talk]] = {}
        for name in platforms.names():
            host = await stack.enter_async_context(recording(tmp_path / name))
            talks[name] = host, await stack.enter_async_context(FAKES[name](host))
        for number, command in enumerate(COMMANDS):
            said: dict[str, list[str]] = {}
            for name, (host, talk) in talks.items():
                # Other people now and then: each may ask only so often.
                person = 7 + number // 10
                words = ARGUMENTS.get(command.name, "")
                seen = squeezed(await talk.ask(command.name, words, person))
                said[name] = _content(host.answered[-1], name, tmp_path / name)
                assert said[name], f"/{command.name} says nothing on {name}"
                if name == "terminal":
                    in_terminal(host.answered[-1], seen)
                    continue
                seen, place = seen.replace(str(tmp_path / name), ""), 0
                for line in said[name]:
                    at = seen.find(line, place)
                    assert at >= 0, f"/{command.name} on {name} does not show {line!r}: {seen!r}"
                    place = at + len(line)
            texts = {tuple(lines) for lines in said.values()}
            assert len(texts) == 1, f"/{command.name} differs: {said}"


class Remembered:
    """The store, asked each question once, to save time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[object, ...], object] = {}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        real: Callable[..., Any] = getattr(self._store, name)
        if name not in READS:
            return real

        async def read(*asked: object) -> object:
            if (name, *asked) not in self._known:
                self._known[name, *asked] = await real(*asked)
            return self._known[name, *asked]

        return read


async def _answers(context: Services, line: str) -> list[Reply]:
    asked = Incoming(HERE, "x", line, configures=terminal.everything)
    return [one async for one in answer(context, asked)]


def _fine(one: Reply) -> None:
    """Every platform takes it, and it is no apology."""
    assert not _apology(one), one
    check(one)


def _sorry(block: Block) -> bool:
    return isinstance(block, Paragraph) and block.text.startswith(APOLOGIES)


def _whole(one: str) -> str:
    """As UTF-8 can carry it: no message and no store holds half a character."""
    return one.encode("utf-8", "replace").decode().replace("\x00", "")


def hostile(part: int) -> Report:
    """A report of some of the strings, each as text, title, group, author, address and heading."""
    some = [_whole(one) for one in STRINGS[part::PARTS]]
    keys = [f"x:{n}" for n in range(len(some))]
    items = tuple(
        Item(
            one, some[-n] if n % 3 else "", some[n - 50] if n % 7 == 0 else "", (keys[n], keys[-n])
        )
        for n, one in enumerate(some)
    )
    return replace(
        report(DAY - timedelta(days=7 + part)),
        sections=tuple(
            Section(name, some[n], items if name == "points" else items[n::9])
            for n, name in enumerate(SECTIONS)
        ),
        sources=(SourceResult(some[0], 1), SourceResult(some[1], ok=False, note=some[2])),
        posts={key: Cited(one, one, one, WHEN) for key, one in zip(keys, some, strict=True)},
    )


async def test_hostile_words_stay_text_in_every_command(tmp_path: Path) -> None:
    async with recording(tmp_path) as host:
        store = cast(Store, Remembered(host.context.store))
        context = replace(host.context, store=store)
        seen: set[str] = set()
        for number, one in enumerate(STRINGS):
            # Each text by a twelfth of the commands in turn: all of them by all take ten minutes.
            names = [command.name for command in COMMANDS[number % 12 :: 12]]
            for line in (one, f"/{one}", *(f"/{name} {one}" for name in names)):
                replies = await _answers(context, line)
                assert replies, line
                for reply in replies:
                    if (shown := repr(reply)) not in seen:
                        seen.add(shown)
                        _fine(reply)
    assert len(seen) > len(STRINGS)


async def test_hostile_posts_stay_text_in_every_command(tmp_path: Path) -> None:
    async with recording(tmp_path, *map(hostile, range(PARTS))) as host:
        context = replace(host.context, store=cast(Store, Remembered(host.context.store)))
        for part in range(PARTS):
            found = hostile(part)
            # All sections stand in the report; the other commands show the same ones.
            shown = (
                [command.name for command in COMMANDS if command.reads] if part == 0 else ["report"]
            )
            lines = [f"/{name} ai {found.last}" for name in shown]
            points = len(found.section("points").items)
            lines += [f"/sources {n} {found.last}" for n in range(1, points + 1, 5)]
            for line in lines:
                for reply in await _answers(context, line):
                    _fine(reply)


@pytest.mark.parametrize("name", sorted(FAKES))
async def test_hostile_text_passes_through_the_platform(tmp_path: Path, name: str) -> None:
    newest = replace(hostile(0), first=DAY + timedelta(days=1), last=DAY + timedelta(days=1))
    async with recording(tmp_path, newest) as host, FAKES[name](host) as talk:
        for number, one in enumerate(STRINGS[::8]):
            row = COMMANDS[number % len(COMMANDS)]
            await talk.ask(row.name, _whole(one)[:4000], person=10 + number // 15)
        for number, command in enumerate(COMMANDS):
            await talk.ask(command.name, person=1000 + number // 15)
        assert len(host.answered) == len(STRINGS[::8]) + len(COMMANDS)
        assert not [one for replies in host.answered for one in replies if _apology(one)]


def _apology(one: Reply) -> bool:
    return any(_sorry(block) for block in one.blocks)


async def test_a_topic_with_one_title_is_offered_under_it_once(tmp_path: Path) -> None:
    racing = replace(TOPIC, name="racing", title={"zh": "F1", "en": "F1"})
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        services = replace(context(store, tmp_path), topics={"ai": TOPIC, "racing": racing})
        offered = await BotHost(services, print).suggest("topic", "", "", "en")
    assert list(offered) == [("人工智能 / AI (ai)", "ai"), ("F1 (racing)", "racing")]
