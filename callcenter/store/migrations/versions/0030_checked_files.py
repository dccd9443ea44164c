"""What a virus scanner says of files; nobody was asked of those that are there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_UNCHECKED = sa.text("scan = 'unchecked'")


def upgrade() -> None:
    op.add_column("request_attachments", sa.Column("scan", sa.String(150), nullable=False, server_default=""))
    op.create_index(
        "ix_request_attachments_unchecked",
        "request_attachments",
        ["id"],
        sqlite_where=_UNCHECKED,
        postgresql_where=_UNCHECKED,
    )


def downgrade() -> None:
    op.drop_index("ix_request_attachments_unchecked", "request_attachments")
    op.drop_column("request_attachments", "scan")
