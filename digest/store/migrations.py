"""The schema, step by step: what each version of this program changed in the tables of the one
before. A step stays as it is: there are databases of every version.

A step speaks of tables as they are at its time, so it names their columns itself.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from digest.models import Item, Section
from digest.store.search_tables import make_entries, write_entries
from digest.store.tables import keys, metadata, required

MOMENT = sa.DateTime(timezone=True)


def upgrade(connection: sa.Connection, stored: str) -> None:
    """Take the steps after schema `stored`, "" for an empty database, in its transaction."""
    # Constraints that a step does not name are named as those of the tables.
    context = MigrationContext.configure(connection, opts={"target_metadata": metadata})
    with Operations.context(context) as op:
        for number, step in STEPS.items():
            if number > stored:
                step(op)
    version = sa.table("alembic_version", sa.column("version_num"))
    connection.execute(sa.update(version).values(version_num=max(STEPS)))


def _add_topics_and_posts(op: Operations) -> None:
    op.create_table(
        "alembic_version",
        sa.Column("version_num", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
    )
    op.execute("INSERT INTO alembic_version VALUES ('')")
    op.create_table(
        "topics",
        *keys(sa.Text, "name"),
        *required(sa.Text, "slug"),
        *required(sa.JSON, "title"),
    )
    op.create_table(
        "posts",
        sa.Column("topic", sa.Text, sa.ForeignKey("topics.name"), primary_key=True),
        *keys(sa.Text, "key"),
        *required(sa.Text, "source stream author author_name text url lang"),
        *required(sa.Date, "day"),
        *required(MOMENT, "created_at"),
        *required(sa.JSON, "metrics links"),
    )
    op.create_index("ix_posts_topic", "posts", ["topic", "day"])
    _add_reports(op)


def _add_reports(op: Operations) -> None:
    op.create_table(
        "reports",
        *keys(sa.Integer, "id"),
        sa.Column("topic", sa.Text, sa.ForeignKey("topics.name"), nullable=False),
        *required(sa.Text, "language writer"),
        *required(sa.Date, "first last"),
        *required(sa.JSON, "counts sources cost posts wordcounts"),
        sa.Column("created_at", MOMENT),
        sa.UniqueConstraint("topic", "last", "first"),
    )
    op.create_table(
        "sections",
        _of_report(),
        *keys(sa.Integer, "position"),
        *required(sa.Text, "name title"),
    )
    op.create_table(
        "items",
        *keys(sa.Integer, "report_id section position"),
        *required(sa.Text, "group title text status"),
        *required(sa.JSON, "cites"),
        sa.ForeignKeyConstraint(
            ["report_id", "section"], ["sections.report_id", "sections.position"]
        ),
    )
    op.create_table("clouds", _of_report(), *required(sa.LargeBinary, "png"))
    op.create_table(
        "drops",
        _of_report(),
        *keys(sa.Integer, "position"),
        *required(sa.Text, "key step reason of"),
    )


def _of_report() -> sa.Column[Any]:
    return sa.Column("report_id", sa.Integer, sa.ForeignKey("reports.id"), primary_key=True)


def _add_imports(op: Operations) -> None:
    op.create_table("imports", _of_report(), *required(sa.LargeBinary, "content"))


def _add_models(op: Operations) -> None:
    op.add_column("reports", sa.Column("quality", sa.JSON))
    op.create_table(
        "answers",
        *keys(sa.Text, "hash"),
        *required(sa.Text, "content"),
        *required(MOMENT, "made_at"),
    )
    op.create_table(
        "model_servers", *keys(sa.Text, "base_url model"), *required(sa.JSON, "learned")
    )
    op.create_table(
        "spending",
        *keys(sa.Integer, "id"),
        *required(sa.Integer, "prompt_tokens answer_tokens"),
        *required(MOMENT, "at"),
        *required(sa.Date, "day"),
        *required(sa.Text, "topic model"),
        sa.Column("usd", sa.Float),
        *required(sa.Boolean, "settled"),
    )
    op.create_index("ix_spending_day", "spending", ["day"])


def _add_chats(op: Operations) -> None:
    op.create_table(
        "subscriptions",
        *keys(sa.Integer, "id"),
        *required(sa.Text, "platform chat thread topic space kind at timezone"),
        *required(sa.Text, "ended weekdays language length"),
        *required(MOMENT, "created_at"),
        *required(sa.JSON, "sections highlight without"),
        *required(sa.Boolean, "paused"),
        sa.Column("next_at", MOMENT),
        sa.UniqueConstraint("platform", "chat", "thread", "topic"),
    )
    op.create_index("ix_subscriptions_next_at", "subscriptions", ["next_at"])
    op.create_table("updates", *keys(sa.Text, "platform key"), *required(MOMENT, "at"))
    op.create_table("platform_notes", *keys(sa.Text, "platform name"), *required(sa.Text, "value"))


def _add_ledger(op: Operations) -> None:
    op.create_table(
        "deliveries",
        *keys(sa.Integer, "id"),
        sa.Column("subscription_id", sa.Integer, sa.ForeignKey("subscriptions.id"), nullable=False),
        *required(sa.Text, "platform topic state reason"),
        *required(sa.Date, "day"),
        sa.Column("report", sa.Date),
        *required(MOMENT, "due_at"),
        *required(sa.Boolean, "late noted"),
        sa.UniqueConstraint("subscription_id", "day", name="uq_deliveries_day"),
        sa.UniqueConstraint("subscription_id", "report", name="uq_deliveries_report"),
    )
    op.create_index("ix_deliveries_platform", "deliveries", ["platform", "state"])
    op.create_index("ix_deliveries_due_at", "deliveries", ["due_at"])
    op.create_table("bodies", *keys(sa.Text, "hash"), *required(sa.Text, "content"))
    op.create_table(
        "parts",
        *keys(sa.Integer, "id"),
        sa.Column("delivery_id", sa.Integer, sa.ForeignKey("deliveries.id"), nullable=False),
        sa.Column("body", sa.Text, sa.ForeignKey("bodies.hash"), nullable=False),
        *required(sa.Integer, "position attempts"),
        *required(sa.Text, "platform chat thread kind space nonce state message error"),
        sa.Column("tried_at", MOMENT),
        sa.Column("again_at", MOMENT),
        sa.UniqueConstraint("delivery_id", "position"),
    )
    op.create_index("ix_parts_turn", "parts", ["platform", "state", "id"])
    op.create_index("ix_parts_chat", "parts", ["platform", "chat", "state", "id"])
    op.create_table(
        "leases", *keys(sa.Text, "role"), *required(sa.Text, "holder"), *required(MOMENT, "until")
    )
    op.create_table(
        "builds",
        *keys(sa.Text, "topic"),
        *keys(sa.Date, "day"),
        *required(sa.Text, "state"),
        *required(sa.Integer, "attempts"),
        *required(MOMENT, "next_at"),
    )


def _add_sources(op: Operations) -> None:
    op.create_table(
        "sources",
        sa.Column("topic", sa.Text, sa.ForeignKey("topics.name"), primary_key=True),
        *keys(sa.Text, "kind address"),
        *required(sa.Text, "name moved off error"),
        *required(sa.JSON, "marks"),
        *required(sa.Integer, "failures"),
        *(sa.Column(name, MOMENT) for name in ("next_at", "answered_at", "error_at")),
        sa.Column("seconds", sa.Float),
    )
    op.create_table(
        "source_days",
        *keys(sa.Text, "topic kind address"),
        *keys(sa.Date, "day"),
        *required(sa.Integer, "posts answers failures"),
    )
    op.create_table(
        "source_changes",
        sa.Column("topic", sa.Text, sa.ForeignKey("topics.name"), primary_key=True),
        *keys(sa.Text, "kind address"),
        *required(sa.Boolean, "added"),
        *required(sa.Float, "weight"),
        *required(sa.Text, "by"),
        *required(MOMENT, "at"),
    )
    op.create_table("reads", *keys(sa.Date, "day"), *keys(sa.Text, "key"))


def _add_titles_and_quiet(op: Operations) -> None:
    op.add_column("subscriptions", _text("title"))
    op.add_column("subscriptions", _switch("quiet"))


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=False, server_default=sa.text("''"))


def _switch(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def _add_renderings(op: Operations) -> None:
    op.add_column("reports", sa.Column("renderings", sa.JSON))


_SQLITE_ENTRIES = """
CREATE VIRTUAL TABLE entries USING fts5(
    head, body, topic UNINDEXED, report_id UNINDEXED, section UNINDEXED, position UNINDEXED,
    tokenize = "unicode61 remove_diacritics 0 tokenchars '._@'"
)
"""
_POSTGRESQL_ENTRIES = """
CREATE TABLE entries (
    rowid bigint PRIMARY KEY, head text NOT NULL, body text NOT NULL, topic text NOT NULL,
    report_id integer NOT NULL, section integer NOT NULL, position integer NOT NULL,
    terms tsvector NOT NULL
)
"""
_REPORTS = sa.table(
    "reports",
    sa.column("id", sa.Integer),
    sa.column("topic", sa.Text),
    sa.column("last", sa.Date),
    sa.column("posts", sa.JSON),
    sa.column("renderings", sa.JSON),
)
_SECTIONS = sa.table("sections", *map(sa.column, ("report_id", "position", "name", "title")))
_ITEMS = sa.table(
    "items",
    *map(sa.column, ("report_id", "section", "position", "title", "text", "group", "status")),
    sa.column("cites", sa.JSON),
)


def _add_search(op: Operations) -> None:
    """Make the search index over the stored reports, and the keys of what was withdrawn."""
    op.create_table("withdrawn", *keys(sa.Text, "key"), *required(MOMENT, "at"))
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute(_POSTGRESQL_ENTRIES)
        op.execute("CREATE INDEX ix_entries_terms ON entries USING gin (terms)")
    else:
        op.execute(_SQLITE_ENTRIES)
    for report_id in connection.scalars(sa.select(_REPORTS.c.id)).all():
        _index(connection, report_id)


def _index(connection: sa.Connection, report_id: int) -> None:
    report = connection.execute(sa.select(_REPORTS).where(_REPORTS.c.id == report_id)).one()
    contents = []
    of_report = sa.select(_SECTIONS).where(_SECTIONS.c.report_id == report_id)
    for section in connection.execute(of_report.order_by(_SECTIONS.c.position)).all():
        inside = (_ITEMS.c.report_id == report_id) & (_ITEMS.c.section == section.position)
        rows = connection.execute(sa.select(_ITEMS).where(inside).order_by(_ITEMS.c.position))
        items = (Item(r.text, r.title, r.group, tuple(r.cites), r.status) for r in rows)
        contents.append(Section(section.name, section.title, tuple(items)))
    texts = {key: post["text"] for key, post in report.posts.items()}
    renderings = {
        language: [_section(section) for section in rendering]
        for language, rendering in (report.renderings or {}).items()
    }
    entries = make_entries(contents, texts, renderings)
    write_entries(connection, report.topic, report.last, report_id, entries)


def _section(stored: dict[str, Any]) -> Section:
    items = tuple(Item(**{**item, "cites": tuple(item["cites"])}) for item in stored["items"])
    return Section(stored["name"], stored["title"], items)


def _add_weekly_and_threads(op: Operations) -> None:
    op.add_column("subscriptions", _switch("weekly"))
    op.add_column("subscriptions", _switch("threads"))


def _add_workers(op: Operations) -> None:
    op.add_column("builds", _text("holder"))
    op.add_column("builds", sa.Column("alive_at", MOMENT))
    op.add_column("builds", sa.Column("seconds", sa.Float))
    op.create_table(
        "received",
        *keys(sa.Text, "platform key"),
        *required(sa.Text, "content"),
        *required(MOMENT, "at"),
    )


_DELIVERIES = sa.table("deliveries", sa.column("id"), sa.column("state"))
_PARTS = sa.table(
    "parts",
    *map(sa.column, ("delivery_id", "state", "error")),
    sa.column("position", sa.Integer),
    sa.column("tried_at", MOMENT),
    sa.column("doubt_since", MOMENT),
    sa.column("resend", sa.Boolean),
)


def _add_doubts(op: Operations) -> None:
    """Note since when a part may have arrived, and whether an operator sends it again; let excuses
    stand before the parts of their digest."""
    op.add_column("parts", _switch("resend"))
    op.add_column("parts", sa.Column("doubt_since", MOMENT))
    again = sa.and_(_PARTS.c.state == "waiting", _PARTS.c.error == "to be sent again")
    op.execute(sa.update(_PARTS).where(again).values(resend=True))
    # An earlier version did not note which of these attempts had failed for certain.
    tried = _PARTS.c.state.in_(("waiting", "sending", "unknown"))
    op.execute(sa.update(_PARTS).where(tried).values(doubt_since=_PARTS.c.tried_at))
    # All that a delivery without a report has is excuses.
    unplanned = sa.select(_DELIVERIES.c.id).where(_DELIVERIES.c.state == "due")
    excuses = _PARTS.c.delivery_id.in_(unplanned)
    op.execute(sa.update(_PARTS).where(excuses).values(position=-1 - _PARTS.c.position))
    # Nobody need decide whether an excuse is sent again.
    doubted = sa.and_(excuses, _PARTS.c.state == "unknown")
    op.execute(sa.update(_PARTS).where(doubted).values(state="dropped"))


def _add_part_indexes(op: Operations) -> None:
    op.create_index("ix_parts_state", "parts", ["state", "tried_at"])
    op.create_index("ix_parts_body", "parts", ["body"])


STEPS: dict[str, Callable[[Operations], None]] = {
    "0001": _add_topics_and_posts,
    "0002": _add_imports,
    "0003": _add_models,
    "0004": _add_chats,
    "0005": _add_ledger,
    "0006": _add_sources,
    "0007": _add_titles_and_quiet,
    "0008": _add_renderings,
    "0009": _add_search,
    "0010": _add_weekly_and_threads,
    "0011": _add_workers,
    "0012": _add_doubts,
    "0013": _add_part_indexes,
}
"""By the number of the schema that a step leads to; `tables.SCHEMA` is the last."""
