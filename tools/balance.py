"""Checks of the delivery ledger: unsent parts, and deliveries whose state contradicts their
parts."""

from sqlalchemy import and_, select

from digest.store import Store
from digest.store.ledger import Ledger
from digest.store.open_parts import OF_DIGEST, OPEN
from digest.store.tables import deliveries, parts


async def list_unbalanced(ledger: Ledger) -> list[int]:
    """Return deliveries whose state contradicts their parts. Any result is a bug."""
    where = {
        "delivered": and_(parts.c.state != "sent", OF_DIGEST),
        "unknown": parts.c.state.in_(OPEN),
        "refused": parts.c.state.in_((*OPEN, "unknown")),
        "skipped": parts.c.state.in_(OPEN),
    }
    wrong: set[int] = set()
    async with ledger._store.reading() as connection:
        for state, odd in where.items():
            query = select(deliveries.c.id).join(parts).where(deliveries.c.state == state, odd)
            wrong.update((await connection.scalars(query)).all())
        still = select(parts.c.id).where(
            parts.c.delivery_id == deliveries.c.id, parts.c.state.in_(OPEN)
        )
        query = select(deliveries.c.id).where(deliveries.c.state == "open", ~still.exists())
        wrong.update((await connection.scalars(query)).all())
    return sorted(wrong)


async def is_busy(store: Store) -> bool:
    """Return True while anything remains to be sent; parts after a held one do not count."""
    held_deliveries = select(parts.c.delivery_id).where(parts.c.state == "unknown")
    some = select(parts.c.id).where(
        parts.c.state.in_(OPEN), parts.c.delivery_id.not_in(held_deliveries)
    )
    due = select(deliveries.c.id).where(deliveries.c.state == "due")
    async with store.reading() as connection:
        return bool(await connection.scalar(some.limit(1)) or await connection.scalar(due.limit(1)))
