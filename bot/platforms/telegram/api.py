"""Calls of Telegram, one a message: parts of digests, answers to people, and the menus of commands
beside the line people type."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

from telegram import Bot, BotCommand, BotCommandScopeChat

from bot.messages import Reply
from bot.platforms import (
    Delivered,
    Gone,
    Host,
    Outgoing,
    Pace,
    PlatformError,
    Refused,
    Setup,
    send_answer,
)
from bot.platforms.telegram.entities import write_bodies
from bot.platforms.telegram.updates import NAME
from bot.platforms.telegram.wire import Wire, call, open_bot
from bot.rich import parts
from digest.models import Chat, Language

log = logging.getLogger(__name__)

PACE = Pace(a_second=30.0, most=1000.0, chat_gap=1.0, group_minute=20)
"""Bots FAQ: about 30 a second, 1 a second in a chat, 20 a minute in a group. A bot that pays may
send 1,000 a second."""
MOST_AT_ONCE = 100
TIMEOUT_SECONDS = 20.0
_NO_PREVIEW = {"is_disabled": True}


class TelegramDeliverer:
    """Sends messages through one token."""

    pace = PACE
    repeats = False
    reuses = True

    def __init__(
        self,
        host: Host,
        setup: Setup,
        name: Callable[[], str],
        timeout: float = TIMEOUT_SECONDS,
        connections: int = MOST_AT_ONCE,
    ) -> None:
        """`name` returns the bot's user name, for links in channels."""
        self._host, self._name = host, name
        self.wire = Wire(setup, connections, timeout)
        self.bot = open_bot(setup, self.wire)

    def bodies(self, reply: Reply, chat: Chat, picture: str, *, quiet: bool = False) -> list[str]:
        bot = self._name() if chat.kind == "channel" else ""
        written = write_bodies(reply, picture, self._host, bot)
        return [
            json.dumps(body | ({"silent": True} if quiet or number else {}), ensure_ascii=False)
            for number, body in enumerate(written)
        ]

    async def deliver(self, message: Outgoing) -> Delivered:
        body = json.loads(message.body)
        pictured = bool(body.get("picture")) and not message.bare
        if not pictured and not body.get("text"):
            raise Refused("nothing is left of the message without its picture")
        fields = _fields(message, body, pictured=pictured)
        if pictured and message.file_id:
            sent = await self.wire.call_method("sendPhoto", fields | {"photo": message.file_id})
        elif pictured:
            sent = await self.wire.call_method("sendPhoto", fields, photo=message.picture)
        else:
            sent = await self.wire.call_method("sendMessage", fields)
        return Delivered(str(sent.get("message_id", "")), _file_id(sent))

    async def edit(self, message: Outgoing, message_id: int) -> None:
        """Put this text and its buttons into a message. Raises as `deliver` does."""
        fields = _fields(message, json.loads(message.body)) | {"message_id": message_id}
        await self.wire.call_method("editMessageText", fields)

    async def publish(self, chat: Chat, message: str) -> None:
        """Do nothing: channels need no publishing."""

    async def close(self) -> None:
        await self.wire.shutdown()


def _fields(message: Outgoing, body: dict[str, Any], *, pictured: bool = False) -> dict[str, Any]:
    """Return the fields of the Bot API's method that sends this message."""
    text, entities = ("caption", "caption_entities") if pictured else ("text", "entities")
    fields = {
        text: body["text"],
        "message_thread_id": message.chat.thread,
        "disable_notification": body.get("silent"),
    }
    if not pictured:
        fields["link_preview_options"] = body.get("preview") or _NO_PREVIEW
    if message.reply_to:
        reply = {"message_id": int(message.reply_to), "allow_sending_without_reply": True}
        fields["reply_parameters"] = reply
    if not message.plain:
        fields |= {entities: body.get("entities"), "reply_markup": body.get("buttons")}
    filled = {name: value for name, value in fields.items() if value}
    return {"chat_id": message.chat.id, **filled}


def _file_id(sent: dict[str, Any]) -> str:
    """Return the id of a sent picture in its largest size, or nothing."""
    sizes = sent.get("photo")
    size = sizes[-1] if isinstance(sizes, list) and sizes else {}
    return str(size.get("file_id", "")) if isinstance(size, dict) else ""


class Sender:
    """Sends answers to people."""

    def __init__(self, delivering: TelegramDeliverer, host: Host) -> None:
        self.host, self._deliverer = host, delivering
        self.bot = delivering.bot

    async def send(
        self, chat: Chat, reply: Reply, *, entire: bool = False, reply_to: str = ""
    ) -> None:
        """Send a reply: its first page with arrows; all of it where it has a picture, cannot be
        paged, or `entire`. `reply_to`: the message it answers, where that decides its thread.
        Raises Gone, Refused, Revoked or Unreachable."""
        shown = parts(reply)[1]
        picture = await asyncio.to_thread(shown.path.read_bytes) if shown else b""
        for number, body in enumerate(self._bodies(chat, reply, 0 if entire else 1)):
            if number:
                body["silent"] = True
            upload = picture if body.get("picture") else b""
            message = Outgoing(chat, json.dumps(body), "", upload, reply_to=reply_to)
            await self._send(self._deliverer.deliver, message)

    async def edit(self, chat: Chat, message_id: int, reply: Reply, page: int) -> bool:
        """Replace a text message by a page of the reply; return False where that cannot be done.
        Raises as `send` does."""
        bodies = self._bodies(chat, reply, max(1, page))
        if len(bodies) > 1 or bodies[0].get("picture"):
            return False
        message = Outgoing(chat, json.dumps(bodies[0]), "")
        try:
            await self._send(lambda new: self._deliverer.edit(new, message_id), message)
        except Refused as error:
            if "not modified" in str(error):  # the same button twice
                return True
            log.info("telegram: edit refused (%s)", error)
            return False
        return True

    def _bodies(self, chat: Chat, reply: Reply, page: int) -> list[dict[str, Any]]:
        name = self.bot.username if chat.kind == "channel" else ""
        return write_bodies(reply, "picture", self.host, name, page)

    async def _send(self, send: Callable[[Outgoing], Awaitable[object]], message: Outgoing) -> None:
        async def moved(new: str) -> None:
            await self.host.moved(NAME, message.chat.id, new)

        await send_answer(send, message, moved)


_MENUS: tuple[Language, Language] = ("en", "zh")


async def show_menus(bot: Bot, host: Host, operators: Sequence[str]) -> None:
    """Tell Telegram the commands, where they changed since it was told."""
    rows = [[row.name, row.help("zh"), row.help("en")] for row in host.menu]
    shown = json.dumps([rows, operators], ensure_ascii=False)
    hash_ = hashlib.sha256(shown.encode()).hexdigest()
    name = f"menu:{bot.id}"
    if await host.note(NAME, name) == hash_:
        return
    await call(bot.set_my_commands(_commands(host, "en")))
    await call(bot.set_my_commands(_commands(host, "zh"), language_code="zh"))
    for person in operators:
        scope = BotCommandScopeChat(int(person))
        english, chinese = (_commands(host, code, operator=True) for code in _MENUS)
        try:
            await call(bot.set_my_commands(english, scope=scope))
            await call(bot.set_my_commands(chinese, scope=scope, language_code="zh"))
        except (Gone, Refused):
            log.info("telegram: an operator has not spoken to the bot yet; no menu for them")
    await host.save_note(NAME, name, hash_)


async def show_chat_menu(
    bot: Bot, host: Host, chat: Chat, choice: Language | Literal["topic"], operators: Sequence[str]
) -> None:
    """Show a chat the commands in the language it has chosen; `topic`: in that of each app. What
    Telegram refuses is logged: the menu is no part of the answer."""
    scope, operator = BotCommandScopeChat(int(chat.id)), chat.id in operators
    try:
        for code in _MENUS:
            spoken: Language = code if choice == "topic" else choice
            commands = _commands(host, spoken, operator=operator)
            language_code = "zh" if code == "zh" else None
            await call(bot.set_my_commands(commands, scope=scope, language_code=language_code))
    except PlatformError as error:
        log.info("telegram: a chat's menu stays as it is (%s)", error)


def _commands(host: Host, language: Language, *, operator: bool = False) -> list[BotCommand]:
    rows = [row for row in host.menu if operator or row.who != "operators"]
    return [BotCommand(row.name, row.help(language)) for row in rows]
