"""Convert responses of X's API v2 to posts: full long texts, quotes and replies with context,
joined threads.

The models follow X's OpenAPI description 2.167; names from before 2026 (`note_tweet`,
`referenced_tweets`, `retweet_count`, `includes.tweets`) are accepted too.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import (
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from digest.errors import SourceError
from digest.fetch import iter_mappings, load_object, strip_text
from digest.fetch.addresses import make_link
from digest.models import USER, Post

MAX_TEXT = 6_000
MAX_CONTEXT = 280
"""Characters shown of a quoted or answered post."""
MAX_COUNT = 10**12
MAX_REFUSAL = 180
_FIRST_ID_TIME = datetime.fromtimestamp(1288834974.657, UTC)
_FIRST_TIMED_ID = 10**12
_OWN_MEDIA = re.compile(r"https?://(?:x|twitter)\.com/\w+/(?:status/\d+/)?(?:photo|video)/\d")


class _Lenient(BaseModel):
    """Part of an answer in which a field of a wrong type counts as missing."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    @field_validator("*", mode="wrap")
    @classmethod
    def _replace_odd(
        cls, value: object, parse: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> object:
        try:
            return parse(value)
        except ValidationError:
            field = cls.model_fields[info.field_name or ""]
            if field.is_required():
                raise
            return field.get_default()


class _Url(_Lenient):
    url: str = ""
    expanded_url: str | None = None
    unwound_url: str | None = None


class _Entities(_Lenient):
    urls: list[_Url] | None = None


class _Note(_Lenient):
    text: str = ""
    entities: _Entities | None = None


class _Reference(_Lenient):
    type: str = ""
    id: str = ""


def _valid_count(value: object) -> object:
    return value if isinstance(value, int) and 0 <= value <= MAX_COUNT else None


_Count = Annotated[int | None, BeforeValidator(_valid_count)]


class _Metrics(_Lenient):
    likes: _Count = Field(None, validation_alias="like_count")
    reposts: _Count = Field(None, validation_alias=AliasChoices("repost_count", "retweet_count"))
    replies: _Count = Field(None, validation_alias="reply_count")
    views: _Count = Field(None, validation_alias="impression_count")


class XPost(_Lenient):
    """One post in X's format."""

    id: Annotated[str, Field(pattern=r"^\d{1,19}$")]
    text: str = ""
    author_id: str = ""
    username: str = ""
    created_at: AwareDatetime | None = None
    lang: str = ""
    entities: _Entities | None = None
    note: _Note | None = Field(None, validation_alias=AliasChoices("note_post", "note_tweet"))
    metrics: _Metrics | None = Field(None, validation_alias="public_metrics")
    references: list[_Reference] | None = Field(
        None, validation_alias=AliasChoices("referenced_posts", "referenced_tweets")
    )

    def refers(self, *kinds: str) -> str:
        """Return the id of the post that this one quotes, answers or reposts."""
        return next((r.id for r in self.references or () if r.type in kinds), "")


@dataclass(frozen=True, slots=True)
class PostPage:
    """One response: posts, referenced posts, authors by id, token of the next page."""

    posts: tuple[XPost, ...] = ()
    referred: Mapping[str, XPost] = field(default_factory=dict)
    authors: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    next: str = ""
    user: str = ""
    """Id of the user in a lookup."""
    problem: str = ""
    """X's error message."""
    refusal: str = ""
    """Start of the error, which names the refused parameter."""

    @property
    def read(self) -> tuple[str, ...]:
        """Billing keys of all posts and users in the response: X bills every returned resource."""
        ids = dict.fromkeys([post.id for post in self.posts] + list(self.referred))
        users = [self.user] if self.user else list(self.authors)
        return (*(f"x:{id_}" for id_ in ids), *(f"{USER}{id_}" for id_ in users))


def parse_page(body: bytes, name: str) -> PostPage:
    """Parse a response. Raise SourceError if it is empty, truncated, or has only errors."""
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
            str(user.get("id")): (strip_text(user.get("username")), strip_text(user.get("name")))
            for user in iter_mappings(included.get("users"))
        },
        next=str(meta.get("next_token") or "")[:500],
        user=str(content.get("id", "")) if isinstance(content, dict) else "",
    )


def parse_refusal(body: bytes) -> str:
    """Return X's error message; "" if the body is not an X error."""
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
    """Return the page's posts and referenced posts. A repost becomes the original post."""
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
    if (created := _created(post)) is None:
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
        created_at=created,
        url=f"https://x.com/{handle or 'i'}/status/{post.id}",
        lang=post.lang[:10],
        metrics={name: count for name, count in counts.items() if count is not None},
        links=links,
    )


def _created(post: XPost) -> datetime | None:
    """Return the time of a post; X's ids since 2010 contain it."""
    number = int(post.id)
    try:
        if post.created_at:
            return post.created_at.astimezone(UTC)
        since = timedelta(milliseconds=number >> 22)
        return _FIRST_ID_TIME + since if number >= _FIRST_TIMED_ID else None
    except OverflowError:
        return None


def _expanded(text: str, entities: _Entities | None) -> tuple[str, tuple[str, ...]]:
    """Replace t.co links by their targets and remove links to own media; also return the links."""
    urls = {}
    for url in (entities.urls if entities else None) or ():
        target = make_link(url.unwound_url or "") or make_link(url.expanded_url or "")
        if url.url and target:
            urls[url.url] = "" if _OWN_MEDIA.match(target) else target
    text = html.unescape(text)
    for short in sorted(urls, key=len, reverse=True):  # one may begin like another
        text = text.replace(short, urls[short])
    return text.strip(), tuple(dict.fromkeys(filter(None, urls.values())))[:20]


def _threads(plain: Mapping[str, Post], by_id: Mapping[str, XPost]) -> dict[str, Post]:
    """Join replies of an author to their own post into one post."""
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
    """Append the quoted or answered post in quotation marks, to mark it as somebody else's
    words."""
    other = plain.get(post.refers("quoted")) or plain.get(post.refers("replied_to"))
    if other is None or other.text in converted.text:
        return converted
    words = " ".join(other.text.split())
    cut = words if len(words) <= MAX_CONTEXT else f"{words[:MAX_CONTEXT]}…"
    return replace(converted, text=f"{converted.text}\n\n> @{other.author}: “{cut}”")


def _posts(listed: object) -> list[XPost]:
    """Return the valid posts; skip broken ones."""
    posts = []
    for value in listed if isinstance(listed, list) else ():
        try:
            posts.append(XPost.model_validate(value))
        except ValidationError:
            continue
    return posts


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
