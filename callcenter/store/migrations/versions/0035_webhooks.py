"""Webhooks: who is told what, and triggers that enter it in the transaction in which it happens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_ENTER = """
    INSERT INTO webhook_events (hook, kind, line, subject, detail, at)
    SELECT hook, kind, {line}, {subject}, {detail}, {at} FROM webhooks
    WHERE kind = '{kind}' AND line IN ('', {line}){more};"""


def _enter(kind: str, at: str, more: str = "", **where: str) -> str:
    of_call = {"line": "NEW.line", "subject": "NEW.call", "detail": "''"}
    return _ENTER.format(kind=kind, at=at, more=f" AND {more}" if more else "", **of_call | where)


_OF_NOTE = {"line": "(SELECT line FROM calls WHERE call = NEW.call)"}
_OF_REQUEST = {
    "line": "(SELECT line FROM requests WHERE id = NEW.request)",
    "subject": "(SELECT request FROM requests WHERE id = NEW.request)",
    "detail": "substr(NEW.what, 1, 32)",
}
_CAME = [
    _enter("call.arrived", "NEW.arrived_at", "NEW.direction = 'incoming'"),
    _enter("call.placed", "NEW.arrived_at", "NEW.direction <> 'incoming'"),
    _enter("call.answered", "NEW.answered_at", "NEW.answered_at IS NOT NULL"),
    _enter("call.ended", "NEW.ended_at", "NEW.ended_at IS NOT NULL"),
]
_CHANGED = [
    _enter("call.answered", "NEW.answered_at", "OLD.answered_at IS NULL AND NEW.answered_at IS NOT NULL"),
    _enter("call.ended", "NEW.ended_at", "OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL"),
]
_NOTED = [_enter("call.registered", "NEW.registered_at", "NEW.registered_at IS NOT NULL", **_OF_NOTE)]
_NOTED_NOW = [
    _enter(
        "call.registered",
        "NEW.registered_at",
        "OLD.registered_at IS NULL AND NEW.registered_at IS NOT NULL",
        **_OF_NOTE,
    )
]
_REQUEST = [_enter("request.changed", "NEW.at", "NEW.fact = 'step'", **_OF_REQUEST)]
_TRIGGERS = {
    "webhooks_calls_came": ("calls", "INSERT", _CAME),
    "webhooks_calls_changed": ("calls", "UPDATE OF answered_at, ended_at", _CHANGED),
    "webhooks_notes_came": ("call_notes", "INSERT", _NOTED),
    "webhooks_notes_changed": ("call_notes", "UPDATE OF registered_at", _NOTED_NOW),
    "webhooks_requests_changed": ("request_history", "INSERT", _REQUEST),
}


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("line", sa.String(64), primary_key=True),
        sa.Column("hook", sa.String(64), primary_key=True),
    )
    op.create_table(
        "webhook_events",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("hook", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(150), nullable=False),
        sa.Column("detail", sa.String(32), nullable=False, server_default=""),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_try_at", sa.DateTime(timezone=True)),
        sa.Column("problem", sa.String(500), nullable=False, server_default=""),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.Column("told", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    )
    waiting = sa.text("settled_at IS NULL")
    op.create_index(
        "ix_webhook_events_waiting",
        "webhook_events",
        ["hook", "subject", "id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index("ix_webhook_events_settled_at", "webhook_events", ["settled_at"])
    for name, (table, when, statements) in _TRIGGERS.items():
        if op.get_bind().dialect.name == "sqlite":
            op.execute(f"CREATE TRIGGER {name} AFTER {when} ON {table} BEGIN {' '.join(statements)} END")
        else:
            body = f"BEGIN {' '.join(statements)} RETURN NULL; END"
            op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
            op.execute(f"CREATE TRIGGER {name} AFTER {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")


def downgrade() -> None:
    for name, (table, _, _) in _TRIGGERS.items():
        if op.get_bind().dialect.name == "sqlite":
            op.execute(f"DROP TRIGGER {name}")
        else:
            op.execute(f"DROP TRIGGER {name} ON {table}")
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("webhook_events")
    op.drop_table("webhooks")
