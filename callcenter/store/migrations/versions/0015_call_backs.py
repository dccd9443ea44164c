"""Attempts of call-backs, and callers who keep their place and are called back, among the calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("call_back", sa.String(64), nullable=False, server_default=""))
    op.add_column("calls", sa.Column("attempt", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("calls", sa.Column("call_back_to", sa.String(64), nullable=False, server_default=""))
    made_for_one = sa.text("call_back <> ''")
    op.create_index(
        "ix_calls_call_back",
        "calls",
        ["call_back", "attempt"],
        sqlite_where=made_for_one,
        postgresql_where=made_for_one,
    )


def downgrade() -> None:
    op.drop_index("ix_calls_call_back", "calls")
    for column in ("call_back_to", "attempt", "call_back"):
        op.drop_column("calls", column)
