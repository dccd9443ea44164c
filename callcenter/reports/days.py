"""Converts calendar days to spans of time: a day begins and ends at different moments in different zones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from callcenter.core.ids import LineId

Zones = Mapping[LineId, tzinfo]
"""Line -> its zone."""

Span = tuple[datetime, datetime]
"""Begin (included) and end (excluded)."""

_DAY = timedelta(days=1)

Moment = InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]


def zone_of(line: str, zones: Zones) -> tzinfo:
    """Return the line's zone; for a line that is no longer configured, the zone of the first line."""
    return zones.get(LineId(line)) or next(iter(zones.values()), UTC)


def span(first: date, last: date, zone: tzinfo) -> Span:
    """Return the span of the days from `first` to `last`, both included, in that zone."""
    begins, ends = (datetime.combine(day, time(), zone) for day in (first, last + _DAY))
    return begins.astimezone(UTC), ends.astimezone(UTC)


def within(moment: Moment, first: date, last: date, zone: tzinfo) -> ColumnElement[bool]:
    """Make the condition that `moment` lies in the days from `first` to `last`, both included, in that zone."""
    begins, ends = span(first, last, zone)
    return and_(moment >= begins, moment < ends)


def within_days(
    moment: Moment, first: date, last: date, zones: Zones, line: ColumnElement[str] | InstrumentedAttribute[str]
) -> ColumnElement[bool]:
    """Make the same condition with each call's days in the zone of its own `line`."""
    if len(set(zones.values())) < 2:
        return within(moment, first, last, zone_of("", zones))
    lines_of: dict[tzinfo, list[str]] = {}
    for name, zone in zones.items():
        lines_of.setdefault(zone, []).append(name)
    theirs = [and_(line.in_(names), within(moment, first, last, zone)) for zone, names in lines_of.items()]
    others = and_(line.not_in(zones), within(moment, first, last, zone_of("", zones)))
    # SQLite cannot use an index for alternatives, so the whole span is given as well.
    return and_(within(moment, first - _DAY, last + _DAY, UTC), or_(others, *theirs))


def recorded(moment: Moment, first: date, last: date, connection: Connection) -> Iterator[date]:
    """Return the days from `first` to `last` on which there can be a `moment`, in any zone."""
    earliest = connection.scalar(select(func.min(moment)))
    latest = connection.scalar(select(func.max(moment)))
    if earliest is None or latest is None:
        return iter(())
    begin, end = max(first, earliest.date() - _DAY), min(last, latest.date() + _DAY)
    return (begin + number * _DAY for number in range((end - begin).days + 1))
