"""Where one call stands with one server: what to say next, and what is left to try."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from digest.llm.compat import Dialect
from digest.llm.retry import Fault

RETRIES = 2
ADJUSTMENTS = 5
BACKOFF = 0.5
"""Seconds before the first repetition; twice as many before the second."""


@dataclass(slots=True)
class Course:
    """A call's way with one server."""

    dialect: Dialect
    retries: int = RETRIES
    adjustments: int = ADJUSTMENTS
    tried: set[Dialect] = field(default_factory=set)

    def after(self, fault: Fault) -> float | None:
        """Seconds until the next request; None where there is none to make."""
        if fault.adjust:
            return 0.0 if self._adjusted(*fault.adjust) else None
        if fault.final or not self.retries:
            return None
        self.retries -= 1
        if fault.lower == "now" or (fault.lower == "last" and not self.retries):
            self.dialect = self.dialect.lower()
        if fault.wait is not None:
            return fault.wait
        wait: float = BACKOFF * 2 ** (RETRIES - 1 - self.retries)
        return wait * random.uniform(0.75, 1.25)  # noqa: S311 (so that many do not come at once)

    def _adjusted(self, param: str, message: str) -> bool:
        """Whether the refusal says how to put it better, and that was not tried yet."""
        self.tried.add(self.dialect)
        better = self.dialect.adjusted(param, message)
        if better is None or better in self.tried or not self.adjustments:
            return False
        self.adjustments -= 1
        self.dialect = better
        return True
