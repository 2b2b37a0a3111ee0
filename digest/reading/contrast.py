"""Decide whether two texts are opposites: one denies, stops or resumes what the other says."""

from digest.reading.contexts import find_reversed_words
from digest.reading.vocabulary import compile_words

TURNS = ("denied", "stopped", "resumed")
"""Tables of `vocabulary/turns.toml` whose words reverse a statement on their own."""


def list_turns(text: str) -> frozenset[str]:
    """Return the ways in which a text reverses a statement, by table."""
    return _find_tables(text, *TURNS)


def _find_tables(text: str, *tables: str) -> frozenset[str]:
    text = compile_words("turns", "harmless").sub(" ", text.replace("\u2019", "'"))
    return frozenset(table for table in tables if compile_words("turns", table).search(text))


def _list_all_turns(text: str) -> frozenset[str]:
    """Return the same, counting a bare negation as a denial."""
    tables = _find_tables(text, *TURNS, "negated")
    return frozenset("denied" if table == "negated" else table for table in tables)


def is_opposite(first: str, second: str) -> bool:
    """Return True if one of two texts reverses what the other says, or if prices rise in one and
    fall in the other."""
    if _list_all_turns(first) != _list_all_turns(second):
        return True
    return any(find_reversed_words(first, second))
