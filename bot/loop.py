"""The loop that a command of the command line runs in."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

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
