"""The phone's own transfer key: it does what the codes do, except that the operator leaves at once."""

from __future__ import annotations

from callcenter.core.call import conversation, dispatch, transfer
from callcenter.core.caller import Caller, CallerState, Handover
from callcenter.core.events import GENERAL_LINE, TransferredByKey
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_OFFER, GroupId
from callcenter.core.records import TransferRecord


def pressed(floor: Floor, event: TransferredByKey) -> None:
    """Handle a caller whom Asterisk holds because an operator pressed the transfer key.

    Whatever was dialled, the caller is kept: for a colleague, the general line, or else the head of the queue.
    """
    caller = floor.caller_of(event.call)
    if caller is None or not (conversation.hold(floor, caller) or caller.state is CallerState.HELD):
        return
    leg = floor.offers.get(caller.leg)
    operator = leg.operator if leg else caller.record.operator
    group = _group(floor, event)
    if caller.handover is None and event.target == GENERAL_LINE:
        transfer.to_general_line(floor, operator, caller, event.not_customer)
    elif caller.handover is None and group:
        record = TransferRecord(caller.call, caller.transfers + 1, floor.now, operator, group, consult=False)
        handover = Handover(record, leg.id if leg else NO_OFFER, frozenset({operator}), colleague=event.colleague)
        transfer.without_operator(floor, caller, handover)
    _served_again(floor, caller)


def _group(floor: Floor, event: TransferredByKey) -> GroupId | None:
    if event.colleague:
        colleague = floor.operators.get(event.colleague)
        return colleague.person.group if colleague else None
    return event.target if event.target in floor.rosters else None


def _served_again(floor: Floor, caller: Caller) -> None:
    """Put a caller for whom nobody is rung back into the queue, if the operator's leg has ended already."""
    if caller.state is CallerState.HELD:
        transfer.rescue(floor, caller)
    dispatch.offer_callers(floor)
