"""The ledger of deliveries, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from digest.models import Balance, Chat, Outcome, Part, PartState, Subscription
from digest.store import Store
from digest.store.ledger import Ledger
from tests.samples import report
from tests.town import TOPICS
from tools.balance import list_unbalanced

DAY = date(2026, 3, 10)
EIGHT = datetime(2026, 3, 10, 8, tzinfo=UTC)
MEI = Chat("telegram", "7", title="Mei")
HALL = Chat("telegram", "-100", kind="group", title="The hall")
NEWS = Chat("discord", "20", kind="group", space="1")
HOUR = timedelta(hours=1)


@pytest.fixture
async def ledger(store_url: str) -> AsyncIterator[Ledger]:
    async with await Store.open(store_url) as store:
        yield Ledger(store)


async def follow(ledger: Ledger, *chats: Chat, at: time = time(8), **more: object) -> None:
    """Subscribes chats, the evening before."""
    for chat in chats:
        one = Subscription(chat, "ai", at, "UTC", **more)  # type: ignore[arg-type]
        await ledger._store.subscribe(one, EIGHT - 12 * HOUR)


async def planned(ledger: Ledger, *said: str, now: datetime = EIGHT) -> int:
    """Proposes what is due and plans these messages for each; gives how many deliveries."""
    await ledger.propose(TOPICS, now)
    await ledger._store.save_report(report(DAY - timedelta(days=1)))
    ready = [await ledger.list_ready(p, 100, TOPICS, now) for p in ("telegram", "discord")]
    found = [one for rows in ready for one, _ in rows]
    await ledger.plan([(one.id, said) for one in found])
    return len(found)


async def settled(
    ledger: Ledger, parts: list[Part], state: PartState = "sent", **more: object
) -> None:
    await ledger.settle([Outcome(one.id, state, **more) for one in parts])  # type: ignore[arg-type]


async def test_a_chat_gets_one_digest_a_day(ledger: Ledger) -> None:
    await follow(ledger, MEI, HALL)
    assert await ledger.propose(TOPICS, EIGHT - HOUR) == 0
    assert await ledger.propose(TOPICS, EIGHT) == 2
    assert await ledger.propose(TOPICS, EIGHT) == 0
    assert await ledger.propose(TOPICS, EIGHT + 5 * HOUR) == 0
    assert await ledger.list_ready("telegram", 10, TOPICS, EIGHT) == [], "there is no report yet"
    await ledger._store.save_report(report(DAY - timedelta(days=1)))
    found = await ledger.list_ready("telegram", 10, TOPICS, EIGHT)
    assert [(one.subscription.chat, one.day, one.late) for one, _ in found] == [
        (MEI, DAY, False),
        (HALL, DAY, False),
    ]
    yesterday = DAY - timedelta(days=1)
    assert {key for _, key in found} == {("ai", yesterday, yesterday)}


async def test_messages_go_in_order_one_of_a_chat_at_a_time(ledger: Ledger) -> None:
    await follow(ledger, MEI, HALL)
    await planned(ledger, "a", "b")
    first = await ledger.claim("telegram", 10, EIGHT)
    assert [(one.chat.id, one.body, one.attempts, one.doubt_since) for one in first] == [
        ("7", "a", 1, None),
        ("-100", "a", 1, None),
    ]
    assert all(len(one.nonce) <= 25 for one in first)
    assert await ledger.claim("telegram", 10, EIGHT) == [], "each waits for the one before it"
    await settled(ledger, first[:1], message="11", again_at=EIGHT + timedelta(seconds=1))
    assert await ledger.claim("telegram", 10, EIGHT) == [], "the chat must rest for a second"
    second = await ledger.claim("telegram", 10, EIGHT + timedelta(seconds=1))
    assert [(one.chat.id, one.body) for one in second] == [("7", "b")]
    await settled(ledger, second + first[1:])
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=2, delivered=1, waiting=1)
    await settled(ledger, await ledger.claim("telegram", 10, EIGHT))
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=2, delivered=2)
    assert await list_unbalanced(ledger) == []


async def test_a_refused_part_waits_and_keeps_its_nonce(ledger: Ledger) -> None:
    await follow(ledger, MEI)
    await planned(ledger, "a")
    (one,) = await ledger.claim("telegram", 10, EIGHT)
    await settled(ledger, [one], "waiting", error="429", again_at=EIGHT + HOUR)
    assert await ledger.claim("telegram", 10, EIGHT + HOUR / 2) == []
    (again,) = await ledger.claim("telegram", 10, EIGHT + HOUR)
    assert (again.id, again.nonce, again.attempts) == (one.id, one.nonce, 2)
    assert again.doubt_since is None, "it certainly did not arrive"


async def test_what_a_dead_process_was_sending_is_held(ledger: Ledger) -> None:
    await follow(ledger, MEI, HALL)
    await planned(ledger, "a", "b")
    await ledger.claim("telegram", 10, EIGHT)
    assert await ledger.recover("telegram") == 2
    assert await ledger.recover("telegram") == 0
    held = await ledger.list_held_parts("telegram")
    assert [(one.chat.id, one.topic, one.day) for one in held] == [
        ("7", "ai", DAY),
        ("-100", "ai", DAY),
    ]
    assert [(one.position, one.parts, one.chat.title) for one in held] == [
        (0, 2, "Mei"),
        (0, 2, "The hall"),
    ]
    assert await ledger.claim("telegram", 10, EIGHT) == [], "no part goes out past a missing one"
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=2, unknown=2)
    assert await ledger.decide([held[0].part], again=True) == 1
    assert await ledger.decide([held[1].part], again=False) == 1
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=2, waiting=2)
    next_ones = await ledger.claim("telegram", 10, EIGHT)
    assert [(one.chat.id, one.body) for one in next_ones] == [("7", "a"), ("-100", "b")]
    await settled(ledger, next_ones)
    await settled(ledger, await ledger.claim("telegram", 10, EIGHT))
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=2, delivered=2)
    assert await ledger.decide([held[0].part], again=True) == 0, "decided once"


async def test_a_held_part_holds_up_only_its_own_digest(ledger: Ledger) -> None:
    await follow(ledger, MEI)
    await planned(ledger, "a", "b")
    await ledger.claim("telegram", 10, EIGHT)
    await ledger.recover("telegram")
    tomorrow = EIGHT + 24 * HOUR
    await ledger._store.save_report(report(DAY))
    await planned(ledger, "c", "d", now=tomorrow)
    for text in ("c", "d"):
        (part,) = await ledger.claim("telegram", 10, tomorrow)
        assert part.body == text
        await settled(ledger, [part])
    assert await ledger.claim("telegram", 10, tomorrow) == []


async def test_refused_parts_are_listed_but_not_of_people_who_left(ledger: Ledger) -> None:
    await follow(ledger, MEI, HALL)
    await planned(ledger, "a")
    why = "not enough rights"
    await settled(ledger, await ledger.claim("telegram", 10, EIGHT), "refused", error=why)
    await ledger.end_chat("telegram", "7", "removed")
    (part,) = await ledger.list_refused_parts(EIGHT - HOUR)
    assert (part.chat.title, part.error, part.state) == ("The hall", why, "refused")
    await ledger.end_chat("telegram", part.chat.id, "removed")
    assert await ledger.list_refused_parts(EIGHT - HOUR) == [part]
    assert await ledger.list_refused_parts(EIGHT + HOUR) == []


async def test_a_refused_part_ends_its_digest_and_no_other(ledger: Ledger) -> None:
    await follow(ledger, MEI, HALL)
    await planned(ledger, "a", "b", "c")
    mei, hall = sorted(
        await ledger.claim("telegram", 10, EIGHT), key=lambda part: part.chat.id, reverse=True
    )
    await settled(ledger, [hall])
    await settled(ledger, [mei], "refused", error="message is too long")
    (second,) = await ledger.claim("telegram", 10, EIGHT)
    assert (second.chat.id, second.body) == ("-100", "b")
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=2, refused=1, waiting=1)
    assert await list_unbalanced(ledger) == []
    tomorrow = EIGHT + 24 * HOUR
    await ledger._store.save_report(report(DAY))
    await planned(ledger, "d", now=tomorrow)
    assert "d" in [part.body for part in await ledger.claim("telegram", 10, tomorrow)]
    (refused,) = await ledger.list_refused_parts(EIGHT - HOUR)
    assert (refused.position, refused.parts) == (0, 3)


async def test_a_thread_that_is_gone_leaves_the_others(ledger: Ledger) -> None:
    topic = replace(HALL, thread="5")
    await follow(ledger, HALL, topic)
    await planned(ledger, "a")
    assert await ledger.end_chat("telegram", "-100", "deleted", thread="5") == 1
    (part,) = await ledger.claim("telegram", 10, EIGHT)
    assert part.chat.thread == ""
    assert await list_unbalanced(ledger) == []


async def test_an_outcome_that_comes_too_late_changes_nothing(ledger: Ledger) -> None:
    await follow(ledger, MEI)
    await planned(ledger, "a", "b")
    sending = await ledger.claim("telegram", 10, EIGHT)
    assert await ledger.end_chat("telegram", "7", "removed") == 1
    await settled(ledger, sending, "waiting")
    assert await ledger.claim("telegram", 10, EIGHT) == []
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, refused=1)
    assert await list_unbalanced(ledger) == []
    assert await ledger.propose(TOPICS, EIGHT + 24 * HOUR) == 0


async def test_a_server_that_removes_the_bot_ends_all_of_its_channels(ledger: Ledger) -> None:
    await follow(ledger, NEWS, Chat("discord", "21", kind="group", space="1"), MEI)
    assert await planned(ledger, "a") == 3
    assert await ledger.end_chat("discord", "", "removed", space="1") == 2
    assert await ledger.claim("discord", 10, EIGHT) == []
    assert len(await ledger.claim("telegram", 10, EIGHT)) == 1


async def test_a_chat_that_moved_gets_it_once_under_its_new_id(ledger: Ledger) -> None:
    await follow(ledger, HALL)
    await planned(ledger, "a")
    first = await ledger.claim("telegram", 10, EIGHT)
    assert await ledger.move_chat("telegram", "-100", "-1007") == 1
    assert await ledger.claim("telegram", 10, EIGHT) == [], "it is still under way"
    await settled(ledger, first, "waiting")
    (again,) = await ledger.claim("telegram", 10, EIGHT)
    assert again.chat.id == "-1007"
    await settled(ledger, [again])
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, delivered=1)


async def test_old_and_new_id_both_subscribed_get_one(ledger: Ledger) -> None:
    await follow(ledger, HALL, Chat("telegram", "-1007", kind="group"))
    await planned(ledger, "a")
    assert await ledger.move_chat("telegram", "-100", "-1007") == 0
    (one,) = await ledger.claim("telegram", 10, EIGHT)
    assert one.chat.id == "-1007"
    await settled(ledger, [one])
    assert await ledger.claim("telegram", 10, EIGHT) == []
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=2, delivered=1, refused=1)
    assert await ledger.propose(TOPICS, EIGHT + 24 * HOUR) == 1


SUPER = Chat("telegram", "-1007", kind="group")


async def sent_on(ledger: Ledger, now: datetime, *days: date) -> list[tuple[str, str]]:
    """Makes these days' reports, plans what is due and sends it: chats and texts."""
    await ledger.propose(TOPICS, now)
    for day in days:
        await ledger._store.save_report(report(day))
    ready = await ledger.list_ready("telegram", 10, TOPICS, now)
    await ledger.plan([(one.id, [f"report of {one.report}"]) for one, _ in ready])
    sent: list[tuple[str, str]] = []
    while found := await ledger.claim("telegram", 10, now):
        sent += [(one.chat.id, one.body) for one in found]
        await settled(ledger, found)
    return sent


async def test_a_day_served_before_the_move_is_not_served_again(ledger: Ledger) -> None:
    """Both ids are the same group: what the old one got in the morning is not due in the evening."""
    await follow(ledger, HALL)
    await follow(ledger, SUPER, at=time(20))
    first = DAY - timedelta(days=1)
    assert await sent_on(ledger, EIGHT, first) == [("-100", f"report of {first}")]
    assert await ledger.move_chat("telegram", "-100", "-1007") == 0
    evening = EIGHT + 13 * HOUR
    assert await sent_on(ledger, evening, first) == [], "neither the day nor the report again"
    assert await sent_on(ledger, evening + 24 * HOUR, DAY) == [("-1007", f"report of {DAY}")]
    assert await list_unbalanced(ledger) == []
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, delivered=1)


async def test_a_report_sent_before_the_move_is_not_sent_again_on_another_day(
    ledger: Ledger,
) -> None:
    """At 5 the other id gets a day older reports: what the group has had is not sent once more."""
    await follow(ledger, HALL)
    await follow(ledger, SUPER, at=time(5))
    older, first = DAY - timedelta(days=2), DAY - timedelta(days=1)
    assert sorted(await sent_on(ledger, EIGHT, older, first)) == [
        ("-100", f"report of {first}"),
        ("-1007", f"report of {older}"),
    ]
    await ledger.move_chat("telegram", "-100", "-1007")
    # Both had theirs that day; each report comes once, at five: the first one it has already.
    sent = []
    for days in range(1, 5):
        now = EIGHT + timedelta(days=days)
        sent += await sent_on(ledger, now, first + timedelta(days=days))
    assert len(sent) == len(set(sent)) == 3
    assert ("-1007", f"report of {first}") not in sent


async def test_the_rest_of_a_half_sent_digest_follows_under_the_new_id(ledger: Ledger) -> None:
    await follow(ledger, HALL)
    await follow(ledger, SUPER, at=time(20))
    await planned(ledger, "a", "b")
    await settled(ledger, await ledger.claim("telegram", 10, EIGHT))
    await ledger.move_chat("telegram", "-100", "-1007")
    (rest,) = await ledger.claim("telegram", 10, EIGHT)
    assert (rest.chat.id, rest.body) == ("-1007", "b")
    await settled(ledger, [rest])
    assert await ledger.propose(TOPICS, EIGHT + 13 * HOUR) == 0
    assert await list_unbalanced(ledger) == []


async def test_what_the_old_id_got_in_part_ends_what_the_new_one_did_not_begin(
    ledger: Ledger,
) -> None:
    await follow(ledger, HALL, SUPER)
    await planned(ledger, "a")
    (old,) = await ledger.claim("telegram", 1, EIGHT)
    await settled(ledger, [old])
    await ledger.move_chat("telegram", "-100", "-1007")
    assert await ledger.claim("telegram", 10, EIGHT) == []
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=2, delivered=1, refused=1)
    assert await list_unbalanced(ledger) == []


async def test_a_moved_chat_may_move_to_an_id_that_had_left(ledger: Ledger) -> None:
    new = Chat("telegram", "-1007", kind="group")
    await follow(ledger, HALL, new)
    await planned(ledger, "a")
    await ledger.end_chat("telegram", "-1007", "left")
    assert await ledger.move_chat("telegram", "-100", "-1007") == 1
    assert len(await ledger._store.list_subscriptions(new)) == 1
    (one,) = await ledger.claim("telegram", 10, EIGHT)
    assert one.chat.id == "-1007"


async def test_a_missed_digest_is_delivered_once_and_older_ones_are_skipped(ledger: Ledger) -> None:
    await follow(ledger, MEI)
    after = EIGHT + timedelta(days=3, hours=2)
    assert await ledger.propose(TOPICS, after) == 4
    assert await ledger.propose(TOPICS, after) == 0
    for back in range(1, 5):
        await ledger._store.save_report(report(after.date() - timedelta(days=back)))
    ((one, key),) = await ledger.list_ready("telegram", 10, TOPICS, after)
    assert (one.day, one.late, key[1]) == (after.date(), True, after.date() - timedelta(days=1))
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, skipped=1)


async def test_a_digest_missed_for_over_a_day_is_skipped(ledger: Ledger) -> None:
    await follow(ledger, MEI, weekdays=(DAY.weekday(),))
    assert await ledger.propose(TOPICS, EIGHT + 25 * HOUR) == 1
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, skipped=1)


async def test_nothing_from_before_a_restore_is_sent(ledger: Ledger) -> None:
    await follow(ledger, MEI)
    await ledger._store.save_note("store", "restored", (EIGHT + HOUR).isoformat())
    assert await ledger.propose(TOPICS, EIGHT + 2 * HOUR) == 1
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, skipped=1)
    assert await ledger.propose(TOPICS, EIGHT + 24 * HOUR) == 1
    assert (await ledger.count_due(EIGHT + 24 * HOUR))["telegram"] == Balance(due=1, waiting=1)


async def test_another_time_on_the_same_day_brings_no_second_one(ledger: Ledger) -> None:
    await follow(ledger, MEI)
    await planned(ledger, "a")
    late = Subscription(MEI, "ai", time(20), "UTC")
    await ledger._store.subscribe(late, EIGHT + HOUR)
    assert await ledger.propose(TOPICS, EIGHT + 13 * HOUR) == 0
    assert await ledger.propose(TOPICS, EIGHT + 36 * HOUR) == 1
    await ledger._store.subscribe(replace(late, timezone="Asia/Shanghai"), EIGHT + 37 * HOUR)
    assert await ledger.propose(TOPICS, EIGHT + 36.5 * HOUR) == 0


async def test_another_time_brings_the_newest_report_all_the_same(ledger: Ledger) -> None:
    await follow(ledger, MEI)
    await ledger.propose(TOPICS, EIGHT)
    late = Subscription(MEI, "ai", time(20), "UTC")
    await ledger._store.subscribe(late, EIGHT + HOUR)
    for back in range(-3, 3):
        await ledger._store.save_report(report(DAY - timedelta(days=back)))
    for days in range(1, 4):
        await ledger.propose(TOPICS, EIGHT + timedelta(days=days, hours=12))
    ready = await ledger.list_ready("telegram", 9, TOPICS, EIGHT + timedelta(days=3, hours=12))
    found = [(one.day - DAY, one.report - DAY) for one, _ in ready]
    assert [(day.days, report.days) for day, report in found] == [(0, -1), (1, 0), (2, 1), (3, 2)]


async def test_who_leaves_gets_no_more(ledger: Ledger) -> None:
    await follow(ledger, MEI, HALL, Chat("telegram", "8"))
    await planned(ledger, "a", "b")
    await ledger._store.unsubscribe(HALL, "ai")
    (going, other) = await ledger.claim("telegram", 10, EIGHT)
    assert {going.chat.id, other.chat.id} == {"7", "8"}
    await ledger._store.unsubscribe(MEI, "ai")
    await settled(ledger, [going, other])
    assert [one.chat.id for one in await ledger.claim("telegram", 10, EIGHT)] == ["8"]
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=3, refused=2, waiting=1)
    assert await list_unbalanced(ledger) == []


async def test_a_paused_chat_gets_nothing_and_goes_on_later(ledger: Ledger) -> None:
    await follow(ledger, MEI, paused=True)
    assert await ledger.propose(TOPICS, EIGHT + HOUR) == 0
    await ledger._store.subscribe(Subscription(MEI, "ai", time(8), "UTC"), EIGHT + HOUR)
    assert await ledger.propose(TOPICS, EIGHT + 2 * HOUR) == 0
    assert await ledger.propose(TOPICS, EIGHT + 24 * HOUR) == 1


async def test_the_terminal_gets_no_deliveries(ledger: Ledger) -> None:
    await follow(ledger, Chat("terminal", "terminal"), MEI)
    assert await ledger.propose(TOPICS, EIGHT) == 1


async def test_digests_come_only_on_the_chosen_weekdays(ledger: Ledger) -> None:
    await follow(ledger, MEI, weekdays=(5, 6))
    found = [await ledger.propose(TOPICS, EIGHT + timedelta(days=n)) for n in range(14)]
    days = [(DAY + timedelta(days=n)).weekday() for n, new in enumerate(found) if new]
    assert days == [5, 6, 5, 6]


async def test_a_late_report_is_excused_and_then_delivered(ledger: Ledger) -> None:
    await follow(ledger, MEI)
    await ledger.propose(TOPICS, EIGHT)
    assert await ledger.list_overdue("telegram", 10, TOPICS, EIGHT) == []
    (one,) = await ledger.list_overdue("telegram", 10, TOPICS, EIGHT + HOUR)
    await ledger.save_excuses([(one.id, ["later today"])])
    assert await ledger.list_overdue("telegram", 10, TOPICS, EIGHT + HOUR) == []
    told = await ledger.claim("telegram", 10, EIGHT + HOUR)
    assert [part.body for part in told] == ["later today"]
    await settled(ledger, told)
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, waiting=1)
    assert await planned(ledger, "a", now=EIGHT + 2 * HOUR) == 1
    (whole,) = await ledger.claim("telegram", 10, EIGHT + 2 * HOUR)
    assert (whole.body, whole.position) == ("a", 0)
    await settled(ledger, [whole])
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, delivered=1)


async def test_a_delivery_without_a_report_is_skipped_after_a_day(ledger: Ledger) -> None:
    await follow(ledger, MEI)
    await ledger.propose(TOPICS, EIGHT)
    assert await ledger.give_up(EIGHT + 24 * HOUR) == 0
    (one,) = await ledger.list_overdue("telegram", 10, TOPICS, EIGHT + HOUR)
    await ledger.save_excuses([(one.id, ["later today"])])
    assert await ledger.give_up(EIGHT + 49 * HOUR) == 1
    assert await ledger.claim("telegram", 10, EIGHT + 49 * HOUR) == [], "too late for the word"
    assert await list_unbalanced(ledger) == []
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, skipped=1)


async def test_what_still_waits_after_a_day_is_too_late(ledger: Ledger) -> None:
    await follow(ledger, MEI, HALL, NEWS)
    await planned(ledger, "a", "b")
    (one,) = await ledger.claim("telegram", 1, EIGHT)
    await settled(ledger, [one])
    assert await ledger.expire("telegram", EIGHT + 24 * HOUR) == 0
    assert await ledger.expire("telegram", EIGHT + 25 * HOUR) == 2
    assert await ledger.claim("telegram", 10, EIGHT + 25 * HOUR) == []
    half = Balance(due=2, refused=1, skipped=1)
    assert (await ledger.count_due(EIGHT))["telegram"] == half, "half of one went out"
    assert (await ledger.count_due(EIGHT))["discord"] == Balance(due=1, waiting=1)
    assert await list_unbalanced(ledger) == []


async def test_an_operator_s_decision_does_not_expire_after_a_day(ledger: Ledger) -> None:
    await follow(ledger, MEI)
    await planned(ledger, "a")
    await settled(ledger, await ledger.claim("telegram", 10, EIGHT), "unknown")
    held = [one.part for one in await ledger.list_held_parts("telegram")]
    await ledger.decide(held, again=True)
    assert await ledger.expire("telegram", EIGHT + 30 * HOUR) == 0
    (again,) = await ledger.claim("telegram", 10, EIGHT + 30 * HOUR)
    await settled(ledger, [again])
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, delivered=1)


async def test_planning_twice_changes_nothing(ledger: Ledger) -> None:
    await follow(ledger, MEI)
    await ledger.propose(TOPICS, EIGHT)
    await ledger._store.save_report(report(DAY - timedelta(days=1)))
    ((one, _),) = await ledger.list_ready("telegram", 10, TOPICS, EIGHT)
    await ledger.plan([(one.id, ["a"])])
    await ledger.plan([(one.id, ["a"])])
    assert len(await ledger.claim("telegram", 10, EIGHT)) == 1
    assert await ledger.claim("telegram", 10, EIGHT) == []


async def test_one_process_at_a_time_holds_a_lease(ledger: Ledger) -> None:
    assert await ledger.take_lease("telegram", "one:1", EIGHT)
    assert await ledger.take_lease("telegram", "one:1", EIGHT + timedelta(seconds=20))
    assert not await ledger.take_lease("telegram", "two:2", EIGHT + timedelta(seconds=40))
    assert await ledger.find_holder("telegram", EIGHT + timedelta(seconds=40)) == "one:1"
    assert await ledger.take_lease("discord", "two:2", EIGHT)
    assert await ledger.take_lease("telegram", "two:2", EIGHT + timedelta(seconds=50))
    assert not await ledger.take_lease("telegram", "one:1", EIGHT + timedelta(seconds=51))
    await ledger.release_lease("telegram", "one:1")
    assert await ledger.find_holder("telegram", EIGHT + timedelta(seconds=51)) == "two:2"
    await ledger.release_lease("telegram", "two:2")
    assert await ledger.find_holder("telegram", EIGHT + timedelta(seconds=51)) == ""


async def test_pauses_file_ids_and_notes_are_stored(ledger: Ledger) -> None:
    assert await ledger.read_pause("telegram") is None
    await ledger.save_pause("telegram", EIGHT)
    assert await ledger.read_pause("telegram") == EIGHT
    assert await ledger.read_file_id("telegram", "h") == ""
    await ledger.save_file_id("telegram", "h", "AgAC")
    assert await ledger.read_file_id("telegram", "h") == "AgAC"
    await follow(ledger, MEI)
    await ledger.propose(TOPICS, EIGHT)
    (one,) = await ledger._store.list_subscriptions(MEI)
    assert (await ledger.load_newest_days([one.id], EIGHT))[one.id].day == DAY
