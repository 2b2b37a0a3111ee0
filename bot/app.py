"""Composition root: builds the services, and runs the platforms and other parts."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from bot import platforms
from bot.alerts import Alerts
from bot.builds import Builds, Questions, list_errands, run_child
from bot.commands import COMMANDS, answer
from bot.delivery import Deliveries
from bot.delivery.leases import Lease, own_name, pause
from bot.host import BotHost
from bot.messages import Incoming, Picture, Reply
from bot.process import give_back
from bot.schedule import Jobs, Schedule, can_share, open_jobs, start_workers
from bot.services import Services
from bot.settings import DATA_HINT, Settings, read_locale
from digest.atomic import write_below
from digest.errors import DigestError, StoreError
from digest.store import Store
from digest.store.backup import keep_backup, open_sound
from digest.store.ledger import TRIAL
from digest.store.source_tables import SourceBook

log = logging.getLogger(__name__)

CHATS = tuple(
    name for name in reversed(platforms.names()) if f"{name}_bot_token" in Settings.model_fields
)
"""Platforms that need a token. Telegram is first, because its library loads twice as fast."""
FIRST_SECONDS, QUIET_SECONDS = 2.0, 0.5
"""How long start-up waits for the first platform to connect, and then for its first answer; loading
other modules earlier would delay that answer by a second."""
END_SECONDS = 19.0
"""Maximum time from SIGTERM to exit; the systemd unit and compose.yaml grant 20 s. It must suffice
for sends in flight and for saving their outcomes."""
SETTLE_SECONDS = 5.0
"""Delay after the start until memory used only by the start is released."""
CLOCK = "clock"
"""Role that builds reports and proposes deliveries."""
WEB = "web"
"""Role that serves health, metrics and pages."""


@asynccontextmanager
async def conversation(settings: Settings) -> AsyncIterator[Services]:
    """Open the services of commands, and close them. Raises StoreError for a damaged database
    without a backup."""
    topics = settings.load_topics()
    replaced = await open_sound(settings.database_url, datetime.now(UTC), Store.open)
    if replaced:  # operators get an alert once the store is open
        log.error("database: %s (set aside: %s)", replaced.why, replaced.aside or "nothing")
    builds = Builds()
    async with await Store.open(settings.database_url, migrate=_migrate) as store:
        alerts = Alerts(store, lambda: datetime.now(UTC), next(iter(topics.values())).language)
        if replaced and replaced.aside:
            made_at = f"{replaced.made_at:%Y-%m-%d %H:%M}"
            await alerts.tell("damaged", str(replaced.aside), why=replaced.why, made=made_at)
        elif replaced:
            await alerts.tell("log_lost", await store.check())
        try:
            yield Services(
                store=store,
                topics=topics,
                builder=builds,
                questions=Questions() if settings.providers else None,
                settings=settings,
                now=lambda: datetime.now(UTC),
                is_admin=lambda who: settings.is_admin(who.platform, who.user_id),
                alerts=alerts,
            )
        finally:
            await builds.close()


async def upkeep(store: Store, settings: Settings, now: datetime) -> None:
    """Renew the daily backup, and delete old posts, answers, counts and update marks, each at most
    once a day. Store errors are logged, not raised; the next call retries."""
    try:
        await keep_backup(settings.database_url, now)
    except StoreError as error:
        log.error("the daily backup: %s", error)
    try:
        last, day = await store.read_note("store", "forgotten"), str(now.date())
        if last and last != day:
            # Count from the last run: a clock that is far ahead for hours must not delete new rows.
            today = min(now, datetime.fromisoformat(f"{last}T23:59Z"))
            before = today - timedelta(days=settings.keep_days)
            number = await store.delete_old_posts(before.date())
            await store.delete_old_answers(before)
            await store.forget_updates(today)
            await SourceBook(store).forget_old(today)
            log.info("deleted %d posts older than %s that no report cites", number, before.date())
        if last != day:
            await store.save_note("store", "forgotten", day)
    except StoreError as error:
        log.error("deleting old posts: %s", error)


async def _migrate() -> None:
    """Migrate in a child process, because the memory it takes would not be released here."""
    if why := await run_child("migrate"):
        raise StoreError(why)


async def chat(settings: Settings, lines: Sequence[str]) -> None:
    """Chat in the terminal: process these lines, or run interactively without any."""
    # Imported here: `run` does not need it.
    from bot.platforms import terminal

    language = read_locale()

    _cancel_on_sigterm()
    async with conversation(settings) as context:

        async def answers(incoming: Incoming) -> AsyncIterator[Reply]:
            async for reply in answer(context, incoming):
                for picture in (block for block in reply.blocks if isinstance(block, Picture)):
                    try:
                        write_below(picture.path, picture.content, DATA_HINT)
                    except StoreError as error:
                        log.warning("%s", error)
                yield reply

        if lines:
            await terminal.say(answers, lines, language)
        else:
            names = [command.name for command in COMMANDS]
            await terminal.talk(answers, names, language, context.language)


WORKER = "worker"
"""Role that builds reports and collects sources for any process's clock, on PostgreSQL."""
PARTS = (CLOCK, WORKER, WEB, *CHATS)
"""Values of `run --only`."""


async def run(settings: Settings, only: Sequence[str], show: Callable[[str], None]) -> None:
    """Run all parts of the bot, or those in `only`: the clock, a platform for each token, and the
    web server if WEB_ADDRESS is set.

    Shows a line for each. A platform that cannot connect is retried and does not affect the others.
    Raises DigestError if there is no token, or if no platform is left.
    """
    parts = set(only or PARTS)
    names = [name for name in CHATS if name in parts and settings.setup(name).token]
    _check_parts(settings, only, names)
    _cancel_on_sigterm()
    # Import the SDK while the integrity check waits for the disk.
    loading = [asyncio.create_task(asyncio.to_thread(platforms.load, name)) for name in names[:1]]
    async with conversation(settings) as context:
        await asyncio.gather(*loading)
        # Not for `check` and `chat`, which deliver nothing and may run on a backup for a trial.
        if await context.store.notice_restore(now := context.now()):
            # The version makes each restore a new alert, even if the backup has one of that day.
            await context.tell("restored", await context.store.check(), version=now.isoformat())
        asyncio.get_running_loop().call_later(SETTLE_SECONDS, give_back)
        host = BotHost(context, show)
        talking = Talking(context, host, Deliveries(context, context.tell), show)

        def talk(name: str) -> asyncio.Task[None]:
            setup = settings.setup(name)
            waiting = f"{name}: another process of this bot talks there; waiting for it"
            keeping = partial(talking.keep, name, setup)
            lease = Lease(context.ledger, name, context.now)
            return asyncio.create_task(lease.while_held(keeping, partial(show, waiting)))

        chats, others = [talk(name) for name in names[:1]], []
        async with AsyncExitStack() as stack:
            try:
                if chats:
                    await _wait_for_first(host, names[0], chats[0])
                chats += [talk(name) for name in names[1:]]
                if WEB in parts and settings.web_address:
                    await stack.enter_async_context(_web(context, host, show))
                jobs = None
                if parts & {CLOCK, WORKER} and can_share(settings.database_url):
                    opening = open_jobs(settings.database_url, context, own_name())
                    jobs = await stack.enter_async_context(opening)
                others += _start_others(parts, context, jobs, show)
                await asyncio.gather(*(chats or others))
                if not chats:
                    await asyncio.Event().wait()  # only the web server runs
            finally:
                await _end_all([*chats, *others])
    raise DigestError("no platform is left to run")


async def _end_all(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        # `gather` may have cancelled it; a second cancel would interrupt its clean-up.
        if not task.cancelling():
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _wait_for_first(host: BotHost, name: str, chat: asyncio.Task[None]) -> None:
    """Return when the platform has answered, has ended, or cannot be reached in time."""
    talks = asyncio.create_task(host.wait_until_ready(name))
    try:
        await asyncio.wait(
            {talks, chat}, timeout=FIRST_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if talks.done():
            await asyncio.wait({chat}, timeout=QUIET_SECONDS)
    finally:
        talks.cancel()


def _check_parts(settings: Settings, only: Sequence[str], names: Sequence[str]) -> None:
    """Raise DigestError if there is nothing to run."""
    alone = bool(only) and not set(only) & set(CHATS)
    if WORKER in only and not can_share(settings.database_url):
        raise DigestError(
            "workers need DATABASE_URL=postgresql://... and procrastinate:"
            " pip install 'jianbao[scale]'"
        )
    if WEB in only and not settings.web_address:
        raise DigestError("WEB_ADDRESS is not set: set it to an address like 127.0.0.1:8080")
    if not names and not alone:
        missing = [name for name in CHATS if not only or name in only]
        tokens = " or ".join(f"{name.upper()}_BOT_TOKEN" for name in missing)
        raise DigestError(
            f"no platform has a token: set {tokens} (README, Telegram and Discord),"
            " or talk to the bot here with: python -m bot chat"
        )


@asynccontextmanager
async def _web(
    context: Services, host: BotHost, show: Callable[[str], None]
) -> AsyncIterator[None]:
    # Imported here to save memory in a bot without a web server.
    from bot.web import build_app, serving
    from digest.publish.site import NO_FEEDS

    telegram = context.settings.setup("telegram")
    app = build_app(context, lambda: host.platforms, host.receive, telegram)
    async with serving(app, context.settings.web_address) as address:
        show(f"web: ready at {address}")
        if not context.settings.public_url:
            show(f"web: {NO_FEEDS}")
        yield


def _start_others(
    parts: AbstractSet[str], context: Services, jobs: Jobs | None, show: Callable[[str], None]
) -> list[asyncio.Task[None]]:
    tasks, settings = list[asyncio.Task[None]](), context.settings
    if CLOCK in parts:
        schedule = Schedule(
            context,
            own_name(),
            partial(upkeep, context.store, settings),
            jobs.propose_rounds if jobs else partial(run_child, "collect"),
            jobs.propose_build if jobs else None,
            list_errands(settings, context.topics),
            jobs.propose_errand if jobs else None,
        )
        tasks.append(asyncio.create_task(_run_again(CLOCK, schedule.run)))
        show(f"{CLOCK}: ready")
    if jobs and WORKER in parts:
        tasks += start_workers(jobs)
        show(f"{WORKER}: ready")
    return tasks


async def _run_again(name: str, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except Exception:
            log.exception("%s failed", name)
        await pause(LONGEST_PAUSE)


def _cancel_on_sigterm() -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def cut_short() -> None:
        # Perhaps a database that does not respond blocks the clean-up.
        log.error("shutdown took more than %.1f s and was cut short", END_SECONDS)
        sys.stdout.flush()
        os._exit(1)

    def end() -> None:
        # A second cancel would interrupt the clean-up.
        if task is not None and not task.cancelling():
            task.cancel()
            loop.call_later(END_SECONDS, cut_short)

    with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
        loop.add_signal_handler(signal.SIGTERM, end)


LONGEST_PAUSE = 60.0
"""Maximum pause between attempts to reach a platform, in seconds."""
TELL_SECONDS = 15.0
"""Interval of checks for undelivered alerts."""
DOWN_SECONDS = 300.0
"""How long a platform may be unreachable before operators are alerted."""


@dataclass(frozen=True, slots=True)
class Talking:
    """State shared by all platforms of this process."""

    context: Services
    host: BotHost
    deliveries: Deliveries
    show: Callable[[str], None]
    """Prints a status line for whoever started the bot."""

    async def keep(self, name: str, setup: platforms.Setup) -> None:
        """Run a platform, and reconnect after failures, until its token is refused."""
        watching = asyncio.create_task(self._watch(name))
        try:
            await self._keep(name, setup)
        except asyncio.CancelledError:  # another process took the platform over, or shutdown
            self.host.mark_left(name)
            raise
        finally:
            watching.cancel()

    async def _watch(self, name: str) -> None:
        while True:
            await asyncio.sleep(TELL_SECONDS)
            seconds, why = self.host.measure_outage(name)
            if why and seconds > DOWN_SECONDS:
                await self.context.tell("platform_down", name, why=why)

    async def _keep(self, name: str, setup: platforms.Setup) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            self.host.mark_connecting(name)
            try:
                await self._run(name, setup)
                why = "it ended"
            except platforms.Refused as error:
                self.show(f"{name}: stopped: {error}")
                self.host.mark_lost(name, str(error))
                await self.context.tell("token_revoked", name)
                return
            except (platforms.PlatformError, StoreError) as error:
                why = str(error)
            except Exception:
                log.exception("%s failed", name)
                why = platforms.FAULT
            self.host.mark_lost(name, why)
            failures = 1 if loop.time() - began > LONGEST_PAUSE else failures + 1
            seconds = platforms.backoff(failures, LONGEST_PAUSE)
            self.show(f"{name}: {why}; trying again in {seconds:.0f} s")
            await pause(seconds)

    async def _run(self, name: str, setup: platforms.Setup) -> None:
        """Receive, deliver digests and send alerts; all three end together."""
        await asyncio.to_thread(platforms.load, name)
        platform = platforms.open_platform(name, self.host, setup)
        talking = asyncio.create_task(platform.run())
        sending = asyncio.create_task(self._send(name, platform))
        telling = asyncio.create_task(self._tell(name, platform, setup))
        try:
            await asyncio.wait({talking, sending}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
                # Either the token was revoked or one answer was wrong: the next login decides.
                raise platforms.PlatformError("the token was refused")
            await talking
        finally:
            # Concurrently, because shutdown has only END_SECONDS.
            for task in (talking, sending, telling):
                task.cancel()
            await asyncio.gather(talking, sending, telling, return_exceptions=True)

    async def _send(self, name: str, platform: platforms.Platform) -> None:
        await self.host.wait_until_ready(name)
        now = self.context.now()
        n = len(await self.context.store.list_chats(name))
        if await self.context.ledger.notice_bot(name, self.host.bots[name], now):
            await self.context.tell("other_bot", name, n=n, day=f"{now + TRIAL:%Y-%m-%d}")
        await self.deliveries.send_through(name, platform.delivering)

    async def _tell(self, name: str, platform: platforms.Platform, setup: platforms.Setup) -> None:
        await self.host.wait_until_ready(name)
        while self.context.alerts and setup.operators:
            try:
                await self.context.alerts.deliver(name, setup.operators, platform.tell)
            except Exception:
                log.exception("%s: operators cannot be alerted", name)
            await pause(TELL_SECONDS)
