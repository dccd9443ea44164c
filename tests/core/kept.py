"""The register as far as the core's stories need it: every row as it was last written, and what a new core is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from callcenter.core.commands import (
    Command,
    FinishRecording,
    SaveAnnouncement,
    SaveCall,
    SaveLineOrder,
    SaveOffer,
    SavePresence,
    SaveTransfer,
)
from callcenter.core.ids import CallId, LineId, OfferId, PersonId
from callcenter.core.records import (
    AnnouncementRecord,
    CallRecord,
    LineOrderRecord,
    OfferRecord,
    Outcome,
    PresenceRecord,
    TransferRecord,
)
from callcenter.core.warm_start import FloorWarmStart

LATELY = 120.0


@dataclass
class Kept:
    """Rows by key."""

    calls: dict[CallId, CallRecord] = field(default_factory=dict)
    offers: dict[OfferId, OfferRecord] = field(default_factory=dict)
    transfers: dict[tuple[CallId, int], TransferRecord] = field(default_factory=dict)
    announcements: dict[tuple[CallId, int], AnnouncementRecord] = field(default_factory=dict)
    presence: dict[PersonId, PresenceRecord] = field(default_factory=dict)
    """The last change of each person."""
    line_orders: dict[str, LineOrderRecord] = field(default_factory=dict)
    finished: set[CallId] = field(default_factory=set)
    """Calls whose recording is dealt with."""

    def keep(self, command: Command) -> None:
        """Write it, if it is for the register."""
        match command:
            case SaveCall(record):
                self.calls[record.call] = record
            case SaveOffer(record):
                self.offers[record.offer] = record
            case SaveTransfer(record):
                self.transfers[record.call, record.number] = record
            case SaveAnnouncement(record):
                self.announcements[record.call, record.number] = record
            case SaveLineOrder(record):
                self.line_orders[record.order] = record
            case SavePresence(record):
                self.presence[record.operator] = record
            case FinishRecording(call):
                self.finished.add(call)
            case _:
                pass

    def floor_warm_start(self, now: float, place_kept: Mapping[LineId, float]) -> FloorWarmStart:
        """As `callcenter.store.warm_start` reads it from the tables."""
        going_on = {call for call, record in self.calls.items() if record.ended_at is None}
        keep = {call for call, record in self.calls.items() if record.outcome is Outcome.CALL_BACK}
        ends = [record.ended_at for record in self.calls.values() if record.ended_at is not None]
        shifts = [record for record in self.presence.values() if record.presence != "off"]
        return FloorWarmStart(
            calls=tuple(self.calls[call] for call in self.calls if call in going_on),
            offers=(*(offer for offer in self.offers.values() if offer.call in going_on), *self._last_offers(shifts)),
            transfers=tuple(record for record in self.transfers.values() if record.call in going_on),
            announcements=tuple(record for record in self.announcements.values() if record.call in going_on | keep),
            shifts=tuple(shifts),
            line_orders=tuple(order for order in self.line_orders.values() if order.ended_at is None),
            ended_lately=frozenset(
                record.call
                for record in self.calls.values()
                if record.ended_at is not None and record.ended_at >= max(ends) - LATELY
            ),
            unfinished_recordings=tuple(
                record
                for record in self.calls.values()
                if record.ended_at is not None and record.talk > 0 and record.call not in self.finished
            ),
            attempts=tuple(record for record in self.calls.values() if _was_an_attempt(record)),
            kept_places=tuple(self.calls[call] for call in self.calls if call in keep - going_on),
            cut_off=tuple(record for record in self.calls.values() if self._is_cut_off(record, now, place_kept)),
        )

    def _last_offers(self, shifts: list[PresenceRecord]) -> list[OfferRecord]:
        offers = []
        for shift in shifts:
            theirs = [offer for offer in self.offers.values() if offer.operator == shift.operator]
            theirs.sort(key=lambda offer: offer.placed_at)
            if shift.activity != "idle" and theirs and self.calls[theirs[-1].call].ended_at is not None:
                offers.append(theirs[-1])
        return offers

    def _is_cut_off(self, record: CallRecord, now: float, place_kept: Mapping[LineId, float]) -> bool:
        ended_at = record.ended_at
        if ended_at is None or (record.cause, record.cause_text, record.hung_up_by) != (41, "Asterisk ended", "system"):
            return False
        again = any(
            (other.line, other.number) == (record.line, record.number)
            and other.arrived_at >= ended_at
            and (other.joined_at is not None or other.ended_at is not None)
            for other in self.calls.values()
        )
        return not again and now - ended_at <= place_kept[record.line]


def _was_an_attempt(record: CallRecord) -> bool:
    used = record.dialled_at is not None or record.outcome is Outcome.LOST
    return bool(record.call_back) and record.ended_at is not None and used
