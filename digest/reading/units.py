"""Amounts with their units, and the unit after a number."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from digest.reading.vocabulary import load_counters, load_signs, load_unit_names

Kind = Literal["number", "share", "multiple", "rank", "magnitude"]
Hedge = Literal["", "about", "over", "under"]


YEARS = frozenset(map(str, range(1900, 2101)))
"""Digits that are a year rather than a figure, unless a unit follows."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with its unit, one of `vocabulary/units.toml` or "rank"; "" if none is given."""

    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Amount:
    """A number at `text[start:end]`, with its possible readings."""

    start: int
    end: int
    text: str
    quantities: tuple[Quantity, ...]
    kind: Kind = "number"
    step: float = 0.0
    """Place value of the last digit, in the unit of the first quantity; 0 if it is exact."""
    hedge: Hedge = ""
    counts: bool = False
    """True if a noun follows, so that it is not a percentage: "28 people"."""
    spelled: bool = False
    rate: bool = False
    """True for a rate per time or per piece: $8/hour."""
    in_name: bool = False
    """True for the number in a name: 5.2 in GPT-5.2."""
    below: float = 0.0
    """Exclusive upper bound of a `magnitude`: "millions" is from 1e6 to below 1e9."""

    @property
    def value(self) -> float:
        """Return the value of the first reading."""
        return self.quantities[0].value

    @property
    def unit(self) -> str:
        """Return the unit of the first reading."""
        return self.quantities[0].unit


_MINUTES = re.compile(r"分(?=[半\u3041-\u30fa間间]|未[満满]|以内)")
"""The Japanese minute, 一分半; otherwise 分 is a point in Chinese."""
_NO_COUNTERS = {
    "本": "科地身届土",
    "部": "分门署",
    "行": "业",
    "条": "件",
    "家": "庭",
    "位": "于",
    "升": "至到高降级值温为破",
}
"""By counter, the characters that continue it to a word: 一千万本科生 are not books."""
_ACTIVE = re.compile(r"[日周月年]度?[活均薪化]")
"""周活 is not a unit of the number before it."""


_WORD_CHARS = 24
"""Characters after a figure in which its first word is searched for."""


def says_how_often(text: str, end: int) -> bool:
    """Return True for "called three times", but not for "three times as fast"."""
    behind = text[end : end + _WORD_CHARS].lower().split()[:1]
    compares = behind and (behind[0] in ("as", "the", "more") or behind[0].endswith("er"))
    return text[max(0, end - 6) : end].lower() == " times" and not compares


def find_unit(text: str, at: int) -> tuple[str, int]:
    """Return the unit at this index ("count" for a Chinese counter) and its end."""
    sign, behind = text[at : at + 1], text[at + 1 : at + 2]
    if sign and sign in "$€£" and not behind.isalnum():
        return load_signs()[sign], at + 1  # 1$
    start = at + (sign in (" ", "-", "\u00a0"))
    units = load_unit_names()
    for length in range(min(_longest_unit(), len(text) - start), 0, -1):
        word = text[start : start + length].lower()
        if word == "分" and _MINUTES.match(text, start):
            return "minute", start + length
        if word not in units:
            continue
        if (word == "tops" and text[start] == "t") or _ACTIVE.match(text, start):
            continue  # the verb "tops"; 7 亿周活
        if word == "u" and text[start + 1 : start + 3].lower() == ".s":
            continue  # 100 million U.S. jobs
        follow = text[start + length : start + length + 1]
        if follow in tuple(_NO_COUNTERS.get(word, "")):
            continue
        if word[-1].isascii() and word[-1].isalpha() and follow.isalpha() and follow < "\u2e80":
            continue  # only the beginning of a word
        return units[word], start + length
    for counter in load_counters() if text[start : start + 1] > "\u2e7f" else ():
        follow = text[start + len(counter) : start + len(counter) + 1]
        if text.startswith(counter, start) and follow not in tuple(_NO_COUNTERS.get(counter, "")):
            return "count", start + len(counter)
    return "", at


@cache
def _longest_unit() -> int:
    return max(map(len, load_unit_names()))
