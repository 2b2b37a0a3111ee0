"""Whether two texts say the opposite: one denies, stops or takes up again what the other tells."""

from __future__ import annotations

from digest.reading.contexts import find_turned_words
from digest.reading.vocabulary import compile_words

TURNS = ("denied", "stopped", "resumed")
"""Tables of `vocabulary/turns.toml`."""


def list_turns(text: str) -> frozenset[str]:
    """Return the ways in which a text turns a statement round, by table."""
    text = compile_words("turns", "harmless").sub(" ", text.replace("\u2019", "'"))
    return frozenset(turn for turn in TURNS if compile_words("turns", turn).search(text))


def is_opposite(first: str, second: str) -> bool:
    """Return True where one of two texts turns round what the other tells, or prices rise in one
    and fall in the other."""
    if list_turns(first) != list_turns(second):
        return True
    return any(find_turned_words(first, second))
