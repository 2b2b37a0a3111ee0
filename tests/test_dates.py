"""Days as people type them."""

from datetime import date

import pytest

from bot.typed import DateError, parse_days, parse_full_day

TODAY = date(2026, 1, 10)
SIXTH = date(2025, 12, 6)


@pytest.mark.parametrize(
    "text",
    [
        "2025-12-06",
        "2025-12-6",
        "2025/12/6",
        "2025.12.06",
        "20251206",
        "12-06",
        "12/6",
        "12月6日",
        "2025年12月6日",
        "2025 年 12 月 6 日",
        "12 月 6 日",
        "12-6号",
        "2025-12-06 周六",
        "2025-12-06 Sat",
        "Saturday 6 Dec",
        "Sat, 6 Dec",
        "6-Dec-2025",
        "Dec-06",
        "12月6日（星期六）",
    ],
)
def test_one_day_in_many_spellings(text: str) -> None:
    assert parse_days(text, TODAY) == (SIXTH, SIXTH)


@pytest.mark.parametrize(
    ("text", "back"),
    [("today", 0), ("TODAY", 0), ("今天", 0), ("yesterday", 1), ("昨天", 1), ("前天", 2)],
)
def test_days_by_word(text: str, back: int) -> None:
    day = date(2026, 1, 10 - back)
    assert parse_days(text, TODAY) == (day, day)


@pytest.mark.parametrize(
    "text",
    [
        "2025-12-01..2025-12-06",
        "2025-12-06~2025-12-01",
        "12-01 至 12-06",
        "20251201到20251206",
        "12-01 to 12-06",
        "12月1-6日",
        "12月1日-6日",
        "2025-12-06 2025-12-01",
        "2025-12-01..06",
        "12.01 12.06",
        "2025-12-01 周一 — 2025-12-06 周六",
        "Dec 1-6",
        "Dec 1–6, 2025",
        "1-6 Dec",
        "1st to 6th December 2025",
    ],
)
def test_ranges_in_either_order(text: str) -> None:
    assert parse_days(text, TODAY) == (date(2025, 12, 1), SIXTH)


@pytest.mark.parametrize("text", ["6-8号", "6–8日", "6至8日", "6 ~ 8 日", "6..8号", "6号到8号"])
def test_a_range_of_days_of_the_month(text: str) -> None:
    assert parse_days(text, TODAY) == (date(2026, 1, 6), date(2026, 1, 8))


@pytest.mark.parametrize(
    ("text", "today", "first", "last"),
    [
        ("周一至周五", 10, 1, 5),
        ("monday to friday", 10, 1, 5),
        ("周一至周五", 12, 8, 12),
        ("上周一到周五", 12, 1, 5),
        ("周六到周日", 13, 6, 7),
        ("周五至周一", 10, 5, 8),
        ("周一至昨天", 8, 1, 7),
    ],
)
def test_a_range_of_weekdays_goes_from_the_first_to_the_last(
    text: str, today: int, first: int, last: int
) -> None:
    days = date(2025, 12, first), date(2025, 12, last)
    assert parse_days(text, date(2025, 12, today)) == days


@pytest.mark.parametrize("text", ["nov - dec", "11月 12月", "2025-11..2025-12"])
def test_a_range_of_months(text: str) -> None:
    assert parse_days(text, TODAY) == (date(2025, 11, 1), date(2025, 12, 31))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("march to october", (2025, 3), (2025, 10)),
        ("3月到10月", (2025, 3), (2025, 10)),
        ("jan-oct", (2025, 1), (2025, 10)),
        ("oct-jan", (2024, 10), (2025, 1)),
        ("jan - dec 2024", (2024, 1), (2024, 12)),
        ("jan to dec 2025", (2025, 1), (2025, 12)),
    ],
)
def test_months_range_in_the_order_they_are_said(
    text: str, first: tuple[int, int], last: tuple[int, int]
) -> None:
    days = parse_days(text, date(2025, 10, 14))
    assert days == (date(*first, 1), date(*last, 30 + (last[1] in (1, 10, 12))))


@pytest.mark.parametrize("text", ["1月到12月", "jan-dec", "aug to nov", "2月至11月"])
def test_months_of_this_year_or_the_last_are_asked_again(text: str) -> None:
    with pytest.raises(DateError):
        parse_days(text, date(2025, 10, 14))


@pytest.mark.parametrize("text", ["4 to 4.5", "4.5 to 5", "4到4.5", "2 oct 6-7", "4.5 2025-10-03"])
def test_beside_words_versions_and_days_over_a_blank_are_no_range(text: str) -> None:
    assert parse_days(text, TODAY, beside_words=True) is None
    assert parse_days(text, TODAY)


def test_months_by_their_first_letters() -> None:
    assert parse_days("nov", TODAY) == (date(2025, 11, 1), date(2025, 11, 30))
    assert parse_days("sept 2024", TODAY) == (date(2024, 9, 1), date(2024, 9, 30))
    assert parse_days("ma", TODAY) is None


def test_a_leap_day_is_looked_for_in_earlier_years() -> None:
    assert parse_days("02-29", TODAY) == (date(2024, 2, 29), date(2024, 2, 29))


@pytest.mark.parametrize(
    "text",
    [
        *("2025-13-40", "20251301", "02-30", "十十日", "2000-01-01..2025-01-01"),
        *("2025-12-06 周五", "Dec 32", "Dec 16-1", "12月6日 周五", "12月6日 周日"),
    ],
)
def test_what_looks_like_a_day_but_is_none(text: str) -> None:
    with pytest.raises(DateError):
        parse_days(text, TODAY)


@pytest.mark.parametrize(
    "text",
    [
        *("", "NVDA", "2025-W01-1", "5", "brief", "..", "1..2..3", "٢٠٢٥-١٢-٠٦x"),
        *("sat", "Dec 2025-12-06", "05-12-06", "Dec 6-1", "上周 12月6日"),
        *("12月-6", "2025-12..30", "Dec..6"),
    ],
)
def test_what_names_no_day(text: str) -> None:
    assert parse_days(text, TODAY) is None


@pytest.mark.parametrize("text", ["12-06", "2025126", "yesterday", "2025-12-06x"])
def test_a_full_day_has_its_year_and_all_its_digits(text: str) -> None:
    assert parse_full_day("2025-12-06") == SIXTH
    assert parse_full_day(text) is None
