"""The files that imported reports were read from, byte for byte."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("report_id", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("report_id", name="pk_imports"),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name="fk_imports_reports"),
    )
