"""What the chat platforms need: subscriptions, updates already handled, small notes of a
platform."""

import sqlalchemy as sa
from alembic import op

from digest.store.tables import required

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Integer, nullable=False),
        *required(sa.Text, "platform chat thread topic space kind at timezone"),
        *required(sa.Text, "ended weekdays language length"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *required(sa.JSON, "sections highlight without"),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
        sa.UniqueConstraint("platform", "chat", "thread", "topic", name="uq_subscriptions"),
    )
    op.create_index("ix_subscriptions_next_at", "subscriptions", ["next_at"])
    op.create_table(
        "updates",
        *required(sa.Text, "platform key"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("platform", "key", name="pk_updates"),
    )
    op.create_table(
        "platform_notes",
        *required(sa.Text, "platform name value"),
        sa.PrimaryKeyConstraint("platform", "name", name="pk_platform_notes"),
    )
