"""Parse times of day, time zones and dates as people type them. Dates are parsed strictly:
`date.fromisoformat` would accept "2025-W01-1" as a day of 2024."""

import contextlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, time, timedelta
from functools import cache, reduce
from importlib.resources import files
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from bot import texts
from bot.texts import CHINESE_WEEKDAYS
from digest.calendar import Span, month_of
from digest.models import Language, Topic

if TYPE_CHECKING:
    from digest.store import StoredTopic  # loads the database: not at start-up

DIGITS = "〇一二三四五六七八九"
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f"
_INVISIBLE += "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # come along when copied
_DASHES = str.maketrans("‐‑‒−﹘", "-----", _INVISIBLE)
_NUMERAL = re.compile(
    rf"(?<![周期拜])[{DIGITS}零十廿]+(?=[年月日号天点时分条])|(?<=点)[{DIGITS}零十廿]+$|两(?=[天点])"
)
QUOTES = '"“”「」『』《》()[]【】'
END_MARKS = "。．.!！?？,，;；、:："


def normalized(text: str) -> str:
    """Return the text with full-width forms, unusual dashes and spaces normalised."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_DASHES).split())


def fold_letters(text: str) -> str:
    """Return the text in lower case and simplified Chinese, for comparison."""
    if text.isascii():
        return text.lower()
    from digest.reading.names import simplify  # loads the text reading code: not at start-up

    return simplify(text.lower())


def index_names(topics: Collection["Topic | StoredTopic"]) -> dict[str, str]:
    """Map titles, slugs and names to topic names; a name takes precedence over a title."""
    called = [(word, t.name) for t in topics for word in (*t.title.values(), t.slug)]
    named = [(t.name, t.name) for t in topics]
    return {fold_letters(word): name for word, name in (*called, *named)}


def find_topic_name(word: str, topics: Collection["Topic | StoredTopic"]) -> str:
    """Return the name of the topic with that name, slug or title, in any case. Raise DigestError
    if there is none."""
    from digest.topics import refuse_unknown

    name = index_names(topics).get(fold_letters(word), word)
    refuse_unknown(name, dict.fromkeys(topic.name for topic in topics))
    return name


def convert_numerals(text: str) -> str:
    """Replace Chinese numerals in dates and times by digits: `十二月五日`."""
    return _NUMERAL.sub(lambda match: str(_numeral_value(match.group())), text)


def _numeral_value(numeral: str) -> int:
    plain = numeral.replace("零", "〇").replace("廿", "二十").replace("两", "二")
    if "十" not in plain:
        return int("".join(str(DIGITS.index(digit)) for digit in plain))
    if not re.fullmatch(f"[{DIGITS}]?十[{DIGITS}]?", plain):
        return 0
    tens, _, ones = plain.partition("十")
    return 10 * (DIGITS.index(tens) if tens else 1) + (DIGITS.index(ones) if ones else 0)


_PARTS_OF_DAY = "凌晨 清晨 早上 早晨 早 上午 中午 下午 傍晚 晚上 晚".split()
_MINUTES = {"半": 30, "一刻": 15, "三刻": 45}
_TIME = re.compile(
    rf"({'|'.join(_PARTS_OF_DAY)})?\s?([01]?\d|2[0-4])"
    rf"(?:\s?([:.h点时])钟?\s?([0-5]\d|(?<=[点时])\d|{'|'.join(_MINUTES)})?)?[分整]?\s?([ap]\.?m\.?)?",
    re.ASCII,
)
_NAMED = {"noon": 12, "中午": 12, "正午": 12, "midnight": 0, "午夜": 0}
_OFFSET = re.compile(r"(?:utc|gmt)\s?([+-]?)\s?(\d\d?)(?::?(\d\d))?", re.IGNORECASE)
_PARTIAL = {
    **{"+03:30": "Asia/Tehran", "+04:30": "Asia/Kabul", "+05:30": "Asia/Kolkata"},
    **{"+05:45": "Asia/Kathmandu", "+06:30": "Asia/Yangon", "+08:45": "Australia/Eucla"},
    **{"+09:30": "Australia/Darwin", "-09:30": "Pacific/Marquesas"},
}
"""Zones without daylight saving whose offset is not a whole hour; Etc/GMT lacks these."""
_SUFFIXES = ("时间", "时区", "time")


@cache
def offered_zones(language: Language) -> Mapping[str, str]:
    """Return the zones offered as buttons, with their labels; others can be typed."""
    return {
        zone: row[language] for zone, row in texts.table("zones").items() if row.get("menu", True)
    }


def parse_time(text: str) -> time | None:
    """Parse a time of day: 08:30, 0830, 8am, at 8, 8点, 早上8点半."""
    line = convert_numerals(fold_letters(normalized(text)))
    is_named = line.startswith("at ")
    line = line.removeprefix("at ")
    if line in _NAMED:
        return time(_NAMED[line])
    if line.isascii() and line.isdigit() and len(line) == 4 and line < "2400" and line[2:] < "60":
        return time(int(line[:2]), int(line[2:]))
    match = _TIME.fullmatch(line)
    if match is None or not (is_named or match[1] or match[3] or match[5]):
        return None
    hour = _hour(int(match[2]), match[1] or "", (match[5] or "").replace(".", ""))
    minute = _MINUTES.get(match[4]) or int(match[4] or 0)
    return time(hour, minute) if hour is not None else None


def _hour(hour: int, part: str, half: str) -> int | None:
    """Return the hour of the day or None. `part`: Chinese part of the day; `half`: am or pm."""
    if half:
        return hour % 12 + 12 * (half == "pm") if 1 <= hour <= 12 else None
    if (part in ("下午", "傍晚") and hour < 12) or (part == "中午" and hour < 4):
        return hour + 12
    if part in ("晚上", "晚") and 5 <= hour <= 12:  # 晚上1点 is 01:00
        return (hour + 12) % 24
    return 0 if hour == 24 or (part == "凌晨" and hour == 12) else hour


def parse_zone(text: str) -> str:
    """Parse a time zone to its IANA name, or "": shanghai, 北京时间, Nepal, UTC+8, +05:45."""
    line = normalized(text)
    # "+8" highlights a keyword; with minutes it can only be an offset.
    offset = f"utc{line}" if line[:1] in "+-" and ":" in line else line
    if match := _OFFSET.fullmatch(offset):
        return _fixed(match[1] or "+", int(match[2]), int(match[3] or 0))
    low = reduce(str.removesuffix, _SUFFIXES, fold_letters(line)).rstrip()
    if zone := _zone_labels().get(low.replace("_", " ")):
        return zone
    return _all_zones().get(low.replace(" ", "_"), "") if len(low) > 2 else ""


def _fixed(sign: str, hours: int, minutes: int) -> str:
    if minutes:
        return _PARTIAL.get(f"{sign}{hours:02}:{minutes:02}", "")
    # The signs of Etc/GMT are the opposite of the usual ones.
    name = f"Etc/GMT{'-' if sign == '+' else '+'}{hours}" if hours else "UTC"
    return name if name in available_timezones() else ""


@cache
def _zone_labels() -> Mapping[str, str]:
    labels: dict[str, str] = {}
    for zone, row in texts.table("zones").items():
        names = (zone, zone.split("/")[-1].replace("_", " "), row["zh"], row["en"])
        for name in (*(name.lower() for name in names), *row.get("names", ())):
            labels.setdefault(name, zone)
    return labels


@cache
def _all_zones() -> Mapping[str, str]:
    """Return all zones by their lower-case name and city."""
    names = sorted(available_timezones())
    regions = [name for name in names if "/" in name and not name.startswith(("Etc/", "US/"))]
    cities = {name.split("/")[-1].lower(): name for name in regions}
    return _country_zones() | cities | {name.lower(): name for name in names}


def _country_zones() -> dict[str, str]:
    """Return the zone of each country that has only one, by its English name."""
    tables = files("tzdata") / "zoneinfo"
    countries, places = (
        [row.split("\t") for row in (tables / name).read_text("utf-8").splitlines() if "\t" in row]
        for name in ("iso3166.tab", "zone.tab")
    )
    counts = Counter(place[0] for place in places)
    single = {code: zone for code, _, zone, *_ in places if counts[code] == 1}
    return {name.lower().replace(" ", "_"): single[c] for c, name in countries if c in single}


def zone_label(name: str, language: Language) -> str:
    """Return a zone's label, which can also be typed: `UTC+8`, `Shanghai time`, `上海时间`."""
    if fixed := re.fullmatch(r"Etc/GMT([+-])(\d+)", name):
        return f"UTC{'-' if fixed[1] == '+' else '+'}{fixed[2]}"
    if "/" not in name or name.startswith("Etc/"):
        return name.removeprefix("Etc/")
    row = texts.table("zones").get(name)
    place = row[language] if row else name.split("/")[-1].replace("_", " ")
    if language == "zh" and place.isascii():
        place += " "
    return texts.text("zone_time", language, place=place)


_FULL = re.compile(r"(\d{4})\s?[-/.年 ]\s?(\d\d?)\s?[-/.月 ]\s?(\d\d?)(?:\s?[日号])?", re.ASCII)
_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_DAY_FIRST = re.compile(r"(\d\d?)[-/.](\d\d?)[-/.](\d{4})", re.ASCII)
_SHORT = re.compile(r"(\d\d?)(?:\s?月\s?|[-/.])(\d\d?)(?:\s?[日号])?", re.ASCII)
_OF_MONTH = re.compile(r"(\d\d?)\s?[日号]", re.ASCII)
_DAY = r"(\d\d?)(?:[snrt][tdh])?"
_BARE = re.compile(rf"{_DAY}(?:,? (\d{{4}}))?", re.ASCII)
_VERSION = re.compile(r"(?<![\d.])\d{1,3}\.\d{1,3}(?!\.?\d)", re.ASCII)
"""Looks like a date (12.06), but beside words it is rather a version: Claude 4.5."""
_YEAR = re.compile(r"\d{4}", re.ASCII)
_ENGLISH = re.compile(rf"(?:{_DAY} )?([a-z]{{3,9}})\.?(?: {_DAY})?(?:,? (\d{{4}}))?", re.ASCII)
_DAY_NAME = r"(?P<name>[a-z]{3,9}|(?:周|星期|礼拜)[一二三四五六日天])"
_BESIDE = (
    re.compile(rf"{_DAY_NAME}[.,]{{0,2}} ?(?P<day>.+)"),
    re.compile(rf"(?P<day>.+?)(?:,? ?\(?){_DAY_NAME}[.)]?"),
)
"""A weekday before or after its date: `2025-12-06 周六` in titles, `Sat, 6 Dec`."""
_BETWEEN = re.compile(r"\s*(?:\.\.+|[~至到]|\bto\b)\s*")
DAYS_AGO = {
    **{"today": 0, "今天": 0, "今日": 0, "yesterday": 1, "昨天": 1, "昨日": 1, "前天": 2},
    **{"前日": 2, "大前天": 3},
}
_LAST_DAYS = re.compile(r"(?:[lp]ast |最?近|过去)(\d\d?)(?: days|天)", re.ASCII)
_WEEKS_AGO = {"this week": 0, "本周": 0, "这周": 0, "last week": 1, "上周": 1}
_MONTHS_AGO = {"this month": 0, "本月": 0, "这个月": 0, "last month": 1, "上月": 1, "上个月": 1}
_MONTH = re.compile(
    r"(?P<y>[12]\d{3})(?:[-/.]|\s?年\s?)(?P<m>\d\d?)(?:\s?月)?|(?P<n>\d\d?)\s?月"
    r"|(?P<name>[a-z]{3,9})(?: (?P<z>\d{4}))?",
    re.ASCII,
)
MONTHS = tuple(name.lower() for name in texts.MONTHS if name)
WEEKDAYS = tuple(name.lower() for name in texts.WEEKDAYS)
_OF_WEEK = {name: n for n, name in enumerate(WEEKDAYS)} | {
    f"{week}{name}": n
    for week in ("周", "星期", "礼拜")
    for n, name in zip((*range(7), 6), f"{CHINESE_WEEKDAYS}天", strict=True)
}
MAX_DAYS, MAX_CHARS = 366, 64


class DateError(ValueError):
    """The text looks like a date but is not a valid one."""


class LongRangeError(DateError):
    """The range is longer than MAX_DAYS."""


def parse_days(text: str, today: date, *, beside_words: bool = False) -> tuple[date, date] | None:
    """Parse text as a day or a range; return its first and last day, or None if it is not a date.

    Accepts 2025-12-06, 20251206, 12-06 and 12.06 (the latest one up to `today`), 27/11, 12月6日,
    十二月六号, 6号, 6 Dec, monday, 上周五, 昨天, this week, last 3 days, 近三天, 11月, a date with
    its weekday, and two days, weeks or months separated by `..`, `~`, `-`, `to`, `至` or a space:
    if both lack the year, those closest to each other are meant, and months in the given order. So
    is 1-6 Dec. `beside_words`: 4.5 is a version, and a space makes a range only between dates with
    years, so in "Sora 2 Oct 6-7" the 2 is not a day. Raises DateError for an invalid date, and for
    a range that is ambiguous or longer than a year.
    """
    line = re.sub("[–—]", "-", convert_numerals(fold_letters(normalized(text))))
    if len(line) > MAX_CHARS or (beside_words and _VERSION.search(line)):
        return None
    if spans := _spans(line, today):
        return max((span for span in spans if span[0] <= today), default=min(spans))
    blanks = not beside_words or len(_YEAR.findall(line)) > 1
    for ends, borrows in _list_ways(line, "- " if blanks else "-"):
        if pairs := _list_ranges(*ends, borrows, today):
            # The end may be in the future, as in a week that is not over.
            begun = [pair for pair in pairs if pair[0] <= today] or pairs
            first, last = min(begun, key=lambda pair: (pair[1] - pair[0], today - pair[0]))
            if (last - first).days >= MAX_DAYS:
                raise LongRangeError(text)
            return first, last
    return None


def _list_ways(line: str, signs: str) -> list[tuple[tuple[str, str], bool]]:
    """Return the ways to split a line in two, and whether one half may lack its month: 6-7 Oct."""
    parts = _BETWEEN.split(line)
    ways = [((parts[0], parts[1]), True)] if len(parts) == 2 else []
    named = any(char.isalpha() for char in line)
    for sign in signs:
        places = [at for at, char in enumerate(line) if char == sign]
        halves = [(line[:at].strip(), line[at + 1 :].strip()) for at in places]
        ways += [(pair, named and sign == "-") for pair in halves]
    return ways


def _list_ranges(first: str, last: str, borrows: bool, today: date) -> list[Span]:
    """Return the possible ranges with these ends. Raises DateError."""
    befores = _spans(first, today)
    if not befores and not (borrows and _BARE.fullmatch(first)):
        return []
    afters = _spans(last, today)
    if not befores or not afters:
        pairs = [(day, end) for _, end in afters for day in _borrow(first, end)]
        pairs += [(start, day) for start, _ in befores for day in _borrow(last, start)]
        single = all(start == end for start, end in (*befores, *afters))
        return [(a, b) for a, b in pairs if borrows and single and 0 <= (b - a).days < 31]
    both = [(a, b) for a in befores for b in afters if (a[0] == a[1]) == (b[0] == b[1])]
    # The order of months matters: march to october is not october to march.
    ordered = [(a, b) for a, b in both if a[0] < a[1] and a[0] <= min(b[0], today)]
    if ordered:
        start, end = min(ordered, key=lambda pair: (today - pair[0][0], pair[1]))
        if end[0] > today and len(befores) > 1 and len(afters) > 1:
            raise DateError(f"{first} {last}")  # ambiguous: this year or last year
        return [(start[0], end[1])]
    # Within a week the order matters: monday to friday is not friday to monday.
    near = [(a[0], b[1]) for a, b in both if 0 <= (b[1] - a[0]).days < 7]
    return near or [(min(a, b)[0], max(a, b)[1]) for a, b in both]


def _borrow(text: str, day: date) -> list[date]:
    """Parse a day number in the month of the other end: the 7 of `oct 6-7`."""
    match = _BARE.fullmatch(text)
    return _valid(int(match[2] or day.year), day.month, int(match[1])) if match else []


def _spans(text: str, today: date) -> list[Span]:
    """Return the possible readings as a day, week or month. Raises DateError."""
    if (weeks := _WEEKS_AGO.get(text)) is not None:
        monday = today - timedelta(days=today.weekday() + 7 * weeks)
        return [(monday, min(today, monday + timedelta(days=6)))]
    if match := _LAST_DAYS.fullmatch(text):
        back = max(int(match[1]), 1) - 1
        return [(today - timedelta(days=back), today)]
    return _months(text, today) or [(day, day) for day in _days(text, today)]


def _months(text: str, today: date) -> list[Span]:
    """Return the possible months: 2025-11, 2025年11月, 11月, november, nov, 上个月."""
    if text in _MONTHS_AGO:
        back = 12 * today.year + today.month - 1 - _MONTHS_AGO[text]
        return [month_of(date(back // 12, back % 12 + 1, 1))]
    match = _MONTH.fullmatch(text)
    if match is None:
        return []
    named = [n for n, name in enumerate(MONTHS, 1) if name.startswith(match["name"] or "-")]
    if match["name"] and len(named) != 1:
        return []
    number = named[0] if named else int(match["m"] or match["n"])
    if not 1 <= number <= 12:
        raise DateError(text)
    year = match["y"] or match["z"]
    years = [int(year)] if year else range(today.year, today.year - 9, -1)
    return [month_of(date(year, number, 1)) for year in years]


def _days(text: str, today: date) -> list[date]:
    """Return the possible days, with or without a weekday. Raises DateError."""
    days = _candidates(text, today)
    for match in () if days else filter(None, (way.fullmatch(text) for way in _BESIDE)):
        weekday = [n for name, n in _OF_WEEK.items() if name.startswith(match["name"])]
        if weekday and (days := _candidates(match["day"], today)):
            latest = max((day for day in days if day <= today), default=today)
            near = [day for day in days if latest <= day < today + timedelta(days=31)] or days
            days = [day for day in near if day.weekday() in weekday]
            if not days:
                raise DateError(text)
            break
    return days


def parse_full_day(text: str) -> date | None:
    """Parse a day with its year, like 2025-12-06 or 20251206. Raises DateError."""
    match = _FULL.fullmatch(text) or _DIGITS.fullmatch(text)
    return _existing([int(part) for part in match.groups()])[0] if match else None


def _candidates(text: str, today: date) -> list[date]:
    """Return the possible days; [] if the text is not a date. Raises DateError."""
    if text in DAYS_AGO:
        return [today - timedelta(days=DAYS_AGO[text])]
    if (weekday := _OF_WEEK.get(text.removeprefix("上").removeprefix("last "))) is not None:
        back = today.weekday() - weekday
        backs = [back % 7, back % 7 + 7]
        if text.startswith("上"):
            backs = [back + 7]
        elif text.startswith("last "):
            backs = [back % 7 or 7]
        return [today - timedelta(days=days) for days in backs]
    if day := parse_full_day(text):
        return [day]
    if match := _DAY_FIRST.fullmatch(text):
        first, second, year = map(int, match.groups())
        if first != second and max(first, second) <= 12:
            raise DateError(text)  # ambiguous: 5 December or 12 May
        return _existing([year, min(first, second), max(first, second)])
    if match := _SHORT.fullmatch(text):
        first, second = int(match[1]), int(match[2])
        of_month = first < second and "-" in text and text[-1] in "日号"  # 6-8号
        if first > 12 and "-" not in text:  # 27/11
            first, second = second, first
        return [] if of_month else _in_years(first, second, today)
    if match := _OF_MONTH.fullmatch(text):
        # Candidates: next month, and the previous twelve months.
        months = [divmod(12 * today.year + today.month - 1 - back, 12) for back in range(-1, 13)]
        return _existing(*([year, month + 1, int(match[1])] for year, month in months))
    return _english(text, today)


def _english(text: str, today: date) -> list[date]:
    """Parse `6 dec`, `dec 6`, `6-dec-2025` or `december 6, 2025`."""
    match = _ENGLISH.fullmatch(text.replace("-", " "))
    if match is None or bool(match[1]) == bool(match[3]):
        return []
    months = [name for name in MONTHS if name.startswith(match[2])]
    if len(months) != 1:
        return []
    month, day = MONTHS.index(months[0]) + 1, int(match[1] or match[3])
    return _existing([int(match[4]), month, day]) if match[4] else _in_years(month, day, today)


def _in_years(month: int, day: int, today: date) -> list[date]:
    """Return that day in next year, this year and the eight years before."""
    return _existing(*([year, month, day] for year in range(today.year + 1, today.year - 9, -1)))


def _existing(*days: Sequence[int]) -> list[date]:
    """Return the valid ones of these (year, month, day) triples. Raises DateError if none is."""
    if existing := [day for parts in days for day in _valid(*parts)]:
        return existing
    raise DateError("-".join(map(str, days[0])))


def _valid(year: int, month: int, day: int) -> list[date]:
    with contextlib.suppress(ValueError):
        if year < date.max.year:  # weeks, months and the next day must not overflow
            return [date(year, month, day)]
    return []
