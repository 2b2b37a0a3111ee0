"""Names, versions and variants of a statement against what its posts name, in whatever script
they write it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from digest.reading.amounts import find_cues, find_unit
from digest.reading.han import find_han_names
from digest.reading.names import (
    VARIANTS,
    Name,
    find_entry,
    find_names,
    find_owners,
    find_ticker,
    is_common,
    is_jargon,
    opens_sentence,
    select_names,
    simplify,
)
from digest.reading.segment import Word, segmenter
from digest.reading.vocabulary import KnownName, load_words
from digest.text import language
from digest.write.verify.counterparts import (
    blank_titles,
    find_han_counterparts,
    find_latin_counterparts,
    match_counterparts,
    select_leads,
)
from digest.write.verify.sounds import Sounds, unaccent

_LATIN = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
_WORD = re.compile(rf"[{_LATIN}][{_LATIN}0-9]*(?:['.&+_-][{_LATIN}0-9]+)*")
_SEGMENT = re.compile(rf"[{_LATIN}]+|\d+(?:\.\d+)*")
_CAMEL = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_TAG = re.compile(r"[@#]\w+|(?<![\w-])[\w-]{1,80}(?:\.[\w-]{1,80})+")
_DIGIT = re.compile(r"\d")
_TAIL = re.compile(r"(?:-[a-z]+)+$")
"""Of Yahoo-style, Gemma-based."""
_ORDINARY = re.compile(
    r"[A-Z][a-z]+(?:ing|ed|tions?|ments?|ness|ly|ity|ous|ful|[ai]ble|ive|al|ary|ics|isms?|ists?|points?|s)$"
)
"""Words that open a sentence and are in no list."""
_ENDING = re.compile(r"(?:'s|s|es|ed|ing|d|er|ers|ly|n|an|ian|ese|ish)$")
_HAN = re.compile(r"[\u3400-\u9fff]")
_QUOTED = re.compile(r"[“「『]([\u3400-\u9fff]{2,6})[”」』]")
_VERSION = re.compile(
    rf"([{_LATIN}]{{2,}})[\s.-]?v?(\d+(?:\.\d+)*)(?!\.?\d|,\d|(?:st|nd|rd|th)\b|\s?(?:[%x×倍万亿月日年]|million|billion|美元))",
    re.IGNORECASE,
)
_POINTS = re.compile(r"\s(?:points?|per ?cent|times|people|users|seats|votes)\b", re.IGNORECASE)
_BARE_VERSION = re.compile(
    r"(?<![A-Za-z0-9])(?:v|versions?\s|版本?\s?)(\d+(?:\.\d+)*)(?!\s?[%月日年万亿])|(?<![\d.])(\d+\.\d+)(?=\s?版)",
    re.IGNORECASE,
)
_DASHED_VERSION = re.compile(rf"(?<=[{_LATIN}-])(\d{{1,2}})-(\d{{1,2}})(?![\d{_LATIN}-]|\.\d)")
"""V3-1 and sonnet-4-5 are versions 3.1 and 4.5."""
_SIDE = re.compile(r"\b(North|South|East|West)(?:ern)?\s([A-Z][a-z]{2,})")
_LONG_VERSION = re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}(?![\d.]*\d)")
_VARIANT = re.compile(
    rf"\b([A-Z][A-Za-z]+)[\s-]?v?(\d+(?:\.\d+)*)(?:\s(?=[A-Z])|-)((?i:{'|'.join(sorted(VARIANTS))}))\b"
)
TYPO_CHARS = 8
"""Letters from which a word may lack one."""
_WIDE = frozenset({"china", "us", "europe", "asia"})
"""Places that a report may name where its posts name none: they are its own frame."""


@dataclass(frozen=True, slots=True)
class Mentions:
    """What posts name, in the forms that names of a statement are looked up by."""

    plain: str
    """With simplified characters."""
    text: str
    """The same in small letters."""
    languages: frozenset[str]
    keys: frozenset[str]
    """Keys of the names, also of those inside tags and handles."""
    words: frozenset[str]
    """Latin words, their parts, two neighbours as one; without accents and endings."""
    tags: frozenset[str]
    """Hashtags, handles and addresses, letters only: a name may be glued into one."""
    capitals: frozenset[str]
    """Words in capitals: CFTC."""
    initials: str
    """First letters of the words, to find what an acronym stands for."""
    segments: frozenset[str]
    """Runs of letters and of digits: qwen, 3, vl, 8, b."""
    near: frozenset[tuple[str, str]]
    """Segments and those within three after them, or just before."""
    followers: dict[str, frozenset[str]]
    """By segment, the segments that follow it at once."""
    places: bool
    sounds: Sounds


def read_mentions(text: str, languages: frozenset[str]) -> Mentions:
    """Return what posts name; `text` is that of all of them with authors and sources."""
    plain = _DASHED_VERSION.sub(r"\1.\2", simplify(text))
    tokens = [unaccent(match.group()).lower() for match in _WORD.finditer(plain)]
    tags = {re.sub(r"[\W_]", "", match.group().lower()) for match in _TAG.finditer(plain)}
    split = " | ".join(" ".join(_CAMEL.findall(m.group())) for m in _TAG.finditer(plain))
    names = [name for _, name in (*find_names(plain), *find_names(split))]
    segments = _segments(plain)
    near, followers = _neighbours(segments, names)
    return Mentions(
        plain,
        plain.lower(),
        languages,
        frozenset(name.key for name in names),
        frozenset(_word_forms(plain, tokens, names)),
        frozenset(tags),
        frozenset(match.group() for match in _WORD.finditer(plain) if match.group().isupper()),
        "".join(token[0] for token in tokens),
        frozenset(segments),
        near,
        followers,
        any(name.kind == "place" for name in names),
        Sounds(plain),
    )


def _word_forms(text: str, tokens: Sequence[str], names: Sequence[Name]) -> Iterator[str]:
    for match in _WORD.finditer(text):
        word = unaccent(match.group())
        parts = [part for part in re.split(r"[-.&+'_]", word.lower()) if part]
        yield from (word.lower(), _glue(word), *parts)
        yield from (part.lower() for part in _CAMEL.findall(word))
        yield from (_ENDING.sub("", part) for part in parts)
    yield from (_glue(first + second) for first, second in pairwise(tokens))
    for name in names:
        if entry := find_entry(name.text):
            spellings = " ".join(spelling.lower() for spelling in entry.spellings)
            yield from _SEGMENT.findall(unaccent(spellings))


def _glue(word: str) -> str:
    return re.sub(r"[-.&+'_]", "", word.lower())


def _segments(text: str) -> list[str]:
    cut = [match.group().lower() for match in _SEGMENT.finditer(unaccent(text))]
    return [segment.removesuffix(".0") for segment in cut if segment not in ("v", "s")]


def _neighbours(
    segments: Sequence[str], names: Sequence[Name]
) -> tuple[frozenset[tuple[str, str]], dict[str, frozenset[str]]]:
    """Return which segments stand near each other, and which follow at once; a version behind
    one spelling of a name (混元 3.0) stands behind all of them."""
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
        entry = find_entry(re.sub(r"[\s-]*v?\d.*$", "", name.text))
        for spelling in entry.spellings if entry and numbers else ():
            for segment in _segments(spelling)[-1:]:
                followers.setdefault(segment, set()).add(numbers[0])
                near |= {(segment, numbers[0]), (numbers[0], segment)}
    return frozenset(near), {key: frozenset(values) for key, values in followers.items()}


def find_missing_names(text: str, mentions: Mentions) -> Iterator[str]:
    """Yield the names of a statement that the posts do not have: those that a list knows, and
    others that the posts would write in the same script, or have no counterpart of in theirs."""
    plain = simplify(text)
    foreign = bool(mentions.languages - {language(plain)})
    if foreign:
        plain = blank_titles(plain, mentions.text)
    placed = find_names(plain)
    spans = [(start, start + len(name.text)) for start, name in placed]
    unlisted: list[str] = []
    for start, name in placed:
        if _names_maker(name, start, plain, mentions):
            continue
        if entry := _find_known(name):
            if not _has_entry(entry, name, start, plain, mentions):
                yield name.text
        else:
            unlisted += _missing_words(name.text, plain, start, mentions)
    yield from _missing_lone_words(plain, spans, mentions)
    yield from _turned_places(plain, mentions)
    latin = [name for name in dict.fromkeys(unlisted) if foreign and not _DIGIT.search(name)]
    yield from (name for name in unlisted if name not in latin)
    if latin and find_latin_counterparts(select_leads(mentions.plain), plain):
        yield from latin  # the posts begin with a name in Latin letters, and another than these
    elif latin:
        yield from match_counterparts(latin, find_han_counterparts(mentions.plain, plain))
    han = list(dict.fromkeys(_missing_han_names(plain, spans, mentions)))
    if han and foreign:
        yield from match_counterparts(han, find_latin_counterparts(mentions.plain, plain))
    else:
        yield from han


def _turned_places(text: str, mentions: Mentions) -> Iterator[str]:
    """Yield North Carolina where the posts have South Carolina and no other."""
    sides: dict[str, set[str]] = {}
    for match in _SIDE.finditer(mentions.plain):
        sides.setdefault(match[2], set()).add(match[1])
    for match in _SIDE.finditer(text):
        if match[1] not in sides.get(match[2], {match[1]}):
            yield match.group()


def _find_known(name: Name) -> KnownName | None:
    bare = re.sub(r"[\s-]*v?\d.*$", "", name.text)
    ticker = find_ticker(name.text) if name.text.isupper() else None
    return find_entry(name.text) or ticker or (find_entry(bare) if name.kind else None)


BESIDE_CHARS, MAKER_CHARS = 60, 12
"""Between a company and its product or person; between a product and the word "maker"."""
_POSSESSIVES = ("'s ", "的", " 的", "旗下", " 旗下")


def _has_entry(entry: KnownName, name: Name, start: int, text: str, mentions: Mentions) -> bool:
    if {entry.key, name.key} & mentions.keys or _is_spelled(entry, name, mentions):
        return True
    if _has_initials(name.text, mentions):
        return True
    end = start + len(name.text)
    beside = text[max(0, start - BESIDE_CHARS) : end + BESIDE_CHARS]
    if any(_stands_beside(owned, beside) and _is_owned(owned, mentions) for owned in entry.owns):
        return True  # "OpenAI's Sora" is proved by Sora
    short = find_entry(entry.key.split()[0]) if entry.ticker else None
    if short and (short.key in mentions.keys or _is_written(short.key, mentions)):
        return True  # CRCL is Circle Internet, for short Circle
    if entry.kind == "place":
        implied = any(_is_owned(owned, mentions) for owned in entry.owns)
        home = entry.key == "china" and "zh" in mentions.languages
        return implied or home or (entry.key in _WIDE and not mentions.places)
    return entry.kind == "person" and mentions.sounds.match(name.text)


def _stands_beside(owned: str, beside: str) -> bool:
    """Return True where some words have a spelling of the name, capitals and all."""
    entry = find_entry(owned)
    spellings = (owned, *(entry.spellings if entry else ()))
    return any(
        spelling in beside and select_names([Name("", spelling)], beside) for spelling in spellings
    )


def _is_owned(owned: str, mentions: Mentions) -> bool:
    entry = find_entry(owned)
    known = entry and (entry.key in mentions.keys or _is_spelled(entry, Name("", owned), mentions))
    return bool(known) or _is_written(owned, mentions)


def _names_maker(name: Name, start: int, text: str, mentions: Mentions) -> bool:
    """Return True for a product or person that only says which company of the posts is meant:
    "ChatGPT maker OpenAI", "Elon Musk's xAI"."""
    after = text[start + len(name.text) :][: 2 * MAKER_CHARS]
    entry = find_entry(name.text)
    owners = find_owners(entry.spellings[0] if entry else name.text)
    owners = tuple(owner for owner in owners if owner.key in mentions.keys)
    if any(find_cues(after[:MAKER_CHARS], "maker")):
        return bool(owners)
    spellings = (spelling for owner in owners for spelling in owner.spellings)
    return after.startswith(_POSSESSIVES) and any(s in after for s in spellings)


def _is_spelled(entry: KnownName, name: Name, mentions: Mentions) -> bool:
    """Return True where the posts have a spelling of the name, glued into a tag or in pieces
    too."""
    if any(not s.isascii() and simplify(s).lower() in mentions.text for s in entry.spellings):
        return True
    latin = [s for s in (*entry.spellings, name.text) if s.isascii()]
    return any(_is_written(spelling, mentions) for spelling in latin)


def _is_written(spelling: str, mentions: Mentions) -> bool:
    parts = [
        part for part in re.split(r"[\s\-.&']+", unaccent(spelling).lower()) if part and part != "s"
    ]
    glued = "".join(parts)
    if not spelling.isascii():
        return simplify(spelling).lower() in mentions.text
    words = all(part in mentions.words for part in parts)
    return words or (len(glued) > 3 and _is_in_tag(glued, mentions))


def _is_in_tag(word: str, mentions: Mentions) -> bool:
    return any(tag.startswith(word) or tag.endswith(word) for tag in mentions.tags)


def _missing_words(name: str, text: str, start: int, mentions: Mentions) -> Iterator[str]:
    """Yield the words of an unlisted Latin name that the posts lack: all of them together where
    all do."""
    if re.search(rf"(?<![^\W\d_]){re.escape(name.lower())}(?![^\W\d_])", mentions.text):
        return
    words = list(_WORD.finditer(name))
    checked = [m for m in words if _is_telling(m.group(), text, start + m.start())]
    missing = [m.group() for m in checked if not _has_word(m.group(), name, mentions)]
    before = re.search(r"[A-Z][a-z]+\s$", text[max(0, start - 20) : start])
    if not missing or mentions.sounds.match((before[0] if before else "") + name):
        return
    if _has_initials(name, mentions):
        return
    yield name if len(missing) == len(checked) else " ".join(missing)


def _has_initials(name: str, mentions: Mentions) -> bool:
    """Return True where the posts have the initials of some words as one: CFTC, and CC for
    Claude Code."""
    initials = "".join(word[0] for word in name.split() if word[0].isupper())
    if len(initials) < 2 or is_jargon(initials):
        return False
    return initials in mentions.capitals or (
        len(initials) > 2 and initials.lower() in mentions.words
    )


def _is_telling(word: str, text: str, at: int) -> bool:
    """Return True for a word that names something: not an ordinary one, not a mere figure."""
    word = re.sub(r"'\w*$", "", word)
    beside = text[max(0, at - 2) : at + len(word) + 2]
    if len(word) < 2 or is_jargon(word):
        return False
    if _HAN.search(beside) and not word.islower():
        return True  # between Chinese words nothing but a name has a capital
    if opens_sentence(text, at) and _ORDINARY.match(word):
        return False
    parts = [part for part in re.split(r"[-.&+'_]", word) if len(part) > 1 and not part.isdigit()]
    return not all(is_common(part) or is_jargon(part) for part in parts)


def _has_word(word: str, name: str, mentions: Mentions) -> bool:
    """Return True where the posts have the word, or for a compound all of its parts, in order
    where it holds a number."""
    lower = unaccent(re.sub(r"'\w*$", "", word)).lower()
    glued = _glue(lower)
    base = _TAIL.sub("", lower)
    if {lower, glued, base, _ENDING.sub("", base)} & mentions.words:
        return True
    if len(glued) > 3 and _is_in_tag(glued, mentions):
        return True
    cut = _segments(_TAIL.sub("", word))
    if len(cut) > 1 and any(segment[0].isdigit() for segment in cut):
        return _has_numbered(cut, mentions)
    parts = [part for part in re.split(r"[-.&+'_]", word) if len(part) > 1 and not part.islower()]
    if len(parts) > 1 and all(
        _ENDING.sub("", p.lower()) in mentions.words or is_common(p) for p in parts
    ):
        return True
    if word.isupper() and 2 < len(word) < 6 and lower in mentions.initials:
        return True
    humps = [hump.lower() for hump in _CAMEL.findall(word) if len(hump) > 3]
    if len(humps) > 1 and any(all(hump in tag for hump in humps) for tag in mentions.tags):
        return True  # OpenEvidence is @EvidenceOpen
    pairs = (_glue(a + b) for a, b in pairwise(name.lower().split()) if lower in (a, b))
    known = any(pair in mentions.words for pair in pairs) or mentions.sounds.match(word)
    return known or _is_misspelled(lower, mentions)


def _is_misspelled(word: str, mentions: Mentions) -> bool:
    """Return True where a post has a long word with one letter less or more: PitcBook."""
    if len(word) < TYPO_CHARS or not word.isalpha():
        return False
    shorter = {word[:at] + word[at + 1 :] for at in range(1, len(word))}
    near = (w for w in mentions.words if len(w) == len(word) + 1 and w[0] == word[0])
    return bool(shorter & mentions.words) or any(
        w[:at] + w[at + 1 :] == word for w in near for at in range(1, len(w))
    )


def _has_numbered(cut: Sequence[str], mentions: Mentions) -> bool:
    """Return True where the pieces follow each other in the posts, or are all there ("Qwen3" for
    千问 3)."""
    apart = [(a, b) for a, b in pairwise(cut) if (a, b) not in mentions.near]
    if any(len(a) == 1 or len(b) == 1 for a, b in apart if a.isalpha() or b.isalpha()):
        return False  # 4B is not 4M, B200 not H200
    strange = [s for s in cut if s not in mentions.segments and s not in mentions.words]
    return not apart or not strange


def _missing_lone_words(
    text: str, spans: Sequence[tuple[int, int]], mentions: Mentions
) -> Iterator[str]:
    """Yield Latin words beside Chinese ones that are no jargon, ordinary ones with a capital:
    nanochat, Brave."""
    for match in _WORD.finditer(text):
        word, at = match.group(), match.start()
        covered = any(start <= at < end for start, end in spans)
        beside = text[max(0, at - 2) : match.end() + 2]
        if covered or word.isupper() or len(word) < 3 or not _HAN.search(beside):
            continue
        ordinary = is_jargon(word) or (word.islower() and is_common(word))
        if not ordinary and not _has_word(word, word, mentions):
            yield word


def _missing_han_names(
    text: str, spans: Sequence[tuple[int, int]], mentions: Mentions
) -> Iterator[str]:
    """Yield Chinese names of people, titles in 《》, and short quotations of Chinese posts."""
    spoken = language(text)
    words: tuple[Word, ...] = ()
    if spoken == "zh":
        segmenter().prepare([text])
        words = tuple(segmenter().cut(text))
    bare = re.sub(r"\W", "", mentions.text)
    for start, name in find_han_names(text, spoken, words, list(spans)):
        spelled = _whole_name(name, start, text)
        lower = re.sub(r"\W", "", name.text.lower())
        if lower in bare or (name.kind == "person" and mentions.sounds.match(spelled)):
            continue
        at = start + name.text.rfind("·") + 1
        if not _is_cjk(mentions) and mentions.sounds.match_around(text, at, start + len(name.text)):
            continue
        if name.kind == "person" or (name.kind == "title" and _is_cjk(mentions)):
            yield f"《{name.text}》" if name.kind == "title" else name.text
    for match in _QUOTED.finditer(text) if _is_cjk(mentions) else ():
        if not any(match[1][n : n + 2] in mentions.text for n in range(len(match[1]) - 1)):
            yield match.group()


def _whole_name(name: Name, start: int, text: str) -> str:
    """Return a foreign name with the characters before it that can belong to it: 尤德 of 尤德科夫斯基."""
    marks = load_words("han_cues", "transliteration") | {"·"}
    if all(char in marks for char in name.text):
        while start and text[start - 1] in marks:
            start -= 1
    end = text.find(name.text, start) + len(name.text)
    while all(char in marks for char in name.text) and text[end : end + 1] in marks:
        end += 1
    return text[start:end]


def _is_cjk(mentions: Mentions) -> bool:
    return bool(mentions.languages & {"zh"})


def find_missing_versions(text: str, mentions: Mentions) -> Iterator[str]:
    """Yield versions and variants that the posts do not have of this thing: "Veo 4" is not Veo
    3."""
    yield from (long for long in _LONG_VERSION.findall(text) if long not in mentions.text)
    for match in _VERSION.finditer(text):
        if not _has_version(match, mentions):
            yield match.group()
    for match in _BARE_VERSION.finditer(text):
        if (match[1] or match[2]).removesuffix(".0") not in mentions.segments:
            yield match.group()
    for match in _VARIANT.finditer(text):
        number, variant = match[2].removesuffix(".0"), match[3].lower()
        variants = mentions.followers.get(number, frozenset()) & VARIANTS
        if (number, variant) not in mentions.near and (variants or variant not in mentions.words):
            yield match.group()


def _has_version(match: re.Match[str], mentions: Mentions) -> bool:
    """Return True where the number follows the name in the posts, or they have it and no other
    of that name."""
    name, number = unaccent(match[1]).lower(), match[2].removesuffix(".0")
    if (name, number) in mentions.near:
        return True
    if find_unit(match.string, match.end())[0] or _POINTS.match(match.string, match.end()):
        return True  # a figure behind a name: "Vance 14 points ahead"
    capital = (
        "." in match[2]
        and match[1][0].isupper()
        and not opens_sentence(match.string, match.start())
    )
    apart = match.group()[len(match[1])] == " "
    if is_common(name) and name not in VARIANTS and apart and not capital:
        return True  # "top 10" and the like: the number alone is looked up elsewhere
    others = any(other[0].isdigit() for other in mentions.followers.get(name, ()))
    return number in mentions.segments and not others
