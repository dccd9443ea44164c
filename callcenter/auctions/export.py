"""Auctions as rows of a table, as `csv_file.read` takes them over again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime, tzinfo

from callcenter.calendar.auctions import Auction


async def rows(auctions: Iterable[Auction], zone: tzinfo) -> AsyncIterator[Mapping[str, str]]:
    """Yield a row for each auction. Moments are the zone's, without an offset: as people read them."""
    for auction in auctions:
        written = auction.written
        yield {
            "name": written.name,
            "start": _shown(written.starts_at, zone),
            "results": _shown(written.results_at, zone),
        }


def _shown(moment: datetime, zone: tzinfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")
