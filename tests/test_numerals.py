"""Numerals, amounts and days are read in every notation."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.reading.amounts import find_amounts
from digest.reading.days import (
    convert_hour,
    find_days,
    find_hours,
    find_terms,
    is_about_past,
    resolve_days,
)
from digest.reading.numerals import find_numerals, has_exact_figure
from tests.costs import growth

UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
).split()
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()


def spell_english(value: int) -> str:
    """Return an integer in English words, without "and"."""
    words = []
    for scale, name in (
        (10**12, "trillion"),
        (10**9, "billion"),
        (10**6, "million"),
        (1000, "thousand"),
    ):
        if value >= scale:
            words.append(f"{spell_english(value // scale)} {name}")
            value %= scale
    if value >= 100:
        words.append(f"{UNITS[value // 100]} hundred")
        value %= 100
    if value >= 20:
        words.append(TENS[value // 10] + (f"-{UNITS[value % 10]}" if value % 10 else ""))
    elif value or not words:
        words.append(UNITS[value])
    return " ".join(words)


def spell_group(value: int) -> str:
    """Return an integer below 10,000 in Han characters, with 零 for the gaps inside."""
    text, gap = "", False
    for scale, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, value = divmod(value, scale)
        if digit:
            text += ("零" if gap and text else "") + "零一二三四五六七八九"[digit] + name
        gap = not digit
    return text


def spell_han(value: int) -> str:
    """Return a positive integer in Han characters, by groups of four digits."""
    high, value = divmod(value, 10**8)
    middle, low = divmod(value, 10**4)
    text = f"{spell_han(high)}亿" if high else ""
    for group, name, below in ((middle, "万", middle < 1000), (low, "", low < 1000)):
        if group:
            text += ("零" if text and below else "") + spell_group(group) + name
    return text


def random_values(seed: int, count: int, most: int) -> list[int]:
    """Return integers of all lengths, two in five of them round."""
    draw = random.Random(seed)  # noqa: S311  (numbers to read, no secrets)
    values = []
    for _ in range(count):
        value = draw.randint(1, 10 ** draw.randint(1, most))
        zeros = draw.randint(0, len(str(value)) - 1) if draw.random() < 0.4 else 0
        values.append(max(1, value // 10**zeros * 10**zeros))
    return values


def test_three_thousand_spelled_numbers_are_read_back() -> None:
    for value in random_values(1, 1500, 15):
        for text in (spell_han(value), spell_han(value).replace("二千", "两千")):
            assert [n.value for n in find_numerals(text)] == [value], text
    for value in random_values(2, 1500, 14):
        assert [n.value for n in find_numerals(spell_english(value))] == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("三点五亿", 3.5e8),
        ("一亿两千万", 1.2e8),
        ("12亿3400万", 1.234e9),
        ("3万5千", 35_000),
        ("4777万4665", 47_774_665),
        ("二〇二六", 2026),
        ("一个亿", 1e8),
        ("一万二", 12_000),
        ("一万零二", 10_002),
        ("25.6萬", 256_000),
        ("２５．６万", 256_000),
        ("1.2 万亿", 1.2e12),
        ("壹仟贰佰", 1200),
        ("256k", 256_000),
        ("$183bn", 1.83e11),
        ("38,162,556.30", 38_162_556.3),
        ("half a billion", 5e8),
        ("two and a half million", 2.5e6),
        ("three point one four", 3.14),
        ("a hundred and five thousand", 105_000),
        ("two dozen", 24),
        ("194.6 triệu", 1.946e8),
        ("194억", 1.94e10),
        ("2 milliards", 2e9),
    ],
)
def test_a_numeral_is_read_in_every_notation(text: str, value: float) -> None:
    assert [n.value for n in find_numerals(text)] == [pytest.approx(value)]


@pytest.mark.parametrize("text", ["百度", "万一", "1.2.3", "million users", "千瓦", "twentyfold"])
def test_a_scale_inside_a_word_is_not_a_numeral(text: str) -> None:
    assert find_numerals(text) == []


@given(st.integers(1, 10**9), st.sampled_from(["{:,}", "{}", "{}.0"]))
def test_digits_are_read_with_any_grouping(value: int, form: str) -> None:
    numerals = find_numerals(f"there were {form.format(value)} of them")
    assert [n.value for n in numerals] == [value]


@pytest.mark.parametrize(
    ("text", "quantities"),
    [
        ("10 GW", [(10, "gw")]),
        ("一千万千瓦", [(1e7, "kw")]),
        ("RMB 3bn", [(3e9, "cny")]),
        ("HK$3.5bn", [(3.5e9, "hkd")]),
        ("四成", [(40, "percent")]),
        ("三成半", [(35, "percent")]),
        ("百分之三点五", [(3.5, "percent")]),
        ("一个半月", [(1.5, "month")]),
        ("两年半", [(2.5, "year")]),
        ("半年", [(0.5, "year")]),
        ("a quarter-point", [(0.25, "pp")]),
        ("48 个百分点", [(48, "pp")]),
        ("200-260 亿美元", [(2e10, "usd"), (2.6e10, "usd")]),
        ("20 to 30 percent", [(20, "percent"), (30, "percent")]),
        ("two and five times", [(2, "times"), (5, "times")]),
        ("13 万到 23 万美元", [(130_000, "usd"), (230_000, "usd")]),
        ("$130,000 - $230,000", [(130_000, "usd"), (230_000, "usd")]),
        ("three in ten", [(30, "percent")]),
        ("翻倍", [(2, "times")]),
        ("the fourteenth edition", [(14, "rank")]),
        ("the 21st", [(21, "rank")]),
        ("第1400万辆", [(1.4e7, "rank")]),
        ("一百五十多名", [(150, "count")]),
        ("one hundredth", [(1, "percent")]),
        ("百分之五", [(5, "percent")]),
        ("排名第3, 领先", [(3, "rank")]),
        ("第1,400名", [(1400, "rank")]),
        ("a fee of $6 mıllion", [(6e6, "usd")]),
        ("一" + "亿" * 45, []),
        ("亿" * 45 + "分之" + "亿" * 45, [(100, "percent")]),
    ],
)
def test_an_amount_has_its_unit(text: str, quantities: list[tuple[float, str]]) -> None:
    amounts = find_amounts(text)
    assert [a.value for a in amounts] == pytest.approx([value for value, _ in quantities])
    assert [a.unit for a in amounts] == [unit for _, unit in quantities]


@pytest.mark.parametrize(
    ("text", "hedge"),
    [
        ("about 40 people", "about"),
        ("约四成", "about"),
        ("100 人左右", "about"),
        ("more than $3 billion", "over"),
        ("逾十亿", "over"),
        ("nearly 200", "under"),
        ("40 people", ""),
    ],
)
def test_an_amount_has_its_hedge(text: str, hedge: str) -> None:
    assert find_amounts(text)[0].hedge == hedge


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("2026年3月1日", [(3, 1, 2026)]),
        ("十二月十五日", [(12, 15, 0)]),
        ("二〇二六年三月一日", [(3, 1, 2026)]),
        ("7月3日至5日", [(7, 3, 0), (7, 5, 0)]),
        ("June 3-5, 2026", [(6, 3, 2026), (6, 5, 2026)]),
        ("12 June 2026", [(6, 12, 2026)]),
        ("2025-12-06", [(12, 6, 2025)]),
        ("Dec 9 million", []),
    ],
)
def test_days_are_read_in_every_form(text: str, days: list[tuple[int, int, int]]) -> None:
    assert [(d.month, d.day, d.year) for d in find_days(text)] == days


def test_two_figures_identify_the_subject_of_a_sentence() -> None:
    assert has_exact_figure("revenue of $18 million in fiscal 2024")
    assert has_exact_figure("a return of 31.92%")
    assert not has_exact_figure("12 of the 12 left in 3 days")


def test_terms_are_read_in_both_languages() -> None:
    text = "Q3 第四季度 H1 下半年 Friday 周一 Series L B轮 八十年代 FY26 十月"
    assert {term.value for term in find_terms(text)} == {
        "quarter 3",
        "quarter 4",
        "half 1",
        "half 2",
        "weekday 4",
        "weekday 0",
        "round L",
        "round B",
        "decade 80",
        "year 2026",
        "month 10",
    }


def test_hours_are_read_with_their_zone() -> None:
    hours = find_hours("8 am PT; 15:00 UTC; 下午5点; 北京时间 20:30")
    assert [(h.minutes, h.zone) for h in hours] == [
        (480, "America/Los_Angeles"),
        (900, "UTC"),
        (1020, ""),
        (1230, "Asia/Shanghai"),
    ]
    assert [h.minutes for h in find_hours("晚上九点; 晚上1点; 晚上12点")] == [21 * 60, 60, 0]
    summer, winter = date(2025, 10, 16), date(2025, 12, 16)
    assert [convert_hour(hours[0], day, "UTC").hour for day in (summer, winter)] == [15, 16]


def test_relative_days_depend_on_the_post() -> None:
    monday = datetime(2025, 12, 15, 9, tzinfo=UTC)
    assert resolve_days("released yesterday", (), monday, ()) == {date(2025, 12, 14)}
    assert date(2025, 12, 18) in resolve_days("", (), monday, [timedelta(days=3)])
    assert date(2025, 12, 19) in resolve_days("本周五", find_terms("本周五"), monday, ())


PIECES = (
    "第 3, 1,000 .5 ٣ １２ 二 百 亿 "
    + "亿" * 45
    + " "
    + "9" * 400
    + " 分之 成 折 点 半 几 个 in of an six"
    " a first twenty- half million th 's Series İ A轮 July ſ ı \u212a $ % / - at pm No. # digits 月 日 年代"
).split(" ")


@given(st.lists(st.sampled_from((*PIECES, " ")) | st.text(max_size=2), max_size=9).map("".join))
@example("the 1.2.3 millionth, 5 x 300 millionth")
@example(
    "Series İ closed in ſeptember, on a ſunday, in the ſixth of ſıx ſecond quarters of Aprıl 5"
)
@example("31分之" + "9" * 400)
@example("第1234,567 twenty-fıve ſıx-digıt hundredſ of mıllıons, one ſıxth of a mıllıon")
def test_any_text_is_read(text: str) -> None:
    for find in (find_amounts, find_days, find_terms, find_hours, find_numerals):
        find(text)


@pytest.mark.parametrize("piece", ["1-", "1,", "百", "one ", "Jan 1 ", "一", "5点", "(", "三点"])
def test_hostile_text_costs_no_more_than_its_length(piece: str) -> None:
    readers = (find_amounts, find_days, find_terms, find_hours)
    assert growth(lambda text: [find(text) for find in readers], piece) < 12


@pytest.mark.parametrize(
    ("text", "past"),
    [
        ("In 2024, global investment crossed $109B.", True),
        ("Stars of AI projects, 2011-2024.", True),
        ("In 2024, investment crossed $109B (AI Index, 2025).", True),
        ("Sales rose from $2B in 2024 to $13B in 2025.", False),
        ("The lowest share since 2017.", False),
        ("The lowest share since March 2017.", False),
        ("2017 年以来的最低份额。", False),
        ("Northlight opens Meridian 4.", False),
        ("Last week we released Meridian 4.", True),
        ("上个月，诺斯莱特发布了 Meridian 4。", True),
        ("Last year Meridian led on images.", True),
        ("去年发布的 Meridian 今天开源。", False),
        ("Last week's claims for benefits rose to 240,000.", False),
        ("上周五晚间，诺斯莱特发布了 Meridian 4。", False),
        ("Northlight opens what it closed last week.", False),
    ],
)
def test_sentences_about_past_years_are_past(text: str, past: bool) -> None:
    assert is_about_past(text, date(2025, 12, 16)) == past


def test_last_year_is_news_until_its_reports_are_out() -> None:
    assert not is_about_past("In 2024, sales rose.", date(2025, 5, 20))
    assert is_about_past("In 2024, sales rose.", date(2025, 7, 1))
