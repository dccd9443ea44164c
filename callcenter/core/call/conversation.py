"""Who talks with whom, derived from the events about channels and bridges.

The core never declares a conversation: caller and operator talk when their channels are in the same bridge.
"""

from __future__ import annotations

from collections.abc import Iterable

from callcenter.core.call import dispatch, ringing, take_back, transfer, waiting
from callcenter.core.call.promise import settle
from callcenter.core.call.redirect import after, redirect, refuse
from callcenter.core.caller import CALLER, Caller, CallerState, CallerStep
from callcenter.core.commands import Answer, CancelTimer, OfferKind, Place, Reply, SetTimer
from callcenter.core.events import BridgeEntered, BridgeLeft, OfferAnswered, ProlongWrapUp, Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_BRIDGE, NO_OFFER, NO_PERSON, BridgeId, CallId, LineId, PersonId
from callcenter.core.offer import Offer, OfferStep
from callcenter.core.operator import Activity, ActivityStep, Handling, Operator
from callcenter.core.question import QuestionStep
from callcenter.core.records import REGISTERED, HungUpBy, Outcome, PromiseResult
from callcenter.core.server import OFFER_PREFIX

PROLONGED = "wrap_up_prolonged"
"""The cause in the register of a change that only prolongs the wrap-up."""
PROLONGED_BY = 60.0
"""Seconds that a prolonged wrap-up lasts at least, from the moment when the operator asked for it."""


def bridge_entered(floor: Floor, event: BridgeEntered) -> None:
    """Handle a caller or a leg entering a bridge: a caller and a leg in the same bridge are talking."""
    channel = floor.offer_of(event.channel_id) or floor.caller_of(event.channel_id)
    if channel is None:
        return
    if channel.bridge and channel.bridge != event.bridge:
        bridge_left(floor, BridgeLeft(event.channel_id, channel.bridge))  # a channel cannot be in two bridges
    if isinstance(channel, Offer):
        ringing.answered(floor, OfferAnswered(channel.id))  # a phone in a bridge has been answered
    is_in(floor, channel, event.bridge)
    caller = channel if isinstance(channel, Caller) else floor.callers.get(channel.call)
    if caller is None:
        return
    for leg in sorted(caller.legs):
        if floor.offers[leg].bridge and floor.offers[leg].bridge == caller.bridge:
            connected(floor, caller, floor.offers[leg])
    transfer.consultation_begun(floor, caller)


def is_in(floor: Floor, channel: Caller | Offer, bridge: BridgeId) -> None:
    """Set the bridge id of a caller or a leg."""
    if isinstance(channel, Offer):
        floor.change(channel, bridge=bridge)
    else:
        floor.change(channel, bridge=bridge)


def bridge_left(floor: Floor, event: BridgeLeft) -> None:
    """Handle a caller or a leg leaving a bridge."""
    offer = floor.offer_of(event.channel_id)
    if offer:
        if offer.bridge == event.bridge:
            floor.change(offer, bridge=NO_BRIDGE)
        _stop_leg_clock(floor, offer)
        return
    caller = floor.caller_of(event.channel_id)
    if caller is None or caller.bridge != event.bridge:
        return
    leg = floor.offers.get(caller.leg)
    floor.change(caller, bridge=NO_BRIDGE, left_first=leg is not None and leg.bridge == event.bridge)
    stop_clock(floor, caller)
    if caller.state is CallerState.TALKING:
        _out_of_conversation(floor, caller)
    elif caller.state is CallerState.WAITING:
        waiting.welcome(floor, caller)  # answered nevertheless by an operator whose offer had been withdrawn
    elif caller.state is CallerState.KEPT:
        take_back.wait_on(floor, caller)
    elif caller.refused and not caller.left_first and floor.sees(caller.call):
        refuse(floor, caller)  # the operator was faster: Asterisk has not taken the caller out of the conversation


def _out_of_conversation(floor: Floor, caller: Caller) -> None:
    if caller.left_first and caller.handover is None:
        return  # about to hang up
    if caller.after is Place.HOLD:
        floor.move(caller, CallerStep.HOLD)
        transfer.rescue(floor, caller)
        by_fallback_queue = not caller.leg.startswith(OFFER_PREFIX) and not caller.left_first
        if caller.state is CallerState.HELD and by_fallback_queue and floor.sees(caller.call):
            redirect(floor, caller, Place.HOLD)  # after a conversation Asterisk's own queue says good-bye to everybody
    elif not caller.left_first:
        farewell(floor, caller)


def farewell(floor: Floor, caller: Caller) -> None:
    """Note that the operator has ended the conversation, and the caller hears the good-bye."""
    floor.move(caller, CallerStep.FAREWELL)
    floor.note(caller, hung_up_by=HungUpBy.OPERATOR)


def connected(floor: Floor, caller: Caller, offer: Offer) -> None:
    """Note that the caller and the operator of this leg talk, unless that is known."""
    handover = caller.handover
    if handover and offer.id == handover.offer and caller.leg != offer.id:
        stop_clock(floor, caller)  # Asterisk joined the colleague, and the operator's leg is just leaving
    if caller.state is CallerState.LEAVING:
        _stay(floor, caller)
    if caller.talking_since is not None or not CALLER.allows(caller.state, CallerStep.CONNECT):
        return
    operator = floor.operators[offer.operator]
    floor.move(caller, CallerStep.CONNECT)
    take_back.over(floor, caller)
    floor.question(caller, QuestionStep.STOP)
    floor.step(offer, OfferStep.CONNECT)
    first_words = offer.record.connected_at is None
    floor.change(caller, leg=offer.id, offer=NO_OFFER, left_first=False, served_by_fallback_queue=False)
    floor.change(caller, talking_since=floor.now, connected_at=floor.now)
    floor.change(offer, talking_since=floor.now)
    if caller.call in floor.line(caller).queue:
        floor.line(caller).queue.leave(caller.call)
        floor.do(CancelTimer(Timer(TimerKind.ANNOUNCE, caller.call)))
    if caller.record.answered_at is None:
        _first_answer(floor, caller, operator.person.id, floor.now)
    if first_words:
        if offer.kind is OfferKind.QUEUE:
            floor.line(caller).answering.add(floor.now - offer.record.placed_at)
        floor.note_offer(offer, connected_at=floor.now, result="connected")
    if operator.activity is not Activity.TALKING:  # otherwise both are back in a bridge that they seemed to have left
        floor.activity(operator, ActivityStep.CONNECT, "connected", caller.call)
    if not transfer.connected(floor, caller, offer):
        _expect_false_answer(floor, caller, offer)


def _stay(floor: Floor, caller: Caller) -> None:
    """Hold a caller who was fetched from the farewell: the operator left, and the colleague has just answered."""
    bridge = caller.bridge
    if hold(floor, caller):
        floor.change(caller, bridge=bridge)


def found_talking(floor: Floor, caller: Caller, leg: Offer | None) -> None:
    """Start a conversation that Asterisk's own queue connected, or that began before the controller started.

    `leg`: the operator's leg, if it is known.
    """
    offer = floor.offers.get(caller.offer)
    if offer and offer.pending:
        floor.withdraw(offer)
    floor.move(caller, CallerStep.CONNECT)
    take_back.over(floor, caller)
    floor.question(caller, QuestionStep.STOP)
    floor.line(caller).queue.leave(caller.call)
    floor.do(CancelTimer(Timer(TimerKind.ANNOUNCE, caller.call)))
    since = floor.now
    if leg:
        since = leg.record.connected_at or since
        floor.change(caller, leg=leg.id, legs=caller.legs | {leg.id})
        floor.change(leg, talking_since=since)
    floor.change(caller, talking_since=since, connected_at=since)
    if caller.record.answered_at is None:
        _first_answer(floor, caller, leg.operator if leg else NO_PERSON, since)
    after(floor, caller, Place.GOODBYE)


def _first_answer(floor: Floor, caller: Caller, operator: PersonId, at: float) -> None:
    note_wait(floor, caller, at)
    floor.note(caller, answered_at=at, operator=operator, outcome=Outcome.ANSWERED)


def note_wait(floor: Floor, caller: Caller, at: float) -> None:
    """Enter that the caller's first wait ended at this time."""
    record = caller.record
    joined_at = record.arrived_at if record.joined_at is None else record.joined_at
    floor.note(caller, waiting=max(0.0, at - caller.waits_since), queued=max(0.0, at - joined_at))


def _expect_false_answer(floor: Floor, caller: Caller, offer: Offer) -> None:
    """Set the farewell as the way out only after `false_answer` seconds: a phone that hangs up sooner was no answer.

    But whoever has called the other side does not answer.
    """
    floor.change(caller, after=Place.HOLD)
    if floor.settings.false_answer > 0 and offer.kind is not OfferKind.OUTGOING:
        floor.do(SetTimer(Timer(TimerKind.FALSE_ANSWER, caller.call), floor.now + floor.settings.false_answer))
    else:
        truly_answered(floor, caller.call)


def truly_answered(floor: Floor, call: CallId) -> None:
    """Confirm the answer: from now on the caller hears the farewell when the operator hangs up."""
    caller = floor.callers.get(call)
    if caller and caller.state is CallerState.TALKING and caller.handover is None:
        count_answer(floor, caller)
        settle(floor, caller, caller.connected_at, PromiseResult.ANSWERED)
        after(floor, caller, Place.GOODBYE)


def count_answer(floor: Floor, caller: Caller) -> None:
    """Add the caller's wait to the line's averages, once (ESTP 2.2d)."""
    if caller.record.waiting is not None and caller.record.answered_at is not None and not caller.answer_counted:
        floor.change(caller, answer_counted=True)
        wait_over(floor, caller, answered=True)


def wait_over(floor: Floor, caller: Caller, *, answered: bool) -> None:
    """Add a finished first wait to the line's averages; the time in the queue to its patience estimate."""
    line, wait, queued = floor.line(caller), caller.record.waiting or 0.0, caller.record.queued or 0.0
    registered = caller.record.identification in REGISTERED
    line.waits.add(wait, answered=answered, registered=registered, now=floor.now)
    if caller.announcements:  # callers connected at once had no time to lose patience
        line.patience.add(queued, gave_up=not answered)


def stop_clock(floor: Floor, caller: Caller) -> None:
    """Stop the caller's talk time: add the seconds to the rows of the call and of the leg."""
    if caller.talking_since is not None:
        floor.note(caller, talk=caller.record.talk + floor.now - caller.talking_since)
        floor.change(caller, talking_since=None)
        leg = floor.offers.get(caller.leg)
        if leg:
            _stop_leg_clock(floor, leg)


def _stop_leg_clock(floor: Floor, offer: Offer) -> None:
    if offer.talking_since is not None:
        floor.keep_for_row(offer, talk=offer.record.talk + floor.now - offer.talking_since)
        floor.change(offer, talking_since=None, quiet_since=floor.now)


def leg_finished(floor: Floor, offer: Offer, lost: str = "", *, kept: bool = False) -> None:
    """End the operator's part in a conversation: start wrap-up, and move on a caller who is left behind.

    `lost`: the result of an offer whose operator did not hang up; the caller then goes back to the head of the queue,
    or, if `kept`, waits for the same operator.
    """
    _stop_leg_clock(floor, offer)
    floor.step(offer, OfferStep.END)
    caller = floor.callers.get(offer.call)
    false_answer = caller is not None and _false_answer(floor, caller, offer)
    operator = ringing.forget(floor, offer, lost or ("false_answer" if false_answer else offer.record.result))
    _wrap_up(floor, operator, offer)
    if caller is None:
        return
    if false_answer:
        if not lost:
            ringing.pause_for(floor, operator, "missed")
        _take_back_answer(floor, caller)
    if lost and _left_alone(floor, caller, offer):
        if kept and not false_answer and not caller.legs:
            take_back.keep(floor, caller, operator)
        else:
            transfer.leg_gone(floor, caller, offer, "operator-lost")
        return
    if caller.state is CallerState.TALKING and caller.leg == offer.id and not caller.bridge:
        _out_of_conversation(floor, caller)
    transfer.leg_gone(floor, caller, offer)


def _left_alone(floor: Floor, caller: Caller, offer: Offer) -> bool:
    """Hold the caller if this leg was all they had, even if the farewell has begun; return whether that is so.

    In a handover Asterisk joins the caller with whoever remains.
    """
    theirs = caller.leg == offer.id and caller.handover is None and not caller.left_first
    return theirs and hold(floor, caller)


def hold(floor: Floor, caller: Caller) -> bool:
    """Hold a caller who talks, or to whom the farewell is said; return False for all others, and who is refused.

    What the end of the bridge will tell, or has told, is no good-bye.
    """
    leaving = caller.state is CallerState.LEAVING and caller.record.hung_up_by is HungUpBy.OPERATOR
    leaving = leaving and not caller.refused
    if not (leaving or caller.state is CallerState.TALKING):
        return False
    stop_clock(floor, caller)
    floor.change(caller, bridge=NO_BRIDGE)
    floor.note(caller, hung_up_by=HungUpBy.NOBODY)
    floor.move(caller, CallerStep.HOLD)
    return True


def wrap_up_over(floor: Floor, person: PersonId) -> None:
    """End the wrap-up: the operator is free for the next caller."""
    operator = floor.operators[person]
    if operator.activity is Activity.WRAPPING_UP:
        dispatch.end_wrap_up(floor, operator)
        dispatch.offer_callers(floor)


def _wrap_up(floor: Floor, operator: Operator, offer: Offer) -> None:
    floor.activity(operator, ActivityStep.FINISH, "conversation_ended", offer.call)
    if offer.kind is OfferKind.QUEUE and offer.record.talk > floor.settings.false_answer:
        floor.change(operator, handling=Handling(offer.line, offer.record.placed_at))
    begin_wrap_up(floor, operator, offer.line)


def begin_wrap_up(floor: Floor, operator: Operator, line: LineId) -> None:
    """Give the operator, who has just finished a conversation, time for what is to be written down."""
    if floor.settings.wrap_up > 0:
        ready_at = floor.now + floor.settings.wrap_up
        floor.change(operator, ready_at=ready_at, ready_by=floor.now + longest_wrap_up(floor, [line]))
        floor.do(SetTimer(Timer(TimerKind.WRAP_UP, operator.person.id), ready_at))
    else:
        wrap_up_over(floor, operator.person.id)


def longest_wrap_up(floor: Floor, lines: Iterable[LineId]) -> float:
    """Return the seconds to which wrap-up after a call of one of these lines may be prolonged."""
    limits = [floor.lines[line].settings.wrap_up_limit for line in lines if line in floor.lines]
    return max(floor.settings.wrap_up, min(limits, default=0.0))


def prolonged_from(asked_at: float, ready_at: float, ready_by: float) -> float:
    """Return the end of a wrap-up that was prolonged at `asked_at`."""
    return min(ready_by, max(ready_at, asked_at + PROLONGED_BY))


def may_prolong(operator: Operator) -> bool:
    """Whether the operator's wrap-up has not yet its longest end."""
    if operator.activity is not Activity.WRAPPING_UP or operator.ready_at is None or operator.ready_by is None:
        return False
    return operator.ready_by > operator.ready_at


def prolonged(floor: Floor, event: ProlongWrapUp) -> None:
    """Let the wrap-up last a minute from now, within the line's limit: no caller is offered meanwhile."""
    operator = floor.operators.get(event.person)
    answer = Answer.NOT_POSSIBLE
    if operator and operator.ready_at is not None and operator.ready_by is not None:
        ready_at = prolonged_from(floor.now, operator.ready_at, operator.ready_by)
        if operator.activity is Activity.WRAPPING_UP and ready_at > operator.ready_at:
            floor.change(operator, ready_at=ready_at)
            floor.do(SetTimer(Timer(TimerKind.WRAP_UP, event.person), ready_at))
            floor.prolonged(operator, PROLONGED)
            answer = Answer.PROLONGED
    if event.reply_to:
        floor.do(Reply(event.reply_to, answer))


def _false_answer(floor: Floor, caller: Caller, offer: Offer) -> bool:
    """Whether the operator hung up so soon that the caller goes back to the queue, whatever the order of events."""
    theirs = caller.leg == offer.id and caller.state in (CallerState.TALKING, CallerState.HELD)
    soon = offer.record.talk <= floor.settings.false_answer and not caller.left_first
    return theirs and soon and caller.handover is None and caller.after is Place.HOLD


def _take_back_answer(floor: Floor, caller: Caller) -> None:
    """Remove a false answer from the call's row (ESTP 5.6.1 registers who took the call)."""
    if not caller.answer_counted:
        floor.note(caller, answered_at=None, waiting=None, queued=None, operator=NO_PERSON, outcome=Outcome.IN_PROGRESS)
