"""The state of the call centre. Nobody else writes it: the rules (other modules) go through these methods.

Every write is noted in `undo` first, so that an event, or one call's part of it, can be taken back as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, ParamSpec, overload

from callcenter.core.caller import CALLER, Caller, CallerStep
from callcenter.core.commands import (
    Command,
    Contained,
    HangUp,
    Notice,
    SaveCall,
    SaveOffer,
    SavePresence,
    Severity,
    SyncQueueMember,
    ToAsterisk,
)
from callcenter.core.ids import (
    NO_CALL,
    NO_OFFER,
    NO_PHONE,
    CallId,
    ChannelId,
    GroupId,
    OfferId,
    PersonId,
    PhoneName,
    ServerId,
)
from callcenter.core.offer import OFFER, Offer, OfferStep
from callcenter.core.operator import ACTIVITY, PRESENCE, Activity, ActivityStep, Operator, Presence, PresenceStep
from callcenter.core.queue.line import LineState
from callcenter.core.queue.roster import Roster
from callcenter.core.records import CallRecord, PresenceRecord
from callcenter.core.server import ServerState, named_in, offer_id
from callcenter.core.settings import Settings
from callcenter.core.undo import Undo

if TYPE_CHECKING:
    from typing import Unpack

    from callcenter.core.changes import (
        CallEntry,
        CallerChange,
        FloorChange,
        LineChange,
        OfferChange,
        OfferEntry,
        OperatorChange,
        ServerChange,
    )

P = ParamSpec("P")

REMEMBERED = 120.0
"""Seconds for which the end of a call is remembered: Asterisk's journal may tell of it once more."""


class Floor:
    """Everything the core remembers. `now` and `commands` belong to the event being handled."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._undo = undo = Undo()
        self.servers = {name: ServerState(name) for name in settings.servers}
        self._first = next(iter(self.servers.values()))
        self._alone = self._first if len(self.servers) == 1 else None
        self.catching_up = False
        """A snapshot is being taken in: who can be offered to whom depends on all of it."""
        self.lines = {id: LineState(line, undo) for id, line in settings.lines.items()}
        self.operators = {id: Operator(person) for id, person in settings.people.items()}
        self.rosters = {person.group: Roster(undo) for person in settings.people.values()}
        self.on_duty = dict.fromkeys(self.rosters, 0)
        self.callers: dict[CallId, Caller] = {}
        self.offers: dict[OfferId, Offer] = {}
        self.at_phone: dict[PhoneName, PersonId] = {}
        self.dialling: dict[ChannelId, Operator] = {}
        """Calls in which somebody dials a code, by channel."""
        self.unfinished_recordings: dict[CallId, CallRecord] = {}
        self.not_recording = ""
        """Why conversations cannot be recorded now; '': they can."""
        self.aside: dict[CallId, CallRecord | None] = {}
        """Calls that we cannot handle and Asterisk serves by itself, until their channels are gone; and their rows."""
        self.now = 0.0
        self.commands: list[Command] = []
        self._changed: dict[CallId, Caller] = {}
        self._offers_made = 0

    # -- every Asterisk ----------------------------------------------------------------------------------------

    def server_of(self, channel_id: ChannelId) -> ServerState:
        """Where the channel is, or was. One of a server that is no longer named is for the first to miss."""
        return self._alone or self.servers.get(named_in(channel_id), self._first)

    def sees(self, channel_id: ChannelId) -> bool:
        """Whether anything may be begun or broken off for the channel now: what is believed of its server is true."""
        return self.server_of(channel_id).seen and not self.catching_up

    @property
    def sees_all(self) -> bool:
        """The same for every channel."""
        alone = self._alone
        return not self.catching_up and (alone.seen if alone else all(one.seen for one in self.servers.values()))

    @property
    def sees_any(self) -> bool:
        """The same for the channels of one server at least."""
        return not self.catching_up and any(server.seen for server in self.servers.values())

    def ended_lately(self, call: CallId) -> bool:
        """Whether the call is over, of which Asterisk's journal may still tell."""
        return call in self.server_of(call).ended

    # -- one event ---------------------------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """A new event is being handled at `now`."""
        self._undo.forget()
        self.now = now
        self.commands = []
        self._changed = {}

    def finish(self) -> list[Command]:
        """What is to be done; every changed call is written once."""
        self.do(*(SaveCall(caller.record) for caller in self._changed.values()))
        return self.commands

    def take_back(self) -> None:
        """The event has failed: everything is as if it had never come."""
        self._undo.back_to()
        self.commands = []
        self._changed = {}

    def attempt(self, call: CallId, during: str, act: Callable[P, object], *args: P.args, **more: P.kwargs) -> bool:
        """Do something for one call ('': for nobody in particular). If it fails that alone is taken back: False."""
        moment, now, commands, done = len(self._undo), self.now, self.commands, len(self.commands)
        try:
            act(*args, **more)
        except Exception as problem:
            self._undo.back_to(moment)
            self.now, self.commands = now, commands
            del commands[done:]
            self.do(Contained(call, during, problem))
            return False
        return True

    def at(self, moment: float) -> None:
        """What follows happened then: only while looking back."""
        self.now = moment

    def do(self, *commands: Command) -> None:
        """Want something done."""
        self.commands.extend(commands)

    def notice(self, text: str, severity: Severity = Severity.INFO) -> None:
        """Tell the log."""
        self.do(Notice(severity, text))

    @contextmanager
    def looking_back(self) -> Iterator[None]:
        """Inside, `now` may be set to moments of the past: what was done then is entered, and Asterisk told nothing.

        What Asterisk has to be told today is found by comparing with its channels afterwards.
        """
        now, commands, self.commands = self.now, self.commands, []
        try:
            yield
        finally:
            self.now = now
            commands.extend(command for command in self.commands if not isinstance(command, ToAsterisk))
            self.commands = commands

    # -- any of them -------------------------------------------------------------------------------------------

    @overload
    def change(self, thing: Caller, /, **changes: Unpack[CallerChange]) -> None: ...
    @overload
    def change(self, thing: Operator, /, **changes: Unpack[OperatorChange]) -> None: ...
    @overload
    def change(self, thing: Offer, /, **changes: Unpack[OfferChange]) -> None: ...
    @overload
    def change(self, thing: LineState, /, **changes: Unpack[LineChange]) -> None: ...
    @overload
    def change(self, thing: ServerState, /, **changes: Unpack[ServerChange]) -> None: ...
    @overload
    def change(self, thing: Floor, /, **changes: Unpack[FloorChange]) -> None: ...
    def change(self, thing: object, /, **changes: object) -> None:
        """Change what is known of somebody or something; what goes by a lifecycle has a method of its own."""
        self._undo.change(thing, changes)

    # -- callers -----------------------------------------------------------------------------------------------

    def enter(self, caller: Caller) -> Caller:
        """A call is there, of which nothing was known."""
        self._undo.put(self.callers, caller.call, caller)
        return caller

    def caller_of(self, channel: ChannelId) -> Caller | None:
        """Whose channel it is, if a caller's."""
        return self.callers.get(CallId(channel))

    def admit(self, caller: Caller) -> None:
        """The call takes one of the line's lines (ESTP 2.2b)."""
        if not caller.admitted:
            line = self.line(caller)
            self._undo.set(caller, "admitted", True)
            self._undo.set(line, "lines_in_use", line.lines_in_use + 1)

    def dismiss(self, caller: Caller) -> None:
        """The call's line is free for another one, if it took one."""
        if caller.admitted:
            line = self.line(caller)
            self._undo.set(caller, "admitted", False)
            self._undo.set(line, "lines_in_use", line.lines_in_use - 1)

    def line(self, caller: Caller) -> LineState:
        """The line that the caller dialled."""
        return self.lines[caller.record.line]

    def move(self, caller: Caller, step: CallerStep) -> None:
        """Take the caller one step through the lifecycle."""
        self._undo.set(caller, "state", CALLER.next(caller.state, step))

    def start_over(self, caller: Caller) -> None:
        """Another life of a call that was refused: the table rightly has no way back from there."""
        self._undo.set(caller, "state", CALLER.start)

    def note(self, caller: Caller, **changes: Unpack[CallEntry]) -> None:
        """Enter something in the caller's row of the register."""
        self._undo.set(caller, "record", replace(caller.record, **changes))
        self._undo.put(self._changed, caller.call, caller)

    def forget(self, caller: Caller) -> None:
        """The call is over and entered. That it was is remembered for a while."""
        self._undo.take(self.callers, caller.call)
        self.remember_ended(caller.call)
        server = self.server_of(caller.call)
        while server.connected and next(iter(server.ended.values())) < self.now - REMEMBERED:
            self._undo.take_first(server.ended)

    def remember_ended(self, *calls: CallId) -> None:
        """The journal may tell of these once more."""
        for call in calls:
            self._undo.put(self.server_of(call).ended, call, self.now)

    def expect(self, record: CallRecord) -> None:
        """Asterisk is going to tell of this call, of which the journal knows already."""
        self._undo.put(self.server_of(record.call).arriving, record.call, record)

    def expect_nobody(self, server: ServerState) -> None:
        """Whom this Asterisk is going to tell of is read anew."""
        self._undo.set(server, "arriving", {})

    def told(self, call: CallId) -> CallRecord | None:
        """Asterisk has told of the call; what was known of it before."""
        return self._undo.take(self.server_of(call).arriving, call)

    # -- calls that are set aside ------------------------------------------------------------------------------

    def put_aside(self, call: CallId, record: CallRecord | None) -> None:
        """It is no longer ours."""
        self._undo.put(self.aside, call, record)

    def take_back_aside(self, call: CallId) -> CallRecord | None:
        """It is over; its row, if there is one."""
        return self._undo.take(self.aside, call)

    def strike_caller(self, call: CallId) -> None:
        """Nothing is known of the call any more."""
        self._undo.take(self.callers, call)
        self._undo.take(self._changed, call)

    def strike(self, call: CallId) -> list[Offer]:
        """By force, whatever the state: the call, its place, its line, its offers, which are returned."""
        self.strike_caller(call)
        for id, line in self.lines.items():
            line.queue.leave(call)
            admitted = sum(caller.admitted for caller in self.callers.values() if caller.record.line == id)
            self._undo.set(line, "lines_in_use", admitted)
        offers = [offer for offer in self.offers.values() if offer.call == call]
        for offer in offers:
            self.take_in(offer)
        for operator in [one for one in self.operators.values() if one.offer in {offer.id for offer in offers}]:
            self.change(operator, offer=NO_OFFER, handling=None, ready_at=None, transfer="", free_since=self.now)
            self._undo.set(operator, "activity", ACTIVITY.start)
            self._settle(operator, "set_aside")
            self._leave_desk(operator)
        return offers

    # -- recordings --------------------------------------------------------------------------------------------

    def await_recording(self, record: CallRecord) -> None:
        """The call is over; what was recorded is still to come into its row."""
        self._undo.put(self.unfinished_recordings, record.call, record)

    def recording_told(self, call: CallId) -> CallRecord | None:
        """The row of a call of whose recording it is known now what became of it."""
        return self._undo.take(self.unfinished_recordings, call)

    # -- offers ------------------------------------------------------------------------------------------------

    def next_offer_id(self, caller: Caller) -> OfferId:
        """A channel id that no other offer has, on the caller's server."""
        self._undo.set(self, "_offers_made", self._offers_made + 1)
        server = ServerId("") if self._alone else self.server_of(caller.call).name
        return offer_id(server, self.settings.boot, self._offers_made)

    def put_out(self, offer: Offer) -> Offer:
        """An offer is there."""
        self._undo.put(self.offers, offer.id, offer)
        return offer

    def offer_of(self, channel: ChannelId) -> Offer | None:
        """Whose channel it is, if an operator's leg."""
        return self.offers.get(OfferId(channel))

    def take_in(self, offer: Offer) -> None:
        """The offer's channel is gone."""
        self._undo.take(self.offers, offer.id)

    def step(self, offer: Offer, step: OfferStep) -> None:
        """Take the offer one step through the lifecycle."""
        self._undo.set(offer, "state", OFFER.next(offer.state, step))

    def note_offer(self, offer: Offer, **changes: Unpack[OfferEntry]) -> None:
        """Enter something in the offer's row of the register."""
        self.keep_for_row(offer, **changes)
        self.do(SaveOffer(offer.record))

    def keep_for_row(self, offer: Offer, **changes: Unpack[OfferEntry]) -> None:
        """The same, to be written with the next entry."""
        self._undo.set(offer, "record", replace(offer.record, **changes))

    def withdraw(self, offer: Offer) -> None:
        """Stop the ringing. The operator is free again when the phone is really silent."""
        self.step(offer, OfferStep.WITHDRAW)
        self.do(HangUp(offer.id))

    # -- operators ---------------------------------------------------------------------------------------------

    def presence(self, operator: Operator, step: PresenceStep, cause: str, reason: str = "") -> None:
        """Change what the person intends, write it down, keep rosters and the fallback queue in step (ESTP 5.3.1)."""
        self._intend(operator, step)
        self._undo.set(operator, "reason", reason)
        if step is PresenceStep.LOG_IN or step is PresenceStep.RETURN:
            self._undo.set(operator, "free_since", self.now)
        self._settle(operator, cause)
        self.do(self._queue_member(operator))
        self._leave_desk(operator)

    def recall_presence(self, operator: Operator, presence: Presence) -> None:
        """As the register knows it; nothing is written down, and nobody told."""
        for step in PRESENCE.way(presence, operator.presence):
            self._intend(operator, step)

    def recall_activity(self, operator: Operator, activity: Activity) -> None:
        """The same of the phone."""
        for step in ACTIVITY.way(activity, operator.activity):
            self._undo.set(operator, "activity", ACTIVITY.next(operator.activity, step))

    def _intend(self, operator: Operator, step: PresenceStep) -> None:
        group, was_on_duty = operator.person.group, operator.presence is Presence.AVAILABLE
        self._undo.set(operator, "presence", PRESENCE.next(operator.presence, step))
        on_duty = self.on_duty[group] + (operator.presence is Presence.AVAILABLE) - was_on_duty
        self._undo.put(self.on_duty, group, on_duty)

    def activity(self, operator: Operator, step: ActivityStep, cause: str, call: CallId = NO_CALL) -> None:
        """Change what the phone does."""
        self._undo.set(operator, "activity", ACTIVITY.next(operator.activity, step))
        if step is ActivityStep.READY:
            self._undo.set(operator, "free_since", self.now)
        self._settle(operator, cause, call)
        self._leave_desk(operator)

    def _leave_desk(self, operator: Operator) -> None:
        """The phone is free for somebody else when its last conversation is over, not sooner."""
        if operator.presence is Presence.OFF and operator.activity in (Activity.IDLE, Activity.WRAPPING_UP):
            self._undo.take(self.at_phone, operator.phone)
            self._undo.set(operator, "phone", NO_PHONE)

    def seat(self, operator: Operator, phone: PhoneName) -> None:
        """The phone is the operator's from now on."""
        self._undo.set(operator, "phone", phone)
        self._undo.put(self.at_phone, phone, operator.person.id)

    def clear_desk(self, phone: PhoneName) -> None:
        """Nobody's phone."""
        self._undo.take(self.at_phone, phone)

    def dials(self, operator: Operator, channel: ChannelId) -> None:
        """The operator is in a call of their own, to dial a code: nobody is offered there."""
        self._undo.set(operator, "dialling", channel)
        self._undo.put(self.dialling, channel, operator)
        self.enrol(operator)

    def dialled(self, channel: ChannelId) -> Operator | None:
        """That call is over; whose it was."""
        return self._undo.take(self.dialling, channel)

    def enrol(self, operator: Operator) -> None:
        """In the roster if free, otherwise not."""
        roster = self.rosters[operator.person.group]
        if operator.free:
            roster.add(operator.person.id, operator.free_since)
        else:
            roster.remove(operator.person.id)

    def _settle(self, operator: Operator, cause: str, call: CallId = NO_CALL) -> None:
        self._undo.set(operator, "since", self.now)
        self.enrol(operator)
        self.do(
            SavePresence(
                PresenceRecord(
                    operator.person.id,
                    self.now,
                    operator.presence.value,
                    operator.activity.value,
                    cause,
                    operator.phone,
                    operator.reason,
                    call,
                    operator.free_since,
                )
            )
        )

    def _queue_member(self, operator: Operator) -> SyncQueueMember:
        on_shift = operator.presence is not Presence.OFF
        paused = operator.presence is Presence.PAUSED
        return SyncQueueMember(operator.person.id, operator.person.group, operator.phone, on_shift, paused)

    def staff(self, groups: Iterable[GroupId]) -> int:
        """People of these groups on shift and not paused."""
        return sum(self.on_duty.get(group, 0) for group in groups)

    def free(self, groups: Iterable[GroupId]) -> int:
        """People of these groups who can be offered a caller now."""
        return sum(len(self.rosters[group]) for group in groups if group in self.rosters)

    def lines_sharing_staff(self, line: LineState) -> Iterable[LineState]:
        """Other lines whose callers the same people answer."""
        ours = set(line.settings.answered_by)
        return (x for x in self.lines.values() if x is not line and not ours.isdisjoint(x.settings.answered_by))

    def longest_free(
        self, groups: Iterable[GroupId], without: frozenset[PersonId] | set[PersonId] = frozenset()
    ) -> Operator | None:
        """The operator of these groups who has been free the longest (ESTP 5.4.1)."""
        firsts = (self.rosters[group].first(without) for group in groups if group in self.rosters)
        first = min((entry for entry in firsts if entry), default=None)
        return self.operators[first[1]] if first else None
