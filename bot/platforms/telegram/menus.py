"""The menu of commands that Telegram shows beside the line people type."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from typing import Literal

from telegram import Bot, BotCommand, BotCommandScopeChat

from bot.platforms import Gone, Host, PlatformError, Refused
from bot.platforms.telegram.updates import NAME
from bot.platforms.telegram.wire import call
from digest.models import Chat, Language

log = logging.getLogger(__name__)

_MENUS: tuple[Language, Language] = ("en", "zh")


async def show_menus(bot: Bot, host: Host, operators: Sequence[str]) -> None:
    """Tell Telegram the commands, where they changed since it was told."""
    rows = [[row.name, row.help("zh"), row.help("en")] for row in host.menu]
    shown = json.dumps([rows, operators], ensure_ascii=False)
    hash_ = hashlib.sha256(shown.encode()).hexdigest()
    name = f"menu:{bot.id}"
    if await host.note(NAME, name) == hash_:
        return
    await call(bot.set_my_commands(_commands(host, "en")))
    await call(bot.set_my_commands(_commands(host, "zh"), language_code="zh"))
    for person in operators:
        scope = BotCommandScopeChat(int(person))
        english, chinese = (_commands(host, code, operator=True) for code in _MENUS)
        try:
            await call(bot.set_my_commands(english, scope=scope))
            await call(bot.set_my_commands(chinese, scope=scope, language_code="zh"))
        except (Gone, Refused):
            log.info("telegram: an operator has not spoken to the bot yet; no menu for them")
    await host.save_note(NAME, name, hash_)


async def show_chat_menu(
    bot: Bot, host: Host, chat: Chat, choice: Language | Literal["topic"], operators: Sequence[str]
) -> None:
    """Show a chat the commands in the language it has chosen; `topic`: in that of each app. What
    Telegram refuses is logged: the menu is no part of the answer."""
    scope, operator = BotCommandScopeChat(int(chat.id)), chat.id in operators
    try:
        for code in _MENUS:
            spoken: Language = code if choice == "topic" else choice
            commands = _commands(host, spoken, operator=operator)
            language_code = "zh" if code == "zh" else None
            await call(bot.set_my_commands(commands, scope=scope, language_code=language_code))
    except PlatformError as error:
        log.info("telegram: a chat's menu stays as it is (%s)", error)


def _commands(host: Host, language: Language, *, operator: bool = False) -> list[BotCommand]:
    rows = [row for row in host.menu if operator or row.who != "operators"]
    return [BotCommand(row.name, row.help(language)) for row in rows]
