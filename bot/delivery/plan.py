"""What is due becomes messages, which the platforms' outboxes send."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TypeVar

from bot.alerts import Tell
from bot.delivery.compose import compose_digest, compose_excuse, load_digest
from bot.delivery.dispatch import Outbox, Writer
from bot.messages import Heading, Reply
from bot.platforms import Delivering
from bot.services import Services
from digest.errors import StoreError
from digest.models import Delivery, Report, Subscription
from digest.store.ledger import Ledger

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""Between looks for what is due."""
MOST_IN_COMMIT = 100
"""Deliveries made into messages in one commit."""
MOST_CACHED, MOST_PICTURES = 64, 4
"""Texts and pictures kept: chats with the same options get the same messages."""
WEEK = timedelta(days=6)
"""From the first to the last day of a week."""
LATE = timedelta(minutes=10)
"""After which a digest says that it is late, or a chat is told that it is not ready."""
LAST_SECONDS = 8.0
"""What sends under way may take when the bot ends."""

Key = tuple[str, date, date]
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Deliveries:
    """Sends what is due through the platforms that this process talks on."""

    def __init__(self, context: Services, ledger: Ledger, tell: Tell, *, resend: bool) -> None:
        """`resend`: see UNKNOWN_SENDS."""
        self._context, self._ledger, self._tell, self._resend = context, ledger, tell, resend
        self._writer = Writer(ledger)
        self._bodies: OrderedDict[object, list[str]] = OrderedDict()
        self._reports: OrderedDict[object, tuple[Report, str]] = OrderedDict()
        self._pictures: OrderedDict[str, bytes] = OrderedDict()

    async def send_through(self, name: str, delivering: Delivering) -> None:
        """Send on a platform until cancelled, or until its token is revoked. Then what was under
        way is finished and what was not begun is put back."""
        outbox = Outbox(
            name,
            delivering,
            self._ledger,
            self._writer,
            self._load_picture,
            self._tell,
            self._context.now,
            resend=self._resend,
        )
        tasks = [
            asyncio.create_task(self._writer.run()),
            asyncio.create_task(self._keep_planning(name, delivering, outbox)),
            asyncio.create_task(outbox.run()),
        ]
        try:
            await asyncio.wait({tasks[2]})
        finally:
            tasks[1].cancel()
            tasks[2].cancel()
            await asyncio.wait(tasks[1:])
            await outbox.stop(LAST_SECONDS)
            tasks[0].cancel()
            await asyncio.wait(tasks[:1])
        if not tasks[2].cancelled() and (error := tasks[2].exception()):
            raise error

    async def _keep_planning(self, name: str, delivering: Delivering, outbox: Outbox) -> None:
        while True:
            planned = 0
            try:
                planned = await self.plan(name, delivering)
                planned += await self.excuse(name, delivering)
            except StoreError as error:
                log.error("%s: nothing can be planned (%s)", name, error)
            if planned:
                outbox.wake()
            if planned < MOST_IN_COMMIT:
                await asyncio.sleep(LOOK_SECONDS)

    async def plan(self, name: str, delivering: Delivering) -> int:
        """Make messages of a group of deliveries that are due; return how many deliveries."""
        due = await self._ledger.ready(name, MOST_IN_COMMIT, self._context.now())
        plans: list[tuple[int, Sequence[str]]] = []
        for delivery, key in due:
            try:
                plans.append((delivery.id, await self._write(delivery, key, delivering)))
            except StoreError:
                raise
            except Exception:
                # One chat's options may fail without the others: it gets nothing, and is listed.
                log.exception("%s: a digest could not be made into messages", name)
                plans.append((delivery.id, ()))
            await asyncio.sleep(0)
        if plans:
            await self._ledger.plan(plans)
        return len(plans)

    async def excuse(self, name: str, delivering: Delivering) -> int:
        """Send a word to chats whose report is late; return to how many."""
        waiting = await self._ledger.overdue(name, self._context.now() - LATE, MOST_IN_COMMIT)
        plans = []
        for delivery in waiting:
            subscription = delivery.subscription
            reply = compose_excuse(self._context, subscription)
            bodies = delivering.bodies(reply, subscription.chat, "", quiet=subscription.quiet)
            plans.append((delivery.id, bodies))
        if plans:
            await self._ledger.note(plans)
        return len(plans)

    async def _write(self, delivery: Delivery, key: Key, delivering: Delivering) -> list[str]:
        """Return the messages of one delivery: the same for all chats with the same options."""
        wants = delivery.subscription
        chat = wants.chat
        late = delivery.late or self._context.now() - delivery.due_at > LATE
        if wants.weekly:
            key = (key[0], key[2] - WEEK, key[2])
        options = (wants.language, wants.length, wants.sections, wants.highlight, wants.without)
        alike = (chat.platform, chat.kind, key, late, wants.quiet, wants.threads, options)
        if alike not in self._bodies:
            report, picture = await self._load_report(key, wants)
            reply = await compose_digest(self._context, report, wants, late=late)
            bodies = delivering.bodies(reply, chat, picture, quiet=wants.quiet)
            if wants.threads:
                bodies = _in_thread(bodies, reply)
            _keep(self._bodies, alike, bodies)
        return self._bodies[alike]

    async def _load_report(self, key: Key, wants: Subscription) -> tuple[Report, str]:
        """Return the report, and what messages call its picture."""
        spoken = (*key, wants.language if wants.weekly else None)
        if spoken not in self._reports:
            report = await load_digest(self._context, wants, key[2])
            if report is None:
                raise StoreError(f"the report of {key[0]} for {key[2]} is gone")
            _keep(self._reports, spoken, (report, "/".join(map(str, (*key, report.created_at)))))
        return self._reports[spoken]

    async def _load_picture(self, name: str) -> bytes:
        if name not in self._pictures:
            topic, first, last, _ = name.rsplit("/", 3)
            days = date.fromisoformat(first), date.fromisoformat(last)
            picture = await self._context.store.cloud(topic, *days)
            _keep(self._pictures, name, picture, MOST_PICTURES)
        return self._pictures[name]


def _in_thread(bodies: Sequence[str], reply: Reply) -> list[str]:
    """Return the messages with what makes a thread of them: the first one's name, and that the
    others belong in it."""
    title = next((block.text for block in reply.blocks if isinstance(block, Heading)), reply.topic)
    first, *others = (json.loads(body) for body in bodies)
    threaded = [first | {"thread": title}, *(body | {"in_thread": True} for body in others)]
    return [json.dumps(body, ensure_ascii=False) for body in threaded]


def _keep(
    cache: OrderedDict[_Key, _Value], key: _Key, value: _Value, most: int = MOST_CACHED
) -> None:
    cache[key] = value
    while len(cache) > most:
        cache.popitem(last=False)
