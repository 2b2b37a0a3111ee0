"""Arguments of the command line: days, parts of the bot, text from stdin."""

import contextlib
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click

from bot.typed import DAYS_AGO, DateError, parse_full_day

_Command = TypeVar("_Command", bound=Callable[..., Any])


class DayParam(click.ParamType[date]):
    """A day: 2025-12-06, 20251206, today or yesterday in the zone of the `topic` parameter."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        with contextlib.suppress(DateError):
            if day := parse_full_day(str(value)):
                return day
        if (back := DAYS_AGO.get(str(value).strip().lower())) is not None:
            return _find_today(ctx.params.get("topic") if ctx else None) - timedelta(days=back)
        raise click.BadParameter(f"{value!r} is not a day: write it like 2025-12-06", ctx, param)


def _find_today(name: str | None) -> date:
    """Return today in the zone of that topic (name or slug), else of the first topic."""
    from bot.settings import load_settings

    topics = list(load_settings().load_topics().values())
    topic = next((topic for topic in topics if name in (topic.name, topic.slug)), topics[0])
    return datetime.now(ZoneInfo(topic.timezone)).date()


def day_options(command: _Command) -> _Command:
    """Add the options for a day or a range."""
    for name, parameter, help_ in (
        ("--to", "last", "Last day of a range."),
        ("--from", "first", "First day of a range."),
        ("--date", "day", "One day."),
    ):
        command = click.option(name, parameter, type=DayParam(), help=help_)(command)
    return command


def check_days(
    day: date | None, first: date | None, last: date | None, most: int | None = None
) -> None:
    """Raise click.UsageError for conflicting options, or for more than `most` days."""
    if day and (first or last):
        raise click.UsageError("give --date, or --from and --to, not both")
    if bool(first) != bool(last):
        raise click.UsageError("--from and --to go together")
    if first and last and first > last:
        raise click.UsageError("--from is after --to")
    if first and last and most and (last - first).days >= most:
        raise click.UsageError(f"--from and --to span more than {most} days")


def read_parts(only: str | None, parts: Sequence[str]) -> list[str]:
    """Parse a comma-separated list of parts. Raise click.UsageError if it is invalid or empty."""
    listed = ", ".join(parts)
    names = [name.strip() for name in (only or "").split(",") if name.strip()]
    if only is not None and not names:
        raise click.UsageError(f"--only: name some of {listed}, or leave it out to run everything")
    for name in set(names) - set(parts):
        raise click.UsageError(f'--only: there is no "{name}"; parts: {listed}')
    return names


def read_typed(_: click.Context, __: click.Parameter, words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words, or stdin's lines for a lone `-`, as the process list shows arguments."""
    if words != ("-",):
        return words
    return tuple(sys.stdin.buffer.read().decode("utf-8", "replace").split("\n"))
