"""What must not happen on Telegram: posts by a press, an end by a page of an edge, a lost update."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.commands import COMMANDS
from bot.host import BotHost
from bot.platforms import Unreachable, telegram
from bot.platforms.telegram import Telegram
from digest.models import Chat, Item
from tests.hosts import NOW
from tests.posts import TOPIC, post
from tests.samples import DAY, report
from tests.telegram_chats import Message
from tests.test_telegram import CHANNEL, FORUM, GROUP, MEI, Running, talking


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[Running]:
    async with talking(tmp_path) as found:
        yield found


ALIKE = {"unsubscribe", "next", "topics", "crypto", "finance", "events", "month", "why", "cloud"}
"""Their replies have the buttons of others; twenty lines are answered within a minute."""
WORDS = {"story": " 1", "ask": " How good is Meridian?", "search": " Meridian", "sources": " 1"}
LINES = [
    f"/{row.name}{WORDS.get(row.name, '')}"
    for row in COMMANDS
    if row.who != "operators" and row.name not in ALIKE
]


def callbacks(message: Message) -> list[str]:
    buttons = [button for row in message.buttons for button in row]
    return [button["callback_data"] for button in buttons if "callback_data" in button]


async def test_a_reader_of_a_channel_posts_nothing_by_pressing(up: Running) -> None:
    many = tuple(Item(f"Statement {n}. " * 20, cites=("x:1",)) for n in range(40))
    await up.context.store.save_report(report(DAY, views=many))
    for line in (*LINES, "/settings time", "/settings zone", "/unsubscribe"):
        before = len(up.server.messages(CHANNEL))
        up.server.say(CHANNEL, MEI, line)
        await up.server.until(lambda: len(up.server.messages(CHANNEL)) > before)  # noqa: B023
    seen = 0
    while seen < len(up.server.messages(CHANNEL)):  # the later parts of an answer
        seen = len(up.server.messages(CHANNEL))
        await asyncio.sleep(1)
    messages = up.server.messages(CHANNEL)
    posts, texts = len(messages), [message.text for message in messages]
    old = ["=2/detail", "=1/views ai", "+1/brief", "+1/report ai 2025-12-04", "+1/now", "nonsense"]
    for message in messages:
        for data in [*callbacks(message), *old]:
            message.buttons.append([{"text": data, "callback_data": data}])
            await up.press(message, data, 8)
    await asyncio.sleep(0.3)
    assert len(up.server.messages(CHANNEL)) == posts
    assert [message.text for message in messages] == texts
    sent = [values for name, values in up.server.calls if name == "answerCallbackQuery"]
    assert any(one.get("url") == "https://t.me/jianbao_bot?start=detail" for one in sent)
    assert any("Only admins of this chat" in one.get("text", "") for one in sent)


async def test_an_answer_is_shown_although_its_press_cannot_be_answered(up: Running) -> None:
    (brief, *_) = await up.ask(MEI, "/views")
    for code, page in ((502, "<html>"), (429, "Too Many Requests: retry after 9"), (400, "odd")):
        before = len(up.server.messages(MEI))
        brief.buttons.append([{"text": f"{code}", "callback_data": "+1/stocks"}])
        up.server.fail("answerCallbackQuery", code, page)
        await up.press(brief, f"{code}")
        await up.server.until(lambda: len(up.server.messages(MEI)) > before)  # noqa: B023
        assert "NVDA fell" in up.server.messages(MEI)[-1].text


async def test_an_answer_too_late_for_a_toast_is_sent(
    up: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    (views, *_) = await up.ask(GROUP, "/views")
    views.buttons.append([{"text": "settings", "callback_data": "=1/subscribe ai"}])
    before = views.text
    await up.press(views, "settings", 8)
    posts = len(up.server.messages(GROUP))
    monkeypatch.setattr(telegram, "QUICK_SECONDS", 0.0)
    await up.press(views, "settings", 8)
    await up.server.until(lambda: len(up.server.messages(GROUP)) == posts + 1)
    assert "Only admins of this chat" in up.server.messages(GROUP)[-1].text
    assert views.text == before
    answers = [sent for name, sent in up.server.calls if name == "answerCallbackQuery"]
    assert len(answers) == 2, "a press has one answer"
    assert "Only admins of this chat" in answers[0]["text"]


async def test_an_admin_of_a_channel_changes_settings_in_place(up: Running) -> None:
    up.server.member(CHANNEL, MEI, "administrator")
    up.server.say(CHANNEL, MEI, "/subscribe")
    await up.server.until(lambda: len(up.server.messages(CHANNEL)) == 2)
    settings = up.server.messages(CHANNEL)[0]
    for data in callbacks(settings)[:4]:
        before = up.server.edits
        await up.press(settings, data, MEI)
        await up.server.until(lambda: up.server.edits > before)  # noqa: B023
        await up.press(settings, callbacks(settings)[-1], MEI)
        await up.server.until(lambda: up.server.edits > before + 1)  # noqa: B023
    await asyncio.sleep(0.2)
    assert len(up.server.messages(CHANNEL)) == 2


async def test_an_update_that_cannot_be_read_is_skipped(
    up: Running, caplog: pytest.LogCaptureFixture
) -> None:
    person = up.server.users[MEI]
    broken = {"message_id": 5, "from": person, "date": "yesterday", "text": "/views secret words"}
    for body in (broken, broken | {"chat": {"id": MEI, "type": "private"}}, {"chat": 5}):
        up.server._queue("message", body)
        up.server._queue("my_chat_member", body)
    (answer,) = await up.ask(MEI, "/views")
    assert "标题views" in answer.text
    assert caplog.text.count("is skipped") == 6
    assert "secret" not in caplog.text


@pytest.mark.parametrize("code", [302, 400, 401, 403, 404, 502])
async def test_an_error_page_of_a_proxy_ends_no_subscription(up: Running, code: int) -> None:
    up.server.member(CHANNEL, MEI, "administrator")
    up.server.say(CHANNEL, MEI, "/subscribe")
    await up.server.until(lambda: len(up.server.messages(CHANNEL)) == 2)
    for method in ("getUpdates", "sendMessage"):
        up.server.fail(method, code, "<html>go away</html>", times=2)
    up.server.say(CHANNEL, MEI, "/views")
    await up.server.until(lambda: len(up.server.messages(CHANNEL)) == 3, 15)
    assert len(await up.context.store.list_subscriptions(Chat("telegram", str(CHANNEL)))) == 1
    up.server.fail("getMe", code, "<html>go away</html>", times=9)
    with pytest.raises(Unreachable):
        await Telegram(up.bot.host, up.bot.setup).run()


async def test_an_outage_of_telegram_is_recorded(up: Running) -> None:
    host = up.bot.host
    assert isinstance(host, BotHost)
    assert host.platforms == {"telegram": True}
    up.server.fail("getUpdates", 502, "<html>go away</html>")
    up.server.say(MEI, MEI, "/views")  # ends the request for updates that is held
    await up.server.until(lambda: not host.platforms["telegram"])
    assert "HTTP 502" in host.measure_outage("telegram")[1]
    await up.server.until(lambda: host.platforms["telegram"])
    assert host.measure_outage("telegram") == (0.0, "")
    assert up.lines == ["telegram: ready as @jianbao_bot"]


async def test_comments_are_answered_in_their_thread_and_forwards_are_not(up: Running) -> None:
    up.server.supergroup(-1003, "Comments")
    chat = up.server.chats[-1003]
    forwarded = up.server.keep(chat, {"sender_chat": up.server.chats[CHANNEL].shown}, text="/views")
    body = up.server.shown(forwarded)
    up.server._queue("message", body | {"is_automatic_forward": True})
    comment = up.server.keep(chat, {"from": up.server.users[MEI]}, text="/views")
    thread = {"message_thread_id": forwarded.message_id}
    up.server._queue("message", up.server.shown(comment) | thread)
    await up.server.until(lambda: up.server.messages(-1003))
    (answer,) = up.server.messages(-1003)
    assert answer.reply_to == comment.message_id


async def test_a_topic_that_is_gone_ends_its_subscription_alone(up: Running) -> None:
    up.server.topic(FORUM, 5)
    up.server.member(FORUM, MEI, "administrator")
    here, whole = Chat("telegram", str(FORUM), "5"), Chat("telegram", str(FORUM))
    for thread in (5, None):
        before = len(up.server.messages(FORUM))
        up.server.say(FORUM, MEI, "/subscribe", thread=thread)
        await up.server.until(lambda: len(up.server.messages(FORUM)) == before + 2)  # noqa: B023
    up.server.fail("sendMessage", 400, "Bad Request: message thread not found")
    up.server.say(FORUM, MEI, "/views", thread=5)
    await up.ask(MEI, "/views")
    for _ in range(100):
        if not await up.context.store.list_subscriptions(here):
            break
        await asyncio.sleep(0.02)
    assert await up.context.store.list_subscriptions(here) == []
    assert len(await up.context.store.list_subscriptions(whole)) == 1
    (kept,) = await up.context.store.list_subscriptions(whole)
    assert kept.chat.title == "A forum"


async def test_only_the_first_part_rings(up: Running) -> None:
    many = tuple(Item(f"Statement {n}. " * 20, cites=("x:1",)) for n in range(10))
    await up.context.store.save_report(report(DAY, points=many))
    first, *others = await up.ask(MEI, "/brief", messages=2)
    assert not first.disable_notification
    assert all(message.disable_notification for message in others)


async def test_waiting_for_a_report_blocks_no_other_user(
    up: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = asyncio.Event()

    async def slow(*_: object, **__: object) -> str:
        await made.wait()
        return "no posts"

    monkeypatch.setattr(up.context.builder, "build", slow)
    await up.context.store.save_posts(
        TOPIC,
        "x_list",
        [replace(post("A post", "9"), created_at=datetime(2025, 11, 20, 9, tzinfo=UTC))],
    )
    for person in range(1000, 1005):
        up.server.person(person, "Somebody")
        for _ in range(17):
            up.server.say(person, person, "/report 2025-11-20")
    await up.server.until(lambda: len(up.server.messages(1004)) == 17, 20)
    began = asyncio.get_running_loop().time()
    await up.ask(MEI, "/views")
    assert asyncio.get_running_loop().time() - began < 2.0
    made.set()


async def test_a_thousand_lines_of_one_person_hold_up_nobody(up: Running) -> None:
    up.server.person(1000, "Somebody")
    for _ in range(1000):
        up.server.say(1000, 1000, "/views")
    up.server.say(MEI, MEI, "/views")
    await up.server.until(lambda: up.server.messages(MEI), 60)
    assert len(up.server.messages(1000)) == 21, "twenty answers, and a word to slow down"
    seen = await up.context.store.mark_handled("telegram", f"{up.bot.bot.id}:700000900", NOW)
    assert seen, "most are neither read nor written down"
