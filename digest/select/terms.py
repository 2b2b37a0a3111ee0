"""A sparse matrix: rows are posts or groups of posts, columns are names.

A post has about six of a day's names. The dense matrix of 3,000 posts would be 18 MB of zeros, and
its products would take a hundred times as long.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]

MAX_CELLS = 1 << 19
"""Shared names that are summed at once, to limit memory if all posts have the same names."""


class Terms:
    """Weights of names in rows, in compressed row format."""

    def __init__(self, starts: Places, columns: Places, weights: Floats, width: int) -> None:
        """Store the cells of all rows. `starts` has the start of each row in `columns` and
        `weights`, and the end of the last one; `width` is the number of columns."""
        self._starts, self._columns, self._weights, self._width = starts, columns, weights, width
        self._owners = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        by_column = np.argsort(columns, kind="stable")
        self._holders, self._held = self._owners[by_column], weights[by_column]
        self._first = np.searchsorted(columns[by_column], np.arange(width + 1))

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]], rarity: Floats) -> Terms:
        """Return a matrix with these columns in each row; a column has one weight in all rows."""
        starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        columns = np.array([column for row in rows for column in row], np.int64)
        return cls(starts, columns, rarity[columns], len(rarity))

    def __len__(self) -> int:
        return len(self._starts) - 1

    def rows(self, members: Sequence[int]) -> Terms:
        """Return these rows."""
        sizes = np.diff(self._starts)[members]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        cells = np.repeat(self._starts[members] - starts[:-1], sizes) + np.arange(starts[-1])
        return Terms(starts, self._columns[cells], self._weights[cells], self._width)

    def unit(self) -> Terms:
        """Return the rows scaled to length 1; empty rows stay as they are."""
        squares = np.bincount(self._owners, self._weights**2, len(self))
        lengths = np.sqrt(np.where(squares > 0, squares, 1))[self._owners]
        weights = (self._weights / lengths).astype(np.float32)
        return Terms(self._starts, self._columns, weights, self._width)

    def grouped(self, groups: Sequence[Sequence[int]]) -> tuple[Terms, Terms]:
        """Return two matrices with a row per group of rows: their mean and their maximum."""
        number = np.empty(len(self), np.int64)
        for place, group in enumerate(groups):
            number[list(group)] = place
        cells = number[self._owners] * self._width + self._columns
        ordered = np.argsort(cells, kind="stable")
        unique, firsts = np.unique(cells[ordered], return_index=True)
        weights = self._weights[ordered]
        sums = np.add.reduceat(weights, firsts) if len(firsts) else weights
        most = np.maximum.reduceat(weights, firsts) if len(firsts) else weights
        owners, columns = unique // self._width, unique % self._width
        starts = np.searchsorted(owners, np.arange(len(groups) + 1))
        sizes = np.bincount(number, minlength=len(groups))[owners]
        means = (sums / sizes).astype(np.float32)
        return (
            Terms(starts, columns, means, self._width),
            Terms(starts, columns, most, self._width),
        )

    def products(self, start: int, stop: int) -> Floats:
        """Return the inner products of the rows from `start` to before `stop` with all rows."""
        return self._shared(start, stop, self._weights[self._starts[start] : self._starts[stop]])

    def in_common(self, start: int, stop: int) -> Floats:
        """Return, for all rows, the sum of their weights of the names shared with each of these."""
        size = self._starts[stop] - self._starts[start]
        return self._shared(start, stop, np.ones(size, np.float32))

    def _shared(self, start: int, stop: int, weights: Floats) -> Floats:
        mine = slice(self._starts[start], self._starts[stop])
        columns, owners = self._columns[mine], self._owners[mine] - start
        holders = self._first[columns + 1] - self._first[columns]
        before = np.cumsum(holders) - holders
        if holders.sum() > MAX_CELLS and stop - start > 1:
            middle = (start + stop) // 2
            cut = self._starts[middle] - self._starts[start]
            return np.vstack(
                [
                    self._shared(start, middle, weights[:cut]),
                    self._shared(middle, stop, weights[cut:]),
                ]
            )
        cells = np.repeat(self._first[columns] - before, holders) + np.arange(holders.sum())
        place = np.repeat(owners * len(self), holders) + self._holders[cells]
        sums = np.bincount(
            place, np.repeat(weights, holders) * self._held[cells], (stop - start) * len(self)
        )
        return sums.astype(np.float32).reshape(stop - start, len(self))
