"""Figures with their units, and the unit behind a number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from digest.reading.vocabulary import load_counters, load_signs, load_unit_names

Kind = Literal["number", "share", "multiple", "rank", "magnitude"]
Hedge = Literal["", "about", "over", "under"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with its unit, one of `vocabulary/units.toml` or "rank"; "" where none is named."""

    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Amount:
    """A number as a text puts it, at `text[start:end]`, with the ways it can be read."""

    start: int
    end: int
    text: str
    quantities: tuple[Quantity, ...]
    kind: Kind = "number"
    step: float = 0.0
    """Place value of the last digit, in the unit of the first quantity; 0 where it is exact."""
    hedge: Hedge = ""
    counts: bool = False
    """True where a noun follows, so that it is no percentage: "28 people"."""
    spelled: bool = False
    rate: bool = False
    """True where it is by time or by piece: $8/hour."""
    in_name: bool = False
    """True for the number of a name: 5.2 of GPT-5.2."""
    below: float = 0.0
    """End of the range of a `magnitude`: "millions" is from 1e6 to below 1e9."""

    @property
    def value(self) -> float:
        """Return the value of the first reading."""
        return self.quantities[0].value

    @property
    def unit(self) -> str:
        """Return the unit of the first reading."""
        return self.quantities[0].unit


_MINUTES = re.compile(r"分(?=[半\u3041-\u30fa間间]|未[満满]|以内)")
"""The Japanese minute, 一分半; else 分 counts points in Chinese."""
_NO_COUNTERS = {
    "本": "科地身届土",
    "部": "分门署",
    "行": "业",
    "条": "件",
    "家": "庭",
    "位": "于",
    "升": "至到高降级值温为破",
}
"""By counter, what makes a word of it: 一千万本科生 are no books."""
_ACTIVE = re.compile(r"[日周月年]度?[活均薪化]")
"""周活: no unit of the number before it."""


_WORD_CHARS = 24
"""Of what stands behind a figure, for its first word."""


def says_how_often(text: str, end: int) -> bool:
    """Return True for "called three times", 三次, but "three times as fast"."""
    behind = text[end : end + _WORD_CHARS].lower().split()[:1]
    compares = behind and (behind[0] in ("as", "the", "more") or behind[0].endswith("er"))
    return text[max(0, end - 6) : end].lower() == " times" and not compares


def find_unit(text: str, at: int) -> tuple[str, int]:
    """Return the unit at a place of the text, or "count" for a Chinese counter, and where it
    ends."""
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
            continue  # the verb; 7 亿周活
        if word == "u" and text[start + 1 : start + 3].lower() == ".s":
            continue  # 100 million U.S. jobs
        follow = text[start + length : start + length + 1]
        if follow in tuple(_NO_COUNTERS.get(word, "")):
            continue
        if word[-1].isascii() and word[-1].isalpha() and follow.isalpha() and follow < "\u2e80":
            continue  # the beginning of a word
        return units[word], start + length
    for counter in load_counters() if text[start : start + 1] > "\u2e7f" else ():
        follow = text[start + len(counter) : start + len(counter) + 1]
        if text.startswith(counter, start) and follow not in tuple(_NO_COUNTERS.get(counter, "")):
            return "count", start + len(counter)
    return "", at


@cache
def _longest_unit() -> int:
    return max(map(len, load_unit_names()))
