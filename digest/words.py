"""The words of a day: names whole, Chinese cut by jieba, each counted once a post.

Counting posts and not occurrences (document frequency) keeps one long or repetitive post from owning
the picture; that holds for merged words too, so posts are kept as sets until the end.
"""

from __future__ import annotations

import itertools
import logging
import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import IO, Any

from digest.models import Post
from digest.sieve import Sieve
from digest.text import language, plain

POST_CHARS = 1500
RUN = 200
"""Han characters cut at a time: jieba's model grows faster than linearly with a run without stops."""
LONGEST = 24
"""Characters of a word; longer ones are no words."""
_LISTS = Path(__file__).parent / "wordlists"

_VARIANT = "Pro|Max|Mini|Ultra|Flash|Turbo|Lite|Nano|Plus|Air|Opus|Sonnet|Haiku|Code|Codex|CLI|Think|Thinking|Instruct|Vision|Image|Video|Audio|Preview|OSS|SDK|API"
_GAP = r"[ \u2010-\u2015-]"
_FIRST = r"(?<![A-Za-z0-9])[a-z]?[A-Z][A-Za-z]{1,23}"
"""First word of a name, "Meridian" or "iPhone": whole and short, or capitals without end cost 100 ms a post."""
_VERSIONED = re.compile(
    rf"{_FIRST}(?:{_GAP}[A-Z][A-Za-z]+){{0,2}}{_GAP}?v?\d+(?:\.\d+)*[A-Za-z]?(?![\w.]*\d)(?:{_GAP}(?:{_VARIANT}))*(?![A-Za-z])"
    rf"|{_FIRST}(?:{_GAP}(?:{_VARIANT}))+(?![A-Za-z])"
)
_PAIR = re.compile(r"(?=\b([A-Z][a-z]{2,})\b(?: ([A-Z][a-z]{2,})\b)?)")
_LATIN = re.compile(
    r"(?<![^\W\u3000-\u9fff])[A-Za-z][A-Za-z0-9+]*(?:[.'’-][A-Za-z0-9+]+)*(?![^\W\u3000-\u9fff])"
)
_HAN = re.compile(r"[\u4e00-\u9fff]+")
# Where both cases are named, to leave the other case alone compiles three times as fast.
_BEFORE, _AFTER = r"(?-i:(?<![A-Za-z0-9]))", r"(?-i:(?![A-Za-z0-9]|\.\d))"
_CODE = re.compile(r"[a-z]?\d+\w?")
_DASHES = re.compile(r"[\s\u2010-\u2015_-]+")
_GLUE = re.compile(r"(?<=[a-z])(?=\d)")

_NUMBER = re.compile(r"\b\d")
_TWO = 6
"""Bytes of two Han characters."""
_SPACE = ord(" ")
_READ = 1 << 18
"""Bytes of the dictionary that are read at a time."""
TOTAL = 60_101_967
"""Sum of the frequencies in the dictionary of the one version of jieba that is used; a test adds them up."""

ALIASES: Mapping[str, str] = {
    "谷歌": "google",
    "微软": "microsoft",
    "微軟": "microsoft",
    "nvidia": "英伟达",
    "輝達": "英伟达",
    "btc": "比特币",
    "bitcoin": "比特币",
    "eth": "以太坊",
    "ethereum": "以太坊",
    "agent": "智能体",
    "agents": "智能体",
    "aiagent": "智能体",
    "aiagents": "智能体",
    "llms": "llm",
}
"""Well-known names that are one thing in two languages, as `_key` spells them."""


def wordcounts(
    posts: Sequence[Post], *, names: Collection[str] = (), limit: int = 100
) -> dict[str, int]:
    """How many posts use each word, most first, ties by alphabet; spelled as most of them do.

    `names` are further names that stay whole, such as the topic's keywords.
    """
    readable = [post for post in posts if language(post.text) != "other"]
    texts = [plain(post.text[: 2 * POST_CHARS])[:POST_CHARS] for post in readable]
    whole = _names_of(texts, names)
    # The Han words of other languages are not Chinese ones.
    chinese = [language(post.text) == "zh" for post in readable]
    cutter = _Cutter([text for text, han in zip(texts, chinese, strict=True) if han])
    keys: dict[str, str] = {}
    users: defaultdict[str, set[int]] = defaultdict(set)  # the posts that use a word, by number
    spelled: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for number, (text, han) in enumerate(zip(texts, chinese, strict=True)):
        seen: dict[str, str] = {}
        for word in _words(text, whole, cutter if han else None):
            if word not in keys:
                keys[word] = _key(word)
            seen.setdefault(keys[word], word)
        for key, word in seen.items():
            users[key].add(number)
            spelled[key][word] += 1
    _merge_plurals(users)
    _merge_versions(users)
    ordered = sorted(users.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    return {_spelling(spelled[key]): len(numbers) for key, numbers in ordered[:limit]}


def _key(word: str) -> str:
    """What spellings of one word share: case, dashes and spaces do not count."""
    key = _GLUE.sub(" ", _DASHES.sub(" ", word.lower())).strip()
    numbered = _NUMBER.search(key)  # "Claude 4.5 Haiku" and "Claude Haiku 4.5" are one,
    # and so are "on-chain" and "onchain", "machine learning" and "MachineLearning".
    key = " ".join(sorted(key.split())) if numbered else key.replace(" ", "")
    return ALIASES.get(key, key)


def _spelling(seen: Counter[str]) -> str:
    return max(seen.items(), key=lambda entry: (entry[1], entry[0]))[0]


def _names_of(texts: Sequence[str], further: Collection[str]) -> Sieve:
    """Patterns of all names that stay whole: the known ones, and names with a version or a variant
    ("Meridian 3.2 Pro") that at least two posts use."""
    seen: Counter[str] = Counter()  # in how many posts, by key
    spelled: dict[str, str] = {}
    for text in texts:
        names = [_bare_name(match.group()) for match in _VERSIONED.finditer(text)]
        here = {_key(name): name for name in names if name}
        seen.update(here.keys())
        spelled.update(here)
    found = {spelled[key] for key, count in seen.items() if count > 1} | _pairs(texts)
    known = {*_listed("names.txt"), *(n for n in further if " " in n or not n.isascii())}
    longest = sorted(found | known, key=lambda name: (-len(name), name))
    latin = [rf"{_BEFORE}{_escaped(name)}" for name in longest if name[0].isascii()]
    other = [_escaped(name) for name in longest if not name[0].isascii()]
    return Sieve((*latin, *other))


def _bare_name(found: str) -> str:
    """Without common words in front ("Introducing Veo 3.1"); empty if no name is left ("Step 1")."""
    words = found.split(" ")
    while words and words[0].lower() in stop_words():
        words.pop(0)
    name = " ".join(words)
    return name if _VERSIONED.fullmatch(name) else ""


def _pairs(texts: Sequence[str]) -> set[str]:
    """Two capitalised words that mostly stand together ("Kitewick Robotics") are one name."""
    single: Counter[str] = Counter()
    double: Counter[tuple[str, str]] = Counter()
    for text in texts:
        words = [match.groups() for match in _PAIR.finditer(text)]
        single.update({word for pair in words for word in pair if word})
        double.update({(first, second) for first, second in words if second})
    return {
        f"{first} {second}"
        for (first, second), count in double.items()
        if count >= 3
        and count >= 0.6 * min(single[first], single[second])
        and not {first.lower(), second.lower()} & stop_words()
    }


def _escaped(name: str) -> str:
    """The name as a pattern; a Latin end is not inside another word, nor before a longer version."""
    pattern = r"[\s\u2010-\u2015-]?".join(re.escape(part) for part in _DASHES.split(name))
    return pattern + (_AFTER if name[-1].isascii() else "")


def _words(text: str, whole: Sieve, cutter: _Cutter | None) -> Iterable[str]:
    rest, at = "", 0
    for match in whole.matches(text):
        yield " ".join(match.group().split())
        rest += text[at : match.start()] + " \n "
        at = match.end()
    rest += text[at:]
    for match in _LATIN.finditer(rest):
        if _tells(match.group()):
            yield match.group()
    if cutter:
        for match in _HAN.finditer(rest):
            yield from cutter.words(match.group())


@lru_cache(maxsize=4096)  # most words of a text are among the most frequent of all
def _tells(word: str) -> bool:
    bare = word.lower().replace("’", "'").split("'")[0]
    short = len(bare) == 2 and not word.isupper()
    return (
        not short
        and 2 <= len(bare) <= LONGEST
        and bare not in stop_words()
        and bare.removesuffix("s") not in stop_words()
        and not _CODE.fullmatch(bare)
    )


_NUMERAL = re.compile(
    r"[一二三四五六七八九十百千万亿两几第半]+[个年月周日号天次条种位名枚倍点分秒元块多来]*"
)


class _Cutter:
    """jieba, with those words of its dictionary that can stand in given texts: the same cuts, in a
    fifth of the time to load and of the memory, and no file left in a shared folder."""

    def __init__(self, texts: Sequence[str]) -> None:
        names = [name for name in _listed("names.txt") if not name.isascii()]
        runs = [run for text in (*texts, *names) for run in _HAN.findall(text)]
        self._pairs = {pair for run in runs for pair in map("".join, itertools.pairwise(run))}
        self._names = names

    def words(self, han: str) -> Iterable[str]:
        """Words that say something of a run of Han characters."""
        for at in range(0, len(han), RUN):
            for word in self._jieba.cut(han[at : at + RUN]):
                if (
                    2 <= len(word) <= 8
                    and word not in stop_words()
                    and not _NUMERAL.fullmatch(word)
                ):
                    yield word

    @cached_property
    def _jieba(self) -> Any:
        import jieba

        jieba.setLogLevel(logging.ERROR)
        pairs = self._pairs

        class Cutter(jieba.Tokenizer):  # type: ignore[misc]
            def initialize(self, dictionary: str | None = None) -> None:
                self.FREQ, self.total = _dictionary(self.get_dict_file(), pairs), TOTAL
                self.initialized = True

            def get_DAG(self, sentence: str) -> None:
                """Not needed: `calc` looks words up itself."""
                self.check_initialized()

            def calc(self, sentence: str, _: None, route: dict[int, tuple[float, int]]) -> None:
                _best_route(sentence, self.FREQ, self.total, route)

        cutter = Cutter()
        for name in self._names:
            cutter.add_word(name)
        return cutter


def _dictionary(file: IO[bytes], pairs: Collection[str]) -> dict[str, int]:
    """Words whose first and last two characters are neighbours somewhere, how frequent each is, and its
    beginnings with 0, as jieba wants them."""
    frequency: dict[str, int] = {}
    known = {pair.encode() for pair in pairs}
    with file:
        while lines := file.readlines(_READ):
            # Most lines are passed over: to decode and split them all takes twice as long.
            for line in [one for one in lines if one[:_TWO] in known or one[_TWO // 2] == _SPACE]:
                said, count, _ = line.split(b" ", 2)
                word = said.decode()
                if said[-_TWO:] in known or len(word) == 1:
                    frequency[word] = int(count)
                    for end in range(1, len(word)):
                        frequency.setdefault(word[:end], 0)
    return frequency


def _best_route(
    sentence: str, frequency: Mapping[str, int], total: int, route: dict[int, tuple[float, int]]
) -> None:
    """The likeliest words from each place on, and where the first ends; jieba's own sums, in one loop."""
    logtotal = math.log(total)
    size = len(sentence)
    route[size] = (0.0, 0)
    for start in range(size - 1, -1, -1):
        best, last, end = -math.inf, start, start + 1
        while end <= size and (number := frequency.get(sentence[start:end])) is not None:
            if number:
                worth = math.log(number) - logtotal + route[end][0]
                if worth >= best:
                    best, last = worth, end - 1
            end += 1
        if best == -math.inf:
            best = -logtotal + route[start + 1][0]
        route[start] = (best, last)


@cache
def stop_words() -> frozenset[str]:
    """Words of both languages too common to say anything."""
    return frozenset(
        w for name in ("stop_en.txt", "stop_zh.txt") for line in _listed(name) for w in line.split()
    )


@cache
def _listed(name: str) -> tuple[str, ...]:
    lines = (_LISTS / name).read_text(encoding="utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _merge_plurals(users: dict[str, set[int]]) -> None:
    """ "Models" goes to "model" and "communities" to "community" where both are used."""
    for key in [key for key in users if key.endswith("s") and len(key) > 3]:
        for one in (key[:-1], key.removesuffix("ies") + "y"):
            if one in users:
                users[one] |= users.pop(key)
                break


def _merge_versions(users: dict[str, set[int]]) -> None:
    """ "Haiku 4.5" and "Claude Haiku 4.5" are counted together, "Gemini 3" and "Gemini 3 Pro" are not."""
    variants = set(_VARIANT.lower().split("|"))
    versioned = {key: set(key.split()) for key in users if _NUMBER.search(key) and " " in key}
    for short, words in versioned.items():
        longer = [
            k
            for k, others in versioned.items()
            if k in users and words < others and not (others - words) & variants
        ]
        if short in users and longer:
            longest = max(longer, key=lambda key: (len(users[key]), key))
            into, gone = sorted((short, longest), key=lambda key: -len(users[key]))
            users[into] |= users.pop(gone)
