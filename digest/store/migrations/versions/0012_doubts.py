"""Since when a part may have arrived, and whether an operator sends it again; excuses stand before
the parts of their digest."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

DELIVERIES = sa.table("deliveries", sa.column("id"), sa.column("state"))
PARTS = sa.table(
    "parts",
    *map(sa.column, ("delivery_id", "state", "error")),
    sa.column("position", sa.Integer),
    sa.column("tried_at", sa.DateTime(timezone=True)),
    sa.column("doubt_since", sa.DateTime(timezone=True)),
    sa.column("resend", sa.Boolean),
)


def upgrade() -> None:
    op.add_column(
        "parts", sa.Column("resend", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column("parts", sa.Column("doubt_since", sa.DateTime(timezone=True)))
    again = sa.and_(PARTS.c.state == "waiting", PARTS.c.error == "to be sent again")
    op.execute(sa.update(PARTS).where(again).values(resend=True))
    # An earlier version did not note which of these attempts had failed for certain.
    tried = PARTS.c.state.in_(("waiting", "sending", "unknown"))
    op.execute(sa.update(PARTS).where(tried).values(doubt_since=PARTS.c.tried_at))
    # All that a delivery without a report has is excuses.
    unplanned = sa.select(DELIVERIES.c.id).where(DELIVERIES.c.state == "due")
    excuses = PARTS.c.delivery_id.in_(unplanned)
    op.execute(sa.update(PARTS).where(excuses).values(position=-1 - PARTS.c.position))
    # Nobody need decide whether an excuse is sent again.
    doubted = sa.and_(excuses, PARTS.c.state == "unknown")
    op.execute(sa.update(PARTS).where(doubted).values(state="dropped"))
