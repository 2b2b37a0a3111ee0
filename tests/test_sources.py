"""What every source found in the folder must do, against servers in the services' documented shapes.

Feeds: RSS 2.0 (www.rssboard.org/rss-specification), conditional requests and status codes (RFC 9110).
Hacker News: hn.algolia.com/api. X: docs.x.com/x-api, OpenAPI 2.167. Telegram: the post widget of
core.telegram.org/widgets/post, as t.me/s/NAME shows it.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from digest.collect import collect, list_weights
from digest.errors import SourceError
from digest.fetch import http
from digest.models import Post, SourceSpec, SourceState, Window
from digest.sources import Access, Source, kinds, name_sources, open_source
from digest.store import Store
from digest.store.source_tables import SourceBook
from tests.costs import growth
from tests.loopback import Handler
from tests.posts import TOPIC
from tests.source_servers import NOW, Server, bomb, half, hang, huge, rss, serving, status
from tests.x_server import KEY, XServer

ACCESS = Access(x_token=KEY, x_reads_month=10_000)


@dataclass
class Served:
    """A service with some posts: its source's line, what to patch, and a way to add a post."""

    spec: SourceSpec
    patches: tuple[tuple[str, str], ...]
    server: Server
    grow: Callable[[], None]


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
        body: dict[str, object] = {"hits": part, "nbHits": len(found), "hitsPerPage": size}
        return web.json_response(body | {"page": page, "nbPages": -(-len(found) // size)})

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
        row = {"id": str(count), "source": "x", "author": "ada", "created_at": NOW.isoformat()}
        row |= {"text": f"Model {count} is out", "url": f"https://x.com/ada/status/{count}"}
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    grow()
    return Served(SourceSpec("jsonl", "posts.jsonl"), (), server, grow)


def sample_service(server: Server) -> Served:
    return Served(SourceSpec("sample"), (), server, lambda: None)


def x_service(server: XServer) -> Served:
    for n in range(130):
        server.add(f"Model {n} is out", ago=130 - n)

    def grow() -> None:
        server.add("A new one")

    patch = ("digest.sources.x.API", server.base)
    return Served(SourceSpec("x", "list:42", private=True), (patch,), server, grow)


SERVICES: dict[str, Callable[..., Served]] = {
    "rss": feed_service,
    "hackernews": hackernews_service,
    "telegram_channel": telegram_service,
    "x": x_service,
    "jsonl": file_service,
    "sample": sample_service,
}
TODAY = datetime.now(UTC).date()
WINDOW = Window(TODAY - timedelta(days=1), TODAY, "UTC")
LOCAL = {"jsonl", "sample"}
REMOTE = [kind for kind in kinds() if kind not in LOCAL]


@pytest.fixture
async def served(kind: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr(http, "SECONDS", 1.6)
    async with serving(XServer() if kind == "x" else Server()) as server:
        made = SERVICES[kind](server)
        for name, value in made.patches:
            monkeypatch.setattr(name, value)
        yield made


async def everything(source: Source, state: SourceState) -> tuple[list[Post], SourceState]:
    """All pages, as a round fetches them."""
    found: list[Post] = []
    for _ in range(20):
        posts, state = await source.fetch(WINDOW, state)
        found += posts
        if not state.more:
            return found, state
    raise AssertionError("it never ends")


def test_every_source_has_a_service_to_be_tested_with() -> None:
    assert set(SERVICES) == set(kinds())


@pytest.mark.parametrize("kind", kinds())
async def test_posts_are_whole_and_come_again_under_the_same_keys(served: Served) -> None:
    source = open_source(served.spec, ACCESS)
    first, state = await everything(source, SourceState())
    assert first
    assert source.name
    assert served.spec.kind in LOCAL or len({post.key for post in first}) == len(first)
    for post in first:
        assert post.text.strip()
        assert len(post.text) <= 6_000
        assert post.created_at.tzinfo is not None
        assert post.created_at < datetime.now(UTC) + timedelta(days=1)
        assert post.url.startswith("https://")
        assert post.id == post.id.strip()
        assert len(post.key) <= 200
        assert all(link.startswith(("https://", "http://")) for link in post.links)
        assert all(isinstance(count, int) and count >= 0 for count in post.metrics.values())
    served.grow()
    second, _ = await everything(open_source(served.spec, ACCESS), state)
    new = {post.key for post in second} - {post.key for post in first}
    assert len(new) == (0 if served.spec.kind == "sample" else 1)


@pytest.mark.parametrize("kind", REMOTE)
@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (hang, "no complete answer within"),
        (half, r"broke off|cannot be reached \(no|cannot be reached \(its answer broke off\)"),
        (huge, "larger than|no complete answer"),
        (bomb, "larger than"),
        (status(500), "answered 500"),
        (status(404), r"not found \(404\)"),
        (status(401), "not allowed"),
        (status(200, {"content-encoding": "zstd"}), "which was not requested"),
        (status(200, {"content-encoding": "gzip"}, b"\x1f\x8b"), "corrupt|broke off"),
        (status(200, body=b""), "not a feed|broke off"),
        (status(200, body=b"\xff\xfe\x00{\x80" * 50), "not a feed|broke off"),
        (status(200, body=b"[" * 100_000), "not a feed|broke off"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_trouble_ends_in_one_clear_line(served: Served, trouble: Handler, said: str) -> None:
    served.server.trouble = trouble
    began = time.monotonic()
    with pytest.raises(SourceError, match=said) as error:
        await everything(open_source(served.spec, ACCESS), SourceState())
    assert time.monotonic() - began < 20
    assert not error.value.gone
    assert "\n" not in str(error.value)
    assert KEY not in str(error.value)


@pytest.mark.parametrize("kind", REMOTE)
async def test_limits_and_ends_are_told_from_trouble(served: Served) -> None:
    source = open_source(served.spec, ACCESS)
    served.server.trouble = status(429, {"retry-after": "120"})
    with pytest.raises(SourceError) as limited:
        await source.fetch(WINDOW, SourceState())
    assert limited.value.wait == 120
    served.server.trouble = status(410)
    with pytest.raises(SourceError, match="permanently gone") as gone:
        await source.fetch(WINDOW, SourceState())
    assert gone.value.gone


@pytest.mark.parametrize("kind", REMOTE)
async def test_nothing_near_by_is_reached_without_leave(served: Served) -> None:
    spec = SourceSpec(served.spec.kind, served.spec.address)
    with pytest.raises(SourceError, match="private network"):
        await open_source(spec, ACCESS).fetch(WINDOW, SourceState())
    assert served.server.asked == []


@pytest.mark.parametrize("kind", REMOTE)
async def test_a_source_can_be_given_up(served: Served) -> None:
    served.server.trouble = hang
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await open_source(served.spec, ACCESS).fetch(WINDOW, SourceState())


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("rss", ""),
        ("rss", "ftp://example.com/feed"),
        ("rss", "file:///etc/passwd"),
        ("rss", "http://[::1"),
        ("telegram_channel", "https://t.me/+secret"),
        ("telegram_channel", "a"),
        ("x", "list:name"),
        ("x", "search:"),
        ("x", "https://x.com/i/lists/"),
    ],
)
def test_an_address_of_another_kind_is_refused_at_once(kind: str, address: str) -> None:
    with pytest.raises(SourceError, match="write "):
        open_source(SourceSpec(kind, address), ACCESS)


async def test_feeds_that_differ_in_their_query_are_sources_of_their_own(store_url: str) -> None:
    """Every channel of YouTube has the same path."""

    async def answer(request: web.Request) -> web.StreamResponse:
        broken = request.query["channel"] == "b"
        entry = ("It is out", "https://e.example/1", datetime.now(UTC), "")
        return web.Response(status=500) if broken else web.Response(body=rss([entry]))

    async with await Store.open(store_url) as store, serving() as server:
        server.paths["/videos.xml"] = answer
        good, bad = (
            SourceSpec("rss", server.url(f"/videos.xml?key=k1&channel={c}"), weight, private=True)
            for c, weight in (("a", 2.0), ("b", 1.0))
        )
        for specs in ((good, bad), (bad, good)):
            topic = replace(TOPIC, sources=specs)
            results = await collect(topic, store=store, access=ACCESS, now=datetime.now(UTC))
            answered = {result.name.rpartition("/")[2]: result.ok for result in results}
            assert answered == {"videos a": True, "videos b": False}
            [(name, weight)] = (await list_weights(topic, store, ACCESS)).items()
            assert (name[-9:], weight) == ("/videos a", 2.0)
        today = datetime.now(UTC).date()
        [(stream, _)] = await store.load_posts(TOPIC.name, today - timedelta(days=1), today)
        assert stream == name


WORDS = [f"word{n}" for n in range(30)]


@pytest.mark.parametrize(
    ("specs", "names"),
    [
        (["rss https://e.example/feed?q=ai"], ["e.example"]),
        (["rss https://e.example/feed", "rss https://e.example/rss"], ["e.example", "e.example 2"]),
        (["jsonl a/p.jsonl", "jsonl b/p.jsonl"], ["p", "p 2"]),
        (
            [f"rss https://e.example/feed?q={q}&hl=en&token=t{q}" for q in ("Meta AI", "UC" * 12)],
            ["e.example Meta AI", "e.example UCUCUCUC…"],
        ),
        (
            [f"rss https://e.example/feed?{name}=s3cr3t" for name in ("pw", "code", "session")],
            ["e.example", "e.example 2", "e.example 3"],
        ),
        (
            [f"rss https://e.example/feed?q={q}" for q in ("a%0Ab%E2%80%AE", "a&q=a", "b")],
            ["e.example a b", "e.example a", "e.example b"],
        ),
        (
            [f"rss https://e.example/feed?{'q=AI+models&' * 9}tag={n}&tag=x" for n in (1, 2)],
            ["e.example 1", "e.example 2"],
        ),
        (
            ["rss https://e.example/feed", f"rss https://e.example/feed?q={'&q=%0A'.join(WORDS)}"],
            ["e.example", f"e.example {' '.join(WORDS)}"[:80].strip()],
        ),
    ],
)
def test_no_two_sources_of_a_topic_share_a_name(specs: list[str], names: list[str]) -> None:
    sources = [SourceSpec(kind, address) for kind, _, address in (s.partition(" ") for s in specs)]
    assert list(name_sources(sources).values()) == names


def test_sources_are_named_in_linear_time() -> None:
    def name(text: str) -> None:
        addresses = (f"https://e.example/f?q={n}&id={n % 60}" for n, _ in enumerate(text))
        name_sources([SourceSpec("rss", address) for address in addresses])
        name_sources([SourceSpec("rss", f"https://e.example/f?{n}") for n, _ in enumerate(text)])

    assert growth(name, "x", 1200) < 8


async def test_a_move_that_fails_is_taken_back(store_url: str) -> None:
    """One 301 of a parked domain or a proxy must not bind a source to a stranger's address."""
    async with serving() as server, await Store.open(store_url) as store:
        spec = SourceSpec("rss", server.url("/a"), private=True)
        topic = replace(TOPIC, sources=(spec,))
        moved = status(301, {"location": server.url("/b")})
        body = rss([("A model is out", "https://example.com/1", NOW, "It reads.")])

        async def ask() -> bool:
            [result] = await collect(topic, store=store, access=ACCESS, now=datetime.now(UTC))
            return result.ok

        server.paths["/a"] = moved
        server.serve("/b", body)
        assert await ask()
        server.serve("/a", body)
        server.paths["/b"] = status(410)
        assert [await ask(), await ask()] == [False, True]
        server.paths["/a"] = moved
        assert not await ask()
        [health] = (await SourceBook(store).load_health("ai", NOW.date())).values()
        assert "permanently gone" in health.off
