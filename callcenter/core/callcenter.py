"""The only entry to the core: an event in, commands out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from callcenter.core import events, warm_start
from callcenter.core.call import (
    arrival,
    call_back,
    call_back_place,
    chat,
    chat_dispatch,
    conversation,
    departure,
    ending,
    internal_call,
    keep_place,
    line_order,
    line_settings,
    out_of_turn,
    outgoing,
    phones,
    promise,
    question,
    recording,
    request_state,
    ringing,
    set_aside,
    shift,
    take_back,
    transfer,
    transfer_key,
    waiting,
)
from callcenter.core.call_back import CallBack
from callcenter.core.caller import Caller
from callcenter.core.catchup import audit, reconcile, restore
from callcenter.core.chat import Chat, ChatState
from callcenter.core.commands import Command
from callcenter.core.defect import Defect, concerned
from callcenter.core.events import Event, TimerFired, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import (
    NO_CALL,
    NO_PERSON,
    CallBackId,
    CallId,
    ChannelId,
    ChatId,
    LineId,
    OfferId,
    PersonId,
    PhoneName,
    ServerId,
)
from callcenter.core.on_floor import FloorView, floor_view
from callcenter.core.operator import Operator, Presence
from callcenter.core.queue.ewt_input import newcomer_wait
from callcenter.core.queue.line import LineState
from callcenter.core.records import Direction, Outcome
from callcenter.core.settings import Settings
from callcenter.core.view import (
    CallBackView,
    CallView,
    ChatColleague,
    ChatView,
    LineView,
    OperatorView,
    OutgoingView,
    Outlook,
    View,
)


def _timer_fired(floor: Floor, event: TimerFired) -> None:
    match event.timer.kind:
        case TimerKind.RING:
            ringing.ring_guard(floor, OfferId(ChannelId(event.timer.of)))
        case TimerKind.WRAP_UP:
            conversation.wrap_up_over(floor, PersonId(event.timer.of))
        case TimerKind.ANNOUNCE:
            waiting.announce(floor, CallId(ChannelId(event.timer.of)))
        case TimerKind.CODE:
            shift.code_over(floor, ChannelId(event.timer.of))
        case TimerKind.FALSE_ANSWER:
            conversation.truly_answered(floor, CallId(ChannelId(event.timer.of)))
        case TimerKind.PHONE_DOUBTED:
            phones.doubted(floor, PhoneName(event.timer.of))
        case TimerKind.PHONE_RETURNS:
            phones.settled(floor, PhoneName(event.timer.of))
        case TimerKind.PHONE_RESTS:
            phones.rested(floor, PhoneName(event.timer.of))
        case TimerKind.TAKE_BACK:
            take_back.time_over(floor, CallId(ChannelId(event.timer.of)))
        case TimerKind.OUTGOING:
            outgoing.guard(floor, CallId(ChannelId(event.timer.of)))
        case TimerKind.CALL_BACK:
            call_back.time_over(floor, CallBackId(event.timer.of))
        case TimerKind.CHAT_OFFER:
            chat.not_accepted(floor, ChatId(event.timer.of))
        case TimerKind.CHAT_WAIT:
            chat.waited_too_long(floor, ChatId(event.timer.of))
        case TimerKind.CHAT_WRAP_UP:
            chat.wrap_up_over(floor, ChatId(event.timer.of))
        case TimerKind.LINE_ORDER:
            line_order.time_over(floor, LineId(event.timer.of))
        case TimerKind.CHAT_AWAY:
            chat.away(floor, PersonId(event.timer.of))


RULES: Mapping[type, Callable[[Floor, Any], None]] = {
    events.CallArrived: arrival.arrived,
    events.GreetingHeard: arrival.greeting_heard,
    events.InnGiven: question.inn_given,
    events.UrgencyGiven: question.urgency_given,
    events.AnnouncementSpoken: waiting.spoken,
    events.InfoMenuVisited: waiting.info_menu_visited,
    events.RequestNumberGiven: request_state.number_given,
    events.RequestLookedUp: request_state.looked_up,
    events.KeepPlaceAsked: keep_place.asked,
    events.KeepPlaceConfirmed: keep_place.confirmed,
    events.InFallbackQueue: reconcile.in_fallback_queue,
    events.GeneralLineEnded: departure.general_line_ended,
    events.ChannelHungUp: departure.hung_up,
    events.CallerVanished: departure.caller_vanished,
    events.PhoneHungUp: departure.phone_hung_up,
    events.BridgeEntered: outgoing.bridge_entered,
    events.BridgeLeft: outgoing.bridge_left,
    events.OfferRinging: ringing.ringing,
    events.OfferAnswered: ringing.answered,
    events.OfferFailed: ringing.failed,
    events.PhoneLost: phones.lost,
    events.PhoneFound: phones.found,
    events.PhonesListed: phones.listed,
    events.LogIn: shift.log_in,
    events.LogOut: shift.log_out,
    events.Pause: shift.pause,
    events.Return: shift.come_back,
    events.Transfer: transfer.asked,
    events.TransferredByKey: transfer_key.pressed,
    events.ColleagueDialled: internal_call.dialled,
    events.CancelTransfer: transfer.cancelled,
    events.CompleteTransfer: transfer.completed,
    events.EndConversation: ending.asked,
    events.RefuseCaller: ending.refused,
    events.CallerFound: question.found_by_hand,
    events.ProlongWrapUp: conversation.prolonged,
    events.OutgoingAsked: outgoing.asked,
    events.CallBackDue: call_back.due,
    events.CallBackWithdrawn: call_back.withdrawn,
    events.ChatArrived: chat.arrived,
    events.ChatAccepted: chat.accepted,
    events.ChatDeclined: chat.declined,
    events.ChatHandedOver: chat.handed_over,
    events.ChatClosed: chat.closed,
    events.ChatLeft: chat.left,
    events.DeskOpened: chat.desk_opened,
    events.OutgoingPhoneRings: outgoing.phone_rings,
    events.OutgoingPhoneAnswered: outgoing.phone_answered,
    events.OutgoingNotPlaced: outgoing.not_placed,
    events.CustomerDialled: outgoing.dialled,
    events.CustomerRings: outgoing.customer_rings,
    events.CustomerAnswered: outgoing.customer_answered,
    events.CustomerNotReached: outgoing.not_reached,
    events.HoursChanged: line_order.hours_changed,
    events.LineOrdered: line_order.ordered,
    events.OutOfTurn: out_of_turn.asked,
    events.DayStarted: shift.day_started,
    events.ClockSet: restore.clock_set,
    events.SettingsChanged: line_settings.changed,
    warm_start.LineWarmStart: promise.learn,
    events.TimerFired: _timer_fired,
    events.AsteriskLost: reconcile.lost,
    events.AsteriskUnresponsive: reconcile.unresponsive,
    events.AsteriskResponsive: reconcile.responsive,
    warm_start.FloorWarmStart: restore.warm_start,
    events.ChannelsListed: audit.channels_listed,
    events.Snapshot: reconcile.snapshot,
    events.ServiceEnded: departure.service_ended,
    events.RecordingFinished: recording.finished,
    events.RecordingFailed: recording.failed,
    events.RecordingPossible: recording.possible,
    events.SetAside: set_aside.wanted,
}
"""Which rule handles which event: the first place to look."""


class CallCenter:
    """All lines, callers and operators of one controller."""

    def __init__(self, settings: Settings) -> None:
        self._floor = Floor(settings)

    def handle(self, event: Event, now: float) -> list[Command]:
        """Handle one event at monotonic time `now` (seconds, never decreasing); return the commands, in order.

        All or nothing: on failure it raises Defect, and the state is as it was before.
        """
        floor = self._floor
        floor.begin(now)
        try:
            RULES[type(event)](floor, event)
            floor.attempt(NO_CALL, "the look at who is on duty", shift.check_staff, floor)
            return floor.finish()
        except Exception as problem:
            floor.take_back()
            raise Defect(event, concerned(floor, event)) from problem

    def touched(self) -> Collection[PersonId]:
        """Return whose view the last event has probably changed; others are found by comparing views."""
        return self._floor.touched()

    def calls(self, server: ServerId) -> Collection[CallId]:
        """Return the channels of those on this server who are believed to call, or to be called.

        Of an outgoing call it is the operator's until the number has been dialled.
        """
        floor = self._floor
        callers = (caller.channel_id for caller in floor.callers.values())
        called = (call.customer or call.call for call in floor.outgoing.values())
        return [CallId(channel) for channel in (*callers, *called) if floor.server_of(channel).name == server]

    def is_call(self, server: ServerId, channel: ChannelId) -> bool:
        """Return whether the channel is among `calls`, in a time that does not grow with them."""
        floor = self._floor
        outgoing = floor.outgoing.get(floor.call_of(channel))
        one = floor.caller_of(channel) or (outgoing and (outgoing.customer or outgoing.call) == channel)
        return bool(one) and floor.server_of(channel).name == server

    def server_of(self, channel_id: ChannelId) -> ServerId:
        """Return the server to which a command for this channel must go."""
        return self._floor.server_of(channel_id).name

    def outlook(self, line: LineId, now: float) -> Outlook:
        """Return the start values for a forecast of the line's day."""
        state = self._floor.lines[line]
        answered, waits, registered, registered_waits = state.waits.day.answered
        return Outlook(
            waited=tuple(now - state.queue.since(call) for call in _callers(state, now)),
            on_duty=self._floor.staff(state.settings.answered_by),
            handling=state.handling.mean,
            patience=state.patience.mean,
            joined=state.joined,
            answered=answered,
            answered_waits=waits,
            registered=registered,
            registered_waits=registered_waits,
        )

    def operator(self, person: PersonId, now: float) -> OperatorView | None:
        """Return one person's view, for frequent requests; None: there is no such account."""
        operator = self._floor.operators.get(person)
        return _operator_view(self._floor, operator, now) if operator else None

    def view(self, now: float, people: Collection[PersonId] | None = None) -> View:
        """Return a copy of the visible state, for pages and metrics; of the people only those named, if any are."""
        floor = self._floor
        shown = floor.operators if people is None else [id for id in people if id in floor.operators]
        return View(
            {id: _line_view(floor, line, now) for id, line in floor.lines.items()},
            {id: _operator_view(floor, floor.operators[id], now) for id in shown},
            {group: len(roster) for group, roster in floor.rosters.items()},
            {server.name: server.connected for server in floor.servers.values()},
            floor.not_recording,
            self.call_backs(now),
        )

    def floor(self, now: float) -> FloorView:
        """Return the floor as supervisors see it: everybody who waits, too."""
        return floor_view(self._floor, now)

    def chats(self) -> tuple[ChatView, ...]:
        """Return the chats that are not over."""
        return tuple(_chat_view(chat) for chat in self._floor.chats.values())

    def chat(self, chat: ChatId, now: float) -> ChatView | None:
        """Return one chat, with its place among those that wait; None: it is over, or was never there."""
        found = self._floor.chats.get(chat)
        if found is None:
            return None
        queue = self._floor.lines[found.arrived.line].chats
        return _chat_view(found, queue.ahead(found.key, now) + 1 if found.key in queue else 0)

    def chat_people(self, line: LineId) -> int:
        """Return how many of those who answer the chats of a line are on shift and have the desk open."""
        rules = self._floor.lines[line].settings.chat if line in self._floor.lines else None
        groups = rules.groups if rules else ()
        there = (one for one in self._floor.at_desks.values() if one.presence is not Presence.OFF)
        return sum(one.person.group in groups for one in there)

    def chat_colleagues(self, chat: ChatId) -> tuple[ChatColleague, ...]:
        """Return everybody on shift to whom a chat's operator may hand it over, or why not now."""
        found, floor = self._floor.chats.get(chat), self._floor
        giver = floor.operators.get(found.operator) if found else None
        if found is None or giver is None:
            return ()
        line = floor.lines[found.arrived.line]
        others = (one for one in floor.operators.values() if one is not giver)
        return tuple(
            ChatColleague(one.person.id, one.person.name, chat_dispatch.why_not(floor, line, one, giver))
            for one in others
            if one.presence is not Presence.OFF
        )

    def call_backs(self, now: float) -> tuple[CallBackView, ...]:
        """Return the call-backs whose time has come; they are asked for more often than everything else."""
        return tuple(_call_back_view(self._floor, back, now) for back in self._floor.call_backs.values())


def _callers(line: LineState, now: float) -> list[CallId]:
    """Return the callers who wait, in the order of service: without the call-backs among them."""
    return [call for call in line.queue.in_order(now) if call not in line.call_backs]


def _waiting(line: LineState, now: float) -> tuple[Mapping[str, int], float]:
    """Return how many callers wait, by class, and the longest wait."""
    counts, oldest = dict(line.queue.counts()), line.queue.oldest()
    if line.call_backs:
        for call in line.call_backs:
            counts[line.settings.classes[line.queue.where(call)[0]]] -= 1
        oldest = min((line.queue.since(call) for call in _callers(line, now)), default=None)
    return counts, now - oldest if oldest is not None else 0.0


def _chat_view(chat: Chat, place: int = 0) -> ChatView:
    return ChatView(chat.id, chat.arrived.line, chat.state.value, chat.operator, place)


def _call_back_view(floor: Floor, back: CallBack, now: float) -> CallBackView:
    due = back.due
    call = floor.outgoing.get(back.call)
    return CallBackView(
        call_back=due.call_back,
        attempt=due.attempt,
        line=due.line,
        groups=due.groups,
        number=due.number,
        customer=due.customer.name if due.customer else "",
        label=due.label,
        urgency=due.urgency,
        state=back.state.value,
        kept_place=back.kept,
        waited=now - due.place_at,
        time_left=call_back_place.latest(floor, back) - now,
        operator=call.record.operator if call else NO_PERSON,
    )


def _line_view(floor: Floor, line: LineState, now: float) -> LineView:
    waiting, longest_wait = _waiting(line, now)
    on_duty = floor.staff(line.settings.answered_by)
    free = floor.free(line.settings.answered_by)
    return LineView(
        id=line.settings.id,
        open=line.open,
        lines_in_use=line.lines_in_use,
        capacity=line.settings.capacity,
        waiting=waiting,
        longest_wait=longest_wait,
        on_duty=on_duty,
        call_backs=len(line.call_backs),
        chats_waiting=len(line.chats),
        chats_open=_open_chats(floor, line),
        out_of_reach=floor.out_of_reach(line.settings.answered_by),
        required_staff=line.settings.required_staff,
        written_on_duty=floor.staff(line.settings.written_by),
        required_written=line.settings.required_written,
        target_wait=line.settings.target_wait,
        windows=line.waits.view(now),
        handling=line.handling.mean,
        patience=line.patience.mean,
        next_wait=newcomer_wait(line, line.settings.default_class, on_duty, free, now),
        promises=line.ledger.view(now),
    )


def _open_chats(floor: Floor, line: LineState) -> int:
    answered = ChatState.OPEN
    return sum(one.state is answered and one.arrived.line == line.settings.id for one in floor.chats.values())


def _operator_view(floor: Floor, operator: Operator, now: float) -> OperatorView:
    offer = floor.offers.get(operator.offer)
    caller = floor.callers.get(offer.call) if offer else None
    kept = floor.callers.get(operator.keeps)
    return OperatorView(
        id=operator.person.id,
        name=operator.person.name,
        group=operator.person.group,
        phone=operator.phone,
        presence=operator.presence.value,
        activity="internal" if operator.internal_call and not offer else operator.activity.value,
        reason=operator.reason,
        since=now - operator.since,
        call=_call_view(floor, operator, caller, now) if caller else None,
        transfer=operator.transfer,
        kept=_call_view(floor, operator, kept, now) if kept else None,
        wrap_up=operator.ready_at - operator.since if operator.ready_at is not None else None,
        may_prolong=conversation.may_prolong(operator),
        outgoing=_outgoing_view(floor, operator, now),
        call_ranges=outgoing.ranges_for(floor, operator),
        chats=operator.chats,
        kept_from_calls=operator.kept_from_calls,
        phone_trouble=floor.phones[operator.phone].trouble if operator.phone in floor.phones else "",
    )


def _outgoing_view(floor: Floor, operator: Operator, now: float) -> OutgoingView | None:
    call = floor.outgoing.get(operator.outgoing)
    if call is None:
        return None
    record = call.record
    over = record.outcome.value if record.outcome is not Outcome.IN_PROGRESS else ""
    back = floor.call_backs.get(record.call_back)
    return OutgoingView(
        call.call,
        record.line,
        record.number,
        record.customer,
        record.inn,
        call.state.value,
        now - record.arrived_at,
        over,
        record.call_back,
        record.attempt,
        back.due.label if back else "",
    )


def _call_view(floor: Floor, operator: Operator, caller: Caller, now: float) -> CallView:
    record = caller.record
    waited = record.waiting if record.waiting is not None else now - caller.waits_since
    if record.direction is Direction.OUTGOING:
        waited = 0.0
    handed = caller.handover.record if caller.handover else caller.handed
    by = floor.operators.get(handed.from_operator) if handed else None
    if handed is None or by is operator:
        handed = by = None
    return CallView(
        call=caller.call,
        line=record.line,
        number=record.number,
        name=record.name,
        customer=record.customer,
        role=record.role,
        inn=record.inn,
        identification=record.identification.value,
        urgency=record.urgency,
        state=caller.state.value,
        waited=waited,
        handed_by=by.person.name if by else "",
        handed_why=handed.note if handed else "",
        direction=record.direction.value,
        language=record.language,
    )
