"""Load the word lists of `digest/vocabulary`.

Each entry of a file has examples, `match` and `reject`, which a test checks.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_WORD = re.compile(r"[a-z0-9]+(?:[&'-][a-z0-9]+)*")
FOLDER = Path(__file__).parents[1] / "vocabulary"
KINDS = {
    "companies": "company",
    "products": "product",
    "institutions": "institution",
    "people": "person",
    "places": "place",
    "others": "other",
}
"""Kind of a name by its table in `names.toml`."""
CURRENCIES = frozenset("usd eur gbp cny hkd twd krw inr jpy".split())


@dataclass(frozen=True, slots=True)
class KnownName:
    """A name with all its spellings."""

    key: str
    """Its first Latin spelling in lower case."""
    kind: str
    spellings: tuple[str, ...]
    owns: tuple[str, ...] = ()
    """Its products and people, which may stand for it."""
    ticker: str = ""
    coin: bool = False
    short: tuple[str, ...] = ()
    """Short forms that are ambiguous on their own: IG, 菜鸟."""
    word: bool = False
    """True if it is also an ordinary word, so that it needs a capital to be a name."""


@cache
def load_table(name: str) -> dict[str, Any]:
    """Return the content of `digest/vocabulary/NAME.toml`."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def load_words(name: str, *tables: str) -> frozenset[str]:
    """Return the words of a list: of these tables, or of all."""
    lists = load_table(name)
    words = (lists[table]["words"] for table in tables or lists)
    return frozenset(word for text in words for word in text.split())


@cache
def load_lines(name: str, table: str) -> tuple[str, ...]:
    """Return the lines of a table whose entries may contain spaces, in order."""
    return tuple(line for line in load_table(name)[table]["words"].splitlines() if line.strip())


def count_words_of(text: str, name: str, *tables: str) -> int:
    """Return the number of different entries of a list in a text: Latin ones as whole words in any
    case, Chinese and Japanese ones anywhere."""
    latin, phrases, han = _split_by_script(name, tables)
    words = _WORD.findall(text.lower())
    count = len(latin.intersection(words))
    count += 0 if text.isascii() else sum([entry in text for entry in han])
    if phrases:
        row = f" {' '.join(words)} "
        count += sum([phrase in row for phrase in phrases])
    return count


def begins_with(text: str, name: str, *tables: str) -> bool:
    """Return True if a text begins with an entry of a list: a Latin one as a whole word in any
    case, a Chinese or Japanese one followed by anything."""
    words = load_words(name, *tables)
    han = tuple(word for word in words if word[0] > "\u2e7f")
    return text.partition(" ")[0].lower() in words or text.startswith(han)


@cache
def _split_by_script(
    name: str, tables: tuple[str, ...]
) -> tuple[frozenset[str], tuple[str, ...], tuple[str, ...]]:
    """Return the Latin words, the Latin phrases (between blanks) and the other entries of a list. A
    line of two or three Latin words is a phrase."""
    latin: set[str] = set()
    phrases, han = [], []
    for table in tables or load_table(name):
        for line in load_lines(name, table):
            words = line.split()
            if 1 < len(words) <= 3 and line.isascii():
                phrases.append(f" {line} ")
            else:
                latin.update(word for word in words if word.isascii() and "-" not in word)
                phrases += [f" {word} " for word in words if word.isascii() and "-" in word]
                han += [word for word in words if not word.isascii()]
    return frozenset(latin), tuple(phrases), tuple(han)


@cache
def load_entries() -> tuple[KnownName, ...]:
    """Return names, companies and coins; rows of `assets.toml` are merged with rows of `names.toml`
    that share a spelling."""
    assets = {str(row["ticker"]): (row, coin) for row, coin in list_asset_rows()}
    by_spelling = {
        spelling.lower(): key
        for key, (row, _) in assets.items()
        for spelling in (*row.get("zh", ()), *row.get("en", ()))
    }
    entries, joined = [], set()
    for table, kind in KINDS.items():
        for row in load_table("names")[table]:
            spellings = (*row["latin"], *row.get("han", ()))
            key = next((k for s in spellings if (k := by_spelling.get(s.lower()))), "")
            asset, coin = assets.get(key, ({}, False))
            joined.add(key)
            entries.append(
                KnownName(
                    row["latin"][0].lower(),
                    kind,
                    tuple(dict.fromkeys((*spellings, *_asset_spellings(asset)))),
                    (*row.get("owns", ()), *row.get("people", ())),
                    asset.get("ticker", ""),
                    coin,
                    tuple(row.get("short", ())),
                    row.get("word", False),
                )
            )
    for key, (row, coin) in assets.items():
        if key not in joined:
            kind = "coin" if coin else "company"
            spellings = _asset_spellings(row)
            latin = next(iter(row.get("en", ())), row["ticker"])
            entries.append(KnownName(latin.lower(), kind, spellings, (), row["ticker"], coin))
    return tuple(entries)


def list_asset_rows() -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield the rows of `assets.toml`, each with True for a coin."""
    table = load_table("assets")
    yield from ((row, False) for row in table["stocks"])
    yield from ((row, True) for row in table["coins"])


def _asset_spellings(row: dict[str, Any]) -> tuple[str, ...]:
    names = (*row.get("en", ()), *row.get("zh", ()))
    return tuple(name for name in names if name not in row.get("cashtag", ()))


@cache
def compile_words(name: str, table: str, end: str = "") -> re.Pattern[str]:
    """Return a pattern of the words of a table: "·" is a space, "*" the rest of a word."""
    return _join(sorted(load_words(name, table), key=len)[::-1], end)


@cache
def _compile_phrases(name: str) -> re.Pattern[str]:
    lines = [line for table in ("chinese", "english") for line in load_lines(name, table)]
    return _join([line.strip().replace(" ", "·") for line in lines], "")


def has_phrase(text: str, name: str) -> bool:
    """Return True if a text has a line of a list; "…" matches up to eight characters."""
    return bool(_compile_phrases(name).search(text))


def _join(words: list[str], end: str) -> re.Pattern[str]:
    spelled = [
        re.escape(word).replace("·", r"[\s-]").replace(r"\*", r"\w*").replace("…", ".{0,8}?")
        for word in words
    ]
    latin = [rf"{w}\b" for w in spelled if w[0].isascii() and w[0].isalpha()]
    others = [w for w in spelled if not (w[0].isascii() and w[0].isalpha())]
    others += [rf"(?<![-\w])(?:{'|'.join(latin)})"] if latin else []
    return re.compile(f"(?:{'|'.join(others)}){end}", re.I)


def _unit_rows() -> list[list[str]]:
    return [row.split() for row in load_table("units")["units"]["words"].strip().splitlines()]


@cache
def load_dimensions() -> Mapping[str, tuple[str, float]]:
    """Return the dimension of each unit, and its factor to the base unit of that dimension."""
    return {unit: (dimension, float(factor)) for unit, dimension, factor, *_ in _unit_rows()}


@cache
def load_unit_names() -> Mapping[str, str]:
    """Return the unit of each of its words, in lower case."""
    return {word.replace("·", " "): unit for unit, _, _, *words in _unit_rows() for word in words}


@cache
def load_signs() -> Mapping[str, str]:
    """Return the currency of each sign or code before a number."""
    return dict(pair.split(":") for pair in load_words("units", "signs"))


@cache
def load_counters() -> tuple[str, ...]:
    """Return the Chinese counters, longest first: 三名, 五家."""
    return tuple(sorted(load_words("units", "counters"), key=lambda word: -len(word)))
