"""X's API v2 as its OpenAPI description 2.167 has it (docs.x.com/x-api), with a bill.

Every post and every user in an answer is billed, once a UTC day, a user twice as dear as a post
(docs.x.com/x-api/getting-started/pricing, "charged per resource returned in the response"). Requests with parameters that the
description does not know fail, as X answers them: 400 with an invalid-request problem.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web

from tests.source_servers import NOW, Server

PARAMETERS = {
    "list": {"max_results", "pagination_token"},
    "user": set(
        "max_results pagination_token start_time end_time since_id until_id exclude".split()
    ),
    "search": set(
        "query max_results next_token pagination_token start_time end_time since_id until_id "
        "sort_order".split()
    ),
    "name": set(),
}
FIELDS = {"post.fields", "expansions", "user.fields", "media.fields", "poll.fields", "place.fields"}
POST_FIELDS = set(
    "article article_title attachments card_uri community_id context_annotations conversation_id created_at "
    "display_text_range edit_controls entities geo id lang matched_media_notes media_metadata non_public_metrics "
    "note_post note_request_suggestions organic_metrics paid_partnership possibly_sensitive promoted_metrics "
    "public_metrics reply_settings scopes source suggested_source_links suggested_source_links_with_counts "
    "text withheld".split()
)
EXPANSIONS = set(
    "article.cover_media article.media_entities attachments.media_keys attachments.media_source_tweet "
    "attachments.poll_ids author_id edit_history_post_ids entities.mentions.username geo.place_id "
    "in_reply_to_user_id referenced_posts username".split()
)
LEAST = {"list": 1, "user": 5, "search": 10}
USERS = [
    {"id": id_, "name": name, "username": name.lower()}
    for id_, name in (("7", "Ada"), ("8", "Bob"))
]
KEY = "made-up-x-key"
METRICS = {"repost_count": 1, "reply_count": 2, "like_count": 3, "quote_count": 0}
METRICS |= {"bookmark_count": 0, "impression_count": 40}
FIRST = 1_990_000_000_000_000_000


def problem(detail: str) -> web.Response:
    """As InvalidRequestProblem of the description."""
    body: dict[str, object] = {"title": "Invalid Request", "detail": detail}
    body |= {"errors": [{"parameters": {}, "message": detail}]}
    body |= {"type": "https://api.x.com/2/problems/invalid-request"}
    return web.json_response(body, status=400)


@dataclass
class XServer(Server):
    """Serves `posts`, newest first, everywhere; those in `others` only as what a post refers to."""

    posts: list[dict[str, object]] = field(default_factory=list)
    others: dict[str, dict[str, object]] = field(default_factory=dict)
    sent: Counter[str] = field(default_factory=Counter)
    """How often each post was sent."""
    billed: set[tuple[str, str]] = field(default_factory=set)
    """Day and kind with id of what is paid for: `post 1`, `user 7`."""
    limited: int = 0
    """So many requests more are refused with 429."""
    old_names: bool = False
    delay: float = 0.0

    @property
    def bill(self) -> int:
        """What all of it costs, in posts."""
        return sum(2 if what.startswith("user") else 1 for _, what in self.billed)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if self.trouble:
            return await self.trouble(request)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return web.json_response({"title": "Unauthorized", "status": 401}, status=401)
        if self.limited:
            self.limited -= 1
            reset = {"x-rate-limit-limit": "900", "x-rate-limit-remaining": "0"}
            reset["x-rate-limit-reset"] = str(int(time.time()) + 300)
            return web.json_response({"title": "Too Many Requests"}, status=429, headers=reset)
        await asyncio.sleep(self.delay)
        kind = self._kind(request.path)
        if kind == "name":
            user = {"id": "7", "name": "Ada", "username": request.path.rsplit("/", 1)[-1]}
            self.billed.add((f"{datetime.now(UTC):%Y-%m-%d}", "user 7"))
            return web.json_response({"data": user})
        return self._checked(request, kind) or self._page(request, kind)

    def _kind(self, path: str) -> str:
        parts = path.strip("/").split("/")
        match parts:
            case ["2", "lists", number, "tweets"] if number.isdigit():
                return "list"
            case ["2", "users", number, "tweets"] if number.isdigit():
                return "user"
            case ["2", "tweets", "search", "recent"]:
                return "search"
            case ["2", "users", "by", "username", _]:
                return "name"
        raise AssertionError(f"no such path: {path}")

    def _checked(self, request: web.Request, kind: str) -> web.Response | None:
        asked = request.query
        if self.old_names and "post.fields" in asked:
            return problem("The query parameter [post.fields] is not one of [tweet.fields,...]")
        fields = {"tweet.fields", "expansions", "user.fields"} if self.old_names else FIELDS
        unknown = set(asked) - PARAMETERS[kind] - fields
        assert not unknown, unknown
        if not self.old_names:
            assert set(asked["post.fields"].split(",")) <= POST_FIELDS
            assert set(asked["expansions"].split(",")) <= EXPANSIONS
        assert LEAST[kind] <= int(asked["max_results"]) <= 100
        if kind == "search" and not asked.get("query"):
            return problem("query is missing")
        return None

    def _page(self, request: web.Request, kind: str) -> web.Response:
        asked = request.query
        found = [post for post in self.posts if self._wanted(post, asked)]
        start = 0
        if token := asked.get("pagination_token"):
            ids = [str(post["id"]) for post in found]
            if not token.startswith("t") or token[1:] not in {*ids, "end"}:
                return problem(f"Invalid 'pagination_token': {token}")
            start = ids.index(token[1:])
        size = int(asked["max_results"])
        page = found[start : start + size]
        included = self._included(page)
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        for post in [*page, *included]:
            self.sent[str(post["id"])] += 1
            self.billed.add((today, f"post {post['id']}"))
        meta: dict[str, object] = {"result_count": len(page)}
        if start + size < len(found):
            meta["next_token"] = f"t{found[start + size]['id']}"
        authors = {post.get("author_id") for post in [*page, *included]}
        users = [user for user in USERS if user["id"] in authors]
        self.billed |= {(today, f"user {user['id']}") for user in users}
        names = "tweets" if self.old_names else "posts"
        body: dict[str, object] = {"meta": meta}
        if page:
            body |= {"data": page, "includes": {"users": users, names: included}}
        return web.json_response(body)

    def _wanted(self, post: dict[str, object], asked: object) -> bool:
        get = getattr(asked, "get")  # noqa: B009 (a multidict)
        since, start = get("since_id"), get("start_time")
        if since and int(str(post["id"])) <= int(since):
            return False
        return not start or str(post["created_at"]) >= start

    def _included(self, page: list[dict[str, object]]) -> list[dict[str, object]]:
        key = "referenced_tweets" if self.old_names else "referenced_posts"
        names = [str(ref["id"]) for post in page for ref in post.get(key, [])]  # type: ignore[attr-defined]
        known = {str(post["id"]): post for post in self.posts} | self.others
        return [known[name] for name in dict.fromkeys(names) if name in known]

    def add(self, text: str, *, ago: float = 0.0, author: str = "7", **more: object) -> str:
        """A post, newer than all; its id."""
        id_ = str(FIRST + len(self.posts) + len(self.others))
        at = NOW - timedelta(minutes=ago)
        made: dict[str, object] = {"id": id_, "conversation_id": id_, "author_id": author}
        made |= {"text": text, "lang": "en", "created_at": f"{at:%Y-%m-%dT%H:%M:%S.000Z}"}
        self.posts.insert(0, made | {"public_metrics": METRICS} | more)
        return id_

    def refer(self, text: str, **more: object) -> str:
        """A post that comes only along with another; its id."""
        id_ = self.add(text, **more)  # type: ignore[arg-type]
        self.others[id_] = self.posts.pop(0)
        return id_
