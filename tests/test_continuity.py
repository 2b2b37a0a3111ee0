"""Stories without news since earlier reports are dropped; with news they become updates."""

from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from digest.models import Cited, Counts, Item, Report, Section, Window
from digest.pipeline import collect_cited, mark_updates
from digest.reading import Story, read
from digest.select.continuity import (
    EarlierItem,
    drop_repeats,
    list_earlier_items,
    tells_one_event,
)
from digest.select.embed import has_encoder
from digest.select.relevance import judge_relevance
from digest.select.selection import select
from digest.sources.jsonl import PostRows
from digest.topics import load_topics
from digest.write import Material
from tests.editing import ROOT, SAMPLE
from tests.posts import TOPIC, post

DAY = date(2025, 12, 5)
FIRST = "Northlight releases Meridian 3.2 Pro, a language model that scores 81.2% on HardMath at $4 per million tokens."
AGAIN = "Meridian 3.2 Pro from Northlight is here: the language model scores 81.2% on HardMath."
NEWS = (
    "Meridian 3.2 Pro, the language model of Northlight, is now in Kitewick Studio: "
    "40 languages, 128K of context, and 12% fewer errors than Brindle 5."
)
OTHER = "Larkspur opens a data center with 20,000 GPUs near Oslo."


def _earlier(text: str = FIRST) -> list[EarlierItem]:
    return [EarlierItem(DAY, tuple(read([post(text, "1")])))]


def _story(text: str, id: str = "9", author: str = "bob") -> Story:
    return Story(tuple(read([post(text, id, author=author)])))


def judge(stories: list[Story], earlier: list[EarlierItem]) -> list[tuple[str, date | None]]:
    alone = [drop_repeats(TOPIC, [story], earlier)[0] for story in stories]
    days = [fresh[0].earlier if fresh else None for fresh in alone]
    return [
        ("repeat" if not fresh else "update" if day else "new", day)
        for fresh, day in zip(alone, days, strict=True)
    ]


def test_a_story_is_new_an_update_or_a_repetition() -> None:
    stories = [_story(AGAIN), _story(NEWS), _story(OTHER)]
    assert judge(stories, _earlier()) == [("repeat", None), ("update", DAY), ("new", None)]
    assert judge(stories, []) == [("new", None)] * 3


def test_a_round_up_of_earlier_items_is_no_news() -> None:
    told = (
        "Kitewick Robotics raised $1.5 billion at a valuation of $12 billion for its Butler robots."
    )
    earlier = [*_earlier(), EarlierItem(DAY, tuple(read([post(told, "2")])))]
    both = "This morning: Kitewick Robotics raised $1.5 billion at $12 billion for Butler robots; "
    stories = [_story(f"{both}Northlight released Meridian 3.2 Pro, $4 per million tokens.")]
    assert judge(stories, earlier) == [("repeat", None)]
    assert judge(stories, earlier[1:]) == [("update", DAY)]


def test_a_new_act_is_news() -> None:
    planned = (
        "Northlight closed the Kitewick contest for robots: 4,600 works came in, and 10 will win."
    )
    closed = (
        "Northlight's Kitewick contest for robots: the 10 finalists of 5,000 works are announced."
    )
    again = (
        "The Kitewick contest of Northlight for robots is closed, and 10 of 4,600 works will win."
    )
    stories = [_story(closed, author="ada"), _story(again)]
    assert judge(stories, _earlier(planned)) == [("update", DAY), ("repeat", None)]


@pytest.mark.parametrize(
    ("told", "turned"),
    [
        (
            "Apple buys Mistral AI for $12 billion in cash.",
            "Apple does not buy Mistral AI for $12 billion in cash.",
        ),
        (
            "Anthropic raises $30 billion from Coatue at a valuation of $350 billion.",
            "Anthropic raises $13 billion from Coatue at a valuation of $350 billion.",
        ),
        ("Waymo 在凤凰城暂停 Robotaxi 服务。", "Waymo 在凤凰城恢复 Robotaxi 服务。"),
        ("DeepSeek V4 is out with MIT weights.", "DeepSeek V4 is withdrawn with its MIT weights."),
    ],
)
def test_a_reversal_of_an_earlier_item_is_news(told: str, turned: str) -> None:
    assert judge([_story(turned), _story(told)], _earlier(told)) == [
        ("update", DAY),
        ("repeat", None),
    ]


@pytest.mark.parametrize(
    ("told", "again"),
    [
        ("Northlight has released Meridian 3.2 to all users.", "No invitation needed: Northlight has released Meridian 3.2 to all users."),
        ("Kitewick 发布家用机器人 Butler。", "不用排队：Kitewick 发布家用机器人 Butler。"),
    ],
)  # fmt: skip
def test_a_harmless_negation_is_no_news(told: str, again: str) -> None:
    assert judge([_story(again)], _earlier(told)) == [("repeat", None)]


def test_a_version_identifies_the_release() -> None:
    assert tells_one_event(0.57, frozenset({"meridian", "3.2"}), frozenset({"brindle", "3.2"}))
    assert not tells_one_event(0.57, frozenset({"meridian", "api"}), frozenset({"meridian", "api"}))
    assert tells_one_event(0.61, frozenset({"meridian", "api"}), frozenset({"meridian", "api"}))
    assert not tells_one_event(0.61, frozenset({"meridian"}), frozenset({"meridian"}))
    assert not tells_one_event(0.84, frozenset(), frozenset())


def test_the_same_post_is_no_news() -> None:
    assert judge([_story(FIRST, "1", "ada")], _earlier()) == [("repeat", None)]


def test_repetitions_are_counted_with_their_reason() -> None:
    kept, dropped = drop_repeats(TOPIC, [_story(AGAIN, "8"), _story(NEWS)], _earlier())
    assert [(s.posts[0].id, s.earlier) for s in kept] == [("9", DAY)]
    assert [(d.key, d.step, d.reason) for d in dropped] == [("x:8", "duplicates", "told")]


def test_an_update_has_only_the_posts_with_news() -> None:
    story = Story(tuple(read([post(AGAIN, "8", author="late"), post(NEWS, "9", author="bob")])))
    kept, dropped = drop_repeats(TOPIC, [story], _earlier())
    assert [(s.earlier, [p.id for p in s.posts]) for s in kept] == [(DAY, ["9"])]
    assert [(d.key, d.reason) for d in dropped] == [("x:8", "told")]


def _material(story: Story) -> Material:
    return Material(TOPIC, Window(DAY, DAY, "UTC"), (story,), Counts(), (), ())


def test_an_update_is_marked_and_linked_to_the_earlier_day() -> None:
    update = replace(_story(NEWS), earlier=DAY, parts={"voices": 0.25})
    items = (
        Item("News.", cites=("x:9",)),
        Item("Other.", cites=("x:1",)),
        Item("12", status="note"),
    )
    sections = mark_updates([Section("points", "", items)], _material(update))
    assert [item.status for item in sections[0].items] == ["update", "extractive", "note"]
    shown = collect_cited([Section("points", "", items[:1])], _material(update))["x:9"]
    assert (shown.earlier, shown.why) == ("2025-12-05", {"voices": 0.25})


def test_earlier_items_are_restored_from_a_report() -> None:
    post_ = Cited("ada", "https://x.com/ada/status/1", FIRST, None)
    items = (Item("It scores 81.2%.", cites=("x:1",)), Item("Quiet.", status="note"))
    report = Report("ai", DAY, DAY, "en", "extractive", (Section("points", "", items),))
    (item,) = list_earlier_items([replace(report, posts={"x:1": post_})])
    assert (item.day, item.keys, item.authors) == (DAY, frozenset({"x:1"}), frozenset({"ada"}))
    assert item.readings[0].text == FIRST


def test_the_labelled_pairs_are_keys_only() -> None:
    import json

    rows = (Path(__file__).parent / "data" / "continuity.jsonl").read_text().splitlines()
    assert len(rows) >= 60
    for row in map(json.loads, rows):
        assert row.keys() == {"day", "now", "earlier_day", "earlier", "label"}
        assert row["label"] in ("new", "update", "repeat")
        assert row["earlier_day"] < row["day"]


@pytest.mark.parametrize("fits", [True, False])
def test_each_post_is_reported_or_dropped_once(fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def judge_doubtful(*given: Any) -> Any:
        """All stories appeal only: an editor decides whether they belong."""
        judged = judge_relevance(*given)
        no_market = (False,) * len(judged.market)
        return replace(judged, fit=judged.fit * 0, market=no_market, appeal=judged.fit * 0)

    if not fits:
        monkeypatch.setattr("digest.select.selection.judge_relevance", judge_doubtful)
    topic = load_topics(ROOT / "topics.toml")["ai"]
    posts = list(PostRows(SAMPLE.name).parse(SAMPLE.read_text(encoding="utf-8").splitlines()))
    today = [p for p in posts if p.created_at.date() == date(2025, 12, 6)]
    before = [p for p in posts if p.created_at.date() == DAY]
    # Every post of the day before was reported, and every third of today.
    earlier = [EarlierItem(DAY, tuple(read([p]))) for p in (*before, *today[::3])]
    chosen = select(topic, today, lambda _: None, earlier=earlier)
    assert bool(chosen.stories) is fits
    told = Counter(p.key for story in chosen.stories for p in story.posts)
    dropped = Counter(drop.key for drop in chosen.dropped)
    assert told + dropped == Counter(p.key for p in today)
    assert {drop.step for drop in chosen.dropped} >= {"ads", "offtopic", "duplicates"}


@pytest.mark.skipif(not has_encoder(), reason="needs the sentence encoder")
def test_an_update_keeps_the_same_news_in_another_language() -> None:
    """In an earlier item's language most words of the news are known, in another language few."""
    chinese = (
        "编程智能体 Northlight Desk 面向整个仓库，由 Meridian 3.2 Pro 驱动，1100 名开发者的试用中"
        "合并请求的速度快了 28%，Kitewick 与 Quarry 已在使用。"
    )
    english = (
        "Northlight Desk, the coding agent for whole repositories, now runs on Meridian 3.2 Pro;"
        " 1,100 developers merged pull requests 28% faster."
    )
    texts = (chinese, english, AGAIN)
    readings = read([post(text, f"{n}", author=text[-9:]) for n, text in enumerate(texts, 7)])
    (story,), dropped = drop_repeats(TOPIC, [Story(tuple(readings))], _earlier())
    assert story.earlier == DAY
    assert [reading.post.text for reading in story.readings] == [chinese, english]
    assert [drop.key for drop in dropped] == ["x:9"]
