"""Find people, companies, products and places in a text, in Latin letters, Han characters and kana.

A name is listed (`vocabulary/names.toml`, `assets.toml`) or recognised by its form: Latin capitals,
letters with digits, a version after it. Unlisted Chinese or Japanese names are recognised by their
context (`han.py`). All spellings of a name share a key: Nvidia, 英伟达 and エヌビディア are
`nvidia`, "GPT-5.2", "GPT 5.2" and "gpt5.2" are `gpt 5.2`.
"""

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
"""Allowed between the pieces of one name: J.P. Morgan, Johnson & Johnson."""
_FOLLOWER = re.compile(
    r"[ -]?(v?\d\d?(?:\.\d+)*[a-z]?|\d+[BbMm]|[A-Za-z]\d\d?(?:\.\d+)?[A-Za-z]?|[A-Za-z]+)"
    r"(?![\w%])"
)
_with_plain_dashes = compile_table(dict.fromkeys("\u2010\u2011\u2012\u2013", "-"))
"""GPT\u20115.2 with a non-breaking hyphen is GPT-5.2."""
_VERSION = re.compile(r"v?\d+(?:\.\d+)*[A-Za-z]?|[A-Za-z]\d\d?(?:\.\d+)?[A-Za-z]?", re.IGNORECASE)
"""4.5, v3, 30B, and series such as K2, M1."""
_NUMBERED = re.compile(rf"[{_LETTER}]+-?\d")
_PERIOD = re.compile(r"(?:[QH][1-4]|FY\d{2,4}|[vV]\d.*|[A-Z]\d{4,})$")
"""Quarters, years and bare versions: letters with digits that are not names."""
_POSSESSIVE = re.compile(r"['\u2019](?:s|re|ve|ll|d|m|t)?$", re.IGNORECASE)
_CASHTAG = re.compile(r"\$([A-Za-z]{1,6}(?:\.[A-Z])?)(?![\w.]*\d)\b")
TITLE_CASE = 0.7
"""Share of capitalised words from which a text is in title case."""

VARIANTS = frozenset(
    "pro max mini ultra flash turbo lite nano plus air opus sonnet haiku code codex thinking"
    " think instruct vision preview oss base large small medium xl coder omni cli image video"
    " audio sdk vl moe math exp heavy beta alpha distill guard embedding"
    " reranker asr tts ocr".split()
)
"""Words that distinguish the models of a family."""
FOLLOWED = frozenset({"product", "coin"})
"""Kinds of names that may have versions and variants."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name as written, with the key that all its spellings in all languages share."""

    key: str
    text: str
    kind: str = ""
    """`company`, `product`, `institution`, `person`, `place`, `coin`, `title`, or "" if unknown."""


@dataclass(frozen=True, slots=True)
class _Table:
    """Indices of the known names."""

    latin: dict[str, list[tuple[tuple[str, ...], str, KnownName]]]
    """By first piece, longest first: all pieces in lower case, the spelling, the entry."""
    han: dict[str, list[tuple[str, KnownName]]]
    """By first character, longest first: the spelling, the entry."""
    tickers: dict[str, KnownName]


Placed = tuple[int, Name]
"""A start index and the name there."""


def find_names(text: str) -> list[Placed]:
    """Return names in Latin letters, and known ones in Chinese or Japanese, with their indices."""
    text = _blank_lookalikes(_with_plain_dashes(text), "latin")
    tokens = [_trimmed(match) for match in _TOKEN.finditer(text)]
    titled = _is_titled(tokens, text)
    known = _find_known(text, titled)
    spans = sorted((start, start + len(name.text)) for start, name in known)
    free = _outside(tokens, spans)
    return known + [
        name for run in _split_runs(free, text) for name in _find_unknown(run, text, titled)
    ]


def find_known_names(text: str) -> list[Placed]:
    """Return only the names of the vocabulary, with their indices."""
    text = _with_plain_dashes(text)
    return _find_known(text, _is_titled([_trimmed(match) for match in _TOKEN.finditer(text)], text))


def _find_known(text: str, titled: bool) -> list[Placed]:
    table = _load_table()
    known = [*_find_known_latin(text, table, titled), *_find_known_han(text, table)]
    return [*known, *_find_tickers(text, table)]


def select_names(names: Iterable[Name], text: str) -> tuple[Name, ...]:
    """Return those names of a text that occur in this part of it."""
    return tuple(name for name in names if _occurs(name.text, text))


def _occurs(name: str, text: str) -> bool:
    """Return True if the text has the name as a word of its own: "H100s" has H100."""
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
    """Return the entry of a spelling, ignoring case."""
    table, pieces = _load_table(), split_pieces(spelling)
    rows = table.latin.get(pieces[0], ()) if pieces else ()
    latin = next((entry for row_pieces, _, entry in rows if row_pieces == pieces), None)
    plain = simplify(spelling)
    return latin or next((e for han, e in table.han.get(plain[:1], ()) if han == plain), None)


def find_owners(name: str) -> tuple[KnownName, ...]:
    """Return the companies, institutions and places that own a name, ignoring case."""
    return _load_owners().get(name.lower(), ())


@cache
def _load_owners() -> dict[str, tuple[KnownName, ...]]:
    owners: dict[str, tuple[KnownName, ...]] = {}
    for entry in load_entries():
        for name in entry.owns:
            owners[name.lower()] = (*owners.get(name.lower(), ()), entry)
    return owners


def find_ticker(ticker: str) -> KnownName | None:
    """Return the company or coin of a ticker."""
    return _load_table().tickers.get(ticker.upper())


def simplify(text: str) -> str:
    """Return the text in simplified characters, of the same length."""
    return _simplifier()(text)


@cache
def _simplifier() -> Callable[[str], str]:
    return compile_table({pair[0]: pair[1] for pair in load_words("traditional")})


def list_han_spellings() -> list[str]:
    """Return the Chinese and Japanese spellings of all known names."""
    return [spelling for rows in _load_table().han.values() for spelling, _ in rows]


def split_pieces(text: str) -> tuple[str, ...]:
    """Split a name into words and numbers, in lower case: "GPT-5.2" is `gpt`, `5.2`."""
    pieces = (piece.lower() for piece in _PIECE.findall(text))
    return tuple(p[1:] if p[0] == "v" and p[1:2].isdigit() else p for p in pieces)


def name_key(pieces: Sequence[str]) -> str:
    """Return the key of these pieces. If one is a number, words come first in alphabetical order,
    so that "Claude 4.5 Haiku" and "Claude Haiku 4.5" share a key."""
    numbers = [p.removesuffix(".0") for p in pieces if p[-1].isdigit() or p[0].isdigit()]
    words = [p for p in pieces if not (p[-1].isdigit() or p[0].isdigit())]
    return " ".join([*sorted(words), *numbers] if numbers else words)


@cache
def _load_table() -> _Table:
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
    """Return True if nearly all words are capitalised, so that capitals carry no information; among
    Chinese words they do, because Chinese has no capitals."""
    words = [word for word, _, _ in tokens if len(word) > 3]
    capitals = sum(w[0].isupper() for w in words)
    if len(words) <= 4 or capitals <= TITLE_CASE * len(words):
        return False
    return sum(char > "\u2e7f" for char in text) <= len(words)


def _find_known_latin(text: str, table: _Table, titled: bool) -> Iterator[Placed]:
    matches = list(_PIECE.finditer(text))
    words = tuple([match[0].lower() for match in matches])
    done = 0
    for at in [at for at, word in enumerate(words) if word in table.latin]:
        start = matches[at].start()
        if start < done or text[start - 1 : start] == "$":
            continue
        for pieces, spelling, entry in table.latin[words[at]]:
            part = matches[at : at + len(pieces)]
            if words[at : at + len(pieces)] != pieces or not _are_adjacent(part, text):
                continue
            end = part[-1].end()
            if _is_written(text[start:end], spelling, entry, text, start, titled):
                name, done = _with_version(text, start, end, entry)
                yield start, name
                break


def _are_adjacent(part: Sequence[re.Match[str]], text: str) -> bool:
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
    """Return the name with the versions and variants after it, and its end."""
    followers, stop = _read_followers(text, end) if entry.kind in FOLLOWED else ([], end)
    key = name_key([*split_pieces(entry.key), *followers]) if followers else entry.key
    return Name(key, text[start:stop], entry.kind), stop


def _read_followers(text: str, end: int) -> tuple[list[str], int]:
    """Return the versions and variants that follow a name, and their end."""
    pieces: list[str] = []
    while match := _FOLLOWER.match(text, end):
        word = match[1]
        capital = match.group()[0] == "-" or word[0].isupper() or text.islower()
        if not _VERSION.fullmatch(word) and not (capital and word.lower() in VARIANTS):
            break
        pieces += split_pieces(word)
        end = match.end()
    return pieces, end


def _find_tickers(text: str, table: _Table) -> Iterator[Placed]:
    for match in _CASHTAG.finditer(text) if "$" in text else ():
        if entry := table.tickers.get(match[1].upper()):
            yield match.start(), Name(entry.key, match.group(), entry.kind)


def _outside(tokens: Iterable[_Token], spans: Sequence[tuple[int, int]]) -> list[_Token]:
    """Return the tokens that overlap none of the sorted spans."""
    free, place = [], 0
    for token in tokens:
        while place < len(spans) and spans[place][1] <= token[1]:
            place += 1
        if place == len(spans) or token[1] < spans[place][0] >= token[2]:
            free.append(token)
    return free


def _split_runs(tokens: Sequence[_Token], text: str) -> Iterator[list[_Token]]:
    """Yield runs of tokens that are separated by single spaces."""
    run: list[_Token] = []
    for token in tokens:
        if run and text[run[-1][2] : token[1]] != " ":
            yield run
            run = []
        run.append(token)
    if run:
        yield run


def _find_unknown(run: Sequence[_Token], text: str, titled: bool) -> Iterator[Placed]:
    """Yield the unlisted names in a run of tokens: the longest sequences of words with the form of
    a name; a capitalised common word counts only inside such a sequence."""
    roles = [
        "" if word.islower() and word.isalpha() else _find_role(word, text, start, titled)
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
            stop = _read_followers(text, stop)[1]
            yield start, Name(name_key(split_pieces(text[start:stop])), text[start:stop])
            end = next((i for i in range(end, len(run)) if run[i][1] >= stop), len(run))
        at = max(end, at + 1)


def _find_role(word: str, text: str, start: int, titled: bool) -> str:
    """Return "name" for a word with the form of a name, "word" for a capitalised common word that
    may be inside a name, or ""."""
    if len(word) < 2 or is_jargon(word):
        return ""
    if _NUMBERED.match(word):
        return _find_numbered_role(word)
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
    """Return True if the text is in capitals throughout."""
    return sum(map(str.isupper, text)) > 3 * sum(map(str.islower, text)) + 20


def _find_numbered_role(word: str) -> str:
    """Return the role of letters with digits: "gpt-5" and "H100" are names; "top-10", "Q3" and "v2"
    are not."""
    letters = re.split(r"[-\d]", word, maxsplit=1)[0]
    if _PERIOD.match(word) or is_jargon(letters):
        return ""
    if letters.islower():
        return "" if len(letters) < 2 or is_common(letters) else "name"
    return "" if len(letters) > 2 and is_common(letters) else "name"


def opens_sentence(text: str, at: int) -> bool:
    """Return True if the word at this index opens a sentence, a line or a quotation."""
    before = text[max(0, at - 4) : at].rstrip(" ")
    return not before or before[-1] in ".!?:;\n。！？：；“\"'(（|•-–—*"


def is_listed(word: str) -> bool:
    """Return True if the list of ordinary English words has this word, or its singular."""
    return not load_words("english").isdisjoint((word, word.removesuffix("s")))


@lru_cache(maxsize=1 << 14)
def is_common(word: str) -> bool:
    """Return True if an English word is an ordinary one, in any form."""
    common = load_words("english")
    lower = word.lower()
    parts = [part for part in re.split(r"[-'\u2019.&+_]", lower) if part]
    return all(any(form in common for form in _forms(part)) or part.isdigit() for part in parts)


@lru_cache(maxsize=1 << 14)
def is_jargon(word: str) -> bool:
    """Return True for technical terms that name nobody: LLM, GPU, CEO."""
    lower = word.lower()
    return bool({lower, lower.removesuffix("s")} & load_words("jargon"))


_ENDINGS = tuple("'s s es d ed r er ers ing ly ally est ness less ful able y ist".split())
_BEGINNINGS = tuple("re un non pre co over multi super mis de sub inter".split())


def _forms(word: str) -> Iterator[str]:
    """Yield the possible base forms of an English word."""
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


def _find_known_han(text: str, table: _Table) -> Iterator[Placed]:
    if text.isascii():
        return
    plain, end = _blank_lookalikes(simplify(text), "han"), 0
    for start in [place for place, char in enumerate(plain) if char in table.han]:
        if start < end:
            continue
        for spelling, entry in table.han[plain[start]]:
            if plain.startswith(spelling, start) and not _inside_katakana(plain, start, spelling):
                name, end = _with_version(text, start, start + len(spelling), entry)
                yield start, name
                break


def _blank_lookalikes(text: str, script: str) -> str:
    """Return the text with blanks for words that only contain a name: 小米粥, "MIT license"."""
    for word in load_lines("lookalikes", script):
        if word in text:
            text = text.replace(word, " " * len(word))
    return text


def _inside_katakana(text: str, start: int, spelling: str) -> bool:
    """Return True if the spelling is the middle of a longer katakana word."""
    if not "\u30a1" <= spelling[0] <= "\u30fe":
        return False
    around = text[max(0, start - 1) : start] + text[start + len(spelling) :][:1]
    return any("\u30a1" <= char <= "\u30fa" or char == "\u30fc" for char in around)
