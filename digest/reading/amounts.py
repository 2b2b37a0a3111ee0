"""Find amounts: numbers with unit, currency and hedge, comparable across languages and notations.

150亿美元 = $15B = 15 billion dollars; 百分之十 = 一成 = 10%; 三分之二 = two-thirds; 第三 = #3; 数百万 = millions.
"""

import re
from collections.abc import Iterator, Set
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from digest.reading.numerals import (
    ARABIC,
    NUMBER_SCALES,
    NUMBER_WORDS,
    Numeral,
    find_numerals,
    fold_letters,
    parse_han,
)
from digest.reading.units import Amount, Hedge, Kind, Quantity, find_unit, says_how_often
from digest.reading.vocabulary import compile_words, load_signs, load_unit_names, load_words

_PREFIX = re.compile(r"(us|hk|nt)?([$€£¥￥₩₹])\s?-?$|\b([a-z]{3})\s?$", re.I)
_FACTOR = re.compile(r"(?<![A-Za-z0-9])[x×]$", re.I)
"""x100 means a hundred times."""
_IN_NAME = re.compile(r"[A-Za-z](?:[\w.]*-)?\Z")
_PREFIX_WORDS = tuple(
    f"{word}-" for word in "sub mid pre post top non multi over under the".split()
)
_NO_NOUNS = frozenset(
    "and or to in at by on for from than is are was were as if when with since before after per under"
    " over into within between during until but while now without out about around".split()
)
_DIGITS = re.compile(r"\d[\d,]*(?:\.(\d+))?")
_AND_A_HALF = re.compile(r"\b(?:an?|one) ([a-z]+) and a half\b", re.I)
_POINT = re.compile(r"[\s-](?:of |an?\s)*(?:percentage[\s-])?point", re.I)
_RATE = re.compile(r"\s?(?:/|per\b|an?\s|each\b)")
_AND_HALF = re.compile(r"个?半个?(?=[月年天日小钟周倍])|[ -]and[ -]a[ -]half\b")
THOUSANDS = 3
"""Zeros that the first figure of a range may omit: 4-5000."""
RANGE = re.compile(r"\s?(?:[-–—~～至到]|to|and|or|until|和|或)\s?")
"""Between the two figures of a range."""
_DASH = re.compile(r"\s?[-–—~～至到]\s?")
_BEFORE = r"\s?(?:us)?[$€£¥]?\s?$"
_AFTER = re.compile(
    r"\s?(?:(?P<over>\+|个?[多余]|以上|出头|还多|有余|or more|plus\b)|(?P<about>左右|上下|or so\b))",
    re.I,
)
_WHOLE = re.compile(r"[\u4e00-\u9fff]{2}的\s?$")
"""Between a hedge and a share: 不到总量的十分之一."""
_HAN = "零〇一二两三四五六七八九十百千万亿"
_PERCENT = re.compile(rf"百分之\s?([{_HAN}]+(?:点[{_HAN}]+)?|\d+(?:\.\d+)?)")
_TENTHS = re.compile(
    r"([一两二三四五六七八九\d])成([一二三四五六七八九半])?(?![为员立绩果功本熟品长就都型分交])"
)
_ORDINAL_WORDS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth"
    " fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
).split()
_ORDINALS = {word: n for n, word in enumerate(_ORDINAL_WORDS, 1)} | {
    word: 10 * n
    for n, word in enumerate(
        "twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth".split(), 2
    )
}
_DENOMINATORS = {"half": 2, "quarter": 4, "hundredth": 100, "thousandth": 1000} | {
    word: n for word, n in _ORDINALS.items() if n > 2
}
_SMALL = {word: n for word, n in NUMBER_WORDS.items() if n <= 10} | {"a": 1, "an": 1}
_TENS = {word: n for word, n in NUMBER_WORDS.items() if n >= 20}
_ONES = "|".join(word for word, n in _SMALL.items() if 1 <= n <= 9)
_FRACTION = re.compile(
    rf"\b(?:(?<!and[ -])|(?=\S+ \S+ of\b))(?P<above>{_ONES})[\s-](?P<below>{'|'.join(_DENOMINATORS)})s?\b(?![\s-](?:of\s20|time|party))"
    rf"|(?P<han_below>[{_HAN}\d]+)分之(?P<han_above>[{_HAN}\d]+)"
    r"|(?<![\d/.$€£¥])(?P<digits>\d\d?)/(?P<slash>\d\d?)(?![\d/.A-Za-z])"
    rf"|(?P<han_of>[{_HAN}\d]{{1,4}})\s?[个人次名家份][^，。；,;\d{_HAN}]{{0,8}}[中里](?:就?有)?(?:约|近|超过)?\s?(?P<han_part>[{_HAN}\d]{{1,4}})\s?[个人次名家份]"
    rf"|(?<![\d.,])\b(?P<part>{_ONES}|\d) (?:times )?(?:in|out of) (?:a )?(?P<whole>{_ONES}|ten|hundred|thousand|{'|'.join(_TENS)}|\d{{1,3}})\b",
    re.I,
)
_OF_SPAN = re.compile(r"\s?(?:of an? |个)(century|hour|世纪|小时)", re.I)
"""After a share that is a length of time."""
_OF_SCALE = re.compile(rf"\sof\san?\s({'|'.join(NUMBER_SCALES)})\b", re.I)
_DISCOUNT = re.compile(
    r"(\d(?:\.?\d)?|(?<!点)[一二三四五六七八九]{1,2})\s?折(?![屏叠扣合算旧损腾磨射线])"
)
"""A price as a share of the original one: 八折 is 80% of it."""
_HALF_SPAN = re.compile(
    r"(?<![上下个])半个?(小时|年|天|月|钟头)|(?<!and[ -]a[ -])\bhalf[\s-](?:an?[\s-])?(hour|year|day|month|minute|second|decade|week)\b",
    re.I,
)
_MULTIPLES = {"double": 2.0, "triple": 3.0, "quadruple": 4.0, "tenfold": 10.0}
_RANK = re.compile(
    rf"第\s?(?P<han>(?:{ARABIC})[万亿]?|[{_HAN}]+)(?![\d{_HAN}])(?![方天章节期批款代只])"
    rf"|\b(?<!\w-)(?:(?P<tens>{'|'.join(_TENS)})-)?(?P<word>{'|'.join(_ORDINALS)})\b(?![\s-](?:quarter|half|party|of\s\w+\b\s\d))"
    r"|(?<![\w.])(?P<digits>\d{1,4}(?:st|nd|rd|th)|\d[\d,.]*\s\w+(?:ion|and)th)\b(?![\s-]party)|(?:#|\b(?:No|ep|vol|part)\.?\s?|排名\s?|TOP\s?)(?P<sign>\d{1,3})\b(?![\d.,]*%)",
    re.I,
)
DIGITS = range(4, 13)
"""Possible numbers of digits in "a nine-figure sum"."""
_SIZES = {"dozens": 10.0, "hundreds": 100.0, "thousands": 1e3, "millions": 1e6, "billions": 1e9, "trillions": 1e12}  # fmt: skip
_MAGNITUDE = re.compile(
    rf"\b(?:(?P<tens>tens|hundreds|dozens)\sof\s)?(?P<word>{'|'.join(_SIZES)})\b"
    r"|(?:[数几上]|(?<![完达生形])成(?=[百千万])|(?:逾|超过|突破)(?!十))(?P<han>[十百千]?[万亿]亿?|[千百十])(?![分字二一])|(?<![一二两三四五六七八九十百千\d])(?P<few>[十百千])(?=[几余来]|多[名个家人位])"
    rf"|(?P<digits>\b(?:{_ONES})|(?<![\d.])\d\d?|(?<![{_HAN}\d])[{_HAN}]{{1,2}})(?:[\s-](?:figure|digit)s?\b|位数)",
    re.I,
)


_DURATION = re.compile(r"(?<![\d:])(\d+):(\d\d)[\s-]?(?:min|分钟)", re.I)
_NEIGHBOURS = re.compile(
    rf"(?<![{_HAN}\d点分周])([一两二三四五六七八][二两三四五六七八九]|[2-8]/[3-9])([十百千万亿]+)?(?![{_HAN}点分成])"
)


def find_amounts(text: str) -> list[Amount]:
    """Return the amounts of a text in order: numbers, shares, multiples, ranks and magnitudes."""
    text = fold_letters(text)
    special = [*_find_shares(text), *_find_magnitudes(text), *_find_neighbours(text)]
    special += _find_multiples(_blank(text, special))
    bare = _blank(text, special)
    special += _find_ranks(bare)
    numerals = [n for n in find_numerals(bare) if not _is_part_of_rank(n, special)]
    numbers = [_read_number(numeral, bare) for numeral in numerals]
    names = [match.span() for match in find_cues(text, "indices")]
    idioms = [match.span() for match in find_cues(text, "idioms")]
    numbers = [n for n in numbers if not any(a <= n.start < b for a, b in idioms)]
    numbers = [
        replace(n, in_name=True) if any(a <= n.start < b for a, b in names) else n for n in numbers
    ]
    numbers = [number for number in _share_units(numbers, text) if not _is_idiom(number, text)]
    return sorted([*special, *numbers], key=lambda amount: amount.start)


def _is_part_of_rank(numeral: Numeral, special: list[Amount]) -> bool:
    return any(a.kind == "rank" and a.start <= numeral.start < a.end for a in special)


def _is_idiom(number: Amount, text: str) -> bool:
    """Return True for a Han numeral that is a word (十分, 两两) or part of a vague number (几十)."""
    if not number.spelled or text[number.start].isascii():
        return False
    if len(number.text) > len(set(number.text)) == 1:
        return True  # 两两, 一一
    around = text[max(0, number.start - 1) : number.start], text[number.end : number.end + 1]
    return around[0] in ("第", "几", "数", "唯", "统", "双") or (
        number.value == 10 and (around[1] in ("分", "足", "几") or number.text == "拾")
    )


def _blank(text: str, amounts: list[Amount]) -> str:
    for amount in amounts:
        text = text[: amount.start] + "\x00" * (amount.end - amount.start) + text[amount.end :]
    return text


def _read_number(numeral: Numeral, text: str) -> Amount:
    start, end, value = numeral.start, numeral.end, numeral.value
    sign = "times" if _FACTOR.search(text[max(0, start - 2) : start]) else ""
    prefix = _PREFIX.search(text[max(0, start - 5) : start])
    code = ((prefix[1] or "") + (prefix[2] or prefix[3])).lower() if prefix else ""
    if prefix and code in load_signs():
        sign, start = load_signs()[code], start - len(prefix[0])
    after = _AFTER.match(text, end)
    if after and after["over"]:
        end = after.end()
    if half := _AND_HALF.match(text, end):
        value, end = value + 0.5, half.end()
    unit, end = (
        ("month", end + 1)
        if (half or after) and text[end : end + 1] == "月"
        else find_unit(text, end)
    )
    if text[end : end + 1] == "半" and unit in ("year", "day", "hour", "week", "minute"):
        value, end = value + 0.5, end + 1  # 两年半
    unit = "" if unit == "cent" and sign else unit
    size = 1.0
    if numeral.scale == "mm" and not (sign or unit) and text[:end].endswith("mm"):
        value, unit, size = value / 1e6, "mm", 1e-6  # 5mm is five million only with a currency
    before = text[max(0, numeral.start - 24) : numeral.start]
    name = not sign and unit != "percent" and not numeral.spelled and bool(_IN_NAME.search(before))
    return Amount(
        start,
        end,
        text[start:end].strip().lstrip("-"),
        (
            Quantity(value, sign or unit),
            *_other_readings(numeral, sign, unit),
            *([Quantity(value, "gram")] if unit == "gb" and text[end - 1] in "gG" else []),
            *([Quantity(value, "")] if text[end - 1] == "码" else []),  # 40 码的鞋
            *_convert_unit(value, unit),
            *([Quantity(value, "count")] if says_how_often(text, end) else []),
            *([] if sign or unit else _find_far_unit(value, text, end)),
        ),
        step=numeral.step * size,
        hedge=_find_hedge(text, start, end, after),
        counts=not unit and _has_noun(text, end),
        spelled=numeral.spelled,
        rate=bool(_RATE.match(text, end)),
        in_name=name and not _is_prefix(before),
    )


def _convert_unit(value: float, unit: str) -> Iterator[Quantity]:
    if unit == "celsius":
        yield Quantity(1.8 * value + 32, "fahrenheit")
    elif unit == "fahrenheit":
        yield Quantity((value - 32) / 1.8, "celsius")
    elif unit == "oz":  # of a drink
        yield Quantity(value * 29.5735, "ml")


def _has_noun(text: str, at: int) -> bool:
    """Return True if a noun, which a number may count, can follow at this index."""
    after = text[at : at + 24]
    after = after[after[:1].isspace() :]
    if "\u4e00" <= after[:1] <= "\u9fff":
        return after[0] != "的"
    word = re.split("[^A-Za-z]", after, maxsplit=1)[0]
    return bool(word) and word not in _NO_NOUNS


def _find_far_unit(value: float, text: str, at: int) -> Iterator[Quantity]:
    """Yield the number with a unit up to three words later: 10 super intense weeks. "Points" may be
    percentage points, and "m" after a space metres or millions: 6.5 m."""
    words = text[at : at + 48].split()[:4]
    first = words[0].rstrip(".,;:!?)") if words else ""
    if first in ("point", "points"):
        yield Quantity(value, "pp")
    elif first == "m":
        yield from (Quantity(value, "metre"), Quantity(value * 1e6, ""))
    for word in words[1:] if text[at : at + 1] == " " else ():
        unit = load_unit_names().get(word.rstrip(".,;:!?)"))
        if unit and word.isascii() and len(word) > 4:
            yield Quantity(value, unit)
        if not word.islower() or not word.isalpha() or word in _NO_NOUNS:
            return


def _is_prefix(before: str) -> bool:
    """Return True if the word before a number is not a name: sub-10, the-15."""
    return any(word in _PREFIX_WORDS for word in before.lower().split()[-1:])


def _other_readings(numeral: Numeral, sign: str, unit: str) -> Iterator[Quantity]:
    """Yield other meanings of the letter after the digits: 5m is five million, metres or minutes,
    40W 400,000 or watts."""
    if sign == "cny":
        yield Quantity(numeral.value, "jpy")
    if not numeral.scale or sign:
        return
    scale = {"m": 1e6, "b": 1e9, "t": 1e12}.get(numeral.scale, 0)
    if numeral.scale == "w":
        yield Quantity(numeral.value / 1e4, "w")
    elif numeral.scale == "m":
        yield from (Quantity(numeral.value / scale, name) for name in ("minute", "metre", "mb"))
    elif numeral.scale == "mm":
        yield Quantity(numeral.value, "") if unit == "mm" else Quantity(numeral.value / 1e6, "mm")
    elif scale:
        yield Quantity(numeral.value, "byte")


def _find_hedge(text: str, start: int, end: int, after: re.Match[str] | None) -> Hedge:
    before = text[max(0, start - 16) : start]
    if "分之" in text[start:end] or text[start:end].endswith(("半", "成")):
        before = _WHOLE.sub("", before)
    if text[start] in "过逾超" or text[start:end].rstrip("万亿").endswith(("多", "余")):
        return "over"
    trailing = text[end : end + 2] in ("左右", "上下")
    if (
        compile_words("figures", "about", _BEFORE).search(before)
        or trailing
        or (after and after["about"])
    ):
        return "about"
    if compile_words("figures", "over", _BEFORE).search(before) or (after and after["over"]):
        return "over"
    return "under" if compile_words("figures", "under", _BEFORE).search(before) else ""


def _find_neighbours(text: str) -> Iterator[Amount]:
    """Yield 两三千 and 三五个 as both of their digits."""
    for match in _NEIGHBOURS.finditer(text):
        digits, scale = match[1].replace("/", ""), match[2] or ""
        low, high = (float(parse_han(digit + scale)) for digit in digits)
        unit, end = find_unit(text, match.end())
        if low < high and (scale or unit) and high - low <= 2 * float(parse_han("一" + scale)):
            amount = _as_amount(match, text, (Quantity(low, unit), Quantity(high, unit)), "number")
            yield replace(amount, end=end, text=text[amount.start : end], hedge="about")


def _share_units(numbers: list[Amount], text: str) -> list[Amount]:
    """Give the first number of a range the scale and unit of the second: 200-260 亿, 20 to 50%."""
    shared = list(numbers)
    for n, (first, second) in enumerate(pairwise(numbers)):
        link = RANGE.fullmatch(text[first.end : second.start])
        year = text[first.start : first.end].isdigit() and 1900 <= first.value < 2100
        if not link or year or first.in_name or first.unit not in ("", second.unit):
            continue
        factor = 1.0
        if first.step <= 1 and (digits := _DIGITS.search(text, second.start, second.end)):
            factor = second.step / 10.0 ** -len(digits[1] or "")
        dash = _DASH.fullmatch(link.group())
        if dash and (thousands := _find_left_out(first, second, text)):
            shared[n] = replace(first, quantities=(*first.quantities, thousands))
            continue
        if first.value * factor > second.value >= first.value:
            factor = 1.0  # 1000 到 1 万
        scaled = Quantity(first.value * factor, second.unit or first.unit)
        if scaled != first.quantities[0]:
            quantities = (scaled,) if dash else (scaled, *first.quantities)
            step = first.step * factor
            shared[n] = replace(first, quantities=quantities, counts=second.counts, step=step)
    return shared


def _find_left_out(first: Amount, second: Amount, text: str) -> Quantity | None:
    """Return the 4,000 of "4-5000 users"."""
    digits = text[second.start : second.end].replace(",", "")
    begin, zeros = digits[:1], digits[1:].removesuffix("+")
    elided = first.text.isdigit() and len(first.text) == 1 and first.text < begin
    if not (elided and len(zeros) >= THOUSANDS and set(zeros) == {"0"}):
        return None
    return Quantity(first.value * 10.0 ** len(zeros), second.unit)


def _find_shares(text: str) -> Iterator[Amount]:
    halves = list(_HALF_SPAN.finditer(text))
    covered = {at for match in halves for at in range(match.start(), match.end())}
    yield from _find_percentages(text)
    for match in halves:
        unit = next(group for group in match.groups() if group).lower()
        quantity = Quantity(0.5, load_unit_names().get(unit, "month"))
        yield _as_amount(match, text, (quantity,), kind="number")
    for match in _AND_A_HALF.finditer(text):
        if unit := load_unit_names().get(match[1].lower()):
            yield _as_amount(match, text, (Quantity(1.5, unit),), "number", 0.5)
    yield from _find_fractions(text, covered)
    for match in find_cues(text, "half"):
        mixed = text[: match.start()].lower().replace("-", " ").endswith("and a ")
        no_share = compile_words("figures", "no_half").match(text, match.end() + 1)
        if not (mixed or no_share or match.start() in covered):
            shares = *_as_share(1, 2, match, text), Quantity(2.0, "times")
            yield _as_amount(match, text, shares, "share", step=1.0)


def _find_percentages(text: str) -> Iterator[Amount]:
    """Yield 百分之十, 三成五 and 八折."""
    for match in _PERCENT.finditer(text):
        value = float(match[1]) if match[1][0].isdigit() else float(parse_han(match[1]))
        yield _as_amount(match, text, (Quantity(value, "percent"),), kind="number")
    for match in _TENTHS.finditer(text):
        tail = match[2] or "零"
        value = 10.0 * float(parse_han(match[1])) + (5 if tail == "半" else float(parse_han(tail)))
        yield _as_amount(match, text, (Quantity(value, "percent"),), kind="number")
    for match in _DISCOUNT.finditer(text):
        digits = parse_han(match[1]) if match[1][0] in _HAN else Decimal(match[1])
        left = float(digits * (10 if digits < 10 else 1))  # 八折, 七五折
        quantities = Quantity(left, "percent"), Quantity(100 - left, "percent")
        yield _as_amount(match, text, quantities, "share")


def _find_fractions(text: str, covered: Set[int]) -> Iterator[Amount]:
    """Yield two thirds, 三分之二 and 3/4, except those that start at a `covered` index."""
    for match in _FRACTION.finditer(text):
        above, below = _read_fraction(match)
        if not below:
            continue
        if scale := _OF_SCALE.match(text, match.end()):
            yield _scale_fraction(match, scale, text, above / below)
        elif span := _OF_SPAN.match(text, match.end()):
            yield _scale_span(match, span, text, above / below)
        elif not (match.start() in covered or _is_no_share(match, above, below, text)):
            yield _as_amount(match, text, _as_share(above, below, match, text), "share", step=1.0)


def _is_no_share(match: re.Match[str], above: float, below: float, text: str) -> bool:
    """Return True for 24/7, the 7/8 of "7/8 次", "until 10/29", and a percentage, which is found
    elsewhere."""
    if not match["digits"]:
        return bool(match["han_below"]) and below == 100
    before = text[max(0, match.start() - 12) : match.start()].lower().split()[-1:]
    if load_words("figures", "until").intersection(before):
        return text[match.end() : match.end() + 5].split()[:1] != ["of"]
    neighbours = 1 < above == below - 1 and bool(find_unit(text, match.end())[0])
    return above > below or neighbours


def _scale_fraction(match: re.Match[str], scale: re.Match[str], text: str, share: float) -> Amount:
    """Return the amount in "a quarter of a million users"."""
    unit, end = find_unit(text, scale.end())
    value = share * NUMBER_SCALES[scale[1].lower()]
    amount = _as_amount(match, text, (Quantity(value, unit),), "number")
    return replace(amount, end=end, text=text[amount.start : end])


def _scale_span(match: re.Match[str], span: re.Match[str], text: str, share: float) -> Amount:
    """Return the amount in "a third of an hour"."""
    unit = load_unit_names().get(span[1].lower(), "")
    quantity = Quantity(share, unit) if unit else Quantity(100 * share, "year")
    return _as_amount(match, text, (quantity,), "number")


def _read_fraction(match: re.Match[str]) -> tuple[float, float]:
    if match["above"]:
        return _SMALL[match["above"].lower()], _DENOMINATORS[match["below"].lower()]
    if match["han_below"]:
        return float(parse_han(match["han_above"])), float(parse_han(match["han_below"]))
    if match["han_of"]:
        return float(parse_han(match["han_part"])), float(parse_han(match["han_of"]))
    if match["digits"]:
        return float(match["digits"]), float(match["slash"])
    part, whole = match["part"].lower(), match["whole"].lower()
    return float(_SMALL.get(part) or part), float(
        (_SMALL | _TENS | {"hundred": 100, "thousand": 1000}).get(whole) or whole
    )


def _as_share(above: float, below: float, match: re.Match[str], text: str) -> tuple[Quantity, ...]:
    percent = 100 * above / below
    if _POINT.match(text, match.end()):
        return (Quantity(above / below, "pp"), Quantity(above / below, "percent"))
    rounded = Quantity(float(round(percent)), "percent"), Quantity(round(percent, 1), "percent")
    ranks = (Quantity(below, "rank"),) if text[match.start()] in "aA" else ()  # a third time
    return Quantity(percent, "percent"), *rounded, Quantity(above / below, ""), *ranks


def _find_multiples(text: str) -> Iterator[Amount]:
    for table, value in _MULTIPLES.items():
        for match in find_cues(text, table):
            if text[match.start() - 1 : match.start()] in tuple(_HAN):
                continue  # the 十倍 of 四十倍
            quantities = Quantity(value, "times"), Quantity(100 * (value - 1), "percent")
            yield _as_amount(match, text, quantities, "multiple")


def find_cues(text: str, table: str) -> Iterator[re.Match[str]]:
    """Yield the matches of the words in a table of `vocabulary/figures.toml`."""
    return compile_words("figures", table).finditer(text)


def find_durations(text: str) -> Iterator[Amount]:
    """Yield the minutes, the seconds and the total seconds of "3:49 min"."""
    for match in _DURATION.finditer(text):
        minutes, seconds = map(float, match.groups())
        lengths = ((minutes, "minute"), (seconds, "second"), (60 * minutes + seconds, "second"))
        yield from (Amount(*match.span(), match.group(), (Quantity(*n),)) for n in lengths)


def _find_ranks(text: str) -> Iterator[Amount]:
    for match in _RANK.finditer(text):
        if match["han"]:
            value = float(parse_han(match["han"]))
        elif match["word"]:
            value = _TENS.get((match["tens"] or "").lower(), 0) + _ORDINALS[match["word"].lower()]
        elif numerals := find_numerals(match["sign"] or match["digits"][:-2]):  # without "th"
            value = numerals[0].value
        else:
            continue  # the 1.2.3 millionth
        yield _as_amount(match, text, (Quantity(float(value), "rank"),), "rank")


def _find_magnitudes(text: str) -> Iterator[Amount]:
    for match in find_cues(text, "several"):
        low = float(NUMBER_SCALES.get(match.group().split()[-1].lower(), 100))
        behind = text[match.end() :][:12].lower().split()[:1]  # several hundred thousand
        low *= NUMBER_SCALES.get("".join(behind), 1)
        several = _as_amount(match, text, (Quantity(low, ""),), "magnitude")
        yield replace(several, below=10 * low)
    for match in _MAGNITUDE.finditer(text):
        if digits := match["digits"]:
            places = _SMALL.get(digits.lower()) or int(parse_han(digits))
            if places not in DIGITS:
                continue  # 3 figures of a paper
            low = 10.0 ** (places - 1)
            below = 10 * low
        elif match["few"]:
            low = float(parse_han(match["few"]))
            below = 2 * low
        elif match["han"]:
            low = float(parse_han("一" + match["han"] if match["han"][0] != "十" else match["han"]))
            below = 10 * low
        else:
            more = (_SIZES | {"tens": 10.0}).get((match["tens"] or "").lower(), 0.0)
            low = _SIZES[match["word"].lower()] * (more or 1)
            below = 10 * low if more or low < 1e3 else 1000 * low
        yield replace(_as_amount(match, text, (Quantity(low, ""),), "magnitude"), below=below)


def _as_amount(
    match: re.Match[str],
    text: str,
    quantities: tuple[Quantity, ...],
    kind: Kind = "share",
    step: float = 0.0,
) -> Amount:
    hedge = _find_hedge(text, match.start(), match.end(), _AFTER.match(text, match.end()))
    return Amount(*match.span(), match.group().strip(), quantities, kind, step, hedge, spelled=True)
