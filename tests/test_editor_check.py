"""The model's choice of stories, and its check of the items."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from digest.errors import LlmError
from digest.models import SECTIONS
from digest.reading import Story, attach, read
from digest.write.model.assembly import assemble
from digest.write.model.context import Context, Event, is_stub
from digest.write.model.editor import Editor
from digest.write.model.pick import assign_pages, group_stories
from digest.write.model.schemas import Pick
from tests.editing import PROMPTS, Model, edited, extractive, items, material, score, text
from tests.posts import post
from tests.writers import Reply, Writer, honest, sentences_of, story_numbers, wanted


async def test_the_picked_stories_come_first_in_the_points() -> None:
    """A story far down our rank becomes a point, before those that were not picked."""

    def last_first(system: str, prompt: str) -> Reply:
        reply = honest(system, prompt)
        if wanted(prompt) == "must":
            numbers = story_numbers(prompt)
            return {**reply, "must": [*numbers[:3], *numbers[20:22]], "detail": numbers[3:12]}
        return reply

    model = Model(last_first)
    await Editor(material(), extractive(), model.ask, PROMPTS).write()
    (brief,) = [call.prompt for call in model.calls if call.name == "brief"]
    first, _, rest = brief.partition("[6]")
    assert len(re.findall(r"^\[\d+\].* must be told$", first, re.MULTILINE)) == 5
    assert not re.search(r"^\[\d+\].* must be told$", rest, re.MULTILINE)
    (lines,) = [call.prompt for call in model.calls if call.name == "pick"]
    chosen = re.search(r"^\[21\] .*?: (.{12})", lines, re.MULTILINE)
    assert chosen
    assert chosen[1] in first


@pytest.mark.parametrize(
    "pick",
    [
        lambda numbers: {"must": numbers[-10:]},
        lambda numbers: {"must": [], "detail": []},
        lambda numbers: {"must": [9998, 9999], "same": [[9998, 1]]},
    ],
    ids=["upside down", "nothing", "unknown numbers"],
)
async def test_an_implausible_pick_is_ignored(
    pick: Callable[[list[int]], Reply],
) -> None:
    def write_(system: str, prompt: str) -> Reply:
        if wanted(prompt) == "must":
            return pick(story_numbers(prompt))
        return honest(system, prompt)

    def unpicked(system: str, prompt: str) -> Reply:
        return {} if wanted(prompt) == "must" else honest(system, prompt)

    usual = [item.text for item in items(await edited(unpicked), "points")]
    assert [item.text for item in items(await edited(write_), "points")] == usual


async def test_a_pick_that_merges_all_stories_is_ignored() -> None:
    def pick(same: bool) -> Writer:
        def write_(system: str, prompt: str) -> Reply:
            numbers = story_numbers(prompt)
            answer: Reply = {"must": numbers[:10], "same": [numbers] if same else []}
            return answer if wanted(prompt) == "must" else honest(system, prompt)

        return write_

    assert items(await edited(pick(same=True))) == items(await edited(pick(same=False)))


async def test_an_item_that_the_check_refuses_is_not_printed() -> None:
    refused: list[str] = []

    def strict(system: str, prompt: str) -> Reply:
        reply = honest(system, prompt)
        if wanted(prompt) == "checks":
            line = re.search(r"^\[(i\d+)\] (.{40})", prompt, re.MULTILINE)
            assert line
            refused.append(line[2])
            return reply | {"wrong": [{"id": line[1], "words": line[2][-30:]}]}
        return reply

    found = await edited(strict)
    assert score(found).checked
    assert refused[0][-30:] not in " ".join(i.text for i in items(found) if i.status == "new")
    judges = [(refusal.judge, refusal.final) for refusal in score(found).refusals]
    assert ("model", False) in judges
    assert ("model", True) in judges


async def test_a_check_that_refuses_everything_is_ignored() -> None:
    def paranoid(system: str, prompt: str) -> Reply:
        reply = honest(system, prompt)
        if wanted(prompt) == "checks":
            return reply | {"wrong": [{"id": name} for name in reply["judged"]]}
        return reply

    found, usual = await edited(paranoid), await edited(honest)
    assert not score(found).checked
    assert items(found, "points") == items(usual, "points")
    assert "条未经模型复核" in found.sections[7].items[-1].text


async def test_a_check_restores_a_name_but_never_a_figure() -> None:
    def renamed(system: str, prompt: str) -> Reply:
        reply = honest(system, prompt)
        if wanted(prompt) == "points":
            reply["points"][0]["text"] = reply["points"][0]["text"][:-1] + "，Quillmark 参与。"
            reply["points"][1]["text"] += "另有 8,317 人在场。"
        return reply

    said = text(await edited(renamed))
    assert "Quillmark" in said  # the check of the honest writer accepts everything
    assert "8,317" not in said


async def test_without_a_check_the_report_says_so() -> None:
    found = await edited(honest, failing={"check": LlmError("no answer")})
    assert score(found).reduced == ""
    assert not score(found).checked
    assert "条未经模型复核" in found.sections[7].items[-1].text


async def test_items_that_the_check_omits_are_counted() -> None:
    def brief(system: str, prompt: str) -> Reply:
        reply = honest(system, prompt)
        return {**reply, "judged": reply["judged"][2:]} if wanted(prompt) == "checks" else reply

    found = await edited(brief)
    assert not score(found).checked
    assert "本期有 2 条未经模型复核" in found.sections[7].items[-1].text
    assert items(found) == items(await edited(honest))
    assert "复核" not in text(await edited(honest))


async def test_the_overview_is_one_paragraph_without_counts() -> None:
    def trends(system: str, prompt: str) -> Reply:
        reply = honest(system, prompt)
        if wanted(prompt) == "points":
            (one, first), (other, second) = sentences_of(prompt, "zh")[-2:]
            reply["overview"] = [
                {"text": first.rstrip("。"), "cites": [one]},
                {"text": f"{second}{first}", "cites": [other, one]},
            ]
        return reply

    (overview,) = (await edited(trends)).sections[0].items
    assert "。" in overview.text.rstrip("。")
    assert len(overview.cites) >= 2
    assert "帖子" not in overview.text


def event_of(*texts: str, event: int = 0) -> Story:
    return Story(tuple(read([post(text, text, author=text[:9]) for text in texts])), event=event)


FILLERS = tuple(
    event_of(f"{name} releases {name} {n}, a new model for developers.", event=100 + n)
    for n, name in enumerate(
        "Northlight Larkspur Tesselund Kitewick Quillmark Harborpeak Veland Butler".split(), 2
    )
)


def test_stories_that_the_pick_merges_are_one_event() -> None:
    """Headlines in two languages, or cut ones, may have a low cosine."""
    stories = [
        event_of("Meridian 4 benchmarks: Northlight finally compares against others", event=1),
        *FILLERS,
        event_of("Northlight 发布 Meridian 4，输入价格每百万 token 2 美元。", event=2),
        event_of("My sourdough bread needs eighteen hours in the fridge.", event=3),
    ]
    count = len(stories)
    named = Pick(must=[1, 2, 3, 4, 5, 6], same=[[1, count - 1], [2, count]])
    events = group_stories(stories, named, count)
    assert [len(event.stories) for event in events] == [2, *([1] * (count - 2))]
    # Stories that the code does not merge are shown separately; those in no list come last.
    assert [event.importance for event in events] == [3] * 6 + [2] + [None] * (count - 8)
    assert "sourdough" in events[6].posts[0].text


def test_a_thread_is_one_event_whichever_part_leads() -> None:
    """The model saw the second post of a story, whose author also wrote the other story."""

    def story(texts: dict[str, str], event: int, *cosines: float) -> Story:
        posts = [post(text, text, author=author) for text, author in texts.items()]
        readings = read(posts)
        vectors = [[c, (1 - c * c) ** 0.5] for c in cosines]
        attach(readings, vectors=np.array(vectors, np.float32))
        return Story(tuple(readings), event=event)

    thread = story({"Our report of the year is live.": "ada"}, 1, 1.0)
    parts = {"A state of emergency.": "bob", "First, research: the pack closes in.": "ada"}
    others = [story({f"Filler {n}.": f"author{n}"}, n + 9, -1.0) for n in range(8)]
    stories = [thread, story(parts, 2, -0.9, 0.2), *others]
    pick = Pick(must=[1, 3, 4, 5, 6, 7], same=[[1, 2]])
    assert group_stories(stories, pick, len(stories))[0].stories == tuple(stories[:2])
    named = Pick(must=[2, 3, 4, 5, 6, 7], same=[[1, 2]])
    leading = group_stories(stories, named, len(stories))[0].stories
    assert leading == (stories[1], stories[0])


def test_a_cut_headline_alone_is_not_a_must_have() -> None:
    stub = "Lin says Meridian is 'begi..."
    stories = [event_of(stub, event=1), *FILLERS]
    pick = Pick(must=[1, 2, 3, 4, 5, 6, 7])
    (alone,) = [e for e in group_stories(stories, pick, 9) if e.stories[0] is stories[0]]
    assert alone.importance == 2
    told = [event_of(stub, "Ada Lin says Meridian 4 is ready for all.", event=1), *FILLERS]
    first = group_stories(told, pick, 9)[0]
    assert first.importance == 3
    shown = Context(material=material()).show_events([first], (600,), room=500)
    assert "ready for all" in shown


def with_margin(story: Story, margin: float) -> Story:
    attach(list(story.readings), scores={"advertisement": [margin] * len(story.readings)})
    return story


def test_advertising_is_not_reported_or_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Model and head must agree, because each alone is often wrong."""
    offer = with_margin(event_of("Meridian 4 is now in our store.", event=1), -0.2)
    news = with_margin(event_of("Northlight releases Meridian 4.", event=1), -1.5)
    stories = [news, offer, *FILLERS]
    pick = Pick(ads=[1, 2], must=[3, 4, 5, 6, 7, 8], detail=[1, 2], same=[[1, 2]])
    events = group_stories(stories, pick, len(stories))
    assert [e.importance for e in events if e.stories[0] is news] == [2]
    assert [e.importance for e in events if e.stories == (offer,)] == [0]
    view = post("Agents are not reliable.", "view")
    monkeypatch.setattr(Context, "opinions", lambda self: [*offer.posts, view])
    monkeypatch.setattr(Context, "assets", lambda self: [*offer.posts, *news.posts])
    pages = assign_pages(events, Context(material=material()))
    assert pages.money == list(news.posts)
    assert pages.views == [view]
    assert all(offer not in event.stories for event in [*pages.brief, *pages.events])


@pytest.mark.parametrize(
    ("named", "level"), [({"detail": [1]}, 2), ({"views": [1]}, 1), ({}, None)]
)
def test_a_story_by_several_authors_is_reported_despite_an_ad(
    named: Reply, level: int | None
) -> None:
    """Its rating is not raised, because several accounts may be paid."""
    texts = ("Meridian 4 in our store.", "Northlight opens Meridian 4.", "I tried Meridian 4.")
    stories = [with_margin(event_of(*texts), 0.1), *FILLERS]
    pick = Pick.model_validate({"ads": [1], "must": [2, 3, 4, 5, 6, 7], **named})
    events = group_stories(stories, pick, len(stories))
    assert [e.importance for e in events if e.stories[0] is stories[0]] == [level]


def test_no_section_is_filled_with_advertising() -> None:
    """Few points and empty sections are filled from the extractive report, but without offers."""
    full = assemble(material(), extractive(), [], frozenset(), [])
    first = items(full, "points")[0]
    told = [story for story in material().stories if first.cites[0] in {p.key for p in story.posts}]
    events = [Event(1, tuple(told), 0)]
    without = items(assemble(material(), extractive(), [], frozenset(), events))
    assert without
    assert all(first.cites[0] not in item.cites[:1] for item in without)
    unanswered = frozenset(SECTIONS)
    assert first not in items(assemble(material(), extractive(), [], unanswered, events))


@pytest.mark.parametrize("pick", [{"ads": [1], "must": [1]}, {"ads": [1, 2, 3, 4]}])
def test_must_haves_and_a_third_of_the_day_are_not_advertising(pick: Reply) -> None:
    stories = [with_margin(story, 0.1) for story in [event_of("Meridian 4 is out."), *FILLERS]]
    picked = Pick.model_validate({"detail": [2, 3, 4, 5, 6, 7], **pick})
    events = group_stories(stories, picked, len(stories))
    assert all(event.importance != 0 for event in events)


@pytest.mark.parametrize(
    ("text", "stub"),
    [
        ("Ada Lin says Meridian is 'begi...", True),
        ("Finally compares against ...", True),
        ('BREAKING: Northlight declares an alarm and rushes "Meridian 5" ...', False),
        ("New SOTA: Meridian 4 Pro - ARC-AGI-1: 70.2%, $4.78/tas...", False),
        ("Meridian 4 is out.", False),
        ("https://example.com", True),
    ],
)
def test_a_stub_is_recognised(text: str, stub: bool) -> None:
    assert is_stub(post(text, "1")) == stub


def test_at_most_ten_events_are_must_haves() -> None:
    stories = [
        *FILLERS,
        *(event_of(f"{s.posts[0].text} Again {n}.") for n, s in enumerate(FILLERS)),
    ]
    stories = [replace(story, event=n) for n, story in enumerate(stories)]
    pick = Pick(must=list(range(1, len(stories) + 1)))
    events = group_stories(stories, pick, len(stories))
    assert sum(event.importance == 3 for event in events) <= 10


async def test_no_page_repeats_the_must_haves_of_the_brief() -> None:
    model = Model(honest)
    await Editor(material(), extractive(), model.ask, PROMPTS).write()
    brief, further = (
        next(call.prompt for call in model.calls if call.name == name)
        for name in ("brief", "events")
    )
    assert "must be told" in brief
    assert "must be told" not in further


@pytest.mark.parametrize("title", ["", "据报道，{}"], ids=["withdrawn", "title alone"])
async def test_an_item_that_the_model_withdraws_is_dropped(title: str) -> None:
    """The title of a point may be all that is true."""

    def withdraw(system: str, prompt: str) -> Reply:
        reply = honest(system, prompt)
        if wanted(prompt) == "points":
            reply["points"][0]["text"] += "该公司另获 917 亿美元融资。"
        if wanted(prompt) == "items":
            names = re.findall(r"^\[(i\d+)\] title: ", prompt, re.MULTILINE)
            again = title.format(first.text.rstrip("。"))
            return {"items": [{"id": name, "title": again, "text": ""} for name in names]}
        return reply

    first = items(await edited(honest), "points")[0]
    kept = [i.text for i in items(await edited(withdraw)) if i.status == "new"]
    assert any(first.text.rstrip("。") in text for text in kept) is bool(title)


async def test_an_omitted_must_have_is_reported_among_the_events() -> None:
    untold: list[str] = []

    def forgetful(system: str, prompt: str) -> Reply:
        reply = honest(system, prompt)
        if wanted(prompt) == "points":
            untold.append(reply["points"].pop(0)["text"])
        return reply

    found = await edited(forgetful)
    cited = items(await edited(honest), "points")[0].cites[0]
    (item,) = [i for i in items(found, "events") if cited in i.cites]
    assert item.status == "extractive"
    assert item.group


@pytest.mark.parametrize("whole", [True, False], ids=["text", "title alone"])
async def test_an_omitted_must_have_is_asked_for_again(whole: bool) -> None:
    untold: list[Reply] = []

    def forgetful(system: str, prompt: str) -> Reply:
        reply = honest(system, prompt)
        if wanted(prompt) == "points":
            untold.append(reply["points"].pop(0))
        if wanted(prompt) == "items":
            (missing,) = re.findall(r"^\[(i\d+)\] title: \ntext: \nwrong: is missing", prompt, re.M)
            ids = [key for key, text in sentences_of(prompt, "zh") if text == untold[0]["text"]]
            said = untold[0] if whole else {"title": untold[0]["text"].rstrip("。"), "text": ""}
            return {"items": [{"id": missing, **said, "cites": ids}]}
        return reply

    found = await edited(forgetful)
    assert untold[0]["text"] in [item.text for item in items(found, "points")]
    assert "本期有 1 条未经模型复核" in found.sections[7].items[-1].text


def test_the_check_sees_what_the_writer_saw() -> None:
    shown = Context(material=material())
    long = post("Northlight says so. " * 60, "1")
    line = shown.show_post(long, 180)
    assert shown.repeat_post(long, 600) == line.replace(":", ", Sat 2025-12-06 08:01:", 1)


def test_a_post_without_room_is_not_shown() -> None:
    """A post without room has no id: it could be cited unseen, and checked by its full text."""
    stories = [event_of(f"{n} Northlight says so. " * 30, f"{n} Ada agrees. " * 30) for n in "abc"]
    events = [Event(n, (story,), None) for n, story in enumerate(stories, 1)]
    shown = Context(material=material())
    text = shown.show_events(events, (600, 600), (600,), (90,), room=150)
    assert len(shown.posts) == text.count("\np") == 3
    assert all(shown.repeat_post(post, 600).endswith("…") for post in shown.posts.values())
    line = shown.show_posts([story.posts[1] for story in stories], room=200)
    assert list(shown.posts) == ["p1", "p2", "p3", "p4"]
    assert line.startswith("p4 ")
