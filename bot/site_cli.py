"""The archive's pages, search and withdrawals on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.logs import open_settings
from bot.loop import run_task
from digest.errors import DigestError
from digest.masking import mask

if TYPE_CHECKING:
    from bot.settings import Settings

MAX_HITS = 10


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def publish(folder: Path) -> None:
    """Write the archive as web pages and feeds into FOLDER."""
    run_task(_publish(open_settings(), folder))


async def _publish(settings: Settings, folder: Path) -> None:
    from digest.publish.site import NO_FEEDS, Site
    from digest.store import Store
    from digest.topics import load_topics

    topics = load_topics(settings.topics_file)
    async with await Store.open(settings.database_url) as store:
        if not any(row.newest for row in await store.topics()):
            raise DigestError("there is no report to publish: make one with python -m bot digest")
        number = await Site(store, topics, settings.public_url, static=True).write(folder)
    click.echo(f"{folder / 'index.html'}: {number} files")
    if not settings.public_url:
        click.echo(NO_FEEDS)


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--topic", default="", help="Only this topic.")
@click.option("--days", type=click.IntRange(0, 36_500), default=0, help="Only the last N days.")
def search(words: tuple[str, ...], topic: str, days: int) -> None:
    """Find items of the stored reports about WORDS, best first."""
    run_task(_search(open_settings(), " ".join(words), topic, days))


async def _search(settings: Settings, words: str, topic: str, days: int) -> None:
    from bot.commands.search import format_hits
    from digest.store import Store
    from digest.topics import load_topics, refuse_unknown

    first = datetime.now(UTC).date() - timedelta(days=days - 1) if days else None
    async with await Store.open(settings.database_url) as store:
        if topic:
            stored = dict.fromkeys(row.name for row in await store.topics())
            refuse_unknown(topic, stored | load_topics(settings.topics_file))
        hits = await store.search(words, topic=topic, first=first, limit=MAX_HITS)
    if not hits:
        when = f" of the last {days} days" if days else ""
        raise DigestError(f"nothing in the reports{when} about {words[:60]!r}")
    for line in format_hits(hits, words, settings.public_url):
        click.echo(mask(line))


@click.command()
@click.argument("name", metavar="POST-OR-AUTHOR")
def forget(name: str) -> None:
    """Delete a post (x:123 or its address), or all posts of an author (@name), for good."""
    run_task(_forget(open_settings(), name))


async def _forget(settings: Settings, name: str) -> None:
    from digest.store import Store
    from digest.withdraw import withdraw

    async with await Store.open(settings.database_url) as store:
        receipt = await withdraw(store, name, datetime.now(UTC))
    authors = " and ".join(receipt.authors)
    author = f"; later posts of {authors} stay out too" if authors else ""
    counted = ((receipt.posts, "post"), (receipt.items, "item"), (receipt.reports, "report"))
    posts, items, reports = (f"{n} {noun}{'s' * (n != 1)}" for n, noun in counted)
    click.echo(f"deleted {posts}, and {items} that rested on nothing else, in {reports}{author}")
    click.echo(
        f"messages already sent stay, and so do files: delete those in {settings.data_dir}/reports"
        " and old backups, then publish and export again"
    )
