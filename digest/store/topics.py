"""Topics of which something is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Language, Topic
from digest.store import tables
from digest.store.engine import upsert


@dataclass(frozen=True, slots=True)
class StoredTopic:
    """What the store knows of a topic, whether or not `topics.toml` still lists it."""

    name: str
    title: Mapping[Language, str]
    slug: str
    newest: date | None = None
    """The last day of its newest report."""


async def save(connection: AsyncConnection, topic: Topic) -> None:
    """Keeps name, title and slug. Holds the topic's row until the transaction ends."""
    statement = upsert(connection.dialect.name, tables.topics, ["name"])
    row = {"name": topic.name, "title": topic.title, "slug": topic.slug}
    await connection.execute(statement.values(row))


def load(connection: Connection) -> list[StoredTopic]:
    """The topics with posts or reports, by name."""
    name = tables.topics.c.name
    kept = or_(*(exists().where(t.c.topic == name) for t in (tables.posts, tables.reports)))
    last = select(func.max(tables.reports.c.last)).where(tables.reports.c.topic == name)
    rows = connection.execute(
        select(tables.topics, last.scalar_subquery().label("newest")).where(kept)
    )
    found = [StoredTopic(row.name, row.title, row.slug, row.newest) for row in rows]
    return sorted(found, key=lambda topic: topic.name)
