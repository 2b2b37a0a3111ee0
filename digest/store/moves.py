"""A chat that has a new id: what was due under the old one, each once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import String, and_, cast, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.store.outbox import OPEN, end_deliveries, groups
from digest.store.tables import deliveries, parts, subscriptions


async def move(connection: AsyncConnection, platform: str, old: str, new: str) -> None:
    """Open parts go to a chat's new id. Where both ids were subscribed, the subscription that stays
    takes over what the other one was due: a day, and a report, is delivered by one of them."""
    gone, kept = subscriptions.alias("gone"), subscriptions.alias("kept")
    same = and_(*(gone.c[name] == kept.c[name] for name in ("platform", "thread", "topic")))
    # How `chat_tables.move_subscriptions` names those that made room.
    aside = gone.c.chat == literal(f"{new} ").concat(cast(gone.c.id, String))
    pairs = select(gone.c.id, kept.c.id).select_from(gone.join(kept, and_(same, aside)))
    here = and_(kept.c.platform == platform, kept.c.chat == new)
    for going, staying in (await connection.execute(pairs.where(here))).all():
        await _merge(connection, going, staying)
    # One that is under way stays so: its own outcome says whether it must go again.
    mine = and_(parts.c.platform == platform, parts.c.chat == old, parts.c.state.in_(OPEN))
    await connection.execute(update(parts).where(mine).values(chat=new))


async def _merge(connection: AsyncConnection, going: int, staying: int) -> None:
    """Give a subscription the deliveries of another one for the same chat.

    Of two for one day or one report, the one of which nothing was sent ends.
    """
    table = deliveries.c
    query = select(table.id, table.subscription_id, table.day, table.report)
    rows = await connection.execute(query.where(table.subscription_id.in_((going, staying))))
    found = rows.all()
    theirs = [row for row in found if row.subscription_id == going]
    ours = [row for row in found if row.subscription_id == staying]
    free: list[int] = []
    losing: list[int] = []
    for row in theirs:
        others = [one for one in ours if one.day == row.day or one.report == row.report is not None]
        ids = [one.id for one in others]
        # What was being sent to the old id came back.
        begun = await _begun(connection, [row.id], ("sent", "unknown"))
        if not others:
            free.append(row.id)
        elif begun and not await _begun(connection, ids, ("sent", "unknown", "sending")):
            losing += ids
        else:
            losing.append(row.id)
        if begun and len(others) == 1 and others[0].day == row.day:
            await _swap(connection, row, others[0], [one.report for one in theirs])
    for some in groups(free):
        taken = update(deliveries).where(table.id.in_(some))
        await connection.execute(taken.values(subscription_id=staying))
    for some in groups(losing):
        still = and_(parts.c.delivery_id.in_(some), parts.c.state.in_(OPEN))
        await connection.execute(update(parts).where(still).values(state="dropped", error="moved"))
        waiting = and_(table.id.in_(some), table.state == "due")
        refused = update(deliveries).where(waiting).values(state="refused", reason="moved")
        await connection.execute(refused)
    await end_deliveries(connection, losing)


async def _swap(
    connection: AsyncConnection, theirs: Any, ours: Any, taken: Sequence[date | None]
) -> None:
    """Give the subscription that stays the newer report of two for the same day.

    It counts from there. `taken`: the reports of the other one.
    """
    newer = theirs.report and (ours.report is None or theirs.report > ours.report)
    if not newer or ours.report in taken:
        return
    # By way of a day that no digest has: a subscription has each day once.
    for one, subscription, day in (
        (theirs.id, theirs.subscription_id, date.min),
        (ours.id, theirs.subscription_id, ours.day),
        (theirs.id, ours.subscription_id, theirs.day),
    ):
        moved = update(deliveries).where(deliveries.c.id == one)
        await connection.execute(moved.values(subscription_id=subscription, day=day))


async def _begun(connection: AsyncConnection, ids: Sequence[int], states: Sequence[str]) -> bool:
    """Return True if any message of these deliveries is in one of these states."""
    some = and_(parts.c.delivery_id.in_(ids), parts.c.state.in_(states))
    return await connection.scalar(select(parts.c.id).where(some).limit(1)) is not None
