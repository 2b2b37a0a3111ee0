"""The table of commands as Discord's slash commands, with names in both languages and
completion."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice, locale_str

from bot import texts
from bot.menu import Argument, Command, Kind
from bot.platforms import Host

Run = Callable[[discord.Interaction, Command, str, bool], Awaitable[None]]
"""Answers a line; the flag says that the answer is shared with everybody in that chat."""
SHARE = locale_str("share with everybody here", zh="给这里的所有人看")
COMPLETED: frozenset[Kind] = frozenset({"topic", "day", "section", "time", "zone"})
MOST_CHOICE = 100


class Chinese(app_commands.Translator):
    """Chinese names and descriptions for Chinese apps; English is the default."""

    async def translate(
        self,
        string: locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """Return the Chinese words that the English ones carry with them."""
        if locale in (discord.Locale.chinese, discord.Locale.taiwan_chinese):
            return str(string.extras["zh"])
        return None


def command(row: Command, host: Host, run: Run) -> app_commands.Command[Any, ..., None]:
    """Return a row of the table as a slash command that runs the line it stands for."""

    async def callback(interaction: discord.Interaction, **options: Any) -> None:
        await run(interaction, row, line(row, options), bool(options.get("share")))

    callback.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            _parameter("interaction", discord.Interaction),
            *(_parameter(argument.kind, str, argument) for argument in row.takes),
            *([_parameter("share", bool, Argument("options"))] if row.reads else []),
        ]
    )
    slash_command = app_commands.Command[Any, ..., None](
        name=locale_str(row.name, zh=row.alias),
        description=locale_str(row.help("en"), zh=row.help("zh")),
        callback=callback,
        allowed_contexts=app_commands.AppCommandContext(
            guild=True, dm_channel=True, private_channel=row.reads
        ),
        # Whoever installs the bot for themselves reads with it anywhere; only a server's own bot
        # posts.
        allowed_installs=app_commands.AppInstallationType(guild=True, user=row.reads),
    )
    if row.reads:
        app_commands.describe(share=SHARE)(slash_command)
        app_commands.rename(share=locale_str("share", zh="公开"))(slash_command)
    if row.who == "operators":
        slash_command.default_permissions = discord.Permissions.none()
    for argument in row.takes:
        described = texts.argument(argument.kind)
        words = locale_str(described["en"], zh=described["zh"])
        renamed = locale_str(argument.kind, zh=described["name"])
        app_commands.describe(**{argument.kind: words})(slash_command)
        app_commands.rename(**{argument.kind: renamed})(slash_command)
        if argument.kind in COMPLETED:
            slash_command.autocomplete(argument.kind)(_completion(argument.kind, host))
    return slash_command


def line(row: Command, options: Mapping[str, object]) -> str:
    """Return the line that a person would type for these options."""
    words = [str(options[arg.kind]).strip() for arg in row.takes if options.get(arg.kind)]
    return " ".join([f"/{row.name}", *filter(None, words)])


def _parameter(name: str, type_: Any, argument: Argument | None = None) -> inspect.Parameter:
    if argument and argument.kind == "number":
        type_ = app_commands.Range[int, 1, 99]
    optional = argument is not None and not argument.required
    default: Any = inspect.Parameter.empty
    if optional:
        type_, default = (bool, False) if type_ is bool else (type_ | None, None)
    return inspect.Parameter(
        name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=type_, default=default
    )


def _completion(kind: Kind, host: Host) -> Any:
    async def complete(interaction: discord.Interaction, current: str) -> list[Choice[str]]:
        topic = str(getattr(interaction.namespace, "topic", "") or "")
        suggestions = await host.suggest(kind, current, topic)
        return [
            Choice(name=label[:MOST_CHOICE], value=value[:MOST_CHOICE])
            for label, value in suggestions
        ]

    return complete
