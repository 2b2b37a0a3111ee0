"""What operators are told of before anybody else notices: once a day and matter, also after a restart.

Whoever notices writes it into the store; the process that talks on a platform tells that platform's
operators. So the clock, which talks nowhere, is heard too.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from bot import texts
from bot.messages import Block, Heading, Reply, Text
from bot.platforms import PlatformError, Unreachable
from digest.calendar import newest_closed, zone
from digest.errors import StoreError
from digest.models import Balance, Language, Report, Topic
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


PATIENCE = timedelta(hours=1)
"""How long after its build time a report may be missing, and digests may wait without one going out."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A matter to tell of, as `Tell` takes it."""

    matter: str
    about: str
    values: tuple[tuple[str, object], ...] = ()


def closed_day(topic: Topic, now: datetime) -> date:
    """The newest day whose report must be there by now."""
    return newest_closed(topic, now - PATIENCE)


def troubles(topic: Topic, day: date, report: Report | None, posts: int) -> Iterator[Trouble]:
    """What is wrong with a day that should have a report; `posts` is how many it has."""
    if report is None:
        matter = "no_report" if posts else "no_posts"
        yield Trouble(matter, topic.name, (("day", day), ("n", posts)))
        return
    if not report.counts.collected and not report.source:
        yield Trouble("no_posts", topic.name, (("day", day), ("n", 0)))
    for source in report.sources:
        if not source.ok:
            about = f"{topic.name}/{source.name}"
            yield Trouble("source_down", about, (("why", source.note or "?"),))


class Watch:
    """Looks at the store now and then, and tells."""

    def __init__(self, store: Store, topics: Sequence[Topic], tell: Tell) -> None:
        self._store, self._topics, self._tell = store, topics, tell
        self._still: dict[str, tuple[tuple[int, int], datetime]] = {}

    async def look(self, now: datetime, balance: Mapping[str, Balance]) -> None:
        """`balance` is today's ledger of each platform. Raises StoreError."""
        for topic in self._topics:
            day = closed_day(topic, now)
            report = await self._store.report(topic.name, day, day)
            posts = 0 if report else (await self._store.post_days(topic.name)).get(day, 0)
            for one in troubles(topic, day, report, posts):
                await self._tell(one.matter, one.about, **dict(one.values))
        for name in await self._store.zones():
            if zone(name).key != name:
                await self._tell("zone_gone", name)
        for platform, counts in balance.items():
            if counts.waiting and now - self._still_since(platform, counts, now) >= PATIENCE:
                await self._tell("no_delivery", platform, n=counts.waiting)

    def _still_since(self, platform: str, counts: Balance, now: datetime) -> datetime:
        """Since when none of the waiting ones has gone out."""
        state = (counts.due - counts.waiting, int(counts.waiting > 0))
        before, since = self._still.get(platform, (None, now))
        if state != before:
            since = now
        self._still[platform] = (state, since)
        return since
