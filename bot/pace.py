"""How often one person may ask, so that nobody slows the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

MOST, WITHIN = 20, 60.0
"""Lines of one person that are answered within so many seconds."""
_PEOPLE = 10_000


class Pace:
    """Lines of each person in the last minute. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._asked: dict[str, deque[float]] = {}
        self._told: dict[str, float] = {}

    def wait(self, person: str) -> float:
        """0 where the person may ask now, else the seconds to wait."""
        now = self._clock()
        asked = self._asked.setdefault(person, deque())
        while asked and now - asked[0] >= WITHIN:
            asked.popleft()
        if len(asked) >= MOST:
            return WITHIN - (now - asked[0])
        asked.append(now)
        if len(self._asked) > _PEOPLE:
            self._forget(now)
        return 0.0

    def tell(self, person: str) -> bool:
        """Whether to tell the person to wait: once a minute, or the telling would be the flood."""
        now = self._clock()
        if now - self._told.get(person, -WITHIN) < WITHIN:
            return False
        self._told[person] = now
        return True

    def _forget(self, now: float) -> None:
        self._asked = {p: a for p, a in self._asked.items() if a and now - a[-1] < WITHIN}
        self._told = {p: at for p, at in self._told.items() if now - at < WITHIN}
