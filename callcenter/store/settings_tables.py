"""The settings of lines that were published, and from which day on they hold (ESTP 6.2, eLot 4.3)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.store.tables import Base, Id

Reason = String(1000)


class SettingChange(Base):
    """Settings that hold on a line from a day on, until the next ones. A row is withdrawn, and never deleted."""

    __tablename__ = "setting_changes"
    __table_args__ = (Index(None, "line"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[str] = mapped_column(Id)
    first: Mapped[date] = mapped_column(Date)
    """From when on they hold, in the line's zone; 0001-01-01: what held first."""
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    """All datable settings of the line, as they are written in `config.yaml`."""
    published_at: Mapped[datetime]
    published_by: Mapped[str] = mapped_column(Id)
    without_notice: Mapped[str] = mapped_column(Reason)
    """Why the notice was not kept; '': it was, or none was needed."""
    withdrawn_at: Mapped[datetime | None]
    """When other ones took its place, or it was taken back, before its day."""
