"""People, companies, products and places of a text, in Latin letters, Han characters and kana.

A name is known (`vocabulary/names.toml`, `assets.toml`), or written like one: Latin capitals,
letters with digits, a version behind it; a Chinese or Japanese name that no list knows is told by
what stands around it (`han.py`). All spellings of one thing share a key: Nvidia, 英伟达 and
エヌビディア are `nvidia`, "GPT-5.2", "GPT 5.2" and "gpt5.2" are `gpt 5.2`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from digest.reading.vocabulary import KnownName, load_entries, load_lines, load_words
from digest.text import compile_table

_LETTER = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
_TOKEN = re.compile(rf"[{_LETTER}][{_LETTER}0-9]*(?:[.'\u2019&+_-][{_LETTER}0-9]+)*")
_NUMBER = rf"\d+(?:\.\d+)*[A-Za-z]?(?![{_LETTER}])"
_PIECE = re.compile(rf"(?<![{_LETTER}])[A-Za-z]{_NUMBER}|[{_LETTER}]+|{_NUMBER}|\d+")
_GAP = re.compile(r"[ .'\u2019&-]{0,3}")
"""What may stand between the pieces of one name: J.P. Morgan, Johnson & Johnson."""
_FOLLOWER = re.compile(
    r"[ -]?(v?\d\d?(?:\.\d+)*[a-z]?|\d+[BbMm]|[A-Za-z]\d\d?(?:\.\d+)?[A-Za-z]?|[A-Za-z]+)"
    r"(?![\w%])"
)
_with_plain_dashes = compile_table(dict.fromkeys("\u2010\u2011\u2012\u2013", "-"))
"""GPT\u20115.2 with the dash that does not break is GPT-5.2."""
_VERSION = re.compile(r"v?\d+(?:\.\d+)*[A-Za-z]?|[A-Za-z]\d\d?(?:\.\d+)?[A-Za-z]?", re.IGNORECASE)
"""4.5, v3, 30B, and a series: K2, M1."""
_NUMBERED = re.compile(rf"[{_LETTER}]+-?\d")
_PERIOD = re.compile(r"(?:[QH][1-4]|FY\d{2,4}|[vV]\d.*|[A-Z]\d{4,})$")
"""Quarters, years and bare versions: letters with digits that name nothing."""
_POSSESSIVE = re.compile(r"['\u2019](?:s|re|ve|ll|d|m|t)?$", re.IGNORECASE)
_CASHTAG = re.compile(r"\$([A-Za-z]{1,6}(?:\.[A-Z])?)(?![\w.]*\d)\b")
TITLE_CASE = 0.7
"""Share of capitalised words from which a text writes all words with capitals."""

VARIANTS = frozenset(
    "pro max mini ultra flash turbo lite nano plus air opus sonnet haiku code codex thinking"
    " think instruct vision preview oss base large small medium xl coder omni cli image video"
    " audio sdk vl moe math exp heavy beta alpha distill guard embedding"
    " reranker asr tts ocr".split()
)
"""Words that tell one model of a family from the others."""
FOLLOWED = frozenset({"product", "coin"})
"""Kinds of names that versions and variants belong to."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name as a text writes it, with the key that all its spellings share in all languages."""

    key: str
    text: str
    kind: str = ""
    """`company`, `product`, `institution`, `person`, `place`, `coin`, `title`, or empty if not
    known."""


@dataclass(frozen=True, slots=True)
class _Table:
    """The known names by how they are looked up."""

    latin: dict[str, list[tuple[tuple[str, ...], str, KnownName]]]
    """By first piece, longest first: all pieces in small letters, the spelling, what it is."""
    han: dict[str, list[tuple[str, KnownName]]]
    """By first character, longest first."""
    tickers: dict[str, KnownName]


Placed = tuple[int, Name]
"""A name and where it begins."""


def find_names(text: str) -> list[Placed]:
    """Return names in Latin letters, and known ones in Chinese or Japanese, with their places."""
    text = _without_lookalikes(_with_plain_dashes(text), "latin")
    tokens = [_trimmed(match) for match in _TOKEN.finditer(text)]
    titled = _is_titled(tokens, text)
    known = _find_known(text, titled)
    spans = sorted((start, start + len(name.text)) for start, name in known)
    free = _outside(tokens, spans)
    return known + [name for run in _runs(free, text) for name in _unknown(run, text, titled)]


def find_known_names(text: str) -> list[Placed]:
    """Return only the names of the vocabulary, with their places."""
    text = _with_plain_dashes(text)
    return _find_known(text, _is_titled([_trimmed(match) for match in _TOKEN.finditer(text)], text))


def _find_known(text: str, titled: bool) -> list[Placed]:
    table = _table()
    known = [*_known_latin_names(text, table, titled), *_known_han_names(text, table)]
    return [*known, *_tickers(text, table)]


def select_names(names: Iterable[Name], text: str) -> tuple[Name, ...]:
    """Return those names that stand in a part of the text they were found in."""
    return tuple(name for name in names if _stands(name.text, text))


def _stands(name: str, text: str) -> bool:
    """Return True if the text has the name as words of their own: "H100s" has H100."""
    place = text.find(name)
    while place >= 0:
        before, after = text[max(0, place - 1) : place], text[place + len(name) :][:2]
        after = after[1:] if after[:1] == "s" else after[:1]
        inside = name[0].isascii() and _is_latin(before)
        if not inside and not (name[-1].isascii() and _is_latin(after)):
            return True
        place = text.find(name, place + 1)
    return False


def _is_latin(char: str) -> bool:
    return char.isalnum() and char < "\u0250"


def find_entry(spelling: str) -> KnownName | None:
    """Return what a spelling is known for, whatever its case."""
    table, pieces = _table(), split_pieces(spelling)
    rows = table.latin.get(pieces[0], ()) if pieces else ()
    latin = next((entry for wanted, _, entry in rows if wanted == pieces), None)
    plain = simplify(spelling)
    return latin or next((e for han, e in table.han.get(plain[:1], ()) if han == plain), None)


def find_owners(name: str) -> tuple[KnownName, ...]:
    """Return the companies, institutions and places that own a name, whatever its case."""
    return _owners().get(name.lower(), ())


@cache
def _owners() -> dict[str, tuple[KnownName, ...]]:
    owners: dict[str, tuple[KnownName, ...]] = {}
    for entry in load_entries():
        for name in entry.owns:
            owners[name.lower()] = (*owners.get(name.lower(), ()), entry)
    return owners


def find_ticker(ticker: str) -> KnownName | None:
    """Return the company or coin behind a ticker."""
    return _table().tickers.get(ticker.upper())


def simplify(text: str) -> str:
    """Return the text with simplified characters for traditional ones, each in its place."""
    return _simplifier()(text)


@cache
def _simplifier() -> Callable[[str], str]:
    return compile_table({pair[0]: pair[1] for pair in load_words("traditional")})


def list_han_spellings() -> list[str]:
    """Return the Chinese and Japanese spellings of all known names."""
    return [spelling for rows in _table().han.values() for spelling, _ in rows]


def split_pieces(text: str) -> tuple[str, ...]:
    """Return a name cut into words and numbers, in small letters: "GPT-5.2" is `gpt`, `5.2`."""
    pieces = (piece.lower() for piece in _PIECE.findall(text))
    return tuple(p[1:] if p[0] == "v" and p[1:2].isdigit() else p for p in pieces)


def name_key(pieces: Sequence[str]) -> str:
    """Return the key of these pieces: where one is a number, words in alphabetical order come
    before numbers, so that "Claude 4.5 Haiku" and "Claude Haiku 4.5" are one."""
    numbers = [p.removesuffix(".0") for p in pieces if p[-1].isdigit() or p[0].isdigit()]
    words = [p for p in pieces if not (p[-1].isdigit() or p[0].isdigit())]
    return " ".join([*sorted(words), *numbers] if numbers else words)


@cache
def _table() -> _Table:
    table = _Table({}, {}, {})
    for entry in load_entries():
        for spelling in entry.spellings:
            if max(spelling) < "\u2e80":
                pieces = split_pieces(spelling)
                table.latin.setdefault(pieces[0], []).append((pieces, spelling, entry))
            else:
                plain = simplify(spelling)
                table.han.setdefault(plain[0], []).append((plain, entry))
        if entry.ticker:
            table.tickers[entry.ticker] = table.tickers[entry.ticker.split(".")[0]] = entry
    for latin in table.latin.values():
        latin.sort(key=lambda row: -len(row[0]))
    for han in table.han.values():
        han.sort(key=lambda row: -len(row[0]))
    return table


_Token = tuple[str, int, int]


def _trimmed(match: re.Match[str]) -> _Token:
    word = match.group()
    if "'" in word or "\u2019" in word:
        word = _POSSESSIVE.sub("", word)
    if word[-1] == "s" and word[-2:-1].isdigit():
        word = word[:-1]  # H100s
    start = match.start()
    return word, start, start + len(word)


def _is_titled(tokens: Sequence[_Token], text: str) -> bool:
    """Return True if nearly all words have a capital, so that a capital says nothing; among
    Chinese ones it does, as they have none."""
    words = [word for word, _, _ in tokens if len(word) > 3]
    capitals = sum(w[0].isupper() for w in words)
    if len(words) <= 4 or capitals <= TITLE_CASE * len(words):
        return False
    return sum(char > "\u2e7f" for char in text) <= len(words)


def _known_latin_names(text: str, table: _Table, titled: bool) -> Iterator[Placed]:
    matches = list(_PIECE.finditer(text))
    words = tuple([match[0].lower() for match in matches])
    done = 0
    for at in [at for at, word in enumerate(words) if word in table.latin]:
        start = matches[at].start()
        if start < done or text[start - 1 : start] == "$":
            continue
        for pieces, spelling, entry in table.latin[words[at]]:
            part = matches[at : at + len(pieces)]
            if words[at : at + len(pieces)] != pieces or not _stand_together(part, text):
                continue
            end = part[-1].end()
            if _is_written(text[start:end], spelling, entry, text, start, titled):
                name, done = _with_version(text, start, end, entry)
                yield start, name
                break


def _stand_together(part: Sequence[re.Match[str]], text: str) -> bool:
    gaps = (text[a.end() : b.start()] for a, b in pairwise(part))
    return all(_GAP.fullmatch(gap) for gap in gaps)


def _is_written(
    words: str, spelling: str, entry: KnownName, text: str, start: int, titled: bool
) -> bool:
    """Return True if a known name is written as one: short capitals exactly, an ordinary word
    with a capital inside a sentence."""
    if spelling.isupper() and len(spelling) <= 4:
        return words == spelling
    if " " in words:
        alike = words[0].isupper() == spelling[0].isupper() or text.islower()
        return alike or not all(map(is_listed, words.split()))
    if words.islower() and not spelling.islower():
        return len(words) > 3 and not entry.word and not is_listed(words)
    if not is_listed(words.lower()):
        return True
    colon = text[max(0, start - 2) : start].strip() == ":"
    return words[0].isupper() and not titled and (colon or not opens_sentence(text, start))


def _with_version(text: str, start: int, end: int, entry: KnownName) -> tuple[Name, int]:
    """Return the name with the versions and variants behind it, and where it ends."""
    followers, stop = _followers(text, end) if entry.kind in FOLLOWED else ([], end)
    key = name_key([*split_pieces(entry.key), *followers]) if followers else entry.key
    return Name(key, text[start:stop], entry.kind), stop


def _followers(text: str, end: int) -> tuple[list[str], int]:
    """Return the versions and variants that stand behind a name, and where they end."""
    pieces: list[str] = []
    while match := _FOLLOWER.match(text, end):
        word = match[1]
        capital = match.group()[0] == "-" or word[0].isupper() or text.islower()
        if not _VERSION.fullmatch(word) and not (capital and word.lower() in VARIANTS):
            break
        pieces += split_pieces(word)
        end = match.end()
    return pieces, end


def _tickers(text: str, table: _Table) -> Iterator[Placed]:
    for match in _CASHTAG.finditer(text) if "$" in text else ():
        if entry := table.tickers.get(match[1].upper()):
            yield match.start(), Name(entry.key, match.group(), entry.kind)


def _outside(tokens: Iterable[_Token], spans: Sequence[tuple[int, int]]) -> list[_Token]:
    """Return the tokens that begin in none of the sorted spans."""
    free, place = [], 0
    for token in tokens:
        while place < len(spans) and spans[place][1] <= token[1]:
            place += 1
        if place == len(spans) or token[1] < spans[place][0] >= token[2]:
            free.append(token)
    return free


def _runs(tokens: Sequence[_Token], text: str) -> Iterator[list[_Token]]:
    """Yield the tokens that stand a space apart; a version may stand between or behind them."""
    run: list[_Token] = []
    for token in tokens:
        if run and text[run[-1][2] : token[1]] != " ":
            yield run
            run = []
        run.append(token)
    if run:
        yield run


def _unknown(run: Sequence[_Token], text: str, titled: bool) -> Iterator[Placed]:
    """Yield the names of tokens in a row that no list knows: the longest rows of words written
    like a name, a common word with a capital only inside such a row."""
    roles = [
        "" if word.islower() and word.isalpha() else _role(word, text, start, titled)
        for word, start, _ in run
    ]
    at = 0 if "name" in roles else len(run)
    while at < len(run):
        end = at
        while end < len(run) and roles[end]:
            end += 1
        names = [i for i in range(at, end) if roles[i] == "name"]
        if names:
            start, stop = run[names[0]][1], run[names[-1]][2]
            stop = _followers(text, stop)[1]
            yield start, Name(name_key(split_pieces(text[start:stop])), text[start:stop])
            end = next((i for i in range(end, len(run)) if run[i][1] >= stop), len(run))
        at = max(end, at + 1)


def _role(word: str, text: str, start: int, titled: bool) -> str:
    """Return "name" for a word that is written like a name, "word" for a common one with a
    capital that may stand inside a name, or ""."""
    if len(word) < 2 or is_jargon(word):
        return ""
    if _NUMBERED.match(word):
        return _numbered_role(word)
    if word.islower():
        return ""
    if word.lower() in VARIANTS:
        return "word"
    if word.isupper():
        return "" if is_common(word) or _is_shouted(text) else "name"
    if is_common(word):
        return "" if titled or opens_sentence(text, start) else "word"
    return "name"


def _is_shouted(text: str) -> bool:
    """Return True if the text is written in capitals throughout."""
    return sum(map(str.isupper, text)) > 3 * sum(map(str.islower, text)) + 20


def _numbered_role(word: str) -> str:
    """Letters with digits: "gpt-5" and "H100" are names; "top-10", "Q3" and "v2" are not."""
    letters = re.split(r"[-\d]", word, maxsplit=1)[0]
    if _PERIOD.match(word) or is_jargon(letters):
        return ""
    if letters.islower():
        return "" if len(letters) < 2 or is_common(letters) else "name"
    return "" if len(letters) > 2 and is_common(letters) else "name"


def opens_sentence(text: str, at: int) -> bool:
    """Return True if the word at this place opens a sentence, a line or a quotation."""
    before = text[max(0, at - 4) : at].rstrip(" ")
    return not before or before[-1] in ".!?:;\n。！？：；“\"'(（|•-–—*"


def is_listed(word: str) -> bool:
    """Return True if the list of ordinary English words has this word, or its singular."""
    return not load_words("english").isdisjoint((word, word.removesuffix("s")))


@lru_cache(maxsize=1 << 14)
def is_common(word: str) -> bool:
    """Return True if an English word is an ordinary one, in any of its forms."""
    common = load_words("english")
    lower = word.lower()
    parts = [part for part in re.split(r"[-'\u2019.&+_]", lower) if part]
    return all(any(form in common for form in _forms(part)) or part.isdigit() for part in parts)


@lru_cache(maxsize=1 << 14)
def is_jargon(word: str) -> bool:
    """Return True if texts of the field use the word without naming anybody: LLM, GPU, CEO."""
    lower = word.lower()
    return bool({lower, lower.removesuffix("s")} & load_words("jargon"))


_ENDINGS = tuple("'s s es d ed r er ers ing ly ally est ness less ful able y ist".split())
_BEGINNINGS = tuple("re un non pre co over multi super mis de sub inter".split())


def _forms(word: str) -> Iterator[str]:
    """Yield the base forms that an English word may have."""
    yield word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) > 2:
            stem = word[: -len(ending)]
            yield from (stem, f"{stem}e")
            if stem[-1] == stem[-2:-1]:
                yield stem[:-1]
            if stem.endswith("i"):
                yield f"{stem[:-1]}y"
    for beginning in _BEGINNINGS:
        if word.startswith(beginning) and len(word) > len(beginning) + 3:
            bare = word[len(beginning) :].lstrip("-")
            yield from (bare, bare.removesuffix("s"))


def _known_han_names(text: str, table: _Table) -> Iterator[Placed]:
    if text.isascii():
        return
    plain, end = _without_lookalikes(simplify(text), "han"), 0
    for start in [place for place, char in enumerate(plain) if char in table.han]:
        if start < end:
            continue
        for spelling, entry in table.han[plain[start]]:
            if plain.startswith(spelling, start) and not _inside_katakana(plain, start, spelling):
                name, end = _with_version(text, start, start + len(spelling), entry)
                yield start, name
                break


def _without_lookalikes(text: str, script: str) -> str:
    """Return the text with blanks for words that only contain a name: 小米粥, "MIT license"."""
    for word in load_lines("lookalikes", script):
        if word in text:
            text = text.replace(word, " " * len(word))
    return text


def _inside_katakana(text: str, start: int, spelling: str) -> bool:
    """Return True if the spelling is the middle of a longer katakana word."""
    if not "\u30a1" <= spelling[0] <= "\u30fe":
        return False
    around = (
        text[max(0, start - 1) : start] + text[start + len(spelling) : start + len(spelling) + 1]
    )
    return any("\u30a1" <= char <= "\u30fa" or char == "\u30fc" for char in around)
