"""What the bot says, in Chinese and English. Nothing else holds wording for readers but reports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from digest.models import Language

_TEXTS: Mapping[str, Mapping[Language, str]] = {
    "brief": {"zh": "简报", "en": "Brief"},
    "detail": {"zh": "详细分析", "en": "Detail"},
    "report": {"zh": "完整报告", "en": "Full report"},
    "more": {
        "zh": "继续看：/detail 详细 · /sources 1 看第 1 条的原帖 · /stocks 行情 · /cloud 词云 · /report {day} 全文",
        "en": "More: /detail · /sources 1 for the posts behind point 1 · /stocks · /cloud · /report {day}",
    },
    "imported": {
        "zh": "这份报告导入自 Jekyll 文章，没有原帖链接。",
        "en": "This report was imported from a Jekyll post; it has no source links.",
    },
    "sample": {"zh": "这些帖子是虚构的示例。", "en": "These posts are a made-up sample."},
    "empty": {"zh": "这一部分没有内容。", "en": "This section is empty."},
    "nothing_about": {
        "zh": "{day} 的报告没有提到 {what}。",
        "en": "The report of {day} says nothing about {what}.",
    },
    "there_are": {"zh": "提到的有：{names}", "en": "It does speak of: {names}"},
    "points_are": {
        "zh": "{day} 的报告有 {n} 条要点，例如 /sources 1",
        "en": "The report of {day} has {n} points: try /sources 1",
    },
    "no_points": {"zh": "{day} 的报告没有要点。", "en": "The report of {day} has no points."},
    "no_posts_behind": {
        "zh": "第 {n} 条没有可显示的原帖。",
        "en": "There are no posts to show behind point {n}.",
    },
    "behind": {"zh": "第 {n} 条的原帖", "en": "The posts behind point {n}"},
    "no_reports": {
        "zh": "还没有报告。先运行：python -m bot digest {topic}",
        "en": "There are no reports yet. Make one: python -m bot digest {topic}",
    },
    "no_reports_but": {
        "zh": "还没有报告，但 {day} 有 {n} 条帖子：发送 /report {day} 立即生成。",
        "en": "There are no reports yet, but {n} posts of {day}: /report {day} makes one now.",
    },
    "no_report": {"zh": "没有 {day} 的报告。", "en": "There is no report of {day}."},
    "can_make": {
        "zh": "那天有 {n} 条帖子：发送 /report {day} 立即生成。",
        "en": "There are {n} posts of that day: /report {day} makes it now.",
    },
    "nearest": {"zh": "最近的报告：{days}", "en": "The nearest reports: {days}"},
    "making": {
        "zh": "{day} 还没有报告，正在用 {n} 条帖子生成，请稍候……",
        "en": "There is no report of {day} yet; making it from {n} posts now…",
    },
    "made_not": {
        "zh": "{day} 的报告没有做成，原因已记入日志，请稍后再试。",
        "en": "The report of {day} could not be made; the reason is in the log. Try again later.",
    },
    "too_many": {
        "zh": "您在一小时内已生成 {n} 份报告，请 {minutes} 分钟后再试。",
        "en": "You have had {n} reports made within an hour: try again in {minutes} minutes.",
    },
    "missing_days": {"zh": "没有报告的日子：{days}", "en": "Days without a report: {days}"},
    "range": {"zh": "要点汇总", "en": "Key points of each day"},
    "bad_date": {
        "zh": "“{text}”不是一个日期。可以试试 /report {day}",
        "en": '"{text}" is not a day. Try /report {day}',
    },
    "bad_word": {
        "zh": "不认识“{word}”。例如 {example}",
        "en": 'I do not know "{word}" here. For example {example}',
    },
    "which_section": {
        "zh": "没有“{word}”这一部分。可选：{names}",
        "en": 'There is no section "{word}". There are: {names}',
    },
    "unknown": {"zh": "没有 /{name} 这个命令。{hint}", "en": "There is no command /{name}. {hint}"},
    "did_you_mean": {"zh": "是不是 /{name}？", "en": "Did you mean /{name}?"},
    "see_help": {"zh": "/help 列出所有命令。", "en": "/help lists the commands."},
    "hint": {
        "zh": "请发送命令，例如 /brief；/help 列出所有命令。",
        "en": "Send a command such as /brief; /help lists them.",
    },
    "wrong": {
        "zh": "出了点问题，已记入日志，请稍后再试。",
        "en": "Something went wrong; it is in the log. Please try again later.",
    },
    "busy": {"zh": "数据库暂时不可用：{why}", "en": "The database is not available: {why}"},
    "help": {
        "zh": "简报：每天的帖子，一份有出处的报告",
        "en": "Jianbao: a day of posts as one sourced report",
    },
    "help_arguments": {
        "zh": "大多数命令可以加主题、日期和条数，顺序随意：/brief {topic} {day} 5。日期可写 12-06、昨天、20251206。",
        "en": "Most commands take a topic, a day and a number, in any order: /brief {topic} {day} 5. Days: 12-06, yesterday, 20251206.",
    },
    "topics": {"zh": "主题", "en": "Topics"},
    "topic_line": {
        "zh": "{n} 份报告，{posts} 天有帖子，最新 {day}",
        "en": "{n} reports, {posts} days with posts, newest {day}",
    },
    "topic_none": {
        "zh": "还没有报告，{posts} 天有帖子",
        "en": "no reports yet, {posts} days with posts",
    },
    "status": {"zh": "状态", "en": "Status"},
    "newest": {
        "zh": "{topic}：最新报告 {day}（{writer}，{when}）",
        "en": "{topic}: newest report {day} ({writer}, {when})",
    },
    "newest_none": {"zh": "{topic}：还没有报告", "en": "{topic}: no reports yet"},
    "stored": {
        "zh": "库中有 {days} 天的 {posts} 条帖子，{reports} 份单日报告",
        "en": "stored: {posts} posts of {days} days, {reports} daily reports",
    },
    "source_ok": {"zh": "来源 {name}：{n} 条", "en": "source {name}: {n} posts"},
    "source_bad": {
        "zh": "来源 {name}：无应答（{note}）",
        "en": "source {name}: no answer ({note})",
    },
    "counted": {
        "zh": "收集 {collected}，日期外 {outside}，广告 {ads}，无关 {offtopic}，重复 {duplicates}，话题 {stories}",
        "en": "collected {collected}, outside {outside}, ads {ads}, off topic {offtopic}, repeats {duplicates}, stories {stories}",
    },
    "score": {
        "zh": "模型稿得分 {score:.0%}（{parts}）",
        "en": "score of the model's version {score:.0%} ({parts})",
    },
    "part_cited": {"zh": "有出处 {n:.0%}", "en": "cited {n:.0%}"},
    "part_supported": {"zh": "经核对 {n:.0%}", "en": "supported {n:.0%}"},
    "part_distinct": {"zh": "不重复 {n:.0%}", "en": "distinct {n:.0%}"},
    "part_complete": {"zh": "完整 {n:.0%}", "en": "complete {n:.0%}"},
    "part_specific": {"zh": "具体 {n:.0%}", "en": "specific {n:.0%}"},
    "reduced_no_answer": {
        "zh": "精简版：模型没有回应，见日志",
        "en": "reduced: no model answered, see the log",
    },
    "reduced_gate": {
        "zh": "精简版：模型的稿件未通过核对",
        "en": "reduced: the model's draft did not stand up to the posts",
    },
    "reduced_budget": {
        "zh": "精简版：模型预算已用完，可调高 BUDGET_USD_DAY 或 BUDGET_USD_MONTH",
        "en": "reduced: the budget is spent; BUDGET_USD_DAY and BUDGET_USD_MONTH raise it",
    },
    "unproved": {
        "zh": "{n} 条未通过核对，已换成原帖的话或删去",
        "en": "{n} items failed the check and were replaced or left out",
    },
    "operators_only": {
        "zh": "/{name} 只对机器人的管理员开放（ADMINS）。",
        "en": "/{name} is for the operators of this bot only (ADMINS).",
    },
    "cost": {"zh": "模型费用", "en": "Cost of the models"},
    "spent_day": {
        "zh": "{day}（UTC）：${usd}，每日上限 ${cap}",
        "en": "{day} (UTC): ${usd} of ${cap} a day",
    },
    "spent_month": {
        "zh": "{month}：${usd}，每月上限 ${cap}",
        "en": "{month}: ${usd} of ${cap} a month",
    },
    "cost_line": {
        "zh": "{calls} 次调用，读 {sent} 词元，写 {said} 词元，{usd}",
        "en": "{calls} calls, {sent} tokens in, {said} out, {usd}",
    },
    "no_price": {"zh": "价格未知", "en": "price unknown"},
    "unpriced": {"zh": "（其中 {n} 次价格未知）", "en": " ({n} of them at an unknown price)"},
    "report_cost": {
        "zh": "{topic} 的最新报告 {day}：{cost}",
        "en": "{topic}, newest report {day}: {cost}",
    },
    "cloud_file": {"zh": "词云图片：{path}", "en": "Word cloud: {path}"},
    "no_cloud": {"zh": "{day} 的报告没有词云。", "en": "The report of {day} has no word cloud."},
    "examples": {"zh": "被过滤的例子", "en": "Examples of what was left out"},
    "at": {"zh": "{when}（{zone}）", "en": "{when} ({zone})"},
    "welcome": {
        "zh": "简报终端。/brief 看最新简报，/help 列出命令，/quit 退出。",
        "en": "Jianbao in this terminal: /brief for the newest brief, /help for the commands, /quit to leave.",
    },
}

_WEEKDAYS: Mapping[Language, str] = {"zh": "一二三四五六日", "en": "Mon Tue Wed Thu Fri Sat Sun"}


def text(key: str, language: Language, **values: object) -> str:
    """The wording of `key`, filled in."""
    return _TEXTS[key][language].format(**values)


def weekday(day: date, language: Language) -> str:
    """`2025-12-06 周六`, `2025-12-06 Sat`."""
    if language == "zh":
        return f"{day} 周{_WEEKDAYS['zh'][day.weekday()]}"
    return f"{day} {_WEEKDAYS['en'].split()[day.weekday()]}"


def days(first: date, last: date, language: Language) -> str:
    """One day, or the first and the last."""
    return weekday(first, language) if first == last else f"{first} — {last}"


def language_of(line: str, default: Language) -> Language:
    """Chinese for a line with Han characters; else the default, which is the topic's language."""
    return "zh" if re.search(r"[\u4e00-\u9fff]", line) else default
