"""Delivery to Discord: one call per message, with a nonce that deduplicates retries.

This does not use discord.py's HTTP client, because that waits out a 429 inside the call (which
blocks other chats), hides the number of 429s, does not retry a 503, and tells lost from refused
connections by error numbers. Its message models are used.
"""

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import discord
from aiohttp import FormData
from discord.http import handle_message_parameters

from bot import texts
from bot.messages import Reply
from bot.platforms import (
    UNSEEN,
    Delivered,
    Gone,
    Limited,
    NotSent,
    Outgoing,
    Pace,
    PlatformError,
    Refused,
    Revoked,
    ServerFault,
    Setup,
    Unseen,
    Unsure,
)
from bot.platforms._request import ApiClient, read_json
from bot.platforms.discord.embeds import PICTURE, EmbedSheet, build_view, sheets
from bot.rich import PageBudget, Run, Unit, pages, text_of, utf16
from digest.models import Chat

log = logging.getLogger(__name__)

PACE = Pace(a_second=48.7, most=48.7, bans=True)
"""Discord allows a bot 50 requests per second (Rate Limits); the rest is left for answers and
jitter."""
TIMEOUT = 20.0
NONCE_VALID = timedelta(minutes=2)
"""How long Discord certainly remembers a nonce ("the past few minutes")."""
CLOCKS_APART = timedelta(seconds=10)
"""Tolerated clock skew: how far this machine's clock may be ahead of Discord's."""
USUAL_WAIT = 5.0
_DELETED = {10003, 10013}
"""Unknown channel; unknown user."""
_REMOVED = {10004, 50007, 50033}
"""Unknown server; user does not accept messages; invalid user."""
_HIDDEN = 50001
"""Missing access to the channel or its server."""
_TOO_LARGE = 40005
_BAD_FORM = 50035
_NO_RIGHTS = 50013
_BLOCKED = {40333}
"""JSON error of the proxy in front of Discord: this address is temporarily blocked."""
_FORUMS = {discord.ChannelType.forum.value, discord.ChannelType.media.value}
_NOT_IN_POSTS = {"nonce", "enforce_nonce", "tts"}
"""Message fields that the first message of a forum post must not have."""
_EPHEMERAL, _SILENT = 1 << 6, 1 << 12
"""Message flags: EPHEMERAL and SUPPRESS_NOTIFICATIONS."""
_EXPIRED = {10015, 50027}
"""The interaction is older than 15 minutes and cannot be answered any more."""
MAX_CONTENT_CHARS = 2000
MAX_NAME_CHARS, ARCHIVE_MINUTES = 100, 1440
"""Maximum length of a thread's name, and minutes of inactivity before it is archived."""
MAX_REASON_CHARS = 300


class Hidden(Gone):
    """The bot has no access to the channel."""


class DiscordDeliverer:
    """Sends messages with one token."""

    pace = PACE
    repeats = True
    reuses = False

    def __init__(
        self,
        setup: Setup,
        api: str,
        news: Callable[[str], bool],
        timeout: float = TIMEOUT,
        inside: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """Take the API root `api`; `news`: returns True for an announcement channel; `inside`:
        returns True if the bot is certainly in a server."""
        self._api, self._news, self._inside = api, news, inside
        client = f"https://github.com/Rapptz/discord.py {discord.__version__}"
        agent = {"User-Agent": f"DiscordBot ({client})"}
        headers = agent | {"Authorization": f"Bot {setup.token}"}
        self._client = ApiClient(timeout, headers, proxy=setup.proxy)
        # An interaction's URL is its credential; without a token, no bot rate limit applies.
        self._keyless = ApiClient(timeout, agent, proxy=setup.proxy)
        self._forums: dict[str, str] = {}

    def render(self, reply: Reply, chat: Chat, picture: str, *, quiet: bool = False) -> list[str]:
        """Return the reply's messages as JSON, because the library's views need a running loop."""
        written = sheets(reply)
        bodies = []
        for number, sheet in enumerate(written, 1):
            body = write_body(reply, sheet, picture, buttons=number == len(written))
            if quiet or number > 1:
                body["flags"] = _SILENT
            bodies.append(json.dumps(body, ensure_ascii=False))
        return bodies

    async def answer(self, webhook: str, message: Outgoing, *, edit: bool, private: bool) -> None:
        """Send a message to the interaction with this webhook. `edit`: replace the original
        response; `private`: show it only to the user. Raises like `deliver`."""
        for number, payload in enumerate(_payloads(message)):
            fields = {key: payload[key] for key in payload.keys() - _NOT_IN_POSTS}
            if edit and not number:  # the defaults remove those of the old message
                fields = {"embeds": [], "components": [], "attachments": []} | fields
                content = _content(fields, message.picture)
                await self.call("PATCH", f"{webhook}/messages/@original", content)
                continue
            flags = fields.get("flags", 0) | (_EPHEMERAL if private else 0)
            content = _content(fields | {"flags": flags}, message.picture)
            await self.call("POST", webhook, content)

    async def deliver(self, message: Outgoing) -> Delivered:
        """Send one message in one call, or plain text in as many calls as needed. The first message
        of a threaded digest opens the thread (in a forum: the post). Later ones go there, or to the
        channel if there is no thread or the bot may not write in it."""
        try:
            return await self._deliver(message)
        except Hidden as error:
            if self._inside(message.chat.space):  # an admin may restore access
                raise Refused(str(error), rights=True) from error
            raise

    async def _deliver(self, message: Outgoing) -> Delivered:
        name = str(json.loads(message.body).get("thread", ""))[:MAX_NAME_CHARS]
        forum = await self._find_forum(message.chat.id) if name else ""
        try:
            delivered = await self._post(
                message, forum or message.thread or message.chat.id, name if forum else ""
            )
        except (Gone, Refused):
            if not (forum or message.thread):
                raise
            return await self._post_elsewhere(message)
        if name and not forum and delivered.message:
            path = f"/channels/{message.chat.id}/messages/{delivered.message}/threads"
            try:
                await self.call("POST", path, {"json": _thread(name)})
            except PlatformError as error:  # the digest continues in the channel
                log.warning("discord: no thread was opened in %s (%s)", message.chat.id, error)
        return delivered

    async def _post_elsewhere(self, message: Outgoing) -> Delivered:
        """Send to the channel what a forum or thread refuses, except what the thread has already
        accepted, because nonces are known only within a channel."""
        payloads, posted = _payloads(message), {}
        if message.thread and _is_young(message.doubt):
            posted = await self._list_posted(message, payloads, message.thread, "", look=True)
        if len(posted) == len(payloads):
            return Delivered(posted[0])
        return await self._post(message, message.chat.id, posted=posted)

    async def _find_forum(self, chat: str) -> str:
        if chat not in self._forums:
            place, _ = await self.call("GET", f"/channels/{chat}", {})
            forum = ""
            if place.get("type") == discord.ChannelType.public_thread.value:
                parent, _ = await self.call("GET", f"/channels/{place['parent_id']}", {})
                forum = str(parent["id"]) if parent.get("type") in _FORUMS else ""
            self._forums[chat] = forum
        return self._forums[chat]

    async def _list_posted(
        self,
        message: Outgoing,
        payloads: Sequence[Mapping[str, Any]],
        channel: str,
        post: str,
        *,
        look: bool = False,
    ) -> dict[int, str]:
        """Return the ids of messages that earlier attempts posted, by payload index. `look`: search
        the history even while the nonce is still known. Raises Unseen if the bot may not read it,
        and Unsure while a message may just have been accepted in an unreadable place."""
        if message.doubt is None:
            return {}
        after = discord.utils.time_snowflake(datetime.now(UTC) - message.doubt - CLOCKS_APART)
        posted: dict[int, str] = {}
        try:
            if post:  # forum posts have no nonce, but a creation time
                words = _words(payloads[0])
                opened = await self._find_post(channel, post, message.chat, after, words)
                if not opened:
                    return {}
                channel, posted[0] = opened, opened
            look = look or not _is_young(message.doubt)
            if look and len(posted) < len(payloads):
                history = await self._read_history(channel, after, may_skip=message.resend)
                ids = {repr(_words(sent)): str(sent["id"]) for sent in reversed(history)}
                seen = {n: ids.get(repr(_words(payload))) for n, payload in enumerate(payloads)}
                posted |= {n: id_ for n, id_ in seen.items() if id_ and n not in posted}
        except (Gone, Refused) as error:
            if _is_young(message.doubt):
                raise Unsure(str(error)) from error
            raise
        return posted

    async def _find_post(
        self, forum: str, name: str, chat: Chat, after: int, words: list[tuple[str, str]]
    ) -> str:
        """Return the bot's active forum post with that name, created after that id, that begins
        with these words or whose first message cannot be read; "" if there is none."""
        active, _ = await self.call("GET", f"/guilds/{chat.space}/threads/active", {})
        me, _ = await self.call("GET", "/users/@me", {})
        target, unseen = (forum, name, me["id"]), ""
        for post in active["threads"]:
            traits = (post.get("parent_id"), post.get("name"), post.get("owner_id"))
            if traits != target or int(post["id"]) <= after:
                continue
            history = await self._read_history(post["id"], after, may_skip=True)
            first = next((sent for sent in history if sent["id"] == post["id"]), None)
            if first and _words(first) == words:
                return str(post["id"])
            unseen = unseen or ("" if first else str(post["id"]))
        return unseen

    async def _read_history(
        self, channel: str, after: int, *, may_skip: bool
    ) -> list[dict[str, Any]]:
        """Return the messages of bots in a channel after that id, newest first."""
        path = f"/channels/{channel}"
        history, _ = await self.call("GET", f"{path}/messages?after={after}&limit=100", {})
        if not history and not may_skip:
            # Without the permission, Discord returns an empty history.
            place, _ = await self.call("GET", path, {})
            if int(place.get("last_message_id") or 0) > after:
                raise Unseen(UNSEEN)
        return [sent for sent in history if (sent.get("author") or {}).get("bot")]

    async def _post(
        self,
        message: Outgoing,
        channel: str,
        post: str = "",
        *,
        posted: Mapping[int, str] | None = None,
    ) -> Delivered:
        """Send to a channel, or as a new forum post of that name, except what is in `posted`."""
        first, again = "", 0.0
        payloads = _payloads(message)
        posted = await self._list_posted(message, payloads, channel, post) | dict(posted or {})
        for number, payload in enumerate(payloads):
            if number in posted:
                first = first or posted[number]
                continue
            path = f"/channels/{first if post and first else channel}/messages"
            content = _content(payload, message.picture)
            if post and not first:
                path = f"/channels/{channel}/threads"
                fields = {key: payload[key] for key in payload.keys() - _NOT_IN_POSTS}
                content = _content(_thread(post) | {"message": fields}, message.picture)
            try:
                answer, headers = await self.call("POST", path, content)
            except PlatformError as error:
                error.partial = bool(first)
                raise
            first = first or str(answer.get("id", ""))
            if headers.get("X-RateLimit-Remaining") == "0":
                again = _seconds(headers.get("X-RateLimit-Reset-After"))
        return Delivered(first, publish=self._news(channel), again=again)

    async def open_direct(self, person: str) -> Chat:
        """Return the direct message channel with a user. Raises like `deliver`."""
        content = {"json": {"recipient_id": person}}
        answer, _ = await self.call("POST", "/users/@me/channels", content)
        return Chat("discord", str(answer.get("id", "")))

    async def publish(self, chat: Chat, message: str) -> None:
        try:
            await self.call("POST", f"/channels/{chat.id}/messages/{message}/crosspost", {})
        except PlatformError as error:
            log.warning("discord: a post in %s was not published (%s)", chat.id, error)

    async def close(self) -> None:
        await self._client.close()
        await self._keyless.close()

    async def call(self, method: str, path: str, content: dict[str, Any]) -> tuple[Any, Any]:
        """Return the response and its headers. Raises like `deliver`."""
        client = self._keyless if path.startswith("/webhooks/") else self._client
        status, payload, headers = await client.request(method, self._api + path, **content)
        if not 200 <= status < 300:
            error = read_refusal(status, payload, headers)
            looked = method == "GET" and isinstance(error, ServerFault)  # a GET sends nothing
            raise NotSent(str(error)) if looked else error
        answer = read_json(payload)
        if answer is None and status != 204:
            raise Unsure("the answer is not JSON")
        return answer, headers


def write_body(
    reply: Reply,
    sheet: EmbedSheet,
    picture: str,
    number: int = 1,
    of: int = 1,
    *,
    buttons: bool = True,
) -> dict[str, Any]:
    """Return a message of a reply, page `number` of `of`; `picture` is its picture's name."""
    if of > 1:
        sheet.embeds[-1].set_footer(text=texts.text("page", reply.language, n=number, of=of))
    view = build_view(reply, number, of)
    with handle_message_parameters(
        embeds=sheet.embeds,
        view=view if buttons and view.children else discord.utils.MISSING,
        allowed_mentions=discord.AllowedMentions.none(),
    ) as parameters:
        body = dict(parameters.payload or {})
    body["denied"] = texts.text("digest_denied", reply.language)
    return body | ({"picture": picture} if sheet.picture else {})


def _is_young(doubt: timedelta | None) -> bool:
    """Return True if Discord still knows the nonce of the attempt in doubt."""
    return doubt is not None and doubt <= NONCE_VALID


def _thread(name: str) -> dict[str, Any]:
    return {"name": name, "auto_archive_duration": ARCHIVE_MINUTES}


def _content(payload: Mapping[str, Any], picture: bytes) -> dict[str, Any]:
    if not (payload.get("message") or payload).get("attachments"):
        return {"json": payload}
    form = FormData()
    form.add_field("payload_json", json.dumps(payload), content_type="application/json")
    form.add_field("files[0]", BytesIO(picture), filename=PICTURE)
    return {"data": form}


def _payloads(message: Outgoing) -> list[dict[str, Any]]:
    """Return the payloads to post: one, or several for plain text."""
    body: dict[str, Any] = json.loads(message.body)
    note = f"-# {body.pop('denied', '')}" if message.denied else ""
    for key in ("denied", "thread", "in_thread"):
        body.pop(key, None)
    pictured = bool(body.pop("picture", "")) and not message.bare
    if message.plain:
        return [
            {
                "content": text,
                "allowed_mentions": body.get("allowed_mentions", {"parse": []}),
                "flags": body.get("flags", 0) | (_SILENT if number else 0),
                **_nonce(message, number),
            }
            for number, text in enumerate(_plain_texts(body, note))
        ]
    if note:
        body["content"] = note
    if pictured:
        body["attachments"] = [{"id": 0, "filename": PICTURE}]
    else:
        for embed in body.get("embeds", []):
            embed.pop("image", None)
    return [body | _nonce(message)]


def _nonce(message: Outgoing, number: int = 0) -> dict[str, Any]:
    nonce = f"{message.nonce[:22]}-{number}" if number else message.nonce
    return {"nonce": nonce, "enforce_nonce": True}


def _plain_texts(body: Mapping[str, Any], note: str) -> list[str]:
    """Return the embeds' titles and texts as plain messages, and the note at the end."""
    lines: list[str] = []
    for embed in body.get("embeds", []):
        title = embed.get("title") or ""
        lines += [f"**{title}**"] if title else []
        lines += str(embed.get("description") or "").splitlines()
    units = [Unit(((Run(line),),), gap=False) for line in [*lines, *filter(None, [note])]]
    written = pages(units, lambda run: utf16(run.text), PageBudget(MAX_CONTENT_CHARS))
    return [text for page in written if (text := text_of(page).strip())] or ["…"]


def _words(message: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what identifies a message: its text, and the titles and texts of its embeds."""
    content = ("", str(message.get("content") or "").strip())
    return [content] + [
        (str(embed.get("title") or ""), str(embed.get("description") or "").strip())
        for embed in message.get("embeds", [])
    ]


def read_refusal(code: int, payload: bytes, headers: Mapping[str, str]) -> PlatformError:
    """Return the error for an unsuccessful response. Only JSON with a `code` is from Discord;
    anything else is from a proxy in front of it."""
    answer = read_json(payload)
    if code == 429:
        return _limited(answer, headers)
    number = answer.get("code") if isinstance(answer, dict) else None
    if type(number) is not int or number in _BLOCKED:
        return _read_fault(code, f"HTTP {code} from a server in front of Discord")
    reason = str(answer.get("message") or f"HTTP {code}")[:MAX_REASON_CHARS]
    if number in _EXPIRED:
        return Gone(reason, "removed")
    if code == 401:
        return Revoked("Discord does not accept the token")
    if code >= 500:
        return _read_fault(code, reason)
    if number == _HIDDEN:
        return Hidden(reason, "removed")
    if number in _DELETED | _REMOVED:
        return Gone(reason, "deleted" if number in _DELETED else "removed")
    rights, form = number == _NO_RIGHTS, number == _BAD_FORM
    picture = code == 413 or number == _TOO_LARGE or form or rights
    return Refused(reason, markup=form or rights, picture=picture, rights=rights)


def _read_fault(code: int, reason: str) -> PlatformError:
    """Return the error for a server fault. Except for a 503, the message may have been accepted;
    the nonce, and later a look at the channel, make a retry safe."""
    sure = code == 503 or (code < 500 and code != 408)
    return NotSent(reason) if sure else ServerFault(reason)


def _limited(answer: Any, headers: Mapping[str, str]) -> Limited:
    if not isinstance(answer, dict):  # Cloudflare's page: the whole address is limited
        return Limited(_seconds(headers.get("Retry-After")), everywhere=True)
    seconds = _seconds(answer.get("retry_after"))
    scope = headers.get("X-RateLimit-Scope", "")
    everywhere = answer.get("global") is True or scope == "global" or "Via" not in headers
    return Limited(seconds, everywhere=everywhere, counts=scope != "shared")


def _seconds(value: object) -> float:
    try:
        seconds = float(value) if isinstance(value, int | float | str) else math.nan
    except ValueError:
        return USUAL_WAIT
    return min(seconds, 86_400.0) if seconds >= 0 else USUAL_WAIT
