"""The loop that a command of the command line runs in."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")


def run_task(task: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a command to its end and return its result; garbage is looked for from here on."""
    gc.freeze()  # what was loaded stays
    gc.enable()
    return asyncio.run(task)
