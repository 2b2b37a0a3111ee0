"""Fetching within limits, and never from near by."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from aiohttp import web

from digest.errors import SourceError
from digest.fetch import LONGEST_WAIT, http, parse_date, parse_wait
from digest.fetch.addresses import (
    check_address,
    describe_address,
    is_near,
    is_public,
)
from digest.fetch.encodings import as_utf8
from digest.fetch.http import Fetcher, GuardedTransport
from tests.source_servers import Server, half, hang, serving, status

_V4 = (
    "127.0.0.1 127.1.2.3 127.255.255.254 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.1.254 "
    "169.254.169.254 169.254.0.1 100.64.0.1 100.127.255.255 0.0.0.0 0.1.2.3 192.0.0.1 192.0.2.1 198.18.0.1 "
    "198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 192.88.99.1 "
    "168.63.129.16 100.100.100.200 192.0.0.192 169.254.170.2"
).split()
_V6 = (
    "::1 :: fe80::1 febf::1 fc00::1 fd12:3456::1 fec0::1 ff02::1 2001:db8::1 2001::1 2002:7f00:1:: 2002:a00:1:: "
    "64:ff9b::7f00:1 64:ff9b::10.0.0.1 64:ff9b:1::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 "
    "::127.0.0.1 100::1 3fff::1 ::ffff:0:127.0.0.1 0:0:0:0:0:0:0:1 fe80::1%25eth0 "
    "fd00:ec2::254 64:ff9b::a9fe:a9fe 64:ff9b::168.63.129.16 2002:a9fe:a9fe:: 2001:0:4136:e378:8000:63bf:80ff:fffe "
    "::ffff:a9fe:a9fe 0000:0000:0000:0000:0000:ffff:7f00:0001 64:ff9b:1:ffff::7f00:1"
).split()
_NAMES = (
    "localhost localhost. LOCALHOST a.localhost localhost.localdomain router.local metadata.google.internal nas "
    "printer.lan db.internal server.home host.corp router.home.arpa abc.onion intranet foo.intranet"
).split()


def _odd(address: str) -> list[str]:
    """The ways inet_aton reads."""
    number = int(ipaddress.IPv4Address(address))
    a, b, c, d = (int(part) for part in address.split("."))
    return [
        str(number),
        hex(number),
        f"0{number:o}",
        f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a}.{(b << 16) + (c << 8) + d}",
        f"{a}.{b}.{(c << 8) + d}",
        f"0x{a:x}.{b}.0{c:o}.{d}",
        f"{address}.",
    ]


LITERALS: tuple[str, ...] = tuple(
    dict.fromkeys(
        [f"http://{host}/" for host in _V4]
        + [f"http://{odd}/feed" for host in _V4[:13] for odd in _odd(host)]
        + [f"https://[{host}]/" for host in _V6]
        + [f"http://{name}/" for name in _NAMES]
        + [
            "http://①②⑦.⓪.⓪.①/",
            "http://127。0。0。1/",
            "http://user:secret@127.0.0.1/",
            "http://example.com@127.0.0.1/",
            "http://127.0.0.1:22/",
            "http://127.0.0.1#@example.com/",
            "http://[::ffff:7f00:1]/",
            "http://%31%32%37.0.0.1/",
            "http:127.0.0.1/",
            "http:///127.0.0.1/",
            "//127.0.0.1/",
            "file:///etc/passwd",
            "gopher://127.0.0.1/",
            "http://0/",
            "http://0x/",
            "http://127.0.0.1.:80/",
            "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
            "http://１２７.０.０.１/",
            "http://１２７．０．０．１/",
            "http://[::1]./",
            "http://127.0.0.1%00.example.com/",
            "http://example.com\\@127.0.0.1/",
            "http://127.0.0.1\\@example.com/",
            "http://0177.1/",
            "http://0x7f000001./",
            "http://017700000001.:8080/",
            "HTTP://LOCALHOST:80/",
            "http://metadata/computeMetadata/v1/",
            "http://kubernetes.default.svc.cluster.local/",
            "http://instance-data.ec2.internal/latest/",
        ]
    )
)
"""AddressRefused as they are written."""

RESOLVED: tuple[tuple[str, ...], ...] = (
    *((address,) for address in [*_V4, *(v for v in _V6 if "%" not in v)]),
    ("93.184.215.14", "127.0.0.1"),
    ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::1"),
)
"""What a name under somebody else's control may lead to."""


NOW = datetime(2025, 12, 6, 8, tzinfo=UTC)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as made:
        yield made


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every address that a socket of this process is told to connect to."""
    seen: list[object] = []

    def spy(self: socket.socket, address: Any) -> None:
        seen.append(address)
        raise OSError("a spy")

    monkeypatch.setattr(socket.socket, "connect", spy)
    monkeypatch.setattr(socket.socket, "connect_ex", spy)

    async def sock_connect(self: object, sock: object, address: object) -> None:
        seen.append(address)
        raise OSError("a spy")

    monkeypatch.setattr("asyncio.selector_events.BaseSelectorEventLoop.sock_connect", sock_connect)
    return seen


class Names:
    """A resolver that gives these answers, one after the other."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers, self.asked = list(answers), list[str]()

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return list(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])


def test_there_are_two_hundred_forms() -> None:
    assert len(LITERALS) + len(RESOLVED) >= 200


@pytest.mark.parametrize("address", LITERALS)
async def test_what_is_written_near_is_never_dialled(address: str, dialled: list[object]) -> None:
    names = Names(("127.0.0.1",))
    async with Fetcher(resolver=names) as fetcher:
        with pytest.raises(
            SourceError, match=r"private network|write an address|cannot be reached"
        ):
            await fetcher.get(address)
    assert dialled == []


@pytest.mark.parametrize("answer", RESOLVED, ids=lambda answer: answer[-1])
async def test_a_name_that_leads_near_is_never_dialled(
    answer: tuple[str, ...], dialled: list[object]
) -> None:
    names = Names(answer)
    async with Fetcher(resolver=names) as fetcher:
        with pytest.raises(SourceError, match=r"private network|set HTTPS_PROXY"):
            await fetcher.get("https://feeds.example.com/a")
    assert names.asked == ["feeds.example.com"]
    assert dialled == []


@pytest.mark.parametrize("answer", ["198.18.0.7", "198.19.255.3"])
async def test_placeholder_addresses_of_a_proxy_client_are_explained(answer: str) -> None:
    async with Fetcher(resolver=Names((answer,))) as fetcher:
        with pytest.raises(SourceError, match=r"placeholder addresses .* set HTTPS_PROXY"):
            await fetcher.get("https://feeds.example.com/a")


async def test_the_address_that_was_checked_is_the_one_dialled(dialled: list[object]) -> None:
    # The second answer is never asked for: nobody resolves again.
    names = Names(("93.184.215.14",), ("127.0.0.1",))
    async with Fetcher(resolver=names) as fetcher:
        with pytest.raises(SourceError, match="cannot be reached"):
            await fetcher.get("http://rebind.example.com/feed")
    assert [address[0] for address in dialled] == ["93.184.215.14"]  # type: ignore[index]
    assert names.asked == ["rebind.example.com"]


async def test_certificates_are_checked_for_the_name_not_the_address() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200)

    guard = GuardedTransport(httpx2.MockTransport(answer), resolver=Names(("93.184.215.14",)))
    async with httpx2.AsyncClient(transport=guard) as client:
        await client.get("https://feeds.example.com/a?b=c")
    assert seen[0].url.host == "93.184.215.14"
    assert seen[0].headers["host"] == "feeds.example.com"
    assert seen[0].extensions["sni_hostname"] == "feeds.example.com"


@pytest.mark.parametrize("status_code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:1/",
        "http://2130706433/",
        "http://[::1]/",
        "//localhost/",
        "http://inner.example.com/",
    ],
)
async def test_a_redirect_inward_is_never_followed(status_code: int, target: str) -> None:
    hosts: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        hosts.append(request.url.host)
        return httpx2.Response(status_code, headers={"location": target})

    names = Names(("93.184.215.14",), ("10.0.0.7",))
    async with Fetcher(resolver=names) as fetcher:
        fetcher._client._transport = GuardedTransport(httpx2.MockTransport(answer), resolver=names)
        with pytest.raises(SourceError, match="private network"):
            await fetcher.get("https://feeds.example.com/a")
    assert hosts == ["93.184.215.14"]


@pytest.mark.parametrize("target", ["", "ftp://example.com/", "javascript:alert(1)"])
async def test_a_redirect_to_nowhere_says_so(server: Server, target: str) -> None:
    server.trouble = status(302, {"location": target})
    async with Fetcher(private=True) as fetcher:
        with pytest.raises(SourceError, match="an invalid address"):
            await fetcher.get(server.url("/"))


async def test_redirects_end(server: Server) -> None:
    server.trouble = status(302, {"location": "/again"})
    async with Fetcher(private=True) as fetcher:
        with pytest.raises(SourceError, match="redirects too often"):
            await fetcher.get(server.url("/"))
    assert len(server.asked) == http.MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    ("codes", "moved"),
    [([301], True), ([308, 301], True), ([302], False), ([302, 301], False), ([301, 302], "first")],
)
async def test_only_what_moved_for_good_is_remembered(
    server: Server, codes: list[int], moved: bool | str
) -> None:
    for n, code in enumerate(codes):
        server.paths[f"/{n}"] = status(code, {"location": f"/{n + 1}"})
    server.serve(f"/{len(codes)}", b"here")
    async with Fetcher(private=True) as fetcher:
        answer = await fetcher.get(server.url("/0"))
    assert answer.body == b"here"
    wanted = {True: f"/{len(codes)}", False: "", "first": "/1"}[moved]
    assert answer.moved == (server.url(wanted) if wanted else "")


async def test_packed_bodies_are_unpacked(server: Server) -> None:
    hello, packed = gzip.compress(b"hel") + gzip.compress(b"lo"), {"content-encoding": "gzip"}
    server.serve("/gzip", hello, packed)
    server.serve("/padded", hello + bytes(9), packed)
    server.serve("/not-packed", b"hello", packed)
    server.serve("/mislabelled", b"hello", {"content-encoding": "UTF-8"})
    server.serve("/broken-off", hello[:-1], packed)
    server.serve("/members", gzip.compress(b"") * 101, packed)

    async def asked(request: web.Request) -> web.StreamResponse:
        assert request.headers["accept-encoding"] == "gzip"
        assert "Jianbao" in request.headers["user-agent"]
        return web.Response(body=b"plain")

    server.paths["/plain"] = asked
    async with Fetcher(private=True) as fetcher:
        for path in ("/gzip", "/padded", "/not-packed", "/mislabelled"):
            assert (await fetcher.get(server.url(path))).body == b"hello"
        for path in ("/broken-off", "/members"):
            with pytest.raises(SourceError, match=r"broke|corrupt"):
                await fetcher.get(server.url(path))
        assert (await fetcher.get(server.url("/plain"))).body == b"plain"


async def test_addresses_that_do_not_answer_leave_time_for_the_others(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where IPv6 drops what is sent."""

    async def connect(_: object, request: httpx2.Request) -> httpx2.Response:
        if ":" not in request.url.host:
            return httpx2.Response(200, stream=httpx2.ByteStream(b"here"))
        await asyncio.sleep(request.extensions["timeout"]["connect"])
        raise httpx2.ConnectTimeout("dropped", request=request)

    monkeypatch.setattr(httpx2.AsyncHTTPTransport, "handle_async_request", connect)
    names = Names(("2606:4700::1", "2606:4700::2", "93.184.215.14"))
    async with Fetcher(resolver=names, seconds=2.0) as fetcher:
        assert (await fetcher.get("http://feeds.example.com/a")).body == b"here"


@pytest.mark.parametrize("trouble", [hang, half])
async def test_a_whole_fetch_has_a_deadline(server: Server, trouble: Any) -> None:
    server.trouble = trouble
    async with Fetcher(private=True, seconds=0.3) as fetcher:
        with pytest.raises(SourceError, match=r"no complete answer|cannot be reached"):
            await fetcher.get(server.url("/"))


async def test_a_proxy_is_used_for_what_is_far(server: Server) -> None:
    server.trouble = status(200, body=b"through the proxy")

    # Behind a proxy nobody asks the DNS here: it may be silent, poisoned, or give placeholders.
    names = Names(("198.18.0.7",), ("127.0.0.1",))
    async with Fetcher(proxy=server.base, resolver=names) as fetcher:
        assert (await fetcher.get("http://feeds.example.com/a")).body == b"through the proxy"
        assert names.asked == []
        with pytest.raises(SourceError, match="private network"):
            await fetcher.get("http://192.168.0.1/")
    assert [str(request.url) for request in server.asked] == ["http://feeds.example.com/a"]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "7", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "7", "retry-after-ms": "soon"}, 7.0),
        ({"retry-after": "Sat, 06 Dec 2025 08:01:00 GMT"}, 60.0),
        ({"retry-after": "Sat, 06 Dec 2025 08:01:00 -0000"}, 60.0),
        ({"retry-after": "Sat, 06 Dec 2025 07:00:00 GMT"}, 0.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Sat, 99 Dec 2025 08:01:00 GMT"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "999999999"}, LONGEST_WAIT),
        ({"x-rate-limit-reset": str(int(NOW.timestamp()) + 90)}, 90),
        ({"x-rate-limit-reset": "1"}, 0),
        ({"x-rate-limit-reset": "nan"}, None),
    ],
)
def test_how_long_a_server_wants_to_be_left_alone(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert parse_wait(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("64:ff9b::808:808", True),
        ("64:ff9b::a00:1", False),
        ("100.64.1.1", False),
        ("fe80::1%eth0", False),
        ("not an address", False),
    ],
)
def test_public_addresses_are_told_from_others(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_ordinary_hosts_are_not_refused() -> None:
    for host in (
        "example.com",
        "8.8.8.8",
        "[2606:4700:4700::1111]",
        "xn--fiqs8s.example",
        "1e100.net",
        "0xabc.com",
    ):
        assert not is_near(host)
    assert is_near("")


def test_messages_name_no_password() -> None:
    assert (
        describe_address("https://ann:secret@example.com:8443/a/b?key=secret")
        == "example.com:8443/a/b"
    )
    assert check_address(" https://example.com/a b ") == "https://example.com/a%20b"


@pytest.mark.parametrize("charset", ["us-ascii", "iso-8859-1"])
@pytest.mark.parametrize("letters", ["utf-8", "latin-1"])
def test_the_encoding_that_servers_put_on_all_they_have_says_little(
    letters: str, charset: str
) -> None:
    headers = {"content-type": f"text/xml; charset={charset}"}
    assert as_utf8("<p>\xe9\x81".encode(letters), headers)[0].decode() == "<p>\xe9\x81"


@pytest.mark.parametrize(
    "text",
    [
        "sam., 06 déc. 2025 08:00:00 +0000",
        "6 décembre 2025 08:00 GMT",
        "Sa, 06 Dez 2025 08:00:00 +0000",
        "6. Dezember 2025 08:00",
        "sáb, 06 dic 2025 08:00:00 +0000",
        "6 de dezembro de 2025 08:00",
        "Сб, 06 дек 2025 11:00:00 +0300",
        "Cmt, 06 Ara 2025 08:00:00 GMT",
        "星期六, 06 十二月 2025 08:00:00 +0000",
        "周六, 06 12月 2025 08:00:00 GMT",
        "2025年12月06日08:00",
        "06.12.2025 08:00",
        "06-12-2025 08:00:00 UTC",
    ],
)
def test_dates_of_other_languages_are_read(text: str) -> None:
    assert parse_date(text) == datetime(2025, 12, 6, 8, tzinfo=UTC)
