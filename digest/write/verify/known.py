"""Well-known names in both languages: which spellings are one name, and where a text has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from digest.write.companies import ticker_rows
from digest.write.verify.lists import lines, words

_ATOM = re.compile(
    r"[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]*?[a-z]{3}(?=[A-Z])|[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]+|\d+"
)
_HAN = re.compile(r"[\u3400-\u9fff]")
_CAMEL = re.compile(r"(?<=[a-z]{3})(?=[A-Z])")
_OWN = re.compile(r"(?:'s|的|旗下|公司|团队|新|最新|[\s《“\"'(（,:：-]){0,4}")
"""What may stand between an owner and its product: OpenAI's Sora, 谷歌旗下的 Gemini."""
_LONGEST = 5
_OTHER_WORDS = ("联合国家", "字节码", "字节数", "苹果汁", "苹果园", "小米粥", "小米椒")
"""Words that begin like a name and are none."""


@dataclass(slots=True)
class Name:
    """One thing under all its spellings. `owned` are names that stand in for it beside it."""

    kind: str
    spellings: set[str] = field(default_factory=set)
    owned: set[str] = field(default_factory=set)


class Found(NamedTuple):
    """A known name in a text."""

    start: int
    end: int
    said: str
    name: Name


@dataclass(slots=True)
class _Table:
    latin: dict[str, list[tuple[tuple[str, ...], str, Name]]] = field(default_factory=dict)
    """By first piece, longest first: all pieces, the spelling, the name."""
    han: dict[str, list[tuple[str, Name]]] = field(default_factory=dict)
    tickers: dict[str, Name] = field(default_factory=dict)


def ticker_name(ticker: str) -> Name | None:
    """The company or coin behind a ticker."""
    return _table().tickers.get(ticker.upper())


def names_in(text: str, *, exact: bool) -> list[Found]:
    """Known names of the text from left to right. With `exact`, a Latin one must be written like a name:
    "US" is not "us", "Block" at the start of a sentence may be a verb."""
    found = [*_latin_names(text, exact), *_han_names(text)]
    return sorted(found, key=lambda one: one.start)


def beside(text: str, one: Found) -> bool:
    """Whether something of its own follows the name: then that is what the posts must have."""
    start = _OWN.match(text, one.end)
    rest = text[start.end() if start else one.end :][:40].lower()
    return any(_starts(rest, thing.lower()) for thing in one.name.owned)


def _starts(text: str, word: str) -> bool:
    return text.startswith(word) and not text[len(word) : len(word) + 1].isalpha()


def common(word: str) -> bool:
    """Whether an English word is an ordinary one, in any of its forms."""
    return any(form in _common() for form in _forms(word.lower()))


def is_listed(word: str) -> bool:
    """Whether the list of common words has exactly this form."""
    return word in _common()


def _forms(word: str) -> Iterator[str]:
    yield word
    for ending in (
        "'s",
        "s",
        "es",
        "d",
        "ed",
        "r",
        "er",
        "ers",
        "ing",
        "ly",
        "ally",
        "est",
        "ness",
        "less",
        "ful",
        "able",
        "y",
        "ist",
    ):
        if word.endswith(ending) and len(word) - len(ending) > 2:
            stem = word[: -len(ending)]
            yield stem
            yield f"{stem}e"
            if stem[-1] == stem[-2:-1]:
                yield stem[:-1]
            if stem.endswith("i"):
                yield f"{stem[:-1]}y"
    for start in (
        "re",
        "un",
        "non",
        "pre",
        "co",
        "over",
        "multi",
        "super",
        "mis",
        "de",
        "sub",
        "inter",
    ):
        if word.startswith(start) and len(word) > len(start) + 3:
            yield from (word[len(start) :].lstrip("-"), word[len(start) :].removesuffix("s"))


def jargon(word: str) -> bool:
    """Whether Chinese texts use the English word as one of their own: Agent, token, benchmark."""
    lower = word.lower()
    return bool({lower, lower.removesuffix("s")} & words("jargon.txt"))


@cache
def _common() -> frozenset[str]:
    return words("common_en.txt") | words("jargon.txt")


def pieces(text: str) -> tuple[str, ...]:
    """A name cut into runs of letters and numbers, in lower case."""
    return tuple(piece.lower() for piece in _ATOM.findall(_CAMEL.sub(" ", text)))


@cache
def _table() -> _Table:
    names: dict[str, Name] = {}
    for kind, spellings, owned in _rows():
        known = next((names[s.lower()] for s in spellings if s.lower() in names), Name(kind))
        known.spellings.update(spellings)
        known.owned.update(owned)
        names.update({s.lower(): known for s in spellings})
    table = _Table()
    for ticker, spellings in ticker_rows():
        known = next((names[s.lower()] for s in spellings if s.lower() in names), Name("companies"))
        known.spellings.update(spellings)
        names.update({s.lower(): known for s in spellings})
        table.tickers[ticker] = table.tickers[ticker.split(".")[0]] = known
        if len(ticker) > 2 and ticker.isalpha() and not is_listed(ticker.lower()):
            known.spellings.add(ticker)
    for known in {id(name): name for name in names.values()}.values():
        _enter(table, known)
    for row in table.latin.values():
        row.sort(key=lambda entry: -len(entry[0]))
    for rows in table.han.values():
        rows.sort(key=lambda entry: -len(entry[0]))
    return table


def _rows() -> Iterator[tuple[str, list[str], list[str]]]:
    kind = ""
    for line in lines("aliases.txt"):
        if line.startswith("["):
            kind = line.strip("[]")
            continue
        latin, han, owned = (*line.split("|"), "", "")[:3]
        spellings = [name for name in (*latin.split(","), *han.split(",")) if name]
        yield kind, spellings, [name for name in owned.split(",") if name]


def _enter(table: _Table, known: Name) -> None:
    for spelling in known.spellings:
        if _HAN.search(spelling):
            table.han.setdefault(spelling[0], []).append((spelling, known))
        elif len(spelling) > 1:
            for cut in {pieces(spelling), pieces(spelling.lower())}:
                table.latin.setdefault(cut[0], []).append((cut, spelling, known))


def _han_names(text: str) -> Iterator[Found]:
    table, at = _table().han, 0
    for start, char in enumerate(text):
        if start < at or char not in table or text.startswith(_OTHER_WORDS, start):
            continue
        for spelling, known in table[char]:
            if text.startswith(spelling, start):
                at = start + len(spelling)
                yield Found(start, at, spelling, known)
                break


def _latin_names(text: str, exact: bool) -> Iterator[Found]:
    table = _table().latin
    cut = [(match.group().lower(), match.start(), match.end()) for match in _ATOM.finditer(text)]
    skip = 0
    for n, (word, start, _) in enumerate(cut):
        if n < skip:
            continue
        for wanted, spelling, known in table.get(word, ()):
            here = cut[n : n + len(wanted)]
            if tuple(piece for piece, _, _ in here) != wanted or not _together(here, text):
                continue
            said = text[start : here[-1][2]]
            if not exact or _written(said, spelling, text, start):
                skip = n + len(wanted)
                yield Found(start, here[-1][2], said, known)
                break


def _together(here: Iterable[tuple[str, int, int]], text: str) -> bool:
    last = 0
    for _, start, end in here:
        if last and not re.fullmatch(r"[\s.'&-]{0,2}", text[last:start]):
            return False
        last = end
    return True


def _written(said: str, spelling: str, text: str, start: int) -> bool:
    """Whether it is written as a name: short capitals exactly, a common word with a capital in mid-sentence."""
    if spelling.isupper() and len(spelling) <= 4:
        return said == spelling
    if " " in said:
        return said[0].isupper() == spelling[0].isupper()
    if said.islower() and not spelling.islower():
        return (
            len(said) > 4
            and not is_listed(said)
            and bool(_HAN.search(text[max(0, start - 2) : start + len(said) + 2]))
        )
    if not {spelling.lower(), spelling.lower().removesuffix("s")} & words("common_en.txt"):
        return True
    return said[0].isupper() and not opens(text, start)


def opens(text: str, at: int) -> bool:
    """Whether the word at this place opens a sentence, a line or a quotation."""
    before = text[max(0, at - 4) : at].rstrip(" ")
    return not before or before[-1] in ".!?:;\n。！？：；“\"'(（|"
