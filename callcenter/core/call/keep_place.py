"""A waiting caller keeps the place and hangs up: they are called back when the turn comes.

Nothing is remembered of the questions: the dialplan asks, and each of its messages says all that is needed. The place
is free only when the caller has hung up; then those who keep the wishes make it a call-back with the same place.
"""

from __future__ import annotations

from callcenter.core.call import call_back_place, dispatch, waiting
from callcenter.core.call.redirect import redirect
from callcenter.core.caller import Caller, CallerState, CallerStep
from callcenter.core.commands import CancelTimer, KeepPlace, Place, Redirect, SaveAnnouncement
from callcenter.core.events import KeepPlaceAsked, KeepPlaceConfirmed, Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.question import QuestionStep
from callcenter.core.records import HungUpBy, Outcome


def asked(floor: Floor, event: KeepPlaceAsked) -> None:
    """Say the number to be confirmed, or ask for another one. It does nothing while a phone rings for the caller."""
    caller = floor.callers.get(event.call)
    if caller is None or not _may(floor, caller):
        return
    number = event.number if event.other else caller.record.number
    if _allows(floor, caller, number):
        floor.do(Redirect(caller.channel_id, Place.KEEP_PLACE, ("keep-number",), number=number))
    else:
        floor.do(Redirect(caller.channel_id, Place.KEEP_PLACE, ("keep-wrong" if event.other else "keep-enter",)))


def confirmed(floor: Floor, event: KeepPlaceConfirmed) -> None:
    """Promise the call, and let the caller go; the place is held meanwhile."""
    caller = floor.callers.get(event.call)
    if caller is None or not _may(floor, caller) or not _allows(floor, caller, event.number):
        return
    record, prompts = waiting.promise_call(floor, caller)
    floor.change(caller, pending={}, promises=(*caller.promises, record))
    floor.do(SaveAnnouncement(record))
    keep(floor, caller, event.number)
    redirect(floor, caller, Place.CALL_BACK, *prompts)
    dispatch.offer_callers(floor)


def follow(floor: Floor, caller: Caller, number: str) -> None:
    """Enter that a caller, of whom a former controller did not write it down, was promised a call."""
    if caller.state is CallerState.WAITING and not caller.legs and _in_ranges(floor, caller, number):
        offer = floor.offers.get(caller.offer)
        if offer and offer.pending:
            floor.withdraw(offer)
        keep(floor, caller, number)


def keep(floor: Floor, caller: Caller, number: str) -> None:
    """Note that the caller will be called at this number."""
    floor.note(caller, outcome=Outcome.CALL_BACK, call_back_to=number, hung_up_by=HungUpBy.SYSTEM)
    floor.move(caller, CallerStep.CALL_BACK)
    floor.question(caller, QuestionStep.STOP)
    floor.do(CancelTimer(Timer(TimerKind.ANNOUNCE, caller.call)))
    hold(floor, caller)


def hold(floor: Floor, caller: Caller) -> None:
    """Hold the place of a caller who still hears the good-bye."""
    line = floor.line(caller)
    urgency = caller.record.urgency
    urgency = urgency if urgency in line.settings.classes else line.settings.default_class
    line.queue.leave(caller.call)
    line.queue.expect(caller.call, urgency, caller.place_at)
    call_back_place.make_way(floor, line, caller.call)


def hung_up(floor: Floor, caller: Caller) -> None:
    """Give the place to those who keep the wishes; what was announced is judged when the customer is called."""
    record = caller.record
    floor.keep_promises(caller.call, caller.promises)
    floor.change(caller, promises=())
    floor.do(KeepPlace(caller.call, record.line, record.call_back_to, record.urgency, caller.place_at))


def _may(floor: Floor, caller: Caller) -> bool:
    """Whether the caller may go now: they wait, and no phone rings for them that somebody may answer."""
    return waiting.may_keep_place(floor, caller) and not caller.offer and not caller.legs


def _allows(floor: Floor, caller: Caller, number: str) -> bool:
    """Whether the number may be called, and is not kept a place for too often: a stranger may have keyed it in."""
    line = floor.line(caller)
    few = waiting.kept_for(floor, line).count(number) < line.settings.keep_place_per_number
    return few and _in_ranges(floor, caller, number)


def _in_ranges(floor: Floor, caller: Caller, number: str) -> bool:
    rules = floor.line(caller).settings.outgoing
    return rules is not None and rules.allows(number)
