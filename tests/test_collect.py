"""Rounds of sources: failures, stand-ins, health, money, and what a report says of it (F46 to F49)."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from digest import collect as collecting
from digest.collect import (
    apply_changes,
    backoff,
    collect,
    compute_allowance,
    group_fallbacks,
    list_sources,
)
from digest.errors import DigestError
from digest.fetch import http
from digest.models import Report, SourceSpec, Topic, Window
from digest.pipeline import run
from digest.sources import Access
from digest.store import Store
from digest.store.source_tables import Change, Reads, SourceBook
from tests import FULL
from tests.posts import TOPIC
from tests.source_servers import Server, hang, rss, serving, status
from tests.x_server import KEY, XServer

ACCESS = Access(x_token=KEY, x_reads_month=10_000)
NOW = datetime.now(UTC)
TODAY = NOW.date()
YESTERDAY = TODAY - timedelta(days=1)
NEWS = (
    "Northlight releases Meridian {n} Pro, an AI model that scores 8{n}.2% on HardMath at half the price",
    "Regulators in Veland fine Kitewick Robotics ${n} million after its AI robot leaked footage of homes",
    "The Alder Institute publishes paper {n} that cuts the cost of training language models by 6{n}%",
)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    async with await Store.open(store_url) as opened:
        yield opened


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    monkeypatch.setattr(http, "SECONDS", 3.0)
    async with serving() as made:
        yield made


def at(day: date, hour: int = 12) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=hour)


def feed(n: int, day: date = YESTERDAY) -> bytes:
    text = NEWS[n % 3].format(n=n)
    return rss(
        [(text, f"https://news{n}.example.com/{day}", at(day), f"<p>{text}.</p>")], f"Feed {n}"
    )


def of(*specs: SourceSpec) -> Topic:
    return replace(TOPIC, sources=specs)


def at_path(server: Server, path: str, **more: object) -> SourceSpec:
    return replace(SourceSpec("rss", server.url(path), private=True), **more)  # type: ignore[arg-type]


def twenty(server: Server) -> Topic:
    for n in range(20):
        server.serve(f"/f{n}", feed(n))
    return of(*(at_path(server, f"/f{n}") for n in range(20)))


async def report(topic: Topic, store: Store, day: date = YESTERDAY, now: datetime = NOW) -> Report:
    return await run(
        topic,
        Window(day, day, "UTC"),
        store=store,
        posts_files=(),
        progress=lambda *_: None,
        now=now,
        access=ACCESS,
    )


def said(made: Report) -> str:
    return " ".join(item.text for section in made.sections for item in section.items)


async def test_one_of_twenty_fails_and_is_named(store: Store, server: Server) -> None:
    topic = twenty(server)
    server.paths["/f7"] = status(500)
    made = await report(topic, store)
    assert made.counts.collected == 19
    assert "20 个来源中有 19 个应答" in said(made)
    [missing] = [source for source in made.sources if not source.ok]
    assert missing.name.endswith("/f7")
    assert missing.name in said(made)
    assert "answered 500" in missing.note


async def test_all_fail_and_there_is_no_report(store: Store, server: Server) -> None:
    topic = twenty(server)
    server.trouble = status(503)
    with pytest.raises(DigestError, match="no source of ai answered"):
        await report(topic, store)
    assert await store.load_latest("ai") is None


async def test_all_fail_later_and_what_came_before_is_told(store: Store, server: Server) -> None:
    topic = twenty(server)
    await collect(topic, store=store, access=ACCESS, now=NOW)
    server.trouble = status(503)
    made = await report(topic, store, TODAY - timedelta(days=1))
    assert made.counts.collected == 20
    assert all(source.ok for source in made.sources)


async def test_a_source_that_hangs_holds_up_nobody(store: Store, server: Server) -> None:
    topic = twenty(server)
    server.paths["/f3"] = hang
    began = time.monotonic()
    made = await report(topic, store)
    assert time.monotonic() - began < 40
    [missing] = [source for source in made.sources if not source.ok]
    assert "no complete answer within 3 s" in missing.note
    assert made.counts.collected == 19


async def test_a_round_ends_whoever_has_not_answered(
    store: Store, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "SECONDS", 30.0)
    monkeypatch.setattr(collecting, "ROUND_SECONDS", 1.0)
    server.serve("/a", feed(1))
    server.paths["/b"] = hang
    topic = of(at_path(server, "/a"), at_path(server, "/b"))
    results = await collect(topic, store=store, access=ACCESS, now=NOW)
    assert [(r.ok, r.note) for r in results] == [(True, ""), (False, "too slow")]


async def test_a_report_of_a_day_that_is_stored_asks_nobody(store: Store, server: Server) -> None:
    topic = twenty(server)
    await collect(topic, store=store, access=ACCESS, now=NOW)
    server.asked.clear()
    made = await report(topic, store)
    assert server.asked == []
    assert len(made.sources) == 20


async def test_a_day_that_was_not_over_at_the_last_round_is_completed(
    store: Store, server: Server
) -> None:
    topic = of(at_path(server, "/a"))
    server.serve("/a", feed(1, TODAY))
    await collect(topic, store=store, access=ACCESS, now=NOW)
    evening = rss(
        [
            (NEWS[1].format(n=8), "https://late.example.com/", at(TODAY, 23), ""),
            (NEWS[0].format(n=1), "https://news1.example.com/", at(TODAY), ""),
        ]
    )
    server.serve("/a", evening)
    made = await report(topic, store, TODAY, NOW + timedelta(days=1))
    assert made.counts.collected == 3


async def test_days_long_gone_are_not_asked_for(store: Store, server: Server) -> None:
    topic = twenty(server)
    with pytest.raises(DigestError, match="shows that day any more"):
        await report(topic, store, TODAY - timedelta(days=30))
    assert server.asked == []


async def test_failures_of_today_say_nothing_of_days_long_gone(
    store: Store, server: Server
) -> None:
    server.trouble = status(500)
    topic = of(at_path(server, "/a"), SourceSpec("sample"))
    await collect(topic, store=store, access=ACCESS, now=NOW)
    made = await report(topic, store, date(2025, 12, 6))
    assert [(source.name, source.ok) for source in made.sources] == [("sample", True)]


async def test_a_source_that_is_off_is_named_until_it_is_taken_away(
    store: Store, server: Server
) -> None:
    server.serve("/a", feed(1))
    server.paths["/b"] = status(410)
    topic = of(at_path(server, "/a"), at_path(server, "/b"))
    await collect(topic, store=store, access=ACCESS, now=NOW)
    later = NOW + timedelta(days=5)
    await collect(topic, store=store, access=ACCESS, now=later)
    found = await collecting.list_answers(
        topic,
        Window(later.date(), later.date(), "UTC"),
        {},
        (),
        store=store,
        access=ACCESS,
        today=later,
    )
    assert [(source.ok, "410" in source.note) for source in found] == [(False, True)]


async def test_stand_ins_are_asked_in_their_order(store: Store, server: Server) -> None:
    server.serve("/third", feed(3))
    server.paths["/second"] = status(500)
    first = at_path(server, "/first")
    second = at_path(server, "/second", fallback_for=first.address)
    third = at_path(server, "/third", fallback_for=first.address)
    topic = of(first, second, third)
    results = await collect(topic, store=store, access=ACCESS, now=NOW)
    assert [result.ok for result in results] == [False, False, True]
    server.serve("/first", feed(1))
    server.asked.clear()
    results = await collect(topic, store=store, access=ACCESS, now=NOW)
    assert [result.ok for result in results] == [True]
    assert [request.path for request in server.asked] == ["/first"]


def test_a_stand_in_of_a_stand_in_follows_it() -> None:
    one, two = (
        SourceSpec("x", "list:1"),
        SourceSpec("rss", "https://a.example/", fallback_for="list:1"),
    )
    three = SourceSpec("hackernews", fallback_for="https://a.example/")
    alone = SourceSpec("sample", fallback_for="list:9")
    assert group_fallbacks((one, alone, two, three)) == [[one, two, three], [alone]]


async def test_one_post_through_two_providers_is_one(store: Store, server: Server) -> None:
    link = "https://x.com/ada/status/1978777949051420918"
    text = NEWS[0].format(n=3)
    for name, bridge in (("/a", link), ("/b", link.replace("x.com", "nitter.example.net"))):
        server.serve(name, rss([(text[:40], bridge, at(YESTERDAY), f"<p>{text}</p>")]))
    topic = of(at_path(server, "/a"), at_path(server, "/b"))
    made = await report(topic, store)
    assert made.counts.collected == 1
    assert list(made.posts) == ["x:1978777949051420918"]


async def test_the_same_posts_next_day_are_not_told_again(store: Store, server: Server) -> None:
    topic = of(at_path(server, "/a"))
    before = YESTERDAY - timedelta(days=1)
    old = (NEWS[0].format(n=1), "https://lab.example.com/1", at(before), "")
    server.serve("/a", rss([old]))
    first = await report(topic, store, before)
    assert "rss:lab.example.com/1" in first.posts
    again = (old[0], old[1], at(YESTERDAY), "")  # the same id under a new date
    new = (NEWS[1].format(n=2), "https://lab.example.com/2", at(YESTERDAY), "")
    server.serve("/a", rss([new, again]))
    await collect(topic, store=store, access=ACCESS, now=NOW)
    second = await report(topic, store, YESTERDAY)
    assert list(second.posts) == ["rss:lab.example.com/2"]


async def test_gone_is_switched_off_with_a_note(store: Store, server: Server) -> None:
    topic = of(at_path(server, "/a"))
    server.paths["/a"] = status(410)
    [result] = await collect(topic, store=store, access=ACCESS, now=NOW)
    assert "permanently gone" in result.note
    server.serve("/a", feed(1))
    server.asked.clear()
    [result] = await collect(topic, store=store, access=ACCESS, now=NOW, patient=False)
    assert (result.ok, server.asked) == (False, [])
    assert "permanently gone" in result.note
    await SourceBook(store).save_changes(topic, topic.sources, added=True, by="ada", now=NOW)
    [result] = await collect(topic, store=store, access=ACCESS, now=NOW)
    assert result.ok


async def test_unchanged_and_moved_are_remembered(store: Store, server: Server) -> None:
    topic = of(at_path(server, "/old"))
    server.paths["/old"] = status(308, {"location": "/new"})
    server.serve("/new", feed(1), {"etag": '"1"'})
    await collect(topic, store=store, access=ACCESS, now=NOW)
    server.asked.clear()
    await collect(topic, store=store, access=ACCESS, now=NOW)
    [request] = server.asked
    assert (request.path, request.headers["if-none-match"]) == ("/new", '"1"')
    server.paths["/new"] = status(304)
    [result] = await collect(topic, store=store, access=ACCESS, now=NOW)
    assert (result.ok, result.posts) == (True, 0)


async def test_a_source_that_fails_again_and_again_is_left_in_peace(
    store: Store, server: Server
) -> None:
    topic = of(at_path(server, "/a"))
    server.trouble = status(500)
    for _ in range(collecting.PATIENCE + 2):
        await collect(topic, store=store, access=ACCESS, now=NOW)
    assert len(server.asked) == collecting.PATIENCE
    [how] = (await SourceBook(store).load_health("ai", TODAY)).values()
    assert how.failures == collecting.PATIENCE
    assert how.next_at
    assert how.next_at > datetime.now(UTC) + timedelta(minutes=10)
    assert how.answered_at is None
    # By hand it is asked all the same, and one answer makes it well again.
    server.trouble = None
    server.serve("/a", feed(1))
    [result] = await collect(topic, store=store, access=ACCESS, now=NOW, patient=False)
    assert result.ok
    [how] = (await SourceBook(store).load_health("ai", TODAY)).values()
    assert (how.failures, how.error, how.next_at) == (0, "", None)
    assert how.posts_a_day == 1
    assert how.seconds is not None


async def test_who_asks_to_wait_is_no_failure(store: Store, server: Server) -> None:
    topic = of(at_path(server, "/a"))
    server.trouble = status(429, {"retry-after": "600"})
    for _ in range(3):
        await collect(topic, store=store, access=ACCESS, now=NOW)
    assert len(server.asked) == 1
    [how] = (await SourceBook(store).load_health("ai", TODAY)).values()
    assert how.failures == 0


def test_the_wait_doubles_and_ends() -> None:
    assert backoff(3) == timedelta(minutes=15)
    assert backoff(4) == timedelta(minutes=30)
    assert backoff(50) == timedelta(hours=12)


async def test_a_fault_in_one_source_costs_only_that_one(
    store: Store, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.serve("/a", feed(1))
    monkeypatch.setattr("digest.sources.hackernews.HackerNews.fetch", lambda *_: 1 / 0)
    topic = of(SourceSpec("hackernews"), at_path(server, "/a"))
    results = await collect(topic, store=store, access=ACCESS, now=NOW)
    assert [result.ok for result in results] == [False, True]
    assert "ZeroDivisionError" in results[0].note


def test_changes_in_a_chat_lie_over_the_file() -> None:
    base = (SourceSpec("rss", "https://a.example/", private=True), SourceSpec("hackernews"))
    new = SourceSpec("rss", "https://b.example/", 2.0)
    changes = [
        Change(SourceSpec("hackernews"), False, "ada"),
        Change(new, True, "ada"),
        Change(SourceSpec("rss", "https://a.example/"), True, "ada"),
    ]
    assert apply_changes(base, changes) == (base[0], new)


async def test_changes_are_kept(store: Store) -> None:
    topic = of(SourceSpec("hackernews"))
    book, new = SourceBook(store), SourceSpec("rss", "https://b.example/", 2.0)
    await book.save_changes(topic, [new], added=True, by="ada", now=NOW)
    await book.save_changes(topic, [SourceSpec("hackernews")], added=False, by="ada", now=NOW)
    assert await list_sources(topic, store) == (new,)
    assert await book.undo("ai", SourceSpec("hackernews"))
    assert not await book.undo("ai", SourceSpec("hackernews"))
    assert await list_sources(topic, store) == (SourceSpec("hackernews"), new)


async def test_reads_are_counted_once_a_day_and_end_at_the_budget(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = XServer()
    async with serving(x):
        monkeypatch.setattr("digest.sources.x.API", x.base)
        for n in range(260):
            x.add(f"AI model {n}", ago=260 - n)
        topic = of(*(SourceSpec("x", f"list:{n}", private=True) for n in (1, 2)))
        access = Access(x_token=KEY, x_reads_month=600)
        share = compute_allowance(600, Reads(0, 0), NOW)
        for _ in range(2):
            await collect(topic, store=store, access=access, now=NOW)
            spent = await SourceBook(store).count_reads(NOW)
            assert spent == Reads(x.bill, x.bill)
            assert 0 < x.bill <= share
        assert len(await store.load_posts("ai", YESTERDAY, TODAY)) == x.bill - 2, (
            "one user, all the rest posts"
        )


@pytest.mark.parametrize("most", [300, 2_000, 100_000])
@pytest.mark.parametrize("start", [1, 3, 20, 28])
def test_a_month_of_reads_is_never_gone_in_days(most: int, start: int) -> None:
    """A source that takes all it is given, every day from `start` on; it is given whole reads of one page."""
    by_day: list[int] = []
    for day in range(start, 31):
        now, today = datetime(2025, 11, day, 6, tzinfo=UTC), 0
        for _ in range(50):
            left = compute_allowance(most, Reads(sum(by_day) + today, today), now)
            today += left // 2
        by_day.append(today)
        assert compute_allowance(most, Reads(sum(by_day), today), now) <= 1, (
            "all of a day's share can be used"
        )
        assert sum(by_day) <= -(-most * day // 30)
        assert today <= max(most / 10, collecting.TRIAL_READS)
    if start == 1 and most > 300:
        assert sum(by_day[:3]) >= most * 3 / 30 - 30, "and it is not held back either"


async def test_when_the_day_is_spent_the_next_day_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = XServer()
    async with serving(x):
        monkeypatch.setattr("digest.sources.x.API", x.base)
        for n in range(400):
            x.add(f"AI model {n}", ago=400 - n)
        topic = of(SourceSpec("x", "list:1", private=True))
        access = Access(x_token=KEY, x_reads_month=2_000)
        old = NOW - timedelta(days=NOW.day - 1)  # the first of this month
        monkeypatch.setattr(collecting, "datetime", _at(old))
        for _ in range(5):
            [result] = await collect(topic, store=store, access=access, now=old)
        assert not result.ok
        assert "no reads are left for today" in result.note
        assert 50 < x.bill <= 72, "a 31st of the month's, or a little more in a shorter one"
        asked = len(x.asked)
        await collect(topic, store=store, access=access, now=old + timedelta(minutes=5))
        assert len(x.asked) == asked, "and it asks nobody until there is more"
        monkeypatch.setattr(collecting, "datetime", _at(old + timedelta(days=1)))
        [result] = await collect(topic, store=store, access=access, now=old + timedelta(days=1))
        assert result.ok
        assert result.posts


def _at(now: datetime) -> type[datetime]:
    """The class datetime of a world where it is `now`."""

    class Fixed(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return now

    return Fixed


KILLS = 8 if FULL else 3
KILLED = """
import sys, digest.collect as c, digest.sources.x as x
c.TURN_SECONDS, x.API = 0.5, sys.argv.pop()
from bot.__main__ import main
main()
"""


@pytest.mark.parametrize("address", ["list:42", "user:ada", "search:model"])
async def test_a_collector_killed_at_any_moment_loses_and_pays_nothing_twice(
    tmp_path: Path, address: str
) -> None:
    Path("topics.toml").write_text(
        '[ai]\ntitle = "AI"\nslug = "ai"\n'
        f'sources = [{{ kind = "x", address = "{address}", private = true }}]\n'
    )
    x = XServer(delay=0.05)
    for n in range(900):
        x.add(f"AI model {n}", ago=(900 - n) / 2)
    env = {**os.environ, "X_BEARER_TOKEN": KEY, "X_READS_MONTH": "100000"}
    chance = random.Random(7)  # noqa: S311 (moments to kill at)
    async with serving(x), await Store.open("sqlite:///jianbao.db") as store:
        kills = 0
        for _ in range(40):
            asked = len(x.asked)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", KILLED, "collect", "ai", x.base),
                env=env,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            while len(x.asked) == asked and process.returncode is None and kills < KILLS:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            if process.returncode is None and kills < KILLS:
                await asyncio.sleep(chance.uniform(0, 0.25))
                process.send_signal(signal.SIGKILL)
                kills += 1
            _, errors = await process.communicate()
            if process.returncode == 0:
                break
        assert process.returncode == 0, errors
        assert kills >= 3
        stored = {post.id for _, post in await store.load_posts("ai", YESTERDAY, TODAY)}
        assert stored == {str(post["id"]) for post in x.posts}
        # What X bills: a post once a day. What was sent again was on its way when the process died.
        assert x.bill == 902, "900 posts and their author"
        assert (await SourceBook(store).count_reads(datetime.now(UTC))).month == 902
        assert sum(x.sent.values()) - 900 <= kills * 100
