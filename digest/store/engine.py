"""Turn DATABASE_URL into connections that behave alike on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Delete,
    Engine,
    Table,
    Update,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from digest.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")

BUSY_MS = 5000
"""How long SQLite waits for another writer, in milliseconds."""
WAL_RETRY_SECONDS = 0.01
"""Pause between attempts to switch a database to WAL mode, in seconds."""
LOCK_MS = 10_000
"""How long a PostgreSQL statement waits for a lock, in milliseconds."""
MAX_IDS = 500
"""Ids per statement: SQLite limits the number of parameters."""
POSTGRESQL_READS = 4
"""Concurrent reads on PostgreSQL, where a short read mostly waits for the network."""
_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""libpq timeouts, in seconds (the last in milliseconds): 10 for a new connection, 30 for one that a
network failure left open."""

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
}
_OPTIONS: dict[str, Any] = {
    "hide_parameters": True,  # keep post texts out of errors and logs
    # Keep Han characters unescaped in JSON: escapes would take twice the space.
    "json_serializer": partial(json.dumps, ensure_ascii=False),
}
# Ending a transaction already rolls back what was not committed; a second rollback is needless.
_SQLITE_OPTIONS: dict[str, Any] = {**_OPTIONS, "pool_reset_on_return": None}
_POSTGRESQL_OPTIONS: dict[str, Any] = {
    **_OPTIONS,
    "pool_pre_ping": True,
    "connect_args": {**_PATIENCE, "options": f"-c lock_timeout={LOCK_MS}"},
}
_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_MS}",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)


def database_url(url: str) -> URL:
    """Return DATABASE_URL with the async driver. Raises StoreError if it is unusable."""
    hint = (
        "DATABASE_URL must look like sqlite:///jianbao.db or postgresql://user:password@host/name"
    )
    try:
        parsed = make_url(url.strip())
        (parsed.host or "").encode("idna")  # as the name lookup does
    except (ArgumentError, ValueError):
        raise StoreError(hint) from None
    driver = _DRIVERS.get(parsed.get_backend_name())
    if driver is None:
        raise StoreError(hint)
    if driver == _DRIVERS["sqlite"] and parsed.database in (None, "", ":memory:"):
        raise StoreError(f"{hint}; a database in memory would forget everything")
    # Otherwise the rest of the password would be parsed as the host, and shown.
    if "@" in (parsed.host or ""):
        raise StoreError("DATABASE_URL: write an @ in the user name or password as %40")
    return parsed.set(drivername=driver)


def queue_address(url: str) -> str:
    """Return the libpq connection string of the engine's database; "" for SQLite. Raises StoreError
    as `database_url` does, and for parameters that libpq does not know.

    It is not a URL, because SQLAlchemy writes spaces in URLs in ways that libpq cannot parse."""
    address = database_url(url)
    if address.get_backend_name() != "postgresql":
        return ""
    from psycopg import ProgrammingError
    from psycopg.conninfo import make_conninfo

    try:
        return make_conninfo(**address.get_dialect()().create_connect_args(address)[1])
    except (ProgrammingError, ArgumentError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise StoreError(f"DATABASE_URL: {reason}") from None


def label(url: URL) -> str:
    """Return the name for messages: `SQLite jianbao.db`, `PostgreSQL host/name`."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite {url.database}"
    host = url.host or url.query.get("host") or "localhost"
    port = f":{url.port}" if url.port else ""
    return f"PostgreSQL {host}{port}/{url.database or url.username or ''}"


def open_engine(url: URL) -> AsyncEngine:
    """Return an engine without connecting. Creates the folder of a SQLite file."""
    if url.get_backend_name() == "postgresql":
        return create_async_engine(url, **_POSTGRESQL_OPTIONS)
    folder = Path(url.database or "").parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot create the folder {folder} ({error.strerror}): set another in DATABASE_URL"
        ) from None
    # Writers take turns anyway, so more open connections would be useless.
    engine = create_async_engine(url, pool_size=2, **_SQLITE_OPTIONS)
    _behave(engine.sync_engine)
    return engine


class Reader:
    """Run reads in a thread, each as one function of a connection on one snapshot. Thousands of
    rows can become reports there without blocking the event loop.

    On SQLite this also takes less than half the time: aiosqlite needs four thread switches per
    statement.
    """

    def __init__(self, url: URL) -> None:
        if url.get_backend_name() == "postgresql":
            threads = POSTGRESQL_READS
            options = {"isolation_level": "REPEATABLE READ", **_POSTGRESQL_OPTIONS}
            self._engine = create_engine(url, pool_size=threads, **options)
        else:
            threads = 1
            url = url.set(drivername="sqlite+pysqlite")
            self._engine = create_engine(url, pool_size=1, **_SQLITE_OPTIONS)
            _behave(self._engine)
        self._threads = ThreadPoolExecutor(threads, "store-reader")

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run the function in a reader thread and return its result."""
        loop = asyncio.get_running_loop()

        def read() -> T:
            with self._engine.connect() as connection:
                return work(connection)

        return await loop.run_in_executor(self._threads, read)

    async def close(self) -> None:
        """Wait for running reads, then close their connections."""
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()


def insert_on(
    connection: Connection | AsyncConnection, table: Table
) -> sqlite.Insert | postgresql.Insert:
    """Return an insert of the dialect, which supports ON CONFLICT."""
    # Imported here: loading the other dialect would cost 3 MB.
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


async def insert_new(
    connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, object]]
) -> None:
    """Insert the rows whose keys do not exist."""
    if rows:
        await connection.execute(insert_on(connection, table).on_conflict_do_nothing(), rows)


def upsert(
    connection: Connection | AsyncConnection, table: Table, keys: Sequence[str]
) -> sqlite.Insert | postgresql.Insert:
    """Return an upsert on `keys` that keeps the row's primary key."""
    statement = insert_on(connection, table)
    changed = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if not column.primary_key and column.name not in keys
    }
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


async def save_row(
    connection: AsyncConnection, table: Table, keys: Sequence[str], row: Mapping[str, object]
) -> None:
    """Upsert one row on `keys`."""
    await connection.execute(upsert(connection, table, keys).values(row))


async def execute_for(
    connection: AsyncConnection,
    statement: Update | Delete,
    column: ColumnElement[Any],
    ids: Sequence[Any],
) -> None:
    """Execute a statement for all rows whose column is in `ids`, in batches."""
    for group in groups(ids):
        await connection.execute(statement.where(column.in_(group)))


def groups(ids: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Yield ids or keys in batches of MAX_IDS."""
    return (ids[start : start + MAX_IDS] for start in range(0, len(ids), MAX_IDS))


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # The driver begins late and not before DDL; `_begin` does it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    enter_wal(cursor)
    cursor.close()


def enter_wal(cursor: sqlite3.Cursor) -> None:
    """Switch a SQLite database to WAL mode; retry while another process does the same.

    SQLite ignores busy_timeout for this lock: of two processes that open a new database at the same
    moment, one would get an error.
    """
    end = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(WAL_RETRY_SECONDS)
        else:
            return


def _behave(engine: Engine) -> None:
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


_FULL = "database is full: make room for {name}, then try again; nothing was stored by halves"
_BUSY = "database is busy: another program is writing to {name}; try again in a moment"
_DAMAGED = "database is damaged: python -m bot restore FILE puts a backup in the place of {name}"
_READONLY = "database is read-only: let this user write to {name} and its folder"
_UNREACHABLE = "cannot reach {name} ({reason}): check DATABASE_URL and that the server runs"

_ADVICE = (
    ("SQLITE_FULL", _FULL),
    ("SQLITE_BUSY", _BUSY),
    ("SQLITE_LOCKED", _BUSY),
    ("SQLITE_CORRUPT", _DAMAGED),
    ("SQLITE_READONLY", _READONLY),
    ("SQLITE_NOTADB", "{name} is not a database: move it away, or name another in DATABASE_URL"),
    (
        "SQLITE_CANTOPEN",
        "cannot open {name}: DATABASE_URL must name a file in a folder this user may write to",
    ),
    ("SQLITE_IOERR", "cannot read or write {name} ({reason}): check the disk and its free space"),
    ("53100", _FULL),
    ("53300", "too many connections to {name}: close some, or raise max_connections"),
    ("55P03", _BUSY),
    ("40", _BUSY),
    ("XX00", _DAMAGED),
    ("25006", _READONLY),
    ("42501", "{reason}: let the user of DATABASE_URL create and write tables in {name}"),
    ("57P", _UNREACHABLE),
    ("08", _UNREACHABLE),
)
"""Advice by prefix of SQLite's error name or PostgreSQL's SQLSTATE; the first match counts."""


def explain(error: Exception, name: str) -> str:
    """Return a one-line error for the operator. `name` must not contain a password."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or ""
    reason = (str(cause).splitlines() or [type(cause).__name__])[0].strip()
    for beginning, advice in _ADVICE:
        if code.startswith(beginning):
            return advice.format(name=name, reason=reason)
    # libpq has no SQLSTATE if the server did not answer.
    if not code and name.startswith("PostgreSQL"):
        return _UNREACHABLE.format(name=name, reason=reason)
    return f"{name} refused: {reason}"


@contextmanager
def convert_errors(name: str) -> Iterator[None]:
    """Convert database errors in the block to StoreError."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise StoreError(explain(error, name)) from error
