"""Find Chinese and Japanese names that no list has, by the words around them.

jieba's tags are not enough: of the words tagged as names in 3,000 posts one in six is a name. So a
word counts as a name only if the text uses it as one: before a company suffix (宇树+科技), before
a news verb at the start of a sentence (智谱发布), beside a verb of speech or an office (教授),
between 《》, or if it is spelled with the characters of transliterated names.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from digest.reading.names import Name
from digest.reading.segment import NEW, Word
from digest.reading.vocabulary import load_words

_TITLE = re.compile(r"《\s*([^《》\n。！？，：]{2,20}?)\s*》")
_KATAKANA = re.compile(
    r"[\u30a1-\u30fa\u30fc]{3,16}(?=社|氏|株式会社|グループ|大学|銀行|[はがも、])"
)
_TELLING = frozenset({NEW, "nr", "nz", "nt", "nrt", "nrfg", "j"})
"""jieba's tags of which a name must have at least one."""
_NOUNS = _TELLING | frozenset({"n", "ns", "vn", "ng", "x", "an", "b"})
_STEMS = frozenset({NEW, "nr", "nz", "nrt", "ns"})
_NAMING = _STEMS | {"nt"}
"""Tags of a name that is a single word."""
LONGEST = 6
"""Maximum characters of a name before a verb."""


def find_han_names(
    text: str, language: str, words: Sequence[Word], listed: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, Name]]:
    """Yield the names of a text with their indices. `words` are its Han words as split by jieba;
    `listed` are the spans of listed names."""
    names = [(m.start(1), Name(_title_key(m[1]), m[1], "title")) for m in _TITLE.finditer(text)]
    if language == "ja":
        names += _find_katakana_names(text)
    if language == "zh":
        names += find_foreign_names(text)
        for run in _split_runs(words):
            names += _find_names_in_run(run, _opens_clause(text, run[0][2]))
    spans = list(listed)
    for start, name in names:
        end = start + len(name.text)
        if not any(a < end and start < b for a, b in spans):
            spans.append((start, end))
            yield start, name


def _split_runs(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Yield runs of adjacent words."""
    run: list[Word] = []
    for word in words:
        if run and run[-1][2] + len(run[-1][0]) != word[2]:
            yield run
            run = []
        run.append(word)
    if run:
        yield run


def _opens_clause(text: str, start: int) -> bool:
    """Return True if a sentence or clause begins at this index."""
    return not text[:start].strip() or text[start - 1] in "。！？；\n：】》|，、 "


def _title_key(title: str) -> str:
    return re.sub(r"\W", "", title).lower()


def _find_katakana_names(text: str) -> Iterator[tuple[int, Name]]:
    for match in _KATAKANA.finditer(text):
        if match.group() not in _cues("loanwords"):
            yield match.start(), Name(match.group(), match.group())


def find_foreign_names(text: str) -> Iterator[tuple[int, Name]]:
    """Yield foreign names with a dot between their parts."""
    for match in _dotted_name().finditer(text):
        yield match.start(), Name(match.group().replace("・", "·"), match.group(), "person")


@cache
def _dotted_name() -> re.Pattern[str]:
    part = f"[{''.join(sorted(_cues('transliteration')))}]{{1,6}}"
    return re.compile(f"{part}(?:[·・]{part})+")


def _find_names_in_run(words: Sequence[Word], opens: bool) -> Iterator[tuple[int, Name]]:
    for i, (word, tag, start) in enumerate(words):
        following = words[i + 1][0] if i + 1 < len(words) else ""
        if i and word in _cues("organisations") and _is_stem(words[i - 1]):
            name = words[i - 1][0] + word
            yield words[i - 1][2], Name(name, name, "company")
        elif tag not in _NAMING:
            continue
        elif _is_whole_organisation(word, tag):
            yield start, Name(word, word, "company")
        elif _is_person(words, i, following):
            yield start, Name(word, word, "person")
        elif name := _join_transliterated(words, i):
            yield start, Name(name, name, "person")
    if opens and (name := _find_subject(words)):
        yield words[0][2], Name(name, name)


_FOREIGN = (NEW, "nr", "nrt", "ns", "nz")
"""Tags of words that may be transliterated."""


def _is_stem(word: Word) -> bool:
    """Return True if the word before a company suffix is its name rather than its business."""
    spelling, tag, _ = word
    return len(spelling) > 1 and tag in _STEMS and not _is_ordinary(spelling)


def _is_ordinary(word: str) -> bool:
    listed = word in _cues("generic") or word in load_words("stop_words", "chinese")
    return listed or word[:1] in _cues("function")


def _is_whole_organisation(word: str, tag: str) -> bool:
    long = len(word) >= 4 and tag in (NEW, "nt", "nz")
    return long and word[-2:] in _cues("organisations") and not _is_ordinary(word[:-2])


def _is_person(words: Sequence[Word], i: int, following: str) -> bool:
    """Return True if a word of two or three characters that begins with a surname speaks or holds
    an office."""
    word, tag, _ = words[i]
    if not (2 <= len(word) <= 3 and tag in (NEW, "nr") and word[0] in _surnames()):
        return False
    if _is_ordinary(word):
        return False
    before = words[i - 1][0] if i else ""
    return following in load_words("speech", "chinese") or not _cues("roles").isdisjoint(
        (before, following)
    )


def find_opening_people(text: str, words: Sequence[Word]) -> Iterator[str]:
    """Yield words of three characters that begin a clause with a surname: 崔泰源抵达河内."""
    for word, tag, start in words:
        person = len(word) == 3 and tag in (NEW, "nr") and word[0] in _surnames()
        ordinary = _is_ordinary(word) or word[-1] in _cues("nouns")
        # 唐纳德·特朗普 is found by his last name.
        first = text[start + 3 : start + 4] in ("·", "・")
        if person and not (ordinary or first) and _opens_clause(text, start):
            yield word


def _join_transliterated(words: Sequence[Word], i: int) -> str:
    """Return a transliterated name of three characters or more, or "". The segmenter cuts the last
    characters of unknown ones off: 阿莫 林."""
    name, tag, _ = words[i]
    if tag not in _FOREIGN or not _cues("transliteration").issuperset(name):
        return ""
    for word, _, _ in words[i + 1 :] if tag in (NEW, "nrt") else ():
        if len(word) > 1 or word not in _cues("transliteration"):
            break
        name += word
    return name if len(name) > 2 else ""


def _find_subject(words: Sequence[Word]) -> str:
    """Return the name before a news verb at the start of a sentence, or ""."""
    for count, (verb, _, _) in enumerate(words[:4]):
        if count and verb in _cues("acts"):
            name = "".join(word for word, _, _ in words[:count])
            # A pronoun before a word in no dictionary is part of a name: 它石智航.
            begin = count > 1 and words[0][1] == "r" and words[1][1] == NEW
            words = words[begin:]
            count -= begin
            nouns = all(tag in _NOUNS or word == "之" for word, tag, _ in words[:count])
            telling = any(tag in _TELLING and len(word) > 1 for word, tag, _ in words[:count])
            ordinary = any(_is_ordinary(word) for word, _, _ in words[:count])
            fits = 2 <= len(name) <= LONGEST and nouns and telling and not ordinary
            return name if fits else ""
    return ""


@cache
def _surnames() -> frozenset[str]:
    return frozenset("".join(row.split(":")[1] for row in load_words("surnames")))


def _cues(table: str) -> frozenset[str]:
    return load_words("han_cues", table)
