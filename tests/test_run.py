"""`python -m bot run` as people start and end it, against both servers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot import app, platforms
from digest.errors import StoreError
from tests.command_line import run_command
from tests.discord_gateway import TOKEN
from tests.discord_server import DiscordServer
from tests.hosts import hosted
from tests.source_servers import offline_topics
from tests.telegram_server import TelegramServer

ROOT = Path(__file__).parents[1]
NOWHERE = "http://127.0.0.1:1"


@dataclass
class Bot:
    """A running bot and what it has said."""

    process: asyncio.subprocess.Process
    lines: list[str]

    async def says(self, words: str) -> None:
        """Waits for a line with these words."""
        async with asyncio.timeout(60):
            while not any(words in line for line in self.lines):
                line = await self._line()
                assert line, f"it ended without {words!r}: {self.lines}"
                self.lines.append(line)

    async def _line(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode()

    async def ends(self) -> int:
        """Its exit code, once it has ended by itself or as told; the rest of what it said is kept."""
        async with asyncio.timeout(60):
            while line := await self._line():
                self.lines.append(line)
            return await self.process.wait()


@contextlib.asynccontextmanager
async def bot(*words: str, **environment: str) -> AsyncIterator[Bot]:
    """`python -m bot run` in this folder with these variables."""
    offline_topics(Path("."))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **environment},
    )
    try:
        yield Bot(process, [])
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def telegram(server: TelegramServer) -> dict[str, str]:
    return {"TELEGRAM_BOT_TOKEN": server.token, "TELEGRAM_API_URL": server.url}


def discord(server: DiscordServer) -> dict[str, str]:
    return {"DISCORD_BOT_TOKEN": TOKEN, "DISCORD_API_URL": server.api_url}


def test_without_a_token_it_says_what_to_do() -> None:
    offline_topics(Path("."))
    done = run_command("run")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "jianbao: no platform has a token: set TELEGRAM_BOT_TOKEN or DISCORD_BOT_TOKEN"
        " (README, Telegram and Discord), or talk to the bot here with: python -m bot chat\n"
    )


def test_an_unknown_platform_is_a_wrong_argument() -> None:
    done = run_command("run", "--only", "icq")
    assert done.returncode == 2
    assert "telegram, discord" in done.stderr


@pytest.mark.parametrize("only", ["", ",", " "])
def test_an_empty_list_of_parts_is_a_wrong_argument(only: str) -> None:
    done = run_command("run", "--only", only)
    assert done.returncode == 2
    assert "leave it out to run everything" in done.stderr


@pytest.mark.parametrize("only", ["web", "telegram,web"])
def test_the_web_server_that_is_named_needs_an_address(only: str) -> None:
    done = run_command("run", "--only", only, env={"TELEGRAM_BOT_TOKEN": "123456:ABC"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("jianbao: WEB_ADDRESS is not set: ")


async def test_only_what_is_named_is_started() -> None:
    async with TelegramServer() as one:
        tokens = {"DISCORD_BOT_TOKEN": TOKEN, "DISCORD_API_URL": NOWHERE}
        async with bot("--only", "telegram", **telegram(one), **tokens) as running:
            await running.says("telegram: ready as @")
            running.process.send_signal(signal.SIGTERM)
            assert await running.ends() == 0
    assert not any("discord" in line or "clock" in line for line in running.lines)


async def test_the_clock_runs_without_a_platform() -> None:
    async with bot("--only", "clock") as running:
        await running.says("clock: ready")
        running.process.send_signal(signal.SIGTERM)
        assert await running.ends() == 0
    assert running.lines[-1].endswith("Z stopped\n")


async def test_a_platform_that_cannot_be_reached_is_tried_again_alone() -> None:
    async with TelegramServer() as one:
        one.person(7, "Mei")
        away = {"DISCORD_BOT_TOKEN": TOKEN, "DISCORD_API_URL": NOWHERE}
        async with bot(**telegram(one), **away) as running:
            await running.says("telegram: ready as @")
            await running.says("discord: Discord cannot be reached")
            await running.says("trying again in 2 s")
            one.say(7, 7, "/help")
            await one.until(lambda: one.messages(7))
            running.process.send_signal(signal.SIGTERM)
            assert await running.ends() == 0
    said = next(line for line in running.lines if "cannot be reached" in line)
    assert "DISCORD_API_URL" in said


async def test_operators_are_alerted_when_a_connected_platform_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "TELL_SECONDS", 0.01)
    monkeypatch.setattr(app, "DOWN_SECONDS", 0.05)
    alerts: asyncio.Queue[tuple[str, str, str]] = asyncio.Queue()

    class Listening:
        async def tell(self, matter: str, about: str, *, why: str) -> None:
            alerts.put_nowait((matter, about, why))

    async with hosted(tmp_path) as (host, _, lines):
        services, deliveries = cast(Any, Listening()), cast(Any, None)
        talking = app.Talking(services, host, deliveries, lines.append)
        host.mark_connecting("telegram")
        host.mark_ready("telegram", "@bot", "1")
        watching = asyncio.create_task(talking._watch("telegram"))
        await asyncio.sleep(0.1)
        assert alerts.empty()
        host.mark_lost("telegram", "no answer came in time")
        async with asyncio.timeout(10):
            alert = await alerts.get()
        watching.cancel()
    assert alert == ("platform_down", "telegram", "no answer came in time")


async def test_a_busy_database_is_one_line_and_a_refused_platform_counts_as_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = iter([StoreError("database is busy"), platforms.Refused("the token was revoked")])

    async def fail(*_: object) -> None:
        raise next(failures)

    async def tell(*_: object) -> None: ...

    monkeypatch.setattr(app.Talking, "_run", fail)
    monkeypatch.setattr(app, "LONGEST_PAUSE", 0.0)
    async with hosted(tmp_path) as (host, _, lines):
        services, nothing = cast(Any, SimpleNamespace(tell=tell)), cast(Any, None)
        await app.Talking(services, host, nothing, lines.append).keep("telegram", nothing)
        assert "telegram: database is busy; trying again in 0 s" in lines
        assert "Traceback" not in caplog.text
        assert host.platforms == {"telegram": False}, "or /readyz and the metrics would say nothing"


async def test_what_never_ends_is_run_again_where_it_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app, "LONGEST_PAUSE", 0.0)
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise ValueError("odd")
        await asyncio.Event().wait()

    clock = asyncio.create_task(app._run_again("clock", work))
    async with asyncio.timeout(10):
        while runs < 3:  # noqa: ASYNC110
            await asyncio.sleep(0)
    clock.cancel()
    assert caplog.text.count("clock failed") == 2


async def test_a_wrong_token_stops_its_platform_and_no_other() -> None:
    async with TelegramServer() as one, DiscordServer() as other:
        one.person(7, "Mei")
        wrong = {**discord(other), "DISCORD_BOT_TOKEN": "wrong.token.here"}
        async with bot(**telegram(one), **wrong) as running:
            await running.says("discord: stopped: Discord does not accept the token")
            await running.says("telegram: ready as @")
            one.say(7, 7, "/help")
            await one.until(lambda: one.messages(7))
            running.process.send_signal(signal.SIGTERM)
            assert await running.ends() == 0
        alone = {**wrong, "TELEGRAM_BOT_TOKEN": "", "TELEGRAM_API_URL": ""}
        async with bot(**alone) as running:
            assert await running.ends() == 1
    assert running.lines[-1] == "jianbao: no platform is left to run\n"
    assert "wrong.token.here" not in "".join(running.lines)


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
async def test_a_line_for_each_platform_no_token_in_the_log_and_sigterm_ends_it(level: str) -> None:
    async with TelegramServer() as one, DiscordServer() as other:
        other.guild(1 << 22, "Home")
        one.person(7, "Mei")
        settings = {**telegram(one), **discord(other), "LOG_LEVEL": level}
        async with bot(
            *(("--only", "telegram,discord") if level == "INFO" else ()), **settings
        ) as running:
            await running.says("telegram: ready as @")
            await running.says("discord: ready as ")
            one.say(7, 7, "/help")
            await one.until(lambda: one.messages(7))
            running.process.send_signal(signal.SIGTERM)
            assert await running.ends() == 0
    log = "".join(running.lines)
    for secret in (one.token, one.token.split(":")[1], TOKEN):
        assert secret not in log
    assert "Traceback" not in log
    assert level == "DEBUG" or "WARNING" not in log
