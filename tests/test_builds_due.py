"""Which reports are to be built, by whom, and what becomes of a builder that dies."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from bot import builds
from bot.builds import make_report
from bot.compose import compose_digest
from digest.models import Chat, Subscription
from digest.store import Store
from digest.store.due import MAX_ATTEMPTS
from digest.store.ledger import Ledger
from tests.hosts import Maker, context
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
    again = six
    for attempt, wait in enumerate((timedelta(seconds=30), timedelta(minutes=8)), 2):
        soon, again = again + wait * 0.9, again + wait
        assert await ledger.list_builds_due(topics, soon) == []
        assert not await ledger.claim_build(*monday, "two", soon)
        assert await ledger.list_builds_due(topics, again) == [monday]
        assert await ledger.claim_build(*monday, "two", again)
        succeeded = attempt == 3
        tries = await ledger.end_build(*monday, again, succeeded=succeeded, holder="two")
        assert tries == attempt
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
    assert await ledger.list_ready("telegram", 10, TOPICS, EIGHT + timedelta(seconds=20)) == []
    gone = EIGHT + timedelta(seconds=61)
    assert len(await ledger.list_ready("telegram", 10, TOPICS, gone)) == 1, (
        "its process died, no other came"
    )
    await ledger.renew_build("ai", report_day, "one", gone)
    assert await ledger.list_ready("telegram", 10, TOPICS, gone) == []
    await ledger.end_build("ai", report_day, gone, succeeded=True, holder="one")
    assert len(await ledger.list_ready("telegram", 10, TOPICS, gone)) == 1


NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
MONDAY = date(2026, 3, 9)


async def count_ready(ledger: Ledger, now: datetime) -> int:
    return len(await ledger.list_ready("telegram", 10, TOPICS, now))


@pytest.mark.parametrize("state", ["none", "due", "building", "failed"])
async def test_a_report_of_half_a_day_is_no_digest(ledger: Ledger, state: str) -> None:
    """Whoever asks for a day that is not over has its report made from the posts so far."""
    topics, closed = list(TOPICS.values()), EIGHT - 2 * HOUR
    await ledger._store.subscribe(Subscription(MEI, "ai", time(6), "UTC"), closed - 12 * HOUR)
    await ledger._store.save_report(replace(report(MONDAY), created_at=NOON))
    await ledger.propose(TOPICS, closed)
    if state != "none":
        await ledger.list_builds_due(topics, closed)
    if state in ("building", "failed"):
        assert await ledger.claim_build("ai", MONDAY, "one", closed)
    if state == "failed":
        await ledger.end_build("ai", MONDAY, closed, succeeded=False, holder="one")
    assert not await ledger.has_report(TOPICS["ai"], MONDAY)
    for minutes in (0, 3, 20, 90):
        assert await count_ready(ledger, closed + timedelta(minutes=minutes)) == 0
    late = closed + timedelta(minutes=11)
    assert len(await ledger.list_overdue("telegram", 10, TOPICS, late)) == 1, "its chat is told"
    await ledger._store.save_report(replace(report(MONDAY), created_at=late))
    assert await ledger.has_report(TOPICS["ai"], MONDAY)
    # Before its turn a build that is due would only replace it; one that died or failed may not.
    assert await count_ready(ledger, late) == int(state in ("building", "failed"))
    assert await count_ready(ledger, closed + HOUR) == 1
    assert await ledger.list_overdue("telegram", 10, TOPICS, closed + HOUR) == []


@pytest.mark.parametrize("state", ["imported", "done"])
async def test_what_was_imported_or_built_goes_out(ledger: Ledger, state: str) -> None:
    source = b"a post" if state == "imported" else b""
    await ledger._store.subscribe(Subscription(MEI, "ai", time(8), "UTC"), EIGHT - 12 * HOUR)
    await ledger._store.save_report(replace(report(MONDAY), created_at=NOON, source=source))
    await ledger.propose(TOPICS, EIGHT)
    if state == "done":  # before somebody set `build_at` to a later time
        assert await ledger.claim_build("ai", MONDAY, "one", EIGHT, again=True)
        await ledger.end_build("ai", MONDAY, EIGHT, succeeded=True, holder="one")
    assert await count_ready(ledger, EIGHT) == 1
    assert await ledger.list_overdue("telegram", 10, TOPICS, EIGHT + HOUR) == []


async def test_half_a_day_is_better_than_none_once_builds_have_failed(
    ledger: Ledger, tmp_path: Path
) -> None:
    services = replace(context(ledger._store, tmp_path), topics=TOPICS)
    early = replace(report(MONDAY, "en"), created_at=NOON)
    subscription = Subscription(MEI, "ai", time(8), "UTC")
    await ledger._store.subscribe(subscription, EIGHT - 12 * HOUR)
    await ledger._store.save_report(early)
    await ledger.propose(TOPICS, EIGHT)
    for _ in range(MAX_ATTEMPTS):
        assert await count_ready(ledger, EIGHT) == 0
        assert await ledger.claim_build("ai", MONDAY, "one", EIGHT, again=True)
        await ledger.end_build("ai", MONDAY, EIGHT, succeeded=False, holder="one")
    assert await count_ready(ledger, EIGHT) == 1
    assert "before the day was over" in str(await compose_digest(services, early, subscription))
    whole = replace(early, created_at=EIGHT)
    assert "before the day was over" not in str(await compose_digest(services, whole, subscription))


async def test_the_clock_builds_again_what_was_begun_before_the_day_closed(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Somebody's build is under way as the day closes: the clock's waits for it, and is not it."""
    made_at = iter([NOON, EIGHT])

    class Builder(Maker):
        async def build(self, topic: str, day: date, user: str, *, with_model: bool = False) -> str:
            await self.store.save_report(replace(report(day), created_at=next(made_at)))
            return ""

    services = replace(
        context(ledger._store, tmp_path),
        topics=TOPICS,
        now=lambda: EIGHT,
        builder=Builder(ledger._store),
    )
    await ledger.list_builds_due(list(TOPICS.values()), EIGHT)
    assert await make_report(services, "one", "ai", MONDAY) == ""
    assert await ledger.has_report(TOPICS["ai"], MONDAY)


async def test_half_a_day_does_not_stand_for_a_build_that_fails(
    ledger: Ledger, tmp_path: Path
) -> None:
    services = replace(context(ledger._store, tmp_path), topics=TOPICS, now=lambda: EIGHT)
    assert isinstance(services.builder, Maker)
    services.builder.works = False
    await ledger._store.save_report(replace(report(MONDAY), created_at=NOON))
    assert await make_report(services, "one", "ai", MONDAY, user="test:boss")
    soon = EIGHT + timedelta(minutes=5)
    assert await ledger.list_builds_due(list(TOPICS.values()), soon) == [("ai", MONDAY)]


KILLED = "it was killed by signal 9 (Killed): too little memory, perhaps"


@pytest.mark.parametrize(
    ("code", "errors", "why"),
    [
        (-signal.SIGTERM, b"relevance (5/9)\n", "it was stopped"),
        (1, b"collect (1/9)\njianbao: no posts\n", "no posts"),
        (1, b'{"at": "8", "level": "ERROR", "message": "a\xe2\x80\xa8b"}\n', "a\u2028b"),
        (-signal.SIGKILL, b"relevance (5/9)\n", KILLED),
        (
            -signal.SIGKILL,
            b'{"at": "8", "level": "INFO", "message": "step"}\n{"at": "9',
            KILLED,
        ),
        (1, b'{"at": "now", "level": "ERROR", "message": "no posts"}\n', "no posts"),
        (-signal.SIGKILL, b"", KILLED),
        (-signal.SIGSYS, b"", "it was killed by signal 31 (Bad system call)"),
        (3, b"", "it ended without an error message"),
    ],
)
async def test_why_a_child_ended_is_told(
    monkeypatch: pytest.MonkeyPatch, code: int, errors: bytes, why: str
) -> None:
    class Child:
        returncode = code

        async def communicate(self, _: bytes) -> tuple[bytes, bytes]:
            return b"", errors

    async def start(*_: object, **__: object) -> Child:
        return Child()

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    monkeypatch.setattr(builds, "STOP_SECONDS", 0.0)
    assert await builds.run_child("digest", "ai") == why


async def test_the_pages_of_many_years_may_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def communicate(_: bytes) -> tuple[bytes, bytes]:
        await asyncio.sleep(0.1)
        return b"", b""

    child = Mock(returncode=0, communicate=communicate)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", AsyncMock(return_value=child))
    monkeypatch.setattr(builds, "DEADLINE", 0.01)
    assert await builds.run_child("publish", "a folder") == ""
    assert "took longer" in await builds.run_child("digest", "ai")


async def test_what_a_child_logs_as_text_stands_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    errors = (
        "collect (1/9)\nWARNING: rss https://a.example: no answer\nwrite (7/9)\n"
        'ERROR: a feed failed\n  File "x.py", line 1, in f\nValueError\nstore (9/9)\n'
    )
    child = Mock(returncode=0, communicate=AsyncMock(return_value=(b"{}", errors.encode())))
    monkeypatch.setattr(asyncio, "create_subprocess_exec", AsyncMock(return_value=child))
    assert await builds.run_child("digest", "ai") == ""
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "rss https://a.example: no answer"),
        ("ERROR", 'a feed failed\n  File "x.py", line 1, in f\nValueError'),
    ]


async def test_the_clock_waits_for_no_queue_of_people(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[date] = []

    async def slow(topic: str, day: date, *, with_model: bool) -> str:
        made.append(day)
        await asyncio.sleep(0.01)
        return ""

    monkeypatch.setattr(builds, "run_digest", slow)
    queue, days = builds.Builds(), [date(2025, 1, n) for n in range(1, 6)]
    people = [queue.build("ai", day, f"u{day}") for day in days]
    tasks = [asyncio.create_task(build) for build in people]
    await asyncio.sleep(0)
    await queue.build("ai", DAY, "clock", with_model=True)
    assert made[1] == DAY, "after the one that is being made"
    await asyncio.gather(*tasks)
    assert sorted(made) == sorted([DAY, *days])
    await queue.close()


async def test_the_line_of_people_who_wait_for_reports_has_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = asyncio.Event()

    async def slow(topic: str, day: date, *, with_model: bool) -> str:
        await begun.wait()
        return ""

    monkeypatch.setattr(builds, "run_digest", slow)
    queue, days = builds.Builds(), [date(2025, 1, n + 1) for n in range(builds.MAX_WAITING)]
    waiting = [asyncio.create_task(queue.build("ai", day, f"u{day}")) for day in days]
    await asyncio.sleep(0)
    for _ in range(builds.BUILDS_AN_HOUR + 1):  # a refused one does not count
        assert "too many" in await queue.build("ai", DAY, "late")
    shared = asyncio.create_task(queue.build("ai", days[0], "late"))
    clock = asyncio.create_task(queue.build("ai", DAY, "clock", with_model=True))
    await asyncio.sleep(0)
    begun.set()
    assert await asyncio.gather(*waiting, shared, clock) == [""] * (len(waiting) + 2)
    await queue.close()


async def test_what_people_typed_reaches_a_child_but_not_the_list_of_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[tuple[object, ...]] = []
    start = asyncio.create_subprocess_exec

    async def note(*words: Any, **more: Any) -> asyncio.subprocess.Process:
        started.append(words)
        return await start(sys.executable, "-c", ECHO, **more)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", note)
    answer = await builds.ask_child("ask", "--json", "-", typed="钥匙 key=1\nsecond")
    assert answer == ("('钥匙 key=1', 'second')\n", "")
    assert "key" not in str(started)


ECHO = """
import click
from bot.arguments import read_typed
@click.command()
@click.argument("words", nargs=-1, callback=read_typed)
def show(words):
    click.echo(repr(words).encode())
show(["-"])
"""
