"""A SQLite database as files: sound or damaged, in use or not, set aside, copied in use."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from glob import escape
from pathlib import Path
from urllib.parse import quote

from digest.atomic import whole_file
from digest.errors import StoreError
from digest.store.engine import enter_wal, one_line
from digest.store.tables import ORIGIN, SCHEMA, metadata, platform_notes

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be moved anyway
    fcntl = None  # type: ignore[assignment]

LOOK_SECONDS = 10.0
"""Longest look for damage: about 5 GB; what lies behind that is found when it is read."""
LEFT_SECONDS = 3600.0
"""After which a copy that nobody writes to is one that was killed."""
MAGIC = b"SQLite format 3\x00"
NO_DATABASE = "the file is not a database"
_LOCK_FIRST, _LOCK_SIZE = 0x40000002, 510
"""The bytes that every open connection in WAL mode locks (SQLite, os.h: SHARED_FIRST)."""
_NO_DAMAGE = tuple(
    f"SQLITE_{name}"
    for name in ("BUSY", "LOCKED", "FULL", "READONLY", "CANTOPEN", "IOERR", "PERM", "NOMEM", "AUTH")
)
"""Errors that say something of the disk or of others, nothing of the file's content."""


def find_damage(file: Path) -> str:
    """Return what is wrong inside the file; "" where nothing was found within LOOK_SECONDS.

    Raises StoreError where it cannot be looked at.
    """
    with one_line(f"SQLite {file}"):
        try:
            return _header(file) or _content(file)
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            if name == "SQLITE_INTERRUPT":
                return ""
            if name.startswith(_NO_DAMAGE):
                raise
            return str(error).splitlines()[0] or name
        except UnicodeDecodeError:  # an error's own words, with a name out of a broken page
            return "the schema is damaged"


def _header(file: Path) -> str:
    """Return what is wrong with the first page: cut short, or of an unknown format."""
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
        # Not quick_check: this takes twice as long (2 s a GB) and compares indexes with tables too.
        (result,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        return _tables(connection) if result == "ok" else str(result).splitlines()[-1]


def _tables(connection: sqlite3.Connection) -> str:
    """Return which table of a database of this very schema has lost a column to damage."""
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
    """Return True if the file begins as those of SQLite do."""
    return _read_beginning(file).startswith(MAGIC)


def _read_beginning(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(100)


def read_schema(file: Path) -> str:
    """Return the schema of a sound database that this program wrote, "" of any other."""
    with one_line(f"SQLite {file}"), closing(_connect(file)) as connection:
        if not {"alembic_version", "topics", "posts", "reports"} <= _list_tables(connection):
            return ""
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(version)


def backed_up_at(file: Path) -> datetime:
    """Return when a backup was made, which stands in it; of a database without that moment, when
    the file was written."""
    with suppress(sqlite3.Error, ValueError), closing(_connect(file)) as connection:
        query = "SELECT value FROM platform_notes WHERE platform = 'store' AND name = ?"
        for (moment,) in connection.execute(query, (ORIGIN,)):
            return datetime.fromisoformat(moment)
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)


def in_use(file: Path) -> bool:
    """Return True if any process has the database open.

    A process that has it open itself must not ask: closing a file releases all its locks on it.
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
    """Return True if the log (-wal) of a killed program is gone, and with it the newest commits.

    SQLite removes the index of the log (-shm) before the log, so that one is never alone.
    """
    log, index = (file.with_name(file.name + end) for end in ("-wal", "-shm"))
    return file.exists() and index.exists() and not log.exists()


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold the folder, so that no two processes change its files at once.

    The lock ends with its holder.
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def copy(file: Path, to: Path, now: datetime | None = None) -> None:
    """Copy the database as it is at one moment, while others read and write.

    `now` is written into a backup. The copy is checked before it takes the place of an earlier
    one. Raises StoreError.
    """
    try:
        _delete_left(to)
        with whole_file(to) as part:
            part.touch()  # where that fails, SQLite's own words would name the database
            with (
                one_line(f"SQLite {file}"),
                _name_full(to),
                closing(_connect(file)) as source,
                closing(sqlite3.connect(part)) as target,
            ):
                source.backup(target)
                # One file that can be carried anywhere: WAL would need two more beside it.
                target.execute("PRAGMA journal_mode = DELETE").fetchone()
                if now:
                    _write_moment(target, now)
            if why := find_damage(part):
                raise StoreError(f"database is damaged ({why}): {to} was not written")
            os.chmod(part, file.stat().st_mode)
            sync(part)
        sync(to.parent)
    except OSError as error:
        raise StoreError(f"cannot write {to} ({error.strerror}): name another place") from None


def _delete_left(to: Path) -> None:
    """Delete what copies that were killed have left beside it: each as large as the database."""
    for left in to.parent.glob(f"{escape(to.name)}.{'[0-9a-f]' * 12}.part*"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > LEFT_SECONDS:
                left.unlink()


@contextmanager
def _name_full(to: Path) -> Iterator[None]:
    """Name the copy, not the database, where its disk is full."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_FULL":
            raise
        raise StoreError(f"cannot write {to} (the disk is full): name another place") from None


def _write_moment(backup: sqlite3.Connection, now: datetime) -> None:
    """Write into a backup when it was made: a bot that finds that in its database knows that the
    backup was put there."""
    row = ("store", ORIGIN, now.isoformat())
    if platform_notes.name in _list_tables(backup):  # else it is of an early version
        with backup:
            backup.execute("INSERT OR REPLACE INTO platform_notes VALUES (?, ?, ?)", row)


def free_copy(file: Path, now: datetime) -> bool:
    """Return True for a backup that was copied into place; set aside the log that a killed program
    left there, which SQLite would play into it.

    Backups alone have a rollback journal (see `copy`): a database that was opened since is in WAL
    mode.
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
    """Write into a backup that was copied into place when it was made, where it does not say so,
    and bring it into WAL mode: no other process takes it for a new copy then."""
    if not read_schema(file):
        return  # another program's
    made_at = backed_up_at(file)
    with one_line(f"SQLite {file}"), closing(_connect(file)) as connection:
        _write_moment(connection, made_at)
        enter_wal(connection.cursor())


def checkpoint(file: Path) -> None:
    """Bring all that was committed into the file itself; then nothing lies beside it."""
    with one_line(f"SQLite {file}"), closing(_connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def exchange(new: Path, file: Path, aside: Path) -> None:
    """Put `new` in the place of `file`, which stays as `aside`. At no moment is there none.

    The log goes first: SQLite would play an old log into a new database.
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
        except OSError:  # a disk without hard links
            os.replace(file, aside)
    os.replace(new, file)
    sync(file.parent)


def _give_away(new: Path, file: Path) -> None:
    """Let whoever could use the database use the new one, where an administrator puts it there."""
    if os.name == "nt":
        return
    owner = (file if file.exists() else file.parent).stat()
    with suppress(PermissionError):
        os.chown(new, owner.st_uid, owner.st_gid)
    if file.exists():
        os.chmod(new, owner.st_mode)


def aside_name(file: Path, why: str, now: datetime) -> Path:
    """Return a name that is free: `jianbao.db.20261125-163000.damaged`."""
    base = f"{file.name}.{now:%Y%m%d-%H%M%S}"
    names = [f"{base}.{why}", *(f"{base}-{n}.{why}" for n in range(2, 100))]
    return next(path for name in names if not (path := file.with_name(name)).exists())


def discard(file: Path) -> None:
    """Remove a database that is of no use, with what lies beside it."""
    for end in ("", "-wal", "-shm", "-journal"):
        file.with_name(file.name + end).unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(file: Path) -> sqlite3.Connection:
    """Connect to a file that is there: SQLite itself would make an empty one."""
    connection = sqlite3.connect(f"file:{quote(str(file.absolute()))}?mode=rw", uri=True)
    connection.execute("PRAGMA busy_timeout = 5000")
    return connection
