"""Reads back from the register what the previous run of the controller knew: rows become facts of the core."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, or_, select

from callcenter.core.ids import CallId, ChannelId, LineId
from callcenter.core.operator import Activity
from callcenter.core.records import (
    CUT_OFF,
    LOST_CAUSE,
    AnnouncementRecord,
    CallRecord,
    HungUpBy,
    LineOrderRecord,
    OfferRecord,
    Outcome,
    PresenceRecord,
    TransferRecord,
)
from callcenter.core.warm_start import FloorWarmStart
from callcenter.store.rows import Clock, Record, record_of
from callcenter.store.tables import Announcement, Call, LineOrder, Offer, PresenceChange, Shift, Transfer, table_of

log = logging.getLogger(__name__)

LONGEST_CALL = timedelta(days=1)
"""A call that arrived longer than this before the latest call is over, whatever its row says."""
ATTEMPTS = timedelta(days=14)
"""A call-back whose attempt was dialled longer ago than this is not told as due again."""
_IN_PROGRESS = Call.ended_at.is_(None)


def floor_warm_start(
    connection: Connection, clock: Clock, lately: timedelta, place_kept: Mapping[LineId, float], now: datetime
) -> FloorWarmStart:
    """Return what the core has to know of the time before it started; see `callcenter.store.store.Store`."""
    return _Reader(connection, clock).floor_warm_start(lately, place_kept, now)


class _Reader:
    """Reads rows as facts of the core. A row that cannot be converted is skipped, with a warning in the log."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    def floor_warm_start(self, lately: timedelta, place_kept: Mapping[LineId, float], now: datetime) -> FloorWarmStart:
        latest = self._connection.scalar(select(func.max(Call.arrived_at))) or now
        since = min(latest, now) - LONGEST_CALL
        recent = Call.arrived_at >= since
        known = Call.line.in_(place_kept)
        going_on = select(Call.call).where(_IN_PROGRESS, recent, known)
        kept_place = Call.outcome == Outcome.CALL_BACK.value
        waits = select(Call.call).where(or_(_IN_PROGRESS, kept_place), recent, known)
        shifts = self._shifts()
        return FloorWarmStart(
            calls=self._calls(_IN_PROGRESS, recent, known),
            offers=tuple(self._all_offers(Offer.call.in_(going_on), shifts)),
            transfers=self._facts(
                TransferRecord,
                select(table_of(Transfer)).where(Transfer.call.in_(going_on)).order_by(Transfer.call, Transfer.number),
            ),
            announcements=self._facts(
                AnnouncementRecord,
                select(table_of(Announcement))
                .where(Announcement.call.in_(waits))
                .order_by(Announcement.call, Announcement.number),
            ),
            shifts=shifts,
            line_orders=self._facts(
                LineOrderRecord,
                select(table_of(LineOrder)).where(LineOrder.ended_at.is_(None)).order_by(LineOrder.line, LineOrder.id),
            ),
            ended_lately=self._ended_lately(since, lately),
            unfinished_recordings=self._calls(
                Call.ended_at.is_not(None),
                Call.talk > 0,
                Call.recording == "",
                Call.recording_problem == "",
                recent,
                known,
            ),
            cut_off=self._cut_off(place_kept, now),
            attempts=self._calls(
                Call.call_back != literal_column("''"),  # written as in its index
                Call.arrived_at >= now - ATTEMPTS,
                Call.ended_at.is_not(None),
                or_(Call.dialled_at.is_not(None), Call.outcome == Outcome.LOST.value),
            ),
            kept_places=self._calls(kept_place, Call.ended_at.is_not(None), recent, known),
        )

    def _facts(self, record: type[Record], query: Select[tuple[object, ...]]) -> tuple[Record, ...]:
        rows = self._connection.execute(query)
        return tuple(readable(record, (row._asdict() for row in rows), self._clock))

    def _calls(self, *which: ColumnElement[bool]) -> tuple[CallRecord, ...]:
        return self._facts(CallRecord, select(table_of(Call)).where(*which).order_by(Call.arrived_at, Call.id))

    def _offers(self, which: ColumnElement[bool]) -> tuple[OfferRecord, ...]:
        return self._facts(OfferRecord, select(table_of(Offer)).where(which).order_by(Offer.placed_at, Offer.id))

    def _all_offers(self, which: ColumnElement[bool], shifts: Sequence[PresenceRecord]) -> Iterable[OfferRecord]:
        """Return each offer once."""
        return {offer.offer: offer for offer in (*self._offers(which), *self._last_offers(shifts))}.values()

    def _last_offers(self, shifts: Sequence[PresenceRecord]) -> Iterator[OfferRecord]:
        """Yield the last offer of each operator who was busy.

        If the operator is in wrap-up, or the caller has just hung up, the call has ended and is not among the open
        ones.
        """
        for shift in shifts:
            if shift.activity != Activity.IDLE:
                theirs = select(table_of(Offer)).where(Offer.operator == shift.operator)
                yield from self._facts(OfferRecord, theirs.order_by(Offer.placed_at.desc(), Offer.id.desc()).limit(1))

    def _shifts(self) -> tuple[PresenceRecord, ...]:
        """Return the last change of each open shift: the one written last, because the wall clock may have been set."""
        began = select(Shift.operator, PresenceChange.id).join(PresenceChange, Shift.fact == PresenceChange.fact)
        opened = {row.operator: row.id for row in self._connection.execute(began.where(Shift.ended_at.is_(None)))}
        if not opened:
            return ()
        last = []
        changes = select(table_of(PresenceChange)).where(PresenceChange.id >= min(opened.values()))
        for change in self._connection.execute(changes.order_by(PresenceChange.id.desc())):
            if opened.pop(change.operator, None) is not None:
                last.append(change)
            if not opened:
                break
        return tuple(readable(PresenceRecord, (row._asdict() for row in reversed(last)), self._clock))

    def _ended_lately(self, since: datetime, lately: timedelta) -> frozenset[CallId]:
        recent = Call.arrived_at >= since
        last = self._connection.scalar(select(func.max(Call.ended_at)).where(recent))
        if last is None:
            return frozenset()
        ended = select(Call.call).where(recent, Call.ended_at >= last - lately)
        return frozenset(CallId(ChannelId(call)) for call in self._connection.scalars(ended))

    def _cut_off(self, place_kept: Mapping[LineId, float], now: datetime) -> tuple[CallRecord, ...]:
        """Return the calls that were cut off and whose callers have not called again since.

        Each new call takes one place, the best one of its number. A call that is still in the menus has not taken its
        place yet: when that call is restored, its place is found here.
        """
        longest = timedelta(seconds=max(place_kept.values(), default=0.0))
        failed = self._calls(
            Call.arrived_at >= now - longest - LONGEST_CALL,
            Call.cause == literal_column(str(LOST_CAUSE)),  # written as in its index
            Call.cause_text == CUT_OFF,
            Call.hung_up_by == HungUpBy.SYSTEM.value,
            Call.line.in_(place_kept),
        )
        at = self._clock(now)
        kept = [call for call in failed if call.ended_at and at - call.ended_at <= place_kept[call.line]]
        if not kept:
            return ()
        again = select(Call.line, Call.number, Call.arrived_at).where(
            Call.number.in_({call.number for call in kept}),
            Call.arrived_at >= now - longest,
            or_(Call.joined_at.is_not(None), Call.ended_at.is_not(None)),
        )
        rows = self._connection.execute(again)
        return places_left(kept, ((self._clock(row.arrived_at), row.line, row.number) for row in rows))


def readable(record: type[Record], rows: Iterable[Mapping[str, Any]], clock: Clock) -> Iterator[Record]:
    """Convert rows to facts of the core. A row that cannot be converted is skipped, with a warning in the log."""
    for row in rows:
        try:
            yield record_of(record, row, clock)
        except ValueError as problem:
            log.warning("Row %s cannot be recalled as a %s: %s", row["id"], record.__name__, problem)


def places_left(cut_off: Iterable[CallRecord], again: Iterable[tuple[float, str, str]]) -> tuple[CallRecord, ...]:
    """Return the calls that were cut off and whose place nobody has taken back.

    `again`: when, on which line and from which number somebody called. Each such call takes one place, the best one
    that its number has at that time.
    """
    told: list[tuple[float, str, str, CallRecord | None]]
    told = [(call.ended_at or 0.0, call.line, call.number, call) for call in cut_off]
    told += [(at, line, number, None) for at, line, number in again]
    places: dict[tuple[str, str], list[CallRecord]] = {}
    for _, line, number, lost in sorted(told, key=lambda one: one[:3]):
        theirs = places.setdefault((line, number), [])
        if lost is not None:
            theirs.append(lost)
            theirs.sort(key=lambda one: one.place_at or one.arrived_at)
        elif theirs:
            theirs.pop(0)
    return tuple(call for theirs in places.values() for call in theirs)
