"""The made-up days hold what real days hold, and nothing of anybody else's."""

import json
from collections import Counter
from pathlib import Path

import pytest

from digest.models import SourceSpec
from digest.sources import open_source
from digest.text import language

SAMPLE = Path(__file__).parents[1] / "digest" / "sources" / "sample.jsonl"
DATA = Path(__file__).parents[2] / "shared" / "data" / "posts"


def _lines() -> list[dict[str, object]]:
    return [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]


async def test_every_line_is_a_post_of_the_four_days() -> None:
    posts = await open_source(SourceSpec("sample")).fetch()
    assert len(posts) == len(_lines()) >= 250
    days = Counter(post.created_at.date().isoformat() for post in posts)
    assert sorted(days) == ["2025-12-04", "2025-12-05", "2025-12-06", "2025-12-07"]
    assert days["2025-12-06"] >= 90
    assert days["2025-12-07"] <= 15
    spoken = Counter(language(post.text) for post in posts)
    assert spoken["zh"] > 60
    assert spoken["en"] > 100
    assert {post.source for post in posts} == {"sample"}


def test_no_address_leads_anywhere() -> None:
    for line in _lines():
        for address in (line["url"], *line["links"]):  # type: ignore[misc]
            assert str(address).startswith("https://example.com/")


def test_it_holds_repeats_and_attacks() -> None:
    lines = _lines()
    texts = [str(line["text"]) for line in lines]
    assert len({line["id"] for line in lines}) < len(lines)
    assert any(text.startswith("RT @") for text in texts)
    together = "\n".join(texts)
    for sign in (
        "\u202e",
        "\u200b",
        "\u0335",
        "<script>",
        "{{",
        "@everyone",
        "ignore all previous",
        "忽略以上",
    ):
        assert sign.lower() in together.lower()
    assert max(len(text) for text in texts) > 1500


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
def test_nothing_is_taken_from_real_posts() -> None:
    real = set()
    for day in ("2025-10-16", "2025-12-05", "2025-12-16"):
        for file in (DATA / day).glob("*.jsonl"):
            for line in file.read_text(encoding="utf-8").splitlines():
                text = json.loads(line)["text"]
                real |= {text[at : at + 40] for at in range(max(0, len(text) - 39))}
    for made in _lines():
        text = str(made["text"])
        assert not any(text[at : at + 40] in real for at in range(max(0, len(text) - 39)))
