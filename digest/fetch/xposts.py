"""Answers of X's API v2 as posts: long texts whole, quotes and replies with what they refer to, threads as one.

Shapes as in X's OpenAPI description 2.167; the names from before 2026 (`note_tweet`, `referenced_tweets`,
`retweet_count`, `includes.tweets`) are read too.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, ValidationError

from digest.errors import SourceError
from digest.fetch.pages import web_link
from digest.models import USER, Post

MAX_TEXT = 6_000
MAX_CONTEXT = 280
"""Characters that are shown of the post which another one quotes or answers."""
MAX_COUNT = 10**12
_OWN_MEDIA = re.compile(r"https?://(?:x|twitter)\.com/\w+/(?:status/\d+/)?(?:photo|video)/\d")


class _Url(BaseModel):
    url: str = ""
    expanded_url: str | None = None
    unwound_url: str | None = None


class _Entities(BaseModel):
    urls: list[_Url] | None = None


class _Note(BaseModel):
    text: str = ""
    entities: _Entities | None = None


class _Reference(BaseModel):
    type: str
    id: str


def _whole(value: object) -> object:
    return value if isinstance(value, int) and 0 <= value <= MAX_COUNT else None


_Count = Annotated[int | None, BeforeValidator(_whole)]


class _Metrics(BaseModel):
    likes: _Count = Field(None, validation_alias="like_count")
    reposts: _Count = Field(None, validation_alias=AliasChoices("repost_count", "retweet_count"))
    replies: _Count = Field(None, validation_alias="reply_count")
    views: _Count = Field(None, validation_alias="impression_count")


class XPost(BaseModel):
    """One post as X gives it."""

    id: Annotated[str, Field(pattern=r"^\d{1,19}$")]
    text: str = ""
    author_id: str = ""
    username: str = ""
    conversation_id: str = ""
    created_at: datetime | None = None
    lang: str = ""
    entities: _Entities | None = None
    note: _Note | None = Field(None, validation_alias=AliasChoices("note_post", "note_tweet"))
    metrics: _Metrics | None = Field(None, validation_alias="public_metrics")
    references: list[_Reference] | None = Field(
        None, validation_alias=AliasChoices("referenced_posts", "referenced_tweets")
    )

    def refers(self, *kinds: str) -> str:
        """Id of the post that this one quotes, answers or repeats."""
        return next((r.id for r in self.references or () if r.type in kinds), "")


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: posts, those they refer to, authors by id, where to go on."""

    posts: tuple[XPost, ...] = ()
    referred: Mapping[str, XPost] = field(default_factory=dict)
    authors: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    next: str = ""
    user: str = ""
    """Id of the user who was looked up."""
    problem: str = ""
    """What a refused request is told, as X words it."""

    @property
    def read(self) -> tuple[str, ...]:
        """Keys of all posts and users in the answer: X bills every resource that it returns."""
        ids = dict.fromkeys([post.id for post in self.posts] + list(self.referred))
        users = [self.user] if self.user else list(self.authors)
        return (*(f"x:{id_}" for id_ in ids), *(f"{USER}{id_}" for id_ in users))


def page_of(body: bytes, name: str, *, refused: bool = False) -> Page:
    """The page in a body. Raises SourceError for one that broke off or is none."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    if refused:
        return Page(problem=json.dumps(data)[:2000] if data else "unknown")
    if not isinstance(data, dict):
        raise SourceError(f"{name}: its answer broke off or is none; it is asked again later")
    found = data.get("data")
    included = _mapping(data.get("includes"))
    referred = _posts(included.get("posts") or included.get("tweets"))
    meta = _mapping(data.get("meta"))
    return Page(
        posts=tuple(_posts(found)),
        referred={post.id: post for post in referred},
        authors=_authors(included.get("users")),
        next=str(meta.get("next_token") or "")[:500],
        user=str(found.get("id", "")) if isinstance(found, dict) else "",
    )


def posts_of(page: Page) -> list[Post]:
    """The posts of a page and those they refer to. A repost is the post it repeats."""
    known = {**page.referred, **{post.id: post for post in page.posts}}
    plain = {
        id_: made
        for id_, post in known.items()
        if not post.refers("retweeted") and (made := _post(post, page)) is not None
    }
    joined = _threads(plain, known)
    with_context = {id_: _in_context(made, known[id_], plain) for id_, made in joined.items()}
    return [made for made in with_context.values() if made.text.strip()]


def _post(post: XPost, page: Page) -> Post | None:
    if post.created_at is None or post.created_at.tzinfo is None:
        return None
    handle, name = page.authors.get(post.author_id, (post.username, ""))
    note = post.note if post.note and post.note.text else None
    text, links = _expanded(
        *(note.text, note.entities or post.entities) if note else (post.text, post.entities)
    )
    counts = post.metrics.model_dump() if post.metrics else {}
    return Post(
        id=post.id,
        source="x",
        author=handle[:40],
        author_name=name[:100],
        text=text[:MAX_TEXT],
        created_at=post.created_at.astimezone(UTC),
        url=f"https://x.com/{handle or 'i'}/status/{post.id}",
        lang=post.lang[:10],
        metrics={name: count for name, count in counts.items() if count is not None},
        links=links,
    )


def _expanded(text: str, entities: _Entities | None) -> tuple[str, tuple[str, ...]]:
    """The text with t.co addresses replaced by what they lead to, and those; its own pictures go."""
    text, found = html.unescape(text), []
    for url in (entities.urls if entities else None) or ():
        target = web_link(url.unwound_url or url.expanded_url or "")
        if not url.url or not target:
            continue
        if _OWN_MEDIA.match(target):
            text = text.replace(url.url, "")
            continue
        text = text.replace(url.url, target)
        found.append(target)
    return text.strip(), tuple(dict.fromkeys(found))[:20]


def _threads(plain: Mapping[str, Post], known: Mapping[str, XPost]) -> dict[str, Post]:
    """Replies of authors to themselves join the post that they go on from, where it is at hand."""
    joined = dict(plain)
    for id_ in sorted(plain, key=int, reverse=True):
        before = known[id_].refers("replied_to")
        if before in joined and _same_author(known[id_], known.get(before)):
            head, tail = joined[before], joined.pop(id_)
            joined[before] = replace(
                head,
                text=f"{head.text}\n\n{tail.text}"[:MAX_TEXT],
                links=tuple(dict.fromkeys(head.links + tail.links)),
            )
    return joined


def _same_author(one: XPost, other: XPost | None) -> bool:
    return other is not None and bool(one.author_id) and one.author_id == other.author_id


def _in_context(made: Post, post: XPost, plain: Mapping[str, Post]) -> Post:
    """The post with a line on what it quotes or answers; in quotation marks, as these are not its words."""
    other = plain.get(post.refers("quoted")) or plain.get(post.refers("replied_to"))
    if other is None or other.text in made.text:
        return made
    words = " ".join(other.text.split())
    cut = words if len(words) <= MAX_CONTEXT else f"{words[:MAX_CONTEXT]}…"
    return replace(made, text=f"{made.text}\n\n> @{other.author}: “{cut}”")


def _posts(listed: object) -> list[XPost]:
    """Those that can be read: one broken post costs only itself."""
    found = []
    for one in listed if isinstance(listed, list) else ():
        try:
            found.append(XPost.model_validate(one))
        except ValidationError:
            continue
    return found


def _authors(listed: object) -> dict[str, tuple[str, str]]:
    users = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return {str(u.get("id")): (str(u.get("username", "")), str(u.get("name", ""))) for u in users}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
