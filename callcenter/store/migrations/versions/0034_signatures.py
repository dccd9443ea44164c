"""What was found out about the signatures among the files of requests; nobody has looked at those that are there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_UNCHECKED = sa.text("signature = 'unchecked'")


def upgrade() -> None:
    op.add_column("request_attachments", sa.Column("signature", sa.String(32), nullable=False, server_default=""))
    op.add_column("request_attachments", sa.Column("signature_told", sa.Text(), nullable=False, server_default=""))
    op.create_index(
        "ix_request_attachments_signature_unchecked",
        "request_attachments",
        ["id"],
        sqlite_where=_UNCHECKED,
        postgresql_where=_UNCHECKED,
    )


def downgrade() -> None:
    op.drop_index("ix_request_attachments_signature_unchecked", "request_attachments")
    op.drop_column("request_attachments", "signature_told")
    op.drop_column("request_attachments", "signature")
