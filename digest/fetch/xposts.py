"""Answers of X's API v2 as posts: long texts whole, quotes and replies with what they refer to,
threads as one.

Shapes as in X's OpenAPI description 2.167; the names from before 2026 (`note_tweet`,
`referenced_tweets`, `retweet_count`, `includes.tweets`) are read too.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, ValidationError

from digest.errors import SourceError
from digest.fetch import iter_mappings, load_object, strip_text
from digest.fetch.addresses import make_link
from digest.models import USER, Post

MAX_TEXT = 6_000
MAX_CONTEXT = 280
"""Characters that are shown of the post which another one quotes or answers."""
MAX_COUNT = 10**12
MAX_REFUSAL = 180
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


def _valid_count(value: object) -> object:
    return value if isinstance(value, int) and 0 <= value <= MAX_COUNT else None


_Count = Annotated[int | None, BeforeValidator(_valid_count)]


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
    created_at: datetime | None = None
    lang: str = ""
    entities: _Entities | None = None
    note: _Note | None = Field(None, validation_alias=AliasChoices("note_post", "note_tweet"))
    metrics: _Metrics | None = Field(None, validation_alias="public_metrics")
    references: list[_Reference] | None = Field(
        None, validation_alias=AliasChoices("referenced_posts", "referenced_tweets")
    )

    def refers(self, *kinds: str) -> str:
        """Return the id of the post that this one quotes, answers or repeats."""
        return next((r.id for r in self.references or () if r.type in kinds), "")


@dataclass(frozen=True, slots=True)
class PostPage:
    """One answer: posts, those they refer to, authors by id, where to go on."""

    posts: tuple[XPost, ...] = ()
    referred: Mapping[str, XPost] = field(default_factory=dict)
    authors: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    next: str = ""
    user: str = ""
    """Id of the user who was looked up."""
    problem: str = ""
    """Why X refuses a request, in its words."""
    refusal: str = ""
    """The beginning of the refusal: it names the parameter that X did not take."""

    @property
    def read(self) -> tuple[str, ...]:
        """Keys of all posts and users in the answer: X bills every resource that it returns."""
        ids = dict.fromkeys([post.id for post in self.posts] + list(self.referred))
        users = [self.user] if self.user else list(self.authors)
        return (*(f"x:{id_}" for id_ in ids), *(f"{USER}{id_}" for id_ in users))


def parse_page(body: bytes, name: str) -> PostPage:
    """Return the page in an answer. Raise SourceError for none, half of one, or errors alone."""
    data = load_object(body)
    if not {"data", "meta", "errors"} & data.keys():
        raise SourceError(f"{name}: its answer broke off or is empty; it is asked again later")
    if "data" not in data and "errors" in data:
        gone = any("resource-not-found" in str(error.get("type")) for error in _errors(data))
        raise SourceError(f"{name}: X refuses: {_words(data)}", gone=gone)
    content = data.get("data")
    included = _mapping(data.get("includes"))
    referred = _posts(included.get("posts") or included.get("tweets"))
    meta = _mapping(data.get("meta"))
    return PostPage(
        posts=tuple(_posts(content)),
        referred={post.id: post for post in referred},
        authors={
            str(user.get("id")): (str(user.get("username", "")), str(user.get("name", "")))
            for user in iter_mappings(included.get("users"))
        },
        next=str(meta.get("next_token") or "")[:500],
        user=str(content.get("id", "")) if isinstance(content, dict) else "",
    )


def parse_refusal(body: bytes) -> str:
    """Return why X refuses, in its words; nothing for an answer that is not X's."""
    data = load_object(body)
    return _words(data) if _errors(data) or "detail" in data or "title" in data else ""


def _errors(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(iter_mappings(data.get("errors")))


def _words(data: Mapping[str, Any]) -> str:
    lines = [strip_text(e.get("message")) or strip_text(e.get("detail")) for e in _errors(data)]
    lines += [strip_text(data.get("detail")) or strip_text(data.get("title"))]
    words = " ".join(dict.fromkeys(filter(None, lines))) or "no reason is given"
    return " ".join(words.split())[:MAX_REFUSAL]


def posts_of(page: PostPage) -> list[Post]:
    """Return the posts of a page and those they refer to. A repost is the post it repeats."""
    by_id = {**page.referred, **{post.id: post for post in page.posts}}
    plain = {
        id_: converted
        for id_, post in by_id.items()
        if not post.refers("retweeted") and (converted := _post(post, page)) is not None
    }
    joined = _threads(plain, by_id)
    with_context = {
        id_: _in_context(converted, by_id[id_], plain) for id_, converted in joined.items()
    }
    return [converted for converted in with_context.values() if converted.text.strip()]


def _post(post: XPost, page: PostPage) -> Post | None:
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
    """Return the text with what its t.co addresses lead to, and these; its own pictures go."""
    text, links = html.unescape(text), []
    for url in (entities.urls if entities else None) or ():
        target = make_link(url.unwound_url or url.expanded_url or "")
        if not url.url or not target:
            continue
        if _OWN_MEDIA.match(target):
            text = text.replace(url.url, "")
            continue
        text = text.replace(url.url, target)
        links.append(target)
    return text.strip(), tuple(dict.fromkeys(links))[:20]


def _threads(plain: Mapping[str, Post], by_id: Mapping[str, XPost]) -> dict[str, Post]:
    """Return the posts, replies of authors to themselves joined to what they go on from."""
    joined = dict(plain)
    for id_ in sorted(plain, key=int, reverse=True):
        before, author = by_id[id_].refers("replied_to"), by_id[id_].author_id
        if author and before in joined and author == by_id[before].author_id:
            head, tail = joined[before], joined.pop(id_)
            joined[before] = replace(
                head,
                text=f"{head.text}\n\n{tail.text}"[:MAX_TEXT],
                links=tuple(dict.fromkeys(head.links + tail.links)),
            )
    return joined


def _in_context(converted: Post, post: XPost, plain: Mapping[str, Post]) -> Post:
    """Return the post with what it quotes or answers, in quotation marks: it is not its words."""
    other = plain.get(post.refers("quoted")) or plain.get(post.refers("replied_to"))
    if other is None or other.text in converted.text:
        return converted
    words = " ".join(other.text.split())
    cut = words if len(words) <= MAX_CONTEXT else f"{words[:MAX_CONTEXT]}…"
    return replace(converted, text=f"{converted.text}\n\n> @{other.author}: “{cut}”")


def _posts(listed: object) -> list[XPost]:
    """Return those that can be read: one broken post costs only itself."""
    posts = []
    for value in listed if isinstance(listed, list) else ():
        try:
            posts.append(XPost.model_validate(value))
        except ValidationError:
            continue
    return posts


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
