"""The tables, and the two places where values change on their way into a database."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy import Text as PlainText

SCHEMA = "0013"
"""The number of these tables: one more with each change of them."""
ORIGIN = "origin"
"""The note by which a database that another program restored is recognised."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(value: str) -> str:
    """Replace NUL, which PostgreSQL refuses, and lone surrogates, which UTF-8 lacks, by U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", value)


def _storable_values(value: object) -> object:
    match value:
        case str():
            return storable(value)
        case Mapping():
            return {storable(name): _storable_values(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_storable_values(inner) for inner in value]
        case _:
            return value


class Text(TypeDecorator[str]):
    """Text from strangers, made storable."""

    impl = PlainText
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class Json(TypeDecorator[Any]):
    """JSON whose strings are made storable. Not JSONB: the order of names is kept."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> object:
        return _storable_values(value)


class Moment(TypeDecorator[datetime]):
    """An aware moment: stored as UTC, comes back aware. SQLite itself keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


# Names of constraints are part of the schema, so that later migrations can speak of them.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


def required(kind: Any, names: str) -> list[Column[Any]]:
    """Return columns of one type that are never NULL."""
    return [Column(name, kind, nullable=False) for name in names.split()]


def keys(kind: Any, names: str) -> list[Column[Any]]:
    """Return columns of one type that the primary key is made of, in order."""
    return [Column(name, kind, primary_key=True) for name in names.split()]


def optional(kind: Any, names: str) -> list[Column[Any]]:
    """Return columns of one type that may be NULL."""
    return [Column(name, kind) for name in names.split()]


def of_topic() -> Column[Any]:
    """Return the topic as a part of the primary key."""
    return Column("topic", Text, ForeignKey("topics.name"), primary_key=True)


def of_report() -> Column[Any]:
    """Return the report as a part of the primary key."""
    return Column("report_id", Integer, ForeignKey("reports.id"), primary_key=True)


topics = Table(
    "topics", metadata, *keys(Text, "name"), *required(Json, "title"), *required(Text, "slug")
)

posts = Table(
    "posts",
    metadata,
    of_topic(),
    *keys(Text, "key"),
    *required(Text, "source stream author author_name text url lang"),
    *required(Date, "day"),
    *required(Moment, "created_at"),
    *required(Json, "metrics links"),
    Index(None, "topic", "day"),
)

reports = Table(
    "reports",
    metadata,
    *keys(Integer, "id"),
    Column("topic", Text, ForeignKey("topics.name"), nullable=False),
    *required(Date, "first last"),
    *required(Text, "language writer"),
    *required(Json, "counts sources cost posts wordcounts"),
    *optional(Moment, "created_at"),
    *optional(Json(none_as_null=True), "quality renderings"),
    # In this order one index finds a report, the newest one and the days of a topic.
    UniqueConstraint("topic", "last", "first"),
)

sections = Table(
    "sections", metadata, of_report(), *keys(Integer, "position"), *required(Text, "name title")
)

items = Table(
    "items",
    metadata,
    *keys(Integer, "report_id section position"),
    *required(Text, "group title text status"),
    *required(Json, "cites"),
    ForeignKeyConstraint(["report_id", "section"], ["sections.report_id", "sections.position"]),
)

clouds = Table("clouds", metadata, of_report(), *required(LargeBinary, "png"))

imports = Table("imports", metadata, of_report(), *required(LargeBinary, "content"))

drops = Table(
    "drops",
    metadata,
    of_report(),
    *keys(Integer, "position"),
    *required(Text, "key step reason of"),
)

# Keys of posts that were deleted on demand (`x:123`), and of authors (`x:@name`): they never
# come back in.
withdrawn = Table("withdrawn", metadata, *keys(Text, "key"), *required(Moment, "at"))

answers = Table(
    "answers",
    metadata,
    *keys(Text, "hash"),
    *required(Text, "content"),
    *required(Moment, "made_at"),
)

model_servers = Table(
    "model_servers", metadata, *keys(Text, "base_url model"), *required(Json, "learned")
)

spending = Table(
    "spending",
    metadata,
    *keys(Integer, "id"),
    *required(Moment, "at"),
    *required(Date, "day"),
    *required(Text, "topic model"),
    *required(Integer, "prompt_tokens answer_tokens"),
    # The worst case until the call is settled; NULL where nobody knows the price.
    *optional(Float, "usd"),
    *required(Boolean, "settled"),
    Index(None, "day"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    *keys(Integer, "id"),
    *required(Text, "platform chat thread topic space kind at timezone weekdays language length"),
    *required(Moment, "created_at"),
    # Why nothing is posted there any more; empty while it goes on.
    *required(Text, "ended"),
    *required(Json, "sections highlight without"),
    *required(Boolean, "paused"),
    Column("title", Text, nullable=False, server_default=text("''")),
    Column("quiet", Boolean, nullable=False, server_default=false()),
    Column("weekly", Boolean, nullable=False, server_default=false()),
    Column("threads", Boolean, nullable=False, server_default=false()),
    # When it is due next.
    *optional(Moment, "next_at"),
    UniqueConstraint("platform", "chat", "thread", "topic"),
    Index(None, "next_at"),
)

deliveries = Table(
    "deliveries",
    metadata,
    *keys(Integer, "id"),
    Column("subscription_id", Integer, ForeignKey("subscriptions.id"), nullable=False),
    *required(Text, "platform topic reason"),
    *required(Date, "day"),
    # Of one that was skipped before it was clear: none.
    *optional(Date, "report"),
    *required(Moment, "due_at"),
    *required(Boolean, "late noted"),
    # due, open, delivered, refused, unknown, skipped
    *required(Text, "state"),
    UniqueConstraint("subscription_id", "day", name="uq_deliveries_day"),
    UniqueConstraint("subscription_id", "report", name="uq_deliveries_report"),
    Index("ix_deliveries_platform", "platform", "state"),
    Index("ix_deliveries_due_at", "due_at"),
)

bodies = Table("bodies", metadata, *keys(Text, "hash"), *required(Text, "content"))

parts = Table(
    "parts",
    metadata,
    *keys(Integer, "id"),
    Column("delivery_id", Integer, ForeignKey("deliveries.id"), nullable=False),
    *required(Text, "platform chat thread kind space nonce state message error"),
    # Counted from 0 in the digest; below 0 for an excuse that its report is late.
    *required(Integer, "position"),
    Column("body", Text, ForeignKey("bodies.hash"), nullable=False),
    *required(Integer, "attempts"),
    *optional(Moment, "tried_at again_at"),
    # True where an operator sends it again, however late.
    Column("resend", Boolean, nullable=False, server_default=false()),
    # When the first attempt began of which nobody knows whether it arrived.
    *optional(Moment, "doubt_since"),
    UniqueConstraint("delivery_id", "position"),
    Index("ix_parts_turn", "platform", "state", "id"),
    Index("ix_parts_chat", "platform", "chat", "state", "id"),
    Index("ix_parts_state", "state", "tried_at"),
    Index("ix_parts_body", "body"),
)

leases = Table(
    "leases", metadata, *keys(Text, "role"), *required(Text, "holder"), *required(Moment, "until")
)

builds = Table(
    "builds",
    metadata,
    *keys(Text, "topic"),
    *keys(Date, "day"),
    *required(Text, "state"),
    *required(Integer, "attempts"),
    *required(Moment, "next_at"),
    # Who builds it, until when that process has shown itself alive, and how long the build took.
    Column("holder", Text, nullable=False, server_default=text("''")),
    *optional(Moment, "alive_at"),
    *optional(Float, "seconds"),
)

# What a platform sent and nobody has handled yet.
received = Table(
    "received",
    metadata,
    *keys(Text, "platform key"),
    *required(Text, "content"),
    *required(Moment, "at"),
)

updates = Table("updates", metadata, *keys(Text, "platform key"), *required(Moment, "at"))

platform_notes = Table(
    "platform_notes", metadata, *keys(Text, "platform name"), *required(Text, "value")
)

sources = Table(
    "sources",
    metadata,
    of_topic(),
    *keys(Text, "kind address"),
    *required(Text, "name moved error"),
    # What the source remembers between fetches, and where it has moved for good.
    *required(Json, "marks"),
    # Why it is never asked again; empty while it is.
    *required(Text, "off"),
    *required(Integer, "failures"),
    *optional(Moment, "next_at answered_at error_at"),
    # Of its last answer.
    *optional(Float, "seconds"),
)

source_days = Table(
    "source_days",
    metadata,
    *keys(Text, "topic kind address"),
    *keys(Date, "day"),
    *required(Integer, "posts answers failures"),
)

# What operators changed in a chat; `topics.toml` is the base.
source_changes = Table(
    "source_changes",
    metadata,
    of_topic(),
    *keys(Text, "kind address"),
    *required(Boolean, "added"),
    *required(Float, "weight"),
    *required(Text, "by"),
    *required(Moment, "at"),
)

# Posts that a service was paid for: a day each post once, as the service counts them.
reads = Table("reads", metadata, *keys(Date, "day"), *keys(Text, "key"))
