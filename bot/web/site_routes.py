"""The archive's pages over HTTP: without scripts, under a strict policy, made once while nothing
changes."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from hashlib import sha256

from aiohttp import web

from digest.errors import DigestError
from digest.publish.site import Page, Site

MAX_PAGES = 200
"""Pages kept: at most about 12 MB."""
FRESH_SECONDS = 1.0
"""Between looks whether a report was made or withdrawn."""
MAX_PATH_CHARS = 300
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class PageCache:
    """Pages by path and words, dropped as soon as the store has changed."""

    def __init__(self, site: Site) -> None:
        """Start empty."""
        self._site = site
        self._pages: OrderedDict[tuple[str, str], asyncio.Task[Page]] = OrderedDict()
        self._state: object = None
        self._checked_at = -FRESH_SECONDS

    async def get(self, path: str, words: str) -> Page:
        """Return a page; those who ask for the same at once wait for one. Raises StoreError."""
        await self._refresh()
        key = (path, words)
        if key not in self._pages:
            self._pages[key] = asyncio.create_task(self._site.make_page(path, words))
            while len(self._pages) > MAX_PAGES:
                self._pages.popitem(last=False)
        self._pages.move_to_end(key)
        task = self._pages[key]
        try:
            page = await asyncio.shield(task)
        except DigestError:
            self._pages.pop(key, None)
            raise
        if len(page.body) > 1_000_000:
            self._pages.pop(key, None)
        return page

    async def _refresh(self) -> None:
        if time.monotonic() - self._checked_at < FRESH_SECONDS:
            return
        self._checked_at = time.monotonic()
        state = await self._site.store.read_state()
        if state != self._state:
            self._pages.clear()
            self._state = state


def add_pages(app: web.Application, site: Site) -> None:
    """Add the archive behind all other routes of the application."""
    cache = PageCache(site)

    async def answer(request: web.Request) -> web.Response:
        path = request.match_info["path"]
        words = request.query.get("q", "")[:MAX_PATH_CHARS] if path.endswith("search") else ""
        try:
            page = await cache.get(path[:MAX_PATH_CHARS].strip("/"), words)
        except DigestError:
            return web.Response(status=503, text="busy: try again in a minute", headers=HEADERS)
        tag = f'"{sha256(page.body).hexdigest()[:20]}"'
        headers = {**HEADERS, "Content-Type": page.kind, "ETag": tag}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=page.body, status=page.status, headers=headers)

    app.router.add_get("/{path:.*}", answer)
