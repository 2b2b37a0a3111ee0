"""What the bot says of the options of a subscription, and to operators of trouble and held messages."""

from __future__ import annotations

from collections.abc import Mapping

from digest.models import Language

SETTINGS: Mapping[str, Mapping[Language, str]] = {
    "set_days": {"zh": "哪几天", "en": "Days"},
    "set_language": {"zh": "语言", "en": "Language"},
    "set_length": {"zh": "长短", "en": "Length"},
    "set_sections": {"zh": "部分", "en": "Sections"},
    "set_words": {"zh": "关键词", "en": "Keywords"},
    "pause": {"zh": "暂停", "en": "Pause"},
    "resume": {"zh": "恢复", "en": "Resume"},
    "every_day": {"zh": "每天", "en": "every day"},
    "workdays": {"zh": "工作日", "en": "weekdays"},
    "weekend": {"zh": "周末", "en": "weekends"},
    "language_topic": {"zh": "随主题", "en": "the topic's"},
    "language_zh": {"zh": "中文", "en": "Chinese"},
    "language_en": {"zh": "英文", "en": "English"},
    "length_brief": {"zh": "只要简报", "en": "the brief"},
    "length_detail": {"zh": "简报加详细分析", "en": "brief and detail"},
    "all_sections": {"zh": "所有部分", "en": "all sections"},
    "section_overview": {"zh": "概述", "en": "Overview"},
    "section_points": {"zh": "要点", "en": "Points"},
    "section_views": {"zh": "观点", "en": "Views"},
    "section_events": {"zh": "事件", "en": "Events"},
    "section_markets": {"zh": "行情", "en": "Markets"},
    "section_ai": {"zh": "专项", "en": "Analysis"},
    "section_finance": {"zh": "金融", "en": "Finance"},
    "section_filtered": {"zh": "过滤", "en": "Filtered"},
    "section_cloud": {"zh": "词云", "en": "Cloud"},
    "row_content": {"zh": "内容", "en": "Content"},
    "row_highlight": {"zh": "突出", "en": "Highlighted"},
    "row_without": {"zh": "不看", "en": "Left out"},
    "content": {
        "zh": "{content}；语言：{tongue}",
        "en": "{content}; language: {tongue}",
    },
    "next_is": {"zh": "下一份：{next}，{left}", "en": "Next: {next}, {left}"},
    "paused_now": {
        "zh": "已暂停；/settings {name} resume 恢复",
        "en": "Paused; /settings {name} resume goes on",
    },
    "one_today": {
        "zh": "今天的一份已经安排，改动从下一份开始：一天只发一份。",
        "en": "Today's digest is settled already; the change counts from the next one: one digest a day.",
    },
    "choose_days": {
        "zh": "“{topic}”哪几天发？点一下打开或关上；也可以写：/settings 周一至周五，/settings 周六,周日",
        "en": '"{topic}" on which days? Press to switch one on or off; or type /settings mon-fri, /settings sat,sun',
    },
    "choose_language": {
        "zh": "“{topic}”用哪种语言？标题和说明用这种语言，原帖的句子不变。也可以写：/settings en",
        "en": '"{topic}" in which language? Headings and notes; sentences of posts stay as they are. Or type /settings zh',
    },
    "choose_length": {
        "zh": "“{topic}”要多长？也可以写：/settings detail",
        "en": '"{topic}": how long? Or type /settings detail',
    },
    "choose_sections": {
        "zh": "“{topic}”要哪些部分？点一下打开或关上；也可以写：/settings points views，/settings all",
        "en": '"{topic}" with which sections? Press to switch one on or off; or type /settings points views, /settings all',
    },
    "choose_words": {
        "zh": "“{topic}”的关键词：/settings +NVDA 突出，/settings -抽奖 不看，/settings =NVDA 或按下面的按钮取消。词里的空格写成 _。",
        "en": '"{topic}", keywords: /settings +NVDA highlights, /settings -giveaway leaves out, /settings =NVDA or a button below takes back. Write a space as _.',
    },
    "too_many_words": {
        "zh": "关键词每种最多 {n} 个，每个最多 {most} 个字。先用 /settings ={word} 取消一个。",
        "en": "At most {n} keywords of each kind, {most} characters each. Take one back first: /settings ={word}",
    },
    "word_too_long": {
        "zh": "关键词最多 {most} 个字，例如 /settings +NVDA",
        "en": "A keyword has at most {most} characters, like /settings +NVDA",
    },
    "alert": {"zh": "需要留意", "en": "Needs a look"},
    "alert_again": {"zh": "第 {n} 天：", "en": "Day {n}: "},
    "alert_no_posts": {
        "zh": "{about}：{day} 一条帖子也没有收到。请看 topics.toml 里的来源和日志。",
        "en": "{about}: no posts at all for {day}. Look at its sources in topics.toml and at the log.",
    },
    "alert_no_report": {
        "zh": "{about}：{day} 有 {n} 条帖子，却没有报告。/now {day} 再做一次；日志里有原因。",
        "en": "{about}: {n} posts of {day} but no report. /now {day} tries again; the log says why.",
    },
    "alert_no_delivery": {
        "zh": "{about}：{n} 份简报该发却一小时没有发出一份。/status 看账目。",
        "en": "{about}: {n} digests are due and none went out for an hour. /status shows the ledger.",
    },
    "alert_too_late": {
        "zh": "{about}：{n} 份简报一天之内没能发出，已放弃补发。/status 看账目。",
        "en": "{about}: {n} digests could not be sent within a day and are not sent any more. /status shows the ledger.",
    },
    "alert_source_down": {
        "zh": "来源 {about} 没有应答（{why}）。",
        "en": "source {about} does not answer ({why}).",
    },
    "alert_platform_down": {
        "zh": "{about} 连不上（{why}），会一直重试。",
        "en": "{about} cannot be reached ({why}); it is tried again and again.",
    },
    "alert_token_revoked": {
        "zh": "{about} 不再接受令牌，那里已停止。换上新令牌后重启。",
        "en": "{about} does not accept the token any more and was stopped. Set a new one and restart.",
    },
    "alert_stopped": {"zh": "{about} 已停止：{why}", "en": "{about} was stopped: {why}"},
    "alert_damaged": {
        "zh": "数据库损坏（{why}）。已移到 {about}，换上了 {made} UTC 的备份；此前到期的简报不再补发。",
        "en": "The database was damaged ({why}). It is {about} now; the backup of {made} UTC took its place, and digests due until now are not sent again.",
    },
    "alert_log_lost": {
        "zh": "{about}：程序被强行终止后，数据库的日志（-wal）不见了，最新的改动也随之丢失；未发完的消息请在 /status 决定，此前到期的简报不再补发。",
        "en": "{about}: the log (-wal) of the database is gone after the program was killed, and the newest changes with it. Decide on open messages in /status; digests due until now are not sent again.",
    },
    "alert_zone_gone": {
        "zh": "系统里没有时区 {about}，用它的聊天改按 UTC 发送。请更新 tzdata。",
        "en": "There is no time zone {about} on this system; chats that use it get their digests by UTC. Update tzdata.",
    },
    "ledger": {"zh": "今天的账目（UTC）", "en": "Today's ledger (UTC)"},
    "balance": {
        "zh": "应发 {due} = 已发 {delivered} + 被拒 {refused} + 不明 {unknown} + 待发 {waiting} + 跳过 {skipped}",
        "en": "due {due} = delivered {delivered} + refused {refused} + unknown {unknown} + waiting {waiting} + skipped {skipped}",
    },
    "ledger_empty": {"zh": "今天还没有到期的简报", "en": "nothing is due yet today"},
    "held": {
        "zh": "{n} 条消息不知是否到达（发出后没有收到答复）。逐条决定，或一次决定全部：",
        "en": "{n} messages may or may not have arrived (no answer came back). Decide one by one, or all:",
    },
    "held_row": {
        "zh": "第 {position} 部分 · {topic} · {day}",
        "en": "part {position} · {topic} · {day}",
    },
    "held_more": {"zh": "还有 {n} 条", "en": "{n} more"},
    "held_again": {"zh": "重发 {id}", "en": "Resend {id}"},
    "held_arrived": {"zh": "已到 {id}", "en": "Arrived {id}"},
    "held_all_again": {"zh": "全部重发", "en": "Resend all"},
    "held_all_arrived": {"zh": "全部算已到", "en": "All arrived"},
    "decided_again": {"zh": "{n} 条将重发。", "en": "{n} will be sent again."},
    "decided_arrived": {"zh": "{n} 条记为已到。", "en": "{n} are marked as arrived."},
    "decided_none": {"zh": "没有这样的消息在等待。", "en": "No such message is held."},
    "bad_held": {
        "zh": "不认识“{word}”。例如 /status held again 12 或 /status held arrived all",
        "en": 'I do not know "{word}". For example /status held again 12 or /status held arrived all',
    },
}
