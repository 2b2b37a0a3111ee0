"""The bot on Telegram, against a server that answers and refuses as Telegram's does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.messages import Paragraph, reply
from bot.platforms import Gone, PlatformError, Refused, Setup, Unreachable
from bot.platforms.telegram import Telegram
from bot.platforms.telegram.api import show_menus
from bot.services import Services
from digest.models import Chat, Item
from tests.hosts import BOSS, Maker, hosted, picture
from tests.samples import DAY, report
from tests.telegram_chats import Message, units
from tests.telegram_server import TelegramServer

MEI, GROUP, FORUM, CHANNEL = 7, -50, -1001, -1002


@dataclass
class Running:
    """A bot that talks to the server, and what stands behind it."""

    server: TelegramServer
    context: Services
    bot: Telegram
    lines: list[str]

    async def ask(self, chat: int, line: str, user: int = MEI, messages: int = 1) -> list[Message]:
        """What the bot sends to a line."""
        before = len(self.server.messages(chat))
        self.server.say(chat, user, line)
        await self.server.until(lambda: len(self.server.messages(chat)) >= before + messages)
        return self.server.messages(chat)[before:]

    async def press(self, message: Message, label: str, user: int = MEI) -> None:
        """Presses a button and waits until it stops turning."""
        before = self.count("answerCallbackQuery")
        self.server.press(message.chat_id, message.message_id, label, user)
        await self.server.until(lambda: self.count("answerCallbackQuery") > before)

    def count(self, method: str) -> int:
        return sum(name == method for name, _ in self.server.calls)


@contextlib.asynccontextmanager
async def running(folder: Path, server: TelegramServer) -> AsyncIterator[Running]:
    async with hosted(folder) as (host, context, lines):
        setup = Setup(server.token, server.url, operators=(BOSS,))
        bot = Telegram(host, setup)
        task = asyncio.create_task(bot.run())
        try:
            await server.until(lambda: lines or task.done())
            yield Running(server, context, bot, lines)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@contextlib.asynccontextmanager
async def talking(folder: Path) -> AsyncIterator[Running]:
    """The bot with people, a group, a forum and a channel."""
    async with TelegramServer() as server:
        server.person(MEI, "Mei")
        server.person(8, "Ann", language="en")
        server.person(int(BOSS), "Boss")
        server.group(GROUP, "A group")
        server.supergroup(FORUM, "A forum", forum=True)
        server.channel(CHANNEL, "A channel")
        async with running(folder, server) as found:
            yield found


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[Running]:
    async with talking(tmp_path) as found:
        yield found


def labels(message: Message) -> list[str]:
    return [button["text"] for row in message.buttons for button in row]


async def test_a_short_brief_is_one_picture_with_all_of_it_as_caption(up: Running) -> None:
    (points,) = await up.ask(MEI, "/brief")
    assert points.photo
    assert points.text.startswith("人工智能 · 2025-12-06 周六 · 简报")
    assert points.text.endswith("没有应答的来源：hn。"), "counts come last"
    assert "1. Meridian 3.\u20602 Pro" not in points.text, "a version is no address"
    assert "1. Meridian 3.2 Pro is out" in points.text
    links = [e["url"] for e in points.entities if e["type"] == "text_link"]
    assert links[0] == "https://x.com/ada/status/1"
    assert labels(points)[:3] == ["观点", "行情", "原帖"], "no button leads to an empty section"
    assert labels(points)[-1] == "◀ 12-04"


async def test_buttons_open_sections_and_turn_to_other_days(up: Running) -> None:
    (points,) = await up.ask(MEI, "/brief")
    await up.press(points, "观点")
    await up.server.until(lambda: len(up.server.messages(MEI)) == 2)
    section = up.server.messages(MEI)[-1]
    assert "标题views" in section.text
    await up.press(section, "行情")
    await up.server.until(lambda: "NVDA fell" in section.text)
    await up.press(section, "◀ 12-04")
    await up.server.until(lambda: "2025-12-04" in section.text)
    assert "NVDA fell" in section.text
    assert len(up.server.messages(MEI)) == 2, "the section's own message was edited"
    assert "12-06 ▶" in labels(section)
    await up.press(section, "行情")
    await up.server.until(
        lambda: sum(name == "editMessageText" for name, _ in up.server.calls) == 3
    )
    assert section.buttons
    assert up.server.edits == 2, "the same again changes nothing and is no fault"


async def test_a_long_section_is_paged_in_its_place(up: Running) -> None:
    many = tuple(Item(f"Statement {n}. " * 20, cites=("x:1",)) for n in range(40))
    await up.context.store.save_report(report(DAY, views=many))
    (first,) = await up.ask(MEI, "/views")
    assert labels(first)[:2] == ["1/3", "▶"]
    seen = [first.text]
    for number in (1, 2):
        await up.press(first, "▶")
        await up.server.until(lambda: up.server.edits == number)  # noqa: B023
        seen.append(first.text)
    assert labels(first)[:2] == ["◀", "3/3"]
    whole = "".join(seen)
    assert all(whole.count(f"Statement {n}. ") == 20 for n in range(40))


async def test_answers_stay_in_their_topic(up: Running) -> None:
    up.server.topic(FORUM, 5)
    before = len(up.server.messages(FORUM))
    up.server.say(FORUM, MEI, "/views", thread=5)
    await up.server.until(lambda: len(up.server.messages(FORUM)) > before)
    section = up.server.messages(FORUM)[-1]
    assert section.thread == 5
    await up.press(section, "行情")
    await up.server.until(lambda: "NVDA fell" in section.text)


async def test_subscribing_in_a_topic_is_for_admins_and_shows_that_it_works(up: Running) -> None:
    up.server.topic(FORUM, 5)
    chat = Chat("telegram", str(FORUM), "5")
    up.server.say(FORUM, MEI, "/subscribe", thread=5)
    await up.server.until(lambda: up.server.messages(FORUM))
    assert "管理员" in up.server.messages(FORUM)[0].text
    assert await up.context.store.list_subscriptions(chat) == []
    up.server.member(FORUM, MEI, "administrator")
    up.server.say(FORUM, MEI, "/subscribe 8:30 Asia/Shanghai", thread=5)
    await up.server.until(lambda: len(up.server.messages(FORUM)) == 3)
    said, points = up.server.messages(FORUM)[1:]
    assert "每天 08:30（上海时间）。下一份：2025-12-09 周二 08:30" in said.text
    assert points.photo
    assert "Meridian" in points.text
    assert {m.thread for m in (said, points)} == {5}
    (one,) = await up.context.store.list_subscriptions(chat)
    assert (one.topic, one.timezone, f"{one.at:%H:%M}") == ("ai", "Asia/Shanghai", "08:30")


async def test_an_anonymous_admin_is_an_admin_and_another_channel_is_not(up: Running) -> None:
    chat = Chat("telegram", str(FORUM))
    up.server.channel(-1009, "Elsewhere")
    up.server.say(FORUM, MEI, "/subscribe", as_channel=-1009)
    await up.server.until(lambda: up.server.messages(FORUM))
    assert await up.context.store.list_subscriptions(chat) == []
    up.server.say(FORUM, MEI, "/subscribe", anonymous=True)
    await up.server.until(lambda: len(up.server.messages(FORUM)) == 3)
    assert len(await up.context.store.list_subscriptions(chat)) == 1


async def test_a_channel_subscribes_by_a_post_and_its_buttons_lead_out(up: Running) -> None:
    up.server.say(CHANNEL, MEI, "/subscribe")
    await up.server.until(lambda: len(up.server.messages(CHANNEL)) == 2)
    points = up.server.messages(CHANNEL)[-1]
    links = {b["text"]: b.get("url") for row in points.buttons for b in row}
    assert links["观点"] == "https://t.me/jianbao_bot?start=views-ai-20251206"
    assert all(links.values())
    (answer,) = await up.ask(MEI, "/start views-ai-20251206")
    assert "标题views" in answer.text


async def test_the_greeting_in_a_channel_subscribes_for_admins_only(up: Running) -> None:
    up.server.remove_bot(CHANNEL, MEI)
    up.server.member(CHANNEL, MEI, "administrator")
    up.server.add_bot(CHANNEL, MEI)
    await up.server.until(lambda: up.server.messages(CHANNEL))
    (greeting,) = up.server.messages(CHANNEL)
    assert "每天" in greeting.text
    await up.press(greeting, "订阅：人工智能", 8)
    alert = [sent for name, sent in up.server.calls if name == "answerCallbackQuery"][-1]
    assert "Only admins of this chat" in alert["text"]
    assert len(up.server.messages(CHANNEL)) == 1, "only who pressed is told"
    await up.press(greeting, "订阅：人工智能", MEI)
    await up.server.until(lambda: len(up.server.messages(CHANNEL)) == 2)
    assert greeting.text.startswith("已订阅"), "an admin's setting is changed in place"


async def test_links_from_anywhere_only_read(up: Running) -> None:
    for word in ("unsubscribe-ai", "settings-ai-zone", "now", "cost", "nonsense", "views-ai-1-2-3"):
        (answer,) = await up.ask(MEI, f"/start {word}")
        assert answer.text
    assert isinstance(up.context.builder, Maker)
    assert up.context.builder.made == []


async def test_an_upgraded_group_keeps_its_subscription_once(up: Running) -> None:
    up.server.member(GROUP, MEI, "creator")
    await up.ask(GROUP, "/subscribe", messages=2)
    up.server.upgrade(GROUP, -1001077)
    chat = Chat("telegram", "-1001077")
    for _ in range(100):
        if found := await up.context.store.list_subscriptions(chat):
            break
        await asyncio.sleep(0.02)
    assert len(found) == 1
    assert await up.context.store.list_subscriptions(Chat("telegram", str(GROUP))) == []


async def test_a_reply_to_an_upgraded_group_follows_it(up: Running) -> None:
    up.server.upgrade(GROUP, -1001078)
    await up.bot.send(Chat("telegram", str(GROUP), kind="group"), reply(Paragraph("hello")))
    assert [m.text for m in up.server.messages(-1001078)] == ["hello"]


async def test_an_update_is_answered_once_however_often_it_comes(
    up: Running, tmp_path: Path
) -> None:
    update = up.server.say(MEI, MEI, "/views")
    await up.server.until(lambda: up.server.messages(MEI))
    up.server.repeat(update["update_id"])
    await up.ask(MEI, "/events")
    assert len(up.server.messages(MEI)) == 2


async def test_an_update_is_answered_once_even_after_a_restart(tmp_path: Path) -> None:
    async with TelegramServer() as server:
        server.person(MEI, "Mei")
        async with running(tmp_path, server) as up:
            update = server.say(MEI, MEI, "/views")
            await server.until(lambda: server.messages(MEI))
        server.repeat(update["update_id"])
        async with running(tmp_path, server) as up:
            (answer,) = await up.ask(MEI, "/events")
            assert "标题events" in answer.text
        assert len(server.messages(MEI)) == 2


async def test_what_is_being_answered_is_finished_at_the_end(tmp_path: Path) -> None:
    async with TelegramServer() as server:
        server.person(MEI, "Mei")
        async with running(tmp_path, server):
            server.delay("sendMessage", 0.3)
            server.say(MEI, MEI, "/views")
            await server.until(lambda: any(name == "sendMessage" for name, _ in server.calls))
            assert server.messages(MEI) == []
        assert "标题views" in server.messages(MEI)[0].text


async def test_a_second_copy_is_logged_and_both_continue(
    up: Running, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = up.bot.__class__(up.bot.host, up.bot.setup)
    task = asyncio.create_task(other.run())
    await up.server.until(lambda: "another copy of this bot is running" in caplog.text)
    (answer,) = await up.ask(MEI, "/views")
    assert "标题views" in answer.text
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_the_proxy_is_asked_in_telegrams_place(tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with (
        await asyncio.start_server(refuse, "127.0.0.1", 0) as proxy,
        hosted(tmp_path) as (host, _, _lines),
    ):
        address = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        with pytest.raises(Unreachable):
            await Telegram(host, Setup("1:x", "http://telegram.example", proxy=address)).check([])
    assert b"http://telegram.example/bot1:x/getMe" in asked[0]


async def test_links_open_a_report_and_a_section(up: Running) -> None:
    for word, title in (("report-ai-20251206", "标题views"), ("stocks-ai-20251204", "NVDA fell")):
        (answer,) = await up.ask(MEI, f"/start {word}")
        assert title in answer.text


async def test_a_group_is_greeted_once_when_the_bot_is_added_by_its_link(up: Running) -> None:
    up.server.remove_bot(GROUP, MEI)
    up.server.add_bot(GROUP, MEI)
    up.server.say(GROUP, MEI, "/start@jianbao_bot hello")
    await up.ask(MEI, "/topics")
    await up.server.until(lambda: up.server.messages(GROUP))
    (greeting,) = up.server.messages(GROUP)
    assert "每天" in greeting.text


async def test_a_topic_that_is_gone_ends_no_other_subscription(up: Running) -> None:
    up.server.member(FORUM, MEI, "creator")
    await up.ask(FORUM, "/subscribe", messages=2)
    with pytest.raises(Gone):
        await up.bot.send(Chat("telegram", str(FORUM), "77", "group"), reply(Paragraph("hello")))
    assert len(await up.context.store.list_subscriptions(Chat("telegram", str(FORUM)))) == 1


async def test_a_long_brief_is_news_first_and_then_the_picture(up: Running) -> None:
    overview = tuple(Item(f"第{n}条" + "很长的概述" * 40 + "。", cites=("x:1",)) for n in range(9))
    await up.context.store.save_report(replace(report(DAY, overview=overview), cloud=picture()))
    news, last = await up.ask(MEI, "/brief", messages=2)
    assert news.photo is None
    assert 1024 < units(news.text) <= 4096
    assert news.text.count("很长的概述。") == 9
    assert "Meridian" in news.text
    assert last.photo
    assert last.text.startswith("读了 5 条帖子"), "counts are its caption"
    assert news.buttons == []
    assert labels(last)[0] == "观点"


async def test_edited_messages_are_not_answered_again(up: Running) -> None:
    await up.ask(MEI, "/views")
    assert "edited_message" not in up.server.allowed
    assert "edited_channel_post" not in up.server.allowed


async def test_other_bots_commands_and_talk_in_groups_are_left_alone(up: Running) -> None:
    for line in ("/views@other_bot", "/xyzzy", "hello there", "/brief@other_bot x"):
        up.server.say(GROUP, MEI, line)
    (answer,) = await up.ask(GROUP, "/views@Jianbao_bot")
    assert "标题views" in answer.text
    assert len(up.server.messages(GROUP)) == 1


async def test_a_removed_bot_stops_its_subscriptions(up: Running) -> None:
    up.server.member(GROUP, MEI, "creator")
    await up.ask(GROUP, "/subscribe", messages=2)
    up.server.remove_bot(GROUP, MEI)
    chat = Chat("telegram", str(GROUP))
    for _ in range(100):
        if not await up.context.store.list_subscriptions(chat):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it is still subscribed")


async def test_menus_are_registered_once_in_both_languages(up: Running) -> None:
    await up.server.until(lambda: up.count("setMyCommands") == 4 and not up.bot._working)
    commands = up.server.commands
    english = next(v for (_, language), v in commands.items() if not language)
    chinese = next(v for (_, language), v in commands.items() if language == "zh")
    assert {c["command"] for c in english} == {c["command"] for c in chinese}
    assert "cost" not in {c["command"] for c in english}
    own = {code: menu for (scope, code), menu in commands.items() if scope == f"chat {BOSS}"}
    assert {code: menu[-1]["description"] for code, menu in own.items()} == {
        "": "list the commands",
        "zh": "列出命令",
    }
    told = up.count("setMyCommands")
    await show_menus(up.bot.bot, up.bot.host, up.bot.setup.operators)
    assert up.count("setMyCommands") == told


async def test_refused_markup_and_pictures_do_not_lose_the_brief(up: Running) -> None:
    up.server.fail("sendPhoto", 400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
    up.server.fail("sendMessage", 400, "Bad Request: can't parse entities: no reason")
    (brief,) = await up.ask(MEI, "/brief")
    assert brief.photo is None
    assert brief.entities == []
    assert "简报" in brief.text
    assert "Meridian" in brief.text


async def test_a_flood_wait_is_waited_for(up: Running) -> None:
    up.server.fail("sendMessage", 429, "Too Many Requests: retry after 1")
    (answer,) = await up.ask(MEI, "/views")
    assert "标题views" in answer.text


async def test_a_failure_is_answered_with_an_id(
    up: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(up.context.store.__class__, "load_latest", broken)
    (answer,) = await up.ask(8, "/brief", user=8)
    assert "Sorry" in answer.text
    number = answer.text.split("Reference ")[1][:6]
    assert number in caplog.text
    up.server.fail("sendMessage", 400, "Bad Request: something new", times=2)
    monkeypatch.undo()
    (answer,) = await up.ask(8, "/topics", user=8)
    assert "Sorry" in answer.text


async def test_a_flooding_user_is_warned_once(up: Running) -> None:
    for _ in range(30):
        up.server.say(MEI, MEI, "/topics")
    await up.server.until(lambda: len(up.server.messages(MEI)) == 21)
    (other,) = await up.ask(8, "/topics", user=8)
    assert other.text
    texts = [m.text for m in up.server.messages(MEI)]
    assert sum("慢一点" in text for text in texts) == 1
    assert len(texts) == 21


async def test_a_wrong_token_is_for_good_and_no_server_is_not(tmp_path: Path) -> None:
    async with TelegramServer() as server, hosted(tmp_path) as (host, _, _lines):
        with pytest.raises(Refused, match="TELEGRAM_BOT_TOKEN"):
            await Telegram(host, Setup("123:wrong", server.url)).run()
    with pytest.raises(Unreachable, match="TELEGRAM_API_URL"):
        await Telegram(host, Setup(server.token, server.url)).run()
    with pytest.raises(PlatformError):
        await Telegram(host, Setup(server.token, server.url)).check([])


async def test_a_token_revoked_while_running_ends_it(tmp_path: Path) -> None:
    async with TelegramServer() as server, hosted(tmp_path) as (host, _, lines):
        task = asyncio.create_task(Telegram(host, Setup(server.token, server.url)).run())
        await server.until(lambda: bool(lines))
        server.fail("getUpdates", 401, "Unauthorized", times=5)
        server.person(MEI, "Mei")
        server.say(MEI, MEI, "/topics")
        with pytest.raises(Refused):
            await asyncio.wait_for(task, 5)


async def test_check_names_the_bot_and_how_to_invite_it(up: Running) -> None:
    (line,) = await Telegram(up.bot.host, up.bot.setup).check([])
    assert "@jianbao_bot" in line
    assert "startgroup" in line
    assert "startchannel" in line


async def test_check_names_the_chats_where_it_may_not_post(up: Running) -> None:
    chats = [Chat("telegram", str(MEI))]
    chats += [Chat("telegram", str(id_), kind="group") for id_ in (GROUP, FORUM, CHANNEL, -1009999)]
    check = Telegram(up.bot.host, up.bot.setup).check
    _, *silent = await check(chats[:4])
    assert silent == []
    up.server.member(CHANNEL, up.bot.bot.id, "administrator", can_post_messages=False)
    up.server.remove_bot(GROUP, MEI)
    _, *silent = await check(chats)
    assert [line.split(": ", 1) for line in silent] == [
        ["A group", "the bot may not post there: make it an admin who may"],
        ["A channel", "the bot may not post there: make it an admin who may"],
        ["chat -1009999", "chat not found"],
    ]


async def test_nothing_can_be_sent_to_who_blocked_the_bot(up: Running) -> None:
    up.server.remove_bot(MEI, MEI)
    with pytest.raises(Gone):
        await up.bot.send(Chat("telegram", str(MEI)), reply(Paragraph("hello")))


async def test_a_chats_menu_speaks_the_language_it_chose(up: Running) -> None:
    def menu(code: str) -> str:
        return str(up.server.commands[f"chat {MEI}", code][-1]["description"])

    await up.ask(MEI, "/subscribe en", messages=2)
    await up.server.until(lambda: (f"chat {MEI}", "zh") in up.server.commands)
    assert (menu(""), menu("zh")) == ("list the commands", "list the commands")
    await up.server.until(lambda: not up.bot._working)
    told = up.count("setMyCommands")
    await up.ask(MEI, "/settings auto")
    await up.server.until(lambda: menu("zh") == "列出命令")
    assert menu("") == "list the commands"
    await up.ask(MEI, "/settings quiet")
    assert up.count("setMyCommands") == told + 2
