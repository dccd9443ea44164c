"""Sums of past days, and triggers that delete a day's sums as soon as one of its rows changes.

A later migration that copies `calls` or `announcements` (as batch mode does) must create the triggers again and empty
`day_sums`, because a trigger is dropped with its table. The reports check that the triggers exist before they use a
sum.

REPLACE removes rows without a DELETE that a trigger would see, so those rows are looked up before the insert.
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
"""Uses the index. A day has at most 25 hours; without the upper limit an old row is compared with all later days."""

_KEPT = "{at} < (SELECT max(ends) FROM day_sums)"
"""Whether sums of this moment's day may exist. Current rows are later than all of them and cost only this check."""

_SUMMED = {
    "calls": ("arrived_at", "line", "joined_at", "answered_at", "waiting", "identification", "outcome"),
    "announcements": ("spoken_at", "ahead", "estimate", "p90", "spoken", "waited", "result"),
}
"""The column that decides the day, then the summed columns. Changes of other columns do not make a sum wrong."""
_KEYS = {"calls": ("call",), "announcements": ("call", "number")}


def _drop(at: str, rows: str = "") -> str:
    """Delete the sums of the day that contains this moment, or of the days of these rows."""
    days = _CONTAINS.format(at=at)
    if rows:
        days = f"rowid IN (SELECT kept.rowid FROM {rows} AND {days})"  # noqa: S608 - names of this file
    return f"DELETE FROM day_sums WHERE {days};"  # noqa: S608


def _any(rows: str) -> str:
    return f"EXISTS (SELECT 1 FROM {rows})"  # noqa: S608


def _update(table: str, columns: Sequence[str]) -> str:
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in columns)
    return f"UPDATE OF {', '.join(columns)} ON {table} WHEN {changed}"


def _triggers() -> Iterator[tuple[str, str, str]]:
    """Yield name, event and action of each trigger."""
    for table, (moment, *summed) in _SUMMED.items():
        identity, new, old = ("id", *_KEYS[table]), f"NEW.{moment}", f"OLD.{moment}"
        yield f"{table}_came", f"AFTER INSERT ON {table} WHEN {_KEPT.format(at=new)}", _drop(new)
        yield f"{table}_went", f"AFTER DELETE ON {table}", _drop(old)
        yield f"{table}_changed", f"AFTER {_update(table, (*identity, moment, *summed))}", _drop(old) + _drop(new)

        same = " AND ".join(f"gone.{name} = NEW.{name}" for name in _KEYS[table])
        gone = f"gone.{moment}"
        seen = f"{table} AS gone WHERE {same} AND {_KEPT.format(at=gone)}"
        place = f"{table} AS gone WHERE gone.id = NEW.id"
        both = f"{table} AS gone CROSS JOIN day_sums AS kept WHERE ({same} OR gone.id = NEW.id)"
        yield f"{table}_replaced", f"BEFORE INSERT ON {table} WHEN {_any(seen)} OR {_any(place)}", _drop(gone, both)
        yield f"{table}_renamed", f"BEFORE {_update(table, identity)}", _drop(gone, both)

    # The line of a promise is the line of its call.
    heard = "announcements AS heard CROSS JOIN day_sums AS kept WHERE heard.call = {call}"
    new, old = (_drop("heard.spoken_at", heard.format(call=f"{row}.call")) for row in ("NEW", "OLD"))
    seen = f"announcements AS heard WHERE heard.call = NEW.call AND {_KEPT.format(at='heard.spoken_at')}"
    yield "heard_came", f"AFTER INSERT ON calls WHEN {_any(seen)}", new
    yield "heard_went", "AFTER DELETE ON calls", old
    yield "heard_changed", f"AFTER {_update('calls', ('call', 'line'))}", old + new
    place = "calls AS gone WHERE gone.id = NEW.id"
    gone = _drop("heard.spoken_at", f"calls AS gone CROSS JOIN {heard.format(call='gone.call')} AND gone.id = NEW.id")
    yield "heard_replaced", f"BEFORE INSERT ON calls WHEN {_any(place)}", gone
    yield "heard_renamed", f"BEFORE {_update('calls', ('id',))}", gone


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
    if op.get_bind().dialect.name == "sqlite":  # on other databases no sums are kept
        for name, when, what in _triggers():
            op.execute(f"CREATE TRIGGER day_sums_{name} {when} BEGIN {what} END")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name, _, _ in _triggers():
            op.execute(f"DROP TRIGGER day_sums_{name}")
    op.drop_index("ix_day_sums_ends_begins", "day_sums")
    op.drop_table("day_sums")
