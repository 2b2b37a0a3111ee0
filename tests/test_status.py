"""What operators see of the ledger, and their word on held messages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import time, timedelta
from pathlib import Path

import pytest

from bot.commands import answer
from bot.messages import Button, Incoming, Press, Reply
from bot.platforms.telegram.entities import MAX_BUTTON_BYTES
from bot.platforms.terminal import render
from digest.models import Chat, Outcome, PartState, Subscription
from digest.store import Store
from digest.store.ledger import Ledger
from tests.hosts import BOSS, NOW, context
from tests.posts import TOPIC
from tests.samples import report
from tools.balance import list_unbalanced

DUE = NOW - timedelta(minutes=5)


@dataclass
class Office:
    """A ledger in use, and an operator who asks about it."""

    store: Store
    folder: Path

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.store)

    async def due(self, platform: str, count: int, first: int = 0) -> None:
        """So many chats whose digest was due five minutes ago, with two messages each."""
        for number in range(first, first + count):
            at = time(DUE.hour, DUE.minute)
            wanted = Subscription(Chat(platform, str(number)), "ai", at, "UTC")
            await self.store.subscribe(wanted, NOW - timedelta(hours=1))
        await self.ledger.propose({"ai": TOPIC}, NOW)
        found = await self.ledger.list_ready(platform, 1000, {"ai": TOPIC}, NOW)
        await self.ledger.plan([(one.id, ("one", "two")) for one, _ in found])

    async def end(self, platform: str, state: PartState, limit: int = 1000) -> int:
        """Claims what has its turn and gives it this state."""
        claimed = await self.ledger.claim(platform, limit, NOW)
        await self.ledger.settle([Outcome(part.id, state) for part in claimed])
        return len(claimed)

    async def ask(self, line: str, user: str = BOSS) -> Reply:
        asked = Incoming(Chat("telegram", BOSS), user, line, "en")
        made = context(self.store, self.folder)
        first, *_ = [one async for one in answer(made, asked)]
        return first

    async def say(self, line: str, user: str = BOSS) -> str:
        return render(await self.ask(line, user), 200, styled=False)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        await store.save_topic(TOPIC)
        await store.save_report(report((NOW - timedelta(days=1)).date()))
        yield Office(store, tmp_path)


def buttons(reply: Reply) -> dict[str, Button]:
    return {button.label: button for group in reply.buttons for button in group}


async def test_the_ledger_of_today_is_told_by_platform(office: Office) -> None:
    assert "nothing is due yet today" in await office.say("/status")
    await office.due("telegram", 5)
    await office.due("discord", 2)
    assert await office.end("telegram", "sent", 3) == 3
    assert await office.end("telegram", "refused", 1) == 1
    said = await office.say("/status")
    assert "due 5 = delivered 0 + refused 1 + unknown 0 + waiting 4 + skipped 0" in said
    while await office.end("telegram", "sent"):
        pass
    said = await office.say("/status")
    assert "due 5 = delivered 4 + refused 1 + unknown 0 + waiting 0 + skipped 0" in said
    assert "due 2 = delivered 0 + refused 0 + unknown 0 + waiting 2 + skipped 0" in said
    assert "应发 5 = 已发 4 + 被拒 1" in await office.say("/状态")
    assert await list_unbalanced(office.ledger) == []


@pytest.mark.parametrize(
    ("writer", "words"),
    [
        ("llm", "written with the model"),
        ("extractive", "written without a model"),
        ("imported", "imported"),
        ("someone", "imported"),
    ],
)
async def test_who_wrote_a_report_is_said_in_words(office: Office, writer: str, words: str) -> None:
    yesterday = (NOW - timedelta(days=1)).date()
    await office.store.save_report(replace(report(yesterday), writer=writer))
    assert f" ({words}, " in await office.say("/status")


async def test_held_messages_are_decided_one_by_one(office: Office) -> None:
    await office.due("telegram", 2)
    await office.end("telegram", "unknown")
    held = await office.ledger.list_held_parts()
    one, two = (part.part for part in held)
    shown = await office.ask("/status")
    said = render(shown, 200, styled=False)
    assert "2 messages may or may not have arrived" in said
    assert f"{one} · telegram 0" in said
    assert "part 1 · AI · 2025-12-08 Mon" in said
    pressed = buttons(shown)
    assert all(Press(button.line).fits(MAX_BUTTON_BYTES) for button in pressed.values())
    again = await office.ask(pressed[f"Resend {one}"].line)
    assert "1 message will be sent again" in render(again, 200, styled=False)
    arrived = await office.say(buttons(again)[f"Mark {two} as arrived"].line)
    assert "1 message marked as arrived" in arrived
    assert await office.ledger.list_held_parts() == []
    assert "No matching message is waiting" in await office.say(f"/status held again {one}")
    # What is resent goes out before the second message of its chat; the other goes on with its own.
    assert [part.position for part in await office.ledger.claim("telegram", 9, NOW)] == [0, 1]
    assert await list_unbalanced(office.ledger) == []


async def test_all_means_those_that_were_shown(office: Office) -> None:
    await office.due("telegram", 12)
    await office.end("telegram", "unknown")
    shown = await office.ask("/status")
    assert "2 more" in render(shown, 200, styled=False)
    await office.due("discord", 1, first=50)
    await office.end("discord", "unknown")
    said = await office.say(buttons(shown)["Resend all"].line)
    assert "12 messages will be sent again" in said
    assert [one.chat.platform for one in await office.ledger.list_held_parts()] == ["discord"]
    assert "1 message marked as arrived" in await office.say("/status held arrived all")


@pytest.mark.parametrize(
    "line",
    [
        "/status held",
        "/status held 12",
        "/status held again",
        "/status held again x",
        "/status held burn all",
    ],
)
async def test_another_word_is_answered_with_a_right_one(office: Office, line: str) -> None:
    await office.due("telegram", 1)
    await office.end("telegram", "unknown")
    assert "/status held again 12" in await office.say(line)
    assert len(await office.ledger.list_held_parts()) == 1


async def test_only_operators_decide(office: Office) -> None:
    await office.due("telegram", 1)
    await office.end("telegram", "unknown")
    assert "operators" in await office.say("/status held again all", "5")
    assert len(await office.ledger.list_held_parts()) == 1


async def test_a_restored_bot_holds_what_was_open_and_skips_what_was_due(office: Office) -> None:
    """The backup is of a moment at which some was sent, some on its way, and some still to come."""
    await office.due("telegram", 3)
    await office.end("telegram", "sent", 1)
    assert len(await office.ledger.claim("telegram", 1, NOW)) == 1
    chat = Chat("telegram", "9")
    wanted = Subscription(chat, "ai", (NOW + timedelta(hours=1)).time(), "UTC")
    await office.store.subscribe(wanted, NOW)
    assert await office.ledger.take_lease("telegram", "me", NOW)

    restored = NOW + timedelta(hours=2)
    await office.store.mark_restored(restored)
    assert await office.ledger.claim("telegram", 99, restored) == []
    assert len(await office.ledger.list_held_parts()) == 5, (
        "two of three chats whole, the rest of one"
    )
    await office.ledger.propose({"ai": TOPIC}, restored)
    assert await office.ledger.list_ready("telegram", 99, {"ai": TOPIC}, restored) == [], (
        "it was due after the backup: skipped"
    )
    assert (await office.ledger.count_due(restored))["telegram"].skipped == 1
    assert await list_unbalanced(office.ledger) == []
    assert await office.ledger.take_lease("telegram", "another", restored)
    tomorrow = restored + timedelta(days=1)
    await office.ledger.propose({"ai": TOPIC}, tomorrow)
    assert (await office.ledger.count_due(tomorrow))["telegram"].waiting == 4, "then all goes on"
