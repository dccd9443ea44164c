"""The auctions that a line's hours follow, with all their versions (eLot 2.2a)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_IN_FORCE = sa.text("NOT withdrawn")


def upgrade() -> None:
    op.create_table(
        "auctions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("line", sa.String(64), nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("results_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_auctions"),
    )
    op.create_index(
        "uq_auctions_name",
        "auctions",
        ["line", "name"],
        unique=True,
        sqlite_where=_IN_FORCE,
        postgresql_where=_IN_FORCE,
    )
    op.create_index("ix_auctions_line_results_at", "auctions", ["line", "results_at"])
    op.create_table(
        "auction_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("auction", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("results_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_auction_versions"),
        sa.ForeignKeyConstraint(["auction"], ["auctions.id"], name="fk_auction_versions_auction"),
        sa.UniqueConstraint("auction", "version", name="uq_auction_versions_auction_version"),
    )


def downgrade() -> None:
    op.drop_table("auction_versions")
    op.drop_table("auctions")
