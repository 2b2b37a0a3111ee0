"""Every message of every delivery: what it says, whose turn it is, what became of it."""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
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

from digest.models import Chat, Held, Outcome, Part
from digest.store.engine import insert_on
from digest.store.tables import bodies, deliveries, leases, parts, subscriptions

if TYPE_CHECKING:
    from digest.store import Store

OPEN = ("waiting", "sending")
MADE_UP = timedelta(hours=24)
"""How long a missed digest is still made up, once."""
WANTED = "to be sent again"
"""What is said of a message that is sent again at an operator's word, however late."""
ENDED = "the program ended meanwhile"
"""Why nobody knows what became of a message that was being sent."""
RESTORED = "restored"
"""Why nothing more is said of what a backup had open."""
MOST_IDS = 500
"""Ids in one statement: SQLite takes a limited number of values."""


class OutboxTables:
    """The table `parts`: every message of every delivery. Each method may raise StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def plan(self, plans: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Save the parts of deliveries, in order, and open them.

        A delivery that has parts already, or has ended, is left as it is.
        """
        async with self._store.writing() as connection:
            await _add(connection, plans, deliveries.c.state == "due")
            for some in groups([delivery for delivery, _ in plans]):
                same = and_(deliveries.c.id.in_(some), deliveries.c.state == "due")
                await connection.execute(update(deliveries).where(same).values(state="open"))

    async def note(self, plans: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Save a word to chats whose report is late; their deliveries wait for it."""
        async with self._store.writing() as connection:
            untold = and_(deliveries.c.state == "due", deliveries.c.noted.is_(False))
            await _add(connection, plans, untold)
            for some in groups([delivery for delivery, _ in plans]):
                noted = update(deliveries).where(deliveries.c.id.in_(some)).values(noted=True)
                await connection.execute(noted)

    async def claim(self, platform: str, limit: int, now: datetime) -> list[Part]:
        """Return parts whose turn it is, at most one of a chat; from now on they are `sending`."""
        async with self._store.writing() as connection:
            asked = {"platform": platform, "now": now, "most": limit}
            rows = (await connection.execute(_TURN, asked)).all()
            if not rows:
                return []
            mine = and_(parts.c.id.in_([row.id for row in rows]), parts.c.state == "waiting")
            sending = (
                update(parts)
                .where(mine)
                .values(state="sending", attempts=parts.c.attempts + 1, tried_at=now)
            )
            # Of two who claim at once on PostgreSQL each row goes to one.
            taken = set((await connection.scalars(sending.returning(parts.c.id))).all())
            return [
                Part(
                    row.id,
                    row.delivery_id,
                    Chat(row.platform, row.chat, row.thread, row.kind, row.space),
                    row.position,
                    row.nonce,
                    row.content,
                    row.attempts + 1,
                    row.tried_at,
                )
                for row in rows
                if row.id in taken
            ]

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Save what became of claimed parts, and end deliveries that have no open part.

        A part that has ended meanwhile is left as it is.
        """
        async with self._store.writing() as connection:
            if not outcomes:
                return
            written = (
                update(parts)
                .where(parts.c.id == bindparam("part"), parts.c.state == "sending")
                .values(
                    state=bindparam("new"),
                    message=bindparam("said"),
                    error=bindparam("why"),
                    again_at=bindparam("again"),
                )
            )
            rows = [
                {
                    "part": one.part,
                    "new": one.state,
                    "said": one.message,
                    "why": one.error[:500],
                    "again": one.again_at if one.state == "waiting" else None,
                }
                for one in outcomes
            ]
            await connection.execute(written, rows)
            await _later(connection, outcomes)
            ended = [one.part for one in outcomes if one.state not in OPEN]
            await end_deliveries(connection, await _deliveries_of(connection, ended))

    async def recover(self, platform: str) -> int:
        """Mark parts that were being sent at a start, under the lease, as unknown; return how
        many."""
        async with self._store.writing() as connection:
            mine = and_(parts.c.platform == platform, parts.c.state == "sending")
            ids = list((await connection.scalars(select(parts.c.id).where(mine))).all())
            held = update(parts).where(mine).values(state="unknown", error=ENDED)
            await connection.execute(held)
            await end_deliveries(connection, await _deliveries_of(connection, ids))
            return len(ids)

    async def decide(self, ids: Sequence[int], *, again: bool) -> int:
        """Send held parts again, or mark them as arrived; return how many were held."""
        async with self._store.writing() as connection:
            number = 0
            for some in groups(ids):
                mine = and_(parts.c.id.in_(some), parts.c.state == "unknown")
                state: dict[str, Any] = {"state": "sent"}
                if again:
                    state = {"state": "waiting", "again_at": None, "error": WANTED}
                number += (
                    await connection.execute(update(parts).where(mine).values(state))
                ).rowcount
            await end_deliveries(connection, await _deliveries_of(connection, ids))
            return number

    async def expire(self, platform: str, now: datetime) -> int:
        """Drop parts that still wait MADE_UP after they were due; return of how many digests.

        Those that an operator wants sent stay. A digest of which nothing was sent is skipped.
        """
        async with self._store.writing() as connection:
            old = and_(
                deliveries.c.platform == platform,
                deliveries.c.state == "open",
                deliveries.c.due_at < now - MADE_UP,
            )
            waiting = and_(parts.c.state == "waiting", parts.c.error != WANTED)
            query = select(parts.c.delivery_id).join(deliveries).where(old, waiting).distinct()
            ids = list((await connection.scalars(query)).all())
            for some in groups(ids):
                dropped = update(parts).where(parts.c.delivery_id.in_(some), waiting)
                await connection.execute(dropped.values(state="dropped", error="too late"))
            await end_deliveries(connection, ids)
            more = and_(parts.c.delivery_id == deliveries.c.id, parts.c.state != "dropped")
            for some in groups(ids):
                whole = and_(deliveries.c.id.in_(some), ~select(parts.c.id).where(more).exists())
                skipped = update(deliveries).where(whole).values(state="skipped", reason="too late")
                await connection.execute(skipped)
            return len(ids)


async def _add(
    connection: AsyncConnection,
    plans: Sequence[tuple[int, Sequence[str]]],
    wanted: ColumnElement[bool],
) -> None:
    chats: dict[int, Any] = {}
    used: dict[int, int] = {}
    for some in groups([delivery for delivery, _ in plans]):
        where = and_(deliveries.c.id.in_(some), wanted)
        columns = [
            subscriptions.c[name] for name in ("platform", "chat", "thread", "kind", "space")
        ]
        query = select(deliveries.c.id.label("delivery"), *columns).join(subscriptions).where(where)
        # Of two who plan at once on PostgreSQL the second waits here, and then finds them planned.
        held = query.order_by(deliveries.c.id).with_for_update(of=deliveries)
        chats |= {row.delivery: row for row in await connection.execute(held)}
        most = select(parts.c.delivery_id, func.max(parts.c.position).label("most"))
        counted = most.where(parts.c.delivery_id.in_(some)).group_by(parts.c.delivery_id)
        used |= {row.delivery_id: row.most + 1 for row in await connection.execute(counted)}
    texts: dict[str, str] = {}
    rows = []
    for delivery, contents in plans:
        chat = chats.get(delivery)
        if chat is None:  # ended, or planned already
            continue
        for position, content in enumerate(contents, used.get(delivery, 0)):
            name = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
            texts[name] = content
            rows.append(_part_row(delivery, position, chat, name))
    dialect = connection.dialect.name
    if rows:
        written = insert_on(dialect, bodies).on_conflict_do_nothing()
        said = [{"hash": name, "content": content} for name, content in texts.items()]
        await connection.execute(written, said)
        await connection.execute(insert_on(dialect, parts), rows)


def _part_row(delivery: int, position: int, chat: Any, body: str) -> dict[str, Any]:
    return {
        "delivery_id": delivery,
        "platform": chat.platform,
        "chat": chat.chat,
        "thread": chat.thread,
        "kind": chat.kind,
        "space": chat.space,
        "position": position,
        # Random: after a restore a row may have the number of another one.
        "nonce": secrets.token_urlsafe(15),
        "body": body,
        "state": "waiting",
        "attempts": 0,
        "message": "",
        "error": "",
    }


_before, _missing = parts.alias("before"), parts.alias("missing")


def _after_a_gap(part: Any) -> Any:
    """Parts keep their order: none goes out past one of its digest that may be missing."""
    earlier = and_(_missing.c.delivery_id == part.delivery_id, _missing.c.position < part.position)
    return select(_missing.c.id).where(earlier, _missing.c.state == "unknown").exists()


_BLOCKED = (
    select(_before.c.id)
    .where(
        _before.c.platform == parts.c.platform,
        _before.c.chat == parts.c.chat,
        or_(
            _before.c.state == "sending",
            and_(
                _before.c.state == "waiting",
                _before.c.id < parts.c.id,
                ~_after_a_gap(_before.c),
            ),
        ),
    )
    .exists()
)
_TURN = (
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


async def _later(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
    """Postpone the next parts for chats that must wait after one that was sent."""
    waits = [
        {"part": one.part, "again": one.again_at}
        for one in outcomes
        if one.again_at and one.state == "sent"
    ]
    if not waits:
        return
    sent = parts.alias("sent")
    place = select(sent.c.chat).where(sent.c.id == bindparam("part")).scalar_subquery()
    on = select(sent.c.platform).where(sent.c.id == bindparam("part")).scalar_subquery()
    later = update(parts).where(
        parts.c.platform == on, parts.c.chat == place, parts.c.state == "waiting"
    )
    await connection.execute(later.values(again_at=bindparam("again")), waits)


async def _deliveries_of(connection: AsyncConnection, ids: Sequence[int]) -> list[int]:
    found: set[int] = set()
    for some in groups(ids):
        query = select(parts.c.delivery_id).where(parts.c.id.in_(some))
        found.update((await connection.scalars(query)).all())
    return sorted(found)


async def end_deliveries(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Set the state of those deliveries whose parts have all ended."""
    for some in groups(ids):
        counts = [
            func.sum(case((parts.c.state.in_(states), 1), else_=0)).label(name)
            for name, states in (
                ("open", OPEN),
                ("unknown", ("unknown",)),
                ("lost", ("refused", "dropped")),
            )
        ]
        query = select(parts.c.delivery_id, *counts).where(parts.c.delivery_id.in_(some))
        by_state: defaultdict[str, list[int]] = defaultdict(list)
        for row in await connection.execute(query.group_by(parts.c.delivery_id)):
            state = "open" if row.open else "unknown" if row.unknown else ""
            by_state[state or ("refused" if row.lost else "delivered")].append(row.delivery_id)
        for state, those in by_state.items():
            # One that still waits for its report has only had the word that it is late.
            whole = and_(deliveries.c.id.in_(those), deliveries.c.state.not_in(("due", "skipped")))
            await connection.execute(update(deliveries).where(whole).values(state=state))


async def doubt(connection: AsyncConnection, now: datetime) -> None:
    """Hold all open parts after a restore, because they may have been sent.

    Deliveries without parts are skipped, and nobody has a lease.
    """
    which = and_(parts.c.state.in_(OPEN), deliveries.c.state == "open")
    ids = list((await connection.scalars(select(parts.c.id).join(deliveries).where(which))).all())
    for some in groups(ids):
        unsure = update(parts).where(parts.c.id.in_(some))
        await connection.execute(unsure.values(state="unknown", error=RESTORED))
    await end_deliveries(connection, await _deliveries_of(connection, ids))
    # Of deliveries that wait for their report: words that it is late.
    words = update(parts).where(parts.c.state.in_(OPEN)).values(state="dropped", error=RESTORED)
    await connection.execute(words)
    waiting = and_(deliveries.c.state == "due", deliveries.c.due_at <= now)
    skipped = update(deliveries).where(waiting).values(state="skipped", reason=RESTORED)
    await connection.execute(skipped)
    await connection.execute(delete(leases))


async def list_parts(
    connection: AsyncConnection, platform: str | None, which: ColumnElement[bool]
) -> list[Held]:
    """Return these parts, with the digest and the chat they belong to, oldest first."""
    other = parts.alias("other")
    number = select(func.count()).where(other.c.delivery_id == parts.c.delivery_id)
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
        Held(
            row.id,
            Chat(row.platform, row.chat, row.thread, row.kind, row.space, row.title),
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
    place = parts.c.chat == chat if chat else parts.c.space == space
    there = subscriptions.c.chat == chat if chat else subscriptions.c.space == space
    if thread is not None:
        place &= parts.c.thread == thread
        there &= subscriptions.c.thread == thread
    mine = and_(parts.c.platform == platform, place, parts.c.state.in_(OPEN))
    ids = list((await connection.scalars(select(parts.c.id).where(mine))).all())
    state = case((parts.c.state == "sending", "refused"), else_="dropped")
    await connection.execute(update(parts).where(mine).values(state=state, error=why))
    those = select(subscriptions.c.id).where(subscriptions.c.platform == platform, there)
    waiting = and_(deliveries.c.subscription_id.in_(those), deliveries.c.state == "due")
    refused = update(deliveries).where(waiting).values(state="refused", reason=why)
    await connection.execute(refused)
    await end_deliveries(connection, await _deliveries_of(connection, ids))


async def leave(connection: AsyncConnection, subscription: int) -> None:
    """End what is still to be sent of one subscription; what is being sent is left alone."""
    mine = deliveries.c.subscription_id == subscription
    await connection.execute(
        update(deliveries)
        .where(mine, deliveries.c.state == "due")
        .values(state="refused", reason="left")
    )
    await forget(connection, select(deliveries.c.id).where(mine), "left")


async def forget(connection: AsyncConnection, which: Select[tuple[int]], why: str) -> None:
    """Drop the waiting parts of some deliveries."""
    waiting = and_(parts.c.delivery_id.in_(which), parts.c.state == "waiting")
    dropped = update(parts).where(waiting).values(state="dropped", error=why)
    found = await connection.scalars(dropped.returning(parts.c.delivery_id))
    await end_deliveries(connection, sorted(set(found.all())))


def groups(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    """Yield the ids, as many at a time as a statement may have."""
    return (ids[start : start + MOST_IDS] for start in range(0, len(ids), MOST_IDS))
