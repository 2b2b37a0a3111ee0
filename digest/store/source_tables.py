"""Sources: fetch state, health, operators' changes, and billed reads."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, case, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import USER, USER_READS, Post, SourceSpec, SourceState, Topic
from digest.store import Store
from digest.store.engine import insert_new, insert_on, save_row
from digest.store.post_tables import SAVE_BATCH, insert_posts, upsert_topic
from digest.store.tables import reads, source_changes, source_days, sources

KEPT_DAYS = 62
"""Days for which source counts and reads are kept: this month and the previous one."""
RECENT_DAYS = 7
"""Days over which the posting rate is computed."""


@dataclass(frozen=True, slots=True)
class Health:
    """Health of a source; the defaults are those of a source never asked."""

    state: SourceState = field(default_factory=SourceState)
    off: str = ""
    """Why it is disabled; empty if it is not."""
    failures: int = 0
    """Consecutive failures."""
    next_at: datetime | None = None
    """Earliest next request, because of back-off or of the server's own request."""
    answered_at: datetime | None = None
    error: str = ""
    """Last error since its last answer; if `failures` is 0, a warning about that answer."""
    error_at: datetime | None = None
    seconds: float | None = None
    """Duration of its last answer."""
    posts_a_day: float = 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """A source added or removed by an operator."""

    spec: SourceSpec
    added: bool
    by: str


@dataclass(frozen=True, slots=True)
class Reads:
    """Billed reads, in posts."""

    month: int
    """Reads in this UTC month, including today."""
    today: int


class SourceBook:
    """The tables about sources. Every method may raise StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load_health(self, topic: str, today: date) -> dict[SourceSpec, Health]:
        """Return the health of the topic's sources, keyed by kind and address."""
        since = today - timedelta(days=RECENT_DAYS)
        per_day = func.sum(source_days.c.posts) * 1.0 / func.count()
        counted = await self._store.rows(_sums(topic, source_days.c.day > since, per_day))
        rates = {(kind, address): float(rate) for kind, address, rate in counted}
        return {
            SourceSpec(row.kind, row.address): Health(
                SourceState(row.marks, row.moved),
                posts_a_day=rates.get((row.kind, row.address), 0.0),
                **{name: getattr(row, name) for name in _OF_HEALTH},
            )
            for row in await self._store.rows(select(sources).where(sources.c.topic == topic))
        }

    async def count_rounds(
        self, topic: str, first: date, last: date
    ) -> dict[SourceSpec, tuple[int, int]]:
        """Return how often each source answered and failed in these UTC days."""
        sums = (func.sum(source_days.c.answers), func.sum(source_days.c.failures))
        rows = await self._store.rows(_sums(topic, source_days.c.day.between(first, last), *sums))
        return {SourceSpec(k, a): (answers, failed) for k, a, answers, failed in rows}

    async def save_answer(
        self,
        topic: Topic,
        spec: SourceSpec,
        name: str,
        posts: Sequence[Post],
        state: SourceState,
        now: datetime,
        seconds: float,
        site: str = "",
    ) -> int:
        """Save posts, billed reads and the fetch state in one transaction; of more than SAVE_BATCH
        posts, the first ones go into earlier transactions.

        Returns the number of new posts. `site`: see `Source`.
        """
        # A first answer has posts of weeks: they say nothing about a day.
        recent = sum(now - post.created_at < timedelta(days=1) for post in posts)
        first, posts = posts[:-SAVE_BATCH], posts[-SAVE_BATCH:]
        new = await self._store.save_posts(topic, name, first, site) if first else 0
        async with self._store.writing() as connection:
            await upsert_topic(connection, topic)
            new += await insert_posts(connection, topic, name, posts, site) if posts else 0
            await _save_reads(connection, state.read, now)
            row = _key(topic, spec) | {
                "name": name,
                "marks": dict(state.marks),
                "moved": state.address,
                "off": "",
                "failures": 0,
                "next_at": None,
                "answered_at": now,
                "error": state.note,
                "error_at": None,
                "seconds": round(seconds, 3),
            }
            await save_row(connection, sources, _NAMES, row)
            await _count(connection, topic, spec, now, posts=min(new, recent), answers=1)
        return new

    async def save_failure(
        self,
        topic: Topic,
        spec: SourceSpec,
        name: str,
        error: str,
        now: datetime,
        *,
        next_at: datetime | None,
        off: str = "",
        counts: bool = True,
    ) -> None:
        """Save a failure of the source; keep its fetch state, but forget a redirect.

        `counts`: add to its consecutive failures.
        """
        async with self._store.writing() as connection:
            await upsert_topic(connection, topic)
            changed = {"name": name, "off": off, "failures": int(counts), "next_at": next_at}
            changed |= {"error": error[:300], "error_at": now, "moved": ""}
            row = _key(topic, spec) | {"marks": {}} | changed
            statement = insert_on(connection, sources).values(row)
            more = {"failures": sources.c.failures + int(counts)}
            await connection.execute(
                statement.on_conflict_do_update(index_elements=_NAMES, set_=changed | more)
            )
            await _count(connection, topic, spec, now, failures=1)

    async def save_reads(self, keys: Sequence[str], now: datetime) -> None:
        """Save billed reads made outside a collection round."""
        async with self._store.writing() as connection:
            await _save_reads(connection, keys, now)

    async def forget_old(self, now: datetime) -> None:
        """Delete counts and reads older than KEPT_DAYS."""
        old = now.astimezone(UTC).date() - timedelta(days=KEPT_DAYS)
        async with self._store.writing() as connection:
            for table in (source_days, reads):
                await connection.execute(delete(table).where(table.c.day < old))

    async def count_reads(self, now: datetime) -> Reads:
        """Return the billed reads of this UTC month and day."""
        day = now.astimezone(UTC).date()
        price = case((reads.c.key.startswith(USER, autoescape=True), USER_READS), else_=1)
        month = reads.c.day.between(day.replace(day=1), day)
        query = select(reads.c.day, func.sum(price)).where(month).group_by(reads.c.day)
        spent = {row_day: int(sum_) for row_day, sum_ in await self._store.rows(query)}
        return Reads(sum(spent.values()), spent.get(day, 0))

    async def list_changes(self, topic: str) -> list[Change]:
        """Return the operators' changes to the topic's sources, oldest first."""
        rows = await self._store.rows(select(source_changes).where(source_changes.c.topic == topic))
        return [
            Change(SourceSpec(row.kind, row.address, row.weight), row.added, row.by)
            for row in sorted(rows, key=lambda row: (row.at, row.kind, row.address))
        ]

    async def save_changes(
        self, topic: Topic, specs: Sequence[SourceSpec], *, added: bool, by: str, now: datetime
    ) -> None:
        """Add or remove these sources; adding resets a source's stored state."""
        async with self._store.writing() as connection:
            await upsert_topic(connection, topic)
            for spec in specs:
                changed = {"added": added, "weight": spec.weight, "by": by, "at": now}
                row = _key(topic, spec) | changed
                await save_row(connection, source_changes, _NAMES, row)
                if added:
                    await connection.execute(delete(sources).where(_is(sources, topic.name, spec)))

    async def undo(self, topic: str, spec: SourceSpec) -> bool:
        """Undo a change, so that the topics file applies again; return False if there was none.

        Resets the source's stored state.
        """
        async with self._store.writing() as connection:
            done = await connection.execute(
                delete(source_changes).where(_is(source_changes, topic, spec))
            )
            if done.rowcount:
                await connection.execute(delete(sources).where(_is(sources, topic, spec)))
            return bool(done.rowcount)


_NAMES = ("topic", "kind", "address")
_OF_HEALTH = ("off", "failures", "next_at", "answered_at", "error", "error_at", "seconds")


def _sums(topic: str, days: ColumnElement[bool], *sums: ColumnElement[Any]) -> Select[Any]:
    source = (source_days.c.kind, source_days.c.address)
    return select(*source, *sums).where(source_days.c.topic == topic, days).group_by(*source)


def _key(topic: Topic, spec: SourceSpec) -> dict[str, Any]:
    return {"topic": topic.name, "kind": spec.kind, "address": spec.address}


def _is(table: Table, topic: str, spec: SourceSpec) -> ColumnElement[bool]:
    same = (table.c.topic == topic) & (table.c.kind == spec.kind)
    return same & (table.c.address == spec.address)


async def _count(
    connection: AsyncConnection, topic: Topic, spec: SourceSpec, now: datetime, **more: int
) -> None:
    counts = {"posts": 0, "answers": 0, "failures": 0} | more
    row = _key(topic, spec) | {"day": now.astimezone(UTC).date()} | counts
    statement = insert_on(connection, source_days).values(row)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=(*_NAMES, "day"),
            set_={name: source_days.c[name] + number for name, number in counts.items()},
        )
    )


async def _save_reads(connection: AsyncConnection, keys: Sequence[str], now: datetime) -> None:
    day = now.astimezone(UTC).date()
    rows = [{"day": day, "key": key} for key in dict.fromkeys(keys)]
    await insert_new(connection, reads, rows)
