"""Call-backs (ESTP 5.4.5): to whom, when it suits them, and what came of each try."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_backs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_back", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("origin", sa.String(32), nullable=False),
        sa.Column("source", sa.String(250), nullable=True),
        sa.Column("request", sa.Integer(), nullable=True),
        sa.Column("call", sa.String(150), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("urgency", sa.String(32), nullable=False),
        sa.Column("words", sa.String(500), nullable=False),
        sa.Column("window_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("place_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why", sa.String(2000), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("by", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name="fk_call_backs_request"),
        sa.PrimaryKeyConstraint("id", name="pk_call_backs"),
        sa.UniqueConstraint("call_back", name="uq_call_backs_call_back"),
        sa.UniqueConstraint("source", name="uq_call_backs_source"),
    )
    op.create_index("ix_call_backs_ended_at", "call_backs", ["ended_at"])
    op.create_index("ix_call_backs_line_created_at", "call_backs", ["line", "created_at"])
    op.create_index(
        "ix_call_backs_open",
        "call_backs",
        ["next_at"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_call_backs_request", "call_backs", ["request"])
    op.create_table(
        "call_back_tries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_back", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("place_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("start_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("came", sa.String(32), nullable=False),
        sa.Column("talk", sa.Double(), nullable=False),
        sa.Column("call", sa.String(150), nullable=False),
        sa.Column("word", sa.String(32), nullable=False),
        sa.Column("delivered", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["call_back"], ["call_backs.id"], name="fk_call_back_tries_call_back"),
        sa.PrimaryKeyConstraint("id", name="pk_call_back_tries"),
        sa.UniqueConstraint("call_back", "number", name="uq_call_back_tries_call_back"),
    )
    op.create_index(
        "ix_call_back_tries_open",
        "call_back_tries",
        ["call_back"],
        sqlite_where=sa.text("over_at IS NULL"),
        postgresql_where=sa.text("over_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("call_back_tries")
    op.drop_table("call_backs")
