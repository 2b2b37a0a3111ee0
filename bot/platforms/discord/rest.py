"""Digests to Discord: one call a message, with the nonce that keeps a repeated message one message.

Not through discord.py's HTTP client: it waits out a 429 inside the call, which holds up other
chats, hides how many there were, never repeats a 503 and tells a cut connection from a refused one
by error numbers. Its messages are used as they are.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import discord
from discord.http import handle_message_parameters

from bot.messages import Reply
from bot.platforms import (
    Delivered,
    Gone,
    Limited,
    NotSent,
    Outgoing,
    Pace,
    PlatformError,
    Refused,
    Revoked,
    Setup,
    Unsure,
)
from bot.platforms.discord.embeds import PICTURE, build_embeds, build_view, sheets
from digest.models import Chat

log = logging.getLogger(__name__)

PACE = Pace(a_second=48.7, most=48.7, bans=True)
"""50 requests a second a bot (Discord, Rate Limits); one is left for answers and for bunching."""
TIMEOUT = 20.0
USUAL_WAIT = 5.0
_GONE: dict[int, str] = {10003: "deleted", 10004: "removed", 50001: "removed", 50007: "removed"}
"""Unknown channel, unknown server, missing access, a person who takes no messages."""
_TOO_LARGE = 40005
_BAD_FORM = 50035
_PUBLISHED = 40033


class Deliverer:
    """Sends through one token, over connections of its own."""

    pace = PACE
    repeats = True
    reuses = False

    def __init__(
        self, setup: Setup, api: str, news: Callable[[str], bool], timeout: float = TIMEOUT
    ) -> None:
        """`api`: the root of the API; `news`: whether a channel is an announcement channel."""
        self._api, self._news, self._proxy = api, news, setup.proxy or None
        self._headers = {
            "Authorization": f"Bot {setup.token}",
            "User-Agent": f"DiscordBot (https://github.com/Rapptz/discord.py {discord.__version__})",
        }
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=timeout, sock_read=timeout)
        self._open: aiohttp.ClientSession | None = None

    def bodies(self, reply: Reply, chat: Chat, picture: str) -> list[str]:
        """The messages of a reply as JSON. Needs a running loop: the library's views want one."""
        found = sheets(reply)
        made = []
        for number, sheet in enumerate(found, 1):
            shown = build_view(reply, 1, 1)
            last = number == len(found) and bool(shown.children)
            with handle_message_parameters(
                embeds=build_embeds(reply, sheet, 1, 1),
                view=shown if last else discord.utils.MISSING,
                allowed_mentions=discord.AllowedMentions.none(),
            ) as parameters:
                body = dict(parameters.payload or {})
            if sheet.picture:
                body["picture"] = picture
            made.append(json.dumps(body, ensure_ascii=False))
        return made

    async def deliver(self, message: Outgoing) -> Delivered:
        """Sends one message, in one call."""
        payload = _payload(message)
        content: dict[str, Any] = {"json": payload}
        if "attachments" in payload:
            form = aiohttp.FormData()
            form.add_field("payload_json", json.dumps(payload), content_type="application/json")
            form.add_field("files[0]", message.picture, filename=PICTURE)
            content = {"data": form}
        told, headers = await self._call("POST", f"/channels/{message.chat.id}/messages", content)
        again = 0.0
        if headers.get("X-RateLimit-Remaining") == "0":
            again = _seconds(headers.get("X-RateLimit-Reset-After"))
        return Delivered(str(told.get("id", "")), publish=self._news(message.chat.id), again=again)

    async def arrived(self, message: Outgoing, since: datetime) -> str:
        """Looks for the message among the channel's last ones, by its nonce or its words."""
        after = discord.utils.time_snowflake(since - timedelta(seconds=10))
        path = f"/channels/{message.chat.id}/messages?after={after}&limit=100"
        try:
            told, _ = await self._call("GET", path, {})
        except Revoked:
            raise
        except PlatformError as error:
            raise Unsure(f"the channel cannot be read ({error})") from error
        wanted = _words(_payload(message))
        for one in told if isinstance(told, list) else []:
            mine = bool((one.get("author") or {}).get("bot"))
            if mine and (one.get("nonce") == message.nonce or _words(one) == wanted):
                return str(one.get("id", ""))
        return ""

    async def publish(self, chat: Chat, message: str) -> None:
        """Hands a message of an announcement channel on to its followers; ten an hour and channel."""
        try:
            await self._call("POST", f"/channels/{chat.id}/messages/{message}/crosspost", {})
        except PlatformError as error:
            log.warning("discord: a post was not published to followers (%s)", error)

    async def close(self) -> None:
        """Lets go of the connections."""
        if self._open is not None:
            await self._open.close()
            self._open = None

    async def _call(self, method: str, path: str, content: dict[str, Any]) -> tuple[Any, Any]:
        """The answer and its headers, or the outcome raised."""
        session = self._session()
        try:
            async with session.request(
                method, self._api + path, proxy=self._proxy, **content
            ) as answer:
                payload = await answer.read()
        except (
            aiohttp.ClientConnectorError,
            aiohttp.ClientHttpProxyError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.InvalidURL,
        ) as error:
            raise NotSent(f"Discord: {type(error).__name__}") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unsure(f"Discord: {type(error).__name__}") from error
        if not 200 <= answer.status < 300:
            raise refusal(answer.status, payload, dict(answer.headers))
        told = _json(payload)
        if told is None and answer.status != 204:
            raise Unsure("Discord: an answer that is no JSON")
        return told, answer.headers

    def _session(self) -> aiohttp.ClientSession:
        if self._open is None:
            self._open = aiohttp.ClientSession(headers=self._headers, timeout=self._timeout)
        return self._open


def _payload(message: Outgoing) -> dict[str, Any]:
    """What is posted."""
    body: dict[str, Any] = json.loads(message.body)
    pictured = bool(body.pop("picture", "")) and not message.bare
    if not pictured:
        for embed in body.get("embeds", []):
            embed.pop("image", None)
    else:
        body["attachments"] = [{"id": 0, "filename": PICTURE}]
    if message.plain:
        body.pop("components", None)
    return body | {"nonce": message.nonce, "enforce_nonce": True}


def _words(message: dict[str, Any]) -> list[tuple[str, str]]:
    """What tells a message from others: titles and texts of its embeds."""
    return [
        (str(embed.get("title") or ""), str(embed.get("description") or "").strip())
        for embed in message.get("embeds", [])
    ]


def refusal(code: int, payload: bytes, headers: dict[str, str]) -> PlatformError:
    """An answer that is no success, as what it means for the message."""
    told = _json(payload)
    if code == 429:
        return _limited(told, headers)
    told = told if isinstance(told, dict) else {}
    number = told.get("code")
    said = f"Discord: {told.get('message') or f'HTTP {code}'}"
    if code == 401:
        return Revoked("Discord does not accept the token")
    if code >= 500:
        # With the nonce a repeat is safe, whatever the server did.
        return Unsure(said) if code == 504 else NotSent(said)
    if number in _GONE:
        return Gone(said, "deleted" if _GONE[number] == "deleted" else "removed")
    picture = code == 413 or number == _TOO_LARGE
    return Refused(said, markup=number == _BAD_FORM, picture=picture or number == _BAD_FORM)


def _limited(told: Any, headers: dict[str, str]) -> Limited:
    if not isinstance(told, dict):  # Cloudflare's page: the whole address is held off
        return Limited(_seconds(headers.get("Retry-After")), everywhere=True)
    seconds = _seconds(told.get("retry_after"))
    scope = headers.get("X-RateLimit-Scope", "")
    everywhere = told.get("global") is True or scope == "global" or "Via" not in headers
    return Limited(seconds, everywhere=everywhere, counts=scope != "shared")


def _seconds(told: object) -> float:
    """Seconds as Discord says them, in JSON or in a header."""
    try:
        seconds = float(told) if isinstance(told, int | float | str) else math.nan
    except ValueError:
        return USUAL_WAIT
    return min(seconds, 86_400.0) if seconds >= 0 else USUAL_WAIT


def _json(payload: bytes) -> Any:
    """The answer, or None for one that is no JSON."""
    try:
        return json.loads(payload)
    except ValueError:
        return None
