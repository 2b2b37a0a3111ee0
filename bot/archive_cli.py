"""Commands about the archive: questions, search, pages, posts, withdrawals, backups."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot import texts
from bot.arguments import DayParam, check_days, day_options, read_typed
from bot.process import open_settings, open_store, runs_task
from bot.typed import find_topic_name
from digest.errors import DigestError
from digest.masking import mask
from digest.models import Language, Topic
from digest.text import fill

if TYPE_CHECKING:
    from bot.settings import Settings
    from digest.ask import ArchiveAnswer
    from digest.llm.client import Model
    from digest.store import Store, StoredTopic

MAX_HITS = 10
"""Items that `search` prints."""


@click.command()
@click.argument("question", nargs=-1, required=True, callback=read_typed)
@click.option("--topic", default="", help="Only the reports of this topic.")
@click.option("--language", type=click.Choice(["zh", "en"]), help="Language of the answer.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one JSON object.")
@runs_task
async def ask(
    question: tuple[str, ...], topic: str, language: Language | None, as_json: bool
) -> None:
    """Answer a QUESTION from the stored reports, with the items it is based on.

    Without a model, shows the items that match. Give - to read the question from stdin.
    """
    from bot.commands.search import show_answer
    from bot.platforms.terminal import render, width
    from digest.ask import as_dict

    words, settings = " ".join(question), open_settings()
    if not words.strip():
        raise click.UsageError("QUESTION is empty: write a question")
    spoken = language or texts.language_of(words, "en")
    async with _open_archive(settings) as store:
        topic = await _find_name(topic, store, settings)
        answer = as_dict(await _answer(settings, store, words, topic, spoken))
        if as_json:
            click.echo(json.dumps(answer, ensure_ascii=False))
            return
        shown = await show_answer(store, answer, spoken, lambda _: spoken)
    click.echo(mask(render(shown, width(), styled=False)))


async def _answer(
    settings: Settings, store: Store, question: str, topic: str, language: Language
) -> ArchiveAnswer:
    """Return the archive's answer, written by a model if one is configured."""
    from digest.ask import answer_without_model, find_hits

    today = datetime.now(UTC).date()
    if not settings.providers:
        return answer_without_model(*await find_hits(store, question, today, topic=topic))
    from digest.write.model.prompts import load_prompts
    from digest.write.model.reply import ask_archive

    async with load_model(settings).open(store, topic or "ask") as llm:
        return await ask_archive(
            store,
            question,
            today,
            topic=topic,
            language=language,
            ask=llm.ask,
            prompts=load_prompts(settings.prompts_dir),
        )


def _open_archive(settings: Settings) -> AbstractAsyncContextManager[Store]:
    """Open the store. Raise StoreError if there is no database."""
    from digest.store.backup import refuse_missing

    refuse_missing(settings.database_url)
    return open_store(settings)


async def _find_name(topic: str, store: Store, settings: Settings) -> str:
    """Return the name of a topic in the store or the topics file, "" for "". Raise DigestError for
    an unknown topic."""
    if not topic:
        return ""
    rows: list[Topic | StoredTopic] = [*settings.load_topics().values()]
    return find_topic_name(topic, [*rows, *await store.list_topics()])


def load_model(settings: Settings) -> Model:
    from digest.llm.client import Model

    caps = settings.budget_usd_day, settings.budget_usd_month
    return Model(settings.providers, settings.prompts_dir, *caps, settings.https_proxy)


@click.command("roll-up", hidden=True)
@click.argument("topic")
@runs_task
async def roll_up(topic: str) -> None:
    """Write the overviews of the newest week and month of TOPIC with the model.

    `run` does this where a model is set; without one nothing is done.
    """
    from digest.ranges import current_spans, has_overview, load_span, save_overview
    from digest.write.model.prompts import load_prompts
    from digest.write.model.reply import write_overview

    settings = open_settings()
    row = settings.load_topics()[topic]
    prompts = load_prompts(settings.prompts_dir)
    async with _open_archive(settings) as store:
        days = await store.list_days(topic) if settings.providers else []
        for span in current_spans(days[-1]) if days else ():
            for language in (row.language, *row.languages):
                report = await load_span(store, row, span, datetime.now(UTC), language)
                if report is None or await has_overview(store, report):
                    continue
                async with load_model(settings).open(store, topic) as llm:
                    items = await write_overview(report, llm.ask, prompts)
                await save_overview(store, report, items)


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--topic", default="", is_eager=True, help="Only this topic.")
@day_options
@runs_task
async def export(
    folder: Path, topic: str, day: date | None, first: date | None, last: date | None
) -> None:
    """Write reports and pictures into FOLDER as Jekyll posts.

    With --from and --to, the stories of those days as one post.
    """
    check_days(day, first, last)
    from digest.publish.exchange import export_reports

    settings = open_settings()
    topics = settings.load_topics()
    async with _open_archive(settings) as store:
        topic = await _find_name(topic, store, settings)
        begin, end = day or first, day or last
        span = (begin, end) if begin and end else None
        paths = await export_reports(folder, topics, store, topic, span)
    for path in paths:
        click.echo(mask(str(path)))


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@runs_task
async def publish(folder: Path) -> None:
    """Write the archive as web pages and feeds into FOLDER."""
    from digest.publish.site import NO_FEEDS, Site

    settings = open_settings()
    topics = settings.load_topics()
    async with _open_archive(settings) as store:
        if not any(row.newest for row in await store.list_topics()):
            raise DigestError("there is no report to publish: make one with python -m bot digest")
        number = await Site(store, topics, settings.public_url, static=True).write(folder)
    click.echo(f"{folder / 'index.html'}: {number} files")
    if not settings.public_url:
        click.echo(NO_FEEDS)


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--topic", default="", help="Only this topic.")
@click.option("--days", type=click.IntRange(0, 36_500), default=0, help="Only the last N days.")
@runs_task
async def search(words: tuple[str, ...], topic: str, days: int) -> None:
    """Find items of the stored reports about WORDS, best first."""
    from bot.commands.search import hit_entry
    from bot.messages import ListItem, reply
    from bot.platforms.terminal import render, width

    settings, line = open_settings(), " ".join(words)
    if not line.strip():
        raise click.UsageError("WORDS is empty: write what to look for")
    first = datetime.now(UTC).date() - timedelta(days=days - 1) if days else None
    async with _open_archive(settings) as store:
        topic = await _find_name(topic, store, settings)
        entries: list[ListItem] = []
        for hit in await store.search(line, topic=topic, first=first, limit=MAX_HITS):
            report = await store.load_report(hit.topic, hit.first, hit.last)
            spoken = texts.language_of(line, "en")
            entry = hit_entry(len(entries) + 1, hit, line, report, spoken)
            imported = " (imported)" if hit.item.status == "imported" else ""
            entries.append(replace(entry, title=entry.title + imported))
    if not entries:
        when = fill(" of the last {n:day}", n=days) if days else ""
        raise DigestError(f"nothing about {line[:60]!r} in the reports{when}")
    click.echo(mask(render(reply(*entries), width(), styled=False)))


@click.command()
@click.argument("name", metavar="POST-OR-AUTHOR")
@click.argument("day", required=False, type=DayParam())
@runs_task
async def forget(name: str, day: date | None) -> None:
    """Delete a post (x:123 or its address), or all posts of an author (@name), for good.

    `forget TOPIC DAY` deletes the report of a day; its posts are kept, and `digest` makes it again.
    """
    from digest.withdraw import withdraw

    settings = open_settings()
    async with _open_archive(settings) as store:
        if day:
            name = await _find_name(name, store, settings)
            if not await store.delete_report(name, day, day):
                raise DigestError(f"there is no report of {name} {day}: see /topics in the chat")
            click.echo(f"deleted the report of {name} {day}; its posts stay")
            return
        receipt = await withdraw(store, name, datetime.now(UTC))
    authors = " and ".join(receipt.authors)
    author = f"; later posts of {authors} stay out too" if authors else ""
    counted = ((receipt.posts, "post"), (receipt.items, "item"), (receipt.reports, "report"))
    posts, items, reports = (f"{n} {noun}{'s' * (n != 1)}" for n, noun in counted)
    click.echo(f"deleted {posts}, and {items} that rested on nothing else, in {reports}{author}")
    click.echo(
        f"messages already sent stay, and so do files: delete those in {settings.data_dir}/reports,"
        f" {settings.data_dir}/clouds and old backups, then publish and export again"
    )


@click.command()
@runs_task
async def mcp() -> None:
    """Serve the archive to a program that speaks the Model Context Protocol, on stdin and stdout.

    Read only. Needs the package `mcp`: pip install 'jianbao[mcp]'.
    """
    try:
        from bot.mcp_server import serve
    except ModuleNotFoundError as error:
        raise DigestError(
            f"the package {error.name} is missing: pip install 'jianbao[mcp]'"
        ) from None
    settings = open_settings()
    async with _open_archive(settings) as store:
        await serve(store, settings.topics_file)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@runs_task
async def backup(file: Path) -> None:
    """Write a backup to FILE; the bot may keep running."""
    from digest.store.backup import back_up

    settings, replaces = open_settings(), await asyncio.to_thread(file.exists)
    await back_up(settings.database_url, file)
    size = (await asyncio.to_thread(file.stat)).st_size
    click.echo(mask(f"{file}: {size / 1e6:.1f} MB, verified"))
    if replaces:
        click.echo("replaced the previous backup")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@runs_task
async def restore(file: Path) -> None:
    """Replace the database with the backup FILE.

    The old database is set aside. Stop the bot first.
    """
    from digest.store import Store
    from digest.store.backup import restore as put_back

    done = await put_back(open_settings().database_url, file, datetime.now(UTC), Store.open)
    click.echo(f"restored the backup of {done.made_at:%Y-%m-%d %H:%M} UTC")
    if done.aside:
        click.echo(mask(f"the previous database was moved to {done.aside}"))
    click.echo("digests due before now may have been sent: they are not sent again")
    click.echo("posts and authors deleted after the backup are back: run forget again for them")
