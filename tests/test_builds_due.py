"""Which reports are to be built, by whom, and what becomes of a builder that dies."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from bot import builds
from digest.models import Chat, Subscription
from digest.store import Store
from digest.store.ledger import Ledger
from tests.posts import TOPIC
from tests.samples import report

DAY = date(2026, 3, 10)
HOUR = timedelta(hours=1)
EIGHT = datetime(2026, 3, 10, 8, tzinfo=UTC)
MEI = Chat("telegram", "5")
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
    assert await ledger.end_build(*monday, six, succeeded=False, holder="one") == 1
    assert await ledger.list_builds_due(topics, six + timedelta(minutes=3)) == []
    assert not await ledger.claim_build(*monday, "two", six + timedelta(minutes=3))
    five = six + timedelta(minutes=5)
    assert await ledger.list_builds_due(topics, five) == [monday]
    assert await ledger.claim_build(*monday, "two", five)
    await ledger.end_build(*monday, six, succeeded=True, holder="two")
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
    await ledger.end_build(*monday, dead, succeeded=False, holder="one")  # says nothing any more
    assert await ledger.renew_build(*monday, "two", dead)
    # A clock that was set back by days makes nobody wait for days.
    assert await ledger.claim_build(*monday, "three", six - 48 * HOUR)


async def test_a_report_can_be_made_again_at_once(ledger: Ledger) -> None:
    six = datetime(2026, 3, 10, 6, tzinfo=UTC)
    assert await ledger.claim_build("ai", DAY, "one", six, again=True), "it was never due"
    assert not await ledger.claim_build("ai", DAY, "two", six, again=True)
    await ledger.end_build("ai", DAY, six, succeeded=False, holder="one")
    assert not await ledger.claim_build("ai", DAY, "two", six)
    assert await ledger.claim_build("ai", DAY, "two", six, again=True), "it failed"
    await ledger.end_build("ai", DAY, six, succeeded=True, holder="two")
    assert await ledger.claim_build("ai", DAY, "three", six, again=True), "it is done"


async def test_a_digest_waits_while_its_report_is_being_built(ledger: Ledger) -> None:
    """The draft is stored minutes before the model's version takes its place."""
    report_day = DAY - timedelta(days=1)
    await ledger._store.subscribe(Subscription(MEI, "ai", time(8), "UTC"), EIGHT - 12 * HOUR)
    await ledger.propose(TOPICS, EIGHT)
    await ledger.list_builds_due(list(TOPICS.values()), EIGHT)
    assert await ledger.claim_build("ai", report_day, "one", EIGHT)
    await ledger._store.save_report(report(report_day))
    assert await ledger.ready("telegram", 10, EIGHT + timedelta(seconds=20)) == []
    gone = EIGHT + timedelta(seconds=61)
    assert len(await ledger.ready("telegram", 10, gone)) == 1, "its process died, no other came"
    await ledger.renew_build("ai", report_day, "one", gone)
    assert await ledger.ready("telegram", 10, gone) == []
    await ledger.end_build("ai", report_day, gone, succeeded=True, holder="one")
    assert len(await ledger.ready("telegram", 10, gone)) == 1


@pytest.mark.parametrize(
    ("code", "errors", "why"),
    [
        (-signal.SIGTERM, b"relevance (5/9)\n", "it was stopped"),
        (1, b"collect (1/9)\njianbao: no posts\n", "no posts"),
        (1, b'{"at": "8", "level": "ERROR", "message": "a\xe2\x80\xa8b"}\n', "a\u2028b"),
        (-signal.SIGKILL, b"relevance (5/9)\n", "it ended without a word"),
        (
            -signal.SIGKILL,
            b'{"at": "8", "level": "INFO", "message": "step"}\n{"at": "9',
            "it ended without a word",
        ),
        (1, b'{"at": "now", "level": "ERROR", "message": "no posts"}\n', "no posts"),
        (-signal.SIGKILL, b"", "it ended without a word"),
    ],
)
async def test_why_a_child_ended_is_told(
    monkeypatch: pytest.MonkeyPatch, code: int, errors: bytes, why: str
) -> None:
    class Child:
        returncode = code

        async def communicate(self) -> tuple[bytes, bytes]:
            return b"", errors

    async def start(*_: object, **__: object) -> Child:
        return Child()

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    monkeypatch.setattr(builds, "STOP_SECONDS", 0.0)
    assert await builds.run_child("digest", "ai") == why
