"""Read the names in posts in the forms by which names of a statement are looked up: words and their
parts, versions and their names, tags, initials, sounds."""

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise, permutations

from digest.reading.names import VARIANTS, Name, find_entry, find_names, find_ticker, simplify
from digest.reading.sounds import Sounds, unaccent
from digest.reading.units import find_unit

_LATIN = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
_WORD = re.compile(rf"[{_LATIN}][{_LATIN}0-9]*(?:['.&+_-][{_LATIN}0-9]+)*")
_PIECE = re.compile(r"[a-z][a-z0-9'-]{2,}|\d+|[\u4e00-\u9fff]{2,}")
_SEGMENT = re.compile(rf"[{_LATIN}]+|\d+(?:\.\d+)*")
_CAMEL = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+(?:\.\d+)*")
_TAG = re.compile(r"[@#]\w+|(?<![\w-])[\w-]{1,80}(?:\.[\w-]{1,80})+")
_TAIL = re.compile(r"(?:-[a-z]+)+$")
"""The suffix of Yahoo-style, Gemma-based."""
_ORDINARY_ENDINGS = tuple(
    "ing ed tion ment ness ly ity ous ful able ible ive al ary ism ist point s".split()
)
"""Endings of ordinary words that open a sentence and are in no list."""
_JOINT = re.compile(r"[-.&+'_]")
_CAPITALISED = re.compile(r"(?:\b[A-Z][a-z]+ )+$")
_VERSION_TAIL = re.compile(r"[\s-]*v?\d.*$")
_ENDINGS = sorted("'s s es ed ing d er ers ly n an ian ese ish".split(), key=len, reverse=True)
_VERSION = re.compile(
    rf"([{_LATIN}]{{2,}})[\s.-]?(?:v\s?)?(\d+(?:\.\d+)*)(?!\.?\d|,\d|(?:st|nd|rd|th)\b|\s?(?:[万亿月日年]|[mb]illion))",
    re.IGNORECASE,
)
_LINKING = frozenset("of for and the in".split())
_COUNTED = frozenset("point points percent times people users seats votes".split())
_BARE_VERSION = re.compile(
    r"(?<![A-Za-z0-9])(?:v|versions?\s|版本?\s?)(\d+(?:\.\d+)*)(?!\s?[%月日年万亿])|(?<![\d.])(\d+\.\d+)(?=\s?版)",
    re.IGNORECASE,
)
_DASHED_VERSION = re.compile(rf"(?<=[{_LATIN}-])(\d\d?)-(\d\d?)(?![\d{_LATIN}]|[-.]\d)")
"""V3-1 and sonnet-4-5 are versions 3.1 and 4.5."""
_LONG_VERSION = re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}(?![\d.]*\d)")
_VARIANT = re.compile(
    rf"\b([A-Z][A-Za-z]+)[\s-]?v?(\d+(?:\.\d+)*)(?:\s(?=[A-Z])|-)((?i:{'|'.join(sorted(VARIANTS))}))\b"
)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A name with a number as written, such as GPT-5.2 or Veo 3 Fast."""

    start: int
    text: str
    name: str
    number: str
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Mentions:
    """The names in posts, in the forms by which names of a statement are looked up."""

    plain: str
    """The text with simplified characters."""
    text: str
    """The same in lower case."""
    languages: frozenset[str]
    authors: frozenset[str]
    """Names and handles of the authors, in lower case."""
    keys: frozenset[str]
    """Keys of the names, including those inside tags and handles."""
    glued: frozenset[str]
    """Keys of names that occur only inside tags and handles."""
    words: frozenset[str]
    """Latin words, their parts, and adjacent words joined; without accents and endings."""
    tags: frozenset[str]
    """Hashtags, handles and addresses, letters and digits only; a name may be part of one."""
    capitals: frozenset[str]
    """Words in capitals: CFTC."""
    initials: str
    """First letters of words and their parts, to resolve acronyms; then the same without "of" and
    the like: the NAR is the National Association of Realtors."""
    segments: frozenset[str]
    """Runs of letters and of digits: qwen, 3, vl, 8, b."""
    near: frozenset[tuple[str, str]]
    """Pairs of a segment and one of the three after it or the one before it."""
    followers: dict[str, frozenset[str]]
    """The segments that directly follow each segment."""
    places: bool
    sounds: Sounds


def read_mentions(
    text: str, languages: frozenset[str], authors: Set[str] = frozenset()
) -> Mentions:
    """Return the names in posts; `text` is the text of all posts with authors and sources."""
    plain = join_versions(simplify(text)).replace("[dot]", ".")
    words = [word for _, word in find_words(plain)]
    tokens = [unaccent(word).lower() for word in words]
    tags = _TAG.findall(plain)
    split = " | ".join(" ".join(cut_humps(tag)) for tag in tags)
    direct = [name for _, name in find_names(plain)]
    tickers = filter(None, (find_ticker(word) for word in words if word.isupper()))
    names = [*direct, *(name for _, name in find_names(split))]
    segments = cut_segments(plain)
    near, followers = _list_neighbours(segments, names)
    return Mentions(
        plain,
        plain.lower(),
        languages,
        frozenset(authors),
        frozenset({*(name.key for name in names), *(entry.key for entry in tickers)}),
        frozenset({name.key for name in names} - {name.key for name in direct}),
        frozenset(_list_word_forms(plain, tokens, names)),
        frozenset(keep_letters(t) for tag in tags for t in _spell_tag(tag.lower())),
        frozenset(bare for word in words if (bare := word.removesuffix("'s")).isupper()),
        f"{_read_initials(words)} {_read_initials(w for w in words if w not in _LINKING)}",
        frozenset(segments),
        near,
        followers,
        any(name.kind == "place" for name in names),
        Sounds(plain),
    )


def _read_initials(words: Iterable[str]) -> str:
    return "".join(part[0] for word in words for part in cut_parts(unaccent(word)) if part)


def _spell_tag(tag: str) -> tuple[str, str]:
    """Return a tag or handle as it is, and as the address it spells out: @youdotcom."""
    return tag, tag.replace("dotcom", "com")


def _list_word_forms(text: str, tokens: Sequence[str], names: Sequence[Name]) -> Iterator[str]:
    for _, word in find_words(text):
        word = unaccent(word)
        parts = [part for part in cut_parts(word.lower()) if part]
        yield from (word.lower(), glue(word), *parts)
        yield from (part.lower() for part in cut_humps(word))
        yield from (strip_ending(part) for part in parts)
    yield from (glue(first + second) for first, second in pairwise(tokens))
    for name in names:
        if entry := find_entry(name.text):
            spellings = " ".join(spelling.lower() for spelling in entry.spellings)
            yield from _SEGMENT.findall(unaccent(spellings))


def find_words(text: str) -> Iterator[tuple[int, str]]:
    """Yield the Latin words of a text, compounds as a whole, with their indices."""
    yield from ((match.start(), match.group()) for match in _WORD.finditer(text))


def cut_parts(word: str) -> list[str]:
    """Return the parts of a compound, split at hyphens, dots and the like."""
    return _JOINT.split(word)


def cut_humps(word: str) -> list[str]:
    """Return the parts of a word in camel case: OpenEvidence has two."""
    return _CAMEL.findall(word)


def glue(word: str) -> str:
    """Return a compound as one word in lower case."""
    return _JOINT.sub("", word.lower())


def keep_letters(text: str) -> str:
    """Return the letters and digits of a text."""
    return "".join(filter(str.isalnum, text))


def strip_ending(word: str) -> str:
    """Return a lower-case word without one ending: "gain" for "gains", "kore" for "korean"."""
    ending = next(filter(word.endswith, _ENDINGS), "")
    return word.removesuffix(ending)


def strip_tail(word: str) -> str:
    """Return a compound without its lower-case suffixes: Yahoo for Yahoo-style."""
    return _TAIL.sub("", word)


def strip_version(name: str) -> str:
    """Return a name without the version after it."""
    return _VERSION_TAIL.sub("", name)


def has_han(text: str) -> bool:
    """Return True if a text has a Chinese character."""
    return any("\u3400" <= char <= "\u9fff" for char in text)


def has_word(word: str, text: str) -> bool:
    """Return True if a text has the word without letters touching it."""
    return bool(re.search(rf"(?<![^\W\d_]){re.escape(word)}(?![^\W\d_])", text))


def follows_name(text: str, at: int) -> bool:
    """Return True if a capitalised word and a space precede this index of the text."""
    before = text[max(0, at - 30) : at]
    last = before.split()[-1:] if before[-1:] == " " else []
    word = last[0].lstrip("(\"'“[（") if last else ""
    return "A" <= word[:1] <= "Z" and all(char.isalnum() or char in "._-" for char in word)


def join_name(text: str, start: int, end: int) -> str:
    """Return a part of a name with the capitalised words before it: University College London."""
    before = _CAPITALISED.search(text, max(0, start - 40), start)
    return f"{before[0] if before else ''}{text[start:end]}"


def looks_ordinary(word: str) -> bool:
    """Return True for a capitalised word with an ordinary ending: Introducing."""
    return word[:1].isupper() and word.isalpha() and word.endswith(_ORDINARY_ENDINGS)


MAX_SHORTENED = 3
"""Maximum letters of a shortened name in a handle: @ruanyf."""


def has_handle(name: str, mentions: Mentions) -> bool:
    """Return True if a handle is one word of a name with the beginning of the other, or with some
    of its letters in order: @bhorowitz, @patrickc, @ruanyf."""
    words = unaccent(name).lower().split()
    for whole, other in permutations(words[-2:], 2) if len(words) > 1 else ():
        for tag in mentions.tags if len(whole) > 2 else ():
            for rest in {tag.removeprefix(whole), tag.removesuffix(whole)} - {tag, ""}:
                letters = iter(other)
                begins = len(rest) <= MAX_SHORTENED and rest[0] == other[0]
                if begins and all(letter in letters for letter in rest):
                    return True
    return False


def join_versions(text: str) -> str:
    """Return the text with 4.5 for the 4-5 of claude-4-5-sonnet; 2025-12-06 stays, as a day."""
    return _DASHED_VERSION.sub(
        lambda m: m.group() if text[: m.start() - 1][-1:].isdigit() else f"{m[1]}.{m[2]}", text
    )


def find_versions(text: str) -> Iterator[Numbered]:
    """Yield names with a version number; not figures after a name ("Vance 14 points ahead") or
    years."""
    for match in _VERSION.finditer(text):
        after = text[match.end() : match.end() + 12].lower()
        counted = after[:1].isspace() and _COUNTED.intersection(after.strip(".,;:!?)").split()[:1])
        year = len(match[2]) == 4 and match[2][:2] in ("19", "20")
        if not (counted or year or find_unit(text, match.end())[0]):
            yield Numbered(match.start(), match.group(), match[1], match[2])


def find_bare_versions(text: str) -> Iterator[tuple[str, str]]:
    """Yield versions without a name, as written and as a number: v2, 3.1 版, 2.8.4."""
    yield from ((long, long) for long in _LONG_VERSION.findall(text))
    for match in _BARE_VERSION.finditer(text):
        yield match.group(), match[1] or match[2]


def find_variants(text: str) -> Iterator[Numbered]:
    """Yield names with number and variant."""
    for match in _VARIANT.finditer(text):
        yield Numbered(match.start(), match.group(), *match.groups())


def cut_segments(text: str) -> list[str]:
    """Return the runs of letters and of digits of a text, in lower case."""
    cut = [match.group().lower() for match in _SEGMENT.finditer(unaccent(text))]
    return [segment.removesuffix(".0") for segment in cut if segment not in ("v", "s")]


def cut_pieces(text: str) -> Iterator[str]:
    """Yield the pieces by which words are compared: six letters of a Latin word, pairs of Chinese
    characters, numbers, the last two digits of years."""
    for match in _PIECE.finditer(text):
        piece = match.group()
        if has_han(piece):
            yield from (a + b for a, b in pairwise(piece))
        elif piece.isdigit():
            yield piece[-2:] if len(piece) == 4 else piece
        else:
            yield piece[:6]


def _list_neighbours(
    segments: Sequence[str], names: Sequence[Name]
) -> tuple[frozenset[tuple[str, str]], dict[str, frozenset[str]]]:
    """Return the pairs of near segments, and the direct followers of each; a version after one
    spelling of a name (混元 3.0) follows all its spellings."""
    near: set[tuple[str, str]] = set()
    followers: dict[str, set[str]] = {}
    for at, segment in enumerate(segments):
        following = segments[at + 1 : at + 4]
        if following:
            followers.setdefault(segment, set()).add(following[0])
            near.add((following[0], segment))
        for other in following:
            near.add((segment, other))
            if other[0].isdigit():
                break
    for name in names:
        numbers = [piece for piece in name.key.split() if piece[0].isdigit()]
        entry = find_entry(strip_version(name.text))
        for spelling in entry.spellings if entry and numbers else ():
            for segment in cut_segments(spelling)[-1:]:
                followers.setdefault(segment, set()).add(numbers[0])
                near |= {(segment, numbers[0]), (numbers[0], segment)}
    return frozenset(near), {key: frozenset(values) for key, values in followers.items()}
