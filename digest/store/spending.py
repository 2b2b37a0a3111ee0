"""Money and models: what calls cost, answers already paid for, what a server understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Cost
from digest.store.engine import upsert
from digest.store.tables import answers, model_servers, spending

_LOCK = 0x6A69616F
"""Number of the PostgreSQL advisory lock under which one process at a time reserves money."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Calls of one model: those of unknown price count in `unpriced` and not in `usd`."""

    model: str
    calls: int
    prompt_tokens: int
    answer_tokens: int
    usd: float
    unpriced: int


async def reserve(
    connection: AsyncConnection,
    at: datetime,
    topic: str,
    model: str,
    usd: float | None,
    day_limit: float,
    month_limit: float,
) -> int | None:
    """The number of a row with the worst case of a call, or None where a cap leaves no room for it."""
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    day = at.astimezone(UTC).date()
    for chosen, limit in ((_of_day(day), day_limit), (_of_month(day), month_limit)):
        spent = await connection.scalar(
            select(func.coalesce(func.sum(spending.c.usd), 0.0)).where(chosen)
        )
        if float(spent or 0.0) + (usd or 0.0) > limit:
            return None
    row = {"at": at, "day": day, "topic": topic, "model": model, "usd": usd}
    row |= {"prompt_tokens": 0, "answer_tokens": 0, "settled": False}
    written = insert(spending).values(row).returning(spending.c.id)
    return int((await connection.execute(written)).scalar_one())


async def settle(connection: AsyncConnection, id_: int, cost: Cost) -> None:
    """Puts what a call really took in the place of its worst case."""
    taken = {"prompt_tokens": cost.prompt_tokens, "answer_tokens": cost.answer_tokens}
    statement = update(spending).where(spending.c.id == id_)
    await connection.execute(statement.values(**taken, usd=cost.usd, settled=True))


async def of_day(connection: AsyncConnection, day: date) -> list[Spent]:
    """What was spent on a UTC day, by model."""
    return await _sums(connection, _of_day(day))


async def of_month(connection: AsyncConnection, day: date) -> list[Spent]:
    """What was spent in the month of a UTC day, by model."""
    return await _sums(connection, _of_month(day))


async def _sums(connection: AsyncConnection, chosen: ColumnElement[bool]) -> list[Spent]:
    total = func.coalesce
    query = (
        select(
            spending.c.model,
            func.count(),
            total(func.sum(spending.c.prompt_tokens), 0),
            total(func.sum(spending.c.answer_tokens), 0),
            total(func.sum(spending.c.usd), 0.0),
            func.count() - func.count(spending.c.usd),
        )
        .where(chosen)
        .group_by(spending.c.model)
        .order_by(spending.c.model)
    )
    return [Spent(*row) for row in await connection.execute(query)]


def _of_day(day: date) -> ColumnElement[bool]:
    return spending.c.day == day


def _of_month(day: date) -> ColumnElement[bool]:
    first = day.replace(day=1)
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return (spending.c.day >= first) & (spending.c.day < following)


async def answer(connection: AsyncConnection, hash_: str) -> str | None:
    """An answer that was paid for before."""
    found = await connection.scalar(select(answers.c.content).where(answers.c.hash == hash_))
    return None if found is None else str(found)


async def save_answer(connection: AsyncConnection, hash_: str, content: str, now: datetime) -> None:
    """Keeps an answer, in the place of one that could not be read."""
    statement = upsert(connection.dialect.name, answers, ["hash"])
    row = {"hash": hash_, "content": content, "made_at": now}
    await connection.execute(statement.values(row))


async def learned(connection: AsyncConnection, base_url: str, model: str) -> dict[str, Any]:
    """What is known of a model on a server; nothing of one that was never asked."""
    same = (model_servers.c.base_url == base_url) & (model_servers.c.model == model)
    return dict(await connection.scalar(select(model_servers.c.learned).where(same)) or {})


async def save_learned(
    connection: AsyncConnection, base_url: str, model: str, known: Mapping[str, Any]
) -> None:
    """Keeps what is known of a model on a server, in the place of what was."""
    statement = upsert(connection.dialect.name, model_servers, ["base_url", "model"])
    row = {"base_url": base_url, "model": model, "learned": dict(known)}
    await connection.execute(statement.values(row))
