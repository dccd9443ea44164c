"""What a controller that starts again has to know, and what became of those whom a failure cut off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MOMENTS = (
    ("calls", "place_at"),
    ("calls", "recording_checked_at"),
    ("calls", "recording_deleted_at"),
    ("calls", "called_back_at"),
    ("presence_changes", "free_since"),
)


def upgrade() -> None:
    for table, column in _MOMENTS:
        op.add_column(table, sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_calls_open",
        "calls",
        ["arrived_at"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_calls_unchecked",
        "calls",
        ["ended_at"],
        sqlite_where=sa.text("recording_checked_at IS NULL AND talk > 0"),
        postgresql_where=sa.text("recording_checked_at IS NULL AND talk > 0"),
    )


def downgrade() -> None:
    op.drop_index("ix_calls_unchecked", "calls")
    op.drop_index("ix_calls_open", "calls")
    for table, column in reversed(_MOMENTS):
        op.drop_column(table, column)
