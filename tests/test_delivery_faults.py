"""Faults F04 to F24 of the catalogue that need no killed process: nothing lost, nothing doubled on
Discord, nothing doubled on Telegram, every message in exactly one end state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.delivery import attempt
from digest.models import Balance, Chat
from tests.clocks import HastyLoop
from tests.delivery_stub import HTML, DeliveryStub, telegram_says
from tests.town import DUE, body, every, town
from tools.balance import list_unbalanced

LOOP = HastyLoop
PLATFORMS = ("telegram", "discord")
CHATS = 30
AT_ONCE = 20
"""Sends under way at once, where many more are due."""


def of_chats(faults: dict[str, str], times: int = 10**6) -> Callable[[str, str, int], str | None]:
    """Calls for these chats meet their faults, so many times each."""
    left = dict.fromkeys(faults, times)

    def fault(_: str, chat: str, call: int) -> str | None:
        if not left.get(chat):
            return None
        left[chat] -= 1
        return faults[chat]

    return fault


def bodies_of(platform: str, texts: Sequence[str]) -> list[str]:
    """One message for each text."""
    return [body(platform, text) for text in texts]


def says(code: int, text: str, **more: object) -> str:
    return f"{code} {telegram_says(code, text, **more)}"


async def test_f04_an_answer_that_is_lost_doubles_nothing(tmp_path: Path) -> None:
    async with DeliveryStub(fault=every(10, "drop_after")) as stub, town(stub, tmp_path) as people:
        for platform in PLATFORMS:
            await people.digests(platform, CHATS)
        people.start()
        await people.ended()
        assert await people.states("telegram") == {"sent": CHATS - 3, "unknown": 3}
        assert await people.states("discord") == {"sent": CHATS}
        assert stub.books["telegram"].calls == CHATS  # not sent again blindly
        assert [stub.books[p].doubled for p in PLATFORMS] == [0, 0]
        assert [people.reached(p) for p in PLATFORMS] == [CHATS, CHATS]
        assert stub.books["discord"].merged == 3


async def test_f05_a_request_that_is_lost_reaches_its_chat_where_it_may_be_repeated(
    tmp_path: Path,
) -> None:
    async with DeliveryStub(fault=every(10, "drop_before")) as stub, town(stub, tmp_path) as people:
        for platform in PLATFORMS:
            await people.digests(platform, CHATS)
        people.start(resend=True)
        await people.ended()
        assert await people.states() == {"sent": 2 * CHATS}
        assert [people.reached(p) for p in PLATFORMS] == [CHATS, CHATS]
        assert [stub.books[p].doubled for p in PLATFORMS] == [0, 0]


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_f06_a_refused_connection_is_tried_again(platform: str, tmp_path: Path) -> None:
    stub = DeliveryStub()
    async with stub:
        pass  # takes a port and lets it go
    async with town(stub, tmp_path) as people:
        await people.digests(platform, CHATS)
        people.start(platform)
        await asyncio.sleep(1.5)
        assert (await people.states())["unknown"] == 0
        async with stub:
            await people.ended(seconds=40)
            assert await people.states() == {"sent": CHATS}
            assert stub.books[platform].calls == CHATS
            await people.stop()


async def test_f07_a_message_taken_after_the_time_out_is_not_doubled(tmp_path: Path) -> None:
    async with DeliveryStub(fault=every(15, "late 3")) as stub, town(stub, tmp_path) as people:
        for platform in PLATFORMS:
            await people.digests(platform, CHATS)
        people.start(timeout=1.2)
        await people.ended()
        assert await people.states("telegram") == {"sent": CHATS - 2, "unknown": 2}
        assert await people.states("discord") == {"sent": CHATS}
        assert [stub.books[p].doubled for p in PLATFORMS] == [0, 0]


@pytest.mark.parametrize("first", ["drop_after", "fail_after"])
async def test_f04_an_outage_longer_than_the_nonce_doubles_nothing(
    first: str, tmp_path: Path
) -> None:
    """The first answer is lost, then the network is down for longer than Discord remembers."""
    async with DeliveryStub(fault=every(1, first)) as stub, town(stub, tmp_path) as people:
        await people.digests("discord", 3)
        people.start("discord")
        await people.until("discord", lambda s: stub.books["discord"].cut == 3)
        stub.fault, stub.forgets_nonces = every(1, f"502 {HTML}"), True
        for minutes in (1, 2):  # it is tried again and again meanwhile
            people.ahead = timedelta(minutes=minutes)
            await people.until("discord", lambda s: not s["sent"])
        people.ahead = timedelta(minutes=10)
        stub.fault = every(10**9, "")
        await people.ended("discord")
        assert await people.states() == {"sent": 3}
        assert (people.reached("discord"), stub.books["discord"].doubled) == (3, 0)


async def test_an_unreadable_channel_waits_for_an_operator(tmp_path: Path) -> None:
    async with DeliveryStub(fault=every(1, "drop_after")) as stub, town(stub, tmp_path) as people:
        stub.hides_history = True
        await people.digests("discord", 1)
        people.start("discord")
        await people.until("discord", lambda s: stub.books["discord"].cut == 1)
        await people.stop()
        people.ahead, stub.fault, stub.forgets_nonces = timedelta(hours=1), every(1, ""), True
        people.start("discord")
        await people.until("discord", lambda s: s["unknown"] == 1)
        (part,) = await people.ledger.list_held_parts("discord")
        assert "Read Message History" in part.error
        assert stub.books["discord"].calls == 1
        await people.ledger.decide([part.part], again=True)
        await people.until("discord", lambda s: s["sent"] == 1)


async def test_waiting_to_publish_does_not_undo_a_send(tmp_path: Path) -> None:
    """A kill during a long pause must not make it unknown."""
    async with DeliveryStub() as stub, town(stub, tmp_path) as people:
        stub.news.add("1000")
        publishing, published = asyncio.Event(), asyncio.Event()
        await people.digests("discord", 1)
        people.start("discord")
        deliverer: Any = people.boxes["discord"]._sender.platform

        async def publish(chat: Chat, message: str) -> None:
            publishing.set()
            await published.wait()

        deliverer.publish = publish
        await asyncio.wait_for(publishing.wait(), 20)
        await people.until("discord", lambda s: s["sent"] == 1)
        published.set()


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("fault", [f"500 {HTML}", f"502 {HTML}", f"503 {HTML}"])
async def test_f08_f09_a_failing_server_is_asked_again(
    platform: str, fault: str, tmp_path: Path
) -> None:
    async with DeliveryStub(fault=every(10, fault)) as stub, town(stub, tmp_path) as people:
        await people.digests(platform, CHATS)
        people.start(platform)
        await people.ended()
        assert await people.states() == {"sent": CHATS}
        assert (people.reached(platform), stub.books[platform].doubled) == (CHATS, 0)


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_f10_a_limited_chat_holds_up_no_other(platform: str, tmp_path: Path) -> None:
    told = '429 {"retry_after": 30, "global": false}'
    if platform == "telegram":
        told = says(429, "Too Many Requests: retry after 30", retry_after=30)
    async with (
        DeliveryStub(fault=of_chats({"1000": told}, times=1)) as stub,
        town(stub, tmp_path) as people,
    ):
        await people.digests(platform, CHATS)
        people.start(platform)
        await people.until(platform, lambda s: s["sent"] == CHATS - 1, 20)
        await people.ended(seconds=60)
        assert await people.states() == {"sent": CHATS}
        assert stub.books[platform].limited == 1


async def test_f11_a_storm_of_limits_brings_the_rate_down(tmp_path: Path) -> None:
    async with DeliveryStub(telegram_rate=5) as stub, town(stub, tmp_path, fast=0) as people:
        await people.digests("telegram", 40)
        people.start("telegram")
        await people.ended()
        assert await people.states() == {"sent": 40}
        assert stub.books["telegram"].limited <= 8
        assert people.boxes["telegram"].rate.rate <= 6


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_f12_a_pause_of_an_hour_survives_a_restart(platform: str, tmp_path: Path) -> None:
    told = '429 {"retry_after": 3600, "global": true}'
    if platform == "telegram":
        told = says(429, "Too Many Requests: retry after 3600", retry_after=3600)
    async with DeliveryStub(fault=every(1, told, platform)) as stub, town(stub, tmp_path) as people:
        other = next(name for name in PLATFORMS if name != platform)
        # More than are under way at once: what was refused waits an hour of its own.
        many = 2 * AT_ONCE
        for name in PLATFORMS:
            await people.digests(name, CHATS if name == other else many)
        people.start(at_once=AT_ONCE)
        await people.ended(other)
        assert await people.states(other) == {"sent": CHATS}
        async with asyncio.timeout(5):
            while (  # noqa: ASYNC110 (a row)
                until := await people.ledger.read_pause(platform)
            ) is None:
                await asyncio.sleep(0.05)
        assert timedelta(minutes=55) < until - people.now() < timedelta(minutes=61)
        await people.stop()
        assert await people.states(platform) == {"waiting": many}
        asked = stub.books[platform].calls
        people.start(platform)
        await asyncio.sleep(1.0)
        assert stub.books[platform].calls == asked
        await people.stop()
        stub.fault = every(10**9, "")
        # No platform asks for that: a clock ran ahead.
        await people.ledger.save_pause(platform, people.now() + timedelta(days=400))
        await asyncio.sleep(0)
        people.start(platform)
        await people.until(platform, lambda s: s["sent"] > 0)


async def test_f13_a_limit_that_says_nothing_useful_is_five_seconds(tmp_path: Path) -> None:
    """The words are told apart in test_delivering; here the chat waits and is reached."""
    told = {"1000": "429 ", "1001": says(429, "x", retry_after=-1)}
    fault = of_chats(told, times=1)
    async with DeliveryStub(fault=fault) as stub, town(stub, tmp_path) as people:
        await people.digests("telegram", 20)
        people.start("telegram")
        await people.until("telegram", lambda s: s["sent"] == 18, 4.5)
        assert await people.states() == {"sent": 18, "waiting": 2}
        await people.ended()
        assert await people.states() == {"sent": 20}


async def test_f14_discord_s_limits_for_all_stop_all(tmp_path: Path) -> None:
    calls: list[int] = []

    def fault(_: str, chat: str, call: int) -> str | None:
        calls.append(call)
        return '429 {"retry_after": 20, "global": true}' if call == 5 else None

    async with DeliveryStub(fault=fault) as stub, town(stub, tmp_path, fast=10) as people:
        await people.digests("discord", CHATS)
        people.start("discord")
        await asyncio.sleep(2.5)
        asked = stub.books["discord"].calls
        assert asked < CHATS / 2
        await people.ended(seconds=60)
        assert await people.states() == {"sent": CHATS}


async def test_f14_the_hard_stop_is_far_from_the_ban(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = '403 {"message": "Missing Permissions", "code": 50013}'
    monkeypatch.setattr(attempt, "MAX_INVALID", 60)
    async with (
        DeliveryStub(fault=every(1, refused)) as stub,
        town(stub, tmp_path) as people,
    ):
        await people.digests("discord", 100)
        people.start("discord", at_once=AT_ONCE)
        # Each is refused twice, with and without what needs a permission of its own, and those
        # under way at the stop only once.
        await people.until("discord", lambda s: s["refused"] >= 30 - AT_ONCE)
        await asyncio.sleep(1.0)
        assert stub.books["discord"].calls <= 60 + AT_ONCE
        await people.until("discord", lambda s: not s["sending"])
        assert [matter for matter, *_ in people.told] == ["stopped"]
        assert await people.ledger.read_pause("discord") is not None


@pytest.mark.parametrize(
    ("platform", "told"),
    [
        ("telegram", says(403, "Forbidden: bot was blocked by the user")),
        ("telegram", says(400, "Bad Request: chat not found")),
        ("telegram", says(403, "Forbidden: user is deactivated")),
        ("discord", '403 {"message": "Missing Access", "code": 50001}'),
        ("discord", '404 {"message": "Unknown Channel", "code": 10003}'),
    ],
)
async def test_f15_f16_a_chat_that_is_gone_is_called_once(
    platform: str, told: str, tmp_path: Path
) -> None:
    gone = {str(1000 + n): told for n in range(0, CHATS, 5)}
    async with DeliveryStub(fault=of_chats(gone)) as stub, town(stub, tmp_path) as people:
        await people.digests(platform, CHATS, *bodies_of(platform, ["one", "two"]))
        people.start(platform)
        await people.ended()
        assert (await people.states())["sent"] == 2 * (CHATS - 6)
        assert [stub.books[platform].chats[chat] for chat in gone] == [1] * 6


async def test_f17_a_group_that_moved_gets_its_message_once_at_the_new_id(tmp_path: Path) -> None:
    told = says(400, "group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1009)
    async with DeliveryStub(fault=of_chats({"1000": told})) as stub, town(stub, tmp_path) as people:
        await people.digests("telegram", 5, *bodies_of("telegram", ["one", "two"]))
        people.start("telegram")
        await people.ended()
        assert await people.states() == {"sent": 10}
        assert stub.books["telegram"].taken["-1009 one"] == 1
        assert stub.books["telegram"].taken["-1009 two"] == 1
        assert stub.books["telegram"].chats["1000"] == 1


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_f19_refused_markup_is_left_out_once(platform: str, tmp_path: Path) -> None:
    told = '400 {"message": "Invalid Form Body", "code": 50035}'
    if platform == "telegram":
        told = says(400, "Bad Request: can't parse entities: odd offset")
    more = {"entities": [{"type": "bold", "offset": 0, "length": 900}]}
    made = body(platform, "one", **(more if platform == "telegram" else {}))
    async with (
        DeliveryStub(fault=of_chats({"1001": told}, times=1)) as stub,
        town(stub, tmp_path) as people,
    ):
        await people.digests(platform, 3, made)
        people.start(platform)
        await people.ended()
        assert await people.states() == {"sent": 3}
        assert stub.books[platform].chats["1001"] == 2
        stub.fault = of_chats({"1500": told})
        await people.digests(platform, 1, made, first=500)
        await people.ended()
        assert (await people.states())["refused"] == 1
        assert stub.books[platform].chats["1500"] == 2


async def test_f20_a_picture_is_uploaded_once_and_again_where_its_name_ran_out(
    tmp_path: Path,
) -> None:
    made = body("telegram", "brief", picture="ai/2025-12-06")
    async with DeliveryStub(latency=0.1) as stub, town(stub, tmp_path) as people:
        await people.digests("telegram", CHATS, made)
        people.start("telegram")
        await people.ended()
        assert stub.books["telegram"].uploads == 1
        stub.file_ids.clear()
        await people.digests("telegram", 1, made, first=CHATS)
        await people.ended()
        assert stub.books["telegram"].uploads == 2
        assert await people.states() == {"sent": CHATS + 1}


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_f20_a_refused_picture_never_costs_the_brief(platform: str, tmp_path: Path) -> None:
    told = '413 {"message": "Request entity too large", "code": 40005}'
    if platform == "telegram":
        told = says(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
    made = body(platform, "brief", picture="ai/2025-12-06")

    async with (
        DeliveryStub(fault=of_chats({f"100{n}": told for n in range(3)}, times=1)) as stub,
        town(stub, tmp_path) as people,
    ):
        await people.digests(platform, 3, made)
        people.start(platform)
        await people.ended()
        assert await people.states() == {"sent": 3}
        assert stub.books[platform].chats == {"1000": 2, "1001": 2, "1002": 2}
        await people.digests(platform, 1, made, first=3)
        await people.ended()
        assert stub.books[platform].uploads == 0, "it is not tried in every chat"


async def test_f21_a_platform_that_is_down_slows_no_other(tmp_path: Path) -> None:
    down = every(1, "drop_before", "telegram")
    async with DeliveryStub(fault=down) as stub, town(stub, tmp_path, fast=0) as people:
        await people.digests("telegram", CHATS)
        await people.digests("discord", CHATS)
        people.start(resend=True)
        await people.ended("discord", seconds=10.0)
        assert (await people.states("telegram"))["sent"] == 0
        assert stub.books["telegram"].calls < CHATS / 2
        stub.fault = every(10**9, "")
        await people.ended("telegram", seconds=40)
        assert people.reached("telegram") == CHATS


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_f22_a_revoked_token_stops_its_platform_within_three_calls(
    platform: str, tmp_path: Path
) -> None:
    told = '401 {"message": "401: Unauthorized", "code": 0}'
    if platform == "telegram":
        told = says(401, "Unauthorized")
    after: list[int] = []

    def fault(where: str, _: str, call: int) -> str | None:
        if where != platform or call < 10:
            return None
        after.append(call)
        return told

    async with DeliveryStub(fault=fault) as stub, town(stub, tmp_path, fast=5) as people:
        for name in PLATFORMS:
            await people.digests(name, CHATS)
        people.start()
        other = next(name for name in PLATFORMS if name != platform)
        await people.ended(other)
        assert await people.states(other) == {"sent": CHATS}
        assert len(set(after)) <= 3
        await people.until(platform, lambda s: s["waiting"] == CHATS - 9)


async def test_a_token_revoked_before_a_full_queue_lets_others_run(tmp_path: Path) -> None:
    """A fast sender must not look at its queue again and again without letting anybody else run."""

    def fault(where: str, _: str, call: int) -> str | None:
        return says(401, "Unauthorized") if where == "telegram" and call >= 10 else None

    async with DeliveryStub(fault=fault) as stub, town(stub, tmp_path, fast=200) as people:
        await people.digests("telegram", CHATS)
        people.start()
        await people.until("telegram", lambda s: s["waiting"] + s["sent"] == CHATS)


async def test_f24_a_stop_finishes_sends_and_releases_the_rest(tmp_path: Path) -> None:
    async with DeliveryStub(latency=0.4) as stub, town(stub, tmp_path, fast=0) as people:
        for platform in PLATFORMS:
            await people.digests(platform, 2 * CHATS)
        people.start()
        await asyncio.sleep(1.2)
        began = asyncio.get_running_loop().time()
        await people.stop(8.0)
        assert asyncio.get_running_loop().time() - began < 8.0
        states = await people.states()
        assert set(states) == {"sent", "waiting"}
        assert states["sent"] == people.reached("telegram") + people.reached("discord") > 20
        people.start()
        await people.ended()
        assert [stub.books[p].doubled for p in PLATFORMS] == [0, 0]
        assert await people.states() == {"sent": 4 * CHATS}


async def test_parts_arrive_in_order_and_groups_at_their_pace(tmp_path: Path) -> None:
    async with DeliveryStub() as stub, town(stub, tmp_path, fast=0) as people:
        await people.digests("telegram", 3, *bodies_of("telegram", ["one", "two", "three"]))
        people.start("telegram")
        await people.ended()
        order = [one.split(" ") for one in stub.books["telegram"].taken]
        for chat in ("1000", "1001", "1002"):
            assert [text for where, text in order if where == chat] == ["one", "two", "three"]
        times = stub.books["telegram"].times
        assert times[-1] - times[0] >= 2.0


async def test_f18_old_and_new_id_both_subscribed_get_one_message(tmp_path: Path) -> None:
    told = says(400, "group chat was upgraded to a supergroup chat", migrate_to_chat_id=1001)
    async with DeliveryStub(fault=of_chats({"1000": told})) as stub, town(stub, tmp_path) as people:
        await people.digests("telegram", 2)
        people.start("telegram")
        await people.ended()
        assert stub.books["telegram"].taken == {"1001 hello": 1}
        assert await people.states() == {"sent": 1, "dropped": 1}
        assert stub.books["telegram"].chats["1000"] == 1
        assert await list_unbalanced(people.ledger) == []


async def test_f21_f26_parts_waiting_over_a_day_are_dropped_with_one_alert(
    tmp_path: Path,
) -> None:
    down = every(1, "drop_before", "telegram")
    async with DeliveryStub(fault=down) as stub, town(stub, tmp_path) as people:
        for platform in PLATFORMS:
            await people.digests(platform, 10)
        people.start(resend=True)
        await people.ended("discord")
        await people.stop()
        assert (await people.states("telegram"))["waiting"] == 10
        stub.fault = every(10**9, "")
        people.ahead = timedelta(hours=25)
        people.start(resend=True)
        await people.ended("telegram")
        assert await people.states("telegram") == {"dropped": 10}
        assert stub.books["telegram"].taken == {}
        await stub.until(lambda: people.told, 5, "alert")
        assert [told for told in people.told if told[0] == "too_late"] == [
            ("too_late", "telegram", {"n": 10})
        ]
        assert (await people.ledger.count_due(DUE))["telegram"] == Balance(due=10, skipped=10)
        assert (await people.ledger.count_due(DUE))["discord"] == Balance(due=10, delivered=10)
        assert await list_unbalanced(people.ledger) == []
