"""Tables of callers to call back, for a terminal and for a spreadsheet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

from callcenter.cli.terminal import words
from callcenter.reports.days import Zones, zone_of
from callcenter.store.store import OwedCall
from callcenter.system.spreadsheet import moment, whole

COLUMNS = ("since", "line", "number", "name", "customer", "urgency", "was", "waited_seconds", "reason", "call")
"""The columns of the exported file."""


async def rows(found: Iterable[OwedCall], zones: Zones) -> AsyncIterator[dict[str, str]]:
    """Yield these calls as rows of a file with `COLUMNS`."""
    for one in found:
        since, waited = moment(one.since, zone_of(one.line, zones)), whole(one.waited)
        texts = {name: getattr(one, name) for name in COLUMNS if name not in ("since", "waited_seconds")}
        yield texts | {"since": since, "waited_seconds": waited}


def table(found: Sequence[OwedCall], zones: Zones) -> Iterator[str]:
    """Yield these calls as lines for a terminal, the heading first."""
    widths = (19, 8, 13, 9, 11, 6, 19, 20, 40)
    yield words(("SINCE", "LINE", "NUMBER", "CLASS", "WAS", "WAITED", "REASON", "CALL", "CUSTOMER"), widths)
    for one in found:
        since, who = moment(one.since, zone_of(one.line, zones)), one.customer or one.name
        cells = (one.line, one.number, one.urgency, one.was, whole(one.waited), one.reason, one.call, who)
        yield words((since, *cells), widths)
