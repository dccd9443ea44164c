"""A call tells which second language of the line its caller has chosen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("language", sa.String(32), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("calls", "language")
