"""What must be true of a floor at any moment, whatever has been told, lost or told twice."""

from __future__ import annotations

from callcenter.core.call.dialplan_step import MENUS
from callcenter.core.call_back import CallBackState
from callcenter.core.caller import CallerState
from callcenter.core.chat import ChatState, chat_of
from callcenter.core.commands import OfferKind
from callcenter.core.floor import Floor
from callcenter.core.operator import Activity, Operator
from callcenter.core.records import Outcome


def assert_sound(floor: Floor) -> None:
    """Every container of the floor agrees with every other."""
    _nobody_has_two_calls(floor)
    _lines_and_queues_are_who_is_there(floor)
    _rosters_are_who_is_free(floor)
    _outgoing_calls_are_their_operators(floor)
    _call_backs_are_where_they_stand(floor)
    _chats_are_their_operators(floor)
    kept_callers_are_sound(floor)


def assert_empty(floor: Floor) -> None:
    """Nobody is on any line, and nothing is left of anybody."""
    assert_sound(floor)
    assert not floor.callers
    assert not floor.offers
    assert not floor.outgoing
    assert not floor.dialled_customers
    assert not floor.kept
    assert not floor.dialling
    assert not floor.internal_calls
    assert all(operator.activity in (Activity.IDLE, Activity.WRAPPING_UP) for operator in floor.operators.values())
    assert all(line.lines_in_use == len(line.queue) == 0 for line in floor.lines.values())


def _nobody_has_two_calls(floor: Floor) -> None:
    busy = [offer.operator for offer in floor.offers.values()]
    assert len(busy) == len(set(busy)), busy
    for id, operator in floor.operators.items():
        has_call = operator.activity not in (Activity.IDLE, Activity.WRAPPING_UP, Activity.CALLING_OUT)
        assert has_call == (operator.offer in floor.offers), (id, operator)
        assert (operator.activity is Activity.CALLING_OUT) == (operator.outgoing in floor.outgoing), (id, operator)
        assert not has_call or floor.offers[operator.offer].operator == id
    assert all(not caller.offer or caller.offer in floor.offers for caller in floor.callers.values())
    assert all(offer.call in floor.callers for offer in floor.offers.values() if offer.pending)


def _lines_and_queues_are_who_is_there(floor: Floor) -> None:
    for id, line in floor.lines.items():
        assert line.open == (line.order.open if line.order else line.hours_open)
        assert line.order is None or (line.order.open != line.hours_open and line.order.until >= floor.now)
        assert set(line.queue._moved) <= set(line.queue._place), "nobody who has left is remembered"
        present = [caller for caller in floor.callers.values() if caller.record.line == id]
        out = [call for call in floor.outgoing.values() if call.record.line == id]
        assert line.lines_in_use == sum(one.admitted for one in present) + sum(one.admitted for one in out)
        assert 0 <= line.lines_in_use <= line.settings.capacity
        waiting = {caller.call for caller in present if caller.state is CallerState.WAITING}
        assert {call for call in floor.callers if call in line.queue} == waiting
        backs = {key for key in line.call_backs if key in line.queue}
        assert backs == set(line.call_backs)
        assert len(line.queue) == sum(line.queue.counts().values()) == len(waiting) + len(backs)
        coming = {caller.call for caller in present if caller.state in MENUS and caller.admitted}
        coming |= {caller.call for caller in present if caller.record.outcome is Outcome.CALL_BACK}
        assert set(line.queue._expected) == coming, "who holds a place is who has arrived and will join"


def _outgoing_calls_are_their_operators(floor: Floor) -> None:
    assert {one.outgoing for one in floor.operators.values() if one.outgoing} == set(floor.outgoing)
    called = {call.customer: id for id, call in floor.outgoing.items() if call.customer}
    called |= {one.channel_id: one.call for one in floor.callers.values() if one.record.customer_channel}
    called |= {row.channel: row.call for row in floor.aside.values() if row and row.customer_channel}
    assert floor.dialled_customers == called
    for id, call in floor.outgoing.items():
        assert floor.operators[call.record.operator].outgoing == id
        assert not call.bridge or call.bridge != call.customer_bridge, call


def _call_backs_are_where_they_stand(floor: Floor) -> None:
    for id, back in floor.call_backs.items():
        assert back.due.call_back == id
        waits = back.key in floor.queue_of(back).queue
        assert waits == (back.key in floor.queue_of(back).call_backs)
        assert (back.state is CallBackState.WAITING) <= waits
        assert waits <= (back.state is not CallBackState.DIALLED)
        assert (back.state is CallBackState.WAITING) == (not back.call), back
        rows = {call: one.record for call, one in floor.outgoing.items()}
        rows |= {call: one.record for call, one in floor.callers.items()}
        rows |= {call: row for call, row in floor.aside.items() if row}
        row = rows.get(back.call)
        assert not back.call or (row and row.call_back == id)
    standing = [key for line in (*floor.lines.values(), floor.apart) for key in line.call_backs]
    assert len(standing) == len(set(standing)) <= len(floor.call_backs)


def _chats_are_their_operators(floor: Floor) -> None:
    """Every chat that is not over waits at its place, or is with one person, who knows of it."""
    owned = [one for operator in floor.operators.values() for one in operator.chats]
    assert len(owned) == len(set(owned)), "nobody answers the chat of somebody else"
    assert set(owned) == {id for id, chat in floor.chats.items() if chat.state is not ChatState.WAITING}
    for id, chat in floor.chats.items():
        assert chat.id == id
        assert (chat.key in floor.lines[chat.arrived.line].chats) == (
            chat.state in (ChatState.WAITING, ChatState.OFFERED)
        )
        assert not chat.operator or id in floor.operators[chat.operator].chats
        assert chat.state not in (ChatState.ENDED, ChatState.LEFT)
    for operator in floor.operators.values():
        assert (operator.person.id in floor.at_desks) == operator.at_desk
        rules = [floor.lines[floor.chats[one].arrived.line].settings.chat for one in operator.chats]
        assert operator.kept_from_calls == any(not one.beside_calls for one in rules if one)
    for line in floor.lines.values():
        assert all(chat_of(key) in floor.chats for key in line.chats.in_order(floor.now))


def _rosters_are_who_is_free(floor: Floor) -> None:
    for group, roster in floor.rosters.items():
        members = [each for each in floor.operators.values() if each.person.group == group]
        assert roster._order == sorted(
            (each.free_since, each.person.id) for each in members if can_be_rung(floor, each)
        )
        available = [each for each in members if each.presence.value == "available"]
        assert floor.on_duty[group] == sum(floor.phone(each.phone).reachable for each in available)


def kept_callers_are_sound(floor: Floor) -> None:
    """Who waits for somebody, for whom, and what is written of it are the same; each waits for somebody else."""
    kept = {call: caller for call, caller in floor.callers.items() if caller.state is CallerState.KEPT}
    assert set(floor.kept) == set(kept)
    assert {operator.person.id: operator.keeps for operator in floor.operators.values() if operator.keeps} == {
        operator.person.id: call for call, operator in floor.kept.items()
    }
    for call, caller in floor.callers.items():
        keeper = floor.kept.get(call)
        assert caller.record.kept_for == (keeper.person.id if keeper else "")
        assert (caller.record.kept_until is None) == (keeper is None)
        offer = floor.offers.get(caller.offer)
        gone = keeper is not None and keeper.presence.value == "off"
        assert offer or not gone, "who has gone home takes nobody back, but the phone may have to fall silent first"
        if keeper and offer:
            assert (offer.kind, offer.operator) == (OfferKind.TAKE_BACK, keeper.person.id)


def can_be_rung(floor: Floor, operator: Operator) -> bool:
    """Whether a caller can be offered to the operator now: both are free, the person and the phone."""
    return operator.free and floor.phone(operator.phone).ready
