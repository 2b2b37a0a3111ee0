"""The search index over items and their cited posts, filled from the stored reports; keys of what
was withdrawn."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from digest.models import Item, Section
from digest.store.search_tables import make_entries, write_entries

revision = "0009"
down_revision = "0008"

SQLITE = """
CREATE VIRTUAL TABLE entries USING fts5(
    head, body, topic UNINDEXED, report_id UNINDEXED, section UNINDEXED, position UNINDEXED,
    tokenize = "unicode61 remove_diacritics 0 tokenchars '._@'"
)
"""
POSTGRESQL = """
CREATE TABLE entries (
    rowid bigint PRIMARY KEY, head text NOT NULL, body text NOT NULL, topic text NOT NULL,
    report_id integer NOT NULL, section integer NOT NULL, position integer NOT NULL,
    terms tsvector NOT NULL
)
"""
# As they are at this migration: later columns are not there yet.
REPORTS = sa.table(
    "reports",
    sa.column("id", sa.Integer),
    sa.column("topic", sa.Text),
    sa.column("last", sa.Date),
    sa.column("posts", sa.JSON),
    sa.column("renderings", sa.JSON),
)
SECTIONS = sa.table("sections", *map(sa.column, ("report_id", "position", "name", "title")))
ITEMS = sa.table(
    "items",
    *map(sa.column, ("report_id", "section", "position", "title", "text", "group", "status")),
    sa.column("cites", sa.JSON),
)


def upgrade() -> None:
    op.create_table(
        "withdrawn",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_withdrawn"),
    )
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute(POSTGRESQL)
        op.execute("CREATE INDEX ix_entries_terms ON entries USING gin (terms)")
    else:
        op.execute(SQLITE)
    for report_id in connection.scalars(sa.select(REPORTS.c.id)).all():
        _index(connection, report_id)


def _index(connection: sa.Connection, report_id: int) -> None:
    report = connection.execute(sa.select(REPORTS).where(REPORTS.c.id == report_id)).one()
    contents = []
    of_report = sa.select(SECTIONS).where(SECTIONS.c.report_id == report_id)
    for section in connection.execute(of_report.order_by(SECTIONS.c.position)).all():
        inside = (ITEMS.c.report_id == report_id) & (ITEMS.c.section == section.position)
        rows = connection.execute(sa.select(ITEMS).where(inside).order_by(ITEMS.c.position))
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
