"""What is wrong by the look of the store: no posts, no report, a silent source, digests that wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.alerts import Tell
from digest.calendar import newest_closed, zone
from digest.models import Balance, Report, Topic
from digest.store import Store

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
