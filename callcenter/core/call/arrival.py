"""From the arrival of a call to a place in the queue: admission and greeting (ESTP 2.1, 2.2)."""

from __future__ import annotations

from callcenter.core.call import acquaintance, cut_off, dispatch, paid_period, question, waiting
from callcenter.core.call.redirect import divert, redirect, say_again
from callcenter.core.caller import Caller, CallerState, CallerStep
from callcenter.core.commands import Place, Redirect, Severity
from callcenter.core.events import CallArrived, GreetingHeard
from callcenter.core.floor import Floor
from callcenter.core.question import QuestionStep
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
    waiting_from = line.settings.waiting_from
    record = CallRecord(event.call, event.line, event.number, event.name, arrived_at, waiting_from=waiting_from)
    caller = floor.enter(Caller(event.call, event.channel, record, customer=event.customer, day=line.day))
    if event.customer:
        question.identified(floor, caller, event.customer, Identification.BY_NUMBER)
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
    if question.not_a_customer(floor, caller):
        divert(floor, caller, "not-customer")
    elif not paid_period.send_away(floor, caller):
        floor.move(caller, CallerStep.GREET)
        waiting.expect(floor, caller)
        acquaintance.recall(floor, caller)
        heard_before = acquaintance.of(floor, caller) is not None
        redirect(floor, caller, Place.GREETING_AGAIN if heard_before else Place.GREETING)


def greeting_heard(floor: Floor, event: GreetingHeard) -> None:
    """Continue after the greeting: into the queue, or to the questions if the line asks them before (ESTP 2.1, 2.3)."""
    caller = floor.callers.get(event.call)
    if caller is None:
        return
    if event.language != caller.record.language:
        floor.note(caller, language=event.language)
    if caller.state is not CallerState.GREETED:
        say_again(floor, caller)
    elif caller.regained:
        cut_off.go_on(floor, caller, caller.regained, floor.now)
        waiting.welcome(floor, caller)
        dispatch.offer_callers(floor)
    elif floor.rules(caller).asks_before_queue:
        question.ask_before_queue(floor, caller)
    else:
        waiting.join(floor, caller, "", floor.now)
        floor.question(caller, QuestionStep.BEGIN)
        waiting.welcome(floor, caller, *paid_period.words(floor, caller))
        dispatch.offer_callers(floor)


def _refuse(floor: Floor, caller: Caller, place: Place, outcome: Outcome) -> None:
    floor.move(caller, CallerStep.REFUSE)
    floor.note(caller, outcome=outcome, hung_up_by=HungUpBy.SYSTEM)
    redirect(floor, caller, place)
