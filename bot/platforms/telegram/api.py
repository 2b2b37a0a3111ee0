"""The Bot API: one call a message, and every failure told apart by what was on the wire.

The Bot API has no key against doubles, so it matters whether a request can have been received.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import httpx
from telegram import Bot, Message
from telegram.error import TelegramError
from telegram.request import HTTPXRequest, RequestData

from bot.messages import Reply
from bot.platforms import (
    Delivered,
    Gone,
    Host,
    Limited,
    Moved,
    NotSent,
    Outgoing,
    Pace,
    PlatformError,
    Refused,
    Revoked,
    Setup,
    Unsure,
    send_answer,
)
from bot.platforms.telegram.entities import write_bodies
from bot.rich import parts
from digest.models import Chat

log = logging.getLogger(__name__)

PACE = Pace(a_second=30.0, most=1000.0, chat_gap=1.0, group_minute=20)
"""Bots FAQ: about 30 a second, 1 a second in a chat, 20 a minute in a group. A bot that pays may
send 1,000 a second."""
MOST_AT_ONCE = 100
TIMEOUT_SECONDS = 20.0
HOLD_SECONDS = 50
"""How long Telegram holds a question for updates."""
DEFAULT_WAIT_SECONDS = 5.0
"""The wait after a 429 that does not say how long."""
MOST_REASON = 300
"""Characters kept of what a server says."""
_NO_PREVIEW = {"is_disabled": True}
_NO_UPDATES = b'{"ok":true,"result":[]}'
_NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
# What Telegram's descriptions say, in small letters.
_GONE = ("chat not found", "user not found", "chat_write_forbidden", "deactivated", "peer_id_inv")
_THREAD_GONE = ("message thread not found", "topic_deleted", "topic_id_invalid")
_DELETED = ("not found", "deactivated", "was deleted", "topic_")
_MARKUP = ("can't parse", "entities", "entity_", "reply markup", "button", "inline keyboard")
_FINAL = (
    "right",
    "closed",
    "restricted",
    "too long",
    "is empty",
    "not modified",
    "message to ",
    "query",
)
_PICTURE = (
    "photo",
    "image",
    "file identifier",
    "file_id",
    "file reference",
    "too big",
    "wrong type",
    "wrong remote file",
)
_T = TypeVar("_T")


@cache
def trusted() -> ssl.SSLContext:
    """Return the certificates that all connections check; each client's own would take 1 MB."""
    return httpx.create_ssl_context()


class Wire(HTTPXRequest):
    """The library's transport, which raises our errors while code and body can still be seen."""

    def __init__(self, setup: Setup, connections: int, timeout: float) -> None:
        self._token = setup.token.encode()
        # Without a wait for a free connection a burst of answers would fail as a time-out.
        super().__init__(
            connection_pool_size=connections,
            proxy=setup.api_proxy,
            pool_timeout=timeout,
            read_timeout=timeout,
            write_timeout=timeout,
            httpx_kwargs={"verify": trusted()},
        )

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> tuple[int, bytes]:
        """Do as the library does, and raise refusals as PlatformError."""
        code, payload = await super().do_request(url, method, request_data, *args, **kwargs)
        if not 200 <= code < 300:
            # A server may repeat the path of the request, which holds the token.
            raise read_refusal(code, payload.replace(self._token, b"..."))
        return code, payload

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Parse an answer. The library's own version logs what it cannot parse: people's texts."""
        if answer := _read_object(payload):
            return answer
        raise TelegramError("the answer is no JSON")


class UpdatesWire(Wire):
    """The transport for updates. It keeps them raw: the library loses all for one it cannot
    parse."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup, 1, HOLD_SECONDS + 10.0)
        self.updates: list[Any] = []

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """Fetch updates into `updates`, and let the library see none."""
        code, payload = await super().do_request(*args, **kwargs)
        answer = _read_object(payload)
        updates = answer.get("result")
        if answer.get("ok") is not True or not isinstance(updates, list):
            raise NotSent("Telegram: an answer without updates")
        self.updates = updates
        return code, _NO_UPDATES


def open_bot(setup: Setup, wire: Wire, updates: Wire | None = None) -> Bot:
    """Return the library's bot over these transports; connects to nothing yet."""
    root = setup.api_url.rstrip("/") or "https://api.telegram.org"
    # Without a transport named for updates the library would make one of its own.
    return Bot(
        setup.token,
        base_url=f"{root}/bot",
        base_file_url=f"{root}/file/bot",
        request=wire,
        get_updates_request=updates or wire,
    )


async def call(pending: Awaitable[_T]) -> _T:
    """Await a call of the library; raise what failed as PlatformError."""
    try:
        return await pending
    except TelegramError as error:
        raise read_error(error) from error


class TelegramDeliverer:
    """Sends through one token, over connections of its own."""

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
        updates: UpdatesWire | None = None,
    ) -> None:
        """`name` gives the bot's name, which links in channels need; `updates`: the transport to
        poll by, for the one that does."""
        self._host, self._name = host, name
        self._wire = Wire(setup, connections, timeout)
        self.bot = open_bot(setup, self._wire, updates)

    def bodies(self, reply: Reply, chat: Chat, picture: str, *, quiet: bool = False) -> list[str]:
        """Return the messages of a reply as JSON; only the first one rings."""
        bot = self._name() if chat.kind == "channel" else ""
        written = write_bodies(reply, picture, self._host, bot)
        return [
            json.dumps(body | ({"silent": True} if quiet or number else {}), ensure_ascii=False)
            for number, body in enumerate(written)
        ]

    async def deliver(self, message: Outgoing) -> Delivered:
        """Send one message, in one call."""
        body = json.loads(message.body)
        pictured = bool(body.get("picture")) and not message.bare
        if not pictured and not body["text"]:
            raise Refused("nothing is left of the message without its picture")
        sent = await call((self._photo if pictured else self._text)(message, body))
        file_id = sent.photo[-1].file_id if sent.photo else ""
        return Delivered(str(sent.message_id), file_id)

    async def _text(self, message: Outgoing, body: dict[str, Any]) -> Message:
        more = {"link_preview_options": body.get("preview") or _NO_PREVIEW}
        return await self.bot.send_message(
            int(message.chat.id),
            body["text"],
            message_thread_id=_thread(message),
            api_kwargs=_options(message, body, "entities") | more,
        )

    async def _photo(self, message: Outgoing, body: dict[str, Any]) -> Message:
        return await self.bot.send_photo(
            int(message.chat.id),
            message.file_id or message.picture,
            caption=body["text"] or None,
            message_thread_id=_thread(message),
            api_kwargs=_options(message, body, "caption_entities"),
        )

    async def edit(self, message: Outgoing, message_id: int) -> None:
        """Put this text and its buttons into a message. Raises as `deliver` does."""
        body = json.loads(message.body)
        more = {"link_preview_options": body.get("preview") or _NO_PREVIEW}
        editing = self.bot.edit_message_text(
            body["text"],
            int(message.chat.id),
            message_id,
            api_kwargs=_options(message, body, "entities") | more,
        )
        await call(editing)

    async def arrived(self, message: Outgoing, since: datetime) -> str:
        """Raise Unsure: Telegram shows a bot nothing of what it sent."""
        raise Unsure("Telegram does not tell")

    async def publish(self, chat: Chat, message: str) -> None:
        """Do nothing: channels need no publishing."""

    async def close(self) -> None:
        """Let go of the connections."""
        await self._wire.shutdown()


def _options(message: Outgoing, body: dict[str, Any], entities: str) -> dict[str, Any]:
    options: dict[str, Any] = {"disable_notification": True} if body.get("silent") else {}
    if message.reply_to:
        reply = {"message_id": int(message.reply_to), "allow_sending_without_reply": True}
        options["reply_parameters"] = reply
    if message.plain:
        return options
    markup = {entities: body.get("entities"), "reply_markup": body.get("buttons")}
    return options | {name: value for name, value in markup.items() if value}


def _thread(message: Outgoing) -> int | None:
    return int(message.chat.thread) if message.chat.thread else None


def read_error(error: TelegramError) -> PlatformError:
    """Return what is known of a call that failed."""
    cause = error.__cause__
    while isinstance(cause, TelegramError):
        cause = cause.__cause__
    if isinstance(cause, PlatformError):
        return cause
    if isinstance(cause, _NEVER_LEFT):
        return NotSent(f"Telegram: {type(cause).__name__}")
    return Unsure(f"Telegram: {type(cause or error).__name__}")


def read_refusal(code: int, payload: bytes) -> PlatformError:
    """Return what an answer that is no success means. Only JSON with `ok: false` and a description
    is Telegram's word; anything else comes from a proxy or an edge in front of it."""
    answer = _read_object(payload)
    reason = answer.get("description")
    if answer.get("ok") is not False or not isinstance(reason, str):
        return _read_stranger(code)
    reason = reason[:MOST_REASON].removeprefix("Bad Request: ").removeprefix("Forbidden: ")
    more = answer.get("parameters")
    more = more if isinstance(more, dict) else {}
    if code == 429:
        return Limited(_seconds(more.get("retry_after")))
    if new := more.get("migrate_to_chat_id"):
        return Moved(str(new))
    if code in (401, 404):  # 404: a token that no bot ever had
        return Revoked("Telegram does not accept the token")
    if code == 504:  # the gateway gave up waiting; what stands behind it may go on
        return Unsure(reason)
    return NotSent(reason) if code >= 500 else _read_reason(code, reason)


def _read_stranger(code: int) -> PlatformError:
    if code == 429:
        return Limited(DEFAULT_WAIT_SECONDS)
    reason = f"HTTP {code} from a server in front of Telegram"
    return Unsure(reason) if code in (408, 504) else NotSent(reason)


def _read_reason(code: int, reason: str) -> Gone | Refused:
    low = reason.lower()
    thread = any(word in low for word in _THREAD_GONE)
    if thread or code == 403 or any(word in low for word in _GONE):
        deleted = any(word in low for word in _DELETED)
        return Gone(reason, "deleted" if deleted else "removed", thread=thread)
    picture = code == 413 or any(word in low for word in _PICTURE)
    markup = any(word in low for word in _MARKUP)
    # What is refused for a reason not known here may be taken as plain text.
    unknown = code == 400 and not picture and not any(word in low for word in _FINAL)
    rights = "rights" in low
    return Refused(reason, markup=markup or unknown, picture=picture, rights=rights)


def _read_object(payload: bytes) -> dict[str, Any]:
    """Return the answer as an object; an empty one for what is no JSON object."""
    try:
        answer = json.loads(payload.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _seconds(value: object) -> float:
    """Return the wait; Telegram says whole seconds, anything else is a fault of something in
    between."""
    whole = type(value) is int and value > 0
    return min(float(str(value)), 86_400.0) if whole else DEFAULT_WAIT_SECONDS


NAME = "telegram"


class Sender:
    """Sends answers through one bot."""

    def __init__(self, delivering: TelegramDeliverer, host: Host) -> None:
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
