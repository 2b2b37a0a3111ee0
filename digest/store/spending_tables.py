"""Model spending, cached answers, and capabilities of model servers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, update

from digest.calendar import Span, month_of
from digest.models import Cost
from digest.store.database import Database
from digest.store.engine import save_row
from digest.store.tables import answers, model_servers, spending

_LOCK = 0x6A69616F
"""Key of the PostgreSQL advisory lock that serialises reservations."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Spending on one model; calls of unknown price are counted in `unpriced`, not in `usd`."""

    model: str
    calls: int
    prompt_tokens: int
    answer_tokens: int
    usd: float
    unpriced: int


class SpendingTables(Database):
    """The tables `spending`, `answers` and `model_servers`."""

    async def reserve(
        self,
        at: datetime,
        topic: str,
        model: str,
        usd: float | None,
        day_limit: float,
        month_limit: float,
    ) -> int | None:
        """Reserve the worst-case cost of a call against the caps of its UTC day and month, in USD.

        Returns an id for `settle`; None if a cap would be exceeded. Reservations are serialised.
        """
        day = at.astimezone(UTC).date()
        async with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            for span, limit in (((day, day), day_limit), (month_of(day), month_limit)):
                which = spending.c.day.between(*span)
                total = select(func.coalesce(func.sum(spending.c.usd), 0.0)).where(which)
                if float(await connection.scalar(total) or 0.0) + (usd or 0.0) > limit:
                    return None
            row = {"at": at, "day": day, "topic": topic, "model": model, "usd": usd}
            row |= {"prompt_tokens": 0, "answer_tokens": 0, "settled": False}
            written = insert(spending).values(row).returning(spending.c.id)
            return int((await connection.execute(written)).scalar_one())

    async def settle(self, reserved: int, cost: Cost) -> None:
        """Replace a reservation by the actual cost."""
        tokens = {"prompt_tokens": cost.prompt_tokens, "answer_tokens": cost.answer_tokens}
        statement = update(spending).where(spending.c.id == reserved)
        async with self.writing() as connection:
            await connection.execute(statement.values(**tokens, usd=cost.usd, settled=True))

    async def sum_spending(self, day: date) -> tuple[list[Spent], list[Spent]]:
        """Return the spending of a UTC day and of its month, by model."""
        queries = _sums((day, day)), _sums(month_of(day))
        today, month = [[Spent(*row) for row in await self.rows(query)] for query in queries]
        return today, month

    async def load_answer(self, hash_: str) -> str | None:
        query = select(answers.c.content).where(answers.c.hash == hash_)
        content: str | None = await self.scalar(query)
        return content

    async def save_answer(self, hash_: str, content: str, now: datetime) -> None:
        """Cache an answer; replace one that could not be parsed."""
        row = {"hash": hash_, "content": content, "made_at": now}
        async with self.writing() as connection:
            await save_row(connection, answers, ["hash"], row)

    async def delete_old_answers(self, before: datetime) -> None:
        async with self.writing() as connection:
            await connection.execute(delete(answers).where(answers.c.made_at < before))

    async def load_learned(self, base_url: str, model: str) -> dict[str, Any]:
        """Return the known capabilities of a model on a server; empty if never asked."""
        same = (model_servers.c.base_url == base_url) & (model_servers.c.model == model)
        return dict(await self.scalar(select(model_servers.c.learned).where(same)) or {})

    async def save_learned(self, base_url: str, model: str, learned: Mapping[str, Any]) -> None:
        """Save the capabilities of a model on a server; replace earlier ones."""
        row = {"base_url": base_url, "model": model, "learned": dict(learned)}
        async with self.writing() as connection:
            await save_row(connection, model_servers, ["base_url", "model"], row)


def _sums(span: Span) -> Select[Any]:
    total = func.coalesce
    return (
        select(
            spending.c.model,
            func.count(),
            total(func.sum(spending.c.prompt_tokens), 0),
            total(func.sum(spending.c.answer_tokens), 0),
            total(func.sum(spending.c.usd), 0.0),
            func.count() - func.count(spending.c.usd),
        )
        .where(spending.c.day.between(*span))
        .group_by(spending.c.model)
        .order_by(spending.c.model)
    )
