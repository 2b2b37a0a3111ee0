"""Duplicates are dropped, and nothing else is."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.reading import read
from digest.select.dedupe import drop_copies, merge_streams
from tests.posts import post

NEWS = "Northlight opened the weights of its Meridian 3 model today, a mixture of 32 experts that runs on one card."


def test_one_id_in_two_streams_is_merged_with_the_longest_text() -> None:
    whole = post(NEWS, "1", metrics={"likes": 3})
    cut = replace(whole, text=NEWS[:60] + "…", metrics={"likes": 9, "views": 5}, author_name="")
    for order in ([whole, cut], [cut, whole]):
        (one,), (dropped,) = merge_streams(order)
        assert one.text == NEWS
        assert one.metrics == {"likes": 9, "views": 5}
        assert one.author_name == "Ada"
        assert (dropped.key, dropped.reason, dropped.of) == ("x:1", "same_post", "x:1")


def test_copies_reposts_and_cut_versions_are_dropped() -> None:
    posts = [
        post("RT @ada: " + NEWS, "2", author="bob"),
        post(NEWS[:90] + "… https://t.co/x", "3", author="carol"),
        post(NEWS, "1", metrics={"likes": 50}),
        post(NEWS.replace("today", "just now") + " 🚀", "4", author="dan"),
    ]
    kept, dropped, echoes = drop_copies(read(posts))
    assert [reading.post.id for reading in kept] == ["1"]
    assert {d.key for d in dropped} == {"x:2", "x:3", "x:4"}
    assert {d.of for d in dropped} == {"x:1"}
    assert echoes == {"x:1": 3}


def test_of_equal_posts_the_earliest_is_the_original() -> None:
    first = post(NEWS, "1", metrics={"likes": 3})
    later = first.created_at + timedelta(hours=3)
    echo = replace(first, id="2", author="echo", created_at=later, metrics={"likes": 90})
    kept, dropped, echoes = drop_copies(read([echo, first]))
    assert [reading.key for reading in kept] == ["x:1"]
    assert [(d.key, d.of) for d in dropped] == [("x:2", "x:1")]
    assert echoes == {"x:1": 1}


def test_another_number_makes_another_statement() -> None:
    texts = [
        f"Today we track the fees of protocol number {n} on our public dashboard" for n in (1, 2)
    ]
    kept, dropped, _ = drop_copies(read(post(t, str(i)) for i, t in enumerate(texts)))
    assert len(kept) == 2
    assert dropped == []


@pytest.mark.parametrize(
    ("words", "one", "other"),
    [
        ("Now tracking @{} on our spot volume dashboard", "lighter_xyz", "o2dotapp"),
        ("{} joins the Agentic Browser Foundation as a founding member.", "OpenAI", "Google"),
        ("Alibaba releases Qwen3-{} for all users of the Qwen app.", "Max", "Omni"),
        ("Apple {} Mistral AI for $12 billion in cash.", "buys", "does not buy"),
        ("Nvidia shares {} after Oracle reported its results.", "rise", "fall"),
        ("欧盟委员会{}英伟达收购 Run:ai 的交易，交易金额约 7 亿美元。", "批准", "未批准"),
    ],
)
def test_another_name_or_a_denial_makes_another_statement(words: str, one: str, other: str) -> None:
    posts = [post(words.format(word), word) for word in (one, other)]
    assert len(drop_copies(read(posts))[0]) == 2


def test_short_exclamations_of_different_people_are_not_copies() -> None:
    posts = [
        post("Wow", "1"),
        post("Wow", "2", author="bob"),
        post("", "3"),
        post("", "4", author="bob"),
    ]
    assert len(drop_copies(read(posts))[0]) == 4


@given(st.lists(st.text(max_size=60), max_size=12))
def test_every_post_is_kept_or_dropped_for_a_kept_one(texts: list[str]) -> None:
    posts = [post(text, str(i), author=f"a{i % 3}") for i, text in enumerate(texts)]
    kept, dropped, _ = drop_copies(read(posts))
    keys = {p.key for p in kept}
    assert keys | {d.key for d in dropped} == {p.key for p in posts}
    assert len(kept) + len(dropped) == len(posts)
    assert {d.of for d in dropped} <= keys
