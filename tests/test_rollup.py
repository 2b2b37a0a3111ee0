"""Weeks, months and stories: each story once, with its days."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import process_time as time_of_process

import pytest

from bot.commands import answer
from bot.delivery import Deliveries
from bot.messages import Incoming, Reply
from bot.options import apply_options, parse_options
from bot.platforms.terminal import render
from digest.calendar import month_of, week_of
from digest.errors import DigestError
from digest.models import SECTIONS, Chat, Cited, Item, Language, Report, Section, Subscription
from digest.publish.archive import read_post
from digest.publish.exchange import export_reports
from digest.rollup import find_changes, roll_up
from digest.store import Store
from digest.store.ledger import Ledger
from digest.storylines import _read_words, find_storyline, trace_storylines
from tests.hosts import context
from tests.posts import TOPIC
from tests.town import opened

MONDAY = date(2025, 12, 1)


def daily(day: date, *points: Item, language: Language = "en", **others: Item) -> Report:
    """A report of these points, and of one item for each section named."""
    items = {"points": points} | {name: (item,) for name, item in others.items()}
    cites = [key for rows in items.values() for item in rows for key in item.cites]
    return Report(
        "ai",
        day,
        day,
        language,
        "extractive",
        tuple(Section(name, name.title(), items.get(name, ())) for name in SECTIONS),
        posts={
            key: Cited("ada", f"https://x.com/a/status/{key[2:]}", "", datetime.now(UTC))
            for key in cites
        },
        wordcounts={"Meridian": 2, "Model": 1} if day == MONDAY else {"model": 3},
    )


OTHERS = {
    1: ("Basalt ships a faster kernel.", "Quillfish opens in Oslo.", "Tarn hires a chemist."),
    2: ("Ferrowing recalls its drone.", "Lumen translates a novel.", "Osprey drops its fees."),
    3: ("Cobalt wins an auction.", "Heather maps a reef.", "Vantage retires its browser."),
    4: ("Saffron buys a press.", "Juniper delays a launch.", "Marble names a judge."),
}


def fillers(day: int) -> tuple[Item, ...]:
    """Other news, so that words of the story stand out."""
    return tuple(Item(text, cites=(f"x:{day}9{n}",)) for n, text in enumerate(OTHERS[day]))


@pytest.fixture
def days() -> list[Report]:
    """Three days: a round of funding that grows, and other news."""
    first = Item("Northlight Orbit seeks funding of $2 billion for its probe.", cites=("x:1",))
    second = Item("Northlight Orbit closes funding of $3 billion for its probe.", cites=("x:2",))
    third = Item("Northlight Orbit's probe reaches the factory.", "The probe", cites=("x:2", "x:3"))
    return [
        daily(MONDAY, first, *fillers(1)),
        daily(MONDAY + timedelta(days=1), *fillers(2), second),
        daily(MONDAY + timedelta(days=4), third, *fillers(3)),
    ]


def test_a_story_is_linked_by_its_name_and_by_its_posts(days: list[Report]) -> None:
    lines = trace_storylines(days)
    (story,) = [line for line in lines if len(line.tellings) > 1]
    assert [telling.day.day for telling in story.tellings] == [1, 2, 5]
    assert lines[0] is story
    item = days[2].section("points").items[0]
    assert find_storyline(lines, days[2].last, item) is story
    assert find_storyline(lines, days[0].last, item) is None


def test_the_days_around_a_story_are_read_once() -> None:
    days = range(43)
    items = {d: [Item(f"{d} {n} opens", cites=(f"x:{d}-{n}",)) for n in range(60)] for d in days}
    reports = [daily(MONDAY + timedelta(day), *items[day]) for day in days]
    misses = [(trace_storylines(reports), _read_words.cache_info().misses)[1] for _ in "12"]
    assert misses[0] == misses[1]


def test_a_common_company_links_nothing() -> None:
    one = Item("Microsoft opens a data centre in Iowa.", cites=("x:1",))
    other = Item("Microsoft sues a spammer in Texas.", cites=("x:2",))
    reports = [daily(MONDAY, one, *fillers(1)), daily(MONDAY + timedelta(1), other, *fillers(2))]
    assert all(len(line.tellings) == 1 for line in trace_storylines(reports))


def test_a_figure_that_changed_is_shown_with_its_days(days: list[Report]) -> None:
    line = trace_storylines(days)[0]
    [chain] = find_changes(line)
    assert [(day.day, value) for day, value in chain] == [(1, "$2 billion"), (2, "$3 billion")]


def test_a_rival_compared_with_yesterday_is_another_story() -> None:
    voice = "Northlight launches Meridian Voice 1.0, which answers in 180 ms at $0.02 a minute."
    rival = (
        "Larkspur launches Speak 5: it answers in 150 ms at $0.018 a minute, below Meridian Voice."
    )
    one, two = Item(voice, cites=("x:1",)), Item(rival, cites=("x:2",))
    posts = {
        "x:2": Cited("larkspur", "https://e.com/2", rival, None, earlier=MONDAY.isoformat()),
    }
    later = daily(MONDAY + timedelta(1), two)
    later = replace(later, posts={**later.posts, **posts})
    assert len(trace_storylines([daily(MONDAY, one), later])) == 2


def test_an_update_that_begins_with_the_same_name_goes_on_with_its_story() -> None:
    one = Item("Kitewick Robotics raises $1.5 billion to build household robots.", cites=("x:1",))
    two = Item("Kitewick Robotics names the homes of its first pilot in May.", cites=("x:2",))
    posts = {
        "x:2": Cited("kitewick", "https://e.com/2", two.text, None, earlier=MONDAY.isoformat())
    }
    later = daily(MONDAY + timedelta(1), two)
    marked = replace(later, posts={**later.posts, **posts})
    others = [
        daily(MONDAY, one, *(Item(f"{name} opens a shop.") for name in ("Larkspur", "Quarry"))),
    ]
    assert len(trace_storylines([*others, marked])[0].tellings) == 2


def test_an_update_without_a_known_name_goes_on_with_its_story() -> None:
    one = Item(
        "Figure recalls 120 humanoid robots after a joint failed in a plant.", cites=("x:1",)
    )
    two = Item("Figure says 45 of the 120 recalled humanoid robots are repaired.", cites=("x:2",))
    other = Item("Robot taxis start paid rides with 100 cars.", cites=("x:3",))
    marks = {
        key: Cited("fig", f"https://e.com/{key[2:]}", item.text, None, earlier=MONDAY.isoformat())
        for key, item in (("x:2", two), ("x:3", other))
    }
    later = daily(MONDAY + timedelta(2), two, other)
    marked = replace(later, posts={**later.posts, **marks})
    lines = trace_storylines([daily(MONDAY, one, *fillers(1)), marked])
    assert [t.item for line in lines for t in line.tellings if len(line.tellings) > 1] == [one, two]


def test_an_update_in_the_other_language_goes_on_with_its_story() -> None:
    text = "Google Cloud customers can try it today: Anthropic's new Claude Haiku 4.5 runs at a third of the price and twice the speed on every region of the platform, with a free trial for teams."
    one = Item(text, cites=("x:1",))
    two = Item(
        "Claude Haiku 4.5 正式推出，所有用户今天起可用，编程能力接近上一代旗舰模型。",
        cites=("x:2",),
    )
    posts = {
        "x:2": Cited("kitewick", "https://e.com/2", two.text, None, earlier=MONDAY.isoformat())
    }
    later = daily(MONDAY + timedelta(1), two, *fillers(2))
    marked = replace(later, posts={**later.posts, **posts})
    first = daily(MONDAY, one, *fillers(1))
    assert len(trace_storylines([first, marked])[0].tellings) == 2
    assert all(len(line.tellings) == 1 for line in trace_storylines([first, later]))


def test_each_language_tells_the_same_stories(days: list[Report]) -> None:
    """Words of the one language do not link what those of the other do."""
    words = [["发布会在周一。"], ["天气好。", "海里有鱼。"], ["工厂见。"]]
    reports = []
    for report, chinese in zip(days, words, strict=True):
        items = report.section("points").items
        texts = chinese + [f"{report.last}{n}" for n in range(len(items) - len(chinese))]
        spoken = tuple(
            replace(i, text=text, title="") for i, text in zip(items, texts, strict=True)
        )
        sections = [Section(s.name, s.title, spoken if s.items else ()) for s in report.sections]
        reports.append(replace(report, renderings={"zh": tuple(sections)}))
    dates = [[t.day for t in line.tellings] for line in trace_storylines(days)]
    lines = trace_storylines(reports, "zh")
    assert [[telling.day for telling in line.tellings] for line in lines] == dates
    assert lines[0].best.item.text == "工厂见。"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Northlight Orbit has 40 engineers.", "Northlight Orbit has 12 rockets, 40 engineers."),
        ("OpenAI raises $40 billion from SoftBank.", "OpenAI spends $7 billion of SoftBank's."),
        ("Opus 5 scores 80.9% on SWE-bench.", "Opus 5 scores 61.3% on OSWorld."),
        ("Tesla recalls 12,000 Cybertrucks.", "Tesla sells 9,000 Cybertrucks."),
        ("OpenAI 从软银融资 400 亿美元，用于数据中心。", "OpenAI 支付 70 亿美元，用于数据中心。"),
    ],
)
def test_figures_of_different_things_are_no_change(one: str, two: str) -> None:
    rows = [daily(MONDAY + timedelta(n), Item(t, cites=("x:1",))) for n, t in enumerate((one, two))]
    [line] = trace_storylines(rows)
    assert len(line.tellings) == 2
    assert find_changes(line) == []


def test_versions_in_names_are_no_figures_that_change() -> None:
    one = Item("Northlight Orbit 2 costs half the price of Meridian 3.1.", cites=("x:1",))
    two = Item("Northlight: Meridian 3.2 Pro now powers Orbit 2.", cites=("x:1",))
    lines = trace_storylines([daily(MONDAY, one), daily(MONDAY + timedelta(1), two)])
    assert len(lines[0].tellings) == 2
    assert find_changes(lines[0]) == []


def test_a_week_tells_each_story_once_and_names_missing_days(days: list[Report]) -> None:
    week = roll_up(TOPIC, days, *week_of(MONDAY), "en")
    points = [item for item in week.section("points").items if item.status != "note"]
    assert len(points) == 10
    lines = points[0].text.split("\n")
    assert lines[0] == "1 Dec: Northlight Orbit seeks funding of $2 billion for its probe."
    assert lines[1].startswith("2 Dec: ")
    assert lines[2] == "5 Dec: Northlight Orbit's probe reaches the factory."
    assert lines[-1] == "Changed: $2 billion (1 Dec) → $3 billion (2 Dec)"
    assert points[0].cites == ("x:1", "x:2", "x:3")
    assert set(week.posts) >= {"x:1", "x:2", "x:3"}
    note = week.section("points").items[-1].text
    assert "3 daily reports covered 10 stories, 1 of them" in note
    assert "12-03, 12-04, 12-06, 12-07" in note
    assert week.wordcounts == {"model": 7, "Meridian": 2}


def test_the_overview_has_a_line_for_each_day_that_somebody_wrote(days: list[Report]) -> None:
    first = "Three sell shares: Northlight of Oslo, to build a second and larger probe for the moon"
    first += "; Meridian of Rome, for a plant; and Acme of Bonn, which lost its bank last week."
    told = Item(first + " They led" + " on and" * 20 + ".", cites=("x:1",))
    written = replace(
        days[0],
        writer="llm",
        sections=tuple(
            replace(s, items=(told,)) if s.name == "overview" else s for s in days[0].sections
        ),
    )
    week = roll_up(TOPIC, [written, *days[1:]], *week_of(MONDAY), "en")
    [line] = week.section("overview").items
    assert line.text == f"1 Dec: {first}"
    assert line.cites == ("x:1",)


def test_nothing_in_a_week_is_uncited(days: list[Report]) -> None:
    week = roll_up(TOPIC, days, *week_of(MONDAY), "zh")
    for section in week.sections:
        for item in section.items:
            assert item.status == "note" or (item.cites and set(item.cites) <= set(week.posts))


def test_weeks_and_months_of_a_day() -> None:
    assert week_of(date(2025, 12, 7)) == (MONDAY, date(2025, 12, 7))
    assert month_of(date(2024, 2, 10)) == (date(2024, 2, 1), date(2024, 2, 29))
    assert month_of(date(2025, 12, 31))[1] == date(2025, 12, 31)


def test_a_single_report_and_story_are_told_by_their_number() -> None:
    alone = roll_up(
        TOPIC, [daily(MONDAY, Item("A fair opens.", cites=("x:1",)))], *month_of(MONDAY), "en"
    )
    summary = alone.section("points").items[-1].text
    assert summary.startswith("1 daily report covered 1 story. Days without a report: 12-02,")
    assert summary.endswith(", 12-11 and more.")


class Talk:
    """The bot over these days, asked line by line."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.services = context(store, folder)
        self.replies: list[Reply] = []

    async def say(self, line: str) -> str:
        self.replies = [
            one async for one in answer(self.services, Incoming(Chat("t", "c"), "u", line, "en"))
        ]
        return "\n".join(render(one, 100, styled=False) for one in self.replies)

    def buttons(self) -> dict[str, str]:
        """Labels of the last reply with their lines."""
        groups = self.replies[-1].buttons
        return {button.label: button.line for group in groups for button in group}


@pytest.fixture
async def talk(tmp_path: Path, days: list[Report]) -> AsyncIterator[Talk]:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        await store.save_topic(TOPIC)
        for report in (*days, daily(date(2025, 11, 28), *fillers(4))):
            await store.save_report(replace(report, created_at=datetime.now(UTC)))
        yield Talk(store, tmp_path)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/week", "2025-11-29 — 2025-12-05"),
        ("/week 2025-12-03", "2025-12-01 — 2025-12-07"),
        ("/month", "2025-12-01 — 2025-12-31"),
        ("/month 2025-11", "2025-11-01 — 2025-11-30"),
        ("/week 12-01..12-02", "2025-12-01 — 2025-12-02"),
    ],
)
async def test_a_span_is_that_of_the_newest_report_or_of_a_day(
    talk: Talk, line: str, expected: str
) -> None:
    assert expected in (await talk.say(line)).split("\n")[0]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/month 2025-10", "for October. The nearest reports: /month 2025-11, /month 2025-12"),
        ("/week 2025-11-01", "for 27 October to 2 November. The nearest reports: /week 2025-11-28, /week 2025-12-01"),
        ("/report 11-01..11-03", "for 1–3 November. The nearest reports: /report 2025-11-28, /report 2025-12-01, /report 2025-12-02"),
        ("/month 2024-10", "for October 2024. The nearest reports: /month 2025-11, /month 2025-12"),
    ],
)  # fmt: skip
async def test_the_nearest_spans_are_different_ones(talk: Talk, line: str, expected: str) -> None:
    assert expected in " ".join((await talk.say(line)).split())


async def test_sections_sources_and_neighbours_of_a_week_are_a_button_away(talk: Talk) -> None:
    await talk.say("/week 2025-12-03")
    buttons = talk.buttons()
    assert buttons["◀ 11-24–11-30"] == "/week ai 20251124..20251130"
    said = await talk.say(buttons["Source posts"] + " 1")
    assert "Source posts for point 1" in said
    assert "https://x.com/a/status/3" in said
    assert "2025-12-05" in await talk.say(talk.buttons()["Story"])


async def test_a_story_is_found_by_a_number_and_by_words(talk: Talk) -> None:
    by_number = await talk.say("/story 2025-12-05 1")
    assert by_number.index("2025-12-01") < by_number.index("2025-12-02")
    assert "Changed: $2 billion (1 Dec) → $3 billion (2 Dec)" in by_number
    assert await talk.say("/story northlight probe") == by_number
    assert await talk.say(talk.replies[-1].line) == by_number
    assert "No recent report mentions “zebra migration”" in await talk.say("/story zebra migration")
    assert "/story 1" in await talk.say("/story")
    assert "has only 4 points" in await talk.say("/story 9")


async def test_a_story_is_the_one_whose_title_has_the_words(talk: Talk) -> None:
    passing = Item("It has Rivet-2 and 40 more.", title="Nimbus hosts models", cites=("x:80",))
    said = "Acme says that it costs half of what the older one did, and is open to all who ask."
    named = Item(said, title="Acme opens Rivet-2-80B", cites=("x:81",))
    await talk.services.store.save_report(daily(date(2025, 12, 10), passing, named))
    assert "Acme opens Rivet-2-80B" in await talk.say("/story Rivet-2")


async def test_an_endless_line_costs_little(talk: Talk) -> None:
    for command in ("/story", "/week", "/brief"):
        short, endless = f"{command} " + "word " * 40, f"{command} " + "word " * 2000
        seconds: dict[str, list[float]] = {short: [], endless: []}
        for line in (short, endless) * 3:
            began = time_of_process()
            await talk.say(line)
            seconds[line].append(time_of_process() - began)
        assert min(seconds[endless]) < 20 * min(seconds[short])


async def test_a_weekly_chat_gets_the_week_instead_of_the_day(talk: Talk) -> None:
    store, chat = talk.services.store, Chat("discord", "5", kind="group")
    usual = Subscription(chat, "ai", time(9), "UTC", language="en")
    due = datetime(2025, 12, 6, 9, tzinfo=UTC)
    weekly = apply_options(parse_options(["weekly", "sat"], {}), usual)
    assert (weekly.weekly, weekly.weekdays) == (True, (5,))
    await store.subscribe(weekly, due - timedelta(days=3))
    ledger = Ledger(store)
    services = replace(talk.services, now=lambda: due)
    assert await ledger.propose(services.topics, due - timedelta(hours=1)) == 0
    assert await ledger.propose(services.topics, due) == 1
    deliveries = Deliveries(services, services.tell)
    to = opened("discord", "http://127.0.0.1:9")
    assert await deliveries.plan("discord", to) == 1
    await to.close()
    (part,) = await ledger.claim("discord", 1, due)
    body = json.loads(await ledger.load_body(part.id))
    shown = body["embeds"][0]
    assert "2025-11-29 — 2025-12-05" in shown["title"]
    assert "1 Dec: Northlight Orbit seeks funding" in shown["description"]


@pytest.mark.parametrize(
    ("words", "weekly", "weekdays"),
    [
        ("weekly", True, (6,)),
        ("weekly sun", True, (6,)),
        ("mon weekly", True, (0,)),
        ("每周日", True, (6,)),
        ("周报 周五", True, (4,)),
        ("mon-fri", False, (0, 1, 2, 3, 4)),
        ("daily", False, tuple(range(7))),
    ],
)
def test_words_of_the_weekly_rhythm(words: str, weekly: bool, weekdays: tuple[int, ...]) -> None:
    usual = Subscription(Chat("telegram", "5"), "ai", time(8), "UTC")
    chosen = apply_options(parse_options(words.split(), {}), usual)
    assert (chosen.weekly, chosen.weekdays) == (weekly, weekdays)
    back = apply_options(parse_options(["daily"], {}), chosen)
    assert (back.weekly, back.weekdays) == (False, tuple(range(7)))


async def test_a_range_is_exported_under_the_customers_name(talk: Talk, tmp_path: Path) -> None:
    store, week = talk.services.store, week_of(MONDAY)
    folder = tmp_path / "site"
    post, picture, linked = await export_reports(folder, {"ai": TOPIC}, store, "ai", week)
    name = "twitter_ai_20251201_20251207"
    assert post == folder / "_posts" / f"2025-12-07-{name}.md"
    assert {picture.name, linked.name} == {f"wordcloud_{name}.jpg"}
    text = post.read_text(encoding="utf-8")
    assert f'title: "{name}"' in text
    assert "report (2025-12-01 to 2025-12-07)" in text
    assert "1 Dec: Northlight Orbit seeks funding" in text
    back = read_post(post.read_bytes(), post.name).report
    assert (back.first, back.last) == week
    with pytest.raises(DigestError, match="no such report"):
        await export_reports(
            folder, {"ai": TOPIC}, store, "ai", (date(2024, 1, 1), date(2024, 1, 7))
        )
