"""Commands about the bot itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from bot import texts
from bot.commands import deliveries
from bot.commands.asking import Ask, Query
from bot.messages import Block, Heading, Paragraph, Reply, Rows, reply
from digest.models import Language, Report


async def show_help(ask: Ask) -> AsyncIterator[Reply]:
    """List all commands; `/help en` and `/help zh` choose the language."""
    words = {word.lower() for word in ask.words}
    language: Language = "zh" if "zh" in words else "en" if "en" in words else ask.language
    topic, day = await ask.usual(Query()), await ask.usual_day()
    admin = ask.context.is_admin(ask.incoming)
    rows = [
        (command.example.format(day=day), command.help(language))
        for command in ask.commands
        if admin or command.who != "operators"
    ]
    yield reply(
        Heading(texts.text("help", language), 1),
        Rows(tuple(rows)),
        Paragraph(texts.text("help_arguments", language, topic=topic, day=day)),
        language=language,
    )


async def topics(ask: Ask) -> AsyncIterator[Reply]:
    """List the topics with their reports and newest days."""
    store, language = ask.context.store, ask.language
    names = dict.fromkeys([*ask.context.topics, *(t.name for t in await store.topics())])
    rows = []
    for name in names:
        days = await store.report_days(name)
        posts = len(await store.post_days(name))
        key = "topic_line" if days else "topic_none"
        newest = days[-1] if days else ""
        line = texts.text(key, language, n=len(days), posts=posts, day=newest)
        rows.append((f"{name} · {ask.context.topic(name).title[language]}", line))
    title = Heading(texts.text("topics", language), 1)
    yield reply(title, Rows(tuple(rows)), language=language)


async def status(ask: Ask) -> AsyncIterator[Reply]:
    """Show the newest report of each topic, today's ledger, held messages, database, versions."""
    if ask.words and ask.words[0].lower() == "held":
        yield await deliveries.decided(ask)
        return
    store = ask.context.store
    blocks: list[Block] = [Heading(texts.text("status", ask.language), 1)]
    for stored in await store.topics():
        blocks += [Paragraph(line) for line in await _state(ask, stored.name)]
    blocks += await deliveries.today(ask)
    facts, buttons = await deliveries.held(ask)
    blocks += [*facts, Paragraph(await store.check()), Paragraph(ask.context.versions)]
    yield replace(reply(*blocks, language=ask.language), buttons=buttons)


async def _state(ask: Ask, topic: str) -> list[str]:
    store, language = ask.context.store, ask.language
    posts = await store.post_days(topic)
    reports = len(await store.report_days(topic))
    facts = {"days": len(posts), "posts": sum(posts.values()), "reports": reports}
    stored = texts.text("stored", language, **facts)
    newest = await store.latest(topic)
    if newest is None:
        return [texts.text("newest_none", language, topic=topic), stored]
    return [*_newest(newest, language), stored]


def _newest(report: Report, language: Language) -> list[str]:
    when = f"{report.created_at:%Y-%m-%d %H:%M} UTC" if report.created_at else "?"
    day = texts.days(report.first, report.last, language)
    writer = report.writer if report.writer in ("llm", "extractive") else "imported"
    writer = texts.text(f"writer_{writer}", language)
    about = {"topic": report.topic, "day": day, "writer": writer, "when": when}
    counts = {name: getattr(report.counts, name) for name in report.counts.__slots__}
    lines = [texts.text("newest", language, **about), *_quality(report, language)]
    lines.append(texts.text("counted", language, **counts))
    for source in report.sources:
        key = "source_ok" if source.ok else "source_bad"
        facts = {"name": source.name, "n": source.posts, "note": source.note}
        lines.append(texts.text(key, language, **facts))
    return lines


def _quality(report: Report, language: Language) -> list[str]:
    """Return the score of a model's draft, and why it is not used where it is not."""
    if report.quality is None:
        return []
    lines = []
    if report.quality.parts:
        scores = [
            texts.text(f"part_{name}", language, n=value)
            for name, value in report.quality.parts.items()
        ]
        parts = ("，" if language == "zh" else ", ").join(scores)
        lines.append(texts.text("score", language, score=report.quality.score, parts=parts))
    if report.quality.reduced:
        lines.append(texts.text(f"reduced_{report.quality.reduced}", language))
    elif report.counts.unproved:
        lines.append(texts.text("unproved", language, n=report.counts.unproved))
    return lines
