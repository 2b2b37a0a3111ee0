"""Figures of a statement that changed places."""

from __future__ import annotations

import pytest

from digest.write.verify.exchanged import find_exchanged
from tests.posts import post

SWAPPED = [
    ("美国 11 月失业率为 4.4%，高于 4.6% 的预期。", "美国11月失业率 4.6%，预期4.4%。"),
    (
        "Apple was sold to Nvidia for $1 billion and Intel to Amazon for $1.95 billion.",
        "Apple → $1.95B exit to Nvidia\nIntel → $1B acquisition by Amazon",
    ),
]
TRUE = [
    ("预期为 4.4%，而实际失业率达到 4.6%。", "美国11月失业率 4.6%，预期4.4%。"),
    (
        "Intel went to Amazon for $1 billion, Apple to Nvidia for $1.95 billion.",
        "Apple → $1.95B exit to Nvidia\nIntel → $1B acquisition by Amazon",
    ),
    ("年化营收 200–260 亿美元，目前为 70 亿美元", "from $7 billion now to $20-26 billion"),
]


@pytest.mark.parametrize(("said", "posted"), SWAPPED)
def test_figures_in_each_others_place_are_named(said: str, posted: str) -> None:
    assert list(find_exchanged(said, [post(posted, "1")]))


@pytest.mark.parametrize(("said", "posted"), TRUE)
def test_another_order_of_the_same_facts_passes(said: str, posted: str) -> None:
    assert not list(find_exchanged(said, [post(posted, "1")]))
