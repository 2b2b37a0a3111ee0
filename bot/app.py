"""Composition root: builds what a conversation needs, and runs digests as child processes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, version

from bot.commands import COMMANDS, answer
from bot.commands.asking import Context, TooMany
from bot.messages import Incoming, Reply
from bot.platforms import terminal
from bot.settings import Settings
from digest.store import Store
from digest.topics import load_topics

log = logging.getLogger(__name__)

DEADLINE = 600.0
"""Seconds a digest may take before its process is ended."""
BUILDS_AN_HOUR = 3
"""Reports one user may have made within an hour."""


class Builds:
    """Makes reports on demand: one at a time, one for all who ask for the same day."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._running: dict[tuple[str, date], asyncio.Task[bool]] = {}
        self._asked: defaultdict[str, list[float]] = defaultdict(list)

    async def build(self, topic: str, day: date, user: str) -> bool:
        """Whether the report could be made. Raises TooMany for a user who asks too often."""
        running = self._running.get((topic, day))
        if running is None:
            self._allow(user)
            running = asyncio.create_task(self._make(topic, day))
            self._running[topic, day] = running
            running.add_done_callback(lambda _: self._running.pop((topic, day), None))
        return await asyncio.shield(running)

    def _allow(self, user: str) -> None:
        now = asyncio.get_running_loop().time()
        recent = [asked for asked in self._asked[user] if now - asked < 3600]
        if len(recent) >= BUILDS_AN_HOUR:
            raise TooMany(len(recent), max(1, round((3600 - (now - recent[0])) / 60)))
        self._asked[user] = [*recent, now]

    async def _make(self, topic: str, day: date) -> bool:
        async with self._turn:
            return await run_digest(topic, day)

    async def close(self) -> None:
        """Ends what is running, and its process."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def run_digest(topic: str, day: date) -> bool:
    """Runs `python -m bot digest` for one day, the command a person would type; whether it worked."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "digest", topic),
        # What a reader asks for does not spend the operator's money on a model.
        *("--date", str(day), "--writer", "extractive", "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), DEADLINE)
    except TimeoutError:
        log.error("digest %s %s took longer than %d s and was ended", topic, day, DEADLINE)
        return False
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        last = said.decode("utf-8", "replace").strip().splitlines()[-1:]
        log.error("digest %s %s failed: %s", topic, day, " ".join(last))
    return process.returncode == 0


@asynccontextmanager
async def conversation(settings: Settings) -> AsyncIterator[Context]:
    """All that commands work with, opened and closed again."""
    topics = load_topics(settings.topics_file)
    builds = Builds()
    async with await Store.open(settings.database_url) as store:
        try:
            yield Context(
                store,
                topics,
                builds,
                settings.data_dir,
                _versions(),
                lambda: datetime.now(UTC),
                lambda who: settings.is_admin(who.platform, who.user_id),
                settings.budget_usd_day,
                settings.budget_usd_month,
            )
        finally:
            await builds.close()


def _versions() -> str:
    try:
        own = version("jianbao")
    except PackageNotFoundError:
        own = "(not installed)"
    return f"jianbao {own}, Python {sys.version.split()[0]}"


async def chat(settings: Settings, lines: Sequence[str]) -> None:
    """The terminal chat: these lines and no more, or a conversation where there are none.

    SIGTERM ends it as Ctrl-C does, by cancelling, so that no digest is left running behind it.
    """
    _cancel_on_sigterm()
    async with conversation(settings) as context:

        def answers(incoming: Incoming) -> AsyncIterator[Reply]:
            return answer(context, incoming)

        if lines:
            await terminal.say(answers, lines)
        else:
            names = [command.name for command in COMMANDS]
            await terminal.talk(answers, names, context.language)


def _cancel_on_sigterm() -> None:
    task = asyncio.current_task()
    with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
