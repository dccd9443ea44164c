"""What operators register of their calls, contacts they have learned, and why a caller was transferred.

Conversations of the time before are on nobody's list of what is to be registered: the last of them is noted.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("identified_by", sa.String(64), nullable=False, server_default=""))
    op.create_index("ix_calls_inn_arrived_at", "calls", ["inn", "arrived_at"])
    op.add_column("transfers", sa.Column("note", sa.String(500), nullable=False, server_default=""))
    op.create_table(
        "learned_contacts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("inn", sa.String(12), nullable=False),
        sa.Column("of_number", sa.String(64), nullable=False),
        sa.Column("person", sa.String(300), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_learned_contacts"),
        sa.UniqueConstraint("number", name="uq_learned_contacts_number"),
    )
    op.create_table(
        "call_notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call", sa.String(150), nullable=False),
        sa.Column("operator", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("result", sa.String(32), nullable=False),
        sa.Column("conduct", sa.Boolean(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_call_notes"),
        sa.UniqueConstraint("call", "operator", name="uq_call_notes_call"),
    )
    conduct = sa.text("conduct")
    op.create_index(
        "ix_call_notes_conduct", "call_notes", ["registered_at"], sqlite_where=conduct, postgresql_where=conduct
    )
    op.create_table(
        "registering_began",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("after_offer", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_registering_began"),
    )
    op.execute("INSERT INTO registering_began (id, after_offer) SELECT 1, coalesce(max(id), 0) FROM offers")


def downgrade() -> None:
    op.drop_table("registering_began")
    op.drop_table("call_notes")
    op.drop_table("learned_contacts")
    op.drop_column("transfers", "note")
    op.drop_index("ix_calls_inn_arrived_at", "calls")
    op.drop_column("calls", "identified_by")
