"""Refusals by code that the model may overrule."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.write.verify import Claim, ClaimKind
from digest.write.verify.leniency import may_give, may_give_all
from tests.posts import post

LATE = datetime(2025, 12, 5, 22, tzinfo=UTC)


def is_given(kind: ClaimKind, words: str, posted: str, said: str = "") -> bool:
    return may_give(Claim(kind, words), said or words, [post(posted, "1", created_at=LATE)])


@pytest.mark.parametrize(
    ("kind", "words", "posted"),
    [
        ("figure", "73%", "62.4% and 73.4% resolved"),
        ("figure", "六成", "62.4% resolved"),
        ("figure", "0.2 seconds", "a latency of 211ms"),
        ("figure", "twelve months", "free for 1 year"),
        ("figure", "500 GB", "500G 流量"),
        ("figure", "5 kg", "win 5 bags of rice"),
        ("figure", "40,000", "4 万"),
        ("day", "December 6", "out today"),
        ("day", "12 月 4 日", "it came yesterday"),
        ("day", "周六", "out now"),
        ("day", "12 月 5 日", "released on December 2"),
        ("day", "December 10", "the seminar is next week"),
        ("day", "周五", "on Dec 18th (19th in Asia)"),
        ("day", "December 19", "December 18, 2025 at 4:10 pm Eastern"),
        ("figure", "19 日", "December 18 at 4:10 pm Eastern"),
        ("figure", "17th", "The Foo Echo ep.17"),
        ("figure", "64 percentage points", "it grew 64%"),
        ("figure", "15 months", "from June of last year to September"),
        ("version", "Thunderbolt 5", "支持雷电五"),
        ("name", "Thunderbolt 5", "支持雷电五"),
        ("name", "Douyin", "刷抖音"),
        ("derived", "$40 billion", "whatever"),
    ],
)
def test_claims_that_a_post_may_support_are_restorable(
    kind: ClaimKind, words: str, posted: str
) -> None:
    assert is_given(kind, words, posted)


@pytest.mark.parametrize(
    ("kind", "words", "posted"),
    [
        ("figure", "$900", "paid $20 for 3 seats"),
        ("figure", "15 million", "15 billion"),
        ("figure", "15 亿", "15 万"),
        ("figure", "180 GB", "180 MB"),
        ("figure", "€20", "$20"),
        ("figure", "24%", "for 24 hours"),
        ("figure", "millions", "20 people"),
        ("figure", "rose", "it fell"),
        ("figure", "12", "11 models"),
        ("figure", "85.3%", "85.2%"),
        ("figure", "90%", "83%"),
        ("figure", "100 users", "91 users"),
        ("direction", "raised by 20%", "cut by 20%"),
        ("direction", "51% to 53%", "from 53% to 51%"),
        ("day", "December 3", "released on December 2"),
        ("day", "December 9", "out today, 2025-12-05"),
        ("day", "10 月", "out today"),
        ("day", "December 19", "on December 18"),
        ("figure", "19 日", "on December 18"),
        ("figure", "14 months", "from June of last year to September"),
        ("day", "2031", "out in 2030"),
        ("version", "Veo 4", "Veo 3 makes 4 clips"),
        ("version", "v2.1", "v2.2 is out"),
        ("version", "Haiku 5 Pro", "5 posts on Haiku"),
        ("name", "KAT-32M", "KAT-32B"),
        ("name", "GSM9K", "GSM8K"),
        ("ticker", "$ABC", "ABD rose"),
        ("link", "/subscribe", "subscribe"),
        ("unrelated", "Anything.", "Anything else."),
    ],
)
def test_claims_that_no_post_supports_stay_refused(
    kind: ClaimKind, words: str, posted: str
) -> None:
    assert not is_given(kind, words, posted)


@pytest.mark.parametrize(("said", "ok"), [("1,612", True), ("1,600", True), ("1,500", False)])
def test_a_sum_may_be_rounded_a_little(said: str, ok: bool) -> None:
    posted = [post("one of 798 pages, one of 814", "1", created_at=LATE)]
    claims = [Claim("figure", said)]
    assert may_give_all(claims, f"{said} pages", posted, ["798 + 814"]) is ok
    assert not may_give_all(claims, f"{said} pages", posted, [])


@pytest.mark.parametrize(
    ("said", "words", "sum_", "ok"),
    [
        ("a hundred wallets burn 5000 in all", ["a hundred", "5000"], "50 * 100", True),
        ("a hundred wallets burn 5000 in all", ["a hundred", "5000"], "50 * 99", False),
        ("123 wallets burn 6150 in all", ["123", "6150"], "50 * 123", False),
        ("a hundred wallets burn 50", ["a hundred"], "50 * 2", True),
        ("a hundred wallets burn 50", ["a hundred"], "100 / 1", False),
        ("5000 wallets", ["5000"], "5 * 1000", False),
        ("for twelve months, 600 in all", ["twelve months", "600"], "12 * 50", True),
        ("for twelve months, 600 in all", ["twelve months", "600"], "12 * 60", False),
        ("a rate of $100 an hour", ["$100", "an hour"], "50 / 30 * 60", True),
        ("a rate of $50 an hour", ["an hour"], "50 / 30 * 60", False),
    ],
)
def test_an_item_may_scale_a_figure_by_a_round_count(
    said: str, words: list[str], sum_: str, ok: bool
) -> None:
    posted = [post("1 sign-up burns 50, over 30 minutes, 5 at most", "1", created_at=LATE)]
    claims = [Claim("day" if word.startswith("an") else "figure", word) for word in words]
    assert may_give_all(claims, said, posted, [sum_]) is ok


@pytest.mark.parametrize(
    ("said", "words", "sum_", "ok"),
    [
        ("about eight times as much", "eight times", "1000 / 128", True),
        ("about nine times as much", "nine times", "1000 / 128", False),
        ("less than a tenth", "a tenth", "40 / 500", True),
        ("less than a tenth", "a tenth", "128 / 500", False),
        ("more than a tenth", "a tenth", "40 / 500", False),
        ("about 513 before", "513", "500 / 0.974", True),
        ("about 513 before", "513", "500 / 0.975", False),
    ],
)
def test_a_calculation_converts_units_and_may_give_a_bound(
    said: str, words: str, sum_: str, ok: bool
) -> None:
    posted = [post("128GB, now 1TB; 40 yuan, 500 now, 2.6% less", "1", created_at=LATE)]
    assert may_give_all([Claim("figure", words)], said, posted, [sum_]) is ok


def test_only_a_few_figures_are_restorable() -> None:
    posted = [post("took 211 ms, 311 ms, 411 ms and 511 ms", "1", created_at=LATE)]
    claims = [Claim("figure", f"0.{n} seconds") for n in (2, 3, 4, 5)]
    assert may_give_all(claims[:3], "took so long", posted)
    assert not may_give_all(claims, "took so long", posted)


def test_an_hour_may_be_in_another_zone_or_after_the_post() -> None:
    assert is_given("day", "05:00", "doors open at 13:00", said="at 05:00 UTC")
    assert is_given("day", "23:30", "closes in 90 mins", said="before 23:30 UTC")
    assert not is_given("day", "05:00", "doors open at 13:00", said="at 05:00")
    assert not is_given("day", "05:00", "doors open at 13:00 UTC", said="at 05:00 UTC")
    assert not is_given("day", "下午 3 点", "starts 9 am PT", said="北京时间下午 3 点")
    assert not is_given("day", "20:30", "closes in 90 mins", said="before 20:30 UTC")


@given(st.integers(2, 999), st.sampled_from(["million", "billion", "thousand"]))
def test_other_notations_are_restorable_other_magnitudes_are_not(count: int, word: str) -> None:
    myriads = count * {"thousand": 0.1, "million": 100, "billion": 100_000}[word]
    assert is_given("figure", f"{myriads:.10g} 万", f"{count} {word} users")
    for other in {"thousand", "million", "billion"} - {word}:
        assert not is_given("figure", f"{count} {other}", f"{count} {word} users")


@given(st.integers(12, 9998).filter(lambda digits: 1 < digits % 10 < 9))
def test_one_more_in_the_last_digit_is_not_rounding(digits: int) -> None:
    assert not is_given("figure", f"{(digits + 1) / 10}%", f"{digits / 10}%")
    assert not is_given("figure", f"{digits - 1} users", f"{digits} users")


@given(st.integers(100, 10**7), st.floats(1.2, 9))
def test_a_distant_number_is_never_restorable(number: int, factor: float) -> None:
    assert not is_given("figure", f"${round(number * factor)}", f"it costs ${number}")
    assert is_given("figure", f"${number}", f"it costs {number} dollars")
