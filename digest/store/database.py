"""One database: opened, brought up to date, read and written in transactions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from digest.store import backup, schema
from digest.store.advice import one_line
from digest.store.engine import (
    Reader,
    count_connection_threads,
    database_url,
    join_connection_threads,
    label,
    open_engine,
    reading,
    upsert,
    writing,
)
from digest.store.tables import platform_notes

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """Connections to SQLite or PostgreSQL. The classes of table groups extend it.

    Every method of them may raise StoreError. A method that writes is one transaction unless it
    says otherwise.
    """

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        """Prepare for `open`; `name` is what messages call the database."""
        self.engine = engine
        self._reader = Reader(engine)
        self._name = name
        # SQLite has one writer. Its own wait for another one is a poll with ever longer pauses,
        # in which some of a process's writers would starve.
        self._turn: AbstractAsyncContextManager[None] = (
            asyncio.Lock() if engine.dialect.name == "sqlite" else nullcontext()
        )

    @classmethod
    async def open(cls, url: str, *, migrate: Callable[[], Awaitable[None]] | None = None) -> Self:
        """Open the database at DATABASE_URL and bring its tables up to date.

        `migrate` does that elsewhere (in a child process) where it is given. Raises StoreError
        where there is no database, or one that this program must not touch.
        """
        address = database_url(url)
        backup.refuse_empty(address)
        threads = count_connection_threads()
        store = cls(open_engine(address), label(address))
        try:
            with one_line(store._name):
                if migrate and not await schema.is_current(store.engine, store._name):
                    await migrate()
                await schema.migrate(store.engine, store._name)
        except BaseException:
            await store.close()
            await join_connection_threads(threads)
            raise
        return store

    async def close(self) -> None:
        """Close all connections."""
        await self._reader.close()
        await self.engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def check(self) -> str:
        """Return one line on the database in use, such as `SQLite jianbao.db, schema 0001`."""
        async with self.reading() as connection:
            return f"{self._name}, schema {await connection.run_sync(schema.version)}"

    async def _read(
        self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **named: P.kwargs
    ) -> T:
        """Run a function of a connection in one turn of one thread; see `engine.Reader`."""
        with one_line(self._name):
            return await self._reader.run(lambda connection: query(connection, *args, **named))

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Yield a transaction that sees one moment. For the modules of this package."""
        with one_line(self._name):
            async with reading(self.engine).connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Yield a transaction that may write, all or nothing. For the modules of this package."""
        with one_line(self._name):
            async with self._turn, writing(self.engine).begin() as connection:
                await schema.refuse_other_version(connection, self._name)
                yield connection


async def write_note(connection: AsyncConnection, platform: str, name: str, value: str) -> None:
    """Save a note of a platform in the place of an earlier one."""
    statement = upsert(connection.dialect.name, platform_notes, ["platform", "name"])
    row = {"platform": platform, "name": name, "value": value}
    await connection.execute(statement.values(row))
