"""The places of call-backs among the callers: so that positions, estimates and the order of service are true for both.

The rule (docs/decisions/0032-call-backs-wait-in-the-queue.md): a caller who takes a place with n callers before them
finds at most the line's share of n call-backs before them; more of them make way. Nobody is passed afterwards, except
by a call-back whose window ends soon, and by no more of those than the share of the callers served. A place that a
caller has kept is no call-back here: it counts as the caller that it was.
"""

from __future__ import annotations

from collections.abc import Iterable

from callcenter.core.call_back import CALL_BACK, CallBack, CallBackStep
from callcenter.core.commands import CancelTimer, SetTimer
from callcenter.core.events import Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import CallId
from callcenter.core.queue.line import LineState

STAYS_FREE = 3
"""One in so many people on duty stays free for the next callers while a call-back has time; at least one of them."""
NEARLY = 1e-9
"""A share of callers that is so close to a whole number is one."""


def latest(floor: Floor, back: CallBack) -> float:
    """Return until when it can be begun: the customer is dialled within its window, after the operator's phone rang."""
    return back.due.start_by - floor.settings.ring_timeout


def take(floor: Floor, back: CallBack) -> None:
    """Put the call-back into the queue at its place, or at the next one that leaves everybody their share."""
    line = floor.queue_of(back)
    urgency = back.due.urgency if back.due.urgency in line.settings.classes else line.settings.default_class
    floor.stand_in_queue(back, urgency)
    _keep_share(floor, line, back)
    wait(floor, back)


def leave(floor: Floor, back: CallBack) -> None:
    """Take it out of the queue, if it is there."""
    floor.leave_queue(back)
    floor.do(CancelTimer(_timer(back)))


def give_back(floor: Floor, back: CallBack) -> None:
    """Let it wait again: the operator has not answered the own phone, and nobody was dialled."""
    floor.step_call_back(back, CallBackStep.RETURN)
    line = floor.queue_of(back)
    if back.key in line.queue:
        line.queue.release(back.key)
        _keep_share(floor, line, back)
        wait(floor, back)
    else:
        take(floor, back)  # it was begun by a controller that has died since


def wait(floor: Floor, back: CallBack) -> None:
    """Set the timer: for when it begins to hurry, or can no longer be begun."""
    until = latest(floor, back)
    hurry = until - floor.queue_of(back).settings.call_backs.hurry
    soon = not back.kept and floor.now < hurry
    floor.do(SetTimer(_timer(back), hurry if soon else max(floor.now, until)))


def may_begin(floor: Floor, back: CallBack) -> bool:
    """Whether somebody may call the customer now: in the line's hours and the window, if it can be recorded."""
    line = floor.lines[back.due.line]
    recordable = not (floor.not_recording and floor.settings.close_without_recording)
    place = line.open and line.lines_in_use < line.settings.capacity and floor.sees_any
    in_time = floor.now <= latest(floor, back)
    return place and recordable and in_time and CALL_BACK.allows(back.state, CallBackStep.BEGIN)


def leaves_somebody(floor: Floor, line: LineState, back: CallBack) -> bool:
    """Whether enough people stay free for the next callers, if a customer is called while nobody waits.

    It has time, and the next caller has none. Not asked of a kept place, in the second half of the window, because on a
    busy line more than one is never free, and where only one person is on duty.
    """
    ends = latest(floor, back)
    patient_until = min((back.due.place_at + ends) / 2, ends - line.settings.call_backs.hurry)
    hurries = back.kept or back.hurried or floor.now >= patient_until
    groups = line.settings.answered_by
    staff = floor.staff(groups)
    if hurries or staff < 2 or floor.free(groups) > max(1, staff // STAYS_FREE):
        return True
    caller = floor.longest_free(back.due.groups)
    if caller is None or caller.person.group not in groups:
        return True
    return any(_counts(line, call) for call in line.queue.in_turn(floor.now))


# -- fairness ----------------------------------------------------------------------------------------------------------


def make_way(floor: Floor, line: LineState, call: CallId) -> None:
    """Let a caller who has just taken a place pass the call-backs that are more than the share before them."""
    if not floor.call_backs:
        return
    callers, backs = _before(floor, line, call)
    excess = len(backs) - _allowed(line, callers)
    rank, place_at = line.queue.where(call)
    for back in [back for back in reversed(backs) if not back.hurried][: max(0, excess)]:
        _move_behind(floor, back, line, rank, place_at)


def served(floor: Floor, line: LineState) -> None:
    """Note that it is the turn of one more caller: a share of one call-back in a hurry may pass the others."""
    if floor.call_backs:
        floor.change(line, spare=min(1.0, line.spare + line.settings.call_backs.share))


def begun(floor: Floor, back: CallBack) -> None:
    """Keep the place of one for which a phone is rung; one that callers wait for uses their share up."""
    line = floor.queue_of(back)
    line.queue.reserve(back.key)
    if back.kept:
        served(floor, line)
    elif not back.hurried and any(_counts(line, call) for call in line.queue.in_turn(floor.now)):
        floor.change(line, spare=line.spare - 1.0)


def hurry(floor: Floor, line: LineState) -> None:
    """Let call-backs whose window ends soon pass the callers, as far as the share allows; the soonest first."""
    if line.spare < 1.0 - NEARLY:
        return
    for back in sorted(line.call_backs.values(), key=lambda back: back.due.start_by):
        soon = floor.now >= latest(floor, back) - line.settings.call_backs.hurry
        if not soon or back.kept or back.hurried or line.spare < 1.0 - NEARLY:
            continue
        if may_begin(floor, back) and _before(floor, line, back.key)[0]:
            line.queue.move_to_front(back.key, floor.now)
            floor.change(line, spare=max(0.0, line.spare - 1.0))
            floor.change(back, hurried=True)


def let_pass(floor: Floor, line: LineState, back: CallBack) -> bool:
    """Let more urgent callers pass a call-back that has waited as long as the limit; whether there were any."""
    if back.kept or back.hurried:
        return False
    urgent = [call for call in line.queue.would_overtake(back.key) if _counts(line, call)]
    if urgent:
        line.queue.move_behind(back.key, max(line.queue.place_at(call) for call in urgent))
    return bool(urgent)


def _keep_share(floor: Floor, line: LineState, back: CallBack) -> None:
    """Move a call-back that comes to the queue behind everybody who would have more than the share before them."""
    if back.kept or back.hurried:
        return
    for other in (line, *floor.lines_sharing_staff(line)):
        for call in other.queue.in_turn(floor.now):
            if _counts(other, call):
                callers, backs = _before(floor, other, call)
                if back in backs and len(backs) > _allowed(other, callers):
                    _move_behind(floor, back, other, *other.queue.where(call))


def _before(floor: Floor, line: LineState, call: CallId) -> tuple[int, list[CallBack]]:
    """Return how many callers come before this one, and which call-backs: in the queues that the same people serve."""
    turn = line.queue.in_turn(floor.now)
    callers, backs = _sorted_out(line, turn[: turn.index(call)])
    place_at = line.queue.where(call)[1]
    for other in floor.lines_sharing_staff(line):
        earlier = [one for one in other.queue.in_turn(floor.now) if other.queue.where(one)[1] < place_at]
        more, theirs = _sorted_out(other, earlier)
        callers, backs = callers + more, backs + theirs
    return callers, backs


def _sorted_out(line: LineState, calls: Iterable[CallId]) -> tuple[int, list[CallBack]]:
    callers, backs = 0, []
    for call in calls:
        if _counts(line, call):
            callers += 1
        else:
            backs.append(line.call_backs[call])
    return callers, backs


def _counts(line: LineState, call: CallId) -> bool:
    """Whether it is a caller, also one who has hung up and keeps the place."""
    back = line.call_backs.get(call)
    return back is None or back.kept


def _move_behind(floor: Floor, back: CallBack, line: LineState, rank: int, place_at: float) -> None:
    """Move it behind somebody in this line's queue; ranks of different lines say nothing of each other."""
    stands_in = floor.queue_of(back)
    stands_in.queue.move_behind(back.key, place_at, rank if stands_in is line else 0)


def _allowed(line: LineState, callers: int) -> int:
    return int(line.settings.call_backs.share * callers + NEARLY)


def _timer(back: CallBack) -> Timer:
    return Timer(TimerKind.CALL_BACK, back.due.call_back)
