"""The store: topics, posts, reports, chats, spending. The only package with SQL."""

from collections.abc import Awaitable, Callable
from typing import Self

from sqlalchemy import func, select

from digest.errors import StoreError
from digest.store import backup
from digest.store.chat_tables import ChatTables
from digest.store.database import read_version
from digest.store.engine import convert_errors, database_url, label, open_engine
from digest.store.post_tables import PostTables, StoredTopic
from digest.store.report_tables import ReportTables
from digest.store.search_tables import SearchTables
from digest.store.spending_tables import SpendingTables, Spent
from digest.store.tables import SCHEMA
from digest.store.withdrawal_tables import WithdrawalTables

__all__ = ["Spent", "Store", "StoredTopic"]

_LOCK = 0x6A69616E
"""Key of the PostgreSQL advisory lock held during migrations."""


class Store(PostTables, ReportTables, SearchTables, ChatTables, SpendingTables, WithdrawalTables):
    """The database as seen by the rest of the program; each base class owns a group of tables."""

    @classmethod
    async def open(cls, url: str, *, migrate: Callable[[], Awaitable[None]] | None = None) -> Self:
        """Open the database at DATABASE_URL and migrate it to the current schema.

        `migrate`: run the migration elsewhere, in a child process. Raises StoreError if there is
        no database or it must not be opened by this program.
        """
        address = database_url(url)
        backup.refuse_empty(address)
        store = cls(open_engine(address), label(address))
        try:
            if migrate and not await store._is_current():
                await migrate()
            await store._migrate()
        except BaseException:
            await store.close()
            raise
        return store

    async def _is_current(self) -> bool:
        """Return True if the schema is current. Raises StoreError for a newer schema.

        Uses the reader: a failed aiosqlite connection would leave a thread behind.
        """
        stored = await self._read(read_version)
        if stored > SCHEMA:
            raise StoreError(
                f"{self._name} was written by a newer version of this program (schema {stored},"
                f" this one knows {SCHEMA}): update the program, or name another database in"
                " DATABASE_URL"
            )
        return stored == SCHEMA

    async def _migrate(self) -> None:
        if await self._is_current():
            return
        # Imported here: not needed if the schema is current.
        from digest.store.migrations import upgrade

        with convert_errors(self._name):
            async with self._writes.begin() as connection:
                if self.engine.dialect.name == "postgresql":
                    await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
                stored = await connection.run_sync(read_version)
                if stored < SCHEMA:
                    await connection.run_sync(upgrade, stored)
