"""Messages that come in by written channels: which were taken, from which mailbox, and what they brought."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "arrivals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("place", sa.String(150), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sender", sa.String(500), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("request", sa.Integer(), nullable=True),
        sa.Column("message_id", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_arrivals"),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name="fk_arrivals_request"),
        sa.UniqueConstraint("line", "channel", "key", name="uq_arrivals_line"),
    )
    op.create_index("ix_arrivals_request", "arrivals", ["request"])
    op.create_index("ix_arrivals_place", "arrivals", ["place"])
    op.create_index("ix_arrivals_sender_at", "arrivals", ["sender", "at"])
    op.create_table(
        "mailboxes",
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("validity", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("line", name="pk_mailboxes"),
    )
    op.add_column("requests", sa.Column("suggested", sa.String(150), nullable=False, server_default=""))
    op.create_index("ix_requests_address", "requests", ["address"])
    op.add_column("request_attachments", sa.Column("part", sa.String(32), nullable=False, server_default=""))
    op.add_column("request_messages", sa.Column("files", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("outbox", sa.Column("files", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("outbox", sa.Column("automatic", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("outbox", "automatic")
    op.drop_column("outbox", "files")
    op.drop_column("request_messages", "files")
    op.drop_column("request_attachments", "part")
    op.drop_index("ix_requests_address", "requests")
    op.drop_column("requests", "suggested")
    op.drop_table("mailboxes")
    op.drop_table("arrivals")
