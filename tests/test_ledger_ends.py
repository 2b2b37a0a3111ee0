"""What ends in the ledger: chats that are gone, that moved while something was under way, old rows."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from sqlalchemy import select, update

from digest.models import Balance, Ending
from digest.store.ledger import Ledger
from digest.store.tables import deliveries
from tests.samples import report
from tests.test_ledger import DAY, EIGHT, HALL, HOUR, MEI, SUPER, follow, ledger, planned, settled
from tests.town import TOPICS

__all__ = ["ledger"]


async def test_a_chat_that_is_gone_waits_for_no_report(ledger: Ledger) -> None:
    await follow(ledger, MEI)
    assert await ledger.propose(TOPICS, EIGHT) == 1
    await ledger.end_chat("telegram", MEI.id, "removed")
    await ledger._store.save_report(report(DAY - timedelta(days=1)))
    assert await ledger.list_ready("telegram", 10, TOPICS, EIGHT) == []
    assert (await ledger.count_due(EIGHT))["telegram"] == Balance(due=1, refused=1)


async def test_a_move_ends_no_digest_that_is_under_way(ledger: Ledger) -> None:
    await follow(ledger, HALL, SUPER)
    await planned(ledger, "a", "b")
    old, new = await ledger.claim("telegram", 10, EIGHT)
    await settled(ledger, [old])
    await ledger.move_chat("telegram", HALL.id, SUPER.id)
    await settled(ledger, [new])
    (rest,) = await ledger.claim("telegram", 10, EIGHT)
    assert (rest.delivery, rest.body) == (new.delivery, "b")


@pytest.mark.parametrize("why", ["left", "removed"])
async def test_a_chat_that_moved_after_an_end_has_its_settings_back(
    ledger: Ledger, why: Ending
) -> None:
    await follow(ledger, HALL, at=time(5))
    await ledger.end_chat("telegram", HALL.id, why)
    await ledger.move_chat("telegram", HALL.id, SUPER.id)
    kept = await ledger._store.find_ended_subscription(SUPER, "ai")
    assert kept is not None
    assert kept.at == time(5)


async def test_the_newest_report_of_a_chat_is_not_forgotten(ledger: Ledger) -> None:
    """Days without a digest came after it: it would be new to the chat again."""
    await follow(ledger, MEI)
    await planned(ledger, "a")
    await settled(ledger, await ledger.claim("telegram", 10, EIGHT))
    assert await ledger.propose(TOPICS, EIGHT + 24 * HOUR) == 1
    async with ledger._store.writing() as connection:
        skipped = update(deliveries).where(deliveries.c.state == "due")
        await connection.execute(skipped.values(state="skipped", report=None))
    await ledger.delete_ended(EIGHT + 80 * 24 * HOUR)
    rows = await ledger._store.rows(select(deliveries.c.report).order_by(deliveries.c.day))
    assert [row.report for row in rows] == [DAY - timedelta(days=1), None]
