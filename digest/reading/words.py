"""Count the words of a day for the word cloud: names as a whole, each word once per post.

The count is document frequency, so that one long or repetitive post cannot dominate the picture.
Posts are kept as sets until words are merged, so that merged words are counted once too.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache, lru_cache

from digest.reading.names import Name
from digest.reading.readings import Reading
from digest.reading.vocabulary import load_lines, load_words

POST_CHARS = 1500
"""Characters of a post that are counted."""
LONGEST = 24
"""Maximum characters of a word."""

_LETTER = r"[^\W\u3000-\u9fff]"
_LATIN = re.compile(
    rf"(?<!{_LETTER})[A-Za-z][A-Za-z0-9+]*(?:[.'\u2019-][A-Za-z0-9+]+)*(?!{_LETTER})"
)
_CODE = re.compile(r"[a-z]?\d+\w?")
_DASHES = re.compile(r"[\s\u2010-\u2015_-]+")
_NUMERAL = re.compile(
    r"[一二三四五六七八九十百千万亿两几第半]+[个年月周日号天次条种位名枚倍点分秒元块多来]*"
)


def count_words(
    readings: Sequence[Reading], *, terms: Collection[str] = (), limit: int = 100
) -> dict[str, int]:
    """Return the number of posts that use each word, most frequent first, ties in alphabetical
    order, in the most common spelling.

    `terms`, such as the names that a topic watches, are kept whole like those of the vocabulary.
    """
    phrases = _list_phrases(frozenset(terms))
    users: defaultdict[str, set[int]] = defaultdict(set)  # the posts that use a word, by number
    spellings: Counter[tuple[str, str]] = Counter()
    for number, reading in enumerate(readings):
        if reading.language == "other":
            continue
        words: dict[str, str] = {}
        for key, word in _list_words(reading, phrases):
            words.setdefault(key, word)
        spellings.update(words.items())
        for key in words:
            users[key].add(number)
    names = {_name_key(name) for reading in readings for name in reading.names if name.kind}
    _merge_plurals(users, names)
    ordered = sorted(users.items(), key=lambda entry: (-len(entry[1]), entry[0]))[:limit]
    usual = _usual_spellings(spellings, {key for key, _ in ordered})
    return {usual[key]: len(posts) for key, posts in ordered}


def remove_words(counts: Mapping[str, int], readings: Sequence[Reading]) -> dict[str, int]:
    """Return the counts without those of these posts, most frequent first."""
    phrases = _list_phrases(frozenset(counts))
    removed: Counter[str] = Counter()
    for reading in readings:
        if reading.language != "other":
            words = [(key, _word_key(word)) for key, word in _list_words(reading, phrases)]
            removed.update({_singular(key) for keys in words for key in keys})
    left = {word: count - removed[_singular(_word_key(word))] for word, count in counts.items()}
    ordered = sorted(left.items(), key=lambda entry: -entry[1])
    return {word: count for word, count in ordered if count > 0}


def _singular(key: str) -> str:
    return key.removesuffix("ies") + "y" if key.endswith("ies") else key.removesuffix("s")


def _usual_spellings(
    spellings: Mapping[tuple[str, str], int], keys: Collection[str]
) -> dict[str, str]:
    """Return the most common spelling of each key."""
    usual: dict[str, tuple[int, str]] = {}
    for (key, spelling), count in spellings.items():
        if key in keys:
            usual[key] = max(usual.get(key, (0, "")), (count, spelling))
    return {key: spelling for key, (_, spelling) in usual.items()}


def _list_words(reading: Reading, phrases: Sequence[str]) -> Iterator[tuple[str, str]]:
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
    small = between.lower()
    for phrase in phrases:
        if (place := small.find(phrase)) >= 0:
            yield _word_key(phrase), between[place : place + len(phrase)]
            small = small.replace(phrase, " " * len(phrase))
            between = _blank_out(between, small)
    for word in filter(_is_shown_word, _LATIN.findall(between)):
        yield _word_key(word), word
    for word, _, start in reading.han_words:
        if between[start : start + 1].strip() and _is_shown_han_word(word):
            yield _word_key(word), word


def _is_shown(name: Name) -> bool:
    plain = name.text.lower().removesuffix("s")
    common = {name.text.lower(), plain} & load_words("stop_words")
    return name.kind != "title" and 2 <= len(name.text) <= LONGEST + 8 and not common


def _name_key(name: Name) -> str:
    return (
        name.key if any(map(str.isdigit, name.key)) else _merge_synonym(name.key.replace(" ", ""))
    )


@lru_cache(maxsize=1 << 14)
def _word_key(word: str) -> str:
    """Return the key of a word: case, dashes and spaces are ignored."""
    return _merge_synonym(_DASHES.sub("", word.lower()))


def _merge_synonym(key: str) -> str:
    return _load_synonyms().get(key, key)


@cache
def _load_synonyms() -> dict[str, str]:
    return dict(pair.split(":") for pair in load_words("terms", "synonyms"))


@cache
def _list_phrases(watched: frozenset[str]) -> tuple[str, ...]:
    """Return the terms that no other step keeps whole, in lower case, longest first: those with
    spaces, and Chinese ones that jieba does not know."""
    spaced = [term for term in load_lines("terms", "terms") if " " in term]
    phrases = {t.lower() for t in (*spaced, *watched) if " " in t or not t.isascii()}
    return tuple(sorted(phrases, key=lambda phrase: (-len(phrase), phrase)))


def _blank_out(text: str, blanks: str) -> str:
    """Return the text with a blank wherever `blanks`, of the same length, has one."""
    if len(text) != len(blanks):  # some letters are longer in lower case
        return blanks
    return "".join(" " if b == " " else c for c, b in zip(text, blanks, strict=True))


@lru_cache(maxsize=1 << 14)
def _is_shown_word(word: str) -> bool:
    bare = word.lower().replace("\u2019", "'").split("'")[0]
    short = len(bare) == 2 and not word.isupper()
    common = not load_words("stop_words").isdisjoint((bare, bare.removesuffix("s")))
    return not short and 2 <= len(bare) <= LONGEST and not common and not _CODE.fullmatch(bare)


def _is_shown_han_word(word: str) -> bool:
    is_word = 2 <= len(word) <= 8 and word not in load_words("stop_words")
    return is_word and not _NUMERAL.fullmatch(word)


def _merge_plurals(users: dict[str, set[int]], names: Collection[str]) -> None:
    """Merge plurals into singulars that are used too ("models", "communities"), except names such
    as "Windows"."""
    for key in [key for key in users if key.endswith("s") and len(key) > 3 and key not in names]:
        for singular in (key[:-1], key.removesuffix("ies") + "y"):
            if singular in users:
                users[singular] |= users.pop(key)
                break
