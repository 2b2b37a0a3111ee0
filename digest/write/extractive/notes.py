"""Lines written by code: counts, quiet days, what was filtered, the words of the cloud."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from digest.models import Item, Language, SectionName, Topic
from digest.reading import Story
from digest.text import plain
from digest.write import Material

TOP_WORDS = 15
BIG, MOST_LABELS = 3, 5
"""Authors that make a story worth naming in the overview, and how many are named."""

_NOTHING: Mapping[SectionName, Mapping[Language, str]] = {
    "views": {"zh": "今天没有成形的观点。", "en": "No views of note today."},
    "events": {"zh": "除上述要点外没有其他事件。", "en": "No events beyond the points above."},
    "markets": {
        "zh": "今天的帖子没有谈及具体个股或数字货币的行情。",
        "en": "Nothing today: no stock or coin was talked about as money.",
    },
    "ai": {"zh": "今天没有更多内容。", "en": "Nothing more today."},
    "finance": {
        "zh": "今天没有融资、业绩或宏观消息。",
        "en": "No funding, results or macro news today.",
    },
    "filtered": {"zh": "没有过滤任何帖子。", "en": "Nothing was filtered out."},
    "cloud": {"zh": "帖子太少，没有词云。", "en": "Too few posts for a word cloud."},
}

_REDUCED: Mapping[str, Mapping[Language, str]] = {
    "no_answer": {
        "zh": "精简版：模型没有回应，以下内容摘自原帖。",
        "en": "Reduced: no model answered, so these are the posts' own sentences.",
    },
    "gate": {
        "zh": "精简版：模型的稿件未通过核对，以下内容摘自原帖。",
        "en": "Reduced: the model's draft did not stand up to the posts, so these are their own sentences.",
    },
    "budget": {
        "zh": "精简版：模型预算已用完，以下内容摘自原帖。",
        "en": "Reduced: the budget for the model is spent, so these are the posts' own sentences.",
    },
}

_PHRASE = re.compile(r"[A-Z][\w-]*(?:[ -](?:[A-Z][\w-]*|\d+(?:\.\d+)*)){0,3}(?:\.\d+)?")


def note(text: str, group: str = "") -> Item:
    """A line that cites nothing."""
    return Item(text, group=group, status="note")


def counts(material: Material) -> Item:
    """How many posts came from how many sources, and what became of them."""
    c, sources = material.counts, material.sources
    answered = sum(source.ok for source in sources)
    silent = [source.name for source in sources if not source.ok]
    if material.topic.language == "zh":
        text = (
            f"共收集 {c.collected} 条帖子，{len(sources)} 个来源中有 {answered} 个应答；"
            f"过滤广告 {c.ads} 条、无关或闲聊 {c.offtopic} 条、重复 {c.duplicates} 条，归并为 {c.stories} 个话题。"
        )
        return note(text + (f"未应答：{'、'.join(silent)}。" if silent else ""))
    text = (
        f"{c.collected} posts from {answered} of {len(sources)} sources; {c.ads} ads, {c.offtopic} off topic "
        f"or chatter and {c.duplicates} repeats left out, {c.stories} stories found."
    )
    return note(text + (f" No answer from {', '.join(silent)}." if silent else ""))


def talked_about(material: Material) -> list[Item]:
    """What most people spoke of: the name of each big story, its posts and its authors."""
    named: dict[str, str] = {}
    for story in material.stories:
        posts, authors = len(story.posts), len({post.author for post in story.posts})
        label = _label(story)
        if story.market or authors < BIG or not label or label.lower() in named:
            continue
        if material.topic.language == "zh":
            named[label.lower()] = f"{label}（{authors} 人 {posts} 条）"
        else:
            named[label.lower()] = f"{label} ({posts} posts by {authors} people)"
    told = list(named.values())[:MOST_LABELS]
    if not told:
        return []
    if material.topic.language == "zh":
        return [note(f"讨论最多的是 {'、'.join(told)}。")]
    return [note(f"Most talked about: {', '.join(told)}.")]


def _label(story: Story) -> str:
    """The longest name that most posts of the story share, as most of them spell it."""
    phrases: Counter[str] = Counter()
    spelled: dict[str, Counter[str]] = {}
    for post in story.posts:
        found = {m.group() for m in _PHRASE.finditer(plain(post.text))}
        for phrase in {part for whole in found for part in _parts(whole)}:
            phrases[phrase.lower()] += 1
            spelled.setdefault(phrase.lower(), Counter())[phrase] += 1
    shared = [p for p, n in phrases.items() if n >= max(2, 0.5 * len(story.posts)) and len(p) > 3]
    if not shared:
        return ""
    best = max(shared, key=lambda p: (phrases[p] * (1 + 0.6 * p.count(" ")), len(p), p))
    return max(spelled[best].items(), key=lambda entry: (entry[1], entry[0]))[0]


def _parts(phrase: str) -> set[str]:
    """All runs of the words of a phrase: "Claude Haiku 4.5" holds "Haiku 4.5"."""
    words = phrase.split()
    return {" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)}


def quiet(material: Material, found: int) -> Item:
    """The one line of a quiet day."""
    if material.topic.language == "zh":
        return note(
            f"今天较为平静，值得一提的只有 {found} 条。"
            if found
            else "今天很平静，没有值得一提的消息。"
        )
    if not found:
        return note("A quiet day: nothing worth telling.")
    return note(
        f"A quiet day: only {found} {'story is' if found == 1 else 'stories are'} worth telling."
    )


def reduced(material: Material, why: str) -> Item:
    """That the report was meant to be written by a model, and why it was not."""
    return note(_REDUCED[why][material.topic.language])


def nothing(material: Material, section: SectionName) -> Item:
    """Why a section is empty."""
    return note(_NOTHING[section][material.topic.language])


def filtered(material: Material) -> list[Item]:
    """How many posts each step left out, and for which reasons."""
    zh = material.topic.language == "zh"
    names = {
        "outside": ("日期之外", "Outside the days"),
        "ads": ("广告与推广", "Ads and promotion"),
        "offtopic": ("无关与闲聊", "Off topic and chatter"),
        "duplicates": ("重复", "Repeats"),
    }
    items = []
    for step, (name_zh, name_en) in names.items():
        reasons = Counter(drop.reason for drop in material.dropped if drop.step == step)
        if not reasons:
            continue
        total = sum(reasons.values())
        language = material.topic.language
        told = [f"{reason_text(reason, language)} {n}" for reason, n in reasons.most_common()]
        if zh:
            items.append(note(f"{name_zh}：{total} 条（{'，'.join(told)}）。"))
        else:
            items.append(note(f"{name_en}: {total} ({', '.join(told)})."))
    return items or [nothing(material, "filtered")]


def cloud(material: Material) -> list[Item]:
    """The most frequent words of the picture."""
    words = [word for word, _ in material.wordcounts[:TOP_WORDS]]
    if not words:
        return [nothing(material, "cloud")]
    zh = material.topic.language == "zh"
    return [note(f"高频词：{'、'.join(words)}。" if zh else f"Most frequent: {', '.join(words)}.")]


REASONS: Mapping[str, Mapping[Language, str]] = {
    "giveaway": {"zh": "抽奖与赠送", "en": "giveaways"},
    "sale": {"zh": "促销与售卖", "en": "sales and discounts"},
    "course": {"zh": "课程与社群招募", "en": "courses and paid communities"},
    "signup": {"zh": "报名与活动推广", "en": "sign-ups and event promotion"},
    "referral": {"zh": "邀请码与返利", "en": "referral links"},
    "token": {"zh": "代币与交易推广", "en": "token and trading promotion"},
    "follow": {"zh": "引流与求关注", "en": "asking for follows"},
    "promo": {"zh": "商业推广", "en": "paid promotion"},
    "chatter": {"zh": "闲聊", "en": "chatter"},
    "link_only": {"zh": "只有链接或图片", "en": "only a link or picture"},
    "hostile": {"zh": "试图操纵程序", "en": "trying to steer a program"},
    "off_topic": {"zh": "与主题无关", "en": "another topic"},
    "too_many": {
        "zh": "当天帖子太多，未及细看",
        "en": "not read closely: too many posts that day",
    },
    "unreadable": {"zh": "没有可读文字", "en": "no readable text"},
    "same_post": {"zh": "同一帖子出现在多个来源", "en": "one post in several sources"},
    "copy": {"zh": "转发或重复内容", "en": "re-posts and copies"},
    "told": {"zh": "前几天已报道，没有新内容", "en": "told on an earlier day, without news"},
    "outside": {"zh": "不在所选日期内", "en": "outside the chosen days"},
}


def reason_text(reason: str, language: Language) -> str:
    """The reason in words; a reason of a later version is shown by its key."""
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
    """The heading of a section; the special one is called after the topic's own analysis."""
    if name == "ai" and topic.special.get(topic.language):
        special = topic.special[topic.language]
        return f"{special}专项分析" if topic.language == "zh" else f"Special analysis: {special}"
    return _HEADINGS[name][topic.language]
