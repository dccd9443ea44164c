"""How conversations sounded at phones in pages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_quality",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call", sa.String(150), nullable=False),
        sa.Column("operator", sa.String(64), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("worst_loss", sa.Double(), nullable=False),
        sa.Column("samples", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_call_quality"),
        sa.UniqueConstraint("call", "operator", name="uq_call_quality_call"),
    )


def downgrade() -> None:
    op.drop_table("call_quality")
