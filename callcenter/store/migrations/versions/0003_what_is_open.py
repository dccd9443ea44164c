"""Indexes for the few offers and transfers that a killed controller left open, so that no full scan is needed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = ("offers", "transfers")


def upgrade() -> None:
    for table in _TABLES:
        op.create_index(
            f"ix_{table}_open",
            table,
            ["call"],
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )


def downgrade() -> None:
    for table in _TABLES:
        op.drop_index(f"ix_{table}_open", table)
