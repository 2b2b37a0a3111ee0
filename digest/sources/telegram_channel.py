"""Public Telegram channels through their web view, https://t.me/s/NAME.

The page is undocumented. The CSS classes used here have existed since 2018
(`tgme_widget_message`, `data-post`, `tgme_widget_message_text`); the post widget documented at
core.telegram.org/widgets/post has the same ones.
"""

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from selectolax.lexbor import LexborHTMLParser, LexborNode

from digest.calendar import local_day
from digest.errors import SourceError
from digest.fetch.addresses import make_link
from digest.fetch.http import REDIRECTS, Fetcher
from digest.fetch.pages import limit_tags, node_text
from digest.models import Post, SourceSpec, SourceState, Window
from digest.sources import Access, Source

SITE = "https://t.me/s/"
CLAIMS = re.compile(r"(?:https?://)?t\.me/")
"""Addresses that select this source if no kind is given."""
PAGES = 6
"""Pages per fetch; a page has about 20 posts, and its oldest id leads to the previous page."""
MAX_TEXT = 6_000
MAX_TAGS = 20_000
"""Maximum tags per page; a page of twenty posts has about 2,000."""

_NAME = re.compile(r"(?:(?:https?://)?t\.me/(?:s/)?|@)?(?P<name>[A-Za-z]\w{3,31})/?")
_THOUSANDS = {"": 1, "K": 1_000, "M": 1_000_000}


class TelegramChannel(Source):
    """A public channel by its name."""

    def __init__(self, spec: SourceSpec, access: Access) -> None:
        match = _NAME.fullmatch(spec.address.strip())
        if not match:
            raise SourceError(f"{spec.address[:60]}: write the channel like https://t.me/durov")
        self._channel, self._access, self._private = match["name"], access, spec.private
        self.name = f"t.me/{self._channel}"

    async def fetch(self, window: Window, state: SourceState) -> tuple[Sequence[Post], SourceState]:
        """Return posts back to the newest known one or the window's start. Raise SourceError."""
        newest, before = int(state.marks.get("newest", "0")), 0
        posts: dict[int, Post] = {}
        async with Fetcher(proxy=self._access.proxy, private=self._private) as fetcher:
            for _ in range(PAGES):
                params = {"before": str(before)} if before else {}
                answer = await fetcher.get(
                    SITE + self._channel, params=params, redirects=0, read=REDIRECTS
                )
                if answer.status in REDIRECTS:
                    raise SourceError(
                        f"{self.name}: not a public channel, or one without a web view"
                    )
                page = await asyncio.to_thread(posts_of, answer.body, self._channel)
                if not page and not posts and b"tgme_channel_info" not in answer.body:
                    raise SourceError(f"{self.name}: its page broke off or shows no channel")
                posts.update(page)
                if not page or min(page) <= max(newest, 1):
                    break
                before = min(page)
                oldest = min(post.created_at for post in page.values())
                if not newest and local_day(oldest, window.timezone) < window.first:
                    break
        newest_id = max([newest, *posts])
        return [p for p in posts.values() if p.text], SourceState({"newest": str(newest_id)})


open_source = TelegramChannel


def posts_of(page: bytes, channel: str) -> dict[int, Post]:
    """Return the posts on a page by number; posts without words have an empty text."""
    tree = LexborHTMLParser(limit_tags(page.decode("utf-8", "replace"), MAX_TAGS))
    posts = {}
    for node in tree.css("div.tgme_widget_message[data-post]"):
        post = _post(node, channel)
        if post is not None:
            posts[int(post.id.rpartition("/")[2])] = post
    return posts


def _post(node: LexborNode, channel: str) -> Post | None:
    number = re.fullmatch(r"\w{4,32}/(\d{1,12})", node.attributes.get("data-post") or "")
    time = node.css_first("a.tgme_widget_message_date time[datetime]")
    if not number or time is None:
        return None
    try:
        created = datetime.fromisoformat(time.attributes.get("datetime") or "").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    views = _count(node.css_first(".tgme_widget_message_views"))
    owner = node.css_first(".tgme_widget_message_owner_name")
    text = node.css_first("div.tgme_widget_message_text.js-message_text")
    leads = [a.attributes.get("href") or "" for a in text.css("a[href]")] if text else []
    preview = node.css_first("a.tgme_widget_message_link_preview[href]")
    if preview is not None:
        leads.append(preview.attributes.get("href") or "")
    return Post(
        id=f"{channel.lower()}/{number[1]}",
        source="telegram",
        author=channel.lower(),
        author_name=node_text(owner)[:100] if owner else "",
        text=node_text(text)[:MAX_TEXT] if text else "",
        created_at=created,
        url=f"https://t.me/{channel}/{number[1]}",
        metrics={} if views is None else {"views": views},
        links=tuple(dict.fromkeys(filter(None, map(make_link, leads))))[:20],
    )


def _count(node: LexborNode | None) -> int | None:
    """Parse counts like `845`, `12.3K`, `1.2M`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KM]?)", node.text().strip() if node else "")
    return int(float(match[1]) * _THOUSANDS[match[2]]) if match else None
