"""The archive's pages over HTTP: without scripts, under a strict policy, made once while nothing
changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from hashlib import sha256

from aiohttp import web

from digest.errors import DigestError
from digest.publish.memo import Memo
from digest.publish.site import Page, Site

MAX_PAGES, MAX_KEPT_BYTES = 200, 100_000
"""Pages kept: at most about 12 MB. Pictures are not, nor pages as large."""
MAX_PATH_CHARS = 300
MOST_WAITING = 10
"""Searches and stories in line: one is made at a time, so that chats are answered in between."""
ROBOTS = "User-agent: *\nDisallow: /*search?q=\n"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class TaggedPage:
    """A page with the tag of its content."""

    page: Page
    tag: str


class PageCache:
    """Answers by path and words, dropped as soon as the store has changed."""

    def __init__(self, site: Site) -> None:
        """Start empty."""
        self._site = site
        self._answers: Memo[TaggedPage] = Memo(MAX_PAGES)
        self._state: object = None
        self._turn, self._places = asyncio.Lock(), asyncio.BoundedSemaphore(MOST_WAITING)

    async def get(self, path: str, words: str) -> TaggedPage:
        """Return a page; those who ask for the same at once wait for one. Raises StoreError, and
        DigestError where too much is in line."""
        await self._site.refresh()
        if self._site.state != self._state:
            self._answers.clear()
            self._state = self._site.state
        answer = await self._answers.get((path, words), self._make(path, words))
        if len(answer.page.body) > MAX_KEPT_BYTES:
            self._answers.drop((path, words))
        return answer

    async def _make(self, path: str, words: str) -> TaggedPage:
        is_slow = words or path.endswith("/story")
        async with self._in_line() if is_slow else nullcontext():
            page = await self._site.make_page(path, words)
        return TaggedPage(page, sha256(page.body).hexdigest()[:20])

    @asynccontextmanager
    async def _in_line(self) -> AsyncIterator[None]:
        if self._places.locked():
            raise DigestError("too many searches")
        async with self._places, self._turn:
            yield


def add_pages(app: web.Application, site: Site) -> None:
    """Add the archive behind all other routes of the application."""
    cache = PageCache(site)

    async def respond(request: web.Request) -> web.Response:
        path = request.match_info["path"]
        words = request.query.get("q", "")[:MAX_PATH_CHARS] if path.endswith("search") else ""
        try:
            answer = await cache.get(path[:MAX_PATH_CHARS].strip("/"), words)
        except DigestError:
            headers = {**HEADERS, "Retry-After": "60"}
            return web.Response(status=503, text="busy: try again in a minute", headers=headers)
        headers = {**HEADERS, "Content-Type": answer.page.kind, "ETag": f'"{answer.tag}"'}
        # A proxy that compresses sends the tag back as a weak one.
        if any(tag.value == answer.tag for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(body=answer.page.body, status=answer.page.status, headers=headers)

    async def advise_robots(_: web.Request) -> web.Response:
        return web.Response(text=ROBOTS)

    app.router.add_get("/robots.txt", advise_robots)
    app.router.add_get("/{path:.*}", respond)
