"""What the bot must be allowed to do where it posts on Discord."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import discord

from bot.platforms import Setup
from digest.models import Chat, Language

NEEDED: dict[str, dict[Language, str]] = {
    "view_channel": {"zh": "查看频道", "en": "View Channel"},
    "send_messages": {"zh": "发送消息", "en": "Send Messages"},
    "send_messages_in_threads": {"zh": "在子区内发送消息", "en": "Send Messages in Threads"},
    "embed_links": {"zh": "嵌入链接", "en": "Embed Links"},
    "attach_files": {"zh": "附加文件", "en": "Attach Files"},
}
"""Permissions without which nothing can be posted, as Discord's apps call them."""
_HISTORY = {"read_message_history": "Read Message History"}
"""With it a message whose answer was lost is looked for before it is sent again."""


def lacking(have: discord.Permissions, *, thread: bool) -> list[str]:
    """Those of NEEDED that are missing in a channel, or in a thread or forum post."""
    spared = "send_messages" if thread else "send_messages_in_threads"
    return [name for name in NEEDED if name != spared and not getattr(have, name)]


async def checked(setup: Setup, chats: Sequence[Chat]) -> list[str]:
    """Return a line on the bot, then one for each of these chats where it cannot post. Raises
    what the library raises."""
    # A client without commands: whoever only looks must change nothing.
    client = discord.Client(intents=discord.Intents.none(), proxy=setup.proxy)
    async with client:
        await client.login(setup.token)
        about = await client.application_info()
        permissions = discord.Permissions(**dict.fromkeys((*NEEDED, *_HISTORY), True))
        link = discord.utils.oauth_url(
            about.id, permissions=permissions, scopes=("bot", "applications.commands")
        )
        lines = [f"{about.name}; invite: {link}"]
        for space in sorted({chat.space for chat in chats if chat.space}):
            inside = [chat for chat in chats if chat.space == space]
            lines += await _of_server(client, space, inside)
    return lines


async def _of_server(client: discord.Client, space: str, chats: Iterable[Chat]) -> list[str]:
    try:
        guild = await client.fetch_guild(int(space))
        me = await guild.fetch_member(client.user.id if client.user else 0)
        channels = {channel.id: channel for channel in await guild.fetch_channels()}
    except (discord.NotFound, discord.Forbidden):
        return [f"the bot is not in server {space}: invite it again, or end what it posts there"]
    faults = []
    for chat in chats:
        thread = int(chat.id) not in channels
        channel = channels.get(int(chat.id)) or channels.get(await _parent(client, int(chat.id)))
        if channel is None:
            faults.append(f"channel {chat.id} is gone, or the bot may not see it")
            continue
        have = channel.permissions_for(me)
        names = [NEEDED[name]["en"] for name in lacking(have, thread=thread)]
        names += [shown for name, shown in _HISTORY.items() if not getattr(have, name)]
        if names:
            faults.append(f"#{channel.name}: allow the bot: {', '.join(names)}")
    return faults


async def _parent(client: discord.Client, id_: int) -> int:
    """Return the channel of a thread; 0 where there is none."""
    try:
        channel = await client.fetch_channel(id_)
    except (discord.NotFound, discord.Forbidden):
        return 0
    return channel.parent_id if isinstance(channel, discord.Thread) else 0
