"""Which of many patterns may match a text at all, told by letters they cannot do without.

"(?:promo|discount) codes?" needs "promocode" or "discountcode". Looking such letters up costs a text
one pass, whatever the number of patterns (Aho and Corasick, 1975); a search for each pattern costs a
hundred. A sieve may let a pattern through that does not match, but never holds one back that does.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, product
from typing import Any

from ahocorasick import Automaton

parser: Any = getattr(re, "_parser", None)
kinds: Any = getattr(re, "_constants", None)
"""Private, and may move: every pattern is searched for then."""

MOST_STRINGS = 24
"""Ways to write a part of a pattern that are followed; beyond them it counts as anything."""

SHORTEST = 2
"""Latin letters without which a string is found in every text."""

_GAPS = re.compile(r"[\W_]+")
_SMALL = bytes(ord(chr(code).lower()) for code in range(128)) + bytes(range(128, 256))
_MARKS = bytes(code for code in range(128) if not chr(code).isalnum())
_IS_ODD = re.compile("[ſKıİ]")
_ODD = str.maketrans("ſKıİ", "skii")
"""Letters that `re.IGNORECASE` takes for Latin ones, and `str.lower` does not."""

Strings = frozenset[str]
Needs = frozenset[Strings]
"""Of each of these sets, a match holds at least one string. Without sets, nothing is known."""
_NONE: Strings = frozenset()
_UNKNOWN: Needs = frozenset()


class Sieve:
    """Patterns, known by their place, and the letters each of them needs."""

    def __init__(self, patterns: Iterable[str], flags: int = re.IGNORECASE) -> None:
        self._sources = tuple(patterns)
        self._flags = flags
        self._compiled: dict[int, re.Pattern[str]] = {}
        self._further: list[tuple[Strings, ...]] = []
        """Of each pattern, its other needs: looked at where its first one is met."""
        self._always: list[int] = []
        """Patterns of which nothing is known."""
        leads: defaultdict[str, list[int]] = defaultdict(list)
        for place, source in enumerate(self._sources):
            first, *further = sorted(needed(source, flags), key=_telling, reverse=True) or [_NONE]
            self._further.append(tuple(further))
            for string in first:
                leads[string].append(place)
            if not first:
                self._always.append(place)
        self._leads = Automaton()
        for string, places in leads.items():
            self._leads.add_word(string, places)
        self._leads.make_automaton()

    def pattern(self, place: int) -> re.Pattern[str]:
        """Compiled when first needed: most never are."""
        found = self._compiled.get(place)
        if found is None:
            found = self._compiled[place] = re.compile(self._sources[place], self._flags)
        return found

    def possible(self, text: str) -> list[int]:
        """Places of the patterns that may match the text, or the text with other gaps and marks."""
        return self.among(packed(text))

    def among(self, letters: str) -> list[int]:
        """The same for a text that is packed already."""
        asked = set(self._always)
        if self._leads:
            for _, places in self._leads.iter(letters):
                asked.update(places)
        return sorted(place for place in asked if self._meets(letters, place))

    def _meets(self, letters: str, place: int) -> bool:
        """Whether the letters hold what else the pattern needs."""
        for need in self._further[place]:
            for string in need:
                if string in letters:
                    break
            else:
                return False
        return True

    def finds(self, text: str, among: Iterable[int]) -> bool:
        """Whether any of the patterns at these places matches the text."""
        return any(self.pattern(place).search(text) for place in among)

    def matches(self, text: str) -> Iterator[re.Match[str]]:
        """What all patterns find in the text, joined by "|" in their order."""
        possible = (self.pattern(place) for place in self.possible(text))
        found = [match for pattern in possible if (match := pattern.search(text))]
        while found:
            first = min(found, key=lambda match: match.start())
            yield first
            end = first.end()
            found = [
                later
                for match in found
                if (later := match if match.start() >= end else match.re.search(text, end))
            ]


@lru_cache(maxsize=4096)  # several sieves look at each text of a day, one after the other
def packed(text: str) -> str:
    """The letters and digits of a text, small: the same wherever lines are joined or parted."""
    if text.isascii():
        return text.encode().translate(_SMALL, _MARKS).decode()
    if _IS_ODD.search(text):
        text = text.translate(_ODD)
    return _GAPS.sub("", text.lower())


def needed(pattern: str, flags: int = re.IGNORECASE) -> Needs:
    """What each match of the pattern holds, as `packed` writes it."""
    if parser is None:
        return _UNKNOWN
    strings, needs = _sequence(parser.parse(pattern, flags))
    return frozenset(map(_shortest, _also(needs, strings)))


def _shortest(strings: Strings) -> Strings:
    """Without those that hold another."""
    return frozenset(s for s in strings if not any(o in s for o in strings if o is not s))


_Read = tuple[Strings, Needs]
"""All strings that a part of a pattern matches, if these are few, and what it needs."""
_ANYTHING: _Read = _NONE, _UNKNOWN
_EMPTY: _Read = frozenset([""]), _UNKNOWN


def _also(needs: Needs, strings: Strings) -> Needs:
    """The needs, and one of these strings."""
    if not strings or any(len(s) < SHORTEST and s.isascii() for s in strings):
        return needs
    return needs | {strings}


def _best(needs: Needs) -> Strings:
    """The set that says most: of longer strings, then of fewer."""
    return max(needs, key=_telling, default=_NONE)


def _telling(strings: Strings) -> tuple[int, int, list[str]]:
    return min(map(len, strings)), -len(strings), sorted(strings)


def _sequence(parts: Iterable[tuple[Any, Any]]) -> _Read:
    """One part after the other."""
    needs, strings, whole = _UNKNOWN, frozenset([""]), True
    for own, inner in _read(parts):
        needs |= inner
        joined = frozenset(map("".join, product(strings, own)))
        if own and len(joined) <= MOST_STRINGS:
            strings = joined
        else:
            needs, strings, whole = _also(needs, strings), own or frozenset([""]), False
    return (strings, needs) if whole else (_NONE, _also(needs, strings))


def _read(parts: Iterable[tuple[Any, Any]]) -> Iterator[_Read]:
    """What each part says; letters in a row are one string."""
    for literal, run in groupby(parts, key=lambda part: part[0] is kinds.LITERAL):
        if literal:
            yield frozenset([packed("".join(chr(letter) for _, letter in run))]), _UNKNOWN
        else:
            yield from (_part(*part) for part in run)


def _part(kind: Any, value: Any) -> _Read:
    found = _ANYTHING
    if kind is kinds.IN and all(inner is kinds.LITERAL for inner, _ in value):
        found = frozenset(packed(chr(letter)) for _, letter in value), _UNKNOWN
    elif kind is kinds.BRANCH:
        found = _either([_sequence(branch) for branch in value[1]])
    elif kind is kinds.SUBPATTERN:
        found = _sequence(value[-1])
    elif kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT):
        found = _repeated(*value)
    elif kind in (kinds.AT, kinds.ASSERT, kinds.ASSERT_NOT):
        found = _EMPTY
    return found


def _repeated(least: int, most: int, inner: Sequence[tuple[Any, Any]]) -> _Read:
    strings, needs = _sequence(inner)
    if most == 1 and strings:
        return (strings, needs) if least else (strings | {""}, _UNKNOWN)
    return (_NONE, _also(needs, strings)) if least else _ANYTHING


def _either(branches: Sequence[_Read]) -> _Read:
    every = _NONE.union(*(strings for strings, _ in branches))
    if all(strings for strings, _ in branches) and len(every) <= MOST_STRINGS:
        return every, _UNKNOWN
    best = [_best(_also(needs, strings)) for strings, needs in branches]
    return _NONE, _also(_UNKNOWN, _NONE.union(*best)) if all(best) else _UNKNOWN
