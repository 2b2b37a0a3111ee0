"""Costs of the models, for operators."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC

from bot import texts
from bot.commands.asking import Ask
from bot.messages import Block, Heading, Paragraph, Reply, Rows, reply
from digest.models import Cost, Language
from digest.store import Spent


async def cost(ask: Ask) -> AsyncIterator[Reply]:
    """Show what was spent today and this month against the caps, by model; the newest reports'
    cost."""
    language, context = ask.language, ask.context
    today = context.now().astimezone(UTC).date()
    day, month = await context.store.spent(today)
    blocks: list[Block] = [Heading(texts.text("cost", language), 1)]
    for key, spent, cap in (
        ("spent_day", day, context.usd_day),
        ("spent_month", month, context.usd_month),
    ):
        total = sum(row.usd for row in spent)
        facts = {"day": today, "month": f"{today:%Y-%m}", "usd": f"{total:.4f}", "cap": f"{cap:g}"}
        blocks.append(Paragraph(texts.text(key, language, **facts)))
        if spent:
            blocks.append(Rows(_by_model(spent, language)))
    for stored in await context.store.topics():
        newest = await context.store.latest(stored.name)
        if newest and newest.cost.calls:
            facts = {
                "topic": newest.topic,
                "day": newest.last,
                "cost": _cost(newest.cost, language),
            }
            blocks.append(Paragraph(texts.text("report_cost", language, **facts)))
    yield reply(*blocks, language=language)


def _by_model(spent: Sequence[Spent], language: Language) -> tuple[tuple[str, str], ...]:
    rows = []
    for row in spent:
        priced = row.usd if row.unpriced < row.calls else None
        taken = Cost(row.calls, row.prompt_tokens, row.answer_tokens, priced)
        line = _cost(taken, language)
        if priced is not None and row.unpriced:
            line += texts.text("unpriced", language, n=row.unpriced)
        rows.append((row.model, line))
    return tuple(rows)


def _cost(cost: Cost, language: Language) -> str:
    usd = texts.text("no_price", language) if cost.usd is None else f"${cost.usd:.4f}"
    facts = {
        "calls": cost.calls,
        "sent": cost.prompt_tokens,
        "said": cost.answer_tokens,
        "usd": usd,
    }
    return texts.text("cost_line", language, **facts)
