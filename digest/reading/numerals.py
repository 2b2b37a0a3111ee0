"""Find Chinese and English numerals in every notation: 3.5 billion, 三点五亿, 12亿3400万, half a
billion."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import pairwise
from operator import mul

from digest.reading.vocabulary import load_lines
from digest.text import compile_table

_HAN_DIGITS = {
    char: value
    for value, chars in enumerate(("零〇", "一壹", "二两兩俩贰", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖"))
    for char in chars
}  # fmt: skip
_HAN_TENS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_HAN_MYRIADS = {
    "万": 10**4, "萬": 10**4, "만": 10**4, "亿": 10**8, "億": 10**8, "억": 10**8, "兆": 10**12, "조": 10**12,
}  # fmt: skip
_SHORT_TENS = {"廿": 20, "卅": 30}

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
NUMBER_WORDS = dict(zip(_UNITS, range(20), strict=True)) | dict(
    zip(_TENS, range(20, 100, 10), strict=True)
)
"""English numbers below a hundred that are a single word."""
NUMBER_SCALES = {
    "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "quadrillion": 10**15,
}  # fmt: skip
"""English scale words after a number."""
_LETTERS = {
    "k": 10**3, "w": 10**4, "m": 10**6, "mm": 10**6, "b": 10**9, "t": 10**12,
}  # fmt: skip

_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50}

_DIGITS = "".join(_HAN_DIGITS)
_MYRIADS = "".join(_HAN_MYRIADS)
ARABIC = r"\d{1,3}(?:,\d{3})+(?:[.．]\d+)?(?!\d|,\d)|\d+(?:[.．]\d+)?"
# 千 in 千瓦, 兆 in 兆赫 and 百 in 百度 are not part of the number; 三个亿 is 三亿.
_HAN_SCALE = (
    rf"(?:[个多余]?[{_MYRIADS}](?![瓦赫卡]|字节)|[{''.join(_HAN_TENS)}](?![瓦赫克米卡帧度]|字节))"
)
_WORDS = "|".join((*NUMBER_WORDS, *NUMBER_SCALES, "hundred", "dozen"))
_ARTICLED = "|".join((*NUMBER_SCALES, "dozen"))


@cache
def _load_scales() -> Mapping[str, int]:
    """Return the factor of each scale word after digits, including those of other languages: a
    Spanish or Vietnamese post may count in millions."""
    rows = map(str.split, load_lines("units", "scales"))
    return NUMBER_SCALES | {word: int(scale) for scale, *words in rows for word in words}


@cache
def _compile_numeral() -> re.Pattern[str]:
    """Return the pattern of a number in every notation; compiled on first use, not at import."""
    scales = "|".join(sorted(_load_scales(), key=len)[::-1])
    return re.compile(
        rf"(?P<arabic>(?<![\d.,])(?:{ARABIC}))(?![.．]\d)"
        rf"(?:\s?(?P<han>{_HAN_SCALE}(?:\s?(?:{ARABIC}|[{_DIGITS}])+\s?{_HAN_SCALE}|{_HAN_SCALE})*(?:[{_DIGITS}](?!成|分)|\d{{4}}(?![\d.,%年]))?)"
        rf"|\+?[\s-]?(?P<word>{scales})(?!(?!th\b)[^\W\d_\u2e80-\uffff])"
        r"|(?:(?<=\d)|\s(?=k\b))(?P<tight>k|w|mm?|b|t)(?:(?<=[kw])(?P<tail>\d)\b)?(?![A-Za-z²³]|/(?!\d|da|mo|y)))?"
        rf"|(?P<spelled>(?:[{_DIGITS}{''.join(_SHORT_TENS)}]|{_HAN_SCALE})+(?:点[{_DIGITS}]+{_HAN_SCALE}*)?)"
        rf"|\b(?P<english>(?:an?\s(?=hundred|{_ARTICLED})|half\san?\s(?={_ARTICLED}))?(?:{_WORDS})"
        rf"(?:(?:[\s-]|\sand\s)(?:{_WORDS})|\spoint(?:\s(?:{'|'.join(_UNITS[:10])}))+|[\s-]and[\s-]a[\s-]half)*)(?!s?\w)",
        re.IGNORECASE,
    )


_HAN_TAIL = re.compile(rf"[\d{_DIGITS}]")
MAX_CHARS = 200
"""Longer runs of digits or number words are not numbers."""
MAX_VALUE = 10**30
"""Larger values are not counts: 亿亿亿亿 is a cheer, and computing with it would give infinity."""
fold_letters = compile_table({"ſ": "s", "ı": "i", "İ": "I", "\u212a": "K"})
"""Replace the letters that case-insensitive patterns confuse with s, i and K, keeping the length,
because tables have "million" and not "mıllion"."""
_BARE_SCALE = re.compile(rf"[百千{_MYRIADS}]+.?")
"""百度, 万一, 千万: a scale without a number before it is part of a word."""


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number at `text[start:end]`."""

    start: int
    end: int
    value: float
    step: float
    """Place value of its last significant digit: 1e5 in "5.7 million", 1e7 in 三亿八千万."""
    spelled: bool
    """True if it has no digits: 三十, twenty."""
    scale: str = ""
    """The letter after the digits ("k", "m", "b", "t", "w"), which may be a unit instead."""


def find_numerals(text: str) -> list[Numeral]:
    """Return the numbers of a text in order, including full-width and traditional forms."""
    numerals: list[Numeral] = []
    for match in _compile_numeral().finditer(fold_letters(text)):
        if match.end() - match.start() > MAX_CHARS:
            continue
        if match["english"]:
            numerals += _read_english(match)
        elif match["arabic"]:
            numerals.append(_read_arabic(match))
        elif not _BARE_SCALE.fullmatch(match["spelled"]) and (value := parse_han(match["spelled"])):
            numerals.append(Numeral(*match.span(), float(value), _last_place(value), spelled=True))
    return [numeral for numeral in numerals if numeral.value < MAX_VALUE]


def _read_arabic(match: re.Match[str]) -> Numeral:
    digits = _decimal(match["arabic"])
    word = (match["word"] or match["tight"] or "").lower()
    scale = Decimal(_load_scales().get(word) or _LETTERS.get(word, 1))
    exponent = digits.as_tuple().exponent
    value, step = digits * scale, scale.scaleb(exponent if isinstance(exponent, int) else 0)
    if match["tail"]:  # 6k5 is 6,500
        value, step = value + int(match["tail"]) * scale / 10, scale / 10
    if match["han"]:
        value = parse_han(match["arabic"] + match["han"])
        simple = digits and not _HAN_TAIL.search(match["han"])
        step = step * value / digits if simple else Decimal(_last_place(value))
    return Numeral(
        *match.span(),
        float(value),
        float(step),
        spelled=False,
        scale=(match["tight"] or "").lower(),
    )


def _last_place(value: Decimal) -> float:
    """Return the place value of the last nonzero digit."""
    exponent = value.normalize().as_tuple().exponent
    return 10.0**exponent if isinstance(exponent, int) else 1.0


_LONE_SCALE = re.compile(
    rf"(?<![\d{_DIGITS}{''.join(_HAN_TENS)}{_MYRIADS}])[百千]?[万亿](?![\d{_DIGITS}十百千{_MYRIADS}])"
    r"|(?<![\w-])(?<!\d )(?:m|b|tr)illion(?=-[a-z])",
    re.I,
)


def find_bare_scales(text: str) -> Iterator[Numeral]:
    """Yield scales without a number before them as one of each: 百万 for a million tokens, a
    billion-dollar deal."""
    for match in _LONE_SCALE.finditer(text):
        if text[: match.start()].rstrip()[-1:].isdigit():
            continue  # 10 万
        value = NUMBER_SCALES.get(match.group().lower()) or parse_han(match.group())
        yield Numeral(*match.span(), float(value), float(value), spelled=True)


_PER_SCALE = re.compile(
    rf"(?:\bper|/|每) ?1? ?([百千万亿]+(?![克米瓦卡])|[km](?=\b|tok)|{'|'.join(NUMBER_SCALES)})",
    re.I,
)


def find_per_scales(text: str) -> dict[float, str]:
    """Return the "per" scales of a text, by value, as written: per million, 每千, /1K."""
    letters = {"k": 1e3, "m": 1e6}
    scales = {}
    for match in _PER_SCALE.finditer(text):
        word = match[1].lower()
        value = letters.get(word) or NUMBER_SCALES.get(word) or float(parse_han("一" + word))
        scales[float(value)] = match.group()
    return scales


_EXACT = re.compile(r"\d\.\d{2}|\d,\d{3}|\d{5}")


def has_exact_figure(text: str) -> bool:
    """Return True if a text has a figure with two decimals or five digits, or two figures with two
    digits or more."""
    numbers = {n.value for n in find_numerals(text) if not n.spelled and n.value >= 10}
    return len(numbers) > 1 or bool(_EXACT.search(text))


_PIECE = re.compile(rf"{ARABIC}|.", re.DOTALL)


def parse_han(numeral: str) -> Decimal:
    """Return the value of a numeral with Han scales, digits of either kind: 一亿两千万, 12亿3400万, 二〇二六.

    A last digit without a scale takes the one below the scale before it: 一万二 is 12,000, but
    一万零二 is 10,002. The maximum is MAX_VALUE; other characters are ignored.
    """
    groups: list[Decimal] = []
    section, current, scale, place = Decimal(0), Decimal(0), Decimal(1), Decimal(0)
    digits = fresh = False  # a digit precedes; nothing since the last scale of ten thousands
    for piece in _PIECE.findall(re.sub(r"[个多余\s]", "", numeral)):
        if piece[0].isdigit() or piece in _HAN_DIGITS:
            value = Decimal(_HAN_DIGITS[piece]) if piece in _HAN_DIGITS else _decimal(piece)
            if place:
                current, place = current + value * place, place / 10
            else:
                current = current * 10 + value if digits else value
            scale = Decimal(1) if digits or not value or len(piece) > 1 else scale
            digits, fresh = True, False
        elif piece == "点":
            place = Decimal("0.1")
        elif piece in _SHORT_TENS:
            section, digits = section + _SHORT_TENS[piece], False
        elif piece in _HAN_TENS or piece in _HAN_MYRIADS:
            place = Decimal(0)
            amount = Decimal(_HAN_TENS.get(piece) or _HAN_MYRIADS[piece])
            if fresh and not digits and groups:  # 万千, 亿亿: a scale multiplies a scale
                groups[-1] *= amount
                scale = amount / 10
            elif piece in _HAN_TENS:
                section += (current if digits else Decimal(1)) * amount
                scale = amount / 10
            else:
                lower = [group for group in groups if group < amount]
                groups = [group for group in groups if group >= amount]
                total = sum(lower, section + current) or Decimal(1)
                groups.append(total * amount)
                section, scale, fresh = Decimal(0), amount / 10, True
            current, digits = Decimal(0), False
    return min(sum(groups, section + current * scale), Decimal(MAX_VALUE))


def _decimal(digits: str) -> Decimal:
    return Decimal(re.sub("[,，]", "", digits).replace("．", "."))


def _read_english(match: re.Match[str]) -> Iterator[Numeral]:
    """Yield the numbers in a run of words: "twenty-five" is one, "two three" are two."""
    words = [
        (word[0].lower(), *word.span()) for word in re.finditer(r"[A-Za-z]+", match["english"])
    ]
    words = [word for word in words if word[0] not in ("and", "a", "an")]
    if words[0][0] in (*NUMBER_SCALES, "hundred") and match["english"][0].lower() not in "ah":
        return  # "million users" and the like
    first = 0
    for last in range(1, len(words) + 1):
        if last == len(words) or not _continues(
            [word[0] for word in words[first:last]], words[last][0]
        ):
            run = [word[0] for word in words[first:last]]
            value = _parse_english(run)
            at = match.start()
            start = at if not first else at + words[first][1]
            end = match.end() if last == len(words) else at + words[last - 1][2]
            yield Numeral(start, end, float(value), _last_place(value), spelled=True)
            first = last


def _continues(run: Sequence[str], word: str) -> bool:
    """Return True if the word can continue the number of this run."""
    last = run[-1]
    if word in ("point", "half") or last in ("point", "half") or "point" in run:
        return True
    if word in NUMBER_WORDS:
        room = dict.fromkeys(_TENS, 10) | dict.fromkeys(NUMBER_SCALES, 1000) | {"hundred": 100}
        return NUMBER_WORDS[word] < room.get(last, 0) and word != "zero"
    return not (word in ("hundred", "dozen") and last in ("hundred", "dozen", *_TENS))


def _parse_english(words: Sequence[str]) -> Decimal:
    total, current, place, scale = Decimal(0), Decimal(0), Decimal(0), Decimal(1)
    for word in words:
        if word == "point":
            place = Decimal("0.1")
        elif word == "half":
            current, total = (
                (current, total + scale / 2)
                if total and not current
                else (current + Decimal("0.5"), total)
            )
        elif word in NUMBER_WORDS and place:
            current, place = current + NUMBER_WORDS[word] * place, place / 10
        elif word in NUMBER_WORDS:
            current += NUMBER_WORDS[word]
        elif word in ("hundred", "dozen"):
            current = (current or Decimal(1)) * (100 if word == "hundred" else 12)
        else:
            scale = Decimal(NUMBER_SCALES[word])
            total, current, place = total + (current or Decimal(1)) * scale, Decimal(0), Decimal(0)
    return total + current


def find_roman(text: str) -> Iterator[tuple[str, float]]:
    """Yield the Roman numerals of two and more letters below 90, with their values: IX is 9."""
    for word in text.split():
        bare = word.strip("()[],.:;!?\"'")
        if len(bare) > 1 and set(bare) <= _ROMAN.keys():
            digits = [_ROMAN[letter] for letter in bare]
            signs = (-1 if one < after else 1 for one, after in pairwise([*digits, 0]))
            yield bare, float(sum(map(mul, digits, signs)))
