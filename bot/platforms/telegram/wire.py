"""The Bot API over aiohttp: the library's transport, and a direct one for messages and updates.

The library's own transport, over httpx, takes five times the processor of this one.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping, Sequence
from io import BytesIO
from typing import Any, TypeVar

from aiohttp import FormData
from telegram import Bot
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData
from yarl import URL

from bot.platforms import NotSent, PlatformError, Setup, Unreachable, Unsure
from bot.platforms._request import ApiClient
from bot.platforms.telegram.refusals import read_object, read_refusal

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
