"""The tables of the auctions that lines' hours follow (eLot 2.2a). An auction is withdrawn, and never deleted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.store.tables import Base, Id, Name, Word


class AuctionRow(Base):
    """An auction in its present version. Those of one line that are not withdrawn have different names."""

    __tablename__ = "auctions"
    __table_args__ = (
        Index(
            "uq_auctions_name",
            "line",
            "name",
            unique=True,
            sqlite_where=text("NOT withdrawn"),
            postgresql_where=text("NOT withdrawn"),
        ),
        Index(None, "line", "results_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[str] = mapped_column(Id)
    name: Mapped[str] = mapped_column(Name)
    starts_at: Mapped[datetime]
    results_at: Mapped[datetime]
    version: Mapped[int]
    withdrawn: Mapped[bool]
    who: Mapped[str] = mapped_column(Id)
    """Who entered this version."""
    at: Mapped[datetime]


class AuctionVersion(Base):
    """One version of an auction: rows are added and never changed."""

    __tablename__ = "auction_versions"
    __table_args__ = (UniqueConstraint("auction", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    auction: Mapped[int] = mapped_column(ForeignKey("auctions.id"))
    version: Mapped[int]
    what: Mapped[str] = mapped_column(Word)
    """added, corrected, withdrawn."""
    name: Mapped[str] = mapped_column(Name)
    starts_at: Mapped[datetime]
    results_at: Mapped[datetime]
    who: Mapped[str] = mapped_column(Id)
    at: Mapped[datetime]
