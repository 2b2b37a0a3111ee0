"""What the bot may do on Discord: posts without embeds or files, a bot that its user alone installed,
answers that come too late."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.messages import Heading, Incoming, ListItem, Paragraph, Picture, Reply
from bot.platforms import Gone, PlatformError, Refused
from digest.errors import StoreError
from digest.models import Chat
from tests.discord_server import Call
from tests.hosts import picture
from tests.test_discord import GUILD, NEWS, TEXT, Running, shown, talking


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[Running]:
    async with talking(tmp_path) as found:
        yield found


async def test_without_embeds_or_files_a_place_gets_the_text(up: Running, tmp_path: Path) -> None:
    shown = Picture(picture(), tmp_path / "cloud.png", "a cloud")
    points = [ListItem(f"Statement {n}. " * 9, number=n) for n in range(1, 31)]
    brief = Reply((Heading("A day", 1), Paragraph("Overview."), shown, *points))
    place = Chat("discord", str(TEXT), kind="group")
    await up.bot.send(place, brief)
    whole = up.server.messages(up.text)
    up.server.deny_bot(up.text, "attach_files")
    await up.bot.send(place, brief)
    bare = up.server.messages(up.text)[len(whole) :]
    assert [message.files for message in bare] == [{}] * len(whole)
    assert "附加文件" in bare[0].content
    up.server.deny_bot(up.text, "attach_files", "embed_links")
    await up.bot.send(place, brief)
    plain = up.server.messages(up.text)[2 * len(whole) :]
    assert not any(message.embeds or message.files for message in plain)
    text = "\n".join(message.content for message in plain)
    for message in whole:
        for embed in message.embeds:
            assert all(line in text for line in embed["description"].splitlines())


async def test_who_has_the_bot_alone_is_answered_alone_unless_they_share(up: Running) -> None:
    everywhere = {name for name, one in up.server.commands.items() if 1 in one["integration_types"]}
    assert "brief" in everywhere
    assert not everywhere & {"subscribe", "settings", "now", "status"}
    hidden = {
        n for n, one in up.server.commands.items() if one["default_member_permissions"] is not None
    }
    assert hidden == {"status", "cost", "source", "now"}
    assert not (await up.ask("views")).ephemeral, "on a server that has the bot"
    up.server.user_installed = True
    assert (await up.ask("views")).ephemeral
    assert not (await up.ask("views", share=True)).ephemeral


@pytest.mark.parametrize(("server", "error"), [(GUILD, Refused), (GUILD + 1, Gone)])
async def test_a_channel_it_may_not_see_is_kept_while_it_is_in_the_server(
    up: Running, server: int, error: type[PlatformError]
) -> None:
    up.server.deny_bot(up.text, "view_channel")
    with pytest.raises(error, match="Missing Access"):
        await up.bot.send(Chat("discord", str(TEXT), space=str(server)), Reply((Paragraph("…"),)))


async def test_what_the_bot_lacks_is_named(up: Running) -> None:
    up.admin(up.mei)
    up.admin(up.ann)
    up.server.deny_bot(up.text, "send_messages", "attach_files")
    assert "发送消息、附加文件" in shown(await up.ask("subscribe"))
    english = shown(await up.ask("subscribe", up.ann))
    assert "Send Messages, Attach Files" in english
    assert await up.context.store.list_subscriptions(Chat("discord", str(TEXT))) == []
    up.server.deny_bot(up.text)
    assert "08:" in shown(await up.ask("subscribe"))


async def test_what_took_more_than_fifteen_minutes_comes_as_a_message(up: Running) -> None:
    up.server.token_life = -1.0
    for name, place in (("topics", up.text), ("next", up.server.dm(up.mei))):
        await up.server.slash(up.text, up.mei, name)
        await up.server.until(lambda: up.server.messages(place))  # noqa: B023
        (message,) = up.server.messages(place)
        assert message.interaction is None
        assert shown(message).strip()


async def test_what_came_in_time_is_not_sent_again(
    up: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_: Incoming) -> AsyncIterator[Reply]:
        yield Reply(tuple(Paragraph(f"Statement {n}. " * 99) for n in range(9)))

    monkeypatch.setattr(up.host, "answer", answer)
    up.server.fail("POST", "^/webhooks/", 401, {"message": "Invalid Webhook Token", "code": 50027})
    await up.ask("topics")
    await up.server.until(lambda: "Statement 8." in shown(up.server.messages(TEXT)[-1]))
    text = "".join(shown(message) for message in up.server.messages(TEXT))
    assert [text.count(f"Statement {n}.") for n in range(9)] == [99] * 9


async def test_answers_do_not_count_towards_the_bot_s_limits(
    up: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str] = []
    do = up.server._do

    def noted(call: Call, key: str) -> Any:
        keys.extend([key] if call.path.startswith("/webhooks/") else [])
        return do(call, key)

    monkeypatch.setattr(up.server, "_do", noted)
    await up.ask("topics")
    assert keys == [""]


async def test_only_what_is_posted_is_published_to_followers(up: Running) -> None:
    news = Chat("discord", str(NEWS), space=str(GUILD))
    for manner in ("answer", "post"):  # a greeting, an answer that comes late; a digest
        await up.bot.send(news, Reply((Paragraph("Hello."),), manner=manner))
    assert [message.crossposted for message in up.server.messages(NEWS)] == [False, True]


async def test_who_subscribes_where_nothing_can_be_posted_reads_why(
    up: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.platforms.discord.lacking", lambda *_, **__: [])  # a private thread
    up.admin(up.ann)
    up.server.deny_bot(up.text, "view_channel")
    await up.ask("subscribe", up.ann)
    await up.server.until(lambda: "View Channel" in shown(up.server.messages(TEXT)[-1]))


async def test_an_outage_of_discord_is_recorded(up: Running) -> None:
    assert up.host.platforms == {"discord": True}
    up.bot.client.dispatch("disconnect")
    await up.server.until(lambda: not up.host.platforms["discord"])
    up.bot.client.dispatch("resumed")
    await up.server.until(lambda: up.host.platforms["discord"])


async def test_nobody_waits_forever_if_the_store_fails(
    up: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> bool:
        raise StoreError("the database is busy")

    monkeypatch.setattr(up.host, "mark_handled", fail)
    assert "数据库暂时不可用" in shown(await up.ask("brief"))
