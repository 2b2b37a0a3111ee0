"""Parts that may have arrived, excuses that a report is late, and posts withdrawn meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from digest.models import Balance, Chat, Outcome, Subscription
from digest.store import Store, outbox
from digest.store.ledger import Ledger
from digest.store.open_parts import NOTHING, doubt
from digest.store.tables import bodies, deliveries
from digest.store.tables import parts as parts_table
from tests.posts import post
from tests.samples import report
from tests.town import TOPICS
from tools.balance import list_unbalanced

DAY = date(2026, 3, 10)
EIGHT = datetime(2026, 3, 10, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
URL = "https://example.com/1"


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    async with await Store.open(store_url) as opened:
        await opened.subscribe(
            Subscription(Chat("telegram", "7"), "ai", time(8), "UTC"), EIGHT - 12 * HOUR
        )
        await Ledger(opened).propose(TOPICS, EIGHT)
        yield opened


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger(store)


async def plan(ledger: Ledger, *bodies: str) -> int:
    """Plan these messages for what is due; return how many deliveries were."""
    await ledger._store.save_report(report(DAY - timedelta(days=1)))
    ready = await ledger.list_ready("telegram", 10, TOPICS, EIGHT + HOUR)
    await ledger.plan([(delivery.id, bodies) for delivery, _ in ready])
    return len(ready)


async def excuse(ledger: Ledger) -> None:
    (late,) = await ledger.list_overdue("telegram", 10, TOPICS, EIGHT + HOUR)
    await ledger.save_excuses([(late.id, ["not ready yet"])])


async def settle(ledger: Ledger, state: str = "sent", **more: object) -> list[str]:
    """Claim what can be sent and settle it so; return the bodies."""
    claimed = await ledger.claim("telegram", 10, EIGHT + HOUR)
    await ledger.settle([Outcome(one.id, state, **more) for one in claimed])  # type: ignore[arg-type]
    return [one.body for one in claimed]


async def hold(ledger: Ledger) -> int:
    """Let the one part that can be sent be unknown; return its id."""
    await settle(ledger, "unknown", error="no answer came in time")
    (part,) = await ledger.list_held_parts("telegram")
    return part.part


@pytest.mark.parametrize("again", [Outcome(0, "waiting"), Outcome(0, "waiting", error="429")])
async def test_an_operator_s_decision_outlives_an_attempt_that_fails(
    ledger: Ledger, again: Outcome
) -> None:
    await plan(ledger, "a")
    await ledger.decide([await hold(ledger)], again=True)
    await settle(ledger, again.state, error=again.error)
    assert await ledger.expire("telegram", EIGHT + 30 * HOUR) == 0
    assert await settle(ledger) == ["a"]


@pytest.mark.parametrize("hours", [23, 26])
async def test_what_follows_a_part_that_is_sent_again_comes_too(ledger: Ledger, hours: int) -> None:
    await plan(ledger, "a", "b", "c")
    held = await hold(ledger)
    await ledger.expire("telegram", EIGHT + hours * HOUR)
    assert await ledger.decide([held], again=True) == 1
    assert await ledger.expire("telegram", EIGHT + 30 * HOUR) == 0
    [part] = await ledger.claim("telegram", 10, EIGHT + HOUR)
    await ledger.settle([Outcome(part.id, "sent")])
    assert part.resend
    [part] = await ledger.claim("telegram", 10, EIGHT + HOUR)
    await ledger.settle([Outcome(part.id, "waiting", error="429")])
    assert not part.resend, "what nobody decided is never sent twice"
    assert await ledger.expire("telegram", EIGHT + 30 * HOUR) == 0
    assert [body for _ in range(2) for body in await settle(ledger)] == ["b", "c"]
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, delivered=1)
    assert await list_unbalanced(ledger) == []


async def test_what_a_backup_had_open_is_not_resumed(ledger: Ledger) -> None:
    """It was sent after the backup was made, mostly."""
    await plan(ledger, "a")
    await ledger.claim("telegram", 10, EIGHT)
    async with ledger._store.writing() as connection:
        await doubt(connection, EIGHT)
    await ledger.resume("telegram", EIGHT - HOUR)
    assert await settle(ledger) == []


async def test_what_is_resumed_after_a_restart_may_be_too_late(ledger: Ledger) -> None:
    """That is the program's decision, not an operator's."""
    await plan(ledger, "a")
    await ledger.claim("telegram", 10, EIGHT + HOUR)
    await ledger.recover("telegram")
    await ledger.resume("telegram", EIGHT + 2 * HOUR)
    assert (await ledger.count_due(EIGHT))["telegram"].unknown == 1, "tried before then"
    await ledger.resume("telegram", EIGHT)
    assert (await ledger.count_due(EIGHT))["telegram"].waiting == 1
    assert await ledger.expire("telegram", EIGHT + 30 * HOUR) == 1


async def test_an_outcome_is_unknown_from_the_first_unsure_attempt(ledger: Ledger) -> None:
    await plan(ledger, "a")
    outcomes = [
        {},  # put back
        {"error": "HTTP 502"},
        {"error": "no answer came in time", "unsure": True},
        {"error": "no connection could be made"},
        {},
        {"error": "no answer came in time", "unsure": True},
    ]
    seen = []
    for hour, outcome in enumerate(outcomes, 1):
        (part,) = await ledger.claim("telegram", 1, EIGHT + hour * HOUR)
        seen.append((part.attempts, part.doubt_since))
        await ledger.settle([Outcome(part.id, "waiting", **outcome)])  # type: ignore[arg-type]
    first = EIGHT + 3 * HOUR
    assert seen == [(1, None), (1, None), (2, None), (3, first), (4, first), (4, first)]


async def test_a_kill_leaves_the_outcome_unknown(ledger: Ledger) -> None:
    await plan(ledger, "a")
    await ledger.claim("telegram", 1, EIGHT + HOUR)
    await ledger.recover("telegram")
    await ledger.resume("telegram", EIGHT)
    (part,) = await ledger.claim("telegram", 1, EIGHT + 2 * HOUR)
    assert part.doubt_since == EIGHT + HOUR


async def test_the_age_of_a_doubt_counts_from_its_first_attempt(ledger: Ledger) -> None:
    await plan(ledger, "a")
    for hours in range(3):
        (part,) = await ledger.claim("telegram", 1, EIGHT + hours * HOUR)
        assert part.doubt_since == (EIGHT if hours else None)
        await ledger.settle([Outcome(part.id, "waiting", error="cut", unsure=True)])


async def test_a_late_answer_settles_only_its_own_claim(ledger: Ledger) -> None:
    """A process that was frozen, lost its lease and wakes up."""
    await plan(ledger, "a", "b")
    (frozen,) = await ledger.claim("telegram", 10, EIGHT)
    await ledger.recover("telegram")
    await ledger.resume("telegram", EIGHT - HOUR)
    (taken,) = await ledger.claim("telegram", 10, EIGHT + HOUR)
    for state in ("sent", "waiting", "refused"):
        await ledger.settle([Outcome(frozen.id, state, claimed_at=frozen.claimed_at)])
    assert await ledger.claim("telegram", 10, EIGHT + HOUR) == [], "another process sends it"
    await ledger.recover("telegram")
    await ledger.settle([Outcome(taken.id, "sent", "4711", claimed_at=taken.claimed_at)])
    assert await ledger.list_held_parts("telegram") == []
    assert await settle(ledger) == ["b"]


@pytest.mark.parametrize(
    ("outcome", "states"),
    [
        ({}, [["a"], ["b"]]),
        ({"error": "cut", "unsure": True}, [[], []]),
        ({"state": "refused"}, [[], []]),
    ],
)
async def test_what_a_frozen_process_never_sent_is_not_held(
    ledger: Ledger, outcome: dict[str, Any], states: list[list[str]]
) -> None:
    await plan(ledger, "a", "b")
    (frozen,) = await ledger.claim("telegram", 10, EIGHT)
    await ledger.recover("telegram")
    put_back = {"state": "waiting", "claimed_at": frozen.claimed_at, **outcome}
    await ledger.settle([Outcome(frozen.id, **put_back)])
    assert len(await ledger.list_held_parts("telegram")) == outcome.get("unsure", 0)
    rows = await ledger._store.rows(select(parts_table.c.doubt_since).order_by(parts_table.c.id))
    assert [row.doubt_since is not None for row in rows] == ["unsure" in outcome, False]
    assert [await settle(ledger) for _ in states] == states
    assert await list_unbalanced(ledger) == []


async def test_a_restored_part_may_have_been_sent_since_it_was_due(ledger: Ledger) -> None:
    await plan(ledger, "a")
    async with ledger._store.writing() as connection:
        await doubt(connection, EIGHT + 5 * HOUR)
    await ledger.resume("telegram", EIGHT - HOUR)
    (held,) = await ledger.list_held_parts("telegram")
    await ledger.decide([held.part], again=True)
    (part,) = await ledger.claim("telegram", 1, EIGHT + 5 * HOUR)
    assert (part.doubt_since, part.resend) == (EIGHT, True)


@pytest.mark.parametrize("state", ["sent", "unknown", "refused"])
async def test_no_outcome_of_an_excuse_holds_up_its_digest(ledger: Ledger, state: str) -> None:
    await excuse(ledger)
    assert await settle(ledger, state, message="1", error="why") == ["not ready yet"]
    assert await ledger.list_held_parts("telegram") == []
    assert await plan(ledger, "a", "b") == 1
    (first,) = await ledger.claim("telegram", 10, EIGHT + HOUR)
    await ledger.settle([Outcome(first.id, "sent", "2")])
    assert await ledger.find_first_message(first.delivery) == "2", "the digest's, not the excuse's"
    await hold(ledger)
    (part,) = await ledger.list_held_parts("telegram")
    assert (part.position, part.parts) == (1, 2)
    await ledger.decide([part.part], again=False)
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, delivered=1)
    assert await list_unbalanced(ledger) == []


async def test_a_kill_forgets_the_excuse_and_not_the_digest(ledger: Ledger) -> None:
    await excuse(ledger)
    await ledger.claim("telegram", 1, EIGHT + HOUR)
    await ledger.recover("telegram")
    assert await ledger.list_held_parts("telegram") == []
    await plan(ledger, "a")
    assert await settle(ledger) == ["a"]
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, delivered=1)
    assert await list_unbalanced(ledger) == []


async def test_no_excuse_is_sent_when_the_digest_can_be(ledger: Ledger) -> None:
    await excuse(ledger)
    await settle(ledger, "waiting", error="429")
    await plan(ledger, "a")
    assert await settle(ledger) == ["a"]
    assert await settle(ledger) == []
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, delivered=1)


async def test_an_excuse_in_flight_is_not_sent_again_when_its_digest_can_be(ledger: Ledger) -> None:
    await excuse(ledger)
    (late,) = await ledger.claim("telegram", 10, EIGHT + HOUR)
    await plan(ledger, "a")
    await ledger.settle([Outcome(late.id, "waiting", error="no connection could be made")])
    assert await settle(ledger) == ["a"]
    assert await settle(ledger) == []
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, delivered=1)
    assert await list_unbalanced(ledger) == []


@pytest.mark.parametrize("state", ["held", "waiting", "unknown", "recovered", "sent"])
async def test_a_chat_that_leaves_gets_nothing_that_may_be_sent_again(
    store: Store, ledger: Ledger, state: str
) -> None:
    mine = Chat("telegram", "7")
    await plan(ledger, "a", "b")
    if state == "held":
        await hold(ledger)
    claimed = await ledger.claim("telegram", 10, EIGHT + HOUR)
    await store.unsubscribe(mine, "ai")
    await store.subscribe(Subscription(mine, "ai", time(8), "UTC"), EIGHT + HOUR)
    if state == "recovered":
        await ledger.recover("telegram")
    await ledger.settle([Outcome(one.id, state) for one in claimed])  # type: ignore[arg-type]
    await ledger.resume("telegram", EIGHT)
    assert await ledger.list_held_parts() == []
    assert await settle(ledger) == []
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, refused=1)
    assert await list_unbalanced(ledger) == []


async def test_no_part_is_held_for_a_chat_that_is_gone(ledger: Ledger) -> None:
    await plan(ledger, "a", "b")
    await hold(ledger)
    await ledger.end_chat("telegram", "7", "removed")
    assert await ledger.list_held_parts() == []
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, refused=1)
    assert await list_unbalanced(ledger) == []


async def test_the_last_outcome_beside_a_leaving_chat_ends_its_digest(
    store: Store, ledger: Ledger
) -> None:
    for n in range(20, 40):
        chat = Chat("telegram", str(n))
        await store.subscribe(Subscription(chat, "ai", time(8), "UTC"), EIGHT - HOUR)
    await ledger.propose(TOPICS, EIGHT)
    await plan(ledger, "a", "b")
    await plan(ledger, "a", "b")
    await plan(ledger, "a", "b")
    for part in await ledger.claim("telegram", 30, EIGHT + HOUR):
        leave, sent = store.unsubscribe(part.chat, "ai"), Outcome(part.id, "sent")
        await asyncio.gather(ledger.settle([sent]), leave)
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=21, refused=21)
    assert await list_unbalanced(ledger) == []


async def test_a_withdrawal_beside_a_refusal_waits_for_it(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ledger.propose(TOPICS, EIGHT)
    await plan(ledger, "one", "two https://t.me/a/1")
    [part] = await ledger.claim("telegram", 9, EIGHT + HOUR)
    postpone, withdrawing = outbox._postpone, list[asyncio.Task[bool]]()

    async def postpone_late(*values: Any) -> None:
        urls = ["https://t.me/a/1"]
        saving = ledger._store.save_withdrawal(["x:1"], [], [], EIGHT, addresses=urls)
        withdrawing.append(asyncio.create_task(saving))
        await asyncio.sleep(0.3)
        await postpone(*values)

    monkeypatch.setattr(outbox, "_postpone", postpone_late)
    await ledger.settle([Outcome(part.id, "refused")])
    assert await asyncio.gather(*withdrawing) == [True]


async def withdraw(ledger: Ledger) -> None:
    """Withdraw the post with that address."""
    await ledger._store.save_posts(TOPICS["ai"], "x", [post("gone", "1")])
    kept = report(DAY - timedelta(days=1))
    await ledger._store.save_withdrawal(["x:1"], ["x:1"], [kept], EIGHT)


async def test_a_digest_that_waits_is_made_again_without_a_withdrawn_post(ledger: Ledger) -> None:
    await excuse(ledger)
    await settle(ledger)
    await plan(ledger, f"read {URL}", "b")
    await settle(ledger, "waiting", error="429")
    await withdraw(ledger)
    assert await settle(ledger) == []
    assert await plan(ledger, "without it", "b") == 1
    assert [*await settle(ledger), *await settle(ledger)] == ["without it", "b"]
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, delivered=1)
    assert await list_unbalanced(ledger) == []


async def test_a_digest_that_was_begun_ends_before_a_withdrawn_post(ledger: Ledger) -> None:
    await plan(ledger, "a", f"read {URL}", "c")
    assert await settle(ledger) == ["a"]
    await withdraw(ledger)
    assert await settle(ledger) == []
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, refused=1)
    assert await list_unbalanced(ledger) == []


async def test_a_held_part_says_a_withdrawn_post_no_more(ledger: Ledger) -> None:
    await plan(ledger, f"read {URL}")
    held = await hold(ledger)
    await withdraw(ledger)
    assert await ledger.load_body(held) == NOTHING
    await ledger.decide([held], again=True)
    assert await settle(ledger) == [NOTHING]


async def test_what_ended_long_ago_is_deleted_but_for_the_newest(store: Store) -> None:
    """The held one stays, and the newest one of each chat."""
    ledger, day = Ledger(store), timedelta(days=1)
    await store.subscribe(Subscription(Chat("telegram", "8"), "ai", time(8), "UTC"), EIGHT - day)
    for days in range(3):
        now = EIGHT + days * day
        await ledger.propose(TOPICS, now)
        await store.save_report(report(DAY + (days - 1) * day))
        for due, _ in await ledger.list_ready("telegram", 10, TOPICS, now):
            await ledger.plan([(due.id, [f"{due.subscription.chat.id} {days}", "the same"])])
        while parts := await ledger.claim("telegram", 1, now):
            held = days == 0 and parts[0].chat.id == "7"
            await ledger.settle([Outcome(parts[0].id, "unknown" if held else "sent")])
    assert await ledger.delete_ended(EIGHT) == 0, "none is that old"
    assert await ledger.delete_ended(EIGHT + 80 * day) == 3
    assert await ledger.delete_ended(EIGHT + 80 * day) == 0
    for table, number in ((deliveries, 3), (parts_table, 6), (bodies, 4)):
        assert await store.scalar(select(func.count()).select_from(table)) == number
    assert len(await ledger.list_held_parts("telegram")) == 1
    assert await list_unbalanced(ledger) == []
    assert await ledger.propose(TOPICS, EIGHT + 2 * day) == 0, "what was sent stays sent"
