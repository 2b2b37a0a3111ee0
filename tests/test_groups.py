"""Fast sending takes few commits: rows are claimed and settled in groups."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.delivery.dispatch import MAX_AHEAD
from bot.platforms import Delivered, Outgoing, Pace
from tests import town as towns
from tests.delivery_stub import DeliveryStub
from tests.town import town

CHATS = 300


class Fast:
    """A platform in this process that takes a message in 5 ms."""

    pace = Pace(1000.0, 1000.0, 0.0, 0)
    repeats = False
    reuses = True

    def __init__(self) -> None:
        self.chats: list[str] = []

    async def deliver(self, message: Outgoing) -> Delivered:
        self.chats.append(message.chat.id)
        await asyncio.sleep(0.005)
        return Delivered(str(len(self.chats)))

    async def close(self) -> None:
        pass


async def test_many_messages_share_a_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(DeliveryStub(), tmp_path, fast=1000.0) as people:
        people.stub.url = ""
        await people.digests("telegram", CHATS)
        fast = Fast()
        monkeypatch.setattr(towns, "opened", lambda *_: fast)
        groups: list[int] = []
        settle, claim = people.ledger.settle, people.ledger.claim

        async def settling(outcomes: Sequence[Any]) -> None:
            groups.append(len(outcomes))
            await settle(outcomes)

        async def claiming(*asked: Any) -> Any:
            rows = await claim(*asked)
            groups.append(len(rows))
            return rows

        monkeypatch.setattr(people.ledger, "settle", settling)
        monkeypatch.setattr(people.ledger, "claim", claiming)
        began = time.monotonic()
        people.start("telegram")
        await people.ended("telegram", seconds=60, look=0.3)
        seconds = time.monotonic() - began
    assert len(set(fast.chats)) == len(fast.chats) == CHATS
    assert max(groups) <= MAX_AHEAD, "what a kill leaves unsure"
    commits = sum(map(bool, groups))
    # A commit settles all of 0.4 s at the least; a slower machine needs more of them.
    assert commits <= 30 + 6 * seconds, f"{commits} commits in {seconds:.1f} s"
