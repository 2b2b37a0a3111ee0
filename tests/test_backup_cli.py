"""`backup`, `restore`, the start over a damaged database, and the daily upkeep, as the bot runs them."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import app, checks
from bot.alerts import PLACE
from bot.app import upkeep
from bot.settings import Settings
from digest.errors import DigestError
from digest.store import Store
from digest.store.backup import back_up, keep_backup, own_backup
from digest.store.source_tables import SourceBook
from tests.posts import TOPIC, post
from tests.samples import DAY
from tests.test_backup import chats, filled

ROOT = Path(__file__).parents[1]


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *words],
        cwd=folder,
        env={"DATABASE_URL": f"sqlite:///{folder}/bot.db", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_backup_and_restore_as_typed(tmp_path: Path) -> None:
    url = await filled(tmp_path / "bot.db")
    done = command(tmp_path, "backup", "saved.db")
    assert (done.returncode, done.stderr) == (0, "")
    assert "saved.db: " in done.stdout
    (tmp_path / "bot.db").write_bytes(b"")
    done = command(tmp_path, "restore", "saved.db")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the previous database was moved to" in done.stdout
    assert await chats(url) == 50
    done = command(tmp_path, "restore", "nothing.db")
    assert done.returncode == 1
    assert done.stderr == "jianbao: there is no file nothing.db\n"
    assert command(tmp_path, "backup").returncode == 2


async def test_the_bot_starts_over_a_damaged_database_and_the_operators_hear(
    tmp_path: Path,
) -> None:
    url = await filled(tmp_path / "bot.db")
    await keep_backup(url, datetime.now(UTC))
    file = tmp_path / "bot.db"
    file.write_bytes(file.read_bytes()[:30000])
    settings = Settings(database_url=url, topics_file=ROOT / "topics.toml", admins="telegram:9")
    async with app.conversation(settings) as context:
        noted = await context.store.read_notes(PLACE)
        assert context.alerts
        heard: list[str] = []

        async def send(person: str, said: object) -> None:
            heard.append(f"{person} {said}")

        await context.alerts.deliver("telegram", settings.operators("telegram"), send)
    assert any(key.startswith("damaged ") for key in noted)
    assert len(heard) == 1
    assert ".damaged" in heard[0]
    assert await chats(url) == 50
    own_backup(file).unlink()
    file.write_bytes(file.read_bytes()[:30000])
    with pytest.raises(DigestError, match="database is damaged"):
        async with app.conversation(settings):
            pass


async def test_a_copied_backup_is_noticed_by_what_sends_digests_each_time(tmp_path: Path) -> None:
    """`check` and `chat` may be trying it. A second one of that day has the alert of the first."""
    url = await filled(tmp_path / "bot.db")
    topics = ROOT / "topics.toml"
    settings = Settings(database_url=url, topics_file=topics, web_address="127.0.0.1:0")
    heard: list[str] = []

    async def send(person: str, said: object) -> None:
        heard.append(f"{person} {said}")

    for number in (1, 2):
        await back_up(url, tmp_path / "copy.db")
        shutil.copyfile(tmp_path / "copy.db", tmp_path / "bot.db")
        async with app.conversation(settings) as context:
            restored = await context.store.read_note("store", "restored")
        ready = asyncio.Event()

        def show(_: str, ready: asyncio.Event = ready) -> None:
            ready.set()

        running = asyncio.create_task(app.run(settings, [app.WEB], show))
        await asyncio.wait_for(ready.wait(), 20)
        running.cancel()
        await asyncio.wait({running})
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
        async with app.conversation(settings) as context:
            assert await context.store.read_note("store", "restored") > restored
            assert context.alerts
            await context.alerts.deliver("telegram", ["9"], send)
        assert len(heard) == number


async def test_upkeep_backs_up_and_forgets_once_a_day(tmp_path: Path) -> None:
    url = await filled(tmp_path / "bot.db")
    settings = Settings(database_url=url, keep_days=30)
    now = datetime(2026, 1, 20, 4, tzinfo=UTC)
    async with await Store.open(url) as store:
        for days in (29, 31):
            await store.save_answer(f"{days}", "{}", now - timedelta(days=days))
        for ahead in (500, -1, 0):
            assert await store.load_answer("31"), (
                "a clock that runs ahead at the first look, either"
            )
            await upkeep(store, settings, now + timedelta(days=ahead))
        assert [await store.load_answer(f"{days}") for days in (29, 31)] == ["{}", None]
        assert own_backup(tmp_path / "bot.db").exists()
        assert len(await store.load_posts("ai", DAY, DAY)) == 2, "the two that a report cites"
        await store.save_posts(TOPIC, "s", [post("Another old one", "77")])
        assert await store.mark_handled("telegram", "1", now - timedelta(days=2.5))
        await upkeep(store, settings, now + timedelta(hours=3))
        assert len(await store.load_posts("ai", DAY, DAY)) == 3
        assert not await store.mark_handled("telegram", "1", now), "an update is handled once"
        await upkeep(store, settings, now + timedelta(days=1))
        assert len(await store.load_posts("ai", DAY, DAY)) == 2
        assert await store.mark_handled("telegram", "1", now), "after three days it is forgotten"
        await store.save_answer("new", "{}", now)
        book = SourceBook(store)
        await book.save_reads(["x:1"], now)
        for ahead in (500, 2):
            await upkeep(store, settings, now + timedelta(days=ahead))
            assert await store.load_answer("new"), (
                "a look by a clock that ran ahead deletes nothing"
            )
            assert (await book.count_reads(now)).month == 1


MOUNTS = r"""
21 1 0:20 / / rw,relatime - overlay overlay rw,lowerdir=/a
30 21 0:40 / /data rw,relatime shared:1 - ext4 /dev/sda1 rw
31 30 0:41 / /data/scratch rw - tmpfs tmpfs rw
32 21 0:42 / /my\040disk rw - xfs /dev/sdb1 rw
33 21 0:43 / /over rw - tmpfs tmpfs rw
34 21 0:44 / /over rw - ext4 /dev/sdc1 rw
not a mount
"""


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("/app/jianbao.db", "container"),
        ("/data/jianbao.db", ""),
        ("/data/scratch/jianbao.db", "memory"),
        ("/database/jianbao.db", "container"),
        ("/my disk/jianbao.db", ""),
        ("/over/jianbao.db", ""),
    ],
)
def test_a_disk_that_a_restart_wipes_is_known(file: str, expected: str) -> None:
    said = checks.find_storage_fault(Path(file), MOUNTS)
    assert expected in said if expected else said == ""


def test_a_warning_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    monkeypatch.setattr(checks, "MOUNTS", mounts)
    assert checks.warn_of_storage(tmp_path / "bot.db") == "", "a system that does not tell"
    mounts.write_text(f"21 1 0:20 / {tmp_path} rw - tmpfs tmpfs rw\n")
    assert "put it on a volume, or use PostgreSQL" in checks.warn_of_storage(tmp_path / "bot.db")
