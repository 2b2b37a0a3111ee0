"""/search and /forget, as people type them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, time
from pathlib import Path

import pytest

from bot.commands import answer
from bot.messages import Incoming
from bot.platforms.terminal import everything, render
from bot.services import Services
from digest.models import Chat, Item, Subscription
from digest.store import Store
from tests.hosts import NOW, context
from tests.made_replies import strings
from tests.test_search import make_report

CHAT = Chat("telegram", "42")


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        await store.save_report(make_report())
        await store.save_report(make_report(date(2025, 11, 1)))
        yield context(store, tmp_path)


async def say(services: Services, line: str, chat: Chat = CHAT) -> str:
    replies = [r async for r in answer(services, Incoming(chat, "42", line))]
    assert replies
    return "\n".join(render(reply, 100, styled=False) for reply in replies)


async def test_hits_come_with_day_words_marked_and_posts(services: Services) -> None:
    text = await say(services, "/search nvidia")
    assert "2025-12-06 · 芯片" in text
    assert "【英伟达】发布新款芯片" in text
    assert "example.com/1" in text
    assert text.index("2025-12-06") < text.index("2025-11-01")


@pytest.mark.parametrize(
    ("line", "days"),
    [
        ("/search Bun", 2),
        ("/search Bun ai", 2),
        ("/search Bun ai 7", 1),
        ("/search Bun 7d", 1),
        ("/search Bun 近7天", 1),
        ("/搜索 Bun 2025-11-01", 1),
        ("/search Bun 2025-12-01..2025-12-07 ai", 1),
        ("/search GPT 5.2", 2),
        ("/search GPT 5.2 2025-12-06", 1),
        ("/search Bun Nov 1-2", 1),
        ("/search ai Bun", 2),
        ("/search Bun 最近 7 天", 1),
        ("/search Open AI", 2),
    ],
)
async def test_topic_and_days_stand_at_the_end(services: Services, line: str, days: int) -> None:
    assert len(set((await say(services, line)).split()) & {"2025-12-06", "2025-11-01"}) == days
    assert "Bun 24/7" in await say(services, "/search Bun 24/7"), "no 24th of July"


async def test_the_buttons_show_more_of_each_hit(services: Services) -> None:
    (reply,) = [r async for r in answer(services, Incoming(CHAT, "42", "/search Mistral"))]
    lines = [button.line for button in reply.buttons[0]]
    assert lines[0] == "/detail ai 2025-12-06 events"
    for line in lines:
        assert "Mistral" in await say(services, line)


async def test_nothing_found_says_so(services: Services) -> None:
    assert "归档中没有" in await say(services, "/search zyxwv")
    assert "/search" in await say(services, "/search")
    for words in ("Bun 4-5", "Bun 4 to 4.5", "Bun 4到4.5"):
        assert f"“{words}”" in await say(services, f"/search {words}")
    assert "“Bun 2”" in await say(services, "/search Bun 2 Nov 1-2")


async def test_a_name_that_ends_in_ai_is_looked_for_whole(services: Services) -> None:
    assert "“Open AI”" in await say(services, "/search Open AI")
    assert "“Open AI”" in await say(services, "/search Open AI 7")


async def test_the_only_topic_takes_no_items_away(services: Services) -> None:
    newest = await services.store.load_latest("ai")
    assert newest
    told = Item("英伟达称人工智能 AI 需求强劲。", cites=("x:9",))
    sections = [replace(s, items=(told,)) if s.name == "ai" else s for s in newest.sections]
    await services.store.save_report(replace(newest, sections=tuple(sections)))
    titled = replace(services.topics["ai"], title={"zh": "人工智能", "en": "AI"})
    services = replace(services, topics={"ai": titled})
    text = await say(services, "/search 英伟达 人工智能")
    assert "“英伟达”" in text
    assert "发布新款" in text


async def test_a_misspelled_name_is_asked_back(services: Services) -> None:
    newest = await services.store.load_latest("ai")
    assert newest
    words = {"Kitewick": 3, "model": 9}
    await services.store.save_report(replace(newest, wordcounts=words))
    assert "是不是" not in await say(services, "/search kitewik"), "only its posts have the word"
    told = Item("Kitewick 完成融资。", cites=("x:1",))
    sections = [replace(s, items=(told,)) if s.name == "points" else s for s in newest.sections]
    await services.store.save_report(replace(newest, wordcounts=words, sections=tuple(sections)))
    assert "是不是要找“Kitewick”" in await say(services, "/search kitewik")
    assert "是不是要找“Kitewick 融资”" in await say(services, "/search kitewik 融资")
    assert "是不是" not in await say(services, "/search zyxwv")
    assert "是不是" not in await say(services, "/search Kitewick"), "it is spelled well"


async def test_no_text_is_an_operator_or_fails(services: Services) -> None:
    for text in strings(150):
        assert " id " not in await say(services, f"/search {text}")


async def test_a_person_is_forgotten_after_a_second_word(services: Services) -> None:
    await services.store.subscribe(Subscription(CHAT, "ai", time(8), "UTC"), NOW)
    assert "/forget yes" in await say(services, "/forget")
    assert len(await services.store.list_subscriptions(CHAT)) == 1
    assert "订阅 1 个" in await say(services, "/forget yes")
    assert await services.store.list_subscriptions(CHAT) == []
    await services.store.subscribe(Subscription(CHAT, "ai", time(8), "UTC"), NOW)
    await services.store.unsubscribe(CHAT, "ai")
    assert "订阅 0 个" in await say(services, "/forget yes"), "it had ended"


async def test_an_admin_forgets_what_a_group_has_chosen(services: Services) -> None:
    group = Chat("telegram", "-7", kind="group")
    for line, number in (("/settings en", 1), ("/forget yes", 0)):
        asked = Incoming(group, "42", line, configures=everything)
        assert [shown async for shown in answer(services, asked)]
        assert len(await services.store.read_notes("chat languages")) == number


async def test_a_member_of_a_group_cannot_end_its_subscription(services: Services) -> None:
    group = Chat("telegram", "-7", kind="group")
    await services.store.subscribe(Subscription(group, "ai", time(8), "UTC"), NOW)
    await say(services, "/forget yes", group)
    assert len(await services.store.list_subscriptions(group)) == 1
