"""A question to a model, with a store and a budget in memory."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import openai  # noqa: F401 (takes half a second, which no test of time-outs should count)
import pytest
from pydantic import BaseModel, ConfigDict

from digest.errors import BudgetSpent, LlmError, StoreError
from digest.llm.budget import Budget
from digest.llm.client import Call, Llm
from digest.models import Cost, Provider
from digest.store import Store
from tests.model_server import KEY, MODEL, ModelServer

NOW = datetime(2025, 12, 6, 8, 0, tzinfo=UTC)


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str
    cites: list[str]


class News(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: list[Item]


GOOD = {"items": [{"text": "Meridian 发布了。", "cites": ["p1", "p2"]}]}
TWO = {"items": [*GOOD["items"], {"text": "Kite raised $5m.", "cites": ["p3"]}]}


class Shelf:
    """What the store keeps for a model, in memory."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.known: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.broken = False

    async def load_answer(self, hash: str) -> str | None:
        self._check()
        return self.answers.get(hash)

    async def save_answer(self, hash: str, content: str, now: datetime) -> None:
        self._check()
        self.answers[hash] = content

    async def load_learned(self, base_url: str, model: str) -> dict[str, Any]:
        return dict(self.known.get((base_url, model), {}))

    async def save_learned(self, base_url: str, model: str, learned: Mapping[str, Any]) -> None:
        self.known[base_url, model] = json.loads(json.dumps(learned))

    def _check(self) -> None:
        if self.broken:
            raise StoreError("database is busy: try again in a moment")


class Purse:
    """A budget that counts, and allows so many requests."""

    def __init__(self, requests: int = 1000) -> None:
        self.requests = requests
        self.held: list[tuple[int, int]] = []
        self.settled: list[tuple[int, int]] = []
        self.broken = False

    async def hold(self, provider: Provider, prompt_tokens: int, answer_tokens: int) -> int:
        if len(self.held) >= self.requests:
            raise BudgetSpent("the budget of the day is spent")
        self.held.append((prompt_tokens, answer_tokens))
        return len(self.held) - 1

    async def settle(
        self, hold: int, provider: Provider, prompt_tokens: int, answer_tokens: int
    ) -> Cost:
        if self.broken:
            raise StoreError("database is busy: try again in a moment")
        self.settled.append((prompt_tokens, answer_tokens))
        return Cost(1, prompt_tokens, answer_tokens)


def call(prompt: str = "p1: Meridian is out", name: str = "events") -> Call[News]:
    return Call(name, "You write the news.", prompt, News, 500)


class Desk:
    """An Llm with what it writes into."""

    def __init__(self, *servers: ModelServer | str, seconds: float = 80.0, proxy: str = "") -> None:
        urls = [s if isinstance(s, str) else s.base_url for s in servers]
        self.shelf, self.purse = Shelf(), Purse()
        self.providers = [Provider(MODEL, url, KEY) for url in urls]
        self.seconds, self.proxy = seconds, proxy

    def llm(self) -> Llm:
        store, budget = cast(Store, self.shelf), cast(Budget, self.purse)
        return Llm(
            self.providers, store, budget, seconds=self.seconds, proxy=self.proxy, now=lambda: NOW
        )

    async def ask(self, *calls: Call[News]) -> list[News]:
        async with self.llm() as llm:
            return await asyncio.gather(*[llm.ask(c) for c in calls or [call()]])

    async def fails(self, match: str) -> float:
        """Seconds until the LlmError that says this."""
        begin = time.monotonic()
        with pytest.raises(LlmError, match=match) as caught:
            await self.ask()
        assert "\n" not in str(caught.value)
        assert KEY not in str(caught.value)
        return time.monotonic() - begin


def closed_port() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}/v1"
