"""One HTTP connection to a model server: bounded answers, no environment, no redirects."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import httpx2

MOST_BYTES = 2_000_000
CONNECT = 10.0
_HEADERS = frozenset(["host", "content-type", "content-length", "connection"])
_CODING = frozenset(["content-encoding", "content-length", "transfer-encoding"])


class TooLong(httpx2.ReadError):
    """The body is longer than any answer should be."""


class Transport(httpx2.AsyncBaseTransport):
    """Sends only the headers a server needs, and reads answers up to MOST_BYTES."""

    def __init__(self, key: str, proxy: str) -> None:
        self._key = key
        self._inner = httpx2.AsyncHTTPTransport(proxy=proxy or None, trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        # The SDK adds what it knows of this machine, and headers out of environment variables.
        kept = {k: v for k, v in request.headers.items() if k in _HEADERS}
        kept |= {"accept": "application/json", "accept-encoding": "identity"}
        kept |= {"user-agent": "jianbao"} | self._authorization()
        sent = httpx2.Request(
            request.method,
            request.url,
            headers=kept,
            stream=request.stream,
            extensions=request.extensions,
        )
        response = await self._inner.handle_async_request(sent)
        try:
            body = await _body(response)
        finally:
            await response.aclose()
        headers = [(k, v) for k, v in response.headers.multi_items() if k not in _CODING]
        return httpx2.Response(response.status_code, headers=headers, content=body)

    def _authorization(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._key}"} if self._key else {}

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _body(response: httpx2.Response) -> bytes:
    found = bytearray()
    async for chunk in response.aiter_bytes():
        found += chunk
        if len(found) > MOST_BYTES:
            raise TooLong("the answer is too long")
    return bytes(found)


def open_client(base_url: str, key: str, proxy: str) -> httpx2.AsyncClient:
    """A client for one server. Raises ValueError that names what is wrong with key or proxy."""
    if not (key.isascii() and key.isprintable()) or key != key.strip():
        raise ValueError("has a key of impossible characters: check OPENAI_API_KEY")
    host = _host(base_url)
    if not host:
        raise ValueError("has no usable address: check OPENAI_BASE_URL")
    try:
        transport = Transport(key, "" if is_near(host) else proxy)
    except (ValueError, ImportError, httpx2.InvalidURL):
        raise ValueError("cannot be reached through that proxy: check HTTPS_PROXY") from None
    return httpx2.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)


def _host(base_url: str) -> str:
    """The host of an address that can be asked; empty for any other."""
    try:
        usable = urlsplit(base_url)
        _ = usable.port, httpx2.URL(base_url)  # they look at what urlsplit lets pass
    except (ValueError, httpx2.InvalidURL):
        return ""
    return (usable.hostname or "") if usable.scheme in ("http", "https") else ""


def is_near(host: str) -> bool:
    """Whether a host is this machine or on a private network, where no proxy leads."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.lower().rstrip(".")
        return "." not in name or name.endswith((".localhost", ".local", ".internal", ".lan"))
    return address.is_private or address.is_loopback or address.is_link_local
