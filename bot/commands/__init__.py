"""One table of commands for every platform, and the one place that answers a line."""

from __future__ import annotations

import difflib
import logging
from collections.abc import AsyncIterator

from bot import texts
from bot.commands import about, money, reports
from bot.commands.asking import Ask, Command, Context, Unanswered
from bot.messages import Incoming, Reply, Text, reply
from digest.models import DigestError
from digest.store import StoreError

log = logging.getLogger(__name__)

COMMANDS: tuple[Command, ...] = (
    Command(
        "brief",
        reports.brief,
        "最新简报：概述与要点",
        "the brief: overview and key points",
        "/brief {day}",
    ),
    Command(
        "detail",
        reports.detail,
        "详细分析，或其中一部分",
        "the detail, or one section of it",
        "/detail views",
    ),
    Command("views", reports.views, "重要观点：谁说了什么", "views: who says what", "/views"),
    Command("events", reports.events, "关键事件", "events", "/events"),
    Command(
        "stocks",
        reports.stocks,
        "个股与数字货币，或某一代码",
        "stocks and crypto, or one ticker",
        "/stocks NVDA",
    ),
    Command("crypto", reports.crypto, "数字货币", "crypto", "/crypto"),
    Command("ai", reports.special, "专项分析", "the special analysis", "/ai"),
    Command("finance", reports.finance, "金融市场", "financial markets", "/finance"),
    Command("cloud", reports.cloud, "词云图片", "the word cloud", "/cloud"),
    Command(
        "sources",
        reports.sources,
        "第 N 条要点背后的原帖",
        "the posts behind point N",
        "/sources 1",
    ),
    Command(
        "report",
        reports.report,
        "某一天或一段时间的报告",
        "the report of a day or a range",
        "/report {day}",
    ),
    Command("topics", about.topics, "有哪些主题", "the topics", "/topics"),
    Command("status", about.status, "来源、数量与运行状态", "sources, counts and state", "/status"),
    Command("cost", money.cost, "模型花了多少钱", "what the models cost", "/cost", admin=True),
    Command("help", about.show_help, "列出命令", "list the commands", "/help"),
)
_BY_NAME = {command.name: command for command in COMMANDS}


async def answer(context: Context, incoming: Incoming) -> AsyncIterator[Reply]:
    """The replies to one line, one by one as they are ready. Never raises: what fails inside a
    command is logged without the line's text, and answered kindly."""
    line = " ".join(incoming.text.split())
    language = texts.language_of(line, context.language)
    if not line.startswith("/") or len(line) < 2:
        yield reply(Text(texts.text("hint", language)), language=language)
        return
    name, *words = line[1:].split(" ")
    # Groups on Telegram address one bot of several: /brief@jianbao_bot
    name = name.split("@")[0].lower()
    command = _BY_NAME.get(name)
    if command is None:
        yield reply(Text(_unknown(name, line, context)), language=language)
        return
    if command.admin and not context.is_admin(incoming):
        yield reply(Text(texts.text("operators_only", language, name=name)), language=language)
        return
    ask = Ask(context, incoming, command, tuple(words), line, COMMANDS)
    try:
        async for one in command.handler(ask):
            yield one
    except Unanswered as why:
        yield why.reply
    except StoreError as error:
        log.error("/%s on %s: %s", name, incoming.platform, error)
        yield reply(Text(texts.text("busy", language, why=str(error))), language=language)
    except DigestError as error:
        log.error("/%s on %s: %s", name, incoming.platform, error)
        yield reply(Text(texts.text("wrong", language)), language=language)
    except Exception:
        log.exception("/%s on %s failed", name, incoming.platform)
        yield reply(Text(texts.text("wrong", language)), language=language)


def _unknown(name: str, line: str, context: Context) -> str:
    language = texts.language_of(line, context.language)
    near = difflib.get_close_matches(name, _BY_NAME, n=1, cutoff=0.5)
    hint = (
        texts.text("did_you_mean", language, name=near[0])
        if near
        else texts.text("see_help", language)
    )
    return texts.text("unknown", language, name=name[:30], hint=hint)
