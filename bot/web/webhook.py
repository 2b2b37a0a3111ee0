"""Telegram's webhook: an update is stored before it is acknowledged, so none is lost."""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from bot.platforms import Setup
from digest.errors import StoreError

log = logging.getLogger(__name__)

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 (the header's name)


def add_webhook(
    app: web.Application, setup: Setup, receive: Callable[[str, str], Awaitable[None]]
) -> None:
    """Take updates at the path of the webhook's address. `receive` stores one: key and content."""
    secret = setup.webhook_secret.encode()

    async def take(request: web.Request) -> web.Response:
        # Compared in constant time, and before anything of the body is read.
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
