"""HTTP GET with limits on size, unpacked size, time and redirects, and without access to private
networks.

The host is resolved here, every address is checked, and the connection uses the checked address, so
DNS rebinding has no effect. Redirects are checked the same way. Behind a proxy, the proxy resolves
names, so the local DNS does not matter.
"""

import asyncio
import functools
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

import httpx2

from digest.errors import SourceError
from digest.fetch import parse_wait
from digest.fetch.addresses import (
    AddressRefused,
    PlaceholderDns,
    check_address,
    describe_address,
    is_near,
    is_placeholder,
    is_public,
)
from digest.fetch.encodings import GZIP, MAX_UNPACKED, unpack_gzip

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Returns the addresses of a host; raises OSError if there are none."""
MAX_WIRE = 5_000_000
"""Maximum body size on the wire. The largest feeds in daily use have about 3 MB."""
SECONDS = 20.0
"""Timeout of a whole fetch, including redirects."""
MAX_REDIRECTS = 5
USER_AGENT = "Jianbao/0.1 (daily digest of public posts)"

_FOR_GOOD = {301, 308}
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PACKED = {"br", "compress", "deflate", "zstd"}
"""Content encodings that were not requested."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. `url`: final address; `moved`: new address after a permanent redirect."""

    status: int
    url: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header names are in lower case."""
    moved: str = ""


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host from the system's resolver."""
    loop = asyncio.get_running_loop()
    entries = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Transport that connects only to public addresses. With a proxy, only hosts that are local by
    name are refused."""

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        *,
        proxied: bool = False,
        resolver: Resolve = resolve,
    ) -> None:
        self._inner, self._proxied, self._resolve = inner, proxied, resolver

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request to a checked address. Raise AddressRefused or httpx2 errors."""
        host = request.url.host
        if is_near(host):
            raise AddressRefused(host)
        if self._proxied:
            return await self._inner.handle_async_request(request)
        failure: httpx2.ConnectError | httpx2.ConnectTimeout | None = None
        for address in await self._look_up(host, request):
            try:
                return await self._inner.handle_async_request(_dial(request, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                failure = error
        raise failure or httpx2.ConnectError("no address", request=request)

    async def _look_up(self, host: str, request: httpx2.Request) -> list[str]:
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        try:
            addresses = await self._resolve(host.strip("[]"), port)
        except (OSError, UnicodeError):
            raise httpx2.ConnectError("unknown name", request=request) from None
        if any(map(is_placeholder, addresses)):
            raise PlaceholderDns(host)
        if not all(map(is_public, addresses)):
            raise AddressRefused(host)
        return addresses

    async def aclose(self) -> None:
        await self._inner.aclose()


def _dial(request: httpx2.Request, address: str) -> httpx2.Request:
    """Return the request with the address as its host; Host header and TLS keep the name."""
    host = request.url.host
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )


class Fetcher:
    """HTTP client of one source. `private`: allow private networks."""

    def __init__(
        self,
        *,
        proxy: str = "",
        private: bool = False,
        seconds: float | None = None,
        resolver: Resolve = resolve,
    ) -> None:
        self._seconds = SECONDS if seconds is None else seconds
        inner = httpx2.AsyncHTTPTransport(
            verify=_trust(), trust_env=False, proxy=proxy if proxy and not private else None
        )
        guard = GuardedTransport(inner, proxied=bool(proxy), resolver=resolver)
        self._client = httpx2.AsyncClient(
            transport=inner if private else guard,
            trust_env=False,
            # Leave time to try further addresses if the first ones do not answer.
            timeout=httpx2.Timeout(self._seconds, connect=self._seconds / 4),
            headers={"user-agent": USER_AGENT, "accept-encoding": "gzip"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def get(
        self,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        redirects: int = MAX_REDIRECTS,
        read: frozenset[int] = frozenset(),
    ) -> Answer:
        """Return a complete response with status 200, 304 or one in `read`.

        Raise SourceError otherwise: with `gone` if permanent, with `wait` if the server asks to
        retry after some seconds.
        """
        name = describe_address(address)
        try:
            start = httpx2.URL(check_address(address))
            url = start.copy_merge_params(params) if params else start
        except (httpx2.InvalidURL, ValueError):
            raise SourceError(f"{name}: write an address like https://example.com/feed") from None
        try:
            async with asyncio.timeout(self._seconds):
                return await self._follow(url, dict(headers or {}), redirects, read)
        except TimeoutError:
            why = f"no complete answer within {self._seconds:.0f} s"
        except PlaceholderDns:
            why = (
                "the DNS here gives placeholder addresses (198.18.0.0/15), as a proxy client does:"
                " set HTTPS_PROXY to that proxy"
            )
        except AddressRefused:
            why = (
                "leads into a private network: only `private = true` in the topics file allows that"
            )
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError) as error:
            why = f"cannot be reached ({_describe(error)})"
        raise SourceError(f"{name}: {why}")

    async def _follow(
        self, url: httpx2.URL, headers: dict[str, str], redirects: int, read: frozenset[int]
    ) -> Answer:
        start, moved, for_good = url, "", True
        for _ in range(redirects + 1):
            request = self._client.build_request("GET", url, headers=headers)
            response = await self._client.send(request, stream=True)
            try:
                status = response.status_code
                if status not in REDIRECTS:
                    if status not in {200, 304, *read}:
                        raise refusal(status, response.headers, str(start))
                    body = await _read_body(response) if status != 304 else b""
                    return Answer(status, str(url), body, dict(response.headers), moved)
                url = _target(url, response.headers.get("location", ""))
                for_good = for_good and status in _FOR_GOOD
                moved = str(url) if for_good else moved
            finally:
                await response.aclose()
        raise SourceError(f"{describe_address(str(start))}: redirects too often")


def _describe(error: Exception) -> str:
    if "CERTIFICATE" in str(error):
        return "its certificate is not valid"
    if isinstance(error, httpx2.ProxyError):
        return "the proxy refused the connection"
    if isinstance(error, httpx2.TimeoutException):
        return "no answer came in time"
    if isinstance(error, httpx2.RemoteProtocolError | httpx2.ReadError):
        return "its answer broke off"
    return "no connection"


def _target(url: httpx2.URL, location: str) -> httpx2.URL:
    try:
        target = url.join(location)
    except (httpx2.InvalidURL, ValueError):
        target = httpx2.URL("")
    if not location or target.scheme not in ("http", "https") or not target.host:
        raise SourceError(f"{describe_address(str(url))}: redirects to an invalid address")
    return target


async def _read_body(response: httpx2.Response) -> bytes:
    """Return the unpacked body. Raise SourceError if it is too large or broken."""
    name = describe_address(str(response.url))
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in _PACKED:
        raise SourceError(f"{name}: compressed with {encoding[:20]}, which was not requested")
    wire = bytearray()
    async for chunk in response.aiter_raw(64 * 1024):
        wire += chunk
        if len(wire) > MAX_WIRE:
            raise SourceError(f"{name}: larger than {MAX_WIRE // 1_000_000} MB")
    if not wire.startswith(GZIP):  # regardless of the header
        return bytes(wire)
    try:
        body, is_whole = unpack_gzip(bytes(wire))
    except zlib.error:
        raise SourceError(f"{name}: its compressed answer is corrupt") from None
    if len(body) > MAX_UNPACKED:
        raise SourceError(f"{name}: larger than {MAX_UNPACKED // 1_000_000} MB")
    if not is_whole:
        raise SourceError(f"{name}: its answer broke off")
    return body


def refusal(status: int, headers: Mapping[str, str], address: str) -> SourceError:
    """Return the error for a status without posts."""
    name = describe_address(address)
    if status == 410:
        return SourceError(f"{name}: permanently gone (410)", gone=True)
    if status == 404:
        return SourceError(f"{name}: not found (404); check the address")
    if status in (429, 503):
        wait = parse_wait(headers, datetime.now(UTC)) or 0.0
        return SourceError(f"{name}: asks to come back later ({status})", wait=wait)
    if status in (401, 402, 403, 407):
        return SourceError(f"{name}: not allowed ({status}); it may need a key or block robots")
    return SourceError(f"{name}: answered {status}")


@functools.cache  # it reads the system's certificates
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()
