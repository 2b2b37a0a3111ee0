"""Budget caps, checked before each call: tokens per report, dollars per day and month."""

import math
from collections.abc import Callable
from datetime import datetime

from digest.errors import BudgetSpent, ReportFull
from digest.models import Cost, Provider
from digest.store import Store

MAX_PROMPT_TOKENS = 45_000
MAX_ANSWER_TOKENS = 14_000
"""Maximum tokens of one report, including reasoning, whatever the number of posts."""
ANSWER_WEIGHT, MAX_WEIGHT = 8, 120_000
"""Weight of an answer token: most vendors charge eight times as much for it as for a prompt token.
MAX_WEIGHT keeps a report within $0.03 at $0.25 and $2 per million."""
MARGIN = 1.25
"""Safety factor of token estimates; the largest error on single paragraphs was 21 % (p95)."""


class Budget:
    """Money and token budget of one report; `cost` is what was spent so far.

    A call reserves its worst-case cost before it is made, and is settled afterwards, so concurrent
    calls and processes cannot exceed a cap together. After a crash the reservation stays, because
    the money may have been spent.
    """

    def __init__(
        self, store: Store, topic: str, *, day: float, month: float, now: Callable[[], datetime]
    ) -> None:
        self.cost = Cost()
        self._store, self._topic = store, topic
        self._day, self._month = day, month
        self._now = now
        self._reserved: dict[int, tuple[int, int]] = {}
        self._waiting: list[tuple[int, int]] = []

    async def hold(self, provider: Provider, prompt_tokens: int, answer_tokens: int) -> int:
        """Reserve the worst case of a call; return an id for `settle`. Raise BudgetSpent."""
        worst = price(provider, math.ceil(prompt_tokens * MARGIN), answer_tokens)
        if not worst and 0 in (self._day, self._month):  # price unknown, or free
            raise BudgetSpent("no money may be spent (BUDGET_USD_DAY or BUDGET_USD_MONTH is 0)")
        self._fit(prompt_tokens, answer_tokens)
        waiting = (prompt_tokens, answer_tokens)
        self._waiting.append(waiting)  # visible to concurrent calls during the await
        try:
            number = await self._store.reserve(
                self._now(), self._topic, provider.model, worst, self._day, self._month
            )
        finally:
            self._waiting.remove(waiting)
        if number is None:
            raise BudgetSpent(
                f"the budget is spent (${self._day:g} a day, ${self._month:g} a month): raise"
                " BUDGET_USD_DAY or BUDGET_USD_MONTH, or wait"
            )
        self._reserved[number] = waiting
        return number

    def _fit(self, prompt_tokens: int, answer_tokens: int) -> None:
        """Raise ReportFull if the report's token limits leave no room."""
        open_ = [*self._reserved.values(), *self._waiting]
        prompt = self.cost.prompt_tokens + sum(sent for sent, _ in open_) + prompt_tokens
        answer = self.cost.answer_tokens + sum(answered for _, answered in open_) + answer_tokens
        weight = prompt + ANSWER_WEIGHT * answer
        if prompt > MAX_PROMPT_TOKENS or answer > MAX_ANSWER_TOKENS or weight > MAX_WEIGHT:
            raise ReportFull(
                f"a report may take {MAX_PROMPT_TOKENS} tokens in and {MAX_ANSWER_TOKENS} out,"
                " fewer in all: the rest is written without the model"
            )

    async def settle(
        self, hold: int, provider: Provider, prompt_tokens: int, answer_tokens: int
    ) -> Cost:
        """Record the actual usage of a call; return it with its price, if known."""
        usd = price(provider, prompt_tokens, answer_tokens)
        taken = Cost(1, prompt_tokens, answer_tokens, usd)
        self._reserved.pop(hold, None)
        self.cost += taken
        await self._store.settle(hold, taken)
        return taken


def price(provider: Provider, prompt_tokens: int, answer_tokens: int) -> float | None:
    """Return the price in dollars, or None if the model is unknown.

    Prices are from the list in the genai-prices package; nothing is fetched. If the server is
    unknown, the model's name decides, because proxies charge the vendor's prices.
    """
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=prompt_tokens, output_tokens=answer_tokens)
    for url in (provider.base_url, None):
        try:
            price_ = calc_price(usage, provider.model, provider_api_url=url)
        except LookupError:
            continue
        return float(price_.total_price)
    return None


def tokens(text: str) -> int:
    """Estimate the tokens of a text, rather too high than too low.

    Chinese takes 0.71 tokens per character with o200k and 1.19 with older vocabularies; English
    prose about a quarter of a token per letter, digits and punctuation more.
    """
    wide = sum(char >= "\u2e80" for char in text)
    letters = sum(char.isalpha() or char == " " for char in text if char < "\u2e80")
    return math.ceil(1.2 * wide + 0.28 * letters + 0.6 * (len(text) - wide - letters))
