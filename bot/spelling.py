"""What people type, in the spelling that the rest understands."""

from __future__ import annotations

import re
import unicodedata

DIGITS = "〇一二三四五六七八九"
_DASHES = str.maketrans("‐‑‒−﹘", "-----", "\u200b\u200c\u200d\u2060\ufeff")
_NUMERAL = re.compile(rf"(?<![周期拜])[{DIGITS}零十廿]+(?=[年月日号点时分条])")
END_MARKS = "。．.!！?？,，;；、:："


def normalized(text: str) -> str:
    """Return the text with full-width forms, odd dashes and spaces as the usual ones, and without
    invisible signs."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_DASHES).split())


def arabic(text: str) -> str:
    """Return the text with the Chinese numerals of days and times as digits: `十二月五日`."""
    return _NUMERAL.sub(lambda match: str(_value(match.group())), text)


def _value(numeral: str) -> int:
    plain = numeral.replace("零", "〇").replace("廿", "二十")
    if "十" not in plain:
        return int("".join(str(DIGITS.index(digit)) for digit in plain))
    tens, _, ones = plain.partition("十")
    if len(tens) > 1 or len(ones) > 1:
        return 0
    return 10 * (DIGITS.index(tens) if tens else 1) + (DIGITS.index(ones) if ones else 0)
