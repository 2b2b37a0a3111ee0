"""The words of a day for the cloud: names whole, each word counted once a post.

Counting posts and not occurrences (document frequency) keeps one long or repetitive post from
owning the picture; that holds for merged words too, so posts are kept as sets until the end.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from functools import cache

from digest.reading.names import Name
from digest.reading.readings import Reading
from digest.reading.vocabulary import load_lines, load_words

POST_CHARS = 1500
"""Characters of a post that are counted."""
LONGEST = 24
"""Characters of a word; longer ones are no words."""

_LATIN = re.compile(
    r"(?<![^\W\u3000-\u9fff])[A-Za-z][A-Za-z0-9+]*(?:[.'\u2019-][A-Za-z0-9+]+)*(?![^\W\u3000-\u9fff])"
)
_CODE = re.compile(r"[a-z]?\d+\w?")
_DASHES = re.compile(r"[\s\u2010-\u2015_-]+")
_NUMERAL = re.compile(
    r"[一二三四五六七八九十百千万亿两几第半]+[个年月周日号天次条种位名枚倍点分秒元块多来]*"
)


def count_words(
    readings: Sequence[Reading], *, terms: Collection[str] = (), limit: int = 100
) -> dict[str, int]:
    """Return how many posts use each word, most first, ties by alphabet; spelled as most of them
    do.

    `terms` stay whole besides those of the vocabulary, such as the names that a topic watches.
    """
    pattern = _terms_pattern(frozenset(terms))
    users: defaultdict[str, set[int]] = defaultdict(set)  # the posts that use a word, by number
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for number, reading in enumerate(readings):
        if reading.language == "other":
            continue
        words: dict[str, str] = {}
        for key, word in _words(reading, pattern):
            words.setdefault(key, word)
        for key, word in words.items():
            users[key].add(number)
            spellings[key][word] += 1
    _merge_plurals(users)
    ordered = sorted(users.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    return {_spelling(spellings[key]): len(posts) for key, posts in ordered[:limit]}


def _spelling(seen: Counter[str]) -> str:
    return max(seen.items(), key=lambda entry: (entry[1], entry[0]))[0]


def _words(reading: Reading, terms: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Yield key and spelling of the names of a post, then of the terms and words between them."""
    text, parts, end = reading.plain[:POST_CHARS], [], 0
    for start, name in reading.placed_names:
        if start >= POST_CHARS:
            break
        if _is_shown(name):
            yield _name_key(name), " ".join(name.text.removeprefix("$").split())
        parts += [text[end:start], " " * len(name.text)]
        end = start + len(name.text)
    between = "".join([*parts, text[end:]])
    for match in terms.finditer(between):
        yield _word_key(match.group()), " ".join(match.group().split())
    for match in _LATIN.finditer(terms.sub(" ", between)):
        if _tells(match.group()):
            yield _word_key(match.group()), match.group()
    for word, _, start in reading.han_words:
        if between[start : start + 1].strip() and _tells_in_chinese(word):
            yield _word_key(word), word


def _is_shown(name: Name) -> bool:
    plain = name.text.lower().removesuffix("s")
    common = {name.text.lower(), plain} & _stop_words()
    return name.kind != "title" and 2 <= len(name.text) <= LONGEST + 8 and not common


def _name_key(name: Name) -> str:
    return name.key if any(map(str.isdigit, name.key)) else _same(name.key.replace(" ", ""))


def _word_key(word: str) -> str:
    """Return what spellings of one word share: case, dashes and spaces do not count."""
    return _same(_DASHES.sub("", word.lower()))


def _same(key: str) -> str:
    return _synonyms().get(key, key)


@cache
def _synonyms() -> dict[str, str]:
    return dict(pair.split(":") for pair in load_words("terms", "synonyms"))


@cache
def _stop_words() -> frozenset[str]:
    return load_words("stop_words")


@cache
def _terms_pattern(further: frozenset[str]) -> re.Pattern[str]:
    """Return a pattern of the terms that stay whole, longest first."""
    terms = {*load_lines("terms", "terms"), *(t for t in further if " " in t or not t.isascii())}
    longest = sorted(terms, key=lambda term: (-len(term), term))
    return re.compile("|".join(map(_whole, longest)), re.IGNORECASE)


def _whole(term: str) -> str:
    """Return the term as a pattern; a Latin end is not inside another word."""
    pattern = r"[\s\u2010-\u2015-]?".join(re.escape(part) for part in _DASHES.split(term))
    before = r"(?<![A-Za-z0-9])" if term[0].isascii() else ""
    return before + pattern + (r"(?![A-Za-z0-9])" if term[-1].isascii() else "")


def _tells(word: str) -> bool:
    bare = word.lower().replace("\u2019", "'").split("'")[0]
    short = len(bare) == 2 and not word.isupper()
    common = not _stop_words().isdisjoint((bare, bare.removesuffix("s")))
    return not short and 2 <= len(bare) <= LONGEST and not common and not _CODE.fullmatch(bare)


def _tells_in_chinese(word: str) -> bool:
    return 2 <= len(word) <= 8 and word not in _stop_words() and not _NUMERAL.fullmatch(word)


def _merge_plurals(users: dict[str, set[int]]) -> None:
    """Count "models" with "model" and "communities" with "community" where both are used."""
    for key in [key for key in users if key.endswith("s") and len(key) > 3]:
        for singular in (key[:-1], key.removesuffix("ies") + "y"):
            if singular in users:
                users[singular] |= users.pop(key)
                break
