"""Tokenise text for the search index: Latin words by stem, Chinese by pairs of characters, names by
the key that all their spellings share.

Chinese and Japanese need no dictionary this way: any two adjacent characters are found together.
英伟达, Nvidia and $NVDA are one token, `@nvidia`.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from digest.reading.names import find_entry, find_known_names, find_ticker, is_listed, simplify
from digest.reading.vocabulary import KnownName, load_words

MAX_QUERY_CHARS = 300
MAX_CLAUSES, MAX_SINGLES = 24, 4
"""Maximum clauses of a query, and of single characters among them, which cost most to look up."""
MAX_TOKEN_CHARS = 40

_CJK = "\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_RUN = re.compile(rf"[{_CJK}]+|\d+(?:[.,]\d+)*|(?:(?![{_CJK}\d_])\w)+")
"""Characters written without spaces, a number, or a word."""
_GLUED = re.compile(r"(?<![\w.])(?=\w*\d)(?=\w*[a-z])[a-z0-9]+(?:[.-][a-z0-9]+)*", re.I | re.A)
"""Words of letters and digits: H100, GPT-5.2."""
_HUMP = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_POSSESSIVE_END = re.compile(r"['\u2019]s\b")
_UNDOUBLED = "lsz"
"""Consonants that stay doubled before an ending: selling, passing."""


_NOT_WORD = re.compile(r"[\W_]+")


def squeeze_words(text: str) -> str:
    """Return only the words and numbers of a text, separated by blanks."""
    return _NOT_WORD.sub(" ", text).strip()


def find_digits(text: str) -> list[str]:
    """Return the runs of digits of a text, including those inside words."""
    return re.findall(r"\d+", text)


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a text and its span."""

    term: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Clause:
    """One term of a query, with the alternatives by which a text may match it."""

    alternatives: tuple[tuple[str, ...], ...]
    """Tokens of each alternative, all of which a text must have; `涨*` is a prefix."""
    weight: float = 1.0
    required: bool = True
    """False for common words, which a good result may lack."""
    pair: bool = False
    """True for a pair of characters, which may cross a word boundary."""

    def matches(self, tokens: str) -> bool:
        """Return True if a text matches an alternative; `tokens` has a space before and after each
        token."""
        return any(
            all(
                f" {term[:-1]}" in tokens if term[-1] == "*" else f" {term} " in tokens
                for term in way
            )
            for way in self.alternatives
        )


def find_tokens(text: str) -> list[Token]:
    """Return the tokens of a text: those of its known names, then of all its words in order."""
    return [*_name_tokens(text), *_glued_tokens(text), *_word_tokens(text)]


def index_text(text: str) -> str:
    """Return the different tokens of a text, separated by spaces."""
    return " ".join(dict.fromkeys(token.term for token in find_tokens(text)))


def find_matches(text: str, words: str) -> list[tuple[int, int]]:
    """Return the spans of the text that match a query."""
    terms = {term for clause in parse_query(words) for way in clause.alternatives for term in way}
    beginnings = tuple(term[:-1] for term in terms if term.endswith("*"))
    spans: list[tuple[int, int]] = []
    hits = (
        token
        for token in find_tokens(text)
        if token.term in terms or (beginnings and token.term.startswith(beginnings))
    )
    for token in sorted(hits, key=lambda token: (token.start, -token.end)):
        if spans and text[spans[-1][1] : token.start] in ("", " ", "-"):
            spans[-1] = spans[-1][0], max(spans[-1][1], token.end)
        else:
            spans.append((token.start, token.end))
    return spans


def parse_query(words: str) -> list[Clause]:
    """Return the clauses of a query, at most MAX_CLAUSES; none if it has no words.

    Every character is text: there are no operators. If all words are common, all are required.
    """
    # Chinese keyboards type letters and digits in full width.
    text = unicodedata.normalize("NFKC", words[:MAX_QUERY_CHARS])
    text = _POSSESSIVE_END.sub("", text)
    clauses: dict[Clause, None] = {}
    end = 0
    for start, stop, entry in _query_names(text):
        clauses |= dict.fromkeys(_clauses_between(text[end:start]))
        spelling = tuple(t for t in dict.fromkeys(_list_terms(text[start:stop])) if len(t) > 1)
        clauses[Clause(tuple(filter(None, ((f"@{_key(entry)}",), spelling))), 1.5)] = None
        end = stop
    clauses |= dict.fromkeys(_clauses_between(text[end:]))
    # A single Chinese character is a prefix of many tokens.
    singles = [clause for clause in clauses if clause.alternatives[0][0].endswith("*")]
    chosen = [c for c in clauses if c not in singles[MAX_SINGLES:]][:MAX_CLAUSES]
    if any(clause.required for clause in chosen):
        return chosen
    return [replace(clause, required=True) for clause in chosen]


def _query_names(text: str) -> Iterator[tuple[int, int, KnownName]]:
    """Yield the known names of a query from left to right, also in lower case."""
    named = [
        (start, start + len(name.text), entry)
        for start, name in find_known_names(text)
        if (entry := _entry_of(name.text))
    ]
    words = list(re.finditer(r"[$\w.&'-]+", text, re.ASCII))
    for first, match in enumerate(words):
        for last in range(min(first + 4, len(words)) - 1, first - 1, -1):
            span = text[match.start() : words[last].end()]
            entry = find_entry(span) or (_find_ticker(span) if first == last else None)
            if entry and span not in _PRONOUNS:
                named.append((match.start(), words[last].end(), entry))
                break
    end = 0
    for start, stop, entry in sorted(named, key=lambda name: (name[0], -name[1])):
        if start >= end:
            # The version after a name is a clause of its own.
            yield start, start + len(_without_version(text[start:stop])), entry
            end = start + len(_without_version(text[start:stop]))


def _find_ticker(word: str) -> KnownName | None:
    plain = word.lstrip("$")
    common = word.islower() and (len(word) < 3 or is_listed(word))
    return None if common else find_ticker(plain)


def _without_version(text: str) -> str:
    """Return a name without its version, or unchanged if the list has it with the version."""
    return text if find_entry(text) else re.sub(r"[\s-]*\d[\w.]*(?:[\s-].*)?$", "", text) or text


@lru_cache(maxsize=4096)
def _entry_of(text: str) -> KnownName | None:
    """Return the entry of a name with or without its version."""
    return find_entry(text) or find_entry(_without_version(text)) or find_ticker(text.lstrip("$"))


def _key(entry: KnownName) -> str:
    return re.sub(r"[^\w.]+", "_", entry.key)


def _name_tokens(text: str) -> Iterator[Token]:
    for start, name in find_known_names(text):
        if name.kind and (entry := _entry_of(name.text)):
            yield Token(f"@{_key(entry)}", start, start + len(name.text))


def _glued_tokens(text: str) -> Iterator[Token]:
    for match in _GLUED.finditer(text):
        term = match.group().lower().replace("-", "")
        yield Token(term[:MAX_TOKEN_CHARS], match.start(), match.end())


def _list_terms(text: str) -> Iterator[str]:
    return (token.term for token in _word_tokens(text))


def _word_tokens(text: str) -> Iterator[Token]:
    for match in _RUN.finditer(text):
        start, run = match.start(), match.group()
        if not _is_cjk(run[0]):
            yield Token(_normalize_word(run), start, match.end())
            yield from _split_humps(run, start)
            if run[2:].endswith("v") and text[match.end() : match.end() + 1].isdigit():
                yield Token(_normalize_word(run[:-1]), start, match.end() - 1)  # YOLOv8
            continue
        pairs = simplify(run)
        for place in range(len(pairs) - 1):
            yield Token(pairs[place : place + 2], start + place, start + place + 2)
        # The last character alone, so that a query of one character finds it at the end of a run.
        yield Token(pairs[-1], match.end() - 1, match.end())


def _split_humps(word: str, start: int) -> Iterator[Token]:
    """Yield the words in RishiBommasani."""
    pieces = list(_HUMP.finditer(word)) if not (word.islower() or word.isupper()) else []
    if len(pieces) > 1:
        for piece in pieces:
            yield Token(_normalize_word(piece.group()), start + piece.start(), start + piece.end())


def _is_cjk(char: str) -> bool:
    return "\u3041" <= char <= "\u30ff" or "\u3400" <= char <= "\u9fff" or char >= "\uf900"


def _normalize_word(word: str) -> str:
    """Return a number without its commas, or the stem of a word without its accents."""
    word = word[:MAX_TOKEN_CHARS]
    if word[0].isdigit():
        return word.replace(",", "")
    if not word.isascii():
        word = unicodedata.normalize("NFKD", word)
        word = "".join(char for char in word if char.isalnum())
    return stem_word(word.lower())


def stem_word(word: str) -> str:
    """Return the common stem of an English word's forms: release, releases, released, releasing."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > 4:
        word = f"{word[:-3]}y"
    elif word.endswith(("ses", "xes", "zes", "ches", "shes")):
        word = word[:-2]
    elif word.endswith("s") and word[-2] not in "sui":
        word = word[:-1]
    for ending in ("ing", "ed"):
        bare = word.removesuffix(ending)
        if bare != word and len(bare) > 2 and re.search("[aeiouy]", bare):
            twice = bare[-1] == bare[-2] and bare[-1] not in _UNDOUBLED
            word = bare[:-1] if twice else bare
            break
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def _clauses_between(text: str) -> Iterator[Clause]:
    """Yield the clauses of a text without known names."""
    end = 0
    for match in _GLUED.finditer(text):
        yield from _plain_clauses(text[end : match.start()])
        term = match.group().lower().replace("-", "")
        pieces = tuple(_list_terms(match.group()))
        yield Clause(tuple(dict.fromkeys([(term,), pieces])), 1.5)
        end = match.end()
    yield from _plain_clauses(text[end:])


def _plain_clauses(text: str) -> Iterator[Clause]:
    for match in _RUN.finditer(text):
        run = match.group()
        if not _is_cjk(run[0]):
            letter = len(run) == 1 and run.isalpha()
            common = letter or run.lower() in load_words("stop_words", "english")
            term = _normalize_word(run)
            yield Clause(((term,),), 0.3 if common else 1.0, required=not common)
            continue
        for part, common in _split_common(simplify(run)):
            word = part.rstrip(_QUESTION_ENDS).strip("谁") or part
            yield from _pair_clauses(word, common)


def _pair_clauses(part: str, common: bool) -> Iterator[Clause]:
    weight = 0.15 if common else 0.6
    if len(part) == 1:
        functional = common or part in _PARTICLES
        yield Clause(((f"{part}*",),), weight / 2, required=not functional)
    for pair in map("".join, pairwise(part)):
        yield Clause(((pair,),), weight, required=not common, pair=True)


_PARTICLES = frozenset("的了吗呢吧啊在是有和与及或被把对从向为由到就也都还又很最更这那个")
"""Characters without meaning on their own."""
_QUESTION_ENDS = "了吗呢吧啊"
_PRONOUNS = ("who", "us")
"""Words that are not an organisation (WHO) or a country in lower case."""


def _split_common(run: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a run between common words such as 什么, and those words."""
    common = load_words("stop_words", "chinese")
    start = place = 0
    while place < len(run):
        size = next((n for n in (4, 3, 2) if run[place : place + n] in common), 0)
        if not size:
            place += 1
            continue
        if start < place:
            yield run[start:place], False
        yield run[place : place + size], True
        start = place = place + size
    if start < len(run):
        yield run[start:], False
