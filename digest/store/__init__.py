"""What is stored: topics, posts, reports, chats, money. The only SQL of the program."""

from collections.abc import Awaitable, Callable
from typing import Self

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from digest.errors import StoreError
from digest.store import backup
from digest.store.chat_tables import ChatTables
from digest.store.database import read_version
from digest.store.engine import (
    count_connection_threads,
    database_url,
    join_connection_threads,
    label,
    one_line,
    open_engine,
    reading,
    writing,
)
from digest.store.post_tables import PostTables, StoredTopic
from digest.store.report_tables import ReportTables
from digest.store.search_tables import SearchTables
from digest.store.spending_tables import SpendingTables, Spent
from digest.store.tables import SCHEMA
from digest.store.withdrawal_tables import WithdrawalTables

__all__ = ["Spent", "Store", "StoredTopic"]

_LOCK = 0x6A69616E
"""Number of the PostgreSQL advisory lock under which one process migrates and others wait."""


class Store(PostTables, ReportTables, SearchTables, ChatTables, SpendingTables, WithdrawalTables):
    """The database as the rest of the program sees it: a class a group of tables."""

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
                if migrate and not await _is_current(store.engine, store._name):
                    await migrate()
                await _migrate(store.engine, store._name)
        except BaseException:
            await store.close()
            await join_connection_threads(threads)
            raise
        return store


async def _is_current(engine: AsyncEngine, name: str) -> bool:
    """Return True if no migration is missing. Raises StoreError for a newer schema."""
    async with reading(engine).connect() as connection:
        stored = await connection.run_sync(read_version)
    if stored > SCHEMA:
        raise StoreError(
            f"{name} was written by a newer version of this program (schema {stored}, this one"
            f" knows {SCHEMA}): update the program, or name another database in DATABASE_URL"
        )
    return stored == SCHEMA


async def _migrate(engine: AsyncEngine, name: str) -> None:
    if await _is_current(engine, name):
        return
    # Imported here: a database that is up to date needs none of it.
    from digest.store.migrations import upgrade

    async with writing(engine).begin() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        stored = await connection.run_sync(read_version)
        if stored < SCHEMA:
            await connection.run_sync(upgrade, stored)
