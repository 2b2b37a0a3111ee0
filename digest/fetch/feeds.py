"""RSS, Atom, RDF, CDF and JSON Feed as entries, whatever state they are in.

fastfeedparser reads first. feedparser, thirty times slower, reads what that cannot: where it raises, where
the first entry lacks a title or a link, and where a feed carries counts, which only feedparser tells.
What it is given is cut, because its time grows faster than the feed.
"""

from __future__ import annotations

import calendar
import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html.entities import html5
from itertools import islice
from typing import Any

import fastfeedparser
import feedparser

from digest.errors import FeedError
from digest.fetch import jsonfeed
from digest.fetch.encodings import readable
from digest.fetch.entries import MAX_CONTENT, MAX_ENTRIES, MAX_TITLE, Entry, Feed, in_utc, text_of

MAX_SLOW = 300_000
"""Bytes that feedparser is given."""
MAX_ATTRIBUTES = 60
"""Attributes of one element: feedparser's time grows with their square."""
MAX_TAGS = 6_000
"""Tags that feedparser is given: its time grows with their depth."""
MAX_ELEMENTS = 60_000
"""Tags that fastfeedparser is given: a tree of a million takes 400 MB."""
MAX_TAG = 100_000
"""Bytes of one tag."""
MAX_UNCLOSED = 50_000
"""Tags that are never closed: a tree that deep takes 300 MB."""
MAX_SPACES = 3_000
"""Declarations of namespaces: time grows with their square. An article in XHTML has one."""

_SLOW = re.compile(rb"<(?:slash:comments|media:statistics|media:starRating)\b|\sxml:base\s*=")
"""What only feedparser tells: counts, and addresses from another base than the feed's own."""
MAX_AMPERSANDS = 200_000
_AMPERSAND = re.compile(
    rb"<!\[CDATA\[[^\]]*+(?:\](?!\]>)[^\]]*+)*+"
    rb"|&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});)([A-Za-z][A-Za-z0-9]{1,30};)?"
)
"""Those that XML does not know, outside of CDATA, which is passed over."""
_COLON_IN_ZONE = re.compile(rb"(\d:\d\d [+-]\d\d):(\d\d)(?=\s*(?:\]\]>\s*)?</)")
"""`Sat, 06 Dec 2025 08:00:00 +08:00` is no form of RFC 822, and fastfeedparser leaves such a zone out."""
_ENTRY = re.compile(rb"<(?:\w{1,20}:)?(?:item|entry)[\s/>]", re.IGNORECASE)
_TAG = re.compile(rb"<[A-Za-z/]")
_OPENING = re.compile(rb"""<[A-Za-z](?:[^<>"']|"[^"<]*"|'[^'<]*')*+>?""")
_HTML = re.compile(rb"\s*(?:<!doctype html|<html)", re.IGNORECASE)
_SUBSET = re.compile(rb"<!DOCTYPE[^\[<>]{0,500}\[.{0,20000}?\]\s*>", re.IGNORECASE | re.DOTALL)
"""A document's own entities: those that unfold into each other take a second to refuse."""
_END = re.compile(rb"</(?:\w+:)?(?:item|entry)\s*>", re.IGNORECASE)


def parse(body: bytes, headers: Mapping[str, str] | None = None) -> Feed:
    """The feed in a body. `headers` may name its encoding and its place. Raises FeedError."""
    body, headers = readable(body, headers or {})
    if jsonfeed.looks_so(body):
        return jsonfeed.parse(body)
    body = _cut(body)
    try:
        found = _feed(fastfeedparser.parse(_decoded(body, headers)))
    except Exception:  # noqa: BLE001 (a parser of hostile bytes may raise anything)
        found = None
    if found and found.entries and not _SLOW.search(body):
        first = found.entries[0]
        if first.title and first.link:
            return found
    slow = _slowly(body, headers)
    if slow and (not found or _complete(slow) >= _complete(found)):
        return slow
    if found is None:
        raise FeedError("no feed: give the address of its RSS or Atom file")
    return found


def _cut(body: bytes) -> bytes:
    """What parsers can take: the entries that are read, tags by the hundred thousand, some attributes each.
    Raises FeedError for what is none of theirs."""
    for pattern, most in ((_TAG, MAX_ELEMENTS), (_ENTRY, MAX_ENTRIES)):
        more = next(islice(pattern.finditer(body), most, None), None)
        if more is not None:
            body = body[: more.start()]
    if body.count(b"<") - 2 * body.count(b"</") - body.count(b"/>") > MAX_UNCLOSED:
        raise FeedError("no feed: its tags are never closed")
    if body.count(b"xmlns") > MAX_SPACES:
        raise FeedError("no feed: it declares thousands of namespaces")
    if body.count(b"&") <= MAX_AMPERSANDS:
        own = b"<!ENTITY" in body[:20_000]
        body = _AMPERSAND.sub(lambda found: _written_out(found, own=own), body)
    return _COLON_IN_ZONE.sub(rb"\1\2", _OPENING.sub(_fewer, body))


def _written_out(found: re.Match[bytes], *, own: bool) -> bytes:
    """`AT&T` and `&nbsp;` as XML wants them: fastfeedparser drops what follows. `own`: the document names
    entities itself."""
    name = found[1] or b""
    if found.group()[:1] == b"<" or (own and name):
        return found.group()
    meant = html5.get(name.decode("ascii"), "")
    return "".join(f"&#{ord(letter)};" for letter in meant).encode() or b"&amp;" + name


def _complete(feed: Feed) -> tuple[int, int]:
    """How many entries have what a post needs, and how many there are."""
    whole = sum(bool(e.link and (e.title or e.content)) for e in feed.entries)
    return whole, len(feed.entries)


def _decoded(body: bytes, headers: Mapping[str, str]) -> bytes | str:
    """Text where the server names an encoding other than the body's own declaration, as HTTP has it."""
    named = re.search(r"charset\s*=\s*[\"']?([\w.:-]{1,30})", headers.get("content-type", ""))
    if named is None or body[:2] in (b"\xff\xfe", b"\xfe\xff") or body[:3] == b"\xef\xbb\xbf":
        return body
    declared = re.match(rb"\s*<\?xml[^>]{0,100}encoding\s*=\s*[\"']([\w.:-]{1,30})", body)
    if declared and declared[1].decode("ascii").lower() == named[1].lower():
        return body
    try:
        text = body.decode(named[1])
    except (LookupError, UnicodeDecodeError):
        return body
    # A text that looks like an address would be fetched.
    return body if text.lstrip().lower().startswith("http") else text


def _slowly(body: bytes, headers: Mapping[str, str]) -> Feed | None:
    if _HTML.match(body.removeprefix(b"\xef\xbb\xbf")):
        return None
    kept = {
        n: v
        for n, v in headers.items()
        if n in {"content-type", "content-location", "content-language"}
    }
    try:
        read = feedparser.parse(
            io.BytesIO(_bounded(body)), response_headers=kept, sanitize_html=False
        )
        described = (read.get("feed") or {}).get("link")
        return _feed(read) if read.get("version") or read.get("entries") or described else None
    except Exception:  # noqa: BLE001 (a parser of hostile bytes may raise anything)
        return None


def _bounded(body: bytes) -> bytes:
    """What feedparser gets: whole entries up to a size, and no entities."""
    if len(body) > MAX_SLOW:
        ends = [match.end() for match in _END.finditer(body, 0, MAX_SLOW)]
        body = body[: ends[-1] if ends else MAX_SLOW]
    body = _SUBSET.sub(b"", body, count=1)
    tags = islice(_TAG.finditer(body), MAX_TAGS, None)
    if (last := next(tags, None)) is not None:
        body = body[: last.start()]
    return body


def _fewer(tag: re.Match[bytes]) -> bytes:
    """The tag with its first attributes; nothing in place of a huge one."""
    text = tag.group()
    if len(text) > MAX_TAG:
        return b""
    if text.count(b"=") <= MAX_ATTRIBUTES:
        return text
    place = -1
    for _ in range(MAX_ATTRIBUTES):
        place = text.find(b"=", place + 1)
    head = text[:place].rsplit(None, 1)[0]
    return head + (b"/>" if text.endswith(b"/>") else b">")


def _feed(read: Mapping[str, Any]) -> Feed:
    # As plain dictionaries: feedparser's own warn where a date is missing.
    about = dict(read.get("feed") or {})
    return Feed(
        title=text_of(about.get("title"))[:MAX_TITLE],
        link=text_of(about.get("link")),
        updated=_date(about, "updated") or _date(about, "published"),
        language=text_of(about.get("language"))[:20],
        entries=tuple(_entry(dict(one)) for one in (read.get("entries") or ())[:MAX_ENTRIES]),
    )


def _entry(read: Mapping[str, Any]) -> Entry:
    return Entry(
        title=text_of(read.get("title"))[:MAX_TITLE],
        link=_link(read),
        id=text_of(read.get("id"))[:500],
        content=_content(read)[:MAX_CONTENT],
        author=_author(read),
        published=_date(read, "published") or _date(read, "updated") or _date(read, "created"),
        comments=text_of(read.get("comments")),
        metrics=_metrics(read),
    )


def _link(read: Mapping[str, Any]) -> str:
    """The page of the entry: what is named so, before a file that goes with it."""
    listed = read.get("links")
    for one in listed if isinstance(listed, list) else ():
        if (
            isinstance(one, Mapping)
            and one.get("rel") == "alternate"
            and (to := text_of(one.get("href")))
        ):
            return to
    return text_of(read.get("link"))


def _content(read: Mapping[str, Any]) -> str:
    """The longer of summary and content: some feeds have teasers in one, some in the other."""
    texts = [text_of(read.get("summary")), text_of(read.get("description"))]
    listed = read.get("content")
    for one in listed if isinstance(listed, list) else ():
        if (isinstance(one, Mapping) and "html" in (text_of(one.get("type")) or "html")) or (
            isinstance(one, Mapping) and text_of(one.get("type")).startswith("text")
        ):
            texts.append(text_of(one.get("value")))
    return max(texts, key=len)


def _author(read: Mapping[str, Any]) -> str:
    names: list[str] = []
    listed = read.get("authors")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, Mapping) and (name := text_of(one.get("name"))):
            names.append(name)
    return (", ".join(dict.fromkeys(names)) or text_of(read.get("author")))[:MAX_TITLE]


def _metrics(read: Mapping[str, Any]) -> dict[str, int]:
    """Counts of the slash and media namespaces (Media RSS 1.5.1, media:community)."""
    said = {
        "replies": read.get("slash_comments"),
        "views": (read.get("media_statistics") or {}).get("views"),
        "likes": (read.get("media_starrating") or {}).get("count"),
    }
    texts = {name: text_of(value) for name, value in said.items()}
    return {name: int(text) for name, text in texts.items() if re.fullmatch(r"\d{1,12}", text)}


def _date(read: Mapping[str, Any], name: str) -> datetime | None:
    """feedparser gives a time tuple in UTC, fastfeedparser ISO 8601."""
    parsed = read.get(f"{name}_parsed")
    try:
        if parsed:
            return datetime.fromtimestamp(calendar.timegm(parsed), UTC)
        found = datetime.fromisoformat(text_of(read.get(name)))
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return in_utc(found)
