"""Brings a database to this program's schema, whoever else tries at the same time."""

from __future__ import annotations

from sqlalchemy import Connection, Text, column, func, inspect, select, table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from digest.errors import StoreError
from digest.store.engine import reading, writing
from digest.store.tables import SCHEMA

_LOCK = 0x6A69616E
"""Number of the PostgreSQL advisory lock under which one process migrates and others wait."""


def version(connection: Connection) -> str:
    """Return the number of the last migration of the database; "" for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    number = connection.scalar(select(column("version_num")).select_from(table("alembic_version")))
    return str(number or "")


async def is_current(engine: AsyncEngine, name: str) -> bool:
    """Return True if no migration is missing. Raises StoreError for a newer schema."""
    async with reading(engine).connect() as connection:
        stored = await connection.run_sync(version)
    if stored > SCHEMA:
        raise StoreError(
            f"{name} was written by a newer version of this program (schema {stored}, this one"
            f" knows {SCHEMA}): update the program, or name another database in DATABASE_URL"
        )
    return stored == SCHEMA


async def refuse_other_version(connection: AsyncConnection, name: str) -> None:
    """Raise StoreError in a writing transaction if another version of the program has migrated the
    database since it was opened.

    The row is locked until the transaction ends: on PostgreSQL a migration waits for the writers of
    the old schema, and they for it. On SQLite a writer has the whole file anyway.
    """
    versions = table("alembic_version", column("version_num", Text))
    query = select(versions.c.version_num)
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(read=True)
    stored = str(await connection.scalar(query) or "")
    if stored != SCHEMA:
        raise StoreError(
            f"{name} was brought up to date by another version of this program (schema {stored},"
            f" this one knows {SCHEMA}): stop this one"
        )


async def migrate(engine: AsyncEngine, name: str) -> None:
    """Run the missing migrations in one transaction. Raises StoreError for a newer schema."""
    if await is_current(engine, name):
        return
    async with writing(engine).begin() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        if await connection.run_sync(version) != SCHEMA:
            await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    # Imported here: a database that is up to date needs none of it.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "digest.store:migrations")
    command.upgrade(config, "head")
