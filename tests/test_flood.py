"""A day with ten times the usual posts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.models import Post
from digest.select.selection import MAX_READ, most_promising, select
from tests.posts import TOPIC, post


def flood(number: int) -> list[Post]:
    return [
        post(f"What a day it is in town, walk {n} was long and rainy but fine in the end", str(n))
        for n in range(number)
    ]


def test_a_usual_day_is_read_in_full() -> None:
    day = flood(MAX_READ)
    assert most_promising(TOPIC, day, {}) == (day, [])


def test_posts_on_the_topic_survive_a_flood() -> None:
    news = [
        post(
            f"Lab {n} releases an AI model that is cheaper by {n}% and says why",
            f"9{n:05}",
            source="rss",
        )
        for n in range(500)
    ]
    copies = [replace(news[0], id=f"8{n:05}") for n in range(5_000)]
    kept, left = most_promising(TOPIC, [*flood(20_000), *news, *copies], {})
    assert len(kept) == MAX_READ
    assert {one.key for one in news} <= {one.key for one in kept}
    assert len(left) == 25_500 - MAX_READ
    assert {(drop.step, drop.reason) for drop in left} == {("offtopic", "too_many")}
    assert len({drop.key for drop in left} | {one.key for one in kept}) == 25_500


def test_weights_of_sources_count() -> None:
    day = flood(MAX_READ + 10)
    favourite = day[-1]
    kept, _ = most_promising(TOPIC, day, {favourite.key: 5.0})
    assert favourite in kept


def test_every_post_of_a_flood_is_accounted_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.select.selection.MAX_READ", 50)
    day = [post(f"AI agent {n} writes code", f"7{n:03}") for n in range(30)] + flood(90)
    found = select(TOPIC, day, lambda _: None)
    told = {one.key for story in found.stories for one in story.posts}
    dropped = {drop.key for drop in found.dropped}
    assert told | dropped == {one.key for one in day}
    assert not told & dropped
