"""The delivery ledger: deliveries due to each subscription, their parts and outcomes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    Table,
    and_,
    case,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Balance, Ending, UndeliveredPart
from digest.store import chat_tables, open_parts
from digest.store.due import DueTables, NewestDays, has_begun
from digest.store.engine import MAX_IDS, execute_for, insert_on
from digest.store.open_parts import OF_DIGEST, OPEN, end_deliveries, lock_deliveries_of
from digest.store.tables import bodies, deliveries, leases, parts, subscriptions

TRIAL = timedelta(days=7)
"""How long no subscription ends because a new bot is not in its chat: the token may be wrong."""
_AHEAD = timedelta(minutes=5)
"""Tolerated clock skew: a lease that expires later was taken before a clock was set back."""


class Ledger(DueTables):
    """Deliveries, their parts and outcomes, chats, and leases.

    Every method may raise StoreError and is one transaction unless it says otherwise.
    """

    async def list_held_parts(
        self, platform: str | None = None, chat: str | None = None
    ) -> list[UndeliveredPart]:
        """Return the parts that may or may not have arrived, oldest first."""
        which = parts.c.state == "unknown"
        if platform is not None:
            which &= parts.c.platform == platform
        if chat is not None:
            which &= parts.c.chat == chat
        return await self._list_parts(which)

    async def list_refused_parts(self, since: datetime) -> list[UndeliveredPart]:
        """Return the parts refused since then, oldest first. Of ended subscriptions, include only
        groups and channels: a person who blocked the bot needs no report."""
        refused = and_(parts.c.state == "refused", parts.c.tried_at >= since)
        reported = or_(subscriptions.c.ended == "", subscriptions.c.kind != "private")
        return await self._list_parts(and_(refused, reported))

    async def _list_parts(self, which: ColumnElement[bool]) -> list[UndeliveredPart]:
        """Return these parts with their digest and chat, oldest first."""
        sibling = parts.alias("sibling")
        same_digest = (sibling.c.delivery_id == parts.c.delivery_id) & (sibling.c.position >= 0)
        number = select(func.count()).where(same_digest).scalar_subquery().label("number")
        about = (deliveries.c.topic, deliveries.c.day, subscriptions.c.title)
        query = select(parts, *about, number).select_from(parts)
        joined = query.join(deliveries).join(subscriptions)
        return [
            UndeliveredPart(
                row.id,
                replace(open_parts.chat_of(row), title=row.title),
                row.topic,
                row.day,
                row.position,
                row.number,
                row.tried_at,
                row.error,
                row.state,
            )
            for row in await self._store.rows(joined.where(which).order_by(parts.c.id))
        ]

    async def load_body(self, part: int) -> str:
        """Return the body of a part, as the platform's JSON."""
        content = select(bodies.c.content).join(parts, parts.c.body == bodies.c.hash)
        return str(await self._store.scalar(content.where(parts.c.id == part)) or "{}")

    async def find_first_message(self, delivery: int) -> str:
        """Return the platform's id of a digest's first message, or "" before it is sent."""
        first = (parts.c.delivery_id == delivery) & (parts.c.position == 0)
        return str(await self._store.scalar(select(parts.c.message).where(first)) or "")

    async def end_chat(
        self, platform: str, chat: str, why: Ending, *, space: str = "", thread: str | None = None
    ) -> int:
        """End the subscriptions and unsent parts of a chat, of one of its threads, or of a whole
        server (if `chat` is empty); return the number of subscriptions."""

        def belongs(table: Table) -> ColumnElement[bool]:
            place = table.c.chat == chat if chat else table.c.space == space
            in_thread = true() if thread is None else table.c.thread == thread
            return and_(table.c.platform == platform, place, in_thread)

        live = and_(belongs(subscriptions), subscriptions.c.ended == "")
        still_open = and_(belongs(parts), parts.c.state.in_((*OPEN, "unknown")))
        targets = select(subscriptions.c.id).where(belongs(subscriptions))
        waiting = and_(deliveries.c.subscription_id.in_(targets), deliveries.c.state == "due")
        async with self._store.writing() as connection:
            ended = await connection.execute(update(subscriptions).where(live).values(ended=why))
            ids = (await connection.scalars(select(parts.c.id).where(still_open))).all()
            concerned = await lock_deliveries_of(connection, ids)
            refused = update(deliveries).where(waiting).values(state="refused", reason=why)
            await connection.execute(refused)
            state = case((parts.c.state == "sending", "refused"), else_="dropped")
            await connection.execute(update(parts).where(still_open).values(state=state, error=why))
            await end_deliveries(connection, concerned)
            return ended.rowcount

    async def move_chat(self, platform: str, old: str, new: str) -> int:
        """Move a chat's subscriptions, open parts and notes to its new id."""
        async with self._store.writing() as connection:
            moved = await chat_tables.move_subscriptions(connection, platform, old, new)
            await _move_parts(connection, platform, old, new)
            await chat_tables.move_notes(connection, f"{platform}:{old}", f"{platform}:{new}")
            return moved

    async def take_lease(
        self, role: str, holder: str, now: datetime, seconds: float = 30.0
    ) -> bool:
        """Acquire or renew a lease; return False if another process holds it."""
        until = now + timedelta(seconds=seconds)
        row = {"role": role, "holder": holder, "until": until}
        async with self._store.writing() as connection:
            inserted = insert_on(connection, leases).values(row)
            valid = and_(leases.c.until > now, leases.c.until <= until + _AHEAD)
            taken = inserted.on_conflict_do_update(
                index_elements=["role"],
                set_={"holder": holder, "until": until},
                where=or_(leases.c.holder == holder, ~valid),
            )
            saved = await connection.execute(taken.returning(leases.c.holder))
            return saved.scalar() is not None

    async def find_holder(self, role: str, now: datetime) -> str:
        """Return the holder of a lease, or ""."""
        valid = and_(leases.c.role == role, leases.c.until > now)
        return str(await self._store.scalar(select(leases.c.holder).where(valid)) or "")

    async def release_lease(self, role: str, holder: str) -> None:
        async with self._store.writing() as connection:
            lease = and_(leases.c.role == role, leases.c.holder == holder)
            await connection.execute(delete(leases).where(lease))

    async def read_pause(self, platform: str) -> datetime | None:
        """Return when sending may resume after the platform's flood limit; None if not paused."""
        moment = await self._store.read_note(platform, "paused_until")
        return datetime.fromisoformat(moment) if moment else None

    async def save_pause(self, platform: str, until: datetime) -> None:
        """Save until when sending is paused; it survives a restart."""
        await self._store.save_note(platform, "paused_until", until.astimezone(UTC).isoformat())

    async def notice_bot(self, platform: str, bot: str, now: datetime) -> bool:
        """Save which bot talks on the platform, and since when. Return True if it was another one
        before: a bot that has just got its token, or the token of another bot by mistake."""
        before = await self._store.read_note(platform, "bot")
        if before.partition(" ")[0] == bot:
            return False
        await self._store.save_note(platform, "bot", f"{bot} {now.isoformat() if before else ''}")
        return bool(before)

    async def is_on_trial(self, platform: str, now: datetime) -> bool:
        """Return True if another bot talked on the platform until less than TRIAL ago."""
        since = (await self._store.read_note(platform, "bot")).partition(" ")[2]
        return bool(since) and now < datetime.fromisoformat(since) + TRIAL

    async def read_file_id(self, platform: str, picture: str) -> str:
        """Return the platform's id of an uploaded picture, or ""."""
        return await self._store.read_note(platform, f"file:{picture}")

    async def save_file_id(self, platform: str, picture: str, file_id: str) -> None:
        """Save the platform's id of an uploaded picture; "" deletes it."""
        await self._store.save_note(platform, f"file:{picture}", file_id)

    async def load_newest_days(self, ids: Sequence[int], now: datetime) -> dict[int, NewestDays]:
        """Return the newest local day and report of each subscription that has deliveries."""
        newest = (func.max(deliveries.c[name]).label(name) for name in ("day", "report"))
        query = select(deliveries.c.subscription_id, *newest)
        query = query.where(deliveries.c.subscription_id.in_(ids), has_begun(now))
        rows = await self._store.rows(query.group_by(deliveries.c.subscription_id))
        return {row.subscription_id: NewestDays(row.day, row.report) for row in rows}

    async def count_due(self, now: datetime) -> dict[str, Balance]:
        """Return the deliveries due on this UTC day, by platform and state."""
        start = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
        today = and_(deliveries.c.due_at >= start, deliveries.c.due_at < start + timedelta(days=1))
        unknown = and_(parts.c.delivery_id == deliveries.c.id, parts.c.state == "unknown")
        # Parts after an unknown one wait for an operator's decision, not for their turn.
        stuck = and_(deliveries.c.state == "open", select(parts.c.id).where(unknown).exists())
        state = case((stuck, "unknown"), else_=deliveries.c.state).label("state")
        counted = select(deliveries.c.platform, state, func.count().label("n"))
        grouped = counted.where(today).group_by(deliveries.c.platform, state)
        balances: dict[str, dict[str, int]] = {}
        for row in await self._store.rows(grouped):
            name = "waiting" if row.state in ("due", "open") else row.state
            states = balances.setdefault(row.platform, {})
            states[name] = states.get(name, 0) + row.n
        return {
            platform: Balance(due=sum(states.values()), **states)
            for platform, states in sorted(balances.items())
        }

    async def delete_ended(self, before: datetime) -> int:
        """Delete ended deliveries due before then, with their parts, in several transactions;
        return the number. Keep undecided deliveries, and the newest day and report of each
        subscription, because the next deliveries are computed from them."""
        newer = deliveries.alias("newer")
        superseded = and_(
            newer.c.subscription_id == deliveries.c.subscription_id,
            newer.c.day > deliveries.c.day,
            or_(deliveries.c.report.is_(None), newer.c.report > deliveries.c.report),
        )
        ended = deliveries.c.state.in_(("delivered", "refused", "skipped"))
        old = select(deliveries.c.id).where(deliveries.c.due_at < before, ended)
        old = old.where(select(newer.c.id).where(superseded).exists())
        total = 0
        while True:
            async with self._store.writing() as connection:
                ids = (await connection.scalars(old.limit(MAX_IDS))).all()
                await open_parts.delete_sent(connection, deliveries.c.id.in_(ids))
            total += len(ids)
            if len(ids) < MAX_IDS:
                return total


async def _move_parts(connection: AsyncConnection, platform: str, old: str, new: str) -> None:
    """Move a chat's open parts to its new id. If both ids were subscribed, merge their deliveries,
    so that each day and each report is delivered once."""
    ended, remaining = subscriptions.alias("ended_one"), subscriptions.alias("remaining")
    same = and_(*(ended.c[name] == remaining.c[name] for name in ("platform", "thread", "topic")))
    # The id that `chat_tables.move_subscriptions` gives to an ended duplicate.
    aside = ended.c.chat == literal(f"{new} ").concat(cast(ended.c.id, String))
    pairs = select(ended.c.id, remaining.c.id).select_from(ended.join(remaining, and_(same, aside)))
    here = and_(remaining.c.platform == platform, remaining.c.chat == new)
    for going, staying in (await connection.execute(pairs.where(here))).all():
        await _merge(connection, going, staying)
    # A part in flight keeps its state: its outcome decides whether it is sent again.
    still_open = and_(parts.c.platform == platform, parts.c.chat == old, parts.c.state.in_(OPEN))
    await connection.execute(update(parts).where(still_open).values(chat=new))


async def _merge(connection: AsyncConnection, going: int, staying: int) -> None:
    """Give a subscription the deliveries of a duplicate one for the same chat.

    Of two deliveries for the same day or report, end the one that sent nothing.
    """
    table = deliveries.c
    query = select(table.id, table.subscription_id, table.day, table.report)
    query = query.where(table.subscription_id.in_((going, staying)))
    locked = query.order_by(table.id).with_for_update()
    rows = (await connection.execute(locked)).all()
    duplicates = [row for row in rows if row.subscription_id == going]
    remaining = [row for row in rows if row.subscription_id == staying]
    transferred: list[int] = []
    ended: list[int] = []
    for row in duplicates:
        others = [
            other
            for other in remaining
            if other.day == row.day or other.report == row.report is not None
        ]
        ids = [other.id for other in others]
        # Parts in flight to the old id have come back by now.
        begun = await _begun(connection, [row.id], ("sent", "unknown"))
        if not others:
            transferred.append(row.id)
        elif begun and not await _begun(connection, ids, ("sent", "unknown", "sending")):
            ended += ids
        else:
            ended.append(row.id)
        if begun and len(others) == 1 and others[0].day == row.day:
            await _swap(connection, row, others[0], [other.report for other in duplicates])
    moved = update(deliveries).values(subscription_id=staying)
    await execute_for(connection, moved, table.id, transferred)
    dropped = update(parts).where(parts.c.state.in_(OPEN)).values(state="dropped", error="moved")
    await execute_for(connection, dropped, parts.c.delivery_id, ended)
    refused = update(deliveries).where(table.state == "due")
    refused = refused.values(state="refused", reason="moved")
    await execute_for(connection, refused, table.id, ended)
    await end_deliveries(connection, ended)


async def _swap(
    connection: AsyncConnection, duplicate: Any, remaining: Any, taken: Sequence[date | None]
) -> None:
    """If the other subscription has the newer report of the two for the same day, give it to the
    one that stays, which computes its next day from its newest. `taken`: the other's reports."""
    newer = duplicate.report and (remaining.report is None or duplicate.report > remaining.report)
    if not newer or remaining.report in taken:
        return
    # Via a day that no digest has, because (subscription, day) is unique.
    for delivery, subscription, day in (
        (duplicate.id, duplicate.subscription_id, date.min),
        (remaining.id, duplicate.subscription_id, remaining.day),
        (duplicate.id, remaining.subscription_id, duplicate.day),
    ):
        moved = update(deliveries).where(deliveries.c.id == delivery)
        await connection.execute(moved.values(subscription_id=subscription, day=day))


async def _begun(connection: AsyncConnection, ids: Sequence[int], states: Sequence[str]) -> bool:
    which = and_(parts.c.delivery_id.in_(ids), parts.c.state.in_(states), OF_DIGEST)
    return await connection.scalar(select(parts.c.id).where(which).limit(1)) is not None
