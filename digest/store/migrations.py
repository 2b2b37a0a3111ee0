"""Migrate the schema from any earlier version of this program.

Alembic adds the tables, columns and indexes that the database lacks compared with `tables`.
Changes that a comparison cannot find (data, the search index) are explicit steps.
"""

from collections.abc import Callable

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations
from alembic.migration import MigrationContext
from alembic.operations import Operations

from digest.store.report_tables import index_reports
from digest.store.tables import SCHEMA, deliveries, metadata, parts


def upgrade(connection: sa.Connection, stored: str) -> None:
    """Migrate from schema `stored` ("" for an empty database) in the current transaction."""
    # Constraint names follow those of the tables. Nothing is ever dropped.
    options = {"target_metadata": metadata, "include_object": _is_of_tables}
    context = MigrationContext.configure(connection, opts=options)
    operations = Operations(context)
    if not stored:
        operations.create_table(
            "alembic_version",
            sa.Column("version_num", sa.String(32), nullable=False),
            sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
        )
        operations.execute("INSERT INTO alembic_version VALUES ('')")
        # Fail on existing tables with these names: they belong to another program.
        metadata.create_all(connection, checkfirst=False)
    added = produce_migrations(context, metadata).upgrade_ops
    for change in added.ops if added else ():
        for operation in getattr(change, "ops", [change]):
            operations.invoke(operation)
    for number, step in STEPS.items():
        if number > stored:
            step(connection)
    version = sa.table("alembic_version", sa.column("version_num"))
    connection.execute(sa.update(version).values(version_num=SCHEMA))


def _is_of_tables(
    _schema_item: object, _name: str | None, _kind: str, reflected: bool, compared: object
) -> bool:
    """Return False for objects that only the database has: the search index and its parts."""
    return not reflected or compared is not None


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


def _add_search(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_POSTGRESQL_ENTRIES)
        connection.exec_driver_sql("CREATE INDEX ix_entries_terms ON entries USING gin (terms)")
    else:
        connection.exec_driver_sql(_SQLITE_ENTRIES)
    index_reports(connection)


def _add_doubts(connection: sa.Connection) -> None:
    """Fill in `doubt_since` and `resend`, and give excuses positions before their digest's
    parts."""
    again = sa.and_(parts.c.state == "waiting", parts.c.error == "to be sent again")
    connection.execute(sa.update(parts).where(again).values(resend=True))
    # Earlier versions did not record which of these attempts certainly failed.
    tried = parts.c.state.in_(("waiting", "sending", "unknown"))
    connection.execute(sa.update(parts).where(tried).values(doubt_since=parts.c.tried_at))
    # Deliveries without a report have only excuses.
    unplanned = sa.select(deliveries.c.id).where(deliveries.c.state == "due")
    excuses = parts.c.delivery_id.in_(unplanned)
    connection.execute(sa.update(parts).where(excuses).values(position=-1 - parts.c.position))
    # Excuses are not worth an operator's decision.
    doubted = sa.and_(excuses, parts.c.state == "unknown")
    connection.execute(sa.update(parts).where(doubted).values(state="dropped"))


STEPS: dict[str, Callable[[sa.Connection], None]] = {"0009": _add_search, "0012": _add_doubts}
"""Migration steps by target schema number. Never change a step: databases of every version
exist."""
