"""Transfer a caller: to a free colleague, with or without a consultation first, or to the general line.

ESTP 2.1 (not a Customer), 5.4.4 (technical specialists), 5.4.5 (client managers). The caller stays with the
operator until the colleague has really answered, so a transfer cannot drop the call.
"""

from __future__ import annotations

from dataclasses import replace

from callcenter.core.call import dispatch, waiting
from callcenter.core.call.redirect import after, divert
from callcenter.core.caller import Caller, CallerState, Handover
from callcenter.core.commands import Answer, HangUp, KeepLeg, OfferKind, Place, Reply, SaveTransfer
from callcenter.core.events import (
    GENERAL_LINE,
    CancelTransfer,
    ColleagueDialled,
    CompleteTransfer,
    Transfer,
)
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_CHANNEL, NO_GROUP, NO_OFFER, GroupId, OfferId, PersonId, ReplyTo
from callcenter.core.offer import Offer
from callcenter.core.operator import Activity, ActivityStep, Operator
from callcenter.core.records import Identification, TransferRecord


def asked(floor: Floor, event: Transfer) -> None:
    """Start the transfer that a talking operator asked for, or say why it is not possible."""
    operator = _operator(floor, event.person, event.leg)
    caller = _caller_of(floor, operator)
    talking = caller is not None and caller.state is CallerState.TALKING
    if (
        operator is None
        or caller is None
        or not talking
        or caller.handover
        or operator.activity is not Activity.TALKING
    ):
        _reply(floor, event.reply_to, Answer.NOT_POSSIBLE)
    elif event.target == GENERAL_LINE:
        to_general_line(floor, operator.person.id, caller, event.not_customer, event.note)
        _reply(floor, event.reply_to, Answer.TRANSFERRED, GENERAL_LINE)
    elif event.target not in floor.rosters:
        _reply(floor, event.reply_to, Answer.NOT_POSSIBLE, event.target)
    else:
        _to_group(floor, operator, caller, event)


def consulted_by_phone(floor: Floor, operator: Operator, event: ColleagueDialled) -> Answer:
    """Ring a colleague whose number the operator's phone has dialled while it keeps the caller on hold."""
    caller = _caller_of(floor, operator)
    if caller is None or caller.state is not CallerState.TALKING or caller.handover:
        return Answer.NOT_POSSIBLE
    colleague = floor.operators.get(event.colleague)
    group = colleague.person.group if colleague else event.group
    if group not in floor.rosters:
        return Answer.NOT_POSSIBLE
    record = TransferRecord(caller.call, caller.transfers + 1, floor.now, operator.person.id, group, consult=True)
    return _begin(
        floor,
        caller,
        Handover(
            record,
            operator.offer,
            frozenset({operator.person.id}),
            colleague=event.colleague,
            own_call=event.channel,
            reply_to=event.reply_to,
        ),
    )


def cancelled(floor: Floor, event: CancelTransfer) -> None:
    """Take the caller back, as the operator asked."""
    operator = _operator(floor, event.person, event.leg)
    caller = _caller_of(floor, operator)
    theirs = operator and caller and caller.handover and caller.handover.from_leg == operator.offer
    if operator is None or caller is None or caller.handover is None or not theirs:
        _reply(floor, event.reply_to, Answer.NOT_POSSIBLE)
        return
    offer = floor.offers.get(caller.handover.offer)
    if offer and operator.activity is Activity.CONSULTING:
        floor.do(HangUp(offer.id))  # Asterisk then bridges the operator with the caller again
    elif offer and offer.pending:
        # The handover stays: if the phone is answered right now, Asterisk must know where caller and operator go next.
        floor.change(caller, handover=replace(caller.handover, taken_back=True))
        floor.withdraw(offer)
    else:  # the colleague has just answered, or is just leaving: in a moment it is known who talks with whom
        _reply(floor, event.reply_to, Answer.NOT_POSSIBLE)
        return
    _reply(floor, event.reply_to, Answer.TAKEN_BACK)


def completed(floor: Floor, event: CompleteTransfer) -> None:
    """Complete the transfer: the operator leaves the consultation, Asterisk bridges the colleague with the caller."""
    operator = _operator(floor, event.person, event.leg)
    if operator is None or operator.activity is not Activity.CONSULTING:
        _reply(floor, event.reply_to, Answer.NOT_POSSIBLE)
        return
    _reply(floor, event.reply_to, Answer.TRANSFERRED)
    floor.do(KeepLeg(operator.offer, False), HangUp(operator.offer))
    if operator.internal_call:
        floor.do(HangUp(operator.internal_call))


def consultation_begun(floor: Floor, caller: Caller) -> None:
    """Note that a consultation has begun: operator and colleague are in one bridge without the caller."""
    handover = caller.handover
    if handover is None or not handover.record.consult:
        return
    mine, theirs = floor.offers.get(handover.from_leg), floor.offers.get(handover.offer)
    if theirs is None or not theirs.bridge or theirs.bridge == caller.bridge:
        return
    if handover.own_call or (mine and mine.bridge == theirs.bridge):
        colleague = floor.operators[theirs.operator]
        if colleague.activity is not Activity.OFFERED:
            return
        operator = floor.operators[mine.operator] if mine else None
        if operator and operator.activity is Activity.TALKING:
            floor.activity(operator, ActivityStep.CONSULT, "consultation", caller.call)
            floor.change(operator, transfer="consulting")
        floor.activity(colleague, ActivityStep.ADVISE, "consultation", caller.call)


def connected(floor: Floor, caller: Caller, offer: Offer) -> bool:
    """End a handover when the caller talks: the colleague has taken over, or the operator is back.

    Returns False if there is no handover.
    """
    handover = caller.handover
    if handover is None:
        return False
    if offer.id == handover.offer:
        record = replace(handover.record, to_operator=offer.operator)
        floor.change(caller, handover=replace(handover, record=record))
        _over(floor, caller, "done")
    else:
        _over(floor, caller, "cancelled")
    return True


def colleague_failed(floor: Floor, offer: Offer) -> None:
    """Handle a colleague who did not answer: ring the next free one, or tell the operator that the transfer failed."""
    caller = floor.callers.get(offer.call)
    if caller is None or caller.handover is None or caller.handover.offer != offer.id:
        return
    taken_back = caller.handover.taken_back
    if taken_back or not _ring_colleague(floor, caller, caller.handover):
        _over(floor, caller, "cancelled" if taken_back else "missed")
        rescue(floor, caller)


def leg_gone(floor: Floor, caller: Caller, offer: Offer, *before: str) -> None:
    """Handle an operator or colleague who left; Asterisk's dialplan joins whoever remains with the caller.

    `before`: what a caller hears first to whom nobody will return.
    """
    handover = caller.handover
    if handover and offer.id == handover.offer:
        floor.change(caller, handover=replace(handover, offer=NO_OFFER))
        if handover.own_call and caller.state is CallerState.TALKING:
            _over(floor, caller, "cancelled")  # caller and operator are still in their bridge
    rescue(floor, caller, *before)


def rescue(floor: Floor, caller: Caller, *before: str) -> None:
    """Put a held caller to whom nobody will return back into the queue, at the old place."""
    if left_alone(floor, caller):
        waiting.back_to_queue(floor, caller, *before)
        dispatch.offer_callers(floor)


def left_alone(floor: Floor, caller: Caller) -> bool:
    """Return whether this is a held caller to whom nobody will return; a handover is over then."""
    handover = caller.handover
    pending = handover is not None and handover.offer in floor.offers
    if caller.state is not CallerState.HELD or caller.legs or pending:
        return False
    if handover:
        _over(floor, caller, "failed")
    return True


def caller_left(floor: Floor, caller: Caller) -> None:
    """End the handover of a caller who hung up, so that no colleague's phone keeps ringing."""
    if caller.handover is None:
        return
    offer = floor.offers.get(caller.handover.offer)
    if offer and offer.pending:
        floor.withdraw(offer)
    elif offer:
        floor.do(HangUp(offer.id))
    _over(floor, caller, "caller_left")


def to_general_line(floor: Floor, operator: PersonId, caller: Caller, not_customer: bool, note: str = "") -> None:
    """Send the caller to the general line, and note whether that is because they are not a Customer (ESTP 2.1)."""
    floor.change(caller, transfers=caller.transfers + 1)
    record = TransferRecord(
        caller.call,
        caller.transfers,
        floor.now,
        operator,
        GENERAL_LINE,
        consult=False,
        not_customer=not_customer,
        ended_at=floor.now,
        result="done",
        note=note,
    )
    if not_customer:
        floor.note(caller, identification=Identification.BY_OPERATOR, role="")
    floor.do(SaveTransfer(record))
    divert(floor, caller, "not-customer" if not_customer else "transferring-general")


def without_operator(floor: Floor, caller: Caller, handover: Handover) -> None:
    """Look for a colleague for a held caller whose operator leaves; if nobody is free, the caller waits again."""
    floor.change(caller, transfers=handover.record.number, handover=handover)
    after(floor, caller, Place.HOLD)
    floor.do(SaveTransfer(handover.record))
    if not _ring_colleague(floor, caller, handover):
        _over(floor, caller, "none_free")


def _to_group(floor: Floor, operator: Operator, caller: Caller, event: Transfer) -> None:
    person, number = operator.person.id, caller.transfers + 1
    record = TransferRecord(caller.call, number, floor.now, person, event.target, event.consult, note=event.note)
    answer = _begin(floor, caller, Handover(record, operator.offer, frozenset({person})))
    _reply(floor, event.reply_to, answer, event.target)


def _begin(floor: Floor, caller: Caller, handover: Handover) -> Answer:
    """Ring a colleague for a caller who talks, or register that nobody is free."""
    record = handover.record
    floor.change(caller, transfers=record.number)
    if _free_colleague(floor, handover) is None:
        floor.do(SaveTransfer(replace(record, ended_at=floor.now, result="none_free")))
        return Answer.NONE_FREE
    floor.change(caller, handover=handover)
    after(floor, caller, Place.HOLD)
    if record.consult and not handover.own_call:
        floor.do(KeepLeg(handover.from_leg, True, caller.channel))
    _ring_colleague(floor, caller, handover)
    floor.change(floor.operators[record.from_operator], transfer="ringing")
    floor.do(SaveTransfer(record))
    return Answer.RINGING_COLLEAGUE


def _ring_colleague(floor: Floor, caller: Caller, handover: Handover) -> bool:
    colleague = _free_colleague(floor, handover) if floor.sees(caller.call) else None
    if colleague is None:
        return False
    tried = handover.tried | {colleague.person.id}
    consult = handover.record.consult and handover.from_leg in floor.offers
    kind = OfferKind.CONSULT if consult else OfferKind.TRANSFER
    own_call = handover.own_call if consult else NO_CHANNEL
    leg = handover.from_leg if consult else NO_OFFER
    offer = dispatch.place(floor, caller, colleague, kind, own_call or leg, leg if own_call else NO_OFFER)
    floor.change(caller, handover=replace(handover, tried=tried, offer=offer.id))
    return True


def _free_colleague(floor: Floor, handover: Handover) -> Operator | None:
    if not handover.colleague:
        return floor.longest_free([handover.record.target], handover.tried)
    colleague = floor.operators.get(handover.colleague)
    if colleague is None or colleague.person.id in handover.tried or not floor.can_be_offered(colleague):
        return None
    return colleague


def _over(floor: Floor, caller: Caller, result: str) -> None:
    handover = caller.handover
    if handover is None:
        return
    record = replace(handover.record, ended_at=floor.now, result=result)
    floor.change(caller, handover=None)
    if result == "done":
        floor.change(caller, handed=record)
    floor.do(SaveTransfer(record))
    operator = floor.operators[handover.record.from_operator]
    if operator.offer in (handover.from_leg, NO_OFFER):
        floor.change(operator, transfer=result)
    if handover.own_call:
        _own_call_over(floor, caller, handover, result)
    elif handover.from_leg and operator.offer == handover.from_leg:
        floor.do(KeepLeg(handover.from_leg, False))
    if caller.state is CallerState.TALKING:
        after(floor, caller, Place.GOODBYE)


def _own_call_over(floor: Floor, caller: Caller, handover: Handover, result: str) -> None:
    """End a consultation in another call of the phone. Joined: the colleague's leg is like any other from now on."""
    operator = floor.operators[handover.record.from_operator]
    if result == "done":
        floor.do(KeepLeg(handover.offer, False))
        return
    if operator.activity is Activity.CONSULTING and caller.state is CallerState.TALKING:
        floor.activity(operator, ActivityStep.CONNECT, "consultation_over", caller.call)
    if operator.internal_call == handover.own_call:
        answer = {"cancelled": Answer.TAKEN_BACK, "caller_left": Answer.NOT_POSSIBLE}.get(result, Answer.NONE_FREE)
        _reply(floor, handover.reply_to, answer, handover.record.target)


def _operator(floor: Floor, person: PersonId, leg: OfferId) -> Operator | None:
    """Return the operator who asks; None while their Asterisk is not seen, because it could execute no command."""
    offer = floor.offers.get(leg)
    operator = floor.operators.get(offer.operator if offer else person)
    return operator if operator and floor.sees(operator.offer) else None


def _caller_of(floor: Floor, operator: Operator | None) -> Caller | None:
    offer = floor.offers.get(operator.offer) if operator else None
    return floor.callers.get(offer.call) if offer else None


def _reply(floor: Floor, reply_to: ReplyTo, answer: Answer, target: GroupId = NO_GROUP) -> None:
    if reply_to:
        floor.do(Reply(reply_to, answer, target))
