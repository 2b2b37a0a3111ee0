"""How the cost of reading a text grows with its length: the guard against patterns that explode."""

import time
from collections.abc import Callable


def growth(work: Callable[[str], object], piece: str, size: int = 6000) -> float:
    """Return how many times the CPU time of a quarter of a text its whole takes: 4 if linear.

    Each is the best of three runs, since the others met a garbage collection, and less than 50 ms
    count as 50: whatever the machine does meanwhile, only an explosion goes far beyond.
    """
    short, whole = (_seconds(work, (piece * n)[:n]) for n in (size // 4, size))
    return whole / max(short, 0.05)


def _seconds(work: Callable[[str], object], text: str) -> float:
    seconds = []
    for _ in range(3):
        started = time.process_time()
        work(text)
        seconds.append(time.process_time() - started)
    return min(seconds)
