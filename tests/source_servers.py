"""Loopback servers that answer as the services document, and misbehave on demand.

Every answer can be made worse with `trouble`; what a source asks for and the service does not know fails loudly.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape

from aiohttp import web

from tests.loopback import Handler, listen

ROOT = Path(__file__).parents[1]


def offline_topics(folder: Path) -> Path:
    """The shipped topics file with the made-up sample alone."""
    said = (ROOT / "topics.toml").read_text("utf-8")
    cut = re.sub(r"(?ms)^sources = \[$.*?^\]$", 'sources = [{ kind = "sample" }]', said, count=1)
    assert cut != said
    path = folder / "topics.toml"
    path.write_text(cut, "utf-8")
    return path


async def hang(request: web.Request) -> web.StreamResponse:
    """Headers and a first byte, then nothing."""
    response = web.StreamResponse(headers={"content-type": "text/xml"})
    await response.prepare(request)
    await response.write(b"<")
    await asyncio.sleep(30)
    return response


async def half(request: web.Request) -> web.StreamResponse:
    """A body that ends before its length."""
    response = web.StreamResponse(headers={"content-length": "10000"})
    await response.prepare(request)
    await response.write(b'{"data": [{"id": "1", "text": "half')
    assert request.transport
    request.transport.close()
    return response


async def huge(request: web.Request) -> web.StreamResponse:
    """More than anybody should read."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(200):
        await response.write(b" " * 100_000)
    return response


BOMB = gzip.compress(b" " * 10_000_000)


async def bomb(request: web.Request) -> web.StreamResponse:
    """10 kB that unpack to 10 MB."""
    return web.Response(body=BOMB, headers={"content-encoding": "gzip"})


def status(code: int, headers: Mapping[str, str] | None = None, body: bytes = b"no") -> Handler:
    """An answer that brings nothing."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=code, headers=dict(headers or {}), body=body)

    return answer


@dataclass
class Server:
    """Answers by path; the query is part of what was `asked`."""

    base: str = ""
    paths: dict[str, Handler] = field(default_factory=dict)
    asked: list[web.Request] = field(default_factory=list)
    trouble: Handler | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if self.trouble:
            return await self.trouble(request)
        handler = self.paths.get(request.path)
        return await handler(request) if handler else web.Response(status=404)

    def url(self, path: str) -> str:
        return self.base + path

    def serve(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> str:
        """Serves these bytes at a path; its address."""

        async def answer(request: web.Request) -> web.StreamResponse:
            return web.Response(body=body, headers=dict(headers or {}))

        self.paths[path] = answer
        return self.url(path)


@asynccontextmanager
async def serving(server: Server | None = None) -> AsyncIterator[Server]:
    """A server on a port of its own."""
    made = server or Server()
    runner = await listen([("*", "/{path:.*}", made.answer)])
    made.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()


def rss(entries: list[tuple[str, str, datetime, str]], title: str = "News") -> bytes:
    """An RSS 2.0 feed (www.rssboard.org/rss-specification) of title, link, date, HTML."""
    items = "".join(
        f"<item><title>{escape(name)}</title><link>{escape(link)}</link><guid>{escape(link)}</guid>"
        f"<pubDate>{at:%a, %d %b %Y %H:%M:%S} GMT</pubDate><description>{escape(html)}</description></item>"
        for name, link, at, html in entries
    )
    site = "<link>https://news.example.com</link>"
    head = f"<rss version='2.0'><channel><title>{title}</title>{site}"
    return f"<?xml version='1.0' encoding='utf-8'?>{head}{items}</channel></rss>".encode()


NOW = datetime.now(UTC).replace(microsecond=0)
