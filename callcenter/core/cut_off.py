"""Callers whom a failure of the telephone system cut off: who calls again soon gets the old place back.

A number is used up by one call. Several callers behind one number (an office) have several places.
"""

from __future__ import annotations

from callcenter.core import waiting
from callcenter.core.caller import Caller
from callcenter.core.floor import Floor, LineState
from callcenter.core.records import CallRecord


def remember(line: LineState, record: CallRecord) -> None:
    """The call was cut off at `record.ended_at`; only a caller with a place and a number can be recognised."""
    if record.place_at is None or record.ended_at is None or not _tells_who(record.number):
        return
    kept = record.ended_at - line.settings.place_kept
    for number, calls in list(line.cut_off.items()):
        line.cut_off[number] = [call for call in calls if call.ended_at is not None and call.ended_at >= kept]
        if not line.cut_off[number]:
            del line.cut_off[number]
    calls = line.cut_off.setdefault(record.number, [])
    calls.append(record)
    calls.sort(key=lambda call: call.place_at or 0.0)


def regain(line: LineState, number: str, now: float) -> CallRecord | None:
    """The call that this one continues, if the number was cut off not too long ago."""
    calls = line.cut_off.pop(number, [])
    lately = [call for call in calls if call.ended_at is not None and now - call.ended_at <= line.settings.place_kept]
    if len(lately) > 1:
        line.cut_off[number] = lately[1:]
    return lately[0] if lately else None


def go_on(floor: Floor, caller: Caller, former: CallRecord, at: float) -> None:
    """Whoever was cut off has said all this before: not asked again, and at the old place."""
    if caller.customer is None:
        floor.note(
            caller,
            identification=former.identification,
            inn=former.inn,
            customer=former.customer,
            role=former.role,
        )
    waiting.join(floor, caller, former.urgency, at, former.place_at)


def _tells_who(number: str) -> bool:
    """Withheld numbers come as '' or as a word."""
    return any(character.isdecimal() for character in number)
