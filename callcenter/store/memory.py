"""The call register in the memory of this process, for demonstrations and tests: gone when the process ends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import NoReturn

from callcenter.core.commands import SaveAnnouncement, SaveCall, SaveLineOrder, SaveOffer, SavePresence, SaveTransfer
from callcenter.core.ids import NO_PERSON, CallId, LineId
from callcenter.core.operator import Activity
from callcenter.core.records import (
    CUT_OFF,
    LOST_CAUSE,
    REFUSED_FOR_CONDUCT,
    AnnouncementRecord,
    CallRecord,
    Direction,
    HungUpBy,
    LineOrderRecord,
    OfferRecord,
    Outcome,
    PresenceRecord,
    PromiseResult,
    TransferRecord,
)
from callcenter.core.warm_start import FloorWarmStart
from callcenter.store.errors import FactError, RegisterError
from callcenter.store.facts import Fact
from callcenter.store.rows import TABLE_OF, Clock, Record, Row
from callcenter.store.store import OWED_FOR, OwedCall
from callcenter.store.warm_start import ATTEMPTS, LONGEST_CALL, places_left, readable

_NOT_THE_CORES = {"recording_checked_at": None, "recording_deleted_at": None, "called_back_at": None}
"""Columns of a call that no fact fills."""


class MemoryStore:
    """A `callcenter.store.store.Store`: everything that it asks for, with the same answers as a `Register`.

    It has no SQL, and so none of what is asked with it: reports, sums of days, what past days teach, the checks of
    recordings, the customers' directory. Whoever tries gets a `RegisterError`. It is never locked, full or away, and
    takes numbers of any size.
    """

    name = "in memory"
    linger = 0.9

    def __init__(self) -> None:
        self._ids = count(1)
        self._tables: dict[type, dict[tuple[object, ...], Row]] = {kind: {} for kind in TABLE_OF}
        """Rows by their key, in the order in which they were first written."""
        self._shifts: list[Row] = []

    def rows(self, table: str) -> list[Row]:
        """Return copies of all rows of a table, in the order in which they were first written."""
        found: Iterable[Row] = self._shifts
        if table != "shifts":
            [kind] = [kind for kind, model in TABLE_OF.items() if model.__tablename__ == table]
            found = self._tables[kind].values()
        return [dict(row) for row in found]

    async def close(self) -> None:
        """Forget everything."""
        for table in self._tables.values():
            table.clear()
        self._shifts.clear()

    def read(self, _: object) -> NoReturn:
        """Refuse what is asked in SQL. Raises `RegisterError`."""
        raise RegisterError("the register is in memory, and answers no reports; keep it in a database for them")

    def session(self) -> NoReturn:
        """Refuse what is asked in SQL. Raises `RegisterError`."""
        self.read(None)

    # -- writing -----------------------------------------------------------------------------------------------

    async def write(self, facts: Sequence[Fact]) -> None:
        """Write all of these facts or none; see `Store`."""
        told = {fact.row["call"] for fact in facts if fact.kind is SaveCall}
        for fact in facts:
            if fact.kind in (SaveOffer, SaveAnnouncement, SaveTransfer):
                call = fact.row["call"]
                if call not in told and (SaveCall, call) not in self._tables[SaveCall]:
                    raise FactError(f"IntegrityError: there is no call of this {fact.kind.__name__}")
        shifts = [fact for fact in facts if fact.opens_shift or fact.closes_shift]
        new = [fact for fact in shifts if fact.key not in self._tables[SavePresence]]
        for fact in facts:
            self._enter(fact)
        for fact in new:
            self._shift(fact.row, opens=fact.opens_shift)

    def _enter(self, fact: Fact) -> None:
        table = self._tables[fact.kind]
        present = table.get(fact.key)
        if present is None:
            others = _NOT_THE_CORES if fact.kind is SaveCall else {}
            table[fact.key] = {"id": next(self._ids), **others, **fact.row}
        elif fact.kind is not SavePresence:  # a presence change never changes afterwards
            present.update(fact.row)

    def _shift(self, row: Row, *, opens: bool) -> None:
        open_shifts = [shift for shift in self._open_shifts() if shift["operator"] == row["operator"]]
        if not opens:
            for shift in open_shifts:
                shift |= {"ended_at": row["at"], "end_cause": row["cause"]}
        elif not open_shifts:
            told = {name: row[name] for name in ("fact", "operator", "phone")}
            self._shifts.append(told | {"started_at": row["at"], "ended_at": None, "end_cause": ""})

    def _open_shifts(self) -> list[Row]:
        return [shift for shift in self._shifts if shift["ended_at"] is None]

    # -- a start -----------------------------------------------------------------------------------------------

    async def floor_warm_start(
        self, clock: Clock, lately: timedelta, place_kept: Mapping[LineId, float], now: datetime
    ) -> FloorWarmStart:
        """Return what the core has to know of the time before it started; see `Store`."""
        calls = list(self._tables[SaveCall].values())
        since = min(max((call["arrived_at"] for call in calls), default=now), now) - LONGEST_CALL
        recent = [call for call in calls if call["arrived_at"] >= since]
        known = [call for call in recent if call["line"] in place_kept]
        going_on = {call["call"] for call in known if call["ended_at"] is None}
        kept_places = [call for call in known if call["outcome"] == Outcome.CALL_BACK]
        waits = going_on | {call["call"] for call in kept_places}
        shifts = tuple(readable(PresenceRecord, self._last_changes(), clock))

        def facts(record: type[Record], rows: Iterable[Row], *order: str) -> tuple[Record, ...]:
            in_order = sorted(rows, key=lambda row: [row[name] for name in (*order, "id")])
            return tuple(readable(record, in_order, clock))

        return FloorWarmStart(
            calls=facts(CallRecord, [call for call in known if call["call"] in going_on], "arrived_at"),
            offers=facts(OfferRecord, self._of(SaveOffer, going_on), "placed_at")
            + tuple(readable(OfferRecord, self._last_offers(shifts, but=going_on), clock)),
            transfers=facts(TransferRecord, self._of(SaveTransfer, going_on), "call", "number"),
            announcements=facts(AnnouncementRecord, self._of(SaveAnnouncement, waits), "call", "number"),
            shifts=shifts,
            line_orders=facts(
                LineOrderRecord, [row for row in self._tables[SaveLineOrder].values() if row["ended_at"] is None]
            ),
            ended_lately=_ended_lately(recent, lately),
            unfinished_recordings=facts(CallRecord, filter(_has_no_recording, known), "arrived_at"),
            cut_off=self._cut_off(facts, clock, place_kept, now),
            attempts=facts(CallRecord, [call for call in calls if _was_an_attempt(call, now)], "arrived_at"),
            kept_places=facts(CallRecord, [call for call in kept_places if call["ended_at"]], "arrived_at"),
        )

    def _of(self, kind: type, calls: Collection[str]) -> Iterable[Row]:
        return (row for row in self._tables[kind].values() if row["call"] in calls)

    def _last_changes(self) -> list[Row]:
        """Return the last change of everybody whose shift is open, in the order in which they were written."""
        open_shifts = {shift["operator"] for shift in self._open_shifts()}
        last = {row["operator"]: row for row in self._tables[SavePresence].values() if row["operator"] in open_shifts}
        return sorted(last.values(), key=lambda row: row["id"])

    def _last_offers(self, shifts: Iterable[PresenceRecord], but: Collection[str]) -> Iterable[Row]:
        """Yield the last offer of each operator who was busy, if it is not of one of these calls."""
        offers = self._tables[SaveOffer].values()
        for shift in shifts:
            theirs = [offer for offer in offers if offer["operator"] == shift.operator]
            if shift.activity != Activity.IDLE and theirs:
                last = max(theirs, key=lambda offer: (offer["placed_at"], offer["id"]))
                if last["call"] not in but:
                    yield last

    def _cut_off(
        self,
        facts: Callable[..., tuple[CallRecord, ...]],
        clock: Clock,
        place_kept: Mapping[LineId, float],
        now: datetime,
    ) -> tuple[CallRecord, ...]:
        calls = list(self._tables[SaveCall].values())
        longest = timedelta(seconds=max(place_kept.values(), default=0.0))
        failed = [
            call
            for call in calls
            if (call["cause"], call["cause_text"], call["hung_up_by"]) == (LOST_CAUSE, CUT_OFF, HungUpBy.SYSTEM)
            and call["arrived_at"] >= now - longest - LONGEST_CALL
            and call["line"] in place_kept
        ]
        at = clock(now)
        kept = [
            call
            for call in facts(CallRecord, failed, "arrived_at")
            if call.ended_at and at - call.ended_at <= place_kept[call.line]
        ]
        again = [
            (clock(call["arrived_at"]), call["line"], call["number"])
            for call in calls
            if call["arrived_at"] >= now - longest and (call["joined_at"] or call["ended_at"])
        ]
        return places_left(kept, again)

    async def close_shifts(self, at: datetime, cause: str) -> int:
        """Close all open shifts; see `Store`."""
        found = self._open_shifts()
        for shift in found:
            shift |= {"ended_at": at, "end_cause": cause}
        return len(found)

    async def close_calls(self, at: datetime, cause: str, but: Sequence[str] = ()) -> int:
        """Close the calls that an earlier run left open; see `Store`."""
        for promise in self._tables[SaveAnnouncement].values():
            if promise["result"] == PromiseResult.OPEN and promise["call"] not in but:
                promise["result"] = PromiseResult.LOST.value
        for kind in (SaveOffer, SaveTransfer):
            for attempt in self._tables[kind].values():
                if attempt["ended_at"] is None and not attempt["result"] and attempt["call"] not in but:
                    attempt |= {"ended_at": at, "result": Outcome.LOST.value}
        open_calls = [call for call in self._tables[SaveCall].values() if call["ended_at"] is None]
        left = [call for call in open_calls if call["call"] not in but]
        for call in left:
            if call["outcome"] == Outcome.IN_PROGRESS:
                call["outcome"] = (Outcome.ANSWERED if call["answered_at"] else Outcome.LOST).value
            call["hung_up_by"] = call["hung_up_by"] or HungUpBy.SYSTEM.value
            call |= {
                "ended_at": at,
                "cause": LOST_CAUSE,
                "cause_text": REFUSED_FOR_CONDUCT if call["cause_text"] == REFUSED_FOR_CONDUCT else cause,
                "kept_for": NO_PERSON,
                "kept_until": None,
            }
        return len(left)

    # -- calling back ------------------------------------------------------------------------------------------

    async def owed_calls(self, now: datetime, line: str | None = None) -> list[OwedCall]:
        """Return the calls to call back at `now`, oldest first; see `Store`."""
        calls = list(self._tables[SaveCall].values())
        answered: dict[tuple[str, str], list[datetime]] = {}
        for call in calls:
            if call["answered_at"]:
                answered.setdefault((call["line"], call["number"]), []).append(call["arrived_at"])
        owed = [
            call
            for call in calls
            if _was_cut_off(call)
            and call["arrived_at"] >= now - OWED_FOR
            and call["called_back_at"] is None
            and line in (None, call["line"])
            and any(letter.isdecimal() for letter in call["number"])
            and not any(at >= call["ended_at"] for at in answered.get((call["line"], call["number"]), ()))
        ]
        return [OwedCall.of(call) for call in sorted(owed, key=lambda call: (call["ended_at"], call["id"]))]

    async def called_back(self, now: datetime, call: str) -> int:
        """Store that somebody called the caller of `call` back; see `Store`."""
        owed = await self.owed_calls(now)
        theirs = [(one.line, one.number) for one in owed if one.call == call]
        settled = [one.call for one in owed if (one.line, one.number) in theirs]
        for one in settled:
            self._tables[SaveCall][SaveCall, one]["called_back_at"] = now
        return len(settled)


def _ended_lately(recent: Iterable[Row], lately: timedelta) -> frozenset[CallId]:
    ends = {call["call"]: call["ended_at"] for call in recent if call["ended_at"] is not None}
    last = max(ends.values(), default=None)
    return frozenset(CallId(call) for call, end in ends.items() if last is not None and end >= last - lately)


def _has_no_recording(call: Row) -> bool:
    ended = call["ended_at"] is not None and call["talk"] > 0
    return ended and not call["recording"] and not call["recording_problem"]


def _was_an_attempt(call: Row, now: datetime) -> bool:
    """Return whether the call was one for a call-back, is over, and somebody was dialled, or may have been."""
    used = call["dialled_at"] is not None or call["outcome"] == Outcome.LOST
    return bool(call["call_back"]) and call["ended_at"] is not None and used and call["arrived_at"] >= now - ATTEMPTS


def _was_cut_off(call: Row) -> bool:
    """Return whether a failure ended the call before an operator was through with it."""
    if call["cause"] != LOST_CAUSE or call["ended_at"] is None or call["direction"] == Direction.OUTGOING:
        return False
    unseen = call["outcome"] == Outcome.LOST and call["joined_at"] is not None and call["answered_at"] is None
    by_us = call["hung_up_by"] == HungUpBy.SYSTEM
    return call["outcome"] in (Outcome.LOST, Outcome.ANSWERED) and (by_us or unseen)
