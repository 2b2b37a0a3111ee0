"""`python -m bot run` sends what is due, and ends within ten seconds with nothing unknown."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot import app, platforms
from bot.delivery import Deliveries
from bot.host import BotHost
from bot.settings import Settings
from digest.models import Chat
from digest.store import Store
from digest.store.ledger import Ledger
from tests.delivery_stub import DeliveryStub
from tests.telegram_server import TelegramServer
from tests.test_delivery import context, delivered, tell
from tests.test_run import bot, telegram
from tests.town import DUE, due, opened
from tools.balance import list_unbalanced

PEOPLE = 12


async def test_run_sends_what_is_due_and_ends_in_time(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/jianbao.db"
    async with await Store.open(database) as store, TelegramServer() as server:
        for person in range(1, PEOPLE + 1):
            server.person(person, f"Mei {person}")
            server.say(person, person, "hello")
        await due(store, [Chat("telegram", str(n)) for n in range(1, PEOPLE + 1)])
        server.delay("sendPhoto", 0.3)
        async with bot("--only", "telegram", DATABASE_URL=database, **telegram(server)) as running:
            await running.says("ready")
            sent = ("sendPhoto", "sendMessage")
            await server.until(lambda: any(name in sent for name, _ in server.calls), 5)
            await asyncio.sleep(0.5)
            began = asyncio.get_running_loop().time()
            running.process.terminate()
            await running.ends()
            assert asyncio.get_running_loop().time() - began < 10
        ledger = Ledger(store)
        assert await ledger.list_held_parts() == []
        assert await list_unbalanced(ledger) == []
        assert await ledger.find_holder("telegram", DUE) == ""
        async with bot("--only", "telegram", DATABASE_URL=database, **telegram(server)) as running:
            async with asyncio.timeout(30):
                while (await ledger.count_due(DUE))["telegram"].delivered < PEOPLE:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        # The made-up picture is refused, so that the brief comes as text alone.
        for person in range(1, PEOPLE + 1):
            texts = [one.text for one in server.messages(person) if one.mine]
            assert len(texts) == len(set(texts)) > 0


async def test_a_bot_that_no_chat_knows_leaves_the_subscriptions(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/jianbao.db"
    async with await Store.open(database) as store, TelegramServer() as server:
        group = Chat("telegram", "-5", kind="group")
        await due(store, [group])
        assert not await Ledger(store).notice_bot("telegram", "7", DUE)
        async with bot("--only", "telegram", DATABASE_URL=database, **telegram(server)) as running:
            await running.says("ready")
            async with asyncio.timeout(30):
                while not (await Ledger(store).count_due(DUE))["telegram"].refused:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        assert await store.list_chats("telegram") == [group]
        assert "other_bot telegram" in await store.read_notes("alerts")


async def test_one_refused_token_does_not_end_sending_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_first(_: str, __: str, call: int) -> str | None:
        return '401 {"message": "401: Unauthorized", "code": 0}' if call == 1 else None

    database = f"sqlite:///{tmp_path}/jianbao.db"
    async with await Store.open(database) as store, DeliveryStub(fault=refuse_first) as stub:
        services = context(store, tmp_path)
        host = BotHost(services, lambda _: None)

        class Connected:
            def __init__(self) -> None:
                self.delivering = opened("discord", stub.url)

            async def run(self) -> None:
                host.mark_ready("discord", "bot", "1")
                await asyncio.Event().wait()

        await due(store, [Chat("discord", str(n)) for n in range(5)])
        monkeypatch.setattr(platforms, "open_platform", lambda *_: Connected())
        deliveries = Deliveries(services, tell)
        talking = app.Talking(services, host, deliveries, lambda _: None)
        task = asyncio.create_task(talking.keep("discord", platforms.Setup("")))
        await delivered(services.ledger, 5)
        task.cancel()
        await asyncio.wait({task})


@pytest.mark.parametrize(("choice", "sent"), [("hold", 0), ("resend", 1)])
async def test_the_operator_chooses_what_becomes_of_a_doubted_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choice: Any, sent: int
) -> None:
    monkeypatch.setattr(platforms, "backoff", lambda *_: 0.0)
    cut = DeliveryStub(fault=lambda *row: "drop_after" if row[2] == 1 else None)
    async with await Store.open(f"sqlite:///{tmp_path}/jianbao.db") as store, cut as stub:
        await due(store, [Chat("telegram", "1")])
        settings = Settings(data_dir=tmp_path, unknown_sends=choice)
        services = replace(context(store, tmp_path), settings=settings)
        sending = Deliveries(services, tell).send_through("telegram", opened("telegram", stub.url))
        task = asyncio.create_task(sending)
        async with asyncio.timeout(20):
            while (counts := (await services.ledger.count_due(DUE))["telegram"]).waiting:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert (counts.delivered, counts.unknown) == (sent, 1 - sent)
        task.cancel()
        await asyncio.wait({task})
