"""The market section, and what it leaves for other sections."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from digest.models import Item
from digest.reading import Story, read
from digest.reading.assets import Asset
from digest.write.extractive import money
from digest.write.extractive.draft import Draft
from digest.write.extractive.groups import KINDS, NONE, choose_group
from tests.posts import post
from tests.test_extractive import material


def test_a_surplus_asset_is_left_for_other_sections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Making an item marks its story as reported, so a surplus item would be lost."""
    talk = [(1.0, SimpleNamespace(post=post("", author="ada")), None)]
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


def test_a_brokers_we_is_not_the_company() -> None:
    said = "We raise our price target for Nvidia to $250 from $220 after the Blackwell orders."
    story = Story(tuple(read([post(said, "1", author="jef", author_name="Jefferies")])))
    draft = Draft(material((story,)))
    talk = [(1.0, draft.quotes["x:1"][0], story)]
    item = money._make_item(draft, Asset("NVDA", "", "Nvidia", coin=False), talk, "")
    assert item
    assert item.text == f"Jefferies: {said}"


def test_words_unknown_to_the_encoder_have_no_group() -> None:
    assert choose_group(KINDS, ["☃"], np.zeros((1, 512), np.float32)) is NONE
