"""Exactly one digest a chat a local day, whatever clocks do. All pairs: `make chaos`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from random import Random as Draw

import pytest
from sqlalchemy import select, update

from digest.calendar import closes, moment, next_due, zone
from digest.models import Balance, Subscription
from digest.store.due import NewestDays, propose_rows
from digest.store.ledger import Ledger
from digest.store.tables import deliveries, subscriptions
from tests.samples import report
from tests.test_ledger import EIGHT, HALL, MEI, follow, ledger, planned, settled
from tests.town import TOPICS
from tools.clock_years import (
    DAY,
    FIRST,
    HALF_HOURS,
    HOUR,
    chat,
    every_day,
    faults,
    local_days,
    run,
    times,
    topic,
    zones,
)

__all__ = ["ledger"]


def test_every_zone_has_one_moment_a_local_day_in_order() -> None:
    assert sum(map(len, zones().values())) > 400
    for names in zones().values():
        for at in Draw(names[0]).sample(times(names[0]), 6):  # noqa: S311
            found = [moment(day, at, names[0]) for day in local_days()]
            moments = [due for due in found if due]
            assert len(moments) == len(found), (names[0], at)
            assert all(b - a > 20 * HOUR for a, b in pairwise(moments))
            assert {
                (due + timedelta(seconds=1)).astimezone(zone(names[0])).date() for due in moments
            } == set(local_days()), (names[0], at)


def test_every_zone_gets_one_digest_a_local_day_for_two_years() -> None:
    draw = Draw(6)  # noqa: S311
    for names in zones().values():
        name, other = names[0], draw.choice(list(zones()))
        pairs = [(name, "UTC"), (name, name), (name, zones()[other][0])]
        for here, there in pairs:
            one = chat(here, draw.choice(times(here)))
            about = topic(there, draw.choice(times(there)))
            assert faults(one, about) == [], (here, one.at, there, about.build_at)


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("America/New_York", time(1, 30)),
        ("America/New_York", time(2, 30)),
        ("Europe/Berlin", time(2, 30)),
        ("America/Havana", time(0, 30)),
        ("Australia/Lord_Howe", time(2, 15)),
        ("Africa/Casablanca", time(2, 30)),
        ("America/Nuuk", time(23, 45)),
    ],
)
@pytest.mark.parametrize("build_at", [time(0), time(1, 30), time(8)])
def test_clock_changes_bring_one_digest(name: str, at: time, build_at: time) -> None:
    assert faults(chat(name, at), topic(name, build_at)) == []
    assert faults(chat(name, at), topic("UTC", build_at)) == []


def test_half_a_year_of_other_clocks_brings_no_older_report() -> None:
    one, about = chat("Europe/Berlin", time(9, 30)), topic("UTC", time(8))
    assert faults(one, about) == []
    for day, newest, *_ in every_day(one, about):
        assert newest == day - DAY, "made by its time in winter, half an hour later in summer"
    row = propose_rows(one, about, *_day(one, date(2026, 7, 1), NewestDays()))[0]
    assert (row["due_at"], row["late"]) == (datetime(2026, 7, 1, 8, tzinfo=UTC), False)
    row = propose_rows(one, about, *_day(one, date(2026, 12, 1), NewestDays()))[0]
    assert row["due_at"] == datetime(2026, 12, 1, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(("at", "back"), [(time(7, 30), 2), (time(8), 1), (time(8, 30), 1)])
def test_the_same_zone_needs_no_day_to_spare(at: time, back: int) -> None:
    one, about = chat("Europe/Berlin", at), topic("Europe/Berlin", time(8))
    assert {day - report for day, report, *_ in every_day(one, about) if report} == {back * DAY}


@pytest.mark.parametrize("build_at", [time(7), time(8), time(9)])
def test_the_clocks_of_ramadan_are_changed_as_any_others(build_at: time) -> None:
    one, about = chat("Africa/Casablanca", time(8, 30)), topic("UTC", build_at)
    offsets = {moment(day, one.at, one.timezone) for day in local_days()}
    assert {due.hour for due in offsets if due} == {7, 8}
    assert faults(one, about) == []
    back = DAY if build_at == time(7) else 2 * DAY
    assert {day - report for day, report, *_ in every_day(one, about) if report} == {back}


def _day(
    one: Subscription, day: date, got: NewestDays
) -> tuple[datetime, NewestDays, datetime, datetime]:
    """What `propose_rows` is told a minute after the chat's time of that day."""
    due = moment(day, one.at, one.timezone)
    assert due
    return due, got, due + timedelta(minutes=1), due - DAY


def test_a_day_that_a_zone_never_had_is_left_out() -> None:
    missing = date(2011, 12, 30)
    one, about = chat("Pacific/Apia", time(8)), topic()
    start = datetime(2011, 12, 27, tzinfo=UTC)
    ticks = [start + n * HOUR for n in range(7 * 24)]
    rows = run(one, about, ticks, start)
    days = [day for day, *_ in rows]
    assert missing not in days
    assert {missing - DAY, missing + DAY} <= set(days)
    reports = [report for _, report, *_ in rows if report]
    # A day west of the date line, a day east of it: from then on at its time, an older report.
    assert len(reports) == len(set(reports)) == len(rows)
    assert moment(missing, time(8), "Pacific/Apia") is None
    # A topic of that zone closes the day before when the next day there begins.
    assert closes(topic("Pacific/Apia"), missing - DAY) == moment(
        missing + DAY, time(8), "Pacific/Apia"
    )


def test_a_tick_that_comes_late_brings_it_all_the_same() -> None:
    one, about = chat("Europe/Berlin", time(8)), topic("UTC", time(4))
    start = datetime(2026, 3, 20, 12, tzinfo=UTC)
    draw = Draw(1)  # noqa: S311
    ticks = sorted(start + timedelta(minutes=draw.randrange(30 * 24 * 60)) for _ in range(120))
    rows = run(one, about, ticks, start)
    assert len({day for day, *_ in rows}) == len(rows) >= 29


def test_down_for_three_days_brings_one() -> None:
    one, about = chat("Asia/Shanghai", time(8)), topic("UTC", time(22))
    start = datetime(2026, 3, 20, 1, tzinfo=UTC)
    rows = run(one, about, [start + timedelta(days=3)], start)
    assert [reason for *_, reason in rows] == ["missed", "missed", ""]


@pytest.mark.parametrize("jump", [-2, 2])
def test_a_clock_that_jumps_two_days_doubles_nothing(jump: int) -> None:
    one, about = chat("Europe/Berlin", time(8)), topic("UTC", time(4))
    start = datetime(2026, 3, 20, 12, tzinfo=UTC)
    true = [start + n * HOUR for n in range(24 * 10)]
    shown = [
        at + timedelta(days=jump) if start + timedelta(days=3) < at < start + timedelta(days=4)
        else at
        for at in true
    ]  # fmt: skip
    rows = run(one, about, shown, start)
    days = [day for day, *_ in rows]
    assert days == sorted(set(days)) == local_days(date(2026, 3, 21), date(2026, 3, 30))
    sent = [report for _, report, *_ in rows if report]
    assert len(sent) == len(set(sent)) >= 7


def test_weekdays_are_kept_over_two_years() -> None:
    one = chat("America/Havana", time(0, 30), weekdays=(6,))
    now, found = datetime(2026, 1, 1, tzinfo=UTC), []
    while (now := next_due(one, now)) < datetime(2028, 1, 1, tzinfo=UTC):
        found.append(now.astimezone(zone(one.timezone)).date())
    assert found == [day for day in local_days() if day.weekday() == 6]


def test_a_zone_that_is_not_known_any_more_counts_as_utc() -> None:
    assert moment(FIRST, time(8), "Europe/Atlantis") == datetime(2026, 1, 1, 8, tzinfo=UTC)
    assert faults(chat("Europe/Atlantis", HALF_HOURS[5]), topic()) == []


@pytest.mark.parametrize("hours", [-1, 0, 1])
@pytest.mark.parametrize("hour", [0, 8, 23])
async def test_new_rules_of_a_zone_cost_no_day(ledger: Ledger, hour: int, hours: int) -> None:
    await follow(ledger, MEI, at=time(hour, 30))
    due = EIGHT.replace(hour=hour, minute=30)
    await ledger.propose(TOPICS, due)
    async with ledger._store.writing() as connection:  # by the rules of before
        next_at = due + DAY + hours * HOUR
        await connection.execute(update(subscriptions).values(next_at=next_at))
    assert await ledger.propose(TOPICS, due + DAY + HOUR) == 1
    assert await ledger.propose(TOPICS, due + 2 * DAY) == 1


@pytest.mark.parametrize(
    ("where", "at", "build_at"),
    [
        ("UTC", time(5), time(6)),
        ("UTC", time(23), time(6)),
        ("Asia/Shanghai", time(8), time(6)),
        ("Pacific/Kiritimati", time(8), time(6)),
        ("UTC", time(8), time(20)),
        ("UTC", time(8), time(0)),
    ],
)
async def test_after_a_change_each_digest_comes_at_its_time(
    ledger: Ledger, where: str, at: time, build_at: time
) -> None:
    await follow(ledger, MEI)
    changed = EIGHT + 2 * DAY + 12 * HOUR
    for n in range(3):
        await ledger.propose(TOPICS, EIGHT + n * DAY)
    topics = {"ai": replace(TOPICS["ai"], build_at=build_at)}
    await ledger._store.subscribe(Subscription(MEI, "ai", at, where), changed)
    for n in range(24 * 4):
        await ledger.propose(topics, changed + n * HOUR)
    rows = await ledger._store.rows(select(deliveries).order_by(deliveries.c.day))
    later = [row for row in rows if row.due_at > changed]
    assert [row.due_at for row in later] == [moment(row.day, at, where) for row in later]
    assert all(row.report for row in later)
    reports = [row.report for row in rows if row.report]
    assert len(reports) >= 6
    assert all(DAY <= b - a <= 2 * DAY for a, b in pairwise(reports))


@pytest.mark.parametrize("ahead", [1, 2, 30, 400])
@pytest.mark.parametrize("hour", [-2, 4])
async def test_a_look_by_a_clock_that_ran_ahead_silences_no_chat(
    ledger: Ledger, ahead: int, hour: int
) -> None:
    now = EIGHT + hour * HOUR
    await follow(ledger, MEI)
    await follow(ledger, HALL, weekdays=(EIGHT.weekday(),))
    await ledger.propose(TOPICS, now)
    wrong = now + timedelta(days=ahead)
    await ledger.propose(TOPICS, wrong)
    await ledger.list_builds_due([TOPICS["ai"]], wrong)
    for n in range(24 * 8):
        await ledger.propose(TOPICS, now + n * HOUR)
    rows = await ledger._store.rows(select(deliveries).order_by(deliveries.c.day))
    days = {
        n: [(row.day - EIGHT.date()).days for row in rows if row.subscription_id == n]
        for n in (1, 2)
    }
    assert days == {1: list(range(8 if hour < 0 else 9)), 2: [0, 7]}
    assert {row.state for row in rows} == {"due"}
    due = await ledger.list_builds_due([TOPICS["ai"]], now + timedelta(days=1))
    assert due == [("ai", EIGHT.date())]


async def test_a_restore_by_a_clock_that_ran_ahead_silences_no_chat(ledger: Ledger) -> None:
    await follow(ledger, MEI)
    await ledger._store.mark_restored(EIGHT + timedelta(days=400))
    await ledger.propose(TOPICS, EIGHT - HOUR)
    assert await ledger.propose(TOPICS, EIGHT) == 1
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, waiting=1)


async def test_parts_and_empty_reports_of_a_clock_that_ran_ahead_hold_back_nothing(
    ledger: Ledger,
) -> None:
    store, ahead = ledger._store, EIGHT + 30 * DAY
    await follow(ledger, MEI)
    await ledger.propose(TOPICS, ahead)
    newest = report(ahead.date() - DAY)
    imported = replace(newest, first=newest.last + DAY, last=newest.last + DAY, source=b"a file")
    empty = replace(report(ahead.date() + DAY), posts={})
    for stored in (newest, replace(imported, posts={}), empty):
        await store.save_report(stored)
    [(one, _)] = await ledger.list_ready("telegram", 10, TOPICS, ahead)
    await ledger.plan([(one.id, ["hello"])])
    [part] = await ledger.claim("telegram", 10, ahead)
    await settled(ledger, [part], "waiting", again_at=ahead + HOUR)
    await Ledger(store).propose(TOPICS, EIGHT - HOUR)
    assert await planned(ledger, "again") == 1
    [part] = await ledger.claim("telegram", 10, EIGHT)
    assert part.body == "again"
    days = [EIGHT.date() - DAY, newest.last, imported.last]
    assert await store.list_days("ai") == days, "what holds anything stays"
    again_at = EIGHT + 30 * DAY  # set by another process, perhaps
    await settled(ledger, [part], "waiting", again_at=again_at)
    await Ledger(store).propose(TOPICS, EIGHT)
    assert len(await ledger.claim("telegram", 10, EIGHT)) == 1


async def test_what_was_sent_by_a_clock_that_ran_ahead_is_not_sent_again(ledger: Ledger) -> None:
    await follow(ledger, MEI)
    ahead = EIGHT + timedelta(days=3)
    await ledger.propose(TOPICS, ahead)
    await ledger._store.save_report(report(ahead.date() - timedelta(days=1)))
    [(one, _)] = await ledger.list_ready("telegram", 10, TOPICS, ahead)
    await ledger.plan([(one.id, ["hello"])])
    await settled(ledger, await ledger.claim("telegram", 10, ahead))
    assert (await ledger.load_newest_days([1], EIGHT))[1].day == EIGHT.date(), "not its day"
    new = [await ledger.propose(TOPICS, EIGHT + (n - 1) * HOUR) for n in range(24 * 5)]
    assert [n // 24 for n, number in enumerate(new) if number] == [0, 1, 2, 4]


@pytest.mark.parametrize("ahead", [1, 2, 3, 6, 7, 8, 13])
async def test_chats_with_some_weekdays_wait_for_the_next_one(ledger: Ledger, ahead: int) -> None:
    chats = [replace(MEI, id=str(n)) for n in range(4)]
    days = [(0,), (0, 1, 2, 3, 4), (2, 5), (0, 6)]
    for one, weekdays in zip(chats, days, strict=True):
        await follow(ledger, one, weekdays=weekdays)
    now = EIGHT + HOUR
    await ledger.propose(TOPICS, now)
    times = select(subscriptions.c.next_at).order_by(subscriptions.c.id)
    right = await ledger._store.rows(times)
    await ledger._forget_future(TOPICS, now)
    assert await ledger._store.rows(times) == right, "a start leaves alone what is right"
    await ledger.propose(TOPICS, now + timedelta(days=ahead))
    await ledger.propose(TOPICS, now)
    assert await ledger._store.rows(times) == right
