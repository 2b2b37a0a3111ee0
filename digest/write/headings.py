"""Headings and fixed words of a report, in the language of the report."""

from __future__ import annotations

from collections.abc import Mapping

from digest.models import Language, SectionName, Topic

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
