"""Units of both languages: what 美元, ms, GB and 千瓦 mean, and how they convert
(`vocabulary/units.toml`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from digest.reading.vocabulary import load_table, load_words

CURRENCIES = frozenset("usd eur gbp cny hkd twd krw inr jpy".split())


def _rows() -> list[list[str]]:
    return [row.split() for row in load_table("units")["units"]["words"].strip().splitlines()]


@cache
def load_dimensions() -> Mapping[str, tuple[str, float]]:
    """Return by unit its dimension, and how many base units of that dimension it is."""
    return {unit: (dimension, float(factor)) for unit, dimension, factor, *_ in _rows()}


@cache
def load_unit_names() -> Mapping[str, str]:
    """Return the unit by each of its words, in small letters."""
    return {word.replace("·", " "): unit for unit, _, _, *words in _rows() for word in words}


@cache
def load_signs() -> Mapping[str, str]:
    """Return the currency by the sign or code before a number."""
    return dict(pair.split(":") for pair in load_words("units", "signs"))


@cache
def load_counters() -> tuple[str, ...]:
    """Return the Chinese words that count things, longest first: 三名, 五家."""
    return tuple(sorted(load_words("units", "counters"), key=lambda word: -len(word)))
