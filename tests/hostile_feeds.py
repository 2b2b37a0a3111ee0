"""Bodies that are made to hurt a parser of feeds, by name."""

from __future__ import annotations

from collections.abc import Mapping

_HEAD = b"<rss version='2.0'><channel><title>x</title>"
_TAIL = b"</channel></rss>"
_ITEM = b"<item><title>T %d</title><link>https://example.com/%d</link><description>%b</description></item>"
_ITEMS = b"".join(_ITEM % (n, n, b"word " * 60) for n in range(12_000))
_LOL = b"".join(b'<!ENTITY l%d "%b">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
_ATTRIBUTES = [b"a%d='x'" % n for n in range(20_000)]

HOSTILE: Mapping[str, bytes] = {
    "empty": b"",
    "zeros": b"\0" * 5_000_000,
    "12,000 entries": _HEAD + _ITEMS + _TAIL,
    "cut in the middle": (_HEAD + _ITEMS)[:2_000_001],
    "links misspelled": (_HEAD + _ITEMS + _TAIL).replace(b"link>", b"lonk>"),
    "20,000 attributes": _HEAD
    + b"<item "
    + b" ".join(_ATTRIBUTES)
    + b"><title>t</title></item>"
    + _TAIL,
    "attributes with tags": _HEAD
    + b"<item "
    + b" ".join(_ATTRIBUTES).replace(b"x", b"<x>")
    + b"><title>t</title></item>"
    + _TAIL,
    "deep": b"<rss><channel>" + b"<a>" * 40_000 + _TAIL,
    "deeper": b"<rss><channel><item>" + b"<div>" * 700_000,
    "only <": b"<" * 5_000_000,
    "entities": _HEAD + b"<item><title>" + b"&amp;" * 900_000 + b"</title></item>" + _TAIL,
    "one long section": _HEAD
    + b"<item><title>x</title><description><![CDATA["
    + b"<p>hi</p>" * 500_000
    + b"]]></description></item>"
    + _TAIL,
    "a page": b"<html><head><title>x</title></head><body>" + b"<p>x" * 1_000_000,
    "billion laughs": b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "lol">'
    + _LOL
    + b"]>"
    + _HEAD
    + b"<item><title>&l9;</title></item>"
    + _TAIL,
    "outside entity": b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    + _HEAD
    + b"<item><title>&f;</title><link>https://example.com/1</link></item>"
    + _TAIL,
    "spaces": _HEAD + b"<item " + b" " * 3_000_000 + b"><title>t</title></item>" + _TAIL,
    "quotes": b"<rss a='" * 600_000,
    "nested lists": b'{"version":"https://jsonfeed.org/version/1.1","items":[' + b"[" * 3_000_000,
    "60,000 entries": b'{"version":"https://jsonfeed.org/version/1.1","title":"x","items":['
    + b",".join(
        b'{"id":"%d","url":"https://example.com/%d","content_text":"hi"}' % (n, n)
        for n in range(60_000)
    )
    + b"]}",
    "long encoding": b"<?xml version='1.0' encoding='" + b"a" * 2_000_000,
    "comments": b"<!--" * 1_000_000,
    "links never closed": b"<rss><channel>" + b"<link a>" * 600_000,
}
