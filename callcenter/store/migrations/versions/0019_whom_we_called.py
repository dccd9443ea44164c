"""Whom an operator has called is a caller like any other: the row tells the channel, by which they are found again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("customer_channel", sa.String(150), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("calls", "customer_channel")
