"""Telegram: long polling in our own loop, or webhook; every update is handled once."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any

from telegram import CallbackQuery, Message, Update

from bot import texts
from bot.messages import Incoming, Press, Reply, pressed
from bot.platforms import (
    ADVICE,
    Gone,
    Host,
    Limited,
    PlatformError,
    Refused,
    Revoked,
    Setup,
    Unreachable,
    backoff,
    language_of,
)
from bot.platforms.telegram import updates
from bot.platforms.telegram.api import (
    HOLD_SECONDS,
    NAME,
    TelegramDeliverer,
    call,
    show_chat_menu,
    show_menus,
)
from bot.platforms.telegram.entities import is_for_everybody, link
from bot.rich import text_of, units
from digest.models import Chat

log = logging.getLogger(__name__)

UPDATES = ("message", "channel_post", "callback_query", "my_chat_member")
MAX_CONCURRENT = 64
SLOT_SECONDS = 0.5
"""How long an update may occupy a slot. A slower one is waiting (for a report or for Telegram), so
its slot is freed."""
ANSWER_SECONDS = 30.0
QUICK_SECONDS = 2.0
"""After this time a button's progress indicator is stopped even if the answer is not ready."""
PAUSE_SECONDS = 5.0
"""Pause after Telegram refuses getUpdates because another copy of the bot is polling."""
LONGEST_PAUSE_SECONDS = 30.0
MAX_TOAST_CHARS = 200
"""Maximum length of a toast (Bot API, answerCallbackQuery)."""


def open_platform(host: Host, setup: Setup) -> Telegram:
    return Telegram(host, setup)


class Telegram:
    """A bot on Telegram."""

    def __init__(self, host: Host, setup: Setup) -> None:
        self.host, self.setup = host, setup

        def name() -> str:
            return self.bot.username

        self._answering = TelegramDeliverer(host, setup, name, ANSWER_SECONDS, MAX_CONCURRENT + 1)
        self.bot, self._wire = self._answering.bot, self._answering.wire
        self.delivering = TelegramDeliverer(host, setup, name)
        self._room = asyncio.Semaphore(MAX_CONCURRENT)
        self._working: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        try:
            await call(self.bot.initialize())
            if url := self.setup.webhook_url:
                secret = self.setup.webhook_secret
                await call(self.bot.set_webhook(url, allowed_updates=UPDATES, secret_token=secret))
            else:
                await call(self.bot.delete_webhook())
            self._start(show_menus(self.bot, self.host, self.setup.operators))
            self.host.mark_ready(NAME, f"@{self.bot.username}", str(self.bot.id))
            await (self._drain() if self.setup.webhook_url else self._poll())
        except PlatformError as error:
            raise _advise(error) from error
        finally:
            await self._close()

    async def send(self, chat: Chat, reply: Reply) -> None:
        await self._answering.send(chat, reply, entire=True)

    async def tell(self, person: str, reply: Reply) -> None:
        await self.send(Chat(NAME, person), reply)

    async def check(self, chats: Sequence[Chat]) -> list[str]:
        try:
            await call(self.bot.initialize())
            me = await call(self.bot.get_me())
            silent = [line for chat in chats if (line := await self._silent(chat))]
        except PlatformError as error:
            raise _advise(error) from error
        finally:
            await self._close()
        denied = "may NOT join groups (BotFather: /setjoingroups)"
        groups = "may join groups" if me.can_join_groups else denied
        address = f"https://t.me/{me.username}"
        channel = f"{address}?startchannel&admin=post_messages"
        invite = f"to a group: {address}?startgroup={updates.HELLO} ; to a channel: {channel}"
        return [f"@{me.username}, {groups}; {invite}", *dict.fromkeys(silent)]

    async def _silent(self, chat: Chat) -> str:
        """Return why the bot cannot post in a subscribed chat; "" if it can."""
        if chat.kind == "private":
            return ""
        try:
            place = await call(self.bot.get_chat(int(chat.id)))
            member = await call(self.bot.get_chat_member(int(chat.id), self.bot.id))
        except (Gone, Refused) as error:
            name = chat.title or f"chat {chat.id}"
            return f"{name}: {error}"
        if updates.may_post(place.type, member):
            return ""
        return f"{place.title or chat.id}: the bot may not post there: make it an admin who may"

    async def _close(self) -> None:
        """Let answers in progress finish, then close the connections."""
        if self._working:
            await asyncio.wait(self._working, timeout=5.0)
        for task in list(self._working):
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        await self.bot.shutdown()

    async def _drain(self) -> None:
        """Handle stored updates forever, oldest first; delete each after it was handled."""
        under_way: set[str] = set()

        async def take(key: str, raw: Any) -> None:
            try:
                await self._take(raw)
                await self.host.forget_received(NAME, key)
            finally:
                under_way.discard(key)

        while True:
            for key, content in await self.host.list_received(NAME, under_way):
                under_way.add(key)
                await self._room.acquire()
                self._start(take(key, json.loads(content)))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _poll(self) -> None:
        """Poll for updates forever; the library's poller would end silently on a revoked token."""
        offset, failures = 0, 0
        while True:
            try:
                # After a failure, poll without waiting to see whether it is over.
                hold = 0 if failures else HOLD_SECONDS
                batch = await self._wire.fetch_updates(offset, UPDATES, hold)
            except Revoked:
                raise
            except Limited as error:
                await asyncio.sleep(error.seconds)
                continue
            except PlatformError as error:
                failures += 1
                await self._wait_after(error, failures)
                continue
            if failures:
                self.host.mark_resumed(NAME)
                failures = 0
            before = offset
            for raw in batch:
                offset = _number_of(raw, offset - 1) + 1
                await self._room.acquire()
                self._start(self._take(raw))
            if batch and offset == before:  # updates without numbers would be returned again
                await asyncio.sleep(PAUSE_SECONDS)

    async def _wait_after(self, error: PlatformError, failures: int) -> None:
        self.host.mark_lost(NAME, str(error))
        if isinstance(error, Refused | Gone):
            log.warning("telegram: another copy of this bot is running (%s)", error)
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            log.warning("telegram: no updates for now (%s); trying again", error)
            await asyncio.sleep(backoff(failures, LONGEST_PAUSE_SECONDS))

    async def _take(self, raw: Any) -> None:
        """Parse and handle an update. Its slot is freed when it is done, or after SLOT_SECONDS."""
        freeing = asyncio.get_running_loop().call_later(SLOT_SECONDS, self._room.release)
        try:
            # Updates of a flooding user are not even parsed, so that they delay nobody.
            flooding = self.host.is_flooding(NAME, _sender_of(raw))
            if not flooding and (update := self._read(raw)):
                await self._handle(update)
        finally:
            if freeing.when() > asyncio.get_running_loop().time():
                freeing.cancel()
                self._room.release()

    def _read(self, raw: Any) -> Update | None:
        try:
            return Update.de_json(raw, self.bot)
        except Exception as error:  # noqa: BLE001 (one update may fail without the others)
            kind = type(error).__name__
            log.error("telegram: update %d is skipped: unreadable (%s)", _number_of(raw, 0), kind)
            return None

    async def _handle(self, update: Update) -> None:
        chat = updates.chat_of(update)
        person = update.effective_user
        language = language_of(person.language_code if person else None)
        try:
            if not await self.host.mark_handled(NAME, f"{self.bot.id}:{update.update_id}"):
                return
            if chat is not None:
                # The message is visible to somebody, so it did arrive.
                if sent := updates.own_message(update, self.bot):
                    text = sent.text or sent.caption or ""
                    await self.host.confirm_arrival(chat, str(sent.message_id), text, sent.date)
                await self._react(update, chat)
        except Gone as error:
            log.info("telegram: a chat is gone (%s)", error)
            if chat is not None:
                thread = chat.thread if error.thread else None
                await self.host.end_chat(NAME, chat.id, error.why, thread=thread)
        except Exception as error:  # noqa: BLE001 (one update may fail without the others)
            apology = self.host.apologize(error, "an update on telegram", language)
            if chat is not None and chat.kind != "channel":
                try:
                    await self._answering.send(chat, apology)
                except PlatformError as failure:
                    log.warning("telegram: the apology could not be sent either (%s)", failure)

    async def _react(self, update: Update, chat: Chat) -> None:
        message = update.message or update.channel_post
        if change := update.my_chat_member:
            if (became := updates.what_became(change)) == "removed":
                await self.host.end_chat(NAME, chat.id, "removed")
            elif became:
                language = language_of(change.from_user.language_code)
                start = Incoming(chat, str(change.from_user.id), "/start", language)
                try:
                    await self._send_all(self.host.answer(start), chat)
                except PlatformError as error:
                    log.info("telegram: added to a chat where it cannot post (%s)", error)
        elif update.callback_query:
            await self._pressed(update.callback_query, chat)
        elif message and message.migrate_to_chat_id:
            await self.host.move_chat(NAME, chat.id, str(message.migrate_to_chat_id))
        elif message and message.migrate_from_chat_id:
            await self.host.move_chat(NAME, str(message.migrate_from_chat_id), chat.id)
        elif message and (line := updates.incoming(message, chat, self.bot)):
            await self._send_all(self.host.answer(line), chat, updates.reply_place(message))

    async def _send_all(
        self, replies: AsyncIterator[Reply], chat: Chat, reply_to: str = ""
    ) -> None:
        async for reply in replies:
            await self._answering.send(chat, reply, reply_to=reply_to)
            await self._follow_language(chat, reply)

    async def _follow_language(self, chat: Chat, reply: Reply) -> None:
        if reply.menu:
            await show_chat_menu(self.bot, self.host, chat, reply.menu, self.setup.operators)

    async def _pressed(self, query: CallbackQuery, chat: Chat) -> None:
        press = pressed(query.data or "")
        if press is None:
            await self._stop_turning(query)
            return
        line = updates.pressed_by(query, press.line, chat, self.bot)
        if chat.kind == "channel" and not await self._may_press(query, press, line):
            return
        replies = self.host.answer(line)
        first = asyncio.ensure_future(anext(replies, None))
        try:
            await asyncio.wait({first}, timeout=QUICK_SECONDS)
            answered = not first.done() and await self._stop_turning(query)
            reply = await first
        finally:
            first.cancel()
        toast = _toast(reply, chat)
        # A press can be answered only once.
        shown = not answered and await self._stop_turning(query, toast)
        place = updates.reply_place(query.message if isinstance(query.message, Message) else None)
        if reply is None or toast:
            if reply and not shown and chat.kind != "channel":
                await self._answering.send(chat, reply, reply_to=place)
            return
        await self._show(query, press, reply, chat, place)
        await self._follow_language(chat, reply)
        if chat.kind == "channel":
            replies = (reply async for reply in replies if reply.manner == "post")
        await self._send_all(replies, chat, place)

    async def _may_press(self, query: CallbackQuery, press: Press, line: Incoming) -> bool:
        """Return True if an admin pressed a button in a channel. Others get a link or a toast."""
        if is_for_everybody(press.line, self.host):
            address = link(self.host.encode_link(press.line), self.bot.username)
            await self._stop_turning(query, url=address)
            return False
        if await line.configures():
            return True
        name = press.line.split(" ")[0].removeprefix("/")
        language = line.language or "en"
        await self._stop_turning(query, texts.text("chat_admins_only", language, name=name))
        return False

    async def _show(
        self, query: CallbackQuery, press: Press, reply: Reply, chat: Chat, place: str
    ) -> None:
        """Show the answer in place of the message with the button, or after it."""
        message, channel = query.message, chat.kind == "channel"
        shown = channel and reply.manner != "post"
        if reply.manner != "post" and message and (channel or not press.fresh):
            here = message.is_accessible
            id_, page = message.message_id, press.page
            shown = (here and await self._answering.edit(chat, id_, reply, page)) or channel
        if not shown:
            await self._answering.send(chat, reply, reply_to=place)

    async def _stop_turning(self, query: CallbackQuery, toast: str = "", url: str = "") -> bool:
        """Answer the press itself; on failure only log it and return False."""
        try:
            await call(
                self.bot.answer_callback_query(
                    query.id,
                    toast[:MAX_TOAST_CHARS] or None,
                    show_alert=bool(toast),
                    url=url or None,
                )
            )
        except PlatformError as error:
            log.info("telegram: a button press could not be answered (%s)", error)
            return False
        return True


def _advise(error: PlatformError) -> PlatformError:
    if isinstance(error, Revoked):
        return Refused(ADVICE["token"].format(name="Telegram", variable="TELEGRAM_BOT_TOKEN"))
    if isinstance(error, Unreachable):
        facts = {"name": "Telegram", "why": error, "address": "TELEGRAM_API_URL"}
        return Unreachable(ADVICE["unreachable"].format(**facts))
    return Unreachable(str(error))


def _number_of(raw: Any, default: int) -> int:
    number = raw.get("update_id") if isinstance(raw, dict) else None
    return number if type(number) is int else default


def _sender_of(raw: Any) -> str:
    for kind in ("message", "callback_query"):
        body = raw.get(kind) if isinstance(raw, dict) else None
        sender = body.get("from") if isinstance(body, dict) else None
        if isinstance(sender, dict):
            return str(sender.get("id", ""))
    return ""


def _toast(reply: Reply | None, chat: Chat) -> str:
    """Return a short answer to show only to the person who pressed the button, or ""."""
    if reply is None or reply.manner != "private" or chat.kind == "private" or reply.buttons:
        return ""
    text = text_of(line for unit in units(reply.blocks) for line in unit.lines)
    return text if len(text) <= MAX_TOAST_CHARS else ""
