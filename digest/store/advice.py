"""Every way a database can fail, as one line that says what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from digest.errors import StoreError

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
"""Advice by the beginning of SQLite's error name or PostgreSQL's SQLSTATE; the first that fits."""


def explain(error: Exception, name: str) -> str:
    """Return one line for the operator. `name` of the database holds no password."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or ""
    reason = (str(cause).splitlines() or [type(cause).__name__])[0].strip()
    for beginning, advice in _ADVICE:
        if code.startswith(beginning):
            return advice.format(name=name, reason=reason)
    # libpq gives no SQLSTATE where it did not get as far as the server's answer.
    if not code and name.startswith("PostgreSQL"):
        return _UNREACHABLE.format(name=name, reason=reason)
    return f"{name} refused: {reason}"


@contextmanager
def one_line(name: str) -> Iterator[None]:
    """Raise every database error inside as a StoreError."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise StoreError(explain(error, name)) from error
