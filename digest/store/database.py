"""Connections and transactions of one database."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import Connection, Row, Select, Text, column, inspect, select, table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from digest.errors import StoreError
from digest.store.engine import Reader, convert_errors, save_row
from digest.store.tables import SCHEMA, platform_notes

_VERSION = select(column("version_num", Text)).select_from(table("alembic_version"))


def read_version(connection: Connection) -> str:
    """Return the schema number in the database; "" if it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(_VERSION) or ""


async def _refuse_other_version(connection: AsyncConnection, name: str) -> None:
    """Raise StoreError in a writing transaction if another version of the program has migrated the
    database since it was opened.

    On PostgreSQL the version row is locked until the transaction ends, so that a migration and the
    writers of the old schema wait for each other. On SQLite a writer locks the whole file anyway.
    """
    is_locked = connection.dialect.name == "postgresql"
    query = _VERSION.with_for_update(read=True) if is_locked else _VERSION
    stored = await connection.scalar(query) or ""
    if stored != SCHEMA:
        raise StoreError(
            f"{name} was upgraded by another version of this program (schema {stored},"
            f" this one knows {SCHEMA}): stop this one"
        )


P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """Connections to SQLite or PostgreSQL; base class of the table groups.

    All their methods may raise StoreError. A writing method is one transaction unless it says
    otherwise.
    """

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        """Prepare for `open`; `name` is how messages call the database."""
        self.engine = engine
        self._reader = Reader(engine.url)
        self._name = name
        self.long_reads = asyncio.Lock()
        """Serialises callers that read many reports at once."""
        # On SQLite, take the write lock as a transaction begins: requested after a read, it would
        # fail at once instead of waiting. On PostgreSQL, let one that reads see one snapshot.
        self._writes, self._reads = engine.execution_options(begin="BEGIN IMMEDIATE"), engine
        if engine.dialect.name == "postgresql":
            self._reads = engine.execution_options(isolation_level="REPEATABLE READ")
        # SQLite allows one writer. Its busy handler polls with growing pauses, so some writers of
        # this process would starve; a lock is fair.
        self._turn: AbstractAsyncContextManager[None] = (
            asyncio.Lock() if engine.dialect.name == "sqlite" else nullcontext()
        )

    async def close(self) -> None:
        await self._reader.close()
        await self.engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def check(self) -> str:
        """Return one line on the database in use, such as `SQLite jianbao.db, schema 0001`."""
        return f"{self._name}, schema {await self._read(read_version)}"

    async def _read(
        self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **named: P.kwargs
    ) -> T:
        """Run a function of a connection in a reader thread; see `engine.Reader`."""
        with convert_errors(self._name):
            return await self._reader.run(lambda connection: query(connection, *args, **named))

    async def rows(
        self, query: Select[Any], values: Mapping[str, Any] | None = None
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        """Return all rows of a short query. For the modules of this package."""
        return await self._read(lambda connection: connection.execute(query, values).all())

    async def scalar(self, query: Select[Any]) -> Any:
        """Return the first value of a short query, or None. For the modules of this package."""
        return await self._read(lambda connection: connection.scalar(query))

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Yield a transaction that sees one moment. For the modules of this package."""
        with convert_errors(self._name):
            async with self._reads.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Yield a transaction that may write, all or nothing. For the modules of this package."""
        with convert_errors(self._name):
            async with self._turn, self._writes.begin() as connection:
                await _refuse_other_version(connection, self._name)
                yield connection


async def write_note(connection: AsyncConnection, platform: str, name: str, value: str) -> None:
    row = {"platform": platform, "name": name, "value": value}
    await save_row(connection, platform_notes, ["platform", "name"], row)
