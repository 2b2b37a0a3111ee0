"""The command table of all platforms, and dispatch of lines to commands. Menus, help and completion
are generated from the table."""

import asyncio
import difflib
import logging
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace

from bot import texts
from bot.alerts import LANGUAGE_NOTES
from bot.commands import about, chats, reports, search
from bot.commands.asking import Ask, Unanswered, chosen_language, load_spoken
from bot.messages import Command, Incoming, Paragraph, Reply, reply
from bot.platforms import PlatformError, Refused
from bot.services import Services
from bot.typed import END_MARKS, QUOTES, fold_letters, normalized
from digest.errors import DigestError, StoreError
from digest.models import Language

CHOICES, ACTIONS = "topic time zone options", "action topic address"
SETTINGS = "/settings 08:30 Europe/Berlin mon-fri +NVDA"
COMMANDS: tuple[Command, ...] = (
    Command("brief", "简报", reports.brief, "/brief {day}", "topic day limit"),
    Command("detail", "详细", reports.detail, "/detail views", "section topic day"),
    Command("views", "观点", reports.show_section("views"), "/views", "topic day"),
    Command("events", "事件", reports.show_section("events"), "/events", "topic day"),
    Command("stocks", "行情", reports.stocks, "/stocks NVDA", "name topic day"),
    Command("crypto", "数字货币", reports.crypto, "/crypto", "name topic day"),
    Command("ai", "专项", reports.show_section("ai"), "/ai", "topic day"),
    Command("finance", "金融", reports.show_section("finance"), "/finance", "topic day"),
    Command("cloud", "词云", reports.cloud, "/cloud", "topic day"),
    Command("sources", "原帖", reports.sources, "/sources 1", "number topic day"),
    Command("why", "为什么", reports.why, "/why 1", "number topic day"),
    Command("report", "报告", reports.report, "/report {day}", "day topic"),
    Command("week", "周报", reports.week, "/week", "day topic limit"),
    Command("month", "月报", reports.month, "/month", "day topic"),
    Command("story", "来龙去脉", search.story, "/story 1", "words topic day"),
    Command("ask", "提问", search.ask_archive, "/ask What did Nvidia announce?", "question!"),
    Command("search", "搜索", search.search, "/search Nvidia", "words!"),
    Command("topics", "主题", about.topics, "/topics"),
    Command("subscribe", "订阅", chats.subscribe, "/subscribe 08:30", CHOICES, "chat"),
    Command("unsubscribe", "退订", chats.unsubscribe, "/unsubscribe", "topic", "chat"),
    Command("settings", "设置", chats.settings, SETTINGS, CHOICES, "chat"),
    Command("subscriptions", "已订阅", chats.subscriptions, "/subscriptions", who="oneself"),
    Command("next", "下一次", chats.next_, "/next", who="oneself"),
    Command("status", "状态", about.status, "/status", who="operators"),
    Command("cost", "费用", about.cost, "/cost", who="operators"),
    Command("source", "来源", about.source, "/source list", ACTIONS, "operators"),
    Command("now", "立即生成", reports.now, "/now {day}", "topic day", "operators"),
    Command("forget", "遗忘", search.forget, "/forget", who="oneself"),
    Command("start", "开始", chats.start, "/start"),
    Command("help", "帮助", about.show_help, "/help", "language"),
)
_READ_WORDS = ("status", "forget", "start")
"""Commands with arguments that only buttons and links use; menus do not show them."""

log = logging.getLogger(__name__)

# In groups, people put the bot's name before the command or its arguments.
_BOT_NAME = re.compile(r"(?<!\S)@\w+bot(?!\S) ?", re.IGNORECASE)
_LINKED_RANGE = re.compile(r"^(\d{8})(?:\.\.|_)(\d{8})$", re.ASCII)
_BY_NAME = {command.name: command for command in COMMANDS}
_BY_ALIAS = {command.alias: command for command in COMMANDS} | {
    "股票": _BY_NAME["stocks"],
    "个股": _BY_NAME["stocks"],
    "取消订阅": _BY_NAME["unsubscribe"],
}
_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("language", "lang", "语言"), ("settings", "language")),
    **dict.fromkeys(("pause", "暂停"), ("settings", "pause")),
    **dict.fromkeys(("resume", "恢复"), ("settings", "resume")),
    **dict.fromkeys(("mute", "静音"), ("settings", "quiet")),
    **dict.fromkeys(("unmute", "取消静音"), ("settings", "sound")),
}
"""Synonyms that people type, and the commands they stand for."""


async def answer(context: Services, incoming: Incoming) -> AsyncIterator[Reply]:
    """Yield the replies to one line as they are ready. Never raises: an error is logged under an
    id, without the line's text, and the user gets an apology with the id.

    Lines that are probably not meant for this bot are ignored. Lines that change a chat's settings
    run one after another, and other lines of the chat wait for them; their replies are private.
    """
    where, is_meant, is_private = f"a line on {incoming.platform}", incoming.direct, False
    language = incoming.language or context.language
    place = " ".join((incoming.platform, incoming.chat.id, incoming.chat.thread))
    try:
        async with AsyncExitStack() as turn:
            await turn.enter_async_context(context.turns.setdefault(place, asyncio.Lock()))
            ask = await _parse_line(context, incoming)
            if isinstance(ask, Reply):
                if is_meant:
                    yield ask
                return
            is_private = ask.command.who in ("chat", "oneself")
            if not is_private:
                await turn.aclose()
            where, is_meant = f"/{ask.command.name} on {incoming.platform}", True
            language = ask.language
            await _allow(ask)
            if ask.words and not ask.command.arguments and ask.command.name not in _READ_WORDS:
                raise Unanswered(ask.say("no_words", name=ask.command.name))
            await _remember_language(ask)
            async for shown in ask.command.handler(ask):
                yield _keep_private(shown) if is_private else shown
    except Unanswered as why:
        yield _keep_private(why.reply) if is_private else why.reply
    except Exception as error:  # noqa: BLE001 (one line may fail without the rest)
        if is_meant:
            yield apologize(error, where, language)


def _keep_private(reply: Reply) -> Reply:
    return replace(reply, manner="private") if reply.manner == "answer" else reply


async def _parse_line(context: Services, incoming: Incoming) -> Ask | Reply:
    """Parse the line to a command with its words; return a reply if it is not one."""
    line = _BOT_NAME.sub("", normalized(incoming.text))
    subscriptions = tuple(await context.store.list_subscriptions(incoming.chat))
    spoken = None if subscriptions else await load_spoken(context, incoming)
    usual = incoming.language or context.language
    language = chosen_language(subscriptions) or spoken or texts.language_of(line, usual)
    first = fold_letters(line.split(" ")[0].rstrip(END_MARKS))
    if incoming.direct and (first in _BY_ALIAS or line.lower() in _BY_NAME):
        line = f"/{line}"
    if not line.startswith("/") or len(line) < 2:
        return reply(Paragraph(texts.text("hint", language)), language=language)
    name, *words = line[1:].lstrip().split(" ")
    # In Telegram groups the command may name the bot: /brief@jianbao_bot
    typed = name.split("@")[0].rstrip(END_MARKS)
    name = fold_letters(typed)
    if incoming.direct and (meant := _SYNONYMS.get(name)):
        name, *words = *meant, *words
    if name == "start" and words:  # a link
        parts = re.split("(?<!-)-(?!-)", words[0])
        target, *parts = (_LINKED_RANGE.sub(r"\1..\2", part.replace("--", "-")) for part in parts)
        name, words = (target, parts) if _is_open(target) else (name, [])
        line = " ".join([f"/{name}", *words])
    command, glued = _command(name)
    if command is None:
        return reply(Paragraph(_unknown(name, language)), language=language)
    if glued:
        at = len(typed) - len(glued)
        line = " ".join([f"/{typed[:at]}", typed[at:], *words])
    words = [word.strip(QUOTES).rstrip(END_MARKS) for word in (glued, *words)]
    words = [word for word in words if word]
    return Ask(context, incoming, command, tuple(words), line, COMMANDS, subscriptions, spoken)


def _command(name: str) -> tuple[Command | None, str]:
    """Return the command of that name or alias, and text written on to it: 简报12月5日."""
    if command := _BY_NAME.get(name) or _BY_ALIAS.get(name):
        return command, ""
    for alias, command in sorted({**_BY_ALIAS, **_BY_NAME}.items(), key=lambda row: -len(row[0])):
        glued = name.removeprefix(alias)
        if glued != name and not (alias.isascii() and glued[0].isascii() and glued[0].isalpha()):
            return command, glued.lstrip(f"{END_MARKS}=")
    return None, ""


async def _allow(ask: Ask) -> None:
    name, who = ask.command.name, ask.command.who
    if who == "operators" and not ask.context.is_admin(ask.incoming):
        raise Unanswered(_keep_private(ask.say("operators_only", name=name)))
    if who == "chat" and not await ask.incoming.configures():
        raise Unanswered(ask.say("chat_admins_only", name=name))


async def _remember_language(ask: Ask) -> None:
    """Save the language an operator uses, for alerts."""
    incoming, store = ask.incoming, ask.context.store
    if not ask.context.is_admin(incoming) or incoming.platform == "terminal":
        return
    if await store.read_note(LANGUAGE_NOTES, incoming.person) != ask.language:
        await store.save_note(LANGUAGE_NOTES, incoming.person, ask.language)


def apologize(error: Exception, where: str, language: Language) -> Reply:
    """Log an error under an id; return an apology that contains the id."""
    id_ = secrets.token_hex(3)
    if isinstance(error, DigestError | PlatformError):  # expected: no traceback
        log.error("%s: %s: %s", id_, where, error)
    else:
        log.error("%s: %s failed", id_, where, exc_info=error)
    key, why = "busy" if isinstance(error, StoreError) else "wrong", ""
    if isinstance(error, Refused) and error.rights:
        key, why = "may_not_post", texts.reason(str(error), language)
    return reply(Paragraph(texts.text(key, language, id=id_, why=why)), language=language)


def encode_link(line: str) -> str:
    """Encode a line for a start link: `/views ai-x 2025-12-06` becomes `views-ai--x-20251206`, a
    range `20251201_20251207`.

    Returns "" for commands that change something, because a link may come from anybody.
    """
    name, *words = line.removeprefix("/").split(" ")
    plain = [re.sub(r"^(\d{4})-(\d\d)-(\d\d)$", r"\1\2\3", word) for word in words]
    parts = [_LINKED_RANGE.sub(r"\1_\2", word).replace("-", "--") for word in plain]
    word = "-".join([name, *parts])
    return word if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", word) and _is_open(name) else ""


def _is_open(name: str) -> bool:
    command = _BY_NAME.get(name)
    return command is not None and command.reads


def _unknown(name: str, language: Language) -> str:
    near = difflib.get_close_matches(name, [*_BY_NAME, *_BY_ALIAS], n=1, cutoff=0.5)
    key = "did_you_mean" if near else "see_help"
    hint = texts.text(key, language, name="".join(near))
    return texts.text("unknown", language, name=name[:30], hint=hint)
