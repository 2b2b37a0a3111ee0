"""Topics, posts, and reports with their sections, items, pictures and dropped posts."""

import sqlalchemy as sa
from alembic import op

from digest.store.tables import required

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "topics",
        *required(sa.Text, "name slug"),
        sa.Column("title", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_topics"),
    )
    _posts()
    _reports()
    _report_parts()


def _posts() -> None:
    op.create_table(
        "posts",
        *required(sa.Text, "topic key source stream author author_name text url lang"),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *required(sa.JSON, "metrics links"),
        sa.PrimaryKeyConstraint("topic", "key", name="pk_posts"),
        sa.ForeignKeyConstraint(["topic"], ["topics.name"], name="fk_posts_topics"),
    )
    op.create_index("ix_posts_topic", "posts", ["topic", "day"])


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.Integer, nullable=False),
        *required(sa.Text, "topic language writer"),
        *required(sa.Date, "first last"),
        *required(sa.JSON, "counts sources cost posts wordcounts"),
        sa.Column("created_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
        sa.ForeignKeyConstraint(["topic"], ["topics.name"], name="fk_reports_topics"),
        sa.UniqueConstraint("topic", "last", "first", name="uq_reports"),
    )


def _report_parts() -> None:
    op.create_table(
        "sections",
        *required(sa.Integer, "report_id position"),
        *required(sa.Text, "name title"),
        sa.PrimaryKeyConstraint("report_id", "position", name="pk_sections"),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name="fk_sections_reports"),
    )
    op.create_table(
        "items",
        *required(sa.Integer, "report_id section position"),
        *required(sa.Text, "group title text status"),
        sa.Column("cites", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("report_id", "section", "position", name="pk_items"),
        sa.ForeignKeyConstraint(
            ["report_id", "section"],
            ["sections.report_id", "sections.position"],
            name="fk_items_sections",
        ),
    )
    op.create_table(
        "clouds",
        sa.Column("report_id", sa.Integer, nullable=False),
        sa.Column("png", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("report_id", name="pk_clouds"),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name="fk_clouds_reports"),
    )
    op.create_table(
        "drops",
        *required(sa.Integer, "report_id position"),
        *required(sa.Text, "key step reason of"),
        sa.PrimaryKeyConstraint("report_id", "position", name="pk_drops"),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name="fk_drops_reports"),
    )
