"""How the cost of reading a text grows with its length: the guard against patterns that explode."""

from collections.abc import Callable
from functools import partial
from time import process_time
from timeit import repeat


def growth(work: Callable[[str], object], piece: str, size: int = 6000) -> float:
    """Return how many times the CPU time of a quarter of a text its whole takes: 4 if linear.

    Less than 50 ms count as 50: whatever the machine does, only an explosion goes far beyond.
    """
    texts = ((piece * length)[:length] for length in (size // 4, size))
    best = [min(repeat(partial(work, t), timer=process_time, repeat=3, number=1)) for t in texts]
    return best[1] / max(best[0], 0.05)
