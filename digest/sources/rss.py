"""Feeds: RSS, Atom, RDF and JSON Feed, with what Reddit, Mastodon, V2EX, YouTube, arXiv, Hacker News and
bridges to X (RSSHub, Nitter) put into theirs.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from digest.errors import FeedError, SourceError
from digest.fetch.entries import Entry, Feed
from digest.fetch.feeds import parse
from digest.fetch.http import Fetcher, shown, web_address
from digest.fetch.identity import Identity, identity
from digest.fetch.pages import links, plain_text, web_link
from digest.models import Post, SourceSpec, SourceState, Window
from digest.sources import Access

MAX_TEXT = 2_000
"""Characters of an entry: title and the beginning of its content. A digest needs no whole article."""
MAX_POST = 6_000
"""Characters of a post of X, which is whole in itself."""
SHORT = {"x", "mastodon", "telegram"}
"""Services whose posts have no title: bridges cut one from the text."""

_RETWEET = re.compile(r"^(?:RT by @\w{1,15}: |RT @\w{1,15}: |R to @\w{1,15}: )")
_POINTS = re.compile(r"^Points: (\d{1,9})$", re.MULTILINE)
_COMMENTS = re.compile(r"^# Comments: (\d{1,9})$", re.MULTILINE)
_REDDIT_TAIL = re.compile(r"\s*submitted by\s+/u/.*$", re.DOTALL)
_ARXIV_HEAD = re.compile(r"^arXiv:\S+\s+Announce Type: .*?\nAbstract:\s*", re.DOTALL)
_LAST_PART = re.compile(r"[./](?:rss|atom|feed|feeds|index|xml|json|rdf)(?=$|[./])", re.IGNORECASE)


class FeedSource:
    """One feed at one address."""

    reach: int | None = 7
    billed = False

    def __init__(self, spec: SourceSpec, access: Access) -> None:
        self._address = web_address(spec.address)
        self._private, self._proxy = spec.private, access.proxy
        self.name = feed_name(self._address)

    async def fetch(self, window: Window, state: SourceState) -> tuple[Sequence[Post], SourceState]:
        """The entries of the feed; none where it has not changed. Raises SourceError."""
        address = state.address or self._address
        async with Fetcher(proxy=self._proxy, private=self._private) as fetcher:
            answer = await fetcher.get(address, headers=_conditions(state))
        if answer.status == 304:
            return (), replace(state, address=answer.moved or state.address)
        try:
            feed = await asyncio.to_thread(parse, answer.body, answer.headers)
        except FeedError as error:
            raise SourceError(f"{shown(address)}: {error}") from None
        posts = await asyncio.to_thread(posts_of, feed, answer.url, datetime.now(UTC))
        marks = {
            name: answer.headers[name][:500]
            for name in ("etag", "last-modified")
            if name in answer.headers
        }
        return posts, SourceState(marks, answer.moved or state.address)


def open_source(spec: SourceSpec, access: Access) -> FeedSource:
    """The feed at the address."""
    return FeedSource(spec, access)


def feed_name(address: str) -> str:
    """Host and path of a feed, short: `openai.com/news`, `reddit.com/r/LocalLLaMA`."""
    name = shown(address).removeprefix("www.")
    while (cut := _LAST_PART.sub("", name)) != name:
        name = cut
    return name.rstrip("/")[:80]


def _conditions(state: SourceState) -> dict[str, str]:
    """Asks for news only (RFC 9110, 13.1)."""
    asked = {"etag": "if-none-match", "last-modified": "if-modified-since"}
    return {asked[name]: value for name, value in state.marks.items() if name in asked}


def posts_of(feed: Feed, base: str, now: datetime) -> list[Post]:
    """The entries as posts, each key once; those without a word are left out."""
    found: dict[str, Post] = {}
    for entry in feed.entries:
        post = post_of(entry, feed, base, now)
        if post.text:
            found.setdefault(post.key, post)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    body: str


def post_of(entry: Entry, feed: Feed, base: str, now: datetime) -> Post:
    """The post that an entry is. One without a date counts from now, when it was first seen."""
    link = web_link(entry.link, base) if entry.link else ""
    comments = web_link(entry.comments, base) if entry.comments else ""
    words = _Words(plain_text(entry.title), plain_text(entry.content))
    # Hacker News and the like: the entry leads to an article, the discussion is the post.
    known = identity(comments) if comments else None
    who = (
        known
        if known and known.source == "hn"
        else identity(link, entry.id, entry.title or entry.content[:500], base)
    )
    created = entry.published or now
    if created > now + timedelta(days=1):
        created = now
    author, name = _author(entry, feed, who)
    return Post(
        id=who.id,
        source=who.source,
        author=author,
        author_name=name,
        text=_text(words, who),
        created_at=created,
        url=who.url,
        lang=feed.language if re.fullmatch(r"[A-Za-z]{2}(?:-\w{2,4})?", feed.language) else "",
        metrics=_metrics(entry, words, who, link),
        links=_links(entry, who, link, base),
    )


def _text(words: _Words, who: Identity) -> str:
    title, body = words.title, words.body
    if who.source in SHORT:
        title, body = _RETWEET.sub("", title), _RETWEET.sub("", body)
        # Of a cut title and a whole text the longer one is the post.
        return (body or title)[:MAX_POST].strip()
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
    """Handle and name. A publisher goes by the name of its feed, and so do many authors at once."""
    said = plain_text(entry.author)[:200]
    if who.source == "x":
        name = re.sub(r"\s*\(?@\w+\)?$", "", said)
        return who.author or said.lstrip("@"), name
    if who.source in {"mastodon", "telegram"}:
        return who.author, said or plain_text(feed.title)[:100]
    if who.source == "reddit":
        return re.sub(r"^/?u/", "", said), who.place
    if who.source in {"hn", "v2ex"}:
        return said, ""
    if who.source == "arxiv":
        names = [one.strip() for one in re.split(r",|\n", said) if one.strip()]
        return "", f"{names[0]} et al." if len(names) > 1 else "".join(names)
    return "", said or plain_text(feed.title)[:100]


def _metrics(entry: Entry, words: _Words, who: Identity, link: str) -> dict[str, int]:
    counts = dict(entry.metrics)
    if who.source == "hn":
        for name, pattern in (("likes", _POINTS), ("replies", _COMMENTS)):
            if found := pattern.search(words.body):
                counts[name] = int(found[1])
    if who.source == "v2ex" and (replies := re.search(r"#reply(\d{1,6})$", link)):
        counts["replies"] = int(replies[1])
    return counts


def _links(entry: Entry, who: Identity, link: str, base: str) -> tuple[str, ...]:
    """Where the post leads, besides to itself and to its service."""
    found = links(entry.content, base) if "<a" in entry.content else ()
    if who.source == "hn" and link != who.url:
        found = (link, *found)
    own = {"reddit": "reddit.com", "hn": "news.ycombinator.com"}.get(who.source, "")
    kept = [one for one in found if one not in {link, who.url} or who.source == "hn"]
    return tuple(dict.fromkeys(one for one in kept if not own or own not in one))
