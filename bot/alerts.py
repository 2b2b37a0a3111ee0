"""Alerts to operators: at most once a day per problem, also across restarts.

Whoever detects a problem writes it to the store; the process that runs a platform sends it to that
platform's operators. So a clock process without a platform can raise alerts, too.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from bot import texts
from bot.messages import Block, Heading, Paragraph, Reply
from bot.platforms import PlatformError, Revoked, ServerFault, Unreachable, Unsure
from bot.rich import quote_words
from digest.calendar import closes, newest_closed, zone
from digest.errors import StoreError
from digest.models import Balance, Language, Topic, UndeliveredPart
from digest.store import Store
from digest.store.ledger import Ledger

log = logging.getLogger(__name__)

PLACE = "alerts"
"""Note platform of alerts in the store."""
LANGUAGE_NOTES = "languages"
"""Note platform of the language each person last used."""
STALE = timedelta(days=2)
"""Age at which an undelivered alert is dropped."""
PATIENCE = timedelta(hours=1)
"""How overdue a report may be, and how long digests may wait without any being sent, before
operators are alerted."""
STARTING = timedelta(minutes=10)
"""Time after the first look in which a missing report is no news: collection and build may still be
under way. A build is stopped after ten minutes."""
REFUSED_FOR = timedelta(days=1)
"""How long a refused part is reported."""
MAX_ROWS = 30
"""Maximum chats listed in an alert."""
MAX_REASON_CHARS = 120


Send = Callable[[str, Reply], Awaitable[None]]
"""Sends a reply to a person's private chat."""


Tell = Callable[..., Awaitable[None]]
"""Records an alert, whose text is `alert_MATTER`: matter, subject, values."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A problem, the day it began, and the last day it was noticed."""

    matter: str
    about: str
    first: date
    last: date
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Key that changes when there is news: a new day, or other chats concerned."""
        return f"{self.last} {self.values.get('version', '')}".strip()

    def text(self, language: Language) -> str:
        """Return the text of the alert; from the second day on, with the number of days."""
        rows = "\n".join(_write_rows(self.values.get("rows", ()), language))
        values = dict(self.values) | {"rows": rows}
        write_reason = texts.source_reason if self.matter == "source_down" else texts.reason
        values["why"] = write_reason(quote_words(str(values.get("why", ""))), language)
        alert = texts.text(f"alert_{self.matter}", language, about=self.about, **values)
        days = (self.last - self.first).days + 1
        again = texts.text("alert_again", language, n=days) if days > 1 else ""
        return f"{again}{alert}"


def _write_rows(rows: Sequence[Mapping[str, Any]], language: Language) -> Iterator[str]:
    for row in rows[:MAX_ROWS]:
        why = texts.reason(quote_words(row["why"]), language)[:MAX_REASON_CHARS]
        words = {"why": why, "title": quote_words(row["title"])}
        yield texts.text(f"undelivered_{row['state']}", language, **dict(row) | words)
    if len(rows) > MAX_ROWS:
        yield texts.text("undelivered_more", language, n=len(rows) - MAX_ROWS)


class Alerts:
    """Record and deliver alerts; days are UTC."""

    def __init__(self, store: Store, now: Callable[[], datetime], language: Language) -> None:
        """`language`: for operators who have never written to the bot."""
        self._store, self._now, self._language = store, now, language
        self._noticed: dict[str, str] = {}
        self._unsure: set[str] = set()

    async def tell(self, matter: str, about: str, **values: object) -> None:
        """Record an alert, once a day or if its `version` changed. Never raises."""
        today, key = self._now().date(), f"{matter} {about}"
        version = Alert(matter, about, today, today, values).version
        if self._noticed.get(key) == version:
            return
        try:
            before = _read_alert(key, await self._store.read_note(PLACE, key))
            if before is None or before.version != version:
                lasting = before is not None and today - before.last <= timedelta(days=1)
                first = before.first if before and lasting else today
                log.warning("%s", Alert(matter, about, first, today, values).text("en"))
                row = {"first": str(first), "last": str(today), "values": values}
                await self._store.save_note(PLACE, key, json.dumps(row, default=str))
            self._noticed[key] = version
        except StoreError as error:
            log.error("%s (%s) could not be saved: %s", matter, about, error)

    async def deliver(self, platform: str, operators: Sequence[str], send: Send) -> None:
        """Send these operators their undelivered alerts in one message each; retry later whoever
        cannot be reached. Never raises."""
        try:
            today = self._now().date()
            notes = await self._store.read_notes(PLACE)
            alerts = [alert for key, value in notes.items() if (alert := _read_alert(key, value))]
            fresh = [alert for alert in alerts if today - alert.last < STALE]
            for person in operators if fresh else ():
                await self._deliver_to(platform, person, fresh, send)
        except StoreError as error:
            log.error("%s: alerts are delayed: %s", platform, error)

    async def _deliver_to(self, platform: str, person: str, fresh: list[Alert], send: Send) -> None:
        place = f"{PLACE} {platform} {person}"
        heard = await self._store.read_notes(place)
        news = [a for a in fresh if heard.get(f"{a.matter} {a.about}") != a.version]
        if not news:
            return
        try:
            spoken = await self._store.read_note(LANGUAGE_NOTES, f"{platform}:{person}")
            language = texts.LANGUAGES.get(spoken, self._language)
            news.sort(key=lambda alert: (alert.first, alert.matter, alert.about))
            title: Block = Heading(texts.text("alert", language), 1)
            blocks = (title, *(Paragraph(alert.text(language)) for alert in news))
            await send(person, Reply(blocks, language))
        except Unsure as error:  # it may have arrived: retry once, or longer on server faults
            again = isinstance(error, ServerFault) or place not in self._unsure
            self._unsure.add(place)
            if again:
                return
        except (Unreachable, Revoked):  # retry: time or a new token will help
            return
        except PlatformError as error:
            log.error("%s: an operator cannot be alerted: %s", platform, error)
        self._unsure.discard(place)
        for alert in news:
            await self._store.save_note(place, f"{alert.matter} {alert.about}", alert.version)


def _read_alert(key: str, value: str) -> Alert | None:
    if not value:
        return None
    matter, _, about = key.partition(" ")
    row = json.loads(value)
    first, last = date.fromisoformat(row["first"]), date.fromisoformat(row["last"])
    return Alert(matter, about, first, last, row["values"])


async def list_undelivered(ledger: Ledger, now: datetime) -> list[UndeliveredPart]:
    """Return the held parts, then those refused within a day."""
    return [*await ledger.list_held_parts(), *await ledger.list_refused_parts(now - REFUSED_FOR)]


async def tell_undelivered(parts: Sequence[UndeliveredPart], tell: Tell) -> None:
    """Alert on the chats that lack a part of a digest, once per platform."""
    by_platform: defaultdict[str, list[UndeliveredPart]] = defaultdict(list)
    for part in parts:
        by_platform[part.chat.platform].append(part)
    for platform, concerned in by_platform.items():
        n, newest = len(concerned), max(part.part for part in concerned)
        rows = list(_read_rows(concerned))
        await tell("undelivered", platform, n=n, rows=rows, version=f"{n}/{newest}")


def _read_rows(parts: Sequence[UndeliveredPart]) -> Iterator[Mapping[str, object]]:
    """Yield one row per chat: its first missing part."""
    firsts: dict[object, UndeliveredPart] = {}
    for part in parts:
        firsts.setdefault((part.chat, part.topic, part.day), part)
    for part in firsts.values():
        yield {
            "state": "held" if part.state == "unknown" else "refused",
            "title": part.chat.title or part.chat.id,
            "part": part.position + 1,
            "parts": part.parts,
            "why": part.error,
            "since": f"{part.tried_at:%m-%d %H:%M}" if part.tried_at else "?",
        }


class Watch:
    """Checks the store periodically and raises alerts."""

    def __init__(self, store: Store, topics: Sequence[Topic], tell: Tell) -> None:
        self._store, self._topics, self._tell = store, topics, tell
        self._still: dict[str, tuple[int, datetime]] = {}
        """Platforms with waiting digests at the last look: how many had ended, and since when."""
        self._undelivered: list[int] = []
        self._began: datetime | None = None

    async def look(
        self,
        now: datetime,
        balance: Mapping[str, Balance],
        undelivered: Sequence[UndeliveredPart] = (),
    ) -> None:
        """Check everything. `balance`: today's deliveries, by platform. Raises StoreError."""
        self._began = self._began or now
        for topic in self._topics if now - self._began >= STARTING else ():
            # The newest report is due by now.
            await self._look_at_day(topic, newest_closed(topic, now - PATIENCE))
        configured = {topic.name for topic in self._topics}
        for name, n in (await self._store.count_subscriptions()).items():
            if name not in configured:
                await self._tell("topic_gone", name, n=n)
        for name in await self._store.list_zones():
            if zone(name).key != name:
                await self._tell("zone_gone", name)
        before, self._still = self._still, {}
        for platform, counts in balance.items():
            if counts.waiting:
                ended = counts.due - counts.waiting
                earlier, since = before.get(platform, (ended, now))
                since = since if ended == earlier else now
                self._still[platform] = ended, since
                if now - since >= PATIENCE:
                    await self._tell("no_delivery", platform, n=counts.waiting)
        ids = [part.part for part in undelivered]
        if ids == self._undelivered:  # wait until no more are added, then send one message
            await tell_undelivered(undelivered, self._tell)
        self._undelivered = ids

    async def _look_at_day(self, topic: Topic, day: date) -> None:
        """Alert on a day that should have a report."""
        report = await self._store.load_report(topic.name, day, day)
        imported = await self._store.load_import(topic.name, day, day)
        made_at = report.created_at if report else None
        # A report made before the day closed does not count.
        is_complete = imported or (made_at is not None and made_at >= closes(topic, day))
        collected = report.counts.collected if report else 0
        if not imported and not (is_complete and collected):
            days = await self._store.count_posts(topic.name)
            if not is_complete and (posts := days.get(day, 0)):
                await self._tell("no_report", topic.name, day=day, n=posts)
            elif not collected and min(days, default=day) <= day:  # the topic is not newer
                await self._tell("no_posts", topic.name, day=day, n=0)
        for source in report.sources if report else ():
            if not source.ok:
                about = f"{topic.name}/{source.name}"
                await self._tell("source_down", about, why=source.note or "?")
