"""Reports: saved in one transaction, loaded without their pictures."""

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.errors import StoreError
from digest.models import Dropped, Post, Report
from digest.store.database import Database, write_note
from digest.store.engine import insert_new, upsert
from digest.store.post_tables import post_of
from digest.store.search_tables import IndexEntry, make_entries, write_entries
from digest.store.tables import (
    clouds,
    drops,
    imports,
    items,
    platform_notes,
    posts,
    reports,
    sections,
    topics,
)

_OF_ITEM = ("title", "text", "group", "cites", "status")
# Frequent statements are built once, because building one takes longer than running it.
_OF_TOPIC = select(reports).where(reports.c.topic == bindparam("topic"))
_LATEST = _OF_TOPIC.order_by(reports.c.last.desc(), reports.c.first.desc()).limit(1)
_ONE = _OF_TOPIC.where(reports.c.first == bindparam("first"), reports.c.last == bindparam("last"))
_CONTENTS = (
    select(
        sections.c.report_id,
        sections.c.name,
        sections.c.title.label("heading"),
        *(items.c[name] for name in _OF_ITEM),
    )
    .select_from(sections.outerjoin(items))
    .where(sections.c.report_id.in_(bindparam("ids", expanding=True)))
    .order_by(sections.c.report_id, sections.c.position, items.c.position)
)
_IS_DAILY = (reports.c.first == reports.c.last) & reports.c.last.between(
    bindparam("first"), bindparam("last")
)
_DAILY = _OF_TOPIC.where(_IS_DAILY).order_by(reports.c.last)
STATE = select(platform_notes.c.value).where(
    platform_notes.c.platform == "store", platform_notes.c.name == "reports"
)
IMPORTED = "the report of {day} was imported: add --replace to overwrite it"
"""Error for a report that must not be replaced."""
_PLAIN = ("topic", "first", "last", "language", "writer", "wordcounts", "created_at")
"""Columns stored unconverted."""
_JSON = ("counts", "sources", "cost", "posts", "quality", "renderings")
"""Columns stored as JSON."""
_DAY = bindparam("day", type_=reports.c.last.type)
_OWN = (reports.c.topic == bindparam("topic")) & (reports.c.first == reports.c.last)
_NEIGHBOURS = select(
    select(func.max(reports.c.last)).where(_OWN, reports.c.last < _DAY).scalar_subquery(),
    select(func.min(reports.c.last)).where(_OWN, reports.c.last > _DAY).scalar_subquery(),
)


class ReportTables(Database):
    """The tables `reports`, `sections`, `items`, `clouds`, `drops` and `imports`."""

    async def save_report(self, report: Report, *, replace: bool = True) -> None:
        """Save the report and replace an earlier one of the same topic and days. Raise StoreError
        if that one was imported and `replace` is False; it then stays unchanged.
        """
        entries = make_entries(report)
        async with self.writing() as connection:
            await save_in(connection, report, entries, replace=replace)

    async def load_report(self, topic: str, first: date, last: date) -> Report | None:
        """Return the report of exactly these days, without `cloud`, `dropped` and `source`."""
        days = {"topic": topic, "first": first, "last": last}
        return next(iter(await self._read(_load, _ONE, days)), None)

    async def load_latest(self, topic: str) -> Report | None:
        """Return the report with the newest last day; prefer a single day to a range."""
        return next(iter(await self._read(_load, _LATEST, {"topic": topic})), None)

    async def load_daily(self, topic: str, first: date, last: date) -> list[Report]:
        """Return the single-day reports in the range, by day, loaded as by `report`."""
        days = {"topic": topic, "first": first, "last": last}
        return await self._read(_load, _DAILY, days)

    async def list_days(self, topic: str) -> list[date]:
        """Return the days with a daily report, ascending."""
        return [last for first, last in await self.list_spans(topic) if first == last]

    async def list_spans(self, topic: str) -> list[tuple[date, date]]:
        """Return the first and last day of every report, ordered by last day."""
        query = select(reports.c.first, reports.c.last).where(reports.c.topic == topic)
        rows = await self.rows(query.order_by(reports.c.last, reports.c.first))
        return [(row.first, row.last) for row in rows]

    async def read_state(self) -> str:
        """Return a token that changes when a report is saved or part of one withdrawn."""
        return str(await self.scalar(STATE) or "")

    async def find_neighbours(self, topic: str, day: date) -> tuple[date | None, date | None]:
        """Return the nearest days before and after with a daily report."""
        [(before, after)] = await self.rows(_NEIGHBOURS, {"topic": topic, "day": day})
        return before, after

    async def load_cloud(self, topic: str, first: date, last: date) -> bytes:
        """Return the report's PNG, or b""."""
        return await self._load_bytes(clouds, clouds.c.png, _is(topic, first, last))

    async def load_import(self, topic: str, first: date, last: date) -> bytes:
        """Return the imported file of the report, or b""."""
        return await self._load_bytes(imports, imports.c.content, _is(topic, first, last))

    async def _load_bytes(
        self, table: Table, column: Column[bytes], which: ColumnElement[bool]
    ) -> bytes:
        query = select(column).select_from(table.join(reports)).where(which)
        return bytes(await self.scalar(query) or b"")

    async def list_dropped(
        self, topic: str, first: date, last: date
    ) -> list[tuple[Dropped, Post | None]]:
        """Return the report's dropped posts with reasons, and the posts still stored."""
        same_post = (posts.c.topic == reports.c.topic) & (posts.c.key == drops.c.key)
        chosen = drops.join(reports).outerjoin(posts, same_post)
        drop_columns = [column.label(f"drop_{column.name}") for column in drops.c]
        query = select(*drop_columns, posts).select_from(chosen).order_by(drops.c.position)
        return [
            (
                Dropped(row.drop_key, row.drop_step, row.drop_reason, row.drop_of),
                None if row.key is None else post_of(row),
            )
            for row in await self.rows(query.where(_is(topic, first, last)))
        ]


async def save_in(
    connection: AsyncConnection,
    report: Report,
    entries: Sequence[IndexEntry],
    *,
    replace: bool = True,
) -> None:
    """Save a report and its search index entries; replace an earlier one."""
    # Write this row first, in the same order as a withdrawal, to avoid deadlocks on PostgreSQL.
    await write_note(connection, "store", "reports", secrets.token_hex(8))
    # A report may arrive before any posts of its topic.
    name = {"zh": report.topic, "en": report.topic}
    topic = {"name": report.topic, "title": name, "slug": report.topic}
    await insert_new(connection, topics, [topic])
    statement = upsert(connection, reports, ["topic", "last", "first"])
    written = statement.values(_row(report)).returning(reports.c.id)
    report_id = (await connection.execute(written)).scalar_one()
    imported = select(imports.c.report_id).where(imports.c.report_id == report_id)
    if not replace and await connection.scalar(imported) is not None:
        raise StoreError(IMPORTED.format(day=report.first))
    await _delete_contents(connection, report_id)
    numbered = list(enumerate(report.sections))
    headings = [{"position": n, "name": s.name, "title": s.title} for n, s in numbered]
    item_rows = [
        {"section": n, "position": position, **asdict(item)}
        for n, section in numbered
        for position, item in enumerate(section.items)
    ]
    dropped = [{"position": n, **asdict(drop)} for n, drop in enumerate(report.dropped)]
    picture = [{"png": report.cloud}] if report.cloud else []
    source = [{"content": report.source}] if report.source else []
    contents: list[tuple[Table, list[dict[str, Any]]]] = [
        (sections, headings),
        (items, item_rows),
        (drops, dropped),
        (clouds, picture),
        (imports, source),
    ]
    for table, rows in contents:
        if rows:
            own = [{"report_id": report_id, **row} for row in rows]
            await connection.execute(insert(table), own)
    await connection.run_sync(write_entries, report.topic, report.last, report_id, entries)


async def delete_in(connection: AsyncConnection, topic: str, first: date, last: date) -> bool:
    """Delete a report and its search index entries; return False if there is none."""
    report_id = await connection.scalar(select(reports.c.id).where(_is(topic, first, last)))
    if report_id is None:
        return False
    await write_note(connection, "store", "reports", secrets.token_hex(8))
    await _delete_contents(connection, report_id)
    await connection.execute(delete(reports).where(reports.c.id == report_id))
    await connection.run_sync(write_entries, topic, last, report_id, ())
    return True


async def _delete_contents(connection: AsyncConnection, report_id: int) -> None:
    for table in (items, sections, clouds, drops, imports):
        await connection.execute(delete(table).where(table.c.report_id == report_id))


def index_reports(connection: Connection) -> None:
    """Build the search index of all reports."""
    for report_id in connection.scalars(select(reports.c.id)).all():
        (report,) = _load(connection, select(reports).where(reports.c.id == report_id), {})
        entries = make_entries(report)
        write_entries(connection, report.topic, report.last, report_id, entries)


def _is(topic: str, first: date, last: date) -> ColumnElement[bool]:
    return (reports.c.topic == topic) & (reports.c.first == first) & (reports.c.last == last)


@cache
def _stored() -> TypeAdapter[Report]:
    """Return the validator and serialiser of stored reports."""
    return TypeAdapter(Report)


def _row(report: Report) -> dict[str, Any]:
    values: dict[str, Any] = _stored().dump_python(report, mode="json", include=set(_JSON))
    return {name: getattr(report, name) for name in _PLAIN} | values


def _load(
    connection: Connection, query: Select[Any], parameters: Mapping[str, Any]
) -> list[Report]:
    """Return the reports of a query, with one more statement for all their sections and items."""
    rows = connection.execute(query, parameters).all()
    contents: defaultdict[int, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in connection.execute(_CONTENTS, {"ids": [row.id for row in rows]}) if rows else ():
        section = {"name": row.name, "title": row.heading, "items": []}
        section = contents[row.report_id].setdefault(row.name, section)
        if row.text is not None:  # an empty section is one row without an item
            section["items"].append({name: getattr(row, name) for name in _OF_ITEM})
    return [
        _stored().validate_python(
            {name: getattr(row, name) for name in (*_PLAIN, *_JSON)}
            | {"renderings": row.renderings or {}, "sections": list(contents[row.id].values())}
        )
        for row in rows
    ]
