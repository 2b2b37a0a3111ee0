"""The bot behind a platform, over a store with reports."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

from PIL import Image

from bot.builds import Builds, TooMany
from bot.commands import encode_link
from bot.host import BotHost
from bot.platforms import Platform
from bot.services import Services
from bot.settings import Settings
from digest.models import Report
from digest.store import Store
from tests.posts import TOPIC, post
from tests.samples import DAY, report

NOW = datetime(2025, 12, 8, 12, tzinfo=UTC)
BOSS = "99"
"""The operator's id on every platform."""
EARLIER = date(2025, 12, 4)


@dataclass
class Maker(Builds):
    """Makes the report at once, or refuses."""

    store: Store
    made: list[tuple[str, date, str, bool]] = field(default_factory=list)
    works: bool = True
    refuses: bool = False

    async def build(self, topic: str, day: date, user: str, *, with_model: bool = False) -> str:
        if self.refuses:
            raise TooMany(3, 20)
        self.made.append((topic, day, user, with_model))
        if not self.works:
            return "no posts"
        await self.store.save_report(replace(report(day), topic=topic))
        return ""


class Links:
    """The part of the host that makes links, which is all that rendering asks of it."""

    def encode_link(self, line: str) -> str:
        return encode_link(line)


def context(store: Store, folder: Path) -> Services:
    """What commands work with, over this store."""
    return Services(
        store=store,
        topics={"ai": TOPIC},
        builder=Maker(store),
        settings=Settings(data_dir=folder),
        now=lambda: NOW,
        is_admin=lambda who: who.user_id == BOSS or who.platform == "terminal",
    )


async def fill(store: Store, *more: Report) -> None:
    """Two days with a report, one of them with posts, and these reports."""
    await store.save_topic(TOPIC)
    await store.save_posts(TOPIC, "x_list", [post("A model came out", "1", author="ada")])
    for one in (report(EARLIER), report(DAY), *more):
        await store.save_report(replace(one, cloud=picture()))


def picture() -> bytes:
    """A small PNG."""
    file = io.BytesIO()
    Image.new("RGB", (160, 90), "white").save(file, "PNG")
    return file.getvalue()


@asynccontextmanager
async def hosted(folder: Path, *more: Report) -> AsyncIterator[tuple[BotHost, Services, list[str]]]:
    """The host, what its commands work with, and the lines it shows whoever started it."""
    lines: list[str] = []
    async with await Store.open(f"sqlite:///{folder}/bot.db") as store:
        await fill(store, *more)
        made = context(store, folder)
        yield BotHost(made, lines.append), made, lines


@asynccontextmanager
async def running(platform: Platform) -> AsyncIterator[None]:
    """The platform at work."""
    task = asyncio.create_task(platform.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
