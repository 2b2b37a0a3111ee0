"""Text, links and markup of feeds and pages that careless programs wrote."""

from __future__ import annotations

import pytest

from digest.errors import SourceError
from digest.fetch.identity import identity
from digest.fetch.pages import plain_text
from digest.models import SourceSpec, SourceState
from digest.sources import Access, open_source
from tests.posts import WINDOW
from tests.source_servers import serving
from tests.test_feeds import item, one

_DIV = (
    '<{0}div xmlns{1}="http://www.w3.org/1999/xhtml"><{0}p>a &lt; b</{0}p><{0}p>c</{0}p></{0}div>'
)
_PAGE = '<link href="/1"/>'


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        (f'<content type="xhtml">{_DIV.format("", "")}</content>', "T\n\na < b\nc"),
        (f'<summary type="xhtml">{_DIV.format("h:", ":h")}</summary>', "T\n\na < b\nc"),
        (f'<content type="application/xhtml+xml">{_DIV.format("", "")}</content>', "T\n\na < b\nc"),
    ],
)
def test_xhtml_of_atom_is_read_without_its_tags(inside: str, text: str) -> None:
    head = "<feed xmlns='http://www.w3.org/2005/Atom'><entry><id>1</id>"
    assert one(f"{head}<title>T</title>{_PAGE}{inside}</entry></feed>").text == text


@pytest.mark.parametrize(
    "links",
    [
        '<link rel="enclosure" href="/a.mp3"/><link href="/1"/>',
        '<link rel="alternate" type="application/json" href="/1.json"/>'
        '<link rel="alternate" type="text/html" href="/1"/>',
    ],
)
def test_the_link_of_an_entry_is_its_page(links: str) -> None:
    entry = f"<entry><id>1</id><title>T</title>{links}<content>x</content></entry>"
    post = one(f"<feed xmlns='http://www.w3.org/2005/Atom'>{entry}</feed>")
    assert post.url == "https://feeds.example.com/1"


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<title>It&#146;s A&#xD83D;&#xDE00; &#99999999;B</title>", "It’s A\ufffd\ufffd \ufffdB"),
        ("<title>\n  A title\r\n\t that is wrapped</title>", "A title that is wrapped"),
        (
            "<title>A</title><description><p>Not <b>es</b>caped</p></description>",
            "A\n\nNot escaped",
        ),
    ],
)
def test_text_of_careless_programs_is_read(inside: str, text: str) -> None:
    assert one(item(f"{inside}<link>/1</link>")).text == text


def test_an_episode_without_a_page_leads_to_its_file() -> None:
    inside = '<title>Ep</title><guid>7</guid><enclosure url="/7.mp3" type="audio/mpeg" length="1"/>'
    assert one(item(inside)).url == "https://feeds.example.com/7.mp3"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("Intro<p>Next</p>tail", "Intro\nNext\ntail"),
        ("x<ul><li>y<ul><li>z</li></ul></li></ul>", "x\ny\nz"),
        ("<figure><figcaption>Photo</figcaption></figure><p>A</p>", "Photo\nA"),
        ("<dl><dt>A</dt><dd>B</dd></dl>", "A\nB"),
        ("<table><tr><td>Price</td><td>$5</td></tr></table>", "Price $5"),
    ],
)
def test_words_of_different_blocks_stay_apart(html: str, text: str) -> None:
    assert plain_text(html) == text


@pytest.mark.parametrize(
    ("kind", "href", "said"),
    [
        ("application/rss+xml", "https://blog.example/feed", "its feed: https://blog.example/feed"),
        ("application/atom+xml", "//blog.example/a", "its feed: http://blog.example/a"),
        ("application/rss+xml", "javascript:x", "give the address"),
        ("application/rss+xml", "http://10.0.0.1/", "give the address"),
        ("application/json+oembed", "https://blog.example/o", "give the address"),
    ],
)
async def test_a_page_says_where_its_feed_is(kind: str, href: str, said: str) -> None:
    page = f'<!doctype html><head><link rel="Alternate" type="{kind}" href="{href}"></head>'
    async with serving() as server:
        server.serve("/", page.encode())
        source = open_source(SourceSpec("rss", server.url("/"), private=True), Access())
        with pytest.raises(SourceError, match=said):
            await source.fetch(WINDOW, SourceState())


def test_a_post_of_x_without_its_author_is_the_same() -> None:
    who = identity("https://x.com/i/web/status/1978777949051420918?s=20")
    assert (who.source, who.id) == ("x", "1978777949051420918")
    assert (who.author, who.url) == ("", f"https://x.com/i/status/{who.id}")
