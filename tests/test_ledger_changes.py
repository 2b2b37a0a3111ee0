"""Subscriptions that change beside what is due, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest

from digest.models import Balance, Chat, Subscription
from digest.store import Store, due
from digest.store.ledger import Ledger
from tests.samples import report
from tests.town import TOPICS

DAY = date(2026, 3, 10)
EIGHT = datetime(2026, 3, 10, 8, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
MEI = Chat("telegram", "7")
USUAL = Subscription(MEI, "ai", time(8), "UTC")


@pytest.fixture
async def ledger(store_url: str) -> AsyncIterator[Ledger]:
    async with await Store.open(store_url) as store:
        await store.subscribe(USUAL, EIGHT - 26 * HOUR)
        await store.save_report(report(DAY - timedelta(days=1)))
        ledger = Ledger(store)
        assert await ledger.propose(TOPICS, EIGHT - 24 * HOUR) == 1
        yield ledger


@pytest.mark.parametrize(
    ("change", "hours"),
    [
        ({}, 0),
        ({"quiet": True}, 0),
        ({"at": time(7, 30)}, 0),
        ({"at": time(9)}, 1),
        ({"timezone": "Asia/Shanghai", "at": time(15)}, 0),
        ({"timezone": "America/New_York"}, 4),
        ({"weekdays": (5, 6)}, 0),
        ({"paused": True}, 0),
    ],
)
async def test_a_change_between_due_and_the_clock_s_look_loses_no_digest(
    ledger: Ledger, change: dict[str, object], hours: int
) -> None:
    changed = replace(USUAL, **change)  # type: ignore[arg-type]
    await ledger._store.subscribe(changed, EIGHT + 2 * SECOND)
    await ledger._store.subscribe(changed, EIGHT + 3 * SECOND)
    comes = not {"weekdays", "paused"} & change.keys()
    assert await ledger.propose(TOPICS, EIGHT + 5 * SECOND) == int(comes and not hours)
    assert await ledger.propose(TOPICS, EIGHT + 5 * SECOND + hours * HOUR) == int(hours > 0)
    assert await ledger.propose(TOPICS, EIGHT + 14 * HOUR) == 0
    ready = await ledger.list_ready("telegram", 9, TOPICS, EIGHT + 14 * HOUR)
    assert [one.subscription for one, _ in ready] == [replace(changed, id=1)] * comes


async def test_a_chat_that_changes_its_time_and_back_gets_the_next_report_that_day(
    ledger: Ledger,
) -> None:
    """Early in the morning there is none but the one that it had the day before."""
    five = EIGHT - 3 * HOUR
    topics = {"ai": replace(TOPICS["ai"], build_at=time(7))}
    await ledger.propose(topics, EIGHT)
    await ledger._store.subscribe(replace(USUAL, at=time(5)), EIGHT + HOUR)
    assert await ledger.propose(topics, five + 24 * HOUR) == 0
    await ledger._store.subscribe(USUAL, five + 25 * HOUR)
    assert await ledger.propose(topics, EIGHT + 24 * HOUR) == 1


async def test_a_chat_that_resumes_is_not_due_what_it_paused_over(ledger: Ledger) -> None:
    await ledger._store.subscribe(replace(USUAL, paused=True), EIGHT - HOUR)
    await ledger._store.subscribe(USUAL, EIGHT + HOUR)
    assert await ledger.propose(TOPICS, EIGHT + 2 * HOUR) == 0
    assert await ledger.propose(TOPICS, EIGHT + 24 * HOUR) == 1


async def test_who_pauses_gets_no_digest_that_still_waits_for_its_report(ledger: Ledger) -> None:
    assert await ledger.propose(TOPICS, EIGHT) == 1
    late = await ledger.list_overdue("telegram", 9, TOPICS, EIGHT + HOUR)
    await ledger.save_excuses([(one.id, ["not ready yet"]) for one in late])
    await ledger._store.subscribe(replace(USUAL, paused=True), EIGHT + HOUR)
    assert await ledger.list_ready("telegram", 9, TOPICS, EIGHT + HOUR) == []
    assert await ledger.claim("telegram", 9, EIGHT + HOUR) == []
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, skipped=1)


async def test_who_leaves_beside_the_clock_s_look_gets_no_digest(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert, leaving = due._insert, list[asyncio.Task[bool]]()

    async def insert_late(*values: Any) -> int:
        leaving.append(asyncio.create_task(ledger._store.unsubscribe(MEI, "ai")))
        await asyncio.sleep(0.2)
        return await insert(*values)

    monkeypatch.setattr(due, "_insert", insert_late)
    await ledger.propose(TOPICS, EIGHT)
    assert await asyncio.gather(*leaving) == [True]
    assert await ledger.list_ready("telegram", 9, TOPICS, EIGHT) == []
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, refused=1)


async def test_a_chat_moved_three_times_at_once_keeps_its_subscriptions(
    ledger: Ledger,
) -> None:
    await ledger._store.subscribe(replace(USUAL, topic="crypto"), EIGHT)
    ids = ["7", "-1", "-2", "-3"]
    for old, new in pairwise(ids):
        await asyncio.gather(*(ledger.move_chat("telegram", old, new) for _ in range(3)))
    kept = await ledger._store.list_subscriptions(Chat("telegram", "-3"))
    assert [one.topic for one in kept] == ["ai", "crypto"]


async def test_a_group_moved_by_many_updates_at_once_keeps_its_language(
    ledger: Ledger,
) -> None:
    for n in range(20):
        await ledger._store.save_note("chat languages", f"telegram:-{n}", "en")
        moves = (ledger.move_chat("telegram", f"-{n}", f"-100{n}") for _ in range(4))
        await asyncio.gather(*moves)
    assert len(await ledger._store.read_notes("chat languages")) == 20


async def test_a_chat_that_moved_keeps_what_it_had_chosen(ledger: Ledger) -> None:
    store, hall, new = ledger._store, Chat("telegram", "-100"), Chat("telegram", "-1007")
    await store.subscribe(replace(USUAL, chat=hall, at=time(21)), EIGHT)
    await store.unsubscribe(hall, "ai")
    await store.save_note("chat languages", "telegram:-100", "en")
    for _ in range(2):
        await ledger.move_chat("telegram", "-100", "-1007")
    before = await store.find_ended_subscription(new, "ai")
    assert before
    assert before.at == time(21)
    assert await store.read_notes("chat languages") == {"telegram:-1007": "en"}
    assert await store.list_subscriptions(new) == []
