"""The outbox: the parts of each delivery in sending order, and their outcomes."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, bindparam, case, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Outcome, Part
from digest.store.engine import execute_for, groups, insert_new
from digest.store.open_parts import (
    HELD,
    OF_DIGEST,
    PLACE,
    RESTORED,
    chat_of,
    drop_unwanted,
    end_deliveries,
    forget,
    hash_body,
    lock_deliveries,
    lock_deliveries_of,
)
from digest.store.report_tables import STATE
from digest.store.tables import bodies, deliveries, parts, subscriptions

if TYPE_CHECKING:
    from digest.store import Store

MAX_LATENESS = timedelta(hours=24)
"""Maximum delay at which a digest is still sent."""
TOO_LATE = "too late"
"""Reason for parts that were still waiting after that."""
ENDED = "the program ended meanwhile"
"""Reason for parts in flight when the process ended."""
CUT_SHORT = "an earlier part was refused"
"""Reason for dropping the other parts of a digest, which must not have gaps."""
NOT_MADE = "it could not be made into messages"
"""Reason for deliveries that could not be composed; details are in the log."""
_DOUBTED = func.coalesce(parts.c.doubt_since, parts.c.tried_at)
_NEW_PART = {"state": "waiting", "attempts": 0, "message": "", "error": ""}


class OutboxTables:
    """The table `parts`. Each method may raise StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def plan(
        self, plans: Sequence[tuple[int, Sequence[str]]], state: str | None = None
    ) -> bool:
        """Save the parts of deliveries, in order, and open the deliveries.

        Deliveries that have parts or have ended are left alone. A delivery without contents could
        not be composed and is refused. Return False and save nothing if `state` (see `read_state`)
        has changed since the parts were composed: one of their posts may have been withdrawn.
        """
        async with self._store.writing() as connection:
            query = STATE.with_for_update()
            if state is not None and str(await connection.scalar(query) or "") != state:
                return False
            await _add(connection, plans, deliveries.c.state == "due")
            due = update(deliveries).where(deliveries.c.state == "due")
            refused = due.values(state="refused", reason=NOT_MADE)
            unmade = [delivery for delivery, contents in plans if not contents]
            await execute_for(connection, refused, deliveries.c.id, unmade)
            ids = [delivery for delivery, _ in plans]
            await execute_for(connection, due.values(state="open"), deliveries.c.id, ids)
            await drop_unwanted(connection, ids)
        return True

    async def save_excuses(self, plans: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Save excuses for late reports; their deliveries keep waiting for the report."""
        async with self._store.writing() as connection:
            unexcused = and_(deliveries.c.state == "due", deliveries.c.noted.is_(False))
            await _add(connection, plans, unexcused, excuse=True)
            noted, ids = update(deliveries).values(noted=True), [delivery for delivery, _ in plans]
            await execute_for(connection, noted, deliveries.c.id, ids)

    async def claim(self, platform: str, limit: int, now: datetime) -> list[Part]:
        """Claim the next parts, at most one per chat: mark them as `sending` and return them."""
        async with self._store.writing() as connection:
            values = {"platform": platform, "now": now, "most": limit}
            rows = (await connection.execute(_NEXT_PARTS, values)).all()
            if not rows:
                return []
            claimable = and_(parts.c.id.in_([row.id for row in rows]), parts.c.state == "waiting")
            sending = update(parts).where(claimable).values(state="sending", tried_at=now)
            # Of two processes that claim a row at once on PostgreSQL, the first gets it.
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
                    row.doubt_since,
                    row.resend,
                    claimed_at=now,
                )
                for row in rows
                if row.id in claimed
            ]

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Save the outcomes of claimed parts; end deliveries without open parts.

        A part that has ended or was claimed again meanwhile is left alone, except that a certain
        outcome resolves the `unknown` state set by a process that took over. A refused part ends
        its whole digest, because readers must not get a digest with gaps. A part that is no longer
        wanted is not retried.
        """
        if not outcomes:
            return
        settled = (
            update(parts)
            .where(parts.c.id == bindparam("part"), or_(_CLAIMED, _CERTAIN))
            .values(
                state=case((_UNKNOWN, HELD), else_=bindparam("new_state")),
                message=bindparam("new_message"),
                error=bindparam("new_error"),
                again_at=bindparam("new_again_at"),
                attempts=parts.c.attempts + bindparam("failures"),
                doubt_since=case(
                    (_UNSURE, _DOUBTED),
                    (parts.c.doubt_since == _CLAIM, None),
                    else_=parts.c.doubt_since,
                ),
            )
        )
        rows = [
            {
                "part": outcome.part,
                "new_state": outcome.state,
                "new_message": outcome.message,
                "new_error": outcome.error[:500],
                "new_again_at": outcome.again_at if outcome.state == "waiting" else None,
                "failures": int(bool(outcome.error)),
                "unsure": outcome.unsure or outcome.state == "unknown",
                "claimed_at": outcome.claimed_at,
            }
            for outcome in outcomes
        ]
        async with self._store.writing() as connection:
            ids = await lock_deliveries_of(connection, [outcome.part for outcome in outcomes])
            await connection.execute(settled, rows)
            await _postpone(connection, outcomes)
            refused = [outcome.part for outcome in outcomes if outcome.state == "refused"]
            for group in groups(refused):
                ended = and_(parts.c.id.in_(group), parts.c.state == "refused")
                digests = select(parts.c.delivery_id).where(ended, OF_DIGEST)
                await forget(connection, digests, CUT_SHORT)
            await drop_unwanted(connection, ids)
            await end_deliveries(connection, ids)

    async def recover(self, platform: str) -> int:
        """Mark parts that an earlier process had in flight as unknown; return how many. Call at the
        start, while holding the lease."""
        async with self._store.writing() as connection:
            sending = and_(parts.c.platform == platform, parts.c.state == "sending")
            ids = list((await connection.scalars(select(parts.c.id).where(sending))).all())
            concerned = await lock_deliveries_of(connection, ids)
            unknown = {"state": HELD, "error": ENDED, "doubt_since": _DOUBTED}
            await connection.execute(update(parts).where(sending).values(unknown))
            await drop_unwanted(connection, concerned)
            await end_deliveries(connection, concerned)
            return len(ids)

    async def resume(self, platform: str, since: datetime) -> None:
        """Retry held parts tried after `since`, except those of a restored backup, which were sent
        long ago, if at all."""
        async with self._store.writing() as connection:
            unknown = and_(parts.c.platform == platform, parts.c.state == "unknown")
            recent = and_(parts.c.tried_at > since, parts.c.error != RESTORED)
            ids = (await connection.scalars(select(parts.c.id).where(unknown, recent))).all()
            concerned = await lock_deliveries_of(connection, ids)
            again = update(parts).where(unknown, recent).values(state="waiting", again_at=None)
            await connection.execute(again)
            await end_deliveries(connection, concerned)

    async def decide(self, ids: Sequence[int], *, again: bool) -> int:
        """Retry held parts, or mark them as arrived; return how many were held. After a retry, the
        digest's following parts do not expire either."""
        async with self._store.writing() as connection:
            values: dict[str, Any] = {"state": "sent"}
            if again:
                values = {"state": "waiting", "again_at": None, "resend": True}
            decided: list[int] = []
            await lock_deliveries_of(connection, ids)
            for group in groups(ids):
                unknown = and_(parts.c.id.in_(group), parts.c.state == "unknown")
                statement = update(parts).where(unknown).values(values).returning(parts.c.id)
                decided += (await connection.scalars(statement)).all()
            concerned = await lock_deliveries_of(connection, decided)
            if again:
                late = update(parts).where(parts.c.error == TOO_LATE)
                following = late.values(state="waiting", error="")
                await execute_for(connection, following, parts.c.delivery_id, concerned)
            await end_deliveries(connection, concerned)
            return len(decided)

    async def expire(self, platform: str, now: datetime) -> int:
        """Drop parts still waiting MAX_LATENESS after they were due; return the number of digests.

        Keep digests with a part that an operator sends again. Skip digests of which nothing was
        sent.
        """
        async with self._store.writing() as connection:
            old = and_(
                deliveries.c.platform == platform,
                deliveries.c.state == "open",
                deliveries.c.due_at < now - MAX_LATENESS,
            )
            again = parts.alias("again")
            resent = and_(again.c.delivery_id == parts.c.delivery_id, again.c.resend)
            waiting = and_(parts.c.state == "waiting", ~select(again.c.id).where(resent).exists())
            query = select(parts.c.delivery_id).join(deliveries).where(old, waiting).distinct()
            ids = list((await connection.scalars(query)).all())
            await lock_deliveries(connection, ids)
            dropped = update(parts).where(waiting).values(state="dropped", error=TOO_LATE)
            await execute_for(connection, dropped, parts.c.delivery_id, ids)
            await end_deliveries(connection, ids)
            others = and_(
                parts.c.delivery_id == deliveries.c.id, parts.c.state != "dropped", OF_DIGEST
            )
            skipped = update(deliveries).where(~select(parts.c.id).where(others).exists())
            skipped = skipped.values(state="skipped", reason=TOO_LATE)
            await execute_for(connection, skipped, deliveries.c.id, ids)
            return len(ids)


async def _add(
    connection: AsyncConnection,
    plans: Sequence[tuple[int, Sequence[str]]],
    which: ColumnElement[bool],
    *,
    excuse: bool = False,
) -> None:
    """Save the parts of these planned deliveries; an excuse gets a position below 0."""
    chats: dict[int, Any] = {}
    for group in groups([delivery for delivery, _ in plans]):
        where = and_(deliveries.c.id.in_(group), which)
        columns = [subscriptions.c[name] for name in PLACE]
        query = select(deliveries.c.id.label("delivery"), *columns).join(subscriptions).where(where)
        # Of two processes that plan at once on PostgreSQL, the second waits here and then finds the
        # deliveries planned.
        locked = query.order_by(deliveries.c.id).with_for_update(of=deliveries)
        chats |= {row.delivery: row for row in await connection.execute(locked)}
    contents_by_hash: dict[str, str] = {}
    new_parts = []
    for delivery, contents in plans:
        chat = chats.get(delivery)
        if chat is None:  # ended or already planned
            continue
        for position, content in enumerate(contents, -len(contents) if excuse else 0):
            hash_ = hash_body(content)
            contents_by_hash[hash_] = content
            row = {name: getattr(chat, name) for name in PLACE} | _NEW_PART
            # Random, because after a restore a row may reuse the id of another one.
            row |= {"nonce": secrets.token_urlsafe(15), "body": hash_}
            new_parts.append(row | {"delivery_id": delivery, "position": position})
    if new_parts:
        new_bodies = [{"hash": hash_, "content": c} for hash_, c in contents_by_hash.items()]
        await insert_new(connection, bodies, new_bodies)
        await connection.execute(insert(parts), new_parts)


_NEW_STATE = bindparam("new_state", type_=parts.c.state.type)
_UNKNOWN = _NEW_STATE == "unknown"
_CLAIM = bindparam("claimed_at", type_=parts.c.tried_at.type)
_CLAIMED = and_(
    parts.c.state == "sending", func.coalesce(_CLAIM, parts.c.tried_at) == parts.c.tried_at
)
_UNSURE = bindparam("unsure", type_=parts.c.resend.type)
_CERTAIN = and_(
    ~_UNSURE,
    or_(parts.c.state == "unknown", parts.c.state == "waiting"),
    parts.c.tried_at == _CLAIM,
)
_before, _missing = parts.alias("before"), parts.alias("missing")


def _after_a_gap(part: Any) -> Any:
    """Select parts after an unknown one of their digest: nothing is sent past a possible gap."""
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
    """Postpone the next parts of chats that must wait after a message."""
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
