"""A chat that moved to a new id: open parts and deliveries follow it, without duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import String, and_, cast, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.store.outbox import OPEN, end_deliveries, groups
from digest.store.tables import deliveries, parts, subscriptions


async def move(connection: AsyncConnection, platform: str, old: str, new: str) -> None:
    """Move a chat's open parts to its new id. Where both ids were subscribed, merge what they were
    due: a day, and a report, is delivered by one of them."""
    ended, remaining = subscriptions.alias("ended_one"), subscriptions.alias("remaining")
    same = and_(*(ended.c[name] == remaining.c[name] for name in ("platform", "thread", "topic")))
    # How `chat_tables.move_subscriptions` names those that made room.
    aside = ended.c.chat == literal(f"{new} ").concat(cast(ended.c.id, String))
    pairs = select(ended.c.id, remaining.c.id).select_from(ended.join(remaining, and_(same, aside)))
    here = and_(remaining.c.platform == platform, remaining.c.chat == new)
    for going, staying in (await connection.execute(pairs.where(here))).all():
        await _merge(connection, going, staying)
    # A part in flight stays so: its outcome decides whether it is sent again.
    still_open = and_(parts.c.platform == platform, parts.c.chat == old, parts.c.state.in_(OPEN))
    await connection.execute(update(parts).where(still_open).values(chat=new))


async def _merge(connection: AsyncConnection, going: int, staying: int) -> None:
    """Give a subscription the deliveries of another one for the same chat.

    Of two for the same day or report, the one of which nothing was sent ends.
    """
    table = deliveries.c
    query = select(table.id, table.subscription_id, table.day, table.report)
    query = query.where(table.subscription_id.in_((going, staying)))
    rows = (await connection.execute(query)).all()
    theirs = [row for row in rows if row.subscription_id == going]
    ours = [row for row in rows if row.subscription_id == staying]
    transferred: list[int] = []
    ended: list[int] = []
    for row in theirs:
        others = [
            other
            for other in ours
            if other.day == row.day or other.report == row.report is not None
        ]
        ids = [other.id for other in others]
        # What was in flight to the old id came back.
        begun = await _begun(connection, [row.id], ("sent", "unknown"))
        if not others:
            transferred.append(row.id)
        elif begun and not await _begun(connection, ids, ("sent", "unknown", "sending")):
            ended += ids
        else:
            ended.append(row.id)
        if begun and len(others) == 1 and others[0].day == row.day:
            await _swap(connection, row, others[0], [other.report for other in theirs])
    for group in groups(transferred):
        moved = update(deliveries).where(table.id.in_(group))
        await connection.execute(moved.values(subscription_id=staying))
    for group in groups(ended):
        still_open = and_(parts.c.delivery_id.in_(group), parts.c.state.in_(OPEN))
        dropped = update(parts).where(still_open).values(state="dropped", error="moved")
        await connection.execute(dropped)
        waiting = and_(table.id.in_(group), table.state == "due")
        refused = update(deliveries).where(waiting).values(state="refused", reason="moved")
        await connection.execute(refused)
    await end_deliveries(connection, ended)


async def _swap(
    connection: AsyncConnection, theirs: Any, ours: Any, taken: Sequence[date | None]
) -> None:
    """Give the subscription that stays the newer report of two for the same day, as it counts from
    its newest. `taken`: the reports of the other one."""
    newer = theirs.report and (ours.report is None or theirs.report > ours.report)
    if not newer or ours.report in taken:
        return
    # By way of a day that no digest has: a subscription has a day only once.
    for delivery, subscription, day in (
        (theirs.id, theirs.subscription_id, date.min),
        (ours.id, theirs.subscription_id, ours.day),
        (theirs.id, ours.subscription_id, theirs.day),
    ):
        moved = update(deliveries).where(deliveries.c.id == delivery)
        await connection.execute(moved.values(subscription_id=subscription, day=day))


async def _begun(connection: AsyncConnection, ids: Sequence[int], states: Sequence[str]) -> bool:
    """Return True if any message of these deliveries is in one of these states."""
    which = and_(parts.c.delivery_id.in_(ids), parts.c.state.in_(states))
    return await connection.scalar(select(parts.c.id).where(which).limit(1)) is not None
