"""Health, readiness and metrics as an operator's machines ask for them."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.logs import JsonFormatter, log_fields
from bot.platforms import Setup
from bot.web import SECRET_HEADER, build_app, is_own, serving
from digest.errors import DigestError, StoreError
from digest.models import Chat, Cost, Outcome, Subscription
from digest.store import Store
from digest.store.ledger import Ledger
from digest.store.totals import read_ages
from tests.command_line import run_command
from tests.hosts import context
from tests.posts import TOPIC
from tests.samples import report
from tests.source_servers import offline_topics

HOOK = Setup("7:token", webhook_url="https://bot.example/telegram")
NAME = re.compile(r"jianbao_\w+")
TOPICS = {"ai": replace(TOPIC, timezone="UTC", build_at=time(6))}


@dataclass
class Site:
    """A served application, and what it is about."""

    url: str
    store: Store
    session: aiohttp.ClientSession
    platforms: dict[str, bool]
    received: dict[str, str] = field(default_factory=dict)
    full: bool = False

    async def receive(self, platform: str, key: str, content: str) -> None:
        if self.full:
            raise StoreError("the disk is full")
        self.received[f"{platform} {key}"] = content

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.session.get(self.url + path, headers=headers) as answer:
            return answer.status, await answer.text()

    async def samples(self) -> dict[tuple[str, str], float]:
        """Values by name and labels, as Prometheus reads them."""
        status, text = await self.get("/metrics")
        assert status == 200
        return {
            (one.name, ",".join(one.labels.values())): one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
        }


@asynccontextmanager
async def site(store_url: str, folder: Path) -> AsyncIterator[Site]:
    async with await Store.open(store_url) as store, aiohttp.ClientSession() as session:
        up = Site("", store, session, {"telegram": True})
        app = build_app(context(store, folder), lambda: up.platforms, up.receive, HOOK)
        async with serving(app, "127.0.0.1:0") as address:
            up.url = f"http://{address}"
            yield up


async def test_connections_that_ask_nothing_are_closed_and_counted(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.web.IDLE_SECONDS", 1.0)
    monkeypatch.setattr("bot.web.MAX_CONNECTIONS", 2)
    async with site(store_url, tmp_path) as up, asyncio.timeout(20):
        place = up.url.removeprefix("http://").split(":")
        idle = [await asyncio.open_connection(*place) for _ in range(2)]
        idle[1][1].write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n")
        over, writer = await asyncio.open_connection(*place)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        with suppress(ConnectionError):
            assert await over.read() == b""
        for reader, _ in idle:
            await reader.read()
        assert (await up.get("/healthz"))[0] == 200
        for _, opened in [*idle, (over, writer)]:
            opened.close()


async def test_bytes_that_are_no_request_leave_no_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with site(f"sqlite:///{tmp_path}/bot.db", tmp_path) as up:
        for sent in (b"\x16\x03\x01\x02" + bytes(99), b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"):
            place = up.url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(*place)
            writer.write(sent)
            assert b" 400 " in await reader.readline()
            writer.close()
    assert not caplog.records


async def test_metrics_agree_with_the_ledger(store_url: str, tmp_path: Path) -> None:
    async with site(store_url, tmp_path) as up:
        ledger, now = Ledger(up.store), context(up.store, tmp_path).now()
        eight = now.replace(hour=8)
        for number in range(5):
            one = Subscription(Chat("telegram", str(number)), "ai", time(8), "UTC")
            await up.store.subscribe(one, eight - timedelta(hours=12))
        await up.store.save_report(report(now.date() - timedelta(days=1)))
        await ledger.propose(TOPICS, eight)
        due = await ledger.list_ready("telegram", 10, TOPICS, eight)
        await ledger.plan([(one.id, ["hello"]) for one, _ in due])
        parts = await ledger.claim("telegram", 4, eight + timedelta(seconds=30))
        states = ("sent", "sent", "refused", "unknown")
        await ledger.settle([Outcome(p.id, s) for p, s in zip(parts, states, strict=True)])  # type: ignore[arg-type]
        reserved = await up.store.reserve(now, "ai", "gpt", 0.02, 1.0, 1.0)
        assert reserved
        await up.store.settle(reserved, Cost(1, 900, 100, 0.01))
        found = await up.samples()
        balance = (await ledger.count_due(now))["telegram"]
        by_state = {s: found.get(("jianbao_deliveries", f"telegram,{s}"), 0) for s in
                    ("delivered", "refused", "unknown", "open")}  # fmt: skip
        assert by_state == {"delivered": 2, "refused": 1, "unknown": 1, "open": 1}
        assert balance.due == sum(by_state.values())
        assert found["jianbao_messages", "telegram,sent"] == 2
        assert found["jianbao_messages_held", "telegram"] == 1
        assert found["jianbao_digest_delay_seconds_max", "telegram"] == pytest.approx(30, abs=0.1)
        assert found["jianbao_digest_delay_seconds_count", "telegram"] == 2
        assert found["jianbao_digest_delay_seconds_sum", "telegram"] == pytest.approx(60, abs=0.2)
        assert found["jianbao_model_usd_total", "gpt"] == 0.01
        assert found["jianbao_model_prompt_tokens_total", "gpt"] == 900
        assert found["jianbao_platform_up", "telegram"] == 1
        assert "jianbao_report_age_seconds" in {name for name, _ in found}


async def test_an_older_day_is_not_the_newest_report(store_url: str) -> None:
    async with await Store.open(store_url) as store:
        day, now = date(2025, 12, 6), datetime(2025, 12, 7, tzinfo=UTC)
        for n, ago in ((0, 0), (1, 1), (2, 400)):  # the last one as an import makes it
            made_at = now - timedelta(days=ago)
            await store.save_report(replace(report(day - timedelta(days=n)), created_at=made_at))
        assert await read_ages(store) == ({"ai": now}, {})
        later = now + timedelta(hours=1)
        await store.save_report(replace(report(day), created_at=later))
        assert await read_ages(store) == ({"ai": later}, {})


async def test_the_dashboard_asks_for_metrics_that_there_are(tmp_path: Path) -> None:
    board = json.loads((Path(__file__).parents[1] / "deploy/grafana.json").read_text())
    named = {n for p in board["panels"] for t in p["targets"] for n in NAME.findall(t["expr"])}
    assert len(named) > 8
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert all(query.startswith("max by (") for query in queries), "each process has all figures"
    async with site(f"sqlite:///{tmp_path}/bot.db", tmp_path) as up:
        text = (await up.get("/metrics"))[1]
    types = dict(line.split()[2:] for line in text.splitlines() if line.startswith("# TYPE"))
    summed = {f"{name}_{part}" for name, kind in types.items() if kind == "summary"
              for part in ("count", "sum")}  # fmt: skip
    assert named <= {*types, *summed}


async def test_ready_follows_platforms_and_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site(f"sqlite:///{tmp_path}/bot.db", tmp_path) as up:
        for topic in ("ai", "coins"):  # one is set up, one was imported once
            await up.store.save_topic(replace(TOPIC, name=topic, slug=topic))
            await up.store.save_report(replace(report(), topic=topic))
        status, text = await up.get("/readyz")
        assert (status, json.loads(text)["platforms"]) == (200, {"telegram": True})
        assert list(json.loads(text)["report_age_seconds"]) == ["ai"]
        ages = {one for name, one in await up.samples() if name == "jianbao_report_age_seconds"}
        assert ages == {"ai"}
        up.platforms["telegram"] = False
        assert (await up.get("/readyz"))[0] == 503
        up.platforms["telegram"] = True

        async def away(*_: object) -> None:
            raise StoreError("the database is away")

        monkeypatch.setattr("bot.web.read_totals", away)
        monkeypatch.setattr("bot.web.read_ages", away)
        monkeypatch.setattr("bot.web.SHARE", 0)
        async with site(f"sqlite:///{tmp_path}/bot.db", tmp_path) as other:
            assert (await other.get("/readyz"))[0] == 503
            assert (await other.get("/metrics"))[0] == 503
            assert (await other.get("/healthz"))[0] == 200, "a restart would not help"


async def test_the_public_sees_only_that_it_lives(tmp_path: Path) -> None:
    async with site(f"sqlite:///{tmp_path}/bot.db", tmp_path) as up:
        through_a_proxy = {"X-Forwarded-For": "203.0.113.7"}
        assert (await up.get("/healthz", **through_a_proxy))[0] == 200
        assert (await up.get("/readyz", **through_a_proxy))[0] == 404
        assert (await up.get("/metrics", **through_a_proxy))[0] == 404


@pytest.mark.parametrize(
    ("address", "own"),
    [("10.1.2.3", True), ("100.64.1.2", True), ("fd00::1", True), ("::ffff:100.127.0.1", True),
     ("100.128.0.1", False), ("203.0.114.1", False), ("2a00::1", False)],
)  # fmt: skip
def test_machines_of_the_own_network_see_the_figures(address: str, own: bool) -> None:
    assert is_own(address) == own


async def test_an_address_of_ipv6_is_shown_as_it_is_typed(tmp_path: Path) -> None:
    async with site(f"sqlite:///{tmp_path}/bot.db", tmp_path) as up:
        app = build_app(context(up.store, tmp_path), lambda: up.platforms, up.receive, HOOK)
        async with serving(app, "[::1]:0") as address:
            assert re.fullmatch(r"\[::1\]:\d+", address)


async def test_an_address_that_is_taken_is_a_clear_line(tmp_path: Path) -> None:
    async with site(f"sqlite:///{tmp_path}/bot.db", tmp_path) as up:
        taken = up.url.removeprefix("http://")
        app = build_app(context(up.store, tmp_path), lambda: up.platforms, up.receive, HOOK)
        with pytest.raises(DigestError, match=r"cannot listen at .* \(Address already in use\): "):
            async with serving(app, taken):
                pass


@pytest.mark.parametrize("secret", ["", "wrong", "ключ", HOOK.webhook_secret[:-1]])
async def test_who_does_not_know_the_secret_brings_no_update(tmp_path: Path, secret: str) -> None:
    async with site(f"sqlite:///{tmp_path}/bot.db", tmp_path) as up:
        headers = {SECRET_HEADER: secret.encode("utf-8").decode("latin-1")} if secret else {}
        sending = up.session.post(f"{up.url}/telegram", json={"update_id": 1}, headers=headers)
        async with sending as answer:
            assert answer.status == 403
        assert up.received == {}


async def test_an_update_is_stored_before_it_is_acknowledged(tmp_path: Path) -> None:
    async with site(f"sqlite:///{tmp_path}/bot.db", tmp_path) as up:

        async def post(body: str) -> int:
            headers = {SECRET_HEADER: HOOK.webhook_secret}
            sending = up.session.post(f"{up.url}/telegram", data=body, headers=headers)
            async with sending as answer:
                return answer.status

        update = '{"update_id": 41, "message": {"text": "你好"}}'
        assert [await post(update), await post(update)] == [200, 200]
        assert up.received == {"telegram 7:41": update}
        # What is no update would be repeated for a day if it were refused.
        assert [await post(odd) for odd in ("", "[]", "{", '{"update_id": "x"}')] == [200] * 4
        assert len(up.received) == 1

        up.full = True
        assert await post(update.replace("41", "42")) == 503, "Telegram repeats it"


def test_with_json_logs_what_is_announced_and_the_last_error_are_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def start(_: object, only: object, show: Callable[[str], None]) -> None:
        show("clock: ready")
        logging.getLogger("bot.app").warning("it waits")

    offline_topics(Path.cwd())
    ended = run_command("digest", "nope", env={"LOG_FORMAT": "json"})
    event = json.loads(ended.stderr)
    assert (ended.returncode, ended.stdout, event["level"]) == (1, "", "ERROR")
    assert event["message"].startswith('there is no topic "nope"')
    wrong = {"LOG_FORMAT": "json", "TIMEZONE": "x", "KEEP_DAYS": "1"}
    events = [json.loads(line) for line in run_command("run", env=wrong).stderr.splitlines()]
    assert [event["message"].partition(":")[0] for event in events] == ["TIMEZONE", "KEEP_DAYS"]
    Path(".env").write_text("no value\n", encoding="utf-8")
    monkeypatch.setattr("bot.app.run", start)
    ended = run_command("run", env={"LOG_FORMAT": "json"})
    assert json.loads(ended.stderr.splitlines()[0])["message"] == ".env: line 1: write NAME=value"
    Path(".env").unlink()
    ended = run_command("run", env={"LOG_FORMAT": "json"})
    event = json.loads(ended.stderr.splitlines()[0])
    assert (ended.stdout, event["level"], event["message"]) == ("", "INFO", "clock: ready")
    ended, at = run_command("run"), r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert re.fullmatch(f"{at} clock: ready\n", ended.stdout)
    assert re.fullmatch(f"{at} WARNING: it waits\n", ended.stderr)


def test_json_lines_join_the_steps_of_a_digest() -> None:
    record = logging.LogRecord("bot.builds", logging.INFO, "", 0, "made %s", ("“it”\nnow",), None)
    with log_fields(digest="ai/2025-12-06"):
        line = JsonFormatter().format(record)
    event = json.loads(line)
    assert "\n" not in line
    assert event["digest"] == "ai/2025-12-06"
    assert event["message"] == "made “it”\nnow"
    assert event["level"] == "INFO"
    assert "digest" not in json.loads(JsonFormatter().format(record))
