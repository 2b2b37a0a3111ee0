"""Sentences that may report a story."""

import numpy as np
import pytest

from digest.models import MAX_POINTS
from digest.reading import Story, attach, read
from digest.select.embed import embed, has_encoder
from digest.write.extractive.brief import PointCandidate, choose_points, list_points, make_point
from digest.write.extractive.draft import (
    Draft,
    begins_badly,
    is_same_event,
    praises,
    rate_print,
)
from digest.write.extractive.following import continues, list_following
from digest.write.extractive.quotes import Quote
from tests.posts import post
from tests.test_extractive import items, material, written

NOWHERE = np.zeros(256, np.float32)


@pytest.mark.parametrize(
    ("said", "bad"),
    [
        ("Check Point buys Lakera for $300M.", False),
        ("He Xiaopeng shows a flying car in Guangzhou.", False),
        ("IT spending will reach $6 trillion in 2026.", False),
        ("它石智航完成 1.2 亿美元融资。", False),
        ("He says that Northlight will release it.", True),
        ("IT IS HERE.", True),
        ("Join Northlight at its first conference.", True),
        ("Learn AI in 30 days.", True),
        ("它会发布新模型。", True),
        ("其旗舰模型发布。", True),
        ("Wow Microsoft just announced Copilot Actions.", True),
        ("Super Micro Computer ships its first rack.", False),
        ("Thanks to Northlight for the support.", True),
        ("Excited to partner with Northlight.", True),
        ("Under the hood, it runs Meridian 4 on one card.", True),
        ("For Northlight, it is the first loss.", False),
        ("That's why we work with Northlight.", True),
        ("Excited to announce Meridian 4.", False),
        ("Proud to share early results of Meridian 4.", False),
    ],
)
def test_a_name_may_begin_like_a_backward_reference(said: str, bad: bool) -> None:
    assert begins_badly(read([post(said)])[0].sentences[0]) is bad


@pytest.mark.parametrize(
    ("good", "weak"),
    [
        ("We release Meridian 4 today.", "Northlight releases Meridian 4 today."),
        ("Northlight sells its machines.", "Northlight sold its machines weeks ago."),
        ("Northlight opens its model.", "Show HN: Northlight opens its model."),
        ("Northlight opens its model.", "Northlight opens its model. I love it."),
        ("Northlight opens its model.", "Northlight opens its model, cc @mara @finn"),
        ("北光开源新模型。", "北光应该会开源新模型。"),
    ],
)
def test_news_has_higher_print_odds(good: str, weak: str) -> None:
    first, second = (
        Quote(read([post(t)])[0].sentences[0], 1.0, -1.0, NOWHERE) for t in (good, weak)
    )
    assert rate_print(first) > rate_print(second)


def test_praise_is_no_news() -> None:
    assert praises("New massive update of Northlight's chips!")
    assert not praises("Northlight updates its chips.")


@pytest.mark.parametrize(
    ("behind", "stands"),
    [
        ("At 308M parameters, it runs without a network.", True),
        ("also many adapters of Meridian 4 dropped", True),
        ("also many adapters of Kite 2 dropped", False),
        ("Microsoft released a small speech model.", False),
        ("See how it compares!", False),
        ("Congratulations to all teams at the lab.", False),
        ("The quality is amazing for its size.", False),
        ("My 14 test pages all fail now.", False),
    ],
)
def test_a_short_line_is_followed_by_a_fact(behind: str, stands: bool) -> None:
    lead, other = (
        Quote(read([post(text)])[0].sentences[0], -0.8, -0.4, NOWHERE)
        for text in ("Northlight opens Meridian 4.", behind)
    )
    assert continues(other, lead) is stands


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("河畔队主帅加尔索夫下课。", "河畔队官方宣布解雇加尔索夫。", True),
        ("湖滨队主帅莫雷斯科下课。", "Lakeside sack coach Pavel Moresco.", True),
        ("河畔队主帅加尔索夫下课。", "湖滨队主帅莫雷斯科下课。", False),
        ("河畔队主帅加尔索夫下课。", "River sack coach Dan Pembroke.", False),
        ("哈兰德进球。", "Holland bans phones in schools.", False),
        ("特朗普会见商界。", "特朗普宣布解雇部长。", False),
    ],
)
def test_a_person_of_few_days_makes_one_event(one: str, other: str, same: bool) -> None:
    axis, near = np.array([1, 0], np.float32), np.array([0.45, 0.893], np.float32)
    first, second = (
        Quote(read([post(text)])[0].sentences[0], 0.0, -1.0, vector)
        for text, vector in ((one, axis), (other, near))
    )
    assert is_same_event(first, second) is same


@pytest.mark.skipif(not has_encoder(), reason="needs the sentence encoder")
def test_facts_follow_in_an_unfamiliar_field_too() -> None:
    fact = "The trial lasts 18 months."
    readings = read([post(f"Council votes to close Harbour Street to cars. {fact}")])
    attach(readings, vectors=embed([reading.plain for reading in readings]))
    story = Story(tuple(readings))
    draft = Draft(material((story,), knows_news=False))
    following = list_following(draft, story, draft.quotes[readings[0].key][0], 2)
    assert [quote.text for quote in following] == [fact]


@pytest.mark.skipif(not has_encoder(), reason="needs the sentence encoder")
def test_a_fact_may_come_from_another_post_on_the_event() -> None:
    bare = "Northlight just released Meridian 4 on Hugging Face"
    fact = "The model has 30 billion parameters and runs on one card of 24 GB."
    said = (bare, f"{bare}.\nNothing is real anymore!\n{fact}")
    readings = read([post(text, text[-9:], author=text) for text in said])
    attach(readings, vectors=embed([reading.plain for reading in readings]))
    story = Story(tuple(readings))
    draft = Draft(material((story,)))
    (lead, *_), point = draft.quotes[readings[0].key], [readings[0].key, readings[1].key]
    assert [quote.text for quote in list_following(draft, story, lead, 2)] == [fact]
    assert list(make_point(draft, story, lead).cites) == point


def test_a_view_is_followed_by_its_reason() -> None:
    view = "We should measure coding agents by what gets reverted, not by what gets merged."
    reason = "I believe that fast agents only move the work of developers into reviews."
    posts = [post(f"{view} {reason}", "7", author="mara", author_name="Mara Lin")]
    texts = [item.text for item in items(written(posts, "en"), "views")]
    assert texts == [f"{view} {reason}"]


@pytest.mark.parametrize(("fitness", "is_chosen"), [(1.0, True), (-0.3, False)])
def test_a_foreign_point_gives_way_to_a_good_one_in_the_language(
    fitness: float, is_chosen: bool
) -> None:
    def make_candidate(text: str, value: float, fitness: float, spoken: bool) -> PointCandidate:
        readings = read([post(text)])
        lead = Quote(readings[0].sentences[0], fitness, -1.0, np.ones(1, np.float32))
        return PointCandidate(Story(tuple(readings)), lead, value, spoken)

    foreign = [make_candidate(f"Kite releases K-{n}.", 1.5, 1.0, False) for n in range(MAX_POINTS)]
    spoken = make_candidate("诺斯莱特发布 Meridian 4。", 1.4, fitness, True)
    assert (spoken in choose_points([*foreign, spoken])) is is_chosen


@pytest.mark.parametrize(("fitness", "is_told"), [(1.2, True), (0.4, False)])
def test_a_much_better_sentence_replaces_the_lead(fitness: float, is_told: bool) -> None:
    said = ("Meridian 4 dropped", "Northlight opens Meridian 4, which isolates any sound.")
    first, second = read([post(text, text[-9:], author=text) for text in said])
    quotes = {
        reading.key: (Quote(reading.sentences[0], fit, -1.0, np.ones(1, np.float32)),)
        for reading, fit in ((first, 0.4), (second, fitness))
    }
    stories = tuple(
        Story((reading,), 1.0, {"news": news}, event=1)
        for reading, news in ((first, 0.9), (second, 0.8))
    )
    point = list_points(Draft(material(stories, quotes=quotes)))[0]
    assert (second.key in point.cites) is is_told


@pytest.mark.skipif(not has_encoder(), reason="needs the sentence encoder")
@pytest.mark.parametrize(
    ("told", "other", "is_cited"),
    [
        (
            "Northlight opens the weights of Meridian 4.",
            "Meridian 4 的权重已由 Northlight 开放。",
            True,
        ),
        (
            "OpenAI releases GPT-6 early after safety tests.",
            "OpenAI 推迟 GPT-6，安全测试尚未完成。",
            False,
        ),
        (
            "Waymo 在凤凰城暂停无人驾驶出租车服务。",
            "Waymo resumes its driverless taxis in Phoenix.",
            False,
        ),
        (
            "Nvidia shares rise after Oracle's report.",
            "Nvidia shares fall after Oracle's report.",
            False,
        ),
        (
            "Meridian 4 is now available on Databricks!",
            "Meridian 4 is now available on anycoder.",
            False,
        ),
        ("Nvidia buys $5 billion of Intel.", "NVIDIA invests $5B in Intel.", True),
        ("You can now chat with apps in ChatGPT.", "When ChatGPT turns informant", False),
    ],
)
def test_another_post_is_cited_if_it_says_the_same(told: str, other: str, is_cited: bool) -> None:
    readings = read([post(told, "1"), post(other, "2", author="bob")])
    attach(readings, vectors=embed([reading.plain for reading in readings]))
    story = Story(tuple(readings))
    draft = Draft(material((story,)))
    assert ("x:2" in draft.cite(story, draft.quotes["x:1"][:1])) is is_cited


@pytest.mark.skipif(not has_encoder(), reason="needs the sentence encoder")
def test_a_denial_is_printed_beside_what_it_denies() -> None:
    said = (
        "Apple buys Mistral AI for $12 billion.",
        "Apple does not buy Mistral AI for $12 billion.",
    )
    posts = [post(f"{text[:-1]} in cash, both said.", text[:12], author=text) for text in said]
    told = {key for item in items(written(posts, "en"), "points") for key in item.cites}
    assert told == {post.key for post in posts}


def test_the_heading_of_a_list_is_printed_once() -> None:
    kinds = "first robots,small phones,open banks,cheap cars,fast pets".replace(" ", " {} for ")
    sizes = [f"OpenAI released the {kind.format('model of GPT-6')}" for kind in kinds.split(",")]
    raw = "\n- ".join(["OpenAI announces GPT-6 in five sizes:", *sizes])
    points = items(written([post(raw)]), "points")
    assert [(point.title + point.text).count("announces") for point in points] == [1]
