"""Posts: saved once under their key, better copies merged in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, bindparam, case, delete, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Post, Topic
from digest.store import topics
from digest.store.engine import upsert
from digest.store.tables import posts as table
from digest.store.tables import reports, storable

SAMPLE = "sample"
"""The source of made-up posts."""
_KEYS_AT_ONCE = 5000
"""Keys asked for in one statement: SQLite takes 32,766 parameters."""


async def save(
    connection: AsyncConnection, topic: Topic, stream: str, posts: Sequence[Post]
) -> int:
    """Stores the posts and merges those already known; gives how many were new."""
    # Holding the topic makes two writers take turns, so that reading before writing is safe.
    await topics.save(connection, topic)
    batch: dict[str, Post] = {}
    for post in posts:
        key = storable(post.key)
        batch[key] = merged(batch[key], post) if key in batch else post
    known = await _known(connection, topic.name, list(batch))
    rows = []
    for key, post in batch.items():
        first_stream, old = known.get(key, (stream, post))
        better = merged(old, post)
        if key not in known or better != old:
            rows.append(_row(topic, first_stream, better))
    if rows:
        await connection.execute(upsert(connection.dialect.name, table, ["topic", "key"]), rows)
    return len(batch.keys() - known.keys())


def merged(old: Post, new: Post) -> Post:
    """The old post with the longer text and its links, and the larger of each metric."""
    longer = new if len(new.text) > len(old.text) else old
    metrics = {
        name: max(old.metrics.get(name, 0), new.metrics.get(name, 0))
        for name in (*old.metrics, *new.metrics)
    }
    return replace(old, text=longer.text, links=longer.links, metrics=metrics)


def load(connection: Connection, topic: str, first: date, last: date) -> list[tuple[str, Post]]:
    """Stream and post of the days, oldest first; made-up posts only where there are no others."""
    rows = connection.execute(
        select(table).where(table.c.topic == topic, table.c.day.between(first, last))
    )
    found = [(row.stream, post_of(row)) for row in rows]
    real = [(stream, post) for stream, post in found if post.source != SAMPLE]
    # Sorted here: databases disagree on the order of texts.
    return sorted(real or found, key=lambda pair: (pair[1].created_at, pair[1].key))


def days(connection: Connection, topic: str) -> dict[date, int]:
    """How many posts `load` gives for each day that has some, by day."""
    real = func.sum(case((table.c.source == SAMPLE, 0), else_=1))
    rows = connection.execute(
        select(table.c.day, func.count(), real)
        .where(table.c.topic == topic)
        .group_by(table.c.day)
        .order_by(table.c.day)
    )
    return {day: real or total for day, total, real in rows}


def uncited(connection: Connection, before: date) -> list[tuple[str, str]]:
    """Topic and key of posts of days before `before` that no report cites; at most so many at once."""
    # A report keeps its cited posts by key.
    if connection.dialect.name == "postgresql":
        cited = select(reports.c.topic, func.json_object_keys(reports.c.posts).label("key"))
    else:
        keys = func.json_each(reports.c.posts).table_valued("key")
        cited = select(reports.c.topic, keys.c.key).join_from(reports, keys, true())
    which = select(table.c.topic, table.c.key).where(
        table.c.day < before, tuple_(table.c.topic, table.c.key).not_in(cited)
    )
    rows = connection.execute(which.limit(_KEYS_AT_ONCE))
    return [(row.topic, row.key) for row in rows]


async def remove(connection: AsyncConnection, which: Sequence[tuple[str, str]]) -> None:
    """Removes these posts."""
    await connection.execute(
        delete(table).where(table.c.topic == bindparam("of"), table.c.key == bindparam("named")),
        [{"of": topic, "named": key} for topic, key in which],
    )


def post_of(row: Row[*tuple[Any, ...]]) -> Post:
    """The post in a row of the table."""
    return Post(
        id=row.key.removeprefix(f"{row.source}:"),
        source=row.source,
        author=row.author,
        author_name=row.author_name,
        text=row.text,
        created_at=row.created_at,
        url=row.url,
        lang=row.lang,
        metrics=row.metrics,
        links=tuple(row.links),
    )


def _row(topic: Topic, stream: str, post: Post) -> dict[str, Any]:
    return {
        "topic": topic.name,
        "key": post.key,
        "source": post.source,
        "stream": stream,
        "day": post.created_at.astimezone(ZoneInfo(topic.timezone)).date(),
        "author": post.author,
        "author_name": post.author_name,
        "text": post.text,
        "created_at": post.created_at.astimezone(UTC),
        "url": post.url,
        "lang": post.lang,
        "metrics": post.metrics,
        "links": post.links,
    }


async def _known(
    connection: AsyncConnection, topic: str, keys: Sequence[str]
) -> dict[str, tuple[str, Post]]:
    found: dict[str, tuple[str, Post]] = {}
    for some in _parts(keys, _KEYS_AT_ONCE):
        rows = await connection.execute(
            select(table).where(table.c.topic == topic, table.c.key.in_(some))
        )
        found.update((row.key, (row.stream, post_of(row))) for row in rows)
    return found


def _parts(keys: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))
