"""End a conversation from outside: a person asks for it, or logs in at another phone than the one that talks.

A phone that has lost its call cannot hang up, and people must not have to wait until the lines notice it.
"""

from __future__ import annotations

from callcenter.core.call import conversation, dispatch, outgoing, ringing, take_back, transfer
from callcenter.core.call.redirect import after, refuse
from callcenter.core.caller import CallerState
from callcenter.core.commands import Answer, HangUp, Place, Reply
from callcenter.core.events import EndConversation, OfferFailure, RefuseCaller
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_PERSON, ReplyTo
from callcenter.core.offer import Offer
from callcenter.core.operator import IN_CONVERSATION, Activity, Operator
from callcenter.core.records import REFUSED_FOR_CONDUCT


def asked(floor: Floor, event: EndConversation) -> None:
    """End the operator's part in a conversation as if they had hung up, or without a good-bye for the caller.

    Where the page goes away in which they talk, the phone in it is gone, too: it is rung when it has come back.
    """
    operator = floor.operators.get(event.person or floor.at_phone.get(event.phone, NO_PERSON))
    if operator and outgoing.hang_up(floor, operator):
        _reply(floor, event.reply_to, Answer.ENDED)
        return
    leg = _leg(floor, operator) if operator else None
    if operator is None or leg is None:
        _reply(floor, event.reply_to, Answer.NOT_POSSIBLE)
        return
    asking = (
        f" because '{event.asked_by}' asked for it" if event.asked_by not in (NO_PERSON, operator.person.id) else ""
    )
    kept = event.keep and take_back.possible(floor, operator)
    if kept:
        floor.notice(f"The page in which '{operator.person.id}' talks goes away.")
        ringing.rest(floor, operator, OfferFailure.UNREACHABLE, told=True, briefly=True)
    else:
        floor.notice(f"The conversation of '{operator.person.id}' is ended by hand{asking}.")
    if event.requeue or event.keep:
        conversation.leg_finished(floor, leg, lost="left", kept=kept)
    floor.do(HangUp(leg.id))
    _reply(floor, event.reply_to, Answer.ENDED)
    dispatch.offer_callers(floor)


def refused(floor: Floor, event: RefuseCaller) -> None:
    """Take the caller out of the conversation to the words that refuse it (ESTP 5.6.3, eLot 2.11), and hang up.

    The operator's leg ends with the bridge. A colleague whose phone rings for the caller is left alone. It is final:
    the call's row says so, also to a new controller.
    """
    operator = floor.operators.get(event.person)
    leg = _leg(floor, operator) if operator else None
    caller = floor.callers.get(leg.call) if leg else None
    talking = operator is not None and operator.activity is Activity.TALKING
    if caller is None or not talking or caller.state is not CallerState.TALKING:
        _reply(floor, event.reply_to, Answer.NOT_POSSIBLE)
        return
    transfer.caller_left(floor, caller)
    conversation.farewell(floor, caller)
    floor.note(caller, cause_text=REFUSED_FOR_CONDUCT)
    after(floor, caller, Place.GOODBYE)
    refuse(floor, caller)
    _reply(floor, event.reply_to, Answer.ENDED)


def leave(floor: Floor, operator: Operator) -> None:
    """Take an operator who now sits elsewhere out of a conversation and wrap-up; its caller waits for them there."""
    outgoing.left_alone(floor, operator)
    leg = _leg(floor, operator)
    if leg:
        conversation.leg_finished(floor, leg, lost="left", kept=take_back.possible(floor, operator, logs_in=True))
        floor.do(HangUp(leg.id))
    conversation.wrap_up_over(floor, operator.person.id)


def _leg(floor: Floor, operator: Operator) -> Offer | None:
    """Return the leg in which the operator talks; None if there is none, or nothing can be done to it now."""
    leg = floor.offers.get(operator.offer)
    return leg if leg and operator.activity in IN_CONVERSATION and floor.sees(leg.id) else None


def _reply(floor: Floor, reply_to: ReplyTo, answer: Answer) -> None:
    if reply_to:
        floor.do(Reply(reply_to, answer))
