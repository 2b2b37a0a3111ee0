"""One table of commands for every platform: menus, help and completion are made from it."""

from __future__ import annotations

from bot.commands import about, chats, questions, reports, search, sources_admin, spans
from bot.menu import Argument, Command

TOPIC, DAY, SECTION, NAME = (Argument(kind) for kind in ("topic", "day", "section", "name"))
TIME, ZONE, OPTIONS, NUMBER = (Argument(kind) for kind in ("time", "zone", "options", "number"))
ACTION, ADDRESS, LANGUAGE = (Argument(kind) for kind in ("action", "address", "language"))
WORDS, REQUIRED_WORDS = Argument("words"), Argument("words", required=True)
QUESTION = Argument("question", required=True)

COMMANDS: tuple[Command, ...] = (
    Command("brief", "简报", reports.brief, "/brief {day}", (TOPIC, DAY)),
    Command("detail", "详细", reports.detail, "/detail views", (SECTION, TOPIC, DAY)),
    Command("views", "观点", reports.views, "/views", (TOPIC, DAY)),
    Command("events", "事件", reports.events, "/events", (TOPIC, DAY)),
    Command("stocks", "行情", reports.stocks, "/stocks NVDA", (NAME, TOPIC, DAY)),
    Command("crypto", "数字货币", reports.crypto, "/crypto", (TOPIC, DAY)),
    Command("ai", "专项", reports.special, "/ai", (TOPIC, DAY)),
    Command("finance", "金融", reports.finance, "/finance", (TOPIC, DAY)),
    Command("cloud", "词云", reports.cloud, "/cloud", (TOPIC, DAY)),
    Command("sources", "原帖", reports.sources, "/sources 1", (NUMBER, TOPIC, DAY)),
    Command("why", "为什么", reports.why, "/why 1", (NUMBER, TOPIC, DAY)),
    Command("report", "报告", reports.report, "/report {day}", (DAY, TOPIC)),
    Command("week", "周报", spans.week, "/week", (DAY, TOPIC)),
    Command("month", "月报", spans.month, "/month", (DAY, TOPIC)),
    Command("story", "来龙去脉", spans.story, "/story 1", (WORDS, TOPIC, DAY)),
    Command("ask", "提问", questions.ask_archive, "/ask What did Kitewick raise?", (QUESTION,)),
    Command("search", "搜索", search.search, "/search Nvidia", (REQUIRED_WORDS,)),
    Command("topics", "主题", about.topics, "/topics"),
    Command(
        "subscribe",
        "订阅",
        chats.subscribe,
        "/subscribe 08:30",
        (TOPIC, TIME, ZONE, OPTIONS),
        who="chat",
        private=True,
    ),
    Command(
        "unsubscribe", "退订", chats.unsubscribe, "/unsubscribe", (TOPIC,), who="chat", private=True
    ),
    Command(
        "settings",
        "设置",
        chats.settings,
        "/settings 08:30 Asia/Shanghai mon-fri +NVDA",
        (TOPIC, TIME, ZONE, OPTIONS),
        who="chat",
        private=True,
    ),
    Command("subscriptions", "已订阅", chats.subscriptions, "/subscriptions", private=True),
    Command("next", "下一次", chats.next_, "/next", private=True),
    Command("status", "状态", about.status, "/status", who="operators", private=True),
    Command("cost", "费用", about.cost, "/cost", who="operators", private=True),
    Command(
        "source",
        "来源",
        sources_admin.source,
        "/source list",
        (ACTION, TOPIC, ADDRESS),
        who="operators",
        private=True,
    ),
    Command(
        "now", "立即生成", reports.now, "/now {day}", (TOPIC, DAY), who="operators", private=True
    ),
    Command("forget", "遗忘", search.forget, "/forget", private=True),
    Command("start", "开始", chats.start, "/start"),
    Command("help", "帮助", about.show_help, "/help", (LANGUAGE,)),
)
