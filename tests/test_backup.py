"""Backups while others write, restoring them, and posts that are not kept."""

import asyncio
import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from digest.errors import StoreError
from digest.models import Chat, Subscription
from digest.store import Store, files
from digest.store.backup import back_up, keep_backup, own_backup, restore
from digest.store.files import _name_full, _write_moment, find_damage
from digest.store.tables import SCHEMA
from tests.conftest import Server
from tests.posts import TOPIC, post
from tests.samples import DAY, report

NOW = datetime(2025, 12, 8, 12, tzinfo=UTC)

CLEAN = (
    "ALTER TABLE platform_notes RENAME TO saved",
    "CREATE TABLE platform_notes (LIKE saved INCLUDING ALL)",
    "INSERT INTO platform_notes SELECT * FROM saved",
    "DROP TABLE saved",
)

HOLD = """
import asyncio, sys
from digest.store import Store
async def main():
    async with await Store.open(sys.argv[1]) as store:
        print(await store.check(), flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(main())
"""


def subscription(number: int) -> Subscription:
    return Subscription(Chat("telegram", str(number)), "ai", clock(8), "UTC")


async def filled(file: Path, posts: int = 300, chats: int = 50) -> str:
    """A database with posts, a report and subscriptions; its address."""
    url = f"sqlite:///{file}"
    async with await Store.open(url) as store:
        await store.save_posts(TOPIC, "s", [post(f"Post {n} tells.", str(n)) for n in range(posts)])
        await store.save_report(report())
        for number in range(chats):
            await store.subscribe(subscription(number), NOW)
    return url


async def chats(url: str) -> int:
    async with await Store.open(url) as store:
        found = [await store.list_subscriptions(subscription(n).chat) for n in range(60)]
    return sum(map(len, found))


async def test_a_backup_while_others_write_is_whole(tmp_path: Path) -> None:
    url = await filled(tmp_path / "bot.db")
    copy = tmp_path / "copy.db"
    async with await Store.open(url) as store:
        writing = True

        async def write() -> int:
            number = 1000
            while writing:
                await store.save_posts(TOPIC, "s", [post("Another", str(number))])
                number += 1
            return number - 1000

        task = asyncio.create_task(write())
        for _ in range(5):
            await back_up(url, copy)
        writing = False
        assert await task > 0
    assert [path.name for path in tmp_path.glob("copy*")] == ["copy.db"], "one file, no log beside"
    async with await Store.open(f"sqlite:///{copy}") as found:
        assert len(await found.load_posts("ai", DAY, DAY)) >= 300
        assert await found.load_cloud("ai", DAY, DAY) == b"\x89PNG picture"
    assert await chats(f"sqlite:///{copy}") == 50


async def test_a_restored_backup_takes_the_place_and_knows_it(tmp_path: Path) -> None:
    file, copy = tmp_path / "bot.db", tmp_path / "copy.db"
    url = await filled(file)
    await back_up(url, copy)
    async with await Store.open(url) as store:
        await store.unsubscribe(subscription(1).chat, "ai")
    assert await chats(url) == 49
    done = await restore(url, copy, NOW, Store.open)
    assert await chats(url) == 50
    assert done.aside == tmp_path / "bot.db.20251208-120000.old"
    assert await chats(f"sqlite:///{done.aside}") == 49, "the database that was there is kept"
    async with await Store.open(url) as store:
        assert await store.read_note("store", "restored") == NOW.isoformat()
    assert {path.name for path in tmp_path.glob("*")} == {"bot.db", "copy.db", done.aside.name}
    again = await restore(url, copy, NOW, Store.open)
    assert again.aside != done.aside


async def test_a_backup_that_was_copied_into_place_is_noticed_once(tmp_path: Path) -> None:
    file, copy = tmp_path / "bot.db", tmp_path / "copy.db"
    url = await filled(file)
    async with await Store.open(url) as store:
        assert not await store.notice_restore(NOW)
    await back_up(url, copy)
    shutil.copyfile(copy, file)
    async with await Store.open(url) as store:
        assert await store.notice_restore(NOW)
        assert await store.read_note("store", "restored") == NOW.isoformat()
        assert not await store.notice_restore(NOW + timedelta(hours=1))


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_what_pg_restore_gives_back_is_noticed_once(
    store_url: str, databases: Server
) -> None:
    """A new database has another number than the one that was saved, and so have its tables."""
    name = make_url(store_url).database
    async with await Store.open(store_url) as store:
        assert not await store.notice_restore(NOW), "a new one"
        assert not await store.notice_restore(NOW)
    copy = make_url(store_url).set(database=f"{name}_copy").render_as_string()
    databases.run(f'CREATE DATABASE "{name}_copy" TEMPLATE "{name}"')
    try:
        async with await Store.open(copy) as store:
            assert await store.notice_restore(NOW)
            assert await store.read_note("store", "restored") == NOW.isoformat()
            assert not await store.notice_restore(NOW)
            async with store.writing() as connection:  # as pg_restore --clean does
                for line in CLEAN:
                    await connection.execute(text(line))
            assert await store.notice_restore(NOW)
    finally:
        databases.run(f'DROP DATABASE "{name}_copy" WITH (FORCE)')


async def test_a_backup_bears_the_moment_it_was_made(tmp_path: Path) -> None:
    file, copy = tmp_path / "bot.db", tmp_path / "copy.db"
    url = await filled(file)
    await keep_backup(url, NOW - timedelta(days=3))
    shutil.copyfile(own_backup(file), copy)  # `cp`: the file's time is now
    assert (await restore(url, copy, NOW, Store.open)).made_at == NOW - timedelta(days=3)
    assert await keep_backup(url, NOW), "the daily backup is three days old, whatever its time"


async def test_no_backup_gets_a_name_that_sqlite_uses(tmp_path: Path) -> None:
    url = await filled(tmp_path / "bot.db")
    with pytest.raises(StoreError, match="SQLite itself uses"):
        await back_up(url, tmp_path / "bot.db-wal")


def test_a_full_disk_is_that_of_the_copy(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as small:
        small.execute("PRAGMA max_page_count = 2")
        full = r"cannot write b1 \(the disk is full"
        with pytest.raises(StoreError, match=full), _name_full(Path("b1")):
            small.executescript("CREATE TABLE a (n); CREATE TABLE b (n); CREATE TABLE c (n)")


def test_a_moment_that_finds_no_room_is_no_backup(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as small:
        _write_moment(small, NOW)  # of an early version, without notes
        small.execute("CREATE TABLE platform_notes (platform, name, value)")
        small.execute("INSERT INTO platform_notes VALUES ('', '', zeroblob(4050))")
        small.commit()
        small.execute("PRAGMA max_page_count = 1")
        with pytest.raises(StoreError, match="the disk is full"), _name_full(Path("b1")):
            _write_moment(small, NOW)


async def test_a_restored_database_belongs_to_whom_it_belonged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, copy = tmp_path / "bot.db", tmp_path / "copy.db"
    url = await filled(file)
    await back_up(url, copy)
    copy.chmod(0o644)
    file.chmod(0o600)
    owners: list[tuple[str, int, int]] = []
    monkeypatch.setattr("os.chown", lambda path, *who: owners.append((Path(path).name, *who)))
    await restore(url, copy, NOW, Store.open)
    there = file.stat()
    assert owners == [("bot.db.new", there.st_uid, there.st_gid)]
    assert there.st_mode & 0o777 == 0o600


async def test_restoring_beside_a_bot_that_runs_is_refused(tmp_path: Path) -> None:
    file, copy = tmp_path / "bot.db", tmp_path / "copy.db"
    url = await filled(file)
    await back_up(url, copy)
    with subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", HOLD, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout
        assert SCHEMA in await asyncio.to_thread(holder.stdout.readline)
        with pytest.raises(StoreError, match="in use: stop the bot first"):
            await restore(url, copy, NOW, Store.open)
        holder.kill()
    assert (await restore(url, copy, NOW, Store.open)).aside, "a killed one holds nothing"


async def test_a_restore_on_a_read_only_disk_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:  # also where there is nothing to delete
        raise OSError(errno.EROFS, "Read-only file system")

    file, copy = tmp_path / "bot.db", tmp_path / "copy.db"
    url = await filled(file)
    await back_up(url, copy)
    monkeypatch.setattr(files, "discard", refuse)
    with pytest.raises(StoreError, match=r"cannot write beside .*Read-only"):
        await restore(url, copy, NOW, Store.open)


@pytest.mark.parametrize("kind", ["text", "cut", "newer", "missing", "itself", "new"])
async def test_what_is_no_good_backup_is_refused_and_nothing_changes(
    tmp_path: Path, kind: str
) -> None:
    file, copy = tmp_path / "bot.db", tmp_path / "copy.db"
    url = await filled(file)
    await back_up(url, copy)
    if kind == "text":
        copy.write_text("notes\n" * 1000)
    elif kind == "cut":
        copy.write_bytes(copy.read_bytes()[:-9000])
    elif kind == "newer":
        with closing(sqlite3.connect(copy)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
    elif kind == "missing":
        copy.unlink()
    elif kind == "new":
        copy = copy.rename(tmp_path / "bot.db.new")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    expected = {
        "text": "backup .* is damaged",
        "cut": "backup .* is damaged",
        "newer": "newer version",
        "missing": "there is no file",
        "itself": "the database itself",
        "new": "rename it",
    }[kind]
    with pytest.raises(StoreError, match=expected) as caught:
        await restore(url, file if kind == "itself" else copy, NOW, Store.open)
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


async def test_a_backup_overwrites_only_backups(tmp_path: Path) -> None:
    url = await filled(tmp_path / "bot.db")
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    for to, expected in (
        (notes, "not a backup, so it is not"),
        (tmp_path, "not a backup, so it is not"),
        (tmp_path / "bot.db", "the database itself"),
        (tmp_path / "nowhere" / "x.db", "choose another place|cannot open"),
    ):
        with pytest.raises(StoreError, match=expected):
            await back_up(url, to)
    assert notes.read_text() == "mine"
    with pytest.raises(StoreError, match="nothing to back up"):
        await back_up(f"sqlite:///{tmp_path}/other.db", tmp_path / "x.db")
    assert not (tmp_path / "other.db").exists()


async def test_postgresql_is_left_to_its_own_tools(tmp_path: Path) -> None:
    url = "postgresql://db/news"
    with pytest.raises(StoreError, match="pg_dump"):
        await back_up(url, tmp_path / "x")
    with pytest.raises(StoreError, match="pg_restore"):
        await restore(url, tmp_path / "x", NOW, Store.open)
    assert not await keep_backup(url, NOW)


async def test_the_daily_backup_is_made_once_a_day_and_only_of_a_sound_database(
    tmp_path: Path,
) -> None:
    file = tmp_path / "bot.db"
    url = await filled(file)
    now = datetime.fromtimestamp(time.time(), UTC)
    assert await keep_backup(url, now)
    assert not await keep_backup(url, now + timedelta(hours=5))
    good = own_backup(file).read_bytes()
    whole = file.read_bytes()
    file.write_bytes(whole[:16384] + b"\xff" * 8192 + whole[24576:])
    with pytest.raises(StoreError, match="damaged"):
        await keep_backup(url, now + timedelta(hours=25))
    assert own_backup(file).read_bytes() == good


async def test_old_posts_go_unless_a_report_cites_them(store_url: str) -> None:
    async with await Store.open(store_url) as store:
        old = [post(f"Old {n}", str(n)) for n in range(1, 6)]
        new = post("New", "9", created_at=datetime(2025, 12, 7, 8, tzinfo=UTC))
        other = replace(TOPIC, name="money", slug="money")
        await store.save_posts(TOPIC, "s", [*old, new])
        await store.save_posts(other, "s", old)
        await store.save_report(report())  # of the topic ai; cites x:1 and x:2
        assert await store.delete_old_posts(date(2025, 12, 6)) == 0
        assert await store.delete_old_posts(date(2025, 12, 7)) == 8
        kept = [p.key for _, p in await store.load_posts("ai", DAY, date(2025, 12, 7))]
        assert kept == ["x:1", "x:2", "x:9"]
        assert await store.load_posts("money", DAY, DAY) == []
        assert await store.delete_old_posts(date(2025, 12, 7)) == 0


async def test_whoever_reads_does_not_wait_until_old_posts_are_gone(tmp_path: Path) -> None:
    done = threading.Event()
    async with await Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        await store.save_posts(TOPIC, "s", [post("Old", "1")])
        reading = asyncio.create_task(store._read(lambda _: done.wait(10)))
        assert await store.delete_old_posts(date(2025, 12, 7)) == 1
        done.set()
        assert await reading, "it was over first"


async def test_a_database_of_another_program_is_no_backup(tmp_path: Path) -> None:
    other, database = tmp_path / "browser.db", tmp_path / "jianbao.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE history (url TEXT)")
    with pytest.raises(StoreError, match="another program"):
        await restore(f"sqlite:///{database}", other, NOW, Store.open)
    assert not database.exists()


async def test_backups_to_one_file_at_once_are_all_whole(tmp_path: Path) -> None:
    url, target = f"sqlite:///{tmp_path}/jianbao.db", tmp_path / "saved.db"
    async with await Store.open(url) as store:
        await store.save_topic(TOPIC)
        await asyncio.gather(*(back_up(url, target) for _ in range(6)))
    assert find_damage(target) == ""
    assert [path.name for path in tmp_path.glob("*.part*")] == []


async def test_what_killed_backups_left_is_deleted(tmp_path: Path) -> None:
    url = await filled(tmp_path / "bot.db")
    ends = (f"{'0' * 12}.part", f"{'1' * 12}.part-journal", f"{'2' * 12}.part", "notes.part")
    left = [tmp_path / f"b.backup.{end}" for end in ends]
    for path in left:
        path.touch()
        os.utime(path, (0, 0))
    os.utime(left[2])  # another one, under way
    await back_up(url, tmp_path / "b.backup")
    assert [path.exists() for path in left] == [False, False, True, True]
