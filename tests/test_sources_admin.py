"""`/source`: who may, what is shown, what is changed, what is refused."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import texts
from bot.commands import about, answer
from bot.messages import Incoming
from bot.platforms.terminal import render
from bot.services import Services
from digest.collect import import_feeds, list_sources, try_source
from digest.errors import DigestError, SourceError
from digest.fetch.opml import parse_opml
from digest.models import Chat, SourceSpec
from digest.sources import Access, parse_spec
from digest.store import Store
from digest.store.source_tables import SourceBook
from tests.hosts import BOSS, context
from tests.posts import TOPIC
from tests.source_servers import rss, serving
from tests.x_server import KEY, XServer

NOW = datetime(2025, 12, 8, 12, tzinfo=UTC)
FILE = SourceSpec("rss", "https://ann:secret@a.example/feed?key=secret", 2.0)
GIVEN = {
    "kind": "rss",
    "address": "https://b.example/feed",
    "name": "b.example",
    "number": 7,
    "posts": [
        {
            "key": "rss:b.example/1",
            "author": "Lab",
            "text": "A model is out. " * 60,
            "created_at": "2025-12-06T08:00:00+00:00",
            "url": "https://b.example/1",
            "metrics": {"likes": 3},
        }
    ],
}


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Services]:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        plain = context(store, tmp_path)
        topic = replace(TOPIC, sources=(FILE, SourceSpec("x", "list:42")))
        yield replace(plain, topics={"ai": topic})


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What the child was asked; it gives GIVEN, or refuses addresses with `bad` in them."""
    asked: list[tuple[str, ...]] = []

    async def try_source(words: Any) -> dict[str, Any]:
        asked.append(tuple(words))
        return {"why": "b.example: answered 500"} if "bad" in words[-1] else GIVEN

    monkeypatch.setattr(about, "try_source", try_source)
    return asked


async def say(made: Services, line: str, user: str = BOSS) -> str:
    said = [
        one async for one in answer(made, Incoming(Chat("test", "c"), user, line, language="en"))
    ]
    return "\n".join(render(one, 160, styled=False) for one in said)


async def test_the_list_tells_where_each_comes_from_and_how_it_is(made: Services) -> None:
    book, topic = SourceBook(made.store), made.topics["ai"]
    x = SourceSpec("x", "list:42")
    later = NOW + timedelta(hours=1)
    await book.save_failure(topic, x, "x", "x: limited", NOW, next_at=later, counts=False)
    assert "⚠ limited · next try" in await say(made, "/source")
    await book.save_failure(topic, x, "x", "x: not allowed (401)", NOW, next_at=None)
    said = await say(made, "/source")
    assert "1. a.example/feed" in said
    assert "secret" not in said
    assert "not read yet · ×2 · from topics.toml" in said
    assert "failed 1 time in a row: not allowed (401)" in said
    assert "X: 0 of 2000 reads used this month (X_READS_MONTH), 0 today" in said
    # By the 8th of December, eight days' share of the month, but no more than a tenth on one day.
    assert "200 left for today" in said


async def test_add_reads_it_first(made: Services, child: list[tuple[str, ...]]) -> None:
    said = await say(made, "/source add ai https://b.example/feed")
    assert "Added b.example to AI. It has 7 posts" in said
    assert child == [("https://b.example/feed",)]
    assert SourceSpec("rss", "https://b.example/feed") in await list_sources(
        made.topics["ai"], made.store
    )
    assert "added later" in await say(made, "/source list ai")
    assert "已经在列表里" in await say(made, "/来源 add https://b.example/feed")
    said = await say(made, "/source add https://bad.example/feed")
    assert "https://bad.example/feed cannot be used: answered 500" in said
    assert len(await list_sources(made.topics["ai"], made.store)) == 3


async def test_remove_and_bring_back(
    made: Services, child: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = made.topics["ai"]
    assert "Removed x list:42" in await say(made, "/source remove 2 ai")
    assert await list_sources(topic, made.store) == (FILE,)
    assert f"removed by test:{BOSS}" in await say(made, "/source list")
    monkeypatch.setitem(GIVEN, "kind", "x")
    monkeypatch.setitem(GIVEN, "address", "list:42")
    await say(made, "/source add list:42")
    assert await list_sources(topic, made.store) == topic.sources
    assert await SourceBook(made.store).list_changes("ai") == []
    assert "There is no source" in await say(made, "/source remove 9")


async def test_test_shows_the_newest_posts(made: Services, child: list[tuple[str, ...]]) -> None:
    said = await say(made, "/source test b.example")
    assert "b.example: 7 posts. The latest:" in said
    assert "2025-12-06 08:00 · likes 3" in " ".join(said.split())
    assert "https://b.example/1" in said
    assert len(await list_sources(made.topics["ai"], made.store)) == 2


async def test_what_was_taken_away_comes_back_though_it_is_near(made: Services) -> None:
    """No child: one would refuse an address of this machine, whoever lists it."""
    near = SourceSpec("rss", "http://127.0.0.1:1200/twitter/list/1", private=True)
    topic = replace(made.topics["ai"], sources=(near,))
    made = replace(made, topics={"ai": topic})
    for said in (near.address, "127.0.0.1:1200/twitter/list/1"):
        book = SourceBook(made.store)
        await book.save_failure(
            topic, near, "x", "x: gone", NOW, next_at=None, off="x: gone for good"
        )
        assert "switched off" in await say(made, "/source list")
        await say(made, "/source remove 1")
        assert await list_sources(topic, made.store) == ()
        assert "to AI" in await say(made, f"/source add {said}")
        assert await list_sources(topic, made.store) == (near,)
        assert "not read yet" in await say(made, "/source list"), "and it gets a new chance"


@pytest.mark.parametrize(
    ("said", "zh", "en"),
    [
        ("b.example/feed: answered 500", "返回 500", "answered 500"),
        ("x list:42: X refuses: gone", "X 拒绝了请求：gone", "X refuses: gone"),
        (
            "x: no reads are left for today; X_READS_MONTH is the monthly limit",
            "今天的次数已用完；每月次数由 X_READS_MONTH 决定",
            "no reads are left for today; X_READS_MONTH is the monthly limit",
        ),
        (
            "not an address: write an address like https://example.com/feed",
            "请写 https://example.com/feed 这样的地址",
            "write an address like https://example.com/feed",
        ),
        (
            "a.example:8080/x: no complete answer within 20 s",
            "20 秒内没有完整的应答",
            "no complete answer within 20 s",
        ),
        (
            'a source of kind "sample" can only be set in the topics file',
            "sample 类的来源只能写在 topics.toml 里",
            'a source of kind "sample" can only be set in the topics file',
        ),
        (
            "a fault of the program (KeyError)",
            "程序出错（KeyError）",
            "a fault of the program (KeyError)",
        ),
    ],
)
def test_reasons_are_told_in_the_language_of_the_chat(said: str, zh: str, en: str) -> None:
    assert (texts.source_reason(said, "zh"), texts.source_reason(said, "en")) == (zh, en)


def test_every_reason_of_a_source_is_known_in_chinese() -> None:
    """What sources raise, as their code writes it, with something in its gaps."""
    code = "".join(
        path.read_text("utf-8")
        for folder in ("fetch", "sources")
        for path in (Path(__file__).parents[1] / "digest" / folder).glob("*.py")
        if path.name not in {"opml.py", "jsonl.py", "sample.py", "__init__.py"}
    )
    raised = re.findall(r"(?:SourceError|FeedError)\(\s*((?:f?\"[^\"]*\"\s*)+)", code)
    assert len(raised) > 20
    for literal in raised:
        said = re.sub(r"\{[^{}]*\}", "7", "".join(re.findall(r"\"([^\"]*)\"", literal)))
        said = said.replace("7: ", "a.example/feed: ", 1) if said.startswith("7: ") else said
        # "…: {error}" passes on what another one says.
        assert said.endswith(": 7") or re.search(r"[一-鿿]", texts.source_reason(said, "zh")), said


@pytest.mark.parametrize("line", ["/source dance", "/source add", "/source test", "/source remove"])
async def test_what_is_not_understood_is_told_right(made: Services, line: str) -> None:
    assert "/source add ADDRESS" in await say(made, line)


async def test_others_may_not(made: Services) -> None:
    assert "Only the operators of this bot" in await say(made, "/source list", "somebody")


@pytest.mark.parametrize(
    ("words", "spec"),
    [
        (["https://b.example/feed"], SourceSpec("rss", "https://b.example/feed")),
        (["rss", "https://t.me/durov"], SourceSpec("rss", "https://t.me/durov")),
        (["https://t.me/durov"], SourceSpec("telegram_channel", "https://t.me/durov")),
        (["t.me/s/durov"], SourceSpec("telegram_channel", "t.me/s/durov")),
        (["list:42"], SourceSpec("x", "list:42")),
        (["search:llm", "lang:zh"], SourceSpec("x", "search:llm lang:zh")),
        (["@OpenAI"], SourceSpec("x", "@OpenAI")),
        (["hackernews", "AI", "agents"], SourceSpec("hackernews", "AI agents")),
        (["hackernews"], SourceSpec("hackernews")),
    ],
)
def test_an_address_tells_its_kind(words: list[str], spec: SourceSpec) -> None:
    assert parse_spec(words) == spec
    assert not parse_spec(words).private


@pytest.mark.parametrize(
    "words", [["jsonl", "/etc/passwd"], ["sample"], ["nonsense"], ["file:///etc/passwd"]]
)
def test_files_of_this_machine_are_for_the_topics_file(words: list[str]) -> None:
    with pytest.raises(SourceError, match=r"topics file|write an address"):
        parse_spec(words)


async def test_a_child_refuses_what_is_near(caplog: pytest.LogCaptureFixture) -> None:
    assert sys.executable
    async with serving() as server:
        found = await about.try_source([server.serve("/feed", rss([]))])
        assert "private network" in found["why"]
        assert not caplog.records, "the answer says it"
        assert server.asked == []


async def test_a_trial_of_x_is_counted_and_small(
    made: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = XServer()
    async with serving(x):
        monkeypatch.setattr("digest.sources.x.API", x.base)
        for n in range(50):
            x.add(f"Model {n}", ago=50 - n)
        for address in ("search:model", "user:ada", "list:42"):
            spec = SourceSpec("x", address, private=True)
            found = await try_source(spec, made.store, Access(x_token=KEY, x_reads_month=200))
            assert found["number"] == 10
            assert (
                (await SourceBook(made.store).count_reads(datetime.now(UTC))).month == x.bill == 12
            )
        x.asked.clear()
        with pytest.raises(SourceError, match="no reads are left"):
            await try_source(spec, made.store, Access(x_token=KEY, x_reads_month=20))
        assert x.asked == []


OPML = b"""<?xml version="1.0"?><opml version="2.0"><body><outline text="AI"><outline text="Lab" type="rss"
xmlUrl="https://lab.example/feed?a=1&amp;b=2"/><outline xmlurl="https://news.example/rss"/><outline text="x" xmlUrl="javascript:x"/>
<outline type="rss" text="Lost"/><outline xmlUrl="http://10.0.0.1/f"/>
<outline xmlUrl="https://lab.example/feed?a=1&amp;b=2"/></outline></body></opml>"""


async def test_a_list_of_a_feed_reader_becomes_sources(made: Services) -> None:
    topic = made.topics["ai"]
    private = "line 3: leads into a private network: set it in topics.toml"
    refused = ["line 2: no address of a feed", "line 3: no address of a feed", private]
    assert await import_feeds(OPML, "feeds.opml", topic, made.store, NOW) == (2, refused)
    assert await import_feeds(OPML, "feeds.opml", topic, made.store, NOW) == (0, refused)
    listed = await list_sources(made.topics["ai"], made.store)
    assert [spec.address for spec in listed[2:]] == [
        "https://lab.example/feed?a=1&b=2",
        "https://news.example/rss",
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html/>",
        b"<opml/>",
        b"no",
        b"<opml>" * 100_000,
        b'<!DOCTYPE o [<!ENTITY x SYSTEM "file:///etc/passwd">]><opml>&x;</opml>',
    ],
)
def test_what_is_no_list_is_told(body: bytes) -> None:
    with pytest.raises(DigestError, match=r"not an OPML list|contains no feed"):
        parse_opml(body, "x.opml")


@pytest.mark.parametrize("name", ["BestBlogs_RSS_ALL.opml", "BestBlogs_RSS_Twitters.opml"])
def test_real_lists_are_read(name: str) -> None:
    path = Path(__file__).parents[2] / "shared" / "data" / "opml" / name
    if not path.is_file():
        pytest.skip("../shared/data is absent")
    feeds, _ = parse_opml(path.read_bytes(), name)
    assert len(feeds) > 100
