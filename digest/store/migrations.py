"""The schema brought up to date, from that of any earlier version of this program.

Alembic adds the tables, columns and indexes that `tables` has and the database lacks. What no
comparison shows (rows that change, the search index) is a step.
"""

from collections.abc import Callable

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations
from alembic.migration import MigrationContext
from alembic.operations import Operations

from digest.store.report_tables import index_reports
from digest.store.tables import SCHEMA, deliveries, metadata, parts


def upgrade(connection: sa.Connection, stored: str) -> None:
    """Bring the tables from schema `stored`, "" for an empty database, up to date, in its
    transaction."""
    # Constraints are named as those of the tables. Nothing is ever taken away.
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
        # Tables of these names that another program made are refused, never altered.
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
    """Return False for what only the database has: the search index, and what it consists of."""
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
    """Note since when a part may have arrived, and whether an operator sends it again; let excuses
    stand before the parts of their digest."""
    again = sa.and_(parts.c.state == "waiting", parts.c.error == "to be sent again")
    connection.execute(sa.update(parts).where(again).values(resend=True))
    # An earlier version did not note which of these attempts had failed for certain.
    tried = parts.c.state.in_(("waiting", "sending", "unknown"))
    connection.execute(sa.update(parts).where(tried).values(doubt_since=parts.c.tried_at))
    # All that a delivery without a report has is excuses.
    unplanned = sa.select(deliveries.c.id).where(deliveries.c.state == "due")
    excuses = parts.c.delivery_id.in_(unplanned)
    connection.execute(sa.update(parts).where(excuses).values(position=-1 - parts.c.position))
    # Nobody need decide whether an excuse is sent again.
    doubted = sa.and_(excuses, parts.c.state == "unknown")
    connection.execute(sa.update(parts).where(doubted).values(state="dropped"))


STEPS: dict[str, Callable[[sa.Connection], None]] = {"0009": _add_search, "0012": _add_doubts}
"""By the number of the schema that a step leads to. A step stays as it is: there are databases of
every version."""
