"""Discord: slash commands, persistent buttons, posts in channels and threads."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import discord
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.messages import Command, Incoming, Press, Reply, pressed
from bot.platforms import (
    ADVICE,
    Gone,
    Host,
    Outgoing,
    PlatformError,
    Refused,
    Setup,
    Unreachable,
    language_of,
    send_answer,
)
from bot.platforms._request import read_failure
from bot.platforms.discord.embeds import sheets
from bot.platforms.discord.rest import DiscordDeliverer, write_body
from bot.platforms.discord.slash import NEEDED, Chinese, checked, command, lacking
from bot.rich import parts
from digest.models import Chat, ChatKind

log = logging.getLogger(__name__)

NAME = "discord"
_OFFICIAL = "https://discord.com/api/v10"
_REVOKED = 4004
"""Gateway close code for an invalid token."""
_LATE = 10062
"""Error code for an interaction not answered within 3 s."""
_BROKEN = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError)


def open_platform(host: Host, setup: Setup) -> Discord:
    # Suppress warnings about voice libraries, which this bot does not use.
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    return Discord(host, setup)


class Discord:
    """A bot on Discord."""

    def __init__(self, host: Host, setup: Setup) -> None:
        self.host, self.setup = host, setup
        api = (setup.api_url or _OFFICIAL).rstrip("/")
        if not urlsplit(api).path:  # for `http://127.0.0.1:8080`, use version 10 as on Discord
            api += "/api/v10"
        # The library has no setting for the address, so this is global to the process.
        Route.BASE = api
        self.client = Client(host, self, setup.proxy)
        # Separate clients, because on shutdown digests in flight get more time than answers.
        self.answering, self.delivering = (
            DiscordDeliverer(setup, api, self._is_news, inside=self._is_inside) for _ in range(2)
        )

    async def run(self) -> None:
        try:
            async with self.client:
                await self.client.start(self.setup.token)
        except Exception as error:
            raise _fault(error) from error
        finally:
            await self.answering.close()

    async def send(self, chat: Chat, reply: Reply, begin: int = 0) -> None:
        """Send a reply, except its first `begin` messages, which were already sent."""
        shown = parts(reply)[1]
        picture = shown.content if shown else b""

        async def deliver(message: Outgoing) -> None:
            delivered = await self.answering.deliver(message)
            if delivered.publish and reply.manner == "post":
                await self.answering.publish(chat, delivered.message)

        for body in self.answering.render(reply, chat, "picture")[begin:]:
            upload = picture if "picture" in json.loads(body) else b""
            message = Outgoing(chat, body, secrets.token_urlsafe(15), upload)
            await send_answer(deliver, message)

    def _is_news(self, channel: str) -> bool:
        place = self.client.get_channel(int(channel))
        return isinstance(place, discord.TextChannel) and place.is_news()

    def _is_inside(self, server: str) -> bool:
        return bool(server) and self.client.get_guild(int(server)) is not None

    async def tell(self, person: str, reply: Reply) -> None:
        await self.send(await self.answering.open_direct(person), reply)

    async def check(self, chats: Sequence[Chat]) -> list[str]:
        try:
            return await checked(self.setup, chats)
        except Exception as error:
            raise _fault(error) from error


class Client(discord.AutoShardedClient):
    """discord.py's client with the command table. It needs no privileged intents."""

    def __init__(self, host: Host, platform: Discord, proxy: str | None) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            proxy=proxy,
            # Messages are not read, so none are cached.
            max_messages=None,
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
        )
        self.host, self.platform = host, platform
        self.tree = app_commands.CommandTree(self)
        self.tree.error(self.on_command_error)
        for row in host.menu:
            self.tree.add_command(command(row, host, self.run_command))

    async def setup_hook(self) -> None:
        """Register the commands with Discord if they changed since the last time."""
        if self.platform.setup.api_url:
            # Otherwise a new session would go to Discord's own gateway.
            _, gateway, _ = await self.http.get_bot_gateway()
            DiscordWebSocket.DEFAULT_GATEWAY = type(DiscordWebSocket.DEFAULT_GATEWAY)(gateway)
        translator = Chinese()
        await self.tree.set_translator(translator)
        payload = [
            await command.get_translated_payload(self.tree, translator)
            for command in self.tree.get_commands()
        ]
        content = json.dumps(payload, ensure_ascii=False, sort_keys=True)
        hash_ = hashlib.sha256(content.encode()).hexdigest()
        name = f"commands:{self.application_id}"
        if await self.host.read_note(NAME, name) != hash_:
            await self.tree.sync()
            await self.host.save_note(NAME, name, hash_)

    async def on_ready(self) -> None:
        """Record the first connection, or a new one after a long outage."""
        self.host.mark_ready(NAME, str(self.user), str(self.user.id) if self.user else "")

    async def on_disconnect(self) -> None:
        """Record a disconnect; the library reconnects by itself."""
        self.host.mark_lost(NAME, "the connection broke")

    async def on_resumed(self) -> None:
        self.host.mark_resumed(NAME)

    async def on_error(self, event_method: str, /, *_: Any, **__: Any) -> None:
        log.exception("discord: %s failed", event_method)

    async def on_command_error(
        self, interaction: discord.Interaction, error: app_commands.AppCommandError
    ) -> None:
        """Answer a command that the tree could not run, such as a removed one."""
        language = language_of(str(interaction.locale))
        apology = self.host.apologize(error, "a command on discord", language)
        embeds = sheets(apology)[0].embeds
        await _answered(interaction.response.send_message(embeds=embeds, ephemeral=True))

    async def run_command(
        self, interaction: discord.Interaction, row: Command, line: str, share: bool
    ) -> None:
        """Answer a slash command; privately if the bot is installed only by this user."""
        alone = not row.reads and interaction.guild_id is not None
        private = alone or (_is_guest(interaction) and not share)
        await self._reply(interaction, Press(line, fresh=True), private, thinking=True)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Handle a button or select. The library's own views would not survive a restart."""
        if interaction.type is not discord.InteractionType.component:
            return
        data: Any = interaction.data or {}
        press = pressed((data.get("values") or [data.get("custom_id", "")])[0])
        if press is None:
            await _answered(interaction.response.defer())
            return
        private = interaction.guild_id is not None or _is_guest(interaction)
        await self._reply(interaction, press, private, thinking=press.fresh)

    async def _reply(
        self, interaction: discord.Interaction, press: Press, private: bool, *, thinking: bool
    ) -> None:
        """Send the line's replies: the first replaces the deferred response, others follow it."""
        incoming = _incoming(interaction, press.line)
        try:
            later = interaction.response.defer(ephemeral=private and thinking, thinking=thinking)
            # Stop if the deferral came too late or the gateway repeated the event.
            if await _answered(later) and await self.host.mark_handled(NAME, str(interaction.id)):
                await self._replies(interaction, self.host.answer(incoming), press, private)
        except Exception as error:  # noqa: BLE001 (one answer may fail without the others)
            apology = self.host.apologize(error, "an answer on discord", incoming.language)
            try:
                await self._answer(interaction, apology, 1, False, private)
            except PlatformError as failure:
                log.warning("discord: the apology could not be sent either (%s)", failure)

    async def _replies(
        self,
        interaction: discord.Interaction,
        replies: AsyncIterator[Reply],
        press: Press,
        private: bool,
    ) -> None:
        first = True
        async for reply in replies:
            if reply.manner == "post":
                # Posted the same way as digests, so that a problem shows up now.
                await self.platform.send(_chat(interaction), reply)
                continue
            edit = first and (press.fresh or _may_replace(interaction, reply))
            await self._answer(interaction, reply, press.page if edit else 1, edit, private)
            first = False
        if first and press.fresh:  # no reply: the user is over the rate limit
            await _answered(interaction.delete_original_response())

    async def _answer(
        self, interaction: discord.Interaction, reply: Reply, page: int, edit: bool, private: bool
    ) -> None:
        """Send a reply: one page of it, or all if it has no pages; as a normal message if the
        interaction has expired."""
        written = sheets(reply)
        number, last = min(page, len(written)), len(written)
        paged = last > 1 and bool(reply.line) and not any(sheet.picture for sheet in written)
        shown, at, of = (written[number - 1 : number], number, last) if paged else (written, 1, 1)
        webhook = f"/webhooks/{interaction.application_id}/{interaction.token}"
        for place, sheet in enumerate(shown):
            body = write_body(reply, sheet, "picture", at, of, buttons=sheet is shown[-1])
            picture = sheet.picture.content if sheet.picture else b""
            message = Outgoing(_chat(interaction), json.dumps(body), "", picture)
            send = self.platform.answering.answer
            here = edit and not place
            try:
                await send_answer(partial(send, webhook, edit=here, private=private), message)
            except Gone:
                chat = _chat(interaction)
                if private:
                    chat = await self.platform.answering.open_direct(str(interaction.user.id))
                await self.platform.send(chat, reply, place)
                return

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Introduce the bot in the first channel where it may post."""
        for place in filter(None, [guild.system_channel, *guild.text_channels]):
            rights = place.permissions_for(guild.me)
            if not (rights.view_channel and rights.send_messages and rights.embed_links):
                continue
            chat = Chat(NAME, str(place.id), kind="group", space=str(guild.id))
            language = language_of(str(guild.preferred_locale))
            start = Incoming(chat, str(guild.owner_id), "/start", language)
            async for reply in self.host.answer(start):
                await self.platform.send(chat, reply)
            return

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        await self.host.end_chat(NAME, "", "removed", space=str(guild.id))

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self.host.end_chat(NAME, str(channel.id), "deleted")

    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        await self.host.end_chat(NAME, str(payload.thread_id), "deleted")


async def _answered(call: Any) -> bool:
    """Await an interaction call; return False if it came too late. Log other errors."""
    try:
        await call
    except _BROKEN as error:
        code = getattr(error, "code", 0)
        log.warning("discord: an answer was refused (%s)", code or type(error).__name__)
        return bool(code != _LATE)
    return True


def _may_replace(interaction: discord.Interaction, reply: Reply) -> bool:
    """Return True if a reply may replace the message with the pressed button; in a public message
    only another page or section may."""
    message = interaction.message
    alone = interaction.guild_id is None or (message is not None and message.flags.ephemeral)
    return alone or bool(reply.line and reply.manner == "answer")


def _is_guest(interaction: discord.Interaction) -> bool:
    """Return True if the bot is in this chat only as an app of this user."""
    if interaction.guild_id is None:
        return bool(interaction.context.private_channel)
    return not interaction.is_guild_integration()


def _chat(interaction: discord.Interaction) -> Chat:
    space = str(interaction.guild_id or "")
    place = interaction.channel
    name = getattr(place, "name", None)
    title = f"#{name}" if name else interaction.user.display_name
    # Digests can have threads in channels and forums, but not within threads.
    opens = place.parent if isinstance(place, discord.Thread) else place
    kinds = discord.ForumChannel if opens is not place else discord.TextChannel
    kind: ChatKind = "channel" if isinstance(opens, kinds) else "group" if space else "private"
    return Chat(NAME, str(interaction.channel_id), kind=kind, space=space, title=title)


def _incoming(interaction: discord.Interaction, line: str) -> Incoming:
    async def may_configure() -> bool:
        rights = interaction.permissions
        return interaction.guild_id is None or rights.manage_channels or rights.manage_guild

    language = language_of(str(interaction.locale))
    thread = isinstance(interaction.channel, discord.Thread)
    missing = lacking(interaction.app_permissions, thread=thread) if interaction.guild_id else []
    names = tuple(NEEDED[name][language or "en"] for name in missing)
    person = str(interaction.user.id)
    chat = _chat(interaction)
    return Incoming(chat, person, line, language, configures=may_configure, lacking=names)


def _fault(error: Exception) -> PlatformError:
    """Return the error for operators on why the bot cannot connect."""
    closed = isinstance(error, discord.ConnectionClosed) and error.code == _REVOKED
    if closed or (isinstance(error, discord.LoginFailure) and _is_discords(error.__cause__)):
        return Refused(ADVICE["token"].format(name="Discord", variable="DISCORD_BOT_TOKEN"))
    if isinstance(error, _BROKEN):
        facts = {"name": "Discord", "why": _reason(error), "address": "DISCORD_API_URL"}
        return Unreachable(ADVICE["unreachable"].format(**facts))
    raise error


def _is_discords(error: BaseException | None) -> bool:
    """Return True if the response is from Discord; proxies in front of it answer with HTML."""
    if not isinstance(error, discord.HTTPException):
        return False
    return error.response.headers.get("Content-Type") == "application/json" and bool(error.text)


def _reason(error: Exception) -> str:
    """Return a one-line reason for operators, without a proxy's HTML."""
    if isinstance(error, discord.LoginFailure):
        return "HTTP 401 from a server in front of Discord"
    if isinstance(error, discord.HTTPException) and not _is_discords(error):
        return f"HTTP {error.status}"
    if isinstance(error, discord.DiscordException):
        return str(error)[:200] or "it gave no reason"
    return str(read_failure(error))
