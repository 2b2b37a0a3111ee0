"""Commands about the bot itself."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC

from bot import texts
from bot.alerts import MOST_REASON
from bot.commands.asking import Ask, Unanswered
from bot.messages import Block, Button, Heading, Paragraph, Reply, Rows, reply
from digest.models import Cost, Language, Report, UndeliveredPart
from digest.store import Spent
from digest.store.ledger import Ledger


async def show_help(ask: Ask) -> AsyncIterator[Reply]:
    """List all commands, or what one does; `/help en` and `/help zh` choose the language."""
    words = {word.lower().lstrip("/") for word in ask.words}
    language: Language = "zh" if "zh" in words else "en" if "en" in words else ask.language
    topic, day = await ask.usual_topic(), await ask.usual_day()
    admin = ask.context.is_admin(ask.incoming)
    rows = [
        (command.example.format(day=day), command.help(language))
        for command in ask.commands
        if admin or command.who != "operators"
    ]
    for command in ask.commands:
        if words & {command.name, command.alias}:
            example = command.example.format(day=day)
            blocks: list[Block] = [Rows(((example, command.help(language)),))]
            if command.name in ("subscribe", "settings"):
                blocks.append(Paragraph(replace(ask, command=command).list_settings()))
            yield reply(*blocks, language=language)
            return
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
        line = ask.text(key, n=len(days), posts=posts, day=newest)
        rows.append((f"{name} · {ask.title(name)}", line))
    title = Heading(ask.text("topics"), 1)
    yield reply(title, Rows(tuple(rows)), language=language)


async def status(ask: Ask) -> AsyncIterator[Reply]:
    """Show the newest report of each topic, today's ledger, held messages, database, versions."""
    if ask.words and ask.words[0].lower() == "held":
        yield await _decide(ask)
        return
    store = ask.context.store
    blocks: list[Block] = [Heading(ask.text("status"), 1)]
    for stored in await store.topics():
        blocks += [Paragraph(line) for line in await _state(ask, stored.name)]
    blocks += await _show_ledger(ask)
    facts, buttons = await _show_held(ask)
    blocks += [*facts, Paragraph(await store.check()), Paragraph(ask.context.versions)]
    yield replace(reply(*blocks, language=ask.language), buttons=buttons)


async def _state(ask: Ask, topic: str) -> list[str]:
    store, language = ask.context.store, ask.language
    posts = await store.post_days(topic)
    reports = len(await store.report_days(topic))
    facts = {"days": len(posts), "posts": sum(posts.values()), "reports": reports}
    stored = ask.text("stored", **facts)
    newest = await store.latest(topic)
    if newest is None:
        return [ask.text("newest_none", topic=topic), stored]
    return [*_newest(newest, language), stored]


def _newest(report: Report, language: Language) -> list[str]:
    when = f"{report.created_at:%Y-%m-%d %H:%M} UTC" if report.created_at else "?"
    day = texts.days(report.first, report.last, language)
    writer = report.writer if report.writer in ("llm", "extractive") else "imported"
    writer = texts.text(f"writer_{writer}", language)
    about = {"topic": report.topic, "day": day, "writer": writer, "when": when}
    lines = [texts.text("newest", language, **about), *_quality(report, language)]
    lines.append(texts.text("counted", language, **asdict(report.counts)))
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


async def cost(ask: Ask) -> AsyncIterator[Reply]:
    """Show what was spent today and this month against the caps, by model; the newest reports'
    cost."""
    language, context = ask.language, ask.context
    today = context.now().astimezone(UTC).date()
    day, month = await context.store.spent(today)
    blocks: list[Block] = [Heading(ask.text("cost"), 1)]
    for key, spent, cap in (
        ("spent_day", day, context.usd_day),
        ("spent_month", month, context.usd_month),
    ):
        total = sum(row.usd for row in spent)
        facts = {"day": today, "month": f"{today:%Y-%m}", "usd": f"{total:.4f}", "cap": f"{cap:g}"}
        blocks.append(Paragraph(ask.text(key, **facts)))
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
            blocks.append(Paragraph(ask.text("report_cost", **facts)))
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


MOST_SHOWN = 10
"""Held messages that get a line and buttons of their own."""
_WORDS = {"again": True, "重发": True, "arrived": False, "已到": False}


async def _show_ledger(ask: Ask) -> list[Block]:
    """Return what was due on this UTC day on each platform, and its outcomes."""
    messages = await Ledger(ask.context.store).balance(ask.context.now())
    title = Heading(ask.text("ledger"))
    if not messages:
        return [title, Paragraph(ask.text("ledger_empty"))]
    rows = [
        (platform, ask.text("balance", **asdict(balance))) for platform, balance in messages.items()
    ]
    return [title, Rows(tuple(rows))]


async def _show_held(ask: Ask) -> tuple[list[Block], tuple[tuple[Button, ...], ...]]:
    """Return the held messages with buttons for each and for all; nothing where there are none."""
    messages = await Ledger(ask.context.store).list_held_parts()
    if not messages:
        return [], ()
    shown = messages[:MOST_SHOWN]
    blocks: list[Block] = [
        Paragraph(ask.text("held", n=len(messages))),
        Rows(tuple(_row(ask, message) for message in shown)),
    ]
    if len(messages) > len(shown):
        blocks.append(Paragraph(ask.text("held_more", n=len(messages) - len(shown))))
    last = max(message.part for message in messages)  # later ones are not decided unseen
    everything = tuple(
        Button(ask.text(f"held_all_{word}"), f"/status held {word} all {last}")
        for word in ("again", "arrived")
    )
    single = tuple(
        Button(
            ask.text(f"held_{word}", id=message.part),
            f"/status held {word} {message.part}",
        )
        for message in shown
        for word in ("again", "arrived")
    )
    return blocks, (everything, single)


def _row(ask: Ask, message: UndeliveredPart) -> tuple[str, str]:
    chat = message.chat
    where = f"{chat.platform} {chat.title or chat.id}"
    where += f"/{chat.thread}" if chat.thread and not chat.title else ""
    facts = {
        "why": texts.reason(message.error, ask.language)[:MOST_REASON],
        "since": f"{message.tried_at:%m-%d %H:%M}" if message.tried_at else "?",
        "position": message.position + 1,
        "topic": ask.title(message.topic),
        "day": texts.weekday(message.day, ask.language),
    }
    return f"{message.part} · {where}", ask.text("held_row", **facts)


async def _decide(ask: Ask) -> Reply:
    """`held again 12`, `held arrived 12 13`, `held again all`: sends again or marks as arrived.

    Raises Unanswered for other words.
    """
    words = [word.lower() for word in ask.words[1:]]
    numbers = [word for word in words if word.isascii() and word.isdigit()]
    verbs = [word for word in words if word in _WORDS]
    everything = "all" in words or "全部" in words
    strange = [w for w in words if w not in (*numbers, *verbs, "all", "全部")]
    if strange or len(verbs) != 1 or not (numbers or everything):
        shown = strange[0] if strange else " ".join(words) or "held"
        raise Unanswered(ask.say("bad_held", word=shown[:40]))
    ledger, again = Ledger(ask.context.store), _WORDS[verbs[0]]
    there = {message.part for message in await ledger.list_held_parts()}
    numbered = {int(word) for word in numbers}
    if everything:
        numbered = {part for part in there if not numbered or part <= max(numbered)}
    number = await ledger.decide(sorted(numbered & there), again=again)
    key = "decided_none" if not number else "decided_again" if again else "decided_arrived"
    answer = ask.say(key, n=number)
    more, buttons = await _show_held(ask)
    return replace(answer, blocks=(*answer.blocks, *more), buttons=buttons)
