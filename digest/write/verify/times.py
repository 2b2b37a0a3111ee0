"""Days, months, quarters, years and spans of a text, however it writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

_NAMES = "jan january|feb february|mar march|apr april|may|jun june|jul july|aug august|sep sept september|oct october|nov november|dec december"  # fmt: skip
_MONTHS = {name: n for n, names in enumerate(_NAMES.split("|"), 1) for name in names.split()}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_HAN_MONTHS = {
    name: n for n, name in enumerate("一 二 三 四 五 六 七 八 九 十 十一 十二".split(), 1)
}
_TH = r"(?:st|nd|rd|th)?"
# Widest first: what one pattern has read, the next ones do not see.
_DATES = (
    re.compile(r"(?<![\d/])(?P<y>(?:19|20)\d{2})(?P<sep>[-/.])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})(?!\d)"),
    re.compile(r"(?<!\d)(?P<y>(?:19|20)\d{2})\s?年\s?(?P<m>\d{1,2})\s?月\s?(?P<d>\d{1,2})(?!\d)\s?[日号]?(?:\s?[-~至到]\s?(?P<d2>\d{1,2})\s?[日号])?"),
    re.compile(r"(?<![\d.])(?P<m>\d{1,2})\s?月\s?(?P<d>\d{1,2})\s?[日号](?:\s?[-~至到]\s?(?P<d2>\d{1,2})\s?[日号])?"),
    re.compile(r"(?<![\d.])(?P<m>\d{1,2})\s?月\s?(?P<d>\d{1,2})\s?(?:[-~至到]\s?(?P<d2>\d{1,2})\s?)[日号]"),
    re.compile(rf"\b(?P<n>{_MONTH})\b\.?\s(?P<d>\d{{1,2}}){_TH}(?:\s?(?:-|to)\s?(?P<d2>\d{{1,2}}){_TH})?(?!\d|[.,]\d|%|\s?(?:million|billion))(?:,?\s(?P<y>(?:19|20)\d{{2}})\b)?", re.IGNORECASE),
    re.compile(rf"\b(?P<d>\d{{1,2}}){_TH}(?:\s?-\s?(?P<d2>\d{{1,2}}){_TH})?\s(?:of\s)?(?P<n>{_MONTH})\b\.?(?:,?\s(?P<y>(?:19|20)\d{{2}})\b)?", re.IGNORECASE),
    re.compile(r"(?<![\d/.$])(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y2>\d{2}(?:\d{2})?)(?![\d/])"),
)  # fmt: skip
_SHORT = re.compile(r"(?<![\d/.$])(\d{1,2})[/.](\d{1,2})(?![\d/%.])")
_MONTH_ONLY = re.compile(
    rf"(?<![\d.])(?P<m>\d{{1,2}})\s?月(?!\d)|(?<![一二三四五六七八九十几数个])(?P<han>十[一二]?|[一二三四五六七八九])月"
    rf"|\b(?P<n>{_MONTH})\b(?!\s(?:be|have|not|also|need|well|the|I|you|we|it|they))",
    re.IGNORECASE,
)
_QUARTER = re.compile(
    r"\bQ([1-4])(?!\d)|(?:第)?([一二三四1-4])季度|第([一二三四1-4])季|\b(first|second|third|fourth)[\s-]quarter\b|(?<!\d)([1-4])Q(?!\w)",
    re.IGNORECASE,
)
_HALF = re.compile(
    r"\b(?:H([12])(?!\w)|(first|second)\shalf)|(上|下)半年|(?<!\d)([12])H(?!\w)", re.IGNORECASE
)
_YEAR = re.compile(
    r"(?<![\d.,$€£¥-])((?:19|20)\d{2})(?![\d.,]*\d|\s?[%k年]?\s?(?:GB|MB|hours|小时|美元|元|tokens|people|人|万|亿))"
)
_FISCAL = re.compile(
    r"\bFY\s?'?(\d{2})(?!\d)|'(\d{2})(?!\d)|(?<!\d)(\d{2})财年|(?<!\d)(\d{2})年(?=[初底末度Q上下春夏秋冬])"
)
_ROUND = re.compile(r"\bseries\s([A-K])\b|(?<![A-Za-z])([A-K])\+?\s?轮", re.IGNORECASE)
_DECADE = re.compile(
    r"(?:(?:19|20)\s?世纪\s?)?(?<!\d)(?:19|20)?(\d0)\s?年代|\b(?:19|20)(\d0)'?s\b|(?:'|\bthe\s)(\d0)s\b"
)
_WEEKDAY = re.compile(
    r"\b(mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)day\b|(?:周|星期|礼拜)([一二三四五六日天])(?![到至-])",
    re.IGNORECASE,
)
_WEEKDAYS = {
    word: n
    for n, words in enumerate(
        "mon 一|tue tues 二|wed wednes 三|thu thurs 四|fri 五|sat satur 六|sun 日 天".split("|")
    )
    for word in words.split()
}
_ORDER = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "一": 1,
    "二": 2,
    "三": 3,
    "四": 4,
    "上": 1,
    "下": 2,
}


@dataclass(frozen=True, slots=True)
class Day:
    """A month and day, and the year where the text names one."""

    month: int
    day: int
    year: int
    said: str

    def supported_by(self, other: Day) -> bool:
        """The same day; a missing year fits any."""
        same_year = not self.year or not other.year or self.year == other.year
        return (self.month, self.day) == (other.month, other.day) and same_year


def days(text: str) -> list[Day]:
    """Dates of the text in its order, in any of the forms people write."""
    return [day for _, day in sorted(_spotted(text)[0], key=lambda entry: entry[0])]


def without_days(text: str) -> str:
    """The text with its dates blanked out, so that they are not read as amounts as well."""
    return _DECADE.sub(lambda match: " " * len(match.group()), _spotted(text)[1])


def _spotted(text: str) -> tuple[list[tuple[int, Day]], str]:
    found: list[tuple[int, Day]] = []
    for pattern in _DATES:
        for match in list(pattern.finditer(text)):
            read = list(_days_of(match))
            if read:
                found += [(match.start(), day) for day in read]
                text = text[: match.start()] + " " * len(match.group()) + text[match.end() :]
    return found, text


def _days_of(match: re.Match[str]) -> Iterator[Day]:
    groups = match.groupdict()
    month = int(groups["m"]) if groups.get("m") else _MONTHS[groups["n"].lower()]
    short = int(groups.get("y2") or 0)
    year = int(groups.get("y") or 0) or (short + 2000 if 0 < short < 100 else short)
    for number in (groups["d"], groups.get("d2")):
        if number and 1 <= month <= 12 and 1 <= int(number) <= 31:
            yield Day(month, int(number), year, match.group().strip())


def short_days(text: str) -> list[Day]:
    """What may be days in the short form 10/24 or 10.19; they support, but prove nothing missing."""
    found = []
    for match in _SHORT.finditer(text):
        for month, day in ((int(match[1]), int(match[2])), (int(match[2]), int(match[1]))):
            if 1 <= month <= 12 and 1 <= day <= 31:
                found.append(Day(month, day, 0, match.group()))
    return found


def of_day(day: date) -> Day:
    """A day as a fact, for what a post's own time supports."""
    return Day(day.month, day.day, day.year, day.isoformat())


def without_months(text: str) -> str:
    """The text with its months blanked out as well."""
    return _MONTH_ONLY.sub(lambda match: " " * len(match.group()), text)


def months(text: str) -> list[tuple[str, int]]:
    """Months without a day: as said, and which."""
    found = []
    for match in _MONTH_ONLY.finditer(text):
        name = match["n"]
        number = int(match["m"] or 0) or (_HAN_MONTHS[match["han"]] if match["han"] else 0)
        if name and not name[0].isupper():
            continue
        number = number or _MONTHS[(name or "").lower()]
        if 1 <= number <= 12:
            found.append((match.group(), number))
    return found


def terms(text: str) -> list[tuple[str, str]]:
    """Quarters, halves of a year, weekdays and funding rounds: as said, and which (Q3, H1, D0, round B)."""
    found = []
    for kind, pattern in (("Q", _QUARTER), ("H", _HALF)):
        for match in pattern.finditer(text):
            word = next(group for group in match.groups() if group).lower()
            found.append((match.group(), f"{kind}{_ORDER.get(word) or int(word)}"))
    for match in _WEEKDAY.finditer(text):
        found.append((match.group(), f"D{_WEEKDAYS[(match[1] or match[2]).lower()]}"))
    for match in _DECADE.finditer(text):
        found.append((match.group(), f"decade {match[1] or match[2] or match[3]}"))
    for match in _ROUND.finditer(text):
        found.append((match.group(), f"round {(match[1] or match[2]).upper()}"))
    return found


def years(text: str) -> list[tuple[str, int]]:
    """Years: as said, and which; '22 and FY26 too."""
    found = [(match.group(), int(match.group())) for match in _YEAR.finditer(text)]
    for match in _FISCAL.finditer(text):
        found.append((match.group(), 2000 + int(next(group for group in match.groups() if group))))
    return found


_SPANS = {
    "second": r"\bseconds?\b|\d\s?s\b|/s(?:ec)?\b|秒",
    "minute": r"\bminutes?\b|\d\s?mins?\b|/min\b|分钟",
    "hour": r"\bhour(?:s|ly)?\b|\d\s?(?:h|hrs?)\b|/h(?:r|our)?\b|小时|钟头",
    "day": r"\bday|\bdaily|\btoday|天|日|24\s?h|\bnight",
    "week": r"\bweek(?:s|ly|end|day)?\b|\bfortnight|周|星期|礼拜|\b(?:7|seven) days|7 ?天|七天",
    "month": rf"\bmonth(?:s|ly)?\b|/mo\b|月|季|quarter|半年|\b(?:30|90) days|\b(?:{_MONTH})\b",
    "quarter": r"\bquarter(?:s|ly)?\b|\bQ[1-4]\b|季|\b(?:3|three) months",
    "year": r"\byear(?:s|ly)?\b|\bannual|\byr\b|/yr\b|年|岁|\byoy\b|\bYTD\b|\bdecade|\b(?:19|20)\d\d\b|\bARR\b|\brun[- ]rate",
}
_MENTIONED = {unit: re.compile(pattern, re.IGNORECASE) for unit, pattern in _SPANS.items()}
_TOLD = {
    "second": re.compile(r"\b(?:per|a|each|every)\ssecond\b|每秒|几秒|数秒|(?<!\w)/s(?:ec)?\b", re.IGNORECASE),
    "minute": re.compile(r"\b(?:per|an?|each|every|in|within|few|of)\sminutes?\b|每分钟|几分钟|数分钟|/min\b", re.IGNORECASE),
    "hour": re.compile(r"\b(?:per|an?|each|every|in|within|few|of)\shours?\b|\bhourly\b|每(?:个)?小时|几(?:个)?小时|数(?:个)?小时|/h(?:r|our)?\b", re.IGNORECASE),
    "day": re.compile(r"\b(?:per|a|each|every)\sday\b|\bdaily\b|每天|每日|日均|/day\b", re.IGNORECASE),
    "week": re.compile(r"\b(?:per|a|each|every|in|within|few|of)\sweeks?\b|每周|几周|数周|每星期|/week\b", re.IGNORECASE),
    "month": re.compile(r"\b(?:per|a|each|every|in|within|few|of)\smonths?\b|\bmonthly\b|每(?:个)?月|几个月|数月|数个月|月费|/mo(?:nth)?\b", re.IGNORECASE),
    "quarter": re.compile(r"\b(?:per|a|each|every)\squarter\b(?!\sof)|\bquarterly\b|每季度|季度", re.IGNORECASE),
    "year": re.compile(r"\b(?:per|a|each|every)\syear\b|\byearly\b|\bannual(?:ly)?\b|每年|年费|几年|数年|/y(?:ea)?r\b", re.IGNORECASE),
}  # fmt: skip


def spans_told(text: str) -> dict[str, str]:
    """Lengths of time that a text counts by without a number (每月, in hours): the unit, as said."""
    told = {}
    for unit, pattern in _TOLD.items():
        match = pattern.search(text)
        if match:
            told[unit] = match.group().strip()
    return told


def spans_in(text: str) -> set[str]:
    """All lengths of time that a text mentions in any way."""
    return {unit for unit, pattern in _MENTIONED.items() if pattern.search(text)}
