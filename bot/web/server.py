"""The web server: one application, one address."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from bot.services import Services
from bot.web.status import add_status
from digest.errors import DigestError

MOST_BYTES = 256 * 1024
"""Of a request's body; an update of Telegram is far smaller."""


def build_app(context: Services, platforms: Callable[[], dict[str, bool]]) -> web.Application:
    """Return the application. `platforms` says which platforms of this process talk to people."""
    app = web.Application(client_max_size=MOST_BYTES)
    add_status(app, context, platforms)
    return app


@asynccontextmanager
async def serving(app: web.Application, address: str) -> AsyncIterator[str]:
    """Serve at `host:port` while inside; yield the address, with the port that was free for 0.

    Raises DigestError where nothing can listen there.
    """
    host, _, port = address.rpartition(":")
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
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
