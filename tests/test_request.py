"""Calls over the platforms' transports: connections that break, proxies, uploads, what errors say."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from telegram.error import NetworkError

from bot.platforms import Delivering, NotSent, PlatformError, Refused, Setup, Unreachable, Unsure
from bot.platforms import _request as request
from bot.platforms.discord.rest import DiscordDeliverer
from bot.platforms.telegram.api import TelegramDeliverer, Wire, open_bot
from tests.delivery_stub import DISCORD_TOKEN, TELEGRAM_TOKEN, DeliveryStub
from tests.hosts import Links
from tests.test_delivering import outgoing
from tests.town import opened

PLATFORMS = ("telegram", "discord")
ANSWER = b'{"ok":true,"result":{"message_id":5},"id":"5"}'
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(handle: Handler) -> AsyncIterator[str]:
    """A server of raw bytes; its address."""
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """The head of a request, and its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return head + await reader.readexactly(int(length[1]) if length else 0)


def answering(payload: bytes, seen: list[bytes], close: bool = True) -> Handler:
    """Answer the first request of a connection with these bytes."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(payload)
        if close:
            writer.close()

    return handle


def answer(code: int = 200, body: bytes = ANSWER, headers: str = "") -> bytes:
    kind = "Content-Type: application/json\r\n"
    return (
        f"HTTP/1.1 {code} x\r\n{headers}{kind}Content-Length: {len(body)}\r\n\r\n".encode() + body
    )


def through_proxy(platform: str, url: str, proxy: str) -> Delivering:
    """A way to deliver through a proxy."""
    if platform == "telegram":
        host: Any = Links()
        return TelegramDeliverer(host, Setup(TELEGRAM_TOKEN, url, proxy), lambda: "bot", 2.0)
    setup = Setup(DISCORD_TOKEN, "", proxy)
    return DiscordDeliverer(setup, f"{url}/api/v10", lambda _: False, 2.0)


async def fails(to: Delivering, message: Any = None) -> Unreachable:
    """What comes of a message without an answer."""
    with pytest.raises(Unreachable) as caught:
        await to.deliver(message or outgoing("telegram"))
    await to.close()
    return caught.value


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (answer()[:-20], "broke off"),
        (b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{", "broke off"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "not valid HTTP"),
        (b"", "broke before an answer"),
    ],
)
async def test_an_answer_that_breaks_leaves_it_unknown(
    platform: str, payload: bytes, words: str
) -> None:
    seen: list[bytes] = []
    async with serving(answering(payload, seen)) as url:
        error = await fails(opened(platform, url), outgoing(platform))
    assert type(error) is Unsure
    assert words in str(error)
    assert len(seen) == 1, "what may have arrived is not sent again"


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_redirect_is_not_the_platforms_word(platform: str) -> None:
    seen: list[bytes] = []
    moved = answer(302, b"", "Location: /elsewhere\r\n")
    async with serving(answering(moved, seen)) as url:
        error = await fails(opened(platform, url), outgoing(platform))
    assert type(error) is NotSent
    assert len(seen) == 1


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_connection_that_was_closed_meanwhile_is_not_used(platform: str) -> None:
    seen: list[bytes] = []
    async with serving(answering(answer(), seen)) as url:
        to = opened(platform, url)
        for _ in range(3):
            assert (await to.deliver(outgoing(platform))).message == "5"
            await asyncio.sleep(0.02)  # the end of the connection arrives
        await to.close()
    assert len(seen) == 3


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_an_upload_that_stalls_ends(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "UPLOAD_SECONDS", 0.1)
    held = asyncio.Event()

    async def never_read(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await held.wait()
        writer.close()

    body = '{"text": "brief", "embeds": [], "picture": "p"}'
    async with serving(never_read) as url:
        message = outgoing(platform, body=body, picture=bytes(16 << 20))
        error = await fails(opened(platform, url, timeout=0.4), message)
        held.set()
    assert type(error) is Unsure


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_proxy_is_asked_with_its_password(platform: str) -> None:
    seen: list[bytes] = []
    async with serving(answering(answer(), seen)) as proxy:
        address = proxy.replace("//", "//user:word@")
        to = through_proxy(platform, "http://api.example", address)
        assert (await to.deliver(outgoing(platform))).message == "5"
        await to.close()
    assert seen[0].startswith(b"POST http://api.example/")
    assert b"Proxy-Authorization: Basic dXNlcjp3b3Jk" in seen[0]


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_what_a_proxy_stops_never_left(platform: str) -> None:
    seen: list[bytes] = []
    async with serving(answering(answer(407, b""), seen)) as proxy:
        error = await fails(through_proxy(platform, "https://api.example", proxy))
    assert type(error) is NotSent
    assert str(error) == "the proxy refused the connection"
    assert seen[0].startswith(b"CONNECT api.example:443 ")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{closed.getsockname()[1]}"
        error = await fails(through_proxy(platform, "https://api.example", proxy))
    assert (type(error), str(error)) == (NotSent, "the proxy cannot be reached")


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and what it came of."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://", "ftp://127.0.0.1"])
async def test_no_error_holds_the_token_or_the_name_of_a_class(url: str) -> None:
    token = "123456:AAF-made-up-token"
    error = await fails(opened("telegram", url, token=token))
    assert type(error) is NotSent
    for one in chain(error):
        assert token not in f"{one!s} {one!r}"
    assert not re.search("[a-z][A-Z]|Error", str(error))


async def test_the_library_gets_errors_of_its_own() -> None:
    late = DeliveryStub(fault=lambda *_: "late 2")
    cut = DeliveryStub(fault=lambda *_: "drop_after")
    for stub in (late, cut):
        async with stub:
            wire = Wire(Setup(TELEGRAM_TOKEN, stub.url), 1, 0.3)
            with pytest.raises(NetworkError) as caught:
                await open_bot(Setup(TELEGRAM_TOKEN, stub.url), wire).send_message(5, "hello")
            await wire.shutdown()
        assert type(caught.value.__cause__) is Unsure


async def test_the_library_uploads_files() -> None:
    async with DeliveryStub() as stub:
        setup = Setup(TELEGRAM_TOKEN, stub.url)
        wire = Wire(setup, 1, 2.0)
        bot = open_bot(setup, wire)
        sent = await bot.send_photo(5, b"PNG", caption="看 & 见")
        await bot.send_photo(6, sent.photo[-1].file_id)
        await wire.shutdown()
    assert stub.books["telegram"].uploads == 1
    assert dict(stub.books["telegram"].taken) == {"5 看 & 见": 1, "6 ": 1}


async def test_a_text_arrives_as_it_was_written() -> None:
    text = "a=b&c+d %41;~ \t\n\u2060é 简报 😀 \"'<>\\^`{|}\x00#?/:@"
    async with DeliveryStub() as stub:
        to = opened("telegram", stub.url)
        await to.deliver(outgoing("telegram", body=json.dumps({"text": text})))
        await to.close()
    assert stub.books["telegram"].taken[f"5 {text}"] == 1


async def test_a_refusal_is_read_through_the_library_too() -> None:
    refused = '400 {"ok": false, "description": "Bad Request: message is too long"}'
    async with DeliveryStub(fault=lambda *_: refused) as stub:
        setup = Setup(TELEGRAM_TOKEN, stub.url)
        wire = Wire(setup, 1, 2.0)
        with pytest.raises(NetworkError) as caught:
            await open_bot(setup, wire).send_message(5, "hello")
        await wire.shutdown()
    cause = caught.value.__cause__
    assert isinstance(cause, PlatformError)
    assert (type(cause), str(cause)) == (Refused, "message is too long")
