"""Subscriptions, received updates, and key-value notes of the platforms."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, case, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.calendar import local_day, moment, next_due
from digest.models import Chat, Subscription
from digest.store import open_parts
from digest.store.database import Database, write_note
from digest.store.engine import insert_new, insert_on, save_row
from digest.store.tables import ORIGIN, deliveries, platform_notes, received, subscriptions, updates

READ_BATCH = 200
"""Stored updates per read."""
_PLAIN = ("length", "paused", "quiet", "weekly", "threads")
"""Subscription columns that are stored unconverted."""
_LISTS = ("sections", "highlight", "without")
_KEPT = ("left", "removed")
"""Endings after which a chat that subscribes again gets its old settings back."""
REMEMBERED = timedelta(days=3)
"""How long update marks are kept: Telegram repeats no update older than 24 hours."""


class ChatTables(Database):
    """The tables `subscriptions`, `updates` and `platform_notes`."""

    async def subscribe(self, subscription: Subscription, now: datetime) -> bool:
        """Insert or change a subscription; return True if it is new or had ended."""
        async with self.writing() as connection:
            return await insert_subscription(connection, subscription, now)

    async def unsubscribe(self, chat: Chat, topic: str) -> bool:
        """End a subscription and drop its unsent parts; return False if there was none."""
        live = _of(chat) & (subscriptions.c.topic == topic) & (subscriptions.c.ended == "")
        ended = update(subscriptions).where(live).values(ended="left")
        async with self.writing() as connection:
            query = ended.returning(subscriptions.c.id)
            subscription = (await connection.scalars(query)).one_or_none()
            if subscription is not None:
                await open_parts.leave(connection, subscription)
            return subscription is not None

    async def list_subscriptions(self, chat: Chat) -> list[Subscription]:
        """Return the subscriptions of a chat (and thread), by topic."""
        query = select(subscriptions).where(_of(chat), subscriptions.c.ended == "")
        rows = await self.rows(query.order_by(subscriptions.c.topic))
        return [subscription_of(row) for row in rows]

    async def find_ended_subscription(self, chat: Chat, topic: str) -> Subscription | None:
        """Return the subscription, unpaused, if it ended because the chat unsubscribed or the bot
        was removed; else None."""
        same = _of(chat) & (subscriptions.c.topic == topic) & subscriptions.c.ended.in_(_KEPT)
        rows = await self.rows(select(subscriptions).where(same))
        return replace(subscription_of(rows[0]), paused=False) if rows else None

    async def list_chats(self, platform: str) -> list[Chat]:
        """Return the distinct chats of a platform with a subscription."""
        query = select(*(subscriptions.c[name] for name in open_parts.PLACE)).distinct()
        live = (subscriptions.c.platform == platform) & (subscriptions.c.ended == "")
        chats = [open_parts.chat_of(row) for row in await self.rows(query.where(live))]
        return sorted(chats, key=lambda chat: (chat.space, chat.id, chat.thread))

    async def list_zones(self) -> list[str]:
        """Return the time zones of all live subscriptions."""
        query = select(subscriptions.c.timezone).where(subscriptions.c.ended == "").distinct()
        return sorted(row.timezone for row in await self.rows(query))

    async def count_subscriptions(self) -> dict[str, int]:
        """Return the number of live subscriptions by topic."""
        live = select(subscriptions.c.topic, func.count()).where(subscriptions.c.ended == "")
        return {row[0]: row[1] for row in await self.rows(live.group_by(subscriptions.c.topic))}

    async def mark_handled(self, platform: str, key: str, now: datetime) -> bool:
        """Mark an update as handled; return False if it was already marked."""
        row = {"platform": platform, "key": key, "at": now}
        async with self.writing() as connection:
            insert = insert_on(connection, updates).values(row)
            marked = insert.on_conflict_do_nothing().returning(updates.c.key)
            return (await connection.execute(marked)).scalar() is not None

    async def forget_updates(self, now: datetime) -> None:
        """Delete marks of updates that no platform would repeat any more."""
        async with self.writing() as connection:
            await connection.execute(delete(updates).where(updates.c.at < now - REMEMBERED))

    async def save_received(self, platform: str, key: str, content: str, now: datetime) -> None:
        row = {"platform": platform, "key": key, "content": content, "at": now}
        async with self.writing() as connection:
            await insert_new(connection, received, [row])

    async def list_received(
        self, platform: str, without: Collection[str] = ()
    ) -> list[tuple[str, str]]:
        """Return keys and contents of the oldest stored updates, except those in `without`."""
        new = (received.c.platform == platform) & received.c.key.not_in(without)
        query = select(received.c.key, received.c.content).where(new)
        query = query.order_by(received.c.at, received.c.key).limit(READ_BATCH)
        return [(row.key, row.content) for row in await self.rows(query)]

    async def forget_received(self, platform: str, key: str) -> None:
        same = (received.c.platform == platform) & (received.c.key == key)
        async with self.writing() as connection:
            await connection.execute(delete(received).where(same))

    async def read_note(self, platform: str, name: str) -> str:
        """Return a platform's note of that name, or ""."""
        same = (platform_notes.c.platform == platform) & (platform_notes.c.name == name)
        return str(await self.scalar(select(platform_notes.c.value).where(same)) or "")

    async def read_notes(self, platform: str) -> dict[str, str]:
        """Return all notes of the platform by name."""
        table = platform_notes.c
        query = select(table.name, table.value).where(table.platform == platform)
        return {row.name: row.value for row in await self.rows(query)}

    async def save_note(self, platform: str, name: str, value: str) -> None:
        async with self.writing() as connection:
            await write_note(connection, platform, name, value)

    async def mark_restored(self, now: datetime) -> None:
        """Record that this database is a restored backup: parts that were due may have been
        sent."""
        async with self.writing() as connection:
            await _mark_restored(connection, now, await _identify(connection))

    async def notice_restore(self, now: datetime) -> bool:
        """Record a restore done by another program (a copied file, pg_restore); return True if
        there was one."""
        same = (platform_notes.c.platform == "store") & (platform_notes.c.name == ORIGIN)
        async with self.writing() as connection:
            own = await _identify(connection)
            # With several processes starting at once, one marks it and the others wait for the row.
            query = select(platform_notes.c.value).where(same).with_for_update()
            origin = await connection.scalar(query) or ""
            if origin == own:
                return False
            if origin:
                await _mark_restored(connection, now, own)
            else:
                await write_note(connection, "store", ORIGIN, own)
        return bool(origin)


async def _mark_restored(connection: AsyncConnection, now: datetime, own: str) -> None:
    await open_parts.doubt(connection, now)
    await write_note(connection, "store", "restored", now.isoformat())
    await write_note(connection, "store", ORIGIN, own)


async def _identify(connection: AsyncConnection) -> str:
    """Return an identity that a restored copy does not share: the PostgreSQL identifiers of server,
    database and table; "" on SQLite, where a backup contains the time it was made instead."""
    if connection.dialect.name == "sqlite":
        return ""
    query = text(
        "SELECT concat_ws(':', system_identifier, pg_database.oid, CAST(:name AS regclass)::oid)"
        " FROM pg_control_system(), pg_database WHERE datname = current_database()"
    )
    return str(await connection.scalar(query, {"name": platform_notes.name}))


async def insert_subscription(
    connection: AsyncConnection, subscription: Subscription, now: datetime
) -> bool:
    """Insert or change a subscription; return True if it is new or had ended."""
    same = _of(subscription.chat) & (subscriptions.c.topic == subscription.topic)
    query = select(subscriptions).where(same).with_for_update()
    row_before = (await connection.execute(query)).first()
    chat = subscription.chat
    row = {
        "platform": chat.platform,
        "chat": chat.id,
        "thread": chat.thread,
        "topic": subscription.topic,
        "space": chat.space,
        "kind": chat.kind,
        "at": f"{subscription.at:%H:%M}",
        "timezone": subscription.timezone,
        "created_at": now,
        "ended": "",
        "weekdays": "".join(map(str, subscription.weekdays)),
        "language": subscription.language or "",
        "title": chat.title,
        "next_at": _next_look(row_before, subscription, now),
    } | {name: getattr(subscription, name) for name in (*_PLAIN, *_LISTS)}
    keys = ["platform", "chat", "thread", "topic"]
    await save_row(connection, subscriptions, keys, row)
    if row_before and subscription.paused:
        of_subscription = deliveries.c.subscription_id == row_before.id
        await open_parts.skip(connection, of_subscription, "paused")
    return row_before is None or row_before.ended != ""


def _next_look(
    before: Row[*tuple[Any, ...]] | None, subscription: Subscription, now: datetime
) -> datetime:
    """Return when to check next whether the subscription is due. If it was already due before the
    change and not yet checked, return that past moment, so that the day is not lost."""
    if before is None or before.ended or before.paused or before.next_at > now:
        return next_due(subscription, now)
    day = local_day(before.next_at, before.timezone)
    look: datetime = before.next_at
    return min(look, moment(day, subscription.at, subscription.timezone) or look)


async def move_subscriptions(connection: AsyncConnection, platform: str, old: str, new: str) -> int:
    """Move a chat's subscriptions to its new id; return how many moved.

    If both ids are subscribed to a topic, end one subscription, but keep its row under an
    impossible id, because the ledger refers to it."""
    table = subscriptions.c
    resumable = table.ended.in_(("", *_KEPT))
    here = (table.platform == platform) & (table.chat == old) & resumable
    moved = 0
    # A platform may report a move several times at once: on PostgreSQL the second call waits here
    # and then finds nothing to do.
    query = select(subscriptions).where(here).order_by(table.id).with_for_update()
    for row in list(await connection.execute(query)):
        same = (table.thread == row.thread) & (table.topic == row.topic)
        at_new_id = (table.platform == platform) & (table.chat == new) & same
        other = (await connection.execute(select(table.id, table.ended).where(at_new_id))).first()
        other_stays = other and (other.ended == "" or row.ended)
        going, staying = (row.id, None) if other_stays else (other, row.id)
        gone = going.id if isinstance(going, Row) else going
        if gone is not None:
            ended = case((table.ended == "", "moved"), else_=table.ended)
            aside = {"chat": f"{new} {gone}", "ended": ended}
            await connection.execute(update(subscriptions).where(table.id == gone).values(aside))
        if staying is not None:
            moving = update(subscriptions).where(table.id == staying)
            await connection.execute(moving.values(chat=new))
            moved += 1
    return moved


async def move_notes(connection: AsyncConnection, old: str, new: str) -> None:
    """Rename the notes about a chat, such as its language, to its new name."""
    table = platform_notes.c
    # Of two calls at once, the second waits here on PostgreSQL and then finds nothing to do.
    query = select(table.platform).where(table.name == old).order_by(table.platform)
    places = list(await connection.scalars(query.with_for_update()))
    replaced = (table.name == new) & table.platform.in_(places)
    await connection.execute(delete(platform_notes).where(replaced))
    await connection.execute(update(platform_notes).where(table.name == old).values(name=new))


def _of(chat: Chat) -> ColumnElement[bool]:
    table = subscriptions.c
    same = (table.platform == chat.platform) & (table.chat == chat.id)
    return same & (table.thread == chat.thread)


def subscription_of(row: Row[*tuple[Any, ...]]) -> Subscription:
    values: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN}
    values |= {name: tuple(getattr(row, name)) for name in _LISTS}
    return Subscription(
        replace(open_parts.chat_of(row), title=row.title),
        row.topic,
        time.fromisoformat(row.at),
        row.timezone,
        tuple(map(int, row.weekdays)),
        row.language or None,
        id=row.id,
        **values,
    )
