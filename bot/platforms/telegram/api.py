"""Digests to Telegram: one call a message, and every outcome told apart by what was on the wire.

The Bot API has no key against doubles, so it matters whether a request can have been received.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

import httpx
from telegram import Bot, Message
from telegram.error import NetworkError, TelegramError
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
)
from bot.platforms.telegram.answers import sheets
from bot.platforms.telegram.entities import keyboard, message
from digest.models import Chat

log = logging.getLogger(__name__)

PACE = Pace(a_second=30.0, most=1000.0, chat_gap=1.0, group_minute=20)
"""Bots FAQ: about 30 a second, 1 a second in a chat, 20 a minute in a group. A bot that pays may
send 1,000 a second."""
MOST_AT_ONCE = 100
TIMEOUT = 20.0
"""Seconds to wait for an answer."""
USUAL_WAIT = 5.0
"""Seconds to wait after a 429 that does not say how long."""
_NO_PREVIEW = {"is_disabled": True}
_NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_GONE = ("chat not found", "user not found", "chat_write_forbidden", "deactivated", "peer_id_inv")
_DELETED = ("not found", "deactivated", "was deleted")
_MARKUP = ("can't parse", "entities", "entity_", "reply markup", "button", "inline keyboard")
_PICTURE = (
    "photo",
    "image",
    "file identifier",
    "file_id",
    "file reference",
    "too big",
    "wrong type",
)


class Deliverer:
    """Sends through one token, over connections of its own, so that answers never wait for it."""

    pace = PACE
    repeats = False
    reuses = True

    def __init__(
        self, host: Host, setup: Setup, name: Callable[[], str], timeout: float = TIMEOUT
    ) -> None:
        """`name` gives the bot's name, which links in channels need."""
        self._host, self._name = host, name
        root = setup.api_url.rstrip("/") or "https://api.telegram.org"
        self._wire = Wire(
            connection_pool_size=MOST_AT_ONCE,
            proxy=setup.proxy or None,
            pool_timeout=timeout,
            read_timeout=timeout,
            write_timeout=timeout,
            httpx_kwargs={"verify": trusted()},
        )
        # It asks for no updates; without one named, a transport for them would be made.
        self._bot = Bot(
            setup.token,
            base_url=f"{root}/bot",
            request=self._wire,
            get_updates_request=self._wire,
        )

    def bodies(self, reply: Reply, chat: Chat, picture: str) -> list[str]:
        """The messages of a reply as JSON."""
        found = sheets(reply)
        name = self._name() if chat.kind == "channel" else ""
        made = []
        for number, sheet in enumerate(found, 1):
            text, entities = message(sheet.lines)
            body: dict[str, Any] = {"text": text}
            if entities:
                body["entities"] = [entity.to_dict() for entity in entities]
            if sheet.picture:
                body["picture"] = picture
            if number == len(found) and (buttons := keyboard(reply, 1, 1, self._host, name)):
                body["buttons"] = buttons.to_dict()
            made.append(json.dumps(body, ensure_ascii=False))
        return made

    async def deliver(self, message: Outgoing) -> Delivered:
        """Sends one message, in one call."""
        body = json.loads(message.body)
        pictured = bool(body.get("picture")) and not message.bare
        if not pictured and not body["text"]:
            raise Refused("nothing is left of the message without its picture")
        try:
            sent = await (self._photo if pictured else self._text)(message, body)
        except NetworkError as error:
            raise _outcome(error) from error
        except TelegramError as error:  # a 200 that is no JSON: it was done, or not
            raise Unsure(f"Telegram: {error.message}") from error
        file_id = sent.photo[-1].file_id if sent.photo else ""
        return Delivered(str(sent.message_id), file_id)

    async def _text(self, message: Outgoing, body: dict[str, Any]) -> Message:
        more = _markup(message, body, "entities") | {"link_preview_options": _NO_PREVIEW}
        return await self._bot.send_message(
            int(message.chat.id), body["text"], message_thread_id=_thread(message), api_kwargs=more
        )

    async def _photo(self, message: Outgoing, body: dict[str, Any]) -> Message:
        return await self._bot.send_photo(
            int(message.chat.id),
            message.file_id or message.picture,
            caption=body["text"] or None,
            message_thread_id=_thread(message),
            api_kwargs=_markup(message, body, "caption_entities"),
        )

    async def arrived(self, message: Outgoing, since: datetime) -> str:
        """Telegram shows a bot nothing of what it sent."""
        raise Unsure("Telegram does not tell")

    async def publish(self, chat: Chat, message: str) -> None:
        """Channels need none."""

    async def close(self) -> None:
        """Lets go of the connections."""
        await self._wire.shutdown()


class Wire(HTTPXRequest):
    """The library's transport, which raises our outcomes while code and body can still be seen."""

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> tuple[int, bytes]:
        """As the library's; refusals are raised here."""
        code, payload = await super().do_request(url, method, request_data, *args, **kwargs)
        if not 200 <= code < 300:
            raise refusal(code, payload)
        return code, payload


def _outcome(error: NetworkError) -> PlatformError:
    """What is known of a call that failed."""
    cause = error.__cause__
    if isinstance(cause, PlatformError):
        return cause
    if isinstance(cause, _NEVER_LEFT):
        return NotSent(f"Telegram: {type(cause).__name__}")
    return Unsure(f"Telegram: {type(cause).__name__}")


def refusal(code: int, payload: bytes) -> PlatformError:
    """An answer that is no success, as what it means for the message."""
    told = _object(payload)
    said = str(told.get("description") or f"HTTP {code}")
    more = told.get("parameters")
    more = more if isinstance(more, dict) else {}
    if code == 429:
        return Limited(_seconds(more.get("retry_after")))
    if new := more.get("migrate_to_chat_id"):
        return Moved(str(new))
    if code in (401, 404):  # 404: a token that no bot ever had
        return Revoked("Telegram does not accept the token")
    if code == 504:  # the gateway gave up waiting; what stands behind it may go on
        return Unsure(f"Telegram: {said}")
    if code >= 500:
        return NotSent(f"Telegram: {said}")
    return _refused(code, said)


def _refused(code: int, said: str) -> PlatformError:
    low = said.lower()
    if code == 403 or any(word in low for word in _GONE):
        deleted = any(word in low for word in _DELETED)
        return Gone(said, "deleted" if deleted else "removed")
    picture = code == 413 or any(word in low for word in _PICTURE)
    return Refused(said, markup=any(word in low for word in _MARKUP), picture=picture)


def _object(payload: bytes) -> dict[str, Any]:
    """The answer as an object; empty for a gateway's HTML page."""
    try:
        told = json.loads(payload)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _seconds(told: object) -> float:
    """Telegram says whole seconds; anything else is a fault of something in between."""
    return min(float(told), 86_400.0) if type(told) is int and told > 0 else USUAL_WAIT


def _markup(message: Outgoing, body: dict[str, Any], name: str) -> dict[str, Any]:
    if message.plain:
        return {}
    made = {name: body.get("entities"), "reply_markup": body.get("buttons")}
    return {key: value for key, value in made.items() if value}


def _thread(message: Outgoing) -> int | None:
    return int(message.chat.thread) if message.chat.thread else None


@cache
def trusted() -> ssl.SSLContext:
    """Made once: for each client of its own it would take 1 MB and 30 ms."""
    return httpx.create_ssl_context()
