"""Feeds (RSS, Atom, RDF, JSON Feed), with the peculiarities of Reddit, Mastodon, V2EX, YouTube,
arXiv, Hacker News and X bridges (RSSHub, Nitter)."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from digest.errors import FeedError, SourceError
from digest.fetch import Entry, Feed
from digest.fetch.addresses import check_address, describe_address, make_link
from digest.fetch.feeds import parse
from digest.fetch.http import Fetcher
from digest.fetch.identity import Identity, identify_entries, identify_page, identity
from digest.fetch.pages import extract_links, find_feed, fold_spaces, plain_text, title_text
from digest.models import Post, SourceSpec, SourceState, Window
from digest.sources import Access, Source

MAX_TEXT = 2_000
"""Characters kept of an entry's title and text: a digest needs no whole article."""
MAX_POST = 6_000
"""Characters kept of a post from a short-post service, which is complete in itself."""
SHORT = {"x", "mastodon", "telegram"}
"""Services whose posts have no title; bridges make one from the text."""

_RETWEET = re.compile(r"^R(?:T(?: by)?| to) @\w{1,15}: ")
_QUOTED = re.compile(r"<blockquote\b|<div class=[\"']?rsshub-quote\b")
"""Start of quoted text in the HTML of X bridges."""
_EMBEDDED = re.compile(
    r"\s*(?:<div[^>]*>\s*)*<blockquote class=[\"']?twitter-tweet\b[^>]*>\s*<p\b[^>]*>(.*?)</p>"
    r"\s*(?:&mdash;|—)[^<]*\(@(\w{1,15})\)",
    re.DOTALL,
)
"""X's embed HTML of a whole post, with its author."""
_REPEATED = re.compile(r"\s*RT(?:&ensp;|\u2002)([^<\n]{1,100})<br\b")
"""RSSHub's markup of a repost, under the name and address of the reposter."""
_POINTS = re.compile(r"^Points: (\d{1,9})$", re.MULTILINE)
_COMMENTS = re.compile(r"^# Comments: (\d{1,9})$", re.MULTILINE)
_REDDIT_TAIL = re.compile(r"\s*submitted by\s+/u/.*$", re.DOTALL)
_ARXIV_HEAD = re.compile(r"^arXiv:\S+\s+Announce Type: .*?\nAbstract:\s*", re.DOTALL)
_LAST_PART = re.compile(r"[./](?:rss|atom|feeds?|index|xml|json|rdf)(?=$|[./])", re.IGNORECASE)


class FeedSource(Source):
    """One feed by its address."""

    def __init__(self, spec: SourceSpec, access: Access) -> None:
        self._address = check_address(spec.address)
        self._private, self._proxy = spec.private, access.proxy
        self.site = (urlsplit(self._address).hostname or self._address).removeprefix("www.")
        self.name = feed_name(self._address)

    async def fetch(self, window: Window, state: SourceState) -> tuple[Sequence[Post], SourceState]:
        """Return the feed's entries; none if it has not changed. Raise SourceError."""
        address = state.address or self._address
        async with Fetcher(proxy=self._proxy, private=self._private) as fetcher:
            # Conditional request. Header values must be ASCII.
            headers = {_MARKS[n]: v for n, v in state.marks.items() if n in _MARKS and v.isascii()}
            answer = await fetcher.get(address, headers=headers)
        if answer.status == 304:
            return (), replace(state, address=answer.moved or state.address)
        try:
            feed = await asyncio.to_thread(parse, answer.body, answer.headers)
        except FeedError as error:
            name = describe_address(address)
            if found := await asyncio.to_thread(find_feed, answer.body, answer.url):
                raise SourceError(f"{name}: a page, not a feed; its feed: {found}") from None
            raise SourceError(f"{name}: {error}") from None
        context = FeedContext(feed, answer.url, datetime.now(UTC), near=self._private)
        memory = state.marks.get("keys", "").splitlines()
        posts, memory = await asyncio.to_thread(posts_of, context, memory)
        marks = {name: answer.headers[name][:500] for name in _MARKS if name in answer.headers}
        marks |= {"keys": "\n".join(memory)} if memory else {}
        zone = feed.unknown_zone
        note = f"time zone {zone} is not understood: its dates are left out" if zone else ""
        return posts, SourceState(marks, answer.moved or state.address, note=note)


open_source = FeedSource


_MARKS = {"etag": "if-none-match", "last-modified": "if-modified-since"}
"""Validators of a conditional request, by request header (RFC 9110, 13.1)."""


def feed_name(address: str) -> str:
    """Return a short name from host and path: `openai.com/news`, `reddit.com/r/LocalLLaMA`."""
    host, slash, path = describe_address(address).removeprefix("www.").partition("/")
    path = slash + path
    while (cut := _LAST_PART.sub("", path)) != path:
        path = cut
    return f"{host}{path}".rstrip("/")[:80]


@dataclass(frozen=True, slots=True)
class FeedContext:
    """A feed with its final address and the time of the fetch."""

    feed: Feed
    base: str
    now: datetime
    near: bool = False
    """True if links to private networks are allowed."""

    def link(self, address: str) -> str:
        """Return an address of the feed, made absolute and safe."""
        return make_link(address, self.base, near=self.near) if address else ""


def posts_of(context: FeedContext, memory: Sequence[str] = ()) -> tuple[list[Post], list[str]]:
    """Return the entries as posts, one per key (the newest version), without empty ones. Also
    return the feed's memory for the next fetch: see `identify_entries`."""
    entries = [_aim(entry, context) for entry in context.feed.entries]
    identities, memory = identify_entries(entries, context.base, memory)
    if not all(identity_.source in SHORT for identity_ in identities):
        # A feed that has other pages too writes its own text beside a link to a post; only a feed
        # of nothing but posts mirrors them.
        identities = [
            identify_page(entry.link) if who.source in SHORT else who
            for entry, who in zip(entries, identities, strict=True)
        ]
    posts: dict[str, Post] = {}
    for entry, identity_ in zip(entries, identities, strict=True):
        post = post_of(entry, identity_, context)
        earlier = posts.get(post.key)
        if post.text and (earlier is None or post.created_at > earlier.created_at):
            posts[post.key] = post
    return list(posts.values()), memory


def _aim(entry: Entry, context: FeedContext) -> Entry:
    """Return the entry with absolute addresses. For Hacker News, the post is the discussion, so its
    address replaces the entry's id and link."""
    link, comments = context.link(entry.link), context.link(entry.comments)
    if comments and identity(comments).source == "hn":
        return replace(entry, link=comments, id=comments, comments=link)
    return replace(entry, link=link, comments="")


def post_of(entry: Entry, who: Identity, context: FeedContext) -> Post:
    """Return the post of an entry; an entry without a date gets the time it was first seen."""
    feed = context.feed
    plain_title = entry.plain_title or who.source == "hn"
    title = fold_spaces(entry.title) if plain_title else title_text(entry.title)
    author, name = _author(entry, feed, who)
    content = entry.content
    if who.source == "x" and not entry.plain_content:
        embedded = _EMBEDDED.match(content)
        if embedded and embedded[2].lower() == who.author.lower():
            content = embedded[1]
        content = _QUOTED.split(content, maxsplit=1)[0]
        if repeated := _REPEATED.match(content):
            author, name = "", plain_text(repeated[1])
            content = content[repeated.end(1) :]
    body = fold_spaces(content) if entry.plain_content else plain_text(content)
    return Post(
        id=who.id,
        source=who.source,
        author=author,
        author_name=name,
        text=_text(title, body, who),
        created_at=entry.published or context.now,
        url=context.link(who.url),
        lang=feed.language if re.fullmatch(r"[A-Za-z]{2}(?:-\w{2,4})?", feed.language) else "",
        metrics=_metrics(entry, body, who),
        links=_links(entry, who, context),
    )


def _text(title: str, body: str, who: Identity) -> str:
    if who.source in SHORT:
        title, body = _RETWEET.sub("", title), _RETWEET.sub("", body)
        # The title may be a truncated copy of the text: the text wins.
        return (body or title)[:MAX_POST].strip()
    title = " ".join(title.split())  # feeds wrap long titles
    if who.source == "hn":
        return title[:MAX_TEXT]
    if who.source == "reddit":
        body = _REDDIT_TAIL.sub("", body)
    if who.source == "arxiv":
        body = _ARXIV_HEAD.sub("", body)
    if body.startswith(title):
        title = ""
    return f"{title}\n\n{body}".strip()[:MAX_TEXT].strip()


def _author(entry: Entry, feed: Feed, who: Identity) -> tuple[str, str]:
    """Return handle and name; a publisher, or a long list of authors, becomes the feed's title."""
    byline = plain_text(entry.author)[:200]
    if who.source == "x":
        name = re.sub(r"\s*\(?@\w+\)?$", "", byline)
        return who.author or byline.lstrip("@"), name
    if who.source in {"mastodon", "telegram"}:
        return who.author, byline or plain_text(feed.title)[:100]
    if who.source == "reddit":
        return byline.removeprefix("/").removeprefix("u/"), who.place
    if who.source in {"hn", "v2ex"}:
        return byline, ""
    if who.source == "arxiv":
        names = [name.strip() for name in byline.replace("\n", ",").split(",") if name.strip()]
        return "", f"{names[0]} et al." if len(names) > 1 else "".join(names)
    return "", byline or plain_text(feed.title)[:100]


def _metrics(entry: Entry, body: str, who: Identity) -> dict[str, int]:
    counts = dict(entry.metrics)
    if who.source == "hn":
        for name, pattern in (("likes", _POINTS), ("replies", _COMMENTS)):
            if match := pattern.search(body):
                counts[name] = int(match[1])
    if who.source == "v2ex" and (replies := re.search(r"#reply(\d{1,6})$", entry.link)):
        counts["replies"] = int(replies[1])
    return counts


def _links(entry: Entry, who: Identity, context: FeedContext) -> tuple[str, ...]:
    """Return the post's links, except those to itself and to its own service."""
    html = "" if entry.plain_content else entry.content
    inside = extract_links(html, context.base, near=context.near) if "<a" in html else ()
    own_host = {"reddit": "reddit.com", "hn": "news.ycombinator.com"}.get(who.source, "")
    others = dict.fromkeys([entry.comments, *inside])
    return tuple(
        link
        for link in others
        if link and link not in {entry.link, who.url} and (not own_host or own_host not in link)
    )
