"""What chats are called, and which of them want silence, one digest a week or a thread a day."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column(
        "subscriptions", sa.Column("title", sa.Text, nullable=False, server_default=sa.text("''"))
    )
    for name in ("quiet", "weekly", "day_thread"):
        op.add_column(
            "subscriptions",
            sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false()),
        )
