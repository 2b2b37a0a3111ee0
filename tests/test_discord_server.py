"""The Discord server of the tests, as discord.py sees it."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import aiohttp
import discord
import pytest
from discord.http import Route

from tests.discord_server import DiscordServer
from tests.discord_talk import (
    FORUM,
    GUILD,
    NEWS,
    POST,
    TEXT,
    THREAD,
    Bot,
    Keys,
    connected,
    furnish,
    refused,
    shape,
    talk,
    to,
)
from tests.discord_things import APPLICATION

NONE = discord.AllowedMentions.none()


async def test_a_bot_is_ready() -> None:
    async with talk() as (server, bot, _, mei):
        guild = bot.get_guild(GUILD)
        assert guild
        assert guild.me.id == APPLICATION
        assert [c.id for c in guild.text_channels] == [TEXT, NEWS]
        assert {t.id: t.parent_id for t in guild.threads} == {THREAD: TEXT, POST: FORUM}
        assert guild.preferred_locale is discord.Locale.chinese
        rights = guild.text_channels[0].permissions_for(guild.me)
        assert (rights.send_messages, rights.manage_messages) == (True, False)
        assert (await bot.application_info()).id == APPLICATION
        assert (await bot.fetch_user(mei.id)).global_name == "小梅"
        assert server.identifies[0]["shard"] == [0, 1]
        await bot.change_presence(status=discord.Status.idle)


async def test_a_wrong_token_and_unwanted_intents() -> None:
    async with DiscordServer() as server:
        bot = Bot()
        server.token, token = "another", server.token
        Route.BASE, base = server.api_url, Route.BASE
        try:
            with pytest.raises(discord.LoginFailure):
                await bot.login(token)
        finally:
            Route.BASE = base
            await bot.close()
        with pytest.raises(discord.PrivilegedIntentsRequired):
            async with connected(Bot(discord.Intents.all()), server):
                pass


async def test_slash_command() -> None:
    async with talk() as (server, bot, channel, mei):
        it = await server.slash(channel, mei, "detail", section="views", date="2025-12-06")
        assert (await it.done()).content == f"views 2025-12-06 zh-CN zh-CN {TEXT}"
        assert (it.deferred, it.callback, it.ephemeral) == (0, 4, False)
        thread = await server.slash(server.channels[THREAD], mei, "detail", section="views")
        assert str(THREAD) in (await thread.done()).content
        alone = await server.slash(server.dm(mei), mei, "detail", section="views")
        assert (await alone.done()).content.startswith("views None zh-CN None")
        assert server.commands["detail"]["options"][0]["required"]
        assert len(await bot.tree.fetch_commands()) == 3
        assert server.syncs == 1


async def test_a_person_cannot_do_what_the_window_would_not_let_them() -> None:
    async with talk() as (server, _, channel, mei):
        for wrong in (
            {},
            {"section": "other"},
            {"section": "views", "colour": "red"},
            {"section": 1},
        ):
            with pytest.raises(AssertionError, match=r"option|needs"):
                await server.slash(channel, mei, "detail", **wrong)
        with pytest.raises(AssertionError, match="not registered"):
            await server.slash(channel, mei, "nothing")
        with pytest.raises(AssertionError, match="may not use"):
            await server.slash(channel, mei, "setup", place=channel)
        with pytest.raises(AssertionError, match="not offered here"):
            await server.slash(server.dm(mei), mei, "setup", place=channel)
        server.grant(server.guilds[GUILD], mei, manage_guild=True)
        it = await server.slash(channel, mei, "setup", place=channel)
        assert (await it.done()).content == f"{TEXT} (True, True)"


async def test_completion() -> None:
    async with talk() as (server, _, channel, mei):
        found = await server.complete(channel, mei, "detail", "date", "12", section="views")
        assert [choice["value"] for choice in found] == [f"2025-12-0{day}" for day in (1, 2, 3)]
        with pytest.raises(AssertionError, match="no autocompletion"):
            await server.complete(channel, mei, "detail", "section", "vi")


async def test_buttons_and_selects() -> None:
    async with talk() as (server, bot, _, mei):
        await to(bot, TEXT).send("choose", view=Keys())
        [message] = server.messages(TEXT)
        chosen = await server.choose(message, "AI", mei)
        assert (await chosen.done()).content == "about ai"
        assert (await chosen.done()).ephemeral
        assert chosen.deferred == 6
        with pytest.raises(AssertionError, match="link"):
            await server.press(message, "site", mei)
        pressed = await server.press(message, "more", mei)
        assert await pressed.done() is message
        assert (message.content, message.components, len(message.edits)) == ("more!", [], 1)
        with pytest.raises(AssertionError, match="0 buttons"):
            await server.press(message, "more", mei)


async def test_deferred_for_one_person() -> None:
    async with talk() as (server, _, channel, mei):
        it = await server.slash(channel, mei, "report")
        assert (await it.done()).content == "first"
        assert (it.deferred, it.ephemeral, it.messages[0].ephemeral) == (5, True, True)
        await server.until(lambda: len(it.messages) == 2)
        assert [m.content for m in server.messages(channel)] == ["first", "second"]
        with pytest.raises(AssertionError, match="does not see"):
            await server.press(it.messages[0], "x", server.person(8, "other"))


async def test_an_embed_with_a_picture() -> None:
    async with talk() as (server, bot, _, _mei):
        embed = discord.Embed(title="Cloud", url="https://example.org").set_image(
            url="attachment://cloud.png"
        )
        assert (await refused(to(bot, TEXT).send(embed=embed))) == (400, 50035)
        sent = await to(bot, TEXT).send(
            embed=embed, file=discord.File(io.BytesIO(b"png"), "cloud.png")
        )
        [message] = server.messages(TEXT)
        assert message.files == {"cloud.png": b"png"}
        assert message.embeds[0]["image"]["url"] == "attachment://cloud.png"
        assert str(sent.embeds[0].image.url).endswith("/cloud.png")
        assert sent.attachments == []
        await sent.edit(content="again", embed=embed)
        assert message.files
        with pytest.raises(discord.HTTPException, match="not in this request"):
            await sent.edit(embed=embed, attachments=[], allowed_mentions=NONE)
        big = discord.File(io.BytesIO(bytes(10 * 2**20 + 1)), "big.bin")
        assert await refused(to(bot, TEXT).send(file=big)) == (413, 40005)


async def test_crosspost() -> None:
    async with talk() as (server, bot, _, _mei):
        sent = await to(bot, NEWS).send("news")
        await sent.publish()
        assert server.messages(NEWS)[0].crossposted
        assert await refused(sent.publish()) == (400, 40033)
        assert await refused((await to(bot, TEXT).send("x")).publish()) == (400, 50024)


E1 = discord.Embed(title="x" * 257)
E2 = discord.Embed(description="x" * 4097)
E3 = discord.Embed(title="x").add_field(name="n", value=" ")
E4 = discord.Embed(title="x", url="ftp://example.org/")
E5 = discord.Embed(title="x").set_footer(text="字" * 2049)
E6 = [discord.Embed(description="😀" * 1501), discord.Embed(description="x" * 3000)]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"content": "x" * 2001}, "In content: Must be 2000 or fewer in length."),
        ({"content": "😀" * 1001}, "In content: Must be 2000"),
        ({"embed": E1}, "In embeds.0.title: Must be 256"),
        ({"embed": E2}, "In embeds.0.description: Must be 4096"),
        ({"embed": E3}, "In embeds.0.fields.0.value: This field is required"),
        ({"embed": E4}, "In embeds.0.url: Scheme"),
        ({"embed": E5}, "In embeds.0.footer.text: Must be 2048"),
        ({"embeds": E6}, "In embeds: Embed size exceeds maximum size of 6000"),
        ({"content": "x", "nonce": "x" * 26}, "In nonce: Must be 25"),
    ],
)
async def test_a_message_that_is_too_long(what: dict[str, Any], said: str) -> None:
    async with talk() as (server, bot, _, _mei):
        with pytest.raises(discord.HTTPException) as caught:
            await to(bot, TEXT).send(**what)
        assert shape(caught.value) == (400, 50035)
        assert said in caught.value.text
        assert server.messages(TEXT) == []


def key(label: str, id: str) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": label, "custom_id": id}


def row(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": [*parts]}


CHOICES = [{"label": str(i), "value": str(i)} for i in range(26)]
SELECT = {"type": 3, "custom_id": "s", "options": CHOICES[:2]}
LINK = {"type": 2, "style": 5, "label": "site", "url": "https://example.org/"}


@pytest.mark.parametrize(
    ("rows", "spot"),
    [
        ([row(key("a", str(i))) for i in range(6)], "components"),
        ([row(*(key("a", str(i)) for i in range(6)))], "0.components"),
        ([row(key("a", "1"), key("b", "1"))], "0.components.1.custom_id"),
        ([row(key("x" * 81, "1"))], "0.components.0.label"),
        ([row(key("a", "x" * 101))], "0.components.0.custom_id"),
        ([row(LINK | {"custom_id": "1"})], "0.components.0"),
        ([row(SELECT, key("a", "1"))], "components.0"),
        ([row(SELECT | {"options": CHOICES})], "0.components.0.options"),
        ([row(SELECT | {"options": []})], "0.components.0.options"),
        ([row(SELECT | {"placeholder": "x" * 151})], "0.components.0.placeholder"),
        ([row(SELECT | {"options": [{"label": "x" * 101, "value": ""}]})], "options.0.label"),
    ],
)
async def test_components_that_do_not_fit(rows: list[Any], spot: str) -> None:
    async with DiscordServer() as server:
        furnish(server)
        body = {"content": "x", "components": rows, "allowed_mentions": {"parse": []}}
        status, answer = await post(server, f"/channels/{TEXT}/messages", body)
        assert (status, answer["code"]) == (400, 50035)
        error = answer["errors"]
        for part in ["components", *spot.removeprefix("components").strip(".").split(".")]:
            error = error.get(part, error)
        assert "_errors" in str(error)
        assert server.messages(TEXT) == []


async def post(
    server: DiscordServer, path: str, body: Any, method: str = "POST"
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bot {server.token}"}
    url = server.api_url + path
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.request(method, url, json=body) as answer,
    ):
        return answer.status, await answer.json()


def command(name: str = "one", **more: Any) -> dict[str, Any]:
    return {"name": name, "description": "What it does", "type": 1} | more


TWO = [{"type": 3, "name": n, "description": "x", "required": n == "b"} for n in "ab"]


@pytest.mark.parametrize(
    "commands",
    [
        [command("Upper")],
        [command("two words")],
        [command(description="x" * 101)],
        [command(name_localizations={"zh": "报告"})],
        [command(options=TWO)],
        [command(options=[TWO[0] | {"name": f"n{i}"} for i in range(26)])],
        [command(), command()],
        [command(f"c{i}") for i in range(101)],
    ],
)
async def test_commands_that_do_not_fit(commands: list[Any]) -> None:
    async with DiscordServer() as server:
        path = f"/applications/{APPLICATION}/commands"
        status, answer = await post(server, path, commands, "PUT")
        assert (status, answer["code"]) in ((400, 50035), (400, 30032))
        good = [command("报告", name_localizations={"zh-CN": "简报"}, options=TWO[::-1])]
        assert (await post(server, path, good, "PUT"))[0] == 200
        assert (await post(server, path, command("more")))[0] == 201
        assert [*server.commands] == ["报告", "more"]


async def test_what_the_bot_may_not() -> None:
    async with talk() as (server, bot, channel, mei):
        embed, file = discord.Embed(title="x"), discord.File(io.BytesIO(b"x"), "x.txt")
        server.deny_bot(channel, "embed_links", "attach_files", "send_messages_in_threads")
        assert await refused(to(bot, TEXT).send(embed=embed)) == (403, 50013)
        assert await refused(to(bot, TEXT).send(file=file)) == (403, 50013)
        assert await refused(to(bot, THREAD).send("x")) == (403, 50013)
        assert await to(bot, POST).send("x")
        assert await refused(to(bot, FORUM).send("x")) == (400, 50008)
        server.deny_bot(channel, "view_channel")
        assert await refused(to(bot, TEXT).send("x")) == (403, 50001)
        assert await refused(bot.fetch_channel(TEXT)) == (403, 50001)
        assert await refused(to(bot, 999).send("x")) == (404, 10003)
        assert await refused(to(bot, NEWS).send("")) == (400, 50006)
        mei.takes_dms = False
        assert await refused((await bot.fetch_user(mei.id)).send("x")) == (403, 50007)


async def test_one_message_for_one_nonce() -> None:
    async with talk() as (server, bot, _, _mei):
        first = await to(bot, TEXT).send("once", nonce="n-1")
        assert (await to(bot, TEXT).send("once", nonce="n-1")).id == first.id
        server.lose("POST", "/messages$")
        with pytest.raises((aiohttp.ClientError, OSError)):
            await to(bot, TEXT).send("twice", nonce="n-2")
        await to(bot, TEXT).send("twice", nonce="n-2")
        assert [m.content for m in server.messages(TEXT)] == ["once", "twice"]


async def test_too_late_too_early_and_twice() -> None:
    async with talk() as (server, bot, channel, mei):
        results: list[Any] = []

        @bot.tree.command(description="Sleeps")
        async def slow(it: discord.Interaction, early: bool) -> None:
            if early:
                results.append(await refused(it.followup.send("before")))
            else:
                await asyncio.sleep(0.1)
                results.append(await refused(it.response.send_message("late")))
                return
            await it.response.defer()
            again = f"/interactions/{it.id}/{it.token}/callback"
            results.append((await post(server, again, {"type": 5}))[1]["code"])
            await it.followup.send("now")

        await bot.tree.sync()
        it = await server.slash(channel, mei, "slow", early=True)
        assert (await it.done()).content == "now"
        assert it.original is it.final
        server.answer_window = 0.05
        await server.slash(channel, mei, "slow", early=False)
        await server.until(lambda: len(results) == 3)
        assert results == [(404, 10015), 40060, (404, 10062)]


async def test_resume_after_a_cut() -> None:
    async with talk() as (server, bot, channel, mei):
        await server.cut()
        it = await server.slash(channel, mei, "detail", section="views")
        assert await it.done()
        await server.until(lambda: bot.heard == ["resumed"])
        await server.reconnect()
        await server.until(lambda: server.resumes == 2)
        server.sessions.clear()
        await server.cut()
        await server.until(lambda: len(server.identifies) == 2, 10)


async def test_guilds_come_and_go() -> None:
    async with talk() as (server, bot, channel, _):
        later = server.guild(2 << 22, "Later", bot=False)
        server.channel(later, 50, "there")
        assert bot.get_guild(later.id) is None
        server.add_bot(later)
        server.delete_channel(channel)
        server.remove_bot(server.guilds[GUILD])
        await server.until(lambda: len(bot.heard) == 3)
        assert bot.heard == [("join", "Later"), ("delete", TEXT), ("remove", "Home")]
        assert bot.get_channel(50)
        assert await refused(to(bot, NEWS).send("x")) == (403, 50001)
        assert await refused(to(bot, TEXT).send("x")) == (404, 10003)


async def test_trouble_on_order() -> None:
    async with talk() as (server, bot, _, _mei):
        limited = {"message": "You are being rate limited.", "retry_after": 0.05, "global": False}
        server.fail("POST", "/messages$", 429, limited, times=2)
        server.delay("/messages$", 0.01)
        await to(bot, TEXT).send("at last")
        assert [c[1] for c in server.calls].count(f"/channels/{TEXT}/messages") == 3
        server.fail("POST", "/messages$", 503, "<html>down</html>")
        assert await refused(to(bot, TEXT).send("x")) == (503, 0)


async def test_faults_fail_the_test() -> None:
    server = DiscordServer()
    with pytest.raises(AssertionError) as caught:  # noqa: PT012 (it raises as it closes)
        async with server:
            furnish(server)
            path = f"/channels/{TEXT}/messages"
            await post(server, path, {"content": "@everyone"})
            await post(server, path, {"content": "\u200b", "allowed_mentions": {"parse": []}})
            await post(
                server, path, {"text": "x", "content": "x", "allowed_mentions": {"parse": []}}
            )
            await post(server, "/nowhere", {})
    assert [line.split(": ", 1)[1] for line in str(caught.value).splitlines()] == [
        "allowed_mentions is None, not parse: []",
        "content shows nothing",
        "unknown field 'text'",
        "this server has no such route",
    ]
    assert len(server.faults) == 4
