"""The Telegram server of the tests, as python-telegram-bot sees it."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from telegram import (
    Bot,
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    MessageEntity,
    ReplyParameters,
    Update,
)
from telegram.error import (
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.ext import Application, CallbackQueryHandler, CommandHandler

from tests import telegram_server
from tests.telegram_server import TelegramServer

MEI, GROUP, FORUM, CHANNEL = 7, -55, -1001, -1002


def picture(width: int = 64, height: int = 48, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(file, kind)
    return file.getvalue()


def keys(*labels: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(x, callback_data=f"do {x}")] for x in labels]
    )


@asynccontextmanager
async def talk() -> AsyncIterator[tuple[TelegramServer, Bot]]:
    async with TelegramServer() as server:
        server.person(MEI, "小梅")
        server.group(GROUP, "家")
        server.supergroup(FORUM, "论坛", forum=True)
        server.channel(CHANNEL, "频道")
        async with Bot(server.token, base_url=server.url + "/bot") as bot:
            yield server, bot


async def refused(
    call: Awaitable[Any], words: str, kind: type[TelegramError] | None = None
) -> None:
    with pytest.raises(kind or TelegramError) as caught:
        await call
    assert words in caught.value.message


async def raw(server: TelegramServer, method: str, sent: dict[str, Any]) -> str:
    """What it says to a request that no library would send."""
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{server.url}/bot{server.token}/{method}", json=sent)
    return str(answer.json().get("description"))


async def test_says_who_it_is() -> None:
    async with talk() as (server, bot):
        assert (bot.id, bot.username) == (server.bot["id"], "jianbao_bot")
        async with httpx.AsyncClient() as client:
            wrong = await client.get(f"{server.url}/bot123:wrong/getMe")
            assert (wrong.status_code, wrong.json()["description"]) == (401, "Unauthorized")
            root = f"{server.url}/bot{server.token}"
            assert (await client.get(f"{root}/getNothing")).status_code == 404
            sent = await client.get(f"{root}/sendMessage", params={"chat_id": MEI, "text": "好"})
            assert sent.json()["result"]["text"] == "好"
            body = {"chat_id": MEI, "text": "是", "reply_parameters": {"message_id": 1}}
            sent = await client.post(f"{root}/sendMessage", json=body)
            assert sent.json()["result"]["reply_to_message"]["text"] == "好"
        stranger = Bot("1:other", base_url=server.url + "/bot")
        with pytest.raises(InvalidToken):
            await stranger.initialize()
        await stranger.shutdown()


async def test_holds_get_updates_until_there_is_one() -> None:
    async with talk() as (server, bot):
        start = time.monotonic()
        assert await bot.get_updates(timeout=1) == ()
        assert time.monotonic() - start >= 0.9
        waiting = asyncio.create_task(bot.get_updates(timeout=20))
        await server.until(lambda: len(server.calls) == 3)
        server.say(MEI, MEI, "😀 /start@jianbao_bot")
        (update,) = await asyncio.wait_for(waiting, 2)
        message = update.message
        assert message
        assert (message.from_user and message.from_user.language_code) == "zh"
        assert message.parse_entities() == {message.entities[0]: "/start@jianbao_bot"}
        assert message.entities[0].offset == 3


async def test_confirms_by_offset_and_repeats() -> None:
    async with talk() as (server, bot):
        first, second, third = (server.say(MEI, MEI, text)["update_id"] for text in "abc")
        assert [u.update_id for u in await bot.get_updates(limit=2)] == [first, second]
        assert [u.update_id for u in await bot.get_updates(second)] == [second, third]
        assert [u.update_id for u in await bot.get_updates(-1)] == [third]
        assert await bot.get_updates(third + 1) == ()
        server.repeat(first)
        assert [u.update_id for u in await bot.get_updates(third + 1)] == [first]
        assert await bot.get_updates(third + 1) == ()
        await bot.get_updates(allowed_updates=["callback_query"])
        server.say(MEI, MEI, "d")
        assert await bot.get_updates() == ()


async def test_ends_the_older_of_two_pollers() -> None:
    async with talk() as (server, bot):
        older = asyncio.create_task(bot.get_updates(timeout=20))
        await server.until(lambda: server.calls[-1][0] == "getUpdates")
        async with Bot(server.token, base_url=server.url + "/bot") as other:
            assert await other.get_updates() == ()
        await refused(older, "Conflict: terminated by other getUpdates request", Conflict)
        server.webhook = "https://example.org/"
        await refused(bot.get_updates(), "use deleteWebhook to delete the webhook first", Conflict)
        await bot.delete_webhook(drop_pending_updates=True)
        assert await bot.get_updates() == ()


async def test_refuses_texts() -> None:
    async with talk() as (server, bot):
        for empty in (" \n", "\u200b\u2060 ", ""):
            await refused(bot.send_message(MEI, empty), "Message text is empty")
        await refused(bot.send_message(MEI, "😀" * 2049), "Message is too long")
        sent = await bot.send_message(MEI, "😀" * 2048 + "\n")
        assert len(sent.text or "") == 2048
        caption = bot.send_photo(MEI, picture(), caption="字" * 1025)
        await refused(caption, "Message caption is too long")
        await refused(bot.send_message(99, "x"), "Chat not found")
        await refused(bot.send_message(FORUM, "x", message_thread_id=5), "thread not found")
        reply = ReplyParameters(77)
        lost = bot.send_message(MEI, "x", reply_parameters=reply)
        await refused(lost, "Message to be replied not found")
        assert len(server.messages(MEI)) == 1


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        ([("bold", 0, 3), ("italic", 2, 3)], "crosses bold"),
        ([("bold", 1, 2)], "cuts a surrogate pair"),
        ([("bold", 5, 9)], "lies outside"),
        ([("bold", 2, 0)], "is empty"),
        ([("loud", 2, 1)], "unknown type"),
        ([("text_link", 2, 1)], "has no url"),
        ([("blockquote", 0, 5), ("blockquote", 2, 2)], "may not stand inside"),
        ([("bold", 2, 3), ("text_link", 2, 1, "javascript:x")], "javascript"),
    ],
)
async def test_refuses_entities(marks: list[tuple[Any, ...]], words: str) -> None:
    async with talk() as (_, bot):
        entities = [
            MessageEntity(mark[0], mark[1], mark[2], url=(*mark, None)[3]) for mark in marks
        ]
        await refused(bot.send_message(MEI, "😀abcde", entities=entities), words)


async def test_keeps_entities_in_order_and_trimmed() -> None:
    async with talk() as (_, bot):
        link = MessageEntity("text_link", 4, 2, url="https://example.org/?a=1")
        bold = MessageEntity("bold", 2, 9)
        sent = await bot.send_message(MEI, "\n\n字字字字  \n\n\n", entities=[link, bold])
        assert sent.text == "字字字字"
        assert sent.parse_entities() == {sent.entities[0]: "字字字字", sent.entities[1]: "字字"}
        assert sent.entities[1].url == "https://example.org/?a=1"


async def test_refuses_keyboards() -> None:
    def button(text: str = "x", **more: Any) -> InlineKeyboardButton:
        return InlineKeyboardButton(text, **more)

    many = [[button(callback_data="x")] * 8] * 13
    wrong = [
        ([[button(callback_data="字" * 22)]], "Button_data_invalid"),
        ([[button(" ", callback_data="x")]], "text must be non-empty"),
        ([[button()]], "text buttons are unallowed"),
        ([[button(callback_data="x", url="https://example.org")]], "more than one action"),
        ([[button(url="ftp://example.org")]], "is invalid"),
        ([[button(callback_data="x")] * 9], "more than 8"),
        (many, "too long"),
    ]
    async with talk() as (_, bot):
        for rows, words in wrong:
            markup = InlineKeyboardMarkup(rows)
            with pytest.raises(TelegramError) as caught:
                await bot.send_message(MEI, "x", reply_markup=markup)
            assert words.lower() in caught.value.message.lower()


async def test_refuses_where_the_bot_may_not_write() -> None:
    async with talk() as (server, bot):
        for chat, words in (
            (MEI, "bot was blocked by the user"),
            (GROUP, "bot was kicked from the group chat"),
            (FORUM, "bot was kicked from the supergroup chat"),
            (CHANNEL, "bot was kicked from the channel chat"),
        ):
            update = server.remove_bot(chat, MEI)
            assert update["my_chat_member"]["new_chat_member"]["status"] == "kicked"
            await refused(bot.send_message(chat, "x"), words, Forbidden)
            server.add_bot(chat, MEI)
            await bot.send_message(chat, "x")
        server.member(CHANNEL, bot.id, "administrator", can_post_messages=False)
        await refused(bot.send_message(CHANNEL, "x"), "administrator rights in the channel")
        server.member(GROUP, bot.id, "member", can_send_photos=False)
        await refused(bot.send_photo(GROUP, picture()), "Not enough rights to send photos")
        await bot.leave_chat(FORUM)
        await refused(bot.send_message(FORUM, "x"), "not a member of the supergroup", Forbidden)
        updates = await bot.get_updates()
        moves = [u.my_chat_member.new_chat_member.status for u in updates if u.my_chat_member]
        assert moves == ["kicked", "member"] * 3 + ["kicked", "administrator", "left"]
        assert sum(bool(u.message and u.message.new_chat_members) for u in updates) == 2


async def test_takes_photos() -> None:
    async with talk() as (server, bot):
        sent = await bot.send_photo(CHANNEL, picture(2000, 1000), caption="图")
        assert [(size.width, size.height) for size in sent.photo] == [(90, 45), (1280, 640)]
        assert sent.sender_chat
        again = await bot.send_photo(MEI, sent.photo[-1].file_id)
        assert again.photo == sent.photo
        assert [m.photo for m in server.messages(MEI)] == [picture(2000, 1000)]
        await bot.send_photo(MEI, picture(kind="JPEG"))
        await refused(bot.send_photo(MEI, "AgAC-none"), "Wrong file identifier")
        await refused(bot.send_photo(MEI, b"GIF89a"), "Image_process_failed")
        await refused(bot.send_photo(MEI, picture()[:50]), "Image_process_failed")
        await refused(bot.send_photo(MEI, bytes(11 << 20)), "too big for a photo")
        await refused(bot.send_photo(MEI, picture(2100, 100)), "Photo_invalid_dimensions")
        edit = bot.edit_message_text("x", CHANNEL, sent.message_id)
        await refused(edit, "There is no text in the message to edit")
        await bot.edit_message_caption(CHANNEL, sent.message_id, caption="新图")
        root = f"{server.url}/bot{server.token}/sendPhoto"
        async with httpx.AsyncClient() as client:
            data = {"chat_id": str(MEI), "photo": "attach://one"}
            answer = await client.post(root, data=data, files={"one": ("a.png", picture())})
            assert answer.json()["ok"]


async def test_edits_and_deletes() -> None:
    async with talk() as (server, bot):
        sent = await bot.send_message(GROUP, "一", reply_markup=keys("甲"))
        number = sent.message_id
        same = bot.edit_message_text("一", GROUP, number, reply_markup=keys("甲"))
        await refused(same, "are exactly the same as a current content and reply markup")
        await bot.edit_message_text("二", GROUP, number)
        assert (server.messages(GROUP)[0].buttons, server.edits) == ([], 1)
        await bot.edit_message_reply_markup(GROUP, number, reply_markup=keys("乙"))
        said = server.say(GROUP, MEI, "好")["message"]["message_id"]
        for other in (said, 99):
            await refused(bot.edit_message_text("x", GROUP, other), "Message to edit not found")
        edit = bot.edit_message_caption(GROUP, number, caption="x")
        await refused(edit, "There is no caption in the message to edit")
        await bot.delete_message(GROUP, number)
        assert server.messages(GROUP)[0].deleted
        await refused(bot.delete_message(GROUP, number), "Message to delete not found")


async def test_upgrades_a_group() -> None:
    async with talk() as (server, bot):
        server.upgrade(GROUP, -1009)
        first, second = [u.message for u in await bot.get_updates()]
        assert first
        assert second
        assert (first.migrate_to_chat_id, second.migrate_from_chat_id) == (-1009, GROUP)
        with pytest.raises(ChatMigrated) as moved:
            await bot.send_message(GROUP, "x")
        await bot.send_message(moved.value.new_chat_id, "x")


async def test_people_have_many_faces() -> None:
    async with talk() as (server, bot):
        server.say(GROUP, MEI, "a", anonymous=True)
        server.say(GROUP, MEI, "b", as_channel=CHANNEL)
        server.say(FORUM, MEI, "c", thread=9)
        server.say(CHANNEL, MEI, "d")
        a, b, c, d = [u.effective_message for u in await bot.get_updates()]
        assert a
        assert b
        assert c
        assert d
        assert (a.sender_chat and a.sender_chat.id, a.from_user and a.from_user.id) == (
            GROUP,
            1087968824,
        )
        assert b.sender_chat == d.sender_chat == d.chat
        assert (c.message_thread_id, c.is_topic_message, d.from_user) == (9, True, None)
        sent = await bot.send_message(FORUM, "e", message_thread_id=9)
        assert (sent.message_thread_id, sent.is_topic_message) == (9, True)


async def test_knows_chats_and_members() -> None:
    async with talk() as (server, bot):
        server.member(CHANNEL, MEI, "creator")
        chat = await bot.get_chat(FORUM)
        assert (chat.title, chat.type, chat.is_forum) == ("论坛", "supergroup", True)
        assert (await bot.get_chat_member(CHANNEL, MEI)).status == "creator"
        assert (await bot.get_chat_member(GROUP, MEI)).status == "left"
        owners = {one.user.id for one in await bot.get_chat_administrators(CHANNEL)}
        assert owners == {bot.id, MEI}
        await bot.send_chat_action(GROUP, "typing")
        await refused(bot.get_chat_member(GROUP, 12345), "Participant_id_invalid")


async def test_sets_commands_and_descriptions() -> None:
    async with talk() as (server, bot):
        commands = [BotCommand("start", "开始")]
        await bot.set_my_commands(commands, language_code="zh")
        assert await bot.get_my_commands(language_code="zh") == tuple(commands)
        assert await bot.get_my_commands() == ()
        assert server.commands["default", "zh"][0]["command"] == "start"
        await bot.delete_my_commands(language_code="zh")
        assert server.commands == {}
        await refused(bot.set_my_commands([("Start", "x")]), "Bot_command_invalid")
        await refused(bot.set_my_commands([("a", "")]), "Bot_command_description_invalid")
        await bot.set_my_description("日报")
        await bot.set_my_short_description("报", language_code="zh")
        assert server.descriptions == {
            ("description", ""): "日报",
            ("short_description", "zh"): "报",
        }
        await refused(bot.set_my_short_description("字" * 121), "longer than 120")


async def test_serves_a_whole_application() -> None:
    async def start(update: Update, _: Any) -> None:
        assert update.effective_message
        await update.effective_message.reply_text("好", reply_markup=keys("甲"))

    async def pressed(update: Update, _: Any) -> None:
        assert update.callback_query
        await update.callback_query.answer("收到")
        await update.callback_query.edit_message_text("完")

    async with TelegramServer() as server:
        server.person(MEI, "小梅")
        builder = Application.builder().token(server.token).base_url(server.url + "/bot")
        app = builder.build()
        app.add_handler(CommandHandler("start", start))
        app.add_handler(CallbackQueryHandler(pressed))
        async with app:
            assert app.updater
            await app.updater.start_polling()
            await app.start()
            server.say(MEI, MEI, "/start")
            await server.until(lambda: server.messages(MEI))
            server.press(MEI, 2, "甲", MEI)
            await server.until(lambda: server.edits)
            assert server.messages(MEI)[0].text == "完"
            with pytest.raises(AssertionError, match="no button"):
                server.press(MEI, 2, "乙", MEI)
            await app.updater.stop()
            await app.stop()


async def test_queries_grow_old() -> None:
    async with talk() as (server, bot):
        sent = await bot.send_message(MEI, "x", reply_markup=keys("甲"))
        query = server.press(MEI, sent.message_id, "do 甲", MEI)["callback_query"]["id"]
        await bot.answer_callback_query(query)
        server.query_seconds = 0
        for name in (query, "1"):
            await refused(bot.answer_callback_query(name), "Query is too old and response timeout")


async def test_fails_loses_and_delays_as_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # the library warns of its own seconds
    async with talk() as (server, bot):
        server.fail("sendMessage", 429, "Too Many Requests: retry after 3")
        with pytest.raises(RetryAfter) as flood:
            await bot.send_message(MEI, "a")
        assert flood.value.retry_after == timedelta(seconds=3)
        server.fail("sendMessage", 500, "Internal Server Error: restart", times=2)
        for _ in range(2):
            await refused(bot.send_message(MEI, "b"), "restart", NetworkError)
        server.lose("sendMessage")
        with pytest.raises(NetworkError):
            await bot.send_message(MEI, "c")
        server.delay("sendMessage", 0.2)
        start = time.monotonic()
        await bot.send_message(MEI, "d")
        assert time.monotonic() - start >= 0.2
        assert [message.text for message in server.messages(MEI)] == ["c", "d"]
        with pytest.raises(AssertionError, match=r"not so after 0\.1 s.*sendMessage"):
            await server.until(lambda: False, 0.1)


@pytest.mark.parametrize("described", [True, False])
async def test_faults_raise_at_the_end(described: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not described:
        monkeypatch.setattr(telegram_server, "SPEC", Path("none.json"))
    calls: list[tuple[str, dict[str, Any], str]] = [
        ("sendMessage", {"chat_id": MEI, "text": "x", "silent": True}, "takes no silent"),
        ("sendMessage", {"chat_id": MEI}, "needs text"),
        ("getUpdates", {"timeout": "soon"}, "timeout is no Integer"),
        ("sendMessage", {"chat_id": MEI, "text": "<b>", "parse_mode": "HTML"}, "parses nothing"),
    ]

    async def misbehave() -> None:
        async with talk() as (server, bot):
            for method, sent, words in calls:
                assert words in await raw(server, method, sent)
            entities = [MessageEntity("bold", i, 1) for i in range(101)]
            many = bot.send_message(MEI, "x" * 101, entities=entities)
            await refused(many, "101 entities", NetworkError)

    with pytest.raises(AssertionError) as caught:
        await misbehave()
    assert len(str(caught.value).splitlines()) == 5


@pytest.mark.skipif(not telegram_server.SPEC.exists(), reason="the API's description is not here")
async def test_checks_nested_objects() -> None:
    async with talk() as (server, _):
        sent: dict[str, Any] = {"chat_id": MEI, "text": "x"}
        markup = {"inline_keyboard": [[{"text": "x", "data": "x"}]]}
        assert "is no" in await raw(server, "sendMessage", sent | {"reply_markup": markup})
        entities = [{"type": "bold", "offset": "0", "length": 1}]
        words = await raw(server, "sendMessage", sent | {"entities": entities})
        assert "entities[0].offset is no Integer" in words
        assert len(server.faults) == 2
        server.faults.clear()
