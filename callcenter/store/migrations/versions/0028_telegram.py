"""Pieces of messages as Telegram knows them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "telegram_parts",
        sa.Column("key", sa.String(250), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("chat", sa.String(64), nullable=False),
        sa.Column("message", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "part", name="pk_telegram_parts"),
    )
    op.create_index("ix_telegram_parts_chat_message", "telegram_parts", ["chat", "message"])


def downgrade() -> None:
    op.drop_table("telegram_parts")
