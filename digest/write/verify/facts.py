"""Numbers of a text in a form that compares across languages and notations.

Amounts with scale and unit, percentages, shares, ranks and number words, from Chinese and English:
150亿美元 = $15B = 15 billion dollars, 百分之十 = 10%, 三分之二 = two-thirds, 第三 = #3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from digest.text import clean
from digest.write.verify.known import common
from digest.write.verify.lists import words
from digest.write.verify.units import DIMENSIONS, SCALE, SCALES, SIGNS, UNIT, UNIT_OF

Reading = tuple[float, str]
"""A value and its unit; the unit is empty where the text names none."""

_VALUE = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_SIGN = r"(?:us|hk|nt)?\$|[€£¥￥₩₹]"
_NUMBER = re.compile(
    rf"(?<![\d.,])(?P<sign>{_SIGN})?\s?-?(?<![\d.,])(?P<value>{_VALUE})(?![.,]?\d)(?P<plus>\+)?{SCALE}?(?:\+|余|多)?{UNIT}?"
    r"(?:(?=(?P<next>\s?[A-Za-z\u4e00-\u9fff])))?",
    re.IGNORECASE,
)
_IN_NAME = re.compile(r"[A-Za-z](?:[\w.]*-)?$|[A-Za-z]\d+(?:\.\d+)*-$")
_BETWEEN = re.compile(r"\s?(?:[-~～至到]|to|and|or|和|或)\s?")
_DASH = re.compile(r"\s?[-~～至到]\s?")

HAN_NUMBER = r"[零一二两三四五六七八九十百千万亿]+"
_HAN_DIGITS = {char: n for n, char in enumerate("零一二三四五六七八九")} | {"两": 2}
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000}


@dataclass(frozen=True, slots=True)
class Amount:
    """A number as the text puts it, with the ways it can be read."""

    said: str
    readings: tuple[Reading, ...]
    counts: bool = False
    """Whether a noun follows: "28 people" is no percentage."""

    def supported_by(self, other: Amount) -> bool:
        """Equal in one reading, and not of another unit: "180 ms" is not "180 s", a bare 180 may be either."""
        return any(
            _same(mine, its, other.counts) for mine in self.readings for its in other.readings
        )


def _same(mine: Reading, its: Reading, counted: bool) -> bool:
    (value, unit), (other, other_unit) = mine, its
    if "count" in (unit, other_unit):
        counted, unit, other_unit = (
            True,
            unit.removeprefix("count"),
            other_unit.removeprefix("count"),
        )
        if other_unit:  # "three models" of the statement is not the post's three months
            return False
    if counted and unit and not other_unit and unit not in _MONEY:
        return False
    if unit and other_unit and unit != other_unit:
        dimension, factor = DIMENSIONS.get(unit, (unit, 1.0))
        other_dimension, other_factor = DIMENSIONS.get(other_unit, (other_unit, 1.0))
        if dimension != other_dimension:
            return False
        value, other = value * factor, other * other_factor
    return abs(value - other) <= 1e-6 * max(1e-6, abs(value))


_MONEY = frozenset(SIGNS.values()) | {"rank"}


def amounts(text: str, *, names: bool = False) -> list[Amount]:
    """Numbers written with digits. Those inside a name ("GPT-5.2") count only with `names`."""
    found: list[Amount] = []
    spots: list[re.Match[str]] = []
    plain = _HAN_PERCENT.sub(_blank, text)
    for match in _NUMBER.finditer(plain):
        if names or not _inside_name(text, match):
            found.append(_amount(match))
            spots.append(match)
    return [*_shared(found, spots, plain), *_percentages(text)]


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())


def _inside_name(text: str, match: re.Match[str]) -> bool:
    start = match.start("value")
    before = text[max(0, start - 24) : start]
    prefix = re.search(r"(?<![A-Za-z-])([a-z]{2,})-$", before)
    return (
        not match["sign"] and not (prefix and common(prefix[1])) and bool(_IN_NAME.search(before))
    )


def _amount(match: re.Match[str]) -> Amount:
    value = float(match["value"].replace(",", ""))
    tight, word = (match["tight"] or "").lower(), (match["unit"] or "").lower()
    scale = SCALES[(match["scale"] or tight or "百").lower()] if match["scale"] or tight else 1.0
    unit = UNIT_OF.get(word, "")
    sign = SIGNS.get((match["sign"] or "").lower(), "")
    if unit == "cent" and sign:
        unit = ""
    readings = [(value * scale, sign or unit)]
    if sign == "cny":
        readings.append((value * scale, "jpy"))
    if tight == "m" and not sign:
        readings += [(value, "minute"), (value, "metre")]
    if tight in ("t", "b") and not sign:
        readings.append((value * (1e12 if tight == "t" else 1e9), "byte"))
    said = match.group().strip().lstrip("-")
    return Amount(said, tuple(readings), bool(match["next"]) and not unit)


def _shared(found: list[Amount], spots: list[re.Match[str]], text: str) -> list[Amount]:
    """In "200-260 亿美元" the first number has the scale and unit of the second; so it may in "20 to 50%"."""
    shared = list(found)
    for n, (first, second) in enumerate(pairwise(spots)):
        link = _BETWEEN.fullmatch(_gap(text, first, second))
        if not link or first["scale"] or first["tight"] or first["unit"]:
            continue
        value = float(first["value"].replace(",", ""))
        whole, alone = found[n + 1].readings[0], float(second["value"].replace(",", ""))
        if alone and whole != (alone, ""):
            reading = (value * whole[0] / alone, whole[1] or found[n].readings[0][1])
            kept = () if _DASH.fullmatch(link.group()) else found[n].readings
            said = (
                f"{found[n].said}{link.group()}{found[n + 1].said}" if not kept else found[n].said
            )
            shared[n] = Amount(said, (reading, *kept))
    return shared


def _gap(text: str, first: re.Match[str], second: re.Match[str]) -> str:
    start = second.start("sign") if second["sign"] else second.start("value")
    return text[first.end() : start]


_HAN_PERCENT = re.compile(rf"百分之\s?({HAN_NUMBER}|\d+(?:\.\d+)?)")
_TENTHS = re.compile(r"([一两二三四五六七八九\d])成(?![为员立绩果功本熟品长就都型分])")


def _percentages(text: str) -> Iterator[Amount]:
    for match in _HAN_PERCENT.finditer(text):
        yield Amount(match.group(), ((_value(match[1]), "percent"),))
    for match in _TENTHS.finditer(text):
        yield Amount(match.group(), ((10 * _value(match[1]), "percent"),))


def _value(number: str) -> float:
    return float(number) if re.fullmatch(r"[\d.]+", number) else han_value(number)


def han_value(number: str) -> float:
    """A number in Chinese characters: 二十五, 三千, 一百二十万."""
    total = section = current = 0
    for char in number:
        if char in "万亿":
            total, section, current = (
                (total + section + current or 1) * (10**4 if char == "万" else 10**8),
                0,
                0,
            )
        elif char in _HAN_SCALES:
            section, current = section + _HAN_SCALES[char] * (current or 1), 0
        else:
            current = _HAN_DIGITS[char]
    return float(total + section + current)


def folded(text: str) -> str:
    """Cleaned text with one kind of dash and apostrophe and plain full-width digits, for comparing."""
    text = re.sub(r"[\u2014\u2015]+", " - ", clean(text))
    return re.sub(r"[\u2010-\u2013\u2212\ufe58\uff0d]", "-", text).translate(_fold())


@cache
def _fold() -> dict[int, str]:
    """Full-width digits and signs, and the simplified forms of traditional characters."""
    wide = {0xFF10 + n: str(n) for n in range(10)} | {
        0x2019: "'",
        0x2018: "'",
        0xFF05: "%",
        0xFF04: "$",
        0xFF20: "@",
        0xFF0E: ".",
    }
    return wide | {ord(pair[0]): pair[1] for pair in words("traditional.txt")}
