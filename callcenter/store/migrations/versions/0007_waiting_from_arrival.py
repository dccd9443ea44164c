"""Waiting times count from the arrival of a call; both times are kept, and the steps before an operator answers.

Earlier rows counted from joining the queue, and say so. Their triggers are made again, because they now sum more.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MOMENTS = ("question_answered_at", "offered_at")

_SUMMED = {
    "calls": ("id", "call", "arrived_at", "line", "joined_at", "answered_at", "waiting", "identification", "outcome"),
    "announcements": ("id", "call", "number", "spoken_at", "ahead", "estimate", "p90", "spoken", "waited", "result"),
}
_MORE = {"calls": ("queued",), "announcements": ("elapsed",)}
_MOMENT = {"calls": "arrived_at", "announcements": "spoken_at"}


def _make_trigger(table: str, columns: Sequence[str]) -> None:
    """As in revision 0005: a change of a summed column deletes the sums of its day."""

    def drop(at: str) -> str:
        days = f"ends > {at} AND ends <= coalesce(datetime({at}, '+2 days'), '~') AND begins <= {at}"
        return f"DELETE FROM day_sums WHERE {days};"  # noqa: S608 - names of this file

    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in columns)
    gone, come = drop(f"OLD.{_MOMENT[table]}"), drop(f"NEW.{_MOMENT[table]}")
    op.execute(
        f"CREATE TRIGGER day_sums_{table}_changed AFTER UPDATE OF {', '.join(columns)} ON {table} WHEN {changed} "
        f"BEGIN {gone}{come} END"
    )


def upgrade() -> None:
    for column in _MOMENTS:
        op.add_column("calls", sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    op.add_column("calls", sa.Column("waiting_from", sa.String(32), nullable=False, server_default="joining"))
    op.add_column("calls", sa.Column("queued", sa.Double(), nullable=True))
    op.add_column("announcements", sa.Column("elapsed", sa.Double(), nullable=False, server_default="0"))
    op.execute("UPDATE calls SET queued = waiting WHERE waiting IS NOT NULL")
    if op.get_bind().dialect.name == "sqlite":
        for table, columns in _SUMMED.items():
            op.execute(f"DROP TRIGGER day_sums_{table}_changed")
            _make_trigger(table, (*columns, *_MORE[table]))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table, columns in _SUMMED.items():
            op.execute(f"DROP TRIGGER day_sums_{table}_changed")
            _make_trigger(table, columns)
    op.drop_column("announcements", "elapsed")
    for column in ("queued", "waiting_from", *reversed(_MOMENTS)):
        op.drop_column("calls", column)
