"""Assets under their old names, until every writer takes them from digest.reading.assets."""

from digest.reading.assets import Asset
from digest.reading.assets import count_money_words as about_money
from digest.reading.assets import find_assets as assets_in
from digest.reading.names import find_names

__all__ = ["Asset", "about_money", "assets_in", "han_names"]


def han_names(text: str) -> list[str]:
    """Return the known names that the text has in Chinese characters."""
    return [name.text for _, name in find_names(text) if not name.text.isascii()]
