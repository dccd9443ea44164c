"""The table of how conversations sounded at phones in pages."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.store.tables import Base, Id, UniqueId


class CallQuality(Base):
    """How one operator's part of a call sounded, as their page measured it.

    It does not refer to the call's row, which may reach the register later than the first measurement.
    """

    __tablename__ = "call_quality"
    __table_args__ = (UniqueConstraint("call", "operator", name="uq_call_quality_call"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    call: Mapped[str] = mapped_column(UniqueId)
    operator: Mapped[str] = mapped_column(Id)
    began_at: Mapped[datetime]
    """When the first measurement came."""
    worst_loss: Mapped[float]
    """The largest share of lost packets in five seconds, in either direction."""
    samples: Mapped[list[list[float | None]]] = mapped_column(JSON)
    """Every five seconds: seconds since `began_at`, share lost on the way to the page, share lost on the way to
    Asterisk (None: Asterisk has not told), jitter in ms, round trip in ms (None: not known)."""
