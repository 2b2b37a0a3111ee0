"""Telegram and Discord on 127.0.0.1 as far as delivering goes: fast, strict, and with an exact ledger
of what they took. In this process, or in one of its own for benchmarks:

    python -m tests.delivery_stub '{"telegram_rate": 30, "latency": 0.05}'   # prints its address
    GET /stub                                                                 # its ledger
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from discord.utils import time_snowflake

from tests.loopback import Handler, Loopback, reply

TELEGRAM_TOKEN = "7:stub"
DISCORD_TOKEN = "stub.discord"
HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"
_EITHER = {"chat_id", "message_thread_id", "reply_markup", "disable_notification"}
_TELEGRAM_FIELDS = {
    "sendMessage": _EITHER | {"text", "entities", "link_preview_options"},
    "sendPhoto": _EITHER | {"photo", "caption", "caption_entities"},
}
_DISCORD_FIELDS = set("content embeds components flags allowed_mentions attachments tts".split())
_DISCORD_FIELDS |= {"nonce", "enforce_nonce"}
_POST_FIELDS = _DISCORD_FIELDS - {"nonce", "enforce_nonce", "tts"}

_ME: dict[str, Any] = {"id": 7, "is_bot": True, "first_name": "Made up", "username": "made_up_bot"}
_ME |= {"discriminator": "0", "avatar": None, "global_name": None}
_PROXY = {"Via": "1.1 google"}
"""Of Discord's own: discord.py believes a 429 only with it."""
_FAULT = web.RequestKey("fault", str)
Fault = str
"""What goes wrong with a call: `drop_before`, `drop_after`, `fail_after`, `late SECONDS`, or an answer: `CODE BODY`."""


@dataclass
class Book:
    """What one platform took and refused."""

    calls: int = 0
    taken: Counter[str] = field(default_factory=Counter)
    """Messages by `chat text`."""
    merged: int = 0
    """Repeated messages that a nonce made one."""
    limited: int = 0
    cut: int = 0
    """Messages taken whose answer was cut off."""
    uploads: int = 0
    published: int = 0
    times: list[float] = field(default_factory=list)
    """When each message was taken."""
    chats: Counter[str] = field(default_factory=Counter)
    """Calls by chat, refused ones too."""

    @property
    def doubled(self) -> int:
        """Messages that a chat got more than once."""
        return sum(number - 1 for number in self.taken.values())


class Window:
    """At most so many in any second."""

    def __init__(self, most: float) -> None:
        self.most = most
        self._at: deque[float] = deque()

    def take(self, now: float) -> bool:
        while self._at and now - self._at[0] >= 1.0:
            self._at.popleft()
        if self.most and len(self._at) >= self.most:
            return False
        self._at.append(now)
        return True


class DeliveryStub(Loopback):
    """Both platforms. `fault(platform, chat, call)` says what goes wrong with a call, or nothing;
    `call` counts the calls of that platform from 1."""

    def __init__(
        self,
        *,
        telegram_rate: float = 0,
        discord_rate: float = 0,
        latency: float = 0.0,
        fault: Callable[[str, str, int], Fault | None] | None = None,
    ) -> None:
        super().__init__()
        self.latency, self.fault = latency, fault or (lambda *_: None)
        self.windows = {"telegram": Window(telegram_rate), "discord": Window(discord_rate)}
        self.books = {"telegram": Book(), "discord": Book()}
        self.news: set[str] = set()
        self.forgets_nonces = self.forbids_threads = self.hides_history = False
        self.threads: dict[str, str] = {}
        """Names of threads by their ids."""
        self.order: list[tuple[str, str, str]] = []
        """Platform, chat and text of each message that was taken, in order."""
        self.parents: dict[str, str] = {}
        """Channels by the threads under their messages."""
        self.forums: dict[str, str] = {}
        """Forums by their posts."""
        self.owners: dict[str, str] = {}  # of posts, but the bot's
        self._ids = itertools.count(time_snowflake(datetime.now(UTC)))
        self._by_nonce: dict[tuple[str, str], str] = {}
        self._channel: dict[str, list[dict[str, Any]]] = {}
        self.file_ids: set[str] = set()

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Return the routes of both platforms, and that of the ledger."""
        discord, channel = "/api/v10", "/api/v10/channels/{channel}"
        return [
            ("POST", "/bot{token}/getMe", self._me),
            ("POST", "/bot{token}/{method}", self._telegram),
            ("POST", f"{channel}/messages", self._discord),
            ("GET", f"{channel}/messages", self._history),
            ("POST", f"{channel}/messages/{{id}}/crosspost", self._crosspost),
            ("POST", f"{channel}/messages/{{id}}/threads", self._thread),
            ("POST", f"{channel}/threads", self._open_post),
            ("GET", channel, self._place),
            ("GET", f"{discord}/guilds/{{guild}}/threads/active", self._active),
            ("GET", f"{discord}/users/@me", self._me),
            ("GET", "/stub", self._told),
        ]

    async def _thread(self, request: web.Request) -> web.Response:
        """Open a thread with the id of its message, as Discord does."""
        sent, id_ = await request.json(), request.match_info["id"]
        known = {one["id"] for one in self._channel.get(request.match_info["channel"], [])}
        if id_ not in known or set(sent) - {"name", "auto_archive_duration"}:
            self.faults.append(f"discord: a thread under {id_} with {sorted(sent)}")
        if self.forbids_threads:
            return _answer(403, {"message": "Missing Permissions", "code": 50013})
        self.threads[id_] = str(sent["name"])
        self.parents[id_] = request.match_info["channel"]
        return _answer(201, {"id": id_, "name": sent["name"]})

    async def _place(self, request: web.Request) -> web.Response:
        """Return a channel: text, a forum, or a post of one."""
        id_ = request.match_info["channel"]
        written = self._channel.get(id_) or id_ in self.threads
        newest = str(time_snowflake(datetime.now(UTC))) if written else None
        if forum := self.forums.get(id_):
            post = {"type": 11, "parent_id": forum}
            return _answer(200, {"id": id_, "last_message_id": newest, **post})
        kind = 15 if id_ in self.forums.values() else 0
        return _answer(200, {"id": id_, "type": kind, "last_message_id": newest})

    async def _active(self, _: web.Request) -> web.Response:
        there = [(id_, name) for id_, name in self.threads.items() if id_ in self.forums]
        posts = [{"id": id_, "parent_id": self.forums[id_], "name": name} for id_, name in there]
        posts = [post | {"owner_id": self.owners.get(post["id"], "7")} for post in posts]
        return _answer(200, {"threads": posts, "members": []})

    async def _open_post(self, request: web.Request) -> web.Response:
        """Open a forum's post with its first message, which has its id."""
        forum, sent = request.match_info["channel"], await _read(request)
        odd = set(sent) - {"name", "auto_archive_duration", "message"}
        odd |= set(sent["message"]) - _POST_FIELDS
        if odd or forum not in self.forums.values() or not 0 < len(sent["name"]) <= 100:
            self.faults.append(f"discord: a post in {forum} with {sorted(odd)}")
        if ended := await self._before(request, "discord", forum):
            return ended
        if self.forbids_threads:
            said = "A tag is required to create a forum post in this channel"
            return _answer(400, {"message": said, "code": 40067})
        id_ = str(next(self._ids))
        self.threads[id_], self.forums[id_] = sent["name"], forum
        self.keep(id_, id_, sent["message"])
        self._take("discord", forum, _said(sent["message"]))
        await self._after(request, self.books["discord"])
        return _answer(201, {"id": id_, "type": 11, "parent_id": forum, "name": sent["name"]})

    async def _told(self, _: web.Request) -> web.Response:
        told = {name: vars(book) | {"doubled": book.doubled} for name, book in self.books.items()}
        return _answer(200, told | {"problems": self.faults})

    async def _me(self, _: web.Request) -> web.Response:
        return _answer(200, {"ok": True, "result": _ME} | _ME | {"id": "7"})

    async def _before(self, request: web.Request, platform: str, chat: str) -> web.Response | None:
        """An answer that ends the call: a fault, or too many messages."""
        book = self.books[platform]
        book.calls += 1
        book.chats[chat] += 1
        fault = self.fault(platform, chat, book.calls)
        request[_FAULT] = fault or ""
        if fault and fault.startswith("drop_before") and request.transport:
            request.transport.abort()
            return web.Response(status=500)
        if not self.windows[platform].take(asyncio.get_running_loop().time()):
            book.limited += 1
            await asyncio.sleep(self.latency)
            return _too_many(platform)
        await asyncio.sleep(self.latency)
        if fault and fault[0].isdigit():
            code, _, body = fault.partition(" ")
            book.limited += code == "429"
            html = body.startswith("<") or not body
            headers = {} if html else _PROXY
            return reply(int(code), body, headers, "text/html" if html else "application/json")
        return None

    async def _after(self, request: web.Request, book: Book) -> None:
        fault = request[_FAULT]
        if fault in ("drop_after", "fail_after") and request.transport:
            book.cut += 1
            if fault == "fail_after":
                raise web.HTTPGatewayTimeout
            request.transport.abort()
        elif fault.startswith("late "):
            await asyncio.sleep(float(fault[5:]))

    def _take(self, platform: str, chat: str, text: str) -> None:
        book = self.books[platform]
        book.taken[f"{chat} {text}"] += 1
        self.order.append((platform, chat, text))
        book.times.append(asyncio.get_running_loop().time())

    async def _telegram(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        sent = dict(await request.post())
        chat = str(sent.get("chat_id", ""))
        if request.match_info["token"] != TELEGRAM_TOKEN:
            return _answer(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
        if method not in _TELEGRAM_FIELDS or set(sent) - _TELEGRAM_FIELDS[method]:
            self.faults.append(f"telegram: {method} {sorted(sent)}")
        if ended := await self._before(request, "telegram", chat):
            return ended
        text = str(sent.get("text") or sent.get("caption") or "")
        result: dict[str, Any] = {"date": 1, "chat": {"id": int(chat), "type": "private"}}
        result["message_id"] = next(self._ids)
        if method == "sendPhoto":
            photo = sent["photo"]
            file_id = photo if isinstance(photo, str) else f"file-{next(self._ids)}"
            if isinstance(photo, str) and photo not in self.file_ids:
                return refused(400, "Bad Request: wrong file identifier/HTTP URL specified")
            self.books["telegram"].uploads += not isinstance(photo, str)
            self.file_ids.add(file_id)
            size = {"file_id": file_id, "file_unique_id": file_id, "width": 9, "height": 9}
            result |= {"photo": [size], "caption": text}
        elif not text:
            return refused(400, "Bad Request: message text is empty")
        self._take("telegram", chat, text)
        await self._after(request, self.books["telegram"])
        return _answer(200, {"ok": True, "result": result})

    async def _discord(self, request: web.Request) -> web.Response:
        chat = request.match_info["channel"]
        pictured = request.content_type.startswith("multipart/")
        sent = await _read(request)
        if request.headers.get("Authorization") != f"Bot {DISCORD_TOKEN}":
            return _answer(401, {"message": "401: Unauthorized", "code": 0})
        if set(sent) - _DISCORD_FIELDS or sent.get("enforce_nonce") is not True:
            self.faults.append(f"discord: {sorted(sent)}")
        if not 0 < len(sent.get("nonce", "")) <= 25 or bool(sent.get("attachments")) != pictured:
            self.faults.append(f"discord: nonce {sent.get('nonce')!r}, {sent.get('attachments')}")
        if ended := await self._before(request, "discord", chat):
            return ended
        book = self.books["discord"]
        if self.forbids_threads and any(m["id"] == chat for c in self._channel.values() for m in c):
            return _answer(404, {"message": "Unknown Channel", "code": 10003})
        known = self._by_nonce.get((chat, sent["nonce"]))
        if known and not self.forgets_nonces:
            book.merged += 1
            return _answer(200, {"id": known, "channel_id": chat})
        id_ = str(next(self._ids))
        self._by_nonce[chat, sent["nonce"]] = id_
        book.uploads += pictured
        self.keep(chat, id_, sent)
        self._take("discord", chat, _said(sent))
        await self._after(request, book)
        return _answer(200, {"id": id_, "channel_id": chat})

    def keep(self, channel: str, id_: str, sent: dict[str, Any]) -> None:
        message = {"id": id_, "author": {"bot": True}, **sent, "nonce": None}
        self._channel.setdefault(channel, []).append(message)

    async def _history(self, request: web.Request) -> web.Response:
        there = [] if self.hides_history else self._channel.get(request.match_info["channel"], [])
        return _answer(200, [m for m in there[::-1] if int(m["id"]) > int(request.query["after"])])

    async def _crosspost(self, request: web.Request) -> web.Response:
        if request.match_info["channel"] not in self.news:
            self.faults.append("discord: crosspost outside an announcement channel")
        self.books["discord"].published += 1
        return _answer(200, {"id": request.match_info["id"]})


async def _read(request: web.Request) -> dict[str, Any]:
    """Return what was posted, with or without files beside it."""
    if not request.content_type.startswith("multipart/"):
        return dict(await request.json())
    form: Any = await request.post()
    return dict(json.loads(form["payload_json"]))


def _said(sent: dict[str, Any]) -> str:
    """What a message on Discord says."""
    if not sent.get("embeds"):
        return str(sent["content"])
    return json.dumps([embed.get("description") for embed in sent["embeds"]])


def refused(code: int, description: str, **parameters: Any) -> web.Response:
    """A refusal in Telegram's words."""
    return _answer(code, json.loads(telegram_says(code, description, **parameters)))


def telegram_says(code: int, description: str, **parameters: Any) -> str:
    """The body of a refusal in Telegram's words."""
    told: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    return json.dumps(told | ({"parameters": parameters} if parameters else {}))


def _too_many(platform: str) -> web.Response:
    if platform == "telegram":
        return refused(429, "Too Many Requests: retry after 1", retry_after=1)
    told = {"message": "You are being rate limited.", "retry_after": 0.5, "global": True}
    return _answer(429, told)


def _answer(code: int, told: Any) -> web.Response:
    return reply(code, told, _PROXY)


async def serve(told: dict[str, Any]) -> None:
    """A stub for another process, until the input ends."""
    async with DeliveryStub(**told) as stub:
        sys.stdout.write(stub.url + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        stub.faults.clear()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1])))
