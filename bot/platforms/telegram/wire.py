"""The Bot API over aiohttp: the library's transport, a direct one for messages and updates, and the
one translation of its refusals.

The library's own transport, over httpx, takes five times the processor of this one.
"""

import json
from collections.abc import Awaitable, Mapping, Sequence
from io import BytesIO
from typing import Any, TypeVar

from aiohttp import FormData
from telegram import Bot
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData
from yarl import URL

from bot.platforms import (
    Gone,
    Limited,
    Moved,
    NotSent,
    PlatformError,
    Refused,
    Revoked,
    ServerFault,
    Setup,
    Unreachable,
    Unsure,
)
from bot.platforms._request import ApiClient, read_json

DEFAULT_WAIT_SECONDS = 5.0
"""The wait after a 429 that does not say how long."""
MOST_REASON = 300
"""Characters of a server's description in our errors."""
# What Telegram's descriptions say, in small letters.
_GONE = ("chat not found", "user not found", "chat_write_forbidden", "deactivated", "peer_id_inv")
_THREAD_GONE = ("message thread not found", "topic_deleted", "topic_id_invalid")
_DELETED = ("not found", "deactivated", "was deleted", "topic_")
_MARKUP = ("can't parse", "entities", "entity_", "reply markup", "button", "inline keyboard")
_HANDED_ON = {408, 504, 520, 524}
"""Codes of a server in front that handed the request on, and did not get its whole answer in time;
520 and 524 are Cloudflare's."""
_SENT = "message was immediately deleted"
"""What a 500 says of a message that was sent, and deleted at once (Bot API server, Client.cpp)."""
_FINAL = (
    *(" rights", "is closed", "topic_closed", "_restricted", "not modified", "query is too old"),
    *("message is too long", "caption is too long", "text is empty", "text must be non-empty"),
    *("message to be replied not found", "message to edit not found", "message can't be edited"),
)
_PICTURE = (
    *("photo", "image_process", "file identifier", "file_id", "file reference", "file of size"),
    *("wrong type of the", "wrong remote file"),
)


def read_refusal(code: int, payload: bytes) -> PlatformError:
    """Return what an answer that is no success means. Only JSON with `ok: false` and a description
    is Telegram's word; anything else comes from a proxy or an edge in front of it."""
    answer = read_object(payload)
    reason = answer.get("description")
    if answer.get("ok") is not False or not isinstance(reason, str):
        return _read_stranger(code)
    reason = reason[:MOST_REASON].removeprefix("Bad Request: ").removeprefix("Forbidden: ")
    parameters = answer.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    if code == 429:
        return Limited(_seconds(parameters.get("retry_after")))
    if new := parameters.get("migrate_to_chat_id"):
        return Moved(str(new))
    if code in (401, 404):  # 404: a token that no bot ever had
        return Revoked("Telegram does not accept the token")
    if code >= 500:
        return _read_fault(code, reason)
    return _read_reason(code, reason)


def _read_stranger(code: int) -> PlatformError:
    if code == 429:
        return Limited(DEFAULT_WAIT_SECONDS)
    return _read_fault(code, f"HTTP {code} from a server in front of Telegram")


def _read_fault(code: int, reason: str) -> PlatformError:
    """Return what a server's fault means. A 500 or 502 is sent again, although a message may have
    been accepted before one now and then: in an outage each would wait for an operator."""
    sure = code not in _HANDED_ON and _SENT not in reason
    return NotSent(reason) if sure else ServerFault(reason)


def _read_reason(code: int, reason: str) -> Gone | Refused:
    low = reason.lower()
    thread = any(word in low for word in _THREAD_GONE)
    if thread or code == 403 or any(word in low for word in _GONE):
        deleted = any(word in low for word in _DELETED)
        return Gone(reason, "deleted" if deleted else "removed", thread=thread)
    picture = code == 413 or any(word in low for word in _PICTURE)
    # "message is not modified" goes on to speak of the reply markup.
    markup = "not modified" not in low and any(word in low for word in _MARKUP)
    # What is refused for a reason not known here may be taken as plain text.
    unknown = code == 400 and not picture and not any(word in low for word in _FINAL)
    rights = " rights" in low
    return Refused(reason, markup=markup or unknown, picture=picture, rights=rights)


def read_object(payload: bytes) -> dict[str, Any]:
    """Return the answer as an object; an empty one for what is no JSON object."""
    answer = read_json(payload)
    return answer if isinstance(answer, dict) else {}


def _seconds(value: object) -> float:
    """Return the wait; Telegram says whole seconds, anything else is a fault of something in
    between."""
    valid = type(value) is int and value > 0
    return min(float(str(value)), 86_400.0) if valid else DEFAULT_WAIT_SECONDS


HOLD_SECONDS = 50
"""Long-poll time-out of getUpdates, in seconds."""
ANSWER_SECONDS = 10.0
"""Extra time for the response, so that a dead connection is noticed within a minute."""
_T = TypeVar("_T")
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_NO_JSON = "the answer is no JSON"


class Wire(BaseRequest):
    """A transport that raises our errors while code and body can still be seen."""

    def __init__(self, setup: Setup, connections: int, seconds: float) -> None:
        """`seconds`: the wait for a free connection, and for an answer."""
        self.root = setup.api_url.rstrip("/") or "https://api.telegram.org"
        self._token = setup.token
        self._client = ApiClient(
            seconds, {"User-Agent": self.USER_AGENT}, proxy=setup.proxy, connections=connections
        )

    async def call_method(
        self, method: str, fields: Mapping[str, Any], **files: bytes
    ) -> dict[str, Any]:
        """Call a method of the Bot API and return its result, unparsed. Raises PlatformError.

        Through the library a sent message would become 130 fields, of which two are used: a third
        of a delivery's cost, and one that it could not parse would look lost.
        """
        values = {name: _encode(value) for name, value in fields.items()}
        uploads = {name: (name, content, None) for name, content in files.items() if content}
        url = f"{self.root}/bot{self._token}/{method}"
        _, payload = await self._post(url, _form(values, uploads))
        result = read_object(payload).get("result")
        if not isinstance(result, dict):
            raise Unsure(_NO_JSON)
        return result

    async def fetch_updates(
        self, offset: int, kinds: Sequence[str], hold: int = HOLD_SECONDS
    ) -> list[Any]:
        """Return the updates from that number on, unparsed, as soon as there is one. Raises
        PlatformError. The library would lose all of them for one that it cannot parse."""
        fields = {"offset": offset, "timeout": hold, "allowed_updates": kinds}
        form = _form({name: _encode(value) for name, value in fields.items()}, {})
        url = f"{self.root}/bot{self._token}/getUpdates"
        _, payload = await self._post(url, form, HOLD_SECONDS + ANSWER_SECONDS)
        updates = read_object(payload).get("result")
        if not isinstance(updates, list):
            raise NotSent("an answer without updates")
        return updates

    @property
    def read_timeout(self) -> float:
        """Return the seconds that an answer is waited for."""
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
        """Make one call for the library; return status and body of a success.

        Raises PlatformError for a refusal; for a call without an answer TimedOut or NetworkError,
        caused by NotSent or Unsure.
        """
        seconds = None if read_timeout is self.DEFAULT_NONE else read_timeout
        form: dict[str, Any] = {}
        if request_data is not None:
            form = _form(request_data.json_parameters, request_data.multipart_data)
        try:
            return await self._post(url, form, seconds, method)
        except Unreachable as error:
            raise (TimedOut if error.timed_out else NetworkError)(str(error)) from error

    async def _post(
        self, url: str, form: Mapping[str, Any], seconds: float | None = None, method: str = "POST"
    ) -> tuple[int, bytes]:
        code, payload, _ = await self._client.request(method, url, seconds=seconds, **form)
        if not 200 <= code < 300:
            # A server may repeat the path of the request, which holds the token.
            raise read_refusal(code, payload.replace(self._token.encode(), b"..."))
        return code, payload

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Parse an answer. The library's own version logs what it cannot parse: people's texts."""
        if answer := read_object(payload):
            return answer
        raise TelegramError(_NO_JSON)


def _encode(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _form(values: Mapping[str, str], files: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a call: an encoded form, in parts where files are uploaded."""
    if not files:
        # By yarl, in C: urllib takes 0.8 ms for a message of Chinese.
        return {"data": URL.build(query=values).raw_query_string.encode(), "headers": _FORM}
    parts = FormData()
    for name, text in values.items():
        parts.add_field(name, text)
    for name, (filename, content, kind) in files.items():
        file = BytesIO(content) if isinstance(content, bytes) else content
        parts.add_field(name, file, filename=filename, content_type=kind)
    return {"data": parts}


def open_bot(setup: Setup, wire: Wire) -> Bot:
    """Return the library's bot over this transport; connects to nothing yet."""
    # Without a transport named for updates the library would make one of its own.
    return Bot(
        setup.token,
        base_url=f"{wire.root}/bot",
        base_file_url=f"{wire.root}/file/bot",
        request=wire,
        get_updates_request=wire,
    )


async def call(pending: Awaitable[_T]) -> _T:
    """Await a call of the library; raise what failed as PlatformError."""
    try:
        return await pending
    except TelegramError as error:
        raise read_error(error) from error


def read_error(error: TelegramError) -> PlatformError:
    """Return what is known of a call that failed."""
    cause = error.__cause__
    while isinstance(cause, TelegramError):
        cause = cause.__cause__
    if isinstance(cause, PlatformError):
        return cause
    return Unsure("the answer cannot be read")
