"""A colleague's number dialled at a phone: a word between colleagues, or a consultation about the caller on hold.

While it lasts, nobody offers these two a caller. Such a conversation has no caller, so it is no call of the register
and is not recorded. In a consultation the phone's own transfer key joins caller and colleague: Asterisk puts both into
one bridge, and that is what the core sees (docs/decisions/0024-calls-between-colleagues.md).
"""

from __future__ import annotations

from dataclasses import replace

from callcenter.core.call import dispatch, transfer
from callcenter.core.caller import Caller, CallerState
from callcenter.core.commands import Answer, CallColleague, Reply
from callcenter.core.events import ColleagueDialled
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_CHANNEL, NO_PERSON, NO_PHONE, ChannelId
from callcenter.core.operator import Activity, Operator, Presence

AT_REST = frozenset({Activity.IDLE, Activity.WRAPPING_UP})


def dialled(floor: Floor, event: ColleagueDialled) -> None:
    """Handle a number dialled at a phone: who is logged in there may call colleagues who are logged in."""
    operator = floor.operators.get(floor.at_phone.get(event.phone, NO_PERSON))
    if operator is None or operator.presence is Presence.OFF:
        _reply(floor, event, Answer.NOT_LOGGED_IN)
    elif operator.internal_call or not floor.sees(event.channel):
        _reply(floor, event, Answer.NOT_POSSIBLE)
    elif operator.activity is Activity.TALKING:
        answer = transfer.consulted_by_phone(floor, operator, event)
        if answer is Answer.RINGING_COLLEAGUE:
            floor.joins_internal_call(event.channel, operator)
            floor.do(CallColleague(event.channel, NO_PHONE))
        else:
            _reply(floor, event, answer)
    elif operator.activity in AT_REST:
        _at_rest(floor, operator, event)
    else:
        _reply(floor, event, Answer.NOT_POSSIBLE)


def over(floor: Floor, channel: ChannelId) -> None:
    """Handle the end of a phone's own call to a colleague: both can be offered callers again."""
    people = floor.internal_call_over(channel)
    if not people:
        return
    for caller in [one for one in floor.callers.values() if one.handover and one.handover.own_call == channel]:
        _given_up(floor, caller)
    dispatch.offer_callers(floor)


def _at_rest(floor: Floor, operator: Operator, event: ColleagueDialled) -> None:
    colleague = _colleague(floor, operator, event)
    if colleague is None:
        _reply(floor, event, Answer.NONE_FREE)
        return
    floor.joins_internal_call(event.channel, operator, colleague)
    floor.do(CallColleague(event.channel, colleague.phone))


def _colleague(floor: Floor, operator: Operator, event: ColleagueDialled) -> Operator | None:
    """Return whom to ring: the wanted colleague, paused or not, or who of the group has been free the longest."""
    if not event.colleague:
        return floor.longest_free([event.group], {operator.person.id})
    colleague = floor.operators.get(event.colleague)
    if colleague is None or colleague is operator or colleague.presence is Presence.OFF or colleague.internal_call:
        return None
    there = colleague.activity in AT_REST and not colleague.dialling and floor.phone(colleague.phone).reachable
    return colleague if there else None


def _given_up(floor: Floor, caller: Caller) -> None:
    """Take the caller back whose operator has hung up on the colleague; the dialplan ends a consultation by itself.

    If the operator has left the caller, too, the colleague's phone rings on: it is for the caller now.
    """
    handover = caller.handover
    offer = floor.offers.get(handover.offer) if handover else None
    if handover is None:
        return
    if offer and offer.pending and caller.state is CallerState.TALKING:
        floor.change(caller, handover=replace(handover, own_call=NO_CHANNEL, taken_back=True))
        floor.withdraw(offer)


def _reply(floor: Floor, event: ColleagueDialled, answer: Answer) -> None:
    floor.do(Reply(event.reply_to, answer, event.group))
