"""What is wrong by the look of the store: no posts, no report, a silent source, digests that wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.alerts import Tell
from digest.models import Report, Topic
from digest.store import Store

PATIENCE = timedelta(hours=1)
"""How long after its build time a report may be missing, and digests may wait without one going out."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A matter to tell of, as `Tell` takes it."""

    matter: str
    about: str
    values: tuple[tuple[str, object], ...] = ()


class Counts(Protocol):
    """What a platform's ledger says of today, in deliveries."""

    @property
    def due(self) -> int: ...
    @property
    def waiting(self) -> int: ...


def closed_day(topic: Topic, now: datetime) -> date:
    """The newest day whose report must be there: it ends at the build time of the next day."""
    local = now.astimezone(ZoneInfo(topic.timezone))
    day = local.date()
    ready = datetime.combine(day, topic.build_at, local.tzinfo) + PATIENCE
    return day - timedelta(days=1 if local >= ready else 2)


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

    async def look(self, now: datetime, balance: Sequence[tuple[str, Counts]]) -> None:
        """`balance` is today's ledger of each platform. Raises StoreError."""
        for topic in self._topics:
            day = closed_day(topic, now)
            report = await self._store.report(topic.name, day, day)
            posts = 0 if report else (await self._store.post_days(topic.name)).get(day, 0)
            for one in troubles(topic, day, report, posts):
                await self._tell(one.matter, one.about, **dict(one.values))
        for platform, counts in balance:
            if counts.waiting and now - self._still_since(platform, counts, now) >= PATIENCE:
                await self._tell("no_delivery", platform, n=counts.waiting)

    def _still_since(self, platform: str, counts: Counts, now: datetime) -> datetime:
        """Since when none of the waiting ones has gone out."""
        state = (counts.due - counts.waiting, counts.waiting and 1)
        before, since = self._still.get(platform, (None, now))
        if state != before:
            since = now
        self._still[platform] = (state, since)
        return since
