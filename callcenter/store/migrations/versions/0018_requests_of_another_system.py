"""The number that a request had in another system, so that it is taken over once; and whether its requester is known.

The second is kept beside the personal data: it stays when these are erased, because reports need it (eLot 2.2b).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None

_KNOWN = sa.text("origin <> ''")
_REQUESTS = sa.table("requests", sa.column("registered", sa.Boolean()), sa.column("requester_inn", sa.String(32)))


def upgrade() -> None:
    op.add_column("requests", sa.Column("origin", sa.String(150), nullable=False, server_default=""))
    op.add_column("requests", sa.Column("registered", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(sa.update(_REQUESTS).where(_REQUESTS.c.requester_inn != "").values(registered=True))
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
    op.drop_column("requests", "registered")
    op.drop_column("requests", "origin")
