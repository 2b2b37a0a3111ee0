"""Totals for metrics: a few grouped counts over one snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, cast, func, select
from sqlalchemy import Float as Number

from digest.store import Store
from digest.store.tables import builds, deliveries, parts, reports, source_days, sources, spending

Counts = dict[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts at one moment. Daily counts are those of the current UTC day."""

    counts: Mapping[str, Counts]
    """By metric (see `bot.web.metrics`) and label values."""
    model: Counts
    """All-time calls, prompt tokens, answer tokens and USD, by model and unit."""
    delays: Mapping[str, tuple[int, float, float]]
    """Delays of digests delivered today, by platform: count, sum and maximum in seconds."""
    reported_at: Mapping[str, datetime]
    """Creation time of each topic's newest report."""
    collected_at: Mapping[str, datetime]
    """Time of the last answer of any source, by topic."""


async def read_totals(store: Store, now: datetime) -> Totals:
    """Return the current totals. Raises StoreError.

    Uses a connection of its own, because counting 100,000 chats takes two seconds and must not
    block the reader thread that serves users.
    """
    async with store.reading() as connection:
        return await connection.run_sync(_read_totals, now)


async def read_ages(store: Store) -> tuple[dict[str, datetime], dict[str, datetime]]:
    """Return the creation time of each topic's newest report, and the time of its sources' last
    answer. Raises StoreError."""
    async with store.reading() as connection:
        newest = await connection.run_sync(_newest_reports)
        reported = {row.topic: row.created_at for row in newest if row.created_at}
        return reported, await connection.run_sync(_collected)


def _read_totals(connection: Connection, now: datetime) -> Totals:
    start = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    today = deliveries.c.due_at.between(start, start + timedelta(days=1, microseconds=-1))
    messages = parts.c.delivery_id.in_(select(deliveries.c.id).where(today))
    day = source_days.c.day == start.date()
    kind = (source_days.c.topic, source_days.c.kind)
    newest = _newest_reports(connection)
    timed = _newest(
        connection, (builds.c.topic, builds.c.seconds), builds.c.day, builds.c.seconds.is_not(None)
    )
    number = {"": func.count()}
    answered, failed = func.sum(source_days.c.answers), func.sum(source_days.c.failures)
    tokens = {name: func.sum(spending.c[name]) for name in ("prompt_tokens", "answer_tokens")}
    calls = {"calls": func.count(), **tokens, "usd": func.sum(spending.c.usd)}
    counts: dict[str, Counts] = {
        "deliveries": _sum(connection, (deliveries.c.platform, deliveries.c.state), number, today),
        "messages": _sum(connection, (parts.c.platform, parts.c.state), number, messages),
        "messages_held": _sum(connection, [parts.c.platform], number, parts.c.state == "unknown"),
        "source_answers": _sum(connection, kind, {"answered": answered, "failed": failed}, day),
        "source_posts": _sum(connection, kind, {"": func.sum(source_days.c.posts)}, day),
        "builds": _sum(connection, [builds.c.state], number),
        "build_seconds": {(topic,): float(seconds) for topic, seconds in timed},
        "report_statements_refused": {
            (row.topic,): float((row.counts or {}).get("unproved", 0)) for row in newest
        },
    }
    return Totals(
        counts,
        _sum(connection, [spending.c.model], calls),
        _delays(connection, today),
        {row.topic: row.created_at for row in newest if row.created_at},
        _collected(connection),
    )


def _collected(connection: Connection) -> dict[str, datetime]:
    last = select(sources.c.topic, func.max(sources.c.answered_at).label("at"))
    rows = connection.execute(last.group_by(sources.c.topic))
    return {row.topic: row.at for row in rows if row.at}


def _sum(connection: Connection, labels: Any, values: dict[str, Any], which: Any = None) -> Counts:
    """Return sums keyed by the row's labels plus the value's name, if not empty."""
    query = select(*labels, *values.values()).group_by(*labels)
    query = query if which is None else query.where(which)
    number = len(labels)
    return {
        (*row[:number], *filter(None, [name])): float(value or 0)
        for row in connection.execute(query)
        for name, value in zip(values, row[number:], strict=True)
    }


def _delays(connection: Connection, today: Any) -> dict[str, tuple[int, float, float]]:
    """Return count, sum and maximum of the seconds from due to the last message, by platform."""
    sent = select(parts.c.delivery_id, func.max(parts.c.tried_at).label("at"))
    sent = sent.join(deliveries).where(today, deliveries.c.state == "delivered")
    last = sent.group_by(parts.c.delivery_id).subquery()
    seconds = _seconds(connection, last.c.at) - _seconds(connection, deliveries.c.due_at)
    query = select(deliveries.c.platform, func.count(), func.sum(seconds), func.max(seconds))
    query = query.join(last, last.c.delivery_id == deliveries.c.id)
    rows = connection.execute(query.group_by(deliveries.c.platform))
    return {name: (number, float(total), float(most)) for name, number, total, most in rows}


def _seconds(connection: Connection, moment: Any) -> Any:
    if connection.dialect.name == "postgresql":
        return cast(func.extract("epoch", moment), Number)
    return func.julianday(moment, type_=Number) * 86400.0


def _newest_reports(connection: Connection) -> list[Any]:
    columns = (reports.c.topic, reports.c.counts, reports.c.created_at)
    return _newest(connection, columns, reports.c.last, reports.c.first == reports.c.last)


def _newest(connection: Connection, columns: Any, day: Any, which: Any) -> list[Any]:
    """Return the columns (topic first) of each topic's newest matching day."""
    topic = columns[0]
    last = select(topic, func.max(day).label("day")).where(which).group_by(topic).subquery()
    same = (last.c.topic == topic) & (last.c.day == day) & which
    return list(connection.execute(select(*columns).join(last, same)))
