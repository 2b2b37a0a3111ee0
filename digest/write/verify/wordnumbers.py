"""Numbers written as words: three, two dozen, 三分之二, 翻倍, 第三, 数百万, millions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from digest.write.verify.facts import HAN_NUMBER, Amount, Reading, han_value
from digest.write.verify.units import UNIT_OF, UNIT_WORDS

_ONES = {
    word: n
    for n, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
        " seventeen eighteen nineteen".split()
    )
} | {
    word: 10 * n
    for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_BIG = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ORDINALS = {
    word: n
    for n, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(),
        1,
    )
}
_WORD = "|".join((*_ONES, *_BIG, "dozen"))
_ENGLISH = re.compile(
    rf"\b((?:{_WORD})(?:(?:[\s-]|\sand\s)(?:{_WORD}))*)(?P<fold>fold)?\b(?:[\s-](?P<unit>{UNIT_WORDS})(?![A-Za-z]))?(?P<next>s\b)?",
    re.IGNORECASE,
)
_COUNTERS = "周年|个月|个百分点|个小时|小时|分钟|秒|天|周|年|岁|倍|名|家|款|种|项|位|次|步|人|国|城|座|台|部|篇|章|轮|层|条|套|只|场|份|个|成|件|间|支|行|页"
_CHINESE = re.compile(
    rf"(?<![第数几百千万亿分成])({HAN_NUMBER})(?:多|余)?\s?({_COUNTERS}|{UNIT_WORDS})?",
    re.IGNORECASE,
)
_HALF = re.compile(
    r"\b(?:half|halves|halved?|halving)\b(?!\s(?:of\s20|year))|一半|减半|半价|腰斩|对半",
    re.IGNORECASE,
)
_HALF_SPAN = re.compile(
    r"(?<![上下])半(?:个)?(小时|年|天|月)|\bhalf[\s-](?:an?[\s-])?(hour|year|day|month)\b|半(?:个)?钟头",
    re.IGNORECASE,
)
_MULTIPLES = (
    (
        2.0,
        re.compile(
            r"\b(?:doubl\w+|twice|two-?fold)\b|翻倍|翻番|翻一番|加倍|翻了一倍|增长一倍|[两二一]倍",
            re.IGNORECASE,
        ),
    ),
    (3.0, re.compile(r"\b(?:tripl\w+|three-?fold|threefold|thrice)\b|三倍", re.IGNORECASE)),
    (4.0, re.compile(r"\b(?:quadrupl\w+|four-?fold)\b|四倍|翻两番", re.IGNORECASE)),
    (10.0, re.compile(r"\b(?:ten-?fold|order of magnitude)\b|十倍|一个数量级", re.IGNORECASE)),
)
_FRACTION = re.compile(
    r"\b(?P<n>one|two|three|four|a)[\s-](?P<d>third|quarter|fifth|sixth|tenth)s?\b(?![\s-](?:of\s20|time|place|party))|(?P<hd>[二三四五六七八九十])分之(?P<hn>[一二三四五六七八九])",
    re.IGNORECASE,
)
_DENOMINATORS = {"third": 3, "quarter": 4, "fifth": 5, "sixth": 6, "tenth": 10}
_SLASHED = re.compile(r"(?<![\d/.])(\d)/(\d{1,2})(?![\d/.])")
_RANK = re.compile(
    rf"第\s?(?P<zh>\d+|{HAN_NUMBER})(?![方次季天章节期批款代只])|\b(?P<en>{'|'.join(_ORDINALS)})\b(?![\s-](?:quarter|half|party|of\s\w+\b\s\d))"
    r"|(?<![\w.])(?P<digits>\d{1,3})(?:st|nd|rd|th)\b(?![\s-]party)|(?:#|\bNo\.?\s?|排名\s?)(?P<sign>\d{1,3})\b(?![\d.,]*%)",
    re.IGNORECASE,
)
_TOP = re.compile(
    r"\b(?:top|best|leads?|leading|highest|winner|won|champion|1st|first|number one)\b|首|冠|榜首|第一|登顶|居首|#1\b|No\.?\s?1\b|🥇",
    re.IGNORECASE,
)


def worded(text: str) -> list[Amount]:
    """All numbers in words, for what they support."""
    return [*_english(text), *_chinese(text), *_parts(text), *_multiples(text), *ranks(text)]


def _english(text: str) -> Iterator[Amount]:
    for match in _ENGLISH.finditer(text):
        words = re.split(r"[\s-]+", match[1].lower())
        unit = "times" if match["fold"] else UNIT_OF.get((match["unit"] or "").lower(), "")
        if words[0] not in _BIG and not (match["next"] and words[-1] in (*_BIG, "dozen")):
            yield Amount(match.group().strip(), ((_sum(words), unit),))


def _sum(words: list[str]) -> float:
    total = current = 0.0
    for word in words:
        if word == "hundred":
            current = (current or 1) * 100
        elif word == "dozen":
            current = (current or 1) * 12
        elif word in _BIG:
            total, current = total + (current or 1) * _BIG[word], 0
        else:
            current += _ONES.get(word, 0)
    return total + current


def _chinese(text: str) -> Iterator[Amount]:
    for match in _CHINESE.finditer(_FRACTION.sub(" ", text)):
        if re.fullmatch(r"[百千万亿]+", match[1]):
            continue
        unit = UNIT_OF.get(
            (match[2] or "").lower(), "count" if match[2] or match[1] == "一" else ""
        )
        readings: list[Reading] = [(han_value(match[1]), unit)]
        if match[2] == "次":
            readings.append((han_value(match[1]), "times"))
        yield Amount(match.group(), tuple(readings))


def _parts(text: str) -> Iterator[Amount]:
    """Halves and fractions as percentages."""
    for match in _HALF_SPAN.finditer(text):
        unit = UNIT_OF.get(match[1] or (match[2] or "小时").lower(), "month")
        yield Amount(match.group(), ((0.5, unit),))
    rest = _HALF_SPAN.sub(" ", text)
    for match in _HALF.finditer(rest):
        yield Amount(match.group(), ((50.0, "percent"), (0.5, ""), (2.0, "times")))
    for match in _FRACTION.finditer(rest):
        if match["d"]:
            above = _ONES.get(match["n"].lower(), 1)
            yield _share(above, _DENOMINATORS[match["d"].lower()], match.group())
        else:
            yield _share(han_value(match["hn"]), han_value(match["hd"]), match.group())
    for match in _SLASHED.finditer(rest):
        if int(match[2]):
            yield _share(float(match[1]), float(match[2]), match.group())


def _share(above: float, below: float, said: str) -> Amount:
    percent = 100 * above / below
    readings: list[Reading] = [
        (percent, "percent"),
        (float(round(percent)), "percent"),
        (round(percent, 1), "percent"),
    ]
    return Amount(said, (*readings, (above / below, "")))


def _multiples(text: str) -> Iterator[Amount]:
    for value, pattern in _MULTIPLES:
        for match in pattern.finditer(text):
            yield Amount(match.group(), ((value, "times"), (100.0 * (value - 1), "percent")))


def ranks(text: str) -> Iterator[Amount]:
    """Places in an order: third, #3, 第三."""
    for match in _RANK.finditer(text):
        if match["zh"]:
            value = float(match["zh"]) if match["zh"].isdigit() else han_value(match["zh"])
        else:
            word = match["en"]
            value = float(_ORDINALS[word.lower()] if word else (match["digits"] or match["sign"]))
        yield Amount(match.group(), ((value, "rank"),))
    if _TOP.search(text):
        yield Amount("first", ((1.0, "rank"),))


def checked(text: str) -> list[Amount]:
    """Number words that a statement must prove: no "one", no "two" without a unit, no "first" or "second"."""
    found = []
    for one in (*_english(text), *_chinese(text)):
        value, unit = one.readings[0]
        sure = one.said.isascii() or unit or value >= 10
        if sure and (value >= 3 or (value == 2 and unit not in ("", "count"))):
            found.append(one)
    found += [one for one in (*_parts(text), *_multiples(text)) if not one.said[:1].isdigit()]
    found += [one for one in ranks(text) if one.readings[0][0] >= 3]
    return found


_VAGUE = re.compile(
    r"\b(?:(?P<tens>tens|hundreds|dozens)\sof\s)?(?P<en>dozens|hundreds|thousands|millions|billions|trillions)\b"
    r"|(?:数|几|上|成)(?P<zh>十万亿|百万亿|千万亿|万亿|千亿|百亿|十亿|亿|千万|百万|十万|万|千|百|十)(?!分|字|二|一)",
    re.IGNORECASE,
)
_SIZES = {"dozens": 10.0, "tens": 10.0, "hundreds": 100.0, "thousands": 1e3, "millions": 1e6, "billions": 1e9, "trillions": 1e12}  # fmt: skip


def vague(text: str) -> list[tuple[str, float, float]]:
    """Orders of magnitude: as said, from, below. "Millions" reach to a billion, 数百万 to ten million."""
    found = []
    for match in _VAGUE.finditer(text):
        if match["zh"]:
            low = (
                han_value("一" + match["zh"]) if match["zh"][0] != "十" else han_value(match["zh"])
            )
            found.append((match.group(), low, 10 * low))
        else:
            low = _SIZES[match["en"].lower()]
            more = _SIZES.get((match["tens"] or "").lower(), 0.0)
            found.append(
                (match.group(), low * (more or 1), low * (10 * more or 1000 if low >= 1e3 else 10))
            )
    return found


def list_sizes(text: str) -> set[int]:
    """How many things the text's lists hold: lines that start alike, and runs such as "A, B and C"."""
    lines = [line.strip() for line in text.split("\n")]
    marked = sum(
        bool(
            re.match(
                r"(?:[-*•·–→>✅🔹◦▪]|\(?\d{1,2}[.)、）]|[\U0001f300-\U0001faff\u2600-\u27bf])", line
            )
        )
        for line in lines
    )
    sizes = {marked} if marked > 1 else set()
    for sentence in re.split(r"[\n.!?。！？;；]", text):
        parts = re.split(r",\s(?:and\s|or\s)?|\sand\s|\s&\s|[、，和与及]", sentence)
        short = [part for part in parts if 0 < len(part.strip()) <= 40]
        sizes.update({len(short), len(parts)} if len(parts) > 1 else ())
    return sizes
