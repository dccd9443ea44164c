"""The promise ledger: the inputs of each announced wait, and whether it came true (ESTP 5.4.6).

Older announcements stay as they are: their result is '', and reports skip them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COLUMNS: Sequence[tuple[str, TypeEngine[Any]]] = (
    ("handling", sa.Double()),
    ("patience", sa.Double()),
    ("to_serve", sa.Double()),
    ("p90", sa.Double()),
    ("spoken", sa.Integer()),
    ("waited", sa.Double()),
)


def upgrade() -> None:
    # Added one by one, not in a batch: a batch would copy the table, which may have millions of rows.
    for name, kind in _COLUMNS:
        op.add_column("announcements", sa.Column(name, kind, nullable=True))
    op.add_column("announcements", sa.Column("result", sa.String(length=32), nullable=False, server_default=""))
    op.create_index("ix_announcements_spoken_at", "announcements", ["spoken_at"])
    op.create_index(
        "ix_announcements_open",
        "announcements",
        ["call"],
        sqlite_where=sa.text("result = 'open'"),
        postgresql_where=sa.text("result = 'open'"),
    )
    op.create_index("ix_calls_line_joined_at", "calls", ["line", "joined_at"])


def downgrade() -> None:
    op.drop_index("ix_calls_line_joined_at", "calls")
    op.drop_index("ix_announcements_open", "announcements")
    op.drop_index("ix_announcements_spoken_at", "announcements")
    with op.batch_alter_table("announcements") as announcements:
        for name in ("result", *(name for name, _ in _COLUMNS)):
            announcements.drop_column(name)
