"""What every source found in the folder must do, against servers in the services' documented shapes.

Feeds: RSS 2.0 (www.rssboard.org/rss-specification), conditional requests and status codes (RFC 9110).
Hacker News: hn.algolia.com/api. X: docs.x.com/x-api, OpenAPI 2.167. Telegram: the post widget of
core.telegram.org/widgets/post, as t.me/s/NAME shows it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from digest.errors import SourceError
from digest.fetch import http
from digest.models import Post, SourceSpec, SourceState, Window
from digest.sources import Access, Source, kinds, open_source
from tests import source_servers as servers
from tests.source_servers import Served, Server, bomb, half, hang, huge, serving, status
from tests.x_server import KEY, XServer, x_service

ACCESS = Access(x_token=KEY, x_reads_month=10_000)
SERVICES: dict[str, Callable[..., Served]] = {
    "rss": servers.feed_service,
    "hackernews": servers.hackernews_service,
    "telegram_channel": servers.telegram_service,
    "x": x_service,
    "jsonl": servers.file_service,
    "sample": servers.sample_service,
}
TODAY = datetime.now(UTC).date()
WINDOW = Window(TODAY - timedelta(days=1), TODAY, "UTC")
LOCAL = {"jsonl", "sample"}
REMOTE = [kind for kind in kinds() if kind not in LOCAL]


@pytest.fixture
async def served(kind: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr(http, "SECONDS", 0.7)
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
        (hang, "no whole answer within"),
        (half, r"broke off|cannot be reached \(no|cannot be reached \(its answer broke off\)"),
        (huge, "larger than|no whole answer"),
        (bomb, "larger than"),
        (status(500), "answered 500"),
        (status(404), r"not there \(404\)"),
        (status(401), "not allowed"),
        (status(200, {"content-encoding": "zstd"}), "which was not asked for"),
        (status(200, {"content-encoding": "gzip"}), "broken"),
        (status(200, body=b""), "no feed|broke off"),
        (status(200, body=b"\xff\xfe\x00{\x80" * 50), "no feed|broke off"),
        (status(200, body=b"[" * 100_000), "no feed|broke off"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_trouble_ends_in_one_clear_line(
    served: Served, trouble: servers.Handler, said: str
) -> None:
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
    with pytest.raises(SourceError, match="gone for good") as gone:
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
