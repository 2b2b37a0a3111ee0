"""Loopback servers that answer as the services document, and misbehave on demand.

Every answer can be made worse with `trouble`; what a source asks for and the service does not know fails loudly.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from aiohttp import web

from digest.models import SourceSpec

ROOT = Path(__file__).parents[1]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


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
    runner = web.AppRunner(web.Application(), access_log=None, shutdown_timeout=0.1)
    runner.app.router.add_route("*", "/{path:.*}", made.answer)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
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
    head = (
        f"<rss version='2.0'><channel><title>{title}</title><link>https://news.example.com</link>"
    )
    return f"<?xml version='1.0' encoding='utf-8'?>{head}{items}</channel></rss>".encode()


@dataclass
class Served:
    """A service with some posts: its source's line, what to patch, and a way to add a post."""

    spec: SourceSpec
    patches: tuple[tuple[str, str], ...]
    server: Server
    grow: Callable[[], None]


NOW = datetime.now(UTC).replace(microsecond=0)


def feed_service(server: Server) -> Served:
    entries = [
        (
            f"Model {n} is out",
            f"https://news.example.com/{n}",
            NOW - timedelta(hours=n + 1),
            "<p>It reads.</p>",
        )
        for n in range(5)
    ]

    async def answer(request: web.Request) -> web.StreamResponse:
        # Conditional requests as in RFC 9110, 13.1.2.
        tag = f'"{len(entries)}"'
        if request.headers.get("if-none-match") == tag:
            return web.Response(status=304, headers={"etag": tag})
        return web.Response(body=rss(entries), headers={"etag": tag, "content-type": "text/xml"})

    def grow() -> None:
        entries.insert(0, ("A new one", "https://news.example.com/new", NOW, "<p>It writes.</p>"))

    server.paths["/feed.xml"] = answer
    return Served(SourceSpec("rss", server.url("/feed.xml"), private=True), (), server, grow)


def hackernews_service(server: Server) -> Served:
    """https://hn.algolia.com/api: search_by_date with tags, numericFilters, hitsPerPage, page."""
    hits = [
        {
            "objectID": str(46155085 + n),
            "title": f"Show HN: An agent that counts to {n}",
            "url": f"https://agent.example.com/{n}",
            "author": "ada",
            "points": 20 + n,
            "num_comments": n,
            "story_text": None,
            "created_at": f"{NOW - timedelta(minutes=n):%Y-%m-%dT%H:%M:%SZ}",
            "created_at_i": int((NOW - timedelta(minutes=n)).timestamp()),
            "_tags": ["story", "author_ada"],
        }
        for n in range(250)
    ]
    known = {"query", "tags", "numericFilters", "hitsPerPage", "page"}

    async def answer(request: web.Request) -> web.StreamResponse:
        asked = request.query
        assert set(asked) <= known, set(asked) - known
        assert asked["tags"] == "story"
        limits = dict(re.findall(r"(points|created_at_i)>=(\d+)", asked["numericFilters"]))
        size, page = int(asked["hitsPerPage"]), int(asked["page"])
        assert 1 <= size <= 1000
        found = [
            h
            for h in hits
            if int(str(h["points"])) >= int(limits["points"])
            and int(str(h["created_at_i"])) >= int(limits["created_at_i"])
        ]
        part = found[page * size : (page + 1) * size]
        body = {
            "hits": part,
            "nbHits": len(found),
            "page": page,
            "nbPages": -(-len(found) // size),
            "hitsPerPage": size,
        }
        return web.json_response(body)

    def grow() -> None:
        hits.insert(0, {**hits[0], "objectID": "46999999", "title": "A new one"})

    server.paths["/api/v1/search_by_date"] = answer
    patch = ("digest.sources.hackernews.API", server.url("/api/v1/search_by_date"))
    return Served(SourceSpec("hackernews", private=True), (patch,), server, grow)


def telegram_service(server: Server) -> Served:
    """t.me/s/NAME as browsers see it: twenty posts, `?before=ID` for those before."""
    numbers = list(range(1, 46))

    async def answer(request: web.Request) -> web.StreamResponse:
        before = int(request.query.get("before", "1000000"))
        shown = [n for n in numbers if n < before][-20:]
        return web.Response(text=telegram_page(shown), content_type="text/html")

    def grow() -> None:
        numbers.append(numbers[-1] + 1)

    server.paths["/s/labnews"] = answer
    patch = ("digest.sources.telegram_channel.SITE", server.url("/s/"))
    return Served(SourceSpec("telegram_channel", "@labnews", private=True), (patch,), server, grow)


def telegram_page(numbers: list[int]) -> str:
    """A page of a channel."""
    posts = "".join(
        '<div class="tgme_widget_message_wrap js-widget_message_wrap">'
        f'<div class="tgme_widget_message js-widget_message" data-post="labnews/{n}">'
        '<a class="tgme_widget_message_owner_name" href="https://t.me/labnews"><span>Lab News</span></a>'
        '<a class="tgme_widget_message_reply"><div class="tgme_widget_message_text js-message_reply_text">'
        "an answer to this</div></a>"
        '<div class="tgme_widget_message_text js-message_text" dir="auto">'
        f'Model {n} &amp; more<br/>Second line <a href="https://lab.example.com/{n}">here</a></div>'
        f'<span class="tgme_widget_message_views">1.{n % 10}K</span>'
        '<a class="tgme_widget_message_date" href="#"><time datetime='
        f'"{NOW - timedelta(minutes=100 - n):%Y-%m-%dT%H:%M:%S+00:00}">12:00</time></a></div></div>'
        for n in numbers
    )
    return f'<html><body><div class="tgme_channel_info">Lab News</div>{posts}</body></html>'


def file_service(server: Server) -> Served:
    path = Path("posts.jsonl")
    count = 0

    def grow() -> None:
        nonlocal count
        count += 1
        row = {
            "id": str(count),
            "source": "x",
            "author": "ada",
            "text": f"Model {count} is out",
            "created_at": NOW.isoformat(),
            "url": f"https://x.com/ada/status/{count}",
        }
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    grow()
    return Served(SourceSpec("jsonl", "posts.jsonl"), (), server, grow)


def sample_service(server: Server) -> Served:
    return Served(SourceSpec("sample"), (), server, lambda: None)


def query_of(request: web.Request) -> dict[str, str]:
    """The query as single values."""
    return {name: values[0] for name, values in parse_qs(urlsplit(str(request.url)).query).items()}
