"""Bodies that are made to hurt a parser of feeds, by name."""

from __future__ import annotations

from collections.abc import Mapping

_HEAD = b"<rss version='2.0'><channel><title>x</title>"
_TAIL = b"</channel></rss>"
_ITEM = b"<item><title>T %d</title><link>https://example.com/%d</link><description>%b</description></item>"
_ITEMS = b"".join(_ITEM % (n, n, b"word " * 60) for n in range(12_000))
_LOL = b"".join(b'<!ENTITY l%d "%b">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
_ATTRIBUTES = b" ".join(b"a%d='x'" % n for n in range(20_000))
_XML = b"<?xml version='1.0'?><!DOCTYPE l ["
_VERSION = b'{"version":"https://jsonfeed.org/version/1.1","title":"x","items":['
_TITLE = b"<item><title>%b</title><link>https://example.com/1</link></item>"
_ROWS = b'{"id":"%d","url":"https://example.com/%d","content_text":"hi"}'


def _rss(*parts: bytes) -> bytes:
    return b"".join([_HEAD, *parts, _TAIL])


def _item(attributes: bytes) -> bytes:
    return _rss(b"<item ", attributes, b"><title>t</title></item>")


def _page(html: bytes) -> bytes:
    """An entry with this page in it."""
    link = b"<title>t</title><link>https://e.com/1</link>"
    return b"<item>%b<description><![CDATA[%b]]></description></item>" % (link, html)


def _recoded(body: bytes, encoding: str) -> bytes:
    return body.decode().encode(encoding)


HOSTILE: Mapping[str, bytes] = {
    "empty": b"",
    "zeros": b"\0" * 5_000_000,
    "12,000 entries": _rss(_ITEMS),
    "cut in the middle": (_HEAD + _ITEMS)[:2_000_001],
    "links misspelled": _rss(_ITEMS).replace(b"link>", b"lonk>"),
    "20,000 attributes": _item(_ATTRIBUTES),
    "attributes with tags": _item(_ATTRIBUTES.replace(b"x", b"<x>")),
    "deep": b"<rss><channel>" + b"<a>" * 40_000 + _TAIL,
    "deeper": b"<rss><channel><item>" + b"<div>" * 700_000,
    "only <": b"<" * 5_000_000,
    "entities": _rss(_TITLE % (b"&amp;" * 900_000)),
    "one long section": _rss(_page(b"<p>hi</p>" * 500_000)),
    "a page": b"<html><head><title>x</title></head><body>" + b"<p>x" * 1_000_000,
    "billion laughs": _XML + b'<!ENTITY l0 "lol">' + _LOL + b"]>" + _rss(_TITLE % b"&l9;"),
    "outside entity": _XML + b'<!ENTITY f SYSTEM "file:///etc/passwd">]>' + _rss(_TITLE % b"&f;"),
    "spaces": _item(b" " * 3_000_000),
    "quotes": b"<rss a='" * 600_000,
    "nested lists": _VERSION + b"[" * 3_000_000,
    "60,000 entries": _VERSION + b",".join(_ROWS % (n, n) for n in range(60_000)) + b"]}",
    "long encoding": b"<?xml version='1.0' encoding='" + b"a" * 2_000_000,
    "comments": b"<!--" * 1_000_000,
    "links never closed": b"<rss><channel>" + b"<link a>" * 600_000,
    "70,000 entries": _rss(b"<item><title>T</title><link>https://e.com/1</link></item>" * 70_000),
    "namespaces": b"<rss a='>' "
    + b" ".join(b"xmlns:n%d='u'" % n for n in range(100_000))
    + b"><channel>",
    "nested namespaces": _HEAD
    + b"".join(b"<a xmlns:n%d='u'>" % n for n in range(100_000))
    + b"</a>" * 100_000,
    "empty entries": _rss(b"<item/>" * 700_000),
    "empty tags": _rss(b"<a/>" * 1_200_000),
    "empty objects": _VERSION + b"{}," * 600_000 + b"{}]}",
    "one long name": _HEAD + b"<" + b"a" * 4_900_000 + b">",
    "links in an entry": b"<feed xmlns='http://www.w3.org/2005/Atom'><entry>"
    + b"<link href='https://e.com/1'/>" * 120_000
    + b"</entry></feed>",
    "deep pages": _rss(_page(b"<div>" * 9_000 + b"</div>" * 9_000) * 48),
    "pages with attributes": _HEAD
    + _page(b"<p x='>' " + b" ".join(b"a%d" % n for n in range(2_200)) + b">") * 300,
    "pages of links": _rss(_page(b"<a href=/x>y</a>" * 1_000) * 300),
    "attributes behind >": _item(b"a='>' " + _ATTRIBUTES),
    "attributes in UTF-16": _recoded(_item(_ATTRIBUTES), "utf-16"),
    "laughs in UTF-16": _recoded(
        b"<!DOCTYPE l [<!ENTITY l0 'lol'>"
        + _LOL
        + b"]>"
        + _HEAD
        + b"<item><title>&l9;</title></item>",
        "utf-16",
    ),
    "letters of another time": _recoded(
        b"<?xml version='1.0' encoding='cp037'?>" + _HEAD + b"<item><lonk>x</lonk></item>" * 30_000,
        "cp037",
    ),
    "ampersands": _rss(_TITLE % (b"&" * 4_000_000)),
    "sections never closed": _HEAD + b"<![CDATA[" * 500_000,
}
