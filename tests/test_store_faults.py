"""Databases that are new, full, busy, foreign or out of reach: one clear line each."""

import asyncio
import gc
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from digest.errors import StoreError
from digest.models import Dropped
from digest.store import Store
from digest.store.engine import (
    database_url,
    enter_wal,
    explain,
    label,
    open_engine,
    queue_address,
)
from digest.store.tables import SCHEMA
from tests.posts import TOPIC, post
from tests.test_store import as_read, report

DAY = date(2025, 12, 6)

OPEN = """
import asyncio, sys
from digest.store import Store
async def main():
    async with await Store.open(sys.argv[1]) as store:
        print((await store.check()).rsplit(" ", 1)[1], "alembic" in sys.modules)
asyncio.run(main())
"""


def start(url: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-W", "error", "-c", OPEN, url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def contents(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.iterdir()}


async def failure(url: str) -> str:
    with pytest.raises(StoreError) as caught:
        await Store.open(url)
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_processes_that_open_an_empty_database_at_once_all_succeed(store_url: str) -> None:
    if store_url.startswith("postgresql"):
        with psycopg.connect(store_url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
    started = [start(store_url) for _ in range(3)]
    said = [await asyncio.to_thread(process.communicate) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert {answer.split()[0] for answer, _ in said} == {SCHEMA}
    later, _ = await asyncio.to_thread(start(store_url).communicate)
    assert later.split() == [SCHEMA, "False"], "a database that is up to date needs no alembic"


def test_the_change_to_wal_waits_for_another_process(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE t (a)")
    other.execute("BEGIN EXCLUSIVE")
    hasty = sqlite3.connect(file, timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        hasty.execute("PRAGMA journal_mode = WAL")
    timer = threading.Timer(0.1, other.rollback)
    timer.start()
    enter_wal(hasty.cursor())
    timer.join()
    assert hasty.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()
    hasty.close()


async def test_a_newer_schema_is_refused_and_left_alone(store_url: str, tmp_path: Path) -> None:
    async with await Store.open(store_url) as store, store.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = contents(tmp_path)
    message = await failure(store_url)
    assert "newer version" in message
    assert "9999" in message
    assert contents(tmp_path) == before


async def test_tables_of_another_program_are_left_alone(store_url: str) -> None:
    engine = open_engine(database_url(store_url))
    async with engine.begin() as connection:
        if store_url.startswith("postgresql"):
            await connection.execute(text("DROP SCHEMA public CASCADE"))
            await connection.execute(text("CREATE SCHEMA public"))
        await connection.execute(text("CREATE TABLE posts (id INTEGER PRIMARY KEY)"))
    assert "already exists" in await failure(store_url)
    async with engine.connect() as connection:
        assert list((await connection.execute(text("SELECT * FROM posts"))).keys()) == ["id"]
    await engine.dispose()


async def test_check_names_the_database(store_url: str) -> None:
    async with await Store.open(store_url) as store:
        line = await store.check()
    assert line == f"{label(database_url(store_url))}, schema {SCHEMA}"


async def test_every_connection_is_durable_and_patient(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/folder/store.db"
    names = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
    async with (
        await Store.open(url) as store,
        store.engine.connect() as one,
        store.engine.connect() as two,
    ):
        for connection in (one, two):
            found = [await connection.scalar(text(f"PRAGMA {name}")) for name in names]
            assert found == ["wal", 2, 5000, 1]


async def test_a_full_database_stores_nothing_by_halves(tmp_path: Path) -> None:
    drops = tuple(Dropped(f"x:{n}", "ads", "giveaway") for n in range(5000))
    async with await Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        await store.save_posts(TOPIC, "s", [post("first", "1")])
        await store.save_report(report())
        # SQLite takes the pages there are for the least limit.
        await reconnect(store, "PRAGMA max_page_count = 1")
        for saving in (
            store.save_posts(TOPIC, "s", [post("x" * 500, str(n)) for n in range(500)]),
            store.save_report(replace(report(text="New."), dropped=drops)),
        ):
            with pytest.raises(StoreError, match=r"^database is full: .*store\.db[^\n]*$"):
                await saving
        assert [p.text for _, p in await store.load_posts("ai", DAY, DAY)] == ["first"]
        assert await store.load_report("ai", DAY, DAY) == as_read(report())
        assert len(await store.list_dropped("ai", DAY, DAY)) == 2


async def reconnect(store: Store, pragma: str) -> None:
    """Gives every connection from now on this setting."""

    def run(connection: sqlite3.Connection, _record: object) -> None:
        connection.cursor().execute(pragma)

    event.listen(store.engine.sync_engine, "connect", run)
    await store.engine.dispose()


async def test_writers_of_one_process_take_turns(tmp_path: Path) -> None:
    """SQLite's own wait is a poll: behind one who writes again and again it would run out."""
    async with await Store.open(f"sqlite:///{tmp_path}/busy.db") as store:
        await reconnect(store, "PRAGMA busy_timeout = 20")
        order: list[str] = []

        async def write(name: str, times: int) -> None:
            for _ in range(times):
                async with store.writing():
                    await asyncio.sleep(0.03)
                    order.append(name)

        await asyncio.gather(write("propose", 5), write("claim", 1), write("settle", 1))
    assert order.index("settle") < 4, "a turn each, though the first one never pauses"


async def test_a_busy_database_says_so_and_recovers(tmp_path: Path) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        await reconnect(store, "PRAGMA busy_timeout = 20")
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"^database is busy: .*try again"):
            await store.save_topic(TOPIC)
        assert await store.list_topics() == [], "readers do not wait for a writer"
        other.close()
        assert await store.save_posts(TOPIC, "s", [post("a", "1")]) == 1


async def test_a_damaged_database_says_so(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    async with await Store.open(f"sqlite:///{file}") as store:
        await store.save_posts(TOPIC, "s", [post("x" * 900, str(n)) for n in range(500)])
    whole = file.read_bytes()
    file.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    with pytest.raises(StoreError, match=r"^database is damaged: .*backup"):
        async with await Store.open(f"sqlite:///{file}") as store:
            await store.load_posts("ai", DAY, DAY)


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("These are my notes, not a database.\n" * 100)
    assert "notes.txt is not a database" in await failure(f"sqlite:///{file}")
    assert file.read_text().startswith("These are my notes")
    assert "cannot open" in await failure(f"sqlite:///{tmp_path}")
    assert "cannot create the folder" in await failure(f"sqlite:///{file}/store.db")


def count_connection_threads() -> int:
    return sum("_connection_worker_thread" in thread.name for thread in threading.enumerate())


async def test_a_database_that_fails_to_open_leaves_no_thread_behind(tmp_path: Path) -> None:
    before = count_connection_threads()
    for _ in range(5):
        assert "cannot open" in await failure(f"sqlite:///{tmp_path}")
        assert count_connection_threads() == before


async def test_a_connection_that_is_cancelled_as_it_opens_is_closed(tmp_path: Path) -> None:
    before = count_connection_threads()
    async with await Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        await store.engine.dispose()
        opening = asyncio.Event()

        def opened(_connection: object, _record: object) -> None:
            opening.set()

        # Before the store's own listener, which then talks to the database.
        event.listen(store.engine.sync_engine, "connect", opened, insert=True)
        saving = asyncio.create_task(store.save_topic(TOPIC))
        await opening.wait()
        saving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saving
        gc.collect()  # one that was not closed warns here, and a warning fails the test
        assert count_connection_threads() == before
        await store.save_topic(TOPIC)


async def test_a_server_out_of_reach_is_named_without_the_password() -> None:
    message = await failure("postgres://ada:hunter2@127.0.0.1:1/news")
    assert "cannot reach PostgreSQL 127.0.0.1:1/news" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("sqlite:///jianbao.db", "sqlite+aiosqlite:///jianbao.db"),
        ("sqlite:////srv/jianbao.db", "sqlite+aiosqlite:////srv/jianbao.db"),
        ("postgres://ada:p%40ss@db/news", "postgresql+psycopg://ada:p%40ss@db/news"),
        ("postgresql://db:5433/news\n", "postgresql+psycopg://db:5433/news"),
    ],
)
def test_addresses_get_the_async_driver(written: str, meant: str) -> None:
    assert database_url(written).render_as_string(hide_password=False) == meant


def test_the_queue_connects_as_the_engine_does() -> None:
    written = "postgresql://u1:a%20b%2Bc%2F%25%40x@/my%20news?host=/run/pg&options=-c%20a%3Db"
    assert conninfo_to_dict(queue_address(written)) == {
        "user": "u1",
        "password": "a b+c/%@x",
        "dbname": "my news",
        "host": "/run/pg",
        "options": "-c a=b",
    }
    assert conninfo_to_dict(queue_address("postgres:///x?host=a:1&host=b:2"))["host"] == "a,b"
    with pytest.raises(StoreError, match=r"DATABASE_URL: .*prepare_threshold"):
        queue_address("postgresql://u:secret@h/db?prepare_threshold=0")
    with pytest.raises(StoreError, match=r"^DATABASE_URL: "):
        queue_address("postgresql://h/db?host=a:1&host=b&port=3")


@pytest.mark.parametrize(
    "written",
    [
        "",
        "jianbao.db",
        "mysql://db/news",
        "sqlite://",
        "postgresql://ada:hunt@er2@db/news",
        "postgresql://ada@a..b/news",
    ],
)
def test_addresses_that_cannot_be_used_are_explained(written: str) -> None:
    with pytest.raises(StoreError, match=r"^DATABASE_URL") as caught:
        database_url(written)
    assert "er2" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (psycopg.errors.DiskFull, "database is full: make room for PostgreSQL db/news"),
        (psycopg.errors.LockNotAvailable, "database is busy"),
        (psycopg.errors.ReadOnlySqlTransaction, "database is read-only"),
        (psycopg.errors.DataCorrupted, "database is damaged"),
        (psycopg.errors.AdminShutdown, "cannot reach PostgreSQL db/news (no words)"),
        (psycopg.errors.UndefinedTable, "PostgreSQL db/news refused: no words"),
    ],
)
def test_errors_of_postgresql_are_explained(error: type[psycopg.Error], start: str) -> None:
    wrapped = OperationalError("INSERT", None, error("no words\nDETAIL: the text of a post"))
    message = explain(wrapped, "PostgreSQL db/news")
    assert message.startswith(start)
    assert "DETAIL" not in message
