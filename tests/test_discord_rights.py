"""What the bot may do on Discord: posts without embeds or files, a bot that its user alone installed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.messages import Heading, ListItem, Paragraph, Picture, Reply
from digest.errors import StoreError
from digest.models import Chat
from tests.hosts import picture
from tests.test_discord import TEXT, Running, shown, talking


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


async def test_it_is_seen_while_discord_cannot_be_reached(up: Running) -> None:
    assert up.host.platforms == {"discord": True}
    up.bot.client.dispatch("disconnect")
    await up.server.until(lambda: not up.host.platforms["discord"])
    up.bot.client.dispatch("resumed")
    await up.server.until(lambda: up.host.platforms["discord"])


async def test_nobody_waits_for_ever_where_the_store_fails(
    up: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> bool:
        raise StoreError("the database is busy")

    monkeypatch.setattr(up.host, "first_time", fail)
    assert "数据库暂时不可用" in shown(await up.ask("brief"))
