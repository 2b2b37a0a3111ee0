"""The word lists that the verifier reads names and ordinary words from."""

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parents[2] / "wordlists"


def lines(name: str) -> list[str]:
    """The lines of a list, without comments and empty ones."""
    text = (_FOLDER / name).read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


@cache
def words(name: str) -> frozenset[str]:
    """All words of a list."""
    return frozenset(word for line in lines(name) for word in line.split())
