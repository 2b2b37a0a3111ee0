"""Parse RSS, Atom, RDF, CDF and JSON Feed into entries, however malformed they are.

fastfeedparser comes first. feedparser, which is thirty times slower, is used if that fails, if the
first entry lacks a title or a link, or if the feed has elements that only feedparser supports. Its
input is cut, because its time grows faster than linearly. For both, dates are converted to UTC,
plain text and XHTML to HTML beforehand, because they lose time zones, the text type and summaries.
"""

import calendar
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from html import escape, unescape
from html.entities import html5
from itertools import islice
from typing import Any

import fastfeedparser
import feedparser

from digest.errors import FeedError
from digest.fetch import (
    MAX_CONTENT,
    MAX_ENTRIES,
    MAX_TITLE,
    Entry,
    Feed,
    UnknownZone,
    iter_mappings,
    load_object,
    parse_date,
    strip_text,
)
from digest.fetch.encodings import as_utf8

MAX_SLOW = 300_000
"""Maximum input of feedparser, in bytes."""
MAX_HEAD = 10_000
"""Maximum input of feedparser for a feed without entries, in bytes."""
MAX_ATTRIBUTES = 60
"""Maximum attributes per element: feedparser takes quadratic time."""
MAX_TAGS = 6_000
"""Maximum tags for feedparser, whose time grows with nesting depth."""
MAX_ELEMENTS = 60_000
"""Maximum tags for fastfeedparser: a tree of a million takes 400 MB."""
MAX_TAG = 100_000
"""Maximum length of a tag, in bytes."""
MAX_UNCLOSED = 50_000
"""Maximum unclosed tags: a tree that deep takes 300 MB."""
MAX_SPACES = 3_000
"""Maximum namespace declarations: time grows quadratically. An XHTML article has one."""

_SLOW = re.compile(
    rb"<(?:slash:comments|media:statistics|media:starRating|rdf:RDF)\b|<description>\s*<[a-z]|\sxml:base\s*=|\smode\s*=\s*[\"']base64"
)
"""Elements that only feedparser supports: counts, HTML that is not escaped, xml:base, base64,
RSS 1.0 beyond its teasers."""
MAX_JSON = 2_000_000
"""Maximum size of a JSON Feed in bytes: its objects take twenty times as much memory."""
MAX_JSON_OBJECTS = 50_000
"""Maximum JSON objects: even an empty one takes 300 bytes."""
MAX_AMPERSANDS = 200_000
_AMPERSAND = re.compile(
    rb"<!\[CDATA\[[^\]]*+(?:\](?!\]>)[^\]]*+)*+"
    rb"|&(?!(?:amp|lt|gt|quot|apos);)((?:#\w{1,8}|[A-Za-z][A-Za-z0-9]{1,30});)?"
)
"""Ampersands that are not valid XML, or not certainly, outside of CDATA."""
_DATE = re.compile(
    rb"(<(?:\w{1,20}:)?(?:pubDate|date|published|updated|issued|modified|created)\b[^<>]{0,200}>)\s*+"
    rb"(?:<!\[CDATA\[)?([^<>\]]++\]?)(?:\]\]>)?\s*+(?=</)",
    re.IGNORECASE,
)
_PLAIN = re.compile(
    rb"(<(title|summary|content)\s[^<>]{0,200}?type\s*=\s*[\"'])"
    rb"(?:text(?:/plain)?|(?:application/)?(xhtml)(?:\+xml)?)([\"'][^<>]{0,200}>)"
    rb"((?:[^<]++|<(?!/?\2\b))*+)(?=</\2>)"
)
"""Atom's constructs of plain text or XHTML, up to the next tag of the same name."""
_PACKED = re.compile(
    rb"(<content\s[^<>]{0,200}?type\s*=\s*[\"'](?:application/(?!xhtml|xml)|image/|audio/|video/)[^<>]*>)[^<]*(?=</content>)"
)
"""Atom content of non-text types, which is base64."""
_ENTRY = re.compile(rb"<(?:\w{1,20}:)?(?:item|entry)[\s/>]", re.IGNORECASE)
_TAG = re.compile(rb"<[A-Za-z/]")
_OPENING = re.compile(rb"""<[A-Za-z](?=[^<]{60})(?:[^<>"']|"[^"<]*"|'[^'<]*')*+>?""")
"""Opening tags that may have more than MAX_ATTRIBUTES."""
_HTML = re.compile(rb"\s*(?:<!doctype html|<html)", re.IGNORECASE)
_SUBSET = re.compile(
    rb"<!DOCTYPE[^\[<>]{0,500}\[(?:(?!<!DOCTYPE).){0,20000}?\]\s*>", re.IGNORECASE | re.DOTALL
)
"""A document type with its own entities: nested entities take a second to reject."""


def parse(body: bytes, headers: Mapping[str, str] | None = None) -> Feed:
    """Parse a feed. `headers` may contain its encoding and location. Raise FeedError."""
    body, headers = as_utf8(body, headers or {})
    if body.lstrip(b" \t\r\n")[:1] == b"{":
        return _parse_json(body)
    body = _limit(body)
    body, unknown_zone = _normalize(body)
    try:
        fast = _feed(fastfeedparser.parse(body), unknown_zone)
    except Exception:  # noqa: BLE001 (a parser of hostile bytes may raise anything)
        fast = None
    if fast and fast.entries and not _SLOW.search(body):
        first = fast.entries[0]
        if first.title and first.link:
            return fast
    slow = _parse_slowly(body, headers, unknown_zone)
    if slow and (not fast or _completeness(slow) >= _completeness(fast)):
        return slow
    if fast is None:
        raise FeedError("not a feed: give the address of its RSS or Atom file")
    return fast


def _limit(body: bytes) -> bytes:
    """Limit entries, tags and attributes to what the parsers can handle; keep the newest entries.

    Raise FeedError if the body exceeds the other limits.
    """
    body = _keep_newest(body, len(body))
    more = next(islice(_TAG.finditer(body), MAX_ELEMENTS, None), None)
    if more is not None:
        body = body[: more.start()]
    if body.count(b"<") - 2 * body.count(b"</") - body.count(b"/>") > MAX_UNCLOSED:
        raise FeedError("not a feed: its tags are never closed")
    if body.count(b"xmlns") > MAX_SPACES:
        raise FeedError("not a feed: it declares thousands of namespaces")
    if body.count(b"&") <= MAX_AMPERSANDS:
        has_entities = b"<!ENTITY" in body[:20_000]
        body = _AMPERSAND.sub(lambda match: _written_out(match, has_entities=has_entities), body)
    return _OPENING.sub(_fewer, body)


def _keep_newest(body: bytes, size: int) -> bytes:
    """Return the body with at most MAX_ENTRIES entries and, if there are several, about `size`
    bytes. Cut at the start if the oldest entries come first."""
    starts = [match.start() for match in _ENTRY.finditer(body)]
    if len(starts) < 2 or (len(starts) <= MAX_ENTRIES and len(body) <= size):
        return body
    *first, last = (_first_date(body[at : at + 20_000]) for at in (*starts[:3], starts[-1]))
    if _is_rising(first, last):
        left = starts[-MAX_ENTRIES:]
        start = next((at for at in left if starts[0] + len(body) - at <= size), left[-1])
        return body[: starts[0]] + body[start:]
    ends = [*starts[1:], len(body)][:MAX_ENTRIES]
    end = next((at for at in reversed(ends) if at <= size), ends[0])
    return body[:end]


def _is_rising(first: Iterable[datetime | None], last: datetime | None) -> bool:
    """Return True if the oldest entries come first, from the first few: one may be pinned."""
    dates = [moment for moment in first if moment]
    return bool(dates and last and max(dates) < last)


def _first_date(entry: bytes) -> datetime | None:
    match = _DATE.search(entry)
    try:
        return parse_date(match[2].decode("utf-8", "replace")) if match else None
    except UnknownZone:
        return None


def _normalize(body: bytes) -> tuple[bytes, str]:
    """Convert dates to UTC and plain text to HTML, and remove binary content. Also return a time
    zone that could not be parsed, if any."""
    unknown: list[str] = []

    def in_utc(match: re.Match[bytes]) -> bytes:
        try:
            moment = parse_date(match[2].decode("utf-8", "replace"))
        except UnknownZone as error:
            unknown.append(str(error))
            return match[1]
        return match[1] + moment.isoformat().encode() if moment else match.group()

    body = _PACKED.sub(rb"\1", _PLAIN.sub(_as_html, _DATE.sub(in_utc, body)))
    return body, unknown[0][:20] if unknown else ""


def _as_html(match: re.Match[bytes]) -> bytes:
    text = match[5]
    if match[3]:
        text = escape(text.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    elif (packed := text.strip()).startswith(b"<![CDATA[") and packed.endswith(b"]]>"):
        inner = escape(packed[9:-3].decode("utf-8", "surrogateescape"), quote=False)
        text = b"<![CDATA[" + inner.encode("utf-8", "surrogateescape") + b"]]>"
    else:
        text = text.replace(b"&", b"&amp;")
    return match[1] + b"html" + match[4] + text


def _written_out(match: re.Match[bytes], *, has_entities: bool) -> bytes:
    """Escape bare `&` and HTML entities for XML, because fastfeedparser drops the text after them.
    `has_entities`: the document defines entities itself."""
    name = (match[1] or b"").decode("ascii", "replace")
    is_number = name.startswith("#")
    if match.group()[:1] == b"<" or (has_entities and name and not is_number):
        return match.group()
    # As browsers do: &#146; is an apostrophe, and a number of no character costs only itself.
    meant = unescape(f"&{name}") if is_number else html5.get(name, "") or f"&{name}"
    return "".join(f"&#{ord(letter)};" for letter in meant).encode()


def _completeness(feed: Feed) -> tuple[int, int]:
    complete = sum(bool(e.link and (e.title or e.content)) for e in feed.entries)
    return complete, len(feed.entries)


def _parse_slowly(body: bytes, headers: Mapping[str, str], unknown_zone: str) -> Feed | None:
    if _HTML.match(body.removeprefix(b"\xef\xbb\xbf")):
        return None
    names = {"content-type", "content-location", "content-language"}
    about = {name: value for name, value in headers.items() if name in names}
    try:
        read = feedparser.parse(
            io.BytesIO(_limit_slow(body)), response_headers=about, sanitize_html=False
        )
        described = (read.get("feed") or {}).get("link")
        is_feed = read.get("version") or read.get("entries") or described
        return _feed(read, unknown_zone) if is_feed else None
    except Exception:  # noqa: BLE001 (a parser of hostile bytes may raise anything)
        return None


def _limit_slow(body: bytes) -> bytes:
    """Limit the input of feedparser: complete entries up to a size, without own entities."""
    size = MAX_SLOW if _ENTRY.search(body) else MAX_HEAD
    body = _keep_newest(body, size)[:size]
    body = _SUBSET.sub(b"", body, count=1)
    if body.count(b"&") > MAX_TAGS:
        body = body.replace(b"&", b" ")
    last = next(islice(_TAG.finditer(body), MAX_TAGS, None), None)
    return body if last is None else body[: last.start()]


def _fewer(tag: re.Match[bytes]) -> bytes:
    """Return the tag with at most MAX_ATTRIBUTES; drop a tag over MAX_TAG bytes."""
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


def _feed(read: Mapping[str, Any], unknown_zone: str) -> Feed:
    # Copied to plain dicts, because feedparser's own warn about a missing date.
    about = dict(read.get("feed") or {})
    return Feed(
        title=strip_text(about.get("title"))[:MAX_TITLE],
        link=strip_text(about.get("link")),
        updated=_date(about, "updated") or _date(about, "published"),
        language=strip_text(about.get("language"))[:20],
        entries=tuple(_entry(dict(entry)) for entry in (read.get("entries") or ())[:MAX_ENTRIES]),
        unknown_zone=unknown_zone,
    )


def _entry(read: Mapping[str, Any]) -> Entry:
    return Entry(
        title=strip_text(read.get("title"))[:MAX_TITLE],
        link=_link(read),
        id=strip_text(read.get("id"))[:500],
        content=_content(read)[:MAX_CONTENT],
        author=_author(read),
        published=_date(read, "published") or _date(read, "updated") or _date(read, "created"),
        comments=strip_text(read.get("comments")),
        metrics=_metrics(read),
    )


def _link(read: Mapping[str, Any]) -> str:
    """Return the entry's page, or else an attached file."""
    links = iter_mappings(read.get("links"))
    pages = [link for link in links if (link.get("rel") or "alternate") == "alternate"]
    pages.sort(key=lambda link: "html" not in (link.get("type") or "html"))
    files = iter_mappings(read.get("enclosures"))
    named = [*(link.get("href") for link in pages), read.get("link")]
    named += [file.get("href") or file.get("url") for file in files]
    return next(filter(None, map(strip_text, named)), "")


def _content(read: Mapping[str, Any]) -> str:
    """Return the longest of summary, description and content: any of them may be a teaser."""
    texts = [strip_text(read.get("summary")), strip_text(read.get("description"))]
    for content in iter_mappings(read.get("content")):
        kind = strip_text(content.get("type")) or "html"
        if "html" in kind or kind.startswith("text"):
            texts.append(strip_text(content.get("value")))
    return max(texts, key=len)


def _author(read: Mapping[str, Any]) -> str:
    names = (strip_text(author.get("name")) for author in iter_mappings(read.get("authors")))
    joined = ", ".join(dict.fromkeys(filter(None, names)))
    return (joined or strip_text(read.get("author")))[:MAX_TITLE]


def _metrics(read: Mapping[str, Any]) -> dict[str, int]:
    """Return the counts in the slash and media namespaces (Media RSS 1.5.1, media:community)."""
    values = {
        "replies": read.get("slash_comments"),
        "views": (read.get("media_statistics") or {}).get("views"),
        "likes": (read.get("media_starrating") or {}).get("count"),
    }
    texts = {name: strip_text(value) for name, value in values.items()}
    return {name: int(text) for name, text in texts.items() if re.fullmatch(r"\d{1,12}", text)}


def _date(read: Mapping[str, Any], name: str) -> datetime | None:
    """Return a date in UTC from feedparser's time tuple or fastfeedparser's ISO 8601 string."""
    parsed = read.get(f"{name}_parsed")
    try:
        if parsed:
            return datetime.fromtimestamp(calendar.timegm(parsed), UTC)
        return parse_date(strip_text(read.get(name)))
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _parse_json(body: bytes) -> Feed:
    if len(body) > MAX_JSON or body.count(b"{") + body.count(b"[") > MAX_JSON_OBJECTS:
        raise FeedError("not a feed: a JSON Feed has at most 2 MB and some thousand entries")
    data = load_object(body)
    if not isinstance(data.get("items"), list):
        raise FeedError("not a feed: its JSON is broken, or is not a JSON Feed")
    unknown: list[str] = []
    entries = [_json_entry(item, data, unknown) for item in iter_mappings(data["items"])]
    if entries and _is_rising([e.published for e in entries[:3]], entries[-1].published):
        entries.reverse()  # newest first
    return Feed(
        title=strip_text(data.get("title"))[:MAX_TITLE],
        link=strip_text(data.get("home_page_url")),
        language=strip_text(data.get("language"))[:20],
        entries=tuple(entries[:MAX_ENTRIES]),
        unknown_zone=unknown[0][:20] if unknown else "",
    )


def _json_entry(item: Mapping[str, Any], feed: Mapping[str, Any], unknown: list[str]) -> Entry:
    """Return an entry; append unparsed time zones to `unknown`."""
    number = item.get("id")
    id_ = strip_text(number) or (str(number)[:500] if isinstance(number, int) else "")
    html = strip_text(item.get("content_html"))
    text = strip_text(item.get("content_text")) or strip_text(item.get("summary"))
    names = dict.fromkeys([*_list_authors(item)] or [*_list_authors(feed)])
    web = id_ if id_.startswith(("https://", "http://")) else ""
    return Entry(
        title=strip_text(item.get("title"))[:MAX_TITLE],
        link=strip_text(item.get("url")) or web or strip_text(item.get("external_url")),
        id=id_[:500],
        content=(html or text)[:MAX_CONTENT],
        author=", ".join(names)[:MAX_TITLE],
        published=_json_date(item.get("date_published"), unknown)
        or _json_date(item.get("date_modified"), unknown),
        plain_title=True,
        plain_content=not html,
    )


def _list_authors(of: Mapping[str, Any]) -> Iterator[str]:
    """Yield author names from JSON Feed 1.1 or 1.0."""
    for author in (*iter_mappings(of.get("authors")), *iter_mappings([of.get("author")])):
        if name := strip_text(author.get("name")):
            yield name


def _json_date(value: object, unknown: list[str]) -> datetime | None:
    try:
        return parse_date(str(value) if isinstance(value, int) else strip_text(value))
    except UnknownZone as error:
        unknown.append(str(error))
        return None
