"""What sources remember, how they are, what operators changed about them, and reads that were
paid for."""

import sqlalchemy as sa
from alembic import op

from digest.store.tables import required

revision = "0006"
down_revision = "0005"

KEY = ("topic", "kind", "address")


def upgrade() -> None:
    op.create_table(
        "sources",
        *(sa.Column(name, sa.Text, nullable=False) for name in KEY),
        *required(sa.Text, "name moved off error"),
        sa.Column("marks", sa.JSON, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True)),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.Column("error_at", sa.DateTime(timezone=True)),
        sa.Column("seconds", sa.Float),
        sa.PrimaryKeyConstraint(*KEY, name="pk_sources"),
        sa.ForeignKeyConstraint(["topic"], ["topics.name"], name="fk_sources_topics"),
    )
    op.create_table(
        "source_days",
        *(sa.Column(name, sa.Text, nullable=False) for name in KEY),
        sa.Column("day", sa.Date, nullable=False),
        *required(sa.Integer, "posts answers failures"),
        sa.PrimaryKeyConstraint(*KEY, "day", name="pk_source_days"),
    )
    op.create_table(
        "source_changes",
        *(sa.Column(name, sa.Text, nullable=False) for name in KEY),
        sa.Column("added", sa.Boolean, nullable=False),
        sa.Column("weight", sa.Float, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(*KEY, name="pk_source_changes"),
        sa.ForeignKeyConstraint(["topic"], ["topics.name"], name="fk_source_changes_topics"),
    )
    op.create_table(
        "reads",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("day", "key", name="pk_reads"),
    )
