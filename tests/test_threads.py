"""Posts linked by threads, quotations or a shared page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from digest.models import Post
from digest.reading import read
from digest.select.cluster import cluster_posts
from digest.select.embed import embed
from digest.select.threads import MAX_LINKING, Labels, find_followers, label_links
from tests.posts import post

STATUS = "https://x.com/lab/status/11"
PAGE = "https://lab.example.org/notes/meridian"


def thread(*texts: str, author: str = "mei", seconds: int = 2, source: str = "x") -> list[Post]:
    """Return posts of one author with these seconds between them."""
    first = post(texts[0], "0", source=source, author=author)
    return [
        replace(
            first,
            id=str(number),
            text=text,
            created_at=first.created_at + timedelta(seconds=number * seconds),
        )
        for number, text in enumerate(texts)
    ]


def groups(labels: Labels) -> list[set[int]]:
    """Return the indices with the same label, without unlinked posts."""
    found: dict[int, set[int]] = {}
    for place, label in enumerate(labels.tolist()):
        found.setdefault(label if label >= 0 else -1 - place, set()).add(place)
    return sorted(found.values(), key=min)


def led(parts: Sequence[Post]) -> dict[int, int]:
    """Return which part follows which."""
    return find_followers(read(parts))


HEAD = "Northlight releases Meridian 3.2, a model with open weights"


def test_posts_of_one_author_at_one_time_are_a_thread() -> None:
    assert led(thread(HEAD, "It runs on a phone", "And the weights are below")) == {1: 0, 2: 0}
    assert led(thread(HEAD, "It runs on a phone", seconds=60)) == {}
    assert led(thread(HEAD, "It runs on a phone", source="rss")) == {}
    assert led(thread(HEAD, "Kitewick fined over camera footage")) == {}
    assert led(thread("失业率升至百分之四点六，高于预期", "现货黄金短线走高，创下新高")) == {}


@pytest.mark.parametrize("form", ["{}/ {}", "({}/3) {}", "{}/n {}"])
def test_a_numbered_thread_may_take_minutes(form: str) -> None:
    said = (HEAD, "它能在手机上运行，只要很少内存", "And the weights are below")
    parts = thread(*(form.format(n, text) for n, text in enumerate(said, 1)), seconds=300)
    assert led(parts) == {1: 0, 2: 0}
    assert led([parts[0], replace(parts[1], author="ann")]) == {}
    assert led([parts[0], parts[2]]) == {}
    assert led(thread("1.5 million", "2.5 million", seconds=300)) == {}
    assert (
        led(thread(*(form.format(n, text) for n, text in enumerate(said, 1)), seconds=3600)) == {}
    )


def test_a_thread_joins_the_story_of_its_first_part() -> None:
    parts = thread(f"1/ {HEAD}", "2/ It runs on a phone with little memory", "3/ And it is free")
    other = post("Meridian 3.2 of Northlight is out, with open weights", "77", author="ann")
    posts = [*parts, other]
    vectors = embed([p.text for p in posts])
    assert [set(c.members) for c in cluster_posts(read(posts), vectors)] == [{0, 1, 2, 3}]
    apart = [replace(p, author=f"a{n}") for n, p in enumerate(posts)]
    assert len(cluster_posts(read(apart), vectors)) == 3


def test_a_quoting_post_is_linked_to_the_quoted_one() -> None:
    told = post("Meridian is out", "11", author="lab")
    quoting = post("This changes my week", "12", links=("https://twitter.com/lab/status/11",))
    again = post("And mine", "13", links=("https://x.com/mei/status/12?s=20",))
    assert groups(label_links([told, quoting, again, post("Rain today", "14")])) == [{0, 1, 2}, {3}]


def test_posts_about_one_page_are_linked_but_not_a_shops_customers() -> None:
    one = post("Notes on Meridian", "1", source="hn", links=(f"{PAGE}?utm_source=hn",))
    two = post("看看这篇", "2", links=(PAGE.replace("https", "http") + "/",))
    assert groups(label_links([one, two])) == [{0, 1}]
    for door in ("https://lab.example.org/", "https://x.com/lab", "https://t.me/lab_news?utm_id=1"):
        ours = [post(f"Words {n}", str(n), links=(door,)) for n in range(2)]
        assert len(groups(label_links(ours))) == 2
    many = [post(f"Words {n}", str(n), links=(PAGE,)) for n in range(MAX_LINKING + 1)]
    assert len(groups(label_links(many))) == len(many)
    odd = [post("Words", str(n), links=("http://[", "", "mailto:a@b")) for n in range(2)]
    assert len(groups(label_links(odd))) == 2


def test_linked_posts_cluster_if_similar_but_round_ups_do_not() -> None:
    told, other = thread(
        "1/ Northlight releases Meridian 3.2, a model with open weights",
        "2/ Veland fines Kitewick Robotics 20 million over camera footage",
        author="lab",
    )
    told = replace(told, id="11")
    quoting = post("Great thread on open weights models", "12", links=(STATUS,))
    selling = post("Our shop has winter boots for the whole family", "13", links=(STATUS,))
    posts = [told, quoting, selling, other]
    vectors = embed([p.text for p in posts])
    found = sorted((set(c.members) for c in cluster_posts(read(posts), vectors)), key=min)
    assert found == [{0, 1}, {2}, {3}]
    alone = cluster_posts(read([replace(p, links=()) for p in posts]), vectors)
    assert {1} in [set(c.members) for c in alone]
