"""Whether a line is open: by its hours, or by a supervisor's order until these change (ESTP 2.2a, 2.2b).

Only new callers are concerned: who waits is still served.
"""

from __future__ import annotations

from dataclasses import replace

from callcenter.core.call import dispatch
from callcenter.core.commands import Answer, CancelTimer, Reply, SaveLineOrder, SetTimer, Severity
from callcenter.core.events import HoursChanged, LineOrdered, Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_PERSON, LineId, PersonId
from callcenter.core.queue.line import LineState
from callcenter.core.records import LineOrderRecord


def hours_changed(floor: Floor, event: HoursChanged) -> None:
    """Open or close the line by its calendar, unless somebody has ordered otherwise."""
    line = floor.lines.get(event.line)
    if line is None or line.hours_open == event.open:
        return
    floor.change(line, hours_open=event.open)
    if line.order and line.order.open == event.open:
        _end(floor, line)
    _follow(floor, line, "by its calendar")


def ordered(floor: Floor, event: LineOrdered) -> None:
    """Open or close the line until its hours change; back to what these say, the former order ends."""
    line = floor.lines.get(event.line)
    if line is None or event.until <= floor.now:
        answer = Answer.NOT_POSSIBLE
    elif line.open == event.open:
        answer = Answer.ALREADY_OPEN if event.open else Answer.ALREADY_CLOSED
    else:
        answer = Answer.LINE_OPENED if event.open else Answer.LINE_CLOSED
        _end(floor, line, event.by)
        if event.open != line.hours_open:
            record = LineOrderRecord(
                event.order, event.line, event.open, event.reason, event.by, floor.now, event.until
            )
            floor.do(SaveLineOrder(record))
            recall(floor, record)
        _follow(floor, line, f"by {event.by}: {event.reason}")
    if event.reply_to:
        floor.do(Reply(event.reply_to, answer))


def recall(floor: Floor, record: LineOrderRecord) -> None:
    """Let an order hold, at once or after a restart, unless its time is over or it says what the hours say."""
    line = floor.lines.get(record.line)
    if line is None or record.until <= floor.now or record.open == line.hours_open:
        floor.do(SaveLineOrder(replace(record, ended_at=max(record.at, min(floor.now, record.until)))))
        return
    floor.change(line, order=record, open=record.open)
    floor.do(SetTimer(Timer(TimerKind.LINE_ORDER, record.line), record.until))


def time_over(floor: Floor, line: LineId) -> None:
    """End the order of a line: its hours change now."""
    state = floor.lines.get(line)
    if state and state.order:
        _end(floor, state)
        _follow(floor, state, "by its calendar")


def _end(floor: Floor, line: LineState, by: PersonId = NO_PERSON) -> None:
    if line.order:
        floor.do(CancelTimer(Timer(TimerKind.LINE_ORDER, line.settings.id)))
        floor.do(SaveLineOrder(replace(line.order, ended_at=floor.now, ended_by=by)))
        floor.change(line, order=None)


def _follow(floor: Floor, line: LineState, why: str) -> None:
    """Be open as it was ordered last, or as the hours say."""
    is_open = line.order.open if line.order else line.hours_open
    changes = line.open != is_open
    if changes:
        floor.change(line, open=is_open)
    if changes or line.order:
        severity = Severity.WARNING if line.order else Severity.INFO
        floor.notice(f"Line '{line.settings.id}' is {'open' if is_open else 'closed'} {why}.", severity)
    dispatch.offer_callers(floor)
