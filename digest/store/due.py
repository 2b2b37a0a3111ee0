"""What is due: builds and deliveries. Clocks only propose; unique rows decide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, literal, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.calendar import (
    DAY,
    closes,
    due_days,
    nearest_moment,
    newest_closed,
    next_due,
    report_day,
)
from digest.models import Chat, Delivery, Subscription, Topic
from digest.store.chat_tables import subscription_of
from digest.store.database import write_note
from digest.store.engine import insert_new, insert_on
from digest.store.open_parts import delete_sent, skip
from digest.store.outbox import MAX_LATENESS, OutboxTables
from digest.store.report_tables import delete_in
from digest.store.tables import (
    builds,
    deliveries,
    imports,
    parts,
    platform_notes,
    reports,
    sources,
    subscriptions,
)

LATE = timedelta(minutes=10)
"""After which a digest counts as late, and its chat gets an excuse."""
TERMINAL = "terminal"
"""The platform that only answers: nothing is delivered to a terminal."""
MOST = 500
"""Subscriptions in one transaction: between two of them the process answers people."""
SOON = timedelta(seconds=30)
"""Before a build is tried a second time: a connection was cut, perhaps."""
FIRST_RETRY, LONGEST_RETRY = timedelta(minutes=2), timedelta(hours=1)
"""Doubled by each attempt after that, and the most."""
DEAD = timedelta(seconds=30)
"""A build whose process gave no heartbeat for so long is taken over."""
TAKEN_OVER = timedelta(seconds=60)
"""Within which another process has taken over a build whose process is dead."""
MOST_QUEUED = timedelta(hours=1)
"""How long digests wait for a build that nobody has begun, although somebody made a report."""
EARLIEST_ZONE = timedelta(hours=14)
"""How far the first zone to begin a day is ahead of UTC."""
MOST_ATTEMPTS = 5
"""Failed builds of a day, an hour of them, after which a report made before it closed goes out."""


@dataclass(frozen=True, slots=True)
class NewestDays:
    """The newest local day of a subscription in the ledger, and the newest report it was due."""

    day: date | None = None
    report: date | None = None


def propose_rows(
    subscription: Subscription,
    topic: Topic | None,
    since: datetime,
    newest: NewestDays,
    now: datetime,
    cutoff: datetime,
) -> list[dict[str, Any]]:
    """Return a delivery for the newest day that became due since then; older ones as skipped rows.

    Ignore days the ledger already has, even if a new time, zone or clock would make them due again.
    Skip what was due before `cutoff`. Where the chat had the report already, leave the day open: at
    a later time, to which the chat may change, it has a new one. If the report is built after the
    chat's time, the delivery is due when the report is."""
    days = [
        (day, due_at)
        for day, due_at in due_days(subscription, since, now)
        if newest.day is None or day > newest.day
    ]
    rows = []
    for day, due_at in days:
        report, late, reason = None, True, "missed"
        if due_at > cutoff and day == days[-1][0]:
            report = report_day(topic, subscription, day, newest.report) if topic else None
            if topic and report is None:
                continue
            if topic and report:
                due_at = max(due_at, closes(topic, report))
            late, reason = now - due_at > LATE, "" if topic else "no such topic"
        state = "skipped" if reason else "due"
        row = {"day": day, "report": report, "due_at": due_at, "late": late, "noted": False}
        rows.append(row | {"state": state, "reason": reason})
    return rows


class DueTables(OutboxTables):
    """The table `builds`, and `deliveries` that wait for their parts."""

    _looked_at = datetime.min.replace(tzinfo=UTC)
    """When this process looked last at what is due."""

    async def propose(self, topics: Mapping[str, Topic], now: datetime) -> int:
        """Save a delivery for every subscription that became due, in several transactions; return
        how many.

        A subscription gets one delivery a local day, and every report once. What was due more than
        24 hours ago, or before a restore, becomes a skipped row.
        """
        if not self._looked_at <= now < self._looked_at + LATE:
            await self._forget_future(topics, now)
        self._looked_at = now
        restored = await self._store.note("store", "restored")
        cutoff = now - MAX_LATENESS
        if restored:
            cutoff = max(cutoff, datetime.fromisoformat(restored))
        total = 0
        while True:
            async with self._store.writing() as connection:
                seen, new = await _propose_some(connection, topics, now, cutoff)
            total += new
            if seen < MOST:
                return total

    async def _forget_future(self, topics: Mapping[str, Topic], now: datetime) -> None:
        """Forget what a clock that ran ahead wrote: a chat would be silent until that day comes.

        Nothing is due more than a day from now but what no chat has got; what was sent stays, and
        so does a report that holds anything: this clock may be the one that is wrong."""
        table = deliveries.c
        skipped = and_(table.state == "skipped", table.due_at > now)
        begun = and_(parts.c.delivery_id == table.id, parts.c.state != "waiting")
        unsent = and_(table.state == "open", ~select(parts.c.id).where(begun).exists())
        unsent = and_(or_(table.state == "due", unsent), table.due_at > now + DAY)
        async with self._store.writing() as connection:
            await delete_sent(connection, or_(skipped, unsent))
            waiting = and_(parts.c.state == "waiting", parts.c.again_at > now + LATE)
            await connection.execute(update(parts).where(waiting).values(again_at=None))
            await _bring_forward(connection, now)
            await _delete_empty(connection, now)
            asked = update(sources).where(sources.c.next_at > now + DAY)
            await connection.execute(asked.values(next_at=None))
            for name, topic in topics.items():
                closed = builds.c.day <= newest_closed(topic, now)
                await connection.execute(delete(builds).where(builds.c.topic == name, ~closed))
            noted = and_(platform_notes.c.platform == "store", platform_notes.c.name == "restored")
            restored = await connection.scalar(select(platform_notes.c.value).where(noted))
            if restored and datetime.fromisoformat(restored) > now:
                await write_note(connection, "store", "restored", now.isoformat())

    async def ready(
        self, platform: str, limit: int, topics: Mapping[str, Topic], now: datetime
    ) -> list[tuple[Delivery, ReportKey]]:
        """Return deliveries due by now without parts whose report is there, with its key.

        A report made before its day closed is not what a chat is due, nor is one that a build is
        about to replace: the draft of a build under way, or what somebody made before its turn.
        """
        due_by_now = deliveries.c.due_at <= now
        reported = await self._list_reported(platform, topics, now)
        if not reported:
            return []
        query = _due_on(platform).where(due_by_now, _REPORT.in_(reported))
        rows = await self._store.rows(query.order_by(deliveries.c.id).limit(limit))
        return [(_delivery(row), (row.topic, row.report, row.report)) for row in rows]

    async def overdue(
        self, platform: str, limit: int, topics: Mapping[str, Topic], now: datetime
    ) -> list[Delivery]:
        """Return deliveries that are LATE for want of a report, whose chats got no excuse yet."""
        late = and_(deliveries.c.due_at < now - LATE, deliveries.c.noted.is_(False))
        reported = await self._list_reported(platform, topics, now)
        query = _due_on(platform).where(late, _REPORT.not_in(reported))
        rows = await self._store.rows(query.order_by(deliveries.c.id).limit(limit))
        return [_delivery(row) for row in rows]

    async def _list_reported(
        self, platform: str, topics: Mapping[str, Topic], now: datetime
    ) -> list[tuple[str, date]]:
        due = and_(deliveries.c.platform == platform, deliveries.c.state == "due")
        columns = [deliveries.c.topic, deliveries.c.report.label("day")]
        days = select(*columns).where(due, deliveries.c.due_at <= now).distinct().subquery()
        same_report = and_(
            reports.c.topic == days.c.topic,
            reports.c.first == days.c.day,
            reports.c.last == days.c.day,
        )
        same_build = and_(builds.c.topic == days.c.topic, builds.c.day == days.c.day)
        build = [builds.c[name] for name in ("state", "attempts", "alive_at")]
        query = select(days, reports.c.created_at, _IS_IMPORTED.label("imported"), *build)
        joined = days.join(reports, same_report).join(builds, same_build, isouter=True)
        rows = await self._store.rows(query.select_from(joined))
        return [(row.topic, row.day) for row in rows if _may_go_out(row, topics, now)]

    async def has_report(self, topic: Topic, day: date) -> bool:
        """Return True if the day has a report made after it closed, or an imported one."""
        same_day = and_(
            reports.c.topic == topic.name, reports.c.first == day, reports.c.last == day
        )
        whole = or_(reports.c.created_at >= closes(topic, day), _IS_IMPORTED)
        return await self._store.scalar(select(reports.c.id).where(same_day, whole)) is not None

    async def give_up(self, now: datetime) -> int:
        """Skip deliveries whose report did not come within a day; return how many."""
        async with self._store.writing() as connection:
            return await skip(connection, deliveries.c.due_at < now - MAX_LATENESS, "no report")

    async def list_builds_due(
        self, topics: Sequence[Topic], now: datetime
    ) -> list[tuple[str, date]]:
        """Return the reports to build now, as topics and days: of days that are closed, have no
        report yet and are not built by a living process."""
        days = {topic.name: newest_closed(topic, now) for topic in topics}
        async with self._store.writing() as connection:
            await _insert_builds(connection, days, now)
            claimable = select(builds.c.topic, builds.c.day).where(_is_claimable(now))
            due = {(row.topic, row.day) for row in await connection.execute(claimable)}
        return [(name, day) for name, day in days.items() if (name, day) in due]

    async def claim_build(
        self, topic: str, day: date, holder: str, now: datetime, *, again: bool = False
    ) -> bool:
        """Claim a build that is due for one process, which must renew it within DEAD; return False
        if it is done, waits for its next attempt, or another living process has it. `again`: also
        one that is done, waits, or was never due."""
        claimable = _is_claimable(now)
        if again:
            claimable = or_(claimable, builds.c.state != "building")
        build = and_(builds.c.topic == topic, builds.c.day == day, claimable)
        claimed = update(builds).where(build)
        claimed = claimed.values(
            state="building", attempts=builds.c.attempts + 1, holder=holder, alive_at=now
        )
        async with self._store.writing() as connection:
            if again:
                await _insert_builds(connection, {topic: day}, now)
            return bool((await connection.execute(claimed)).rowcount)

    async def renew_build(self, topic: str, day: date, holder: str, now: datetime) -> bool:
        """Save a heartbeat of the process; return False if another one took the build over."""
        claimed = and_(builds.c.topic == topic, builds.c.day == day, builds.c.holder == holder)
        async with self._store.writing() as connection:
            renewed = update(builds).where(claimed, builds.c.state == "building")
            return bool((await connection.execute(renewed.values(alive_at=now))).rowcount)

    async def end_build(
        self,
        topic: str,
        day: date,
        now: datetime,
        *,
        succeeded: bool,
        holder: str = "",
        seconds: float = 0,
    ) -> int:
        """Save how a build ended, a failed one as due again later; return the number of attempts.
        A build that another process took over is left to it."""
        async with self._store.writing() as connection:
            build = and_(builds.c.topic == topic, builds.c.day == day)
            attempts = int(await connection.scalar(select(builds.c.attempts).where(build)) or 0)
            pause = min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(attempts, 10))
            pause = pause if attempts > 1 else SOON
            values: dict[str, Any] = {"state": "done", "seconds": seconds}
            if not succeeded:
                values = {"state": "failed", "next_at": now + pause}
            claimed = and_(build, builds.c.holder == holder)
            await connection.execute(update(builds).where(claimed).values(values))
            return attempts


async def _insert_builds(
    connection: AsyncConnection, days: Mapping[str, date], now: datetime
) -> None:
    """Let the reports of these days be built, by topic, where nobody was to build them yet."""
    row = {"state": "due", "attempts": 0, "next_at": now}
    rows = [{"topic": topic, "day": day, **row} for topic, day in days.items()]
    await insert_new(connection, builds, rows)


def _is_claimable(now: datetime) -> Any:
    dead = or_(builds.c.alive_at.is_(None), builds.c.alive_at < now - DEAD)
    # A clock that was set back must not make a dead process look alive for long.
    dead = or_(dead, builds.c.alive_at > now + timedelta(minutes=5))
    abandoned = and_(builds.c.state == "building", dead)
    waiting = and_(builds.c.state.in_(("due", "failed")), builds.c.next_at <= now)
    return or_(waiting, abandoned)


async def _bring_forward(connection: AsyncConnection, now: datetime) -> None:
    """Let the next look say when those are due that wait for longer than until their next day.

    Most of those that wait for days are weekly: they are read as sets, and left as they are."""
    columns = [subscriptions.c[name] for name in ("at", "timezone", "weekdays", "next_at")]
    far = select(*columns).where(subscriptions.c.next_at > now + DAY).distinct()
    for row in (await connection.execute(far)).all():
        if row.next_at > next_due(_on_clock("", *row[:3]), now):
            same = (column == value for column, value in zip(columns, row, strict=True))
            await connection.execute(update(subscriptions).where(*same).values(next_at=now))


async def _delete_empty(connection: AsyncConnection, now: datetime) -> None:
    """Delete reports without a post of days that have begun nowhere, or they were the newest."""
    query = select(*(reports.c[name] for name in ("topic", "first", "last", "posts")))
    query = query.where(reports.c.first > (now + EARLIEST_ZONE).date(), ~_IS_IMPORTED)
    for topic, first, last, posts in (await connection.execute(query)).all():
        if not posts:
            await delete_in(connection, topic, first, last)


def _on_clock(topic: str, at: str, zone: str, weekdays: str) -> Subscription:
    """Return a subscription of nobody, due at these times."""
    days = tuple(map(int, weekdays))
    return Subscription(Chat("", ""), topic, time.fromisoformat(at), zone, days)


async def _propose_some(
    connection: AsyncConnection, topics: Mapping[str, Topic], now: datetime, cutoff: datetime
) -> tuple[int, int]:
    """Save rows for up to MOST subscriptions that are due; return how many were read, and how many
    rows are new.

    Those with the same time, zone and past get the same rows, computed once and written as one set.
    """
    table = subscriptions.c
    live = and_(table.ended == "", table.paused.is_(False), table.platform != TERMINAL)
    due = and_(table.next_at <= now, live)
    columns = [table[name] for name in ("topic", "at", "timezone", "weekdays", "next_at")]
    query = select(table.id, *columns, _newest("day", now), _newest("report", now)).where(due)
    query = query.order_by(table.next_at, table.id).limit(MOST)
    # Whoever leaves meanwhile on PostgreSQL waits, and then finds what there is to end.
    rows = (await connection.execute(query.with_for_update())).all()
    sets: defaultdict[Any, list[int]] = defaultdict(list)
    for subscription_id, *values in rows:
        sets[tuple(values)].append(subscription_id)
    new = 0
    for (name, at, zone, weekdays, since, *newest), ids in sets.items():
        subscription = _on_clock(name, at, zone, weekdays)
        topic, past = topics.get(name), NewestDays(*newest)
        # New rules of the zone may put the moment that is looked for earlier than it was.
        since = min(since, nearest_moment(subscription, since))
        for row in propose_rows(subscription, topic, since, past, now, cutoff):
            new += await _insert(connection, ids, row)
        advanced = update(subscriptions).where(table.id.in_(ids))
        await connection.execute(advanced.values(next_at=next_due(subscription, now)))
    return len(rows), new


async def _insert(connection: AsyncConnection, ids: Sequence[int], row: Mapping[str, Any]) -> int:
    """Insert the same delivery for many subscriptions; return how many did not have it."""
    table = subscriptions.c
    values = [literal(value, deliveries.c[name].type).label(name) for name, value in row.items()]
    chosen = select(table.id, table.platform, table.topic, *values).where(table.id.in_(ids))
    inserted = insert_on(connection, deliveries).from_select(
        ["subscription_id", "platform", "topic", *row], chosen.order_by(table.id)
    )
    # SQLAlchemy keeps the count of an insert only on demand.
    counted = inserted.on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return (await connection.execute(counted)).rowcount


def has_begun(now: datetime) -> ColumnElement[bool]:
    """Select deliveries of days that have begun somewhere: others count for nothing, a clock ran
    ahead."""
    return deliveries.c.day <= (now + EARLIEST_ZONE).date()


def _newest(name: str, now: datetime) -> Any:
    """Select the newest day in that column of a subscription's deliveries, through an index."""
    own_rows = and_(deliveries.c.subscription_id == subscriptions.c.id, has_begun(now))
    newest = select(func.max(deliveries.c[name])).where(own_rows).scalar_subquery()
    return newest.label(f"newest_{name}")


ReportKey = tuple[str, date, date]
"""Topic, first and last day."""
_IS_IMPORTED = select(imports.c.report_id).where(imports.c.report_id == reports.c.id).exists()
_REPORT = tuple_(deliveries.c.topic, deliveries.c.report)


def _may_go_out(row: Any, topics: Mapping[str, Topic], now: datetime) -> bool:
    """Return True if a stored report is what chats are due, and no build is about to replace it."""
    alive = row.alive_at is not None and abs(now - row.alive_at) <= TAKEN_OVER
    topic = topics.get(row.topic)
    if row.state == "building" and alive:
        return False
    if topic is None or row.imported or row.state == "done":
        return True
    if row.state == "failed" and row.attempts >= MOST_ATTEMPTS:
        return True
    closed_at = closes(topic, row.day)
    queued = row.state in (None, "due") and now - closed_at < MOST_QUEUED
    return not queued and row.created_at is not None and row.created_at >= closed_at


def _due_on(platform: str) -> Any:
    columns = [deliveries.c[name].label(f"d_{name}") for name in ("id", "day", "due_at", "late")]
    return (
        select(*columns, deliveries.c.report, subscriptions)
        .join(subscriptions, subscriptions.c.id == deliveries.c.subscription_id)
        .where(deliveries.c.platform == platform, deliveries.c.state == "due")
    )


def _delivery(row: Any) -> Delivery:
    return Delivery(row.d_id, subscription_of(row), row.d_day, row.report, row.d_due_at, row.d_late)
