"""Back up and restore a SQLite database, and repair a damaged one at the bot's start.

PostgreSQL has its own tools. A restored database does not know what was sent after the backup, so
everything due by then is skipped or held: see `Store.mark_restored`, and `Store.notice_restore` for
databases restored by other tools.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL

from digest.errors import StoreError
from digest.store import files
from digest.store.engine import database_url
from digest.store.tables import SCHEMA

if TYPE_CHECKING:
    from digest.store import Store

BACKUP_HOURS = 23.0
"""Age at which the daily backup is renewed."""

SIDE_FILES = ("-wal", "-shm", "-journal")
"""Suffixes of the files SQLite keeps beside a database."""

Open = Callable[[str], Awaitable["Store"]]
"""`Store.open`; passed as an argument to avoid a circular import."""


@dataclass(frozen=True, slots=True)
class Restored:
    """Result of replacing a database by a backup, or of finding that it is as old as one."""

    why: str
    """What was wrong with the database."""
    aside: Path | None
    """Where the replaced database is now; None if it stayed in place, without its log."""
    made_at: datetime
    """Time of the backup."""


def sqlite_file(url: str) -> Path | None:
    """Return the file of DATABASE_URL; None for PostgreSQL. Raises StoreError for a bad address."""
    address = database_url(url)
    return Path(address.database or "") if address.get_backend_name() == "sqlite" else None


def own_backup(file: Path) -> Path:
    """Return the path of the database's daily backup."""
    return file.with_name(f"{file.name}.backup")


def refuse_missing(url: str) -> None:
    """Raise StoreError if the database does not exist: opening it would create an empty one."""
    file = sqlite_file(url)
    if file and not file.exists():
        refuse_empty(database_url(url))
        raise StoreError(
            f"there is no database {file.absolute()}: go to its folder, write the full path into"
            " DATABASE_URL, or make a first report with python -m bot digest"
        )


def refuse_empty(address: URL) -> None:
    """Raise StoreError if opening would create an empty database in place of a lost one."""
    if address.get_backend_name() != "sqlite":
        return
    file = Path(address.database or "")
    try:
        if file.exists() and file.stat().st_size:
            return
        # Patterns that do not match the `.part` file of a copy in progress.
        copies = [
            *file.parent.glob(f"{file.name}.*.damaged"),
            *file.parent.glob(f"{file.name}.*.old"),
        ]
        copies += filter(Path.exists, [own_backup(file)])
    except OSError:
        return  # opening the database reports the problem with the folder
    if copies:
        last = max(copies, key=lambda path: (path.suffix == ".backup", path.stat().st_mtime))
        state = "is empty" if file.exists() else "is gone"
        raise StoreError(
            f"{file} {state} but {last} is there: python -m bot restore {last}"
            " restores it; to start with an empty database, move it away"
        )


async def check_damage(url: str) -> None:
    """Raise StoreError if a SQLite database is damaged. Does not change its content."""
    file = sqlite_file(url)
    why = await asyncio.to_thread(_check_file, file) if file else ""
    if file and why:
        last = own_backup(file)
        then = f"the bot restores {last} when it starts" if last.exists() else f"there is no {last}"
        raise StoreError(
            f"database is damaged ({why}): {then};"
            f" python -m bot restore FILE replaces {file} with a backup"
        )


def _check_file(file: Path) -> str:
    if not file.is_file() or not files.is_database(file):
        return ""  # opening it reports the problem
    with files.lock_folder(file.parent):
        copied = files.free_copy(file, datetime.now(UTC))
        why = files.find_damage(file)
        if copied and not why:
            files.mark_copy(file)
    return why


async def back_up(url: str, to: Path) -> None:
    """Write a backup to one file while others use the database. Raises StoreError."""
    file = sqlite_file(url)
    if file is None:
        raise StoreError("PostgreSQL has its own tool: pg_dump --format=custom --file=FILE")
    await asyncio.to_thread(_back_up, file, to)


def _back_up(file: Path, to: Path) -> None:
    if not file.exists():
        raise StoreError(f"there is no database {file} yet: nothing to back up")
    if to.name.endswith(SIDE_FILES):
        raise StoreError(f"{to} is a name that SQLite itself uses: choose another file")
    if to.exists():
        if to.samefile(file):
            raise StoreError(f"{to} is the database itself: choose another file")
        if not to.is_file() or (to.stat().st_size and not files.is_database(to)):
            raise StoreError(f"{to} is not a backup, so it is not overwritten: choose another file")
    files.copy(file, to, datetime.now(UTC))


async def keep_backup(url: str, now: datetime) -> bool:
    """Renew the daily backup beside the database if it is old enough; return True if renewed.

    The old backup is replaced only after the new one has passed an integrity check.
    """
    file = sqlite_file(url)
    if file is None:
        return False
    last = own_backup(file)
    if last.exists():
        age = now - await asyncio.to_thread(files.backed_up_at, last)
        if timedelta() <= age < timedelta(hours=BACKUP_HOURS):
            return False
    await asyncio.to_thread(files.copy, file, last, now)
    return True


async def restore(url: str, backup: Path, now: datetime, open_store: Open) -> Restored:
    """Replace the database by a backup, and set the old one aside.

    Raises StoreError; then nothing has changed.
    """
    file = sqlite_file(url)
    if file is None:
        raise StoreError(
            "PostgreSQL has its own tool: pg_restore --clean --if-exists --dbname=ADDRESS FILE"
        )
    await asyncio.to_thread(_prepare_restore, backup, file)
    with files.lock_folder(file.parent):
        if await asyncio.to_thread(files.in_use, file):
            raise StoreError(f"{file} is in use: stop the bot first, then restore")
        return await _replace(file, backup, "old", "", now, open_store)


def _prepare_restore(backup: Path, file: Path) -> None:
    if not backup.is_file():
        raise StoreError(f"there is no file {backup}")
    if file.exists() and backup.samefile(file):
        raise StoreError(f"{backup} is the database itself: give a backup")
    if _new_path(file).exists() and backup.samefile(_new_path(file)):
        raise StoreError(f"{backup} has a name that restore itself uses: rename it")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot create the folder {file.parent} ({error.strerror})") from None


async def open_sound(url: str, now: datetime, open_store: Open) -> Restored | None:
    """Repair a damaged database before the bot starts; return None if there was nothing to do.

    A damaged database is set aside and replaced by the daily backup. A database whose log (-wal) is
    lost stays in place and is treated as a backup made when that log began. A backup file that was
    copied into place is kept from a log of another database; `Store.notice_restore` handles it.

    Raises StoreError if the damaged database is in use or has no good backup; it then stays in
    place.
    """
    file = sqlite_file(url)
    if file is None or not file.parent.is_dir():
        return None
    with files.lock_folder(file.parent):
        copied = files.free_copy(file, now)  # first: the damage check would replay the log
        lost = files.log_lost(file)  # first: the damage check creates a new log
        if why := await asyncio.to_thread(_find_repairable, file):
            return await _replace(file, own_backup(file), "damaged", why, now, open_store)
        if copied:
            await asyncio.to_thread(files.mark_copy, file)
        if not lost:
            return None
        async with await open_store(url) as store:
            await store.mark_restored(now)
        return Restored("its log is gone", None, now)


def _find_repairable(file: Path) -> str:
    """Return the damage that the daily backup can repair, or "".

    Raises StoreError if the damage cannot be repaired.
    """
    last = own_backup(file)
    if not file.exists() or not (file.stat().st_size or last.exists()):
        return ""  # a new database, unless `refuse_empty` objects
    why = files.find_damage(file) if file.stat().st_size else "it is empty"
    if not why or (why == files.NO_DATABASE and not last.exists()):
        return ""  # perhaps a text file: opening it reports that
    if not last.exists():
        raise StoreError(
            f"database is damaged ({why}) and there is no {last}:"
            f" python -m bot restore FILE replaces {file} with a backup"
        )
    if files.in_use(file):
        raise StoreError(
            f"database is damaged ({why}) and in use: stop all programs that use {file},"
            " then start the bot: it restores the last backup"
        )
    return why


def _new_path(file: Path) -> Path:
    """Return the path where a restore prepares the new database."""
    return file.with_name(f"{file.name}.new")


async def _replace(
    file: Path, backup: Path, end: str, why: str, now: datetime, open_store: Open
) -> Restored:
    """Copy the backup beside the database, mark the copy as restored, and swap the two."""
    new = _new_path(file)
    try:
        made_at = await asyncio.to_thread(_copy_backup, backup, new, why)
        async with await open_store(f"{URL.create('sqlite', database=str(new))}") as store:
            await store.mark_restored(now)
        aside = await asyncio.to_thread(_swap_in, new, file, end, now)
    except OSError as error:
        raise StoreError(f"cannot write beside {file} ({error.strerror})") from None
    finally:
        with suppress(OSError):  # read-only disk
            files.discard(new)
    return Restored(why, aside, made_at)


def _copy_backup(backup: Path, new: Path, why: str) -> datetime:
    if wrong := files.find_damage(backup):
        if why:
            raise StoreError(
                f"database is damaged ({why}), and so is its backup {backup} ({wrong}):"
                " python -m bot restore FILE restores another backup"
            )
        raise StoreError(f"the backup {backup} is damaged ({wrong}): give another")
    schema = files.read_schema(backup)
    if not schema:
        raise StoreError(f"{backup} is a database of another program: give a backup of this one")
    if schema > SCHEMA:
        raise StoreError(f"{backup} is from a newer version of this program: restore it with that")
    files.discard(new)
    files.copy(backup, new)
    return files.backed_up_at(backup)


def _swap_in(new: Path, file: Path, end: str, now: datetime) -> Path | None:
    """Move the new database into place; return the path of the old one, if there was one."""
    files.checkpoint(new)
    if not file.exists():
        files.exchange(new, file, file)
        return None
    if end == "old" and not files.find_damage(file):
        files.checkpoint(file)
    aside = files.aside_name(file, end, now)
    files.exchange(new, file, aside)
    return aside
