"""Composition root: builds what a conversation needs, and keeps the platforms running."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from bot import platforms
from bot.alerts import Alerts
from bot.backups import open_whole, upkeep
from bot.builds import Builds, run_child
from bot.commands import answer
from bot.commands.table import COMMANDS
from bot.delivery.leases import own_name, while_held
from bot.delivery.plan import Deliveries
from bot.host import BotHost
from bot.machine import lean_heap
from bot.messages import Incoming, Reply
from bot.platforms import terminal
from bot.schedule import Schedule
from bot.services import Context
from bot.settings import Settings
from bot.talking import Talking
from digest.errors import DigestError, StoreError
from digest.store import Store
from digest.store.ledger import Ledger
from digest.topics import load_topics

CHATS = tuple(name for name in platforms.names() if f"{name}_bot_token" in Settings.model_fields)
"""The platforms that a token opens."""
CLOCK = "clock"
"""The role that makes reports and proposes deliveries."""


@asynccontextmanager
async def conversation(settings: Settings) -> AsyncIterator[Context]:
    """All that commands work with, opened and closed again. A damaged database is replaced by its
    last backup first. Raises StoreError where that cannot be."""
    topics = load_topics(settings.topics_file)
    replaced = await open_whole(settings, datetime.now(UTC))
    builds = Builds()
    async with await Store.open(settings.database_url, migrate=_migrate) as store:
        alerts = Alerts(store, lambda: datetime.now(UTC), next(iter(topics.values())).language)
        if replaced and replaced.aside:
            made = f"{replaced.made_at:%Y-%m-%d %H:%M}"
            await alerts.tell("damaged", str(replaced.aside), why=replaced.why, made=made)
        elif replaced:
            await alerts.tell("log_lost", await store.check())
        try:
            yield Context(
                store=store,
                topics=topics,
                builder=builds,
                data_dir=settings.data_dir,
                versions=_versions(),
                now=lambda: datetime.now(UTC),
                is_admin=lambda who: settings.is_admin(who.platform, who.user_id),
                usd_day=settings.budget_usd_day,
                usd_month=settings.budget_usd_month,
                timezone=settings.timezone,
                alerts=alerts,
                reads_month=settings.x_reads_month,
            )
        finally:
            await builds.close()


async def _migrate() -> None:
    """Brings the database up to date in a child: what that loads would stay in memory here."""
    if why := await run_child("migrate"):
        raise StoreError(why)


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


async def run(settings: Settings, only: Sequence[str], show: Callable[[str], None]) -> None:
    """The clock, and the bot on every platform that has a token; or those of `only`, until it ends.

    Shows a line for each platform. One that cannot connect is tried again and again, and takes no
    other along. Raises DigestError where there is no token, or no platform is left.
    """
    wanted = [name for name in CHATS if settings.setup(name).token]
    wanted = [name for name in wanted if not only or name in only]
    clock = not only or CLOCK in only
    if not wanted and list(only) != [CLOCK]:
        raise DigestError(_no_token(settings, only))
    _cancel_on_sigterm()
    lean_heap()
    # The interpreter has nothing to do while the database is looked over.
    loading = asyncio.create_task(asyncio.to_thread(lambda: [*map(platforms.load, wanted)]))
    async with conversation(settings) as context:
        await loading
        ledger = Ledger(context.store)
        host = BotHost(context, show)
        resend = settings.unknown_sends == "resend"
        deliveries = Deliveries(context, ledger, context.tell, resend=resend)
        talking = Talking(context, host, deliveries, show)
        schedule = Schedule(
            context,
            ledger,
            own_name(),
            partial(upkeep, context.store, settings),
            partial(run_child, "collect"),
        )
        ticking = [asyncio.create_task(schedule.run())] if clock else []
        if clock:
            show("clock: ready")
        keeping = [
            asyncio.create_task(_alone(name, talking, ledger, settings.setup(name)))
            for name in wanted
        ]
        try:
            await asyncio.gather(*(keeping or ticking))
        finally:
            for task in (*keeping, *ticking):
                task.cancel()
            await asyncio.gather(*keeping, *ticking, return_exceptions=True)
    raise DigestError("no platform is left to talk on")


async def _alone(name: str, talking: Talking, ledger: Ledger, setup: platforms.Setup) -> None:
    """Talks and sends on a platform while no other process of this bot does."""
    waiting = f"{name}: another process of this bot talks there; waiting for it"
    await while_held(
        ledger,
        name,
        lambda: talking.keep(name, setup),
        talking.context.now,
        lambda: talking.show(waiting),
    )


def _no_token(settings: Settings, only: Sequence[str]) -> str:
    names = [name for name in CHATS if not only or name in only]
    tokens = " or ".join(f"{name.upper()}_BOT_TOKEN" for name in names)
    return (
        f"no platform has a token: set {tokens} (README, Telegram and Discord),"
        " or talk to the bot here with: python -m bot chat"
    )


def _cancel_on_sigterm() -> None:
    task = asyncio.current_task()
    with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
