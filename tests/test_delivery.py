"""From what is due to what chats hold: planning, the picture, wishes, a report that is late."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from discord.utils import time_snowflake

from bot import delivery
from bot.compose import MARK, compose_digest
from bot.delivery import Deliveries
from bot.host import BotHost
from bot.messages import Heading, ListItem, Paragraph, Picture, Reply
from bot.platforms import Delivering, Gone, Outgoing, Pace, Unseen, Unsure
from bot.services import Services
from bot.settings import Settings
from digest.errors import StoreError
from digest.models import Balance, Chat, Item, Outcome, Report, Subscription
from digest.store import Store
from digest.store.ledger import Ledger
from tests.delivery_stub import DeliveryStub
from tests.samples import report
from tests.town import DAY, DUE, TOPICS, body, due, every, opened, town
from tools.balance import list_unbalanced

PLATFORMS = ("telegram", "discord")
YESTERDAY = DAY - timedelta(days=1)


def context(store: Store, folder: Path, now: datetime | None = None) -> Services:
    nobody: Any = None
    return Services(
        store=store,
        topics=TOPICS,
        builder=nobody,
        settings=Settings(data_dir=folder),
        now=lambda: now or datetime.now(UTC),
        is_admin=lambda _: False,
    )


def wish(platform: str = "telegram", chat: str = "1", **more: Any) -> Subscription:
    return Subscription(Chat(platform, chat), "ai", DUE.time(), "UTC", **more)


async def tell(matter: str, about: str, **values: object) -> None:
    raise AssertionError(f"{matter} {about} {values}")


@asynccontextmanager
async def sending(
    store: Store, folder: Path, stub: DeliveryStub, *platforms: str
) -> AsyncIterator[Ledger]:
    """Sends as `run` does."""
    ledger = Ledger(store)
    deliveries = Deliveries(context(store, folder), tell)
    tasks = []
    for platform in platforms:
        to: Any = opened(platform, stub.url)
        to.pace = Pace(300.0, 300.0)
        tasks.append(asyncio.create_task(deliveries.send_through(platform, to)))
    try:
        yield ledger
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def delivered(ledger: Ledger, number: int) -> None:
    """Waits until so many deliveries are whole."""
    async with asyncio.timeout(20):
        while sum(one.delivered for one in (await ledger.count_due(DUE)).values()) < number:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(f"sqlite:///{tmp_path}/delivery.db") as opened_:
        yield opened_


async def test_every_chat_gets_the_brief_with_its_picture(store: Store, tmp_path: Path) -> None:
    chats = [Chat(p, str(n)) for p in PLATFORMS for n in range(20)]
    await due(store, chats)
    async with DeliveryStub() as stub, sending(store, tmp_path, stub, *PLATFORMS) as ledger:
        await delivered(ledger, 40)
        assert await list_unbalanced(ledger) == []
        for platform in PLATFORMS:
            book = stub.books[platform]
            assert set(book.chats) == {str(n) for n in range(20)}
            assert book.doubled == 0
        assert stub.books["telegram"].uploads == 1
        assert stub.books["discord"].uploads == 20
        taken = stub.books["telegram"].taken
        assert any("来晚了" in body for body in taken), "it was due long ago"


async def test_a_digest_is_sent_once_however_often_the_bot_starts(
    store: Store, tmp_path: Path
) -> None:
    await due(store, [Chat("telegram", str(n)) for n in range(10)])
    async with DeliveryStub() as stub:
        for _ in range(3):
            async with sending(store, tmp_path, stub, "telegram") as ledger:
                await ledger.propose(TOPICS, DUE)
                await delivered(ledger, 10)
        assert stub.books["telegram"].calls == 10 * len(stub.books["telegram"].taken) / 10


async def test_what_was_sent_while_the_store_failed_is_known_after_a_lost_lease(
    store_url: str, tmp_path: Path
) -> None:
    async with await Store.open(store_url) as store, DeliveryStub() as stub:
        await due(store, [Chat("telegram", str(n)) for n in range(9)])
        services, to = context(store, tmp_path), opened("telegram", stub.url)
        deliveries = Deliveries(services, tell)
        with patch.object(services.ledger, "settle", side_effect=StoreError("busy")):
            task = asyncio.create_task(deliveries.send_through("telegram", to))
            while stub.books["telegram"].calls < 9:  # noqa: ASYNC110 (a server)
                await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.wait({task})
        task = asyncio.create_task(deliveries.send_through("telegram", to))
        await delivered(services.ledger, 9)
        task.cancel()
        await asyncio.wait({task})
        assert stub.books["telegram"].calls == 9


@pytest.mark.parametrize("method", ["list_ready", "list_overdue", "claim", "settle"])
async def test_an_error_in_any_task_of_sending_is_raised(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """The planner, the feed and the writer of outcomes end with the platform, which starts again."""
    services = context(store, tmp_path)

    async def fail(*_: object) -> None:
        raise ValueError("a row that cannot be read")

    await due(store, [Chat("telegram", "1")])
    monkeypatch.setattr(services.ledger, method, fail)
    deliveries = Deliveries(services, tell)
    async with DeliveryStub() as stub, asyncio.timeout(20):
        with pytest.raises(ValueError, match="cannot be read"):
            await deliveries.send_through("telegram", opened("telegram", stub.url))


async def test_a_digest_that_cannot_be_made_is_refused_and_the_others_come(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder for files, which chats do not get, does not matter."""

    async def make(
        services: Services, made: Report, subscription: Subscription, **more: Any
    ) -> Reply:
        if subscription.chat.platform == "telegram":
            raise KeyError("a fault")
        return await compose_digest(services, made, subscription, **more)

    monkeypatch.setattr(delivery, "compose_digest", make)
    (tmp_path / "file").touch()
    await due(store, [Chat("telegram", "1"), Chat("discord", "1")])
    services = context(store, tmp_path / "file")
    deliveries = Deliveries(services, tell)
    for platform in PLATFORMS:
        to = opened(platform, "http://127.0.0.1:9")
        assert await deliveries.plan(platform, to) == 1
        await to.close()
    expected = {"telegram": Balance(due=1, refused=1), "discord": Balance(due=1, waiting=1)}
    assert await services.ledger.count_due(DUE) == expected


async def test_a_pressed_button_settles_the_held_part_of_its_topic(
    store: Store, tmp_path: Path
) -> None:
    ledger, to = Ledger(store), opened("telegram", "http://127.0.0.1:9")
    topics = [Chat("telegram", "-5", thread, "group") for thread in ("1", "2")]
    await due(store, topics)
    services = context(store, tmp_path, DUE)
    assert await Deliveries(services, tell).plan("telegram", to) == 2
    await to.close()
    claimed = await ledger.claim("telegram", 9, DUE)
    await ledger.settle([Outcome(part.id, "unknown") for part in claimed])
    text = json.loads(claimed[0].body)["text"]
    host = BotHost(services, lambda _: None)
    await host.confirm_arrival(topics[1], "76", "", DUE)  # a picture without words proves nothing
    assert len(await ledger.list_held_parts("telegram")) == 1
    await host.confirm_arrival(topics[1], "77", text, DUE)
    (held,) = await ledger.list_held_parts("telegram")
    assert held.chat.thread == "1", "the other topic of the group got the same text"


async def test_later_chats_get_the_report_as_it_stands_then(store: Store, tmp_path: Path) -> None:
    ledger, to = Ledger(store), opened("telegram", "http://127.0.0.1:9")
    await store.subscribe(wish(), DUE - timedelta(hours=12))
    later = DUE + timedelta(hours=2)
    evening = replace(wish(chat="2"), at=later.time())
    await store.subscribe(evening, DUE - timedelta(hours=12))
    stored = report(YESTERDAY)
    await store.save_report(stored)
    deliveries = Deliveries(context(store, tmp_path, DUE), tell)
    await ledger.propose(TOPICS, DUE)
    assert await deliveries.plan("telegram", to) == 1
    first, *others = stored.sections
    item = replace(first.items[0], title="", text="A correction of this morning's news.")
    await store.save_report(replace(stored, sections=(replace(first, items=(item,)), *others)))
    deliveries._context = context(store, tmp_path, later)
    await ledger.propose(TOPICS, later)
    assert await deliveries.plan("telegram", to) == 1
    await to.close()
    bodies = {part.chat.id: part.body for part in await ledger.claim("telegram", 9, later)}
    assert "A correction" not in bodies["1"]
    assert "A correction" in bodies["2"]


async def test_a_late_digest_is_not_taken_for_one_in_time(store: Store, tmp_path: Path) -> None:
    ledger, to = Ledger(store), opened("telegram", "http://127.0.0.1:9")
    early = (DUE - timedelta(hours=1)).time()
    await store.save_report(report(YESTERDAY))
    for subscription in (wish(), replace(wish(chat="2"), at=early)):
        await store.subscribe(subscription, DUE - timedelta(hours=12))
    await ledger.propose(TOPICS, DUE)
    assert await Deliveries(context(store, tmp_path, DUE), tell).plan("telegram", to) == 2
    await to.close()
    late = {part.chat.id: "来晚了" in part.body for part in await ledger.claim("telegram", 9, DUE)}
    assert late == {"1": False, "2": True}


async def test_nothing_is_planned_from_a_report_that_changed_meanwhile(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A post of it may have been withdrawn."""
    stored = report(YESTERDAY)
    sections = tuple(replace(one, title="Corrected") for one in stored.sections)

    async def make(services: Services, *made: Any, **more: Any) -> Reply:
        reply = await compose_digest(services, *made, **more)
        await services.store.save_report(replace(stored, sections=sections))
        monkeypatch.undo()
        return reply

    monkeypatch.setattr(delivery, "compose_digest", make)
    async with await Store.open(store_url) as store:
        await due(store, [Chat("telegram", "1")])
        services, to = context(store, tmp_path), opened("telegram", "http://127.0.0.1:9")
        deliveries = Deliveries(services, tell)
        assert [await deliveries.plan("telegram", to) for _ in range(3)] == [0, 1, 0]
        await to.close()
        (part,) = await services.ledger.claim("telegram", 9, DUE)
        assert "Corrected" in part.body


async def test_a_report_that_is_not_there_is_excused_once_and_follows(
    store: Store, tmp_path: Path
) -> None:
    await store.subscribe(wish(), DUE - timedelta(hours=12))
    ledger = Ledger(store)
    await ledger.propose(TOPICS, DUE)
    to: Delivering = opened("telegram", "http://127.0.0.1:9")
    early = Deliveries(context(store, tmp_path, DUE), tell)
    assert await early.excuse("telegram", to) == 0
    await to.close()
    async with DeliveryStub() as stub, sending(store, tmp_path, stub, "telegram"):
        async with asyncio.timeout(10):
            while not stub.books["telegram"].taken:  # noqa: ASYNC110 (another server)
                await asyncio.sleep(0.05)
        await asyncio.sleep(1.5)
        assert stub.books["telegram"].calls == 1
        assert any(
            "not ready" in said or "还没做好" in said for said in stub.books["telegram"].taken
        )
        await store.save_report(report(YESTERDAY))
        await delivered(ledger, 1)
        assert stub.books["telegram"].uploads == 1


async def test_a_chat_gets_the_sections_it_wants(store: Store, tmp_path: Path) -> None:
    made, home = report(YESTERDAY), context(store, tmp_path)

    async def headings(**more: Any) -> list[str]:
        reply = await compose_digest(home, made, wish(**more))
        return [b.text for b in reply.blocks if isinstance(b, Heading) and b.level == 2]

    assert await headings() == ["标题overview", "标题points"]
    assert len(await headings(length="detail")) == 9
    assert await headings(sections=("views", "points")) == ["标题points", "标题views"]


async def test_words_are_looked_for_and_left_out_under_their_numbers(
    store: Store, tmp_path: Path
) -> None:
    made, home = report(YESTERDAY), context(store, tmp_path)
    reply = await compose_digest(home, made, wish(highlight=("融资",)))
    points = [b for b in reply.blocks if isinstance(b, ListItem)]
    assert [(p.number, p.text.startswith(MARK)) for p in points] == [(2, True), (1, False)]
    reply = await compose_digest(home, made, wish(without=("meridian",)))
    points = [b for b in reply.blocks if isinstance(b, ListItem)]
    assert [p.number for p in points] == [2]


async def test_a_late_digest_says_so_in_the_chat_s_language(store: Store, tmp_path: Path) -> None:
    made, home = report(YESTERDAY), context(store, tmp_path)
    await store.save_report(made)
    in_time = await compose_digest(home, made, wish())
    late = await compose_digest(home, made, wish(language="en"), late=True)
    said = [
        b.text.split("\n")[0]
        for b in (in_time.blocks[-1], late.blocks[-1])
        if isinstance(b, Paragraph)
    ]
    assert said[0].startswith("读了 5 条帖子")
    assert said[1] == "Sorry, this digest is late.", "behind the news"
    assert any(isinstance(b, Picture) for b in late.blocks)
    lines = [[b.line for group in one.buttons for b in group] for one in (late, in_time)]
    assert lines[0] == lines[1]


LONG_VIEWS = tuple(Item(f"View {n}. " + "x y " * 200, f"Ada {n}", cites=("x:1",)) for n in range(9))


@asynccontextmanager
async def threaded(store: Store, tmp_path: Path) -> AsyncIterator[DeliveryStub]:
    """A stub that a digest of several parts, in threads, is sent to when the block ends."""
    await store.save_report(report(YESTERDAY, views=LONG_VIEWS))
    wants = wish("discord", "5", threads=True, length="detail")
    await store.subscribe(wants, DUE - timedelta(hours=12))
    async with DeliveryStub() as stub:
        yield stub
        async with sending(store, tmp_path, stub, "discord") as ledger:
            await ledger.propose(TOPICS, DUE)
            await delivered(ledger, 1)
        assert stub.books["discord"].doubled == 0


@pytest.mark.parametrize("forbidden", [False, True])
async def test_a_digest_in_a_thread_goes_on_in_the_channel_without_one(
    store: Store, tmp_path: Path, forbidden: bool
) -> None:
    async with threaded(store, tmp_path) as stub:
        stub.forbids_threads = forbidden
    taken = stub.books["discord"].chats
    if forbidden:
        assert stub.threads == {}
        assert taken["5"] > 1
        assert len(await store.list_subscriptions(Chat("discord", "5"))) == 1
        return
    [(thread, name)] = stub.threads.items()
    assert str(YESTERDAY) in name
    assert taken["5"] == 1
    assert taken[thread] > 1


@pytest.mark.parametrize("tagged", [False, True])
async def test_a_digest_in_a_forum_is_a_post_of_its_own(
    store: Store, tmp_path: Path, tagged: bool
) -> None:
    async with threaded(store, tmp_path) as stub:
        stub.forums = {"5": "4"}
        stub.forbids_threads = tagged
    calls = stub.books["discord"].chats
    if tagged:  # the forum wants a tag: the digest stays in the post that subscribed
        assert calls["5"] > 1
        return
    [(post, name)] = stub.threads.items()
    assert str(YESTERDAY) in name
    assert calls[post] > 1, "the other parts are in it"
    assert (calls["4"], calls["5"]) == (1, 0)


async def test_a_forum_s_post_whose_answer_was_lost_is_not_opened_again() -> None:
    async with DeliveryStub(fault=every(1, "drop_after")) as stub:
        stub.forums = {"5": "4"}
        to = opened("discord", stub.url)
        body = {"embeds": [{"description": "News"}], "thread": "AI Daily 2025-12-06"}
        first = Outgoing(Chat("discord", "5", space="9"), json.dumps(body), "n")
        with pytest.raises(Unsure):
            await to.deliver(first)
        stub.fault = every(1, "")
        stub.hides_history = True
        for doubt in (timedelta(seconds=5), timedelta(minutes=9)):
            again = await to.deliver(replace(first, doubt=doubt))
            assert [again.message] == list(stub.threads)
        await to.close()


@pytest.mark.parametrize("whose", ["stranger", "old", "other words"])
async def test_a_forum_s_post_of_the_same_name_is_not_taken_for_ours(whose: str) -> None:
    async with DeliveryStub(fault=every(1, "drop_before")) as stub:
        stub.forums = {"5": "4"}
        to = opened("discord", stub.url)
        name = "AI Daily 2025-12-06"
        sent = body("discord", "News", thread=name)
        first = Outgoing(Chat("discord", "5", space="9"), sent, "n")
        with pytest.raises(Unsure):
            await to.deliver(first)
        stub.fault = every(1, "")
        made = datetime.now(UTC) - timedelta(minutes=5 if whose == "old" else 0)
        there = str(time_snowflake(made))
        stub.threads[there], stub.forums[there] = name, "4"
        text = "Less news" if whose == "other words" else "News"
        stub.keep(there, there, {"embeds": [{"description": text}]})
        stub.owners = {there: "8"} if whose == "stranger" else {}
        for _ in range(2):
            again = await to.deliver(replace(first, doubt=timedelta(seconds=40)))
            [ours] = stub.threads.keys() - {there}
            assert again.message == ours
        await to.close()


LOCKED = '403 {"message": "Thread is archived", "code": 50083}'
DELETED = '404 {"message": "Unknown Channel", "code": 10003}'


@pytest.mark.parametrize("refusal", [LOCKED, DELETED])
@pytest.mark.parametrize("plain", [False, True])
async def test_a_part_that_a_thread_may_have_taken_does_not_go_to_the_channel_too(
    refusal: str, plain: bool
) -> None:
    text = " ".join(f"word{number}" for number in range(500 if plain else 5))
    lost = 2 if plain else 1

    def fault(_: str, chat: str, call: int) -> str:
        return ("drop_after" if call == lost else "" if call < lost else refusal) * (chat == "6")

    async with DeliveryStub(fault=fault) as stub:
        to = opened("discord", stub.url)
        chat = Chat("discord", "5", space="9")
        part = Outgoing(chat, body("discord", text), "n2", thread="6", plain=plain)
        with pytest.raises(Unsure):
            await to.deliver(part)
        for _ in range(2):
            await to.deliver(replace(part, doubt=timedelta(seconds=30)))
        await to.close()
        texts = [taken for _, _, taken in stub.order]
    assert len(texts) == len(set(texts))
    assert "".join(texts).replace("\n", "").count("word") == (500 if plain else 5)


async def test_a_part_is_kept_while_its_thread_cannot_be_looked_at() -> None:
    async with DeliveryStub() as stub:
        to = opened("discord", stub.url)
        chat = Chat("discord", "5", space="9")
        part = Outgoing(chat, body("discord"), "n2", thread="6")
        await to.deliver(part)
        stub.fault = lambda _, chat, __: DELETED * (chat == "6")
        stub.hides_history = True
        with pytest.raises(Unseen):
            await to.deliver(replace(part, doubt=timedelta(seconds=30)))
        refused = Gone("Discord: Unknown Channel", "deleted")
        with patch.object(to, "_read_history", side_effect=refused), pytest.raises(Unsure):
            await to.deliver(replace(part, doubt=timedelta(seconds=30)))
        await to.close()
    assert stub.books["discord"].chats["5"] == 0


async def test_a_message_that_a_gateway_lost_the_answer_to_is_not_doubled(tmp_path: Path) -> None:
    async with DeliveryStub(fault=every(10, "fail_after")) as stub, town(stub, tmp_path) as people:
        for platform in PLATFORMS:
            await people.digests(platform, 20)
        people.start()
        await people.ended()
        cut = stub.books["telegram"].cut
        assert cut
        assert await people.states("telegram") == {"sent": 20 - cut, "unknown": cut}
        assert await people.states("discord") == {"sent": 20}
        assert [stub.books[p].doubled for p in PLATFORMS] == [0, 0]


async def test_saving_a_picture_s_id_does_not_undo_its_send(tmp_path: Path) -> None:
    """A kill meanwhile must not make it unknown."""
    made = body("telegram", "brief", picture="ai/2025-12-06")
    saving, saved = asyncio.Event(), asyncio.Event()
    async with DeliveryStub() as stub, town(stub, tmp_path) as people:
        save: Any = people.ledger.save_file_id

        async def slow(*words: str) -> None:
            saving.set()
            await saved.wait()
            await save(*words)

        with patch.object(people.ledger, "save_file_id", slow):
            await people.digests("telegram", 2, made)
            people.start("telegram")
            await asyncio.wait_for(saving.wait(), 20)
            await people.until("telegram", lambda s: s["sent"] == 2)
            saved.set()
            await people.stop()
        assert await people.ledger.read_file_id("telegram", "ai/2025-12-06")
