"""Topics and posts: a post is stored once per key, and better copies are merged into it."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import (
    Connection,
    Row,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.calendar import local_day
from digest.models import Language, Post, Topic
from digest.store import tables
from digest.store.database import Database
from digest.store.engine import groups, save_row, upsert
from digest.store.tables import posts as table
from digest.store.tables import reports, storable

SAMPLE = "sample"
"""Source name of the sample posts."""
_FIELDS = [field.name for field in fields(Post) if field.name != "id"]
MAX_KEYS = 5000
"""Keys per statement; SQLite allows 32,766 parameters."""
SAVE_BATCH = 1000
"""Posts per transaction, so that other writers get their turn during large imports."""


@dataclass(frozen=True, slots=True)
class StoredTopic:
    """A stored topic, whether or not `topics.toml` still lists it."""

    name: str
    title: Mapping[Language, str]
    slug: str
    newest: date | None = None
    """Last day of its newest report."""


class PostTables(Database):
    """The tables `topics` and `posts`."""

    async def save_topic(self, topic: Topic) -> None:
        async with self.writing() as connection:
            await upsert_topic(connection, topic)

    async def list_topics(self) -> list[StoredTopic]:
        """Return the topics that have posts or reports, by name."""
        name = tables.topics.c.name
        in_use = or_(*(exists().where(t.c.topic == name) for t in (tables.posts, tables.reports)))
        last = select(func.max(tables.reports.c.last)).where(tables.reports.c.topic == name)
        query = select(tables.topics, last.scalar_subquery().label("newest")).where(in_use)
        rows = sorted(await self.rows(query), key=lambda row: str(row.name))
        return [StoredTopic(row.name, row.title, row.slug, row.newest) for row in rows]

    async def save_posts(
        self, topic: Topic, stream: str, posts: Sequence[Post], site: str = ""
    ) -> int:
        """Save the posts of a stream, SAVE_BATCH per transaction; return the number of new ones.

        For a known post, keep the longer text with its links, the larger of each metric, and the
        first stream. `site`: the stream may complete only posts from this host, and takes over
        those that another stream brought first; empty: it may complete any.
        """
        new = 0
        for start in range(0, len(posts) or 1, SAVE_BATCH):
            some = posts[start : start + SAVE_BATCH]
            async with self.writing() as connection:
                new += await insert_posts(connection, topic, stream, some, site)
        return new

    async def load_posts(self, topic: str, first: date, last: date) -> list[tuple[str, Post]]:
        """Return (stream, post) pairs of these days in the topic's zone, ordered by time and key.

        Sample posts are left out if there are any others.
        """
        return await self._read(_load_posts, topic, first, last)

    async def count_posts(self, topic: str) -> dict[date, int]:
        """Return the number of posts per day, as `posts` would return them, in day order."""
        real = func.sum(case((table.c.source == SAMPLE, 0), else_=1))
        query = select(table.c.day, func.count(), real).where(table.c.topic == topic)
        rows = await self.rows(query.group_by(table.c.day).order_by(table.c.day))
        return {day: real or total for day, total, real in rows}

    async def delete_old_posts(self, before: date) -> int:
        """Delete uncited posts older than `before`; return how many."""
        removed = 0
        while True:
            # The search goes through all reports, so it runs without the write lock and not in the
            # reader thread that serves users. Deletion takes short transactions.
            async with self.reading() as connection:
                keys = await connection.run_sync(_list_uncited, before)
            if not keys:
                return removed
            async with self.writing() as connection:
                await connection.execute(
                    delete(table).where(
                        table.c.topic == bindparam("of"), table.c.key == bindparam("named")
                    ),
                    [{"of": topic, "named": key} for topic, key in keys],
                )
            removed += len(keys)


async def upsert_topic(connection: AsyncConnection, topic: Topic) -> None:
    """Save name, title and slug. Locks the topic's row until the transaction ends."""
    row = {"name": topic.name, "title": topic.title, "slug": topic.slug}
    await save_row(connection, tables.topics, ["name"], row)


async def insert_posts(
    connection: AsyncConnection, topic: Topic, stream: str, posts: Sequence[Post], site: str = ""
) -> int:
    """Upsert posts, merged with stored copies; return the number of new ones."""
    # The lock on the topic serialises writers, so that read-then-write is safe.
    await upsert_topic(connection, topic)
    batch: dict[str, Post] = {}
    marks = set((await connection.scalars(select(tables.withdrawn.c.key))).all())
    for post in posts:
        if is_withdrawn(post, marks):
            continue
        key = storable(post.key)
        batch[key] = merge_copies(batch[key], post) if key in batch else post
    stored = await _load_stored(connection, topic.name, list(batch))
    rows = []
    for key, post in batch.items():
        first_stream, old = stored.get(key, (stream, post))
        first_host = re.split("[/: ]", first_stream)[0]
        if site and site == _host(post.url) != first_host and "." in first_host:
            # The site's own wording wins, whichever feed came first, except over an operator's
            # file, whose name is not a host and which may have the full text. The date must not
            # move before the stored day, whose report may still be due.
            later = max(old.created_at, post.created_at)
            first_stream, old = stream, replace(post, created_at=later)
        firsthand = not site or site == _host(old.url)
        better = merge_copies(old, post, corrects=first_stream == stream, completes=firsthand)
        if stored.get(key) != (first_stream, better):
            rows.append(_post_row(topic, first_stream, better))
    if rows:
        await connection.execute(upsert(connection, table, ["topic", "key"]), rows)
    return len(batch.keys() - stored.keys())


def _host(address: str) -> str:
    return (urlsplit(address).hostname or "").removeprefix("www.")


def is_withdrawn(post: Post, marks: Collection[str]) -> bool:
    """Return True if the post, or its author, was withdrawn."""
    return bool(marks) and (
        storable(post.key) in marks
        or author_mark(post.source, post.author or post.author_name) in marks
    )


def author_mark(source: str, author: str) -> str:
    """Return the key that marks an author as withdrawn, in lower case."""
    return storable(f"{source}:@{author.lower().lstrip('@')}")


def merge_copies(old: Post, new: Post, *, corrects: bool = True, completes: bool = True) -> Post:
    """Return the old post with the newer text, links and address, and the larger of each metric.

    A truncated text never replaces the complete one. `corrects`: the new post is from the same
    stream, so a different text is a correction. Another stream may be the slower one, so it may
    only complete a truncated text, and only if it `completes`: sites other than the author's own
    may have added words.
    """
    if corrects:
        newer = old if _is_cut(new.text, old.text) else new
    else:
        newer = new if completes and _is_cut(old.text, new.text) else old
    metrics = {
        name: max(old.metrics.get(name, 0), new.metrics.get(name, 0))
        for name in (*old.metrics, *new.metrics)
    }
    url = newer.url or old.url
    return replace(old, text=newer.text, links=newer.links, url=url, metrics=metrics)


def _is_cut(text: str, complete: str) -> bool:
    """Return True if `text` is a truncated `complete`, perhaps with dots and a final link."""
    words = text.split()
    if words and words[-1].startswith(("https://", "http://")):
        words.pop()
    beginning = " ".join(words).rstrip(".\u2026 ")
    return len(text) < len(complete) and " ".join(complete.split()).startswith(beginning)


def _load_posts(
    connection: Connection, topic: str, first: date, last: date
) -> list[tuple[str, Post]]:
    rows = connection.execute(
        select(table).where(table.c.topic == topic, table.c.day.between(first, last))
    )
    pairs = [(row.stream, post_of(row)) for row in rows]
    real = [(stream, post) for stream, post in pairs if post.source != SAMPLE]
    # Sorted here, because the databases order texts differently.
    return sorted(real or pairs, key=lambda pair: (pair[1].created_at, pair[1].key))


def _list_uncited(connection: Connection, before: date) -> list[tuple[str, str]]:
    """Return topic and key of up to MAX_KEYS uncited posts older than `before`."""
    if connection.dialect.name == "postgresql":
        cited = select(reports.c.topic, func.json_object_keys(reports.c.posts).label("key"))
    else:
        keys = func.json_each(reports.c.posts).table_valued("key")
        cited = select(reports.c.topic, keys.c.key).join_from(reports, keys, true())
    which = select(table.c.topic, table.c.key).where(
        table.c.day < before, tuple_(table.c.topic, table.c.key).not_in(cited)
    )
    rows = connection.execute(which.limit(MAX_KEYS))
    return [(row.topic, row.key) for row in rows]


def post_of(row: Row[*tuple[Any, ...]]) -> Post:
    values = {name: getattr(row, name) for name in _FIELDS} | {"links": tuple(row.links)}
    return Post(row.key.removeprefix(f"{row.source}:"), **values)


def _post_row(topic: Topic, stream: str, post: Post) -> dict[str, Any]:
    day = local_day(post.created_at, topic.timezone)
    values = {name: getattr(post, name) for name in _FIELDS}
    return values | {"topic": topic.name, "key": post.key, "stream": stream, "day": day}


async def _load_stored(
    connection: AsyncConnection, topic: str, keys: Sequence[str]
) -> dict[str, tuple[str, Post]]:
    stored: dict[str, tuple[str, Post]] = {}
    for some in groups(keys):
        rows = await connection.execute(
            select(table).where(table.c.topic == topic, table.c.key.in_(some))
        )
        stored.update((row.key, (row.stream, post_of(row))) for row in rows)
    return stored
