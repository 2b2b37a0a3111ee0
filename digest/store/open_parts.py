"""Changes to unsent parts by others than the sender: dropping, holding and replanning them."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Chat
from digest.store.engine import execute_for, groups, insert_new
from digest.store.tables import bodies, deliveries, leases, parts

OPEN = ("waiting", "sending")
_UNENDED = ("due", "open", "unknown")
PREEMPTED = "its report came"
"""Reason for dropping excuses: the digest itself can be sent now."""
LEFT = "left"
"""Reason for ending what an unsubscribed chat had not received yet."""
RESTORED = "restored"
"""Reason for parts that were open in a restored backup."""
WITHDRAWN = "a post in it was withdrawn"
"""Reason for dropping parts that quote a withdrawn post."""
NOTHING = "{}"
"""Body that replaces that of such a part."""
PLACE = ("platform", "chat", "thread", "kind", "space")
"""Columns that identify the destination of a part or a subscription."""
OF_DIGEST = parts.c.position >= 0
"""Selects parts of digests; the others are excuses for a late report."""
HELD = case((OF_DIGEST, "unknown"), else_="dropped")
"""New state of a part that may have arrived. Excuses are dropped, because they are not worth an
operator's decision."""


async def forget(
    connection: AsyncConnection,
    which: Select[tuple[int]],
    why: str,
    states: Sequence[str] = ("waiting",),
) -> None:
    """Drop the parts of these deliveries that are in one of these states."""
    await _lock(connection, deliveries.c.id.in_(which))
    waiting = and_(parts.c.delivery_id.in_(which), parts.c.state.in_(states))
    dropped = update(parts).where(waiting).values(state="dropped", error=why)
    delivery_ids = await connection.scalars(dropped.returning(parts.c.delivery_id))
    await end_deliveries(connection, sorted(set(delivery_ids.all())))


async def skip(connection: AsyncConnection, which: ColumnElement[bool], why: str) -> int:
    """Skip deliveries that wait for their report, and their excuses; return how many."""
    due = and_(which, deliveries.c.state == "due")
    await forget(connection, select(deliveries.c.id).where(due), why)
    skipped = update(deliveries).where(due).values(state="skipped", reason=why)
    return (await connection.execute(skipped)).rowcount


async def leave(connection: AsyncConnection, subscription: int) -> None:
    """End the unsent parts of one subscription. Parts in flight may arrive; if they fail,
    `drop_unwanted` ends them."""
    unended = and_(deliveries.c.subscription_id == subscription, deliveries.c.state.in_(_UNENDED))
    state = case((deliveries.c.state == "due", "refused"), else_=deliveries.c.state)
    left = update(deliveries).where(unended).values(state=state, reason=LEFT)
    ids = (await connection.scalars(left.returning(deliveries.c.id))).all()
    await drop_unwanted(connection, ids)


async def drop_unwanted(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Drop unwanted parts of these deliveries: all parts of chats that unsubscribed, and excuses of
    digests that can be sent."""
    for group in groups(ids):
        these = select(deliveries.c.id).where(deliveries.c.id.in_(group))
        left = these.where(deliveries.c.reason == LEFT)
        await forget(connection, left, LEFT, ("waiting", "unknown"))
        planned = parts.c.delivery_id.in_(these.where(deliveries.c.state != "due"))
        excuses = update(parts).where(planned, ~OF_DIGEST, parts.c.state == "waiting")
        await connection.execute(excuses.values(state="dropped", error=PREEMPTED))


async def doubt(connection: AsyncConnection, now: datetime) -> None:
    """Hold all open parts after a restore, because they may have been sent.

    Skip deliveries without parts and delete all leases.
    """
    which = and_(parts.c.state.in_(OPEN), deliveries.c.state == "open")
    ids = list((await connection.scalars(select(parts.c.id).join(deliveries).where(which))).all())
    # Parts sent after the backup was made were sent after they were due.
    due_at = select(deliveries.c.due_at).where(deliveries.c.id == parts.c.delivery_id)
    since = func.coalesce(parts.c.doubt_since, due_at.scalar_subquery())
    unknown = update(parts).values(state=HELD, error=RESTORED, doubt_since=since)
    await execute_for(connection, unknown, parts.c.id, ids)
    await end_deliveries(connection, await lock_deliveries_of(connection, ids))
    # The remaining open parts are excuses of deliveries that wait for their report.
    excuses = update(parts).where(parts.c.state.in_(OPEN)).values(state="dropped", error=RESTORED)
    await connection.execute(excuses)
    waiting = and_(deliveries.c.state == "due", deliveries.c.due_at <= now)
    skipped = update(deliveries).where(waiting).values(state="skipped", reason=RESTORED)
    await connection.execute(skipped)
    await connection.execute(delete(leases))


async def plan_anew(connection: AsyncConnection, topics: Collection[str]) -> None:
    """Delete the parts of digests of these topics if none was attempted yet, so that they are
    composed again from the current reports."""
    query = (
        select(parts.c.id, parts.c.delivery_id)
        .join(deliveries)
        .where(deliveries.c.state == "open", deliveries.c.topic.in_(topics), OF_DIGEST)
    )
    # Lock all open ones: withdrawn posts may also be in other topics.
    await _lock(connection, deliveries.c.state == "open")
    # Otherwise another process could claim one of these parts meanwhile (PostgreSQL).
    await connection.execute(query.with_for_update(of=parts))
    begun = parts.alias("begun")
    tried = or_(begun.c.state != "waiting", begun.c.doubt_since.is_not(None))
    digest = and_(begun.c.delivery_id == deliveries.c.id, begun.c.position >= 0)
    untried = query.where(~select(begun.c.id).where(digest, tried).exists())
    rows = (await connection.execute(untried)).all()
    await execute_for(connection, delete(parts), parts.c.id, [row.id for row in rows])
    unplanned = sorted({row.delivery_id for row in rows})
    await execute_for(
        connection, update(deliveries).values(state="due"), deliveries.c.id, unplanned
    )


async def delete_sent(connection: AsyncConnection, which: ColumnElement[bool]) -> int:
    """Delete these deliveries, their parts, and bodies no longer used; return the number of
    parts."""
    await _lock(connection, which)
    chosen = parts.c.delivery_id.in_(select(deliveries.c.id).where(which))
    hashes = list((await connection.scalars(select(parts.c.body).where(chosen).distinct())).all())
    number = (await connection.execute(delete(parts).where(chosen))).rowcount
    await connection.execute(delete(deliveries).where(which))
    unused = ~select(parts.c.id).where(parts.c.body == bodies.c.hash).exists()
    await execute_for(connection, delete(bodies).where(unused), bodies.c.hash, hashes)
    return number


async def scrub(connection: AsyncConnection, urls: Collection[str]) -> None:
    """Empty the bodies that contain one of these addresses; drop their unsent digests."""
    if not urls:
        return
    # One pass for all addresses, because an author may have thousands of posts. Match whole
    # addresses: one may be the prefix of another (t.me/news/43, /430). In Discord's links, brackets
    # are escaped.
    written = {*urls, *(url.replace("(", "%28").replace(")", "%29") for url in urls)}
    pattern = "|".join(map(re.escape, written))
    cited = re.compile(rf"(?:{pattern})(?![\w/?#&=%.~+-]*[\w/])", re.ASCII)
    rows = await connection.execute(select(bodies.c.hash, bodies.c.content))
    hashes = [row.hash for row in rows if cited.search(row.content)]
    if not hashes:
        return
    empty = {"hash": hash_body(NOTHING), "content": NOTHING}
    await insert_new(connection, bodies, [empty])
    for group in groups(hashes):
        affected = parts.c.body.in_(group)
        waiting = select(parts.c.delivery_id).where(affected, parts.c.state == "waiting")
        await forget(connection, waiting, WITHDRAWN)
        await connection.execute(update(parts).where(affected).values(body=empty["hash"]))
    await execute_for(connection, delete(bodies), bodies.c.hash, hashes)


async def lock_deliveries(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Lock deliveries, so that no other transaction changes them meanwhile: on PostgreSQL each of
    two would count the other's parts in their old state. To avoid deadlocks, always lock deliveries
    before their parts."""
    for group in groups(ids):
        await _lock(connection, deliveries.c.id.in_(group))


async def _lock(connection: AsyncConnection, which: ColumnElement[bool]) -> None:
    query = select(deliveries.c.id).where(which).order_by(deliveries.c.id)
    await connection.execute(query.with_for_update())


async def end_deliveries(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Set the state of the deliveries whose parts have all ended."""
    await lock_deliveries(connection, ids)
    for group in groups(ids):
        counts = [
            func.sum(case((which, 1), else_=0)).label(name)
            for name, which in (
                ("open", parts.c.state.in_(OPEN)),
                ("unknown", parts.c.state == "unknown"),
                ("lost", and_(parts.c.state.in_(("refused", "dropped")), OF_DIGEST)),
            )
        ]
        query = select(parts.c.delivery_id, *counts).where(parts.c.delivery_id.in_(group))
        by_state: defaultdict[str, list[int]] = defaultdict(list)
        for row in await connection.execute(query.group_by(parts.c.delivery_id)):
            state = "open" if row.open else "unknown" if row.unknown else ""
            by_state[state or ("refused" if row.lost else "delivered")].append(row.delivery_id)
        for state, delivery_ids in by_state.items():
            # A delivery that still waits for its report has had only excuses.
            planned = deliveries.c.state.not_in(("due", "skipped"))
            ended = update(deliveries).where(deliveries.c.id.in_(delivery_ids), planned)
            await connection.execute(ended.values(state=state))


async def lock_deliveries_of(connection: AsyncConnection, ids: Sequence[int]) -> list[int]:
    """Lock and return the deliveries of these parts."""
    delivery_ids: set[int] = set()
    for group in groups(ids):
        query = select(parts.c.delivery_id).where(parts.c.id.in_(group))
        delivery_ids.update((await connection.scalars(query)).all())
    await lock_deliveries(connection, sorted(delivery_ids))
    return sorted(delivery_ids)


def chat_of(row: Any) -> Chat:
    """Return the chat of a `subscriptions` or `parts` row, without its title."""
    return Chat(row.platform, row.chat, row.thread, row.kind, row.space)


def hash_body(content: str) -> str:
    """Return the content hash that is the body's key."""
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
