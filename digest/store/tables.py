"""The schema, and the column types that convert values on their way to the database."""

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
"""Schema number; increase it with every change of the tables."""
ORIGIN = "origin"
"""Name of the note that reveals a database restored by another program."""

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
    """Text from untrusted sources, made storable."""

    impl = PlainText
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class Json(TypeDecorator[Any]):
    """JSON whose strings are made storable. Not JSONB, which loses the order of keys."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> object:
        return _storable_values(value)


class Moment(TypeDecorator[datetime]):
    """An aware datetime: stored in UTC, returned aware, although SQLite stores no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


# Constraint names are part of the schema, so that migrations can refer to them.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


def required(kind: Any, names: str) -> list[Column[Any]]:
    """Return NOT NULL columns of one type."""
    return [Column(name, kind, nullable=False) for name in names.split()]


def keys(kind: Any, names: str) -> list[Column[Any]]:
    """Return primary key columns of one type, in order."""
    return [Column(name, kind, primary_key=True) for name in names.split()]


def optional(kind: Any, names: str) -> list[Column[Any]]:
    """Return nullable columns of one type."""
    return [Column(name, kind) for name in names.split()]


def of_topic() -> Column[Any]:
    """Return the topic as part of the primary key."""
    return Column("topic", Text, ForeignKey("topics.name"), primary_key=True)


def of_report() -> Column[Any]:
    """Return the report as part of the primary key."""
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
    # With this order, one index finds a report, the newest report and a topic's days.
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

# Keys of posts (`x:123`) and authors (`x:@name`) that were deleted on request and must not come
# back.
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
    # Worst case until the call is settled; NULL if the price is unknown.
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
    # Why deliveries ended; empty for a live subscription.
    *required(Text, "ended"),
    *required(Json, "sections highlight without"),
    *required(Boolean, "paused"),
    Column("title", Text, nullable=False, server_default=text("''")),
    Column("quiet", Boolean, nullable=False, server_default=false()),
    Column("weekly", Boolean, nullable=False, server_default=false()),
    Column("threads", Boolean, nullable=False, server_default=false()),
    # Next time it is due.
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
    # NULL if it was skipped before the report was chosen.
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
    # From 0 in the digest; below 0 for an excuse that the report is late.
    *required(Integer, "position"),
    Column("body", Text, ForeignKey("bodies.hash"), nullable=False),
    *required(Integer, "attempts"),
    *optional(Moment, "tried_at again_at"),
    # True if an operator sends it again, however late.
    Column("resend", Boolean, nullable=False, server_default=false()),
    # Start of the first attempt whose result is unknown.
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
    # Process that builds it, its last heartbeat, and the duration of the build.
    Column("holder", Text, nullable=False, server_default=text("''")),
    *optional(Moment, "alive_at"),
    *optional(Float, "seconds"),
)

# Updates received from a platform and not yet handled.
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
    # `marks`: state between fetches; `moved`: address after a permanent redirect.
    *required(Json, "marks"),
    # Why it is disabled; empty if it is not.
    *required(Text, "off"),
    *required(Integer, "failures"),
    *optional(Moment, "next_at answered_at error_at"),
    # Duration of the last answer.
    *optional(Float, "seconds"),
)

source_days = Table(
    "source_days",
    metadata,
    *keys(Text, "topic kind address"),
    *keys(Date, "day"),
    *required(Integer, "posts answers failures"),
)

# Operators' changes in chats, on top of `topics.toml`.
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

# Billed posts, each once per day, as the service counts them.
reads = Table("reads", metadata, *keys(Date, "day"), *keys(Text, "key"))
