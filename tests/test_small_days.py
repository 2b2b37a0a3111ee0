"""The extractive report of a topic with few posts a day."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.models import Counts
from digest.reading import Story, attach, read
from digest.reading.heads.linear import score_posts
from digest.select.embed import embed
from digest.select.selection import select
from digest.write.extractive.draft import Draft
from digest.write.extractive.notes import list_filtered
from digest.write.extractive.quotes import is_all_names, list_printable
from digest.write.extractive.writer import write
from tests.posts import post
from tests.test_extractive import TOPIC, material

HEADLINES = (
    "Qinhe recalls 11,411 Vega vans\nThe coolant may corrode the battery.",
    "Lumen Motors' margin rises to 13.9% in the third quarter\nIt expects 120,000 deliveries.",
    "Ministry asks for comments on the energy limit of electric cars\nFrom 2026 on it binds.",
    "Orchid X9 goes on sale from 309,800 yuan\nIts range is 1,602 km.",
    "Charging points pass 18.6 million\nThat is 54% more than a year ago.",
    "Nova Cell shows a sodium battery of 175 Wh per kilogram\nIt works at minus 40 degrees.",
)


def count_points(news: float, others: int = 0) -> int:
    """Return how many of the headlines are points on a day with that many other stories without
    news."""
    topic = replace(TOPIC, language="en", about="Electric cars and batteries.", keywords=("car",))
    posts = [replace(post(t, str(n), author=""), source="rss") for n, t in enumerate(HEADLINES)]
    parts = {"fit": 0.25, "news": news, "engagement": 0.4, "substance": 0.5}
    readings = read([*posts, *(post("@a Thanks!", f"r{n}") for n in range(others))])
    vectors = embed([reading.plain for reading in readings])
    attach(readings, vectors=vectors, scores=score_posts(readings, vectors))
    stories = tuple(Story((r,), 1.0, parts, event=n) for n, r in enumerate(readings))
    points = next(s.items for s in write(material(stories, topic=topic)) if s.name == "points")
    return sum(item.status != "note" for item in points)


@pytest.mark.parametrize("news", [0.6, 0.3])
def test_all_of_a_small_day_of_feeds_is_reported(news: float) -> None:
    """Headlines stand alone, although the heads were trained on social posts of AI days."""
    assert count_points(news) >= 4


def test_longer_days_raise_the_thresholds_gradually() -> None:
    """Of nineteen stories all with news are points; at sixty the usual thresholds apply."""
    counts = [count_points(0.6, others) for others in (13, 15, 24, 34)]
    assert counts == sorted(counts, reverse=True), counts
    assert counts[0] - counts[1] <= 1, counts
    assert counts[-1] >= 3, counts


@pytest.mark.parametrize(
    ("news", "knows_news", "count", "told"),
    [(0.3, True, 8, True), (0.3, False, 30, True), (0.3, True, 30, False), (0.7, False, 30, False)],
)
def test_in_an_unfamiliar_field_all_news_is_reported(
    news: float, *, knows_news: bool, count: int, told: bool
) -> None:
    reading = read([post("Harborough beat Linfield 3-1 at home.")])
    stories = tuple(Story(tuple(reading), 1.0, {"fit": 0.4, "news": news}) for _ in range(count))
    draft = Draft(replace(material(stories), knows_news=knows_news))
    assert draft.takes_all == told


def test_news_of_another_field_may_be_less_like_that_of_ai() -> None:
    readings = read([post("新加坡站因暴雨推迟45分钟，安全车五次出动。")])
    attach(readings, vectors=embed([reading.plain for reading in readings]))
    story = Story(tuple(readings), 1.0, {"fit": 0.4, "news": 0.3})
    for knows_news in (True, False):
        draft = Draft(replace(material((story,)), knows_news=knows_news))
        assert bool(draft.choose_lead(story, -9.0)) != knows_news


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("晨星发布新一代GPU芯片H900", True),
        ("晨星AI收入Q3达281亿元，增12%", True),
        ("晨星裁员800人", True),
        ("LIMITED OFFER: BUY THE NEW GPU NOW", False),
        ("H900: 281 / 12.5 / 30 / 400", False),
    ],
)
def test_a_chinese_headline_with_capitals_is_not_shouting(text: str, *, printed: bool) -> None:
    (reading,) = read([replace(post(text, author=""), source="rss")])
    assert bool(list_printable(reading.sentences)) == printed


@pytest.mark.parametrize(("text", "bare"), [("OpenAI: Sora 2", True), ("Apps in ChatGPT", False)])
def test_a_name_alone_is_not_a_lead(text: str, *, bare: bool) -> None:
    (reading,) = read([replace(post(text, author=""), source="hn")])
    assert is_all_names(reading.sentences[0]) == bare


@pytest.mark.parametrize(
    "text",
    ["比亚迪公布11月销量：新能源车48.2万辆", "トヨタが11月の販売台数を発表：新型EVは48.2万台"],
)
def test_a_chinese_sentence_keeps_its_full_stop_in_an_english_report(text: str) -> None:
    chinese = replace(post(text, "1", author=""), source="rss")
    parts = {"fit": 0.8, "news": 0.9, "engagement": 0.4, "substance": 0.5}
    story = Story(tuple(read([chinese])), 1.0, parts)
    sections = write(material((story,), topic=replace(TOPIC, language="en")))
    overview = next(s.items for s in sections if s.name == "overview")
    assert overview[0].text == f"{text}。", "no opening with a second colon"


def test_counts_have_the_right_plural() -> None:
    story = Story(tuple(read([post("A model is out.", "1"), post("It is a model.", "2")])))
    counts = Counts(collected=1, stories=2)
    one = material((story,), topic=replace(TOPIC, language="en"), counts=counts)
    told = [item.text for item in list_filtered(one, ())]
    assert told == [
        "Read 1 post from 1 of 1 source; found 2 stories.",
        "Left out: 1 story (2 posts), too minor or with no sentence that makes sense on its own;"
        " the report includes the other 1.",
    ]


def test_on_a_small_day_the_editor_sees_possible_topic_posts() -> None:
    texts = [
        "Ashwick Rovers beat Tilbrook Town 3-1 and go second.",
        "Ashwick Rovers sign midfielder Luca Ferrante on a two-year deal.",
        "Skipper Tom Rudd had a scan: the hamstring is torn and he is out for 6-8 weeks.",
        "My sourdough starter turned five today, the recipe is on the blog.",
    ]
    about = "Ashwick Rovers, the football club of Ashwick: matches, players, tickets, the ground."
    topic = replace(TOPIC, language="en", about=about, keywords=("Ashwick", "football"))
    posts = [post(text, str(n), author=f"fan{n}") for n, text in enumerate(texts)]
    chosen = select(topic, posts, lambda _: None)
    seen = {p.text for story in chosen.prospects for p in story.posts}
    assert {p.text for story in chosen.stories for p in story.posts} == set(texts[:2])
    assert seen == set(texts[:3])


@pytest.mark.parametrize(("author", "told"), [("ashwickbuses", True), ("routes_uk", False)])
def test_an_account_named_after_the_topic_belongs(author: str, told: bool) -> None:
    texts = ["From Monday route 7 runs every 12 minutes, the last bus leaves at 23:50."]
    texts += [f"Ashwick council votes 9-{n} on the plan for its harbour." for n in range(3)]
    topic = replace(TOPIC, language="en", about="The town of Ashwick.", keywords=("Ashwick",))
    posts = [post(text, str(n), author=f"{author}{n}") for n, text in enumerate(texts)]
    chosen = select(topic, posts, lambda _: None)
    assert any(p.text == texts[0] for story in chosen.stories for p in story.posts) == told


@pytest.mark.parametrize(("about", "told"), [("", 3), ("The town of Ashwick and its council.", 0)])
def test_a_topic_that_only_has_sources_takes_what_they_say(about: str, told: int) -> None:
    texts = HEADLINES[1], HEADLINES[3], HEADLINES[5]
    posts = [replace(post(text, str(n), author=""), source="rss") for n, text in enumerate(texts)]
    topic = replace(TOPIC, title={"zh": "车", "en": "Wheels"}, about=about, keywords=(), watch=())
    assert len(select(topic, posts, lambda _: None).stories) == told
