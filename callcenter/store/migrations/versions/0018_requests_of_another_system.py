"""The number that a request had in another system: taken over once, however often the file is imported."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0014"
branch_labels = None
depends_on = None

_KNOWN = sa.text("origin <> ''")


def upgrade() -> None:
    op.add_column("requests", sa.Column("origin", sa.String(150), nullable=False, server_default=""))
    op.create_index(
        "uq_requests_origin",
        "requests",
        ["line", "origin"],
        unique=True,
        sqlite_where=_KNOWN,
        postgresql_where=_KNOWN,
    )


def downgrade() -> None:
    op.drop_index("uq_requests_origin", "requests")
    op.drop_column("requests", "origin")
