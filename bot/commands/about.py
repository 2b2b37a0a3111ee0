"""Commands about the bot itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot import texts
from bot.commands.asking import Ask
from bot.messages import Block, Entry, Heading, Reply, Text, reply
from digest.models import Language


async def show_help(ask: Ask) -> AsyncIterator[Reply]:
    """All commands; `/help en` and `/help zh` choose the language."""
    words = {word.lower() for word in ask.words}
    language: Language = "zh" if "zh" in words else "en" if "en" in words else ask.language
    blocks: list[Block] = [Heading(texts.text("help", language), 1)]
    blocks += [Entry(command.help(language), title=command.example) for command in ask.commands]
    blocks.append(Text(texts.text("help_arguments", language)))
    yield reply(*blocks, language=language)


async def topics(ask: Ask) -> AsyncIterator[Reply]:
    """Each topic with its reports and its newest day."""
    store, language = ask.context.store, ask.language
    names = dict.fromkeys([*ask.context.topics, *(t.name for t in await store.topics())])
    blocks: list[Block] = [Heading(texts.text("topics", language), 1)]
    for name in names:
        days = await store.report_days(name)
        posts = len(await store.post_days(name))
        key = "topic_line" if days else "topic_none"
        newest = days[-1] if days else ""
        line = texts.text(key, language, n=len(days), posts=posts, day=newest)
        blocks.append(Entry(line, title=f"{name} · {ask.context.topic(name).title[language]}"))
    yield reply(*blocks, language=language)


async def status(ask: Ask) -> AsyncIterator[Reply]:
    """The newest report of each topic, its sources and counts, the database, the versions."""
    store, language = ask.context.store, ask.language
    blocks: list[Block] = [Heading(texts.text("status", language), 1)]
    for stored in await store.topics():
        found = await store.latest(stored.name)
        if found is None:
            continue
        when = f"{found.created_at:%Y-%m-%d %H:%M} UTC" if found.created_at else ""
        day = texts.days(found.first, found.last, language)
        blocks.append(
            Text(
                texts.text(
                    "newest", language, topic=stored.name, day=day, writer=found.writer, when=when
                )
            )
        )
        counts = {name: getattr(found.counts, name) for name in found.counts.__slots__}
        blocks.append(Text(texts.text("counted", language, **counts)))
        for source in found.sources:
            key = "source_ok" if source.ok else "source_bad"
            blocks.append(
                Text(texts.text(key, language, name=source.name, n=source.posts, note=source.note))
            )
    blocks += [Text(await store.check()), Text(ask.context.versions)]
    yield reply(*blocks, language=language)
