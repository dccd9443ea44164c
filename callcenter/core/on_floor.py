"""What supervisors see of the floor: lines, people, and everybody who waits, with the reasons for their places.

All times are moments of the core's clock, not durations: so a view is the same as before if nothing has happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from callcenter.core.floor import Floor
from callcenter.core.ids import NO_CALL, NO_LINE, NO_PERSON, CallId, GroupId, LineId, PersonId
from callcenter.core.operator import Operator
from callcenter.core.queue.ewt_input import remaining_wait
from callcenter.core.queue.line import LineState
from callcenter.core.queue.turn import Standing, Turn, explained

MINUTE = 60.0
NEARLY = 20.0
"""Whether a promise will hold is told in steps of a twentieth: else every second would be news."""


@dataclass(frozen=True, slots=True)
class LineOnFloor:
    """One line."""

    id: LineId
    open: bool
    lines_in_use: int
    capacity: int
    waiting: tuple[tuple[str, int], ...]
    """Callers who wait, by class, the most urgent first."""
    oldest: float | None
    """Since when the one waits who has waited the longest."""
    on_duty: int
    required: int
    out_of_reach: int
    """People on shift and not paused, whose phone cannot be reached."""
    target: float
    """The average wait of registered persons that must not be exceeded, seconds (ESTP 2.2d)."""
    average: float | None
    """That of today's answered registered persons, seconds."""
    registered: int
    """How many these are."""
    order: str = ""
    """Why a supervisor has closed or opened it against its hours; '': nobody has."""
    order_by: PersonId = NO_PERSON
    order_until: float | None = None


@dataclass(frozen=True, slots=True)
class PersonOnFloor:
    """Somebody on shift."""

    id: PersonId
    name: str
    group: GroupId
    presence: str
    activity: str
    """As in `OperatorView`."""
    reason: str
    """Of the pause."""
    trouble: str
    """Why no caller is offered at their phone, although nobody paused."""
    since: float
    call: CallId = NO_CALL
    """What they have in hand: a caller, or an outgoing call."""
    line: LineId = NO_LINE
    number: str = ""
    customer: str = ""
    chats: int = 0


@dataclass(frozen=True, slots=True)
class CallerOnFloor:
    """Somebody who waits in a line's queue: a caller, or a call-back that has its turn among them."""

    call: CallId
    line: LineId
    place: int
    number: str
    customer: str
    urgency: str
    since: float
    """From when on the waiting time counts; of a call-back: the time of its place."""
    turn: Turn
    call_back: str = ""
    """'': a caller; 'kept': the place of a caller who has hung up; 'due': an ordered call-back."""
    earlier_elsewhere: int = 0
    """How many on other lines come before them, because the same people answer those and they came earlier."""
    minutes: float | None = None
    """The time announced last, in minutes; infinite: longer than can be said; None: none was announced."""
    promised_until: float | None = None
    """Until when they were told that they will be answered: the earliest that was announced."""
    holds: float | None = None
    """The probability that this will be true, in steps; None: nothing was promised, or nobody can tell."""


@dataclass(frozen=True, slots=True)
class FloorView:
    """The floor at one moment."""

    at: float
    lines: tuple[LineOnFloor, ...]
    people: tuple[PersonOnFloor, ...]
    waiting: tuple[CallerOnFloor, ...]
    """Line by line, each in the order of service."""
    connected: bool
    """Whether every Asterisk is connected and its channels are known."""
    not_recording: str


def floor_view(floor: Floor, now: float) -> FloorView:
    """Return the floor as supervisors see it."""
    return FloorView(
        now,
        tuple(_line(floor, line) for line in floor.lines.values()),
        tuple(_person(floor, one) for one in floor.operators.values() if one.phone or one.presence != "off"),
        tuple(one for line in floor.lines.values() for one in _waiting(floor, line, now)),
        all(server.connected for server in floor.servers.values()),
        floor.not_recording,
    )


def _line(floor: Floor, line: LineState) -> LineOnFloor:
    settings, queue = line.settings, line.queue
    callers = [call for call in queue.everybody() if call not in line.call_backs]
    counts = dict.fromkeys(settings.classes, 0)
    for call in callers:
        counts[settings.classes[queue.where(call)[0]]] += 1
    _, _, registered, waits = line.waits.day.answered
    return LineOnFloor(
        id=settings.id,
        open=line.open,
        lines_in_use=line.lines_in_use,
        capacity=settings.capacity,
        waiting=tuple(counts.items()),
        oldest=min((queue.since(call) for call in callers), default=None),
        on_duty=floor.staff(settings.answered_by),
        required=settings.required_staff,
        out_of_reach=floor.out_of_reach(settings.answered_by),
        target=settings.target_wait,
        average=round(waits / registered, 1) if registered else None,
        registered=registered,
        order=line.order.reason if line.order else "",
        order_by=line.order.by if line.order else NO_PERSON,
        order_until=line.order.until if line.order else None,
    )


def _person(floor: Floor, operator: Operator) -> PersonOnFloor:
    offer = floor.offers.get(operator.offer)
    caller = floor.callers.get(offer.call) if offer else floor.callers.get(operator.keeps)
    call = caller or floor.outgoing.get(operator.outgoing)
    phone = floor.phones.get(operator.phone)
    activity = "internal" if operator.internal_call and not offer else operator.activity.value
    person = operator.person
    return PersonOnFloor(
        person.id,
        person.name,
        person.group,
        operator.presence.value,
        activity,
        operator.reason,
        phone.trouble if phone else "",
        operator.since,
        call.call if call else NO_CALL,
        call.record.line if call else NO_LINE,
        call.record.number if call else "",
        call.record.customer if call else "",
        len(operator.chats),
    )


def _waiting(floor: Floor, line: LineState, now: float) -> Iterator[CallerOnFloor]:
    order = line.queue.in_order(now)
    if not order:
        return
    standing = [_standing(floor, line, call) for call in order]
    turns = explained(standing, line.settings.overtaking_limit, now)
    competing = list(floor.lines_sharing_staff(line))
    staff = floor.staff(line.settings.answered_by)
    for place, (call, one, turn) in enumerate(zip(order, standing, turns, strict=True), start=1):
        key = line.queue.place_at(call)
        elsewhere = sum(other.queue.ready_before(key) for other in competing)
        if call in line.call_backs:
            yield _call_back(line, call, place, one, turn, elsewhere)
        else:
            yield _caller(floor, line, call, place, turn, elsewhere, competing, staff, now)


def _standing(floor: Floor, line: LineState, call: CallId) -> Standing:
    queue, back = line.queue, line.call_backs.get(call)
    since, rank = queue.since(call), queue.where(call)[0]
    if back is not None:
        return Standing(call, since, rank, since, ringing=bool(back.call), hurried=back.hurried)
    caller = floor.callers[call]
    return Standing(
        call,
        since,
        rank,
        caller.record.arrived_at,
        ringing=bool(caller.offer),
        out_of_turn=queue.place_at(call) < since,
    )


def _call_back(
    line: LineState, call: CallId, place: int, standing: Standing, turn: Turn, elsewhere: int
) -> CallerOnFloor:
    back = line.call_backs[call]
    due = back.due
    customer = due.customer.name if due.customer else due.label
    kind = "kept" if back.kept else "due"
    return CallerOnFloor(
        call, line.settings.id, place, due.number, customer, due.urgency, standing.since, turn, kind, elsewhere
    )


def _caller(
    floor: Floor,
    line: LineState,
    call: CallId,
    place: int,
    turn: Turn,
    elsewhere: int,
    competing: list[LineState],
    staff: int,
    now: float,
) -> CallerOnFloor:
    caller = floor.callers[call]
    record = caller.record
    minutes = caller.said.minutes if caller.said and caller.promises else None
    until = holds = None
    spoken = [one.spoken_at - one.elapsed + one.spoken * MINUTE for one in caller.promises if one.spoken is not None]
    if spoken:
        until = min(spoken)  # whoever hears «не более двух минут» again and again was promised the first two
        if caller.offer or now > until:
            holds = float(now <= until)
        elif ewt := remaining_wait(line, call, staff, competing, now):
            holds = round(ewt.estimate.within(until - now) * NEARLY) / NEARLY
    return CallerOnFloor(
        call,
        record.line,
        place,
        record.number,
        record.customer,
        record.urgency,
        caller.waits_since,
        turn,
        "",
        elsewhere,
        minutes,
        until,
        holds,
    )
