"""The ledger of deliveries: who is due what, every message of it, and what became of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import and_, case, delete, func, or_, select

from digest.models import Balance, Delivery, Ending, Held, Outcome, Part, Topic
from digest.store import Store, chat_tables, due, moves, outbox
from digest.store.due import ReportKey
from digest.store.engine import insert_on
from digest.store.tables import bodies, deliveries, leases, parts, subscriptions

_NOTES = "store"
_AHEAD = timedelta(minutes=5)
"""How far the clocks of two machines may differ. A lease that is good for longer was taken under a
clock that was set back since: nobody waits for that."""
RESTORED = "restored"
"""The note of when the database was restored from a backup."""


class Ledger:
    """Deliveries in the store's database. Every method may raise StoreError, and is one transaction
    unless it says otherwise."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def propose(self, topics: Mapping[str, Topic], now: datetime) -> int:
        """Rows for all that became due, in several transactions; gives how many.

        A subscription gets one delivery a local day of its own, and each report once. What was due
        more than 24 hours ago, or before a restore, is skipped with a row that says so.
        """
        restored = await self._store.note(_NOTES, RESTORED)
        cutoff = now - due.MADE_UP
        if restored:
            cutoff = max(cutoff, datetime.fromisoformat(restored))
        total = 0
        while True:
            async with self._store.writing() as connection:
                seen, new = await due.propose(connection, topics, now, cutoff)
            total += new
            if seen < due.MOST:
                return total

    async def ready(
        self, platform: str, limit: int, now: datetime
    ) -> list[tuple[Delivery, ReportKey]]:
        """Deliveries that wait for parts, with the topic, first and last day of the stored report.
        None that are due after `now`, because their day is not over, though it has a report."""
        async with self._store.reading() as connection:
            return await due.ready(connection, platform, limit, now)

    async def overdue(self, platform: str, before: datetime, limit: int) -> list[Delivery]:
        """Deliveries due before then without a report, whose chats were not told that it is late."""
        async with self._store.reading() as connection:
            return await due.overdue(connection, platform, before, limit)

    async def give_up(self, now: datetime) -> int:
        """Skips deliveries whose report never came; gives how many."""
        async with self._store.writing() as connection:
            return await due.give_up(connection, now)

    async def expire(self, platform: str, now: datetime) -> int:
        """Drops messages that still wait a day after they were due; gives of how many digests."""
        async with self._store.writing() as connection:
            return await outbox.expire(connection, platform, now - due.MADE_UP)

    async def plan(self, plans: Sequence[tuple[int, Sequence[str]]]) -> None:
        """The messages of deliveries, in order. One that has them already, or has ended, is left."""
        async with self._store.writing() as connection:
            await outbox.plan(connection, plans)

    async def note(self, plans: Sequence[tuple[int, Sequence[str]]]) -> None:
        """A word to chats whose report is late; the digest itself follows when it is there."""
        async with self._store.writing() as connection:
            await outbox.note(connection, plans)

    async def claim(self, platform: str, limit: int, now: datetime) -> list[Part]:
        """Messages whose turn it is, at most one of a chat; committed as being sent."""
        async with self._store.writing() as connection:
            return await outbox.claim(connection, platform, limit, now)

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        """What became of claimed messages; of one that ended meanwhile nothing is changed."""
        async with self._store.writing() as connection:
            await outbox.settle(connection, outcomes)

    async def recover(self, platform: str) -> int:
        """At a start, under the lease: what was being sent then is unknown now; gives how many."""
        async with self._store.writing() as connection:
            return await outbox.recover(connection, platform)

    async def held(self, platform: str | None = None, chat: str | None = None) -> list[Held]:
        """Return the parts of which nobody knows whether they arrived, oldest first."""
        unknown = parts.c.state == "unknown"
        mine = unknown if chat is None else and_(unknown, parts.c.chat == chat)
        async with self._store.reading() as connection:
            return await outbox.list_parts(connection, platform, mine)

    async def refused(self, since: datetime) -> list[Held]:
        """Return the parts refused since then in chats that are subscribed still, oldest first."""
        lost = and_(parts.c.state == "refused", parts.c.tried_at >= since)
        async with self._store.reading() as connection:
            return await outbox.list_parts(
                connection, None, and_(lost, subscriptions.c.ended == "")
            )

    async def body(self, part: int) -> str:
        """Return what a part says, as JSON of its platform."""
        said = select(bodies.c.content).join(parts, parts.c.body == bodies.c.hash)
        async with self._store.reading() as connection:
            return str(await connection.scalar(said.where(parts.c.id == part)) or "{}")

    async def decide(self, ids: Sequence[int], *, again: bool) -> int:
        """Sends held messages again, or marks them as arrived; gives how many were held."""
        async with self._store.writing() as connection:
            return await outbox.decide(connection, ids, again=again)

    async def end_chat(
        self, platform: str, chat: str, why: Ending, *, space: str = "", thread: str | None = None
    ) -> int:
        """End the subscriptions of a chat, of one thread of it, or of a whole server where `chat` is
        empty, and all that is still to be sent there; return how many."""
        async with self._store.writing() as connection:
            ended = await chat_tables.end_subscriptions(
                connection, platform, chat, space, why, thread
            )
            await outbox.drop(connection, platform, chat, space, why, thread)
            return ended

    async def move_chat(self, platform: str, old: str, new: str) -> int:
        """A chat has a new id: its subscriptions and open messages go there, each once."""
        async with self._store.writing() as connection:
            moved = await chat_tables.move_subscriptions(connection, platform, old, new)
            await moves.move(connection, platform, old, new)
            return moved

    async def lease(self, role: str, holder: str, now: datetime, seconds: float = 30.0) -> bool:
        """Takes or renews the right to act in a role; False while somebody else has it."""
        until = now + timedelta(seconds=seconds)
        row = {"role": role, "holder": holder, "until": until}
        async with self._store.writing() as connection:
            written = insert_on(connection.dialect.name, leases).values(row)
            good = and_(leases.c.until > now, leases.c.until <= until + _AHEAD)
            free = or_(leases.c.holder == holder, ~good)
            taken = written.on_conflict_do_update(
                index_elements=["role"],
                set_={"holder": holder, "until": until},
                where=free,
            )
            found = await connection.execute(taken.returning(leases.c.holder))
            return found.scalar() is not None

    async def holder(self, role: str, now: datetime) -> str:
        """Who may act in a role now, or nobody."""
        valid = and_(leases.c.role == role, leases.c.until > now)
        async with self._store.reading() as connection:
            return str(await connection.scalar(select(leases.c.holder).where(valid)) or "")

    async def give_back(self, role: str, holder: str) -> None:
        """Lets go of a role, so that another need not wait."""
        async with self._store.writing() as connection:
            mine = and_(leases.c.role == role, leases.c.holder == holder)
            await connection.execute(delete(leases).where(mine))

    async def paused_until(self, platform: str) -> datetime | None:
        """Until when the platform asked for silence."""
        said = await self._store.note(platform, "paused_until")
        return datetime.fromisoformat(said) if said else None

    async def pause(self, platform: str, until: datetime) -> None:
        """Keeps until when the platform asked for silence, across restarts."""
        await self._store.save_note(platform, "paused_until", until.astimezone(UTC).isoformat())

    async def file_id(self, platform: str, hash_: str) -> str:
        """Under which name the platform knows a picture, or nothing."""
        return await self._store.note(platform, f"file:{hash_}")

    async def save_file_id(self, platform: str, hash_: str, name: str) -> None:
        """Keeps under which name the platform knows a picture; empty: under none any more."""
        await self._store.save_note(platform, f"file:{hash_}", name)

    async def build_due(self, topics: Sequence[Topic], now: datetime) -> list[tuple[str, date]]:
        """The reports to make now; each is given to one caller."""
        async with self._store.writing() as connection:
            return await due.build_due(connection, topics, now)

    async def build_ended(self, topic: str, day: date, now: datetime, *, made: bool) -> int:
        """Notes how a build ended; one that failed is due again later. Gives how often it was tried."""
        async with self._store.writing() as connection:
            return await due.build_ended(connection, topic, day, now, made=made)

    async def next_days(self, ids: Sequence[int]) -> dict[int, date]:
        """The newest local day for which each of these subscriptions has a row."""
        newest = select(deliveries.c.subscription_id, func.max(deliveries.c.day).label("day"))
        mine = newest.where(deliveries.c.subscription_id.in_(ids))
        async with self._store.reading() as connection:
            rows = await connection.execute(mine.group_by(deliveries.c.subscription_id))
            return {row.subscription_id: row.day for row in rows}

    async def balance(self, now: datetime) -> dict[str, Balance]:
        """What was due on this UTC day on each platform, and what became of it."""
        start = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
        today = and_(deliveries.c.due_at >= start, deliveries.c.due_at < start + timedelta(days=1))
        lost = and_(parts.c.delivery_id == deliveries.c.id, parts.c.state == "unknown")
        # Parts behind an unknown one wait for an operator's word, not for their turn.
        stuck = and_(deliveries.c.state == "open", select(parts.c.id).where(lost).exists())
        state = case((stuck, "unknown"), else_=deliveries.c.state).label("state")
        counted = select(deliveries.c.platform, state, func.count().label("n"))
        grouped = counted.where(today).group_by(deliveries.c.platform, state)
        found: dict[str, dict[str, int]] = {}
        async with self._store.reading() as connection:
            for row in await connection.execute(grouped):
                name = "waiting" if row.state in ("due", "open") else row.state
                states = found.setdefault(row.platform, {})
                states[name] = states.get(name, 0) + row.n
        return {
            platform: Balance(due=sum(states.values()), **states)
            for platform, states in sorted(found.items())
        }

    async def unbalanced(self) -> list[int]:
        """Deliveries whose state does not follow from their parts: none, or something is wrong."""
        where = {
            "delivered": parts.c.state != "sent",
            "unknown": parts.c.state.in_(outbox.OPEN),
            "refused": parts.c.state.in_((*outbox.OPEN, "unknown")),
            "skipped": parts.c.state.in_(outbox.OPEN),
        }
        wrong: set[int] = set()
        async with self._store.reading() as connection:
            for state, odd in where.items():
                query = select(deliveries.c.id).join(parts).where(deliveries.c.state == state, odd)
                wrong.update((await connection.scalars(query)).all())
            still = select(parts.c.id).where(
                parts.c.delivery_id == deliveries.c.id, parts.c.state.in_(outbox.OPEN)
            )
            query = select(deliveries.c.id).where(deliveries.c.state == "open", ~still.exists())
            wrong.update((await connection.scalars(query)).all())
        return sorted(wrong)
