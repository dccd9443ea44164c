"""The first tables: calls and their results, people and shifts, the customers' directory."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _calls()
    _what_became_of_calls()
    _people()
    _directory()


def downgrade() -> None:
    for table in (
        "directory_imports",
        "customers",
        "shifts",
        "presence_changes",
        "transfers",
        "announcements",
        "offers",
        "calls",
    ):
        op.drop_table(table)


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call", sa.String(length=150), nullable=False),
        sa.Column("line", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("identification", sa.String(length=32), nullable=False),
        sa.Column("inn", sa.String(length=32), nullable=False),
        sa.Column("customer", sa.String(length=300), nullable=False),
        sa.Column("role", sa.String(length=300), nullable=False),
        sa.Column("urgency", sa.String(length=32), nullable=False),
        sa.Column("info_visits", sa.Integer(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting", sa.Double(), nullable=True),
        sa.Column("talk", sa.Double(), nullable=False),
        sa.Column("operator", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("hung_up_by", sa.String(length=32), nullable=False),
        sa.Column("cause", sa.Integer(), nullable=True),
        sa.Column("cause_text", sa.String(length=500), nullable=False),
        sa.Column("recording", sa.String(length=500), nullable=False),
        sa.Column("recording_seconds", sa.Double(), nullable=True),
        sa.Column("recording_sha256", sa.String(length=64), nullable=False),
        sa.Column("recording_problem", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
        sa.UniqueConstraint("call", name="uq_calls_call"),
    )
    op.create_index("ix_calls_arrived_at", "calls", ["arrived_at"])
    op.create_index("ix_calls_line_arrived_at", "calls", ["line", "arrived_at"])
    op.create_index("ix_calls_operator_arrived_at", "calls", ["operator", "arrived_at"])
    op.create_index("ix_calls_outcome_arrived_at", "calls", ["outcome", "arrived_at"])


def _what_became_of_calls() -> None:
    op.create_table(
        "offers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("offer", sa.String(length=150), nullable=False),
        sa.Column("call", sa.String(length=150), nullable=False),
        sa.Column("operator", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ringing_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.String(length=32), nullable=False),
        sa.Column("talk", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["call"], ["calls.call"], name="fk_offers_call"),
        sa.PrimaryKeyConstraint("id", name="pk_offers"),
        sa.UniqueConstraint("offer", name="uq_offers_offer"),
    )
    op.create_index("ix_offers_call", "offers", ["call"])
    op.create_index("ix_offers_operator_placed_at", "offers", ["operator", "placed_at"])
    op.create_table(
        "announcements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call", sa.String(length=150), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("spoken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ahead", sa.Integer(), nullable=False),
        sa.Column("staff", sa.Integer(), nullable=False),
        sa.Column("estimate", sa.Double(), nullable=True),
        sa.Column("prompts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["call"], ["calls.call"], name="fk_announcements_call"),
        sa.PrimaryKeyConstraint("id", name="pk_announcements"),
        sa.UniqueConstraint("call", "number", name="uq_announcements_call_number"),
    )
    op.create_table(
        "transfers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call", sa.String(length=150), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_operator", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("consult", sa.Boolean(), nullable=False),
        sa.Column("not_customer", sa.Boolean(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("to_operator", sa.String(length=64), nullable=False),
        sa.Column("result", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["call"], ["calls.call"], name="fk_transfers_call"),
        sa.PrimaryKeyConstraint("id", name="pk_transfers"),
        sa.UniqueConstraint("call", "number", name="uq_transfers_call_number"),
    )


def _people() -> None:
    op.create_table(
        "presence_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fact", sa.String(length=64), nullable=False),
        sa.Column("operator", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("presence", sa.String(length=32), nullable=False),
        sa.Column("activity", sa.String(length=32), nullable=False),
        sa.Column("cause", sa.String(length=500), nullable=False),
        sa.Column("phone", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("call", sa.String(length=150), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_presence_changes"),
        sa.UniqueConstraint("fact", name="uq_presence_changes_fact"),
    )
    op.create_index("ix_presence_changes_operator_at", "presence_changes", ["operator", "at"])
    op.create_table(
        "shifts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fact", sa.String(length=64), nullable=False),
        sa.Column("operator", sa.String(length=64), nullable=False),
        sa.Column("phone", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_cause", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_shifts"),
        sa.UniqueConstraint("fact", name="uq_shifts_fact"),
    )
    op.create_index("ix_shifts_operator_started_at", "shifts", ["operator", "started_at"])
    op.create_index(
        "uq_shifts_open",
        "shifts",
        ["operator"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _directory() -> None:
    op.create_table(
        "customers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=True),
        sa.Column("inn", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("role", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_customers"),
        sa.UniqueConstraint("number", name="uq_customers_number"),
    )
    op.create_index("ix_customers_inn", "customers", ["inn"])
    op.create_table(
        "directory_imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(length=300), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_directory_imports"),
    )
