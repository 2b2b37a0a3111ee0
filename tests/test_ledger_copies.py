"""Two running copies on one database: unique rows and leases decide, nothing is doubled."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import func, select

from digest.models import Chat, Outcome, Subscription
from digest.store import Store
from digest.store.ledger import Ledger
from digest.store.tables import deliveries
from tests.posts import TOPIC
from tests.samples import report

DAY = date(2026, 3, 10)
EIGHT = datetime(2026, 3, 10, 8, tzinfo=UTC)
TOPICS = {"ai": replace(TOPIC, timezone="UTC", build_at=time(6))}
NUMBER = 60


async def test_two_copies_double_nothing(store_url: str) -> None:
    async with await Store.open(store_url) as first, await Store.open(store_url) as second:
        for n in range(NUMBER):
            zone = ("UTC", "Africa/Abidjan", "Atlantic/Reykjavik")[n % 3]
            one = Subscription(Chat("telegram", str(n)), "ai", time(8), zone)
            await first.subscribe(one, EIGHT - timedelta(hours=12))
        await first.save_report(report(DAY - timedelta(days=1)))
        copies = [Ledger(first), Ledger(second)]
        new = await asyncio.gather(*(one.propose(TOPICS, EIGHT) for one in copies * 3))
        assert sum(new) == NUMBER
        await asyncio.gather(*(one.list_builds_due(list(TOPICS.values()), EIGHT) for one in copies))
        yesterday = DAY - timedelta(days=1)
        names = [f"worker {n}" for n in range(6)]
        claims = await asyncio.gather(
            *(
                one.claim_build("ai", yesterday, name, EIGHT)
                for one, name in zip(copies * 3, names, strict=True)
            )
        )
        assert sum(claims) == 1, "one of them makes the report"
        maker = names[claims.index(True)]
        await copies[0].end_build("ai", yesterday, EIGHT, succeeded=True, holder=maker)
        arrived = await asyncio.gather(*map(_deliver, copies))
        # Without the lease even: what one has claimed the other does not get.
        assert sum(arrived, Counter()) == Counter({str(n): 1 for n in range(NUMBER)})
        async with first.reading() as connection:
            per_day = select(func.count()).select_from(deliveries)
            per_day = per_day.group_by(deliveries.c.subscription_id, deliveries.c.day)
            assert set((await connection.scalars(per_day)).all()) == {1}


async def _deliver(ledger: Ledger) -> Counter[str]:
    """Plans, claims and sends until nothing is left; gives how often each chat got it."""
    ready = await ledger.list_ready("telegram", NUMBER, TOPICS, EIGHT)
    await ledger.plan([(one.id, ["digest"]) for one, _ in ready])
    arrived: Counter[str] = Counter()
    while parts := await ledger.claim("telegram", 7, EIGHT):
        arrived.update(one.chat.id for one in parts)
        await ledger.settle([Outcome(one.id, "sent") for one in parts])
    return arrived


async def test_one_copy_holds_the_lease_and_the_other_takes_over(store_url: str) -> None:
    async with await Store.open(store_url) as first, await Store.open(store_url) as second:
        copies = {"a:1": Ledger(first), "b:2": Ledger(second)}
        for start in range(10):
            now = EIGHT + timedelta(hours=start)
            taken = await asyncio.gather(
                *(one.take_lease("telegram", name, now) for name, one in copies.items())
            )
            assert sum(taken) == 1
            winner = await copies["a:1"].find_holder("telegram", now)
            other = next(name for name in copies if name != winner)
            almost = now + timedelta(seconds=29)
            assert not await copies[other].take_lease("telegram", other, almost)
            assert await copies[other].take_lease("telegram", other, now + timedelta(seconds=30))
            assert not await copies[winner].take_lease(
                "telegram", winner, now + timedelta(seconds=31)
            )
