"""Commands as menus show them, and what each takes: for the platforms' own lists and completion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from digest.models import Language

Kind = Literal[
    "topic",
    "day",
    "section",
    "name",
    "words",
    "question",
    "number",
    "time",
    "zone",
    "language",
    "options",
    "action",
    "address",
]


@dataclass(frozen=True, slots=True)
class Argument:
    """Something a command may be given. Its kind is also its name."""

    kind: Kind
    required: bool = False


@dataclass(frozen=True, slots=True)
class MenuRow:
    """One command in a menu."""

    name: str
    alias: str
    """Its Chinese name."""
    about: Mapping[Language, str]
    takes: tuple[Argument, ...]
    private: bool
    operators: bool


ARGUMENTS: Mapping[Kind, Mapping[Language, str]] = {
    "topic": {"zh": "主题", "en": "the topic"},
    "day": {"zh": "日期，如 2025-12-06 或 昨天", "en": "the day, like 2025-12-06 or yesterday"},
    "section": {"zh": "哪一部分", "en": "which section"},
    "name": {"zh": "公司、代码或币名", "en": "a company, ticker or coin"},
    "words": {"zh": "几个词，或第几条要点", "en": "a few words, or the number of a point"},
    "question": {"zh": "您的问题", "en": "your question"},
    "number": {"zh": "第几条要点", "en": "which point"},
    "time": {"zh": "每天推送的时间，如 08:30", "en": "when to post each day, like 08:30"},
    "zone": {"zh": "时区，如 Asia/Shanghai", "en": "the time zone, like Europe/Berlin"},
    "language": {"zh": "zh 或 en", "en": "zh or en"},
    "options": {
        "zh": "其他选项，如 周一至周五 en detail +NVDA -抽奖 quiet pause",
        "en": "any others, like mon-fri en detail +NVDA -giveaway quiet pause",
    },
    "action": {"zh": "list、add、remove 或 test", "en": "list, add, remove or test"},
    "address": {"zh": "来源的地址或序号", "en": "the address of the source, or its number"},
}
"""What to type, told where the platform asks for it."""

ALIASES: Mapping[Kind, str] = {
    "topic": "主题",
    "day": "日期",
    "section": "部分",
    "name": "名称",
    "words": "词语",
    "question": "问题",
    "number": "序号",
    "time": "时间",
    "zone": "时区",
    "language": "语言",
    "options": "选项",
    "action": "操作",
    "address": "地址",
}
"""Chinese names of the arguments."""
