"""An announcement tells the caller's class, and by how much the formula's mean and P90 were made longer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_FACTORS = ("lengthened", "widened")


def upgrade() -> None:
    op.add_column("announcements", sa.Column("urgency", sa.String(32), nullable=False, server_default=""))
    for name in _FACTORS:
        op.add_column("announcements", sa.Column(name, sa.Double(), nullable=False, server_default="1"))


def downgrade() -> None:
    for name in ("urgency", *_FACTORS):
        op.drop_column("announcements", name)
