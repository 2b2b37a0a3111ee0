"""What the model writer needs: kept answers, what servers understand, money spent, a report's
score."""

import sqlalchemy as sa
from alembic import op

from digest.store.tables import required

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("reports", sa.Column("quality", sa.JSON))
    op.create_table(
        "answers",
        *required(sa.Text, "hash content"),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_answers"),
    )
    op.create_table(
        "model_servers",
        *required(sa.Text, "base_url model"),
        sa.Column("learned", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("base_url", "model", name="pk_model_servers"),
    )
    op.create_table(
        "spending",
        *required(sa.Integer, "id prompt_tokens answer_tokens"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        *required(sa.Text, "topic model"),
        sa.Column("usd", sa.Float),
        sa.Column("settled", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_spending"),
    )
    op.create_index("ix_spending_day", "spending", ["day"])
