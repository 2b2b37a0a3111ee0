"""The outbox: the parts of every delivery, in the order they are sent, and their outcomes."""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Chat, Outcome, Part, UndeliveredPart
from digest.store.engine import insert_on
from digest.store.tables import bodies, deliveries, leases, parts, subscriptions

if TYPE_CHECKING:
    from digest.store import Store

OPEN = ("waiting", "sending")
MADE_UP = timedelta(hours=24)
"""How late a digest may still be sent."""
RESEND = "to be sent again"
"""The reason of a part that an operator sends again, however late."""
ENDED = "the program ended meanwhile"
"""The reason of a part that a process was sending when it ended."""
RESTORED = "restored"
"""The reason of what was open in a restored backup."""
CUT_SHORT = "an earlier part was refused"
"""The reason of parts that are dropped because the digest would begin or go on with a gap."""
PLACE = ("platform", "chat", "thread", "kind", "space")
"""The columns that say where a part, or what is subscribed, goes."""
_NEW_PART = {"state": "waiting", "attempts": 0, "message": "", "error": ""}
MOST_IDS = 500
"""Ids in one statement: SQLite takes a limited number of values."""


class OutboxTables:
    """The table `parts`. Each method may raise StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def plan(self, plans: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Save the parts of deliveries, in order, and open them.

        A delivery that has parts already, or has ended, is left as it is.
        """
        async with self._store.writing() as connection:
            await _add(connection, plans, deliveries.c.state == "due")
            for group in groups([delivery for delivery, _ in plans]):
                due = and_(deliveries.c.id.in_(group), deliveries.c.state == "due")
                await connection.execute(update(deliveries).where(due).values(state="open"))

    async def note(self, plans: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Save excuses to chats whose report is late; their deliveries wait for it."""
        async with self._store.writing() as connection:
            unexcused = and_(deliveries.c.state == "due", deliveries.c.noted.is_(False))
            await _add(connection, plans, unexcused)
            for group in groups([delivery for delivery, _ in plans]):
                noted = update(deliveries).where(deliveries.c.id.in_(group)).values(noted=True)
                await connection.execute(noted)

    async def claim(self, platform: str, limit: int, now: datetime) -> list[Part]:
        """Mark parts whose turn it is as `sending`, at most one of a chat; return them."""
        async with self._store.writing() as connection:
            values = {"platform": platform, "now": now, "most": limit}
            rows = (await connection.execute(_NEXT_PARTS, values)).all()
            if not rows:
                return []
            claimable = and_(parts.c.id.in_([row.id for row in rows]), parts.c.state == "waiting")
            sending = (
                update(parts)
                .where(claimable)
                .values(state="sending", attempts=parts.c.attempts + 1, tried_at=now)
            )
            # Of two processes that claim at once on PostgreSQL a row goes to the first.
            claimed = set((await connection.scalars(sending.returning(parts.c.id))).all())
            return [
                Part(
                    row.id,
                    row.delivery_id,
                    chat_of(row),
                    row.position,
                    row.nonce,
                    row.content,
                    row.attempts + 1,
                    row.tried_at,
                )
                for row in rows
                if row.id in claimed
            ]

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Save the outcomes of claimed parts; end deliveries that have no open part.

        A part that has ended meanwhile is left as it is. A refused one ends its whole digest: a
        reader must not get the rest of it alone.
        """
        if not outcomes:
            return
        settled = (
            update(parts)
            .where(parts.c.id == bindparam("part"), parts.c.state == "sending")
            .values(
                state=bindparam("new_state"),
                message=bindparam("new_message"),
                error=bindparam("new_error"),
                again_at=bindparam("new_again_at"),
            )
        )
        rows = [
            {
                "part": outcome.part,
                "new_state": outcome.state,
                "new_message": outcome.message,
                "new_error": outcome.error[:500],
                "new_again_at": outcome.again_at if outcome.state == "waiting" else None,
            }
            for outcome in outcomes
        ]
        async with self._store.writing() as connection:
            await connection.execute(settled, rows)
            await _postpone(connection, outcomes)
            refused = [outcome.part for outcome in outcomes if outcome.state == "refused"]
            for group in groups(refused):
                digests = select(parts.c.delivery_id).where(parts.c.id.in_(group))
                await forget(connection, digests, CUT_SHORT)
            ended = [outcome.part for outcome in outcomes if outcome.state not in OPEN]
            await end_deliveries(connection, await _deliveries_of(connection, ended))

    async def recover(self, platform: str) -> int:
        """Mark parts that an earlier process was sending as unknown; return how many. Called at the
        start, under the lease."""
        async with self._store.writing() as connection:
            sending = and_(parts.c.platform == platform, parts.c.state == "sending")
            ids = list((await connection.scalars(select(parts.c.id).where(sending))).all())
            unknown = update(parts).where(sending).values(state="unknown", error=ENDED)
            await connection.execute(unknown)
            await end_deliveries(connection, await _deliveries_of(connection, ids))
            return len(ids)

    async def decide(self, ids: Sequence[int], *, again: bool) -> int:
        """Send held parts again, or mark them as arrived; return how many were held."""
        async with self._store.writing() as connection:
            values: dict[str, Any] = {"state": "sent"}
            if again:
                values = {"state": "waiting", "again_at": None, "error": RESEND}
            number = 0
            for group in groups(ids):
                unknown = and_(parts.c.id.in_(group), parts.c.state == "unknown")
                decided = update(parts).where(unknown).values(values)
                number += (await connection.execute(decided)).rowcount
            await end_deliveries(connection, await _deliveries_of(connection, ids))
            return number

    async def expire(self, platform: str, now: datetime) -> int:
        """Drop parts that still wait MADE_UP after they were due; return the number of digests.

        Those that an operator sends again stay. A digest of which nothing was sent is skipped.
        """
        async with self._store.writing() as connection:
            old = and_(
                deliveries.c.platform == platform,
                deliveries.c.state == "open",
                deliveries.c.due_at < now - MADE_UP,
            )
            waiting = and_(parts.c.state == "waiting", parts.c.error != RESEND)
            query = select(parts.c.delivery_id).join(deliveries).where(old, waiting).distinct()
            ids = list((await connection.scalars(query)).all())
            for group in groups(ids):
                dropped = update(parts).where(parts.c.delivery_id.in_(group), waiting)
                await connection.execute(dropped.values(state="dropped", error="too late"))
            await end_deliveries(connection, ids)
            others = and_(parts.c.delivery_id == deliveries.c.id, parts.c.state != "dropped")
            for group in groups(ids):
                unsent = ~select(parts.c.id).where(others).exists()
                skipped = update(deliveries).where(deliveries.c.id.in_(group), unsent)
                skipped = skipped.values(state="skipped", reason="too late")
                await connection.execute(skipped)
            return len(ids)


async def _add(
    connection: AsyncConnection,
    plans: Sequence[tuple[int, Sequence[str]]],
    which: ColumnElement[bool],
) -> None:
    """Save the parts of those planned deliveries, behind the parts that they have."""
    chats: dict[int, Any] = {}
    positions: dict[int, int] = {}
    for group in groups([delivery for delivery, _ in plans]):
        where = and_(deliveries.c.id.in_(group), which)
        columns = [subscriptions.c[name] for name in PLACE]
        query = select(deliveries.c.id.label("delivery"), *columns).join(subscriptions).where(where)
        # Of two processes that plan at once on PostgreSQL the second waits here, and then finds
        # them planned.
        locked = query.order_by(deliveries.c.id).with_for_update(of=deliveries)
        chats |= {row.delivery: row for row in await connection.execute(locked)}
        last = select(parts.c.delivery_id, func.max(parts.c.position).label("position"))
        last = last.where(parts.c.delivery_id.in_(group)).group_by(parts.c.delivery_id)
        rows = await connection.execute(last)
        positions |= {row.delivery_id: row.position + 1 for row in rows}
    contents_by_hash: dict[str, str] = {}
    new_parts = []
    for delivery, contents in plans:
        chat = chats.get(delivery)
        if chat is None:  # ended, or planned already
            continue
        for position, content in enumerate(contents, positions.get(delivery, 0)):
            hash_ = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
            contents_by_hash[hash_] = content
            row = {name: getattr(chat, name) for name in PLACE} | _NEW_PART
            # Random: after a restore a row may have the id of another one.
            row |= {"nonce": secrets.token_urlsafe(15), "body": hash_}
            new_parts.append(row | {"delivery_id": delivery, "position": position})
    if new_parts:
        new_bodies = [{"hash": hash_, "content": c} for hash_, c in contents_by_hash.items()]
        await connection.execute(insert_on(connection, bodies).on_conflict_do_nothing(), new_bodies)
        await connection.execute(insert_on(connection, parts), new_parts)


def chat_of(row: Any) -> Chat:
    """Return the chat that a row of `subscriptions` or `parts` belongs to, without its title."""
    return Chat(row.platform, row.chat, row.thread, row.kind, row.space)


_before, _missing = parts.alias("before"), parts.alias("missing")


def _after_a_gap(part: Any) -> Any:
    """Select parts behind an unknown one of their digest: none is sent past a possible gap."""
    earlier = and_(_missing.c.delivery_id == part.delivery_id, _missing.c.position < part.position)
    return select(_missing.c.id).where(earlier, _missing.c.state == "unknown").exists()


_BLOCKED = (
    select(_before.c.id)
    .where(
        _before.c.platform == parts.c.platform,
        _before.c.chat == parts.c.chat,
        or_(
            _before.c.state == "sending",
            and_(_before.c.state == "waiting", _before.c.id < parts.c.id, ~_after_a_gap(_before.c)),
        ),
    )
    .exists()
)
_NEXT_PARTS = (
    select(parts, bodies.c.content)
    .join(bodies, bodies.c.hash == parts.c.body)
    .where(
        parts.c.platform == bindparam("platform"),
        parts.c.state == "waiting",
        or_(
            parts.c.again_at.is_(None),
            parts.c.again_at <= bindparam("now", type_=parts.c.again_at.type),
        ),
        ~_BLOCKED,
        ~_after_a_gap(parts.c),
    )
    .order_by(parts.c.id)
    .limit(bindparam("most"))
)


async def _postpone(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
    """Postpone the next parts for chats that must wait after one that was sent."""
    waits = [
        {"part": outcome.part, "new_again_at": outcome.again_at}
        for outcome in outcomes
        if outcome.again_at and outcome.state == "sent"
    ]
    if not waits:
        return
    sent = parts.alias("sent")
    chat = select(sent.c.chat).where(sent.c.id == bindparam("part")).scalar_subquery()
    platform = select(sent.c.platform).where(sent.c.id == bindparam("part")).scalar_subquery()
    waiting = and_(parts.c.platform == platform, parts.c.chat == chat, parts.c.state == "waiting")
    postponed = update(parts).where(waiting).values(again_at=bindparam("new_again_at"))
    await connection.execute(postponed, waits)


async def _deliveries_of(connection: AsyncConnection, ids: Sequence[int]) -> list[int]:
    delivery_ids: set[int] = set()
    for group in groups(ids):
        query = select(parts.c.delivery_id).where(parts.c.id.in_(group))
        delivery_ids.update((await connection.scalars(query)).all())
    return sorted(delivery_ids)


async def end_deliveries(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Set the state of those deliveries whose parts have all ended."""
    for group in groups(ids):
        counts = [
            func.sum(case((parts.c.state.in_(states), 1), else_=0)).label(name)
            for name, states in (
                ("open", OPEN),
                ("unknown", ("unknown",)),
                ("lost", ("refused", "dropped")),
            )
        ]
        query = select(parts.c.delivery_id, *counts).where(parts.c.delivery_id.in_(group))
        by_state: defaultdict[str, list[int]] = defaultdict(list)
        for row in await connection.execute(query.group_by(parts.c.delivery_id)):
            state = "open" if row.open else "unknown" if row.unknown else ""
            by_state[state or ("refused" if row.lost else "delivered")].append(row.delivery_id)
        for state, delivery_ids in by_state.items():
            # One that still waits for its report has only had the excuse that it is late.
            planned = deliveries.c.state.not_in(("due", "skipped"))
            ended = update(deliveries).where(deliveries.c.id.in_(delivery_ids), planned)
            await connection.execute(ended.values(state=state))


async def doubt(connection: AsyncConnection, now: datetime) -> None:
    """Hold all open parts after a restore, because they may have been sent.

    Deliveries without parts are skipped, and nobody has a lease.
    """
    which = and_(parts.c.state.in_(OPEN), deliveries.c.state == "open")
    ids = list((await connection.scalars(select(parts.c.id).join(deliveries).where(which))).all())
    for group in groups(ids):
        unknown = update(parts).where(parts.c.id.in_(group))
        await connection.execute(unknown.values(state="unknown", error=RESTORED))
    await end_deliveries(connection, await _deliveries_of(connection, ids))
    # What is left open are excuses, of deliveries that wait for their report.
    excuses = update(parts).where(parts.c.state.in_(OPEN)).values(state="dropped", error=RESTORED)
    await connection.execute(excuses)
    waiting = and_(deliveries.c.state == "due", deliveries.c.due_at <= now)
    skipped = update(deliveries).where(waiting).values(state="skipped", reason=RESTORED)
    await connection.execute(skipped)
    await connection.execute(delete(leases))


async def list_parts(
    connection: AsyncConnection, platform: str | None, which: ColumnElement[bool]
) -> list[UndeliveredPart]:
    """Return these parts, with the digest and the chat they belong to, oldest first."""
    sibling = parts.alias("sibling")
    number = select(func.count()).where(sibling.c.delivery_id == parts.c.delivery_id)
    query = (
        select(
            parts,
            deliveries.c.topic,
            deliveries.c.day,
            subscriptions.c.title,
            number.scalar_subquery().label("number"),
        )
        .join(deliveries, deliveries.c.id == parts.c.delivery_id)
        .join(subscriptions, subscriptions.c.id == deliveries.c.subscription_id)
        .where(which)
        .order_by(parts.c.id)
    )
    if platform is not None:
        query = query.where(parts.c.platform == platform)
    return [
        UndeliveredPart(
            row.id,
            replace(chat_of(row), title=row.title),
            row.topic,
            row.day,
            row.position,
            row.number,
            row.tried_at,
            row.error,
            row.state,
        )
        for row in await connection.execute(query)
    ]


async def drop(
    connection: AsyncConnection,
    platform: str,
    chat: str,
    space: str,
    why: str,
    thread: str | None = None,
) -> None:
    """End what is still to be sent to a chat, to one thread of it, or to a whole server where
    `chat` is empty."""
    parts_there = parts.c.chat == chat if chat else parts.c.space == space
    subscribed_there = subscriptions.c.chat == chat if chat else subscriptions.c.space == space
    if thread is not None:
        parts_there &= parts.c.thread == thread
        subscribed_there &= subscriptions.c.thread == thread
    still_open = and_(parts.c.platform == platform, parts_there, parts.c.state.in_(OPEN))
    ids = list((await connection.scalars(select(parts.c.id).where(still_open))).all())
    state = case((parts.c.state == "sending", "refused"), else_="dropped")
    await connection.execute(update(parts).where(still_open).values(state=state, error=why))
    ended = select(subscriptions.c.id).where(subscriptions.c.platform == platform, subscribed_there)
    waiting = and_(deliveries.c.subscription_id.in_(ended), deliveries.c.state == "due")
    refused = update(deliveries).where(waiting).values(state="refused", reason=why)
    await connection.execute(refused)
    await end_deliveries(connection, await _deliveries_of(connection, ids))


async def leave(connection: AsyncConnection, subscription: int) -> None:
    """End what is still to be sent of one subscription; parts in flight are left alone."""
    of_subscription = deliveries.c.subscription_id == subscription
    due = update(deliveries).where(of_subscription, deliveries.c.state == "due")
    await connection.execute(due.values(state="refused", reason="left"))
    await forget(connection, select(deliveries.c.id).where(of_subscription), "left")


async def forget(connection: AsyncConnection, which: Select[tuple[int]], why: str) -> None:
    """Drop the waiting parts of some deliveries."""
    waiting = and_(parts.c.delivery_id.in_(which), parts.c.state == "waiting")
    dropped = update(parts).where(waiting).values(state="dropped", error=why)
    delivery_ids = await connection.scalars(dropped.returning(parts.c.delivery_id))
    await end_deliveries(connection, sorted(set(delivery_ids.all())))


def groups(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    """Yield the ids, as many at a time as a statement may have."""
    return (ids[start : start + MOST_IDS] for start in range(0, len(ids), MOST_IDS))
