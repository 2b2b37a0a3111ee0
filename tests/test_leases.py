"""One process a platform: F23, and a dead one is replaced at once."""

from __future__ import annotations

import asyncio
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from bot.delivery import Deliveries, leases
from bot.delivery.dispatch import Outbox, Writer
from bot.delivery.leases import Lease, own_name
from digest.errors import StoreError
from digest.store import Store
from digest.store.ledger import Ledger


def now() -> datetime:
    return datetime.now(UTC)


class Work:
    """Counts who works."""

    def __init__(self) -> None:
        self.begun, self.at_once, self.most, self.waited = 0, 0, 0, 0

    async def __call__(self) -> None:
        self.begun += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await asyncio.sleep(0.3)
        finally:
            self.at_once -= 1

    def wait(self) -> None:
        self.waited += 1


async def held(ledger: Ledger) -> None:
    """Wait until somebody has the lease of Telegram."""
    while not await ledger.find_holder("telegram", now()):  # noqa: ASYNC110 (a table)
        await asyncio.sleep(0.02)


async def ended(work: Endless) -> None:
    """Wait until the work has ended once."""
    while not work.ended:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def test_f23_of_ten_processes_one_works_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "WAIT_SECONDS", 0.05)
    work = Work()
    names = iter(range(10))
    monkeypatch.setattr(leases, "own_name", lambda: f"elsewhere:{next(names)}")
    async with await Store.open(f"sqlite:///{tmp_path}/leases.db") as store:
        ledger = Ledger(store)
        each = (Lease(ledger, "telegram", now).while_held(work, work.wait) for _ in range(10))
        await asyncio.gather(*each)
        assert await ledger.find_holder("telegram", now()) == ""
    assert (work.begun, work.most) == (10, 1)
    assert work.waited == 9


async def test_a_dead_process_of_this_host_is_replaced_at_once(tmp_path: Path) -> None:
    ended = await asyncio.create_subprocess_exec("true")
    await ended.wait()
    place = own_name().partition(":")[0]
    work = Work()
    async with await Store.open(f"sqlite:///{tmp_path}/leases.db") as store:
        ledger = Ledger(store)
        assert await ledger.take_lease("telegram", f"{place}:{ended.pid}:a", now(), 30)
        began = asyncio.get_running_loop().time()
        await Lease(ledger, "telegram", now).while_held(work, work.wait)
        assert asyncio.get_running_loop().time() - began < 2.0
    assert (work.begun, work.waited) == (1, 0)


async def test_a_living_process_keeps_its_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "WAIT_SECONDS", 0.05)
    place = own_name().partition(":")[0]
    work = Work()
    async with await Store.open(f"sqlite:///{tmp_path}/leases.db") as store:
        ledger = Ledger(store)
        assert await ledger.take_lease("discord", f"{place}:{os.getppid()}:a", now(), 30)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Lease(ledger, "discord", now).while_held(work, work.wait), 0.5)
    assert (work.begun, work.waited) == (0, 1)


async def test_containers_with_one_host_name_and_process_id_have_a_lease_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr("socket.gethostname", lambda: "jianbao")
    monkeypatch.setattr("os.getpid", lambda: 1)
    work = Work()
    async with await Store.open(f"sqlite:///{tmp_path}/leases.db") as store:
        ledger = Ledger(store)
        await asyncio.gather(
            *(Lease(ledger, "telegram", now).while_held(work, work.wait) for _ in range(3))
        )
        assert (work.begun, work.most) == (3, 1)


async def test_a_process_of_another_container_is_not_taken_for_a_dead_one(tmp_path: Path) -> None:
    ended = await asyncio.create_subprocess_exec("true")
    await ended.wait()
    work = Work()
    async with await Store.open(f"sqlite:///{tmp_path}/leases.db") as store:
        ledger = Ledger(store)
        elsewhere = f"{socket.gethostname()}/boot/4026531836:{ended.pid}:a"
        assert await ledger.take_lease("telegram", elsewhere, now(), 30)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Lease(ledger, "telegram", now).while_held(work, work.wait), 0.3)
    assert (work.begun, work.waited) == (0, 1)


class Endless:
    """Works until told that it is done; notes how each turn ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.done = asyncio.Event()

    async def __call__(self) -> None:
        try:
            await self.done.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0.05)  # what is in flight ends first
            self.ended.append("cancelled")
            raise
        self.ended.append("done")


async def test_a_lost_lease_stops_the_work_until_it_is_reacquired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.1)
    work = Endless()
    async with await Store.open(f"sqlite:///{tmp_path}/leases.db") as store:
        ledger = Ledger(store)
        task = asyncio.create_task(Lease(ledger, "telegram", now).while_held(work, lambda: None))
        async with asyncio.timeout(20):
            await held(ledger)
            later = now() + timedelta(minutes=1)
            assert await ledger.take_lease("telegram", "elsewhere:1", later, 30)
            await ended(work)
            await ledger.release_lease("telegram", "elsewhere:1")
            await held(ledger)
            work.done.set()
            await task
    assert work.ended == ["cancelled", "done"]


async def test_work_ends_where_its_lease_cannot_be_renewed_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.05)
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.3)
    work = Endless()
    async with await Store.open(f"sqlite:///{tmp_path}/leases.db") as store:
        ledger = Ledger(store)
        take, calls = ledger.take_lease, list[bool]()

        async def fail_once_taken(*words: Any) -> bool:
            calls.append(True)
            if len(calls) > 1 and not work.ended:
                raise StoreError("busy")
            return await take(*words)

        monkeypatch.setattr(ledger, "take_lease", fail_once_taken)
        task = asyncio.create_task(Lease(ledger, "telegram", now).while_held(work, lambda: None))
        async with asyncio.timeout(20):
            await ended(work)
            work.done.set()
            await task
    assert work.ended == ["cancelled", "done"]


async def test_a_lease_is_released_when_its_work_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Endless()
    async with await Store.open(f"sqlite:///{tmp_path}/leases.db") as store:
        ledger = Ledger(store)
        give_back, ends = ledger.release_lease, list[int]()

        async def count(*words: str) -> None:
            ends.append(len(work.ended))
            await give_back(*words)

        monkeypatch.setattr(ledger, "release_lease", count)
        task = asyncio.create_task(Lease(ledger, "telegram", now).while_held(work, lambda: None))
        while not await ledger.find_holder("telegram", now()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait({task})
    assert ends == [1]


async def test_a_lease_taken_by_a_clock_ahead_blocks_nobody(
    tmp_path: Path,
) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/leases.db") as store:
        ledger = Ledger(store)
        assert await ledger.take_lease("telegram", "elsewhere:1", now() + timedelta(days=2), 30)
        assert await ledger.take_lease("telegram", "here:2", now(), 30), (
            "the clock was set right again"
        )
        assert not await ledger.take_lease("telegram", "elsewhere:1", now(), 30)
        assert await ledger.take_lease("discord", "elsewhere:1", now() + timedelta(minutes=1), 30)
        assert not await ledger.take_lease("discord", "here:2", now(), 30), (
            "a clock that differs a little"
        )


class Broken:
    """A store whose server goes away: what is cancelled in it raises StoreError in place of
    that."""

    def __init__(self, answers: int) -> None:
        self.answers, self.reached = answers, asyncio.Event()

    async def __call__(self, *_: object) -> bool:
        self.answers -= 1
        if self.answers >= 0:
            return True
        self.reached.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise StoreError("the server is gone") from None
        return False


@pytest.mark.parametrize("loop", ["take", "renew", "plan", "recover", "write"])
async def test_an_error_instead_of_a_cancellation_stops_the_sender(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.0)
    broken = Broken(answers=int(loop == "renew"))
    ledger: Any = type("Ledger", (), {})()
    ledger.take_lease = ledger.settle = broken
    ledger.release_lease = Broken(answers=1)
    if loop in ("take", "renew"):
        endless = asyncio.Event()
        work = Lease(ledger, "telegram", now).while_held(cast(Any, endless.wait), lambda: None)
    elif loop == "plan":
        deliveries: Any = Deliveries.__new__(Deliveries)
        deliveries.plan = broken
        work = deliveries._plan_forever("telegram", None, None)
    elif loop == "recover":
        outbox: Any = Outbox.__new__(Outbox)
        outbox.name, outbox._take_over = "telegram", broken
        work = outbox._recover()
    else:
        writer = Writer(ledger)
        writer.put(cast(Any, None))
        work = writer.run()
    task = asyncio.create_task(work)
    await broken.reached.wait()
    task.cancel()
    await asyncio.wait({task}, timeout=1)
    ended = task.cancelled()
    task.cancel()  # where one was lost
    assert ended
