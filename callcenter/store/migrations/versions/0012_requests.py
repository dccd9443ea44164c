"""Requests with deadlines (ESTP 5.4.3–5.5.6): what was asked, until when it is due, what was sent, who did what.

The triggers that keep the history are dropped with its table: a later migration that copies it (as batch mode does)
must create them again. The index has what the requests have, in another form.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_INDEX = (
    "CREATE VIRTUAL TABLE request_index USING fts5"
    "(subject, essentials, who, more, tokenize = 'unicode61 remove_diacritics 0', prefix = '3')"
)
_SAME = " OR ".join(
    f"NEW.{name} IS NOT OLD.{name}"
    for name in ("id", "request", "running", "at", "by", "fact", "what", "state", "before", "after")
)
_ERASED = "EXISTS (SELECT 1 FROM requests WHERE requests.id = OLD.request AND requests.erased_at IS NOT NULL)"
_TRIGGERS = {
    # The words of an erased request may become '', and nothing else may change.
    "request_history_unchanged": f"BEFORE UPDATE ON request_history WHEN NEW.why <> '' OR {_SAME} OR NOT {_ERASED}",
    "request_history_kept": "BEFORE DELETE ON request_history",
    # REPLACE would remove a row without a DELETE that a trigger sees.
    "request_history_in_order": "BEFORE INSERT ON request_history WHEN NEW.running <= "
    "(SELECT max(running) FROM request_history WHERE request = NEW.request) "
    "OR EXISTS (SELECT 1 FROM request_history WHERE id = NEW.id)",
}


def upgrade() -> None:
    _requests()
    _parts()
    _beside()
    if op.get_bind().dialect.name == "sqlite":  # on other databases their rights are for that
        op.execute(_INDEX)
        for name, when in _TRIGGERS.items():
            op.execute(f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END")


def _requests() -> None:
    op.create_table(
        "requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("running", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("subject", sa.String(2000), nullable=False),
        sa.Column("essentials", sa.Text(), nullable=False),
        sa.Column("urgency", sa.String(64), nullable=False),
        sa.Column("way", sa.String(32), nullable=False),
        sa.Column("address", sa.String(2000), nullable=False),
        sa.Column("assignee_kind", sa.String(32), nullable=False),
        sa.Column("assignee", sa.String(2000), nullable=False),
        sa.Column("assignee_email", sa.String(2000), nullable=False),
        sa.Column("refusal", sa.String(300), nullable=False),
        sa.Column("merged_into", sa.String(150), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("next_due", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_kind", sa.String(32), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("call", sa.String(150), nullable=False),
        sa.Column("opened_by", sa.String(64), nullable=False),
        sa.Column("told", sa.String(2000), nullable=False),
        sa.Column("requester_name", sa.String(300), nullable=False),
        sa.Column("requester_number", sa.String(64), nullable=False),
        sa.Column("requester_inn", sa.String(32), nullable=False),
        sa.Column("requester_customer", sa.String(300), nullable=False),
        sa.Column("convenient", sa.String(500), nullable=False),
        sa.Column("convenient_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("convenient_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
        sa.UniqueConstraint("line", "year", "running", name="uq_requests_line"),
        sa.UniqueConstraint("request", name="uq_requests_request"),
    )
    op.create_index("ix_requests_assignee_changed_at", "requests", ["assignee", "changed_at"])
    op.create_index("ix_requests_call", "requests", ["call"])
    op.create_index(
        "ix_requests_kept",
        "requests",
        ["ended_at"],
        sqlite_where=sa.text("erased_at IS NULL"),
        postgresql_where=sa.text("erased_at IS NULL"),
    )
    op.create_index("ix_requests_line_received_at", "requests", ["line", "received_at"])
    op.create_index(
        "ix_requests_open",
        "requests",
        ["next_due"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_requests_open_look_at",
        "requests",
        ["look_at"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_requests_open_assignee",
        "requests",
        ["assignee", "next_due"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_requests_requester_inn", "requests", ["requester_inn"])
    op.create_index("ix_requests_requester_number", "requests", ["requester_number"])
    op.create_index("ix_requests_running", "requests", ["running"])
    op.create_index("ix_requests_state_changed_at", "requests", ["state", "changed_at"])
    op.create_table(
        "request_counters",
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("line", "year", name="pk_request_counters"),
    )
    op.create_table(
        "request_calendars",
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("line", "year", name="pk_request_calendars"),
    )


def _parts() -> None:
    op.create_table(
        "request_targets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pauses", sa.JSON(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("promised", sa.DateTime(timezone=True), nullable=True),
        sa.Column("no_later_than", sa.DateTime(timezone=True), nullable=True),
        sa.Column("met_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("met_by", sa.String(250), nullable=False),
        sa.Column("dropped", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name="fk_request_targets_request"),
        sa.PrimaryKeyConstraint("id", name="pk_request_targets"),
        sa.UniqueConstraint("request", "place", name="uq_request_targets_request"),
    )
    op.create_table(
        "request_messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(250), nullable=False),
        sa.Column("inward", sa.Boolean(), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("way", sa.String(32), nullable=False),
        sa.Column("address", sa.String(2000), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fate", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name="fk_request_messages_request"),
        sa.PrimaryKeyConstraint("id", name="pk_request_messages"),
        sa.UniqueConstraint("request", "key", name="uq_request_messages_request"),
    )
    op.create_index("ix_request_messages_key", "request_messages", ["key"])
    op.create_table(
        "request_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request", sa.Integer(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("fact", sa.String(32), nullable=False),
        sa.Column("what", sa.String(2000), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("after", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name="fk_request_history_request"),
        sa.PrimaryKeyConstraint("id", name="pk_request_history"),
        sa.UniqueConstraint("request", "running", name="uq_request_history_request"),
    )


def _beside() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(250), nullable=False),
        sa.Column("request", sa.Integer(), nullable=True),
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("way", sa.String(32), nullable=False),
        sa.Column("address", sa.String(2000), nullable=False),
        sa.Column("subject", sa.String(2000), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(2000), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name="fk_outbox_request"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
    )
    op.create_index("ix_outbox_request", "outbox", ["request"])
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["way", "next_try_at"],
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_table(
        "request_attachments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request", sa.Integer(), nullable=False),
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("message", sa.String(250), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("media_type", sa.String(300), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name="fk_request_attachments_request"),
        sa.PrimaryKeyConstraint("id", name="pk_request_attachments"),
    )
    op.create_index("ix_request_attachments_line_sha256", "request_attachments", ["line", "sha256"])
    op.create_index("ix_request_attachments_request", "request_attachments", ["request"])
    op.create_table(
        "request_warnings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("expected", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offset_seconds", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name="fk_request_warnings_request"),
        sa.PrimaryKeyConstraint("id", name="pk_request_warnings"),
        sa.UniqueConstraint("request", "kind", "expected", "offset_seconds", name="uq_request_warnings_request"),
    )
    op.create_index("ix_request_warnings_at", "request_warnings", ["at"])


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.drop_table("request_index")
    for table in (
        "request_warnings",
        "request_attachments",
        "outbox",
        "request_history",
        "request_messages",
        "request_targets",
        "request_calendars",
        "request_counters",
        "requests",
    ):
        op.drop_table(table)
