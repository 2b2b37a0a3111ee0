"""People, companies, products and places of a text, in Latin letters, Han characters and kana."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_LATIN = re.compile(
    r"[A-Z][A-Za-z0-9]*(?:[.+-][A-Za-z0-9]+)*|(?<![A-Za-z])[a-z][A-Za-z]*\d\w*(?:\.\w+)*"
)


@dataclass(frozen=True, slots=True)
class Name:
    """A name as a text writes it, with the key that all its spellings share in all languages."""

    key: str
    text: str


def find_names(text: str) -> tuple[Name, ...]:
    """Return the names of a text in order, each spelling once."""
    spellings = dict.fromkeys(_LATIN.findall(text))
    return tuple(Name(spelling.lower(), spelling) for spelling in spellings)


def select_names(names: Iterable[Name], text: str) -> tuple[Name, ...]:
    """Return those names that stand in a part of the text they were found in."""
    return tuple(name for name in names if name.text in text)
