"""SQLite database files: check for damage and use, copy while in use, replace, set aside."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from glob import escape
from pathlib import Path
from urllib.parse import quote

from digest.atomic import replace_atomically
from digest.errors import StoreError
from digest.store.engine import convert_errors, enter_wal
from digest.store.tables import ORIGIN, SCHEMA, metadata, platform_notes

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be moved anyway
    fcntl = None  # type: ignore[assignment]

LOOK_SECONDS = 10.0
"""Time limit of the damage check, enough for about 5 GB; later damage is found on reading."""
STALE_SECONDS = 3600.0
"""Age at which an unfinished copy counts as left over by a killed process."""
MAGIC = b"SQLite format 3\x00"
NO_DATABASE = "the file is not a database"
_LOCK_FIRST, _LOCK_SIZE = 0x40000002, 510
"""Byte range locked by every open WAL-mode connection (SQLite, os.h: SHARED_FIRST)."""
_NO_DAMAGE = tuple(
    f"SQLITE_{name}"
    for name in ("BUSY", "LOCKED", "FULL", "READONLY", "CANTOPEN", "IOERR", "PERM", "NOMEM", "AUTH")
)
"""Errors caused by the disk or other processes, not by damage to the file."""


def find_damage(file: Path) -> str:
    """Return the damage found in the file, or "" if none was found within LOOK_SECONDS.

    Raises StoreError if the file cannot be checked.
    """
    with convert_errors(f"SQLite {file}"):
        try:
            return _header(file) or _content(file)
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            if name == "SQLITE_INTERRUPT":
                return ""
            if name.startswith(_NO_DAMAGE):
                raise
            return str(error).splitlines()[0] or name
        except UnicodeDecodeError:  # an error message that quotes a name from a broken page
            return "the schema is damaged"


def _header(file: Path) -> str:
    """Return the damage to the first page: truncated, or an unknown format."""
    try:
        begins = _read_beginning(file)
    except OSError as error:
        raise StoreError(f"cannot read {file} ({error.strerror})") from None
    if not begins.startswith(MAGIC):
        return NO_DATABASE
    formats = {begins[18], begins[19]} if len(begins) == 100 else {0}
    return "" if formats <= {1, 2} else "the header is damaged"


def _content(file: Path) -> str:
    until = time.monotonic() + LOOK_SECONDS
    with closing(_connect(file)) as connection:
        connection.text_factory = lambda content: content.decode("utf-8", "replace")
        connection.set_progress_handler(lambda: time.monotonic() > until, 100_000)
        # Not quick_check: integrity_check takes twice as long (2 s/GB) but checks indexes, too.
        (result,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        return _tables(connection) if result == "ok" else str(result).splitlines()[-1]


def _tables(connection: sqlite3.Connection) -> str:
    """Return which table lost a column to damage, if the database has the current schema."""
    names = _list_tables(connection)
    if not names & set(metadata.tables):
        return ""
    version = None
    if "alembic_version" in names:
        version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if not version:
        return "the version of the schema is gone"
    if version[0] != SCHEMA:
        return ""
    for table in metadata.tables.values():
        columns = connection.execute("SELECT name FROM pragma_table_info(?)", (table.name,))
        if {str(name) for (name,) in columns} != {column.name for column in table.columns}:
            return f"the table {table.name} is damaged"
    return ""


def _list_tables(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return {str(name) for (name,) in rows}


def is_database(file: Path) -> bool:
    """Return True if the file has the SQLite header."""
    return _read_beginning(file).startswith(MAGIC)


def _read_beginning(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(100)


def read_schema(file: Path) -> str:
    """Return the schema number of an intact database of this program, "" for any other."""
    with convert_errors(f"SQLite {file}"), closing(_connect(file)) as connection:
        if not {"alembic_version", "topics", "posts", "reports"} <= _list_tables(connection):
            return ""
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(version)


def backed_up_at(file: Path) -> datetime:
    """Return the time of a backup as stored in it, or else its modification time."""
    with suppress(sqlite3.Error, ValueError), closing(_connect(file)) as connection:
        query = "SELECT value FROM platform_notes WHERE platform = 'store' AND name = ?"
        for (moment,) in connection.execute(query, (ORIGIN,)):
            return datetime.fromisoformat(moment)
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)


def in_use(file: Path) -> bool:
    """Return True if any other process has the database open.

    Must not be called while this process has it open: closing a file drops the process's locks.
    """
    if fcntl is None:
        return False
    with suppress(OSError), file.open("rb+") as opened:
        try:
            fcntl.lockf(opened, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCK_SIZE, _LOCK_FIRST)
        except OSError:
            return True
    return False


def log_lost(file: Path) -> bool:
    """Return True if the log (-wal) of a killed process was lost, and the newest commits with it.

    SQLite deletes the log's index (-shm) before the log, so normally there is no -shm alone.
    """
    log, index = (file.with_name(file.name + end) for end in ("-wal", "-shm"))
    return file.exists() and index.exists() and not log.exists()


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock the folder, so that only one process changes its database files.

    The lock is released when its holder exits. Raises StoreError if the disk has no locks.
    """
    if fcntl is None:
        yield
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        raise StoreError(
            f"cannot lock {folder} ({error.strerror}): SQLite needs a disk with file locks"
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


def copy(file: Path, to: Path, now: datetime | None = None) -> None:
    """Copy a consistent snapshot of the database while others read and write.

    `now` is stored in the copy, as the time of a backup. The copy is checked before it replaces an
    earlier one. Raises StoreError.
    """
    try:
        _delete_stale(to)
        with replace_atomically(to) as part:
            part.touch()  # if this fails in SQLite, its error would name the database
            with (
                convert_errors(f"SQLite {file}"),
                _name_full(to),
                closing(_connect(file)) as source,
                closing(sqlite3.connect(part)) as target,
            ):
                source.backup(target)
                # DELETE mode keeps the copy in a single file; WAL mode would add two.
                target.execute("PRAGMA journal_mode = DELETE").fetchone()
                if now:
                    _write_moment(target, now)
            if why := find_damage(part):
                raise StoreError(f"database is damaged ({why}): {to} was not written")
            os.chmod(part, file.stat().st_mode)
            sync(part)
        sync(to.parent)
    except OSError as error:
        raise StoreError(f"cannot write {to} ({error.strerror}): choose another place") from None


def _delete_stale(to: Path) -> None:
    """Delete unfinished copies left by killed processes; each is as large as the database."""
    for left in to.parent.glob(f"{escape(to.name)}.{'[0-9a-f]' * 12}.part*"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink()


@contextmanager
def _name_full(to: Path) -> Iterator[None]:
    """If the disk is full, name the copy in the error instead of the database."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_FULL":
            raise
        raise StoreError(f"cannot write {to} (the disk is full): choose another place") from None


def _write_moment(backup: sqlite3.Connection, now: datetime) -> None:
    """Store in a backup the time it was made. A bot that finds this note in its database knows that
    it runs on a restored backup."""
    row = ("store", ORIGIN, now.isoformat())
    if platform_notes.name in _list_tables(backup):  # missing in early versions
        with backup:
            backup.execute("INSERT OR REPLACE INTO platform_notes VALUES (?, ?, ?)", row)


def free_copy(file: Path, now: datetime) -> bool:
    """Return True if the database is a backup copied into place, and set aside the log of a killed
    process beside it, which SQLite would otherwise replay into it.

    Only backups use a rollback journal (see `copy`): a database opened since then is in WAL mode.
    """
    if not file.is_file() or not is_database(file):
        return False
    if _read_beginning(file)[18:20] != b"\1\1" or in_use(file):
        return False
    log, aside = file.with_name(f"{file.name}-wal"), aside_name(file, "old", now)
    if log.exists():
        os.replace(log, aside.with_name(f"{aside.name}-wal"))
    file.with_name(f"{file.name}-shm").unlink(missing_ok=True)
    return True


def mark_copy(file: Path) -> None:
    """Store the backup time in a backup that was copied into place, if missing, and switch it to
    WAL mode, so that no other process takes it for a new copy."""
    if not read_schema(file):
        return  # not a database of this program
    made_at = backed_up_at(file)
    with convert_errors(f"SQLite {file}"), closing(_connect(file)) as connection:
        _write_moment(connection, made_at)
        enter_wal(connection.cursor())


def checkpoint(file: Path) -> None:
    """Move all commits from the log into the database file."""
    with convert_errors(f"SQLite {file}"), closing(_connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def exchange(new: Path, file: Path, aside: Path) -> None:
    """Replace `file` by `new` and keep the old one as `aside`. `file` never ceases to exist.

    The log is moved first: SQLite would replay an old log into the new database.
    """
    for end in ("-wal", "-journal"):
        log = file.with_name(file.name + end)
        if log.exists():
            os.replace(log, aside.with_name(aside.name + end))
    file.with_name(f"{file.name}-shm").unlink(missing_ok=True)
    _give_away(new, file)
    if file.exists():
        try:
            os.link(file, aside)
        except OSError:  # a file system without hard links
            os.replace(file, aside)
    os.replace(new, file)
    sync(file.parent)


def _give_away(new: Path, file: Path) -> None:
    """Give the new file the owner and mode of the old one, if an administrator runs this."""
    if os.name == "nt":
        return
    owner = (file if file.exists() else file.parent).stat()
    with suppress(PermissionError):
        os.chown(new, owner.st_uid, owner.st_gid)
    if file.exists():
        os.chmod(new, owner.st_mode)


def aside_name(file: Path, why: str, now: datetime) -> Path:
    """Return an unused name like `jianbao.db.20261125-163000.damaged`."""
    base = f"{file.name}.{now:%Y%m%d-%H%M%S}"
    names = [f"{base}.{why}", *(f"{base}-{n}.{why}" for n in range(2, 100))]
    return next(path for name in names if not (path := file.with_name(name)).exists())


def discard(file: Path) -> None:
    """Delete a database and its side files."""
    for end in ("", "-wal", "-shm", "-journal"):
        file.with_name(file.name + end).unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file, or a folder's entries, are on disk (fsync)."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(file: Path) -> sqlite3.Connection:
    """Connect to an existing file; by default SQLite would create an empty one."""
    connection = sqlite3.connect(f"file:{quote(str(file.absolute()))}?mode=rw", uri=True)
    connection.execute("PRAGMA busy_timeout = 5000")
    return connection
