"""Reports: stored whole or not at all, read without their pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import (
    Cited,
    Cost,
    Counts,
    Dropped,
    Item,
    Post,
    Quality,
    Report,
    Section,
    SectionName,
    SourceResult,
)
from digest.store.engine import insert_on, upsert
from digest.store.posts import post_of
from digest.store.tables import clouds, drops, imports, items, posts, reports, sections, topics

# Statements that readers wait for are made once: making one takes longer than running it.
_OF_TOPIC = select(reports).where(reports.c.topic == bindparam("topic"))
_LATEST = _OF_TOPIC.order_by(reports.c.last.desc(), reports.c.first.desc()).limit(1)
_ONE = _OF_TOPIC.where(reports.c.first == bindparam("first"), reports.c.last == bindparam("last"))
_CONTENTS = (
    select(
        sections.c.report_id,
        sections.c.name,
        sections.c.title.label("heading"),
        *(items.c[name] for name in ("title", "text", "group", "cites", "status")),
    )
    .select_from(
        sections.join(
            items,
            (items.c.report_id == sections.c.report_id) & (items.c.section == sections.c.position),
            isouter=True,
        )
    )
    .where(sections.c.report_id.in_(bindparam("ids", expanding=True)))
    .order_by(sections.c.report_id, sections.c.position, items.c.position)
)
_DAY = bindparam("day", type_=reports.c.last.type)
_OWN = (reports.c.topic == bindparam("topic")) & (reports.c.first == reports.c.last)
_NEIGHBOURS = select(
    select(func.max(reports.c.last)).where(_OWN, reports.c.last < _DAY).scalar_subquery(),
    select(func.min(reports.c.last)).where(_OWN, reports.c.last > _DAY).scalar_subquery(),
)


async def save(connection: AsyncConnection, report: Report) -> None:
    """Writes the report in the place of an earlier one of the same topic and days."""
    await _ensure_topic(connection, report.topic)
    statement = upsert(connection.dialect.name, reports, ["topic", "last", "first"])
    written = statement.values(_row(report)).returning(reports.c.id)
    report_id = (await connection.execute(written)).scalar_one()
    for table in (items, sections, clouds, drops, imports):
        await connection.execute(delete(table).where(table.c.report_id == report_id))
    for table, rows in (
        (sections, _section_rows(report)),
        (items, _item_rows(report)),
        (clouds, [{"png": report.cloud}] if report.cloud else []),
        (imports, [{"content": report.source}] if report.source else []),
        (drops, [{"position": n, **asdict(drop)} for n, drop in enumerate(report.dropped)]),
    ):
        if rows:
            await connection.execute(
                insert(table), [{"report_id": report_id, **row} for row in rows]
            )


def load(connection: Connection, *which: ColumnElement[bool]) -> list[Report]:
    """The reports that fit, by last day and first day, without pictures and dropped posts."""
    query = select(reports).where(*which).order_by(reports.c.last, reports.c.first)
    return _whole(connection, connection.execute(query).all())


def latest(connection: Connection, topic: str) -> list[Report]:
    """The report with the newest last day; of several the shortest."""
    return _whole(connection, connection.execute(_LATEST, {"topic": topic}).all())


def one(connection: Connection, topic: str, first: date, last: date) -> list[Report]:
    """The report of exactly these days."""
    these = {"topic": topic, "first": first, "last": last}
    return _whole(connection, connection.execute(_ONE, these).all())


def days(connection: Connection, topic: str) -> list[date]:
    """Days with a report of their own, ascending."""
    query = (
        select(reports.c.last)
        .where(reports.c.topic == topic, reports.c.first == reports.c.last)
        .order_by(reports.c.last)
    )
    return list(connection.scalars(query).all())


def neighbours(connection: Connection, topic: str, day: date) -> tuple[date | None, date | None]:
    """The nearest days on both sides with a report of their own."""
    row = connection.execute(_NEIGHBOURS, {"topic": topic, "day": day}).one()
    return row[0], row[1]


def cloud(connection: Connection, *which: ColumnElement[bool]) -> bytes:
    """The picture, or nothing."""
    found = connection.scalar(select(clouds.c.png).join(reports).where(*which))
    return bytes(found or b"")


def source(connection: Connection, *which: ColumnElement[bool]) -> bytes:
    """The file that the report was read from, or nothing."""
    found = connection.scalar(select(imports.c.content).join(reports).where(*which))
    return bytes(found or b"")


def spans(connection: Connection, topic: str) -> list[tuple[date, date]]:
    """First and last day of every report of the topic, by last day."""
    query = select(reports.c.first, reports.c.last).where(reports.c.topic == topic)
    rows = connection.execute(query.order_by(reports.c.last, reports.c.first))
    return [(row.first, row.last) for row in rows]


def dropped(
    connection: Connection, *which: ColumnElement[bool]
) -> list[tuple[Dropped, Post | None]]:
    """What was left out, in the order of the report, each with the post where it is stored."""
    same_post = (posts.c.topic == reports.c.topic) & (posts.c.key == drops.c.key)
    chosen = drops.join(reports, reports.c.id == drops.c.report_id).join(
        posts, same_post, isouter=True
    )
    drop_columns = [column.label(f"drop_{column.name}") for column in drops.c]
    query = select(*drop_columns, posts).select_from(chosen).where(*which)
    rows = connection.execute(query.order_by(drops.c.position))
    return [
        (
            Dropped(row.drop_key, row.drop_step, row.drop_reason, row.drop_of),
            None if row.key is None else post_of(row),
        )
        for row in rows
    ]


def same(topic: str, first: date, last: date) -> tuple[ColumnElement[bool], ...]:
    """The condition for the report of exactly these days."""
    return (reports.c.topic == topic, reports.c.first == first, reports.c.last == last)


def daily(topic: str, first: date, last: date) -> tuple[ColumnElement[bool], ...]:
    """The condition for reports of one day each, from the first to the last."""
    one_day = reports.c.first == reports.c.last
    return (reports.c.topic == topic, one_day, reports.c.last.between(first, last))


async def _ensure_topic(connection: AsyncConnection, topic: str) -> None:
    """A report may come before its topic was ever collected; a topic that is known stays."""
    row = {"name": topic, "title": {"zh": topic, "en": topic}, "slug": topic}
    inserted = insert_on(connection.dialect.name, topics).values(row)
    await connection.execute(inserted.on_conflict_do_nothing())


def _row(report: Report) -> dict[str, Any]:
    cited = {
        key: {**asdict(post), "created_at": post.created_at and post.created_at.isoformat()}
        for key, post in report.posts.items()
    }
    return {
        "topic": report.topic,
        "first": report.first,
        "last": report.last,
        "language": report.language,
        "writer": report.writer,
        "counts": asdict(report.counts),
        "sources": [asdict(source) for source in report.sources],
        "cost": asdict(report.cost),
        "posts": cited,
        "wordcounts": report.wordcounts,
        "created_at": report.created_at,
        "quality": asdict(report.quality) if report.quality else None,
    }


def _section_rows(report: Report) -> list[dict[str, Any]]:
    return [
        {"position": place, "name": section.name, "title": section.title}
        for place, section in enumerate(report.sections)
    ]


def _item_rows(report: Report) -> list[dict[str, Any]]:
    return [
        {"section": place, "position": position, **asdict(item)}
        for place, section in enumerate(report.sections)
        for position, item in enumerate(section.items)
    ]


def _whole(connection: Connection, rows: Sequence[Row[*tuple[Any, ...]]]) -> list[Report]:
    """The reports of these rows, with sections and items: one statement for any number."""
    if not rows:
        return []
    ids = {"ids": [row.id for row in rows]}
    found: dict[int, dict[str, tuple[str, list[Item]]]] = defaultdict(dict)
    for row in connection.execute(_CONTENTS, ids):
        _, inside = found[row.report_id].setdefault(row.name, (row.heading, []))
        if row.text is not None:  # an empty section
            inside.append(Item(row.text, row.title, row.group, tuple(row.cites), row.status))
    return [
        _report(
            row,
            [
                Section(cast(SectionName, name), heading, tuple(inside))
                for name, (heading, inside) in found[row.id].items()
            ],
        )
        for row in rows
    ]


def _report(row: Row[*tuple[Any, ...]], found: Sequence[Section]) -> Report:
    cited = {
        key: Cited(**{**post, "created_at": _moment(post["created_at"])})
        for key, post in row.posts.items()
    }
    return Report(
        topic=row.topic,
        first=row.first,
        last=row.last,
        language=row.language,
        writer=row.writer,
        sections=tuple(found),
        counts=Counts(**row.counts),
        sources=tuple(SourceResult(**source) for source in row.sources),
        cost=Cost(**row.cost),
        posts=cited,
        wordcounts=row.wordcounts,
        created_at=row.created_at,
        quality=Quality(**row.quality) if row.quality else None,
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
