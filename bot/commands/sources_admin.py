"""`/source`: operators see, add, take away and try the sources of a topic.

`topics.toml` is the base; what is changed here lies over it, row by row. A source is fetched and
parsed in a child process, as in a round, and one that is typed here can never be near by.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot import texts
from bot.builds import ask_child
from bot.commands.asking import Ask, Unanswered
from bot.messages import Block, Heading, Link, ListItem, Paragraph, Reply, Rows, reply
from bot.report_blocks import shortened
from digest.collect import compute_allowance, identify, list_sources
from digest.models import SourceSpec, Topic
from digest.store.source_tables import Health, Reads, SourceBook

ACTIONS: Mapping[str, str] = {
    **{name: name for name in ("list", "add", "remove", "test")},
    **{"列表": "list", "添加": "add", "删除": "remove", "测试": "test"},
}
SHOWN_CHARS = 300


async def source(ask: Ask) -> AsyncIterator[Reply]:
    """List the sources of a topic; add, remove or try one."""
    words = list(ask.words)
    action = ACTIONS.get(words.pop(0).lower(), "") if words else "list"
    if not action:
        raise Unanswered(ask.say("source_usage"))
    topic = _topic(ask, words)
    if action == "list":
        yield await _list(ask, topic)
        return
    if not words:
        raise Unanswered(ask.say("source_usage"))
    if action == "remove":
        yield await _remove(ask, topic, " ".join(words))
        return
    if action == "add" and (back := await _brought_back(ask, topic, " ".join(words))):
        yield back
        return
    yield ask.say("source_trying", what=" ".join(words)[:120])
    tried = await try_source(words)
    if "why" in tried:
        why = texts.source_reason(str(tried["why"]), ask.language)[:300]
        yield ask.say("source_fails", what=" ".join(words)[:120], why=why)
    elif action == "test":
        yield _newest(ask, tried)
    else:
        yield await _add(ask, topic, tried)


def _topic(ask: Ask, words: list[str]) -> Topic:
    """Return the topic that the words name first, taken out of them; else the first one."""
    topics = ask.context.topics
    named = topics.get(words[0].lower()) if words else None
    if named:
        words.pop(0)
    return named or next(iter(topics.values()))


async def try_source(words: Sequence[str]) -> dict[str, Any]:
    """Return what a source gives now (`kind`, `address`, `name`, `number`, the newest `posts`), or
    `why` it gives nothing."""
    answer, why = await ask_child("try-source", "-", typed="\n".join(words))
    if why:
        return {"why": why}
    tried = json.loads(answer)
    return tried if isinstance(tried, dict) else {"why": "?"}


async def _list(ask: Ask, topic: Topic) -> Reply:
    language, now = ask.language, ask.context.now()
    book = SourceBook(ask.context.store)
    health = await book.health(topic.name, now.astimezone(UTC).date())
    ours = {identify(spec) for spec in topic.sources}
    rows = []
    for number, spec in enumerate(await list_sources(topic, ask.context.store), 1):
        origin = ask.text("source_file" if identify(spec) in ours else "source_chat")
        state = _state(ask, spec, health.get(identify(spec), Health()), now)
        rows.append((f"{number}. {_shown(spec)}", f"{state} · {origin}"))
    gone = [c for c in await book.changes(topic.name) if not c.added and identify(c.spec) in ours]
    for change in gone:
        rows.append((f"— {_shown(change.spec)}", ask.text("source_removed_by", who=change.by)))
    blocks: list[Block] = [
        Heading(ask.text("source_title", topic=topic.title[language]), 1),
        Rows(tuple(rows)) if rows else Paragraph(ask.text("source_none")),
    ]
    if any(spec.kind == "x" for spec in await list_sources(topic, ask.context.store)):
        blocks.append(Paragraph(_reads(ask, await book.reads(now), now)))
    blocks.append(Paragraph(ask.text("source_usage")))
    return reply(*blocks, language=language)


def _reads(ask: Ask, spent: Reads, now: datetime) -> str:
    most = ask.context.reads_month
    counts = {"n": spent.month, "today": spent.today, "left": compute_allowance(most, spent, now)}
    return ask.text("source_reads", most=most, **counts)


def _shown(spec: SourceSpec) -> str:
    """Return kind and address, without what a password or key may stand in."""
    if spec.kind == "rss":
        return (
            spec.address.partition("://")[2].rpartition("@")[2].partition("?")[0].rstrip("/")[:80]
        )
    return f"{spec.kind} {spec.address}".strip()[:80]


def _state(ask: Ask, spec: SourceSpec, how: Health, now: datetime) -> str:
    language = ask.language
    parts = []
    if how.off:
        parts.append(ask.text("source_off", why=texts.source_reason(how.off, language)))
    elif how.error and not how.failures and how.next_at is None:
        parts.append(ask.text("source_note", why=texts.source_reason(how.error, language)))
    elif how.error:
        parts.append(
            ask.text("source_failing", n=how.failures, why=texts.source_reason(how.error, language))
        )
    elif how.answered_at is None:
        parts.append(ask.text("source_new"))
    if how.answered_at is not None:
        when = f"{how.answered_at:%m-%d %H:%M} UTC"
        rate, seconds = f"{how.posts_a_day:.0f}", f"{how.seconds or 0:.1f}"
        parts.append(ask.text("source_well", when=when, rate=rate, seconds=seconds))
    if how.next_at and how.next_at > now:
        parts.append(ask.text("source_waits", when=f"{how.next_at:%H:%M} UTC"))
    if spec.weight != 1:
        parts.append(f"×{spec.weight:g}")
    if spec.fallback_for:
        parts.append(ask.text("source_stands_in", what=spec.fallback_for[:60]))
    return " · ".join(parts)


def _newest(ask: Ask, tried: Mapping[str, Any]) -> Reply:
    title = ask.text("source_gives", name=tried["name"], n=tried["number"])
    blocks: list[Block] = [Heading(title, 1)]
    for post in tried["posts"]:
        details = " · ".join(
            [
                post["created_at"][:16].replace("T", " "),
                *(f"{n} {c}" for n, c in post["metrics"].items()),
            ]
        )
        label = post["author"] or post["key"]
        text = shortened(" ".join(str(post["text"]).split()), SHOWN_CHARS)
        blocks.append(ListItem(f"{text} ({details})", links=(Link(label, post["url"]),)))
    return reply(*blocks, language=ask.language)


async def _add(ask: Ask, topic: Topic, tried: Mapping[str, Any]) -> Reply:
    store, spec = ask.context.store, SourceSpec(tried["kind"], tried["address"])
    book, person = SourceBook(store), ask.incoming.person[:80]
    if spec in {identify(source) for source in await list_sources(topic, store)}:
        return ask.say("source_there", name=tried["name"])
    if spec in {identify(source) for source in topic.sources}:
        await book.undo(topic.name, spec)  # it was taken away here before, under another spelling
    else:
        await book.change(topic, [spec], added=True, by=person, now=ask.context.now())
    title = topic.title[ask.language]
    return ask.say("source_added", name=tried["name"], topic=title, n=tried["number"])


async def _brought_back(ask: Ask, topic: Topic, typed: str) -> Reply | None:
    """Restore a source of the topics file that was removed here. It is the operator's own, so it
    needs no trial, which would fail for one in a private network."""
    ours, book = {identify(spec) for spec in topic.sources}, SourceBook(ask.context.store)
    for change in await book.changes(topic.name):
        if not change.added and identify(change.spec) in ours and _is_meant(typed, change.spec):
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
    if spec in {identify(source) for source in topic.sources}:
        await book.change(topic, [spec], added=False, by=person, now=ask.context.now())
    else:
        await book.undo(topic.name, spec)
    return ask.say("source_removed", name=_shown(spec), topic=topic.title[ask.language])
