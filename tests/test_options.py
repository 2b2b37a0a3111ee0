"""The options of a subscription: words in any order, buttons, and what is said of them."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from bot.commands import answer
from bot.messages import Button, Incoming, Press, Reply
from bot.options import (
    OptionRequest,
    TooManyWords,
    Unknown,
    apply_options,
    format_weekdays,
    parse_options,
    parse_weekdays,
)
from bot.platforms.discord.embeds import MAX_ROWS, build_view
from bot.platforms.telegram.entities import MAX_BUTTON_BYTES
from bot.platforms.terminal import render
from bot.typed import normalized
from digest.models import BRIEF, SECTIONS, Chat, Subscription, Topic
from digest.store import Store
from digest.store.ledger import Ledger
from tests.hosts import NOW, context
from tests.posts import TOPIC
from tests.samples import report

TOWN = Topic("town", {"zh": "小镇", "en": "Town"}, "town")
LONG = Topic("a" * 40, {"zh": "长名", "en": "Long"}, "long")
CHAT = Chat("telegram", "5")
USUAL = Subscription(CHAT, "ai", time(8), "UTC")
TOPICS = {"ai": "ai"}


class Person:
    """Somebody who may configure a chat."""

    def __init__(self, store: Store, tmp_path: Path, *topics: Topic) -> None:
        named = {one.name: one for one in topics}
        self.context = replace(context(store, tmp_path), topics=named)
        self.store = store

    async def may(self) -> bool:
        return True

    async def ask(self, line: str) -> Reply:
        asked = Incoming(CHAT, "u", line, "en", configures=self.may)
        first, *_ = [one async for one in answer(self.context, asked)]
        return first

    async def say(self, line: str) -> str:
        return render(await self.ask(line), 200, styled=False)

    async def chosen(self, topic: str = "ai") -> Subscription:
        return next(one for one in await self.store.list_subscriptions(CHAT) if one.topic == topic)


@pytest.fixture
async def person(tmp_path: Path) -> AsyncIterator[Person]:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        yield Person(store, tmp_path, TOPIC)


@pytest.mark.parametrize(
    ("lines", "stored"),
    [
        ("/unsubscribe /settings+zh", None),
        ("/unsubscribe /settings+quiet /subscribe+07:00", replace(USUAL, at=time(7))),
        ("/forget+yes /settings+quiet", None),
        ("/settings+quiet /settings+09:00", replace(USUAL, quiet=True, at=time(9))),
        ("/mute /取消静音", USUAL),
        ("/mute /settings+取消静音", USUAL),
        ("取消订阅", None),
    ],
)
async def test_lines_that_come_at_once_are_handled_one_after_another(
    store_url: str, tmp_path: Path, lines: str, stored: Subscription | None
) -> None:
    async with await Store.open(store_url) as store:
        person = Person(store, tmp_path, TOPIC)
        await person.ask("/subscribe 08:00 UTC")
        await asyncio.gather(*(person.ask(line.replace("+", " ")) for line in lines.split(" ")))
        left = [replace(one, id=0) for one in await store.list_subscriptions(CHAT)]
        assert left == ([stored] if stored else [])


async def test_who_presses_subscribe_twice_gets_the_newest_report_once(
    store_url: str, tmp_path: Path
) -> None:
    async with await Store.open(store_url) as store:
        person = Person(store, tmp_path, TOPIC)
        first, second = await asyncio.gather(person.say("/subscribe"), person.say("/subscribe"))
        assert "Already" not in first
        assert "Already" in second


def test_words_mean_the_same_in_any_order() -> None:
    words = "ai 08:30 Asia/Shanghai weekdays en detail +NVDA -giveaway pause".split()
    expected = parse_options(words, TOPICS)
    assert apply_options(expected, USUAL) == replace(
        USUAL,
        at=time(8, 30),
        timezone="Asia/Shanghai",
        weekdays=(0, 1, 2, 3, 4),
        language="en",
        length="detail",
        highlight=("NVDA",),
        without=("giveaway",),
        paused=True,
    )
    chance = random.Random(1)  # noqa: S311
    for _ in range(200):
        chance.shuffle(words)
        assert parse_options(words, TOPICS) == expected


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("8:30 pm", time(20, 30)),
        ("at 8 pm", time(20)),
        ("8 pm at Shanghai time", time(20)),
        ("20：30，北京时间", time(20, 30)),
        ("8 点 Asia/Shanghai,mon-fri", time(8)),
        ("晚上零点", time(0)),
        ("晚上1点", time(1)),
        ("晚上四点半", time(4, 30)),
        ("晚上九点四十五", time(21, 45)),
        ("晚上12点", time(0)),
        ("下午两点", time(14)),
        ("两点半", time(2, 30)),
        ("8点钟", time(8)),
        ("8点5分", time(8, 5)),
    ],
)
def test_times_are_parsed_as_phones_write_them(line: str, at: time) -> None:
    request = parse_options(normalized(line).split(" "), TOPICS)
    assert request.at == at
    assert request.zone in ("", "Asia/Shanghai")


@pytest.mark.parametrize(
    ("word", "days"),
    [
        ("mon-fri", (0, 1, 2, 3, 4)),
        ("sat,sun", (5, 6)),
        ("Fri-Mon", (0, 4, 5, 6)),
        ("monday", (0,)),
        ("daily", (0, 1, 2, 3, 4, 5, 6)),
        ("weekends", (5, 6)),
        ("周一至周五", (0, 1, 2, 3, 4)),
        ("周一到五", (0, 1, 2, 3, 4)),
        ("週一至週五", (0, 1, 2, 3, 4)),
        ("every monday", (0,)),
        ("周二四", (1, 3)),
        ("星期天", (6,)),
        ("周六、周日", (5, 6)),
        ("工作日", (0, 1, 2, 3, 4)),
        ("mon-", ()),
        ("monk", ()),
        ("mon-wed-fri", ()),
        ("一", ()),
        ("", ()),
    ],
)
def test_days_are_named_in_two_languages(word: str, days: tuple[int, ...]) -> None:
    assert parse_weekdays(word) == days


def test_every_choice_of_days_has_a_word_of_its_own() -> None:
    for count in range(1, 8):
        for days in itertools.combinations(range(7), count):
            assert parse_weekdays(format_weekdays(days)) == days
            assert len(format_weekdays(days)) <= 19


@pytest.mark.parametrize("word", ["+8", "-5", "+", "-", "25:00", "Mars/Phobos", "ai2", "+_"])
def test_what_means_nothing_is_unknown(word: str) -> None:
    with pytest.raises(Unknown) as caught:
        parse_options([word], TOPICS)
    assert str(caught.value) == word


@pytest.mark.parametrize("words", ["weekly daily", "weekly mon-fri"])
def test_a_week_does_not_come_on_several_days(words: str) -> None:
    for order in (words.split(), words.split()[::-1]):
        with pytest.raises(Unknown):
            parse_options(order, TOPICS)


def test_a_graphics_card_is_no_zone() -> None:
    assert parse_options(["+5090", "-1984", "+20"], TOPICS).highlight == ("5090", "20")


def test_sections_and_lengths_agree() -> None:
    def after(old: Subscription, *words: str) -> tuple[str, tuple[str, ...]]:
        new = apply_options(parse_options(words, TOPICS), old)
        return new.length, new.sections

    some = replace(USUAL, sections=("points", "views"))
    assert after(USUAL, "views", "points") == ("brief", ("points", "views"))
    assert after(USUAL, "overview", "points") == ("brief", ())
    assert after(USUAL, "ai", "ai") == ("brief", ("ai",)), "the first is the topic"
    assert after(USUAL, "sections", "123456789") == ("detail", ())
    assert after(some, "en") == ("brief", ("points", "views"))
    assert after(some, "detail") == ("detail", ())
    assert after(some, "all") == ("detail", ())
    assert after(some, "sections", "12") == ("brief", ())


def test_keywords_are_stored_once_and_removed() -> None:
    def after(old: Subscription, *words: str) -> Subscription:
        return apply_options(parse_options(words, TOPICS), old)

    one = after(USUAL, "+NVDA", "+nvda", "+Open_AI", "-抽奖")
    assert one.highlight == ("nvda", "Open AI")
    assert one.without == ("抽奖",)
    moved = after(one, "–nvda")
    assert (moved.highlight, moved.without) == (("Open AI",), ("抽奖", "nvda"))
    assert after(one, "=NVDA", "=抽奖").highlight == ("Open AI",)
    with pytest.raises(TooManyWords):
        after(USUAL, *(f"+w{n}x" for n in range(11)))
    with pytest.raises(TooManyWords):
        after(USUAL, "+" + "x" * 31)


async def test_settings_are_parsed_stored_and_shown(person: Person) -> None:
    await person.say("/subscribe 08:30 Asia/Shanghai weekdays en detail +NVDA -giveaway")
    one = await person.chosen()
    assert (one.at, one.timezone, one.weekdays) == (time(8, 30), "Asia/Shanghai", (0, 1, 2, 3, 4))
    assert (one.language, one.length) == ("en", "detail")
    assert (one.highlight, one.without, one.paused) == (("NVDA",), ("giveaway",), False)
    said = await person.say("/settings sat,sun views events =NVDA")
    assert "Changed." in said
    assert "weekends at 08:30 (Shanghai time). Next: 2025-12-13 Sat 08:30, in 4 days" in said
    assert "Views, Events" in said
    assert "giveaway" in said
    assert "NVDA" not in said
    assert "Changed" not in await person.say("/settings")
    assert (await person.chosen()).sections == ("views", "events")


async def test_a_pause_is_shown_everywhere_until_it_ends(person: Person) -> None:
    await person.say("/subscribe")
    for line in ("/settings pause", "/next", "/subscriptions", "/settings"):
        assert "Paused. Send /settings ai resume to continue" in await person.say(line), line
    said = await person.say("/settings ai resume")
    assert "Next: 2025-12-09 Tue 08:00" in said
    assert "已暂停" in await person.say("/设置 暂停")


async def test_next_skips_days_that_are_off(person: Person) -> None:
    await person.say("/subscribe 07:00 wed")
    assert "Wed at 07:00 (UTC). Next: 2025-12-10 Wed 07:00" in await person.say("/next")
    await person.say("/settings 周一三五")
    assert "Mon, Wed, Fri" in await person.say("/subscriptions")


async def test_who_subscribes_again_has_the_settings_back(person: Person) -> None:
    await person.say("/subscribe 21:30 Asia/Shanghai en +NVDA")
    await person.say("/settings pause")
    await person.say("/unsubscribe")
    for _ in range(2):
        assert "NVDA" in await person.say("/subscribe ai")
        again = await person.chosen()
        assert (again.at, again.timezone, again.language) == (time(21, 30), "Asia/Shanghai", "en")
        assert (again.highlight, again.paused) == (("NVDA",), False)
        await person.context.ledger.end_chat(again.chat.platform, again.chat.id, "removed")


@pytest.mark.parametrize("line", ["/settings soonish", "/subscribe +8", "/settings mon-fry"])
async def test_a_wrong_word_is_answered_with_a_right_example(person: Person, line: str) -> None:
    await person.say("/subscribe")
    before = await person.chosen()
    said = await person.say(line)
    assert line.split()[1] in said
    for expected in ("08:30", "mon-fri", "+NVDA", "Example: /s"):
        assert expected in " ".join(said.split())
    assert await person.chosen() == before


async def test_too_many_keywords_are_explained(person: Person) -> None:
    await person.say("/subscribe " + " ".join(f"+word{n}" for n in range(10)))
    assert "/settings =word0" in await person.say("/settings +another")
    assert "at most 30" in await person.say("/settings -" + "x" * 31)
    assert len((await person.chosen()).highlight) == 10


async def test_several_topics_have_options_of_their_own(tmp_path: Path) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        person = Person(store, tmp_path, TOPIC, LONG)
        await person.say("/subscribe ai 07:00")
        await person.say(f"/subscribe {LONG.name} 09:00 sat")
        said = await person.say("/settings pause +NVDA")
        assert f"Say which one, for example: /settings {LONG.name} pause +NVDA" in said
        await person.say(f"/settings pause {LONG.name}")
        assert (await person.chosen(LONG.name)).paused
        assert not (await person.chosen()).paused
        said = await person.say("/subscriptions")
        assert "every day at 07:00" in said
        assert "Paused" in said
        await person.say("/language zh")
        assert {row.language for row in await store.list_subscriptions(CHAT)} == {"zh"}


async def test_a_chat_is_answered_about_its_own_topics(tmp_path: Path) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        person = Person(store, tmp_path, TOPIC, LONG, TOWN)
        for name in ("ai", "town"):
            await store.save_report(replace(report(date(2025, 12, 6)), topic=name))
        which = await person.ask("/subscribe 9:00 Tokyo mon-fri")
        assert "人工智能 · 2025-12-06" in await person.say("/brief")
        said = await person.say(next(b.line for b in buttons(which) if b.label == "Town"))
        assert "weekdays at 09:00 (Tokyo time)" in said, "nothing that was typed is lost"
        assert "小镇 · 2025-12-06" in await person.say("/brief")
        assert "小镇 · 2025-12-06" in await person.say("/report 2025-12-06")
        assert "There is no subscription to AI here. Subscriptions: Town." in await person.say(
            "/unsubscribe ai"
        )
        await person.say(f"/subscribe {LONG.name} ai 18:00")
        assert {row.topic for row in await store.list_subscriptions(CHAT)} == {
            "ai",
            LONG.name,
            "town",
        }
        assert (await person.chosen()).at == time(18)
        assert (await person.chosen()).timezone == "Asia/Tokyo", "the chat's"
        await person.say("/settings ai town quiet")
        assert [row.quiet for row in await store.list_subscriptions(CHAT)] == [False, True, True]
        await person.say("/unsubscribe all")
        assert not await store.list_subscriptions(CHAT)
        await person.say(f"/subscribe {LONG.name} ai town")
        person.context = replace(person.context, topics={"ai": TOPIC})
        assert "removed this topic. Send /unsubscribe town" in await person.say("/next")
        assert not (await person.ask(f"/unsubscribe town {LONG.name}")).buttons
        assert [row.topic for row in await store.list_subscriptions(CHAT)] == ["ai"]


async def test_what_cannot_be_unsubscribed_is_told_with_the_subscriptions(person: Person) -> None:
    assert "There is no subscription here." in await person.say("/unsubscribe crypto")
    await person.say("/subscribe")
    said = await person.say("/unsubscribe crypto")
    assert "Topics: ai. Example: /unsubscribe ai" in said


async def test_a_chosen_language_wins_over_that_of_the_line(person: Person) -> None:
    assert "近期的报告" in await person.say("/story 宁德时代")
    await person.say("/settings en")
    assert "No recent report" in await person.say("/story 宁德时代")
    assert "Subscribed to" in await person.say("/subscribe 每天")
    assert "No recent report" in await person.say("/story 宁德时代")


def buttons(reply: Reply) -> list[Button]:
    return [button for group in reply.buttons for button in group]


@pytest.mark.parametrize("topic", [TOPIC, LONG], ids=["short", "long"])
async def test_all_options_are_reached_by_buttons_that_fit(tmp_path: Path, topic: Topic) -> None:
    """Pressing every button, and every button behind it: each line is understood and fits."""
    keywords = " ".join(f"+{letter * 30}" for letter in "关键词汇长")
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        person = Person(store, tmp_path, topic)
        await person.say(f"/subscribe mon,tue,thu,fri,sun {keywords} -抽奖")
        waiting, seen = ["/settings"], set()
        while waiting:
            line = waiting.pop()
            reply = await person.ask(line)
            assert "don't understand" not in render(reply, 200, styled=False), line
            assert len(build_view(reply, 1, 1).children) > 0, "Discord takes it"
            assert len(reply.buttons) <= MAX_ROWS
            for button in buttons(reply):
                assert Press(button.line, fresh=button.fresh).fits(MAX_BUTTON_BYTES), button.line
                if button.line not in seen and button.line.startswith("/settings"):
                    seen.add(button.line)
                    if len(button.line.split()) == 3:
                        waiting.append(button.line)
        for word in ("time", "zone", "days", "language", "length", "sections", "words", "pause"):
            assert any(line.endswith(f" {word}") for line in seen), word


async def test_a_day_and_a_section_are_switched_in_their_menu(person: Person) -> None:
    await person.say("/subscribe")

    async def press(menu: str, label: str) -> Reply:
        shown = await person.ask(f"/settings ai {menu}")
        return await person.ask(next(b.line for b in buttons(shown) if b.label == label))

    again = await press("days", "✓ Sat")
    assert (await person.chosen()).weekdays == (0, 1, 2, 3, 4, 6)
    assert {"Sat", "✓ Sun"} <= {b.label for b in buttons(again)}, "the menu stays"
    await press("sections", "Views")
    assert (await person.chosen()).sections == (*BRIEF, "views")
    await press("sections", "✓ Points")
    assert (await person.chosen()).sections == ("overview", "views")
    await press("sections", "All sections")
    assert (await person.chosen()).length == "detail"
    await person.say("/settings sat")
    await press("days", "✓ Sat")
    assert (await person.chosen()).weekdays == (5,), "the last day stays on"
    await person.say("/settings +NVDA -抽奖")
    await press("words", "✕ +NVDA")
    assert (await person.chosen()).highlight == ()
    assert (await person.chosen()).without == ("抽奖",)


async def test_a_change_during_the_day_leaves_one_digest_for_that_day(person: Person) -> None:
    """F32: what was due today is settled, and every answer says so."""
    await person.say("/subscribe 11:00")
    ledger = Ledger(person.store)
    early = datetime(2025, 12, 8, 9, tzinfo=UTC)
    await person.store.subscribe(await person.chosen(), early)
    assert await ledger.propose({"ai": TOPIC}, NOW) == 1
    said = await person.say("/settings 18:00")
    assert "already scheduled" in said
    assert "Next: 2025-12-09 Tue 18:00" in said
    assert "Next: 2025-12-09 Tue 18:00" in await person.say("/next")
    later = NOW.replace(hour=19)
    assert await ledger.propose({"ai": TOPIC}, later) == 0, "the ledger agrees"
    assert "already scheduled" not in await person.say("/settings +NVDA")
    said = await person.say("/settings 07:00")
    assert "Next: 2025-12-10 Wed 07:00" in said, "made at 08:00: tomorrow's is what it had today"


async def test_a_time_before_the_newest_report_is_made_says_so(person: Person) -> None:
    said = await person.say("/subscribe 07:00")
    assert "Tue 07:00, in 19 hours, with the report for 7 December" in said
    assert "the one after it is made at 08:00" in said
    assert "with the report for 7–13 December" in await person.say("/settings weekly mon")


async def test_f33_a_zone_that_is_gone_is_utc(person: Person) -> None:
    await person.store.subscribe(replace(USUAL, timezone="Atlantis/Gone"), NOW)
    assert "Next: 2025-12-09 Tue 08:00" in await person.say("/next")


def test_no_section_is_without_a_word() -> None:
    for name in SECTIONS:
        asked = parse_options(["nothing", name], {"nothing": "x"})
        assert asked == OptionRequest(topics=("x",), sections=(name,))


@pytest.mark.parametrize("words", [["x"] * 5000, ["每天" * 2000], ["周一" * 2000], ["一" * 4000]])
def test_endless_words_are_no_setting(words: list[str]) -> None:
    with pytest.raises(Unknown):
        parse_options(words, {"ai": "ai"})
