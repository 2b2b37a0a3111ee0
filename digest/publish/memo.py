"""Results that many ask for at once: each is made once, the latest ones are kept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Memo(Generic[T]):
    """Results of coroutines by key."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: OrderedDict[Hashable, asyncio.Task[T]] = OrderedDict()

    async def get(self, key: Hashable, make: Coroutine[Any, Any, T]) -> T:
        """Return the result of that key, from `make` where there is none. One that raises is not
        kept."""
        if key in self._tasks:
            make.close()
        else:
            self._tasks[key] = asyncio.create_task(make)
            while len(self._tasks) > self._most:
                self._tasks.popitem(last=False)
        self._tasks.move_to_end(key)
        task = self._tasks[key]
        try:
            # Whoever asked first may leave while others wait.
            return await asyncio.shield(task)
        except Exception:
            self.drop(key)
            raise

    def drop(self, key: Hashable) -> None:
        self._tasks.pop(key, None)

    def clear(self) -> None:
        self._tasks.clear()
