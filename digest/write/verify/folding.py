"""Texts as they are compared: one kind of dash and apostrophe, plain digits, simplified characters."""

from __future__ import annotations

import re
from functools import cache

from digest.text import clean
from digest.write.verify.lists import words

_LONG_DASH = re.compile(r"[\u2014\u2015]+")
_DASH = re.compile(r"[\u2010-\u2013\u2212\ufe58\uff0d]")


def fold_text(text: str) -> str:
    """Return cleaned text with one kind of dash and apostrophe, plain digits and simplified characters."""
    return _DASH.sub("-", _LONG_DASH.sub(" - ", clean(text))).translate(_table())


@cache
def _table() -> dict[int, str]:
    wide = {0xFF10 + n: str(n) for n in range(10)}
    marks = {0x2019: "'", 0x2018: "'", 0xFF05: "%", 0xFF04: "$", 0xFF20: "@", 0xFF0E: "."}
    return wide | marks | {ord(pair[0]): pair[1] for pair in words("traditional.txt")}
