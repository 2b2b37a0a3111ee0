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
"""The newest migration; this program's tables are those after it."""
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


topics = Table(
    "topics",
    metadata,
    Column("name", Text, primary_key=True),
    Column("title", Json, nullable=False),
    Column("slug", Text, nullable=False),
)

posts = Table(
    "posts",
    metadata,
    Column("topic", Text, ForeignKey("topics.name"), primary_key=True),
    Column("key", Text, primary_key=True),
    *required(Text, "source stream author author_name text url lang"),
    Column("day", Date, nullable=False),
    Column("created_at", Moment, nullable=False),
    *required(Json, "metrics links"),
    Index(None, "topic", "day"),
)

reports = Table(
    "reports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("topic", Text, ForeignKey("topics.name"), nullable=False),
    *required(Date, "first last"),
    *required(Text, "language writer"),
    *required(Json, "counts sources cost posts wordcounts"),
    Column("created_at", Moment),
    Column("quality", Json(none_as_null=True)),
    Column("renderings", Json(none_as_null=True)),
    # In this order one index finds a report, the newest one and the days of a topic.
    UniqueConstraint("topic", "last", "first"),
)

sections = Table(
    "sections",
    metadata,
    Column("report_id", Integer, ForeignKey("reports.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    *required(Text, "name title"),
)

items = Table(
    "items",
    metadata,
    *keys(Integer, "report_id section position"),
    *required(Text, "group title text status"),
    Column("cites", Json, nullable=False),
    ForeignKeyConstraint(["report_id", "section"], ["sections.report_id", "sections.position"]),
)

clouds = Table(
    "clouds",
    metadata,
    Column("report_id", Integer, ForeignKey("reports.id"), primary_key=True),
    Column("png", LargeBinary, nullable=False),
)

imports = Table(
    "imports",
    metadata,
    Column("report_id", Integer, ForeignKey("reports.id"), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

drops = Table(
    "drops",
    metadata,
    Column("report_id", Integer, ForeignKey("reports.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    *required(Text, "key step reason of"),
)

# Keys of posts that were deleted on demand (`x:123`), and of authors (`x:@name`): they never
# come back in.
withdrawn = Table(
    "withdrawn",
    metadata,
    Column("key", Text, primary_key=True),
    Column("at", Moment, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("content", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
)

model_servers = Table(
    "model_servers",
    metadata,
    *keys(Text, "base_url model"),
    Column("learned", Json, nullable=False),
)

spending = Table(
    "spending",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("day", Date, nullable=False),
    *required(Text, "topic model"),
    *required(Integer, "prompt_tokens answer_tokens"),
    # The worst case until the call is settled; NULL where nobody knows the price.
    Column("usd", Float),
    Column("settled", Boolean, nullable=False),
    Index(None, "day"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Integer, primary_key=True),
    *required(Text, "platform chat thread topic space kind at timezone weekdays language length"),
    Column("created_at", Moment, nullable=False),
    # Why nothing is posted there any more; empty while it goes on.
    Column("ended", Text, nullable=False),
    *required(Json, "sections highlight without"),
    Column("paused", Boolean, nullable=False),
    Column("title", Text, nullable=False, server_default=text("''")),
    Column("quiet", Boolean, nullable=False, server_default=false()),
    Column("weekly", Boolean, nullable=False, server_default=false()),
    Column("threads", Boolean, nullable=False, server_default=false()),
    # When it is due next.
    Column("next_at", Moment),
    UniqueConstraint("platform", "chat", "thread", "topic"),
    Index(None, "next_at"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscription_id", Integer, ForeignKey("subscriptions.id"), nullable=False),
    *required(Text, "platform topic reason"),
    Column("day", Date, nullable=False),
    # Of one that was skipped before it was clear: none.
    Column("report", Date),
    Column("due_at", Moment, nullable=False),
    *required(Boolean, "late noted"),
    # due, open, delivered, refused, unknown, skipped
    Column("state", Text, nullable=False),
    UniqueConstraint("subscription_id", "day", name="uq_deliveries_day"),
    UniqueConstraint("subscription_id", "report", name="uq_deliveries_report"),
    Index("ix_deliveries_platform", "platform", "state"),
    Index("ix_deliveries_due_at", "due_at"),
)

bodies = Table(
    "bodies",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("content", Text, nullable=False),
)

parts = Table(
    "parts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("delivery_id", Integer, ForeignKey("deliveries.id"), nullable=False),
    *required(Text, "platform chat thread kind space nonce state message error"),
    # Counted from 0 in the digest; below 0 for an excuse that its report is late.
    Column("position", Integer, nullable=False),
    Column("body", Text, ForeignKey("bodies.hash"), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("tried_at", Moment),
    Column("again_at", Moment),
    # True where an operator sends it again, however late.
    Column("resend", Boolean, nullable=False, server_default=false()),
    # When the first attempt began of which nobody knows whether it arrived.
    Column("doubt_since", Moment),
    UniqueConstraint("delivery_id", "position"),
    Index("ix_parts_turn", "platform", "state", "id"),
    Index("ix_parts_chat", "platform", "chat", "state", "id"),
    Index("ix_parts_state", "state", "tried_at"),
    Index("ix_parts_body", "body"),
)

leases = Table(
    "leases",
    metadata,
    Column("role", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", Moment, nullable=False),
)

builds = Table(
    "builds",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Moment, nullable=False),
    # Who builds it, until when that process has shown itself alive, and how long the build took.
    Column("holder", Text, nullable=False, server_default=text("''")),
    Column("alive_at", Moment),
    Column("seconds", Float),
)

# What a platform sent and nobody has handled yet.
received = Table(
    "received",
    metadata,
    *keys(Text, "platform key"),
    Column("content", Text, nullable=False),
    Column("at", Moment, nullable=False),
)

updates = Table(
    "updates",
    metadata,
    *keys(Text, "platform key"),
    Column("at", Moment, nullable=False),
)

platform_notes = Table(
    "platform_notes",
    metadata,
    *keys(Text, "platform name"),
    Column("value", Text, nullable=False),
)

sources = Table(
    "sources",
    metadata,
    Column("topic", Text, ForeignKey("topics.name"), primary_key=True),
    *keys(Text, "kind address"),
    *required(Text, "name moved error"),
    # What the source remembers between fetches, and where it has moved for good.
    Column("marks", Json, nullable=False),
    # Why it is never asked again; empty while it is.
    Column("off", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("next_at", Moment),
    Column("answered_at", Moment),
    Column("error_at", Moment),
    # Of its last answer.
    Column("seconds", Float),
)

source_days = Table(
    "source_days",
    metadata,
    *keys(Text, "topic kind address"),
    Column("day", Date, primary_key=True),
    *required(Integer, "posts answers failures"),
)

# What operators changed in a chat; `topics.toml` is the base.
source_changes = Table(
    "source_changes",
    metadata,
    Column("topic", Text, ForeignKey("topics.name"), primary_key=True),
    *keys(Text, "kind address"),
    Column("added", Boolean, nullable=False),
    Column("weight", Float, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False),
)

# Posts that a service was paid for: a day each post once, as the service counts them.
reads = Table(
    "reads",
    metadata,
    Column("day", Date, primary_key=True),
    Column("key", Text, primary_key=True),
)
