"""The ledger: what is due, every part of every message, who may send, which reports are to be
made."""

import sqlalchemy as sa
from alembic import op

from digest.store.tables import required

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    _deliveries()
    _parts()
    _leases_and_builds()


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        *required(sa.Integer, "id subscription_id"),
        *required(sa.Text, "platform topic state reason"),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("report", sa.Date),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        *required(sa.Boolean, "late noted"),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name="fk_deliveries_subscriptions"
        ),
        sa.UniqueConstraint("subscription_id", "day", name="uq_deliveries_day"),
        sa.UniqueConstraint("subscription_id", "report", name="uq_deliveries_report"),
    )
    op.create_index("ix_deliveries_platform", "deliveries", ["platform", "state"])
    op.create_index("ix_deliveries_due_at", "deliveries", ["due_at"])


def _parts() -> None:
    op.create_table(
        "bodies",
        *required(sa.Text, "hash content"),
        sa.PrimaryKeyConstraint("hash", name="pk_bodies"),
    )
    op.create_table(
        "parts",
        *required(sa.Integer, "id delivery_id position attempts"),
        *required(sa.Text, "platform chat thread kind space nonce body state message error"),
        sa.Column("tried_at", sa.DateTime(timezone=True)),
        sa.Column("again_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_parts"),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_parts_deliveries"),
        sa.ForeignKeyConstraint(["body"], ["bodies.hash"], name="fk_parts_bodies"),
        sa.UniqueConstraint("delivery_id", "position", name="uq_parts"),
    )
    op.create_index("ix_parts_turn", "parts", ["platform", "state", "id"])
    op.create_index("ix_parts_chat", "parts", ["platform", "chat", "state", "id"])


def _leases_and_builds() -> None:
    op.create_table(
        "leases",
        *required(sa.Text, "role holder"),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("role", name="pk_leases"),
    )
    op.create_table(
        "builds",
        *required(sa.Text, "topic state"),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("topic", "day", name="pk_builds"),
    )
