"""Callers taken out of turn, and orders to open or close a line."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("out_of_turn_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("calls", sa.Column("out_of_turn_by", sa.String(64), nullable=False, server_default=""))
    op.add_column("calls", sa.Column("out_of_turn_why", sa.String(500), nullable=False, server_default=""))
    op.create_index(
        "ix_calls_out_of_turn",
        "calls",
        ["out_of_turn_at"],
        sqlite_where=sa.text("out_of_turn_at IS NOT NULL"),
        postgresql_where=sa.text("out_of_turn_at IS NOT NULL"),
    )
    op.create_table(
        "line_orders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order", sa.String(64), nullable=False),
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_line_orders"),
        sa.UniqueConstraint("order", name="uq_line_orders_order"),
    )
    op.create_index("ix_line_orders_line_at", "line_orders", ["line", "at"])
    op.create_index(
        "ix_line_orders_open",
        "line_orders",
        ["line"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("line_orders")
    op.drop_index("ix_calls_out_of_turn", "calls")
    op.drop_column("calls", "out_of_turn_why")
    op.drop_column("calls", "out_of_turn_by")
    op.drop_column("calls", "out_of_turn_at")
