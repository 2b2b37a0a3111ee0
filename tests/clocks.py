"""An event loop whose clock runs ahead while nothing happens: waits of seconds take a moment."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from selectors import SelectorKey
from typing import Any

import aiosqlite
import pytest

SPEED = 20.0
"""Seconds of the loop's clock in a second of idle waiting. Work takes as long as it takes, that
of threads too, so a busy machine lets nothing run out of time."""
LEAST = 0.01
"""Seconds of waiting in which what is on its way on this machine arrives."""


class _Selector(selectors.DefaultSelector):
    ahead = 0.0
    working = 0
    """Calls that threads have not answered yet."""

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if timeout is None or timeout <= 0 or self.working:
            return super().select(timeout)
        brief = min(timeout, max(timeout / SPEED, LEAST))
        events = super().select(brief)
        if not events:
            self.ahead += timeout - brief
        return events


class HastyLoop(asyncio.SelectorEventLoop):
    """The usual loop with that clock. A test module takes it as its `LOOP`."""

    def __init__(self) -> None:
        self.hasty = _Selector()
        super().__init__(self.hasty)

    def time(self) -> float:
        """Return the loop's clock."""
        return super().time() + self.hasty.ahead

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """Run the function in a thread; the clock runs as usual meanwhile."""
        self.hasty.working += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._answered)
        return future

    def _answered(self, _: object) -> None:
        self.hasty.working -= 1


@contextmanager
def database_work() -> Iterator[None]:
    """Let the clock of a hasty loop run as usual while SQLite works."""
    execute: Any = aiosqlite.Connection._execute

    async def counted(self: aiosqlite.Connection, *call: Any, **named: Any) -> Any:
        selector: Any = getattr(asyncio.get_running_loop(), "hasty", _Selector)
        selector.working += 1
        try:
            return await execute(self, *call, **named)
        finally:
            selector.working -= 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aiosqlite.Connection, "_execute", counted)
        yield
