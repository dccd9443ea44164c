"""Sums of past days, and triggers that drop them in the moment in which a row changes that they were made of.

Whoever copies `calls` or `announcements` in a later migration (batch mode does) has to make the triggers again, and to
empty `day_sums`: a trigger goes with its table. The reports look for them by name before they believe a sum.

REPLACE takes rows away without a DELETE that a trigger would see: those are looked for before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_CONTAINS = "ends > {at} AND ends <= coalesce(datetime({at}, '+2 days'), '~') AND begins <= {at}"
"""By index. No day is longer than 25 hours: without the upper end an old row would be compared with all days since."""

_CALLS = ("line", "arrived_at", "joined_at", "answered_at", "waiting", "identification", "outcome")
_ANNOUNCEMENTS = ("spoken_at", "ahead", "estimate", "p90", "spoken", "waited", "result")
"""What is summed up, beside keys: the other columns may change without a sum being wrong."""


def _drop(at: str) -> str:
    """Days that contain this moment."""
    return f"DELETE FROM day_sums WHERE {_CONTAINS.format(at=at)};"  # noqa: S608 - names of this file


def _drop_of(rows: str, at: str) -> str:
    """Days that contain these moments of these rows."""
    found = f"SELECT kept.rowid FROM {rows} AND {_CONTAINS.format(at=at)}"  # noqa: S608
    return f"DELETE FROM day_sums WHERE rowid IN ({found});"  # noqa: S608


def _drop_heard(call: str) -> str:
    """Days on which this call heard announcements: their line is the call's."""
    return _drop_of(f"announcements AS heard CROSS JOIN day_sums AS kept WHERE heard.call = {call}", "heard.spoken_at")


def _changed(columns: Sequence[str]) -> str:
    return " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in columns)


def _update(table: str, columns: Sequence[str]) -> str:
    return f"UPDATE OF {', '.join(columns)} ON {table} WHEN {_changed(columns)}"


def _triggers() -> Iterator[tuple[str, str, str]]:
    """Name, when, and what to do."""
    call, announcement = ("id", "call"), ("id", "call", "number")
    came, went = _drop("NEW.arrived_at"), _drop("OLD.arrived_at")
    yield "calls_came", "AFTER INSERT ON calls", came + _drop_heard("NEW.call")
    yield "calls_went", "AFTER DELETE ON calls", went + _drop_heard("OLD.call")
    yield "calls_changed", f"AFTER {_update('calls', (*call, *_CALLS))}", came + went
    heard = _drop_heard("OLD.call") + _drop_heard("NEW.call")
    yield "calls_moved", f"AFTER {_update('calls', ('call', 'line'))}", heard
    old = "calls AS old CROSS JOIN day_sums AS kept WHERE (old.call = NEW.call OR old.id = NEW.id)"
    heard = "calls AS old CROSS JOIN announcements AS heard CROSS JOIN day_sums AS kept WHERE heard.call = old.call"
    replaced = _drop_of(old, "old.arrived_at") + _drop_of(f"{heard} AND old.id = NEW.id", "heard.spoken_at")
    yield "calls_replaced", "BEFORE INSERT ON calls", replaced
    yield "calls_renamed", f"BEFORE {_update('calls', call)}", replaced

    came, went = _drop("NEW.spoken_at"), _drop("OLD.spoken_at")
    yield "announcements_came", "AFTER INSERT ON announcements", came
    yield "announcements_went", "AFTER DELETE ON announcements", went
    yield "announcements_changed", f"AFTER {_update('announcements', (*announcement, *_ANNOUNCEMENTS))}", came + went
    same = "(old.call = NEW.call AND old.number = NEW.number OR old.id = NEW.id)"
    replaced = _drop_of(f"announcements AS old CROSS JOIN day_sums AS kept WHERE {same}", "old.spoken_at")
    yield "announcements_replaced", "BEFORE INSERT ON announcements", replaced
    yield "announcements_renamed", f"BEFORE {_update('announcements', announcement)}", replaced


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "day_sums",
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("begins", moment, nullable=False),
        sa.Column("ends", moment, nullable=False),
        sa.Column("definition", sa.String(64), nullable=False),
        sa.Column("sums", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "begins", "ends", name="pk_day_sums"),
    )
    op.create_index("ix_day_sums_ends_begins", "day_sums", ["ends", "begins"])
    if op.get_bind().dialect.name == "sqlite":  # elsewhere nothing is kept
        for name, when, what in _triggers():
            op.execute(f"CREATE TRIGGER day_sums_{name} {when} BEGIN {what} END")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name, _, _ in _triggers():
            op.execute(f"DROP TRIGGER day_sums_{name}")
    op.drop_index("ix_day_sums_ends_begins", "day_sums")
    op.drop_table("day_sums")
