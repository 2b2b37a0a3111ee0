"""Deletion on request: data about a person or chat, and withdrawn posts."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, and_, delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Chat, Report
from digest.store import open_parts
from digest.store.database import Database
from digest.store.engine import groups, insert_new
from digest.store.post_tables import author_mark
from digest.store.report_tables import STATE, delete_in, save_in
from digest.store.search_tables import make_entries
from digest.store.tables import (
    answers,
    deliveries,
    drops,
    platform_notes,
    posts,
    reports,
    source_changes,
    sources,
    subscriptions,
    topics,
    withdrawn,
)

AUTHOR_MARK = ":@"
"""Separator in the mark of an author: `x:@name`."""

OVERVIEWS = "overview"
"""Note platform under which `digest.ranges` stores overviews."""


class WithdrawalTables(Database):
    """The table `withdrawn`, and deletions in all other tables."""

    async def forget_person(self, platform: str, user_id: str, chat: Chat | None) -> dict[str, int]:
        """Delete the data about a person, and about a chat with everything sent there.

        Return the numbers of deleted `notes`, `subscriptions` and `messages`.
        """
        names = {f"{platform}:{id_}" for id_ in (user_id, chat.id if chat else user_id)}
        async with self.writing() as connection:
            place, name = platform_notes.c.platform, platform_notes.c.name
            about = or_(name.in_(names), place.endswith(f" {platform} {user_id}", autoescape=True))
            of_person = and_(place == platform, name == user_id)
            notes = await connection.execute(delete(platform_notes).where(or_(about, of_person)))
            counts = {"notes": notes.rowcount, "subscriptions": 0, "messages": 0}
            if chat is not None:
                counts |= await _forget_chat(connection, chat)
            return counts

    async def find_posts(self, name: str) -> tuple[set[str], set[str]]:
        """Return the keys of the posts with this key, address or author; for an author also one
        mark per source. Posts that exist only in reports are included.

        Authors without a handle (feeds) are found by the name that reports show.
        """
        return await self._read(_find_posts, name.strip())

    async def find_reports(self, keys: Collection[str]) -> list[tuple[str, date, date]]:
        """Return topic and days of the reports that contain one of these posts, or cover the day of
        one, because they counted it."""
        day_of = select(posts.c.topic, posts.c.day)
        days = {
            (row.topic, row.day)
            for group in groups(list(keys))
            for row in await self.rows(day_of.where(posts.c.key.in_(group)))
        }
        query = select(reports.c.topic, reports.c.first, reports.c.last, reports.c.posts)
        return [
            (row.topic, row.first, row.last)
            for row in await self.rows(query)
            if not row.posts.keys().isdisjoint(keys)
            or any(row.topic == topic and row.first <= day <= row.last for topic, day in days)
        ]

    async def save_withdrawal(
        self,
        marks: Iterable[str],
        keys: Collection[str],
        rewritten: Sequence[Report],
        now: datetime,
        state: str | None = None,
        addresses: Iterable[str] = (),
    ) -> bool:
        """Delete the posts everywhere in one transaction. `rewritten`: the reports that cited them,
        already without them; `addresses`: the posts' URLs; `marks`: block their return. Return
        False and change nothing if `state` (see `read_state`) has changed since they were
        loaded."""
        entries = [make_entries(report) for report in rewritten]
        async with self.writing() as connection:
            # On PostgreSQL this lock serialises withdrawals and saving reports.
            query = STATE.with_for_update()
            if state is not None and str(await connection.scalar(query) or "") != state:
                return False
            rows = [{"key": mark, "at": now} for mark in marks]
            await insert_new(connection, withdrawn, rows)
            for report, index in zip(rewritten, entries, strict=True):
                await save_in(connection, report, index)
            urls = set(addresses)
            for group in groups(list(keys)):
                gone = delete(posts).where(posts.c.key.in_(group)).returning(posts.c.url)
                urls.update((await connection.scalars(gone)).all())
                await connection.execute(delete(drops).where(drops.c.key.in_(group)))
                await connection.execute(update(drops).where(drops.c.of.in_(group)).values(of=""))
            # Cached answers and overviews do not record their posts, so delete all of them.
            await connection.execute(delete(answers))
            await connection.execute(
                delete(platform_notes).where(platform_notes.c.platform == OVERVIEWS)
            )
            await open_parts.plan_anew(connection, {report.topic for report in rewritten})
            await open_parts.scrub(connection, urls - {""})
        return True

    async def delete_report(self, topic: str, first: date, last: date) -> bool:
        """Delete a report, and its topic if nothing else refers to it; return False if there is no
        such report. Its digests not yet begun wait for another report."""
        async with self.writing() as connection:
            if not await delete_in(connection, topic, first, last):
                return False
            await open_parts.plan_anew(connection, {topic})
            others = (
                table.c.topic == topics.c.name
                for table in (posts, reports, sources, source_changes)
            )
            unused = [~exists().where(other) for other in others]
            await connection.execute(delete(topics).where(topics.c.name == topic, *unused))
        return True

    async def list_withdrawn(self) -> frozenset[str]:
        """Return the keys of all withdrawn posts and authors."""
        return frozenset(row.key for row in await self.rows(select(withdrawn.c.key)))


async def _forget_chat(connection: AsyncConnection, chat: Chat) -> dict[str, int]:
    here = and_(subscriptions.c.platform == chat.platform, subscriptions.c.chat == chat.id)
    ids = select(subscriptions.c.id).where(here)
    number = await open_parts.delete_sent(connection, deliveries.c.subscription_id.in_(ids))
    current = await connection.execute(
        delete(subscriptions).where(here, subscriptions.c.ended == "")
    )
    await connection.execute(delete(subscriptions).where(here))
    return {"subscriptions": current.rowcount, "messages": number}


def _find_posts(connection: Connection, name: str) -> tuple[set[str], set[str]]:
    handle = name.rpartition(AUTHOR_MARK)[2] if AUTHOR_MARK in name else name.removeprefix("@")
    source = name.partition(AUTHOR_MARK)[0] if AUTHOR_MARK in name else ""
    exact = {key for key, url, _, _ in _list_posts(connection) if name in (key, url)}
    if exact or not handle:
        return exact, set()
    named = {
        (key, origin)
        for key, _, origin, author in _list_posts(connection)
        if author.lower() == handle.lower() and source in ("", origin)
    }
    return {key for key, _ in named}, {author_mark(origin, handle) for _, origin in named}


def _list_posts(connection: Connection) -> Iterator[tuple[str, str, str, str]]:
    """Yield key, address, source and author of all posts in `posts` and in reports."""
    columns = (posts.c.key, posts.c.url, posts.c.source, posts.c.author, posts.c.author_name)
    for row in connection.execute(select(*columns)):
        yield row.key, row.url, row.source, row.author or row.author_name
    for row in connection.execute(select(reports.c.posts)):
        for key, post in row.posts.items():
            yield key, post["url"], key.partition(":")[0], post["author"]
