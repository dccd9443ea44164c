"""Whom a caller waits for whose conversation broke off, and until when: a new controller has to know it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("kept_for", sa.String(64), nullable=False, server_default=""))
    op.add_column("calls", sa.Column("kept_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("calls", "kept_until")
    op.drop_column("calls", "kept_for")
