"""Evaluate the ranking of a day's posts against an editor's picks and simple baselines."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from digest.models import Post, Topic
from digest.select import WEIGHTS
from digest.select.rank import sum_parts
from digest.select.selection import Selection, select
from tools.evaluate_data import Row, cited, counted, lines, means, posts, renamed, retrieval, topic
from tools.left_out import heads_without

Order = Callable[[str, Sequence[Post]], list[str]]


def rank_posts(subject: Topic, day: str, of_day: Sequence[Post], *, handles: bool) -> list[str]:
    """Return the ids in the digest's order; dropped posts come last."""
    seen = list(of_day) if handles else renamed(of_day, day)
    selected = [p.id for p in best_first(select(subject, seen, lambda step: None))]
    dropped = sorted({p.id for p in of_day} - set(selected))
    return selected + dropped


def best_first(selection: Selection) -> list[Post]:
    """Return the posts of all stories, best first: by their own score, plus the story's voices for
    the first post of each story, because after it the others are less worth reading."""
    scored = [
        (
            -sum_parts(selection.parts[p.key])
            - (not place) * WEIGHTS["voices"] * told.parts["voices"],
            p,
        )
        for told in selection.stories
        for place, p in enumerate(told.posts)
    ]
    return [post for _, post in sorted(scored, key=lambda each: (each[0], each[1].key))]


def at_random(day: str, of_day: Sequence[Post]) -> list[str]:
    """Shuffle a day."""
    ids = sorted({p.id for p in of_day})
    random.Random(day).shuffle(ids)  # noqa: S311 - no secret
    return ids


def longest(day: str, of_day: Sequence[Post]) -> list[str]:
    """Sort a day by text length, longest first."""
    return [p.id for p in sorted(of_day, key=lambda p: (-len(p.text), p.id))]


def liked(day: str, of_day: Sequence[Post]) -> list[str]:
    """Sort a day by likes, most first."""
    return [p.id for p in sorted(of_day, key=lambda p: (-p.metrics.get("likes", 0), p.id))]


def _measure(data: Path, stream: str, cited_ids: Mapping[str, set[str]], order: Order) -> str:
    metrics = []
    for day, ids in cited_ids.items():
        ranked_posts = posts(data / "posts" / day / f"{stream}.jsonl")
        with heads_without(data, day):
            metrics.append(retrieval(order(day, ranked_posts), ids))
    return means(metrics)


def rows(data: Path) -> list[Row]:
    """Return the rows on the AI list, without and with handles, and on the opinion leaders."""
    given = topic()
    listed = cited(data, "x_ai_list")
    kol = cited(data, "x_kol")

    def without_handles(day: str, of_day: Sequence[Post]) -> list[str]:
        return rank_posts(given, day, of_day, handles=False)

    def with_handles(day: str, of_day: Sequence[Post]) -> list[str]:
        return rank_posts(given, day, of_day, handles=True)

    paid = {row["id"] for row in lines(data / "labels" / "promoted.jsonl") if row["promoted"]}

    def paid_last(day: str, of_day: Sequence[Post]) -> list[str]:
        return sorted(longest(day, of_day), key=paid.__contains__)

    simple = {
        "random": at_random,
        "longest first": longest,
        "longest, known paid posts last": paid_last,
    }
    return [
        Row(
            f"x_ai_list: posts that AINews cited, {len(listed)} days, random handles",
            "MAP / P@10 / R@20",
            _measure(data, "x_ai_list", listed, without_handles),
            counted({n: _measure(data, "x_ai_list", listed, o) for n, o in simple.items()}),
            ".26 / .22 / .45",
        ),
        Row(
            "the same with real handles, topics.toml as shipped (no author weights)",
            "MAP / P@10 / R@20",
            _measure(data, "x_ai_list", listed, with_handles),
        ),
        Row(
            f"x_kol: posts that AINews cited, {len(kol)} days",
            "MAP / P@10 / R@20",
            _measure(data, "x_kol", kol, with_handles),
            counted(
                {
                    n: _measure(data, "x_kol", kol, o)
                    for n, o in {"likes": liked, "longest first": longest}.items()
                }
            ),
            ".26 / - / .45",
        ),
    ]
