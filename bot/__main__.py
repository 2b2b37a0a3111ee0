"""The command line. Exit code 0: done; 1: failed, with one line on stderr; 2: wrong arguments."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import sys
from datetime import UTC, date, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from bot import archive_cli
from bot.arguments import check_days, day_options, read_parts, read_typed
from bot.logs import log_event, stamp
from bot.process import open_settings, open_store, runs_task, serve_parent, start_lean
from bot.typed import MAX_DAYS, find_topic_name
from digest.calendar import local_day
from digest.errors import DigestError, StoreError
from digest.masking import mask
from digest.models import Report, Topic, Window

if TYPE_CHECKING:
    from bot.settings import Settings
    from digest.llm.client import Model

log = logging.getLogger(__name__)


class Files(click.Command):
    """A command whose `--posts` takes several file names, so that shell globs work."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words, inside = list[str](), False
        for place, word in enumerate(args):
            if word.startswith("-"):
                inside = word == "--posts"
            elif inside and args[place - 1] != "--posts":
                words.append("--posts")
            words.append(word)
        return super().parse_args(ctx, words)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="jianbao", prog_name="jianbao")
@click.option("--parent", type=int, hidden=True, help="End with the process of this number.")
def cli(parent: int | None) -> None:
    """Jianbao turns a day of posts about a topic into one sourced report."""
    if parent:
        serve_parent(parent)


@cli.command(cls=Files)
@click.argument("topic", is_eager=True)
@day_options
@click.option(
    "--posts",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE...",
    help="Use the posts of these files only.",
)
@click.option(
    "--writer",
    type=click.Choice(["auto", "llm", "extractive"]),
    default="auto",
    help="auto: the model if one is set up, else sentences quoted from posts.",
)
@click.option("--replace", is_flag=True, help="Overwrite an imported report of the same days.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the files."
)
@runs_task
async def digest(
    topic: str,
    day: date | None,
    first: date | None,
    last: date | None,
    posts: tuple[Path, ...],
    writer: str,
    replace: bool,
    as_json: bool,
    out: Path | None,
) -> None:
    """Build and store the report of TOPIC for one day (default: yesterday) or a range."""
    check_days(day, first, last, MAX_DAYS)
    from bot.settings import limit_threads

    gc.disable()  # posts and readings live until the report is done, and then the process ends
    limit_threads()
    from bot.logs import Progress, log_fields
    from digest.pipeline import run
    from digest.store.report_tables import IMPORTED

    settings = open_settings()
    chosen = _find_topic(topic, settings)
    now = datetime.now(UTC)
    yesterday = local_day(now, chosen.timezone) - timedelta(days=1)
    window = Window(first or day or yesterday, last or day or yesterday, chosen.timezone)
    model = _model(settings, writer)
    async with open_store(settings) as store:
        if not replace and await store.load_import(chosen.name, window.first, window.last):
            raise DigestError(IMPORTED.format(day=window.first))
        with log_fields(digest=f"{chosen.name}/{window.first}"):
            report = await run(
                chosen,
                window,
                store=store,
                posts_files=posts,
                progress=Progress(quiet=settings.log_format == "json"),
                now=now,
                model=model,
                access=settings.access,
                replace_imported=replace,
            )
    _show(settings, chosen, report, as_json, out)
    if writer == "llm" and report.quality and report.quality.reduced:
        from bot import texts

        raise DigestError(texts.text(f"reduced_{report.quality.reduced}", "en"))


def _require_model(settings: Settings) -> None:
    if not settings.providers:
        raise DigestError(
            "no model is set up: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own"
        )


def _model(settings: Settings, writer: str) -> Model | None:
    """Return the model to write with, if any. Raise DigestError if one is required but missing."""
    if writer == "llm":
        _require_model(settings)
    is_used = writer != "extractive" and settings.providers
    return archive_cli.load_model(settings) if is_used else None


def _find_topic(name: str, settings: Settings) -> Topic:
    topics = settings.load_topics()
    return topics[find_topic_name(name, topics.values())]


def _show(
    settings: Settings, topic: Topic, report: Report, as_json: bool, out: Path | None
) -> None:
    """Write the files; print the JSON, or the brief and the paths of the files."""
    from bot.settings import DATA_HINT
    from digest.atomic import write_below
    from digest.publish import as_dict, stem
    from digest.publish.jekyll import body

    folder = out or settings.data_dir / "reports"
    name = stem(topic.slug, report.first, report.last)
    picture = folder / f"wordcloud_{name}.png"
    page = folder / f"{name}.md"
    text = body(report, topic.slug, picture.name if report.cloud else "")
    files = {page: text.encode()} | ({picture: report.cloud} if report.cloud else {})
    try:
        for path, content in files.items():
            write_below(path, content, *([] if out else [DATA_HINT]))
    except StoreError as error:
        if out:
            raise
        log.warning("%s", error)  # the report is stored, which is what matters
        files = {}
    if as_json:
        data = as_dict(report, picture if picture in files else None)
        click.echo(json.dumps(data, ensure_ascii=False))
        return
    click.echo(_brief(topic, report))
    if files:
        _print("\n" + "\n".join(map(str, files)))


def _brief(topic: Topic, report: Report) -> str:
    from bot.compose import ReportView, closing_blocks, report_blocks
    from bot.messages import reply
    from bot.platforms.terminal import render, width

    view = ReportView(report.language)
    blocks = [*report_blocks(topic, report, view, "brief"), *closing_blocks(topic, report, view)]
    return render(reply(*blocks), width(), styled=sys.stdout.isatty())


@cli.command()
@click.argument("topic", required=False)
@click.option("--patient", is_flag=True, hidden=True, help="Skip sources that are backing off.")
@runs_task
async def collect(topic: str | None, patient: bool) -> None:
    """Fetch the sources of TOPIC, or of all topics, once.

    Without a TOPIC, sources that keep failing are skipped until their next try.
    """
    from digest.collect import collect as collect_topic
    from digest.text import fill

    settings = open_settings()
    topics = [_find_topic(topic, settings)] if topic else settings.load_topics().values()
    patient, now = patient or not topic, datetime.now(UTC)
    async with open_store(settings) as store:
        for row in topics:
            for result in await collect_topic(
                row, store=store, access=settings.access, now=now, patient=patient
            ):
                note = f" ({result.note})" if result.note else ""
                posts = fill("{n:post}", n=result.posts)
                state = (posts if result.ok else "no answer") + note
                _print(f"{row.name}: {result.name}: {state}")


@cli.command("try-source", hidden=True)
@click.argument("words", nargs=-1, required=True, callback=read_typed)
@runs_task
async def try_source(words: tuple[str, ...]) -> None:
    """Print what a source gives now, as JSON; for `/source test` in a chat. Nothing is stored."""
    from digest.collect import try_source as try_one
    from digest.sources import parse_spec

    settings, spec = open_settings(), parse_spec(words)
    async with open_store(settings) as store:
        answer = await try_one(spec, store, settings.access)
    _print(json.dumps(answer, ensure_ascii=False))


def _describe_fault(error: Exception) -> str:
    """Return a one-line description of an unexpected error; its own message may quote a post."""
    if isinstance(error, PermissionError) and error.filename:
        return f"this user may not use {error.filename}: change its rights or those of its folder"
    return f"internal error ({type(error).__name__}); run again with LOG_LEVEL=DEBUG to see where"


@cli.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Overwrite this bot's own reports of the same days.")
@click.option("--topic", help="Topic for feeds, and for posts whose name and title contain none.")
@runs_task
async def import_(files: tuple[Path, ...], replace: bool, topic: str | None) -> None:
    """Import Jekyll posts, or a list of feeds.

    Chat commands then answer from these reports. The feeds of a list that a feed
    reader exported (OPML) become sources of a topic.
    """
    from digest.collect import import_feeds
    from digest.fetch.opml import is_opml
    from digest.publish.exchange import import_post, read_file

    settings = open_settings()
    topics = settings.load_topics()
    failed = 0
    async with open_store(settings) as store:
        for path in files:
            try:
                body = read_file(path)
                if is_opml(body):
                    if not topic and len(topics) > 1:
                        raise DigestError(f"{path}: add --topic, one of {', '.join(topics)}")
                    owner = _find_topic(topic or next(iter(topics)), settings)
                    added, refused = await import_feeds(
                        body, path.name, owner, store, datetime.now(UTC)
                    )
                    for line in refused:
                        _print(f"jianbao: {path.name}: {line}", err=True)
                    _print(f"{path.name}: {owner.name}: {added} feed{'s' * (added != 1)} added")
                    continue
                slug = _find_topic(topic, settings).slug if topic else ""
                report = await import_post(
                    path, body, topics, store, replace_ours=replace, slug=slug
                )
                note = "" if report.topic in topics else " (a new topic: no slug in topics.toml)"
                days = " — ".join(map(str, dict.fromkeys((report.first, report.last))))
                _print(f"{path.name}: {report.topic}{note} {days}")
            except (StoreError, ModuleNotFoundError):
                raise
            except DigestError as error:
                failed += 1
                _print(f"jianbao: {error}", err=True)
            except Exception as error:  # import the other files anyway
                log.debug("unforeseen", exc_info=True)
                failed += 1
                _print(f"jianbao: {path.name}: {_describe_fault(error)}", err=True)
    if failed:
        raise DigestError(f"files not imported: {failed} of {len(files)}")


@cli.command()
@click.option(
    "--only", metavar="NAMES", help="Run only these parts: clock,worker,telegram,discord,web."
)
@runs_task
async def run(only: str | None) -> None:
    """Run the bot: the clock, every platform that has a token, the web server if it is set up."""
    start_lean()
    loop = asyncio.get_running_loop()
    # It reads the system's certificates, which takes 0.1 s; import other modules meanwhile.
    loading = None if only else loop.run_in_executor(None, import_module, "aiohttp")
    from bot import app

    if loading:
        await loading
    names = read_parts(only, app.PARTS)
    try:
        await app.run(open_settings(timed=True), names, _announce)
    except asyncio.CancelledError:
        _announce("stopped")
        raise


@cli.command(hidden=True)
@runs_task
async def migrate() -> None:
    """Bring the database up to date; the bot does so itself when it starts."""
    async with open_store(open_settings()):
        pass


@cli.command()
@click.option(
    "--say",
    "lines",
    multiple=True,
    metavar="TEXT",
    help="Answer this line and exit; may be given several times.",
)
@runs_task
async def chat(lines: tuple[str, ...]) -> None:
    """Talk to the bot in this terminal; no token needed."""
    from bot import app

    await app.chat(open_settings(), lines)


@cli.group()
def evaluate() -> None:
    """Measure parts of the program on labelled data."""


@evaluate.command("verify")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--model", "with_model", is_flag=True, help="Ask the model as well, as a report does."
)
@runs_task
async def evaluate_verify(file: Path, with_model: bool) -> None:
    """Check items against their posts: JSONL in, one verdict a line out."""
    from digest.write.judge import judge_by_code, judge_with_model, read_items
    from digest.write.model.prompts import load_prompts

    try:
        lines = await asyncio.to_thread(file.read_text, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise DigestError(f"{file}: cannot be read: it must be a UTF-8 text file") from None
    if not with_model:
        for verdict in judge_by_code(lines.split("\n"), file.name):
            _print(verdict)
        return
    settings = open_settings()
    _require_model(settings)
    async with open_store(settings) as store:
        open_llm = partial(archive_cli.load_model(settings).open, store, file.name)
        items = list(read_items(lines.split("\n"), file.name))
        for line in await judge_with_model(items, open_llm, load_prompts(settings.prompts_dir)):
            _print(line)


for _command in (
    *(archive_cli.ask, archive_cli.export, archive_cli.mcp, archive_cli.roll_up),
    *(archive_cli.publish, archive_cli.search, archive_cli.forget),
    *(archive_cli.backup, archive_cli.restore),
):
    cli.add_command(_command)


@cli.command()
@runs_task
async def check() -> None:
    """Check everything a digest needs; exit 1 if anything fails.

    One line each for settings, topics, database, folder, font, encoder, prompts, model, proxy
    and tokens.
    """
    from bot.checks import run_checks

    if not await run_checks(_print):
        sys.exit(1)


def _print(line: object, *, err: bool = False) -> None:
    """Print a line with secrets masked: a server's error may echo the request."""
    click.echo(mask(str(line)), err=err)


def _announce(line: str) -> None:
    """Print a status line of `run`, or log it as an event if logs are JSON."""
    if not log_event(line):
        _print(stamp(line, sys.stdout))


def _fail(error: object) -> NoReturn:
    """Print one error line per problem to stderr (or JSON events) and exit with code 1."""
    for line in str(error).splitlines():
        if not log_event(line, logging.ERROR):
            _print(f"jianbao: {line}", err=True)
    sys.exit(1)


def _flush() -> None:
    """Flush stdout; exit quietly if the reader has closed the pipe, as `head` does."""
    try:
        if not sys.stdout.closed:  # the `mcp` library closes it
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def main() -> None:
    """Run the command line; users never see a traceback."""
    gc.disable()  # imports leave no garbage; collecting takes a sixth of the start-up time
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        cli(standalone_mode=False)
        _flush()
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except DigestError as error:
        _fail(error)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
    except asyncio.CancelledError:
        sys.exit(0)  # SIGTERM
    except ModuleNotFoundError as error:
        _fail(f"the package {error.name} is missing: run make, or pip install -r requirements.txt")
    except Exception as error:  # the last line of defence: no traceback for users
        log.debug("unforeseen", exc_info=True)
        _fail(_describe_fault(error))
    finally:
        gc.enable()


if __name__ == "__main__":
    main()
