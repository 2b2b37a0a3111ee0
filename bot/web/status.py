"""How the bot is: `/healthz` for whoever restarts it, `/readyz` and `/metrics` for operators."""

import asyncio
import ipaddress
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from aiohttp import web

from bot.services import Services
from digest.errors import StoreError
from digest.store.totals import Totals, read_ages, read_totals

MOST_SECONDS = 5.0
"""After which a database counts as one that does not answer."""
MOST_SECONDS_COUNTING = 60.0
"""For all the totals: a million chats take some twenty."""
SHARED = ipaddress.ip_network("100.64.0.0/10")
SHARE = 20
"""Totals are kept this many times as long as reading them took: scraping every second of a big
database takes a twentieth of a processor at most."""


class Status:
    """Answers questions about the bot's state from the database."""

    def __init__(self, context: Services, platforms: Callable[[], dict[str, bool]]) -> None:
        """`platforms`: which platforms of this process talk to people now."""
        self._context, self._platforms = context, platforms
        self._totals: Totals | None = None
        self._good_until = 0.0
        self._reading = asyncio.Lock()

    async def is_alive(self, _request: web.Request) -> web.Response:
        """Answer that the loop turns; it asks nobody else, or a database that is away would have
        every process restarted."""
        return web.Response(text="ok\n")

    async def is_ready(self, request: web.Request) -> web.Response:
        """Return the state of database and platforms, with ages in seconds; 503 if one is away."""
        _refuse_strangers(request)
        platforms = self._platforms()
        state: dict[str, Any] = {"platforms": platforms}
        try:
            async with asyncio.timeout(MOST_SECONDS):
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
        """Return the totals in Prometheus' text form; 503 without a database."""
        _refuse_strangers(request)
        # Imported here: the bot takes no room for it until somebody asks.
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
                async with asyncio.timeout(MOST_SECONDS_COUNTING):
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
        """Return the moments of configured topics: those that were only imported grow old for
        ever."""
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
    """Answer 404 to the public: figures are for machines of the operator's own network, which ask
    without a proxy in between."""
    forwarded = {"X-Forwarded-For", "Forwarded", "X-Real-IP"} & request.headers.keys()
    peer = request.transport.get_extra_info("peername") if request.transport else None
    if forwarded or not peer or not is_own(peer[0].partition("%")[0]):
        raise web.HTTPNotFound


def is_own(address: str) -> bool:
    """Return True for an address of the operator's own network. 100.64.0.0/10 is no one's in
    public: pods and private networks have it."""
    ip = ipaddress.ip_address(address)
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_private or (ip.version == 4 and ip in SHARED)


def _ages(moments: dict[str, datetime], now: datetime) -> dict[str, int]:
    return {name: max(0, round((now - at).total_seconds())) for name, at in moments.items()}
