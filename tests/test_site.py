"""The archive as pages and feeds: valid, small, without scripts, every report reachable."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import feedparser
import html5lib
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from click.testing import CliRunner

from bot.__main__ import cli
from bot.compose import ReportView, compose
from bot.platforms.terminal import render
from bot.settings import Settings
from bot.web import MAX_WAITING, PageCache, add_pages
from digest.models import (
    SECTIONS,
    Cited,
    Counts,
    Hit,
    Item,
    Report,
    Section,
    SourceResult,
    SourceSpec,
)
from digest.publish.layout import Memo
from digest.publish.site import Site
from digest.store import Store
from digest.topics import load_topics
from tests.hosts import context
from tests.made_replies import strings
from tests.posts import START
from tests.test_search import POINTS, make_report

ROOT = Path(__file__).parents[1]
DAY = date(2025, 12, 6)
ARCHIVE = ROOT.parent / "shared" / "archive"
PNG = b"\x89PNG\r\n\x1a\n picture"
ADDRESS = "https://digest.example/d"
ATOM = "{http://www.w3.org/2005/Atom}"


def make_site(store: Store, **fields: object) -> Site:
    return Site(store, load_topics(ROOT / "topics.toml"), ADDRESS, **fields)  # type: ignore[arg-type]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(f"sqlite:///{tmp_path}/site.db") as opened:
        await opened.save_report(replace(make_report(date(2025, 12, 5)), cloud=PNG))
        await opened.save_report(
            replace(
                make_report(),
                cloud=PNG,
                wordcounts={"芯片": 3},
                sources=(SourceResult("hn", 4), SourceResult("rss", ok=False)),
            )
        )
        yield opened


async def test_pages_and_feeds_say_that_posts_are_made_up_and_go_on_with_news(
    store: Store,
) -> None:
    cited = {"sample:1": Cited("ada", "https://example.com/sample/1", "A lab.", None)}
    item = Item("A lab opens.", cites=("sample:1",), status="update")
    made = replace(make_report(points=(item,)), posts=cited)
    await store.save_report(made)
    for path, marked in ((f"ai/{DAY}", True), (f"ai/{DAY}/1", True), ("ai/2025-12-05", False)):
        page = await make_site(store).make_page(f"en/{path}")
        assert ("These posts are a made-up sample" in page.body.decode()) is marked, path
    for name in ("feed.xml", "atom.xml", "feed.json"):
        feed = (await make_site(store).make_page(f"ai/{name}")).body.decode()
        assert feed.count("这些帖子是虚构的示例。") == feed.count("［后续］A lab opens.") == 1, name
    mixed = replace(made, posts=cited | {"x:1": Cited("ada", "https://x.com/1", "A lab.", None)})
    await store.save_report(mixed)
    page = await make_site(store).make_page(f"en/ai/{DAY}")
    assert "Some of these posts are a made-up sample" in page.body.decode()


async def test_pages_keep_the_hosts_of_private_sources_to_themselves(store: Store) -> None:
    item = Item("A lab opens.", cites=("rss:feeds.corp/1",))
    cited = {"rss:feeds.corp/1": Cited("Lab", "http://10.0.0.7/1", "A lab opens.", None)}
    names = ("feeds.corp/oss", "feeds.corp/oss ai", "blog.example/feed")
    sources = tuple(SourceResult(name, 2) for name in names)
    await store.save_report(replace(make_report(points=(item,)), posts=cited, sources=sources))
    site = make_site(store)
    near = SourceSpec("rss", "http://feeds.corp/oss", private=True)
    site.topics = {"ai": replace(site.topics["ai"], sources=(near,))}
    html = await read(site, f"ai/{DAY}")
    assert "Lab" in html
    assert "blog.example" in html
    assert "feeds.corp" not in html
    assert "10.0.0.7" not in html


async def read(site: Site, path: str, words: str = "", status: int = 200) -> str:
    """The page, which must be HTML without an error, without script, and small."""
    page = await site.make_page(path, words)
    assert page.status == status, path
    html = page.body.decode()
    html5lib.HTMLParser(strict=True).parse(html)
    assert "<script" not in html.lower()
    assert len(page.body) < 60_000
    return html


@pytest.mark.parametrize(
    "path",
    ["", "ai", "ai/2025-12", "ai/2025-12-06", "ai/2025-12-06/3", "ai/2025-12-06/4/story", "search"],
)
@pytest.mark.parametrize("prefix", ["", "en/", "zh/"])
async def test_every_page_is_valid_and_names_its_language(
    store: Store, prefix: str, path: str
) -> None:
    html = await read(make_site(store), f"{prefix}{path}", "芯片" if path == "search" else "")
    language = "en" if prefix == "en/" else "zh"
    assert f'<html lang="{language}">' in html
    assert len(re.findall("<h1>", html)) == 1
    assert re.search("<title>[^<]{2,}</title>", html)
    assert re.search('<meta name="description" content="[^"]{2,}">', html)
    assert 'name="viewport"' in html


async def test_a_day_shows_its_items_links_and_picture(store: Store) -> None:
    html = await read(make_site(store), "ai/2025-12-06")
    assert "英伟达发布新款芯片" in html
    assert 'href="https://example.com/1"' in html
    assert 'href="/d/ai/2025-12-06/1"' in html, "the permalink, below the path of PUBLIC_URL"
    assert f'<meta property="og:image" content="{ADDRESS}/ai/2025-12-06/cloud.png">' in html
    assert 'rel="prev" href="/d/ai/2025-12-05"' in html
    assert "hn：4" in html
    picture = await make_site(store).make_page("ai/2025-12-06/cloud.png")
    assert (picture.kind, picture.body) == ("image/png", PNG)


async def test_a_line_for_two_sections_stands_once(store: Store) -> None:
    quiet = (Item("No prices.", status="note"),)
    made = make_report()
    lines = {"markets": quiet, "finance": quiet}
    sections = (replace(s, items=lines.get(s.name, s.items)) for s in made.sections)
    await store.save_report(replace(made, sections=tuple(sections)))
    assert (await read(make_site(store), f"ai/{DAY}")).count("No prices.") == 1


async def test_a_permalink_shows_the_item_with_its_posts(store: Store) -> None:
    html = await read(make_site(store), "ai/2025-12-06/1")
    assert "1,299" in html
    assert "$NVDA 新卡" in html
    mark = '<span class="soft">[Follow-up] </span>'
    short, long = "A lab\nopens.", "A lab opens. " * 20
    items = tuple(Item(text, cites=("x:1",), status="update") for text in (short, long))
    await store.save_report(make_report(points=items))
    html = await read(make_site(store), "en/ai/2025-12-06/1")
    assert f"<h1>{mark}A lab opens.</h1><section" in html
    html = await read(make_site(store), "en/ai/2025-12-06/2")
    assert f"<h1>Key points</h1><p>{mark}{long}</p>" in html
    assert '<meta property="og:title" content="A lab opens.' in html


async def test_a_story_is_told_day_by_day(store: Store) -> None:
    html = await read(make_site(store), "ai/2025-12-06/4/story")
    assert re.findall('id="d(.*?)"', html) == ["2025-12-05", "2025-12-06"]


@pytest.mark.parametrize(
    "path",
    """x ai/2025-13-45 ai/2025-12-07 ai/2025-13 ai/2025-12-06/0 ai/2025-12-06/99 ai/2025-12-06/03
    ai/2025-12-06/3/x ai/2025-12-06..2025-12-01 ../../etc/passwd ai/2025-12-06/3/story/x en/en
    ai/9999-12 <script> \x00 ai/٢٠٢٥-١٢-٠٦""".split(),
)
async def test_an_address_of_nothing_says_so(store: Store, path: str) -> None:
    await read(make_site(store), path, status=404)


async def test_a_search_marks_the_words(store: Store) -> None:
    html = await read(make_site(store), "search", "芯片 <b>")
    assert "<mark>芯片</mark>" in html
    assert "&lt;b&gt;" in html
    assert "归档中没有" in await read(make_site(store), "search", "zyxwv")
    assert "<h1>搜索归档</h1>" in await read(make_site(store), "search", "\x00 ")


async def test_text_of_strangers_stays_text_on_pages_and_feeds(store: Store) -> None:
    texts = [text[:200] for text in strings(150)]
    posts = {
        f"x:{n}": Cited(text, text if n % 2 else "javascript:alert(1)", text, START)
        for n, text in enumerate(texts)
    }
    items = tuple(Item(text, text, text, (f"x:{n}",)) for n, text in enumerate(texts))
    for n, day in enumerate(date(2025, 11, d) for d in range(1, 4)):
        some = items[n * 50 : n * 50 + 50]
        sections = tuple(Section(s, s, some if s == "points" else ()) for s in SECTIONS)
        await store.save_report(Report("ai", day, day, "zh", "llm", sections, posts=posts))
    site = make_site(store)
    for path in ("ai/2025-11-01", "ai/2025-11-02", "ai/2025-11-03", "ai/2025-11", "ai"):
        html = await read(site, path)
        assert "javascript:" not in re.findall('href="(.*?)"', html)
    for number in range(1, 51):
        await read(site, f"ai/2025-11-02/{number}")
    for text in texts[::7]:
        await read(site, "search", text)
    for name in ("feed.xml", "atom.xml"):
        ElementTree.fromstring((await site.make_page(f"ai/{name}")).body)  # noqa: S314
    await store.save_report(make_report(points=(Item("Alt <b>&amp;"),)))
    newest = feedparser.parse((await site.make_page("ai/atom.xml")).body).entries[0]
    assert newest.summary == "Alt &lt;b&gt;&amp;amp;", "what is HTML there says the text"


async def test_the_three_feeds_hold_the_reports_under_stable_ids(store: Store) -> None:
    site = make_site(store)
    ids = {}
    for name in ("feed.xml", "atom.xml", "feed.json"):
        ids[name] = await list_ids(site, name)
        assert len(ids[name]) == 2
        english = (await site.make_page(f"en/ai/{name}")).body.decode()
        assert f"{ADDRESS}/en/ai/2025-12-06" in english
        assert f"{ADDRESS}/en/ai/{name}" in english, "its own address"
        assert not any(f">{one}<" in english or f'"{one}"' in english for one in ids[name])
        assert f'href="/d/en/ai/{name}"' in await read(site, "en/ai/2025-12-06")
    assert ids["feed.xml"] == ids["atom.xml"] == ids["feed.json"]
    corrected = replace(make_report(), created_at=datetime(2025, 12, 9, tzinfo=UTC))
    await store.save_report(corrected)
    assert await list_ids(site, "atom.xml") == ids["atom.xml"]
    body = (await site.make_page("ai/atom.xml")).body
    newest = feedparser.parse(body).entries[0]
    assert newest.updated.startswith("2025-12-09")
    assert newest.published.startswith("2025-12-07"), "the report was made when the day was over"
    elsewhere = replace(site, address="https://other.example")
    others = (await elsewhere.make_page("ai/atom.xml")).body.decode()
    assert not any(one in others for one in ids["atom.xml"])
    assert "英伟达" in newest.content[0].value
    early = replace(site, topics={"new": replace(site.topics["ai"], name="new", slug="new")})
    for name in ("feed.xml", "atom.xml"):
        feed = feedparser.parse((await early.make_page(f"new/{name}")).body)
        assert feed.version in ("rss20", "atom10"), "before the first report"


async def list_ids(site: Site, name: str) -> list[str]:
    """Ids of a feed, which must be well formed and complete as its standard asks."""
    page = await site.make_page(f"ai/{name}")
    if name == "feed.json":
        feed = json.loads(page.body)
        assert feed["version"] == "https://jsonfeed.org/version/1.1"
        assert all(
            item["content_html"] and item["url"].startswith("http") for item in feed["items"]
        )
        return [item["id"] for item in feed["items"]]
    root = ElementTree.fromstring(page.body)  # noqa: S314
    parsed = feedparser.parse(page.body)
    assert not parsed.bozo
    assert parsed.version == ("rss20" if name == "feed.xml" else "atom10")
    assert all(entry.link.startswith(f"{ADDRESS}/ai/") for entry in parsed.entries)
    if name == "atom.xml":
        for element in (root, *root.iter(f"{ATOM}entry")):
            for tag in ("id", "title", "updated"):
                assert len(element.findall(f"{ATOM}{tag}")) == 1
        assert root.find(f"{ATOM}author") is not None
        assert root.find(f"{ATOM}link[@rel='self']") is not None
    else:
        channel = root.find("channel")
        assert channel is not None
        assert all(channel.find(tag) is not None for tag in ("title", "link", "description"))
    return [entry.id for entry in parsed.entries]


@pytest.mark.skipif(not ARCHIVE.is_dir(), reason="../shared/archive is absent")
def test_imported_reports_are_reachable_everywhere_and_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOPICS_FILE", str(ROOT / "topics.toml"))
    files = []
    for path in sorted(ARCHIVE.glob("*.txt")):
        files.append(tmp_path / f"{path.stem}.md")
        files[-1].write_bytes(path.read_bytes())
    monkeypatch.setenv("PUBLIC_URL", ADDRESS)
    run = CliRunner().invoke
    assert run(cli, ["import", *map(str, files)]).exit_code == 0
    assert run(cli, ["publish", str(tmp_path / "site")]).exit_code == 0
    feed = (tmp_path / "site" / "ai" / "feed.xml").read_text()
    for day in ("2025-12-06", "2025-12-04", "2025-11-27"):
        page = (tmp_path / "site" / "ai" / day / "index.html").read_text()
        assert "导入" in page
        english = (tmp_path / "site" / "en" / "ai" / day / "index.html").read_text()
        assert "imported" in english
        assert f"ai/{day}" in feed
        assert day in (tmp_path / "site" / "ai" / day[:7] / "index.html").read_text()
    assert "<h2>主题</h2>" in (tmp_path / "site" / "index.html").read_text()
    found = run(cli, ["search", "Anthropic", "Bun"])
    assert "2025-12-06" in found.output
    assert "(imported)" in found.output


async def test_static_pages_link_to_each_other(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    await make_site(store, static=True).write(folder)
    pages = list(folder.rglob("index.html"))
    assert len(pages) > 20
    for page in pages:
        html = page.read_text()
        for target in re.findall('(?:href|src)="([^"#]+)"', html):
            if not target.startswith("http"):
                assert (page.parent / target).is_file(), f"{page}: {target}"
        assert "<form" not in html, "nothing answers a search there"


def with_english(report: Report) -> Report:
    """The report with an English version: another overview, and the same points in its words."""
    overview = [Item(f"News {n}.", cites=(f"x:{n}",)) for n in (6, 4)]
    said = {
        "overview": overview,
        "points": [replace(POINTS[0], title="", text="Nvidia shows a chip.")],
    }
    english = tuple(
        replace(old, items=(*said.get(old.name, ()), *old.items[len(said.get(old.name, ())) :]))
        for old in report.sections
    )
    return replace(report, renderings={"en": english})


async def test_the_other_language_tells_the_same_item(store: Store, tmp_path: Path) -> None:
    for day in (5, 6):
        made = make_report(date(2025, 12, day), points=POINTS[:2] if day == 5 else POINTS)
        await store.save_report(with_english(made))
    await make_site(store, static=True).write(folder := tmp_path / "out")
    links = {}
    for page in [*folder.rglob("index.html")]:
        html = page.read_text()
        for target in re.findall('(?:href|src)="([^"#]+)"', html):
            assert target.startswith("http") or (page.parent / target).is_file(), (
                f"{page}: {target}"
            )
        name = str(page.parent.relative_to(folder))
        (link,) = re.findall('<footer>\\s<a href="(.*?)"', html)
        links[name] = str((page.parent / link).resolve().parent.relative_to(folder))
    base = "ai/2025-12-06"
    assert links[f"{base}/1"] == f"en/{base}/1"
    assert links[f"{base}/5"] == f"en/{base}/7", "behind an overview of two"
    assert links[f"{base}/5/story"] == f"en/{base}/7/story"
    assert links[f"en/{base}/7"] == f"{base}/5"
    assert links[f"en/{base}/6"] == f"{base}/4", "the post is a point there"
    assert links[f"en/{base}/5"] == base, "nobody tells it there"
    html = await read(make_site(store), "en/search", "1299")
    assert "Nvidia shows a chip." in html
    assert "英伟达" not in html
    for number, told in ((4, True), (5, False)):
        shown = await read(make_site(store), f"en/{base}/{number}")
        assert (f"{base}/{number}/story" in shown) is told, "an overview is no story"
    for path in ("en/ai", "en/ai/2025-12"):
        assert "2025-12-06 · Nvidia shows a chip." in await read(make_site(store), path)


async def test_links_keep_the_language_where_topics_differ(store: Store, tmp_path: Path) -> None:
    site = make_site(store, static=True)
    town = replace(site.topics["ai"], name="town", slug="town", language="en")
    site.topics = {"town": town, **site.topics}
    await store.save_report(make_report(topic="town"))
    await site.write(tmp_path)
    assert "Reports by day" not in (tmp_path / f"town/{DAY}/index.html").read_text(), "the only day"
    for page in tmp_path.rglob("index.html"):
        html = page.read_text()
        here = re.findall('<html lang="(.*?)"', html)
        body = html.split("<body>")[1].split("<footer>")[0]
        for target in re.findall('(?:href|src)="([^"#]+.html)"', body):
            there = (page.parent / target).read_text()
            assert re.findall('<html lang="(.*?)"', there) == here, f"{page}: {target}"


async def test_pages_are_served_with_a_strict_policy_and_kept(store: Store) -> None:
    app = web.Application()
    add_pages(app, make_site(store))
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/ai/2025-12-06")
        assert answer.status == 200
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for tag in (answer.headers["ETag"], f'"x", W/{answer.headers["ETag"]}'):
            same = await client.get("/ai/2025-12-06", headers={"If-None-Match": tag})
            assert (same.status, await same.read()) == (304, b"")
        assert (await client.get("/nothing/here")).status == 404
        assert (await client.post("/ai")).status == 405
        for path in ("/%00", "/ai/%ff", "/" + "a" * 7000, "/search?q=" + "%22" * 2500):
            assert (await client.get(path)).status in (200, 404), path[:20]


async def test_searches_stand_in_line_and_the_line_has_an_end(store: Store) -> None:
    app, busy = web.Application(), asyncio.Event()
    site, at_once = make_site(store), []
    search = store.search

    async def slow(words: str, **more: Any) -> list[Hit]:
        at_once.append(words)
        await busy.wait()
        return await search(words, **more)

    store.search = slow  # type: ignore[method-assign]
    add_pages(app, site)
    async with TestClient(TestServer(app)) as client:
        asked = [
            asyncio.create_task(client.get(f"/search?q=word{n}")) for n in range(MAX_WAITING + 3)
        ]
        refused = await next(asyncio.as_completed(asked))
        assert (refused.status, refused.headers["Retry-After"]) == (503, "60")
        assert (await client.get("/ai/2025-12-06")).status == 200, "what is quick does not wait"
        assert len(at_once) == 1
        busy.set()
        statuses = [(await answer).status for answer in asked]
        assert sorted(statuses) == [200] * MAX_WAITING + [503] * 3
        robots = await (await client.get("/robots.txt")).text()
        assert "Disallow: /*search?q=" in robots


async def test_a_page_that_was_made_again_is_served_at_once(store: Store) -> None:
    cache = PageCache(make_site(store))
    before = await cache.get("ai/2025-12-06", "")
    assert (await cache.get("ai/2025-12-06", "")) is before
    again = replace(make_report(points=()), source=b"as old as before")
    await store.save_report(again)
    after = await cache.get("ai/2025-12-06", "")
    assert "Anthropic" in before.body.decode()
    assert "Anthropic" not in after.body.decode()


async def test_those_who_ask_at_once_share_a_result() -> None:
    calls: list[str] = []
    memo: Memo[int] = Memo(2)

    async def make(name: str) -> int:
        calls.append(name)
        await asyncio.sleep(0)
        if name == "bad":
            raise KeyError(name)
        return len(name)

    assert await asyncio.gather(*(memo.get("a", partial(make, "a")) for _ in range(9))) == [1] * 9
    for _ in range(2):
        with pytest.raises(KeyError):
            await memo.get("bad", partial(make, "bad"))
    for name in ("a", "b", "c", "a"):
        await memo.get(name, partial(make, name))
    assert calls == ["a", "bad", "bad", "b", "c", "a"], "two are kept, and no failure"


async def test_without_public_url_there_are_no_feeds(store: Store, tmp_path: Path) -> None:
    site = replace(make_site(store), address="")
    assert "feed" not in await read(site, "ai/2025-12-06")
    assert (await site.make_page("ai/atom.xml")).status == 404
    await replace(site, static=True).write(tmp_path)
    assert not list(tmp_path.rglob("*.xml"))
    assert not list(tmp_path.rglob("*.json"))


def test_publish_says_that_feeds_need_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def prepare() -> None:
        async with await Store.open(f"sqlite:///{tmp_path}/site.db") as store:
            await store.save_report(make_report())

    asyncio.run(prepare())
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/site.db")
    monkeypatch.setenv("TOPICS_FILE", str(ROOT / "topics.toml"))
    folder = str(tmp_path / "out")
    assert "no feeds: they need PUBLIC_URL" in CliRunner().invoke(cli, ["publish", folder]).output
    monkeypatch.setenv("PUBLIC_URL", ADDRESS)
    assert "no feeds" not in CliRunner().invoke(cli, ["publish", folder]).output
    assert (tmp_path / "out" / "ai" / "atom.xml").is_file()


async def test_digests_link_to_their_page(store: Store, tmp_path: Path) -> None:
    report = await store.load_report("ai", DAY, DAY)
    assert report
    plain = context(store, tmp_path)
    shown = Settings(public_url=ADDRESS)
    linked = await compose(replace(plain, settings=shown), report, ReportView("en"))
    assert f"{ADDRESS}/en/ai/2025-12-06" in render(linked, 200, styled=False)
    assert ADDRESS not in render(await compose(plain, report, ReportView("en")), 200, styled=False)


async def test_a_page_says_that_something_was_withdrawn(store: Store) -> None:
    await store.save_report(replace(make_report(), counts=Counts(withdrawn=2)))
    assert "撤下：2" in await read(make_site(store), "ai/2025-12-06")
