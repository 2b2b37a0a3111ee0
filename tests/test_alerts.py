"""Operators hear of trouble on the first day, once a day, whoever noticed it and whatever restarts."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from unittest.mock import AsyncMock

import pytest

from bot import texts
from bot.alerts import PATIENCE, STARTING, Alert, Alerts, Tell, Watch
from bot.messages import Reply
from bot.platforms import (
    ADVICE,
    FAULT,
    UNSEEN,
    Gone,
    Limited,
    PlatformError,
    Revoked,
    ServerFault,
    Unreachable,
    Unsure,
)
from bot.platforms._request import _FAILURES
from bot.platforms.terminal import render
from digest.errors import StoreError
from digest.models import Balance, Chat, Counts, Subscription, Topic, UndeliveredPart
from digest.store import Store
from digest.store.open_parts import RESTORED, WITHDRAWN
from digest.store.outbox import CUT_SHORT, ENDED, NOT_MADE, TOO_LATE
from tests.posts import TOPIC, post
from tests.samples import DAY, report

START = datetime(2025, 12, 8, 9, tzinfo=UTC)


class Clock:
    now = START

    def __call__(self) -> datetime:
        return self.now


class Phone:
    """A platform that tells one operator, or fails."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.fails: PlatformError | None = None

    async def send(self, person: str, reply: Reply) -> None:
        if self.fails:
            raise self.fails
        self.heard.append((person, render(reply, 200, styled=False)))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


def alerts(store: Store, clock: Clock) -> Alerts:
    return Alerts(store, clock, "en")


async def test_an_alert_is_sent_once_a_day_and_counts_the_days(store: Store, clock: Clock) -> None:
    phone, one = Phone(), alerts(store, clock)
    for _ in range(600):  # every minute of ten hours
        await one.tell("no_posts", "ai", day=DAY, n=0)
        await one.deliver("telegram", ["99"], phone.send)
        clock.now += timedelta(minutes=1)
    assert len(phone.heard) == 1
    assert "ai: no posts at all for 2025-12-06" in phone.heard[0][1]
    for day in (2, 3):
        clock.now = START + timedelta(days=day - 1)
        await one.tell("no_posts", "ai", day=DAY, n=0)
        await one.deliver("telegram", ["99"], phone.send)
        assert phone.heard[-1][1].endswith("and the log.")
        assert f"Day {day}: ai: no posts" in phone.heard[-1][1]
    clock.now += timedelta(days=3)
    await one.tell("no_posts", "ai", day=DAY, n=0)
    await one.deliver("telegram", ["99"], phone.send)
    assert "Day" not in phone.heard[-1][1], "after days without it, it begins anew"
    assert len(phone.heard) == 4


async def test_a_restart_repeats_nothing_and_another_process_may_tell(
    store: Store, clock: Clock
) -> None:
    phone = Phone()
    await alerts(store, clock).tell("source_down", "ai/hn", why="time-out")  # the clock's process
    await alerts(store, clock).deliver("telegram", ["99"], phone.send)
    for _ in range(3):
        again = alerts(store, clock)
        await again.tell("source_down", "ai/hn", why="time-out")
        await again.deliver("telegram", ["99"], phone.send)
    assert [who for who, _ in phone.heard] == ["99"]
    await alerts(store, clock).deliver("discord", ["7", "8"], phone.send)
    assert [who for who, _ in phone.heard] == ["99", "7", "8"], "each operator hears it"


async def test_several_alerts_are_one_message(store: Store, clock: Clock) -> None:
    phone, one = Phone(), alerts(store, clock)
    await one.tell("no_posts", "ai", day=DAY, n=0)
    await one.tell("platform_down", "discord", why="no network")
    await one.deliver("telegram", ["99"], phone.send)
    ((_, said),) = phone.heard
    assert "no posts at all" in said
    assert "discord cannot be reached (no network)" in said


async def test_an_unreachable_operator_is_retried_or_logged(
    store: Store, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    phone, one = Phone(), alerts(store, clock)
    await one.tell("no_delivery", "telegram", n=5)
    for phone.fails in (Unreachable("no network"), Revoked("a new token is needed")):
        await one.deliver("telegram", ["99"], phone.send)
    phone.fails = None
    await one.deliver("telegram", ["99"], phone.send)
    assert len(phone.heard) == 1
    phone.fails = Gone("blocked")
    await one.tell("damaged", "x.damaged", why="cut", made="2025-12-07")
    for _ in range(3):
        await one.deliver("telegram", ["99"], phone.send)
    told = [r for r in caplog.records if "cannot be alerted" in r.message]
    assert len(told) == 1, "somebody who never wrote to the bot: once into the log"


@pytest.mark.parametrize(("error", "number"), [(Unsure, 2), (ServerFault, 5)])
async def test_an_alert_whose_answers_get_lost_is_sent_twice(
    store: Store, clock: Clock, error: type[Exception], number: int
) -> None:
    send = AsyncMock(side_effect=error("why"))
    one = alerts(store, clock)
    await one.tell("no_delivery", "telegram", n=5)
    for _ in range(5):
        await one.deliver("telegram", ["99"], send)
    assert send.await_count == number


async def test_old_news_and_a_failing_store_are_quiet(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    phone, one = Phone(), alerts(store, clock)
    await one.tell("no_posts", "ai", day=DAY, n=0)
    clock.now += timedelta(days=3)
    await one.deliver("telegram", ["99"], phone.send)
    assert phone.heard == []

    async def broken(*_: object) -> None:
        raise StoreError("database is full")

    monkeypatch.setattr(Store, "read_note", broken)
    monkeypatch.setattr(Store, "read_notes", broken)
    with caplog.at_level(logging.ERROR):
        await one.tell("no_report", "ai", day=DAY, n=3)
        await one.deliver("telegram", ["99"], phone.send)
    assert "database is full" in caplog.text
    monkeypatch.undo()
    await one.tell("no_report", "ai", day=DAY, n=3)
    await one.deliver("telegram", ["99"], phone.send)
    assert "3 posts from 2025-12-06 but no report" in phone.heard[0][1], "then it is told"


async def test_every_alert_has_a_text(store: Store, clock: Clock) -> None:
    everything = {"day": DAY, "n": 3, "why": "because", "made": "yesterday"}
    matters = [key.removeprefix("alert_") for key in texts._load() if key.startswith("alert_")]
    phone, one = Phone(), alerts(store, clock)
    for matter in matters:
        if matter != "again":
            await one.tell(matter, "about this", **everything)
    await one.deliver("telegram", ["99"], phone.send)
    assert phone.heard[0][1].count("about this") == len(matters) - 1
    for value in (await store.read_notes("alerts")).values():
        assert json.loads(value)["first"] == "2025-12-08"


async def settled(store: Store, topic: Topic, tell: Tell, now: datetime) -> Watch:
    """A watch that has looked since the start of the process."""
    watch = Watch(store, [topic], tell)
    await watch.look(now - STARTING, {})
    return watch


async def test_a_day_without_posts_or_answers_is_noticed(store: Store) -> None:
    told: list[tuple[str, str, dict[str, object]]] = []

    async def tell(matter: str, about: str, **values: object) -> None:
        told.append((matter, about, values))

    empty = replace(report(), counts=Counts(), sources=())
    now = datetime(2025, 12, 7, 12, tzinfo=UTC)
    for stored in (report(), empty, replace(empty, source=b"an imported post")):
        await store.save_report(stored)
        await (await settled(store, TOPIC, tell, now)).look(now, {})
    down = ("source_down", "ai/hn", {"why": "no answer"})
    assert told == [down, ("no_posts", "ai", {"day": DAY, "n": 0})]


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2025, 12, 8, 0, 30, tzinfo=UTC), date(2025, 12, 6)),
        (datetime(2025, 12, 8, 1, 0, tzinfo=UTC), date(2025, 12, 7)),
        (datetime(2025, 12, 8, 23, 0, tzinfo=UTC), date(2025, 12, 7)),
    ],
)
async def test_a_report_is_missing_an_hour_after_its_build_time(
    store: Store, now: datetime, day: date
) -> None:
    days: list[object] = []

    async def tell(matter: str, about: str, **values: object) -> None:
        days.append(values["day"])

    shanghai = replace(TOPIC, timezone="Asia/Shanghai", build_at=time(8))
    await (await settled(store, shanghai, tell, now)).look(now, {})
    assert days == [day]


async def test_the_watch_tells_of_a_missing_report_and_of_digests_that_wait(
    store: Store,
) -> None:
    told: list[tuple[str, str, dict[str, object]]] = []

    async def tell(matter: str, about: str, **values: object) -> None:
        told.append((matter, about, values))

    now = datetime(2025, 12, 7, 12, tzinfo=UTC)
    watch = await settled(store, TOPIC, tell, now)
    assert told == [], "the first report may still be under way"
    await watch.look(now, {})
    assert told.pop() == ("no_posts", "ai", {"day": DAY, "n": 0})
    await store.save_posts(TOPIC, "s", [post("A post", "2", created_at=now)])
    await watch.look(now, {})
    assert told == [], "the topic is newer than the day"
    await store.save_posts(TOPIC, "s", [post("A post", "1")])
    await watch.look(now, {})
    assert told.pop() == ("no_report", "ai", {"day": DAY, "n": 1})
    early = replace(report(), sources=(), created_at=now - timedelta(days=1))
    await store.save_report(early)
    await watch.look(now, {})
    assert told.pop()[:2] == ("no_report", "ai"), "it was made before the day had closed"
    await store.save_report(replace(early, source=b"a post"))
    await watch.look(now, {})
    assert told == [], "it was imported"
    await store.save_report(replace(report(), sources=()))
    await watch.look(now, {"telegram": Balance(due=9, waiting=9)})
    await watch.look(now + PATIENCE / 2, {"telegram": Balance(due=9, delivered=1, waiting=8)})
    await watch.look(now + PATIENCE, {"telegram": Balance(due=9, delivered=2, waiting=7)})
    assert told == [], "they go out"
    await watch.look(now + 2 * PATIENCE, {"telegram": Balance(due=9, delivered=2, waiting=7)})
    assert told == [("no_delivery", "telegram", {"n": 7})]
    await watch.look(now + 3 * PATIENCE, {"telegram": Balance(due=9, delivered=9)})
    await watch.look(now + 9 * PATIENCE, {"telegram": Balance(due=3, delivered=2, waiting=1)})
    assert len(told) == 1, "another has only just begun to wait"


async def test_f33_the_operators_hear_of_a_zone_and_a_topic_that_are_gone(store: Store) -> None:
    told: list[tuple[str, str]] = []

    async def tell(matter: str, about: str, **_: object) -> None:
        told.append((matter, about))

    for number, name in enumerate(("Asia/Shanghai", "Atlantis/Gone", "Atlantis/Gone")):
        one = Subscription(Chat("telegram", str(number)), "ai", time(8), name)
        await store.subscribe(one, START)
    await Watch(store, [], tell).look(START, {})
    assert told == [("topic_gone", "ai"), ("zone_gone", "Atlantis/Gone")]


def test_a_title_is_no_line_of_ours_and_no_command() -> None:
    row = {
        "state": "held",
        "title": "x\n/unsubscribe",
        "part": 1,
        "parts": 1,
        "why": "?",
        "since": "",
    }
    said = Alert("undelivered", "telegram", DAY, DAY, {"n": 1, "rows": [row]}).text("en")
    assert "\nx /\u2060unsubscribe: part 1" in said


OURS = [ENDED, RESTORED, WITHDRAWN, UNSEEN, FAULT, "removed", "deleted"]
OURS += ["Missing Access", "Missing Permissions", "not enough rights to send photos to the chat"]
OURS += [TOO_LATE, CUT_SHORT, NOT_MADE, "refused again and again", "it gave no reason"]
ENDINGS = [
    "too many reports are being made",
    "it took longer than 600 s and was stopped",
    "it was stopped",
    "it ended without an error message",
    "it was killed by signal 9 (Killed): too little memory, perhaps",
    "internal error (KeyError); run again with LOG_LEVEL=DEBUG to see where",
]
UNREACHED = [words for *_, words in _FAILURES]
ADVISED = [row.format(name="X", variable="Y", why="no", address="Z") for row in ADVICE.values()]
LIMITED = [str(Limited(60)), "100 refused requests in ten minutes"]


@pytest.mark.parametrize("why", [*OURS, *ENDINGS, *UNREACHED, *ADVISED, *LIMITED])
def test_reasons_of_the_program_are_said_in_chinese(why: str) -> None:
    assert texts.language_of(texts.reason(why, "zh"), "en") == "zh"
    alert = Alert("stopped", "telegram", DAY, DAY, {"why": why})
    assert texts.reason(why, "zh") in alert.text("zh")


async def test_chats_that_lack_a_part_are_one_alert_with_names_and_reasons(
    store: Store, clock: Clock
) -> None:
    phone, one = Phone(), alerts(store, clock)
    watch = Watch(store, [], one.tell)
    chats = [Chat("telegram", str(number), title=f"Club {number}") for number in range(35)]
    held = [
        UndeliveredPart(n, chat, "ai", DAY, 1, 3, START, ENDED) for n, chat in enumerate(chats[:3])
    ]
    held += [replace(held[0], part=90, position=2)]
    why = "not enough rights to send text messages to the chat"
    refused = [
        UndeliveredPart(n, chat, "ai", DAY, 0, 3, START, why, "refused")
        for n, chat in enumerate(chats[3:], 3)
    ]
    await watch.look(START, {}, held)
    await watch.look(START, {}, [*held, *refused])
    await one.deliver("telegram", ["99"], phone.send)
    assert phone.heard == [], "not while they are still coming in"
    for _ in range(5):
        await watch.look(START, {}, [*held, *refused])
        await one.deliver("telegram", ["99"], phone.send)
    ((_, text),) = phone.heard
    assert "telegram: 36 messages did not arrive, or may not have:" in text
    assert "Club 0: part 2 of 3 may not have arrived (the program ended meanwhile)" in text
    assert text.count("Club 0:") == 1
    assert f"Club 3: part 1 of 3 was refused ({why}), 12-08 09:00 UTC" in text
    assert "5 more chats" in text
    more = [*held, *refused, UndeliveredPart(99, chats[0], "ai", DAY, state="refused")]
    for _ in range(3):
        await watch.look(START, {}, more)
        await one.deliver("telegram", ["99"], phone.send)
    assert len(phone.heard) == 2, "what is new is told on the same day"
    await store.save_note("languages", "telegram:98", "zh")
    await one.deliver("telegram", ["98"], phone.send)
    assert "第 2/3 部分，不确定是否送达（程序中途停止）" in phone.heard[-1][1]
