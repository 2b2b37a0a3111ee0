"""Facts of a text in a form that compares across languages and notations.

Numbers with their units, percentages, money, dates, versions, tickers and names, from Chinese and
English: 150亿美元 = $15B = 15 billion dollars, 12月9日 = Dec 9, 百分之十 = 10%, 谷歌 = Google.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from digest.text import clean

_SCALES = {
    "千": 1e3, "k": 1e3, "thousand": 1e3, "万": 1e4, "百万": 1e6, "m": 1e6, "mn": 1e6, "million": 1e6, "千万": 1e7,
    "亿": 1e8, "十亿": 1e9, "b": 1e9, "bn": 1e9, "billion": 1e9, "百亿": 1e10, "千亿": 1e11, "万亿": 1e12, "t": 1e12,
    "tn": 1e12, "trillion": 1e12,
}  # fmt: skip

# Words for one unit, in both languages; amounts of different units are different facts.
_UNITS = {
    "percent": "% ％ percent 个百分点 百分点 pp",
    "usd": "美元 美金 usd dollars dollar 刀",
    "cny": "元 人民币 rmb cny yuan",
    "eur": "欧元 eur euros euro",
    "gbp": "英镑 gbp pounds",
    "hkd": "港元 港币 hkd",
    "jpy": "日元 jpy yen",
    "times": "倍 times x ×",
    "ms": "毫秒 ms millisecond milliseconds",
    "second": "秒 秒钟 s sec second seconds",
    "minute": "分钟 min mins minute minutes",
    "hour": "小时 hour hours hr hrs",
    "day": "天 日 day days",
    "week": "周 星期 week weeks",
    "month": "个月 month months",
    "year": "年 year years",
    "kb": "kb",
    "mb": "mb",
    "gb": "gb",
    "tb": "tb",
    "kw": "千瓦 kw kilowatts kilowatt",
    "mw": "兆瓦 mw megawatts megawatt",
    "gw": "吉瓦 gw gigawatts gigawatt",
    "nm": "纳米 nm nanometer nanometre",
    "km": "公里 km kilometers kilometres",
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words.split()}
_SIGNS = {"$": "usd", "us$": "usd", "€": "eur", "£": "gbp", "¥": "cny", "￥": "cny", "hk$": "hkd"}

_DIGITS = "零一二三四五六七八九"
_HAN_NUMBER = r"[零一二两三四五六七八九十百]+"
_WORDS = {
    w: n
    for n, w in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
    )
} | {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "hundred": 100, "half": 0.5, "dozen": 12}

_UNIT_WORDS = "|".join(sorted(map(re.escape, _UNIT_OF), key=lambda w: (-len(w), w)))
_SCALE_WORDS = "|".join(sorted(map(re.escape, _SCALES), key=lambda w: (-len(w), w)))
_NUMBER = re.compile(
    rf"(?P<sign>(?:us|hk)?\$|[€£¥￥])?\s?(?P<value>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    rf"(?:[\s-]?(?P<scale>{_SCALE_WORDS})(?![a-z]))?(?:[\s-]?(?P<unit>{_UNIT_WORDS})(?![a-z]))?",
    re.IGNORECASE,
)
_RANGE = re.compile(
    rf"(?P<sign>(?:us|hk)?\$|[€£¥￥])?\s?(?<![\d.,A-Za-z-])(?P<low>\d[\d,]*(?:\.\d+)?)\s?(?:[-–—~～至到]|to)\s?(?P<other>(?:us|hk)?\$|[€£¥￥])?"
    rf"(?P<high>\d[\d,]*(?:\.\d+)?)[\s-]?(?P<of>(?:(?:{_SCALE_WORDS})(?![a-z]))?[\s-]?(?:(?:{_UNIT_WORDS})(?![a-z]))?)(?<![\s-])",
    re.IGNORECASE,
)
_HAN_PERCENT = re.compile(rf"百分之({_HAN_NUMBER}|\d+(?:\.\d+)?)")
_TENTHS = re.compile(rf"({_HAN_NUMBER}|\d)成(?=[^为员立绩果功本熟品长])")
_HAN_AMOUNT = re.compile(rf"({_HAN_NUMBER})(?:个)?({_SCALE_WORDS}|{_UNIT_WORDS})?")

_WORD_AMOUNT = re.compile(
    rf"\b({'|'.join(_WORDS)})(?:[\s-](thousand|million|billion|trillion))?(?:[\s-]({_UNIT_WORDS})(?![a-z]))?\b",
    re.IGNORECASE,
)

_MONTHS = {
    name: n
    for n, names in enumerate(
        "jan january|feb february|mar march|apr april|may|jun june|jul july|aug august|sep sept september|oct october|nov november|dec december".split(
            "|"
        ),
        1,
    )
    for name in names.split()
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DATES = (
    re.compile(r"(?P<y>\d{4})[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})日?"),
    re.compile(r"(?<!\d)(?P<m>\d{1,2})月(?P<d>\d{1,2})[日号]"),
    re.compile(r"(?<!\d)(?P<m>\d{1,2}) 月 (?P<d>\d{1,2}) [日号]"),
    re.compile(
        rf"\b(?P<n>{_MONTH})\.?\s(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s(?P<y>\d{{4}}))?\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?(?P<n>{_MONTH})\b\.?(?:,?\s(?P<y>\d{{4}}))?",
        re.IGNORECASE,
    ),
)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number and, where the text names one, its unit. `said` is how the text puts it."""

    value: float
    unit: str
    said: str

    def supported_by(self, other: Amount) -> bool:
        """Equal, and not of another unit: "180 ms" is not "180 s", a bare 180 may be either."""
        equal = abs(self.value - other.value) <= 1e-6 * max(1.0, abs(self.value))
        return equal and (not self.unit or not other.unit or self.unit == other.unit)


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
    """Dates of the text, in any of the forms people write, in its order."""
    found: dict[int, Day] = {}
    taken: set[int] = set()
    for pattern in _DATES:
        for match in pattern.finditer(text):
            span = set(range(*match.span()))
            groups = match.groupdict()
            month = int(groups["m"]) if groups.get("m") else _MONTHS[groups["n"].lower()]
            day = int(groups["d"])
            if span & taken or not (1 <= month <= 12 and 1 <= day <= 31):
                continue
            taken |= span
            found[match.start()] = Day(month, day, int(groups.get("y") or 0), match.group())
    return [found[start] for start in sorted(found)]


def without_days(text: str) -> str:
    """The text with its dates taken out, so that they are not read as amounts as well."""
    for pattern in _DATES:
        text = pattern.sub(" ", text)
    return text


def amounts(text: str) -> list[Amount]:
    """Numbers of the text written with digits, or in Chinese as percentages and tenths."""
    found = []
    for match in _HAN_PERCENT.finditer(text):
        found.append(Amount(_han(match.group(1)), "percent", match.group()))
    for match in _TENTHS.finditer(text):
        found.append(Amount(10 * _han(match.group(1)), "percent", match.group()))
    for match in _NUMBER.finditer(_RANGE.sub(_both_ends, _HAN_PERCENT.sub(" ", text))):
        scale = _SCALES.get((match["scale"] or "").lower(), 1.0)
        unit = _SIGNS.get((match["sign"] or "").lower(), "") or _UNIT_OF.get(
            (match["unit"] or "").lower(), ""
        )
        value = float(match["value"].replace(",", "")) * scale
        found.append(Amount(value, unit, match.group().strip()))
    return found


def _both_ends(match: re.Match[str]) -> str:
    """A range with scale, unit and sign at both ends: "200–260 亿美元" is 200 亿美元 to 260 亿美元."""
    sign = match["sign"] or match["other"] or ""
    return (
        f"{sign}{match['low']} {match['of']} {match['other'] or sign}{match['high']} {match['of']}"
    )


def spelled(text: str) -> Iterator[Amount]:
    """Numbers written as words, in either language: they support, but are not checked themselves."""
    for match in _HAN_AMOUNT.finditer(text):
        word = (match.group(2) or "").lower()
        value = _han(match.group(1)) * _SCALES.get(word, 1.0)
        yield Amount(value, _UNIT_OF.get(word, ""), match.group())
    for match in _WORD_AMOUNT.finditer(text):
        value = _WORDS[match[1].lower()] * _SCALES.get((match[2] or "").lower(), 1.0)
        yield Amount(value, _UNIT_OF.get((match[3] or "").lower(), ""), match.group())
    for match in re.finditer(rf"\b({_MONTH})\b", text, re.IGNORECASE):
        yield Amount(float(_MONTHS[match.group().lower()]), "", match.group())
    if re.search(r"\bhalf\b|\bhalved?\b|\bhalving\b|一半|减半|半价", text, re.IGNORECASE):
        yield Amount(50.0, "percent", "half")
    if re.search(r"\bdoubl\w+|翻倍|翻一番", text, re.IGNORECASE):
        yield Amount(2.0, "times", "double")
    yield from durations(text)


_LONG = {"second", "minute", "hour", "day", "week", "month", "year"}
_RATE = re.compile(
    r"每(?P<zh>秒|分钟|小时)|\b(?:per|an?|each)\s(?P<en>second|minute|hour)\b|/(?P<short>s|sec|min|h|hr)\b",
    re.IGNORECASE,
)


def durations(text: str) -> list[Amount]:
    """Lengths of time whose number is written as a word: ten minutes, 十小时."""
    found = []
    for word, unit in re.findall(r"(?=\b([a-z]+)[\s-]([a-z]+)\b)", text.lower()):
        if word in _WORDS and _WORDS[word] >= 2 and _UNIT_OF.get(unit, "") in _LONG:
            found.append(Amount(float(_WORDS[word]), _UNIT_OF[unit], f"{word} {unit}"))
    for match in re.finditer(rf"({_HAN_NUMBER})\s?(分钟|小时|个月|秒钟)", text):
        value = _han(match.group(1))
        if value >= 2:
            found.append(Amount(value, _UNIT_OF[match.group(2)], match.group()))
    return found


def rates(text: str) -> set[str]:
    """The lengths of time that something is counted by: a minute, 每小时, /s."""
    found = set()
    for match in _RATE.finditer(text):
        word = (match["zh"] or match["en"] or match["short"]).lower()
        found.add({"min": "minute", "h": "hour"}.get(word) or _UNIT_OF[word])
    return found


def _han(number: str) -> float:
    """A number below a thousand in Chinese characters, or digits."""
    if re.fullmatch(r"[\d.]+", number):
        return float(number)
    total, current = 0, 0
    for char in number.replace("两", "二"):
        if char == "百":
            total, current = total + 100 * (current or 1), 0
        elif char == "十":
            total, current = total + 10 * (current or 1), 0
        else:
            current = _DIGITS.index(char)
    return float(total + current)


def of_day(day: date) -> Day:
    """A day as a fact, for what a post's own time supports."""
    return Day(day.month, day.day, day.year, day.isoformat())


def normalised(text: str) -> str:
    """Cleaned text with one kind of dash and apostrophe, for comparing names."""
    return re.sub(r"[\u2010-\u2015\u2212]", "-", clean(text)).replace("\u2019", "'")
