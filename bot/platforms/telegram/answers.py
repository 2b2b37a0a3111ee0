"""Replies sent to Telegram as answers, and edited there."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from bot.messages import Reply
from bot.platforms import Host, Outgoing, Refused, send_answer
from bot.platforms.telegram.api import Deliverer
from bot.platforms.telegram.entities import write_bodies
from bot.rich import parts
from digest.models import Chat

log = logging.getLogger(__name__)

NAME = "telegram"


class Sender:
    """Sends answers through one bot."""

    def __init__(self, delivering: Deliverer, host: Host) -> None:
        self.host, self._to = host, delivering
        self.bot = delivering.bot

    async def send(
        self, chat: Chat, reply: Reply, *, whole: bool = False, reply_to: str = ""
    ) -> None:
        """Send a reply: its first page with arrows, or all of it where it has a picture, cannot be
        paged, or is to be sent `whole`. `reply_to`: the message it answers, where its place follows
        from that. Raises Gone, Refused, Revoked or Unreachable."""
        shown = parts(reply)[1]
        picture = await asyncio.to_thread(shown.path.read_bytes) if shown else b""
        for number, body in enumerate(self._bodies(chat, reply, 0 if whole else 1)):
            if number:
                body["silent"] = True
            own = picture if body.get("picture") else b""
            message = Outgoing(chat, json.dumps(body), "", own, reply_to=reply_to)
            await self._patiently(self._to.deliver, message)

    async def edit(self, chat: Chat, message_id: int, reply: Reply, page: int) -> bool:
        """Put a page of the reply in the place of a text message; return whether that can be done.
        Raises as `send` does."""
        bodies = self._bodies(chat, reply, max(1, page))
        if len(bodies) > 1 or bodies[0].get("picture"):
            return False
        message = Outgoing(chat, json.dumps(bodies[0]), "")
        try:
            await self._patiently(lambda one: self._to.edit(one, message_id), message)
        except Refused as error:
            if "not modified" in str(error):  # the same button twice
                return True
            log.info("telegram: edit refused (%s)", error)
            return False
        return True

    def _bodies(self, chat: Chat, reply: Reply, page: int) -> list[dict[str, Any]]:
        name = self.bot.username if chat.kind == "channel" else ""
        return write_bodies(reply, "picture", self.host, name, page)

    async def _patiently(
        self, send: Callable[[Outgoing], Awaitable[object]], message: Outgoing
    ) -> None:
        async def moved(new: str) -> None:
            await self.host.moved(NAME, message.chat.id, new)

        await send_answer(send, message, moved)
