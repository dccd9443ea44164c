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
    CompleteTransfer,
    Transfer,
)
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_GROUP, NO_OFFER, GroupId, OfferId, PersonId, ReplyTo
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
        _to_general_line(floor, operator, caller, event)
    elif event.target not in floor.rosters:
        _reply(floor, event.reply_to, Answer.NOT_POSSIBLE, event.target)
    else:
        _to_group(floor, operator, caller, event)


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


def consultation_begun(floor: Floor, caller: Caller) -> None:
    """Note that a consultation has begun: operator and colleague are in one bridge without the caller."""
    handover = caller.handover
    if handover is None or not handover.record.consult:
        return
    mine, theirs = floor.offers.get(handover.from_leg), floor.offers.get(handover.offer)
    if mine and theirs and mine.bridge and mine.bridge == theirs.bridge != caller.bridge:
        operator, colleague = floor.operators[mine.operator], floor.operators[theirs.operator]
        if operator.activity is Activity.TALKING and colleague.activity is Activity.OFFERED:
            floor.activity(operator, ActivityStep.CONSULT, "consultation", caller.call)
            floor.activity(colleague, ActivityStep.ADVISE, "consultation", caller.call)
            floor.change(operator, transfer="consulting")


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


def leg_gone(floor: Floor, caller: Caller, offer: Offer) -> None:
    """Handle an operator or colleague who left; Asterisk's dialplan joins whoever remains with the caller."""
    handover = caller.handover
    if handover and offer.id == handover.offer:
        floor.change(caller, handover=replace(handover, offer=NO_OFFER))
    rescue(floor, caller)


def rescue(floor: Floor, caller: Caller) -> None:
    """Put a held caller to whom nobody will return back into the queue, at the old place."""
    handover = caller.handover
    pending = handover is not None and handover.offer in floor.offers
    if caller.state is not CallerState.HELD or caller.legs or pending:
        return
    if handover:
        _over(floor, caller, "failed")
    waiting.back_to_queue(floor, caller)
    dispatch.offer_callers(floor)


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


def _to_general_line(floor: Floor, operator: Operator, caller: Caller, event: Transfer) -> None:
    floor.change(caller, transfers=caller.transfers + 1)
    record = TransferRecord(
        caller.call,
        caller.transfers,
        floor.now,
        operator.person.id,
        GENERAL_LINE,
        consult=False,
        not_customer=event.not_customer,
        ended_at=floor.now,
        result="done",
    )
    if event.not_customer:
        floor.note(caller, identification=Identification.BY_OPERATOR, role="")
    floor.do(SaveTransfer(record))
    divert(floor, caller, "not-customer" if event.not_customer else "transferring-general")
    _reply(floor, event.reply_to, Answer.TRANSFERRED, GENERAL_LINE)


def _to_group(floor: Floor, operator: Operator, caller: Caller, event: Transfer) -> None:
    floor.change(caller, transfers=caller.transfers + 1)
    record = TransferRecord(caller.call, caller.transfers, floor.now, operator.person.id, event.target, event.consult)
    handover = Handover(record, operator.offer, frozenset({operator.person.id}))
    if floor.longest_free([event.target], handover.tried) is None:
        floor.do(SaveTransfer(replace(record, ended_at=floor.now, result="none_free")))
        _reply(floor, event.reply_to, Answer.NONE_FREE, event.target)
        return
    floor.change(caller, handover=handover)
    after(floor, caller, Place.HOLD)
    if event.consult:
        floor.do(KeepLeg(operator.offer, True))
    _ring_colleague(floor, caller, handover)
    floor.change(operator, transfer="ringing")
    floor.do(SaveTransfer(record))
    _reply(floor, event.reply_to, Answer.RINGING_COLLEAGUE, event.target)


def _ring_colleague(floor: Floor, caller: Caller, handover: Handover) -> bool:
    sees = floor.sees(caller.call)
    colleague = floor.longest_free([handover.record.target], handover.tried) if sees else None
    if colleague is None:
        return False
    tried = handover.tried | {colleague.person.id}
    consult = handover.record.consult and handover.from_leg in floor.offers
    kind = OfferKind.CONSULT if consult else OfferKind.TRANSFER
    leg = handover.from_leg if consult else NO_OFFER
    offer = dispatch.place(floor, caller, colleague, kind, leg)
    floor.change(caller, handover=replace(handover, tried=tried, offer=offer.id))
    return True


def _over(floor: Floor, caller: Caller, result: str) -> None:
    handover = caller.handover
    if handover is None:
        return
    floor.change(caller, handover=None)
    floor.do(SaveTransfer(replace(handover.record, ended_at=floor.now, result=result)))
    operator = floor.operators[handover.record.from_operator]
    if operator.offer in (handover.from_leg, NO_OFFER):
        floor.change(operator, transfer=result)
    if operator.offer == handover.from_leg:
        floor.do(KeepLeg(handover.from_leg, False))
    if caller.state is CallerState.TALKING:
        after(floor, caller, Place.GOODBYE)


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
