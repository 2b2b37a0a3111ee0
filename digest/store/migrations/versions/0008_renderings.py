"""Reports in the other languages of their topic."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("reports", sa.Column("renderings", sa.JSON))
