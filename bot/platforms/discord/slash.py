"""Discord slash commands from the command table, with names in both languages and completion; and
the permissions the bot needs."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice, locale_str

from bot import texts
from bot.messages import Argument, Command, Kind
from bot.platforms import Host, Setup, language_of
from digest.models import Chat, Language

Run = Callable[[discord.Interaction, Command, str, bool], Awaitable[None]]
"""Answers a line; the flag shares the answer with everybody in the chat."""
COMPLETED: frozenset[Kind] = frozenset(
    {"topic", "day", "section", "time", "zone", "language", "action"}
)
MAX_CHOICE_CHARS = 100


class Chinese(app_commands.Translator):
    """Chinese names and descriptions for Chinese apps; the default is English."""

    async def translate(
        self,
        string: locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        if locale in (discord.Locale.chinese, discord.Locale.taiwan_chinese):
            return str(string.extras["zh"])
        return None


def command(row: Command, host: Host, run: Run) -> app_commands.Command[Any, ..., None]:
    """Return the slash command for a row of the table."""

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
        # Users may install the bot for themselves to read reports anywhere; only a server's own
        # bot may post.
        allowed_installs=app_commands.AppInstallationType(guild=True, user=row.reads),
    )
    if row.who == "operators":
        slash_command.default_permissions = discord.Permissions.none()
    kinds = [*(argument.kind for argument in row.takes), *(["share"] if row.reads else [])]
    rows = {kind: texts.table("arguments")[kind] for kind in kinds}
    words = {kind: locale_str(row["en"], zh=row["zh"]) for kind, row in rows.items()}
    names = {kind: locale_str(kind, zh=row["name"]) for kind, row in rows.items()}
    # In one call each: a second call would overwrite the first.
    app_commands.describe(**words)(slash_command)
    app_commands.rename(**names)(slash_command)
    for argument in row.takes:
        if argument.kind in COMPLETED:
            slash_command.autocomplete(argument.kind)(_completion(argument.kind, host))
    return slash_command


def line(row: Command, options: Mapping[str, object]) -> str:
    """Return the line that corresponds to these options."""
    words = [str(options[arg.kind]).strip() for arg in row.takes if options.get(arg.kind)]
    return " ".join([f"/{row.name}", *filter(None, words)])


def _parameter(name: str, type_: Any, argument: Argument | None = None) -> inspect.Parameter:
    if argument and argument.kind in ("number", "limit"):
        type_ = app_commands.Range[int, 1, 99]
    default: Any = inspect.Parameter.empty
    if argument and not argument.required:
        type_, default = (bool, False) if type_ is bool else (type_ | None, None)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter(name, kind, annotation=type_, default=default)


def _completion(kind: Kind, host: Host) -> Any:
    async def complete(interaction: discord.Interaction, current: str) -> list[Choice[str]]:
        topic = str(getattr(interaction.namespace, "topic", "") or "")
        language = language_of(str(interaction.locale))
        suggestions = await host.suggest(kind, current, topic, language)
        return [
            Choice(name=n[:MAX_CHOICE_CHARS], value=v[:MAX_CHOICE_CHARS]) for n, v in suggestions
        ]

    return complete


NEEDED: dict[str, dict[Language, str]] = {
    "view_channel": {"zh": "查看频道", "en": "View Channel"},
    "send_messages": {"zh": "发送消息", "en": "Send Messages"},
    "send_messages_in_threads": {"zh": "在子区内发送消息", "en": "Send Messages in Threads"},
    "embed_links": {"zh": "嵌入链接", "en": "Embed Links"},
    "attach_files": {"zh": "附加文件", "en": "Attach Files"},
}
"""Permissions required to post, with their names in Discord's apps."""
_HISTORY = {"read_message_history": "Read Message History"}
"""Needed to look for a message of unknown outcome before it is sent again."""


def lacking(have: discord.Permissions, *, thread: bool) -> list[str]:
    """Return the permissions in NEEDED that are missing in a channel (or thread or forum post)."""
    spared = "send_messages" if thread else "send_messages_in_threads"
    return [name for name in NEEDED if name != spared and not getattr(have, name)]


async def checked(setup: Setup, chats: Sequence[Chat]) -> list[str]:
    """Return a line on the bot, then a line for each of these chats where it cannot post."""
    # A client without commands, so that checking changes nothing.
    client = discord.Client(intents=discord.Intents.none(), proxy=setup.proxy)
    async with client:
        await client.login(setup.token)
        about = await client.application_info()
        permissions = discord.Permissions(**dict.fromkeys((*NEEDED, *_HISTORY), True))
        link = discord.utils.oauth_url(
            about.id, permissions=permissions, scopes=("bot", "applications.commands")
        )
        lines = [f"{about.name}; invite: {link}"]
        for space in sorted({chat.space for chat in chats if chat.space}):
            inside = [chat for chat in chats if chat.space == space]
            lines += await _of_server(client, space, inside)
    return lines


async def _of_server(client: discord.Client, space: str, chats: Iterable[Chat]) -> list[str]:
    try:
        guild = await client.fetch_guild(int(space))
        me = await guild.fetch_member(client.user.id if client.user else 0)
        channels = {channel.id: channel for channel in await guild.fetch_channels()}
    except (discord.NotFound, discord.Forbidden):
        return [f"the bot is not in server {space}: invite it again, or end what it posts there"]
    faults = []
    for chat in chats:
        thread = int(chat.id) not in channels
        channel = channels.get(int(chat.id)) or channels.get(await _parent(client, int(chat.id)))
        if channel is None:
            faults.append(f"channel {chat.id} is gone, or the bot may not see it")
            continue
        have = channel.permissions_for(me)
        names = [NEEDED[name]["en"] for name in lacking(have, thread=thread)]
        names += [shown for name, shown in _HISTORY.items() if not getattr(have, name)]
        if names:
            faults.append(f"#{channel.name}: allow the bot: {', '.join(names)}")
    return faults


async def _parent(client: discord.Client, id_: int) -> int:
    """Return the parent channel of a thread; 0 if there is none."""
    try:
        channel = await client.fetch_channel(id_)
    except (discord.NotFound, discord.Forbidden):
        return 0
    return channel.parent_id if isinstance(channel, discord.Thread) else 0
