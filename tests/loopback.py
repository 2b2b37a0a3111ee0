"""A server on 127.0.0.1 for the time of a block: what the fakes of the platforms stand on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Self

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def listen(
    routes: Iterable[tuple[str, str, Handler]], port: int = 0, *, hangs_up: bool = False
) -> web.AppRunner:
    """Serve these routes (method, path, handler); 0 takes a free port. The caller cleans up.

    `hangs_up`: whoever leaves ends what it asked for, as a long poll does; a message is taken all
    the same, as by the platforms.
    """
    app = web.Application(client_max_size=200 << 20)
    for method, path, handler in routes:
        app.router.add_route(method, path, handler)
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=hangs_up, shutdown_timeout=0.1
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


def reply(
    status: int, body: object, headers: Mapping[str, str] | None = None, kind: str = ""
) -> web.Response:
    """Return an answer: JSON, or a text as it is. discord.py wants exactly this type for JSON."""
    if body is None or isinstance(body, str):
        return web.Response(status=status, text=body, headers=headers, content_type=kind or None)
    raw = json.dumps(body, ensure_ascii=False).encode()
    return web.Response(status=status, body=raw, headers=headers, content_type="application/json")


class Loopback:
    """Keeps what was asked, and raises at the end what no client of ours should ever send."""

    hangs_up = False

    def __init__(self) -> None:
        self.url, self.port = "", 0
        self.calls: list[Any] = []
        self.faults: list[str] = []

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Return method, path and handler of each route."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        self._runner = await listen(self.routes(), self.port, hangs_up=self.hangs_up)
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        await self._runner.cleanup()
        if self.faults and kind is None:
            raise AssertionError("\n".join(self.faults[:20]))

    async def until(self, true: Callable[[], object], seconds: float = 20, what: str = "") -> None:
        """Wait until something is so; after that time the test fails."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not true():
            if loop.time() > end:
                last = [call for call in self.calls if "getUpdates" not in call][-8:]
                raise AssertionError(f"no {what or 'end'} in {seconds:g} s; {last}; {self.faults}")
            await asyncio.sleep(0.005)
