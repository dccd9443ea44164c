"""Outgoing calls are rows of the register, too, beside the callers' calls; no sum of a day counts them.

So the trigger of the sums watches the direction as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


_WATCHED = (
    "id", "call", "arrived_at", "line", "joined_at", "answered_at", "waiting", "identification", "outcome", "queued",
)  # fmt: skip


def _make_trigger(columns: Sequence[str]) -> None:
    """As in revision 0005: a change of a summed column deletes the sums of its day."""

    def drop(at: str) -> str:
        days = f"ends > {at} AND ends <= coalesce(datetime({at}, '+2 days'), '~') AND begins <= {at}"
        return f"DELETE FROM day_sums WHERE {days};"  # noqa: S608 - names of this file

    if op.get_bind().dialect.name != "sqlite":
        return
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in columns)
    op.execute("DROP TRIGGER day_sums_calls_changed")
    op.execute(
        f"CREATE TRIGGER day_sums_calls_changed AFTER UPDATE OF {', '.join(columns)} ON calls WHEN {changed} "
        f"BEGIN {drop('OLD.arrived_at')}{drop('NEW.arrived_at')} END"
    )


def upgrade() -> None:
    op.add_column("calls", sa.Column("direction", sa.String(32), nullable=False, server_default="incoming"))
    op.add_column("calls", sa.Column("dialled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("calls", sa.Column("ringing", sa.Double(), nullable=True))
    _make_trigger((*_WATCHED, "direction"))


def downgrade() -> None:
    _make_trigger(_WATCHED)
    for column in ("ringing", "dialled_at", "direction"):
        op.drop_column("calls", column)
