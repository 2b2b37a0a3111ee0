"""The words beside each amount of a text: what it counts, or whose it is."""

from __future__ import annotations

import re

from digest.reading.amounts import Amount, find_amounts
from digest.reading.days import blank_days

BEFORE_CHARS, AFTER_CHARS, LEAST_CHARS = 48, 40, 4
_CUT = re.compile(
    r"[，,;；。！？!?\n:：()（）]|\.\s|\b(?:and|while|but|versus|vs|against|than|from|to)\b"
    r"|[和与及而]|高于|低于|对比"
)
"""What ends the words that belong to one figure."""
_RANGE = re.compile(r"\s?(?:[-–~～至到]|to)\s?[$€£¥]?")


def read_contexts(text: str) -> list[tuple[Amount, str]]:
    """Return the amounts of a text that count or measure, with the words between their
    neighbours: "月失业率为" for the 4.6% of "月失业率为 4.6%，预期 4.4%"."""
    amounts = [
        amount
        for amount in find_amounts(blank_days(text))
        if not amount.in_name and amount.kind in ("number", "multiple", "share")
    ]
    starts = [0, *(amount.end for amount in amounts)]
    ends = [*(amount.start for amount in amounts[1:]), len(text)]
    return [
        (amount, _read_beside(text, amount, start, end))
        for amount, start, end in zip(amounts, starts, ends, strict=False)
    ]


def _read_beside(text: str, amount: Amount, first: int, last: int) -> str:
    before = text[max(first, amount.start - BEFORE_CHARS) : amount.start]
    after = text[amount.end : min(last, amount.end + AFTER_CHARS)]
    cuts = [0, *(match.end() for match in _CUT.finditer(before))]
    near = before[cuts[-1] :]
    if len(near.strip()) < LEAST_CHARS:
        near = before[cuts[-2:][0] :]
    return f"{near} {_CUT.split(after, maxsplit=1)[0]}".strip()


def is_range(text: str, first: Amount, second: Amount) -> bool:
    """Return True where two amounts are the ends of one range: 20 to 50%."""
    return bool(_RANGE.fullmatch(text[first.end : second.start]))
