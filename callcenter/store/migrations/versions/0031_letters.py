"""Letters on paper: those that came, those that leave, and how many of these each line has numbered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incoming_letters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request", sa.Integer(), nullable=False),
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("number", sa.String(100), nullable=False),
        sa.Column("dated", sa.Date(), nullable=True),
        sa.Column("came_on", sa.Date(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("organisation", sa.String(300), nullable=False),
        sa.Column("inn", sa.String(32), nullable=False),
        sa.Column("address", sa.String(2000), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incoming_letters"),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name="fk_incoming_letters_request"),
        sa.UniqueConstraint("key", name="uq_incoming_letters_key"),
    )
    op.create_index("ix_incoming_letters_request", "incoming_letters", ["request"])
    op.create_index("ix_incoming_letters_line_dated", "incoming_letters", ["line", "dated"])
    op.create_table(
        "outgoing_letters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(250), nullable=False),
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("dated", sa.Date(), nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("organisation", sa.String(300), nullable=False),
        sa.Column("their_number", sa.String(100), nullable=False),
        sa.Column("their_date", sa.Date(), nullable=True),
        sa.Column("posted_on", sa.Date(), nullable=True),
        sa.Column("tracking", sa.String(32), nullable=False),
        sa.Column("posted_by", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outgoing_letters"),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name="fk_outgoing_letters_request"),
        sa.UniqueConstraint("key", name="uq_outgoing_letters_key"),
        sa.UniqueConstraint("line", "year", "running", name="uq_outgoing_letters_line"),
    )
    op.create_index("ix_outgoing_letters_request", "outgoing_letters", ["request"])
    op.create_table(
        "letter_counters",
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("line", "year", name="pk_letter_counters"),
    )


def downgrade() -> None:
    op.drop_table("letter_counters")
    op.drop_table("outgoing_letters")
    op.drop_table("incoming_letters")
