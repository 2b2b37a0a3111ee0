"""The services that commands, deliveries and the schedule share."""

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

MOST_PEOPLE = 10_000
"""People whose turns are remembered before those of long ago are dropped."""


class TurnLimit:
    """At most so many turns of each person within some seconds."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self._seconds = most, seconds
        self._turns: dict[str, list[float]] = {}

    def wait(self, person: str) -> float:
        """Count a turn and return 0; for one too many, return how many seconds to wait."""
        now = asyncio.get_running_loop().time()
        recent = self._list_recent(person, now)
        if len(recent) >= self.most:
            return self._seconds - (now - recent[0])
        self._turns[person] = [*recent, now]
        if len(self._turns) > MOST_PEOPLE:
            turns = {name: self._list_recent(name, now) for name in self._turns}
            self._turns = {name: times for name, times in turns.items() if times}
        return 0.0

    def is_full(self, person: str) -> bool:
        """Return True if the person must wait."""
        now = asyncio.get_running_loop().time()
        return len(self._list_recent(person, now)) >= self.most

    def _list_recent(self, person: str, now: float) -> list[float]:
        return [at for at in self._turns.get(person, ()) if now - at < self._seconds]


@dataclass(frozen=True, kw_only=True)
class Services:
    """What commands work with."""

    store: Store
    topics: Mapping[str, Topic]
    builder: Builds
    settings: Settings
    now: Callable[[], datetime]
    is_admin: Callable[[Incoming], bool]
    """Return whether somebody may see and do what only operators may."""
    questions: Questions | None = None
    """None where no model is set: the items themselves are the answer."""
    alerts: Alerts | None = None
    """What the operators hear of; None where nobody talks to them."""
    turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    """For lines of a chat that change what is stored of it: one after another."""

    @cached_property
    def ledger(self) -> Ledger:
        """Return the deliveries of the store."""
        return Ledger(self.store)

    async def tell(self, matter: str, about: str, **values: object) -> None:
        """Tell the operators of a matter, once a day. Never raises."""
        if self.alerts:
            await self.alerts.tell(matter, about, **values)

    @property
    def language(self) -> Language:
        """Return the language of the bot's own words where nothing says another."""
        return next(iter(self.topics.values())).language

    def topic(self, name: str) -> Topic:
        """Return the topic of that name; one that is only in the store gets the usual settings."""
        return self.topics.get(name) or Topic(name, {"zh": name, "en": name}, name)
