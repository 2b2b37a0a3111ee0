"""The interface of the bot to its platforms: answers, menus, completion, stored state."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import get_args

from bot import texts
from bot.commands import COMMANDS, answer, apologize, encode_link
from bot.commands.about import ACTIONS
from bot.messages import Command, Incoming, Kind, Paragraph, Reply, reply
from bot.services import Services, TurnLimit
from bot.typed import DateError, offered_zones, parse_days, parse_time, parse_zone
from digest.errors import StoreError
from digest.models import SECTIONS, Chat, Ending, Language

log = logging.getLogger(__name__)

MAX_SUGGESTED = 25
LOOK_SECONDS = 1.0
"""Interval of checks for updates stored by another process."""
MAX_LINES, LINES_SECONDS = 20, 60.0
"""Rate limit: lines per person that are answered within so many seconds."""
WORDS: Mapping[Kind, Sequence[str]] = {
    "action": tuple(dict.fromkeys(ACTIONS.values())),
    "language": get_args(Language),
}
"""Fixed values of some arguments."""
CLOCKS_APART = timedelta(minutes=2)
"""Tolerated difference between the platform's clock and ours."""


class BotHost:
    """Implementation of `bot.platforms.Host` with the commands and the store."""

    def __init__(self, context: Services, show: Callable[[str], None]) -> None:
        """`show` prints a status line for whoever started the bot."""
        self._context, self._show = context, show
        self._lines = TurnLimit(MAX_LINES, LINES_SECONDS)
        # One warning per minute, or the warnings would be a flood themselves.
        self._warnings = TurnLimit(1, LINES_SECONDS)
        self._ledger = context.ledger
        self._received = asyncio.Event()
        self._ready: dict[str, asyncio.Event] = {}
        self._outages: dict[str, tuple[float, str]] = {}
        self.bots: dict[str, str] = {}
        """The ids of the bots that talk, by platform."""
        self.menu: Sequence[Command] = COMMANDS

    async def answer(self, incoming: Incoming) -> AsyncIterator[Reply]:
        """Yield the replies to a line as they are ready; a person over the limit is warned once."""
        person = incoming.person
        if wait := self._lines.take_turn(person):
            if not self._warnings.take_turn(person):
                language = incoming.language or self._context.language
                facts = {"n": MAX_LINES, "seconds": max(1, round(wait))}
                words = texts.text("slow_down", language, **facts)
                yield reply(Paragraph(words), language=language)
            return
        async for shown in answer(self._context, incoming):
            yield shown

    def apologize(self, error: Exception, where: str, language: Language | None) -> Reply:
        return apologize(error, where, language or self._context.language)

    encode_link = staticmethod(encode_link)

    async def suggest(
        self, kind: Kind, typed: str, topic: str, language: Language | None
    ) -> Sequence[tuple[str, str]]:
        typed, language = typed.strip().lower(), language or self._context.language
        values: list[tuple[str, str]] = []
        if kind == "day":
            values = await self._days(typed, topic, language)
        elif kind == "zone":
            near = [zone for zone in offered_zones("en") if typed in zone.lower()]
            named = parse_zone(typed) if typed and not near else ""
            values = [(zone, zone) for zone in near or filter(None, [named])]
        elif kind == "time":
            times = [f"{hour:02}:{minute}" for hour in range(24) for minute in ("00", "30")]
            usual = sorted(times, key=lambda t: not "06:00" <= t <= "18:00")
            begun = [t for t in usual if t.startswith((typed, f"0{typed}"))]
            other = parse_time(typed)
            values = [(t, t) for t in begun or ([f"{other:%H:%M}"] if other else [])]
        elif kind in WORDS:
            values = [(word, word) for word in WORDS[kind] if word.startswith(typed)]
        elif kind == "section":
            headings = [(f"{texts.text(f'section_{n}', language)} ({n})", n) for n in SECTIONS]
            values = [pair for pair in headings if typed in pair[0].lower()]
        elif kind == "topic":
            topics = self._context.topics.values()
            titles = {t.name: dict.fromkeys((t.title["zh"], t.title["en"])) for t in topics}
            labels = [(f"{' / '.join(both)} ({name})", name) for name, both in titles.items()]
            values = [pair for pair in labels if typed in pair[0].lower()]
        return values[:MAX_SUGGESTED]

    async def _days(self, typed: str, topic: str, language: Language) -> list[tuple[str, str]]:
        """Return the days that have a report, newest first or nearest to the typed day first."""
        name = topic if topic in self._context.topics else next(iter(self._context.topics))
        days = list(reversed(await self._context.store.list_days(name)))
        try:
            today = self._context.now().date() + timedelta(days=1)
            meant = parse_days(typed, today) if typed else None
        except DateError:
            meant = None
        if meant:
            days.sort(key=lambda day: abs((day - meant[0]).days))
        else:
            days = [day for day in days if typed in str(day)]
        return [(texts.weekday(day, language), str(day)) for day in days[:MAX_SUGGESTED]]

    def is_flooding(self, platform: str, person: str) -> bool:
        name = f"{platform}:{person}"
        return self._lines.is_full(name) and self._warnings.is_full(name)

    async def mark_handled(self, platform: str, update: str) -> bool:
        return await self._context.store.mark_handled(platform, update, self._context.now())

    async def receive(self, platform: str, key: str, content: str) -> None:
        """Store an update from a platform, and wake the handlers."""
        await self._context.store.save_received(platform, key, content, self._context.now())
        self._received.set()

    async def list_received(
        self, platform: str, under_way: Collection[str]
    ) -> list[tuple[str, str]]:
        # Poll once a second, because another process may have stored an update.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._received.wait(), LOOK_SECONDS)
        self._received.clear()
        try:
            return await self._context.store.list_received(platform, under_way)
        except StoreError as error:
            log.error("%s: stored updates cannot be read (%s); trying again", platform, error)
            await asyncio.sleep(LOOK_SECONDS)
            return []

    async def forget_received(self, platform: str, key: str) -> None:
        try:
            await self._context.store.forget_received(platform, key)
        except StoreError as error:  # it will be read again, and recognised as handled
            log.error("%s: a handled update cannot be deleted (%s)", platform, error)

    async def end_chat(
        self, platform: str, chat: str, why: Ending, *, space: str = "", thread: str | None = None
    ) -> None:
        number = await self._ledger.end_chat(platform, chat, why, space=space, thread=thread)
        if number:
            log.info("%s: %d subscriptions ended (%s)", platform, number, why)

    async def confirm_arrival(self, chat: Chat, message: str, text: str, at: datetime) -> None:
        for part in await self._ledger.list_held_parts(chat.platform, chat.id):
            if part.chat.thread != chat.thread:
                continue  # another topic of the group, which gets the same text
            body = json.loads(await self._ledger.load_body(part.part))
            words = str(body.get("text", "")).split()
            earlier = part.tried_at is not None and at < part.tried_at - CLOCKS_APART
            if words and words == text.split() and not earlier:
                await self._ledger.decide([part.part], again=False)
                log.info("%s: a held part has arrived: message %s", chat.platform, message)
                return

    async def move_chat(self, platform: str, old: str, new: str) -> None:
        await self._ledger.move_chat(platform, old, new)

    async def read_note(self, platform: str, name: str) -> str:
        return await self._context.store.read_note(platform, name)

    async def save_note(self, platform: str, name: str, value: str) -> None:
        await self._context.store.save_note(platform, name, value)

    @property
    def platforms(self) -> dict[str, bool]:
        """Return the platforms of this process, and whether each is connected."""
        return {name: event.is_set() for name, event in self._ready.items()}

    def mark_connecting(self, platform: str) -> None:
        """Record that this process runs the platform, which is not connected yet."""
        self._ready.setdefault(platform, asyncio.Event())
        self.mark_lost(platform, "")

    def mark_lost(self, platform: str, why: str) -> None:
        if platform in self._ready:  # otherwise it was closed meanwhile
            self._ready[platform].clear()
            since, before = self._outages.get(platform, (asyncio.get_running_loop().time(), ""))
            self._outages[platform] = since, why or before

    def mark_resumed(self, platform: str) -> None:
        self._outages.pop(platform, None)
        self._ready.setdefault(platform, asyncio.Event()).set()

    def measure_outage(self, platform: str) -> tuple[float, str]:
        """Return for how many seconds a platform has been disconnected, and why."""
        now = asyncio.get_running_loop().time()
        since, why = self._outages.get(platform, (now, ""))
        return now - since, why

    def mark_left(self, platform: str) -> None:
        """Record that this process no longer runs the platform."""
        self._ready.pop(platform, None)
        self._outages.pop(platform, None)

    def mark_ready(self, platform: str, name: str, bot: str) -> None:
        """Record that the platform is connected."""
        self._show(f"{platform}: ready as {name}")
        self.bots[platform] = bot
        self.mark_resumed(platform)

    async def wait_until_ready(self, platform: str) -> None:
        """Wait until the platform is connected."""
        await self._ready.setdefault(platform, asyncio.Event()).wait()
