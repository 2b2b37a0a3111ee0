"""The web server: one application, one address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol

from aiohttp import web

from bot.platforms import Setup
from bot.services import Services
from bot.web.site_routes import add_pages
from bot.web.status import add_status
from bot.web.webhook import add_webhook
from digest.errors import DigestError
from digest.publish.site import Site

MOST_BYTES = 256 * 1024
"""Of a request's body; an update of Telegram is far smaller."""
MOST_LINE_BYTES = 128 * 1024
"""Of an address: a search for 10,000 Chinese characters takes 90,000."""

FRESH_SECONDS = 1.0
"""Between looks whether a report was made or withdrawn."""


class WebHost(Protocol):
    """The bot, as the web server sees it."""

    @property
    def platforms(self) -> dict[str, bool]:
        """Return the platforms of this process, and which of them talk to people."""
        ...

    async def receive(self, platform: str, key: str, content: str) -> None:
        """Store an update that a platform brought."""
        ...


def build_app(context: Services, host: WebHost, telegram: Setup) -> web.Application:
    """Return the application: state, Telegram's webhook where one is set up, and the archive."""
    app = web.Application(client_max_size=MOST_BYTES)
    add_status(app, context, lambda: host.platforms)
    if telegram.token and telegram.webhook_url:
        add_webhook(app, telegram, partial(host.receive, "telegram"))
    site = Site(context.store, context.topics, context.public_url, fresh_seconds=FRESH_SECONDS)
    add_pages(app, site)
    return app


@asynccontextmanager
async def serving(app: web.Application, address: str) -> AsyncIterator[str]:
    """Serve at `host:port` while inside; yield the address, with the port that was free for 0.

    Raises DigestError where nothing can listen there.
    """
    host, _, port = address.rpartition(":")
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=2.0, max_line_size=MOST_LINE_BYTES
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host.strip("[]"), int(port)).start()
        except OSError as error:
            why = error.strerror or "no such address"
            raise DigestError(f"WEB_ADDRESS: cannot listen at {address} ({why})") from None
        bound = runner.addresses[0]
        yield f"{bound[0]}:{bound[1]}"
    finally:
        await runner.cleanup()
