"""Deliveries: compose due digests into parts and send them through each platform's outbox."""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from operator import attrgetter
from typing import Any

from bot.alerts import Tell
from bot.compose import compose_digest, compose_excuse, load_digest
from bot.delivery.attempt import MessageSender
from bot.delivery.dispatch import Outbox, Writer
from bot.delivery.leases import pause
from bot.messages import Heading
from bot.platforms import Delivering
from bot.services import Services
from digest.errors import StoreError
from digest.models import Delivery
from digest.store.due import LATE

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""Interval of checks for due deliveries."""
COMMIT_SIZE = 100
"""Deliveries planned per commit."""
MAX_BODIES, MAX_PICTURES = 64, 4
"""Cache sizes for bodies and pictures: chats with the same options get the same messages."""
WEEK = timedelta(days=6)
"""From the first to the last day of a week."""
LAST_SECONDS = 8.0
"""Time limit for sends in flight when the bot stops."""

Key = tuple[str, date, date]
_options = attrgetter(
    *("chat.platform", "chat.kind", "language", "length", "sections", "highlight", "without"),
    *("quiet", "threads"),
)
"""The options of a subscription that determine its digest's bodies, in addition to the report."""


class Deliveries:
    """Plan and send due digests on the platforms of this process."""

    def __init__(self, context: Services, tell: Tell) -> None:
        self._context, self._ledger, self._tell = context, context.ledger, tell
        self._bodies: dict[object, list[str]] = {}
        self._pictures: dict[str, bytes] = {}
        # One writer per platform for the life of this process, so that outcomes that could not be
        # saved are kept even if the lease is lost meanwhile.
        self._writers: defaultdict[str, Writer] = defaultdict(partial(Writer, self._ledger))

    async def send_through(self, name: str, delivering: Delivering) -> None:
        """Plan and send on a platform until cancelled or until its token is revoked; then finish
        sends in flight and release claimed parts. Raises any error that ends one of the tasks."""
        writer = self._writers[name]
        now, resend = self._context.now, self._context.settings.unknown_sends == "resend"
        sender = MessageSender(
            name, delivering, self._ledger, self._load_picture, self._tell, now, resend
        )
        outbox = Outbox(sender, writer)
        work = (self._plan_forever(name, delivering, outbox), outbox.run(), writer.run())
        planning, sending, writing = tasks = [asyncio.create_task(part) for part in work]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            planning.cancel()
            sending.cancel()
            await asyncio.wait({planning, sending})
            try:
                await outbox.stop(LAST_SECONDS)
            finally:
                writing.cancel()
                await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()

    async def _plan_forever(self, name: str, delivering: Delivering, outbox: Outbox) -> None:
        while True:
            planned = 0
            try:
                planned = await self.plan(name, delivering)
                planned += await self.excuse(name, delivering)
            except StoreError as error:
                log.error("%s: deliveries cannot be planned (%s)", name, error)
            if planned:
                outbox.wake()
            await pause(LOOK_SECONDS if planned < COMMIT_SIZE else 0)

    async def plan(self, name: str, delivering: Delivering) -> int:
        """Save the parts of a batch of due deliveries; return the number of deliveries. If a report
        was stored or a post withdrawn meanwhile, save nothing; the next look tries again."""
        topics, now = self._context.topics, self._context.now()
        due = await self._ledger.list_ready(name, COMMIT_SIZE, topics, now)
        plans: list[tuple[int, Sequence[str]]] = []
        state = await self._context.store.read_state() if due else ""
        for delivery, key in due:
            try:
                bodies = await self._build_bodies(delivery, key, delivering, state)
                plans.append((delivery.id, bodies))
            except StoreError:
                raise
            except Exception:
                # One chat's options must not stop the others: this chat gets no digest.
                log.exception("%s: a digest could not be made into messages", name)
                plans.append((delivery.id, ()))
            await asyncio.sleep(0)
        saved = bool(plans) and await self._ledger.plan(plans, state)
        return len(plans) if saved else 0

    async def excuse(self, name: str, delivering: Delivering) -> int:
        """Save excuses for chats whose report is late; return how many."""
        topics, now = self._context.topics, self._context.now()
        waiting = await self._ledger.list_overdue(name, COMMIT_SIZE, topics, now)
        plans = []
        for delivery in waiting:
            to = delivery.subscription
            reply = compose_excuse(self._context, to)
            plans.append((delivery.id, delivering.render(reply, to.chat, "", quiet=to.quiet)))
        if plans:
            await self._ledger.save_excuses(plans)
        return len(plans)

    async def _build_bodies(
        self, delivery: Delivery, key: Key, delivering: Delivering, state: str
    ) -> list[str]:
        """Return the bodies of a delivery, cached for all chats with the same options until a
        report is stored or a post withdrawn (`state`), by any process."""
        subscription = delivery.subscription
        late = delivery.late or self._context.now() - delivery.due_at > LATE
        if subscription.weekly:
            key = (key[0], key[2] - WEEK, key[2])
        options = (state, key, late, _options(subscription))
        if options not in self._bodies:
            report = await load_digest(self._context, subscription, key[2])
            if report is None:
                raise StoreError(f"the report of {key[0]} for {key[2]} is gone")
            # The name changes if words of withdrawn posts were removed, because platforms cache
            # uploaded pictures.
            drawn = f"{report.created_at} {sum(report.wordcounts.values())}"
            picture = "/".join(map(str, (*key, drawn)))
            reply = await compose_digest(self._context, report, subscription, late=late)
            quiet = subscription.quiet
            bodies = delivering.render(reply, subscription.chat, picture, quiet=quiet)
            if subscription.threads:  # the first body names the thread, the others belong in it
                titles = (block.text for block in reply.blocks if isinstance(block, Heading))
                first, *others = map(json.loads, bodies)
                first |= {"thread": next(titles, reply.topic)}
                threaded = [first, *(body | {"in_thread": True} for body in others)]
                bodies = [json.dumps(body, ensure_ascii=False) for body in threaded]
            _make_room(self._bodies, MAX_BODIES)
            self._bodies[options] = bodies
        return self._bodies[options]

    async def _load_picture(self, name: str) -> bytes:
        if name not in self._pictures:
            topic, first, last, _ = name.rsplit("/", 3)
            days = date.fromisoformat(first), date.fromisoformat(last)
            picture = await self._context.store.load_cloud(topic, *days)
            _make_room(self._pictures, MAX_PICTURES)
            self._pictures[name] = picture
        return self._pictures[name]


def _make_room(cache: dict[Any, Any], most: int) -> None:
    while len(cache) >= most:
        del cache[next(iter(cache))]
