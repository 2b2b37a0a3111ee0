"""The store as the rest of the program sees it: nouns in, nouns out, StoreError when it fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from digest.models import Chat, Cost, Dropped, Ending, Post, Report, Subscription, Topic
from digest.store import backup, chats, outbox, posts, reports, schema, spending, topics
from digest.store.advice import one_line
from digest.store.engine import (
    Reader,
    database_url,
    label,
    let_go,
    open_engine,
    reading,
    workers,
    writing,
)
from digest.store.spending import Spent
from digest.store.topics import StoredTopic

P = ParamSpec("P")
T = TypeVar("T")


class Store:
    """Topics, posts and reports in SQLite or PostgreSQL. Every method may raise StoreError."""

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        """For `open`; `name` is what messages call the database."""
        self.engine = engine
        self._reader = Reader(engine)
        self._name = name

    @classmethod
    async def open(cls, url: str, *, migrate: Callable[[], Awaitable[None]] | None = None) -> Self:
        """The store at DATABASE_URL, with its tables made or brought up to date: by `migrate` where
        it is given, which then must do just that elsewhere.

        Raises StoreError where there is no database, or one this program must not touch.
        """
        address = database_url(url)
        backup.refuse_empty(address)
        before = workers()
        store = cls(open_engine(address), label(address))
        try:
            with one_line(store._name):
                if migrate and not await schema.is_current(store.engine, store._name):
                    await migrate()
                await schema.migrate(store.engine, store._name)
        except BaseException:
            await store.close()
            await let_go(before)
            raise
        return store

    async def close(self) -> None:
        """Lets go of all connections."""
        await self._reader.close()
        await self.engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def check(self) -> str:
        """One line on the database in use, such as `SQLite jianbao.db, schema 0001`."""
        async with self.reading() as connection:
            return f"{self._name}, schema {await connection.run_sync(schema.version)}"

    async def save_topic(self, topic: Topic) -> None:
        """Keeps name, title and slug of the topic."""
        async with self.writing() as connection:
            await topics.save(connection, topic)

    async def topics(self) -> list[StoredTopic]:
        """The topics that have posts or reports, by name."""
        return await self._read(topics.load)

    async def save_posts(self, topic: Topic, stream: str, posts_: Sequence[Post]) -> int:
        """Stores posts that came in `stream`, all or none; gives how many were new.

        Of a post that is known already, the longer text with its links, the larger of each metric
        and the first stream are kept.
        """
        async with self.writing() as connection:
            return await posts.save(connection, topic, stream, posts_)

    async def posts(self, topic: str, first: date, last: date) -> list[tuple[str, Post]]:
        """Stream and post of these days of the topic's zone, by time and key.

        Made-up posts (source `sample`) are left out where there are any others.
        """
        return await self._read(posts.load, topic, first, last)

    async def post_days(self, topic: str) -> dict[date, int]:
        """The days that have posts, ascending, with how many `posts` gives for each."""
        return await self._read(posts.days, topic)

    async def save_report(self, report: Report) -> None:
        """Stores the report whole, in the place of an earlier one of the same topic and days.

        Where that fails, the earlier one is as it was.
        """
        async with self.writing() as connection:
            await reports.save(connection, report)

    async def report(self, topic: str, first: date, last: date) -> Report | None:
        """The report of exactly these days, with `cloud`, `dropped` and `source` left empty."""
        found = await self._read(reports.one, topic, first, last)
        return found[0] if found else None

    async def latest(self, topic: str) -> Report | None:
        """The report with the newest last day, a single day before a range."""
        found = await self._read(reports.latest, topic)
        return found[0] if found else None

    async def daily_reports(self, topic: str, first: date, last: date) -> list[Report]:
        """The reports of single days in the range, by day; as `report` gives them."""
        return await self._read(reports.load, *reports.daily(topic, first, last))

    async def report_days(self, topic: str) -> list[date]:
        """The days that have a report of their own, ascending."""
        return await self._read(reports.days, topic)

    async def neighbours(self, topic: str, day: date) -> tuple[date | None, date | None]:
        """The nearest days before and after that have a report of their own."""
        return await self._read(reports.neighbours, topic, day)

    async def cloud(self, topic: str, first: date, last: date) -> bytes:
        """The PNG of that report, or nothing."""
        return await self._read(reports.cloud, *reports.same(topic, first, last))

    async def source(self, topic: str, first: date, last: date) -> bytes:
        """The file that report was imported from, byte for byte, or nothing."""
        return await self._read(reports.source, *reports.same(topic, first, last))

    async def report_spans(self, topic: str) -> list[tuple[date, date]]:
        """First and last day of every report of the topic, by last day."""
        return await self._read(reports.spans, topic)

    async def dropped(
        self, topic: str, first: date, last: date
    ) -> list[tuple[Dropped, Post | None]]:
        """What that report left out and why, each with the post where it is stored."""
        return await self._read(reports.dropped, *reports.same(topic, first, last))

    async def reserve(
        self,
        at: datetime,
        topic: str,
        model: str,
        usd: float | None,
        day_limit: float,
        month_limit: float,
    ) -> int | None:
        """Holds the worst case of a call against the caps of its UTC day and month, in dollars.

        Gives a number for `settle`; None where a cap leaves no room. Never two for one room.
        """
        async with self.writing() as connection:
            return await spending.reserve(connection, at, topic, model, usd, day_limit, month_limit)

    async def settle(self, reserved: int, cost: Cost) -> None:
        """Puts what the call took in the place of the worst case."""
        async with self.writing() as connection:
            await spending.settle(connection, reserved, cost)

    async def spent(self, day: date) -> tuple[list[Spent], list[Spent]]:
        """What was spent on a UTC day and in its month, by model."""
        async with self.reading() as connection:
            return (
                await spending.of_day(connection, day),
                await spending.of_month(connection, day),
            )

    async def answer(self, hash_: str) -> str | None:
        """A model's answer that was paid for before."""
        async with self.reading() as connection:
            return await spending.answer(connection, hash_)

    async def save_answer(self, hash_: str, content: str, now: datetime) -> None:
        """Keeps an answer, in the place of one that could not be read."""
        async with self.writing() as connection:
            await spending.save_answer(connection, hash_, content, now)

    async def learned(self, base_url: str, model: str) -> dict[str, Any]:
        """What is known of a model on a server."""
        async with self.reading() as connection:
            return await spending.learned(connection, base_url, model)

    async def save_learned(self, base_url: str, model: str, known: Mapping[str, Any]) -> None:
        """Keeps what is known of a model on a server."""
        async with self.writing() as connection:
            await spending.save_learned(connection, base_url, model, known)

    async def subscribe(self, wanted: Subscription, now: datetime) -> bool:
        """Begins or changes a subscription; whether it is new or had ended."""
        async with self.writing() as connection:
            return await chats.subscribe(connection, wanted, now)

    async def unsubscribe(self, chat: Chat, topic: str) -> bool:
        """Ends a subscription at the chat's wish, with what is still to be sent; whether there was one."""
        async with self.writing() as connection:
            ended = await chats.unsubscribe(connection, chat, topic)
            if ended is not None:
                await outbox.leave(connection, ended)
            return ended is not None

    async def subscriptions(self, chat: Chat) -> list[Subscription]:
        """What a chat, with its thread, is subscribed to, by topic."""
        async with self.reading() as connection:
            return await chats.of_chat(connection, chat)

    async def subscribed(self, platform: str) -> list[Chat]:
        """The chats of a platform that are subscribed to anything, each once."""
        async with self.reading() as connection:
            return await chats.subscribed(connection, platform)

    async def zones(self) -> list[str]:
        """The zones of all subscriptions that go on."""
        async with self.reading() as connection:
            return await chats.zones(connection)

    async def end_subscriptions(
        self, platform: str, chat: str, why: Ending, *, space: str = ""
    ) -> int:
        """Ends all subscriptions of a chat, or of a server where `chat` is empty; gives how many."""
        async with self.writing() as connection:
            return await chats.end(connection, platform, chat, space, why)

    async def move_chat(self, platform: str, old: str, new: str) -> int:
        """Gives a chat's subscriptions its new id, each kept once; gives how many moved."""
        async with self.writing() as connection:
            return await chats.move(connection, platform, old, new)

    async def first_time(self, platform: str, key: str, now: datetime) -> bool:
        """Whether this update of a platform was never handled; from now on it was."""
        async with self.writing() as connection:
            return await chats.first_time(connection, platform, key, now)

    async def forget_updates(self, now: datetime) -> None:
        """Forgets updates that no platform would repeat any more."""
        async with self.writing() as connection:
            await chats.forget_updates(connection, now)

    async def note(self, platform: str, name: str) -> str:
        """What a platform noted under that name, or nothing."""
        async with self.reading() as connection:
            return await chats.note(connection, platform, name)

    async def save_note(self, platform: str, name: str, value: str) -> None:
        """Keeps a note of a platform in the place of an earlier one."""
        async with self.writing() as connection:
            await chats.save_note(connection, platform, name, value)

    async def notes(self, platform: str) -> dict[str, str]:
        """All that was noted under that platform, by name."""
        async with self.reading() as connection:
            return await chats.notes(connection, platform)

    async def restored(self, now: datetime) -> None:
        """Notes that this database was a backup until now: what was due may have been sent."""
        async with self.writing() as connection:
            await outbox.doubt(connection, now)
            await chats.save_note(connection, "store", "restored", now.isoformat())

    async def forget_posts(self, before: date) -> int:
        """Removes posts of days before `before` that no report cites; gives how many."""
        removed = 0
        while True:
            # Found without the write lock, removed in short transactions.
            found = await self._read(posts.uncited, before)
            if not found:
                return removed
            async with self.writing() as connection:
                await posts.remove(connection, found)
            removed += len(found)

    async def _read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **named: P.kwargs
    ) -> T:
        """What a function of one of these modules makes of the database as it stands."""
        with one_line(self._name):
            return await self._reader.run(lambda connection: work(connection, *args, **named))

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one moment. For the modules of this package."""
        with one_line(self._name):
            async with reading(self.engine).connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write; it ends with all of it or nothing. For this package."""
        with one_line(self._name):
            async with writing(self.engine).begin() as connection:
                yield connection
