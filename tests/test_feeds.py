"""Feeds of all kinds as posts, the odd ones of ../shared/data, and those made to hurt."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import feedparser
import pytest

from digest.errors import FeedError
from digest.fetch import MAX_ENTRIES, Feed
from digest.fetch.feeds import parse
from digest.fetch.http import MAX_WIRE
from digest.fetch.identity import identity
from digest.fetch.pages import extract_links, plain_text
from digest.models import Post, SourceSpec, SourceState
from digest.sources import Access, admit_posts, open_source
from digest.sources.rss import FeedContext, feed_name, posts_of
from tests.costs import growth
from tests.hostile_feeds import HOSTILE
from tests.posts import WINDOW
from tests.source_servers import Server, rss, serving, status
from tools.feed_set import FOLDER, expect, headers_of, measure_costs, read_ours, read_theirs, same

NOW = datetime(2025, 12, 6, 12, tzinfo=UTC)
NO_DATA = not FOLDER.is_dir()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as made:
        yield made


def one(body: str, base: str = "https://feeds.example.com/x.xml") -> Post:
    """The first entry of a feed as a post."""
    return read_posts(parse(body.encode()), base)[0]


def read_posts(feed: Feed, base: str = "https://example.com/") -> list[Post]:
    """The entries of a feed as posts."""
    return admit_posts(posts_of(FeedContext(feed, base, NOW))[0], NOW)


def item(inside: str, spaces: str = "") -> str:
    return f"<rss version='2.0' {spaces}><channel><title>Some Feed</title><item>{inside}</item></channel></rss>"


@pytest.mark.skipif(NO_DATA, reason="../shared/data is absent")
def test_odd_feeds_are_read_as_well_as_feedparser_reads_them() -> None:
    rows = [json.loads(line) for line in (FOLDER / "index.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == 166
    right = alone = 0
    for row in rows:
        body = (FOLDER / row["file"]).read_bytes()
        headers = headers_of(row)
        try:
            feed = parse(body, headers)
        except FeedError:
            feed = Feed()
        assert all(len(post.key) <= 200 for post in read_posts(feed))
        if want := expect(row.get("expect") or ""):
            right += same(read_ours(feed, want), want)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read = feedparser.parse(io.BytesIO(body), response_headers=headers)
            alone += same(read_theirs(read, want), want)
    assert right >= alone > 30
    for cost in measure_costs([(FOLDER / row["file"], headers_of(row)) for row in rows]):
        assert cost.cpu < 1
        assert cost.megabytes < 64


def test_hostile_bodies_cost_little(tmp_path: Path) -> None:
    files = [tmp_path / str(number) for number in range(len(HOSTILE))]
    for path, body in zip(files, HOSTILE.values(), strict=True):
        assert len(body) <= MAX_WIRE
        path.write_bytes(body)
    for name, cost in zip(HOSTILE, measure_costs([(path, {}) for path in files]), strict=True):
        # A guard: the figure itself is printed by `make bench`.
        assert cost.cpu < 5, name
        assert cost.megabytes < 64, name


@pytest.mark.parametrize(
    ("size", "begin", "piece", "end", "charset"),
    [
        (4_000, "<rss><channel><item><pubDate>", " ", "x<i/></pubDate>", ""),
        (100_000, "<feed>", '<title type="text">', "x", ""),
        (8_000, '{"items": [{"date_published": "Mon Jan 1 00:00:00', " ", 'x"}]}', ""),
        (300_000, "<rss>-", "a", "", "punycode"),
    ],
)
def test_time_grows_with_the_length_alone(
    size: int, begin: str, piece: str, end: str, charset: str
) -> None:
    def read(text: str) -> None:
        with suppress(FeedError):
            parse(f"{begin}{text}{end}".encode(), {"content-type": f"text/xml; charset={charset}"})

    assert growth(read, piece, size) < 12


@pytest.mark.parametrize("codec", ["idna", "undefined", "punycode", "unicode_escape", "hex"])
def test_codecs_that_are_no_encodings_of_documents_are_passed_over(codec: str) -> None:
    body = f"<?xml version='1.0' encoding='{codec}'?>" + item("<title>A</title><link>/1</link>")
    assert parse(body.encode("cp037")).entries[0].title == "A"
    named = {"content-type": f"text/xml; charset={codec}"}
    assert parse(item("<title>É</title><link>/1</link>").encode(), named).entries[0].title == "É"


@pytest.mark.parametrize("name", ["outside entity", "12,000 entries", "deep pages"])
def test_hostile_bodies_gain_nothing(name: str) -> None:
    feed = parse(HOSTILE[name])
    assert not any("root:" in entry.title for entry in feed.entries), "files are never read"
    assert len(read_posts(feed)) <= MAX_ENTRIES


@pytest.mark.parametrize(
    ("encoding", "declared", "header"),
    [
        ("gb18030", "gb18030", ""),
        ("gbk", "gb2312", "text/xml"),
        ("big5", "big5", "text/xml"),
        ("utf-16", "utf-16", "text/xml"),
        ("utf-8", "", "text/xml; charset=utf-8"),
        ("gbk", "", "text/xml; charset=gbk"),
        ("utf-8-sig", "utf-8", "text/xml"),
        ("gbk", "x-gbk", ""),
        ("cp932", "Windows-31J", ""),
        ("big5", "big5", "text/xml; charset=iso-8859-1"),
        ("iso2022_jp", "iso-2022-jp", ""),
        # What is said wrong:
        ("utf-8", "gb2312", ""),
        ("utf-8", "iso-8859-1", "text/xml; charset=iso-8859-1"),
        ("utf-8", "", "text/xml; charset=gbk"),
        ("gb18030", "utf-8", "text/xml; charset=utf-8"),
        ("gb18030", "", ""),
        ("big5", "utf-8", ""),
        ("utf-16-le", "utf-16", ""),
        ("utf-16-be", "utf-8", ""),
        ("utf-32", "utf-32", "text/xml; charset=utf-8"),
        ("utf-32-be", "utf-32", ""),
    ],
)
def test_encodings_are_read(encoding: str, declared: str, header: str) -> None:
    head = f"<?xml version='1.0' encoding='{declared}'?>" if declared else ""
    title = "今天，某研究實驗室發布了新的人工智慧模型，價格只有上一代的一半"
    body = head + item(f"<title>{title}</title><link>https://example.com/1</link>")
    feed = parse(body.encode(encoding), {"content-type": header} if header else {})
    assert [entry.title for entry in feed.entries] == [title]


def test_one_broken_letter_makes_no_other_encoding() -> None:
    title = "新的人工智能模型发布了，价格只有一半"
    body = item(
        f"<title>{title}</title><link>https://e.example/</link><description>{title}</description>"
    )
    for broken in (body.encode().replace("半</d".encode(), b"\xe5</d"), body.encode()[:-40]):
        assert parse(broken).entries[0].title == title
    french = item("<title>Le modèle a été publié à Genève, où l'été était déjà là</title>")
    title = parse(french.encode("latin-1")).entries[0].title
    assert title == "Le modèle a été publié à Genève, où l'été était déjà là"


def test_what_xml_does_not_know_costs_no_words() -> None:
    feed = parse(
        item(
            "<title>A&nbsp;B &mdash; AT&T & &foo; end</title><link>https://e.example/1?a=1&b=2&copy=3</link>"
            "<description><![CDATA[<a href='/?c=1&d=2'>x</a> & y]]></description>"
        ).encode()
    )
    [entry] = feed.entries
    assert entry.title == "A\xa0B — AT&T & &foo; end"
    assert entry.link == "https://e.example/1?a=1&b=2&copy=3"
    assert entry.content == "<a href='/?c=1&d=2'>x</a> & y"
    own = "<!DOCTYPE rss [<!ENTITY lab 'Northlight'>]>" + item(
        "<title>&lab; &amp; co</title><guid>g</guid>"
    )
    assert parse(own.encode()).entries[0].title in {"Northlight & co", "& co", "&lab; & co"}


@pytest.mark.parametrize(
    ("said", "day", "hour"),
    [
        ("Sat, 06 Dec 2025 08:00:00 +08:00", 6, 0),
        ("<![CDATA[Sat, 06 Dec 2025 08:00:00 +08:00]]>", 6, 0),
        ("Sat, 06 Dec 2025 08:00:00 +0800", 6, 0),
        ("2025-12-06 08:00:00 +08:00", 6, 0),
        ("2025-12-06T08:00+08:00", 6, 0),
        ("Sat, 06 Dec 2025 08:00:00 PST", 6, 16),
        ("06 Dec 25 08:00 GMT", 6, 8),
        ("2025/12/06 08:00:00", 6, 8),
    ],
)
def test_dates_are_read_with_their_zones(said: str, day: int, hour: int) -> None:
    post = one(item(f"<title>A</title><link>https://e.example/1</link><pubDate>{said}</pubDate>"))
    assert post.created_at == datetime(2025, 12, day, hour, tzinfo=UTC)


def test_addresses_are_made_whole_with_the_base_that_the_feed_names() -> None:
    post = one(
        """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://b.example/x/"><title>C</title>
        <entry xml:base="y/"><title>T</title><link href="1.html"/><id>1</id></entry></feed>"""
    )
    assert post.url == "https://b.example/x/y/1.html"
    assert one(item("<title>A</title><link>/n/1</link>")).url == "https://feeds.example.com/n/1"


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
def test_a_feed_that_broke_off_gives_what_is_whole(cut: float) -> None:
    whole = rss([(f"Model {n}", f"https://example.com/{n}", NOW, "text") for n in range(20)])
    feed = parse(whole[: int(len(whole) * cut)])
    assert 0 < len(feed.entries) <= 20
    assert feed.entries[0].title == "Model 0"


def test_rss_1_gives_more_than_its_teasers() -> None:
    body = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
        xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>R</title></channel>
        <item><title>A</title><link>https://e.example/1</link><description>Short</description>
        <content:encoded>&lt;p&gt;The whole of it&lt;/p&gt;</content:encoded></item></rdf:RDF>"""
    assert one(body).text == "A\n\nThe whole of it"


def test_json_feed_is_read() -> None:
    data = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Lab",
        "items": [
            {
                "id": "1",
                "url": "https://example.com/1",
                "title": "Out",
                "content_html": "<p>A model</p>",
                "date_published": "2025-12-06T08:00:00Z",
                "authors": [{"name": "Zoë"}],
            }
        ],
    }
    latin = {"content-type": "application/json; charset=ISO-8859-1"}  # JSON is UTF-8 all the same
    [post] = read_posts(parse(json.dumps(data, ensure_ascii=False).encode(), latin))
    assert (post.key, post.text, post.author_name) == ("rss:example.com/1", "Out\n\nA model", "Zoë")
    assert post.created_at == datetime(2025, 12, 6, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("item_", "told"),
    [
        ({"id": 5, "url": "/1"}, ("Out\n\nwords", "https://feeds.example.com/1", "A, B")),
        (
            {"id": "g", "external_url": "https://o.example/"},
            ("Out\n\nwords", "https://o.example/", "A, B"),
        ),
        ({"id": "https://i.example/"}, ("Out\n\nwords", "https://i.example/", "A, B")),
        (
            {"id": "g", "url": "https://u.example/", "author": {"name": "V1"}, "title": None},
            ("words", "https://u.example/", "V1"),
        ),
    ],
)
def test_json_feeds_of_all_kinds(item_: dict[str, object], told: tuple[str, str, str]) -> None:
    items = [None, 5, "x", {"title": "Out", "content_text": "words", **item_}]
    data = {"title": "Lab", "authors": [{"name": "A"}, None, {"name": "B"}], "items": items}
    text = json.dumps(data).replace("words", "words\n")  # as templates write it
    for body in (text.encode(), text.encode("utf-8-sig"), text.encode("utf-16")):
        feed = parse(body)
        [post] = read_posts(feed, "https://feeds.example.com/x.json")
        assert (post.text, post.url, post.author_name) == told


@pytest.mark.parametrize("body", [b"{", b"{}", b'{"items": 5}', b'{"items": {}}', b'{"items": [1}'])
def test_what_is_no_json_feed_says_so(body: bytes) -> None:
    with pytest.raises(FeedError, match="not a feed"):
        parse(body)


@pytest.mark.parametrize(
    "link",
    [
        "https://x.com/ada/status/1978777949051420918",
        "https://twitter.com/ada/status/1978777949051420918?s=20",
        "https://nitter.example.net/ada/status/1978777949051420918#m",
        "http://localhost:1200/ada/status/1978777949051420918/photo/1",
    ],
)
def test_a_post_of_x_has_one_key_through_every_bridge(link: str) -> None:
    post = one(
        item(
            f"<title>RT by @bob: A model came o…</title><link>{link}</link><author>Ada (@ada)</author>"
            "<description>&lt;p&gt;A model came out, whole.&lt;/p&gt;</description>"
        )
    )
    assert post.key == "x:1978777949051420918"
    assert post.url == "https://x.com/ada/status/1978777949051420918"
    assert (post.author, post.text) == ("ada", "A model came out, whole.")


def test_a_feed_of_pages_puts_no_words_into_anybodys_mouth() -> None:
    link = "https://x.com/ada/status/1978777949051420918"
    page = "<item><title>A page</title><link>https://lab.example/1</link></item>"
    for byline in ("Jane Roe", "fan of ada", "@ada"):
        entry = f"<title>Ada left</title><link>{link}</link><author>{byline}</author>"
        body = f"<rss><channel><title>Links</title>{page}<item>{entry}</item></channel></rss>"
        _, post = read_posts(parse(body.encode()))
        assert (post.source, post.author, post.author_name) == ("rss", "", byline)
        assert post.url == link


def test_one_article_through_two_feeds_is_one_post() -> None:
    same_ = {
        identity(link).id
        for link in (
            "https://www.lab.example.com/news/a?utm_source=rss&id=3",
            "http://lab.example.com/news/a/?id=3&spm=1.2",
            "https://lab.example.com/news/a?id=3#top",
        )
    }
    assert same_ == {"lab.example.com/news/a?id=3"}
    assert identity("https://lab.example.com/news/a?id=4").id not in same_


REDDIT = """<feed xmlns="http://www.w3.org/2005/Atom"><title>LocalLLaMA</title><entry>
<author><name>/u/ada</name><uri>https://www.reddit.com/user/ada</uri></author><id>t3_1pehf5w</id>
<link href="https://www.reddit.com/r/LocalLLaMA/comments/1pehf5w/a_model/"/><updated>2025-12-06T08:00:00+00:00</updated>
<published>2025-12-06T08:00:00+00:00</published><title>A model</title><content type="html">
&lt;div&gt;&lt;p&gt;It runs on a phone.&lt;/p&gt;&lt;/div&gt; submitted by &lt;a href="https://www.reddit.com/user/ada"&gt; /u/ada &lt;/a&gt;
&lt;a href="https://lab.example.com/m"&gt;[link]&lt;/a&gt; &lt;a href="https://www.reddit.com/r/LocalLLaMA/comments/1pehf5w/a_model/"&gt;[comments]&lt;/a&gt;</content></entry></feed>"""


def test_reddit() -> None:
    post = one(REDDIT)
    assert post.key == "reddit:1pehf5w"
    assert (post.author, post.author_name) == ("ada", "r/LocalLLaMA")
    assert post.text == "A model\n\nIt runs on a phone."
    assert post.links == ("https://lab.example.com/m",)


def test_mastodon() -> None:
    post = one(
        item(
            "<guid>https://social.example/@ada/115000000000000001</guid><link>https://social.example/@ada/115000000000000001</link>"
            "<pubDate>Sat, 06 Dec 2025 08:00:00 +0000</pubDate><description>&lt;p&gt;A model&lt;/p&gt;&lt;p&gt;is out&lt;/p&gt;</description>"
        )
    )
    assert post.key == "mastodon:social.example/115000000000000001"
    assert (post.author, post.text) == ("ada@social.example", "A model\nis out")


def test_v2ex() -> None:
    post = one(
        """<feed xmlns="http://www.w3.org/2005/Atom"><title>V2EX</title><entry><title>[分享] 新模型</title>
        <link rel="alternate" type="text/html" href="https://www.v2ex.com/t/1177021#reply14"/><id>tag:www.v2ex.com,2025-12-06:/t/1177021</id>
        <published>2025-12-06T08:00:00Z</published><author><name>ada</name></author><content type="html">&lt;p&gt;便宜一半&lt;/p&gt;</content></entry></feed>"""
    )
    assert post.key == "v2ex:1177021"
    assert (post.author, post.metrics) == ("ada", {"replies": 14})
    assert post.text == "[分享] 新模型\n\n便宜一半"
    assert post.url == "https://www.v2ex.com/t/1177021"


def test_youtube() -> None:
    spaces = 'xmlns:yt="http://www.youtube.com/xml/schemas/2015" xmlns:media="http://search.yahoo.com/mrss/"'
    post = one(
        f"""<feed {spaces} xmlns="http://www.w3.org/2005/Atom"><title>Lab</title><entry><id>yt:video:abcdefghijk</id>
        <yt:videoId>abcdefghijk</yt:videoId><title>A model, shown</title><link rel="alternate" href="https://www.youtube.com/watch?v=abcdefghijk"/>
        <author><name>Lab</name></author><published>2025-12-06T08:00:00+00:00</published><media:group><media:title>A</media:title>
        <media:description>What it can do.</media:description><media:community><media:starRating count="12" average="5.00" min="1" max="5"/>
        <media:statistics views="345"/></media:community></media:group></entry></feed>"""
    )
    assert post.key == "youtube:abcdefghijk"
    assert post.author_name == "Lab"
    assert post.metrics == {"likes": 12, "views": 345}
    assert post.text == "A model, shown\n\nWhat it can do."


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("watch?v=abcdefghijk", "youtube"),
        ("live/abcdefghijk", "youtube"),
        ("watchparty/abcdef", ""),
        ("shorts/", ""),
    ],
)
def test_addresses_of_videos(path: str, key: str) -> None:
    video = identity(f"https://www.youtube.com/{path}")
    assert (video.source if video and video.source == "youtube" else "") == key


def test_arxiv() -> None:
    post = one(
        item(
            "<title>A Paper</title><link>https://arxiv.org/abs/2512.01234v2</link><guid isPermaLink='false'>oai:arXiv.org:2512.01234v2</guid>"
            "<description>arXiv:2512.01234v2 Announce Type: new \nAbstract: We cut the cost.</description>"
            "<pubDate>Sat, 06 Dec 2025 00:00:00 -0500</pubDate><dc:creator>Ada Lin, Bob Ray</dc:creator>",
            'xmlns:dc="http://purl.org/dc/elements/1.1/"',
        )
    )
    assert post.key == "arxiv:2512.01234"
    assert post.author_name == "Ada Lin et al."
    assert post.text == "A Paper\n\nWe cut the cost."


def test_hacker_news_through_a_feed_is_the_story() -> None:
    post = one(
        item(
            "<title>A model</title><link>https://lab.example.com/m</link><comments>https://news.ycombinator.com/item?id=46155085</comments>"
            "<dc:creator>ada</dc:creator><description>&lt;p&gt;Points: 120&lt;/p&gt;&lt;p&gt;# Comments: 45&lt;/p&gt;</description>",
            'xmlns:dc="http://purl.org/dc/elements/1.1/"',
        )
    )
    assert post.key == "hn:46155085"
    assert (post.author, post.metrics) == ("ada", {"likes": 120, "replies": 45})
    assert post.links == ("https://lab.example.com/m",)


def test_dates_that_cannot_be_are_the_time_of_the_first_sight() -> None:
    for said in ("", "<pubDate>soon</pubDate>", "<pubDate>Sat, 06 Dec 2085 08:00:00 GMT</pubDate>"):
        assert (
            one(item(f"<title>A</title><link>https://example.com/1</link>{said}")).created_at == NOW
        )


def test_markup_of_strangers_becomes_words() -> None:
    post = one(
        item(
            "<title>&lt;b&gt;A&lt;/b&gt; &amp;amp; B</title><link>javascript:alert(1)</link><guid>http://x[::1]@</guid><description>"
            "&lt;script&gt;evil()&lt;/script&gt;&lt;b style='top:0;display: none'&gt;unseen&lt;/b&gt;&lt;p onclick='x'&gt;Hi&lt;/p&gt;&lt;a href='javascript:x'&gt;y&lt;/a&gt;</description>"
        )
    )
    assert post.text == "A & B\n\nHi\ny"
    assert (post.url, post.links) == ("", ())
    assert plain_text("5 < 6 & <a title='display:none'>7 > 3</a>") == "5 < 6 & 7 > 3"
    assert extract_links(
        '<a href="/a">1</a><a href="https://b.example/">2</a><a href="mailto:x@y">3</a>',
        "https://c.example/",
    ) == (
        "https://c.example/a",
        "https://b.example/",
    )


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://openai.com/news/rss.xml", "openai.com/news"),
        ("https://www.reddit.com/r/LocalLLaMA/top/.rss?t=day", "reddit.com/r/LocalLLaMA/top"),
        ("https://www.qbitai.com/feed", "qbitai.com"),
        ("https://media.rss.com/show/feed.xml", "media.rss.com/show"),
        ("https://ann:secret@example.com/private.atom?key=1", "example.com/private"),
    ],
)
def test_names_are_short_and_tell_no_secret(address: str, name: str) -> None:
    assert feed_name(address) == name


async def test_a_feed_that_has_not_changed_costs_nothing(server: Server) -> None:
    since = "Sat, 06 Dec 2025 08:00:00 GMT"
    headers = {"etag": '"7"', "last-modified": since}
    address = server.serve("/feed", rss([("A", "https://example.com/1", NOW, "x")]), headers)
    source = open_source(SourceSpec("rss", address, private=True), Access())
    posts, state = await source.fetch(WINDOW, SourceState())
    assert len(posts) == 1
    server.trouble = status(304)
    posts, again = await source.fetch(WINDOW, state)
    asked = server.asked[-1].headers
    assert (asked["if-none-match"], asked["if-modified-since"]) == ('"7"', since)
    assert (posts, again.marks) == ((), state.marks)
    await source.fetch(WINDOW, SourceState({"etag": '"é"'}))
    assert "if-none-match" not in server.asked[-1].headers


async def test_a_feed_that_moved_for_good_is_asked_there(server: Server) -> None:
    body = rss([("A", "https://example.com/1", NOW, "x")])
    server.paths["/old"] = status(301, {"location": "/new"})
    server.serve("/new", body)
    source = open_source(SourceSpec("rss", server.url("/old"), private=True), Access())
    _, state = await source.fetch(WINDOW, SourceState())
    assert state.address == server.url("/new")
    _, again = await source.fetch(WINDOW, state)
    assert [request.path for request in server.asked] == ["/old", "/new", "/new"]
    assert again.address == state.address


async def test_a_page_that_says_moved_but_is_no_feed_changes_nothing(server: Server) -> None:
    server.paths["/old"] = status(301, {"location": "/login"})
    server.serve("/login", b"<html><title>Log in</title></html>")
    source = open_source(SourceSpec("rss", server.url("/old"), private=True), Access())
    with pytest.raises(Exception, match="not a feed"):
        await source.fetch(WINDOW, SourceState())
