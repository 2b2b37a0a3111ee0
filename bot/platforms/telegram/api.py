"""Telegram's Bot API over aiohttp: transport, error classification, delivery of digests and
answers, and command menus."""

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Any, Literal, TypeVar

from aiohttp import FormData
from telegram import Bot, BotCommand, BotCommandScopeChat
from telegram.error import NetworkError, TelegramError
from telegram.request import BaseRequest, RequestData
from yarl import URL

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
    ServerFault,
    Setup,
    Unreachable,
    Unsure,
    send_answer,
)
from bot.platforms._request import ApiClient, read_json
from bot.platforms.telegram.entities import write_bodies
from bot.rich import parts
from digest.models import Chat, Language

log = logging.getLogger(__name__)

NAME = "telegram"
DEFAULT_WAIT_SECONDS = 5.0
"""Delay after a 429 without a retry time."""
MAX_REASON_CHARS = 300
"""Maximum length of a server's error description in our errors."""
# Parts of Telegram's error descriptions, in lower case.
_GONE = ("chat not found", "user not found", "deactivated", "peer_id_inv")
_RIGHTS = (" rights", "chat_admin_required", "chat_write_forbidden", "chat_send_")
"""Missing permissions: an admin may restore them, so the chat is not gone."""
_THREAD_GONE = ("message thread not found", "topic_deleted", "topic_id_invalid")
_DELETED = ("not found", "deactivated", "was deleted", "topic_")
_MARKUP = ("can't parse", "entities", "entity_", "reply markup", "button", "inline keyboard")
_HANDED_ON = {408, 504, 520, 524}
"""Codes of a proxy that forwarded the request and did not get the whole response in time; 520 and
524 are Cloudflare's."""
_SENT = "message was immediately deleted"
"""Error 500 for a message that was sent and deleted at once (Bot API server, Client.cpp)."""
_FINAL = (
    *(*_RIGHTS, "is closed", "topic_closed", "_restricted", "not modified", "query is too old"),
    *("message is too long", "caption is too long", "text is empty", "text must be non-empty"),
    *("message to be replied not found", "message to edit not found", "message can't be edited"),
)
_PICTURE = (
    *("photo", "image_process", "file identifier", "file_id", "file reference", "file of size"),
    *("wrong type of the", "wrong remote file", "send_media"),
)


def read_refusal(code: int, payload: bytes) -> PlatformError:
    """Return the error for an unsuccessful response. Only JSON with `ok: false` and a description
    is from Telegram; anything else is from a proxy in front of it."""
    answer = read_object(payload)
    reason = answer.get("description")
    if answer.get("ok") is not False or not isinstance(reason, str):
        if code == 429:
            return Limited(DEFAULT_WAIT_SECONDS)
        return _read_fault(code, f"HTTP {code} from a server in front of Telegram")
    reason = reason[:MAX_REASON_CHARS].removeprefix("Bad Request: ").removeprefix("Forbidden: ")
    parameters = answer.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    if code == 429:
        seconds: Any = parameters.get("retry_after")
        valid = type(seconds) is int and seconds > 0
        return Limited(float(min(seconds, 86_400)) if valid else DEFAULT_WAIT_SECONDS)
    if new := parameters.get("migrate_to_chat_id"):
        return Moved(str(new))
    if code in (401, 404):  # 404: a token that never existed
        return Revoked("Telegram does not accept the token")
    if code >= 500:
        return _read_fault(code, reason)
    return _read_reason(code, reason)


def _read_fault(code: int, reason: str) -> PlatformError:
    """Return the error for a server fault. After most of them (500, 502) the message is sent again,
    although it may have been accepted in rare cases; otherwise each message of an outage would wait
    for an operator."""
    sure = code not in _HANDED_ON and _SENT not in reason
    return NotSent(reason) if sure else ServerFault(reason)


def _read_reason(code: int, reason: str) -> Gone | Refused:
    low = reason.lower()
    thread = any(word in low for word in _THREAD_GONE)
    rights = any(word in low for word in _RIGHTS)
    if thread or (code == 403 and not rights) or any(word in low for word in _GONE):
        deleted = any(word in low for word in _DELETED)
        return Gone(reason, "deleted" if deleted else "removed", thread=thread)
    picture = code == 413 or any(word in low for word in _PICTURE)
    # "message is not modified" also mentions the reply markup.
    markup = "not modified" not in low and any(word in low for word in _MARKUP)
    # For unknown reasons, try plain text.
    unknown = code == 400 and not picture and not any(word in low for word in _FINAL)
    return Refused(reason, markup=markup or unknown, picture=picture, rights=rights)


def read_object(payload: bytes) -> dict[str, Any]:
    """Return the response as an object; {} if it is not a JSON object."""
    answer = read_json(payload)
    return answer if isinstance(answer, dict) else {}


HOLD_SECONDS = 50
"""Long polling timeout of getUpdates, in seconds."""
ANSWER_SECONDS = 10.0
"""Extra time for the response, so that a dead connection is noticed within a minute."""
_T = TypeVar("_T")
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_NO_JSON = "the answer is not JSON"


class Wire(BaseRequest):
    """Transport that raises our errors, which need the status code and body."""

    def __init__(self, setup: Setup, connections: int, seconds: float) -> None:
        """`seconds`: timeout for a free connection, and for a response."""
        self.root = setup.api_url.rstrip("/") or "https://api.telegram.org"
        self._token = setup.token
        self._client = ApiClient(
            seconds, {"User-Agent": self.USER_AGENT}, proxy=setup.proxy, connections=connections
        )

    async def call_method(
        self, method: str, fields: Mapping[str, Any], **files: bytes
    ) -> dict[str, Any]:
        """Call a method of the Bot API and return its result unparsed. Raises PlatformError.

        The library would parse a sent message into 130 fields, of which two are used: this is a
        third of a delivery's cost, and a message that it could not parse would count as lost.
        """
        uploads = {name: (name, content, None) for name, content in files.items() if content}
        result = await self._fetch_result(method, fields, uploads)
        if not isinstance(result, dict):
            raise Unsure(_NO_JSON)
        return result

    async def fetch_updates(
        self, offset: int, kinds: Sequence[str], hold: int = HOLD_SECONDS
    ) -> list[Any]:
        """Long-poll for updates from that number on; return them unparsed. Raises PlatformError.
        If the library could not parse one update, it would lose all of them."""
        fields = {"offset": offset, "timeout": hold, "allowed_updates": kinds}
        seconds = HOLD_SECONDS + ANSWER_SECONDS
        updates = await self._fetch_result("getUpdates", fields, seconds=seconds)
        if not isinstance(updates, list):
            raise NotSent("an answer without updates")
        return updates

    async def _fetch_result(
        self,
        method: str,
        fields: Mapping[str, Any],
        files: Mapping[str, Any] | None = None,
        seconds: float | None = None,
    ) -> Any:
        values = {n: v if isinstance(v, str) else json.dumps(v) for n, v in fields.items()}
        url = f"{self.root}/bot{self._token}/{method}"
        _, payload = await self._post(url, _form(values, files), seconds)
        return read_object(payload).get("result")

    @property
    def read_timeout(self) -> float:
        """Return the timeout of a response, in seconds."""
        return self._client.seconds

    async def initialize(self) -> None:
        self._client.open()

    async def shutdown(self) -> None:
        await self._client.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        *args: Any,
        **kwargs: Any,
    ) -> tuple[int, bytes]:
        """Make one call for the library; return status and body of a success. Raises PlatformError
        for a refusal, and NetworkError (caused by NotSent or Unsure) without a response."""
        seconds = None if read_timeout is self.DEFAULT_NONE else read_timeout
        form: dict[str, Any] = {}
        if request_data is not None:
            form = _form(request_data.json_parameters, request_data.multipart_data)
        try:
            return await self._post(url, form, seconds, method)
        except Unreachable as error:
            raise NetworkError(str(error)) from error

    async def _post(
        self, url: str, form: Mapping[str, Any], seconds: float | None = None, method: str = "POST"
    ) -> tuple[int, bytes]:
        code, payload, _ = await self._client.request(method, url, seconds=seconds, **form)
        if not 200 <= code < 300:
            # The server's error may contain the request path and its token.
            raise read_refusal(code, payload.replace(self._token.encode(), b"..."))
        return code, payload

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Parse a response. The library's own version logs unparsable ones, with people's texts."""
        if answer := read_object(payload):
            return answer
        raise TelegramError(_NO_JSON)


def _form(values: Mapping[str, str], files: Mapping[str, Any] | None) -> dict[str, Any]:
    if not files:
        # yarl is implemented in C; urllib takes 0.8 ms for a Chinese message.
        return {"data": URL.build(query=values).raw_query_string.encode(), "headers": _FORM}
    parts = FormData()
    for name, text in values.items():
        parts.add_field(name, text)
    for name, (filename, content, kind) in files.items():
        file = BytesIO(content) if isinstance(content, bytes) else content
        parts.add_field(name, file, filename=filename, content_type=kind)
    return {"data": parts}


def open_bot(setup: Setup, wire: Wire) -> Bot:
    """Return the library's bot with this transport, not yet connected."""
    # Without get_updates_request the library would create a transport of its own.
    return Bot(
        setup.token,
        base_url=f"{wire.root}/bot",
        base_file_url=f"{wire.root}/file/bot",
        request=wire,
        get_updates_request=wire,
    )


async def call(pending: Awaitable[_T]) -> _T:
    """Await a call of the library; raise errors as PlatformError."""
    try:
        return await pending
    except TelegramError as error:
        cause = error.__cause__
        while isinstance(cause, TelegramError):
            cause = cause.__cause__
        failure = cause if isinstance(cause, PlatformError) else Unsure("the answer cannot be read")
        raise failure from error


PACE = Pace(a_second=30.0, most=1000.0, chat_gap=1.0, group_minute=20)
"""Bots FAQ: about 30 per second, 1 per second in a chat, 20 per minute in a group. A paying bot may
send 1,000 per second."""
MAX_CONCURRENT = 100
TIMEOUT_SECONDS = 20.0
_NO_PREVIEW = {"is_disabled": True}


class TelegramDeliverer:
    """Sends digest parts and answers with one token."""

    pace = PACE
    repeats = False
    reuses = True

    def __init__(
        self,
        host: Host,
        setup: Setup,
        name: Callable[[], str],
        timeout: float = TIMEOUT_SECONDS,
        connections: int = MAX_CONCURRENT,
    ) -> None:
        """`name` returns the bot's user name, for links in channels."""
        self._host, self._name = host, name
        self.wire = Wire(setup, connections, timeout)
        self.bot = open_bot(setup, self.wire)

    def render(self, reply: Reply, chat: Chat, picture: str, *, quiet: bool = False) -> list[str]:
        written = self._write(reply, chat, picture)
        for body in written[0 if quiet else 1 :]:
            body["silent"] = True
        return [json.dumps(body, ensure_ascii=False) for body in written]

    def _write(self, reply: Reply, chat: Chat, picture: str, page: int = 0) -> list[dict[str, Any]]:
        bot = self._name() if chat.kind == "channel" else ""
        return write_bodies(reply, picture, self._host, bot, page)

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

    async def send(
        self, chat: Chat, reply: Reply, *, entire: bool = False, reply_to: str = ""
    ) -> None:
        """Send a reply: its first page with arrows, or all of it if it has a picture, cannot be
        paged, is posted, or `entire`. `reply_to`: message whose comment thread it belongs in."""
        if reply.manner == "post":
            entire, reply_to = True, ""
        shown = parts(reply)[1]
        picture = shown.content if shown else b""
        for number, body in enumerate(self._write(reply, chat, "picture", 0 if entire else 1)):
            body["silent"] = number > 0
            upload = picture if body.get("picture") else b""
            message = Outgoing(chat, json.dumps(body), "", upload, reply_to=reply_to)
            await self._answer(self.deliver, message)

    async def edit(self, chat: Chat, message_id: int, reply: Reply, page: int) -> bool:
        """Replace a text message by a page of the reply; return False if that is not possible."""
        bodies = self._write(reply, chat, "picture", max(1, page))
        if len(bodies) > 1 or bodies[0].get("picture"):
            return False

        async def replace_text(message: Outgoing) -> None:
            fields = _fields(message, json.loads(message.body)) | {"message_id": message_id}
            await self.wire.call_method("editMessageText", fields)

        try:
            # Without a thread: a message stays in its topic, and the method has no such field.
            here = replace(chat, thread="")
            await self._answer(replace_text, Outgoing(here, json.dumps(bodies[0]), ""))
        except Refused as error:
            if "not modified" in str(error):  # the same button was pressed twice
                return True
            log.info("telegram: edit refused (%s)", error)
            return False
        return True

    async def _answer(
        self, send: Callable[[Outgoing], Awaitable[object]], message: Outgoing
    ) -> None:
        await send_answer(send, message, partial(self._host.move_chat, NAME, message.chat.id))

    async def publish(self, chat: Chat, message: str) -> None:
        """Do nothing: channels need no publishing."""

    async def close(self) -> None:
        await self.wire.shutdown()


def _fields(message: Outgoing, body: dict[str, Any], *, pictured: bool = False) -> dict[str, Any]:
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
    sizes = sent.get("photo")  # the largest is last
    size = sizes[-1] if isinstance(sizes, list) and sizes else {}
    return str(size.get("file_id", "")) if isinstance(size, dict) else ""


_MENUS: tuple[tuple[Language, str | None], ...] = (("en", None), ("zh", "zh"))
"""Menu languages, each with the language code of the apps that show it (None: all others)."""


async def show_menus(bot: Bot, host: Host, operators: Sequence[str]) -> None:
    """Register the commands with Telegram if they changed since the last time. Errors are logged,
    and the next start tries again."""
    rows = [[row.name, row.help("zh"), row.help("en")] for row in host.menu]
    shown = json.dumps([rows, operators], ensure_ascii=False)
    hash_ = hashlib.sha256(shown.encode()).hexdigest()
    name = f"menu:{bot.id}"
    if await host.read_note(NAME, name) == hash_:
        return
    try:
        await _set_commands(bot, host)
        for person in operators:
            try:
                await _set_commands(bot, host, person, operator=True)
            except (Gone, Refused):
                log.info("telegram: an operator has not spoken to the bot yet; no menu for them")
        await host.save_note(NAME, name, hash_)
    except PlatformError as error:
        log.warning("telegram: the command menus were not updated (%s)", error)


async def show_chat_menu(
    bot: Bot, host: Host, chat: Chat, choice: Language | Literal["topic"], operators: Sequence[str]
) -> None:
    """Set a chat's command menu to its language; `topic`: that of each user's app. Log errors."""
    try:
        await _set_commands(bot, host, chat.id, choice, operator=chat.id in operators)
    except PlatformError as error:
        log.info("telegram: a chat's command menu was not updated (%s)", error)


async def _set_commands(
    bot: Bot,
    host: Host,
    chat: str = "",
    choice: Language | Literal["topic"] = "topic",
    *,
    operator: bool = False,
) -> None:
    """Register the commands of a chat, or the default ones, per app language."""
    scope = BotCommandScopeChat(int(chat)) if chat else None
    rows = [row for row in host.menu if operator or row.who != "operators"]
    for code, app in _MENUS:
        language = code if choice == "topic" else choice
        commands = [BotCommand(row.name, row.help(language)) for row in rows]
        await call(bot.set_my_commands(commands, scope=scope, language_code=app))
