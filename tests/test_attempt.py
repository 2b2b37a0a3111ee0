"""One attempt to send a message, on a platform that answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.delivery import Deliveries
from bot.delivery.attempt import LONG_PAUSE_SECONDS, Job, MessageSender
from bot.platforms import (
    FAULT,
    Delivered,
    Gone,
    Limited,
    NotSent,
    Outgoing,
    Pace,
    Refused,
    Unsure,
)
from digest.errors import StoreError
from digest.models import Chat, Outcome, Part
from digest.store.ledger import TRIAL
from digest.store.open_parts import NOTHING, WITHDRAWN, plan_anew
from tests.delivery_stub import DeliveryStub
from tests.samples import report
from tests.test_delivery import context
from tests.town import DAY, DUE, TOPICS, Town, due, opened, town

GROUP = Chat("telegram", "-5", "11", "group")
FAST = Pace(1000, 1000)


class Scripted:
    """Answers with what the script says, then takes every message."""

    reuses = False

    def __init__(self, *script: Exception, pace: Pace, repeats: bool = False) -> None:
        self.script, self.pace, self.repeats = [*script], pace, repeats
        self.sent: list[Outgoing] = []

    async def deliver(self, message: Outgoing) -> Delivered:
        self.sent.append(message)
        if self.script:
            raise self.script.pop(0)
        return Delivered("1")


def part(chat: Chat = GROUP, body: str = '{"text": "hello"}') -> Part:
    return Part(1, 1, chat, 0, "nonce", body, 1, None, False, claimed_at=DUE)


@asynccontextmanager
async def attempts(
    folder: Path, *script: Exception, pace: Pace = FAST, **traits: Any
) -> AsyncIterator[tuple[Town, MessageSender, Scripted]]:
    """A sender to a platform with this script."""
    async with DeliveryStub() as stub, town(stub, folder) as people:
        to: Any = Scripted(*script, pace=pace, **traits)
        ours = people.ledger, people.picture, people.tell, lambda: DUE
        yield people, MessageSender("telegram", to, *ours), to


async def send(sender: MessageSender, *jobs: Job) -> list[Outcome]:
    outcomes = [await sender.send(job) for job in jobs or [Job(part())]]
    return [outcome for outcome in outcomes if outcome]


async def test_what_was_withdrawn_meanwhile_is_not_sent(tmp_path: Path) -> None:
    async with attempts(tmp_path) as (_, sender, platform):
        (outcome,) = await send(sender, Job(part(body=NOTHING)))
        assert (outcome.state, outcome.error, platform.sent) == ("refused", WITHDRAWN, [])


async def test_only_failures_in_a_row_pause_the_platform(tmp_path: Path) -> None:
    failures = [NotSent("down")] * 2
    async with attempts(tmp_path, *failures) as (_, sender, platform):
        await send(sender, *[Job(part()) for _ in range(3)])
        platform.script = [*failures]
        await send(sender, Job(part()), Job(part()))
        assert sender.rate.halted_until == 0
        platform.script = [*failures]
        await send(sender)
        assert sender.rate.halted_until > 0


@pytest.mark.parametrize(("kind", "seconds"), [("private", 0), ("group", 30), ("channel", 30)])
async def test_groups_get_so_many_messages_a_minute(
    tmp_path: Path, kind: Any, seconds: float
) -> None:
    pace = Pace(1000, 1000, group_minute=3)
    async with attempts(tmp_path, pace=pace) as (_, sender, _platform):
        outcomes = await send(sender, *[Job(part(replace(GROUP, kind=kind)))] * 3)
        again_at = outcomes[-1].again_at
        assert (again_at - DUE if again_at else timedelta()) >= timedelta(seconds=seconds)
        assert bool(again_at) == bool(seconds)


async def test_a_topic_that_is_gone_ends_its_own_subscription(tmp_path: Path) -> None:
    gone = Gone("message thread not found", "deleted", thread=True)
    async with attempts(tmp_path, gone) as (people, sender, _):
        await due(people.store, [GROUP, replace(GROUP, thread="12")])
        await send(sender)
        assert [chat.thread for chat in await people.store.list_chats("telegram")] == ["12"]


async def test_the_token_of_another_bot_ends_nothing_for_a_week(tmp_path: Path) -> None:
    gone = Gone("chat not found", "deleted")
    async with attempts(tmp_path, gone, gone) as (people, sender, _):
        await due(people.store, [GROUP])
        ledger = people.ledger
        noticed = [await ledger.notice_bot("telegram", bot, DUE) for bot in ("1", "1", "2", "2")]
        assert noticed == [False, False, True, False]
        await send(sender)
        assert await people.store.list_chats("telegram") == [GROUP]
        await ledger.notice_bot("telegram", "3", DUE - TRIAL)
        await send(sender)
        assert not await people.store.list_chats("telegram")


async def test_a_limit_of_the_whole_bot_lowers_the_rate_once(tmp_path: Path) -> None:
    limited = [Limited(5, everywhere=True), Limited(90, everywhere=True)]
    async with attempts(tmp_path, *limited, pace=Pace(30, 30)) as (people, sender, _):
        jobs = [Job(part()), Job(part())]
        for job in jobs:  # both were sent before the first refusal
            job.began = sender._clock()
            sender.rate.record_start(job.began)
        await send(sender, jobs[0])
        rate, now = sender.rate.rate, sender._clock()
        await send(sender, jobs[1])
        assert sender.rate.rate == rate
        assert sender.rate.halted_until >= now + 89
        pause = await people.ledger.read_pause("telegram")
        assert pause == DUE + timedelta(seconds=90)
        assert LONG_PAUSE_SECONDS > 5, "the first one is no pause to be saved"


async def test_a_picture_that_is_gone_is_left_out(tmp_path: Path) -> None:
    async def load(_: str) -> bytes:
        return b""

    async with attempts(tmp_path) as (_, sender, platform):
        sender.load_picture = load
        (outcome,) = await send(sender, Job(part(body='{"text": "hello", "picture": "cloud"}')))
        assert (outcome.state, platform.sent[0].bare) == ("sent", True)


async def test_a_picture_that_one_chat_took_is_given_up_for_none(tmp_path: Path) -> None:
    loads: list[str] = []

    async def load(name: str) -> bytes:
        loads.append(name)
        if len(loads) == 3:  # meanwhile another chat takes it
            sender.file_ids[name] = "id"
        return b"png"

    refusals = [Refused("IMAGE_PROCESS_FAILED", picture=True)] * 3
    async with attempts(tmp_path, *refusals) as (_, sender, platform):
        platform.reuses, sender.load_picture = True, load
        for _ in range(4):
            await send(sender, Job(part(body='{"text": "hello", "picture": "cloud"}')))
        assert platform.sent[-1].file_id == "id"


async def test_what_nobody_foresaw_may_have_been_sent(tmp_path: Path) -> None:
    async with attempts(tmp_path, ValueError("odd")) as (_, sender, _platform):
        (outcome,) = await send(sender)
        assert (outcome.state, outcome.error) == ("unknown", FAULT)


@pytest.mark.parametrize(("repeats", "state"), [(False, "unknown"), (True, "waiting")])
async def test_an_unknown_outcome_stays_unknown_if_the_store_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repeats: bool, state: str
) -> None:
    async def full(*_: object) -> None:
        raise StoreError("database is full")

    async with attempts(tmp_path, Unsure("cut"), repeats=repeats) as (_, sender, _platform):
        monkeypatch.setattr(sender, "_count_failure", full)
        (outcome,) = await send(sender)
        assert (outcome.state, outcome.error) == (state, "cut")


async def test_the_rest_of_a_message_is_sent_in_doubt_of_its_beginning(tmp_path: Path) -> None:
    limited = Limited(5)
    limited.partial = True
    async with attempts(tmp_path, limited, Limited(5)) as (_, sender, _platform):
        begun, untouched = await send(sender, Job(part()), Job(part()))
        assert (begun.unsure, untouched.unsure) == (True, False)


async def test_nothing_is_claimed_while_outcomes_cannot_be_saved(tmp_path: Path) -> None:
    async with DeliveryStub() as stub, town(stub, tmp_path) as people:
        await people.digests("telegram", 3)
        people.start("telegram")
        await people.until("telegram", lambda states: states["sent"] == 3)
        people.writer.stuck = True
        await people.digests("telegram", 3, first=3)
        people.boxes["telegram"].wake()
        with pytest.raises(AssertionError):
            await people.until("telegram", lambda states: states["waiting"] < 3, 2.5)
        people.writer.stuck = False
        await people.until("telegram", lambda states: states["sent"] == 6)


@pytest.mark.parametrize("failures", [0, 2])
async def test_who_sends_again_saves_first_what_it_could_not_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    async with DeliveryStub() as stub, town(stub, tmp_path) as people:
        await people.digests("telegram", 1)
        (claimed,) = await people.ledger.claim("telegram", 10, people.now())
        settle, left = people.ledger.settle, [StoreError("full")] * failures

        async def fail_first(outcomes: Any) -> None:
            if left:
                raise left.pop()
            await settle(outcomes)

        monkeypatch.setattr(people.ledger, "settle", fail_first)
        people.writer.put(Outcome(claimed.id, "waiting", claimed_at=claimed.claimed_at))
        people.start("telegram")
        await people.ended()
        assert await people.states() == {"sent": 1}


@pytest.mark.parametrize("counts", [False, True])
async def test_a_limit_that_others_share_is_no_step_towards_a_ban(
    tmp_path: Path, counts: bool
) -> None:
    pace = replace(FAST, bans=True)
    async with attempts(tmp_path, Limited(1, counts=counts), pace=pace) as (_, sender, _platform):
        await send(sender)
        assert len(sender._invalid._turns) == counts


@pytest.mark.parametrize(
    ("resend", "hours", "state"), [(False, 0, "unknown"), (True, 0, "sent"), (True, 25, "unknown")]
)
async def test_what_may_have_arrived_is_sent_again_only_where_that_was_chosen(
    tmp_path: Path, resend: bool, hours: int, state: str
) -> None:
    async with DeliveryStub() as stub, town(stub, tmp_path) as people:
        await people.digests("telegram", 1)
        tried_at = people.now() - timedelta(hours=hours)
        (claimed,) = await people.ledger.claim("telegram", 10, tried_at)
        await people.ledger.settle([Outcome(claimed.id, "unknown", claimed_at=tried_at)])
        people.start("telegram", resend=resend)
        if state != "sent":
            await asyncio.sleep(0.5)
        await people.until("", lambda states: states == {state: 1})


async def test_what_was_due_before_a_restore_is_not_made(tmp_path: Path) -> None:
    async with DeliveryStub() as stub, town(stub, tmp_path) as people:
        await due(people.store, [Chat("telegram", "1")])
        await people.ledger.take_lease("telegram", "the one before", people.now())
        await people.store.mark_restored(people.now())
        assert await people.ledger.find_holder("telegram", people.now()) == ""
        assert await people.ledger.list_ready("telegram", 10, TOPICS, people.now()) == []
        assert (await people.ledger.count_due(DUE))["telegram"].skipped == 1


async def test_an_outcome_applies_only_to_its_own_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with DeliveryStub() as stub, town(stub, tmp_path) as people:
        await people.digests("telegram", 1)
        settle, claims = people.ledger.settle, list[datetime | None]()

        async def record(outcomes: Any) -> None:
            claims.extend(outcome.claimed_at for outcome in outcomes)
            await settle(outcomes)

        monkeypatch.setattr(people.ledger, "settle", record)
        people.start("telegram")
        await people.ended()
        assert len(claims) == 1
        assert claims[0] is not None


@pytest.mark.parametrize("unsure", [False, True])
async def test_what_may_have_arrived_is_not_made_anew(tmp_path: Path, unsure: bool) -> None:
    async with DeliveryStub() as stub, town(stub, tmp_path) as people:
        await people.digests("telegram", 1)
        (claimed,) = await people.ledger.claim("telegram", 10, people.now())
        await people.ledger.settle([Outcome(claimed.id, "waiting", unsure=unsure)])
        async with people.store.writing() as connection:
            await plan_anew(connection, ["ai"])
        assert await people.states() == ({"waiting": 1} if unsure else {})


async def test_a_cloud_without_a_withdrawn_word_is_another_picture(tmp_path: Path) -> None:
    """Platforms show the one that they were sent under the same name."""
    made = report(DAY - timedelta(days=1))
    async with DeliveryStub() as stub, town(stub, tmp_path) as people:
        to = opened("telegram", stub.url)
        deliveries = Deliveries(context(people.store, tmp_path, DUE), people.tell)
        for number, words in enumerate(({"Meridian": 2, "Ada": 1}, {"Meridian": 2})):
            await due(people.store, [Chat("telegram", str(number))])
            await people.store.save_report(replace(made, wordcounts=words))
            assert await deliveries.plan("telegram", to) == 1
        await to.close()
        names = {Job(part).picture for part in await people.ledger.claim("telegram", 9, DUE)}
        assert len(names - {""}) == 2
