"""Search of the archive, the same on both databases: names by alias, Chinese by pairs, queries as
plain text."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date

import pytest

from digest.models import SECTIONS, Cited, Hit, Item, Report, Section
from digest.reading.tokens import find_matches, index_text, parse_query, stem_word
from digest.store import Store
from tests.made_replies import strings
from tests.posts import START

DAY = date(2025, 12, 6)
POINTS = (
    Item("英伟达发布新款芯片，售价 1,299 美元。", "芯片", cites=("x:1",)),
    Item("OpenAI released GPT-5.2 with cheaper tokens.", "GPT-5.2", cites=("x:2",)),
    Item("摩尔线程在上海证券交易所上市，首日上涨 425%。", cites=("x:3",)),
    Item("Anthropic acquires Bun, the JavaScript runtime.", cites=("x:4",)),
)
EVENTS = (
    Item("Nvidia announced a new chip for $1,299.", cites=("x:1",)),
    Item("Mistral 3 weights are open.", cites=("x:5", "x:6")),
    Item("今天没有更多。", status="note"),
)
POSTS = {
    f"x:{n}": Cited("ada", f"https://example.com/{n}", text, START)
    for n, text in enumerate(
        ("$NVDA 新卡", "tokens", "沐曦也将上市", "Bun joins", "Le Chat", "apache licence"), 1
    )
}


def make_report(day: date = DAY, topic: str = "ai", points: tuple[Item, ...] = POINTS) -> Report:
    contents = {"points": points, "events": EVENTS}
    sections = tuple(Section(name, name, contents.get(name, ())) for name in SECTIONS)
    return Report(topic, day, day, "zh", "extractive", sections, posts=POSTS)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    async with await Store.open(store_url) as opened:
        await opened.save_report(make_report())
        yield opened


async def find_texts(store: Store, words: str) -> list[str]:
    return [hit.item.text for hit in await store.search(words)]


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("英伟达", 0),
        ("nvidia", 0),
        ("輝達 芯片", 0),
        ("$nvda", 0),
        ("芯片", 0),
        ("1299", 0),
        ("openai release", 1),
        ("GPT 5.2", 1),
        ("gpt5.2", 1),
        ("ＧＰＴ－５.２", 1),
        ("ｎｖｉｄｉａ", 0),
        ("releasing cheap tokens", 1),
        ("上市", 2),
        ("摩尔线程什么时候上市了", 2),
        ("沐曦", 2),
        ("acquired Bun", 3),
        ("who acquires Bun?", 3),
        ("谁上市了？", 2),
    ],
)
async def test_the_first_hit_is_the_item_about_it(store: Store, words: str, place: int) -> None:
    assert (await find_texts(store, words))[0] == POINTS[place].text


async def test_a_hit_has_its_section_and_item(store: Store) -> None:
    (hit,) = await store.search("apache licence")
    assert (hit.topic, hit.first, hit.last, hit.section) == ("ai", DAY, DAY, "events")
    assert hit.item == EVENTS[1]
    assert hit.in_posts
    assert hit.coverage == 1
    stored = await store.load_report("ai", DAY, DAY)
    assert stored
    assert stored.numbered_item(hit.number) == ("events", EVENTS[1])


async def test_an_item_in_two_sections_is_one_hit(store: Store) -> None:
    assert await find_texts(store, "nvidia") == [POINTS[0].text]


@pytest.mark.parametrize(
    "words", ["", "  ", "()", "量子纠缠", "zyxwv", "更多", "Bun zyxwv qqqq rrrr"]
)
async def test_unknown_words_find_nothing(store: Store, words: str) -> None:
    assert await store.search(words) == []


async def test_days_and_topic_limit_the_search(store: Store) -> None:
    later = date(2025, 12, 20)
    await store.save_report(make_report(later))
    await store.save_report(make_report(DAY, "chips"))

    async def days(**bounds: object) -> list[tuple[str, date]]:
        hits: list[Hit] = await store.search("Bun", **bounds)  # type: ignore[arg-type]
        return [(hit.topic, hit.last) for hit in hits]

    assert (await days())[0] == ("ai", later), "the newest comes first"
    assert await days(topic="chips") == [("chips", DAY)]
    assert await days(first=later) == [("ai", later)]
    assert set(await days(last=DAY)) == {("ai", DAY), ("chips", DAY)}
    assert await days(limit=1) == [("ai", later)]


async def test_a_rebuilt_report_is_found_by_its_new_words_only(store: Store) -> None:
    await store.save_report(make_report(points=(Item("Groq 被收购。", cites=("x:1",)),)))
    assert await find_texts(store, "groq") == ["Groq 被收购。"]
    assert await find_texts(store, "acquires bun javascript") == []


async def test_a_second_word_keeps_the_better_hit(store: Store) -> None:
    """The words are in one item each, and a name weighs more than a word."""
    assert set(await find_texts(store, "nvidia runtime")) == {POINTS[0].text, POINTS[3].text}
    assert await find_texts(store, "release Bun") == [POINTS[3].text], "a common word is no half"


async def test_both_languages_of_a_report_are_found(store: Store) -> None:
    english = Section("points", "Key points", (Item("Moore Threads went public."), *POINTS[1:]))
    points = (POINTS[2], *POINTS[1:])
    await store.save_report(replace(make_report(points=points), renderings={"en": (english,)}))
    assert await find_texts(store, "moore threads public") == [POINTS[2].text]


async def test_queries_have_no_operators(store: Store) -> None:
    hostile = strings(120)
    items = tuple(Item(text, cites=(f"x:{n}",)) for n, text in enumerate(hostile))
    await store.save_report(make_report(points=items))
    slowest = 0.0
    for text in (*hostile, 'a" OR head:b*', "NEAR(a b, 2)", "a:* & !b | 'c'", "x^2 -y +z {a b}: c"):
        began = time.perf_counter()
        await store.search(text)
        slowest = max(slowest, time.perf_counter() - began)
    assert slowest < 20, "far more than a search takes"


def test_names_and_forms_share_tokens() -> None:
    assert "@nvidia" in index_text("输给英伟达").split()
    assert "@nvidia" in index_text("$NVDA rose").split()
    assert parse_query("yolo")[0].matches(f" {index_text('PP-YOLOv8 is out')} ")
    forms = ("release", "releases", "released", "releasing")
    assert {stem_word(form) for form in forms} == {"releas"}
    assert stem_word("company") == stem_word("companies")
    assert stem_word("running") == stem_word("run")


def test_matches_are_marked_in_the_text() -> None:
    text = "英伟达与 OpenAI released GPT-5.2。"
    spans = find_matches(text, "nvidia gpt-5.2 release")
    assert [text[start:end] for start, end in spans] == ["英伟达", "released GPT-5.2"]
    assert find_matches(text, "zyxwv") == []


def test_the_clauses_of_a_query_are_limited() -> None:
    assert len(parse_query("naïve 芯片 x1 " * 2000)) <= 24
    assert len(parse_query("人 大 中 国 上 来 发 新 公 模")) <= 4
    assert all(clause.required for clause in parse_query("what about this"))


async def test_an_item_is_found_by_a_translated_statement(
    store: Store,
) -> None:
    english = [
        Item(f"{name} is out.", cites=(key,)) for name, key in (("Kitewick", "x:9"), ("Bun", "x:1"))
    ]
    chinese = (Item("语音模型发布。", cites=("x:1",)), Item("风筝发布。", cites=("x:9",)))
    rendering = (Section("points", "Key points", tuple(english)),)
    await store.save_report(replace(make_report(points=chinese), renderings={"en": rendering}))
    assert await find_texts(store, "kitewick") == ["风筝发布。"]
