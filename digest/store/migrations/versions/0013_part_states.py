"""Indexes for what is asked of all platforms at once, and for bodies that no part has any more."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_index("ix_parts_state", "parts", ["state", "tried_at"])
    op.create_index("ix_parts_body", "parts", ["body"])
