"""Say a line, read the answer."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.builds import TooMany, make_report
from bot.commands import COMMANDS, answer, reports
from bot.compose import truncate
from bot.messages import Incoming, Picture
from bot.platforms.terminal import render
from bot.services import Services
from bot.settings import Settings
from digest.calendar import closes
from digest.errors import StoreError
from digest.models import Chat, Cost, Dropped, Item, Quality
from digest.select import WEIGHTS
from digest.store import Store
from digest.store.ledger import Ledger
from tests.hosts import NOW, Maker
from tests.posts import TOPIC, post
from tests.samples import DAY, report


@dataclass
class Bot:
    """The bot with a store, spoken to line by line."""

    context: Services
    maker: Maker

    async def may(self) -> bool:
        return True

    async def say(self, line: str, user: str = "u") -> str:
        said = [
            one
            async for one in answer(
                self.context, Incoming(Chat("test", "c"), user, line, configures=self.may)
            )
        ]
        return "\n---\n".join(render(one, 100, styled=False) for one in said)


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        maker = Maker(store)
        yield Bot(
            Services(
                store=store,
                topics={"ai": TOPIC},
                builder=maker,
                settings=Settings(data_dir=tmp_path),
                now=lambda: NOW,
                is_admin=lambda who: who.user_id == "boss",
            ),
            maker,
        )


@pytest.fixture
async def full(bot: Bot) -> Bot:
    store = bot.context.store
    await store.save_topic(TOPIC)
    await store.save_posts(TOPIC, "x_list", [post("A model came out", "1", author="ada")])
    for day in (date(2025, 12, 4), DAY):
        await store.save_report(report(day))
    return bot


async def test_the_brief_has_points_with_their_posts(full: Bot) -> None:
    said = await full.say("/brief")
    assert "2025-12-06 周六" in said
    assert "1.  Meridian 3.2 Pro is out" in said
    assert "@ada <https://x.com/ada/status/1> @bob" in said
    assert "标题views" not in said


@pytest.mark.parametrize(
    ("line", "expected", "absent"),
    [
        ("/detail", "标题views", "标题points"),
        ("/detail points", "Meridian", "标题views"),
        ("/detail 3", "标题views", "标题markets"),
        ("/detail 标题ai", "标题ai", "标题views"),
        ("/views", "Ada (@ada)", "NVDA"),
        ("/stocks", "NVDA fell", "Meridian"),
        ("/stocks $nvda", "NVDA fell", "BTC rose"),
        ("/stocks 英伟达", "NVDA fell", "BTC rose"),
        ("/stocks Nvidia", "NVDA fell", "BTC rose"),
        ("/stocks bitcoin 1", "BTC rose", "NVDA"),
        ("/detail markets 1", "NVDA fell", "BTC rose"),
        ("/crypto", "BTC rose", "NVDA"),
        ("/ai", "标题ai", "NVDA"),
        ("/finance", "标题finance", "NVDA"),
        ("/events", "标题events", "NVDA"),
        ("/brief 1", "Meridian", "Kite"),
        ("/brief@some_bot", "Meridian", "标题views"),
    ],
)
async def test_each_command_shows_its_part(
    full: Bot, line: str, expected: str, absent: str
) -> None:
    said = await full.say(line)
    assert expected in said
    assert absent not in said


async def test_a_ticker_outside_of_the_markets_is_found(full: Bot) -> None:
    told = Item("特斯拉在华推出新车。", cites=("x:2",))
    await full.context.store.save_report(report(DAY, points=(told,)))
    said = await full.say("/stocks TSLA")
    assert "的行情栏目没有提到“TSLA”" in said
    assert "报告的其他栏目提到：" in said
    assert "特斯拉在华推出新车。\n    ↳ @bob <https://x.com/bob/status/2>" in said
    assert "英伟达" not in said


@pytest.mark.parametrize(
    "line", ["/brief ai 2025-12-04 1", "/brief 1 20251204 twitter_ai", "/brief 12月4日 人工智能 1"]
)
async def test_words_come_in_any_order(full: Bot, line: str) -> None:
    said = await full.say(line)
    assert "2025-12-04" in said
    assert "Kite" not in said


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/report 2025-13-40", "/report 2025-12-06"),
        ("/report tomorrow", "/report 2025-12-06"),
        ("/report 2025-W01-1", "/report 2025-12-06"),
        ("/brief nonsense", "/brief 2025-12-06"),
        ("/topics nonsense", "直接发送 /topics"),
        ("/detail nonsense", "5 markets"),
        ("/stocks TSLA", "英伟达 (NVDA)、比特币 (BTC)。 在所有报告中搜索：/search TSLA"),
        ("/stocks 0700", "没有提到“0700”"),
        ("/sources 9", "/sources 1"),
        ("/sources", "/sources 1"),
        ("/breif", "/brief"),
        ("/xyzzy", "/help"),
        ("hello", "/help"),
        ("/", "/help"),
        ("/brief 2024-01-01", "/brief 2025-12-04"),
        ("/report 2020-01-01 2025-12-31", "366"),
        ("/brief 0001-01-01 12月6日", "366"),
    ],
)
async def test_a_wrong_argument_is_answered_with_a_right_one(
    full: Bot, line: str, expected: str
) -> None:
    assert expected in (await full.say(line)).replace("\n", " ")


async def test_a_number_counts_points_and_leaves_the_overview_whole(full: Bot) -> None:
    overview = (Item("首段。", cites=("x:1",)), Item("次段。", cites=("x:2",)))
    await full.context.store.save_report(report(overview=overview))
    said = await full.say("/brief 1")
    assert "次段。" in said
    assert "Meridian" in said
    assert "Kite" not in said


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("短文。", "短文。"),
        ("标题 " + "字" * 100, "标题 " + "字" * 27 + " …"),
        ("字" * 25 + "。" + "字" * 100, "字" * 25 + "。 …"),
        ("It costs 1.2 or so, more or less.", "It costs 1.2 or so, more or …"),
    ],
)
def test_a_long_text_is_cut_at_a_sentence_or_a_word(text: str, kept: str) -> None:
    assert truncate(text, 30) == kept


async def test_sources_shows_the_posts_behind_a_point(full: Bot) -> None:
    said = await full.say("/sources 1")
    assert "@ada 2025-12-06 09:30（UTC）" in said
    assert "The whole text of Ada." in said
    assert "https://x.com/bob/status/2" in said
    assert len(said) < 1500, "long posts are cut"


async def test_why_says_that_a_report_has_no_scores(full: Bot) -> None:
    assert "没有保存得分" in await full.say("/why 1")


def test_why_shows_the_parts_of_a_score_the_largest_first() -> None:
    parts = {"fit": 0.5, "news": 0.6, "of an earlier version": 0.4}
    fit, news = 0.5 * WEIGHTS["fit"], 0.6 * WEIGHTS["news"]
    assert reports.score_lines(parts, 1, "en") == [
        f"Why point 1 ranks here: score {fit + news:.2f}",
        f"news value: 0.60 × {WEIGHTS['news']:.2f} = {news:+.2f}",
        f"fit with the topic: 0.50 × {WEIGHTS['fit']:.2f} = {fit:+.2f}",
    ]
    assert reports.score_lines(parts, 1, "zh")[1].startswith("新闻价值：0.60")


async def test_a_day_with_posts_is_made_once_and_said_so(full: Bot) -> None:
    await full.context.store.save_posts(
        TOPIC, "x_list", [post("Another", "7", created_at=datetime(2025, 12, 5, 8, tzinfo=UTC))]
    )
    making, made = (await full.say("/report 2025-12-05")).split("\n---\n")
    assert "1" in making
    assert "Meridian" in made
    assert full.maker.made == [("ai", date(2025, 12, 5), "test:u", False)]
    assert "\n---\n" not in await full.say("/report 2025-12-05")
    assert len(full.maker.made) == 1


async def test_a_report_that_cannot_be_made_is_said_kindly(full: Bot) -> None:
    other = post("Another", "7", created_at=datetime(2025, 12, 5, 8, tzinfo=UTC))
    await full.context.store.save_posts(TOPIC, "x_list", [other])
    full.maker.works = False
    assert "没能生成" in await full.say("/report 2025-12-05")
    full.maker.refuses = True
    assert "20" in await full.say("/report 2025-12-05")


async def test_a_day_without_posts_offers_the_nearest(full: Bot) -> None:
    assert "/brief 2025-12-06、/brief 2025-12-04" in await full.say("/brief 2025-12-20")
    said = await full.say("/report 2025-11-01")
    assert "/report 2025-12-04、/report 2025-12-06" in said
    assert full.maker.made == []


async def test_a_range_tells_each_story_once(full: Bot) -> None:
    said = await full.say("/report 2025-12-04..2025-12-07")
    assert said.count("Meridian 3.2 Pro is out") == 1
    assert "12月4日：It scores 81.2%." in said
    assert "12月6日：It scores 81.2%." in said
    assert "没有日报的日子：12-05、12-07。" in said
    assert "没有日报的日子：12-07。" in await full.say("/report 2025-12-06 2026-01-01")
    assert "12-08" not in await full.say("/month"), "a day to come is not missing"
    assert full.maker.made == []
    assert "没有2025年" not in said
    assert "没有11月1日至3日的报告" in await full.say("/report 2025-11-01..2025-11-03")


async def test_the_cloud_is_a_file(full: Bot) -> None:
    said = [one async for one in answer(full.context, Incoming(Chat("t", "c"), "u", "/cloud"))]
    (picture,) = [block for block in said[0].blocks if isinstance(block, Picture)]
    assert picture.path.name == "wordcloud_twitter_ai_20251206_20251206.png"
    assert picture.content == b"\x89PNG picture"


async def test_dropped_posts_are_shown_with_their_reasons(full: Bot) -> None:
    copies = [post("A model came out", id_) for id_ in ("5", "6")]
    await full.context.store.save_posts(TOPIC, "x_list", copies)
    dropped = tuple(Dropped(f"x:{id_}", "ads", "giveaway") for id_ in (1, 5, 6, 404))
    await full.context.store.save_report(replace(report(), dropped=dropped))
    said = await full.say("/detail filtered")
    assert "抽奖与赠送" in said
    assert said.count("A model came out") == 1


async def test_status_and_topics_say_what_there_is(full: Bot) -> None:
    assert "运营者" in await full.say("/status")
    status = await full.say("/status", "boss")
    stored = "库中有 1 天的 1 条帖子，2 份日报"
    for expected in ("2025-12-06", "x_list", "hn", "no answer", stored, "SQLite", "Python 3"):
        assert expected in status
    assert "ai · 人工智能" in await full.say("/topics")


async def test_help_lists_every_command_in_both_languages(full: Bot) -> None:
    for language in ("zh", "en"):
        said = await full.say(f"/help {language}", "boss")
        for command in COMMANDS:
            assert command.example_in(language).format(day=DAY) in said
            assert command.help(language) in said
    assert len({command.name for command in COMMANDS}) == len(COMMANDS)


async def test_without_reports_the_way_to_one_is_shown(bot: Bot) -> None:
    for command in COMMANDS:
        said = await bot.say(f"/{command.name}", "boss")
        assert said.strip()
        if command.takes and command.who == "everybody" and command.name not in ("help", "search"):
            assert "digest ai" in said
            assert "digest ai" not in await bot.say(f"/{command.name}"), "for operators only"


async def test_without_reports_the_day_that_has_posts_is_named(bot: Bot) -> None:
    await bot.context.store.save_topic(TOPIC)
    await bot.context.store.save_posts(TOPIC, "x_list", [post("A model came out", "1")])
    assert "/report 2025-12-06" in await bot.say("/brief")
    assert "/brief 2025-12-06" in await bot.say("/help")


async def test_a_failure_is_answered_and_logged_without_the_text(
    full: Bot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(full.context.store.__class__, "load_latest", broken)
    assert "出了点问题" in await full.say("/brief 1")
    (number,) = re.findall(r"编号 ([0-9a-f]{6})", await full.say("/brief 1"))
    assert f"{number}: /brief on test failed" in caplog.text

    async def busy(*_: object) -> None:
        raise StoreError("the database is locked")

    monkeypatch.setattr(full.context.store.__class__, "load_latest", busy)
    said = await full.say("/brief")
    assert "数据库" in said
    assert "locked" not in said
    assert "locked" in caplog.text


async def test_hostile_lines_are_only_text(full: Bot) -> None:
    for line in (
        "/brief \u202e",
        "/stocks " + "x" * 5000,
        "/report ../../etc",
        "/detail '; DROP TABLE reports",
        "/\x00",
        "/brief \x1b[31m",
    ):
        said = await full.say(line)
        assert said
        assert "\x1b" not in said
        assert len(said) < 3000


async def test_an_empty_section_says_so(full: Bot) -> None:
    calm, quiet = (Item("今天很平静。", status="note"),), (Item("没有行情。", status="note"),)
    made = report(points=calm, markets=quiet, finance=quiet)
    await full.context.store.save_report(made)
    assert "今天很平静" in await full.say("/brief")
    assert "没有要点" in await full.say("/sources 1")
    assert "没有内容" in await full.say("/events")
    assert (await full.say("/detail")).count("没有行情") == 1, "one line for two sections"


async def test_a_database_that_fails_gives_an_apology(full: Bot) -> None:
    async def gone(_: object) -> list[object]:
        raise StoreError("disk I/O error")

    full.context.store.list_subscriptions = gone  # type: ignore[method-assign, assignment]
    for line in ("/brief", "hello"):
        said = await full.say(line)
        assert "数据库" in said
        assert "disk" not in said


async def test_two_who_ask_for_one_day_share_one_build(monkeypatch: pytest.MonkeyPatch) -> None:
    from bot import builds as making

    started: list[tuple[str, date]] = []

    async def slow(topic: str, day: date, *, with_model: bool) -> str:
        started.append((topic, day))
        await asyncio.sleep(0.01)
        return ""

    monkeypatch.setattr(making, "run_digest", slow)
    builds = making.Builds()
    answers = await asyncio.gather(*(builds.build("ai", DAY, f"u{n}") for n in range(5)))
    assert answers == [""] * 5
    assert started == [("ai", DAY)]
    for n in range(1, 3):
        await builds.build("ai", date(2025, 1, n), "u0")
    with pytest.raises(TooMany):
        await builds.build("ai", date(2025, 1, 9), "u0")
    await builds.close()


async def test_who_asks_during_the_whole_build_gets_its_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from bot import builds as making

    started: list[bool] = []

    async def slow(topic: str, day: date, *, with_model: bool) -> str:
        started.append(with_model)
        await asyncio.sleep(0.01)
        return ""

    monkeypatch.setattr(making, "run_digest", slow)
    builds = making.Builds()
    clock = asyncio.create_task(builds.build("ai", DAY, "clock", with_model=True))
    await asyncio.sleep(0)
    assert await builds.build("ai", DAY, "u0") == await clock == ""
    assert started == [True]
    await builds.close()


async def test_no_digest_goes_out_while_an_operator_makes_its_report(
    full: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The draft is stored first: a digest of that day waits for what comes after it."""
    ledger, build = Ledger(full.context.store), full.maker.build

    async def claim() -> bool:
        return await ledger.claim_build("ai", DAY, "clock", NOW, again=True)

    async def watched(topic: str, day: date, user: str, *, with_model: bool = False) -> str:
        assert not await claim()
        return await build(topic, day, user, with_model=with_model)

    monkeypatch.setattr(full.maker, "build", watched)
    assert "Meridian" in await full.say("/now 2025-12-06", "boss")
    assert full.maker.made == [("ai", DAY, "test:boss", True)]
    assert await claim(), "it is given back"


async def test_a_cancelled_build_leaves_the_day_unchanged(
    full: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stopped(*_: object, **__: object) -> str:
        raise asyncio.CancelledError

    monkeypatch.setattr(full.maker, "build", stopped)
    ledger = Ledger(full.context.store)
    with pytest.raises(asyncio.CancelledError):
        await make_report(full.context, "boss:1", "ai", DAY, user="test:boss")
    assert not await ledger.claim_build("ai", DAY, "clock", NOW + timedelta(hours=1)), "it is done"


async def test_a_day_that_is_not_over_is_built_again_when_it_is(full: Bot) -> None:
    ledger, open_day = Ledger(full.context.store), NOW.date()
    assert "Meridian" in await full.say(f"/now {open_day}", "boss")
    assert full.maker.made == [("ai", open_day, "test:boss", True)]
    topics = list(full.context.topics.values())
    assert ("ai", open_day) in await ledger.list_builds_due(topics, closes(topics[0], open_day))
    ahead = open_day + timedelta(days=9)
    assert "还没有到" in await full.say(f"/now {ahead}", "boss")
    assert len(full.maker.made) == 1


async def test_a_cancelled_build_takes_its_process_along(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from bot import builds as making

    started = tmp_path / "started"
    program = tmp_path / "digest"
    program.write_text(
        f"#!/bin/sh\necho $$ > {started}.part\nmv {started}.part {started}\nexec sleep 60\n"
    )
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    builds = making.Builds()
    asking = asyncio.create_task(builds.build("ai", DAY, "u"))
    while not started.exists():  # noqa: ASYNC110  a file is all that the process shows
        await asyncio.sleep(0.01)
    await builds.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


async def test_what_models_cost_is_for_operators(full: Bot) -> None:
    assert "运营者" in await full.say("/cost")
    assert "/cost" not in await full.say("/help")
    assert "/cost" in await full.say("/help", "boss")
    store = full.context.store
    for model, cost in (
        ("gpt-5-mini", Cost(1, 9000, 1000, 0.0043)),
        ("gpt-5-mini", Cost(1, 100, 10, None)),
        ("own", Cost(1, 5, 5, None)),
    ):
        held = await store.reserve(NOW, "ai", model, cost.usd, 1, 1)
        assert held is not None
        await store.settle(held, cost)
    said = await full.say("/cost", "boss")
    assert f"{NOW:%Y-%m-%d}（UTC）：$0.0043，每日上限 $0.50" in said
    assert "每月上限 $10.00" in said
    assert "2 次调用，输入 9100 词元，输出 1010 词元，$0.0043（其中 1 次价格未知）" in said
    assert "1 次调用，输入 5 词元，输出 5 词元，价格未知" in said


@pytest.mark.parametrize(
    ("quality", "expected"),
    [
        (Quality(0.93, {"supported": 0.9, "complete": 1.0}), "得分 93%（经核对 90%，完整 100%）"),
        (Quality(0.4, {"supported": 0.3}, "gate"), "未通过核对"),
        (Quality(0.0, reduced="no_answer"), "模型没有回应"),
        (Quality(0.0, reduced="budget"), "BUDGET_USD_DAY"),
    ],
)
async def test_status_shows_how_good_the_models_version_is(
    full: Bot, quality: Quality, expected: str
) -> None:
    await full.context.store.save_report(replace(report(DAY), quality=quality))
    assert expected in await full.say("/status", "boss")
