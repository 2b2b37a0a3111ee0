"""Subscription options as words in any order: parse, apply and write them."""

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import time
from typing import Any, Literal

from bot.texts import CHINESE_WEEKDAYS
from bot.typed import WEEKDAYS, fold_letters, parse_time, parse_zone
from digest.models import BRIEF, SECTIONS, Language, SectionName, Subscription

EVERY_DAY = tuple(range(7))
WORKDAYS, WEEKEND = EVERY_DAY[:5], EVERY_DAY[5:]
MAX_KEYWORDS, MAX_KEYWORD_CHARS = 10, 30
"""Maximum keywords of each kind, and maximum length of one."""

Menu = Literal["", "time", "zone", "days", "language", "length", "sections", "words"]

_CHOICES: Mapping[str, tuple[str, Any]] = {
    word: (field, value)
    for field, value, words in (
        ("menu", "time", "time 时间"),
        ("menu", "zone", "zone 时区"),
        ("menu", "days", "days 发送日 哪几天"),
        ("menu", "language", "language 语言"),
        ("menu", "length", "length 篇幅 长短"),
        ("menu", "sections", "sections 栏目 部分"),
        ("menu", "words", "words keywords 关键词"),
        ("language", "zh", "zh chinese 中文"),
        ("language", "en", "en english 英文"),
        ("language", "topic", "auto 随主题"),
        ("length", "brief", "brief 简报"),
        ("length", "detail", "detail 详细"),
        ("paused", True, "pause 暂停"),
        ("paused", False, "resume 恢复"),
        ("quiet", True, "quiet silent mute 静音 免打扰"),
        ("quiet", False, "sound ring unmute 提醒 响铃 取消静音"),
        ("weekly", True, "weekly 每周 周报"),
        ("threads", True, "thread threads 子区"),
        ("threads", False, "nothread channel 不用子区"),
        ("sections", (), "all 全部 所有"),
        ("section", "overview", "overview 概述"),
        ("section", "points", "points 要点"),
        ("section", "views", "views 观点"),
        ("section", "events", "events 事件"),
        ("section", "markets", "markets stocks 行情"),
        ("section", "ai", "ai special 专项分析 专项"),
        ("section", "finance", "finance 金融"),
        ("section", "filtered", "filtered 过滤"),
        ("section", "cloud", "cloud 词云"),
    )
    for word in words.split()
}
"""Words with a fixed meaning: they set a field of OptionRequest, or add a section."""
_DAY_WORDS: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys("daily everyday 每天 每日".split(), EVERY_DAY),
    **dict.fromkeys("weekdays workdays 工作日".split(), WORKDAYS),
    **dict.fromkeys("weekend weekends 周末".split(), WEEKEND),
}
_ENGLISH = tuple(name[:3] for name in WEEKDAYS)
_KEYWORD = re.compile(r"([+＋=＝-]|－|–|—)(.+)", re.DOTALL)
_OFFSET = re.compile(r"(?:0?\d|1[0-4])(?::?(?:00|30|45))?")
"""Hours after a sign, which mean a time zone offset; +5090 is a graphics card."""


MAX_WORDS, MAX_JOINED = 60, 24
"""Maximum words of a command, and maximum length of several words written without spaces; longer
input is invalid, and parsing it would delay others."""


class Unknown(Exception):
    """An unknown word."""


class TooManyWords(Exception):
    """Too many keywords; the argument is one to remove, or empty if one is too long."""


@dataclass(frozen=True, slots=True)
class OptionRequest:
    """The parsed words of a command; None or empty where not specified."""

    topics: tuple[str, ...] = ()
    at: time | None = None
    zone: str = ""
    weekdays: tuple[int, ...] = ()
    language: Language | Literal["topic", ""] = ""
    """`topic`: back to the topic's language."""
    length: Literal["brief", "detail", ""] = ""
    sections: tuple[SectionName, ...] | None = None
    highlight: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    neither: tuple[str, ...] = ()
    """Keywords to remove, by themselves or by their `tag`."""
    paused: bool | None = None
    quiet: bool | None = None
    weekly: bool | None = None
    threads: bool | None = None
    menu: Menu = ""

    @property
    def changes(self) -> bool:
        """True if anything but topics and menu is specified."""
        return replace(self, topics=(), menu="") != OptionRequest()


def parse_options(words: Sequence[str], topics: Mapping[str, str]) -> OptionRequest:
    """Parse words in any order; `topics` maps words to topic names. Raises Unknown."""
    request = OptionRequest()
    if len(words) > MAX_WORDS:
        raise Unknown(words[MAX_WORDS])
    for word in _joined(_split(words)):
        if word.lower() != "at" or word in topics:  # at Tokyo time
            request = _with(request, word, topics)
    if request.weekly and len(request.weekdays) > 1:
        raise Unknown(format_weekdays(request.weekdays))  # a weekly digest has one day
    return request


def _split(words: Sequence[str]) -> Iterator[str]:
    """Yield the words, split at commas, except lists of days: `mon,wed`."""
    for word in words:
        parts = [word] if parse_weekdays(word) else re.split("[,，、]", word)
        yield from filter(None, parts)


def _joined(words: Iterable[str]) -> list[str]:
    """Join adjacent words that form one time or zone: `8 am`, `New York`."""
    joined: list[str] = []
    for word in words:
        pair = f"{joined[-1]} {word}" if joined else ""
        half = word.lower() in ("am", "pm", "a.m.", "p.m.")
        begins = joined and (half or not parse_time(joined[-1]))
        if begins and (parse_time(pair) or parse_zone(pair) or parse_weekdays(pair)):
            joined[-1] = pair
        elif not (word.lower() == "time" and joined and parse_zone(joined[-1])):
            joined.append(word)
    return joined


def _with(request: OptionRequest, word: str, topics: Mapping[str, str]) -> OptionRequest:
    """Add one word to the request; Chinese words may be written together: 每天早上8点."""
    if (more := _parse_word(request, word, fold_letters(word), topics)) is not None:
        return more
    if len(word) <= MAX_JOINED and any(char > "\u2e80" for char in word):
        for place in range(len(word) - 1, 0, -1):
            first = _parse_word(request, word[:place], fold_letters(word[:place]), topics)
            if first is not None:
                with suppress(Unknown):
                    return _with(first, word[place:], topics)
    raise Unknown(word)


def _parse_word(
    request: OptionRequest, word: str, low: str, topics: Mapping[str, str]
) -> OptionRequest | None:
    is_new = low in topics and topics[low] not in request.topics
    named = replace(request, topics=(*request.topics, topics[low])) if is_new else request
    if is_new and not (request.topics and request.sections):  # a section may share a topic's name
        return named
    if (collected := _choice(request, low)) is not None:
        return collected
    if ":" in word and (zone := parse_zone(word)):  # before keywords: +08:00
        return replace(request, zone=zone)
    if keyword := _KEYWORD.fullmatch(word):
        return _keyword(request, keyword[1], keyword[2], word)
    if (at := parse_time(word)) is not None:
        return replace(request, at=at)
    if weekdays := parse_weekdays(low):
        weekly = request.weekly or (False if weekdays == EVERY_DAY else None)
        weekdays = tuple(sorted({*request.weekdays, *weekdays}))
        return replace(request, weekdays=weekdays, weekly=weekly)
    if low[:1] in ("每", "逢") and (weekdays := parse_weekdays(low[1:])):  # 每周日
        return replace(request, weekdays=weekdays, weekly=len(weekdays) == 1 or request.weekly)
    if zone := parse_zone(word):
        return replace(request, zone=zone)
    return named if low in topics else None


def _choice(request: OptionRequest, low: str) -> OptionRequest | None:
    """Parse a word with a fixed meaning. Raises Unknown if it contradicts another word."""
    field, value = _CHOICES.get(low, ("", None))
    if field == "section":
        return _section(request, value)
    if field and getattr(request, field) not in (None, "", value):
        raise Unknown(low)  # for example: pause resume
    if field:
        return replace(request, **{field: value})
    if request.menu == "sections" and re.fullmatch("[1-9]+", low):
        for digit in low:
            request = _section(request, SECTIONS[int(digit) - 1])
        return request
    return None


def _section(request: OptionRequest, name: SectionName) -> OptionRequest:
    """Add a section, in report order."""
    names = {*(request.sections or ()), name}
    return replace(request, sections=tuple(section for section in SECTIONS if section in names))


def _keyword(request: OptionRequest, sign: str, parts: str, word: str) -> OptionRequest:
    keyword = " ".join(parts.replace("_", " ").split())
    if not keyword or _OFFSET.fullmatch(keyword):
        raise Unknown(word)
    if sign in "+＋":
        return replace(request, highlight=(*request.highlight, keyword))
    if sign in "=＝":
        return replace(request, neither=(*request.neither, keyword))
    return replace(request, without=(*request.without, keyword))


def parse_weekdays(word: str) -> tuple[int, ...]:
    """Parse days: mon-fri, sat,sun, weekdays, 周一至周五, 周二四."""
    collected: set[int] = set()
    for part in re.split("[,，、;/]", fold_letters(word)):
        ends = re.split("-|–|—|~|至|到", part)
        days = [_days(end, first=place == 0) for place, end in enumerate(ends)]
        if len(ends) > 2 or not all(days):
            return ()
        if len(ends) == 2:
            (begin, *more), (end, *others) = days
            if more or others:
                return ()
            collected.update((begin + n) % 7 for n in range((end - begin) % 7 + 1))
        else:
            collected.update(days[0])
    return tuple(sorted(collected))


def _days(word: str, *, first: bool) -> tuple[int, ...]:
    """Parse one day, or several written together; the end of a range may lack its 周."""
    word = word.replace("every day", "everyday").removeprefix("every ")
    if word in _DAY_WORDS:
        return _DAY_WORDS[word]
    for names in (_ENGLISH, WEEKDAYS):
        if word in names:
            return (names.index(word),)
    chinese = re.fullmatch(f"(?:周|星期|礼拜){'' if first else '?'}([{CHINESE_WEEKDAYS}天]+)", word)
    days = chinese[1].replace("天", "日") if chinese else ""
    return tuple(map(CHINESE_WEEKDAYS.index, days))


def format_weekdays(days: Sequence[int]) -> str:
    """Return the shortest word for these days: `mon-fri,sun`."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    names = [[_ENGLISH[day] for day in run] for run in runs]
    return ",".join(f"{n[0]}-{n[-1]}" if len(n) > 2 else ",".join(n) for n in names)


def format_sections(sections: Sequence[SectionName]) -> str:
    """Return section numbers as used in buttons: `1249`."""
    return "".join(str(SECTIONS.index(name) + 1) for name in sections) or "all"


def tag(keyword: str) -> str:
    """Return a short hash of a keyword for a button's line, which must be short."""
    return f"~{zlib.crc32(keyword.lower().encode()):08x}"


def apply_options(request: OptionRequest, old: Subscription) -> Subscription:
    """Apply the request to the subscription. Raises TooManyWords."""
    highlight = _changed(old.highlight, request.highlight, (*request.without, *request.neither))
    without = _changed(old.without, request.without, (*request.highlight, *request.neither))
    language = old.language
    if request.language:
        language = None if request.language == "topic" else request.language
    length, sections = _content(request, old)
    weekly, weekdays = _rhythm(request, old)
    plain = {name: getattr(request, name) for name in ("at", "threads", "paused", "quiet")}
    return replace(
        old,
        timezone=request.zone or old.timezone,
        weekdays=weekdays,
        weekly=weekly,
        language=language,
        length=length,
        sections=sections,
        highlight=highlight,
        without=without,
        **{name: value for name, value in plain.items() if value is not None},
    )


def _rhythm(request: OptionRequest, old: Subscription) -> tuple[bool, tuple[int, ...]]:
    """Return whether the digest is weekly, and the days: a weekly digest has one day."""
    weekdays = request.weekdays or old.weekdays
    weekly = old.weekly and len(weekdays) == 1 if request.weekly is None else request.weekly
    if weekly:
        return True, weekdays[-1:]
    # From weekly back to daily: the weekly digest's day no longer applies.
    return False, EVERY_DAY if old.weekly and not request.weekdays else weekdays


def _content(
    request: OptionRequest, old: Subscription
) -> tuple[Literal["brief", "detail"], tuple[SectionName, ...]]:
    """Return length and sections. A length alone means all its sections; sections that equal a
    length are stored as that length."""
    sections = request.sections
    if sections is None:
        sections = () if request.length else old.sections
    elif not sections and not request.length:
        return "detail", ()
    if sections == BRIEF:
        return "brief", ()
    if sections == SECTIONS:
        return "detail", ()
    return request.length or old.length, sections


def _changed(old: Sequence[str], more: Sequence[str], less: Sequence[str]) -> tuple[str, ...]:
    """Return the keywords with `more` and without `less`, ignoring case and duplicates."""
    gone = {word.lower() for word in less}
    collected = {word.lower(): word for word in (*old, *more)}
    keywords = [word for low, word in collected.items() if not gone & {low, tag(word)}]
    if any(len(word) > MAX_KEYWORD_CHARS for word in keywords):
        raise TooManyWords("")
    if len(keywords) > MAX_KEYWORDS:
        raise TooManyWords(keywords[0])
    return tuple(keywords)
