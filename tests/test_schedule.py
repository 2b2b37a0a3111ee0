"""The clock proposes; the rows decide: what runs twice, late or in two processes changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time as clock
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from apscheduler.schedulers import base as schedulers

from bot import app, schedule
from bot.builds import Errand
from bot.delivery import LAST_SECONDS
from bot.schedule import Schedule
from bot.services import Services
from digest.errors import StoreError
from digest.models import Chat, Subscription
from digest.store import Store
from digest.store.engine import BUSY_MS, LOCK_MS
from digest.store.ledger import Ledger
from tests.hosts import Maker, context
from tests.posts import TOPIC

EIGHT = datetime(2026, 3, 10, 8, tzinfo=UTC)
YESTERDAY = date(2026, 3, 9)
MEI = Chat("telegram", "7")


@dataclass
class Now:
    """A clock that is set by hand."""

    at: datetime = EIGHT

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Stage:
    """A store with one subscriber, and what a schedule needs."""

    context: Services
    ledger: Ledger
    maker: Maker
    now: Now = field(default_factory=Now)

    def schedule(self, name: str = "one:1") -> Schedule:
        return Schedule(self.context, name)

    async def ready(self) -> int:
        return len(await self.ledger.list_ready("telegram", 100, self.context.topics, self.now()))


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        now = Now()
        topic = replace(TOPIC, timezone="UTC", build_at=time(6))
        made = replace(context(store, tmp_path), now=now, topics={"ai": topic})
        await store.subscribe(Subscription(MEI, "ai", time(8), "UTC"), EIGHT - timedelta(hours=12))
        assert isinstance(made.builder, Maker)
        yield Stage(made, made.ledger, made.builder, now)


@contextlib.asynccontextmanager
async def ticking(*schedules: Schedule) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(one.run()) for one in schedules]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(stage: Stage, number: int) -> None:
    async with asyncio.timeout(10):
        while await stage.ready() < number:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_report_is_made_and_its_digest_is_due(stage: Stage) -> None:
    async with ticking(stage.schedule()):
        await until(stage, 1)
    assert stage.maker.made == [("ai", YESTERDAY, "clock", True)]
    assert await stage.ledger.find_holder("clock", EIGHT) == "", "the role is given back"


async def test_the_sources_are_asked_again_and_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "COLLECT", 0.02)
    rounds: list[str] = []

    def stepping(name: str) -> Schedule:
        async def collect() -> None:
            rounds.append(name)

        return Schedule(stage.context, name, collect=collect)

    one, other = stepping("one:1"), stepping("two:2")
    async with ticking(one):
        async with asyncio.timeout(10):
            while len(rounds) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await other._turn(other.collect)
    assert set(rounds) == {"one:1"}, "only the process that has the clock asks"


async def test_a_build_waits_for_no_errand_and_no_errand_begins_beside_it(stage: Stage) -> None:
    began, ends = asyncio.Event(), asyncio.Event()
    running: list[str] = []

    async def run(errand: Errand) -> None:
        running.append(errand.role)
        began.set()
        await ends.wait()

    async def make(topic: str, day: date) -> None:
        await one.run_errands()
        running.append(topic)

    errands = [Errand("publish", ("publish", "a folder"))]
    one = Schedule(stage.context, "one:1", make=make, errands=errands, run=run)
    errand = asyncio.create_task(one.run_errands())
    await began.wait()
    await one.build()
    assert running == ["publish", "ai"], "the build begins while the errand runs, and runs alone"
    ends.set()
    await errand
    await one.run_errands()
    assert running == ["publish", "ai", "publish"]


async def test_two_processes_make_and_propose_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "PROPOSE", 0.02)
    monkeypatch.setattr(schedule, "BUILD", 0.02)
    async with ticking(stage.schedule("one:1"), stage.schedule("two:2")):
        await until(stage, 1)
        await asyncio.sleep(0.3)
    assert len(stage.maker.made) == 1
    assert await stage.ready() == 1


async def test_a_busy_loop_misses_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "PROPOSE", 0.1)
    stage.now.at = EIGHT - timedelta(minutes=1)
    async with ticking(stage.schedule()):
        await asyncio.sleep(0.3)
        stage.now.at = EIGHT
        clock.sleep(2.2)  # noqa: ASYNC251 (the loop is what must be held)
        await until(stage, 1)


async def test_a_clock_that_is_set_back_stops_no_step(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "PROPOSE", 0.1)
    days = [30]

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(days=days[0])

    for module in (schedule, schedulers):
        monkeypatch.setattr(module, "datetime", Shifted)
    stage.now.at = EIGHT - timedelta(minutes=1)
    async with ticking(stage.schedule()):
        await asyncio.sleep(0.3)
        days[0], stage.now.at = 0, EIGHT
        await until(stage, 1)


async def test_a_build_that_fails_is_tried_again_and_the_digest_waits(stage: Stage) -> None:
    stage.maker.works = False
    one = stage.schedule()
    await one.propose()
    await one.build()
    assert await stage.ready() == 0, "never yesterday's again"
    stage.maker.works = True
    await one.build()
    assert len(stage.maker.made) == 1, "not at once"
    stage.now.at += timedelta(minutes=5)
    await one.build()
    assert await stage.ready() == 1


async def test_an_imported_report_is_what_there_is(stage: Stage) -> None:
    from tests.samples import report

    await stage.context.store.save_report(replace(report(YESTERDAY), source=b"a post"))
    stage.maker.works = False
    one = stage.schedule()
    await one.propose()
    await one.build()
    await one.build()
    assert len(stage.maker.made) == 1
    assert await stage.ready() == 1


async def test_a_step_that_fails_comes_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(schedule, "PROPOSE", 0.02)
    real, calls = stage.ledger.propose, []

    async def busy(*args: object) -> int:
        calls.append(args)
        if len(calls) == 1:
            raise StoreError("the database is busy")
        if len(calls) == 2:
            raise RuntimeError("odd")
        return await real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(stage.ledger, "propose", busy)
    async with ticking(stage.schedule()):
        await until(stage, 1)
    said = [one.getMessage() for one in caplog.records if one.name == schedule.__name__]
    assert said[:2] == [
        "clock: the database is busy",
        "clock: a step failed",
    ]


async def test_a_database_that_fails_at_the_end_keeps_no_clock_running(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(role: str, holder: str) -> None:
        raise StoreError("database is read-only")

    monkeypatch.setattr(stage.ledger, "release_lease", refuse)
    task = asyncio.create_task(app._run_again("clock", stage.schedule().run))
    await until(stage, 1)
    task.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait({task})
    assert task.cancelled()


async def test_an_error_in_the_place_of_a_cancellation_begins_nothing_again() -> None:
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        try:
            await asyncio.Event().wait()
        finally:
            raise StoreError("database is full")

    task = asyncio.create_task(app._run_again("clock", work))
    await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait({task})
    assert (task.cancelled(), runs) == (True, 1)


def test_an_end_saves_the_outcomes_of_sends_in_flight_before_it_is_cut_short() -> None:
    last = LAST_SECONDS + max(BUSY_MS, LOCK_MS) / 1000
    root = Path(__file__).parents[1]
    for file, key in (
        ("compose.yaml", "stop_grace_period: "),
        ("deploy/systemd/jianbao.service", "TimeoutStopSec="),
    ):
        granted = (root / file).read_text().partition(key)[2].split()[0].rstrip("s")
        assert last < app.END_SECONDS < int(granted), file


async def test_a_second_signal_cuts_nothing_short() -> None:
    saved: list[bool] = []

    async def run() -> None:
        app._cancel_on_sigterm()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            saved.append(True)

    task = asyncio.create_task(run())
    for _ in range(2):  # to the process and to its group, as `timeout` does
        await asyncio.sleep(0.01)
        signal.raise_signal(signal.SIGTERM)
    await asyncio.wait({task})
    asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
    assert (task.cancelled(), saved) == (True, [True])


async def test_an_end_that_hangs_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []
    monkeypatch.setattr(app, "END_SECONDS", 0.01)
    monkeypatch.setattr("os._exit", codes.append)

    async def run() -> None:
        app._cancel_on_sigterm()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.1)  # a database that does not answer

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    signal.raise_signal(signal.SIGTERM)
    await asyncio.wait({task})
    asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
    assert (task.cancelled(), codes) == (True, [1])
