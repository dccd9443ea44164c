"""Callers who vanished, or were cut off by a failure of the telephone system, get their place back if they call again.

One cut-off call gives a place to one new call. Several callers behind one number (an office) have several places.
"""

from __future__ import annotations

from collections.abc import Sequence

from callcenter.core.call import waiting
from callcenter.core.call.acquaintance import tells_who
from callcenter.core.caller import Caller
from callcenter.core.floor import Floor
from callcenter.core.queue.line import LineState
from callcenter.core.records import CallRecord


def remember(floor: Floor, line: LineState, record: CallRecord) -> None:
    """Remember a call cut off at `record.ended_at`; only a caller with a place and a number can be recognised later."""
    if record.place_at is None or record.ended_at is None or not tells_who(record.number):
        return
    kept = record.ended_at - line.settings.place_kept
    places = {number: _since(calls, kept) for number, calls in line.cut_off.items()}
    theirs = (*places.get(record.number, ()), record)
    places[record.number] = tuple(sorted(theirs, key=lambda call: call.place_at or 0.0))
    floor.change(line, cut_off={number: calls for number, calls in places.items() if calls})


def regain(floor: Floor, line: LineState, number: str, now: float | None = None) -> CallRecord | None:
    """Return the cut-off call that this one continues, and use it up; None if there is none.

    It must have ended at most `place_kept` seconds before `now` (None: the current event's time).
    """
    if number not in line.cut_off:
        return None
    lately = _since(line.cut_off[number], (floor.now if now is None else now) - line.settings.place_kept)
    rest = {other: calls for other, calls in line.cut_off.items() if other != number}
    floor.change(line, cut_off={**rest, number: lately[1:]} if len(lately) > 1 else rest)
    return lately[0] if lately else None


def go_on(floor: Floor, caller: Caller, former: CallRecord, at: float) -> None:
    """Put a cut-off caller back in the old place, without asking again what the former call's row already tells."""
    if caller.customer is None:
        floor.note(
            caller,
            identification=former.identification,
            inn=former.inn,
            customer=former.customer,
            role=former.role,
        )
    waiting.join(floor, caller, former.urgency, at, former.place_at)


def _since(calls: Sequence[CallRecord], moment: float) -> tuple[CallRecord, ...]:
    return tuple(call for call in calls if call.ended_at is not None and call.ended_at >= moment)
