"""What a command of the command line runs in: a loop, and the store."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from bot.settings import Settings
    from digest.store import Store

_Result = TypeVar("_Result")
_Options = ParamSpec("_Options")


def run_task(task: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a command to its end and return its result; garbage is looked for from here on."""
    gc.freeze()  # what was loaded stays
    gc.enable()
    return asyncio.run(task)


def runs_task(
    command: Callable[_Options, Coroutine[Any, Any, None]],
) -> Callable[_Options, None]:
    """Return a coroutine function as the function that runs it to its end, for click."""

    @wraps(command)
    def run(*args: _Options.args, **options: _Options.kwargs) -> None:
        run_task(command(*args, **options))

    return run


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """Open the database that is set, and close it. Raises StoreError."""
    # Imported here: `--help` does not wait for it.
    from digest.store import Store

    async with await Store.open(settings.database_url) as store:
        yield store
