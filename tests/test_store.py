"""What goes into the store comes out again, on SQLite and on PostgreSQL."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, select

from digest.errors import StoreError
from digest.models import (
    SECTIONS,
    Cited,
    Cost,
    Counts,
    Dropped,
    Item,
    Post,
    Quality,
    Refusal,
    Report,
    Section,
    SourceResult,
    SourceSpec,
    SourceState,
)
from digest.store import Store, StoredTopic
from digest.store.source_tables import SourceBook
from digest.store.tables import reports
from tests.posts import START, TOPIC, post

DAY = date(2025, 12, 6)
PNG = b"\x89PNG\r\n\x1a\n\x00picture"


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    async with await Store.open(store_url) as opened:
        yield opened


def report(first: date = DAY, last: date | None = None, text: str = "A model came out.") -> Report:
    """A report with something in every field."""
    point = Item(text, "Model", "Products", ("x:2", "x:1"), "update")
    note = Item("A quiet day.", status="note")
    return Report(
        topic="ai",
        first=first,
        last=last or first,
        language="zh",
        writer="extractive",
        sections=tuple(
            Section(name, name.title(), (point, note) if name == "points" else ())
            for name in SECTIONS
        ),
        counts=Counts(collected=3, ads=1, stories=1),
        sources=(SourceResult("x", 2), SourceResult("rss", ok=False, note="no answer")),
        cost=Cost(calls=1, prompt_tokens=10, answer_tokens=5, usd=0.25),
        quality=Quality(
            0.9, {"cited": 1.0}, "gate", True, (Refusal("points", "It won.", ("won",), "model"),)
        ),
        renderings={"en": (Section("points", "Key points", (point, note)),)},
        posts={
            "x:2": Cited("ada", "https://example.com/2", "two", START),
            "x:1": Cited("bob", "https://example.com/1", "one", START + timedelta(microseconds=7)),
        },
        wordcounts={"模型": 3, "agent": 2, "Claude Opus 4.5": 1},
        cloud=PNG,
        dropped=(Dropped("x:3", "ads", "giveaway"), Dropped("x:4", "duplicates", "copy", "x:1")),
        created_at=datetime(2025, 12, 7, 9, 30, tzinfo=timezone(timedelta(hours=8))),
    )


def as_read(saved: Report) -> Report:
    return replace(saved, cloud=b"", dropped=())


async def test_a_post_comes_back_as_it_was(store: Store) -> None:
    full = post(
        "新模型 🚀",
        "7",
        url="https://example.com/7",
        lang="zh",
        metrics={"likes": 4, "views": 10**12},
        links=("https://a.example/", "https://b.example/"),
        created_at=datetime(2025, 12, 6, 23, 59, 59, 999999, timezone(timedelta(hours=5))),
    )
    assert await store.save_posts(TOPIC, "x_list", [full]) == 1
    [(stream, found)] = await store.load_posts("ai", DAY, DAY)
    assert (stream, found) == ("x_list", full)
    assert found.created_at.tzinfo is UTC


async def test_posts_come_by_time_then_key_and_only_of_the_days_and_topic(store: Store) -> None:
    same_time = [post("t", id, created_at=START) for id in ("b", "B", "_", "é", "10", "9")]
    earlier = post("early", "z", created_at=START - timedelta(microseconds=1))
    yesterday = post("old", "y", created_at=START - timedelta(days=1))
    await store.save_posts(TOPIC, "s", [*same_time, earlier, yesterday])
    await store.save_posts(replace(TOPIC, name="chips"), "s", [post("other", "c")])
    found = [p.id for _, p in await store.load_posts("ai", DAY, DAY)]
    assert found == ["z", "10", "9", "B", "_", "b", "é"]
    assert len(await store.load_posts("ai", DAY - timedelta(days=1), DAY)) == 8
    assert await store.load_posts("ai", DAY + timedelta(days=1), date.max) == []


async def test_a_better_copy_is_merged_into_the_post(store: Store) -> None:
    short = post("a longer …", "1", metrics={"likes": 5, "views": 10}, links=("https://t.co/1",))
    longer = replace(short, text="a longer text", metrics={"likes": 3, "replies": 2}, links=())
    third = post("also new", "2")
    assert await store.save_posts(TOPIC, "first", [short]) == 1
    assert await store.save_posts(TOPIC, "second", [longer, third, third]) == 1
    assert await store.save_posts(TOPIC, "third", [replace(short, text="another")]) == 0
    (stream, merged), (other, _) = await store.load_posts("ai", DAY, DAY)
    assert (stream, other) == ("first", "second")
    # the third text is no more of it: only the stream a post came in corrects it
    assert (merged.text, merged.links) == ("a longer text", ())
    assert merged.metrics == {"likes": 5, "views": 10, "replies": 2}


async def test_a_site_s_own_wording_of_its_page_wins(store: Store) -> None:
    short = post("Ada left.", "1", url="https://www.lab.example/ada")
    early = replace(short, created_at=START - timedelta(days=1), author_name="Planet")
    for stream, copy, told in (
        ("planet.example/feed", replace(early, text="Ada left. Alas"), "Planet: Ada left. Alas"),
        ("stranger.example", replace(short, text="Ada left. Alas, no"), "Planet: Ada left. Alas"),
        ("lab.example/news", short, "Ada: Ada left."),
        ("planet.example/feed", early, "Ada: Ada left."),
        ("lab.example/all 2", replace(short, text="Ada left. Bye."), "Ada: Ada left. Bye."),
    ):
        await store.save_posts(TOPIC, stream, [copy], stream.partition("/")[0])
        [(_, found)] = await store.load_posts("ai", DAY - timedelta(days=1), DAY)
        assert f"{found.author_name}: {found.text}" == told
    [(stream, _)] = await store.load_posts("ai", DAY, DAY)
    assert stream == "lab.example/news"
    whole = post("Bob left. He was the last.", "2", url="https://lab.example/bob")
    teaser = replace(whole, text="Bob left…")
    for stream, copy, site in (("archive", whole, ""), ("lab.example", teaser, "lab.example")):
        await store.save_posts(TOPIC, stream, [copy], site)
    assert ("archive", whole) in await store.load_posts("ai", DAY, DAY)


async def test_a_day_is_a_day_of_the_topic(store: Store) -> None:
    shanghai = replace(TOPIC, timezone="Asia/Shanghai")
    evening = datetime(2025, 12, 6, 15, 59, tzinfo=UTC)
    posts = [post("a", "1", created_at=evening), post("b", "2", created_at=evening), post("c", "3")]
    posts.append(post("d", "4", created_at=evening + timedelta(minutes=1)))
    await store.save_posts(shanghai, "s", posts)
    assert list((await store.count_posts("ai")).items()) == [(DAY, 3), (date(2025, 12, 7), 1)]


async def test_made_up_posts_never_mix_with_real_ones(store: Store) -> None:
    made_up = [
        post("a", str(n), source="sample", created_at=START + timedelta(days=n)) for n in (0, 1)
    ]
    await store.save_posts(TOPIC, "sample", made_up)
    next_day = DAY + timedelta(days=1)
    assert [p.source for _, p in await store.load_posts("ai", DAY, next_day)] == [
        "sample",
        "sample",
    ]
    await store.save_posts(TOPIC, "x", [post("real", "5")])
    assert [p.source for _, p in await store.load_posts("ai", DAY, next_day)] == ["x"]
    assert [p.source for _, p in await store.load_posts("ai", next_day, next_day)] == ["sample"]
    assert await store.count_posts("ai") == {DAY: 1, next_day: 1}


async def test_ten_thousand_posts_are_saved_once(store: Store) -> None:
    posts = [post(f"text {n}", str(n), metrics={"likes": n}) for n in range(10_000)]
    book, file, now = SourceBook(store), SourceSpec("jsonl", "a"), datetime.now(UTC)
    for new in (10_000, 0):
        assert new == await book.save_answer(TOPIC, file, "s", posts, SourceState(), now, 1.0)
    assert await store.save_posts(TOPIC, "s", posts) == 0
    assert await store.count_posts("ai") == {DAY: 10_000}


async def test_two_writers_of_the_same_posts_take_turns(store: Store, store_url: str) -> None:
    posts = [post(f"text {n}", str(n)) for n in range(300)]
    async with await Store.open(store_url) as other:
        new = await asyncio.gather(
            store.save_posts(TOPIC, "a", posts), other.save_posts(TOPIC, "b", posts[::-1])
        )
    assert sorted(new) == [0, 300]
    assert len(await store.load_posts("ai", DAY, DAY)) == 300


async def test_topics_are_those_with_posts_or_reports(store: Store) -> None:
    await store.save_topic(TOPIC)
    assert await store.list_topics() == []
    await store.save_posts(TOPIC, "s", [post("a", "1")])
    await store.save_topic(replace(TOPIC, slug="other"))
    await store.save_report(replace(report(), topic="gone"))
    ai, gone = await store.list_topics()
    assert ai == StoredTopic("ai", {"zh": "人工智能", "en": "AI"}, "other")
    assert (gone.name, gone.title["en"]) == ("gone", "gone")


async def test_a_report_comes_back_whole(store: Store) -> None:
    saved = report()
    await store.save_posts(TOPIC, "x", [post("win a phone", "3")])
    await store.save_report(saved)
    found = await store.load_report("ai", DAY, DAY)
    assert found == as_read(saved)
    assert list(found.wordcounts) == list(saved.wordcounts)
    assert list(found.posts) == list(saved.posts)
    assert await store.load_cloud("ai", DAY, DAY) == PNG
    (ad, its_post), (copy, nothing) = await store.list_dropped("ai", DAY, DAY)
    assert (ad, copy) == saved.dropped
    assert its_post == post("win a phone", "3")
    assert nothing is None


async def test_what_is_not_there(store: Store) -> None:
    await store.save_report(replace(report(), cloud=b"", dropped=(), created_at=None))
    assert (await store.load_report("ai", DAY, DAY)) == replace(as_read(report()), created_at=None)
    assert await store.load_cloud("ai", DAY, DAY) == b""
    assert await store.list_dropped("ai", DAY, DAY) == []
    assert await store.load_report("ai", DAY, DAY + timedelta(days=1)) is None
    assert await store.load_report("chips", DAY, DAY) is None
    assert await store.load_latest("chips") is None
    assert await store.load_posts("chips", DAY, DAY) == []


async def test_reports_are_found_by_day(store: Store) -> None:
    days = [DAY + timedelta(days=n) for n in range(4)]
    for first, last in [(1, 1), (0, 0), (0, 2), (2, 2), (0, 1)]:
        await store.save_report(report(days[first], days[last], f"{first} to {last}"))
    assert await store.list_days("ai") == days[:3]
    assert await store.load_latest("ai") == as_read(report(days[2], days[2], "2 to 2"))
    dailies = await store.load_daily("ai", days[1], days[3])
    assert dailies == [as_read(report(d, d, f"{n} to {n}")) for n, d in enumerate(days[:3]) if n]
    await store.save_report(report(days[0], days[3]))
    newest = await store.load_latest("ai")
    assert newest is not None
    assert (newest.first, newest.last) == (days[0], days[3])


async def _row_id(store: Store) -> int:
    async with store.engine.connect() as connection:
        return int(await connection.scalar(select(reports.c.id)) or 0)


async def test_a_new_version_takes_the_place_of_the_old(store: Store) -> None:
    await store.save_report(report())
    earlier = await _row_id(store)
    shorter = replace(report(text="Better."), cloud=b"", dropped=(), wordcounts={})
    await store.save_report(shorter)
    assert await store.load_report("ai", DAY, DAY) == shorter
    assert await store.load_cloud("ai", DAY, DAY) == b""
    assert await store.list_dropped("ai", DAY, DAY) == []
    assert await _row_id(store) == earlier


async def test_a_failure_half_way_keeps_the_earlier_version(store: Store) -> None:
    await store.save_report(report())
    broken = Dropped("x:9", "ads", None)  # type: ignore[arg-type]
    with pytest.raises(StoreError) as caught:
        await store.save_report(replace(report(text="New."), cloud=b"new", dropped=(broken,)))
    assert "\n" not in str(caught.value)
    assert await store.load_report("ai", DAY, DAY) == as_read(report())
    assert await store.load_cloud("ai", DAY, DAY) == PNG
    assert [drop for drop, _ in await store.list_dropped("ai", DAY, DAY)] == list(report().dropped)


async def test_reading_a_report_is_two_statements_and_no_picture(store: Store) -> None:
    await store.save_report(report())
    asked: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await store.load_latest("ai")
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    reads = [statement for statement in asked if statement.startswith("SELECT")]
    assert len(reads) == 2
    assert not any("clouds" in statement or "drops" in statement for statement in reads)


def shown(text: str) -> str:
    """What may be stored of a text: no NUL, no half of a surrogate pair."""
    return "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in text)


hostile = st.text(
    st.one_of(
        st.characters(exclude_categories=()), st.sampled_from("\0\ud83d\udc00\u202e\ufeff🚀'\\%")
    )
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(hostile, hostile)
async def test_hostile_text_is_stored_not_refused(store: Store, one: str, two: str) -> None:
    bad = Post(one, "x", two, one, two, START, one, two, {one: 1}, (two,))
    a, b = shown(one), shown(two)
    good = Post(a, "x", b, a, b, START, a, b, {a: 1}, (b,))
    topic = replace(TOPIC, name=f"{uuid4()} {two}")
    assert await store.save_posts(topic, one, [bad, bad]) == 1
    assert await store.save_posts(topic, two, [bad]) == 0
    assert await store.load_posts(topic.name, DAY, DAY) == [(a, good)]
    saved = replace(report(text=one), topic=topic.name, wordcounts={two: 1})
    await store.save_report(saved)
    read = await store.load_report(topic.name, DAY, DAY)
    assert read is not None
    assert read.section("points").items[0].text == a
    assert read.wordcounts == {b: 1}


async def test_a_read_leaves_the_loop_alone(store: Store) -> None:
    """A month's reports take a second to build: on the loop, nobody would be answered meanwhile."""
    thread = await store._read(lambda _: threading.get_ident())
    assert thread != threading.get_ident()


async def test_a_server_that_a_cut_network_took_away_is_noticed(store: Store) -> None:
    """The kernel ends such a connection within half a minute, not after two hours."""
    if store.engine.dialect.name != "postgresql":
        return
    async with store.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        settings = raw.info.get_parameters()
    assert settings["tcp_user_timeout"] == "30000"
    assert settings["keepalives_idle"] == "15"


async def test_a_first_answer_with_posts_of_a_week_is_not_the_rate_of_a_day(store: Store) -> None:
    now, book = datetime(2025, 12, 6, 12, tzinfo=UTC), SourceBook(store)
    posts = [post("A post", f"{n}", created_at=now - timedelta(days=n)) for n in range(7)]
    spec = SourceSpec("rss", "https://example.com/feed")
    await book.save_answer(TOPIC, spec, "feed", posts, SourceState(), now, 0.1)
    [health] = (await book.load_health("ai", now.date())).values()
    assert health.posts_a_day == 1
