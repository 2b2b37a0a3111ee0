"""The extractive report in its second language, and headlines without a speaker."""

from dataclasses import replace

import pytest

from digest.models import Counts, Item
from digest.reading import Story, attach, read
from digest.select.embed import embed, has_encoder
from digest.write import Material
from digest.write.extractive.alignment import align_sections
from digest.write.extractive.brief import list_overview, open_overview
from digest.write.extractive.draft import Draft
from digest.write.extractive.quotes import collect_quotes
from digest.write.extractive.writer import write
from tests.posts import TOPIC, WINDOW, post
from tests.test_extractive import items, written

DENIAL = "Harbor Peak Capital denies that it is in talks to buy Larkspur outright."
RUMOUR = (
    "Hearing that Harbor Peak Capital will buy Larkspur for $9 billion, announcement next week."
)
CHINESE = "Harbor Peak Capital 否认整体收购 Larkspur 的传闻，双方只谈过数据中心租约。"


def aligned(*texts: str, chinese: str = CHINESE, section: str = "points") -> list[Item]:
    """Return the section with the Chinese point in English, for a story that also has these posts."""
    posts = [post(text, f"{n}", author=f"author{n}") for n, text in enumerate((*texts, chinese))]
    readings = read(posts)
    attach(readings, vectors=embed([reading.plain for reading in readings]))
    stories = (Story(tuple(readings)),)
    quotes = collect_quotes(stories, "zh")
    topic = replace(TOPIC, language="zh")
    day = Material(topic, WINDOW, stories, Counts(), (), (), quotes=quotes)
    point = Item("", title=chinese.rstrip("。"), cites=(posts[-1].key,))
    opening = Item(f"主要消息：{chinese}", cites=point.cites)
    rows = {"overview": (opening, opening), "points": (point,)}
    sections = [replace(s, items=rows.get(s.name, ())) for s in write(day)]
    spoken = replace(day, topic=replace(topic, language="en"))
    made = align_sections(sections, spoken, write(spoken))
    return items(made, section)


@pytest.mark.skipif(not has_encoder(), reason="needs the sentence encoder")
def test_an_item_gets_the_matching_sentence() -> None:
    item = aligned(RUMOUR, DENIAL)[0]
    assert item.title == DENIAL.rstrip(".")
    assert item.cites[0] == "x:1"


@pytest.mark.skipif(not has_encoder(), reason="needs the sentence encoder")
@pytest.mark.parametrize(
    ("other", "chinese"),
    [
        ("Quarry 1.0 by Stonecutter is a vector database in Rust.", CHINESE),
        ("Waymo resumes its robotaxis in Phoenix.", "Waymo 在凤凰城暂停无人驾驶出租车。"),
        ("Larkspur opens the weights of Meridian 4.", "Larkspur 不会开放 Meridian 4 的权重。"),
        ("Larkspur's sales rise 56% to $46 billion.", "Larkspur 营收增长 62% 至 570 亿美元。"),
    ],
)
def test_a_sentence_with_another_fact_does_not_match(other: str, chinese: str) -> None:
    assert aligned(other, chinese=chinese)[0].title == chinese.rstrip("。")
    overview = aligned(other, chinese=chinese, section="overview")
    assert overview[0].text == f"In the news: {chinese}"


@pytest.mark.parametrize(("source", "count"), [("hn", 0), ("x", 1)])
def test_a_headline_with_our_has_no_speaker(source: str, count: int) -> None:
    raw = "Northlight Meridian 3, our third language model for AI agents, is available today"
    assert len(items(written([post(raw, source=source)]), "points", "events")) == count


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("阿里发布了 Wan 2.6。", "主要消息：阿里发布了 Wan 2.6。"),
        ("今天阿里发布了 Wan 2.6。", "今天阿里发布了 Wan 2.6。"),
        ("重磅：Wan 2.6 来了。", "重磅：Wan 2.6 来了。"),
    ],
)
def test_an_overview_gets_an_opening_unless_it_has_one(text: str, opened: str) -> None:
    assert open_overview(text, "zh") == opened


def cite_overview(texts: list[str], points: list[int]) -> list[str]:
    """Return the posts that a Chinese overview cites on a day with these points."""
    posts = [post(text, f"{n}", author=f"author{n}") for n, text in enumerate(texts)]
    readings = read(posts)
    attach(readings, vectors=embed([reading.plain for reading in readings]))
    stories = tuple(Story((reading,)) for reading in readings)
    quotes = collect_quotes(stories, "zh")
    topic = replace(TOPIC, language="zh")
    draft = Draft(Material(topic, WINDOW, stories, Counts(), (), (), quotes=quotes))
    for story in stories:
        draft.add(story, quotes[story.posts[0].key][0])
    told = [Item("x", cites=(f"x:{n}",)) for n in points]
    [overview] = list_overview(draft, {"points": told})
    return list(overview.cites)


OTHER = "谷歌发布 Gemini 3 Pro，上下文扩到 100 万 token，价格不变。"


@pytest.mark.skipif(not has_encoder(), reason="needs the sentence encoder")
def test_the_overview_contains_points_only() -> None:
    """A sentence in the report's language that is no point does not lead the overview."""
    assert cite_overview([RUMOUR.replace("Hearing that ", ""), OTHER], [0]) == ["x:0"]


@pytest.mark.skipif(not has_encoder(), reason="needs the sentence encoder")
@pytest.mark.parametrize(
    ("place", "cited"), [(4, ["x:4", "x:0", "x:1"]), (5, ["x:0", "x:1", "x:2"])]
)
def test_the_overview_leads_with_foremost_points_in_its_language(
    place: int, cited: list[str]
) -> None:
    makers = "Larkspur Northlight Kitewick Stonecutter Harborline Quarry".split()
    texts = [f"{maker} releases Meridian {n}, an open model." for n, maker in enumerate(makers)]
    texts.insert(place, OTHER)
    assert cite_overview(texts, list(range(len(texts)))) == cited
