"""Backing up and restoring as commands, and what is done once a day to keep the store in order."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from bot.settings import Settings
from digest.errors import StoreError
from digest.store import Store
from digest.store.backup import Restored, back_up, keep_backup, open_sound
from digest.store.backup import restore as put_back

log = logging.getLogger(__name__)


async def backup(settings: Settings, file: Path, show: Callable[[str], None]) -> None:
    """Write everything into one file. Raises StoreError."""
    replaces = await asyncio.to_thread(file.exists)
    await back_up(settings.database_url, file)
    show(f"{file}: {_size(file)}, read from end to end and found whole")
    if replaces:
        show("it took the place of the backup that was there")


async def restore(
    settings: Settings, file: Path, now: datetime, show: Callable[[str], None]
) -> None:
    """Put a backup in the place of the database. Raises StoreError; then nothing was changed."""
    done = await put_back(settings.database_url, file, now, Store.open)
    show(f"restored the backup of {done.made_at:%Y-%m-%d %H:%M} UTC")
    if done.aside:
        show(f"the database that was there is {done.aside} now")
    show("digests that were due until now may have been sent: they are not sent again")
    show("posts and authors that were forgotten after that moment are back: forget them again")


async def open_whole(settings: Settings, now: datetime) -> Restored | None:
    """Look for damage before the bot starts and repair it from the daily backup, if it must.

    Raises StoreError where it cannot.
    """
    done = await open_sound(settings.database_url, now, Store.open)
    if done and done.aside:
        when = f"{done.made_at:%Y-%m-%d %H:%M} UTC"
        message = "database was damaged (%s): it is %s now; the backup of %s took its place"
        log.error(message, done.why, done.aside, when)
    elif done:
        log.error("the log of the database is gone, and the newest changes with it")
    return done


async def upkeep(store: Store, settings: Settings, now: datetime) -> None:
    """Make the daily backup, and delete old posts and the marks of handled updates, each at most
    once a day. Log store errors instead of raising them; the next call tries again."""
    try:
        await keep_backup(settings.database_url, now)
    except StoreError as error:
        log.error("the daily backup: %s", error)
    try:
        if await store.note("store", "forgotten") != str(now.date()):
            before = (now - timedelta(days=settings.keep_days)).date()
            number = await store.delete_old_posts(before)
            await store.forget_updates(now)
            await store.save_note("store", "forgotten", str(now.date()))
            log.info("forgot %d posts older than %s that no report cites", number, before)
    except StoreError as error:
        log.error("forgetting old posts: %s", error)


def _size(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.1f} MB"
