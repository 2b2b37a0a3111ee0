"""The measures of `make evaluate` on cases that can be worked out by hand."""

import numpy as np
import pytest

from tests.posts import post
from tools.evaluate_data import auc, best_threshold, f1, renamed, retrieval
from tools.evaluate_stories import nmi_ari
from tools.evaluate_summaries import rouge


def test_retrieval() -> None:
    average, first, recall = retrieval(["a", "x", "b", "y"], {"a", "b"})
    assert average == pytest.approx((1 + 2 / 3) / 2)
    assert (first, recall) == (0.2, 1.0)


def test_classification() -> None:
    assert f1([True, True, False], [True, False, True]) == pytest.approx(0.5)
    assert auc(np.array([0.1, 0.5, 0.5, 0.9]), np.array([False, False, True, True])) == 0.875
    assert best_threshold([0.1, 0.4, 0.8], [False, True, True]) == 0.4


def test_partitions() -> None:
    assert nmi_ari([0, 0, 1, 1], [5, 5, 7, 7]) == pytest.approx((1.0, 1.0))
    assert nmi_ari([0, 1, 0, 1], [5, 5, 7, 7])[0] == pytest.approx(0.0)


def test_rouge() -> None:
    assert rouge("the room was clean", ["the room was clean"]) == pytest.approx((1.0, 1.0, 1.0))
    assert rouge("clean room", ["the room"])[0] == pytest.approx(0.5)


def test_handles_are_other_ones_each_day() -> None:
    posts = [post("a", "1", author="ada"), post("b", "2", author="ada")]
    one, other = renamed(posts, "2025-12-05"), renamed(posts, "2025-12-06")
    assert one[0].author == one[1].author != other[0].author
    assert "ada" not in {one[0].author, other[0].author}
