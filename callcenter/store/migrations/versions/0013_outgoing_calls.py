"""Outgoing calls are rows of the register, too, beside the callers' calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("direction", sa.String(32), nullable=False, server_default="incoming"))
    op.add_column("calls", sa.Column("dialled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("calls", sa.Column("ringing", sa.Double(), nullable=True))


def downgrade() -> None:
    for column in ("ringing", "dialled_at", "direction"):
        op.drop_column("calls", column)
