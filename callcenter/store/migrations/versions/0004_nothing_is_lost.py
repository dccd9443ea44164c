"""Columns and indexes for a restart of the controller, and for callers whom a failure cut off."""

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

_FEW = (
    ("ix_calls_open", ["arrived_at"], "ended_at IS NULL"),
    ("ix_calls_failed", ["cause", "arrived_at"], "cause = 41"),
    ("ix_calls_unchecked", ["ended_at"], "recording_checked_at IS NULL AND talk > 0"),
)
"""Partial indexes: they cover a few calls among many."""


def upgrade() -> None:
    for table, column in _MOMENTS:
        op.add_column(table, sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    for name, columns, which in _FEW:
        where = sa.text(which)
        op.create_index(name, "calls", columns, sqlite_where=where, postgresql_where=where)
    op.create_index("ix_calls_number_arrived_at", "calls", ["number", "arrived_at"])


def downgrade() -> None:
    op.drop_index("ix_calls_number_arrived_at", "calls")
    for name, _, _ in _FEW:
        op.drop_index(name, "calls")
    for table, column in reversed(_MOMENTS):
        op.drop_column(table, column)
