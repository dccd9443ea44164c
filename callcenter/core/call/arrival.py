"""From the arrival of a call to a place in the queue: admission, identification, urgency (ESTP 2.1, 2.2, 4.2)."""

from __future__ import annotations

from callcenter.core.call import cut_off, dispatch, waiting
from callcenter.core.call.redirect import divert, redirect, say_again
from callcenter.core.caller import Caller, CallerState, CallerStep
from callcenter.core.commands import Place, Redirect, Severity
from callcenter.core.events import CallArrived, Customer, GreetingHeard, InnEntry, InnGiven, UrgencyGiven
from callcenter.core.floor import Floor
from callcenter.core.records import CallRecord, HungUpBy, Identification, Outcome


def arrived(floor: Floor, event: CallArrived) -> None:
    """Handle a new call: refuse it, send it to the general line, or greet it. From now on it has a register row."""
    if event.call in floor.callers:
        say_again(floor, floor.callers[event.call])
        return
    if event.call in floor.aside:
        floor.do(Redirect(event.call, Place.FALLBACK_QUEUE))  # Asterisk asks again: the first answer did not arrive
        return
    if floor.ended_lately(event.call):
        return  # a late event: the journal already told the end of this call
    line = floor.lines.get(event.line)
    if line is None:
        floor.notice(f"A call reached line '{event.line}', which is not configured.", Severity.WARNING)
        return
    missed = floor.told(event.call)
    arrived_at = missed.arrived_at if missed else floor.now
    record = CallRecord(event.call, event.line, event.number, event.name, arrived_at)
    caller = floor.enter(Caller(event.call, event.channel, record, customer=event.customer))
    if event.customer:
        _identified(floor, caller, event.customer, Identification.BY_NUMBER)
    else:
        floor.note(caller)
    if not line.open:
        _refuse(floor, caller, Place.CLOSED, Outcome.CLOSED)
    elif line.lines_in_use >= line.settings.capacity:
        _refuse(floor, caller, Place.FULL, Outcome.ALL_LINES_BUSY)
    elif floor.not_recording and floor.settings.close_without_recording:
        # The caller hears that all lines are busy, so that is the outcome; the row has the real reason.
        floor.note(caller, recording_problem=f"not admitted: {floor.not_recording}")
        _refuse(floor, caller, Place.FULL, Outcome.ALL_LINES_BUSY)
    else:
        floor.admit(caller)
        floor.change(caller, regained=cut_off.regain(floor, line, event.number))
        greet(floor, caller)


def greet(floor: Floor, caller: Caller) -> None:
    """Greet an admitted caller. A known caller who is not a Customer goes to the general line instead (ESTP 2.1)."""
    if _not_a_customer(floor, caller):
        divert(floor, caller, "not-customer")
    else:
        floor.move(caller, CallerStep.GREET)
        redirect(floor, caller, Place.GREETING)


def greeting_heard(floor: Floor, event: GreetingHeard) -> None:
    """Continue after the greeting. Ask for the INN, unless the directory knows the caller by number."""
    caller = floor.callers.get(event.call)
    if caller is None:
        return
    if caller.state is not CallerState.GREETED:
        say_again(floor, caller)
    elif caller.regained:
        cut_off.go_on(floor, caller, caller.regained, floor.now)
        waiting.welcome(floor, caller)
        dispatch.offer_callers(floor)
    elif floor.line(caller).settings.ask_inn and caller.customer is None:
        floor.move(caller, CallerStep.ASK_INN)
        redirect(floor, caller, Place.IDENTIFY, "ask-inn")
    else:
        _ask_urgency(floor, caller)


def inn_given(floor: Floor, event: InnGiven) -> None:
    """Identify the caller by an INN with correct check digits; after a wrong one they may try again (ESTP 2.1)."""
    caller = floor.callers.get(event.call)
    if caller is None:
        return
    if caller.state is not CallerState.IDENTIFYING:
        say_again(floor, caller)
        return
    floor.change(caller, inn_tries=caller.inn_tries + 1)
    if event.entry is InnEntry.ENTERED and event.valid:
        _inn_known(floor, caller, event)
    elif event.entry is InnEntry.SKIPPED or caller.inn_tries >= floor.line(caller).settings.inn_tries:
        _ask_urgency(floor, caller, "inn-unknown-go-on")
    else:
        floor.move(caller, CallerStep.ASK_INN)
        redirect(floor, caller, Place.IDENTIFY, "inn-again")


def _inn_known(floor: Floor, caller: Caller, event: InnGiven) -> None:
    if event.customer is None:
        floor.note(caller, identification=Identification.INN_ONLY, inn=event.digits)
        _ask_urgency(floor, caller, "inn-unknown-go-on")
        return
    floor.change(caller, customer=event.customer)
    _identified(floor, caller, event.customer, Identification.BY_INN, event.digits)
    if _not_a_customer(floor, caller):
        divert(floor, caller, "not-customer")
    else:
        _ask_urgency(floor, caller, "identified")


def urgency_given(floor: Floor, event: UrgencyGiven) -> None:
    """Choose the urgency class by the key (ESTP 4.2); any other key, or no key, means the default class."""
    caller = floor.callers.get(event.call)
    if caller is None:
        return
    if caller.state is not CallerState.CHOOSING:
        say_again(floor, caller)
        return
    line = floor.line(caller).settings
    urgency = (line.class_of_digit or {}).get(event.digit, line.default_class)
    accepted = ("urgency-accepted",) if urgency == line.classes[0] != line.default_class else ()
    _join(floor, caller, urgency, *accepted)


def _refuse(floor: Floor, caller: Caller, place: Place, outcome: Outcome) -> None:
    floor.move(caller, CallerStep.REFUSE)
    floor.note(caller, outcome=outcome, hung_up_by=HungUpBy.SYSTEM)
    redirect(floor, caller, place)


def _identified(floor: Floor, caller: Caller, customer: Customer, how: Identification, inn: str = "") -> None:
    floor.note(caller, identification=how, customer=customer.name, role=customer.role, inn=customer.inn or inn)


def _not_a_customer(floor: Floor, caller: Caller) -> bool:
    required = floor.line(caller).settings.customer_role
    return bool(caller.customer and required and caller.customer.role != required)


def _ask_urgency(floor: Floor, caller: Caller, *before: str) -> None:
    line = floor.line(caller).settings
    if line.class_of_digit:
        floor.move(caller, CallerStep.ASK_URGENCY)
        redirect(floor, caller, Place.URGENCY, *before, "ask-urgency")
    else:
        _join(floor, caller, line.default_class, *before)


def _join(floor: Floor, caller: Caller, urgency: str, *before: str) -> None:
    waiting.join(floor, caller, urgency, floor.now)
    waiting.welcome(floor, caller, *before)
    dispatch.offer_callers(floor)
