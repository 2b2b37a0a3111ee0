"""Notes: texts written by code about counts, quiet days, filtered posts and the word cloud."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from digest.models import Item, Language, Section, SectionName, Topic
from digest.text import fill
from digest.write import Material

Names = Mapping[Language, str]

TOP_WORDS = 15
"""Words of the word cloud that are listed."""

STOCKS: Names = {"zh": "个股", "en": "Stocks"}
CRYPTO: Names = {"zh": "数字货币", "en": "Crypto"}
OTHER: Names = {"zh": "其他", "en": "Other"}

_STEPS: Mapping[str, Names] = {
    "outside": {"zh": "其他日期", "en": "Other days"},
    "ads": {"zh": "广告与推广", "en": "Ads and promotion"},
    "offtopic": {"zh": "无关与闲聊", "en": "Off topic and chatter"},
    "duplicates": {"zh": "重复", "en": "Repeats"},
}

_NOTHING: Mapping[SectionName, Names] = {
    "overview": {"zh": "没有可概述的消息。", "en": "Nothing to sum up."},
    "points": {"zh": "这一天很平静，没有值得一提的消息。", "en": "A quiet day: nothing to report."},
    "views": {"zh": "没有选出值得引用的观点。", "en": "No views were chosen."},
    "events": {
        "zh": "除要点外，没有选出其他事件。",
        "en": "No events were chosen beyond the key points.",
    },
    "markets": {
        "zh": "没有更多与本主题有关的个股或数字货币行情。",
        "en": "No further news of stocks or crypto on this topic.",
    },
    "ai": {"zh": "没有选出其他内容。", "en": "Nothing else was chosen."},
    "finance": {
        "zh": "没有更多与本主题有关的融资、业绩或宏观消息。",
        "en": "No further funding, earnings or macro news on this topic.",
    },
    "cloud": {"zh": "帖子太少，没有词云。", "en": "Too few posts for a word cloud."},
}

EMPTY_PAIRS: Sequence[tuple[Collection[SectionName], Names]] = (
    (
        ("events", "ai"),
        {
            "zh": "除要点外，没有选出其他内容。",
            "en": "Nothing else was chosen beyond the key points.",
        },
    ),
    (
        ("markets", "finance"),
        {
            "zh": "没有更多与本主题有关的行情、融资或业绩消息。",
            "en": "No further news of prices, funding or earnings on this topic.",
        },
    ),
)
"""Pairs of similar sections, with the one note that replaces both if neither has an item."""

_REDUCED: Mapping[str, Mapping[Language, str]] = {
    "no_answer": {
        "zh": "精简版：模型没有回应，以下内容摘自原帖。",
        "en": "Short version: no model answered, so the sentences are quoted from the posts.",
    },
    "gate": {
        "zh": "精简版：模型的稿件未通过核对，以下内容摘自原帖。",
        "en": "Short version: the model's draft did not pass the check,"
        " so the sentences are quoted from the posts.",
    },
    "budget": {
        "zh": "精简版：模型预算已用完，以下内容摘自原帖。",
        "en": "Short version: the model budget is spent,"
        " so the sentences are quoted from the posts.",
    },
}

_QUIET: Names = {
    "zh": "这一天较为平静，值得一提的只有 {n} 条。",
    "en": "A quiet day: only {n:story is|stories are} worth reporting.",
}
_COUNTED: Names = {
    "zh": "共收集 {posts} 条帖子，{sources} 个来源中有 {answered} 个应答，归纳为 {stories} 件事。",
    "en": "Read {posts:post} from {answered} of {sources:source}; found {stories:story|stories}.",
}
_SILENT: Names = {"zh": "没有应答的来源：{}。", "en": " Sources that did not answer: {}."}
_UNTOLD: Names = {
    "zh": "未入选：{stories} 件事（{posts} 条帖子）分量不足，或没有可单独成句的内容{above}。",
    "en": "Left out: {stories:story|stories} ({posts:post}), too minor or with no sentence"
    " that makes sense on its own{above}.",
}
_ABOVE: Names = {"zh": "；其余 {others} 件已报告", "en": "; the report includes the other {others}"}


def note(text: str, group: str = "") -> Item:
    """Return an item written by code, which cites nothing."""
    return Item(text, group=group, status="note")


def quiet(language: Language, points: int) -> Item:
    """Return the note on a quiet day with this many points."""
    return note(fill(_QUIET[language], n=points) if points else _NOTHING["points"][language])


def emptied(language: str) -> Item:
    """Return the note of a report whose posts were all deleted."""
    return note(
        "这份报告的原帖都已删除。" if language == "zh" else "All posts of this report were deleted."
    )


def reduced(material: Material, why: str) -> Item:
    """Return the note why the extractive writer replaced the model (a key of _REDUCED)."""
    return note(_REDUCED[why][material.topic.language])


def nothing(material: Material, section: SectionName) -> Item:
    """Return the note of an empty section."""
    return note(_NOTHING[section][material.topic.language])


def merge_empty(sections: Sequence[Section], language: Language) -> tuple[Section, ...]:
    """Return the sections; both sections of a pair in EMPTY_PAIRS get the same note, which is shown
    once, if neither has an item."""
    full = {s.name for s in sections if any(item.status != "note" for item in s.items)}
    lines = {
        name: note(line[language])
        for names, line in EMPTY_PAIRS
        if full.isdisjoint(names)
        for name in names
    }
    return tuple(replace(s, items=(lines[s.name],)) if s.name in lines else s for s in sections)


def list_filtered(material: Material, cites: Collection[str]) -> list[Item]:
    """Return notes on the posts collected and on those left out of a report that cites these posts,
    by step and reason."""
    material = material.count_reported(cites)
    language = material.topic.language
    reported = {s.event for s in material.list_all() if any(post.key in cites for post in s.posts)}
    unreported = [story for story in material.stories if story.event not in reported]
    stories, posts = len(unreported), sum(len(story.posts) for story in unreported)
    items = [_count_posts(material)]
    for step, names in _STEPS.items():
        reasons = Counter(drop.reason for drop in material.dropped if drop.step == step)
        if reasons:
            counts = [f"{reason_text(key, language)} {n}" for key, n in reasons.most_common()]
            items.append(note(_format_step(names[language], reasons.total(), counts, language)))
    others = material.counts.stories - stories
    if stories:
        above = fill(_ABOVE[language], others=others) if others > 0 else ""
        items.append(note(fill(_UNTOLD[language], stories=stories, posts=posts, above=above)))
    return items


def _count_posts(material: Material) -> Item:
    """Return the note on posts, sources and the sources that did not answer."""
    counts, sources, language = material.counts, material.sources, material.topic.language
    answered = sum(source.ok for source in sources)
    figures = {"posts": counts.collected, "answered": answered, "sources": len(sources)}
    text = fill(_COUNTED[language], stories=counts.stories, **figures)
    silent = ("、" if language == "zh" else ", ").join(
        source.name for source in sources if not source.ok
    )
    return note(text + (_SILENT[language].format(silent) if silent else ""))


def _format_step(name: str, count: int, reasons: Sequence[str], language: Language) -> str:
    if language == "zh":
        return f"{name}：{count} 条（{'，'.join(reasons)}）。"
    return f"{name}: {count} ({', '.join(reasons)})."


def list_words(words: Sequence[str], language: str) -> Item:
    """Return the note on the most frequent words; `words` is sorted by frequency."""
    zh, words = language == "zh", words[:TOP_WORDS]
    if not words:
        return note(_NOTHING["cloud"]["zh" if zh else "en"])
    return note(
        f"高频词：{'、'.join(words)}。" if zh else f"Most frequent words: {', '.join(words)}."
    )


REASONS: Mapping[str, Mapping[Language, str]] = {
    "giveaway": {"zh": "抽奖与赠送", "en": "giveaways"},
    "sale": {"zh": "促销与售卖", "en": "sales and discounts"},
    "course": {"zh": "课程与社群招募", "en": "courses and paid communities"},
    "signup": {"zh": "报名与活动推广", "en": "sign-ups and event promotion"},
    "referral": {"zh": "邀请码与返利", "en": "referral links"},
    "token": {"zh": "代币与交易推广", "en": "token and trading promotion"},
    "follow": {"zh": "引流与求关注", "en": "follow-bait"},
    "promo": {"zh": "商业推广", "en": "paid promotion"},
    "chatter": {"zh": "闲聊", "en": "chatter"},
    "link_only": {"zh": "只有链接或图片", "en": "only a link or picture"},
    "hostile": {"zh": "疑似给 AI 程序的指令", "en": "instructions aimed at AI programs"},
    "off_topic": {"zh": "与主题无关", "en": "another topic"},
    "too_many": {"zh": "帖子太多而未细看", "en": "not read closely because of the volume"},
    "unreadable": {"zh": "没有可读文字", "en": "no readable text"},
    "same_post": {"zh": "同一帖子出现在多个来源", "en": "one post in several sources"},
    "copy": {"zh": "转发或重复内容", "en": "re-posts and copies"},
    "told": {"zh": "前几天报道过且没有新内容", "en": "reported on an earlier day with nothing new"},
    "outside": {"zh": "不在所选日期内", "en": "outside the chosen days"},
}


def reason_text(reason: str, language: Language) -> str:
    """Return the reason in words, or its key if a later version wrote it."""
    return REASONS.get(reason, {}).get(language, reason)


_HEADINGS: Mapping[SectionName, Mapping[Language, str]] = {
    "overview": {"zh": "主要话题与行业趋势概述", "en": "Overview: topics and trends"},
    "points": {"zh": "核心信息", "en": "Key points"},
    "views": {"zh": "重要观点与见解", "en": "Views: who says what"},
    "events": {"zh": "关键事件与发展", "en": "Events and developments"},
    "markets": {"zh": "个股与数字货币分析与市场反应", "en": "Stocks, crypto and market reaction"},
    "ai": {"zh": "专项分析", "en": "Special analysis"},
    "finance": {"zh": "金融市场专项分析", "en": "Financial markets"},
    "filtered": {"zh": "广告内容过滤说明", "en": "What was filtered out"},
    "cloud": {"zh": "词云分析", "en": "Word cloud"},
}


def heading(name: SectionName, topic: Topic) -> str:
    """Return the heading of a section; "ai" is named after the topic's special analysis."""
    if name == "ai" and topic.special.get(topic.language):
        special = topic.special[topic.language]
        return f"{special}专项分析" if topic.language == "zh" else f"Special analysis: {special}"
    return _HEADINGS[name][topic.language]
