"""Chat figures: answer times with three years of reports, start-up, idle memory. Asserts
nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import aiohttp

from bot.commands import answer
from bot.messages import Incoming
from bot.platforms.terminal import everything
from digest.models import Chat, Report, Topic, Window
from digest.pipeline import run
from digest.store import Store
from digest.topics import load_topics
from tests.discord_gateway import TOKEN as DISCORD_TOKEN
from tests.discord_server import DiscordServer
from tests.hosts import context
from tests.source_servers import offline_topics
from tests.telegram_server import TelegramServer

ROOT = Path(__file__).parents[1]
LAST = date(2025, 12, 6)
YEARS_DAYS = 3 * 365
BOSS, READERS = 99, 500
PAGES, SITE = 100, "http://127.0.0.1:8765"
LINES = (
    "/brief",
    "/detail",
    "/stocks",
    "/views",
    "/events",
    "/report {day}",
    "/sources 1",
    "/cloud",
)
COSTED = ("/detail", "/stocks", "/report {day}")
IMPORTS = "import telegram, discord, apscheduler.schedulers.asyncio, aiosqlite"


def main() -> None:
    """Print all figures of the chat, measured in a temporary folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        offline_topics(folder)
        asyncio.run(_measure(folder))


async def _measure(folder: Path) -> None:
    url = f"sqlite:///{folder}/jianbao.db"
    topic = load_topics(folder / "topics.toml")["ai"]
    async with await Store.open(url) as store:
        await _fill(store, topic)
        await _cost(store, folder)
    async with TelegramServer() as telegram, DiscordServer() as discord:
        await _talk(folder, telegram, discord)


async def _fill(store: Store, topic: Topic) -> None:
    """Save one real report of the sample under every day of three years."""
    window = Window(LAST, LAST, topic.timezone)
    now = datetime(2025, 12, 7, 9, tzinfo=UTC)
    made = await run(topic, window, store=store, posts_files=(), progress=lambda *_: None, now=now)
    whole = replace(made, cloud=await store.load_cloud("ai", LAST, LAST))
    for back in range(1, YEARS_DAYS):
        await store.save_report(_of(whole, LAST - timedelta(days=back)))


def _of(whole: Report, day: date) -> Report:
    return replace(whole, first=day, last=day)


async def _cost(store: Store, folder: Path) -> None:
    """Print the CPU time of each command, answered in this process."""
    services = replace(context(store, folder), topics=load_topics(folder / "topics.toml"))
    here = Chat("terminal", "terminal")
    for line in COSTED:
        days = [LAST - timedelta(days=n) for n in range(100)]
        lines = [line.format(day=day) for day in days]
        spent = []
        for text in lines:
            began = time.process_time()
            incoming = Incoming(here, "terminal", text, configures=everything)
            found = [one async for one in answer(services, incoming)]
            spent.append(time.process_time() - began)
            assert found
        print(f"{line}: {1000 * statistics.mean(spent):.1f} ms CPU")


async def _talk(folder: Path, telegram: TelegramServer, discord: DiscordServer) -> None:
    """Print the start-up time, answer times during a build, and memory before and after."""
    telegram.person(BOSS, "Boss")
    for user in range(100, 100 + READERS):
        telegram.person(user, f"Reader {user}")
    discord.guild(1 << 22, "Home")
    began = time.perf_counter()
    telegram.say(100, 100, "/stocks")
    bot = subprocess.Popen(  # noqa: ASYNC220 (the start is measured)
        [sys.executable, "-m", "bot", "run"], cwd=folder, env=_environment(telegram, discord)
    )
    try:
        await telegram.until(lambda: telegram.messages(100), 30)
        started = time.perf_counter() - began
        quiet = await _answers(telegram, range(400))
        rest, (bare, importing) = _resident(bot.pid), _bare()
        print(f"start to first answer: {started:.2f} s, bare imports {importing:.2f} s")
        print(f"at rest: {rest:.1f} MB, bare imports {bare:.1f} MB, ratio {rest / bare:.2f}")
        print(f"answers: p50 {_at(quiet, 0.5):.0f} ms, p99 {_at(quiet, 0.99):.0f} ms")
        await _read_pages(telegram, quiet)
        telegram.say(BOSS, BOSS, f"/now ai {LAST}")
        await telegram.until(lambda: telegram.messages(BOSS), 30)
        busy: list[float] = []
        began = time.perf_counter()
        while not any("· 简报" in message.text for message in telegram.messages(BOSS)):
            if time.perf_counter() - began > 60:
                print("no digest came within 60 s")
                break
            busy += await _answers(telegram, range(len(busy), len(busy) + 20))
        print(
            f"answers while a digest is made: {len(busy)}, p50 {_at(busy, 0.5):.0f} ms,"
            f" p99 {_at(busy, 0.99):.0f} ms"
        )
        await asyncio.sleep(2)
        print(f"after the digest: {_resident(bot.pid) - rest:+.1f} MB")
    finally:
        bot.send_signal(signal.SIGTERM)
        began = time.perf_counter()
        code = await asyncio.to_thread(bot.wait, 30)
        print(f"SIGTERM to exit: {time.perf_counter() - began:.2f} s, code {code}")


async def _read_pages(telegram: TelegramServer, quiet: list[float]) -> None:
    """Read PAGES pages concurrently once per second; print their times and concurrent answer
    times."""
    days = [LAST - timedelta(days=n) for n in range(PAGES)]
    took: list[float] = []

    async def read(session: aiohttp.ClientSession, day: date) -> None:
        began = time.perf_counter()
        async with session.get(f"{SITE}/ai/{day}") as page:
            page.raise_for_status()
            await page.read()
        took.append(1000 * (time.perf_counter() - began))

    async def burst(session: aiohttp.ClientSession) -> None:
        while True:
            await asyncio.gather(*(read(session, day) for day in days), asyncio.sleep(1))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=PAGES)) as session:
        await asyncio.gather(*(read(session, day) for day in days))  # warm up
        took.clear()
        reading = asyncio.create_task(burst(session))
        answers = await _answers(telegram, range(400, 800))
        reading.cancel()
        await asyncio.wait([reading])
    slower = statistics.mean(answers) / statistics.mean(quiet) - 1
    print(
        f"pages, {PAGES} side by side: {len(took)}, p50 {_at(took, 0.5):.0f} ms,"
        f" p99 {_at(took, 0.99):.0f} ms; answers meanwhile: p50 {_at(answers, 0.5):.0f} ms,"
        f" p99 {_at(answers, 0.99):.0f} ms, in the mean {100 * slower:+.0f} %"
    )


async def _answers(telegram: TelegramServer, turns: range) -> list[float]:
    """Return the milliseconds from a line to its first message, for readers asking one at a
    time."""
    took = []
    for turn in turns:
        # Rotate readers to stay below the limit of twenty lines per minute each.
        user = 100 + turn % READERS
        day = LAST - timedelta(days=turn * 7 % YEARS_DAYS)
        line = LINES[turn % len(LINES)].format(day=day)
        before = len(telegram.messages(user))
        began = time.perf_counter()
        telegram.say(user, user, line)
        while len(telegram.messages(user)) == before:  # noqa: ASYNC110 (the fake is in this loop)
            await asyncio.sleep(0.001)
        took.append(1000 * (time.perf_counter() - began))
    return took


def _environment(telegram: TelegramServer, discord: DiscordServer) -> dict[str, str]:
    return {
        **os.environ,
        "TELEGRAM_BOT_TOKEN": telegram.token,
        "TELEGRAM_API_URL": telegram.url,
        "DISCORD_BOT_TOKEN": DISCORD_TOKEN,
        "DISCORD_API_URL": discord.api_url,
        "ADMINS": f"telegram:{BOSS}",
        "WEB_ADDRESS": SITE.removeprefix("http://"),
        "PUBLIC_URL": SITE,
    }


def _at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _resident(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _bare() -> tuple[float, float]:
    """Return memory in MB, and seconds, of a process that only imports the libraries."""
    script = f"{IMPORTS}\nprint(open('/proc/self/statm').read().split()[1])"
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    took = time.perf_counter() - began
    return int(done.stdout) * os.sysconf("SC_PAGE_SIZE") / 1e6, took


if __name__ == "__main__":
    main()
