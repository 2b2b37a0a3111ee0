"""Replies sent to Telegram and edited there, and its refusals told apart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, Message, MessageEntity
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from bot.messages import Picture, Reply
from bot.platforms import Gone, Host, Refused, Unreachable
from bot.platforms.telegram.entities import (
    CAPTION,
    MOST_BYTES,
    TEXT,
    inert_units,
    keyboard,
    message,
    size,
)
from bot.presses import Press
from bot.rich import Line, fitting, pages, parts
from digest.models import Chat

log = logging.getLogger(__name__)

NAME = "telegram"
MOST_WAIT = 60.0
"""Seconds to wait at Telegram's word before an answer is given up."""
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_GONE = (
    "chat not found",
    "user not found",
    "chat_write_forbidden",
    "group chat was deactivated",
    "message thread not found",
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A message to send: text with its entities, or a picture with them as caption."""

    lines: tuple[Line, ...]
    picture: Picture | None = None


def sheets(reply: Reply) -> list[Sheet]:
    """The reply as messages within Telegram's limits: the picture with what stands before it as
    caption, then the rest as text."""
    before, picture, after = parts(reply)
    before, after = inert_units(before), inert_units(after)
    found: list[Sheet] = []
    if picture:
        caption, left = fitting(before, size, CAPTION)
        found.append(Sheet(tuple(caption), picture))
        after = left + after
    return found + [Sheet(tuple(page)) for page in pages(after, size, TEXT)]


def paged(reply: Reply, found: Sequence[Sheet]) -> bool:
    """Whether these messages are shown one at a time, with arrows that turn them."""
    turning = bool(reply.line) and Press(reply.line, len(found)).fits(MOST_BYTES)
    return len(found) > 1 and turning and found[0].picture is None


class Sender:
    """Sends through one bot."""

    def __init__(self, bot: Bot, host: Host) -> None:
        self.bot, self.host = bot, host

    async def send(self, chat: Chat, reply: Reply, *, whole: bool = False) -> None:
        """Sends a reply: its first page with arrows, or all of it where it has a picture, cannot
        be paged, or is to be sent `whole`. Raises Gone, Refused or Unreachable."""
        found = sheets(reply)
        if not whole and paged(reply, found):
            await self._post(chat, found[0], self._keyboard(chat, reply, 1, len(found)))
            return
        for number, sheet in enumerate(found, 1):
            last = number == len(found)
            await self._post(chat, sheet, self._keyboard(chat, reply, 1, 1) if last else None)

    async def edit(self, chat: Chat, message_id: int, reply: Reply, page: int) -> None:
        """Puts a page of the reply in the place of a text message; a new message where there can
        be no such edit."""
        found = sheets(reply)
        if found[0].picture or (len(found) > 1 and not paged(reply, found)):
            await self.send(chat, reply)
            return
        page = min(page, len(found))
        text, entities = message(found[page - 1].lines)
        buttons = self._keyboard(chat, reply, page, len(found))
        try:
            await self._call(
                chat,
                lambda to: self.bot.edit_message_text(
                    text,
                    to,
                    message_id,
                    entities=entities,
                    reply_markup=buttons,
                    link_preview_options=_NO_PREVIEW,
                ),
            )
        except Refused as error:
            if "not modified" in str(error):  # the same button twice
                return
            log.info("telegram: edit refused (%s); sent anew", error)
            await self.send(chat, reply)

    def _keyboard(
        self, chat: Chat, reply: Reply, page: int, of: int
    ) -> InlineKeyboardMarkup | None:
        name = self.bot.username if chat.kind == "channel" else ""
        return keyboard(reply, page, of, self.host, name)

    async def _post(self, chat: Chat, sheet: Sheet, buttons: InlineKeyboardMarkup | None) -> None:
        text, entities = message(sheet.lines)
        thread = int(chat.thread) if chat.thread else None
        if sheet.picture is None:
            await self._text(chat, thread, text, entities, buttons)
            return
        content = await asyncio.to_thread(sheet.picture.path.read_bytes)
        try:
            await self._call(
                chat,
                lambda to: self.bot.send_photo(
                    to,
                    content,
                    caption=text,
                    caption_entities=entities,
                    message_thread_id=thread,
                    reply_markup=buttons,
                ),
            )
        except Refused as error:
            # A brief is never lost for its picture.
            log.warning("telegram: picture refused (%s); sent without it", error)
            if text:
                await self._text(chat, thread, text, entities, buttons)

    async def _text(
        self,
        chat: Chat,
        thread: int | None,
        text: str,
        entities: list[MessageEntity],
        buttons: InlineKeyboardMarkup | None,
    ) -> None:
        def sent(entities: list[MessageEntity] | None) -> Callable[[int], Awaitable[Message]]:
            return lambda to: self.bot.send_message(
                to,
                text,
                entities=entities,
                message_thread_id=thread,
                reply_markup=buttons,
                link_preview_options=_NO_PREVIEW,
            )

        try:
            await self._call(chat, sent(entities))
        except Refused as error:
            if not entities:
                raise
            log.warning("telegram: markup refused (%s); sent as plain text", error)
            await self._call(chat, sent(None))

    async def _call(self, chat: Chat, call: Callable[[int], Awaitable[object]]) -> None:
        """Makes a call for a chat; waits where Telegram says so and follows a chat that moved."""
        to = int(chat.id)
        for _ in range(3):
            try:
                await call(to)
            except RetryAfter as error:
                wait = seconds(error)
                if wait > MOST_WAIT:
                    raise Unreachable(f"Telegram asks to wait {wait:.0f} s") from None
                await asyncio.sleep(wait)
            except ChatMigrated as error:
                await self.host.moved(NAME, chat.id, str(error.new_chat_id))
                to = error.new_chat_id
            except TelegramError as error:
                raise _told(error) from error
            else:
                return
        raise Unreachable("Telegram asked to wait again and again")


def seconds(error: RetryAfter) -> float:
    """How long Telegram asks to wait."""
    wait = error._retry_after.total_seconds()
    return max(wait, 1.0)


def _told(error: TelegramError) -> Gone | Refused | Unreachable:
    if isinstance(error, InvalidToken):
        return Refused("Telegram does not accept the token")
    if isinstance(error, Forbidden):
        return Gone(error.message)
    if isinstance(error, BadRequest):
        gone = any(word in error.message.lower() for word in _GONE)
        return Gone(error.message) if gone else Refused(error.message)
    if isinstance(error, NetworkError):
        return Unreachable(error.message)
    return Refused(error.message)
