"""The sparse matrix gives the results of the dense one."""

from __future__ import annotations

import numpy as np
import pytest

from digest.select import terms
from digest.select.terms import Terms

ROWS = 40


def _tables() -> tuple[Terms, np.ndarray]:
    chance = np.random.default_rng(7)
    rarity = chance.uniform(0.5, 6.0, 30).astype(np.float32)
    has = chance.random((ROWS, 30)) < 0.2
    has[3] = has[ROWS - 1] = False
    rows = [np.flatnonzero(row).tolist() for row in has]
    return Terms.of(rows, rarity), np.where(has, rarity, 0).astype(np.float32)


@pytest.mark.parametrize("cells", [5, 10**6])
def test_inner_products_and_shared_names_match_numpy(
    cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terms, "MAX_CELLS", cells)
    table, whole = _tables()
    assert len(table) == ROWS
    assert table.products(5, 21) == pytest.approx(whole[5:21] @ whole.T, rel=1e-5)
    assert table.in_common(5, 21) == pytest.approx((whole[5:21] > 0) @ whole.T, rel=1e-5)


def test_unit_rows_row_selections_and_groups_match_numpy() -> None:
    table, whole = _tables()
    lengths = np.linalg.norm(whole, axis=1, keepdims=True)
    unit = whole / np.where(lengths > 0, lengths, 1)
    assert table.unit().products(0, ROWS) == pytest.approx(unit @ unit.T, abs=1e-5)
    some = [7, 3, 0, 39]
    assert table.rows(some).products(0, 4) == pytest.approx(whole[some] @ whole[some].T, rel=1e-5)
    groups = [[3], [0, 1, 2], list(range(4, ROWS))]
    means, most = table.grouped(groups)
    centres = np.stack([whole[g].mean(axis=0) for g in groups])
    peaks = np.stack([whole[g].max(axis=0) for g in groups])
    assert means.products(0, 3) == pytest.approx(centres @ centres.T, rel=1e-5)
    assert most.products(0, 3) == pytest.approx(peaks @ peaks.T, rel=1e-5)


def test_empty_matrices_work() -> None:
    table = Terms.of([[], []], np.zeros(0, np.float32))
    means, most = table.grouped([[0, 1]])
    assert table.unit().products(0, 2).tolist() == [[0, 0], [0, 0]]
    assert means.products(0, 1).tolist() == most.in_common(0, 1).tolist() == [[0]]
