"""The list of accesses becomes the audit log: with log-ins and changes, as a chain of hashes, and only added to.

The triggers are dropped with the table: a later migration that copies it (as batch mode does) must create them again.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TRIGGERS = {
    "audit_unchanged": "BEFORE UPDATE ON audit",
    # Only what is old enough may be deleted, by the newest entry and not by a clock.
    "audit_kept": "BEFORE DELETE ON audit WHEN OLD.at >= datetime((SELECT max(at) FROM audit), '-31 days')",
    # REPLACE would remove a row without a DELETE that a trigger sees.
    "audit_in_order": "BEFORE INSERT ON audit WHEN NEW.id <= (SELECT max(id) FROM audit)",
}


def _entries(name: str) -> sa.Table:
    columns = [sa.Column(one, sa.String()) for one in ("who", "what", "about")]
    if name == "audit":
        columns += [sa.Column("previous", sa.String()), sa.Column("hash", sa.String())]
    return sa.Table(
        name, sa.MetaData(), sa.Column("id", sa.Integer()), sa.Column("at", sa.DateTime(timezone=True)), *columns
    )


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("about", sa.String(500), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    _take_over()
    op.drop_index("ix_accesses_at", "accesses")
    op.drop_table("accesses")
    if op.get_bind().dialect.name == "sqlite":  # on other databases their rights are for that
        for name, when in _TRIGGERS.items():
            op.execute(f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END")


def _take_over() -> None:
    """Enter the accesses in their order, as `callcenter.store.audit_chain` did when this was written."""
    connection, before, after = op.get_bind(), _entries("accesses"), _entries("audit")
    previous = "0" * 64
    for number, row in enumerate(connection.execute(sa.select(before).order_by(before.c.id)).all(), 1):
        at = row.at.replace(tzinfo=UTC) if row.at.tzinfo is None else row.at.astimezone(UTC)
        content = [number, at.isoformat(timespec="microseconds"), row.who, row.what, row.about, previous]
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        texts = {"who": row.who, "what": row.what, "about": row.about}
        connection.execute(after.insert().values(id=number, at=row.at, previous=previous, hash=digest, **texts))
        previous = digest


def downgrade() -> None:
    op.create_table(
        "accesses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("about", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accesses"),
    )
    op.create_index("ix_accesses_at", "accesses", ["at"])
    op.execute("INSERT INTO accesses (id, at, who, what, about) SELECT id, at, who, what, about FROM audit")
    op.drop_index("ix_audit_at", "audit")
    op.drop_table("audit")
