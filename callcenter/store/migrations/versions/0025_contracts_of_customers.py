"""Customers have contracts: number, login, level, plan and paid period, and the line that they are for.

A call tells by which one the caller was served.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_TEXTS = {"contract": 64, "login": 300, "level": 300, "plan": 300, "line": 64}
_DATES = ("paid_from", "paid_to")


_OF_CALLS = ("contract", "level")


def upgrade() -> None:
    for name, longest in _TEXTS.items():
        op.add_column("customers", sa.Column(name, sa.String(longest), nullable=False, server_default=""))
    for name in _OF_CALLS:
        op.add_column("calls", sa.Column(name, sa.String(300), nullable=False, server_default=""))
    op.add_column("requests", sa.Column("requester_contract", sa.String(300), nullable=False, server_default=""))
    for name in _DATES:
        op.add_column("customers", sa.Column(name, sa.Date(), nullable=True))


def downgrade() -> None:
    for name in (*_TEXTS, *_DATES):
        op.drop_column("customers", name)
    op.drop_column("requests", "requester_contract")
    for name in _OF_CALLS:
        op.drop_column("calls", name)
