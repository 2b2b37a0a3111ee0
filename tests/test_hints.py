"""What people try first, and what the bot says where it did not mean them so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click import UsageError

from bot.__main__ import cli
from bot.commands import answer, encode_link
from bot.messages import Incoming, Reply
from bot.platforms.terminal import render
from bot.services import Services
from bot.settings import Settings, find_env_faults, read_locale
from digest.errors import DigestError, SourceError, StoreError
from digest.models import Chat, ChatKind, Item, Language, Report, SourceSpec, SourceState, Window
from digest.sources import open_source
from digest.store import Store
from digest.store.backup import back_up
from digest.topics import refuse_unknown
from tests.hosts import context, fill
from tests.posts import TOPIC, post
from tests.samples import report
from tests.source_servers import offline_topics


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Services]:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        await fill(store, earlier())
        yield context(store, tmp_path)


def earlier() -> Report:
    nlgt = Item("$NLGT rose 2.7%, $KITE fell 5.2%.", "NLGT", "个股", ("x:1",))
    btc = Item("BTC fell below $80,000.", "比特币 (BTC)", "数字货币", ("x:2",))
    return report(date(2025, 12, 5), markets=(nlgt, btc))


async def ask(bot: Services, line: str, language: Language | None = "en") -> list[Reply]:
    chat = Chat("telegram", "7")
    incoming = Incoming(chat, "7", line, language, configures=allow)
    return [reply async for reply in answer(bot, incoming)]


async def allow() -> bool:
    return True


async def say(bot: Services, line: str, language: Language | None = "en") -> str:
    replies = await ask(bot, line, language)
    return "\n".join(render(reply, 200, styled=False) for reply in replies)


@pytest.mark.parametrize(
    ("line", "manners"),
    [
        ("/subscribe", ["private", "post"]),
        ("/settings nonsense", ["private"]),
        ("/next", ["private"]),
        ("/forget", ["private"]),
        ("/status", ["private"]),
        ("/brief", ["answer"]),
        ("/help", ["answer"]),
    ],
)
async def test_what_a_person_sets_up_is_answered_in_private(
    bot: Services, line: str, manners: list[str]
) -> None:
    assert [reply.manner for reply in await ask(bot, line)] == manners


async def test_a_span_without_a_cloud_is_named_in_the_language_of_its_report(bot: Services) -> None:
    assert "没有12月1日至6日的词云图片" in await say(bot, "/cloud 12-01..12-06")


async def test_a_small_budget_is_not_rounded(bot: Services) -> None:
    small = Settings(budget_usd_day=0.025)
    told = await say(replace(bot, settings=small, is_admin=lambda _: True), "/cost")
    assert "of $0.025 a day" in told
    assert "of $10.00 a month" in told


async def test_a_new_chat_has_the_time_zone_of_the_settings(bot: Services) -> None:
    await say(replace(bot, settings=Settings(timezone="Asia/Tokyo")), "/subscribe")
    (subscription,) = await bot.store.list_subscriptions(Chat("telegram", "7"))
    assert subscription.timezone == "Asia/Tokyo"


async def test_a_chat_without_a_subscription_chooses_its_language(bot: Services) -> None:
    assert "Which language?" in await say(bot, "/language")
    buttons = [button.line for button in (await ask(bot, "/language"))[0].buttons[0]]
    assert buttons == ["/settings auto", "/settings zh", "/settings en"]
    assert "zh (Chinese), en (English) or auto" in await say(bot, "/language fr")
    assert "中文" in await say(bot, "/lang zh")
    assert "重要观点" in await say(bot, "/help")
    assert await say(bot, "/settings auto")
    assert "views: who says what" in await say(bot, "/help")
    assert await say(bot, "/settings en", "zh")
    assert "Subscribed to AI" in await say(bot, "/subscribe 08:30", "zh")
    assert (await bot.store.list_subscriptions(Chat("telegram", "7")))[0].language == "en"


async def test_several_days_come_in_the_language_of_the_person(bot: Services) -> None:
    for made in (report(date(2025, 12, 5)), report(date(2025, 12, 6))):
        await bot.store.save_report(replace(made, renderings={"en": made.sections}))
    assert "AI · 2025-12-05 — 2025-12-06" in await say(bot, "/report 12-05..12-06", "en")
    assert "人工智能 · 2025-12-05" in await say(bot, "/report 12-05..12-06", "zh")


@pytest.mark.parametrize(("kind", "expected"), [("private", "en"), ("group", None)])
async def test_a_person_goes_on_to_read_in_the_language_shown_so_far(
    bot: Services, kind: ChatKind, expected: Language | None
) -> None:
    made = report(date(2025, 12, 6))
    await bot.store.save_report(replace(made, renderings={"en": made.sections}))
    chat = Chat("telegram", "7", kind=kind)
    languages: tuple[tuple[Language, Language | None], ...] = (("en", expected), ("zh", None))
    for language, subscribed in languages:
        line = Incoming(chat, "7", "/subscribe", language, configures=allow)
        said, *_ = [render(reply, 80, styled=False) async for reply in answer(bot, line)]
        assert ("same as the topic" in said) == (language == "en" and not subscribed)
        assert (await bot.store.list_subscriptions(chat))[0].language == subscribed
        await bot.store.forget_person("telegram", "7", chat)


@pytest.mark.parametrize("chosen", ["en", "zh"])
async def test_the_language_chosen_last_survives_the_subscription(
    bot: Services, chosen: Language
) -> None:
    other = "en" if chosen == "zh" else "zh"
    for line in (f"/language {other}", "/subscribe", "/unsubscribe", f"/language {chosen}"):
        await say(bot, line)
    await say(bot, "/subscribe")
    (subscription,) = await bot.store.list_subscriptions(Chat("telegram", "7"))
    assert subscription.language == chosen
    for line in (f"/settings {other}", "/unsubscribe", "/subscribe"):
        await say(bot, line)
    (subscription,) = await bot.store.list_subscriptions(Chat("telegram", "7"))
    assert subscription.language == other, "not what was chosen before the subscription"


@pytest.mark.parametrize("line", ["/pause@jianbao_bot", "/Pause@jianbao_bot。"])
async def test_other_words_for_commands_may_be_addressed(bot: Services, line: str) -> None:
    await say(bot, "/subscribe")
    await say(bot, line)
    (subscription,) = await bot.store.list_subscriptions(Chat("telegram", "7"))
    assert subscription.paused
    assert "Which language" in await say(bot, "/language@jianbao_bot")


@pytest.mark.parametrize("command", ["report", "week", "month", "story", "now"])
@pytest.mark.parametrize("day", ["9999-12-31", "9998-12-31", "0001-01-01"])
async def test_the_ends_of_the_calendar_are_no_fault(bot: Services, command: str, day: str) -> None:
    assert "went wrong" not in await say(bot, f"/{command} {day}")


async def test_forgetting_a_person_forgets_the_language(bot: Services) -> None:
    await say(bot, "/settings zh")
    assert "直接发送 /forget" in await say(bot, "/forget python")
    await say(bot, "/forget yes")
    assert "views: who says what" in await say(bot, "/help")


@pytest.mark.parametrize(
    ("code", "language"),
    [("zh_CN.UTF-8", "zh"), ("en_US.UTF-8", "en"), ("de_DE", "en"), ("C.UTF-8", None), ("", None)],
)
def test_the_terminal_speaks_the_language_of_its_locale(
    code: str, language: Language | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", code)
    assert read_locale() == language
    monkeypatch.setenv("LC_ALL", "zh_TW.UTF-8")
    assert read_locale() == "zh"


async def test_words_near_a_command_lead_to_it(bot: Services) -> None:
    await say(bot, "/subscribe")
    assert "paused" in (await say(bot, "/pause")).lower()
    assert "next" in (await say(bot, "/resume")).lower()
    assert "/help" in await say(bot, "你好")
    assert "标题points" in await say(bot, "简报 2025-12-06")


async def test_a_subscription_says_what_was_changed(bot: Services) -> None:
    assert "Subscribed to AI" in await say(bot, "/subscribe en")
    assert "Already subscribed" in await say(bot, "/subscribe")
    changed = await say(bot, "/subscribe ai 9am weekdays")
    assert "Subscription changed. AI: weekdays at 09:00" in changed
    assert "The latest digest on AI:" not in changed
    only = await say(bot, "/subscribe finance")
    assert "Financial markets" in only or "finance" in only.lower()
    assert "none of these words is a topic" in only
    assert "pause" in await say(bot, "/settings pause resume")
    assert not (await bot.store.list_subscriptions(Chat("telegram", "7")))[0].paused


async def test_an_entry_that_only_mentions_a_ticker_says_so(bot: Services) -> None:
    assert "NLGT · KITE" in await say(bot, "/stocks 2025-12-05 KITE")
    assert "NLGT · " not in await say(bot, "/stocks 2025-12-05 NLGT")
    missing = await say(bot, "/stocks 2025-12-05 ZZZZ")
    assert "NLGT" in missing
    assert "KITE" in missing
    assert "NLGT" not in await say(bot, "/crypto 2025-12-05 ZZZZ")
    coin = await say(bot, "/crypto 2025-12-05 BTC")
    assert "$80,000" in coin
    assert "NLGT" not in coin


async def test_hints_stay_with_the_day_and_the_command(bot: Services) -> None:
    assert "/story ai 2025-12-04 1" in await say(bot, "/story 2025-12-04 99")
    assert "/sources ai 2025-12-04 1" in await say(bot, "/sources 2025-12-04 99")
    assert "/brief 2025-12-06" in await say(bot, "/brief 06/12/2025")
    assert "at most 366 days" in await say(bot, "/report 2024-01-01..2025-12-31")
    for days in ("Dec 2025-12-06", "Dec 16-1", "Dec 32", "2025-12-06 Mon", "Dec 6 ai monday"):
        assert "Write a day as 2025-12-06, or several as 2025-12-04.." in await say(
            bot, f"/brief {days}"
        )


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("/brief chips 2025-12-04", "/report chips 2025-12-04"),
        ("/brief chips 2025-12-05", "/brief chips 2025-12-06"),
        ("/brief chips 2025-13-40", "/brief chips 2025-12-06"),
        ("/brief chips nonsense", "/brief chips 2025-12-06"),
        ("/story chips", "/story chips 1"),
        ("/views chips nonsense", "/views chips"),
    ],
)
async def test_hints_stay_with_the_topic(bot: Services, line: str, hint: str) -> None:
    chips = replace(TOPIC, name="chips", slug="chips")
    await bot.store.save_topic(chips)
    early = datetime(2025, 12, 4, 8, tzinfo=UTC)
    await bot.store.save_posts(chips, "x_list", [post("A chip", "9", created_at=early)])
    await bot.store.save_report(replace(report(), topic="chips"))
    two = replace(bot, topics={"ai": TOPIC, "chips": chips})
    assert hint in await say(two, line)


@pytest.mark.parametrize("days", ["2025-12-06", "20251204..20251206"])
@pytest.mark.parametrize("topic", ["ai", "ai-4-news_1"])
async def test_a_link_asks_what_its_button_does(bot: Services, topic: str, days: str) -> None:
    for day in (4, 6):
        await bot.store.save_report(replace(report(date(2025, 12, day)), topic=topic))
    services = replace(bot, topics={topic: replace(TOPIC, name=topic)})
    line = f"/detail {topic} {days} views"
    shown = await say(services, line)
    assert "2025-12-06" in shown.splitlines()[0]
    assert await say(services, f"/start {encode_link(line)}") == shown


@pytest.mark.parametrize(
    "words",
    [
        "Meridian 3.2",
        "meridian 3.2 pro",
        "GPT 5",
        "2025-12-05 GPT 5 ai",
        "GPT 5 5 Dec",
        "Meridian 3.2 to 4",
    ],
)
async def test_a_version_in_the_words_of_a_story_is_no_day(bot: Services, words: str) -> None:
    points = (Item("GPT 5 beats Meridian 2.", "GPT 5", cites=("x:1",)),)
    await bot.store.save_report(report(date(2025, 12, 5), points=points))
    title = (await say(bot, f"/story {words}")).splitlines()[0]
    assert ("GPT 5" if "GPT" in words else "Meridian 3.2 Pro is out") in title


async def test_two_days_are_a_range(bot: Services) -> None:
    backwards = await say(bot, "/report 2025-12-06 2025-12-04")
    assert "2025-12-04" in backwards
    assert "2025-12-06" in backwards
    assert backwards.splitlines()[0] == (await say(bot, "/report 12-04..12-06")).splitlines()[0]


async def test_a_day_without_a_report_is_told_with_its_year(bot: Services) -> None:
    assert "for 28 November." in await say(bot, "/brief 2025-11-28")
    later = replace(bot, now=lambda: datetime(2026, 11, 29, tzinfo=UTC))
    assert "28 November 2026" in await say(later, "/brief 11-28")
    assert "2026年11月28日" in await say(later, "/brief 11-28", "zh")
    assert "not over yet" in await say(bot, "/brief today")
    assert "has not come yet" in await say(bot, "/brief 2025-12-31")
    assert "(UTC)" in await say(bot, "/brief today")
    assert "not over yet" not in await say(bot, "/brief 2025-11-28")


async def test_what_phones_type_is_understood(bot: Services) -> None:
    assert await say(bot, "brief") == await say(bot, "/brief")
    assert await say(bot, "/股票") == await say(bot, "/stocks")
    assert await say(bot, "/detail view") == await say(bot, "/detail views")
    assert await say(bot, "/sources 第一条") == await say(bot, "/sources 1)")
    assert "UTC+8" in await say(bot, "/subscribe 08:30 +08:00")
    month = await say(bot, "/month 12月")
    assert await say(bot, "/month 12") == await say(bot, "/month dec") == month
    assert await say(bot, "/week last") == await say(bot, "/week last week")
    missing = await say(bot, "/month 2025-10", "zh")
    assert "没有" in missing
    assert "这一天" not in await say(bot, "/report 2025-12-08..2025-12-30", "zh")


async def test_help_explains_one_command(bot: Services) -> None:
    shown = await say(bot, "/help subscribe")
    assert "removes" in shown
    assert "/brief" not in shown
    assert "恢复" in await say(bot, "/help 订阅", "zh")


async def test_items_are_shown_in_the_readers_language(bot: Services) -> None:
    chinese = (Item("Kitewick 完成 15 亿美元融资。", "", cites=("x:1",)),)
    english = (Item("Kitewick raised $1.5 billion.", "", cites=("x:2",)),)
    stored = report(date(2025, 12, 7), points=chinese)
    other = report(date(2025, 12, 7), "en", points=english)
    await bot.store.save_report(replace(stored, renderings={"en": other.sections}))
    for line in ("/search Kitewick 融资", "/ask Kitewick 融资"):
        assert "raised" not in await say(bot, line, "zh")
        assert "raised $1.5 billion" in await say(bot, line, "en")
    assert "stories" in await say(bot, "/week", "en")
    assert "件事" in await say(bot, "/week", "zh")


async def test_a_search_names_each_thing_once(bot: Services) -> None:
    day = date(2025, 12, 3)
    point = Item("Kitewick raised $1.5 billion.", "Kitewick 完成融资", cites=("x:1",))
    overview = Item("Today: Kitewick raised $1.5 billion.", cites=("x:1", "x:2"))
    await bot.store.save_report(report(day, points=(point,), overview=(overview,)))
    found = list(await ask(bot, "/search Kitewick 2025-12-03"))
    text = render(found[0], 200, styled=False)
    assert text.count("$1.5 billion") == 1
    assert "【Kitewick】 完成融资" in text
    lines = [button.line for group in found[0].buttons for button in group]
    assert len(lines) == len(set(lines))
    assert "in the reports for" in await say(bot, "/search Northlight 7d")


async def test_an_answer_of_the_archive_begins_with_a_title(bot: Services) -> None:
    text = await say(bot, "/ask What did Meridian score?")
    assert text.splitlines()[0]
    assert not text.rstrip().endswith("→")


async def test_a_terminal_names_three_lines_at_most(bot: Services) -> None:
    [brief] = await ask(bot, "/brief")
    assert sum(map(len, brief.buttons)) > 3
    last = render(brief, 300, styled=False).splitlines()[-1]
    assert last.startswith("→ ")
    assert last.count("/") == 3
    bare = replace(brief, buttons=((),))
    assert not render(bare, 300, styled=False).endswith("→ ")


def test_check_reads_what_stands_in_the_env_file() -> None:
    assert find_env_faults() == []
    Path(".env").write_text("BUDGET_USD_DAI=3\nTIMEZONE=UTC\nPOSTGRES_PASSWORD=x\n# a word\n?x y\n")
    typo, garbage = find_env_faults()
    assert "unknown setting BUDGET_USD_DAI: did you mean BUDGET_USD_DAY?" in typo
    assert garbage == ".env: line 5: write NAME=value"
    Path(".env").write_text("# empty\n\nTIMEZONE\n")
    assert find_env_faults() == [".env: line 3: write NAME=value"]
    Path(".env").write_text("HTTP_PROXY=http://a:1\nHTTPS_PROXY=http://a:1\n")
    assert find_env_faults() == []


async def test_a_backup_blames_the_place_that_cannot_be_written(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bot.db"
    async with await Store.open(url):
        pass
    with pytest.raises(StoreError, match=r"cannot write .*nowhere"):
        await back_up(url, tmp_path / "nowhere" / "x")


def test_an_unknown_topic_is_named_with_those_there_are() -> None:
    refuse_unknown("ai", ["ai"])
    with pytest.raises(DigestError, match='no topic "foo"; topics: ai, chips'):
        refuse_unknown("foo", ["ai", "chips"])
    with pytest.raises(DigestError, match='no topic "foo"; there are no topics yet'):
        refuse_unknown("foo", [])


@pytest.mark.parametrize("command", ["ask x --topic", "search x --topic", "export x --topic"])
def test_a_question_about_no_topic_is_refused(command: str) -> None:
    offline_topics(Path())
    with pytest.raises(DigestError, match=r"there is no database /.*/jianbao.db: "):
        cli.main([*command.split(), "ai"], standalone_mode=False)
    assert not Path("jianbao.db").exists()
    cli.main(["migrate"], standalone_mode=False)
    with pytest.raises(DigestError, match=r'no topic "foo"; topics: ai$'):
        cli.main([*command.split(), "foo"], standalone_mode=False)


@pytest.mark.parametrize("name", ["AI", "twitter_ai", "人工智能"])
def test_a_topic_goes_by_name_slug_and_title(name: str) -> None:
    offline_topics(Path())
    cli.main(["migrate"], standalone_mode=False)
    with pytest.raises(DigestError, match="nothing about 'x'"):
        cli.main(["search", "x", "--topic", name], standalone_mode=False)
    with pytest.raises(UsageError, match="WORDS is empty"):
        cli.main(["search", " "], standalone_mode=False)
    Path("topics.toml").write_text("[broken")
    with pytest.raises(DigestError, match="nothing about 'x'"):
        cli.main(["search", "x"], standalone_mode=False)


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read \\(Is a directory"), (b"\x89PNG\0\0", "is not text")],
)
async def test_a_file_that_holds_no_posts_is_refused_in_words(
    content: bytes | None, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "posts.jsonl"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    day = Window(date(2025, 12, 6), date(2025, 12, 6), "UTC")
    with pytest.raises(SourceError, match=words):
        await open_source(SourceSpec("jsonl", str(file))).fetch(day, SourceState())


@pytest.mark.parametrize("where", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize(
    ("command", "args"), [("digest", ["there"]), ("export", ["site", "--topic", "there"])]
)
def test_yesterday_is_the_topic_s(command: str, args: list[str], where: str) -> None:
    file = offline_topics(Path())
    first = file.read_text("utf-8")
    second = first.replace("[ai]", "[there]", 1).replace('"UTC"', f'"{where}"', 1)
    file.write_text(first + second.replace('"twitter_ai"', '"there"', 1), "utf-8")
    before = datetime.now(ZoneInfo(where)).date()
    context = cli.commands[command].make_context(command, ["--date", "yesterday", *args])
    after = datetime.now(ZoneInfo(where)).date()
    assert before <= context.params["day"] + timedelta(days=1) <= after


@pytest.mark.parametrize(
    ("days", "offered"), [((6, 7, 8), "2025-12-07"), ((8,), "2025-12-08"), ((), "no reports yet")]
)
async def test_before_the_first_report_the_newest_whole_day_is_offered(
    tmp_path: Path, days: tuple[int, ...], offered: str
) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/empty.db") as store:
        for day in days:  # it is the 8th
            at = datetime(2025, 12, day, 8, tzinfo=UTC)
            await store.save_posts(TOPIC, "x", [post("A post", f"{day}", created_at=at)])
        said = await say(context(store, tmp_path), "/brief")
    assert offered in said
