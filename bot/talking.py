"""One platform at work: talks, sends what is due, tells operators; again after each time it fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from bot import platforms
from bot.delivery.plan import Deliveries
from bot.host import BotHost
from bot.machine import give_back
from bot.services import Context

log = logging.getLogger(__name__)

LONGEST_PAUSE = 60.0
"""Most seconds between attempts to reach a platform."""
TELL_SECONDS = 15.0
"""Between looks for what operators of a platform have not heard yet."""
DOWN_SECONDS = 300.0
"""How long a platform may be out of reach before the operators hear of it."""


@dataclass(frozen=True, slots=True)
class Talking:
    """What all platforms of this process share."""

    context: Context
    host: BotHost
    deliveries: Deliveries
    show: Callable[[str], None]
    """Tells whoever started the bot."""

    async def keep(self, name: str, setup: platforms.Setup) -> None:
        """Runs a platform, again after each time it could not be reached, until it is refused."""
        loop = asyncio.get_running_loop()
        failures, down_since = 0, loop.time()
        while True:
            began = loop.time()
            try:
                await self._run(name, setup)
                why = "it ended"
            except platforms.Refused as error:
                self.show(f"{name}: stopped: {error}")
                await self.context.tell("token_revoked", name)
                return
            except platforms.PlatformError as error:
                why = str(error)
            except Exception as error:
                log.exception("%s failed", name)
                why = type(error).__name__
            if loop.time() - began > LONGEST_PAUSE:
                failures, down_since = 0, loop.time()
            if loop.time() - down_since > DOWN_SECONDS:
                await self.context.tell("platform_down", name, why=why)
            failures += 1
            pause = platforms.backoff(failures, LONGEST_PAUSE)
            self.show(f"{name}: {why}; trying again in {pause:.0f} s")
            await asyncio.sleep(pause)

    async def _run(self, name: str, setup: platforms.Setup) -> None:
        """Talks; sends and tells as soon as it is ready. All of it ends together."""
        platform = platforms.open_platform(name, self.host, setup)
        talking = asyncio.create_task(platform.run())
        sending = asyncio.create_task(self._send(name, platform))
        telling = asyncio.create_task(self._tell(name, platform, setup))
        try:
            await asyncio.wait({talking, sending}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
            await talking
        finally:
            # Side by side: an end has ten seconds.
            for task in (talking, sending, telling):
                task.cancel()
            await asyncio.gather(talking, sending, telling, return_exceptions=True)

    async def _send(self, name: str, platform: platforms.Platform) -> None:
        await self.host.talks(name)
        give_back()
        await self.deliveries.send_through(name, platform.delivering)

    async def _tell(self, name: str, platform: platforms.Platform, setup: platforms.Setup) -> None:
        await self.host.talks(name)
        while self.context.alerts and setup.operators:
            try:
                await self.context.alerts.deliver(name, setup.operators, platform.tell)
            except Exception:
                log.exception("%s: operators cannot be told", name)
            await asyncio.sleep(TELL_SECONDS)
