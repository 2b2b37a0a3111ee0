"""Runs of characters as numbers, for many texts at once.

Cutting and hashing them one by one in Python costs ten times as much.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int64]


def runs(texts: Sequence[str], size: int) -> tuple[Hashes, Places]:
    """A hash for each run of `size` characters inside a text, in order, and the place of its text."""
    letters = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    owner = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    count = max(0, len(letters) - size + 1)
    hashes: Hashes = np.zeros(count, np.uint32)
    for place in range(size):
        hashes *= np.uint32(0x9E3779B1)
        hashes += letters[place : place + count]
    # Mixed, or like runs would have like numbers, and the smallest would be no random choice.
    hashes ^= hashes >> np.uint32(15)
    hashes *= np.uint32(0x85EBCA6B)
    hashes ^= hashes >> np.uint32(13)
    inside = owner[:count] == owner[size - 1 : size - 1 + count]
    return hashes[inside], owner[:count][inside]
