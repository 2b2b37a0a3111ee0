"""The web server: status and metrics, Telegram's webhook, and the archive pages with a cache."""

import asyncio
import hmac
import ipaddress
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any, cast
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.http import HttpProcessingError

from bot.platforms import Setup
from bot.services import Services
from digest.errors import DigestError, StoreError, explain
from digest.publish.layout import Memo
from digest.publish.site import Page, Site
from digest.store.totals import Totals, read_ages, read_totals

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5.0
"""Timeout after which the database counts as unavailable."""
COUNT_TIMEOUT_SECONDS = 60.0
"""Timeout of reading the totals: a million chats take about 20 s."""
SHARED = ipaddress.ip_network("100.64.0.0/10")
SHARE = 20
"""Totals are cached for this many times the time it took to read them, so that frequent scraping of
a big database uses at most a twentieth of a CPU."""


class Status:
    """Status endpoints, which query the database."""

    def __init__(self, context: Services, platforms: Callable[[], dict[str, bool]]) -> None:
        """`platforms`: the platforms of this process, and whether each is connected."""
        self._context, self._platforms = context, platforms
        self._totals: Totals | None = None
        self._good_until = 0.0
        self._reading = asyncio.Lock()

    async def is_alive(self, _request: web.Request) -> web.Response:
        """Answer if the event loop runs, regardless of the database: a restart would not fix it."""
        return web.Response(text="ok\n")

    async def is_ready(self, request: web.Request) -> web.Response:
        """Return the state of database and platforms, with ages in seconds; 503 if one is down."""
        _refuse_strangers(request)
        platforms = self._platforms()
        state: dict[str, Any] = {"platforms": platforms}
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                reported_at, collected_at = await read_ages(self._context.store)
            now = self._context.now()
            state["database"] = True
            state["report_age_seconds"] = _ages(self._select_own(reported_at), now)
            state["collection_age_seconds"] = _ages(self._select_own(collected_at), now)
        except (StoreError, TimeoutError):
            state["database"] = False
        ready = state["database"] and all(platforms.values())
        return web.json_response({"ready": ready, **state}, status=200 if ready else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        """Return the totals in Prometheus text format; 503 without a database."""
        _refuse_strangers(request)
        # Imported here to save memory until it is needed.
        from bot.web.metrics import CONTENT_TYPE, write_metrics

        try:
            totals = await self._read()
        except (StoreError, TimeoutError):
            raise web.HTTPServiceUnavailable(text="the database does not answer\n") from None
        body = write_metrics(totals, self._context.now(), self._platforms())
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    async def _read(self) -> Totals:
        async with self._reading:
            began = time.monotonic()
            if self._totals is None or began >= self._good_until:
                async with asyncio.timeout(COUNT_TIMEOUT_SECONDS):
                    totals = await read_totals(self._context.store, self._context.now())
                self._totals = replace(
                    totals,
                    reported_at=self._select_own(totals.reported_at),
                    collected_at=self._select_own(totals.collected_at),
                )
                ended = time.monotonic()
                self._good_until = ended + SHARE * (ended - began)
            return self._totals

    def _select_own(self, moments: Mapping[str, datetime]) -> dict[str, datetime]:
        """Select configured topics: the reports of imported ones are never renewed."""
        return {topic: at for topic, at in moments.items() if topic in self._context.topics}


def add_status(
    app: web.Application, context: Services, platforms: Callable[[], dict[str, bool]]
) -> None:
    """Add `/healthz`, `/readyz` and `/metrics`."""
    status = Status(context, platforms)
    app.router.add_get("/healthz", status.is_alive)
    app.router.add_get("/readyz", status.is_ready)
    app.router.add_get("/metrics", status.metrics)


def _refuse_strangers(request: web.Request) -> None:
    """Answer 404 unless the request comes from the operator's own network."""
    forwarded = {"X-Forwarded-For", "Forwarded", "X-Real-IP"} & request.headers.keys()
    peer = request.transport.get_extra_info("peername") if request.transport else None
    if forwarded or not peer or not is_own(peer[0].partition("%")[0]):
        raise web.HTTPNotFound


def is_own(address: str) -> bool:
    """Return True for private networks and 100.64.0.0/10, which is not public either."""
    ip = ipaddress.ip_address(address)
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_private or (ip.version == 4 and ip in SHARED)


def _ages(moments: dict[str, datetime], now: datetime) -> dict[str, int]:
    return {name: max(0, round((now - at).total_seconds())) for name, at in moments.items()}


MAX_BYTES = 256 * 1024
"""Maximum request body; Telegram's updates are far smaller."""
MAX_LINE_BYTES = 128 * 1024
"""Maximum request line: a search for 10,000 Chinese characters takes 90,000."""

IDLE_SECONDS = 15.0
"""A connection without a complete request is closed after this time."""
MAX_CONNECTIONS, BACKLOG = 100, 50
"""Further connections are closed at once: the process needs its file descriptors (256 on some
machines) for the database and the chats. The second number is the listen backlog."""

FRESH_SECONDS = 1.0
"""Interval of checks for new or withdrawn reports."""


def build_app(
    context: Services,
    platforms: Callable[[], dict[str, bool]],
    receive: Callable[[str, str, str], Awaitable[None]],
    telegram: Setup,
) -> web.Application:
    """Return the application: status, Telegram's webhook if configured, and the archive.

    `platforms`: the platforms of this process, and whether each is connected; `receive` stores an
    update: platform, key and content."""
    app = web.Application(client_max_size=MAX_BYTES)
    add_status(app, context, platforms)
    if telegram.token and telegram.webhook_url:
        add_webhook(app, telegram, partial(receive, "telegram"))
    address = context.settings.public_url
    add_pages(app, Site(context.store, context.topics, address, fresh_seconds=FRESH_SECONDS))
    return app


@asynccontextmanager
async def serving(app: web.Application, address: str) -> AsyncIterator[str]:
    """Serve at `host:port` inside the block; yield the address, with the actual port for port 0.
    Raises DigestError if it cannot listen there."""
    logging.getLogger("aiohttp.server").addFilter(_is_worth_a_line)
    host, _, port = address.rpartition(":")
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=2.0,
        max_line_size=MAX_LINE_BYTES,
        keepalive_timeout=IDLE_SECONDS,
    )
    await runner.setup()
    server = cast(web.Server, runner.server)

    def accept() -> asyncio.Protocol:
        return server() if len(server.connections) < MAX_CONNECTIONS else _Refusal()

    try:
        loop = asyncio.get_running_loop()
        try:
            listening = await loop.create_server(
                accept, host.strip("[]"), int(port), backlog=BACKLOG
            )
        except OSError as error:
            raise DigestError(
                f"cannot listen at {address} ({explain(error)}): end the other program, or"
                " correct WEB_ADDRESS"
            ) from None
        try:
            place, number = listening.sockets[0].getsockname()[:2]
            yield f"[{place}]:{number}" if ":" in place else f"{place}:{number}"
        finally:
            listening.close()
    finally:
        await runner.cleanup()


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Return False for malformed requests: port scans would fill the log."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


class _Refusal(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 (the header's name)


def add_webhook(
    app: web.Application, setup: Setup, receive: Callable[[str, str], Awaitable[None]]
) -> None:
    """Accept updates at the webhook's path. `receive` stores one: key and content."""
    secret = setup.webhook_secret.encode()

    async def take(request: web.Request) -> web.Response:
        # Compare in constant time, and before reading the body.
        shown = request.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(shown, secret):
            raise web.HTTPForbidden
        content = (await request.read()).decode("utf-8", "replace")
        number = _number_of(content)
        if number is None:
            log.warning("telegram: an update without a number was skipped")
            return web.Response()
        try:
            await receive(f"{setup.bot_id}:{number}", content)
        except StoreError as error:
            log.error("telegram: an update cannot be stored (%s); Telegram repeats it", error)
            raise web.HTTPServiceUnavailable from None
        return web.Response()

    app.router.add_post(urlsplit(setup.webhook_url).path or "/", take)


def _number_of(content: str) -> int | None:
    try:
        update = json.loads(content)
    except (ValueError, RecursionError):
        return None
    number = update.get("update_id") if isinstance(update, dict) else None
    return number if type(number) is int else None


MAX_PAGES, MAX_KEPT_BYTES = 200, 100_000
"""Cache size, about 12 MB at most. Larger pages and pictures are not cached."""
MAX_PATH_CHARS = 300
MAX_WAITING = 10
"""Queue length of searches and stories: one is rendered at a time, to keep chats responsive."""
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


class PageCache:
    """Cache of pages by path and query; cleared when the store changes."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._answers: Memo[Page] = Memo(MAX_PAGES)
        self._state: object = None
        self._turn, self._places = asyncio.Lock(), asyncio.BoundedSemaphore(MAX_WAITING)

    async def get(self, path: str, words: str) -> Page:
        """Return a page; concurrent requests share it. Raises StoreError, DigestError if busy."""
        await self._site.refresh()
        if self._site.state != self._state:
            self._answers.clear()
            self._state = self._site.state
        page = await self._answers.get((path, words), partial(self._make, path, words))
        if len(page.body) > MAX_KEPT_BYTES:
            self._answers.drop((path, words))
        return page

    async def _make(self, path: str, words: str) -> Page:
        is_slow = words or path.endswith("/story")
        async with self._in_line() if is_slow else nullcontext():
            return await self._site.make_page(path, words)

    @asynccontextmanager
    async def _in_line(self) -> AsyncIterator[None]:
        if self._places.locked():
            raise DigestError("too many searches")
        async with self._places, self._turn:
            yield


def add_pages(app: web.Application, site: Site) -> None:
    """Add the archive after all other routes."""
    cache = PageCache(site)

    async def respond(request: web.Request) -> web.Response:
        path = request.match_info["path"]
        words = request.query.get("q", "")[:MAX_PATH_CHARS] if path.endswith("search") else ""
        try:
            page = await cache.get(path[:MAX_PATH_CHARS].strip("/"), words)
        except DigestError:
            headers = {**HEADERS, "Retry-After": "60"}
            return web.Response(status=503, text="busy: try again in a minute", headers=headers)
        content_tag = sha256(page.body).hexdigest()[:20]
        headers = {**HEADERS, "Content-Type": page.kind, "ETag": f'"{content_tag}"'}
        # A compressing proxy returns the tag as a weak one.
        if any(tag.value == content_tag for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(body=page.body, status=page.status, headers=headers)

    async def advise_robots(_: web.Request) -> web.Response:
        return web.Response(text=ROBOTS)

    app.router.add_get("/robots.txt", advise_robots)
    app.router.add_get("/{path:.*}", respond)
