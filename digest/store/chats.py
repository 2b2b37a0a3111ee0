"""Who subscribed, which updates were handled, and small notes of the platforms."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, case, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.calendar import next_due
from digest.models import Chat, Ending, Subscription
from digest.store.engine import insert_on, upsert
from digest.store.tables import platform_notes, subscriptions, updates

REMEMBERED = timedelta(days=3)
"""How long an update is remembered: Telegram repeats none that is older than 24 hours."""


async def subscribe(connection: AsyncConnection, wanted: Subscription, now: datetime) -> bool:
    """Begins or changes a subscription; whether it is new or had ended."""
    same = _of(wanted.chat) & (subscriptions.c.topic == wanted.topic)
    known = select(subscriptions.c.ended).where(same)
    before = (await connection.execute(known)).first()
    chat = wanted.chat
    row = {
        "platform": chat.platform,
        "chat": chat.id,
        "thread": chat.thread,
        "topic": wanted.topic,
        "space": chat.space,
        "kind": chat.kind,
        "at": f"{wanted.at:%H:%M}",
        "timezone": wanted.timezone,
        "created_at": now,
        "ended": "",
        "weekdays": "".join(map(str, wanted.weekdays)),
        "language": wanted.language or "",
        "length": wanted.length,
        "sections": list(wanted.sections),
        "highlight": list(wanted.highlight),
        "without": list(wanted.without),
        "paused": wanted.paused,
        "title": chat.title,
        "quiet": wanted.quiet,
        "weekly": wanted.weekly,
        "day_thread": wanted.thread,
        "next_at": next_due(wanted, now),
    }
    keys = ["platform", "chat", "thread", "topic"]
    await connection.execute(upsert(connection.dialect.name, subscriptions, keys).values(row))
    return before is None or before.ended != ""


async def unsubscribe(connection: AsyncConnection, chat: Chat, topic: str) -> int | None:
    """Ends a subscription at the chat's wish; gives its row number, None if there was none."""
    same = _of(chat) & (subscriptions.c.topic == topic) & (subscriptions.c.ended == "")
    ended = update(subscriptions).where(same).values(ended="left")
    return (await connection.scalars(ended.returning(subscriptions.c.id))).one_or_none()


async def of_chat(connection: AsyncConnection, chat: Chat) -> list[Subscription]:
    """What a chat (with its thread) is subscribed to, by topic."""
    query = select(subscriptions).where(_of(chat), subscriptions.c.ended == "")
    rows = await connection.execute(query.order_by(subscriptions.c.topic))
    return [subscription_of(row) for row in rows]


async def subscribed(connection: AsyncConnection, platform: str) -> list[Chat]:
    """The chats of a platform that are subscribed to anything, each once."""
    names = ("platform", "chat", "thread", "kind", "space")
    query = select(*(subscriptions.c[name] for name in names)).distinct()
    live = (subscriptions.c.platform == platform) & (subscriptions.c.ended == "")
    rows = await connection.execute(query.where(live))
    found = [Chat(row.platform, row.chat, row.thread, row.kind, row.space) for row in rows]
    return sorted(found, key=lambda chat: (chat.space, chat.id, chat.thread))


async def zones(connection: AsyncConnection) -> list[str]:
    """The zones of all subscriptions that go on."""
    query = select(subscriptions.c.timezone).where(subscriptions.c.ended == "").distinct()
    return sorted((await connection.scalars(query)).all())


async def end(
    connection: AsyncConnection, platform: str, chat: str, space: str, why: Ending
) -> int:
    """Ends all subscriptions of a chat, or of a server where `chat` is empty; gives how many."""
    place = subscriptions.c.chat == chat if chat else subscriptions.c.space == space
    same = (subscriptions.c.platform == platform) & place & (subscriptions.c.ended == "")
    return await _end(connection, same, why)


async def move(connection: AsyncConnection, platform: str, old: str, new: str) -> int:
    """Gives a chat's subscriptions its new id; one that the new id has already is kept once.

    What makes room stays as a row that has ended, under an id that no chat has: the ledger names it.
    """
    table = subscriptions.c
    here = (table.platform == platform) & (table.chat == old) & (table.ended == "")
    moved = 0
    for row in list(await connection.execute(select(subscriptions).where(here))):
        same = (table.thread == row.thread) & (table.topic == row.topic)
        there = (table.platform == platform) & (table.chat == new) & same
        other = (await connection.execute(select(table.id, table.ended).where(there))).first()
        going, staying = (row.id, None) if other and other.ended == "" else (other, row.id)
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


async def first_time(connection: AsyncConnection, platform: str, key: str, now: datetime) -> bool:
    """Whether this update was never handled; from now on it was."""
    row = {"platform": platform, "key": key, "at": now}
    written = (
        insert_on(connection.dialect.name, updates)
        .values(row)
        .on_conflict_do_nothing()
        .returning(updates.c.key)
    )
    return (await connection.execute(written)).scalar() is not None


async def forget_updates(connection: AsyncConnection, now: datetime) -> None:
    """Forgets updates that no platform would repeat any more."""
    await connection.execute(delete(updates).where(updates.c.at < now - REMEMBERED))


async def note(connection: AsyncConnection, platform: str, name: str) -> str:
    """What a platform noted under that name, or nothing."""
    same = (platform_notes.c.platform == platform) & (platform_notes.c.name == name)
    return str(await connection.scalar(select(platform_notes.c.value).where(same)) or "")


async def notes(connection: AsyncConnection, platform: str) -> dict[str, str]:
    """All that was noted under that platform, by name."""
    table = platform_notes.c
    query = select(table.name, table.value).where(table.platform == platform)
    return {row.name: row.value for row in await connection.execute(query)}


async def save_note(connection: AsyncConnection, platform: str, name: str, value: str) -> None:
    """Keeps a note in the place of an earlier one."""
    statement = upsert(connection.dialect.name, platform_notes, ["platform", "name"])
    row = {"platform": platform, "name": name, "value": value}
    await connection.execute(statement.values(row))


def _of(chat: Chat) -> ColumnElement[bool]:
    table = subscriptions.c
    same = (table.platform == chat.platform) & (table.chat == chat.id)
    return same & (table.thread == chat.thread)


async def _end(connection: AsyncConnection, which: ColumnElement[bool], why: Ending) -> int:
    ended = update(subscriptions).where(which).values(ended=why)
    return (await connection.execute(ended)).rowcount


def subscription_of(row: Row[*tuple[Any, ...]]) -> Subscription:
    """The subscription in a row of the table."""
    return Subscription(
        Chat(row.platform, row.chat, row.thread, row.kind, row.space, row.title),
        row.topic,
        time.fromisoformat(row.at),
        row.timezone,
        tuple(map(int, row.weekdays)),
        row.language or None,
        row.length,
        tuple(row.sections),
        tuple(row.highlight),
        tuple(row.without),
        row.paused,
        row.quiet,
        row.weekly,
        row.day_thread,
        row.id,
    )
