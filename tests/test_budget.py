"""Money: held before a call, settled after it, never past a cap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select

from digest.errors import BudgetSpent, StoreError
from digest.llm.budget import MAX_ANSWER_TOKENS, MAX_PROMPT_TOKENS, Budget, price, tokens
from digest.models import Cost, Provider
from digest.store import Spent, Store, spending_tables
from digest.store import engine as engines

NOW = datetime(2025, 12, 6, 23, 30, tzinfo=UTC)
PRICED = Provider("gpt-5-mini")
UNPRICED = Provider("nobody-knows-1", "http://127.0.0.1:1/v1")


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    async with await Store.open(store_url) as opened:
        yield opened


def budget(store: Store, *, day: float = 1.0, month: float = 5.0, now: datetime = NOW) -> Budget:
    return Budget(store, "ai", day=day, month=month, now=lambda: now)


async def test_a_call_is_held_and_settled(store: Store) -> None:
    money = budget(store)
    held = await money.hold(PRICED, 1000, 500)
    (worst,), _ = await store.sum_spending(NOW.date())
    assert worst.usd == pytest.approx(1250 * 0.25e-6 + 500 * 2e-6)
    cost = await money.settle(held, PRICED, 900, 100)
    assert cost == money.cost
    assert cost.usd == pytest.approx(900 * 0.25e-6 + 100 * 2e-6)
    day, month = await store.sum_spending(NOW.date())
    assert day == month == [Spent("gpt-5-mini", 1, 900, 100, cost.usd or 0, 0)]


async def test_an_unknown_price_is_counted_in_tokens(store: Store) -> None:
    money = budget(store)
    await money.settle(await money.hold(UNPRICED, 10, 10), UNPRICED, 10, 5)
    assert money.cost == Cost(1, 10, 5, None)
    day, _ = await store.sum_spending(NOW.date())
    assert day == [Spent("nobody-knows-1", 1, 10, 5, 0.0, 1)]


@pytest.mark.parametrize("model", ["gpt-5-mini", "nobody-knows-1", "deepseek/deepseek-r1:free"])
async def test_a_budget_of_nothing_stops_every_model(store: Store, model: str) -> None:
    """Also a free one: posts would go to its server."""
    provider = Provider(model, "https://openrouter.ai/api/v1")
    assert price(Provider("deepseek/deepseek-r1:free", provider.base_url), 9, 9) == 0.0
    for money in (budget(store, day=0.0), budget(store, month=0.0)):
        with pytest.raises(BudgetSpent):
            await money.hold(provider, 10, 10)


@pytest.mark.parametrize(("day", "month"), [(0.001, 5.0), (1.0, 0.001), (0.0, 5.0)])
async def test_a_cap_is_never_passed(store: Store, day: float, month: float) -> None:
    money = budget(store, day=day, month=month)

    async def three() -> None:
        for _ in range(3):
            await money.hold(PRICED, 1000, 250)

    with pytest.raises(BudgetSpent, match=r"BUDGET_USD_DAY.*BUDGET_USD_MONTH"):
        await three()
    today, _ = await store.sum_spending(NOW.date())
    assert sum(spent.usd for spent in today) <= 0.001


async def test_no_money_means_no_call_whatever_the_price(store: Store) -> None:
    with pytest.raises(BudgetSpent, match="BUDGET_USD_DAY"):
        await budget(store, day=0.0).hold(UNPRICED, 1, 1)


async def test_calls_side_by_side_do_not_pass_a_cap_together(store: Store) -> None:
    one = price(PRICED, 1250, 500) or 0.0

    async def hold() -> bool:
        try:
            await budget(store, day=3.5 * one).hold(PRICED, 1000, 500)
        except BudgetSpent:
            return False
        return True

    assert sum(await asyncio.gather(*(hold() for _ in range(8)))) == 3


async def test_days_and_months_are_those_of_utc(store: Store) -> None:
    cap = 1.5 * (price(PRICED, 1250, 500) or 0.0)
    await budget(store, day=cap).hold(PRICED, 1000, 500)
    with pytest.raises(BudgetSpent):
        await budget(store, day=cap).hold(PRICED, 1000, 500)
    tomorrow = datetime(2025, 12, 7, 0, 30, tzinfo=UTC)
    await budget(store, day=cap, now=tomorrow).hold(PRICED, 1000, 500)
    with pytest.raises(BudgetSpent):
        await budget(store, month=2 * cap / 1.5, now=tomorrow).hold(PRICED, 1000, 500)
    january = datetime(2026, 1, 1, tzinfo=UTC)
    await budget(store, month=cap, now=january).hold(PRICED, 1000, 500)
    assert await store.sum_spending(date(2025, 11, 30)) == ([], [])


async def test_a_report_has_its_own_cap_in_tokens(store: Store) -> None:
    money = budget(store)
    held = await money.hold(PRICED, MAX_PROMPT_TOKENS - 10, 10)
    with pytest.raises(
        BudgetSpent, match=f"{MAX_PROMPT_TOKENS} tokens in and {MAX_ANSWER_TOKENS} out"
    ):
        await money.hold(PRICED, 11, 10)
    await money.settle(held, PRICED, 5000, 10)
    await money.hold(PRICED, 11, 10)


async def test_calls_side_by_side_share_the_cap_in_tokens(store: Store) -> None:
    money = budget(store)
    holds = [money.hold(PRICED, MAX_PROMPT_TOKENS // 2 - 1, 100) for _ in range(4)]
    results = await asyncio.gather(*holds, return_exceptions=True)
    assert sum(isinstance(result, BudgetSpent) for result in results) == 2


async def test_answers_and_what_servers_understand_are_kept(store: Store) -> None:
    assert await store.load_answer("h") is None
    await store.save_answer("h", "第一", NOW)
    await store.save_answer("h", "second", NOW)
    assert await store.load_answer("h") == "second"
    assert await store.load_learned("u", "m") == {}
    await store.save_learned("u", "m", {"form": "json_object"})
    await store.save_learned("u", "m", {"form": "text"})
    assert await store.load_learned("u", "m") == {"form": "text"}


def test_the_estimate_is_rather_too_high() -> None:
    # By the vocabulary of o200k: 15 and 19 tokens.
    assert tokens("Anthropic says the new model scores 81.2% on HardMath at half the price.") >= 15
    assert tokens("据报道，公司年化营收提高到 200 亿美元。") >= 15
    assert tokens("") == 0


async def test_a_writer_that_waits_for_another_is_told(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LOCK_MS", 300)
    monkeypatch.setattr(engines, "_PRAGMAS", ("PRAGMA busy_timeout = 300", *engines._PRAGMAS[1:]))
    async with (
        await Store.open(store_url) as store,
        await Store.open(store_url) as other,
        store.writing() as connection,
    ):
        if connection.dialect.name == "postgresql":  # SQLite locks as the transaction begins
            await connection.execute(select(func.pg_advisory_xact_lock(spending_tables._LOCK)))
        with pytest.raises(StoreError, match="busy"):
            await other.reserve(NOW, "ai", "m", 0.1, 1, 1)
