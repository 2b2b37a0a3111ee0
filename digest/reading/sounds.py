"""Match names across scripts by their sound: Lula is 卢拉, Bolt is بولت, Cao Yue is 曹越."""

import re
import unicodedata
from functools import cached_property
from itertools import pairwise

from anyascii import anyascii

from digest.reading.markup import find_handles
from digest.reading.names import is_common
from digest.reading.vocabulary import load_words

_C = r"[\u3400-\u9fff]"
_HAN = re.compile(f"{_C}+")
_OTHER_SCRIPT = re.compile(
    "[\u30a1-\u30fa\u30fc]{2,}|[\u0370-\u06ff\u0900-\u0dff\u0e00-\u0eff\u10a0-\u11ff\uac00-\ud7af]{2,}"
)
_SPELLED = re.compile(f"{_C}{{3,9}}")
_DOTTED = re.compile(f"(?<=[·・]){_C}{{1,7}}|{_C}{{1,4}}(?=[·・])")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Between the names of @ClementDelangue."""
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]{2,}")
PINYIN_LETTERS = 6
"""Letters from which a word that equals Chinese characters in pinyin is no coincidence."""
MIN_SPELLED = 5
"""Letters from which a company name in another script is no coincidence: мета may be Meta."""
_LONGEST = 7
"""Maximum characters of one part of a transliterated name; 施密德胡伯 has five."""
_CHARS = {"ç": "s", "Ç": "s", "尔": "l", "耳": "l", "儿": "l", "基": "ki"}
_AS_V = str.maketrans({
    "瓦": "va", "维": "vi", "沃": "vo", "韦": "vei", "文": "ven", "温": "ven",
    "万": "van", "威": "vi",
})  # fmt: skip
"""Characters that stand for v as well as w: 瓦西什塔 is Vasishta, 沃尔特 is Walter."""
_SILENT_R = re.compile(r"(?<=[a-z])r(?![aeiouyr])")
"""Chinese omits it: Marcus is 马库斯."""
_SPELLINGS = (
    ("mc", "mk"), ("sch", "s"), ("tch", "s"), ("ph", "f"), ("ck", "k"), ("ch", "s"), ("sh", "s"),
    ("zh", "s"), ("th", "t"), ("qu", "k"), ("ng", "n"), ("ce", "se"), ("ci", "si"), ("cy", "si"),
    ("tz", "s"), ("c", "k"), ("q", "s"), ("x", "s"), ("z", "s"), ("j", "s"),
    ("r", "l"), ("m", "n"), ("b", "p"), ("d", "t"), ("g", "k"), ("v", "f"),
)  # fmt: skip
"""Replacements that merge letters which transliterations do not distinguish, in this order."""


def unaccent(text: str) -> str:
    """Return the text without accents on Latin letters."""
    if text.isascii():
        return text
    letters = (c for c in unicodedata.normalize("NFD", text) if not 0x300 <= ord(c) < 0x370)
    return unicodedata.normalize("NFC", "".join(letters))


def sound_of(text: str) -> str:
    """Return the phonetic spelling of a name in any script, with often confused letters merged."""
    text = "".join(_CHARS.get(char) or anyascii(char) for char in text).lower()
    text = _SILENT_R.sub("", text)
    for spelling, sound in _SPELLINGS:
        text = text.replace(spelling, sound)
    text = text.translate(str.maketrans("eyuw", "iioo", "'` -.·"))
    return re.sub(r"(.)\1+", r"\1", text)


def list_consonants(sound: str) -> str:
    """Return the consonants of a sound, without h and letters written like vowels."""
    return re.sub(r"[aioh]", "", sound)


def is_alike(name: str, other: str) -> bool:
    """Return True if two sounds may be one name: the same consonants in order, and the same vowels
    if these are few."""
    consonants, others = list_consonants(name), list_consonants(other)
    if min(len(consonants), len(others)) < 3:
        bare, other_bare = name.replace("h", ""), other.replace("h", "")
        return (
            len(name) > 2 and consonants == others and _distance(bare, other_bare) <= len(bare) // 4
        )
    wrong = _distance(consonants, others)
    longest = max(len(name), len(other))
    if not wrong:
        return _distance(name, other) <= longest // 2
    most_consonants = max(len(consonants), len(others))
    most = longest // 2 if most_consonants > 4 else longest // 3
    return wrong <= most_consonants // 4 and _distance(name, other) <= most


def may_be_alike(name: str, other: str) -> bool:
    """Return True if two words could be one name under a loose test: they share half of all
    consonants in order, including the first, or two and all of the shorter word."""
    consonants, others = list_consonants(sound_of(name)), list_consonants(sound_of(other))
    if not consonants or not others:
        return False
    shared = _count_shared(consonants, others)
    begins = consonants[0] == others[0] or (
        shared > 1 and shared == min(len(consonants), len(others))
    )
    return begins and 2 * shared >= max(len(consonants), len(others))


def _count_shared(first: str, second: str) -> int:
    """Return the length of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for char in first:
        before = list(row)
        for n, other in enumerate(second, 1):
            row[n] = before[n - 1] + 1 if char == other else max(before[n], row[n - 1])
    return row[-1]


def _distance(first: str, second: str) -> int:
    """Return the Levenshtein distance."""
    row = list(range(len(second) + 1))
    for at, char in enumerate(first, 1):
        above, row[0] = row[0], at
        for n, other in enumerate(second, 1):
            above, row[n] = row[n], min(row[n] + 1, row[n - 1] + 1, above + (char != other))
    return row[-1]


def _is_lower(line: str) -> bool:
    """Return True for a line without capitalised words, where names are in lower case."""
    return not any(word[:1].isupper() and word[1:].islower() for word in line.split())


class Sounds:
    """The sounds of a text's words, to be matched with names in another script."""

    def __init__(self, text: str) -> None:
        self._text = text

    def match(self, name: str) -> bool:
        """Return True if the text has a name of this sound in another script."""
        if name.isascii() or not _HAN.search(name):
            return self._match_latin(name)
        pinyin = anyascii(name.replace("·", "")).lower()
        if pinyin in self._pairs:
            return True
        parts = [sound_of(part) for part in re.split("[·・]", name)]
        consonants = list_consonants("".join(parts))
        if any(
            handle == consonants
            or (len(consonants) > 3 and handle.startswith(consonants))
            or (len(consonants) > 2 and handle.endswith(consonants))
            for handle in self._handles
        ):
            return True
        if len(parts) > 1 and any(
            is_alike(parts[0], sound_of(a)) and may_be_alike(name.split("·")[-1], b)
            for a, b in self._neighbours
        ):
            return True  # 格蕾丝·霍珀: the first name decides if the last one is short
        last = {parts[-1], sound_of(re.split("[·・]", name)[-1].translate(_AS_V))}
        if len(parts) > 1 and any(self._has_short(parts[0], own) for own in last):
            return True
        return any(is_alike(own, sound) for own in last for sound in self._latin | self._kana)

    def _has_short(self, first: str, last: str) -> bool:
        """Return True for a name that the posts have as @mcuban (马克·库班), or only by its first
        name, if that is long: LeBron."""
        for letter, sound in self._initialed:
            most = max(len(last), len(sound)) // 3
            if first[:1] == letter and is_alike(last, sound) and _distance(last, sound) <= most:
                return True
        return len(list_consonants(first)) > 2 and any(
            is_alike(first, sound) for sound in self._alone
        )

    def match_around(self, text: str, start: int, end: int) -> bool:
        """Return True if the text has a name of the sound of these characters, with up to four
        more on either side, because the segmenter splits foreign names."""
        for left in range(5):
            for right in range(-1, 5):
                window = text[max(0, start - left) : end + right]
                if len(window) > 2 and _SPELLED.fullmatch(window):
                    sound = sound_of(window)
                    consonants = list_consonants(sound)
                    near = (
                        s
                        for s in self._latin
                        if len(consonants) > 4 or consonants == list_consonants(s)
                    )
                    if len(consonants) > 1 and any(is_alike(sound, s) for s in near):
                        return True
        return False

    def match_script(self, name: str) -> bool:
        """Return True if the text has a long name with exactly this sound in another phonetic
        script; similar sounds are too common."""
        words = _LATIN_WORD.findall(name)
        return sum(map(len, words)) >= MIN_SPELLED and {*map(sound_of, words)} <= self._kana

    def _match_latin(self, name: str) -> bool:
        words = _LATIN_WORD.findall(name)
        if not words or not (self._foreign or self._han):
            return False
        if len("".join(words)) >= PINYIN_LETTERS and "".join(words).lower() in self._spelled:
            return True
        joined = {"".join(words).lower(), "".join(reversed(words)).lower()}
        if joined & self._pinyin:
            return True
        sounds = [sound_of(word) for word in words]
        return all(any(is_alike(sound, other) for other in self._foreign) for sound in sounds[-1:])

    @cached_property
    def _han(self) -> list[str]:
        return _HAN.findall(self._text)

    @cached_property
    def _pinyin(self) -> frozenset[str]:
        """Return the pinyin of possible Chinese names: two or three characters, the first one a
        surname."""
        surnames = {char for row in load_words("surnames") for char in row.split(":")[1]}
        names = {
            run[at : at + length]
            for run in self._han
            for at in range(len(run))
            if run[at] in surnames
            for length in (2, 3)
        }
        orders = {(name, name[1:] + name[0]) for name in names if len(name) > 1}
        return frozenset(anyascii(name).lower() for order in orders for name in order)

    @cached_property
    def _foreign(self) -> frozenset[str]:
        """Return the sounds of words in other scripts, and of runs of transliteration
        characters."""
        marks = load_words("han_cues", "transliteration")
        words = set(_OTHER_SCRIPT.findall(self._text))
        for part in _DOTTED.findall(self._text):
            words.update(part[:length] for length in range(1, _LONGEST))
        for run in self._han:
            for at in range(len(run)):
                for length in range(2, _LONGEST + 1):
                    word = run[at : at + length]
                    if len(word) == length and all(char in marks for char in word):
                        words.add(word)
        words |= {word.translate(_AS_V) for word in words}
        return frozenset(sound_of(word) for word in words)

    @cached_property
    def _spelled(self) -> str:
        """Return the Chinese runs in pinyin and the kana in Latin letters: Shangou is 闪购."""
        kana = "".join([c if "\u3040" < c < "\u30fd" else " " for c in self._text])
        runs = [*self._han, *kana.split()]
        return " ".join(anyascii(run).lower().replace("iya", "a") for run in runs)

    @cached_property
    def _kana(self) -> frozenset[str]:
        return frozenset(sound_of(word) for word in _OTHER_SCRIPT.findall(self._text))

    @cached_property
    def _latin(self) -> frozenset[str]:
        text = f"{self._text} {_HUMP.sub(' ', self._text)}"
        words = [word for word in _LATIN_WORD.findall(text) if word[0].isupper()]
        lower = "\n".join(filter(_is_lower, self._text.split("\n")))  # "tram deaths in lisbon"
        words += [word for word in _LATIN_WORD.findall(lower) if not is_common(word)]
        words += [re.sub("th", "s", word, flags=re.I) for word in words]  # Smith is 史密斯
        return frozenset(map(sound_of, words))

    @cached_property
    def _initialed(self) -> frozenset[tuple[str, str]]:
        """Return the first letter of each handle and the sound of the rest."""
        handles = (handle for handle in find_handles(self._text) if len(handle) > 4)
        return frozenset((sound_of(handle[0]), sound_of(handle[1:])) for handle in handles)

    @cached_property
    def _handles(self) -> frozenset[str]:
        """Return the consonants of the handles: @renehaas237 is 雷内·哈斯."""
        handles = (handle.strip("_0123456789") for handle in find_handles(self._text))
        return frozenset(list_consonants(sound_of(handle)) for handle in handles) - {""}

    @cached_property
    def _neighbours(self) -> list[tuple[str, str]]:
        """Return pairs of adjacent Latin words of which the second is capitalised."""
        return [(a, b) for a, b in pairwise(_LATIN_WORD.findall(self._text)) if b[0].isupper()]

    @cached_property
    def _alone(self) -> frozenset[str]:
        """Return the sounds of handles, and of capitalised words not followed by another."""
        first = {a for a, _ in self._neighbours}
        words = [w for w in _LATIN_WORD.findall(self._text) if w[0].isupper() and w not in first]
        return frozenset(map(sound_of, (*words, *find_handles(self._text))))

    @cached_property
    def _pairs(self) -> frozenset[str]:
        """Return adjacent Latin words joined in both orders: Cao Yue is caoyue and yuecao."""
        words = [word.lower() for word in _LATIN_WORD.findall(self._text)]
        return frozenset(joined for a, b in pairwise(words) for joined in (a + b, b + a))
