"""Databases of earlier versions open, migrate and deliver; two versions never write at once."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from digest.errors import StoreError
from digest.models import Chat, Outcome
from digest.store import Store
from digest.store.ledger import Ledger
from digest.store.tables import metadata
from tests.samples import report
from tests.town import TOPICS
from tools.balance import list_unbalanced

DATA = Path(__file__).with_name("data")
EIGHT = datetime(2025, 12, 8, 8, tzinfo=UTC)
TAKEN_AWAY = (
    "DROP TABLE entries",
    "DROP TABLE received",
    "DROP INDEX ix_parts_state",
    "ALTER TABLE builds DROP COLUMN holder",
    "ALTER TABLE builds DROP COLUMN alive_at",
    "ALTER TABLE parts DROP COLUMN resend",
    "ALTER TABLE parts DROP COLUMN doubt_since",
    "UPDATE alembic_version SET version_num = '0008'",
)
"""Of the tables, so that a database has schema 0008 again, as far as that matters here."""


def restore(file: Path, name: str) -> str:
    """Make a SQLite database of the committed statements; return its DATABASE_URL."""
    with sqlite3.connect(file) as connection:
        connection.executescript((DATA / name).read_text(encoding="utf-8"))
    connection.close()
    return f"sqlite:///{file}"


async def test_a_database_of_the_first_schema_is_read_and_delivers(tmp_path: Path) -> None:
    url = restore(tmp_path / "first.db", "schema_0001.sql")
    async with await Store.open(url) as store:
        stored = await store.load_latest("ai")
        assert stored
        assert stored.sections[1].items[0].title == "Meridian 3.2 Pro is out"
        assert stored.posts["x:1"].author == "ada"
        assert [hit.number for hit in await store.search("Meridian")] == [1]


def list_differences(connection: Connection) -> list[object]:
    """Return what a comparison finds between a database and the tables."""

    def ours(_: object, name: str | None, kind: str, *_rest: object) -> bool:
        return not (kind == "table" and str(name).startswith("entries"))  # the search index

    options = {"compare_type": True, "compare_server_default": True, "include_object": ours}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, metadata))


@pytest.mark.parametrize("before", ["schema_0001.sql", "schema_0005.sql"])
async def test_migrations_lead_to_the_tables(store_url: str, tmp_path: Path, before: str) -> None:
    for url in (store_url, restore(tmp_path / "old.db", before)):
        async with await Store.open(url) as store, store.engine.connect() as connection:
            assert await connection.run_sync(list_differences) == []


async def test_what_an_older_database_lacks_is_added(store_url: str) -> None:
    async with await Store.open(store_url) as store:
        await store.save_topic(TOPICS["ai"])
        await store.save_report(report())
        async with store.engine.begin() as connection:
            for statement in TAKEN_AWAY:
                await connection.execute(text(statement))
    async with await Store.open(store_url) as store, store.engine.connect() as connection:
        assert await connection.run_sync(list_differences) == []
        assert [hit.number for hit in await store.search("Kitewick")] == [2]


async def test_what_the_first_ledger_had_open_is_delivered_once(tmp_path: Path) -> None:
    url = restore(tmp_path / "ledger.db", "schema_0005.sql")
    async with await Store.open(url) as store:
        ledger = Ledger(store)
        (subscription,) = await store.list_subscriptions(Chat("telegram", "7"))
        assert (subscription.timezone, subscription.quiet) == ("Asia/Shanghai", False)
        (part,) = await ledger.claim("telegram", 10, EIGHT)
        assert part.body == '{"text": "hello"}'
        await ledger.settle([Outcome(part.id, "sent", "1")])
        assert (await ledger.count_due(EIGHT))["telegram"].delivered == 1
        # The next day comes as usual.
        await store.save_report(report(EIGHT.date()))
        assert await ledger.propose(TOPICS, EIGHT + timedelta(days=1)) == 1
        assert await list_unbalanced(ledger) == []


async def test_excuses_that_may_have_arrived_are_no_matter_for_operators(tmp_path: Path) -> None:
    url = restore(tmp_path / "ledger.db", "schema_0005.sql")
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("UPDATE deliveries SET state = 'due', report = NULL")
        connection.execute("UPDATE parts SET state = 'unknown'")
    connection.close()
    async with await Store.open(url) as store, store.engine.connect() as opened:
        (row,) = await opened.execute(text("SELECT state, position FROM parts"))
        assert tuple(row) == ("dropped", -1)


async def test_an_older_program_stops_writing_when_a_newer_one_migrates(store_url: str) -> None:
    async with await Store.open(store_url) as store:
        await store.save_note("store", "before", "1")
        async with store.engine.begin() as newer:
            await newer.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(StoreError, match="stop this one"):
            await store.save_note("store", "after", "1")
        with pytest.raises(StoreError, match="stop this one"):
            await Ledger(store).take_lease("telegram", "old", EIGHT)
        assert await store.read_note("store", "after") == ""


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_a_migration_waits_for_writers(store_url: str) -> None:
    async with await Store.open(store_url) as store:

        async def migrate() -> None:
            async with store.engine.begin() as newer:
                await newer.execute(text("UPDATE alembic_version SET version_num = '9999'"))

        async with store.writing():
            migrating = asyncio.create_task(migrate())
            await asyncio.wait({migrating}, timeout=0.3)
            assert not migrating.done()
        await migrating
