"""List the terms by which stories are compared: names and their parts, capitalised words, figures.

In a Latin text in lower case unknown names cannot be recognised, so all its words are terms.
"""

import re
from collections.abc import Collection
from functools import cache

from digest.reading.amounts import find_amounts
from digest.reading.names import Name
from digest.reading.vocabulary import CURRENCIES, load_signs, load_unit_names

MIN_SUM = 1_000_000
"""Smallest sum of money, in any currency, that is not the price of a product."""

_FIGURE = re.compile(r"\d(?:\d*(?:\.\d+)+|\d?\d?(?:,\d{3})+|\d\d+|\d*[BMKbmk]\b)")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*\s?%?")
_YEAR = re.compile(r"20[0-4]\d$")
_CAPITALISED = re.compile(r"[A-Z][A-Za-z]+")
"""Common words in names of products ("Claude Skills") and names that no list has."""
_SMALL = re.compile(r"[a-z]{3,}|\d{2,}")
_LARGE = re.compile(r"\d ?(?:[bm](?![aeiouy])|(?:[bm]|tr)illion|[亿億])", re.I)
FUNCTION_WORDS = frozenset(
    "the a an i it we you he she they this that these those what when where why who how if in on at"
    " for from with and but or so as to of by is are was were be do does did not no yes my your our"
    " his her their its new now here there just also today breaking all more most can will would"
    " could should has have had get got let one two first last next up out over after before about"
    " via read see check try use using some any many much very really only even still well good"
    " great big best being been than then too ai".split()
)


def list_terms(text: str, names: Collection[Name]) -> frozenset[str]:
    """Return the terms of a plain text with these names.

    A name counts by its parts, because "Haiku 4.5" is "Claude Haiku 4.5", and as a whole if it has
    a version.
    """
    terms = {part for name in names for part in name.key.split()}
    terms |= {name.key for name in names if any(map(str.isdigit, name.key))}
    terms |= list_sums(text)
    if is_in_small_letters(text):
        return frozenset(terms | list_small_words(text) - FUNCTION_WORDS)
    terms |= {word.lower() for word in _CAPITALISED.findall(text)} - FUNCTION_WORDS
    terms |= {figure.lower().replace(",", "") for figure in _FIGURE.findall(text)}
    return frozenset(term for term in terms if len(term) > 1 and not _YEAR.match(term))


def list_sums(text: str) -> set[str]:
    """Return the large sums of money; "$13B" and "13 billion dollars" are equal."""
    lines = [line for line in text.split("\n") if _LARGE.search(line) and _money().search(line)]
    amounts = [amount for line in lines for amount in find_amounts(line)]
    return {f"{a.value:.0f}" for a in amounts if a.unit in CURRENCIES and a.value >= MIN_SUM}


@cache
def _money() -> re.Pattern[str]:
    """Return a pattern of all currency signs and words."""
    words = {
        *load_signs(),
        *(word for word, unit in load_unit_names().items() if unit in CURRENCIES),
    }
    ends = (re.escape(word) + "(?![a-z])" * (len(word) == 1 and word.isalpha()) for word in words)
    return re.compile("|".join(ends), re.I)


def list_figures(text: str) -> frozenset[str]:
    """Return all numbers of a text as written, including years and small ones."""
    return frozenset(_NUMBER.findall(text))


def list_small_words(text: str) -> set[str]:
    """Return the words of a text in lower case, with plurals as singulars."""
    words = set(_SMALL.findall(text.lower()))
    return {_singular(word) if word[-1] == "s" else word for word in words}


def _singular(word: str) -> str:
    """Return "price" for "prices", but "news", "crisis" and "access" unchanged."""
    return word[:-1] if len(word) > 4 and word[-2] not in "sui" else word


def is_in_small_letters(text: str) -> bool:
    """Return True if a Latin text is in lower case."""
    return text.islower() and text.isascii()
