"""What the bot says, in Chinese and English. Nothing else holds wording for readers but reports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from bot.texts_settings import SETTINGS
from digest.models import Language

_TEXTS: Mapping[str, Mapping[Language, str]] = {
    "brief": {"zh": "简报", "en": "Brief"},
    "detail": {"zh": "详细分析", "en": "Detail"},
    "report": {"zh": "完整报告", "en": "Full report"},
    "imported": {
        "zh": "这份报告导入自 Jekyll 文章，没有原帖链接。",
        "en": "This report was imported from a Jekyll post; it has no source links.",
    },
    "digest_late": {
        "zh": "这份简报晚于约定的时间送达。",
        "en": "This digest comes later than its usual time.",
    },
    "digest_waits": {
        "zh": "今天的简报还没有做好，做好后会马上发来。",
        "en": "Today's digest is not ready yet; it follows as soon as it is.",
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
    "no_reports_yet": {
        "zh": "还没有报告。用 /subscribe 订阅，做好第一份就会发来。",
        "en": "There are no reports yet. /subscribe, and the first one will come here.",
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
        "zh": "抱歉，出了点问题，请稍后再试。（编号 {id}，日志里有原因）",
        "en": "Sorry, something went wrong. Please try again later. (Number {id}; the log says why)",
    },
    "busy": {
        "zh": "抱歉，数据库暂时不可用，请稍后再试。（编号 {id}，日志里有原因）",
        "en": "Sorry, the database is not available. Please try again later. (Number {id}; the log says why)",
    },
    "slow_down": {
        "zh": "请慢一点：一分钟最多 {n} 次，请 {seconds} 秒后再试。",
        "en": "Please slow down: at most {n} a minute. Try again in {seconds} s.",
    },
    "greeting": {
        "zh": "每天把一个主题的帖子整理成一份有出处的简报，配一张词云，按您定的时间发到这里。每句话都能点开原帖。",
        "en": "Every day the posts about a topic become one brief with its sources and a word cloud, posted here at the time you choose. Every statement leads to its post.",
    },
    "subscribe_to": {"zh": "订阅：{topic}", "en": "Subscribe: {topic}"},
    "commands": {"zh": "所有命令", "en": "All commands"},
    "chat_admins_only": {
        "zh": "/{name} 只对这个聊天的管理员开放。",
        "en": "/{name} is for the admins of this chat only.",
    },
    "lacking": {
        "zh": "我在这里还缺少权限：{names}。请管理员授予后再试。",
        "en": "I lack permissions here: {names}. Ask an admin to grant them, then try again.",
    },
    "subscribed": {
        "zh": "已订阅“{topic}”：{days} {at}（{zone}）。{next}。下面是最新的一份。",
        "en": 'Subscribed to "{topic}": {days} at {at} ({zone}). {next}. The newest one follows.',
    },
    "subscribed_already": {
        "zh": "这里已经订阅了“{topic}”：{days} {at}（{zone}）。{next}。",
        "en": 'Already subscribed to "{topic}": {days} at {at} ({zone}). {next}.',
    },
    "terminal_note": {
        "zh": "终端自己不会收到推送：在 Telegram 或 Discord 里订阅才会。",
        "en": "Nothing is posted to a terminal: subscribe on Telegram or Discord for that.",
    },
    "first_to_come": {
        "zh": "“{topic}”还没有报告，做好第一份就会发来。",
        "en": 'There is no report of "{topic}" yet; the first one will come here.',
    },
    "subscribe_which": {"zh": "订阅哪个主题？", "en": "Subscribe to which topic?"},
    "unsubscribe_which": {"zh": "退订哪个主题？", "en": "Stop which topic?"},
    "unsubscribed": {
        "zh": "已退订“{topic}”，不会再发到这里。",
        "en": 'Unsubscribed from "{topic}": it is not posted here any more.',
    },
    "undo": {"zh": "重新订阅", "en": "Subscribe again"},
    "not_subscribed": {
        "zh": "这里还没有订阅。用 /subscribe 订阅。",
        "en": "Nothing is posted here yet. /subscribe begins it.",
    },
    "subscriptions": {"zh": "这里的订阅", "en": "Posted here"},
    "next": {"zh": "下一份简报", "en": "The next digest"},
    "settings": {"zh": "设置", "en": "Settings"},
    "next_line": {
        "zh": "{days} {at}（{zone}）。{next}",
        "en": "{days} at {at} ({zone}). {next}",
    },
    "hours_left": {"zh": "还有 {h} 小时 {m} 分", "en": "in {h} h {m} min"},
    "days_left": {"zh": "还有 {d} 天 {h} 小时", "en": "in {d} days {h} h"},
    "minutes_left": {"zh": "还有 {m} 分钟", "en": "in {m} min"},
    "settings_are": {
        "zh": "“{topic}”：{days} {at}（{zone}）。{next}。",
        "en": '"{topic}": {days} at {at} ({zone}). {next}.',
    },
    "settings_changed": {
        "zh": "改好了。“{topic}”：{days} {at}（{zone}）。{next}。",
        "en": 'Changed. "{topic}": {days} at {at} ({zone}). {next}.',
    },
    "settings_which": {
        "zh": "这里订阅了几个主题，请写明是哪一个：{names}",
        "en": "Several topics are posted here; say which: {names}",
    },
    "bad_setting": {
        "zh": "不认识“{word}”。主题有：{names}；时间写 08:30，时区写 Asia/Shanghai，哪几天写 周一至周五，语言写 zh 或 en，长短写 brief 或 detail，部分写 points views，关键词写 +NVDA 或 -抽奖，暂停写 pause。例如 {example}",
        "en": 'I do not know "{word}". Topics: {names}; a time is 08:30, a zone Europe/Berlin, days mon-fri, a language zh or en, a length brief or detail, sections points views, keywords +NVDA or -giveaway; pause, resume. For example {example}',
    },
    "change": {"zh": "修改：{topic}", "en": "Change: {topic}"},
    "change_time": {"zh": "改时间", "en": "Time"},
    "change_zone": {"zh": "改时区", "en": "Time zone"},
    "unsubscribe": {"zh": "退订", "en": "Unsubscribe"},
    "choose_time": {
        "zh": "“{topic}”几点发？（{zone}，现在是 {at}）其他时间可以写：/settings 08:30",
        "en": '"{topic}" at what time? ({zone}; now {at}) Any other can be typed: /settings 08:30',
    },
    "choose_zone": {
        "zh": "选择时区（括号外是那里现在的时间）。其他时区可以写：/settings Asia/Shanghai",
        "en": "Choose a time zone by the time it is there now. Any other can be typed: /settings Europe/Berlin",
    },
    "back": {"zh": "返回", "en": "Back"},
    "open_views": {"zh": "观点", "en": "Views"},
    "open_events": {"zh": "事件", "en": "Events"},
    "open_stocks": {"zh": "行情", "en": "Markets"},
    "open_special": {"zh": "专项", "en": "Analysis"},
    "open_finance": {"zh": "金融", "en": "Finance"},
    "open_sources": {"zh": "原帖", "en": "Sources"},
    "open_filtered": {"zh": "过滤", "en": "Filtered"},
    "open_report": {"zh": "全文", "en": "Full report"},
    "choose": {"zh": "继续看……", "en": "Read on…"},
    "page": {"zh": "第 {n}/{of} 页", "en": "Page {n} of {of}"},
    "follows": {"zh": "［更新，见 {day}］", "en": "[Update of {day}] "},
    "why": {
        "zh": "第 {n} 条为什么排在这里：得分 {score}",
        "en": "Why point {n} stands where it does: score {score}",
    },
    "why_part": {
        "zh": "{name}：{value} × {weight} = {share}",
        "en": "{name}: {value} × {weight} = {share}",
    },
    "why_unknown": {
        "zh": "这份报告没有保存得分，重新生成后可以查看。",
        "en": "This report has no scores: they are kept from its next making on.",
    },
    "part_voices": {"zh": "独立的声音", "en": "independent voices"},
    "part_substance": {"zh": "内容的分量", "en": "substance"},
    "part_news": {"zh": "发布消息的明确程度", "en": "tells news first-hand"},
    "part_engagement": {"zh": "受关注的程度", "en": "attention drawn"},
    "part_fit": {"zh": "与主题的契合", "en": "fit with the topic"},
    "part_author": {"zh": "作者的权重与地位", "en": "standing of the author"},
    "part_promotion": {"zh": "像广告的程度", "en": "reads like promotion"},
    "which_point": {
        "zh": "要看哪一条的原帖？例如 /sources 1（共 {n} 条）",
        "en": "The posts behind which point? For example /sources 1 (there are {n})",
    },
    "one_day": {
        "zh": "一次只做一天的报告。例如 {example}",
        "en": "One day at a time. For example {example}",
    },
    "making_now": {
        "zh": "正在生成“{topic}”{day} 的完整报告，需要一两分钟……",
        "en": 'Making the whole report of "{topic}" for {day}; this takes a minute or two…',
    },
    "made_not_because": {
        "zh": "{day} 的报告没有做成：{why}",
        "en": "The report of {day} could not be made: {why}",
    },
    "late": {
        "zh": "这个按钮已经失效，请直接发送 {line}",
        "en": "This button has expired; send {line} instead",
    },
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
    "source_title": {"zh": "“{topic}”的来源", "en": 'Sources of "{topic}"'},
    "source_usage": {
        "zh": "/source test 地址 看最新三条；/source add 地址 添加；/source remove 序号 删除。地址如 https://example.com/feed、https://t.me/频道、list:123（X）、hackernews AI",
        "en": "/source test ADDRESS shows its three newest posts; /source add ADDRESS; /source remove NUMBER. An address is https://example.com/feed, https://t.me/NAME, list:123 (X) or hackernews AI",
    },
    "source_none": {"zh": "还没有来源。", "en": "There is no source yet."},
    "source_file": {"zh": "来自 topics.toml", "en": "from topics.toml"},
    "source_chat": {"zh": "在聊天中添加", "en": "added in a chat"},
    "source_removed_by": {"zh": "已由 {who} 删除", "en": "taken away by {who}"},
    "source_new": {"zh": "还没有问过", "en": "not asked yet"},
    "source_well": {
        "zh": "上次应答 {when}，每天 {rate} 条，{seconds} 秒",
        "en": "last answer {when}, {rate} posts a day, {seconds} s",
    },
    "source_failing": {"zh": "⚠ 连续失败 {n} 次：{why}", "en": "⚠ failed ({n} in a row): {why}"},
    "source_off": {"zh": "✗ 已停用：{why}", "en": "✗ switched off: {why}"},
    "source_waits": {"zh": "{when} 前不再问", "en": "left in peace until {when}"},
    "source_stands_in": {"zh": "替补 {what}", "en": "stands in for {what}"},
    "source_reads": {
        "zh": "X 本月已读 {n} 次，上限 {most}（X_READS_MONTH）；今天已读 {today} 次，还可读 {left} 次。一条帖子算一次，一个用户算两次",
        "en": "X: {n} of {most} reads used this month (X_READS_MONTH), {today} of them today, {left} left for today;"
        " a post counts once, a user twice",
    },
    "source_trying": {"zh": "正在读取 {what}……", "en": "Reading {what}…"},
    "source_fails": {
        "zh": "{what} 现在不能用：{why}",
        "en": "{what} cannot be used now: {why}",
    },
    "source_gives": {
        "zh": "{name}：{n} 条帖子，最新的是",
        "en": "{name}: {n} posts, the newest are",
    },
    "source_added": {
        "zh": "已把 {name} 加入“{topic}”，现有 {n} 条帖子；下一轮开始收集。",
        "en": 'Added {name} to "{topic}"; it has {n} posts now and is asked from the next round on.',
    },
    "source_there": {"zh": "{name} 已经在列表里。", "en": "{name} is in the list already."},
    "source_removed": {
        "zh": "已从“{topic}”删除 {name}。要恢复：/source add 地址",
        "en": 'Took {name} away from "{topic}". /source add ADDRESS brings it back.',
    },
    "source_back": {"zh": "{name} 又在“{topic}”里了。", "en": '{name} is back in "{topic}".'},
    "source_unknown": {
        "zh": "没有“{what}”这个来源：/source list {topic} 列出序号。",
        "en": 'There is no source "{what}": /source list {topic} shows their numbers.',
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
    return (_TEXTS.get(key) or SETTINGS[key])[language].format(**values)


def weekday(day: date, language: Language) -> str:
    """`2025-12-06 周六`, `2025-12-06 Sat`."""
    if language == "zh":
        return f"{day} 周{_WEEKDAYS['zh'][day.weekday()]}"
    return f"{day} {_WEEKDAYS['en'].split()[day.weekday()]}"


def day_name(day: int, language: Language) -> str:
    """`周六`, `Sat`; Monday is 0."""
    if language == "zh":
        return f"周{_WEEKDAYS['zh'][day]}"
    return _WEEKDAYS["en"].split()[day]


def days(first: date, last: date, language: Language) -> str:
    """One day, or the first and the last."""
    return weekday(first, language) if first == last else f"{first} — {last}"


def language_of(line: str, default: Language) -> Language:
    """Chinese for a line with Han characters; else the default, which is the topic's language."""
    return "zh" if re.search(r"[\u4e00-\u9fff]", line) else default
