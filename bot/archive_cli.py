"""The archive on the command line: questions, Jekyll posts, the Model Context Protocol."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot import texts
from bot.logs import open_settings
from bot.loop import run_task
from bot.typed import DayParam
from digest.errors import DigestError
from digest.masking import mask
from digest.models import Language

if TYPE_CHECKING:
    from bot.settings import Settings
    from digest.ask import ArchiveAnswer
    from digest.llm.client import Llm
    from digest.store import Store


@click.command()
@click.argument("question", nargs=-1, required=True)
@click.option("--topic", default="", help="Only the reports of this topic.")
@click.option("--language", type=click.Choice(["zh", "en"]), help="Of the answer.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one JSON object.")
def ask(question: tuple[str, ...], topic: str, language: Language | None, as_json: bool) -> None:
    """Answer a QUESTION from the stored reports, with the items that say so.

    Without a model, shows the items that match.
    """
    from digest.ask import as_dict

    words = " ".join(question)
    spoken = language or texts.language_of(words, "en")
    settings = open_settings()
    reply = run_task(answer_question(settings, words, topic, spoken))
    if as_json:
        click.echo(json.dumps(as_dict(reply), ensure_ascii=False))
        return
    from bot.commands.search import show_answer
    from bot.platforms.terminal import render, width

    click.echo(render(show_answer(as_dict(reply), spoken), width(), styled=False))


async def answer_question(
    settings: Settings, question: str, topic: str, language: Language
) -> ArchiveAnswer:
    """Return what the archive says, in a model's words where one is set."""
    from digest.ask import answer_without_model, find_hits
    from digest.store import Store

    today = datetime.now(UTC).date()
    async with await Store.open(settings.database_url) as store:
        if not settings.providers:
            return answer_without_model(*await find_hits(store, question, today, topic=topic))
        from digest.write.model.prompts import load_prompts
        from digest.write.model.reply import ask_archive

        async with _model(settings, store, topic or "ask") as llm:
            return await ask_archive(
                store,
                question,
                today,
                topic=topic,
                language=language,
                ask=llm.ask,
                prompts=load_prompts(settings.prompts_dir),
            )


def _model(settings: Settings, store: Store, topic: str) -> Llm:
    """Return the model that is set, within the budget."""
    from digest.llm.budget import Budget
    from digest.llm.client import Llm

    def now() -> datetime:
        return datetime.now(UTC)

    day, month = settings.budget_usd_day, settings.budget_usd_month
    budget = Budget(store, topic, day=day, month=month, now=now)
    return Llm(settings.providers, store, budget, proxy=settings.https_proxy, now=now)


@click.command("roll-up", hidden=True)
@click.argument("topic")
def roll_up(topic: str) -> None:
    """Write the overviews of the newest week and month of TOPIC with the model.

    `run` does this where a model is set; without one nothing is done.
    """
    settings = open_settings()
    run_task(_roll_up(settings, topic))


async def _roll_up(settings: Settings, name: str) -> None:
    from digest.ranges import current_spans, has_overview, load_span, save_overview
    from digest.store import Store
    from digest.topics import load_topics
    from digest.write.model.overview import write_overview
    from digest.write.model.prompts import load_prompts

    topic = load_topics(settings.topics_file)[name]
    prompts = load_prompts(settings.prompts_dir)
    async with await Store.open(settings.database_url) as store:
        days = await store.report_days(name) if settings.providers else []
        for span in current_spans(days[-1]) if days else ():
            for language in (topic.language, *topic.languages):
                report = await load_span(store, topic, span, language)
                if report is None or await has_overview(store, report):
                    continue
                async with _model(settings, store, name) as llm:
                    items = await write_overview(report, llm.ask, prompts)
                await save_overview(store, report, items)


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--topic", is_eager=True, help="Only this topic.")
@click.option("--date", "day", type=DayParam(), help="Only reports of this day.")
@click.option("--from", "first", type=DayParam(), help="First day of a week, a month or any range.")
@click.option("--to", "last", type=DayParam(), help="Last day of the range.")
def export(
    folder: Path, topic: str | None, day: date | None, first: date | None, last: date | None
) -> None:
    """Write reports and pictures into FOLDER as Jekyll posts.

    With --from and --to, the stories of those days as one post.
    """
    if bool(first) != bool(last) or (first and day):
        raise click.UsageError("give --date, or --from and --to, not both")
    if first and last and first >= last:
        raise click.UsageError("--from must be before --to")
    settings = open_settings()
    run_task(_export(settings, folder, topic, day, (first, last) if first and last else None))


async def _export(
    settings: Settings,
    folder: Path,
    topic: str | None,
    day: date | None,
    span: tuple[date, date] | None,
) -> None:
    from digest.publish.exchange import export_reports, export_span
    from digest.store import Store
    from digest.topics import load_topics

    topics = load_topics(settings.topics_file)
    async with await Store.open(settings.database_url) as store:
        if span:
            paths = await export_span(folder, topics, store, topic, span)
        else:
            paths = await export_reports(folder, topics, store, topic, day)
    for path in paths:
        click.echo(mask(str(path)))


@click.command()
def mcp() -> None:
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
    run_task(serve(settings))
