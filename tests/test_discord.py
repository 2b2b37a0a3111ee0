"""The bot on Discord, against a server that answers and refuses as Discord's does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from bot.host import BotHost
from bot.messages import Paragraph, reply
from bot.platforms import Gone, Refused, Setup, Unreachable
from bot.platforms.discord import Discord
from bot.platforms.discord.rest import DiscordDeliverer
from bot.services import Services
from digest.models import Chat, Item
from tests.discord_rules import bits
from tests.discord_server import DiscordServer
from tests.discord_things import APPLICATION, Channel, Interaction, Message, Person
from tests.hosts import BOSS, hosted
from tests.samples import DAY, report

GUILD, TEXT, NEWS, FORUM, THREAD, POST = 1 << 22, 20, 21, 22, 30, 31


@dataclass
class Running:
    """A bot that talks to the server, and what stands behind it."""

    server: DiscordServer
    host: BotHost
    context: Services
    bot: Discord
    lines: list[str]
    mei: Person
    ann: Person

    @property
    def text(self) -> Channel:
        return self.server.channels[TEXT]

    async def ask(self, name: str, who: Person | None = None, **given: Any) -> Message:
        """The first answer to a command in the text channel."""
        it = await self.server.slash(self.text, who or self.mei, name, **given)
        return await it.done()

    def admin(self, who: Person, permission: str = "manage_guild") -> None:
        self.server.grant(self.server.guilds[GUILD], who, **{permission: True})


@contextlib.asynccontextmanager
async def connected(
    host: BotHost, server: DiscordServer, lines: list[str]
) -> AsyncIterator[Discord]:
    """A bot that is ready; it ends as the program ends."""
    lines.clear()
    bot = Discord(host, Setup(server.token, server.api_url, operators=(BOSS,)))
    bot.client._connection.guild_ready_timeout = 0.05
    task = asyncio.create_task(bot.run())
    try:
        await server.until(lambda: lines or task.done(), 10)
        yield bot
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def furnished() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        guild = server.guild(GUILD, "Home")
        text = server.channel(guild, TEXT, "chat")
        server.channel(guild, NEWS, "news", kind="announcement")
        forum = server.channel(guild, FORUM, "forum", kind="forum")
        server.thread(text, THREAD, "aside")
        server.thread(forum, POST, "a post")
        yield server


@contextlib.asynccontextmanager
async def talking(folder: Path) -> AsyncIterator[Running]:
    """The bot with people, a server and its channels."""
    async with furnished() as server, hosted(folder) as (host, context, lines):
        mei, ann = server.person(7, "小梅"), server.person(8, "Ann", "en-US")
        async with connected(host, server, lines) as bot:
            yield Running(server, host, context, bot, lines, mei, ann)


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[Running]:
    async with talking(tmp_path) as found:
        yield found


def labels(message: Message) -> list[str]:
    buttons = [part.get("label", "") for part in message.parts(2)]
    return buttons + [option["label"] for part in message.parts(3) for option in part["options"]]


def shown(message: Message) -> str:
    return "\n".join(f"{e.get('title', '')}\n{e.get('description', '')}" for e in message.embeds)


async def test_a_brief_is_an_embed_with_the_picture_and_the_points(up: Running) -> None:
    message = await up.ask("brief")
    (top,) = message.embeds
    assert top["title"].startswith("人工智能 · 2025-12-06")
    assert top["image"]["url"] == "attachment://wordcloud.png"
    assert message.files["wordcloud.png"].startswith(b"\x89PNG")
    assert "Meridian 3.2 Pro is out" in top["description"]
    assert "](https://x.com/ada/status/1)" in top["description"]
    assert top["color"] != 0x99AAB5
    assert {"观点", "行情", "◀ 12-04"} <= {*labels(message)}
    assert not message.ephemeral


async def test_a_brief_may_be_as_short_as_asked(up: Running) -> None:
    told = [shown(await up.ask("brief", limit=number)) for number in (1, 2)]
    assert ["2\\." in text for text in told] == [False, True]


async def test_buttons_work_after_a_restart_and_turn_to_other_days(
    tmp_path: Path,
) -> None:
    async with furnished() as server, hosted(tmp_path) as (host, _, lines):
        mei, text = server.person(7, "小梅"), server.channels[TEXT]
        async with connected(host, server, lines):
            brief = await (await server.slash(text, mei, "brief")).done()
        async with connected(host, server, lines):
            section = await (await server.press(brief, "观点", mei)).done()
            assert section is not brief
            assert section.ephemeral
            assert "标题views" in shown(section)
            assert await (await server.press(section, "行情", mei)).done() is section
            assert "NVDA fell" in shown(section)
            await (await server.press(section, "◀ 12-04", mei)).done()
            assert "2025-12-04" in shown(section).replace("\\", "")
            assert "12-06 ▶" in labels(section)
        assert server.syncs == 1, "the commands did not change"


async def test_a_long_section_is_paged_in_its_place(up: Running) -> None:
    many = tuple(Item(f"Statement {n}. " * 20, cites=("x:1",)) for n in range(40))
    await up.context.store.save_report(report(DAY, views=many))
    message = await up.ask("views")
    seen = [shown(message)]
    first, of = labels(message)[0].split("/")
    assert (first, labels(message)[1]) == ("1", "▶")
    for _ in range(int(of) - 1):
        assert await (await up.server.press(message, "▶", up.mei)).done() is message
        seen.append(shown(message))
    assert labels(message)[:2] == ["◀", f"{of}/{of}"]
    whole = "".join(seen)
    assert all(whole.count(f"Statement {n}. ") == 20 for n in range(40))


async def test_options_complete_themselves(up: Running) -> None:
    async def offered(*line: str) -> dict[str, str]:
        ann = up.server.person(8, "Ann", "en-US")
        return {c["name"]: c["value"] for c in await up.server.complete(up.text, ann, *line)}

    assert list((await offered("brief", "topic", "")).values()) == ["ai"]
    assert list(await offered("brief", "day", "")) == ["2025-12-06 Sat", "2025-12-04 Thu"]
    assert await offered("detail", "section", "mark") == {"Markets (markets)": "markets"}
    assert "Asia/Shanghai" in await offered("subscribe", "zone", "shang")
    assert list(await offered("subscribe", "time", "8:3")) == ["08:30"]
    assert list(await offered("subscribe", "time", "6pm")) == ["18:00"]
    assert list(await offered("help", "language", "")) == ["zh", "en"]
    assert next(iter(await offered("subscribe", "zone", ""))) == "UTC"


async def test_commands_have_names_in_both_languages(up: Running) -> None:
    brief = up.server.commands["brief"]
    row = next(row for row in up.host.menu if row.name == "brief")
    assert brief["name_localizations"]["zh-CN"] == row.alias
    assert brief["description_localizations"]["zh-TW"] == row.help("zh")
    assert brief["description"] == row.help("en")
    assert {o["name_localizations"]["zh-CN"] for o in brief["options"]} >= {"主题", "日期"}
    assert {*up.server.commands} == {row.name for row in up.host.menu}
    options = [option for row in up.server.commands.values() for option in row["options"]]
    assert all(len(option["description"]) > 5 for option in options), "no … among them"


async def test_changed_commands_are_registered_again(tmp_path: Path) -> None:
    async with furnished() as server, hosted(tmp_path) as (host, _, lines):
        async with connected(host, server, lines):
            assert server.syncs == 1
        host.menu = host.menu[:-1]
        async with connected(host, server, lines):
            assert server.syncs == 2
        assert len(server.commands) == len(host.menu)


async def test_a_slow_command_is_deferred_first(
    up: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    up.server.answer_window = 0.2
    store, latest = up.context.store.__class__, up.context.store.load_latest

    async def slow(_: object, topic: str) -> object:
        await asyncio.sleep(0.5)
        return await latest(topic)

    monkeypatch.setattr(store, "load_latest", slow)
    it = await up.server.slash(up.text, up.mei, "brief")
    await up.server.until(lambda: it.callback == 5)
    assert it.final is None
    assert "Meridian" in shown(await it.done())


async def test_subscribing_needs_a_right_and_is_answered_to_one_alone(up: Running) -> None:
    chat = Chat("discord", str(TEXT))
    said = await up.ask("subscribe")
    assert said.ephemeral
    assert await up.context.store.list_subscriptions(chat) == []
    for permission, who in (("manage_channels", up.mei), ("manage_guild", up.ann)):
        up.admin(who, permission)
        posted = len([m for m in up.server.messages(TEXT) if not m.ephemeral])
        said = await up.ask("subscribe", who, time="08:30", zone="Asia/Shanghai")
        assert said.ephemeral
        assert "08:30" in shown(said)
        await up.server.until(
            lambda: len([m for m in up.server.messages(TEXT) if not m.ephemeral]) > posted  # noqa: B023
        )
        proof = [m for m in up.server.messages(TEXT) if not m.ephemeral][-1]
        assert proof.files
        assert proof.interaction is None, "it is posted as it will be every day"
        await up.ask("unsubscribe", who)
    await up.ask("subscribe", up.mei, time="08:30", zone="Asia/Shanghai")
    assert (await up.ask("settings")).ephemeral
    (one,) = await up.context.store.list_subscriptions(chat)
    assert (one.topic, one.timezone, one.chat.space) == ("ai", "Asia/Shanghai", str(GUILD))


@pytest.mark.parametrize("place", [TEXT, THREAD, POST, NEWS])
async def test_every_kind_of_channel_can_subscribe(up: Running, place: int) -> None:
    up.admin(up.mei)
    said = await (await up.server.slash(up.server.channels[place], up.mei, "subscribe")).done()
    assert ("每份简报一个子区" in labels(said)) == (place != THREAD)
    await up.server.until(lambda: [m for m in up.server.messages(place) if not m.ephemeral])
    (proof,) = [m for m in up.server.messages(place) if not m.ephemeral]
    if place == NEWS:
        await up.server.until(lambda: proof.crossposted)
    assert proof.crossposted == (place == NEWS)
    assert "Meridian" in shown(proof)
    assert len(await up.context.store.list_subscriptions(Chat("discord", str(place)))) == 1


async def test_the_bot_greets_a_new_server_and_notices_its_removal(up: Running) -> None:
    later = up.server.guild(2 << 22, "Later", bot=False)
    there = up.server.channel(later, 50, "there")
    up.server.add_bot(later)
    await up.server.until(lambda: up.server.messages(there))
    (greeting,) = up.server.messages(there)
    assert "每天" in shown(greeting)
    up.server.grant(later, up.mei, manage_guild=True)
    await (await up.server.press(greeting, "订阅：人工智能", up.mei)).done()
    await subscribed(up, 50, 1)
    up.server.remove_bot(later)
    await subscribed(up, 50, 0)


async def subscribed(up: Running, place: int, number: int) -> None:
    """Waits until a channel has so many subscriptions."""
    for _ in range(200):
        found = await up.context.store.list_subscriptions(Chat("discord", str(place)))
        if len(found) == number:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{len(found)} subscriptions, not {number}")


async def test_deleted_channels_and_threads_end_their_subscriptions(up: Running) -> None:
    up.admin(up.mei)
    for place in (TEXT, THREAD, POST):
        await (await up.server.slash(up.server.channels[place], up.mei, "subscribe")).done()
        await subscribed(up, place, 1)
    up.server.delete_channel(up.server.channels[POST])
    await subscribed(up, POST, 0)
    up.server.delete_channel(up.text)
    await subscribed(up, TEXT, 0)
    await subscribed(up, THREAD, 0)


async def test_hostile_text_is_shown_as_it_is(up: Running) -> None:
    evil = "@everyone <@7> <t:1:R> [a](https://e.example) ||x|| `y` ```z``` **b** https://e.example"
    await up.context.store.save_report(report(DAY, views=(Item(evil, cites=("x:1",)),)))
    text = shown(await up.ask("views"))
    for mark in ("@everyone", "<@7>", "<t:1", "[a]", "||x", "`y", "**b", "https://e.example\n"):
        at = text.find(mark)
        assert at < 0 or text[at - 1] == "\\", mark
    assert "everyone" in text


async def test_a_failure_is_answered_with_an_id(
    up: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("boom")

    with monkeypatch.context() as patch:
        patch.setattr(up.context.store.__class__, "load_latest", broken)
        said = shown(await up.ask("brief", up.ann))
    assert said.split("Sorry, ")[1].split("Reference ")[1][:6] in caplog.text
    up.server.fail("PATCH", "/messages/@original$", 404, {"message": "no reason", "code": 10008})
    assert "Sorry" in shown(await up.ask("brief", up.ann))
    assert "an answer on discord: no reason" in caplog.text
    up.server.fail("PATCH", "/messages/@original$", 413, {"message": "large", "code": 40005})
    assert not (await up.ask("brief", up.ann)).files, "the rest of it comes"


async def test_a_flooding_user_is_warned_once_and_affects_no_other(up: Running) -> None:
    section = await up.ask("views", up.ann)
    before = shown(section)
    for _ in range(25):
        await up.server.slash(up.text, up.mei, "topics")
    await up.server.until(lambda: sum(bool(i.final) for i in up.server.interactions) == 22)
    told = [m for m in up.server.messages(TEXT) if "慢一点" in shown(m)]
    assert len(told) == 1
    pressed = await up.server.press(section, "行情", up.mei)
    await up.server.until(lambda: pressed.callback)
    await asyncio.sleep(0.1)
    assert not section.deleted
    assert shown(section) == before
    assert "标题events" in shown(await up.ask("events", up.ann))


async def test_an_interaction_is_answered_once_however_often_it_comes(up: Running) -> None:
    it = await up.server.slash(up.text, up.mei, "views")
    await it.done()
    (session,) = up.server.sessions.values()
    event = next(text for text in reversed(session.log) if "INTERACTION_CREATE" in text)
    assert session.line
    session.line.put(event)
    await up.ask("events")
    assert len(up.server.messages(TEXT)) == 2


async def test_what_comes_too_late_does_nothing(up: Running) -> None:
    up.admin(up.mei)
    up.server.answer_window = -1.0
    await up.server.slash(up.text, up.mei, "subscribe")
    await up.server.until(lambda: up.server.refusals)
    up.server.answer_window = 3.0
    assert (await up.ask("subscriptions")).ephemeral
    assert await up.context.store.list_subscriptions(Chat("discord", str(TEXT))) == []
    assert "10062" in up.server.refusals[0]
    assert len(up.server.refusals) == 1


async def test_the_bot_recovers_from_a_cut_and_a_lost_session(up: Running) -> None:
    await up.server.cut()
    it = await up.server.slash(up.text, up.mei, "views")
    assert "标题views" in shown(await it.done())
    up.server.sessions.clear()
    await up.server.cut()
    await up.server.until(lambda: len(up.server.identifies) == 2, 10)
    assert "标题views" in shown(await up.ask("views"))


async def test_what_a_place_refuses_is_told_apart(up: Running) -> None:
    def chat(place: int) -> Chat:
        return Chat("discord", str(place), kind="group")

    hello = reply(Paragraph("hello"))
    with pytest.raises(Gone):
        await up.bot.send(chat(999), hello)
    up.server.deny_bot(up.text, "send_messages")
    with pytest.raises(Refused) as refused:
        await up.bot.send(chat(TEXT), hello)
    assert refused.value.rights
    up.server.deny_bot(up.text, "view_channel")
    with pytest.raises(Gone):
        await up.bot.send(chat(TEXT), hello)
    up.mei.takes_dms = False
    with pytest.raises(Gone):
        await up.bot.send(chat(up.server.dm(up.mei).id), hello)
    up.server.lose("POST", "/messages$", times=5)
    with pytest.raises(Unreachable):
        await up.bot.send(chat(NEWS), hello)


async def test_a_wrong_token_is_for_good_and_no_server_is_not(tmp_path: Path) -> None:
    async with DiscordServer() as server, hosted(tmp_path) as (host, _, _lines):
        with pytest.raises(Refused, match="DISCORD_BOT_TOKEN"):
            await Discord(host, Setup("wrong", server.api_url)).run()
        with pytest.raises(Refused, match="DISCORD_BOT_TOKEN"):
            await Discord(host, Setup("wrong", server.api_url)).check([])
    with pytest.raises(Unreachable, match="DISCORD_API_URL"):
        await Discord(host, Setup(server.token, server.api_url)).run()


async def test_a_token_revoked_while_running_ends_it(tmp_path: Path) -> None:
    async with furnished() as server, hosted(tmp_path) as (host, _, lines):
        task = asyncio.create_task(Discord(host, Setup(server.token, server.api_url)).run())
        await server.until(lambda: lines, 10)
        server.token = "another"
        await server.lines[0].ws.close(code=4004, message=b"Authentication failed.")
        with pytest.raises(Refused, match="DISCORD_BOT_TOKEN"):
            await asyncio.wait_for(task, 5)


async def test_closing_the_answers_keeps_the_connections_of_digests(tmp_path: Path) -> None:
    closing = patch.object(DiscordDeliverer, "close", autospec=True)
    async with furnished() as server, hosted(tmp_path) as (host, _, lines):
        bot = Discord(host, Setup(server.token, server.api_url))
        task = asyncio.create_task(bot.run())
        await server.until(lambda: lines, 10)
        with closing as close:
            task.cancel()
            await asyncio.wait({task})
        assert bot.delivering not in [closed.args[0] for closed in close.await_args_list]


async def test_check_names_the_bot_and_how_to_invite_it(up: Running) -> None:
    await up.host.save_note("discord", f"commands:{APPLICATION}", "an older table")
    bare = replace(up.bot.setup, api_url=up.server.api_url.removesuffix("/api/v10") + "/")
    (line,) = await Discord(up.host, bare).check([])
    assert up.server.syncs == 1, "whoever only looks changes nothing"
    assert line.startswith("Test bot; invite: https://discord.com/oauth2/authorize?client_id=1001")
    wanted = "view_channel send_messages send_messages_in_threads embed_links attach_files"
    wanted += " read_message_history"
    assert f"permissions={bits(wanted.split())}" in line
    assert "scope=bot+applications.commands" in line


async def test_check_names_the_channels_where_it_may_not_post(up: Running) -> None:
    text, thread, gone = (
        Chat("discord", str(number), kind="group", space=str(GUILD))
        for number in (TEXT, THREAD, 999)
    )
    elsewhere = Chat("discord", "5", kind="group", space="77")
    _, *silent = await up.bot.check([text, thread])
    assert silent == []
    up.server.deny_bot(up.server.channels[TEXT], "embed_links", "read_message_history")
    who, *silent = await up.bot.check([text, thread, gone, elsewhere, Chat("discord", "6")])
    assert who.startswith("Test bot; invite: ")
    name = up.server.channels[TEXT].name
    assert silent == [
        f"#{name}: allow the bot: Embed Links, Read Message History",
        f"#{name}: allow the bot: Embed Links, Read Message History",
        "channel 999 is gone, or the bot may not see it",
        "the bot is not in server 77: invite it again, or end what it posts there",
    ]


async def test_everything_goes_through_the_proxy(tmp_path: Path) -> None:
    asked: list[bytes] = []
    async with furnished() as server, hosted(tmp_path) as (host, _, lines):
        port = int(server.api_url.split(":")[2].split("/")[0])

        async def pipe(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: list[bytes]
        ) -> None:
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(65536):
                    seen.append(data)
                    writer.write(data)
            writer.close()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            inside, outside = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(pipe(reader, outside, asked), pipe(inside, writer, []))

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as proxy:
            address = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
            # By a name that only looks far away: what is near is asked directly.
            far = server.api_url.replace("127.0.0.1", "discord.test")
            setup = Setup(server.token, far, proxy=address)
            task = asyncio.create_task(Discord(host, setup).run())
            await server.until(lambda: lines, 10)
            it: Interaction = await server.slash(
                server.channels[TEXT], server.person(7, "M"), "views"
            )
            await it.done()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    said = b"".join(asked).decode(errors="replace")
    assert f"GET {server.gateway_url}?" in said
    assert f"/interactions/{it.id}/" in said
    assert [path for _, path, _ in server.calls if path not in said] == []


async def test_every_shard_answers(tmp_path: Path) -> None:
    async with furnished() as server, hosted(tmp_path) as (host, _, lines):
        server.shards = 2
        other = server.channel(server.guild(2 << 22, "Other"), 60, "there")
        async with connected(host, server, lines):
            assert [one["shard"] for one in server.identifies] == [[0, 2], [1, 2]]
            assert {one["intents"] for one in server.identifies} == {1}
            for place in (server.channels[TEXT], other):
                it = await server.slash(place, server.person(7, "小梅"), "views")
                assert "标题views" in shown(await it.done())
