"""The made-up days hold what real days hold, and nothing of anybody else's."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from digest.models import SourceSpec, SourceState
from digest.sources import open_source
from digest.text import language
from tests.posts import WINDOW

SAMPLE = Path(__file__).parents[1] / "digest" / "sources" / "sample.jsonl"
DATA = Path(__file__).parents[2] / "shared" / "data" / "posts"
FIELDS = "id source author author_name text created_at url lang metrics links".split()


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]


async def test_every_line_is_a_post_of_the_four_days(lines: list[dict[str, Any]]) -> None:
    posts, _ = await open_source(SourceSpec("sample")).fetch(WINDOW, SourceState())
    assert len(posts) == len(lines) >= 270
    assert {post.source for post in posts} == {"sample"}
    days = Counter(post.created_at.strftime("%Y%m%d") for post in posts)
    assert sorted(days) == ["20251204", "20251205", "20251206", "20251207"]
    assert max(days, key=lambda day: days[day]) == "20251206"
    assert days["20251206"] >= 90
    assert days["20251207"] <= 15
    assert all(post.id.startswith(f"{post.created_at:%Y%m%d}-") for post in posts)


def test_every_line_has_the_fields_of_a_post_file_in_order(lines: list[dict[str, Any]]) -> None:
    assert all(list(line) == FIELDS for line in lines)


def test_both_languages_are_spoken(lines: list[dict[str, Any]]) -> None:
    spoken = Counter(language(line["text"]) for line in lines)
    assert 0.40 <= spoken["zh"] / len(lines) <= 0.50
    assert 0.45 <= spoken["en"] / len(lines) <= 0.55
    assert spoken["ja"] >= 3


def test_no_address_leads_anywhere(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        assert line["url"] == f"https://example.com/sample/{line['id']}"
        for address in (*line["links"], *re.findall(r"https?://[\w.-]+", line["text"])):
            assert re.match(r"https?://(example\.com|example\.org|evil\.example)\b", address)


def test_it_holds_repeats(lines: list[dict[str, Any]]) -> None:
    texts = Counter(line["text"] for line in lines)
    assert max(Counter(line["id"] for line in lines).values()) == 2
    assert sum(text.startswith("RT @") for text in texts) >= 3
    assert sum(count >= 3 for text, count in texts.items() if len(text) > 30) >= 3
    whole = [text for text in texts if "… https://" not in text]
    cut = [text.split("… https://")[0] for text in texts if "… https://" in text]
    assert any(other.startswith(start) for start in cut for other in whole)
    pitches = {(line["author"], line["text"], line["id"][:8]) for line in lines if line["links"]}
    assert max(Counter((author, text) for author, text, _ in pitches).values()) >= 3


def test_it_holds_every_shape_of_post(lines: list[dict[str, Any]]) -> None:
    told = [line["text"] for line in lines if not re.search(r"\w{1000}", line["text"])]
    for tongue in ("zh", "en"):
        assert max(len(text) for text in told if language(text) == tongue) > 1_500
    together = "\n".join(line["text"] for line in lines)
    for sign in ("&amp;", "1/4", "(1/9)", " #", "👇", "$NLGT", "9977.HK", "BTC", "ETH"):
        assert sign in together
    kinds = Counter(tuple(line["metrics"]) for line in lines)
    assert kinds.keys() >= {(), ("replies",), ("likes", "replies")}
    assert kinds[("likes", "reposts", "replies", "views")] > len(lines) / 2


@pytest.mark.parametrize(
    "sign",
    [
        *("\u202e", "\u200b", "\u0335", "\n---\n", "{{", "{% raw %}", "drop table"),
        *("<script>", "javascript:", "tg://user", "<@&", "@everyone", "@here", "</post>"),
        *("ignore all previous", "system:", "忽略以上", "忽略之前", "http://evil.example"),
    ],
)
def test_it_holds_attacks(lines: list[dict[str, Any]], sign: str) -> None:
    assert any(sign in line["text"].lower() for line in lines)


def test_it_holds_a_word_without_end_and_a_wall_of_emoji(lines: list[dict[str, Any]]) -> None:
    assert any(re.search(r"\w{3000}", line["text"]) for line in lines)
    assert any(line["text"].count("🤖") >= 50 for line in lines)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
def test_nothing_is_taken_from_real_posts(lines: list[dict[str, Any]]) -> None:
    real = set()
    for day in ("2025-10-16", "2025-12-05", "2025-12-16"):
        for file in (DATA / day).glob("*.jsonl"):
            for row in file.read_text(encoding="utf-8").splitlines():
                real |= _runs(json.loads(row)["text"])
    assert real
    for line in lines:
        assert not _runs(line["text"]) & real, line["id"]


def _runs(text: str) -> set[str]:
    """Every stretch of 40 characters."""
    return {text[at : at + 40] for at in range(len(text) - 39)}
