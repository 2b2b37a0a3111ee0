"""Services shared by commands, deliveries and the schedule."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from bot.alerts import Alerts
from bot.messages import Incoming
from bot.settings import Settings
from digest.models import Language, Topic
from digest.store import Store
from digest.store.ledger import Ledger

if TYPE_CHECKING:
    from bot.builds import Builds, Questions

MAX_PEOPLE = 10_000
"""Number of people in a TurnLimit above which expired entries are removed."""


class TurnLimit:
    """Rate limit: at most `most` turns per person within `seconds`."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self._seconds = most, seconds
        self._turns: dict[str, list[float]] = {}

    def take_turn(self, person: str) -> float:
        """Count a turn and return 0; if over the limit, return the seconds to wait."""
        now = asyncio.get_running_loop().time()
        recent = self._list_recent(person, now)
        if len(recent) >= self.most:
            return self._seconds - (now - recent[0])
        self._turns[person] = [*recent, now]
        if len(self._turns) > MAX_PEOPLE:
            turns = {name: self._list_recent(name, now) for name in self._turns}
            self._turns = {name: times for name, times in turns.items() if times}
        return 0.0

    def is_full(self, person: str) -> bool:
        """Return True if the person is at the limit."""
        now = asyncio.get_running_loop().time()
        return len(self._list_recent(person, now)) >= self.most

    def _list_recent(self, person: str, now: float) -> list[float]:
        return [at for at in self._turns.get(person, ()) if now - at < self._seconds]


@dataclass(frozen=True, kw_only=True)
class Services:
    """The services used by commands."""

    store: Store
    topics: Mapping[str, Topic]
    builder: Builds
    settings: Settings
    now: Callable[[], datetime]
    is_admin: Callable[[Incoming], bool]
    """Returns True if the sender is an operator."""
    questions: Questions | None = None
    """None without a model: matching items are shown instead of an answer."""
    alerts: Alerts | None = None
    """None if there is nobody to send alerts to."""
    turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    """Locks per chat, so that lines that change its settings run one after another."""

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.store)

    async def tell(self, matter: str, about: str, **values: object) -> None:
        """Raise an alert to operators, at most once a day. Never raises."""
        if self.alerts:
            await self.alerts.tell(matter, about, **values)

    @property
    def language(self) -> Language:
        """Return the default language of the bot's own texts."""
        return next(iter(self.topics.values())).language

    def topic(self, name: str) -> Topic:
        """Return the topic of that name; one that is only in the store gets default settings."""
        return self.topics.get(name) or Topic(name, {"zh": name, "en": name}, name)
