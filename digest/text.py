"""Clean and normalise untrusted text, detect its language, and fill in our own message
templates."""

import re
import unicodedata
from collections.abc import Callable, Mapping

MAX_CHARS = 6000
"""Maximum length of a post; the longest real ones (X long posts, forum openers) are shorter."""

_INVISIBLE = re.compile(
    "[\u3164\uffa0\ufffc\ufffd]|[\ufe00-\ufe0e]|\ufe0f(?!\u20e3)(?<![\u203c-\u3299\U0001f000-\U0001faff].)"
)
"""Invisible characters that Unicode classes as letters or symbols: fillers, and variation
selectors except the one that turns a character into an emoji."""
_LINE_BREAKS = re.compile("[\x0b\x0c\r\x85\u2028\u2029]")
_STYLED = re.compile(
    "[\U0001d400-\U0001d7ff\uff0d\uff0e\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uff9f]+"
)
"""Styled variants of ordinary letters: mathematical, full-width, half-width kana."""
_ACCENTS = r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff]"
_STACKED = re.compile(f"({_ACCENTS}{{2}}){_ACCENTS}+")
_SPACES = re.compile(r"[^\S\n ][^\S\n]*| [^\S\n]+")
"""White space to be replaced by a single space."""
_BREAKS = re.compile(r"\s*\n\s*")

_DOMAINS = "|".join("com org net io ai co dev app gg xyz me ly be cn".split())
_IN_LINK = "[^\\s<>\"'，。；、！？（）【】《》「」]"
# Labels and their number are bounded as in DNS; otherwise runs of dashes and dots cost O(n²).
URL = re.compile(
    rf"(?:https?://|(?<![a-z])[a-z]{{2,8}}://|www\.){_IN_LINK}+|(?<![\w.@])(?:[a-z0-9-]{{1,63}}\.){{1,10}}"
    rf"(?:{_DOMAINS})/{_IN_LINK}*",
    re.IGNORECASE,
)
HANDLE = re.compile(r"@(?<![\w@]@)\w{1,40}")
_HASH = re.compile(r"[#＃](?<!\w.)(?=\w)")
_SIGNS = (
    "\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf\u2900-\u297f"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\u20e3\U0001fb00-\U0001fbff"
)
EMOJI = re.compile(
    f"\ufe0f?[{_SIGNS}](?:[{_SIGNS}\ufe0f\U000e0020-\U000e007f]|\u200d(?=[{_SIGNS}]))*"
)
"""A run of emoji with its joiners and modifiers."""
_COMPLEX = "[\u0600-\u0eff\u1000-\u109f\u1780-\u17ff]"
_JOINED = re.compile(
    f"(?<=[{_SIGNS}\ufe0f])\u200d(?=[{_SIGNS}])"
    f"|(?<={_COMPLEX})[\u200c\u200d](?={_COMPLEX}|\\b)"
    "|(?<=\U0001f3f4)[\U000e0061-\U000e007a\U000e0030-\U000e0039]{2,6}\U000e007f"
)
"""Joiners that carry meaning: in combined emoji, Persian and Indic words, regional flags."""

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_KANA = re.compile(r"[\u3041-\u30fa\uff66-\uff9d]")
_OTHER_SCRIPTS = re.compile(
    r"[\u0370-\u06ff\u0750-\u077f\u0900-\u0eff\u1000-\u137f\u1780-\u17ff\uac00-\ud7af]"
)
_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+(?:['\u2019][a-z]+)?")

# Function words identify the language of a short Latin-script text (Grefenstette 1995).
_ENGLISH = frozenset(
    "the a an and or of to in is are was were be been it its this that these those you your we"
    " our i my he she they them their for with on at by from as not no but if so what how when"
    " who why can will would should could has have had do does did just now new more most all"
    " about than into out up get got make made here there i'm it's don't that's".split()
)
_FOREIGN = (
    frozenset(
        "de la el los las que en un una por para con del se al lo como más pero es está son"
        " su sus le les des du et est une dans pour sur pas qui ne je vous nous avec ce cette"
        " au aux der die das und ist nicht ein eine mit auf für zu von den dem im ich wir sie"
        " auch wie o os as um uma não com em no na do da dos das mais foi você isso il di che"
        " per sono della nel gli ve bir bu için ile çok da olarak daha yang dan di ini untuk"
        " dengan dari ke tidak akan pada het een van niet dat zijn voor".split()
    )
    - _ENGLISH
)


def clean(text: str) -> str:
    """Return the readable text in NFC, with white space folded, at most MAX_CHARS long.

    Remove control, zero-width, bidi, private-use and tag characters and lone surrogates, except
    joiners in emoji and in Persian and Indic words. Keep at most two stacked accents. Replace
    styled letters (mathematical, full-width) by plain ones. HTML is not interpreted.
    """
    text = shown(_LINE_BREAKS.sub("\n", text[: 2 * MAX_CHARS]))
    if not text.isascii():
        text = _INVISIBLE.sub("", text)
        text = _STYLED.sub(lambda styled: unicodedata.normalize("NFKC", styled.group()), text)
        text = _STACKED.sub(r"\1", unicodedata.normalize("NFC", text))
    text = _SPACES.sub(" ", text)
    if "\n" in text:
        text = _BREAKS.sub(lambda gap: "\n\n" if gap.group().count("\n") > 1 else "\n", text)
    return text.strip()[:MAX_CHARS]


def shown(text: str) -> str:
    """Return the text without invisible characters: controls, bidi and zero-width marks, tags,
    surrogates, private use. Keep characters newer than this Python's Unicode tables, such as new
    emoji."""
    if text.replace("\n", "").isprintable():
        return text
    joiners = [match.span() for match in _JOINED.finditer(text)]
    joined = {place for start, end in joiners for place in range(start, end)}
    return "".join(c for place, c in enumerate(text) if place in joined or _is_shown(c))


def _is_shown(char: str) -> bool:
    if char.isprintable() or char.isspace():
        return True
    noncharacter = ord(char) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(char) <= 0xFDEF
    return unicodedata.category(char) == "Cn" and not noncharacter and ord(char) < 0xE0000


def replace_links(text: str, mark: str) -> str:
    """Replace each link by `mark`. Only words with a slash are searched, for speed."""
    if "www." in text.lower():
        return URL.sub(mark, text)
    words = text.split(" ") if "/" in text else [text]
    return " ".join([URL.sub(mark, word) if "/" in word else word for word in words])


def compile_table(table: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that replaces the non-ASCII characters of a table. It is ten times as fast
    as `str.translate` on texts without any."""
    signs = re.compile(f"[{''.join(table)}]")
    return lambda text: text if text.isascii() else signs.sub(lambda sign: table[sign[0]], text)


def plain(text: str) -> str:
    """Clean the text and remove links, handles, hash marks and emoji."""
    return strip_marks(clean(text))


def strip_marks(text: str) -> str:
    """Remove links, handles, hash marks and emoji from a cleaned text."""
    text = HANDLE.sub(" ", _HASH.sub("", replace_links(text, " ")))
    if not text.isascii():
        text = EMOJI.sub(" ", text)
    return _SPACES.sub(" ", text).strip()


def language(text: str) -> str:
    """Return `zh`, `ja`, `en`, or `other` (another language, or too few words to tell)."""
    return find_language(plain(text))


def find_language(words: str) -> str:
    if words.isascii():
        return _latin_language([word.lower() for word in _WORD.findall(words)])
    han, kana = len(_HAN.findall(words)), len(_KANA.findall(words))
    latin = _WORD.findall(words)
    foreign_script = len(_OTHER_SCRIPTS.findall(words))
    if foreign_script > han + kana + 2 * len(latin):
        return "other"
    if kana >= 3 and kana * 8 > han:
        return "ja"
    if han >= 2 and 2 * han >= len(latin):
        return "zh"
    return _latin_language([word.lower().replace("\u2019", "'") for word in latin])


def _latin_language(words: list[str]) -> str:
    if not words:
        return "other"
    english = sum(map(_ENGLISH.__contains__, words))
    foreign = sum(map(_FOREIGN.__contains__, words))
    accented = sum(not word.isascii() for word in words)
    if english >= foreign + accented:
        # A headline may have no function words; without foreign ones it counts as English.
        return "en"
    return "other"


class _Count(int):
    """An int with noun formats: `{n:post}`, `{n:story|stories}`."""

    def __format__(self, spec: str) -> str:
        if not spec[:1].isalpha() or len(spec) == 1:
            return super().__format__(spec)
        singular, _, plural = spec.partition("|")
        return f"{self:d} {singular if self == 1 else plural or singular + 's'}"


def fill(form: str, **values: object) -> str:
    """Fill in a template; `{n:post}` becomes `1 post` or `3 posts`."""
    counted = {name: _Count(v) if type(v) is int else v for name, v in values.items()}
    return form.format(**counted)
