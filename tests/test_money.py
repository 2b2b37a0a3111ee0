"""What the market section tells, and what it leaves for the others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from digest.models import Item
from digest.reading.assets import Asset
from digest.write.extractive import money


def test_an_asset_that_finds_no_room_is_left_for_other_sections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Making an item marks its story as told: one too many would be told nowhere."""
    talk = SimpleNamespace(authors={"ada"}, quotes=[(1.0, None, None)])
    stocks = {Asset(f"T{n:02}", "", f"Maker {n}", coin=False): talk for n in range(12)}
    made: list[str] = []

    def make(_: Any, asset: Asset, *__: Any) -> Item | None:
        made.append(asset.ticker)
        return None if asset.ticker == "T00" else Item(asset.ticker)

    monkeypatch.setattr(money, "collect_talk", lambda _: stocks)
    monkeypatch.setattr(money, "_make_item", make)
    draft: Any = SimpleNamespace(language="en")
    items = money.list_markets(draft)
    assert [item.text for item in items] == made[1:]
    assert len(items) == money.MAX_STOCKS
