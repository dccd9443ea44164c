"""Who looked at personal data, and when personal data was erased (152-ФЗ)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "accesses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("about", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accesses"),
    )
    op.create_index("ix_accesses_at", "accesses", ["at"])
    op.create_table(
        "erasures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("before", moment, nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_erasures"),
    )


def downgrade() -> None:
    op.drop_table("erasures")
    op.drop_index("ix_accesses_at", "accesses")
    op.drop_table("accesses")
