"""On PostgreSQL: what keeps sums of days right and the histories unchanged, and the tables that searches use.

SQLite has had its own since revisions 0005, 0008, 0011, 0012 and 0020. The functions are the same for every revision
that follows: one that sums or keeps more columns replaces them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0022"
down_revision = "0020"
branch_labels = None
depends_on = None

_CALLS = (
    "arrived_at", "line", "joined_at", "answered_at", "waiting", "identification", "outcome", "queued", "direction",
)  # fmt: skip
_ANNOUNCEMENTS = ("call", "number", "spoken_at", "ahead", "estimate", "p90", "spoken", "elapsed", "waited", "result")
"""The columns that are summed. Changes of others do not make a sum wrong."""

_DROP = "DELETE FROM day_sums WHERE ends > {at} AND ends <= {at} + interval '48 hours' AND begins <= {at};"
"""A day has at most 25 hours; the upper limit lets an old row use the index."""

# Whoever sums a day first locks both tables against writers, so no row that is not committed yet is left out; the rows
# that come later find the sum here, if they look with a fresh snapshot. In other isolation levels they do not.
_FRESH = """
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'calls and announcements are changed in READ COMMITTED only: sums of days would be wrong'
            USING ERRCODE = 'feature_not_supported';
    END IF;"""

_SUMS_OF_CALLS = f"""
CREATE FUNCTION day_sums_of_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN {_FRESH}
    IF TG_OP <> 'INSERT' THEN {_DROP.format(at="OLD.arrived_at")} END IF;
    IF TG_OP <> 'DELETE' THEN {_DROP.format(at="NEW.arrived_at")} END IF;
    IF TG_OP = 'UPDATE' AND OLD.line <> NEW.line THEN  -- the line of a promise is the line of its call
        DELETE FROM day_sums USING announcements AS heard WHERE heard.call = NEW.call
            AND ends > heard.spoken_at AND begins <= heard.spoken_at;
    END IF;
    RETURN NULL;
END $$"""  # noqa: S608 - names of this file

_SUMS_OF_ANNOUNCEMENTS = f"""
CREATE FUNCTION day_sums_of_announcements() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN {_FRESH}
    IF TG_OP <> 'INSERT' THEN {_DROP.format(at="OLD.spoken_at")} END IF;
    IF TG_OP <> 'DELETE' THEN {_DROP.format(at="NEW.spoken_at")} END IF;
    RETURN NULL;
END $$"""

_ALL_SUMS = """
CREATE FUNCTION day_sums_of_nothing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM day_sums;
    RETURN NULL;
END $$"""

_AUDIT = """
CREATE FUNCTION audit_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM pg_advisory_xact_lock(1667329026);  -- as whoever adds an entry does: one after the other
        IF NEW.id > coalesce((SELECT max(id) FROM audit), 0) THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'integrity_constraint_violation';
END $$"""

# The rule of SQLite's trigger (0020), in whole seconds as there. STABLE: it judges by the log as it was before the
# DELETE, in whatever order that takes its rows.
_AUDIT_KEPT = """
CREATE FUNCTION audit_is_kept_long_enough() RETURNS trigger LANGUAGE plpgsql STABLE AS $$
DECLARE
    newest audit.at%TYPE := (SELECT at FROM audit ORDER BY id DESC LIMIT 1);
    old_enough audit.at%TYPE := date_trunc('second', newest) - interval '31 days';
BEGIN
    IF OLD.at < old_enough THEN RETURN OLD; END IF;
    -- Written down as later than what came last: it is as old as the next one that is not.
    IF OLD.at > newest
        AND (SELECT at FROM audit WHERE id > OLD.id AND at <= newest ORDER BY id LIMIT 1) < old_enough THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'integrity_constraint_violation';
END $$"""

_HISTORY = """
CREATE FUNCTION request_history_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM 1 FROM requests WHERE id = NEW.request FOR NO KEY UPDATE;
        IF NEW.running > coalesce((SELECT max(running) FROM request_history WHERE request = NEW.request), 0) THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'UPDATE' THEN  -- the words of an erased request may become '', and nothing else may change
        OLD.why = '';
        IF NEW IS NOT DISTINCT FROM OLD
            AND EXISTS (SELECT 1 FROM requests WHERE id = NEW.request AND erased_at IS NOT NULL) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the history is only added to' USING ERRCODE = 'integrity_constraint_violation';
END $$"""

_FUNCTIONS = (_SUMS_OF_CALLS, _SUMS_OF_ANNOUNCEMENTS, _ALL_SUMS, _AUDIT, _AUDIT_KEPT, _HISTORY)


def _changed(columns: tuple[str, ...]) -> str:
    return " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in columns)


_SUMS = "EXECUTE FUNCTION day_sums_of_{table}()"
_TRIGGERS = {
    ("calls", "day_sums_calls_came"): "AFTER INSERT OR DELETE ON calls FOR EACH ROW " + _SUMS.format(table="calls"),
    ("calls", "day_sums_calls_changed"): (
        f"AFTER UPDATE ON calls FOR EACH ROW WHEN ({_changed(_CALLS)}) {_SUMS.format(table='calls')}"
    ),
    ("calls", "day_sums_calls_emptied"): (
        f"AFTER TRUNCATE ON calls FOR EACH STATEMENT {_SUMS.format(table='nothing')}"
    ),
    ("announcements", "day_sums_announcements_came"): (
        f"AFTER INSERT OR DELETE ON announcements FOR EACH ROW {_SUMS.format(table='announcements')}"
    ),
    ("announcements", "day_sums_announcements_changed"): (
        f"AFTER UPDATE ON announcements FOR EACH ROW WHEN ({_changed(_ANNOUNCEMENTS)}) "
        f"{_SUMS.format(table='announcements')}"
    ),
    ("announcements", "day_sums_announcements_emptied"): (
        f"AFTER TRUNCATE ON announcements FOR EACH STATEMENT {_SUMS.format(table='nothing')}"
    ),
    ("audit", "audit_kept"): "BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_kept_long_enough()",
    **{
        (table, f"{table}_{name}"): f"BEFORE {when} ON {table} {each} EXECUTE FUNCTION {table}_is_only_added_to()"
        for table, name, when, each in (
            ("audit", "in_order", "INSERT OR UPDATE", "FOR EACH ROW"),
            ("audit", "not_emptied", "TRUNCATE", "FOR EACH STATEMENT"),
            ("request_history", "kept", "INSERT OR UPDATE OR DELETE", "FOR EACH ROW"),
            ("request_history", "not_emptied", "TRUNCATE", "FOR EACH STATEMENT"),
        )
    },
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for function in _FUNCTIONS:
        op.execute(function)
    for (_, name), what in _TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {what}")
    op.create_table(
        "article_index",
        sa.Column("article", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("plain", sa.Text(), nullable=False),
        sa.Column("words", TSVECTOR(), nullable=False),
        sa.PrimaryKeyConstraint("article", name="pk_article_index"),
    )
    op.create_index("ix_article_index_words", "article_index", ["words"], postgresql_using="gin")
    op.create_table(
        "request_index",
        sa.Column("request", sa.Integer(), nullable=False),
        sa.Column("words", TSVECTOR(), nullable=False),
        sa.PrimaryKeyConstraint("request", name="pk_request_index"),
    )
    # Without its list of what is pending, which every search would have to read.
    op.create_index(
        "ix_request_index_words",
        "request_index",
        ["words"],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.drop_table("request_index")
    op.drop_table("article_index")
    for table, name in _TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {table}")
    for function in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {function.split()[2]}")
