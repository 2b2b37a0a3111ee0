"""Feeds, files and addresses as people really have them: each case of ../shared/cases, and a second of its kind."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest.collect import collect, import_feeds, list_sources
from digest.errors import ArchiveError, DigestError, FeedError, SourceError
from digest.fetch import UnknownZone, parse_date
from digest.fetch.addresses import choose_proxy, describe_address, make_link
from digest.fetch.feeds import parse
from digest.fetch.opml import is_opml, parse_opml
from digest.fetch.pages import plain_text, title_text
from digest.models import Post, SourceSpec, SourceState
from digest.publish.archive import read_post
from digest.sources import Access, admit_posts, hackernews
from digest.sources.jsonl import FileSource
from digest.sources.rss import FeedContext, posts_of
from digest.store import Store
from tests.posts import TOPIC, WINDOW
from tests.source_servers import Server, rss, serving

CASES = Path(__file__).parents[2] / "shared" / "cases"
NOW = datetime(2025, 12, 6, 12, tzinfo=UTC)


def case(name: str) -> bytes:
    """The bytes of a case; skips where ../shared is absent."""
    path = CASES / name
    if not path.is_file():
        pytest.skip("../shared/cases is absent")
    return path.read_bytes()


def read_posts(body: bytes, memory: Sequence[str] = ()) -> tuple[list[Post], list[str]]:
    """The posts of a feed and what is remembered of it."""
    return posts_of(FeedContext(parse(body), "https://news.example/feed", NOW), memory)


def feed(*items: str) -> bytes:
    inside = "".join(f"<item>{item}</item>" for item in items)
    return f"<rss version='2.0'><channel><title>Probe</title>{inside}</channel></rss>".encode()


def entry(
    title: str, link: str = "", guid: str = "", date: str = "", text: str = "words of it"
) -> str:
    parts = {"title": title, "link": link, "guid": guid, "pubDate": date, "description": text}
    return "".join(f"<{name}>{value}</{name}>" for name, value in parts.items() if value)


# Identity: F05


def test_links_that_differ_by_fragment_are_six_posts() -> None:
    posts, _ = read_posts(case("feed-links-differ-by-fragment.xml"))
    assert len({post.key for post in posts}) == 6
    for post in posts:
        number = post.url.rpartition("-")[2]
        assert post.url == f"https://docs.example/changelog#release-{number}"
        assert post.text.startswith(f"Release {number}:")
        assert post.created_at.hour == int(number)


@pytest.mark.parametrize("guid", ["", "one-for-all", "{n}", "https://p.example/?p={n}"])
@pytest.mark.parametrize("link", ["", "https://p.example/log", "https://p.example/log#{n}"])
def test_rounds_lose_and_mix_nothing(guid: str, link: str) -> None:
    def item(n: int, text: str = "first words") -> str:
        day = f"Sat, 0{n} Nov 2025 08:00:00 GMT"
        return entry(f"Entry {n}", link.format(n=n), guid.format(n=n), day, f"{text} {n}")

    stored: dict[str, Post] = {}
    memory: list[str] = []
    rounds = [
        [item(2), item(1)],
        [item(3), item(2, "edited words"), item(1)],
        [item(1), item(4), item(3), item(2, "edited words")],
        [item(5)],
    ]
    for items in rounds:
        posts, memory = read_posts(feed(*items), memory)
        stored |= {post.key: post for post in posts}
    texts = sorted(post.text.replace("\n\n", ": ") for post in stored.values())
    assert texts == [f"Entry {n}: {'edited' if n == 2 else 'first'} words {n}" for n in range(1, 6)]


def test_one_entry_under_one_link_stays_itself_when_others_come() -> None:
    log = "https://p.example/log"
    [first], memory = read_posts(feed(entry("One", log, "a")))
    both, memory = read_posts(feed(entry("Two", log, "b"), entry("One", log, "a")), memory)
    assert {post.text.split("\n")[0]: post.key for post in both}["One"] == first.key
    [third], _ = read_posts(feed(entry("Three", log, "c")), memory)
    assert len({third.key, *(post.key for post in both)}) == 3


def test_an_article_that_moved_is_the_same_and_one_through_two_feeds_is_one() -> None:
    day = "Sat, 06 Dec 2025 08:00:00 GMT"
    [old], memory = read_posts(feed(entry("A model", "https://p.example/a-modle", "7", day)))
    [new], _ = read_posts(feed(entry("A model", "https://p.example/a-model", "7", day)), memory)
    assert (new.key, new.url) == (old.key, "https://p.example/a-model")
    [other], _ = read_posts(feed(entry("A model", "https://p.example/a-modle?utm_source=x", "z9")))
    assert other.key == old.key


def test_a_link_written_in_another_way_is_the_same() -> None:
    _, memory = read_posts(feed(entry("A model", "http://p.example/a", "")))
    for link in ("https://p.example/a", "https://www.p.example/a/", "http://p.example/a?utm_id=7"):
        [post], memory = read_posts(feed(entry("A model", link, "")), memory)
        assert post.key == "rss:p.example/a"


# Corrections: F13


@pytest.fixture
async def store(tmp_path: Path) -> Store:
    return await Store.open(f"sqlite:///{tmp_path}/store.db")


async def stored_texts(store: Store, server: Server, *bodies: bytes) -> list[str]:
    """Texts that are stored after each body came at the same address."""
    topic = TOPIC.__class__(
        "ai",
        TOPIC.title,
        "twitter_ai",
        sources=(SourceSpec("rss", server.url("/f"), private=True),),
    )
    for body in bodies:
        server.serve("/f", body)
        results = await collect(topic, store=store, access=Access(), now=NOW, window=WINDOW)
        assert all(result.ok for result in results), results
    return [post.text for _, post in await store.load_posts("ai", WINDOW.first, WINDOW.last)]


async def test_a_correction_replaces_what_it_corrects(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = case("feed-correction-1.xml"), case("feed-correction-2.xml")
    async with store, serving() as server:
        monkeypatch.setattr("digest.sources.rss.FeedSource.reach", None)
        [text] = await stored_texts(store, server, first, second)
        assert "$40 million" in text
        assert "$400" not in text


async def test_a_teaser_replaces_no_article_and_a_shorter_correction_does(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, day = "https://p.example/1", "Sat, 06 Dec 2025 08:00:00 GMT"
    bodies = [
        feed(entry("Aster hires 50", link, "1", day, text))
        for text in ("Aster hires 50 people in Bern and in Genoa.", "Aster hires 50 people in…")
    ]
    async with store, serving() as server:
        monkeypatch.setattr("digest.sources.rss.FeedSource.reach", None)
        [text] = await stored_texts(store, server, *bodies)
        assert text.endswith("in Bern and in Genoa.")
        shorter = feed(entry("Aster hires 5", link, "1", day, "Aster hires 5 people."))
        [text] = await stored_texts(store, server, shorter)
        assert text == "Aster hires 5 people."


# Text is what it is: F08


def test_plain_text_of_a_json_feed_is_never_html() -> None:
    [post], _ = read_posts(case("jsonfeed-angle-brackets.json"))
    assert "removes the <think> block from" in post.text
    assert "batch<64 a million tokens cost $2, and with batch>64" in post.text


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ('<title type="text">Use &lt;b&gt; or &lt;/think&gt; &amp;amp; x</title>', "Use <b> or </think> &amp; x"),
        ('<title type="text"><![CDATA[p50<p99 && a>b]]></title>', "p50<p99 && a>b"),
        ('<title type="html">A &lt;b&gt;big&lt;/b&gt; one &amp;lt;think&amp;gt;</title>', "A big one <think>"),
        ("<title>The &lt;think&gt; tag</title>", "The <think> tag"),
    ],
)  # fmt: skip
def test_atom_says_what_is_text(title: str, text: str) -> None:
    body = f'<feed xmlns="http://www.w3.org/2005/Atom"><entry>{title}<id>1</id><link href="https://e.example/1"/></entry></feed>'
    [post], _ = read_posts(body.encode())
    assert post.text == text


def test_hacker_news_titles_are_text() -> None:
    title = "If p50<p99 then AI latency>SLO"
    hit = {"objectID": "1", "title": title, "created_at_i": 1765000000, "story_text": "<p>a &lt; b"}
    story = hackernews._post(hit)
    assert story is not None
    assert story.text == f"{title}\n\na < b"
    assert title_text("A &lt;b&gt; &amp; <i>c</i>") == "A <b> & c"
    assert (
        plain_text("<p>so p50<p99 and a<b>c</b><think>d</think>")
        == "so p50<p99 and ac<think>d</think>"
    )


# Dates: F09


def test_zones_after_gmt_are_read() -> None:
    posts, _ = read_posts(case("feed-zones-after-gmt.xml"))
    assert [post.created_at for post in posts] == [datetime(2025, 12, 6, 2, 30, tzinfo=UTC)] * 5


@pytest.mark.parametrize(
    "text",
    [
        "Sat Dec 06 2025 10:30:00 GMT+0800 (China Standard Time)",
        "Sat Dec 06 10:30:00 +0800 2025",
        "2025-12-06 10:30:00 +0800 CST",
        "2025-12-06T10:30:00.5+08:00[Asia/Shanghai]",
        "2025-12-06 10:30:00 Asia/Shanghai",
        "2025年12月6日 10:30 UTC+08:00",
        "Fri, 05 Dec 2025 18:30:00 -0800",
        "Fri, 5 Dec 2025 18:30:00 PST",
        "Fri, 5 Dec 25 9:30 PM EST",
        "6 December 2025 10:30:00 hkt",
        "2025-12-05T21:30\u22125:00",
        "2025-12-06T02:30:00+00:00Z",
        "1764988200",
        "1764988200000",
    ],
)
def test_offsets_in_every_form_are_read(text: str) -> None:
    date = parse_date(text)
    assert date is not None
    assert date.replace(microsecond=0) == datetime(2025, 12, 6, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["XYZT", "Mars/Base", "+2500", "IST"])
def test_a_zone_that_is_not_understood_is_not_utc(zone: str) -> None:
    with pytest.raises(UnknownZone):
        parse_date(f"Sat, 06 Dec 2025 10:30:00 {zone}")
    read = parse(feed(entry("A", "https://e.example/1", date=f"Sat, 06 Dec 2025 10:30:00 {zone}")))
    assert (read.entries[0].published, read.unknown_zone) == (None, zone)


@pytest.mark.parametrize(
    "date", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "Mon, 01 Jan 2101 00:00:00 GMT"]
)
async def test_an_impossible_date_counts_as_none_and_sinks_nothing(
    date: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = feed(entry("A", "https://e.example/1", date=date), entry("B", "https://e.example/2"))
    west = TOPIC.__class__(
        "ai", TOPIC.title, "twitter_ai", timezone="America/Los_Angeles",
        sources=(SourceSpec("rss", "", private=True),),
    )  # fmt: skip
    async with store, serving() as server:
        spec = SourceSpec("rss", server.serve("/f", body), private=True)
        topic = west.__class__("ai", west.title, west.slug, west.timezone, sources=(spec,))
        [result] = await collect(topic, store=store, access=Access(), now=datetime.now(UTC))
        assert (result.ok, result.posts) == (True, 2)
        today = datetime.now(UTC).date()
        stored = await store.load_posts("ai", today - timedelta(days=1), today)
        assert len(stored) == 2


# Nothing readable is an error: F11

ROW = {"id": "1", "source": "x", "text": "一个新的模型发布了，价格只有上一代的一半", "created_at": "2025-12-06T08:00:00Z"}  # fmt: skip
ROWS = [ROW, ROW | {"id": "2"}]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)


async def read_file(path: Path, content: bytes) -> Sequence[Post]:
    path.write_bytes(content)
    posts, _ = await FileSource(path).fetch(WINDOW, SourceState())
    return posts


async def test_a_file_in_utf16_is_read(tmp_path: Path) -> None:
    posts = await read_file(tmp_path / "a.jsonl", case("posts-utf16.jsonl"))
    assert [post.id for post in posts] == ["0", "1", "2"]
    assert posts[0].text.startswith("OpenLab releases Nova 5")


@pytest.mark.parametrize(
    "content",
    [
        LINES.encode("utf-16-be"),
        LINES.encode("utf-8-sig"),
        LINES.encode("gb18030"),
        gzip.compress(LINES.encode()),
        json.dumps(ROWS).encode(),
        json.dumps(ROWS, indent=2).encode("utf-16"),
        "\n".join(json.dumps(row, indent=1) for row in ROWS).encode(),
        gzip.compress(json.dumps(ROWS, indent=4).encode()),
    ],
    ids="utf16be bom gb18030 gzip array array-utf16 pretty pretty-gzip".split(),
)
async def test_files_are_told_by_their_content(tmp_path: Path, content: bytes) -> None:
    posts = await read_file(tmp_path / "posts.txt", content)
    assert [(post.id, post.text) for post in posts] == [("1", ROW["text"]), ("2", ROW["text"])]


@pytest.mark.parametrize(
    "content",
    [b"<!doctype html><html><body>Log in</body></html>", b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
     b'{"posts": []}', b'[{"id": "1", ', b"id,text\n1,A model\n"],
)  # fmt: skip
async def test_a_file_of_which_nothing_can_be_read_says_so(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        await read_file(tmp_path / "a.jsonl", content)


def test_feeds_that_are_packed_without_saying_so_are_read() -> None:
    [post], _ = read_posts(gzip.compress(feed(entry("A", "https://e.example/1"))))
    assert post.text == "A\n\nwords of it"
    for broken in (b"\x1f\x8b broken", gzip.compress(bytes(10_000_000))):
        with pytest.raises(FeedError, match="not a feed"):
            parse(broken)


def test_a_post_without_a_line_is_no_report() -> None:
    with pytest.raises(ArchiveError, match="contains no report"):
        read_post(b'---\ntitle: "twitter_ai_20251206"\n---\n\n![cloud](a.jpg)\n', "a.md")
    found = read_post("---\ntitle: twitter_ai_20251206\n---\n## 核心信息\n- 甲\n".encode("utf-16"), "a.md")  # fmt: skip
    assert found.report.section("points").items[0].text == "甲"


# Lists of feeds: F16


def test_an_export_of_freshrss_is_read_whatever_its_name() -> None:
    body = case("freshrss-export.opml.xml")
    assert is_opml(body)
    assert parse_opml(body, "freshrss-export.opml.xml") == (
        ["https://lab.example/feed.xml", "https://forum.example/atom?cat=1&lang=zh"],
        [],
    )


def test_lists_of_all_readers_are_read() -> None:
    body = b"""<?xml version="1.0"?><!-- exported --><OPML VERSION="1.0"><BODY>
    <OUTLINE TYPE="rss" XMLURL="https://a.example/f?cat=1&lang=zh&copy=2"/>
    <outline text="p50 < p99" xmlUrl="feed://b.example/f"/><outline xmlUrl="feed:https://c.example/f"/>
    <outline type="HTML+XPath" xmlUrl="https://page.example/"/><outline type="rss" url="https://d.example/f"/>
    <outline type="rss" xmlUrl="ftp://e.example/f"/></BODY></OPML>"""
    feeds, refused = parse_opml(body, "x.xml")
    assert feeds == [
        "https://a.example/f?cat=1&lang=zh&copy=2",
        "http://b.example/f",
        "https://c.example/f",
        "https://d.example/f",
    ]
    assert refused == ["line 5: no address of a feed"]
    assert parse_opml(body.decode().encode("utf-16"), "x.xml")[0] == feeds
    assert is_opml(b'<?xml version="1.0"?><!DOCTYPE opml [<!ENTITY a ">">]>\n<OPML version="2.0">')
    assert not is_opml(b"---\ntitle: an <opml> report\n---\n")
    assert not is_opml(b"<!doctype html><p>see <opml version=2> here")
    assert not is_opml(b"<!-- <opml> -->\n<rss/>")
    assert is_opml(b"<opml><body>" + b"<outline text='\xe7\x94\xb2'/>" * 900), "read in part"


async def test_a_refused_line_costs_no_other(store: Store) -> None:
    body = b'<opml><outline xmlUrl="https://a.example/"/>\n<outline xmlUrl="https://b.example/<x>"/></opml>'
    async with store:
        result = await import_feeds(body, "a.opml", TOPIC, store, NOW)
        assert result == (1, ["line 2: no address of a feed"])
        assert [spec.address for spec in await list_sources(TOPIC, store)][-1:] == ["https://a.example/"]  # fmt: skip
    with pytest.raises(DigestError, match="contains no feed; line 1"):
        parse_opml(b'<opml><outline xmlUrl="mailto:me"/></opml>', "a.opml")


# Old posts: F17's kind


def test_headings_and_front_matter_of_all_kinds_are_read() -> None:
    body = """---
title: "twitter_ai_20251206_20251206"
...
简要部分
========
核心信息
--------
- 要点甲
详细分析部分

重要观点与见解
--------
- 张三说了一句话。
"""
    report = read_post(body.encode(), "x.md").report
    texts = {s.name: [item.text for item in s.items] for s in report.sections if s.items}
    assert texts == {"points": ["要点甲"], "views": ["张三说了一句话。"]}
    for line in ("详细分析部分", "**详细分析部分**", "## 详细分析部分", "详细分析部分："):
        post = f"## 核心信息\n- 甲\n\n{line}\n\n### 重要观点\n- 乙\n"
        report = read_post(post.encode(), "twitter_ai_20251206.md").report
        assert [item.text for s in report.sections for item in s.items] == ["甲", "乙"]


# Links: F21 and hosts


def test_a_link_with_spaces_is_escaped() -> None:
    [post], _ = read_posts(case("feed-link-with-spaces.xml"))
    assert post.url == "https://files.example/papers/Nova%205%20report.pdf"


@pytest.mark.parametrize(
    ("address", "link"),
    [
        (" https://e.example/a\n  b ", "https://e.example/ab"),
        ("https://e.example/a b?q=c d#e f", "https://e.example/a%20b?q=c%20d#e%20f"),
        ('https://e.example/"<b>', "https://e.example/%22%3Cb%3E"),
        ("https://e.example/a\u202eb", "https://e.example/a%E2%80%AEb"),
        ("https://bücher.example/ä", "https://xn--bcher-kva.example/ä"),
        ("https://例子.example/", "https://xn--fsqu00a.example/"),
        ("https://exаmple.com/", ""),  # a Cyrillic letter
        ("https://xn--exmple-4nf.com/", ""),  # the same in punycode
        ("http://127.0.0.1/a", ""),
        ("http://１２７.0.0.1/a", ""),
        ("http://2130706433/", ""),
        ("http://[::1]:8080/", ""),
        ("http://router/", ""),
        ("https://user:pass@e.example/", ""),
        ("https://a.example/ https://b.example/", ""),
        ("https://e.example/" + "a" * 3_000, ""),
        ("javascript:alert(1)", ""),
    ],
)
def test_links_are_right_or_none(address: str, link: str) -> None:
    assert make_link(address) == link


def test_a_post_of_a_stranger_can_be_written_and_stored() -> None:
    post = Post("1\ud800", "x", "a\udc80da", "N\0ame", "t\ud83dext", NOW, "http://10.0.0.1/", links=("http://localhost/",))  # fmt: skip
    [admitted] = admit_posts([post], NOW)
    assert repr(admitted).encode()
    assert (admitted.author, admitted.text, admitted.url, admitted.links) == ("ada", "text", "", ())


# Networks: F03


@pytest.mark.parametrize(
    ("address", "proxied"),
    [
        ("http://127.0.0.1:8081", False),
        ("http://bot-api:8081", False),
        ("http://192.168.1.5/v1", False),
        ("https://api.openai.com/v1", True),
        ("", True),
    ],
)
def test_servers_near_by_are_asked_directly(address: str, proxied: bool) -> None:
    assert bool(choose_proxy(address, "http://proxy.example:3128")) == proxied


def test_a_message_tells_no_secret_of_an_address() -> None:
    told = describe_address("https://ann:secret@e.example/feed?key=hidden#frag")
    assert told == "e.example/feed"


# Order and size


def test_feeds_with_the_oldest_first_keep_their_newest() -> None:
    start = datetime(2024, 12, 1, tzinfo=UTC)
    rows = [
        (f"Entry {n}", f"https://e.example/{n}", start + timedelta(days=n), "x") for n in range(400)
    ]
    posts, _ = read_posts(rss(rows))
    assert len(posts) == 300
    assert max(post.created_at for post in posts) == rows[-1][2]
    items = [
        {"id": f"{n}", "title": title, "url": link, "date_published": at.isoformat()}
        for n, (title, link, at, _) in enumerate(rows)
    ]
    posts, _ = read_posts(json.dumps({"items": items}).encode())
    assert max(post.created_at for post in posts) == rows[-1][2]
    rows = [rows[0], *reversed(rows)]
    posts, _ = read_posts(rss(rows))
    assert max(post.created_at for post in posts) == rows[1][2], "an old entry is pinned"


def test_a_huge_entry_without_a_link_is_not_lost() -> None:
    posts, _ = read_posts(feed(f"<title>Long</title><description>{'word ' * 80_000}</description>"))
    assert [post.text.split("\n")[0] for post in posts] == ["Long"]


def test_packed_content_of_atom_is_no_text() -> None:
    body = (
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>A</title><id>1</id><link href="https://e.example/1"/>'
        b'<content type="application/octet-stream">QUJDREVGRw==</content></entry></feed>'
    )
    [post], _ = read_posts(body)
    assert post.text == "A"
