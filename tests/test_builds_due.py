"""Which reports are to be built, by whom, and what becomes of a builder that dies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from digest.store import Store
from digest.store.ledger import Ledger
from tests.posts import TOPIC

DAY = date(2026, 3, 10)
HOUR = timedelta(hours=1)
TOPICS = {"ai": replace(TOPIC, timezone="UTC", build_at=time(6))}


@pytest.fixture
async def ledger(store_url: str) -> AsyncIterator[Ledger]:
    async with await Store.open(store_url) as store:
        yield Ledger(store)


async def test_a_report_is_made_by_one_and_tried_again_when_it_fails(ledger: Ledger) -> None:
    topics = list(TOPICS.values())
    six = datetime(2026, 3, 10, 6, tzinfo=UTC)
    monday = ("ai", date(2026, 3, 9))
    assert await ledger.list_builds_due(topics, six) == [monday]
    assert await ledger.claim_build(*monday, "one", six)
    assert not await ledger.claim_build(*monday, "two", six)
    assert await ledger.list_builds_due(topics, six) == []
    assert await ledger.end_build(*monday, six, made=False, holder="one") == 1
    assert await ledger.list_builds_due(topics, six + timedelta(minutes=3)) == []
    assert not await ledger.claim_build(*monday, "two", six + timedelta(minutes=3))
    five = six + timedelta(minutes=5)
    assert await ledger.list_builds_due(topics, five) == [monday]
    assert await ledger.claim_build(*monday, "two", five)
    await ledger.end_build(*monday, six, made=True, holder="two")
    assert await ledger.list_builds_due(topics, six + 12 * HOUR) == []
    assert not await ledger.claim_build(*monday, "three", six + 12 * HOUR)
    assert await ledger.list_builds_due(topics, six + 24 * HOUR) == [("ai", DAY)]


async def test_a_build_whose_process_died_is_taken_over(ledger: Ledger) -> None:
    six = datetime(2026, 3, 10, 6, tzinfo=UTC)
    monday = ("ai", date(2026, 3, 9))
    await ledger.list_builds_due(list(TOPICS.values()), six)
    assert await ledger.claim_build(*monday, "one", six)
    assert await ledger.renew_build(*monday, "one", six + timedelta(seconds=20))
    alive, dead = six + timedelta(seconds=45), six + timedelta(seconds=51)
    assert not await ledger.claim_build(*monday, "two", alive)
    assert await ledger.claim_build(*monday, "two", dead)
    assert not await ledger.renew_build(*monday, "one", dead)
    await ledger.end_build(*monday, dead, made=False, holder="one")  # says nothing any more
    assert await ledger.renew_build(*monday, "two", dead)
    # A clock that was set back by days makes nobody wait for days.
    assert await ledger.claim_build(*monday, "three", six - 48 * HOUR)
