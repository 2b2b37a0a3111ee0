"""Composition root: builds what a conversation needs, and keeps the platforms running."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from bot import platforms
from bot.builds import Builds, run_child
from bot.commands import answer
from bot.commands.asking import Context
from bot.commands.table import COMMANDS
from bot.delivery import Deliveries
from bot.host import BotHost
from bot.leases import while_held
from bot.messages import Incoming, Reply
from bot.platforms import terminal
from bot.settings import Settings
from digest.models import DigestError
from digest.store import Store, StoreError
from digest.store.ledger import Ledger
from digest.topics import load_topics

log = logging.getLogger(__name__)

CHATS = tuple(name for name in platforms.names() if f"{name}_bot_token" in Settings.model_fields)
"""The platforms that a token opens."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between attempts to reach a platform."""


@asynccontextmanager
async def conversation(settings: Settings) -> AsyncIterator[Context]:
    """All that commands work with, opened and closed again."""
    topics = load_topics(settings.topics_file)
    builds = Builds()
    async with await Store.open(settings.database_url, migrate=_migrate) as store:
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
                settings.timezone,
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
    """The bot on every platform that has a token, or on those of `only`, until it is ended.

    Shows a line for each platform. One that cannot connect is tried again and again, and takes no
    other along. Raises DigestError where there is no token, or no platform is left.
    """
    wanted = [name for name in CHATS if settings.setup(name).token]
    wanted = [name for name in wanted if not only or name in only]
    if not wanted:
        raise DigestError(_no_token(settings, only))
    _cancel_on_sigterm()
    async with conversation(settings) as context:
        host = BotHost(context, show)
        ledger = Ledger(context.store)
        deliveries = Deliveries(context, ledger, _tell, resend=False)

        def kept(name: str) -> Coroutine[None, None, None]:
            """Talks and sends on a platform while no other process does."""
            return while_held(
                ledger,
                name,
                lambda: _keep(name, host, settings.setup(name), show, deliveries),
                context.now,
                lambda: show(f"{name}: another process of this bot talks there; waiting for it"),
            )

        keeping = [asyncio.create_task(kept(name)) for name in wanted]
        try:
            await asyncio.gather(*keeping)
        finally:
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)
    raise DigestError("no platform is left to talk on")


def _no_token(settings: Settings, only: Sequence[str]) -> str:
    names = [name for name in CHATS if not only or name in only]
    tokens = " or ".join(f"{name.upper()}_BOT_TOKEN" for name in names)
    return (
        f"no platform has a token: set {tokens} (README, Telegram and Discord),"
        " or talk to the bot here with: python -m bot chat"
    )


async def _keep(
    name: str,
    host: BotHost,
    setup: platforms.Setup,
    show: Callable[[str], None],
    deliveries: Deliveries,
) -> None:
    """Runs one platform, again after each time it could not be reached."""
    loop = asyncio.get_running_loop()
    pause = FIRST_PAUSE
    while True:
        began = loop.time()
        try:
            platform = platforms.open_platform(name, host, setup)
            await _talk_and_send(name, platform, host, deliveries)
            why = "it ended"
        except platforms.Refused as error:
            show(f"{name}: stopped: {error}")
            return
        except platforms.PlatformError as error:
            why = str(error)
        except Exception as error:
            log.exception("%s failed", name)
            why = type(error).__name__
        if loop.time() - began > LONGEST_PAUSE:
            pause = FIRST_PAUSE
        show(f"{name}: {why}; trying again in {pause:.0f} s")
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE, 2 * pause)


async def _talk_and_send(
    name: str, platform: platforms.Platform, host: BotHost, deliveries: Deliveries
) -> None:
    """Talks on a platform, and sends there what is due since it is ready; both end together."""

    async def send() -> None:
        await host.talks(name)
        await deliveries.send_through(name, platform.delivering)

    talking, sending = asyncio.create_task(platform.run()), asyncio.create_task(send())
    try:
        await asyncio.wait({talking, sending}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
        await talking
    finally:
        # Side by side: an end has ten seconds.
        talking.cancel()
        sending.cancel()
        await asyncio.gather(talking, sending, return_exceptions=True)


async def _tell(matter: str, about: str, **values: object) -> None:
    log.error("%s: %s %s", matter, about, values)


def _cancel_on_sigterm() -> None:
    task = asyncio.current_task()
    with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
