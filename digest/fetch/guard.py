"""Which addresses may be dialled, checked at the moment of dialling.

A name is resolved here, every address it has is checked, and the connection goes to the very address that
was checked: a name that resolves differently a moment later gains nothing. Redirects pass through here too.
The special ranges are those of IANA's registries (RFC 6890 and its successors).
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable

import httpx2

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Addresses of a host; raises OSError where it has none."""

_LOCAL_NAME = re.compile(
    r"(?:^|\.)(?:localhost|localdomain|local|internal|intranet|lan|home|corp|home\.arpa|onion)\.?$"
)
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+))*\.?", re.IGNORECASE)
"""How inet_aton writes an address: `127.1`, `0x7f000001`, `0177.0.0.1`, `2130706433`."""
_V4_SPECIAL = tuple(
    ipaddress.IPv4Network(net)
    for net in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
        "192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 "
        "198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32"
    ).split()
)
"""The last one is no special address, but on each machine of Azure the way to its platform."""
_V6_GLOBAL = ipaddress.IPv6Network("2000::/3")
_V6_SPECIAL = tuple(
    ipaddress.IPv6Network(net)
    for net in "2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20".split()
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Refused(Exception):
    """An address that must not be dialled."""


def is_public(address: str) -> bool:
    """Whether an IP address, as a resolver gives it, is one of the open internet."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False  # also those with a zone, like fe80::1%eth0
    if isinstance(found, ipaddress.IPv4Address):
        return not any(found in net for net in _V4_SPECIAL)
    if found in _NAT64:  # what DNS64 makes of an IPv4 address in networks that have IPv6 alone
        return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    return found in _V6_GLOBAL and not any(found in net for net in _V6_SPECIAL)


def refuse_near(host: str) -> None:
    """Raises Refused for a host that is near by as it is written, before anybody is asked."""
    bare = host.strip("[]").rstrip(".").lower()
    if not bare or _LOCAL_NAME.search(bare):
        raise Refused(host)
    if ":" in bare or _NUMBER.fullmatch(bare):
        try:
            bare = bare if ":" in bare else socket.inet_ntoa(socket.inet_aton(bare))
        except OSError:
            raise Refused(host) from None
        if not is_public(bare):
            raise Refused(host)
    elif "." not in bare:
        raise Refused(host)  # a name of the local network


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system knows them."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Dials only public addresses. Behind a proxy the proxy dials; what is known to be near is refused."""

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        *,
        proxied: bool = False,
        resolver: Resolve = resolve,
    ) -> None:
        self._inner, self._proxied, self._resolve = inner, proxied, resolver

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Sends the request to a checked address. Raises Refused, or httpx2's own errors."""
        host = request.url.host
        refuse_near(host)
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        addresses = await self._addresses(host, port, request)
        if not all(map(is_public, addresses)):
            raise Refused(host)
        if self._proxied:
            return await self._inner.handle_async_request(request)
        failed: httpx2.ConnectError | httpx2.ConnectTimeout | None = None
        for address in addresses:
            try:
                return await self._inner.handle_async_request(_dialled(request, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                failed = error
        raise failed or httpx2.ConnectError("no address", request=request)

    async def _addresses(self, host: str, port: int, request: httpx2.Request) -> list[str]:
        try:
            return await self._resolve(host.strip("[]"), port)
        except (OSError, UnicodeError):
            if self._proxied:  # only the proxy may know the names of the world outside
                return []
            raise httpx2.ConnectError("unknown name", request=request) from None

    async def aclose(self) -> None:
        await self._inner.aclose()


def _dialled(request: httpx2.Request, address: str) -> httpx2.Request:
    """The same request to an address; the name stays in the Host header and in the certificate's check."""
    host = request.url.host
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )
