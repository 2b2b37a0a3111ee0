"""Whatever happens in whatever order, the ledger balances, nothing is doubled, nothing forgotten."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select

from digest.models import Chat, Outcome, Part, PartState, Subscription
from digest.store import Store
from digest.store.ledger import Ledger
from digest.store.tables import deliveries, parts
from tests import FULL
from tests.posts import TOPIC
from tests.samples import report
from tools.balance import list_unbalanced

START = datetime(2026, 3, 27, 12, tzinfo=UTC)
TOPICS = {"ai": replace(TOPIC, timezone="UTC", build_at=time(6))}
CHATS = ("1", "2", "3", "4", "5")
ZONES = ("UTC", "Europe/Berlin", "Asia/Shanghai", "America/Los_Angeles")
STATES: tuple[PartState, ...] = ("sent", "sent", "sent", "waiting", "refused", "unknown")
STEPS = {
    "hours": 12,
    "tick": 12,
    "build": 5,
    "plan": 10,
    "claim": 20,
    "settle": 20,
    "follow": 5,
    "late": 3,
    "expire": 1,
    "crash": 2,
    "decide": 3,
    "leave": 1,
    "end": 1,
    "move": 1,
    "days": 1,
}
"""What may happen, and how often beside the others."""


class Bot:
    """A ledger, and which messages certainly arrived."""

    def __init__(self, url: str, seed: int) -> None:
        self.url, self.draw = url, Random(seed)  # noqa: S311
        self.now = START
        self.claimed: list[Part] = []
        self.arrived: Counter[str] = Counter()
        """By nonce."""

    async def open(self) -> None:
        self.store = await Store.open(self.url)
        self.ledger = Ledger(self.store)

    async def follow(self) -> None:
        """Subscribes, or changes time, zone or pause."""
        chat, hour = Chat("telegram", self.draw.choice(CHATS)), time(self.draw.randrange(24))
        paused = self.draw.random() < 0.1
        one = Subscription(chat, "ai", hour, self.draw.choice(ZONES), paused=paused)
        await self.store.subscribe(one, self.now)

    async def leave(self) -> None:
        await self.store.unsubscribe(Chat("telegram", self.draw.choice(CHATS)), "ai")

    async def end(self) -> None:
        await self.ledger.end_chat("telegram", self.draw.choice(CHATS), "removed")

    async def move(self) -> None:
        """A chat's message came back with a new id: it did not arrive."""
        old, new = self.draw.sample(CHATS, 2)
        back = [one for one in self.claimed if one.chat.id == old]
        await self.ledger.move_chat("telegram", old, new)
        await self.ledger.settle([Outcome(one.id, "waiting") for one in back])
        self.claimed = [one for one in self.claimed if one not in back]

    async def hours(self) -> None:
        self.now += timedelta(minutes=self.draw.choice((7, 60, 300, 600)))

    async def days(self) -> None:
        self.now += timedelta(days=self.draw.choice((1, 3)))

    async def tick(self) -> None:
        await self.ledger.propose(TOPICS, self.now)
        assert await self.ledger.propose(TOPICS, self.now) == 0

    async def build(self) -> None:
        for back in (1, 2):
            await self.store.save_report(report(self.now.date() - timedelta(days=back)))

    async def plan(self) -> None:
        ready = await self.ledger.list_ready("telegram", 10, TOPICS, self.now)
        bodies = [f"part {n}" for n in range(self.draw.randint(1, 3))]
        await self.ledger.plan([(one.id, bodies) for one, _ in ready])

    async def late(self) -> None:
        late = await self.ledger.list_overdue("telegram", 10, TOPICS, self.now)
        await self.ledger.save_excuses([(one.id, ["late"]) for one in late])
        await self.ledger.give_up(self.now)

    async def expire(self) -> None:
        await self.ledger.expire("telegram", self.now)

    async def claim(self) -> None:
        found = await self.ledger.claim("telegram", self.draw.randint(1, 4), self.now)
        chats = [one.chat.id for one in [*self.claimed, *found] if one in found]
        assert len(set(chats)) == len(chats), "one of a chat at a time"
        assert not [one for one in found if self.arrived[one.nonce]], "it arrived already"
        self.claimed += found

    async def settle(self) -> None:
        state = self.draw.choice(STATES)
        group = self.claimed[: self.draw.randint(1, 4)]
        again = self.now + timedelta(minutes=1) if state in ("waiting", "sent") else None
        await self.ledger.settle([Outcome(one.id, state, again_at=again) for one in group])
        if state == "sent":
            self.arrived.update(one.nonce for one in group)
        self.claimed = self.claimed[len(group) :]

    async def crash(self) -> None:
        """The process dies with what it had claimed, and another one begins."""
        await self.store.close()
        self.claimed = []
        await self.open()
        await self.ledger.recover("telegram")

    async def decide(self) -> None:
        held = [one.part for one in await self.ledger.list_held_parts("telegram")]
        again = self.draw.random() < 0.5
        assert await self.ledger.decide(held, again=again) == len(held)

    async def drain(self) -> None:
        """Lets everything that is open come to its end."""
        await self.ledger.recover("telegram")
        held = [one.part for one in await self.ledger.list_held_parts("telegram")]
        await self.ledger.decide(held, again=False)
        self.now += timedelta(days=5)
        await self.ledger.give_up(self.now)
        while found := await self.ledger.claim("telegram", 10, self.now):
            self.arrived.update(one.nonce for one in found)
            await self.ledger.settle([Outcome(one.id, "sent") for one in found])

    async def counts(self, table: Any) -> dict[str, int]:
        query = select(table.c.state, func.count()).group_by(table.c.state)
        async with self.store.reading() as connection:
            return {row.state: row[1] for row in await connection.execute(query)}

    async def holds(self) -> None:
        """What must be true at any moment."""
        assert await list_unbalanced(self.ledger) == []
        assert (await self.counts(parts)).get("sending", 0) <= len(self.claimed)
        for one in (await self.ledger.count_due(self.now)).values():
            named = one.delivered + one.refused + one.unknown + one.waiting + one.skipped
            assert one.due == named


@pytest.mark.parametrize(("seed", "steps"), [(2, 400)] if FULL else [(11, 150)])
async def test_the_ledger_balances_whatever_happens(store_url: str, seed: int, steps: int) -> None:
    bot, most = Bot(store_url, seed), Counter[str]()
    await bot.open()
    try:
        for _ in range(8):
            await bot.follow()
        for step in bot.draw.choices(list(STEPS), list(STEPS.values()), k=steps):
            await getattr(bot, step)()
            await bot.holds()
            most |= Counter(await bot.counts(deliveries))
        await bot.drain()
        await bot.holds()
        ended = await bot.counts(deliveries)
        assert set(ended) <= {"delivered", "refused", "skipped"}, "something was forgotten"
        assert max(bot.arrived.values()) == 1, "something was doubled"
        # The run has come through every state, or it would prove little.
        assert set(most) == {"due", "open", "delivered", "refused", "unknown", "skipped"}
        assert ended["delivered"] > 5
    finally:
        await bot.store.close()
