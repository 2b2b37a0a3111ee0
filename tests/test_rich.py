"""Replies on every platform: whole, within the limits, and with nobody's markup but ours."""

from __future__ import annotations

import pytest

from bot.messages import ListItem, Reply
from bot.rich import address, bracket
from tests.rendered import check, check_replies


def test_made_up_replies_reach_everybody_whole() -> None:
    # 100,000 of them: `make bench`.
    assert check_replies(1_500, seed=1) > 3_000


@pytest.mark.parametrize("before", range(4))
def test_a_page_that_begins_within_a_word_has_no_command(before: int) -> None:
    assert check(Reply((ListItem("x" * before + "a/b?" * 2000),))) > 2


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "tg://resolve?domain=x",
        "//example.com",
        "http://localhost/x",
        "http://[::1",
        "https://user:word@example.com/",
        "https://example.com:99999/",
        "https://example.com/" + "a" * 5000,
        "",
    ],
)
def test_only_plain_addresses_of_the_web_become_links(url: str) -> None:
    assert address(url) == ""


def test_an_address_is_kept_as_it_is() -> None:
    for url in (
        "https://x.com/ada/status/1",
        "http://a.b.co:8080/x?y=(1)#z",
        "https://例子.中国/文",
    ):
        assert address(url) == url


def test_an_english_group_has_no_chinese_brackets() -> None:
    assert (bracket("个股"), bracket("Stocks")) == ("【个股】", "[Stocks]")
