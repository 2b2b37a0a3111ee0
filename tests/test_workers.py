"""Jobs are hints: whoever works them, twice or on two machines, a report is made once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from pathlib import Path
from unittest.mock import AsyncMock

import pytest

from bot import app, builds, schedule
from bot.builds import Errand
from bot.schedule import Jobs, can_share, open_jobs, start_workers
from digest.errors import StoreError
from digest.store import Store
from digest.store.ledger import Ledger
from tests.hosts import Maker, context
from tests.posts import TOPIC
from tests.samples import report

pytestmark = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
pytest.importorskip("procrastinate")
PoolTimeout = pytest.importorskip("psycopg_pool").PoolTimeout
TOPICS = {
    name: replace(TOPIC, name=name, slug=name, timezone="UTC", build_at=time(6))
    for name in ("ai", "chips", "space")
}


@dataclass
class Crew:
    """Processes of one bot, as far as jobs are concerned."""

    ledger: Ledger
    jobs: list[Jobs]
    maker: Maker
    day: date

    async def until(self, number: int) -> None:
        """Wait for so many builds to have ended."""
        async with asyncio.timeout(20):
            while len(self.maker.made) < number:  # noqa: ASYNC110 (another task)
                await asyncio.sleep(0.02)


@pytest.fixture
async def crew(store_url: str, tmp_path: Path) -> AsyncIterator[Crew]:
    async with await Store.open(store_url) as store, AsyncExitStack() as stack:
        shared = replace(context(store, tmp_path), topics=TOPICS)
        assert isinstance(shared.builder, Maker)
        ledger = Ledger(store)
        jobs = [
            await stack.enter_async_context(open_jobs(store_url, shared, f"host:{n}"))
            for n in range(2)
        ]
        day = shared.now().date() - timedelta(days=1)
        yield Crew(ledger, jobs, shared.builder, day)


async def due(crew: Crew) -> list[tuple[str, date]]:
    return await crew.ledger.list_builds_due(list(TOPICS.values()), context(crew.maker.store, Path()).now())  # fmt: skip


async def test_two_workers_make_each_report_once(crew: Crew) -> None:
    for _ in range(2):  # every clock proposes
        for topic, day in await due(crew):
            await crew.jobs[0].propose_build(topic, day)
            await crew.jobs[1].propose_build(topic, day)
    tasks = [task for one in crew.jobs for task in start_workers(one)]
    await crew.until(3)
    await asyncio.gather(*(one.build("ai", str(crew.day)) for one in crew.jobs))  # once more
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert sorted(topic for topic, *_ in crew.maker.made) == sorted(TOPICS)
    assert await due(crew) == []


async def test_a_round_that_runs_twice_asks_the_sources_once(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[tuple[str, ...]] = []

    async def run(*words: str) -> str:
        rounds.append(words)
        return ""

    monkeypatch.setattr(schedule, "run_child", run)
    await crew.jobs[0].propose_rounds()
    await crew.jobs[1].propose_rounds()
    await asyncio.gather(*(one.collect("ai") for one in crew.jobs))
    assert rounds == [("collect", "ai", "--patient")]


async def test_an_errand_is_a_job_while_the_reports_have_changed(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[tuple[str, ...]] = []

    async def run(*words: str) -> str:
        runs.append(words)
        return ""

    monkeypatch.setattr(builds, "run_child", run)
    errand = Errand("publish", ("publish", "a folder"))
    line = json.dumps(errand.words)
    for jobs in crew.jobs:
        await jobs.propose_errand(errand)
    await crew.maker.store.save_report(report(crew.day))
    for jobs in crew.jobs * 2:  # every clock proposes
        await jobs.propose_errand(errand)
    tasks = [task for one in crew.jobs for task in start_workers(one)]
    async with asyncio.timeout(20):
        while await builds.is_due(crew.maker.store, errand):  # noqa: ASYNC110 (another task)
            await asyncio.sleep(0.02)
    await asyncio.gather(*(one.run_errand(errand.role, line) for one in crew.jobs))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert runs == [("publish", "a folder")]


async def test_a_build_waits_for_no_errand_and_no_errand_begins_beside_it(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Queue[str]()
    ends = asyncio.Event()

    async def run(*words: str) -> str:
        begun.put_nowait(words[0])
        await ends.wait()
        return ""

    monkeypatch.setattr(builds, "run_child", run)
    monkeypatch.setattr(schedule, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(crew.maker, "build", lambda topic, *_, **__: run(topic))
    jobs = crew.jobs[0]
    await crew.maker.store.save_report(report(crew.day))
    await jobs.propose_errand(Errand("publish", ("publish", "a folder")))
    await jobs.propose_errand(Errand("roll-up:ai", ("roll-up", "ai")))
    tasks = start_workers(jobs)
    async with asyncio.timeout(20):
        assert await begun.get() == "publish"
        await jobs.propose_build("chips", (await due(crew))[0][1])
        assert await begun.get() == "chips"
        await jobs.run_errand("roll-up:ai", json.dumps(["roll-up", "ai"]))
    assert begun.empty()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_worker_that_is_stopped_gives_its_job_back(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = asyncio.Event()

    async def build(*_words: str, **_options: bool) -> str:
        began.set()
        await asyncio.Event().wait()
        return ""

    monkeypatch.setattr(crew.maker, "build", build)
    monkeypatch.setattr(schedule, "GRACE_SECONDS", 0.1)
    jobs = crew.jobs[0]
    topic, day = (await due(crew))[0]
    await jobs.propose_build(topic, day)
    tasks = start_workers(jobs)
    running = asyncio.gather(*tasks)
    await asyncio.wait_for(began.wait(), 10)
    running.cancel()  # as SIGTERM does: the idle queue ends first
    with pytest.raises(asyncio.CancelledError):
        await running
    await app._end_all(tasks)
    assert list(await jobs._app.job_manager.list_jobs_async()) == []


async def test_a_queue_out_of_reach_is_a_clear_line(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psycopg_pool.AsyncConnectionPool.open", AsyncMock(side_effect=PoolTimeout))
    async with await Store.open(store_url) as store:
        with pytest.raises(StoreError, match=r"the job queue cannot be reached .*DATABASE_URL"):
            async with open_jobs(store_url, context(store, tmp_path), "host:1"):
                pass


async def test_sharing_needs_postgresql(store_url: str) -> None:
    assert can_share(store_url)
    assert not can_share("sqlite:///jianbao.db")
