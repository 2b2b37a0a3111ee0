"""Telegram: long polling inside our own loop, every update handled once."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Sequence

from telegram import Bot, BotCommand, BotCommandScopeChat, CallbackQuery, Update
from telegram.error import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.request import HTTPXRequest

from bot.messages import Incoming, Reply
from bot.platforms import (
    ADVICE,
    Gone,
    Host,
    PlatformError,
    Refused,
    Setup,
    Unreachable,
    language_of,
)
from bot.platforms.telegram.answers import NAME, Sender, seconds
from bot.platforms.telegram.api import Deliverer, trusted
from bot.platforms.telegram.updates import (
    HELLO,
    added,
    chat_of,
    incoming,
    may_post,
    pressed_by,
    removed,
)
from bot.presses import Press, pressed
from bot.rich import text_of, units
from digest.models import Chat

log = logging.getLogger(__name__)

UPDATES = ("message", "channel_post", "callback_query", "my_chat_member")
HELD = 50
"""Seconds Telegram holds a question for updates."""
MOST_AT_ONCE = 64
QUICK = 2.0
"""Seconds after which a button stops turning although its answer is not there yet."""
MOST_ALERT = 200
"""Characters of an alert (Bot API, answerCallbackQuery)."""


def open_platform(host: Host, setup: Setup) -> Telegram:
    """The platform; connects to nothing yet."""
    return Telegram(host, setup)


class Telegram:
    """One bot on Telegram."""

    def __init__(self, host: Host, setup: Setup) -> None:
        self.host, self.setup = host, setup
        root = setup.api_url.rstrip("/") or "https://api.telegram.org"
        proxy = setup.proxy or None
        client = {"verify": trusted()}
        # Without a wait for a free connection a burst of answers would fail as a time-out.
        usual = HTTPXRequest(
            connection_pool_size=MOST_AT_ONCE,
            proxy=proxy,
            pool_timeout=30.0,
            read_timeout=20.0,
            httpx_kwargs=client,
        )
        polling = HTTPXRequest(
            connection_pool_size=1, proxy=proxy, read_timeout=HELD + 10.0, httpx_kwargs=client
        )
        self.bot = Bot(
            setup.token,
            base_url=f"{root}/bot",
            base_file_url=f"{root}/file/bot",
            request=usual,
            get_updates_request=polling,
        )
        self.sender = Sender(self.bot, host)
        self.delivering = Deliverer(host, setup, lambda: self.bot.username)
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._working: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Talks to people until cancelled. Raises Unreachable, or Refused for a wrong token."""
        try:
            await self._open()
            await self.bot.delete_webhook()
            await self._show_menus()
            self.host.ready(NAME, f"@{self.bot.username}")
            await self._poll()
        except TelegramError as error:
            raise self._fault(error) from error
        finally:
            await self._close()

    async def send(self, chat: Chat, reply: Reply) -> None:
        """Posts a reply whole. Raises Gone, Refused or Unreachable."""
        await self.sender.send(chat, reply, whole=True)

    async def tell(self, person: str, reply: Reply) -> None:
        """Sends a reply to somebody who began a chat with the bot. Raises as `send` does."""
        await self.send(Chat("telegram", person), reply)

    async def check(self, chats: Sequence[Chat]) -> list[str]:
        """Who the token is for and the links that invite it; then the chats where it may not post."""
        try:
            await self._open()
            me = await self.bot.get_me()
            silent = [line for chat in chats if (line := await self._silent(chat))]
        except TelegramError as error:
            raise self._fault(error) from error
        finally:
            await self._close()
        groups = "may join groups"
        if not me.can_join_groups:
            groups = "may NOT join groups (BotFather: /setjoingroups)"
        link = f"https://t.me/{me.username}"
        invite = f"to a group: {link}?startgroup={HELLO} ; to a channel: {link}?startchannel&admin=post_messages"
        return [f"@{me.username}, {groups}; {invite}", *silent]

    async def _silent(self, chat: Chat) -> str:
        """Why nothing can be posted in a subscribed chat, if so."""
        if chat.kind == "private":
            return ""
        try:
            place = await self.bot.get_chat(int(chat.id))
            mine = await self.bot.get_chat_member(int(chat.id), self.bot.id)
        except (BadRequest, Forbidden) as error:
            return f"chat {chat.id}: {error.message}"
        if may_post(place.type, mine):
            return ""
        return f"{place.title or chat.id}: the bot may not post there: make it an admin who may"

    async def _open(self) -> None:
        await self.bot.initialize()

    async def _close(self) -> None:
        """Lets what is being answered finish, then lets go of the connections."""
        if self._working:
            await asyncio.wait(self._working, timeout=5.0)
        for task in list(self._working):
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        await self.bot.shutdown()

    def _fault(self, error: TelegramError) -> PlatformError:
        if isinstance(error, InvalidToken):
            return Refused(ADVICE["token"].format(name="Telegram", variable="TELEGRAM_BOT_TOKEN"))
        if isinstance(error, NetworkError) and not isinstance(error, BadRequest):
            said = {"name": "Telegram", "why": error.message, "address": "TELEGRAM_API_URL"}
            return Unreachable(ADVICE["unreachable"].format(**said))
        return Unreachable(f"Telegram: {error.message}")

    async def _show_menus(self) -> None:
        """Tells Telegram the commands, where they changed since they were told."""
        public = [row for row in self.host.menu if not row.operators]
        menus = {
            language: [BotCommand(row.name, row.about[language]) for row in public]
            for language in ("zh", "en")
        }
        every = [[row.name, row.about["zh"], row.about["en"]] for row in self.host.menu]
        wanted = json.dumps([every, self.setup.operators], ensure_ascii=False)
        hash_ = hashlib.sha256(wanted.encode()).hexdigest()
        name = f"menu:{self.bot.id}"
        if await self.host.note(NAME, name) == hash_:
            return
        await self.bot.set_my_commands(menus["en"])
        await self.bot.set_my_commands(menus["zh"], language_code="zh")
        for person in self.setup.operators:
            whole = [BotCommand(row.name, row.about["zh"]) for row in self.host.menu]
            try:
                await self.bot.set_my_commands(whole, scope=BotCommandScopeChat(int(person)))
            except BadRequest:
                log.info("telegram: an operator has not spoken to the bot yet; no menu for them")
        await self.host.save_note(NAME, name, hash_)

    async def _poll(self) -> None:
        """Fetches updates for ever. The library's own poller would end without a word at a token
        that is revoked while it runs."""
        offset, pause = 0, 1.0
        while True:
            try:
                found = await self.bot.get_updates(offset, timeout=HELD, allowed_updates=UPDATES)
                pause = 1.0
            except InvalidToken:
                raise
            except RetryAfter as error:
                await asyncio.sleep(seconds(error))
                continue
            except Conflict as error:
                log.warning("telegram: another copy of this bot is running (%s)", error.message)
                await asyncio.sleep(5.0)
                continue
            except TelegramError as error:
                log.warning("telegram: no updates for now (%s); trying again", error.message)
                await asyncio.sleep(pause)
                pause = min(30.0, 2 * pause)
                continue
            for update in found:
                offset = update.update_id + 1
                await self._room.acquire()
                task = asyncio.create_task(self._handle(update))
                self._working.add(task)
                task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        self._room.release()

    async def _handle(self, update: Update) -> None:
        """One update; what fails in it is logged and takes nothing along."""
        chat = chat_of(update)
        person = update.effective_user
        language = language_of(person.language_code if person else None)
        try:
            if not await self.host.first_time(NAME, f"{self.bot.id}:{update.update_id}"):
                return
            await self._react(update, chat)
        except Gone as error:
            log.info("telegram: a chat is gone (%s)", error)
            if chat is not None and not chat.thread:  # of a topic that is gone, the chat remains
                await self.host.ended(NAME, chat.id, "removed")
        except Exception as error:  # noqa: BLE001 (one update may fail without the others)
            sorry = self.host.apology(error, "an update on telegram", language)
            if chat is not None and chat.kind != "channel":
                await self._apologise(chat, sorry)

    async def _apologise(self, chat: Chat, sorry: Reply) -> None:
        try:
            await self.sender.send(chat, sorry)
        except PlatformError as error:
            log.warning("telegram: the apology could not be sent either (%s)", error)

    async def _react(self, update: Update, chat: Chat | None) -> None:
        if chat is None:
            return
        message = update.message or update.channel_post
        if change := update.my_chat_member:
            if removed(change):
                await self.host.ended(NAME, chat.id, "removed")
            elif added(change):
                language = language_of(change.from_user.language_code)
                await self._greet(Incoming(chat, str(change.from_user.id), "/start", language))
        elif update.callback_query:
            await self._pressed(update.callback_query, chat)
        elif message and message.migrate_to_chat_id:
            await self.host.moved(NAME, chat.id, str(message.migrate_to_chat_id))
        elif message and message.migrate_from_chat_id:
            await self.host.moved(NAME, str(message.migrate_from_chat_id), chat.id)
        elif message and (asked := incoming(message, chat, self.bot)):
            async for one in self.host.answer(asked):
                await self.sender.send(chat, one, whole=one.manner == "post")

    async def _greet(self, asked: Incoming) -> None:
        """Says what the bot can do where it was added; it may not be allowed to speak there."""
        try:
            async for one in self.host.answer(asked):
                await self.sender.send(asked.chat, one)
        except PlatformError as error:
            log.info("telegram: added to a chat where it cannot speak (%s)", error)

    async def _pressed(self, query: CallbackQuery, chat: Chat) -> None:
        press = pressed(query.data or "")
        if press is None:
            await self._stop_turning(query)
            return
        replies = self.host.answer(pressed_by(query, press.line, chat, self.bot))
        first = asyncio.ensure_future(anext(replies, None))
        await asyncio.wait({first}, timeout=QUICK)
        if not first.done():
            await self._stop_turning(query)
        one = await first
        alert = self._alert(one, chat)
        await self._stop_turning(query, alert)
        if one is None or alert:
            return
        await self._show(query, press, one, chat)
        async for later in replies:
            await self.sender.send(chat, later, whole=later.manner == "post")

    async def _show(self, query: CallbackQuery, press: Press, one: Reply, chat: Chat) -> None:
        message = query.message
        place = message is not None and message.is_accessible and not press.fresh
        if message is None or not place or one.manner == "post" or chat.kind == "channel":
            await self.sender.send(chat, one, whole=one.manner == "post")
        else:
            await self.sender.edit(chat, message.message_id, one, press.page)

    @staticmethod
    def _alert(one: Reply | None, chat: Chat) -> str:
        """A short word for who pressed alone is shown to them, not to everybody in the chat."""
        if one is None or one.manner != "private" or chat.kind == "private" or one.buttons:
            return ""
        text = text_of(line for unit in units(one.blocks) for line in unit.lines)
        return text if len(text) <= MOST_ALERT else ""

    async def _stop_turning(self, query: CallbackQuery, alert: str = "") -> None:
        try:
            await self.bot.answer_callback_query(query.id, alert or None, show_alert=bool(alert))
        except BadRequest as error:
            log.debug("telegram: a button pressed long ago (%s)", error.message)


__all__ = ["Telegram", "open_platform"]
