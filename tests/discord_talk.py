"""A small bot on discord.py, for tests of the Discord server of the tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest
import yarl
from discord import app_commands, ui
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.discord_server import DiscordServer
from tests.discord_things import Channel, Guild, Person

GUILD, TEXT, NEWS, FORUM, THREAD, POST, MEI = 1 << 22, 20, 21, 22, 30, 31, 7
Talk = tuple[DiscordServer, "Bot", Channel, Person]


class Bot(discord.AutoShardedClient):
    def __init__(self, intents: discord.Intents | None = None) -> None:
        super().__init__(
            intents=intents or discord.Intents.default(),
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=0.05,
        )
        self.tree = app_commands.CommandTree(self)
        self.heard: list[Any] = []

    async def on_resumed(self) -> None:
        self.heard.append("resumed")

    async def on_guild_join(self, guild: discord.Guild) -> None:
        self.heard.append(("join", guild.name))

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        self.heard.append(("remove", guild.name))

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        self.heard.append(("delete", channel.id))


class Keys(ui.View):
    """A button, a link and a select that say what was done."""

    def __init__(self) -> None:
        super().__init__(timeout=None)
        self.add_item(ui.Button(label="site", url="https://example.org/"))

    @ui.button(label="more", custom_id="do more")
    async def more(self, it: discord.Interaction, _: ui.Button[Keys]) -> None:
        await it.response.edit_message(content="more!", view=None)

    @ui.select(custom_id="topic", options=[discord.SelectOption(label="AI", value="ai")])
    async def topic(self, it: discord.Interaction, select: ui.Select[Keys]) -> None:
        await it.response.defer()
        await it.followup.send(f"about {select.values[0]}", ephemeral=True)


def add_commands(bot: Bot) -> None:
    @bot.tree.command(description="One section of a report")
    @app_commands.describe(section="which one", date="of which day")
    @app_commands.choices(section=[app_commands.Choice(name="Views", value="views")])
    async def detail(it: discord.Interaction, section: str, date: str | None = None) -> None:
        where = it.channel.id if it.channel else 0
        said = f"{section} {date} {it.locale} {it.guild_locale} {where}"
        await it.response.send_message(said)

    @detail.autocomplete("date")
    async def dates(_: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        days = [f"2025-{typed}-0{day}" for day in range(1, 4)]
        return [app_commands.Choice(name=day, value=day) for day in days]

    @bot.tree.command(description="Takes its time")
    async def report(it: discord.Interaction) -> None:
        await it.response.defer(ephemeral=True, thinking=True)
        await it.edit_original_response(content="first")
        await it.followup.send("second", ephemeral=True)

    @bot.tree.command(description="For those who manage the server")
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.allowed_contexts(guilds=True)
    async def setup(it: discord.Interaction, place: discord.TextChannel) -> None:
        rights = it.permissions.manage_guild, it.app_permissions.embed_links
        await it.response.send_message(f"{place.id} {rights}")


@asynccontextmanager
async def connected(bot: Bot, server: DiscordServer) -> AsyncIterator[Bot]:
    """A bot that is ready, on this server."""
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE = server.api_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(server.gateway_url)
    try:
        await bot.login(server.token)
        running = asyncio.create_task(bot.connect())
        await asyncio.wait([running, ready := asyncio.create_task(bot.wait_until_ready())], **FIRST)
        ready.cancel()
        if running.done():
            running.result()
        yield bot
        await bot.close()
        await running
    finally:
        await bot.close()
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway


FIRST: Any = {"return_when": asyncio.FIRST_COMPLETED, "timeout": 5}


def furnish(server: DiscordServer) -> Guild:
    guild = server.guild(GUILD, "Home")
    text = server.channel(guild, TEXT, "chat")
    server.channel(guild, NEWS, "news", kind="announcement")
    forum = server.channel(guild, FORUM, "forum", kind="forum")
    server.thread(text, THREAD, "aside")
    server.thread(forum, POST, "a post")
    return guild


@asynccontextmanager
async def talk() -> AsyncIterator[Talk]:
    async with DiscordServer() as server:
        furnish(server)
        bot = Bot()
        add_commands(bot)
        async with connected(bot, server):
            await bot.tree.sync()
            yield server, bot, server.channels[TEXT], server.person(MEI, "小梅")


def to(bot: Bot, channel: int) -> discord.PartialMessageable:
    return bot.get_partial_messageable(channel)


def shape(error: discord.HTTPException) -> tuple[int, int]:
    return error.status, error.code


async def refused(doing: Any) -> tuple[int, int]:
    with pytest.raises(discord.HTTPException) as caught:
        await doing
    return shape(caught.value)
