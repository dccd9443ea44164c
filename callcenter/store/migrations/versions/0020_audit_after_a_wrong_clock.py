"""An entry of the audit log that a wrong clock dated into the future keeps neither itself nor what came after it."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_NEWEST = "(SELECT at FROM audit WHERE id = (SELECT max(id) FROM audit))"
_OLD_ENOUGH = f"datetime({_NEWEST}, '-31 days')"
# Not made before, but written down as later than what came last: it is as old as the next one that is not.
_AFTER = (
    "(SELECT at FROM audit WHERE id > OLD.id "
    "AND at <= (SELECT at FROM audit WHERE id = (SELECT max(id) FROM audit)) ORDER BY id LIMIT 1)"
)
_KEPT = f"OLD.at >= {_OLD_ENOUGH} AND NOT (OLD.at > {_NEWEST} AND {_AFTER} < {_OLD_ENOUGH})"
_KEPT_BEFORE = "OLD.at >= datetime((SELECT max(at) FROM audit), '-31 days')"


def upgrade() -> None:
    _keep_when(_KEPT)


def downgrade() -> None:
    _keep_when(_KEPT_BEFORE)


def _keep_when(condition: str) -> None:
    if op.get_bind().dialect.name == "sqlite":  # on other databases their rights are for that
        op.execute("DROP TRIGGER audit_kept")
        op.execute(
            f"CREATE TRIGGER audit_kept BEFORE DELETE ON audit WHEN {condition} "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END"
        )
