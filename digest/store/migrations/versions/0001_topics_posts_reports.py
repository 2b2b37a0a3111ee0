"""Topics, posts, and reports with their sections, items, pictures and dropped posts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "topics",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("title", sa.JSON, nullable=False),
        sa.Column("slug", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_topics"),
    )
    _posts()
    _reports()
    _report_parts()


def _posts() -> None:
    op.create_table(
        "posts",
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("author_name", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("lang", sa.Text, nullable=False),
        sa.Column("metrics", sa.JSON, nullable=False),
        sa.Column("links", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("topic", "key", name="pk_posts"),
        sa.ForeignKeyConstraint(["topic"], ["topics.name"], name="fk_posts_topics"),
    )
    op.create_index("ix_posts_topic", "posts", ["topic", "day"])


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("first", sa.Date, nullable=False),
        sa.Column("last", sa.Date, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
        sa.Column("sources", sa.JSON, nullable=False),
        sa.Column("cost", sa.JSON, nullable=False),
        sa.Column("posts", sa.JSON, nullable=False),
        sa.Column("wordcounts", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
        sa.ForeignKeyConstraint(["topic"], ["topics.name"], name="fk_reports_topics"),
        sa.UniqueConstraint("topic", "last", "first", name="uq_reports"),
    )


def _report_parts() -> None:
    op.create_table(
        "sections",
        sa.Column("report_id", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("report_id", "position", name="pk_sections"),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name="fk_sections_reports"),
    )
    op.create_table(
        "items",
        sa.Column("report_id", sa.Integer, nullable=False),
        sa.Column("section", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("group", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("cites", sa.JSON, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
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
        sa.Column("report_id", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("of", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("report_id", "position", name="pk_drops"),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name="fk_drops_reports"),
    )
