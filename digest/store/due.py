"""Find the builds and deliveries that are due. Clocks only propose; unique rows decide."""

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
"""After this delay a digest counts as late, and its chat gets an excuse."""
TERMINAL = "terminal"
"""Platform without deliveries: the terminal only answers."""
BATCH_SIZE = 500
"""Subscriptions per transaction; between transactions the process answers users."""
QUICK_RETRY = timedelta(seconds=30)
"""Delay before a build's first retry: perhaps a connection was cut."""
FIRST_RETRY, LONGEST_RETRY = timedelta(minutes=2), timedelta(hours=1)
"""Back-off of later retries: first delay, doubled each time, and maximum."""
HEARTBEAT_TIMEOUT = timedelta(seconds=30)
"""A build without a heartbeat for this long is taken over by another process."""
TAKEOVER_TIME = timedelta(seconds=60)
"""Time within which another process takes over the build of a dead one."""
MAX_QUEUED = timedelta(hours=1)
"""How long digests wait for a queued build although an early report exists."""
EARLIEST_ZONE = timedelta(hours=14)
"""Largest UTC offset, where a day begins first."""
MAX_ATTEMPTS = 5
"""Failed attempts (about an hour) after which a report made before its day closed is sent."""


@dataclass(frozen=True, slots=True)
class NewestDays:
    """A subscription's newest local day and newest report in the ledger."""

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
    """Return a delivery for the newest day due since `since`, and skipped rows for older days.

    Ignore days that are already in the ledger, even if a changed time, zone or clock makes them due
    again. Skip days due before `cutoff`. If the chat already got the report, add no row: should it
    change to a later time, it can still get the next report that day. If the report is built after
    the chat's time, the delivery is due when the report is."""
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
    """The table `builds`, and `deliveries` without parts yet."""

    _looked_at = datetime.min.replace(tzinfo=UTC)
    """When this process last looked for due subscriptions."""

    async def propose(self, topics: Mapping[str, Topic], now: datetime) -> int:
        """Save a delivery for every subscription that fell due, in several transactions; return the
        number of deliveries.

        A subscription gets at most one delivery per local day and each report at most once.
        Deliveries due over 24 hours ago, or before a restore, become skipped rows.
        """
        if not self._looked_at <= now < self._looked_at + LATE:
            await self._forget_future(topics, now)
        self._looked_at = now
        restored = await self._store.read_note("store", "restored")
        cutoff = now - MAX_LATENESS
        if restored:
            cutoff = max(cutoff, datetime.fromisoformat(restored))
        total = 0
        while True:
            async with self._store.writing() as connection:
                seen, new = await _propose_some(connection, topics, now, cutoff)
            total += new
            if seen < BATCH_SIZE:
                return total

    async def _forget_future(self, topics: Mapping[str, Topic], now: datetime) -> None:
        """Delete rows written while a clock ran ahead; otherwise chats would be silent until then.

        Correct rows are due at most a day from now. Rows of sent parts and reports with posts stay,
        because the present clock may be the wrong one."""
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
            postponed = update(sources).where(sources.c.next_at > now + DAY)
            await connection.execute(postponed.values(next_at=None))
            for name, topic in topics.items():
                closed = builds.c.day <= newest_closed(topic, now)
                await connection.execute(delete(builds).where(builds.c.topic == name, ~closed))
            noted = and_(platform_notes.c.platform == "store", platform_notes.c.name == "restored")
            restored = await connection.scalar(select(platform_notes.c.value).where(noted))
            if restored and datetime.fromisoformat(restored) > now:
                await write_note(connection, "store", "restored", now.isoformat())

    async def list_ready(
        self, platform: str, limit: int, topics: Mapping[str, Topic], now: datetime
    ) -> list[tuple[Delivery, ReportKey]]:
        """Return due deliveries without parts whose report can be sent, with its key.

        Excluded are reports made before their day closed, and reports that a build is about to
        replace: the draft of a running build, or a report made by hand before the build's turn.
        """
        due_by_now = deliveries.c.due_at <= now
        reported = await self._list_reported(platform, topics, now)
        if not reported:
            return []
        query = _due_on(platform).where(due_by_now, _REPORT.in_(reported))
        rows = await self._store.rows(query.order_by(deliveries.c.id).limit(limit))
        return [(_delivery(row), (row.topic, row.report, row.report)) for row in rows]

    async def list_overdue(
        self, platform: str, limit: int, topics: Mapping[str, Topic], now: datetime
    ) -> list[Delivery]:
        """Return deliveries that are LATE because of a missing report and have no excuse yet."""
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
        complete = or_(reports.c.created_at >= closes(topic, day), _IS_IMPORTED)
        return await self._store.scalar(select(reports.c.id).where(same_day, complete)) is not None

    async def give_up(self, now: datetime) -> int:
        """Skip deliveries whose report is over a day late; return how many."""
        async with self._store.writing() as connection:
            return await skip(connection, deliveries.c.due_at < now - MAX_LATENESS, "no report")

    async def list_builds_due(
        self, topics: Sequence[Topic], now: datetime
    ) -> list[tuple[str, date]]:
        """Return the topics and days to build now: closed, not yet built, and not being built by a
        live process."""
        days = {topic.name: newest_closed(topic, now) for topic in topics}
        async with self._store.writing() as connection:
            await _insert_builds(connection, days, now)
            claimable = select(builds.c.topic, builds.c.day).where(_is_claimable(now))
            due = {(row.topic, row.day) for row in await connection.execute(claimable)}
        return [(name, day) for name, day in days.items() if (name, day) in due]

    async def claim_build(
        self, topic: str, day: date, holder: str, now: datetime, *, again: bool = False
    ) -> bool:
        """Claim a due build, to be renewed within HEARTBEAT_TIMEOUT; return False if it is done,
        waits for its next attempt, or is being built by another live process. `again`: also claim a
        build that is done, waits, or was never due."""
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
        """Save a heartbeat; return False if another process took the build over."""
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
        """Save the result of a build; schedule a retry if it failed. Return the number of attempts.
        Does nothing if another process took the build over."""
        async with self._store.writing() as connection:
            build = and_(builds.c.topic == topic, builds.c.day == day)
            attempts = int(await connection.scalar(select(builds.c.attempts).where(build)) or 0)
            pause = min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(attempts, 10))
            pause = pause if attempts > 1 else QUICK_RETRY
            values: dict[str, Any] = {"state": "done", "seconds": seconds}
            if not succeeded:
                values = {"state": "failed", "next_at": now + pause}
            claimed = and_(build, builds.c.holder == holder)
            await connection.execute(update(builds).where(claimed).values(values))
            return attempts


async def _insert_builds(
    connection: AsyncConnection, days: Mapping[str, date], now: datetime
) -> None:
    """Queue builds of these days, by topic, unless they exist."""
    row = {"state": "due", "attempts": 0, "next_at": now}
    rows = [{"topic": topic, "day": day, **row} for topic, day in days.items()]
    await insert_new(connection, builds, rows)


def _is_claimable(now: datetime) -> Any:
    dead = or_(builds.c.alive_at.is_(None), builds.c.alive_at < now - HEARTBEAT_TIMEOUT)
    # A heartbeat in the future comes from a clock that was set back: treat the process as dead.
    dead = or_(dead, builds.c.alive_at > now + timedelta(minutes=5))
    abandoned = and_(builds.c.state == "building", dead)
    waiting = and_(builds.c.state.in_(("due", "failed")), builds.c.next_at <= now)
    return or_(waiting, abandoned)


async def _bring_forward(connection: AsyncConnection, now: datetime) -> None:
    """Make subscriptions due now whose next time is later than it should be, for example after a
    clock was set back.

    Most subscriptions that are over a day away are weekly. They are read grouped by schedule, and
    correct ones are not written."""
    columns = [subscriptions.c[name] for name in ("at", "timezone", "weekdays", "next_at")]
    far = select(*columns).where(subscriptions.c.next_at > now + DAY).distinct()
    for row in (await connection.execute(far)).all():
        if row.next_at > next_due(_on_clock("", *row[:3]), now):
            same = (column == value for column, value in zip(columns, row, strict=True))
            await connection.execute(update(subscriptions).where(*same).values(next_at=now))


async def _delete_empty(connection: AsyncConnection, now: datetime) -> None:
    """Delete reports without posts of days that have not begun anywhere, or they would stay the
    newest."""
    query = select(*(reports.c[name] for name in ("topic", "first", "last", "posts")))
    query = query.where(reports.c.first > (now + EARLIEST_ZONE).date(), ~_IS_IMPORTED)
    for topic, first, last, posts in (await connection.execute(query)).all():
        if not posts:
            await delete_in(connection, topic, first, last)


def _on_clock(topic: str, at: str, zone: str, weekdays: str) -> Subscription:
    """Return a subscription without a chat, to compute times with."""
    days = tuple(map(int, weekdays))
    return Subscription(Chat("", ""), topic, time.fromisoformat(at), zone, days)


async def _propose_some(
    connection: AsyncConnection, topics: Mapping[str, Topic], now: datetime, cutoff: datetime
) -> tuple[int, int]:
    """Save deliveries for up to BATCH_SIZE due subscriptions; return the numbers of subscriptions
    read and of new rows.

    Subscriptions with the same schedule and history get the same rows, which are computed once and
    inserted together.
    """
    table = subscriptions.c
    live = and_(table.ended == "", table.paused.is_(False), table.platform != TERMINAL)
    due = and_(table.next_at <= now, live)
    columns = [table[name] for name in ("topic", "at", "timezone", "weekdays", "next_at")]
    query = select(table.id, *columns, _newest("day", now), _newest("report", now)).where(due)
    query = query.order_by(table.next_at, table.id).limit(BATCH_SIZE)
    # On PostgreSQL, whoever unsubscribes meanwhile waits for these rows, and then ends them too.
    rows = (await connection.execute(query.with_for_update())).all()
    sets: defaultdict[Any, list[int]] = defaultdict(list)
    for subscription_id, *values in rows:
        sets[tuple(values)].append(subscription_id)
    new = 0
    for (name, at, zone, weekdays, since, *newest), ids in sets.items():
        subscription = _on_clock(name, at, zone, weekdays)
        topic, past = topics.get(name), NewestDays(*newest)
        # New zone rules may put the next moment earlier than it was stored.
        since = min(since, nearest_moment(subscription, since))
        for row in propose_rows(subscription, topic, since, past, now, cutoff):
            new += await _insert(connection, ids, row)
        advanced = update(subscriptions).where(table.id.in_(ids))
        await connection.execute(advanced.values(next_at=next_due(subscription, now)))
    return len(rows), new


async def _insert(connection: AsyncConnection, ids: Sequence[int], row: Mapping[str, Any]) -> int:
    """Insert the same delivery for many subscriptions; return the number of new rows."""
    table = subscriptions.c
    values = [literal(value, deliveries.c[name].type).label(name) for name, value in row.items()]
    chosen = select(table.id, table.platform, table.topic, *values).where(table.id.in_(ids))
    inserted = insert_on(connection, deliveries).from_select(
        ["subscription_id", "platform", "topic", *row], chosen.order_by(table.id)
    )
    # SQLAlchemy reports the row count of an insert only on request.
    counted = inserted.on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return (await connection.execute(counted)).rowcount


def has_begun(now: datetime) -> ColumnElement[bool]:
    """Select deliveries of days that have begun somewhere. Later days come from a clock that ran
    ahead and are ignored."""
    return deliveries.c.day <= (now + EARLIEST_ZONE).date()


def _newest(name: str, now: datetime) -> Any:
    """Select the maximum of that column over a subscription's deliveries; uses an index."""
    own_rows = and_(deliveries.c.subscription_id == subscriptions.c.id, has_begun(now))
    newest = select(func.max(deliveries.c[name])).where(own_rows).scalar_subquery()
    return newest.label(f"newest_{name}")


ReportKey = tuple[str, date, date]
"""Topic, first and last day."""
_IS_IMPORTED = select(imports.c.report_id).where(imports.c.report_id == reports.c.id).exists()
_REPORT = tuple_(deliveries.c.topic, deliveries.c.report)


def _may_go_out(row: Any, topics: Mapping[str, Topic], now: datetime) -> bool:
    """Return True if a stored report can be sent and no build is about to replace it."""
    alive = row.alive_at is not None and abs(now - row.alive_at) <= TAKEOVER_TIME
    topic = topics.get(row.topic)
    if row.state == "building" and alive:
        return False
    if topic is None or row.imported or row.state == "done":
        return True
    if row.state == "failed" and row.attempts >= MAX_ATTEMPTS:
        return True
    closed_at = closes(topic, row.day)
    queued = row.state in (None, "due") and now - closed_at < MAX_QUEUED
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
