"""What operators are told of before anybody else notices: once a day and matter, also after a restart.

Whoever notices writes it into the store; the process that talks on a platform tells that platform's
operators. So the clock, which talks nowhere, is heard too.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from bot import texts
from bot.messages import Block, Heading, Reply, Text
from bot.platforms import PlatformError, Unreachable
from digest.errors import StoreError
from digest.models import Language
from digest.store import Store

log = logging.getLogger(__name__)

PLACE = "alerts"
"""Under which the store's notes keep them."""
STALE = timedelta(days=2)
"""What nobody could be told for so long is not news any more."""


class Tell(Protocol):
    """Tells the operators of a matter."""

    async def __call__(self, matter: str, about: str, **values: object) -> None:
        """`alert_MATTER` is its text. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Alert:
    """A matter, since when it goes on, and the last day it was noticed."""

    matter: str
    about: str
    first: date
    last: date
    values: Mapping[str, Any] = field(default_factory=dict)

    def text(self, language: Language) -> str:
        """What to say; from the second day on with the number of days."""
        said = texts.text(f"alert_{self.matter}", language, about=self.about, **self.values)
        days = (self.last - self.first).days + 1
        again = texts.text("alert_again", language, n=days) if days > 1 else ""
        return f"{again}{said}"


class Alerts:
    """Notices and tells; days are those of UTC."""

    def __init__(self, store: Store, now: Callable[[], datetime], language: Language) -> None:
        self._store, self._now, self._language = store, now, language
        self._noticed: dict[str, date] = {}

    async def tell(self, matter: str, about: str, **values: object) -> None:
        """Writes down that something is wrong, once a day. Never raises."""
        today, key = self._now().date(), f"{matter} {about}"
        if self._noticed.get(key) == today:
            return
        try:
            before = _alert(key, await self._store.note(PLACE, key))
            if before is None or before.last < today:
                goes_on = before is not None and today - before.last <= timedelta(days=1)
                first = before.first if before and goes_on else today
                log.warning("%s", Alert(matter, about, first, today, values).text("en"))
                row = {"first": str(first), "last": str(today), "values": values}
                await self._store.save_note(PLACE, key, json.dumps(row, default=str))
            self._noticed[key] = today
        except StoreError as error:
            log.error("%s (%s) could not be noted: %s", matter, about, error)

    async def deliver(
        self,
        platform: str,
        operators: Sequence[str],
        send: Callable[[str, Reply], Awaitable[None]],
    ) -> None:
        """Tells these operators what they have not heard yet, in one message each. Never raises.

        One who cannot be reached now is tried again the next time.
        """
        try:
            today = self._now().date()
            notes = await self._store.notes(PLACE)
            known = [found for key, value in notes.items() if (found := _alert(key, value))]
            fresh = [one for one in known if today - one.last < STALE]
            for person in operators if fresh else ():
                await self._to(platform, person, fresh, send)
        except StoreError as error:
            log.error("%s: alerts wait: %s", platform, error)

    async def _to(
        self,
        platform: str,
        person: str,
        fresh: Sequence[Alert],
        send: Callable[[str, Reply], Awaitable[None]],
    ) -> None:
        place = f"{PLACE} {platform} {person}"
        said = await self._store.notes(place)
        unsaid = [one for one in fresh if said.get(f"{one.matter} {one.about}") != str(one.last)]
        if not unsaid:
            return
        try:
            await send(person, self._reply(unsaid))
        except Unreachable:
            return
        except PlatformError as error:
            log.error("%s: an operator cannot be told: %s", platform, error)
        for one in unsaid:
            await self._store.save_note(place, f"{one.matter} {one.about}", str(one.last))

    def _reply(self, alerts: Sequence[Alert]) -> Reply:
        worst = sorted(alerts, key=lambda one: (one.first, one.matter, one.about))
        title: Block = Heading(texts.text("alert", self._language), 1)
        said = [Text(one.text(self._language)) for one in worst]
        return Reply((title, *said), self._language)


def _alert(key: str, value: str) -> Alert | None:
    if not value:
        return None
    matter, _, about = key.partition(" ")
    row = json.loads(value)
    first, last = date.fromisoformat(row["first"]), date.fromisoformat(row["last"])
    return Alert(matter, about, first, last, row["values"])
