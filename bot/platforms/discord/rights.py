"""What the bot must be allowed to do where it posts on Discord."""

from __future__ import annotations

import discord

from digest.models import Language

NEEDED: dict[str, dict[Language, str]] = {
    "view_channel": {"zh": "查看频道", "en": "View Channel"},
    "send_messages": {"zh": "发送消息", "en": "Send Messages"},
    "send_messages_in_threads": {"zh": "在子区内发送消息", "en": "Send Messages in Threads"},
    "embed_links": {"zh": "嵌入链接", "en": "Embed Links"},
    "attach_files": {"zh": "附加文件", "en": "Attach Files"},
}
"""Permissions, as Discord's apps call them."""


def lacking(have: discord.Permissions, *, thread: bool) -> list[str]:
    """Those of NEEDED that are missing in a channel, or in a thread or forum post."""
    spared = "send_messages" if thread else "send_messages_in_threads"
    return [name for name in NEEDED if name != spared and not getattr(have, name)]
