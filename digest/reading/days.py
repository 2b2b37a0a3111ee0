"""Find days and times in a text: dates in any form, months, years, quarters, weekdays, hours with
their zone, and what "yesterday" or 本周五 mean at the time of the post."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from string import ascii_uppercase
from zoneinfo import ZoneInfo

from digest.reading.amounts import RANGE, find_cues
from digest.reading.names import find_entry
from digest.reading.numerals import fold_letters, parse_han
from digest.reading.units import Amount
from digest.reading.vocabulary import load_dimensions, load_lines


@dataclass(frozen=True, slots=True)
class Day:
    """A month and day at `text[start:end]`; the year is 0 if the text has none."""

    start: int
    end: int
    text: str
    month: int
    day: int
    year: int = 0

    def matches(self, other: Day) -> bool:
        """Return True for the same day; a missing year matches any."""
        same_year = not self.year or not other.year or self.year == other.year
        return (self.month, self.day) == (other.month, other.day) and same_year


@dataclass(frozen=True, slots=True)
class Term:
    """A month, year, quarter, half, weekday, decade or funding round at `text[start:end]`."""

    start: int
    end: int
    text: str
    value: str
    """`month 12`, `year 2026`, `quarter 3`, `half 1`, `weekday 4`, `decade 90`, `round B`."""


@dataclass(frozen=True, slots=True)
class Hour:
    """A time of day at `text[start:end]`, in minutes after midnight; the zone is "" if none is
    named."""

    start: int
    end: int
    text: str
    minutes: int
    zone: str
    either: bool = False
    """True if the text does not say whether it is a.m. or p.m.: 七点半."""


_MONTH_NAMES = "jan january|feb february|mar march|apr april|may|jun june|jul july|aug august|sep sept september|oct october|nov november|dec december"  # fmt: skip
_MONTHS = {name: n for n, names in enumerate(_MONTH_NAMES.split("|"), 1) for name in names.split()}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_HAN = "一二三四五六七八九十"
_NUM = rf"(?:\d\d?|[{_HAN}]{{1,3}})"
_Y = r"(?:19|20)\d{2}"
_YEAR_NUM = rf"(?:{_Y}|[一二][〇零九一二三四五六七八]{{3}})"
_TH = r"(?:st|nd|rd|th)?"
# Longest first: each pattern skips what earlier ones matched.
_DATES = (
    re.compile(rf"(?<![\d/])(?P<y>{_Y})(?P<sep>[-/.])(?P<m>\d\d?)(?P=sep)(?P<d>\d\d?)(?!\d)"),
    re.compile(rf"(?:(?<!\d)(?P<y>{_YEAR_NUM})\s?年\s?)?(?<![\d.{_HAN}])(?P<m>{_NUM})\s?月\s?(?P<d>{_NUM})(?![\d{_HAN}])(?:\s?[日号]?\s?[-~至到]\s?(?P<d2>{_NUM})(?=\s?[日号]))?\s?[日号]"),
    re.compile(rf"\b(?P<n>{_MONTH})\b\.?\s(?P<d>\d\d?){_TH}(?P<more>(?:,\s?\d\d?(?![\d:%]|[.,]\d| (?!and)))*)(?:,?\s?(?:-|–|to|and)\s?(?P<d2>\d\d?){_TH})?(?!\d|[:.,]\d|%|\s?(?:[ap]m\b|million|billion))(?:,?\s(?P<y>{_Y})\b)?", re.I),
    re.compile(rf"\b(?P<d>\d\d?){_TH}(?:\s?[-–]\s?(?P<d2>\d\d?){_TH})?\s(?:of\s)?(?P<n>{_MONTH})\b\.?(?:,?\s(?P<y>{_Y})\b)?", re.I),
    re.compile(r"(?<![\d/.$])(?P<m>\d\d?)/(?P<d>\d\d?)/(?P<y>\d{2}(?:\d{2})?)(?![\d/])"),
)  # fmt: skip
_SHORT = re.compile(r"(?<![\d/.$])(\d\d?)[/.](\d\d?)(?![\d/%]|\.\d)")
_MONTH_ONLY = re.compile(
    rf"(?<![\d.一二三四五六七八九十几数个])(?P<m>{_NUM})\s?月(?!\d|[{_HAN}]+[日号])|\b(?P<n>{_MONTH})\b",
    re.I,
)
_BEHIND_VERB = frozenset("be have not also need well the I you we it they".split())
"""Words after which "May" is not a month, unless one of _BEFORE_MONTH is before it."""
_BEFORE_MONTH = frozenset("in since by until last this early late from".split())
_YEAR = re.compile(
    rf"(?<![\d.,$€£¥-])(?P<y>{_YEAR_NUM})(?![\d.,]*\d|\s?[%k年]?\s?(?:[GM]B|hours|小时|美?元|tokens|people|[人万亿]))"
    r"|\bFY\s?'?(?P<fy>\d{2})(?!\d)|'(?P<short>\d{2})(?!\d)|(?<!\d)(?P<nought>[零〇][一二三四五六七八九])年|(?<!\d)(?P<han>\d{2})(?:财年|年(?=[初底末度Q上下春夏秋冬]))"
)
_ORDER = {word: n for n, words in enumerate("first 一 上|second 二 下|third 三|fourth 四".split("|"), 1) for word in words.split()}  # fmt: skip
_NTH = "|".join(filter(str.isascii, _ORDER))
_WEEKDAYS = {word: n for n, words in enumerate("mon 一|tue 二|wed 三|thu 四|fri 五|sat 六|sun 日 天".split("|")) for word in words.split()}  # fmt: skip
_LATIN_DAYS = "|".join(filter(str.isascii, _WEEKDAYS))
_HAN_DAYS = "".join(word for word in _WEEKDAYS if not word.isascii())
_SHORT_WEEKDAY = re.compile(rf"\b({_LATIN_DAYS.title()})(?:s|rs?|nes|ur)?\b")
_PARTS = "上午 下午 晚上 凌晨 中午 早上 晚间 晚 早".split()
"""Parts of a day, before an hour."""
_TERMS = {
    "quarter": re.compile(rf"\bQ([1-4])(?!\d)|(?:第|(?=.季度))([一二三四1-4])季度?|\b({_NTH})[\s-]quarter\b|(?<!\d)([1-4])Q(?!\w)", re.I),
    "half": re.compile(rf"\bH([12])(?!\w)|\b({_NTH})\shalf|([上下])半年|(?<!\d)([12])H(?!\w)", re.I),
    "weekday": re.compile(rf"\b({_LATIN_DAYS})(?:s|nes|rs|ur)?day\b|(?:周|星期|礼拜)([{_HAN_DAYS}])(?![到至些-])", re.I),
    "decade": re.compile(r"(?<!\d)(?:19|20)?(\d0)\s?年代|([一二三四五六七八九])十年代|\b(?:19|20)(\d0)'?s\b|(?:'|\bthe\s)(\d0)s\b"),
    "round": re.compile(r"\bseries\s([A-L])\b|(?<![A-Za-z])([A-L])\+?\s?轮", re.I),
}  # fmt: skip
_HOUR = re.compile(
    rf"(?P<half>{'|'.join(_PARTS)})?[\s近约]?(?<![\d.:$])(?P<h>{_NUM}|两|零(?=点(?![{_HAN}几])))(?:(?:[:.](?P<min>\d\d)(?::\d\d)?|(?=\s?[ap]\.?m\b))\s?(?P<ap>[ap]\.?m\b\.?)?|\s?[点时](?:[整钟半]|\s?(?P<min2>\d\d|[{_HAN}]{{2,3}}|{_NUM}(?=\s?分))\s?分?)?(?!间))(?![\d%])",
    re.I,
)
_RANGE_BEGIN = re.compile(r"(?<![\d:/.])(\d\d?)\s?[-–]\s?$")
"""The 2 in 2-4:30pm."""
_ZONES = {
    "UTC": "utc gmt 世界时 协调世界时 格林尼治", "America/Los_Angeles": "pt pst pdt pacific 太平洋 美西",
    "America/New_York": "et est edt eastern 美东 纽约时间 东部", "America/Chicago": "ct cst cdt 中部时间", "Europe/London": "bst london 伦敦时间 英国时间",
    "Europe/Paris": "cet cest 中欧 欧洲中部 欧洲中部时间", "Asia/Shanghai": "北京时间 utc+8 gmt+8 hkt sgt 东八区 香港时间 新加坡时间 beijing hong singapore",
    "Asia/Tokyo": "jst kst tokyo utc+9 gmt+9 日本时间 韩国时间 东京时间 东九区", "Asia/Kolkata": "ist",
    "Asia/Dubai": "dubai gst 迪拜时间", "Australia/Sydney": "sydney aest aedt 悉尼时间",
}  # fmt: skip
_ZONE_OF = {word: zone for zone, words in _ZONES.items() for word in words.split()}
_ZONE = re.compile(r"(?:utc|gmt)\s?\+\s?[89]|[a-z]{2,8}|[\u4e00-\u9fff]{2,5}", re.I)
_SHIFTS = {"day_before_last": -2, "yesterday": -1, "today": 0, "tomorrow": 1, "day_after_next": 2}
_NTH_DAY = re.compile(rf"\bday (\d\d?)\b|第({_NUM})天", re.I)
"""The n-th day of something, which began n - 1 days before."""


@cache
def _load_months() -> dict[str, str]:
    """Return the English name for each month in other languages, longest first (11월 before 1월)."""
    rows = [line.split() for line in load_lines("months", "months")]
    months = {word.replace("·", " "): name.title() for name, *words in rows for word in words}
    return {word: months[word] for word in sorted(months, key=len, reverse=True)}


def translate_months(text: str) -> str:
    """Return a text with English names for the months of other languages: 5 de septiembre,
    tháng 9."""
    words = "|".join(_load_months())
    pattern = rf"(?:\bde )?(?<!\w)({words})(?![a-zà-ỹ])"
    return re.sub(pattern, lambda match: _name_month(match[1]), text, flags=re.I)


def _name_month(word: str) -> str:
    """Return the English name of a month; Turkish capitals (KASIM, EKİM) need their own lower
    case."""
    months = _load_months()
    turkish = word.replace("I", "ı").replace("İ", "i").lower()
    return months.get(word.lower()) or months.get(turkish, word)


def spell_weekdays(text: str) -> str:
    """Return a text with full names for Thu and Mon."""
    return _SHORT_WEEKDAY.sub(r"\1day", text)


def find_days(text: str) -> list[Day]:
    """Return the dates of a text in order; of a range, both ends."""
    days: list[Day] = []
    text = fold_letters(text)
    for pattern in _DATES:
        for match in list(pattern.finditer(text)):
            if read := list(_read_days(match)):
                days += read
                text = text[: match.start()] + "\x00" * len(match.group()) + text[match.end() :]
    return sorted(days, key=lambda day: day.start)


def _read_days(match: re.Match[str]) -> Iterator[Day]:
    groups = match.groupdict()
    if groups.get("n") == "may":
        return  # the verb
    month = _number(groups["m"]) if groups.get("m") else _MONTHS[groups["n"].lower()]
    year = _number(groups.get("y") or "0")
    year += 2000 if 0 < year < 100 else 0
    for number in (groups["d"], *(groups.get("more") or "").split(","), groups.get("d2")):
        if number and 1 <= month <= 12 and 1 <= _number(number) <= 31:
            yield Day(*match.span(), match.group().strip(), month, _number(number), year)


def _number(digits: str) -> int:
    return int(digits) if digits.isascii() else int(parse_han(digits))


def find_short_days(text: str) -> list[Day]:
    """Return possible days in the short form 10/24 or 10.19, as month/day and as day/month."""
    return [
        Day(*match.span(), match.group(), month, day)
        for match in _SHORT.finditer(text)
        for month, day in ((int(match[1]), int(match[2])), (int(match[2]), int(match[1])))
        if 1 <= month <= 12 and 1 <= day <= 31
    ]


def as_day(day: date) -> Day:
    """Return a calendar date as a `Day` without a position in a text."""
    return Day(0, 0, day.isoformat(), day.month, day.day, day.year)


def _as_date(day: Day, year: int) -> date | None:
    """Return the calendar date, in `year` if the day has none; None for 30 February."""
    try:
        return date(day.year or year, day.month, day.day)
    except ValueError:
        return None


def find_terms(text: str) -> list[Term]:
    """Return months without a day, years, quarters, halves, weekdays, decades and funding
    rounds."""
    text = fold_letters(text)
    terms = [*_find_months(text), *_find_years(text)]
    for kind, pattern in _TERMS.items():
        for match in pattern.finditer(text):
            word = next(group for group in match.groups() if group).lower()
            if kind == "weekday":
                value = str(_WEEKDAYS[word])
            elif kind in ("round", "decade"):
                value = word.upper() if word.isascii() else f"{parse_han(word)}0"
            else:
                value = str(_ORDER.get(word) or int(word))
            terms.append(Term(*match.span(), match.group().strip(), f"{kind} {value}"))
    return terms


def _find_months(text: str) -> Iterator[Term]:
    for match in _MONTH_ONLY.finditer(text):
        name = match["n"]
        number = _MONTHS[name.lower()] if name else _number(match["m"])
        verb = name == "May" and text[match.end() :].split()[:1]
        before = text[: match.start()].split()[-1:] if name else []
        person = before and find_entry(f"{before[0]} {name}")  # Lei Jun
        dated = bool(before) and before[0].lower() in _BEFORE_MONTH  # "In May I ..."
        if person or (verb and verb[0] in _BEHIND_VERB and not dated):
            continue
        if 1 <= number <= 12 and not (name and not name[0].isupper()):
            yield Term(*match.span(), match.group().strip(), f"month {number}")


def _find_years(text: str) -> Iterator[Term]:
    for match in _YEAR.finditer(text):
        digits = next(group for group in match.groups() if group)
        year = _number(digits) if digits.isascii() else int(parse_han(digits))
        yield Term(*match.span(), match.group(), f"year {year + 2000 if year < 100 else year}")


_NEWER = frozenset("'\u2019的一二三四五六日天末")
"""Characters after "last week" with which a text is not only about the past."""


def is_about_past(text: str, day: date) -> bool:
    """Return True if all years in a text, or the one at its beginning, ended over five months
    before that day, when their annual reports are out ("In 2024, sales rose"), or if it begins with
    last week, last month or such a year. "The lowest since 2017" is news of today, and so are last
    week's sales, 上周五 and 去年发布的模型今天开源."""
    if any(find_cues(text, "today")):
        return False
    recent = (day - timedelta(days=150)).year
    for table in ("last_week", "last_month", "last_year")[: 3 if recent == day.year else 2]:
        first = next(find_cues(text, table), None)
        if first and not first.start() and text[first.end() :][:1] not in _NEWER:
            return True
    years = list(_find_years(text))
    years = years[:1] if years and years[0].start <= len("In ") else years
    is_since = any(
        "since" in text[: year.start].lower().split()[-2:] or "以来" in text[year.end :][:5]
        for year in years
    )
    latest = max((int(year.value.removeprefix("year ")) for year in years), default=day.year)
    return latest < recent and not is_since


def has_short_year(year: int, text: str) -> bool:
    """Return True if a text has the year by its last two digits: 26 款, '26, YC's W26."""
    pattern = rf"(?<!\d){year % 100:02}\s?[款届年]|(?:'|\b[WSFX]){year % 100:02}\b"
    return bool(re.search(pattern, text))


def blank_days(text: str) -> str:
    """Return the text with dates, decades and hours blanked out, because they are not amounts."""
    spans = [(day.start, day.end) for day in find_days(text)]
    spans += [match.span() for match in _TERMS["decade"].finditer(text)]
    spans += [(hour.start, hour.end) for hour in find_hours(text)]
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


NOON = 12 * 60


def find_hours(text: str) -> list[Hour]:
    """Return the times of day of a text: 15:00 UTC, 8 am PT, 下午 5 点, 17:00."""
    hours = []
    for match in _HOUR.finditer(text):
        clock, half = match["h"], match["half"] or ""
        hour, minute = _number(clock), _number(match["min"] or match["min2"] or "0")
        late = (match["ap"] or "")[:1].lower()
        if text[match.end("h")] == "." and not late:
            continue  # 4.30 pm is a time, 4.30 is not
        vague = not clock.isascii() and not half and match.group()[-1] not in "整钟半"
        vague &= clock != "零"  # 两点
        if hour > 24 or minute > 59 or (hour > 12 and late) or vague:
            continue
        minute = 30 if match.group().endswith("半") else minute
        if late == "p" or half in ("下午", "中午"):
            hour += 12 if hour < (11 if half == "中午" else 12) else 0
        elif half[:1] == "晚":
            hour = (hour + 12) % 24 if 5 <= hour <= 12 else hour  # 晚上一点 is in the night
        elif (late == "a" or half == "凌晨") and hour == 12:
            hour = 0
        zone = _find_zone(text, match)
        either = hour <= 12 and clock[0] not in "0零" and not (late or half)
        begin = _RANGE_BEGIN.search(text, max(0, match.start() - 6), match.start())
        of_day = match.group()[-1] in ("时時点" if hour > 12 else "时時")
        if begin and (first := int(begin[1])) <= hour and not late and of_day:
            hours.append(Hour(*begin.span(1), begin[1], 60 * first, zone))  # 13-18時
        elif late and begin and 1 <= (first := int(begin[1])) <= 12:
            morning = (late == "a") != (first % 12 > hour % 12)  # 11-1pm begins in the morning
            minutes = 60 * (first % 12 + (0 if morning else 12))
            hours.append(Hour(*begin.span(1), begin[1], minutes, zone))
        hours.append(Hour(*match.span(), match.group().strip(), hour * 60 + minute, zone, either))
    for noon in find_cues(text, "noon"):
        hours.append(Hour(*noon.span(), noon.group(), NOON, _find_zone(text, noon)))
    return _share_zones(sorted(hours, key=lambda hour: hour.start), text)


def _share_zones(hours: list[Hour], text: str) -> list[Hour]:
    """Give both ends of a range the zone and the a.m. or p.m. that one of them has."""
    for at, (first, second) in enumerate(pairwise(hours)):
        if RANGE.fullmatch(text[first.end : second.start]):
            zone = second.zone or first.zone
            hours[at] = replace(first, zone=zone)
            late = 720 if second.minutes < first.minutes and second.minutes < 720 else 0
            hours[at + 1] = replace(second, zone=zone, minutes=second.minutes + late)
    return hours


def _find_zone(text: str, match: re.Match[str]) -> str:
    """Return the zone directly after a time; a Chinese one only if none is shortly before it."""
    before = text[max(0, match.start() - 20) : match.start()].lower()
    placed = [(before.rfind(word), word) for word in _ZONE_OF if not word.isascii()]
    ends = [(at + len(word), len(word), word) for at, word in placed if at >= 0]
    nearest = _ZONE_OF[max(ends)[2]] if ends else ""
    lead = text[: match.start()].rstrip("周星期一二三四五六日天 ")
    nearest = _ZONE_OF.get(lead[len(lead.rstrip(ascii_uppercase)) :].lower(), nearest)  # PT周六18点
    after = _ZONE.match(text[match.end() :].lstrip(" (（,")[:10])
    if after and (after[0].isascii() or not nearest):
        word = re.sub(r"\s", "", after[0].lower())
        for length in range(len(word), 1, -1):
            if word[:length] in _ZONE_OF and (length == len(word) or not word.isascii()):
                return _ZONE_OF[word[:length]]
    return nearest


def blank_zones(text: str) -> str:
    """Return the text without names of time zones, because 北京时间 does not name Beijing."""
    words = (*_ZONE_OF, "Pacific time", "Pacific Time", "m. Pacific", "m Pacific")
    for word in sorted(words, key=len, reverse=True):  # 欧洲中部时间 before 中部时间
        if not word.isascii() or " " in word:
            text = text.replace(word, " " * len(word))
    return text


def convert_hour(hour: Hour, day: date, zone: str) -> datetime:
    """Convert an hour with a zone, on that day, to another zone."""
    base = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(hour.zone)) + timedelta(
        minutes=hour.minutes
    )
    return base.astimezone(ZoneInfo(zone))


def resolve_days(
    text: str,
    terms: Iterable[Term],
    created_at: datetime,
    lengths: Iterable[timedelta],
    named: Iterable[Day] = (),
) -> set[date]:
    """Return the dates that words such as yesterday, 3 天前, Friday or 下周一 mean in a text of that
    time. `terms` are the text's, `lengths` its time spans, before or after the text's time, `named`
    its dates, which fix the weekdays that they fall on."""
    today = created_at.date()
    dates = [day for day in (_as_date(day, today.year) for day in named) if day]
    days = {(created_at + length * sign).date() for length in lengths for sign in (-1, 1)}
    days |= {today + timedelta(n) for table, n in _SHIFTS.items() if any(find_cues(text, table))}
    if any(find_cues(text, "next_week")):
        days.add(today + timedelta(7 - today.weekday()))  # the week of September 22
    if any(find_cues(text, "beside_day")):
        days |= {day + timedelta(shift) for day in (today, *dates) for shift in (-1, 1)}
    for match in _NTH_DAY.finditer(text):
        days.add(today - timedelta(days=_number(match[1] or match[2]) - 1))
    far = any(find_cues(text, "far"))
    for term in terms:
        kind, _, value = term.value.partition(" ")
        if kind == "weekday":
            shift = int(value) - today.weekday()
            if not any(day.weekday() == int(value) for day in dates):
                shifts = (shift, shift - 7, shift + 7)
                near = [n for n in shifts if far or abs(n) < 7 or not shift]
                days |= {today + timedelta(days=n) for n in near}
    return days


_SPANS = "second minute hour day week month quarter year".split()
_EVERY = {
    "hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter",
    "yearly": "year", "annually": "year", "annual": "year", "everyday": "day", "dau": "day", "wau": "week", "mau": "month",
}  # fmt: skip
_HAN_SPANS = {
    "秒": "second", "分钟": "minute", "小时": "hour", "天": "day", "日": "day", "周": "week", "星期": "week",
    "月": "month", "季": "quarter", "年": "year",
}  # fmt: skip
_SLASHED = {
    "s": "second", "min": "minute", "hr": "hour", "h": "hour", "day": "day", "week": "week",
    "mo": "month", "yr": "year", "y": "year",
}  # fmt: skip
_UNIT_OF = _EVERY | _HAN_SPANS | _SLASHED
_SPAN = re.compile(
    r"\b(?P<by>(?:per|an?|each|every|within|few|of)\s)?(?:work-?)?"
    rf"(?P<word>{'|'.join(_SPANS)})s?\b|\b(?P<every>{'|'.join(_EVERY)})\b"
    rf"|(?P<han_by>[每几数]个?)?(?P<han>{'|'.join(_HAN_SPANS)})|(?<=\w)/(?P<slash>{'|'.join(_SLASHED)})\b",
    re.IGNORECASE,
)

_AWAY = ("from", "ago", "later", "earlier", "before", "after", "out", "内", "后", "前", "以")
_ROUGHLY = ("half ", "over ", "about ", "nearly ", "almost ", " of ")


RATE_CHARS = 30
"""Maximum characters from a figure to the "a second" of its rate: 50 tokens a second."""
MIN_APART = 0.03
"""Relative difference from which time spans differ: 30 or 31 days are a month, four weeks not."""


def find_spans(text: str, amounts: Iterable[Amount], terms: Iterable[Term]) -> set[str]:
    """Return the time units that a text mentions in any way, also as 24 hours or by its terms
    (Q3)."""
    mentions = list(read_spans(text))
    spans = {unit for _, _, unit in mentions}
    spans |= {unit for unit in ("day", "year") if any(find_cues(text, f"this_{unit}"))}
    named = {term.value.split()[0] for term in terms} & {"quarter", "year", "month"}
    # "700M weekly users by July" does not mean monthly users.
    spans |= named - {"month"} if any(counted for _, counted, _ in mentions) else named
    sizes = {unit: size for unit, (kind, size) in load_dimensions().items() if kind == "time"}
    lengths = {a.value * sizes.get(a.unit, 0) for a in amounts}
    return spans | {
        unit
        for unit, size in sizes.items()
        if any(abs(length - size) < MIN_APART * size for length in lengths)
    }


def read_spans(text: str) -> Iterator[tuple[str, bool, str]]:
    """Yield each mention of a time unit: the words, True if it is the unit of a rate (per day,
    每天), and the unit."""
    for match in _SPAN.finditer(text):
        word = next(match[g] for g in ("word", "every", "han", "slash") if match[g]).lower()
        by = (match["by"] or match["han_by"] or "").lower().strip()
        words = match.group().strip()
        before = text[: match.start()].lower()
        over = before.removesuffix("over ")
        is_rate = over != before and over.rstrip()[-1:].isdigit()  # $228 over a year
        if by in ("a", "an") and before.endswith(_ROUGHLY) and not is_rate:
            by, words = "", match["word"]  # over a year is a duration
        rate = text[max(0, match.start() - RATE_CHARS) : match.start()]
        if (by, word) == ("a", "second") and not any(map(str.isdigit, rate)):
            by = ""  # a second test
        if by and text[match.end() :].lstrip().lower().startswith(_AWAY):
            by = ""
        vague = word in ("day", "天", "日") and by[:1] in ("f", "o", "几", "数")
        users = bool(match["han"]) and text.startswith(("活", "均"), match.end())  # 日活, 月均
        slash = match["slash"] or (before[-1:] == "/" and before[-2:-1].isalnum())
        behind = text[match.end() + 1 :][:6]
        name = words[0].isupper() and behind[:1].isupper() and behind != "Active"  # Daily News
        every = match["every"] and not name
        counted = bool((by and not vague) or every or slash or users)
        yield words, counted, _UNIT_OF.get(word, word)
