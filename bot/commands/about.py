"""Commands about the bot itself, most of them for operators.

`/source`: changes made in a chat are stored on top of `topics.toml`, row by row. Sources are
fetched and parsed in a child process, as in a round, and a typed source can never be in a private
network.
"""

import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bot import texts
from bot.alerts import MAX_REASON_CHARS
from bot.builds import ask_child
from bot.commands.asking import Ask, Unanswered
from bot.compose import truncate
from bot.messages import Block, Button, Heading, Link, ListItem, Paragraph, Reply, Rows, reply
from bot.rich import quote_words
from bot.typed import fold_letters
from digest.collect import compute_allowance, identify, list_sources
from digest.models import Cost, Language, Report, SourceSpec, Topic, UndeliveredPart
from digest.store import Spent
from digest.store.source_tables import Change, Health, SourceBook


async def show_help(ask: Ask) -> AsyncIterator[Reply]:
    """List all commands, or what one does; `/help en` and `/help zh` choose the language."""
    words = {fold_letters(word.lstrip("/")) for word in ask.words}
    language: Language = "zh" if "zh" in words else "en" if "en" in words else ask.language
    topic, day = await ask.usual_topic(), await ask.usual_day()
    admin = ask.context.is_admin(ask.incoming)
    named = [command for command in ask.commands if words & {command.name, command.alias}][:1]
    listed = named or [row for row in ask.commands if admin or row.who != "operators"]
    rows = Rows(
        tuple((row.example_in(language).format(day=day), row.help(language)) for row in listed)
    )
    blocks: list[Block] = [rows]
    if not named:
        arguments = texts.text("help_arguments", language, topic=topic, day=day)
        blocks = [Heading(texts.text("help", language), 1), rows, Paragraph(arguments)]
    elif named[0].name in ("subscribe", "settings"):
        blocks.append(Paragraph(replace(ask, command=named[0]).list_settings()))
    yield reply(*blocks, language=language)


async def topics(ask: Ask) -> AsyncIterator[Reply]:
    """List the topics with their reports and newest days."""
    store = ask.context.store
    names = dict.fromkeys([*ask.context.topics, *(t.name for t in await store.list_topics())])
    rows = []
    for name in names:
        days = await store.list_days(name)
        posts = len(await store.count_posts(name))
        key = "topic_line" if days else "topic_none"
        newest = days[-1] if days else ""
        line = ask.text(key, n=len(days), posts=posts, day=newest)
        rows.append((f"{name} · {ask.title(name)}", line))
    yield reply(Heading(ask.text("topics"), 1), Rows(tuple(rows)), language=ask.language)


async def status(ask: Ask) -> AsyncIterator[Reply]:
    """Show the newest report of each topic, today's ledger, held messages, database, versions."""
    if ask.words:
        yield await _decide(ask)
        return
    store = ask.context.store
    blocks: list[Block] = [Heading(ask.text("status"), 1)]
    for stored in await store.list_topics():
        blocks += map(Paragraph, await _state(ask, stored.name))
    # What was due on this UTC day on each platform, and its outcomes.
    messages = await ask.context.ledger.count_due(ask.context.now())
    rows = [(name, ask.text("balance", **asdict(balance))) for name, balance in messages.items()]
    blocks.append(Heading(ask.text("ledger")))
    blocks.append(Rows(tuple(rows)) if rows else Paragraph(ask.text("ledger_empty")))
    facts, buttons = await _show_held(ask)
    blocks += [*facts, Paragraph(await store.check()), Paragraph(_versions())]
    yield replace(reply(*blocks, language=ask.language), buttons=buttons)


def _versions() -> str:
    try:
        release = version("jianbao")
    except PackageNotFoundError:
        release = "(not installed)"
    return f"jianbao {release}, Python {sys.version.split()[0]}"


async def _state(ask: Ask, topic: str) -> list[str]:
    store = ask.context.store
    posts = await store.count_posts(topic)
    reports = len(await store.list_days(topic))
    facts = {"days": len(posts), "posts": sum(posts.values()), "reports": reports}
    stored = ask.text("stored", **facts)
    newest = await store.load_latest(topic)
    if newest is None:
        return [ask.text("newest_none", topic=topic), stored]
    when = f"{newest.created_at:%Y-%m-%d %H:%M} UTC" if newest.created_at else "?"
    day = texts.days(newest.first, newest.last, ask.language)
    writer = newest.writer if newest.writer in ("llm", "extractive") else "imported"
    about = {"topic": topic, "day": day, "writer": ask.text(f"writer_{writer}"), "when": when}
    lines = [ask.text("newest", **about), *_quality(ask, newest)]
    lines.append(ask.text("counted", **asdict(newest.counts)))
    for source in newest.sources:
        key = "source_ok" if source.ok else "source_bad"
        lines.append(ask.text(key, name=source.name, n=source.posts, note=source.note))
    return [*lines, stored]


def _quality(ask: Ask, report: Report) -> list[str]:
    """Return the score of a model's draft, and the reason if it is not used."""
    quality, lines = report.quality, list[str]()
    if quality is None:
        return []
    if quality.parts:
        scores = [ask.text(f"part_{name}", n=value) for name, value in quality.parts.items()]
        parts = ("，" if ask.language == "zh" else ", ").join(scores)
        lines.append(ask.text("score", score=quality.score, parts=parts))
    if quality.reduced:
        lines.append(ask.text(f"reduced_{quality.reduced}"))
    elif report.counts.unproved:
        lines.append(ask.text("unproved", n=report.counts.unproved))
    return lines


async def cost(ask: Ask) -> AsyncIterator[Reply]:
    """Show what was spent today and this month, by model, and what the newest reports cost."""
    context = ask.context
    today = context.now().astimezone(UTC).date()
    day, month = await context.store.sum_spending(today)
    blocks: list[Block] = [Heading(ask.text("cost"), 1)]
    for key, spent, cap in (
        ("spent_day", day, context.settings.budget_usd_day),
        ("spent_month", month, context.settings.budget_usd_month),
    ):
        total = sum(row.usd for row in spent)
        month_name, most = f"{today:%Y-%m}", f"{cap:.2f}" if cap == round(cap, 2) else f"{cap:g}"
        facts = {"day": today, "month": month_name, "usd": f"{total:.4f}", "cap": most}
        blocks.append(Paragraph(ask.text(key, **facts)))
        if spent:
            blocks.append(Rows(tuple(_by_model(ask, row) for row in spent)))
    for stored in await context.store.list_topics():
        newest = await context.store.load_latest(stored.name)
        if newest and newest.cost.calls:
            facts = {"topic": newest.topic, "day": newest.last, "cost": _cost(ask, newest.cost)}
            blocks.append(Paragraph(ask.text("report_cost", **facts)))
    yield reply(*blocks, language=ask.language)


def _by_model(ask: Ask, spent: Spent) -> tuple[str, str]:
    priced = spent.usd if spent.unpriced < spent.calls else None
    line = _cost(ask, Cost(spent.calls, spent.prompt_tokens, spent.answer_tokens, priced))
    if priced is not None and spent.unpriced:
        line += ask.text("unpriced", n=spent.unpriced)
    return spent.model, line


def _cost(ask: Ask, cost: Cost) -> str:
    usd = ask.text("no_price") if cost.usd is None else f"${cost.usd:.4f}"
    tokens = {"sent": cost.prompt_tokens, "said": cost.answer_tokens}
    return ask.text("cost_line", calls=cost.calls, usd=usd, **tokens)


MAX_SHOWN = 10
"""Held messages listed with buttons of their own."""
_WORDS = {"again": True, "重发": True, "arrived": False, "已到": False}


async def _show_held(ask: Ask) -> tuple[list[Block], tuple[tuple[Button, ...], ...]]:
    """Return the held messages with buttons for each and for all; empty if there are none."""
    messages = await ask.context.ledger.list_held_parts()
    if not messages:
        return [], ()
    shown = messages[:MAX_SHOWN]
    blocks: list[Block] = [
        Paragraph(ask.text("held", n=len(messages))),
        Rows(tuple(_row(ask, message) for message in shown)),
    ]
    if len(messages) > len(shown):
        blocks.append(Paragraph(ask.text("held_more", n=len(messages) - len(shown))))
    last = max(message.part for message in messages)  # "all" must not include later ones
    everything = tuple(
        Button(ask.text(f"held_all_{word}"), f"/status held {word} all {last}")
        for word in ("again", "arrived")
    )
    single = tuple(
        Button(ask.text(f"held_{word}", id=message.part), f"/status held {word} {message.part}")
        for message in shown
        for word in ("again", "arrived")
    )
    return blocks, (everything, single)


def _row(ask: Ask, message: UndeliveredPart) -> tuple[str, str]:
    chat = message.chat
    where = f"{chat.platform} {quote_words(chat.title or chat.id)}"
    where += f"/{chat.thread}" if chat.thread and not chat.title else ""
    facts = {
        "why": texts.reason(quote_words(message.error), ask.language)[:MAX_REASON_CHARS],
        "since": f"{message.tried_at:%m-%d %H:%M}" if message.tried_at else "?",
        "position": message.position + 1,
        "topic": ask.title(message.topic),
        "day": texts.weekday(message.day, ask.language),
    }
    return f"{message.part} · {where}", ask.text("held_row", **facts)


async def _decide(ask: Ask) -> Reply:
    """Handle `held again 12`, `held arrived 12 13`, `held again all`: retry or mark as arrived.

    Raises Unanswered for invalid words.
    """
    words = [word.lower() for word in ask.words if word.lower() != "held"]
    numbers = [word for word in words if word.isascii() and word.isdigit()]
    verbs = [word for word in words if word in _WORDS]
    everything = "all" in words or "全部" in words
    strange = [w for w in words if w not in (*numbers, *verbs, "all", "全部")]
    if strange or len(verbs) != 1 or not (numbers or everything):
        shown = strange[0] if strange else " ".join(words) or "held"
        raise Unanswered(ask.say("bad_held", word=shown[:40]))
    ledger, again = ask.context.ledger, _WORDS[verbs[0]]
    part_ids = {message.part for message in await ledger.list_held_parts()}
    numbered = {int(word) for word in numbers}
    if everything:
        numbered = {part for part in part_ids if not numbered or part <= max(numbered)}
    number = await ledger.decide(sorted(numbered & part_ids), again=again)
    key = "decided_none" if not number else "decided_again" if again else "decided_arrived"
    answer = ask.say(key, n=number)
    more, buttons = await _show_held(ask)
    return replace(answer, blocks=(*answer.blocks, *more), buttons=buttons)


ACTIONS: Mapping[str, str] = {
    **{name: name for name in ("list", "add", "remove", "test")},
    **{"列表": "list", "添加": "add", "删除": "remove", "测试": "test"},
}
SHOWN_CHARS = 300


async def source(ask: Ask) -> AsyncIterator[Reply]:
    """List the sources of a topic; add, remove or try one."""
    words = list(ask.words)
    action = ACTIONS.get(fold_letters(words.pop(0)), "") if words else "list"
    if not action:
        raise Unanswered(ask.say("source_usage"))
    if words and words[0].isdigit():  # `remove 3 ai`
        words.reverse()
    topic = _topic(ask, words)
    typed = " ".join(words)
    if action == "list":
        yield await _list(ask, topic)
        return
    if not words:
        raise Unanswered(ask.say("source_usage"))
    if action == "remove":
        yield await _remove(ask, topic, typed)
        return
    if action == "add" and (back := await _brought_back(ask, topic, typed)):
        yield back
        return
    yield ask.say("source_trying", what=typed[:120])
    tried = await try_source(words)
    if "why" in tried:
        why = texts.source_reason(str(tried["why"]), ask.language)[:300]
        yield ask.say("source_fails", what=typed[:120], why=why)
    elif action == "test":
        yield _show_trial(ask, tried)
    else:
        yield await _add(ask, topic, tried)


def _topic(ask: Ask, words: list[str]) -> Topic:
    """Return the topic named by the first word, which is removed; else the default topic."""
    topics = ask.context.topics
    named = topics.get(words[0].lower()) if words else None
    if named:
        words.pop(0)
    return named or topics[ask.topics[0]]


async def try_source(words: Sequence[str]) -> dict[str, Any]:
    """Fetch a source in a child process; return its posts, or `why` it failed."""
    answer, why = await ask_child("try-source", "-", typed="\n".join(words))
    return {"why": why} if why else dict(json.loads(answer))


async def _list(ask: Ask, topic: Topic) -> Reply:
    language, now = ask.language, ask.context.now()
    book = SourceBook(ask.context.store)
    health = await book.load_health(topic.name, now.astimezone(UTC).date())
    configured, listed = _list_configured(topic), await list_sources(topic, ask.context.store)
    rows = []
    for number, spec in enumerate(listed, 1):
        origin = ask.text("source_file" if identify(spec) in configured else "source_chat")
        state = _describe(ask, spec, health.get(identify(spec), Health()), now)
        rows.append((f"{number}. {_shown(spec)}", f"{state} · {origin}"))
    for change in await _list_removed(topic, book):
        rows.append((f"— {_shown(change.spec)}", ask.text("source_removed_by", who=change.by)))
    blocks: list[Block] = [
        Heading(ask.text("source_title", topic=topic.title[language]), 1),
        Rows(tuple(rows)) if rows else Paragraph(ask.text("source_none")),
    ]
    if any(spec.kind == "x" for spec in listed):
        most, spent = ask.context.settings.x_reads_month, await book.count_reads(now)
        counts = {"n": spent.month, "today": spent.today}
        left = compute_allowance(most, spent, now)
        blocks.append(Paragraph(ask.text("source_reads", most=most, left=left, **counts)))
    blocks.append(Paragraph(ask.text("source_usage")))
    return reply(*blocks, language=language)


def _list_configured(topic: Topic) -> set[SourceSpec]:
    """Return the identities of the sources in the topics file."""
    return {identify(spec) for spec in topic.sources}


async def _list_removed(topic: Topic, book: SourceBook) -> list[Change]:
    base = _list_configured(topic)
    return [
        c for c in await book.list_changes(topic.name) if not c.added and identify(c.spec) in base
    ]


def _shown(spec: SourceSpec) -> str:
    """Return kind and address without parts that may contain a password or key."""
    if spec.kind == "rss":
        bare = spec.address.partition("://")[2].rpartition("@")[2]
        return bare.partition("?")[0].rstrip("/")[:80]
    return f"{spec.kind} {spec.address}".strip()[:80]


def _describe(ask: Ask, spec: SourceSpec, how: Health, now: datetime) -> str:
    parts = []
    why = texts.source_reason(how.off or how.error, ask.language)
    if how.off:
        parts.append(ask.text("source_off", why=why))
    elif how.error and not how.failures:
        parts.append(ask.text("source_note", why=why))
    elif how.error:
        parts.append(ask.text("source_failing", n=how.failures, why=why))
    elif how.answered_at is None:
        parts.append(ask.text("source_new"))
    if how.answered_at is not None:
        when = f"{how.answered_at:%m-%d %H:%M} UTC"
        rate, seconds = round(how.posts_a_day), f"{how.seconds or 0:.1f}"
        parts.append(ask.text("source_well", when=when, rate=rate, seconds=seconds))
    if how.next_at and how.next_at > now:
        parts.append(ask.text("source_waits", when=f"{how.next_at:%H:%M} UTC"))
    if spec.weight != 1:
        parts.append(f"×{spec.weight:g}")
    if spec.fallback_for:
        parts.append(ask.text("source_stands_in", what=spec.fallback_for[:60]))
    return " · ".join(parts)


def _show_trial(ask: Ask, tried: Mapping[str, Any]) -> Reply:
    title = ask.text("source_gives", name=tried["name"], n=tried["number"])
    blocks: list[Block] = [Heading(title, 1)]
    for post in tried["posts"]:
        when = post["created_at"][:16].replace("T", " ")
        details = " · ".join([when, *(f"{n} {c}" for n, c in post["metrics"].items())])
        label = post["author"] or post["key"]
        text = truncate(" ".join(str(post["text"]).split()), SHOWN_CHARS)
        form = "{}（{}）" if ask.language == "zh" else "{} ({})"
        blocks.append(ListItem(form.format(text, details), links=(Link(label, post["url"]),)))
    return reply(*blocks, language=ask.language)


async def _add(ask: Ask, topic: Topic, tried: Mapping[str, Any]) -> Reply:
    store, spec = ask.context.store, SourceSpec(tried["kind"], tried["address"])
    book, person = SourceBook(store), ask.incoming.person[:80]
    if spec in {identify(source) for source in await list_sources(topic, store)}:
        return ask.say("source_there", name=tried["name"])
    if spec in _list_configured(topic):
        await book.undo(topic.name, spec)  # it was removed here before, under another spelling
    else:
        await book.save_changes(topic, [spec], added=True, by=person, now=ask.context.now())
    title = topic.title[ask.language]
    return ask.say("source_added", name=tried["name"], topic=title, n=tried["number"])


async def _brought_back(ask: Ask, topic: Topic, typed: str) -> Reply | None:
    """Restore a source of the topics file that was removed here, without a trial, which would fail
    for a private network."""
    book = SourceBook(ask.context.store)
    for change in await _list_removed(topic, book):
        if _is_meant(typed, change.spec):
            await book.undo(topic.name, identify(change.spec))
            name, title = _shown(change.spec), topic.title[ask.language]
            return ask.say("source_back", name=name, topic=title)
    return None


def _is_meant(typed: str, spec: SourceSpec) -> bool:
    return typed in (spec.address, f"{spec.kind} {spec.address}".strip(), _shown(spec))


async def _remove(ask: Ask, topic: Topic, typed: str) -> Reply:
    store = ask.context.store
    listed = await list_sources(topic, store)
    matches = [source for source in listed if _is_meant(typed, source)]
    if typed.isascii() and typed.isdigit() and 1 <= int(typed) <= len(listed):
        matches = [listed[int(typed) - 1]]
    if len(matches) != 1:
        raise Unanswered(ask.say("source_unknown", what=typed[:80], topic=topic.name))
    spec, book, person = identify(matches[0]), SourceBook(store), ask.incoming.person[:80]
    if spec in _list_configured(topic):
        await book.save_changes(topic, [spec], added=False, by=person, now=ask.context.now())
    else:
        await book.undo(topic.name, spec)
    return ask.say("source_removed", name=_shown(spec), topic=topic.title[ask.language])
