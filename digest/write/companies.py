"""Assets under their old names, until every writer takes them from digest.reading.assets."""

from collections.abc import Iterator

from digest.reading.assets import Asset
from digest.reading.assets import count_money_words as about_money
from digest.reading.assets import find_assets as assets_in
from digest.reading.names import find_names
from digest.reading.vocabulary import asset_rows

__all__ = ["Asset", "about_money", "assets_in", "han_names", "ticker_rows"]


def ticker_rows() -> Iterator[tuple[str, list[str]]]:
    """Yield ticker and spellings of each listed company and coin."""
    for row, _ in asset_rows():
        names = (*row.get("zh", ()), *row.get("en", ()))
        yield row["ticker"], [name for name in names if len(name) > 1]


def han_names(text: str) -> list[str]:
    """Return the known names that the text has in Chinese characters."""
    return [name.text for _, name in find_names(text) if not name.text.isascii()]
