"""What chats are called, and which of them want silence."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column(
        "subscriptions", sa.Column("title", sa.Text, nullable=False, server_default=sa.text("''"))
    )
    op.add_column(
        "subscriptions",
        sa.Column("quiet", sa.Boolean, nullable=False, server_default=sa.false()),
    )
