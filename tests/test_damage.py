"""Faults of the database's file: F33 to F40 of the catalogue, as far as they are the store's."""

import asyncio
import errno
import fcntl
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import event, text

from digest.errors import StoreError
from digest.models import Outcome
from digest.store import Store
from digest.store.backup import back_up, check_damage, keep_backup, open_sound, own_backup
from digest.store.files import MAGIC, find_damage
from digest.store.ledger import Ledger
from digest.store.tables import SCHEMA
from tests import FULL
from tests.posts import TOPIC, post
from tests.samples import report
from tests.test_backup import chats, filled, subscription
from tools.balance import list_unbalanced

NOW = datetime(2025, 12, 8, 12, tzinfo=UTC)
SEEDS = 200 if FULL else 50


def damaged(whole: bytes, seed: int) -> bytes:
    """The file with 100 random bytes changed, or with its tail cut off, now and then all of it."""
    chance = random.Random(seed)  # noqa: S311
    if seed % 2:
        return whole[: chance.choice((0, 50, 4096, chance.randrange(len(whole))))]
    changed = bytearray(whole)
    for _ in range(100):
        changed[chance.randrange(len(whole))] = chance.randrange(256)
    return bytes(changed)


async def test_f36_a_damaged_database_is_never_silently_an_empty_one(tmp_path: Path) -> None:
    """Each damaged file is found and replaced by the backup, or has its chats still."""
    whole = await _with_backup(tmp_path / "good")
    found = 0
    for seed in range(SEEDS):
        folder = tmp_path / str(seed)
        shutil.copytree(tmp_path / "good", folder)
        file, url = folder / "bot.db", f"sqlite:///{folder}/bot.db"
        broken = damaged(whole, seed)
        file.write_bytes(broken)
        done = await open_sound(url, NOW, Store.open)
        if done:
            found += 1
            assert done.aside, seed
            assert done.aside.read_bytes() == broken, "what was set aside is as it was found"
            assert done.aside.name.endswith(".damaged")
        async with await Store.open(url) as store:
            async with store.engine.connect() as connection:
                chats_ = await connection.scalar(text("SELECT count(*) FROM subscriptions"))
            assert bool(await store.read_note("store", "restored")) == bool(done)
        assert chats_ == 50, seed
        shutil.rmtree(folder)
    assert found >= 0.9 * SEEDS


async def _with_backup(folder: Path) -> bytes:
    folder.mkdir()
    url = await filled(folder / "bot.db")
    assert await keep_backup(url, datetime.now(UTC))
    return (folder / "bot.db").read_bytes()


async def test_f36_without_a_backup_it_stays_where_it_is_and_says_what_to_do(
    tmp_path: Path,
) -> None:
    file = tmp_path / "bot.db"
    url = await filled(file)
    whole = file.read_bytes()
    for broken in (whole[:30000], whole[:16384] + b"\xff" * 8192 + whole[24576:]):
        file.write_bytes(broken)
        with pytest.raises(StoreError, match=r"^database is damaged .*bot restore FILE") as caught:
            await open_sound(url, NOW, Store.open)
        assert "\n" not in str(caught.value)
        assert file.read_bytes() == broken


async def test_f36_with_a_bad_backup_too_nothing_is_touched(tmp_path: Path) -> None:
    whole = await _with_backup(tmp_path / "here")
    file = tmp_path / "here" / "bot.db"
    file.write_bytes(whole[:30000])
    own_backup(file).write_bytes(whole[:40000])
    before = {path: path.read_bytes() for path in file.parent.iterdir()}
    with pytest.raises(StoreError, match="so is its backup"):
        await open_sound(f"sqlite:///{file}", NOW, Store.open)
    assert {path: path.read_bytes() for path in file.parent.iterdir()} == before


async def test_f36_a_database_that_is_gone_is_not_begun_anew(tmp_path: Path) -> None:
    await _with_backup(tmp_path / "here")
    file = tmp_path / "here" / "bot.db"
    for path in file.parent.glob("bot.db*"):
        if path != own_backup(file):
            path.unlink()
    with pytest.raises(StoreError, match=r"is gone but .*bot\.db\.backup is there.*restore"):
        await Store.open(f"sqlite:///{file}")
    assert not file.exists()
    file.touch()
    with pytest.raises(StoreError, match="is empty but"):
        await Store.open(f"sqlite:///{file}")
    done = await open_sound(f"sqlite:///{file}", NOW, Store.open)
    assert done
    assert done.why == "it is empty"
    assert await chats(f"sqlite:///{file}") == 50


async def test_a_disk_without_locks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    (tmp_path / "a.db").write_bytes(MAGIC)
    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StoreError, match=r"cannot lock .* \(No locks available\): SQLite needs"):
        await check_damage(f"sqlite:///{tmp_path}/a.db")


async def test_f36_one_that_others_use_is_not_pulled_away(tmp_path: Path) -> None:
    from tests.test_backup import HOLD

    whole = await _with_backup(tmp_path / "here")
    file = tmp_path / "here" / "bot.db"
    with subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", HOLD, f"sqlite:///{file}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout
        assert await asyncio.to_thread(holder.stdout.readline)
        with file.open("r+b") as opened:
            opened.seek(16384)
            opened.write(b"\xff" * 8192)
        with pytest.raises(StoreError, match="in use: stop all programs that use"):
            await open_sound(f"sqlite:///{file}", NOW, Store.open)
        holder.kill()
    assert len(file.read_bytes()) == len(whole)
    assert await open_sound(f"sqlite:///{file}", NOW, Store.open)


async def test_a_sound_database_and_none_at_all_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "bot.db"
    assert await open_sound(f"sqlite:///{file}", NOW, Store.open) is None
    assert not file.exists()
    url = await filled(file)
    before = file.read_bytes()
    assert await open_sound(url, NOW, Store.open) is None
    assert file.read_bytes() == before
    assert await open_sound("postgresql://db/news", NOW, Store.open) is None
    notes = tmp_path / "notes.txt"
    notes.write_text("These are my notes.\n" * 100)
    assert await open_sound(f"sqlite:///{notes}", NOW, Store.open) is None


WRITE = """
import asyncio, os, signal, sys
from datetime import UTC, datetime
from digest.store import Store
from tests.test_backup import subscription
async def main():
    async with await Store.open(sys.argv[1]) as store:
        for number in range(40):
            await store.subscribe(subscription(number), datetime.now(UTC))
            if number == 19:
                async with store.engine.connect() as connection:
                    await connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("lost", "least"), [((), 40), (("-shm",), 40), (("-wal",), 20), (("-wal", "-shm"), 20)]
)
async def test_f37_a_lost_log_takes_only_what_came_after_the_checkpoint(
    tmp_path: Path, lost: tuple[str, ...], least: int
) -> None:
    file = tmp_path / "bot.db"
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", WRITE, f"sqlite:///{file}"]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=root, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert file.with_name("bot.db-wal").stat().st_size > 0
    for end in lost:
        file.with_name(f"bot.db{end}").unlink()
    opened = await open_sound(f"sqlite:///{file}", NOW, Store.open)
    assert bool(opened) == (lost == ("-wal",)), "SQLite never leaves an index alone"
    assert least <= await chats(f"sqlite:///{file}") <= 40


SEND = """
import asyncio, os, signal, sys
from digest.models import Outcome
from digest.store import Store
from tests.test_damage import NOW, ledger_with
async def main():
    async with await Store.open(sys.argv[1]) as store:
        ledger = await ledger_with(store, 10)
        async with store.engine.connect() as connection:
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
        claimed = await ledger.claim("telegram", 4, NOW)
        await ledger.settle([Outcome(part.id, "sent") for part in claimed])
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


async def test_f37_what_was_sent_is_not_sent_again_when_the_log_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "bot.db"
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", SEND, f"sqlite:///{file}"]
    killed = await asyncio.to_thread(
        subprocess.run, command, cwd=root, capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    file.with_name("bot.db-wal").unlink()
    done = await open_sound(f"sqlite:///{file}", NOW, Store.open)
    assert done
    assert done.aside is None
    async with await Store.open(f"sqlite:///{file}") as store:
        ledger = Ledger(store)
        assert await ledger.claim("telegram", 99, NOW) == []
        assert len(await ledger.list_held_parts()) == 10, "each is named, none goes out by itself"
        assert await list_unbalanced(ledger) == []
    assert await open_sound(f"sqlite:///{file}", NOW, Store.open) is None


@pytest.mark.parametrize(
    "look", [partial(open_sound, now=NOW, open_store=Store.open), check_damage]
)
@pytest.mark.parametrize("bears_moment", [True, False])
async def test_a_backup_that_was_copied_beside_the_log_of_a_killed_bot_is_noticed(
    tmp_path: Path, look: Callable[[str], Awaitable[object]], bears_moment: bool
) -> None:
    """The log has the page of the notes: played into the backup it would take away its moment."""
    file, copy = tmp_path / "bot.db", tmp_path / "copy.db"
    async with await Store.open(f"sqlite:///{tmp_path}/killed.db") as store:
        await back_up(f"sqlite:///{tmp_path}/killed.db", copy)
        async with store.engine.connect() as connection:
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(RESTART)")
        await store.save_note("alerts", "new", "1")
        for end in ("-wal", "-shm"):
            shutil.copyfile(tmp_path / f"killed.db{end}", tmp_path / f"bot.db{end}")
    if not bears_moment:  # a backup of an earlier version
        with closing(sqlite3.connect(copy)) as early, early:
            early.execute("DELETE FROM platform_notes")
    shutil.copyfile(copy, file)
    assert await look(f"sqlite:///{file}") is None
    assert len(list(tmp_path.glob("bot.db.*.old-wal"))) == 1
    async with await Store.open(f"sqlite:///{file}") as store:
        assert await store.notice_restore(NOW)
        assert await store.read_note("alerts", "new") == ""
    assert await look(f"sqlite:///{file}") is None
    async with await Store.open(f"sqlite:///{file}") as store:
        assert not await store.notice_restore(NOW), "once"


async def ledger_with(store: Store, count: int) -> Ledger:
    """A ledger in which so many messages have their turn."""
    ledger = Ledger(store)
    await store.save_topic(TOPIC)
    await store.save_report(report((NOW - timedelta(days=1)).date()))
    for number in range(count):
        one = replace(subscription(number), at=(NOW - timedelta(minutes=1)).time())
        await store.subscribe(one, NOW - timedelta(hours=1))
    await ledger.propose({"ai": TOPIC}, NOW)
    ready = await ledger.list_ready("telegram", count, {"ai": TOPIC}, NOW)
    await ledger.plan([(one.id, (f"body {one.id} " * 50,)) for one, _ in ready])
    return ledger


async def test_f34_with_a_full_disk_no_send_begins_and_it_goes_on_with_room(
    tmp_path: Path,
) -> None:
    """Without room to write down that a message is being sent, nobody is given it to send."""
    file = tmp_path / "bot.db"
    async with await Store.open(f"sqlite:///{file}") as store:
        ledger = await ledger_with(store, 300)
        with disk(store, "PRAGMA max_page_count = 1"):
            await store.engine.dispose()
            with pytest.raises(StoreError, match=r"^database is full"):
                await store.save_posts(TOPIC, "s", [post("x" * 900, f"{n}") for n in range(300)])
            # What fits into free places of pages may still be written; then it ends.
            given = await _claimed_until_full(ledger)
        await store.engine.dispose()
        waiting = await ledger.claim("telegram", 1000, NOW)
        assert len(waiting) == 300 - len(given)
        assert not {part.id for part in waiting} & set(given)
        await ledger.settle([Outcome(part.id, "sent") for part in waiting])
        assert await list_unbalanced(ledger) == []
    assert find_damage(file) == ""


async def _claimed_until_full(ledger: Ledger) -> list[int]:
    """The messages that were given out to be sent before there was no room any more."""
    given: list[int] = []
    for _ in range(100):
        try:
            given += [part.id for part in await ledger.claim("telegram", 3, NOW)]
        except StoreError as error:
            if not str(error).startswith("database is full"):
                raise
            return given
    raise AssertionError("it never was full")


async def test_f34_an_outcome_that_finds_no_room_is_written_when_there_is(tmp_path: Path) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        ledger = await ledger_with(store, 200)
        claimed = await ledger.claim("telegram", 200, NOW)
        outcomes = [Outcome(part.id, "sent", "m" * 400) for part in claimed]
        with disk(store, "PRAGMA max_page_count = 1"):
            await store.engine.dispose()
            with pytest.raises(StoreError, match=r"^database is full"):
                await ledger.settle(outcomes)
        await store.engine.dispose()
        assert await ledger.claim("telegram", 200, NOW) == [], "none of them has its turn again"
        await ledger.settle(outcomes)
        assert (await ledger.count_due(NOW))["telegram"].delivered == 200


async def test_f35_behind_another_writer_it_waits_or_says_so_and_loses_nothing(
    tmp_path: Path,
) -> None:
    file = tmp_path / "bot.db"
    async with await Store.open(f"sqlite:///{file}") as store:
        ledger = await ledger_with(store, 20)
        with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
            other.execute("BEGIN IMMEDIATE")
            claiming = asyncio.create_task(ledger.claim("telegram", 10, NOW))
            await asyncio.sleep(0.3)
            assert not claiming.done(), "it waits"
            assert len(await store.list_subscriptions(subscription(1).chat)) == 1, "readers do not"
            other.execute("COMMIT")
            assert len(await claiming) == 10
            with disk(store, "PRAGMA busy_timeout = 50"):
                await store.engine.dispose()
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(StoreError, match=r"^database is busy"):
                    await ledger.claim("telegram", 10, NOW)
                other.execute("ROLLBACK")
        await store.engine.dispose()
        assert len(await ledger.claim("telegram", 100, NOW)) == 10, "the other ten, each once"


@contextmanager
def disk(store: Store, pragma: str) -> Iterator[None]:
    """Gives connections that are made meanwhile this setting."""

    def run(connection: sqlite3.Connection, _record: object) -> None:
        connection.cursor().execute(pragma)

    event.listen(store.engine.sync_engine, "connect", run)
    try:
        yield
    finally:
        event.remove(store.engine.sync_engine, "connect", run)


async def test_f38_every_connection_waits_for_the_disk(tmp_path: Path) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        for _ in range(2):
            connections = [await kind.connect() for kind in (store.engine, store._reads) * 4]
            connections.append(await store._writes.connect())
            for connection in connections:
                found = [
                    await connection.scalar(text(f"PRAGMA {name}"))
                    for name in ("synchronous", "journal_mode")
                ]
                assert found == [2, "wal"], "2 is FULL"
                await connection.close()
            await store.engine.dispose()


MIGRATE = """
import asyncio, os, signal, sys
from pathlib import Path
import digest.store.migrations
from sqlalchemy import event
from sqlalchemy.engine import Engine
from digest.store import Store
from digest.store.engine import database_url, open_engine

async def migrate(file):
    async with await Store.open(f"sqlite:///{file}"):
        pass

def killed_at(number):
    steps = 0
    def count(*_):
        nonlocal steps
        steps += 1
        if steps == number:
            os.kill(os.getpid(), signal.SIGKILL)
    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)

number, apart = 1, int(sys.argv[2])
while True:
    if os.fork() == 0:
        killed_at(number)
        asyncio.run(migrate(f"{sys.argv[1]}/{number}.db"))
        os._exit(0)
    _, state = os.wait()
    if not os.WIFSIGNALED(state):
        print(number, os.waitstatus_to_exitcode(state))
        break
    number += apart
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
async def test_f39_a_migration_that_is_killed_is_done_or_not_begun(tmp_path: Path) -> None:
    """Killed before statements, and before the commit, of all migrations from an empty file."""
    root, apart = Path(__file__).parents[1], 1 if FULL else 4
    command = [sys.executable, "-c", MIGRATE, str(tmp_path), str(apart)]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    steps, code = map(int, done.stdout.split())
    assert code == 0
    assert steps > 20
    for number in range(1, steps, apart):
        file = tmp_path / f"{number}.db"
        assert _tables(file) in (set(), _tables(tmp_path / f"{steps}.db")), number
        async with await Store.open(f"sqlite:///{file}") as store:
            assert (await store.check()).endswith(SCHEMA), "the restart finishes it"


def _tables(file: Path) -> set[str]:
    if not file.exists():
        return set()
    with closing(sqlite3.connect(file)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}


async def test_f40_a_newer_schema_is_refused_untouched_at_start(tmp_path: Path) -> None:
    await _with_backup(tmp_path / "here")
    file = tmp_path / "here" / "bot.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = {path: path.read_bytes() for path in file.parent.iterdir()}
    assert await open_sound(f"sqlite:///{file}", NOW, Store.open) is None, "newer is not damaged"
    with pytest.raises(StoreError, match="newer version") as caught:
        await Store.open(f"sqlite:///{file}")
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in file.parent.iterdir()} == before
