"""Why posts are left out, in words for the reader."""

from __future__ import annotations

from collections.abc import Mapping

from digest.models import Language

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
