"""HTTP calls to a platform's API; errors say whether the request may have been received."""

import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from bot.platforms import NotSent, Unreachable, Unsure

CONNECT_SECONDS = 10.0
UPLOAD_SECONDS = 20.0
"""Time limit for writing a request in addition to waiting; aiohttp has none of its own."""
KEEP_ALIVE_SECONDS = 5.0
"""How long an unused connection stays open. Longer times make it likelier that the server closes it
while a message is written to it, which leaves the outcome unknown."""
_FAILURES: tuple[tuple[type[Exception], type[Unreachable], str], ...] = (
    (aiohttp.ClientConnectorCertificateError, NotSent, "the server's certificate is not valid"),
    (aiohttp.ClientConnectorSSLError, NotSent, "no secure connection could be made"),
    (aiohttp.ClientConnectorDNSError, NotSent, "the server's name is not known"),
    (aiohttp.ClientProxyConnectionError, NotSent, "the proxy cannot be reached"),
    (aiohttp.ClientHttpProxyError, NotSent, "the proxy refused the connection"),
    (aiohttp.ClientConnectorError, NotSent, "no connection could be made"),
    (aiohttp.ConnectionTimeoutError, NotSent, "no connection could be made in time"),
    (aiohttp.InvalidURL, NotSent, "the server's address is not valid"),
    (aiohttp.NonHttpUrlClientError, NotSent, "the server's address is not valid"),
    (TimeoutError, Unsure, "no answer came in time"),
    (aiohttp.ClientPayloadError, Unsure, "the answer broke off"),
    (aiohttp.ClientResponseError, Unsure, "the answer is not valid HTTP"),
    (Exception, Unsure, "the connection broke before an answer came"),
)
"""Failures, the first match counts: whether the request may have been received, and why it
failed."""


class ApiClient:
    """HTTP client of one API; connects at the first call."""

    def __init__(
        self,
        seconds: float,
        headers: Mapping[str, str],
        *,
        proxy: str | None = None,
        connections: int = 100,
    ) -> None:
        """`seconds`: timeout for a free connection, and for a response."""
        self.seconds, self._headers = seconds, headers
        self._proxy, self._connections = proxy, connections
        self._open: aiohttp.ClientSession | None = None
        self._closed = False

    async def request(
        self, method: str, url: str, *, seconds: float | None = None, **content: Any
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Make one call; return status, body and headers of the response, whatever the status.
        `seconds`: timeout of the response. Raises NotSent or Unsure; NotSent after `close`."""
        seconds = self.seconds if seconds is None else seconds
        timeout = aiohttp.ClientTimeout(
            total=self.seconds + UPLOAD_SECONDS + seconds,
            connect=self.seconds,
            sock_connect=CONNECT_SECONDS,
            sock_read=seconds,
        )
        try:
            async with self._session().request(
                method, url, timeout=timeout, allow_redirects=False, **content
            ) as answer:
                return answer.status, await answer.read(), answer.headers
        except (aiohttp.ClientError, OSError) as error:
            failure = read_failure(error)
        # Raised here without a cause, because the library's errors contain the URL and its token.
        raise failure

    def open(self) -> None:
        """Allow calls again after `close`."""
        self._closed = False

    async def close(self) -> None:
        """Close all connections; later calls fail, as nobody would close a new connection."""
        self._closed = True
        if self._open is not None:
            await self._open.close()
            self._open = None

    def _session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise NotSent("the bot is stopping")
        if self._open is None:
            self._open = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections, keepalive_timeout=KEEP_ALIVE_SECONDS
                ),
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                proxy=self._proxy,
            )
        return self._open


def read_json(payload: bytes) -> Any:
    """Parse a response as JSON; None if it is not."""
    try:
        return json.loads(payload.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def read_failure(error: Exception) -> Unreachable:
    """Return the error for a call without a response."""
    return next(meaning(why) for kind, meaning, why in _FAILURES if isinstance(error, kind))
