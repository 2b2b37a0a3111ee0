"""What a report may cost: tokens a report, dollars a day and a month, checked before each call."""

import math
from collections.abc import Callable
from datetime import datetime

from digest.errors import BudgetSpent, ReportFull
from digest.models import Cost, Provider
from digest.store import Store

MAX_PROMPT_TOKENS = 45_000
MAX_ANSWER_TOKENS = 14_000
"""Tokens of one report, reasoning included, whatever the number of posts."""
ANSWER_WEIGHT, MAX_WEIGHT = 8, 120_000
"""Most vendors charge eight times as much for an answer token as for a prompt token. The weighted
total keeps a report within $0.03 at $0.25 and $2 per million."""
MARGIN = 1.25
"""How far an estimate of tokens may be off: 21 % was the most on single paragraphs (p95)."""


class Budget:
    """The money and the tokens of one report; `cost` is what it took so far.

    A call holds its worst case before it is made and is settled afterwards, so that calls side by
    side, and other processes, cannot pass a cap together. A call that a crash left unsettled keeps
    its worst case: the money may be gone.
    """

    def __init__(
        self, store: Store, topic: str, *, day: float, month: float, now: Callable[[], datetime]
    ) -> None:
        self.cost = Cost()
        self._store, self._topic = store, topic
        self._day, self._month = day, month
        self._now = now
        self._held: dict[int, tuple[int, int]] = {}
        self._waiting: list[tuple[int, int]] = []

    async def hold(self, provider: Provider, prompt_tokens: int, answer_tokens: int) -> int:
        """Reserve room for a call; return a number for `settle`. Raise BudgetSpent."""
        worst = price(provider, math.ceil(prompt_tokens * MARGIN), answer_tokens)
        if not worst and 0 in (self._day, self._month):  # unknown, or free
            raise BudgetSpent("no money may be spent (BUDGET_USD_DAY or BUDGET_USD_MONTH is 0)")
        self._fit(prompt_tokens, answer_tokens)
        waiting = (prompt_tokens, answer_tokens)
        self._waiting.append(waiting)  # calls side by side see each other while the store answers
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
        self._held[number] = waiting
        return number

    def _fit(self, prompt_tokens: int, answer_tokens: int) -> None:
        """Raise BudgetSpent where the report's own cap leaves no room."""
        open_ = [*self._held.values(), *self._waiting]
        prompt = self.cost.prompt_tokens + sum(sent for sent, _ in open_) + prompt_tokens
        answer = self.cost.answer_tokens + sum(said for _, said in open_) + answer_tokens
        weight = prompt + ANSWER_WEIGHT * answer
        if prompt > MAX_PROMPT_TOKENS or answer > MAX_ANSWER_TOKENS or weight > MAX_WEIGHT:
            raise ReportFull(
                f"a report may take {MAX_PROMPT_TOKENS} tokens in and {MAX_ANSWER_TOKENS} out,"
                " fewer in all: the rest is written without the model"
            )

    async def settle(
        self, hold: int, provider: Provider, prompt_tokens: int, answer_tokens: int
    ) -> Cost:
        """Record what the call took and return it with its price where that is known."""
        usd = price(provider, prompt_tokens, answer_tokens)
        taken = Cost(1, prompt_tokens, answer_tokens, usd)
        self._held.pop(hold, None)
        self.cost += taken
        await self._store.settle(hold, taken)
        return taken


def price(provider: Provider, prompt_tokens: int, answer_tokens: int) -> float | None:
    """Return the dollars for so many tokens, or None where nobody knows the price of the model.

    From the list in genai-prices, which comes with the package and is not fetched. A model that the
    address does not settle is priced by its name: proxies bill what the maker bills.
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
    """Return the tokens of a text, rather too many than too few.

    For Chinese o200k takes 0.71 a character and older vocabularies 1.19; English prose takes about
    a quarter of a token a letter, digits and signs more.
    """
    wide = sum(char >= "\u2e80" for char in text)
    letters = sum(char.isalpha() or char == " " for char in text if char < "\u2e80")
    return math.ceil(1.2 * wide + 0.28 * letters + 0.6 * (len(text) - wide - letters))
