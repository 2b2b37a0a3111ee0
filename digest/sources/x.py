"""X through its API v2 (docs.x.com/x-api, OpenAPI 2.167): lists, users, recent search.

X bills every post and user in a response, once per UTC day
(docs.x.com/x-api/getting-started/pricing). Therefore pages are requested one at a time and stored
before the next, a page never costs more than the budget, and a round stops at the newest known
post. Quoted and answered posts are included in responses and become posts of their own.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from digest.calendar import day_start
from digest.errors import SourceError
from digest.fetch import parse_wait
from digest.fetch.http import Fetcher, refusal
from digest.fetch.xposts import PostPage, parse_page, parse_refusal, posts_of
from digest.models import Post, SourceSpec, SourceState, Window
from digest.sources import Access, Source

API = "https://api.x.com"
CLAIMS = re.compile(r"(?:list:|user:|search:|@\w{1,15}$|https://(?:x|twitter)\.com/)")
"""Addresses that select this source if no kind is given."""
LARGEST = 100
REFRESH_SIZE = 20
"""Page size of the first request if some posts are known: lists have no since_id, and posts read
again on another day are billed again."""
SEARCHED_DAYS = 7
"""How far back recent search goes."""
MAX_READS_PER_POST = 9
"""Maximum billed reads per post: the post, one it answers, one it quotes, and their three authors,
who count as two each."""
_SMALLEST = {"list": 1, "user": 5, "search": 10}
"""Minimum `max_results` of each endpoint."""
_FIELDS = {
    "post.fields": "created_at,entities,lang,note_post,public_metrics",
    "expansions": "author_id,referenced_posts",
    "user.fields": "name,username",
}
_OLD_FIELDS = {
    "tweet.fields": ("created_at,entities,lang,note_tweet,public_metrics,referenced_tweets"),
    "expansions": "author_id,referenced_tweets.id,referenced_tweets.id.author_id",
    "user.fields": "name,username",
}
"""Field names of servers before 2026, used if a server refuses the new ones."""
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_REFUSED = frozenset({400, 401, 402, 403, 404, 429})
"""Statuses with an error description in the body."""


class X(Source):
    """An X list, user or search."""

    reach = SEARCHED_DAYS
    billed = True

    def __init__(self, spec: SourceSpec, access: Access) -> None:
        self._kind, self._what = place(spec.address)
        self._private = spec.private
        self._proxy, self._token = access.proxy, access.x_token
        self.name = f"x {self._kind}:{self._what}"[:80]

    async def fetch(self, window: Window, state: SourceState) -> tuple[Sequence[Post], SourceState]:
        """Return a page, newest first; `more` until known posts or the window's start. Raise
        SourceError."""
        if not self._token:
            raise SourceError("x: no key: set X_BEARER_TOKEN, or read X through an RSS bridge")
        marks, since = dict(state.marks), state.marks.get("since", "")
        size = REFRESH_SIZE if since and "token" not in marks else LARGEST
        if state.budget is not None:
            size = min(size, state.budget // MAX_READS_PER_POST)
        if size < _SMALLEST[self._kind]:
            raise SourceError(
                "x: no reads are left for today; X_READS_MONTH is the monthly limit", wait=3600
            )
        async with Fetcher(proxy=self._proxy, private=self._private) as fetcher:
            if self._kind == "user" and "user" not in marks:
                user = await self._look_up_user(fetcher)
                return (), SourceState(marks | {"user": user.user}, more=True, read=user.read)
            path, query = self._request(window, marks, size)
            page = await self._page(fetcher, path, marks, query)
        ids = [int(post.id) for post in page.posts]
        newest = max([*ids, int(marks.pop("newest", "0")), int(since or 0)])
        times = [post.created_at for post in page.posts if post.created_at]
        reached = bool(since and ids and min(ids) <= int(since))
        reached = reached or bool(times and min(times) < _start(window))
        if page.next not in ("", marks.get("token")) and ids and not reached:
            marks |= {"newest": str(newest), "token": page.next}
        else:
            marks |= {"since": str(newest)} if newest else {}
            marks.pop("token", None)
        return posts_of(page), SourceState(marks, more="token" in marks, read=page.read)

    async def _look_up_user(self, fetcher: Fetcher) -> PostPage:
        """Look up the user by handle. The result is stored at once, because it is billed."""
        page = await self._get(fetcher, f"/2/users/by/username/{self._what}", {})
        if page.problem or not page.user:
            raise SourceError(f"{self.name}: X refuses: {page.problem or 'no such user'}")
        return page

    def _request(
        self, window: Window, marks: dict[str, str], size: int
    ) -> tuple[str, dict[str, str]]:
        query = {"max_results": str(size)}
        if "token" in marks:
            query["pagination_token"] = marks["token"]
        if self._kind == "list":
            return f"/2/lists/{self._what}/tweets", query
        if since := marks.get("since"):
            query["since_id"] = since
        else:
            query["start_time"] = _start(window).strftime(_TIME)
        if self._kind == "search":
            return "/2/tweets/search/recent", query | {"query": self._what}
        return f"/2/users/{marks['user']}/tweets", query

    async def _page(
        self, fetcher: Fetcher, path: str, marks: dict[str, str], query: dict[str, str]
    ) -> PostPage:
        """Return the page; retry without parameters that the server does not know or accept any
        more."""
        for _ in range(3):
            fields = _OLD_FIELDS if marks.get("fields") == "old" else _FIELDS
            page = await self._get(fetcher, path, query | fields)
            if not page.problem:
                return page
            if "post.fields" in page.refusal and fields is _FIELDS:
                marks["fields"] = "old"
            elif "pagination_token" in page.refusal and query.pop("pagination_token", ""):
                marks.pop("token", None)
            elif "since_id" in page.refusal and query.pop("since_id", ""):
                # Recent search refuses a since_id older than a week.
                query["start_time"] = _oldest().strftime(_TIME)
            else:
                break
        raise SourceError(f"{self.name}: X refuses: {page.problem}")

    async def _get(self, fetcher: Fetcher, path: str, params: dict[str, str]) -> PostPage:
        headers = {"authorization": f"Bearer {self._token}"}
        # Follow no redirects, because the token is for this server only.
        answer = await fetcher.get(
            API + path, params=params, headers=headers, redirects=0, read=_REFUSED
        )
        if answer.status == 200:
            return parse_page(answer.body, self.name)
        words = parse_refusal(answer.body)
        if not words:
            raise refusal(answer.status, answer.headers, API + path)
        if answer.status != 400:
            wait = parse_wait(answer.headers, datetime.now(UTC)) if answer.status == 429 else None
            raise SourceError(
                f"{self.name}: X refuses ({answer.status}): {words}", wait=wait or 0.0
            )
        return PostPage(problem=words, refusal=answer.body[:4000].decode("utf-8", "replace"))


open_source = X


def place(address: str) -> tuple[str, str]:
    """Return the kind and value of an address: `list` with its number, `user` with a handle, or
    `search` with a query. Raise SourceError."""
    address = address.strip()
    if match := re.fullmatch(r"(?:list:|https://(?:x|twitter)\.com/i/lists/)(\d{1,19})", address):
        return "list", match[1]
    if match := re.fullmatch(r"(?:user:@?|@|https://(?:x|twitter)\.com/)(\w{1,15})/?", address):
        return "user", match[1]
    if match := re.fullmatch(r"search:\s*(\S.{0,511})", address):
        return "search", match[1]
    raise SourceError(f"{address[:60]}: write list:123, user:jack or search:WORDS")


def _start(window: Window) -> datetime:
    return max(day_start(window.first, window.timezone).astimezone(UTC), _oldest())


def _oldest() -> datetime:
    """Return the earliest time recent search accepts, plus a margin for the request."""
    return datetime.now(UTC) - timedelta(days=SEARCHED_DAYS) + timedelta(minutes=5)
