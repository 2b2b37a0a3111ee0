"""Calculations given by a model and evaluated by the code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.write.verify.sums import list_results


@pytest.mark.parametrize(
    ("text", "known", "result"),
    [
        ("55 - 26", {55, 26}, 29),
        ("2025-7", {2025, 7}, 2018),
        ("3 * 60 + 49", {3, 49}, 229),
        ("206 + 133 + 42 + 8", {206, 133, 42, 8}, 389),
        ("100 + 11 * 10", {100, 11, 10}, 210),
        ("200 * 500 / 1000", {200, 500}, 100),
        ("33 * 2", {33}, 66),
        ("20 / 60", {20}, 1 / 3),
        ("10 / (1 - 0.6)", {10, 0.6}, 25),
        ("153 * 100 / (100 + 30)", {153, 30}, 153 / 1.3),
        ("2000 - 2000 * 95 / 100", {2000, 95}, 100),
        ("17 * 1000 / 20", {17, 20}, 850),
        ("60 / 60", {60}, 1),
        ("1.4 * 8", {1.4}, 11.2),
        ("1,200 ÷ 4", {1200, 4}, 300),
        ("300 = 1200 / 4", {1200, 4}, 300),
        ("273 / 1.5", {273_000_000, 1_500_000}, 182),
    ],
)
def test_a_calculation_on_the_posts_figures_is_evaluated(
    text: str, known: set[float], result: float
) -> None:
    assert list(list_results(text, known)) == [pytest.approx(result)]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("55 - 27", {55, 26}),
        ("3 * 1000", {3}),
        ("20 + 7", {20}),
        ("20 + 1", {20}),
        ("100 - 20", {20}),
        ("8 * 7", set()),
        ("3 * 4 * 5", {3, 4, 5}),
        ("3 * 4 - 5 * 6", {3, 4, 5, 6}),
        ("1500 / 100", {1500}),
        ("1500 / 1 / 100", {1500, 1}),
        ("24 * 60 / 12", {24.5}),
        ("29", {29}),
        ("-29", {29}),
        ("2 ** 3", {2, 3}),
        ("True + 1", {1}),
        ("len('ab') + 1", {1}),
        ("9" * 400 + " + 1", {1}),
        ("(" * 90 + "1", {1}),
        ("", {1}),
    ],
)
def test_other_calculations_are_rejected(text: str, known: set[float]) -> None:
    assert list(list_results(text, known)) == []


def test_counts_in_the_item_are_factors_only() -> None:
    assert list(list_results("10.4 / 4", {10.4}, {4.0})) == [pytest.approx(2.6)]
    assert list(list_results("10.4 - 4", {10.4}, {4.0})) == []


@given(st.text(alphabet="0123456789+-*/(). =e_xj,'\"[]", max_size=150))
def test_any_text_is_parsed(text: str) -> None:
    assert all(isinstance(value, float) for value in list_results(text, {1.0, 2.0, 60.0}))


def test_a_division_by_zero_gives_no_figure() -> None:
    assert list(list_results("3 / (2 - 2)", {3, 2})) == []
    assert list(list_results("3 / 0", {3, 0})) == [float("inf")]
