"""Who builds a report and whether that process lives; updates stored before they are answered."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column(
        "builds", sa.Column("holder", sa.Text, nullable=False, server_default=sa.text("''"))
    )
    op.add_column("builds", sa.Column("alive_at", sa.DateTime(timezone=True)))
    op.add_column("builds", sa.Column("seconds", sa.Float))
    op.create_table(
        "received",
        sa.Column("platform", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
