"""The state of the call centre. Only these methods change it; the rules (other modules) use them.

Every change is first noted in `undo`, so that an event, or one call's part of it, can be undone as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, ParamSpec, overload

from callcenter.core.call_back import CALL_BACK, CallBack, CallBackStep
from callcenter.core.caller import CALLER, Caller, CallerStep
from callcenter.core.chat import CHAT, Chat, ChatState, ChatStep
from callcenter.core.commands import (
    CallBackOver,
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
    NO_CHANNEL,
    NO_LINE,
    NO_OFFER,
    NO_PERSON,
    NO_PHONE,
    CallBackId,
    CallId,
    ChannelId,
    ChatId,
    GroupId,
    OfferId,
    PersonId,
    PhoneName,
    ServerId,
)
from callcenter.core.offer import OFFER, Offer, OfferStep
from callcenter.core.operator import ACTIVITY, PRESENCE, Activity, ActivityStep, Operator, Presence, PresenceStep
from callcenter.core.outgoing_call import OUTGOING, OutgoingCall, OutgoingStep
from callcenter.core.phone import PHONE, Phone, PhoneStep
from callcenter.core.question import QUESTION, QuestionStep
from callcenter.core.queue.line import LineState
from callcenter.core.queue.roster import Roster
from callcenter.core.records import AnnouncementRecord, CallRecord, PresenceRecord
from callcenter.core.server import ServerState, named_in, offer_id, outgoing_id
from callcenter.core.settings import Line, Settings
from callcenter.core.undo import Undo
from callcenter.core.warm_start import ACQUAINTANCES, Acquaintance

if TYPE_CHECKING:
    from typing import Unpack

    from callcenter.core.changes import (
        CallBackChange,
        CallEntry,
        CallerChange,
        ChatChange,
        FloorChange,
        LineChange,
        OfferChange,
        OfferEntry,
        OperatorChange,
        OutgoingChange,
        PhoneChange,
        ServerChange,
    )

P = ParamSpec("P")

MOST_ATTEMPTS = 10_000
"""Attempts of call-backs that are remembered, and kept places whose call-back nobody has told yet."""
REMEMBERED = 120.0
"""Seconds for which the end of a call is remembered, because Asterisk's journal may tell of it again."""


class Floor:
    """Everything the core remembers. `now` and `commands` belong to the event being handled."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._undo = undo = Undo()
        self.servers = {name: ServerState(name) for name in settings.servers}
        self._first = next(iter(self.servers.values()))
        self._alone = self._first if len(self.servers) == 1 else None
        self.catching_up = False
        """A snapshot is being handled: no offers until all of it is known."""
        self.lines = {id: LineState(line, undo) for id, line in settings.lines.items()}
        self.operators = {id: Operator(person) for id, person in settings.people.items()}
        self.rosters = {person.group: Roster(undo) for person in settings.people.values()}
        self.on_duty = dict.fromkeys(self.rosters, 0)
        """How many people of each group are on shift, not paused, and at a phone that can be reached."""
        self.callers: dict[CallId, Caller] = {}
        self.kept: dict[CallId, Operator] = {}
        """For whom callers are kept."""
        self.offers: dict[OfferId, Offer] = {}
        self.outgoing: dict[CallId, OutgoingCall] = {}
        self.dialled_customers: dict[ChannelId, CallId] = {}
        """The call of each channel of a customer whom an operator has called."""
        self.call_backs: dict[CallBackId, CallBack] = {}
        """Call-backs whose time has come."""
        self.chats: dict[ChatId, Chat] = {}
        """Chats that are not over."""
        self.at_desks: dict[PersonId, Operator] = {}
        """Who has a page open in which chats can be shown."""
        self.apart = LineState(Line(NO_LINE, ()), undo)
        """The queue of call-backs for people who answer no line's callers."""
        self.attempts: dict[CallBackId, CallBackOver] = {}
        """The last attempt of each call-back that is over: it may be told as due once more."""
        self.kept_places: dict[CallId, tuple[AnnouncementRecord, ...]] = {}
        """What callers were told of the wait who keep their place and have hung up, until that is due."""
        self.at_phone: dict[PhoneName, PersonId] = {}
        self.phones: dict[PhoneName, Phone] = {}
        """Phones of which something is known."""
        self.dialling: dict[ChannelId, Operator] = {}
        """Calls in which somebody dials a code, by channel."""
        self.internal_calls: dict[ChannelId, tuple[Operator, ...]] = {}
        """Who takes part in a phone's own call to a colleague, by its channel."""
        self.unfinished_recordings: dict[CallId, CallRecord] = {}
        self.not_recording = ""
        """Why recordings cannot be stored now; '': they can."""
        self.aside: dict[CallId, CallRecord | None] = {}
        """Calls that are set aside and served by Asterisk alone, until their channels end; with their rows."""
        self.now = 0.0
        self.commands: list[Command] = []
        self._changed: dict[CallId, Caller | OutgoingCall] = {}
        self._offers_made = 0
        self._outgoing_made = 0

    # -- servers -----------------------------------------------------------------------------------------------

    def server_of(self, channel_id: ChannelId) -> ServerState:
        """Return the channel's server. A channel of a server no longer configured counts as the first one's.

        The first server's next snapshot then finds the channel missing.
        """
        return self._alone or self.servers.get(named_in(channel_id), self._first)

    def sees(self, channel_id: ChannelId) -> bool:
        """Whether anything may be begun or stopped for the channel now, because the state of its server is known."""
        return self.server_of(channel_id).seen and not self.catching_up

    @property
    def sees_all(self) -> bool:
        """Whether `sees` is true for every channel."""
        alone = self._alone
        return not self.catching_up and (alone.seen if alone else all(one.seen for one in self.servers.values()))

    @property
    def sees_any(self) -> bool:
        """Whether `sees` is true for the channels of at least one server."""
        return not self.catching_up and any(server.seen for server in self.servers.values())

    def ended_lately(self, call: CallId) -> bool:
        """Whether the call ended recently, so that Asterisk's journal may still tell of it."""
        return call in self.server_of(call).ended

    # -- the event being handled -------------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """Begin to handle a new event at `now`."""
        self._undo.forget()
        self.now = now
        self.commands = []
        self._changed = {}

    def finish(self) -> list[Command]:
        """Return the commands; every changed call is saved once."""
        self.do(*(SaveCall(caller.record) for caller in self._changed.values()))
        return self.commands

    def take_back(self) -> None:
        """Undo the failed event completely."""
        self._undo.back_to()
        self.commands = []
        self._changed = {}

    def touched(self) -> set[PersonId]:
        """Return whose state the last event has changed, or that of their phone or their call."""
        people: set[PersonId] = set()
        calls: set[CallId] = set()
        for thing in self._undo.things():
            match thing:
                case Operator():
                    people.add(thing.person.id)
                case Offer():
                    people.add(thing.operator)
                case Phone() if thing.name in self.at_phone:
                    people.add(self.at_phone[thing.name])
                case Chat() if thing.operator:
                    people.add(thing.operator)
                case OutgoingCall():
                    people.add(thing.record.operator)
                case Caller():
                    calls.add(thing.call)
        if calls:
            people |= {offer.operator for offer in self.offers.values() if offer.call in calls}
            people |= {operator.person.id for call, operator in self.kept.items() if call in calls}
        return people

    def attempt(self, call: CallId, during: str, act: Callable[P, object], *args: P.args, **more: P.kwargs) -> bool:
        """Do a step for one call ('': for no particular call). If it fails, undo that step alone and return False."""
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
        """Set the time of the next changes; only while looking back."""
        self.now = moment

    def do(self, *commands: Command) -> None:
        """Add commands to be performed."""
        self.commands.extend(commands)

    def notice(self, text: str, severity: Severity = Severity.INFO) -> None:
        """Write a sentence to the log."""
        self.do(Notice(severity, text))

    @contextmanager
    def looking_back(self) -> Iterator[None]:
        """Let `now` be set to past times inside: changes are entered at those times, and Asterisk gets no commands.

        What Asterisk must be told now is found afterwards, by comparing with its channels.
        """
        now, commands, self.commands = self.now, self.commands, []
        try:
            yield
        finally:
            self.now = now
            commands.extend(command for command in self.commands if not isinstance(command, ToAsterisk))
            self.commands = commands

    # -- attributes of any of them -----------------------------------------------------------------------------

    @overload
    def change(self, thing: Caller, /, **changes: Unpack[CallerChange]) -> None: ...
    @overload
    def change(self, thing: Operator, /, **changes: Unpack[OperatorChange]) -> None: ...
    @overload
    def change(self, thing: Offer, /, **changes: Unpack[OfferChange]) -> None: ...
    @overload
    def change(self, thing: OutgoingCall, /, **changes: Unpack[OutgoingChange]) -> None: ...
    @overload
    def change(self, thing: CallBack, /, **changes: Unpack[CallBackChange]) -> None: ...
    @overload
    def change(self, thing: Chat, /, **changes: Unpack[ChatChange]) -> None: ...
    @overload
    def change(self, thing: Phone, /, **changes: Unpack[PhoneChange]) -> None: ...
    @overload
    def change(self, thing: LineState, /, **changes: Unpack[LineChange]) -> None: ...
    @overload
    def change(self, thing: ServerState, /, **changes: Unpack[ServerChange]) -> None: ...
    @overload
    def change(self, thing: Floor, /, **changes: Unpack[FloorChange]) -> None: ...
    def change(self, thing: object, /, **changes: object) -> None:
        """Change attributes of a thing; the states of lifecycles have methods of their own."""
        self._undo.change(thing, changes)

    # -- callers -----------------------------------------------------------------------------------------------

    def enter(self, caller: Caller) -> Caller:
        """Add a call that was unknown before."""
        self._undo.put(self.callers, caller.call, caller)
        return caller

    def call_of(self, channel: ChannelId) -> CallId:
        """Return the call of a caller's channel: its id is the call's, unless an operator has called that caller."""
        return self.dialled_customers.get(channel, CallId(channel))

    def caller_of(self, channel: ChannelId) -> Caller | None:
        """Return the caller whose channel it is; None if it is no caller's."""
        caller = self.callers.get(self.call_of(channel))
        return caller if caller and caller.channel_id == channel else None

    def admit(self, caller: Caller | OutgoingCall) -> None:
        """Count the call among the line's lines in use (ESTP 2.2b)."""
        if not caller.admitted:
            line = self.line(caller)
            self._undo.set(caller, "admitted", True)
            self._undo.set(line, "lines_in_use", line.lines_in_use + 1)

    def dismiss(self, caller: Caller | OutgoingCall) -> None:
        """Free the line that the call used, if it used one."""
        if caller.admitted:
            line = self.line(caller)
            self._undo.set(caller, "admitted", False)
            self._undo.set(line, "lines_in_use", line.lines_in_use - 1)

    def line(self, caller: Caller | OutgoingCall) -> LineState:
        """Return the line that the caller dialled, or on behalf of which somebody calls out."""
        return self.lines[caller.record.line]

    def rules(self, caller: Caller) -> Line:
        """Return the line's settings as they were when the call began: it keeps them to its end (ESTP 6.2)."""
        return self.line(caller).settings_at(caller.record.arrived_at)

    def move(self, caller: Caller, step: CallerStep) -> None:
        """Move the caller one step through the lifecycle."""
        self._undo.set(caller, "state", CALLER.next(caller.state, step))

    def question(self, caller: Caller, step: QuestionStep) -> None:
        """Move the caller one step through the questions."""
        self._undo.set(caller, "question", QUESTION.next(caller.question, step))

    def keep(self, caller: Caller, operator: Operator) -> None:
        """Note that the caller waits for this operator, who is offered no other."""
        self._undo.put(self.kept, caller.call, operator)
        self._undo.set(operator, "keeps", caller.call)
        self.enrol(operator)

    def keep_no_more(self, call: CallId) -> bool:
        """Note that the caller waits for no particular operator any more; False: they did not."""
        operator = self._undo.take(self.kept, call)
        if operator is not None:
            self._undo.set(operator, "keeps", NO_CALL)
            self.enrol(operator)
        return operator is not None

    def start_over(self, caller: Caller) -> None:
        """Reset a refused call to the first state: the lifecycle table rightly has no way back from there."""
        self._undo.set(caller, "state", CALLER.start)

    def note(self, caller: Caller | OutgoingCall, **changes: Unpack[CallEntry]) -> None:
        """Change fields of the call's row, which is saved when the event is finished."""
        self._undo.set(caller, "record", replace(caller.record, **changes))
        self._undo.put(self._changed, caller.call, caller)

    def acquaint(self, line: LineState, acquaintance: Acquaintance) -> None:
        """Remember a number that has called; of too many, those who have not called for the longest are forgotten."""
        self._undo.take(line.acquaintances, acquaintance.number)
        self._undo.put(line.acquaintances, acquaintance.number, acquaintance)
        if len(line.acquaintances) > ACQUAINTANCES:
            self._undo.take(line.acquaintances, next(iter(line.acquaintances)))

    def ask_for_request(self, line: LineState, number: str, since: float) -> None:
        """Note that somebody keys in a registration number now; what was before `since` is forgotten."""
        times = (*(at for at in line.requests_asked.get(number, ()) if at > since), self.now)
        self._undo.take(line.requests_asked, number)
        self._undo.put(line.requests_asked, number, times)
        while next(iter(line.requests_asked.values()))[-1] <= since:
            self._undo.take(line.requests_asked, next(iter(line.requests_asked)))

    def forget(self, caller: Caller) -> None:
        """Remove an ended call; its end is remembered for at least `REMEMBERED` seconds."""
        self._undo.take(self.callers, caller.call)
        self._undo.take(self.dialled_customers, caller.channel_id)
        self.remember_ended(caller.call)
        server = self.server_of(caller.call)
        while server.connected and next(iter(server.ended.values())) < self.now - REMEMBERED:
            self._undo.take_first(server.ended)

    def remember_ended(self, *calls: CallId) -> None:
        """Remember that these calls have ended: the journal may tell of them again."""
        for call in calls:
            self._undo.put(self.server_of(call).ended, call, self.now)

    def expect(self, record: CallRecord) -> None:
        """Remember a call known from the journal whose arrival Asterisk is still going to report."""
        self._undo.put(self.server_of(record.call).arriving, record.call, record)

    def expect_nobody(self, server: ServerState) -> None:
        """Forget whose arrival this Asterisk is going to report: the journal is being read again."""
        self._undo.set(server, "arriving", {})

    def told(self, call: CallId) -> CallRecord | None:
        """Return what was known of a call that Asterisk reports now, and forget it; None if nothing was."""
        return self._undo.take(self.server_of(call).arriving, call)

    # -- calls that are set aside ------------------------------------------------------------------------------

    def put_aside(self, call: CallId, record: CallRecord | None) -> None:
        """Note that the call is set aside."""
        self._undo.put(self.aside, call, record)

    def take_back_aside(self, call: CallId) -> CallRecord | None:
        """Remove an ended call from those set aside; return its row, if there is one."""
        record = self._undo.take(self.aside, call)
        if record:
            self._undo.take(self.dialled_customers, record.channel)
        return record

    def strike_caller(self, call: CallId) -> None:
        """Remove the caller, whatever the state, and any unsaved change of the row."""
        self.keep_no_more(call)
        self._undo.take(self.callers, call)
        self._undo.take(self._changed, call)

    def strike(self, call: CallId) -> list[Offer]:
        """Remove by force, whatever the state: the call, its place, its line and its offers; return the offers."""
        self.strike_caller(call)
        for id, line in self.lines.items():
            line.queue.leave(call)
            everybody: tuple[Caller | OutgoingCall, ...] = (*self.callers.values(), *self.outgoing.values())
            self._undo.set(line, "lines_in_use", sum(one.admitted for one in everybody if one.record.line == id))
        offers = [offer for offer in self.offers.values() if offer.call == call]
        for offer in offers:
            self.take_in(offer)
        for operator in [one for one in self.operators.values() if one.offer in {offer.id for offer in offers}]:
            self.change(operator, offer=NO_OFFER, handling=None, transfer="", free_since=self.now)
            self.change(operator, ready_at=None, ready_by=None)
            self._undo.set(operator, "activity", ACTIVITY.start)
            self._settle(operator, "set_aside")
            self._leave_desk(operator)
        return offers

    # -- recordings --------------------------------------------------------------------------------------------

    def await_recording(self, record: CallRecord) -> None:
        """Keep the row of an ended call until its recording is finished."""
        self._undo.put(self.unfinished_recordings, record.call, record)

    def recording_told(self, call: CallId) -> CallRecord | None:
        """Return the row that waited for its recording, and stop waiting."""
        return self._undo.take(self.unfinished_recordings, call)

    # -- offers ------------------------------------------------------------------------------------------------

    def next_offer_id(self, caller: Caller) -> OfferId:
        """Return a new unique channel id for an offer, on the caller's server."""
        self._undo.set(self, "_offers_made", self._offers_made + 1)
        server = ServerId("") if self._alone else self.server_of(caller.call).name
        return offer_id(server, self.settings.boot, self._offers_made)

    def put_out(self, offer: Offer) -> Offer:
        """Add an offer."""
        self._undo.put(self.offers, offer.id, offer)
        return offer

    def offer_of(self, channel: ChannelId) -> Offer | None:
        """Return the offer whose channel it is; None if it is no operator's leg."""
        return self.offers.get(OfferId(channel))

    def take_in(self, offer: Offer) -> None:
        """Remove an offer whose channel has ended."""
        self._undo.take(self.offers, offer.id)

    def step(self, offer: Offer, step: OfferStep) -> None:
        """Move the offer one step through the lifecycle."""
        self._undo.set(offer, "state", OFFER.next(offer.state, step))

    def note_offer(self, offer: Offer, **changes: Unpack[OfferEntry]) -> None:
        """Change fields of the offer's row and save it."""
        self.keep_for_row(offer, **changes)
        self.do(SaveOffer(offer.record))

    def keep_for_row(self, offer: Offer, **changes: Unpack[OfferEntry]) -> None:
        """Change fields of the offer's row; they are saved with its next change."""
        self._undo.set(offer, "record", replace(offer.record, **changes))

    def withdraw(self, offer: Offer) -> None:
        """Withdraw an offer. The operator is free again when the phone has stopped ringing."""
        self.step(offer, OfferStep.WITHDRAW)
        self.do(HangUp(offer.id))

    # -- outgoing calls ----------------------------------------------------------------------------------------

    def next_outgoing_id(self, server: ServerState) -> CallId:
        """Return a new unique channel id for an operator's leg of an outgoing call on this server."""
        self._undo.set(self, "_outgoing_made", self._outgoing_made + 1)
        name = ServerId("") if self._alone else server.name
        return outgoing_id(name, self.settings.boot, self._outgoing_made)

    def call_out(self, outgoing: OutgoingCall, operator: Operator) -> None:
        """Add an outgoing call: it uses a line, and the operator has it in hand."""
        self._undo.put(self.outgoing, outgoing.call, outgoing)
        self._undo.set(operator, "outgoing", outgoing.call)
        self.admit(outgoing)

    def outgoing_of(self, channel: ChannelId) -> OutgoingCall | None:
        """Return the outgoing call whose channel it is, the operator's or the customer's; None if there is none."""
        return self.outgoing.get(self.call_of(channel))

    def customer_dialled(self, call: OutgoingCall | Caller, channel: ChannelId) -> None:
        """Note the customer's channel."""
        self._undo.take(self.dialled_customers, call.record.customer_channel)
        self._undo.put(self.dialled_customers, channel, call.call)
        if call.record.customer_channel != channel:
            self.note(call, customer_channel=channel)

    def customer_talks(self, outgoing: OutgoingCall, caller: Caller, leg: Offer) -> None:
        """Replace an outgoing call by a caller who talks with the operator's leg, on the same line."""
        self._undo.take(self.outgoing, outgoing.call)
        self._undo.put(self.callers, caller.call, caller)
        self._undo.put(self.offers, leg.id, leg)
        self._undo.set(caller, "admitted", outgoing.admitted)
        operator = self.operators[leg.operator]
        self._undo.set(operator, "outgoing", NO_CALL)
        self.change(operator, offer=leg.id, transfer="")

    def step_outgoing(self, outgoing: OutgoingCall, step: OutgoingStep) -> None:
        """Move an outgoing call one step through the lifecycle."""
        self._undo.set(outgoing, "state", OUTGOING.next(outgoing.state, step))

    def outgoing_over(self, outgoing: OutgoingCall) -> Operator:
        """Remove an outgoing call that came to nothing; return its operator, who has nothing in hand any more."""
        self.dismiss(outgoing)
        self._undo.take(self.outgoing, outgoing.call)
        self._undo.take(self.dialled_customers, outgoing.customer)
        operator = self.operators[outgoing.record.operator]
        self._undo.set(operator, "outgoing", NO_CALL)
        return operator

    def strike_outgoing(self, outgoing: OutgoingCall) -> None:
        """Remove an outgoing call by force, whatever its state and its operator's."""
        self._undo.take(self._changed, outgoing.call)
        operator = self.outgoing_over(outgoing)
        self._undo.set(operator, "activity", ACTIVITY.start)
        self.change(operator, free_since=self.now)
        self._settle(operator, "set_aside")
        self._leave_desk(operator)

    # -- call-backs --------------------------------------------------------------------------------------------

    def enter_call_back(self, back: CallBack) -> None:
        """Add a call-back whose time has come."""
        self._undo.put(self.call_backs, back.due.call_back, back)

    def forget_call_back(self, back: CallBack) -> None:
        """Remove a call-back whose attempt is over."""
        self._undo.take(self.call_backs, back.due.call_back)

    def step_call_back(self, back: CallBack, step: CallBackStep) -> None:
        """Move a call-back one step through the lifecycle."""
        self._undo.set(back, "state", CALL_BACK.next(back.state, step))

    def queue_of(self, back: CallBack) -> LineState:
        """Return the line in whose queue it stands."""
        return self.lines.get(back.queue, self.apart)

    def stand_in_queue(self, back: CallBack, urgency: str) -> None:
        """Give a call-back the place among the callers that belongs to its time."""
        line = self.queue_of(back)
        line.queue.join(back.key, urgency, back.due.place_at)
        self._undo.put(line.call_backs, back.key, back)

    def leave_queue(self, back: CallBack) -> None:
        """Take a call-back out of its queue, if it is there."""
        line = self.queue_of(back)
        line.queue.leave(back.key)
        self._undo.take(line.call_backs, back.key)

    def remember_attempt(self, call_back: CallBackId, told: CallBackOver) -> None:
        """Remember that somebody was dialled for it: the same attempt is never begun again."""
        self._undo.take(self.attempts, call_back)
        self._undo.put(self.attempts, call_back, told)
        if len(self.attempts) > MOST_ATTEMPTS:
            self._undo.take_first(self.attempts)

    def keep_promises(self, call: CallId, promises: tuple[AnnouncementRecord, ...]) -> None:
        """Keep what a caller was told of the wait, who has hung up and keeps the place."""
        self._undo.put(self.kept_places, call, promises)
        if len(self.kept_places) > MOST_ATTEMPTS:
            self._undo.take_first(self.kept_places)

    def take_kept_promises(self, call: CallId) -> tuple[AnnouncementRecord, ...]:
        """Return them, for the call-back that has the place now."""
        return self._undo.take(self.kept_places, call) or ()

    # -- chats -------------------------------------------------------------------------------------------------

    def enter_chat(self, chat: Chat) -> None:
        """Add a chat; it waits at the place of its time."""
        self._undo.put(self.chats, chat.id, chat)
        self._chat_line(chat).chats.join(chat.key, self._chat_urgency(chat), chat.arrived.place_at)

    def step_chat(self, chat: Chat, step: ChatStep) -> None:
        """Move a chat one step through the lifecycle; its place among those that wait follows."""
        self._undo.set(chat, "state", CHAT.next(chat.state, step))
        queue = self._chat_line(chat).chats
        if chat.state is ChatState.OFFERED:
            queue.reserve(chat.key)
        elif chat.state is ChatState.WAITING and chat.key in queue:
            queue.release(chat.key)
        elif chat.state is ChatState.WAITING:
            queue.join(chat.key, self._chat_urgency(chat), chat.arrived.place_at)
        else:
            queue.leave(chat.key)

    def give_chat(self, chat: Chat, operator: Operator) -> None:
        """Note that an operator is offered the chat, or answers it."""
        self._undo.set(chat, "operator", operator.person.id)
        self._chats_of(operator, (*operator.chats, chat.id))

    def take_chat(self, chat: Chat) -> None:
        """Note that nobody has the chat any more."""
        operator = self.operators.get(chat.operator)
        self._undo.set(chat, "operator", NO_PERSON)
        if operator:
            self._chats_of(operator, tuple(one for one in operator.chats if one != chat.id))

    def forget_chat(self, chat: Chat) -> None:
        """Remove a chat that is over."""
        self.take_chat(chat)
        self._chat_line(chat).chats.leave(chat.key)
        self._undo.take(self.chats, chat.id)

    def sit_at_desk(self, operator: Operator, *, there: bool) -> None:
        """Note whether the person has a page open in which chats can be shown."""
        self._undo.set(operator, "at_desk", there)
        if there:
            self._undo.put(self.at_desks, operator.person.id, operator)
        else:
            self._undo.take(self.at_desks, operator.person.id)

    def _chats_of(self, operator: Operator, chats: tuple[ChatId, ...]) -> None:
        self._undo.set(operator, "chats", chats)
        self._undo.set(operator, "chats_since", self.now)
        lines = (self._chat_line(self.chats[one]).settings.chat for one in chats)
        kept = any(not rules.beside_calls for rules in lines if rules)
        if operator.kept_from_calls and not kept:
            self._undo.set(operator, "free_since", self.now)
        self._undo.set(operator, "kept_from_calls", kept)
        self.enrol(operator)

    def _chat_line(self, chat: Chat) -> LineState:
        return self.lines[chat.arrived.line]

    def _chat_urgency(self, chat: Chat) -> str:
        settings, urgency = self._chat_line(chat).settings, chat.arrived.urgency
        return urgency if urgency in settings.classes else settings.default_class

    # -- operators ---------------------------------------------------------------------------------------------

    def presence(self, operator: Operator, step: PresenceStep, cause: str, reason: str = "") -> None:
        """Change an operator's presence, save it, update roster and fallback queue (ESTP 5.3.1)."""
        self._intend(operator, step)
        self._undo.set(operator, "reason", reason)
        if step is PresenceStep.LOG_IN or step is PresenceStep.RETURN:
            self._undo.set(operator, "free_since", self.now)
        self._settle(operator, cause)
        self.do(self._queue_member(operator))
        self._leave_desk(operator)

    def recall_presence(self, operator: Operator, presence: Presence) -> None:
        """Restore the presence known by the register; nothing is saved and nobody is told."""
        for step in PRESENCE.way(presence, operator.presence):
            self._intend(operator, step)

    def recall_activity(self, operator: Operator, activity: Activity) -> None:
        """Restore the activity in the same way."""
        for step in ACTIVITY.way(activity, operator.activity):
            self._undo.set(operator, "activity", ACTIVITY.next(operator.activity, step))

    def _intend(self, operator: Operator, step: PresenceStep) -> None:
        self._undo.set(operator, "presence", PRESENCE.next(operator.presence, step))
        self._count_on_duty(operator)

    def _count_on_duty(self, operator: Operator) -> None:
        on_duty = operator.presence is Presence.AVAILABLE and self.phone(operator.phone).reachable
        if operator.on_duty is not on_duty:
            group = operator.person.group
            self._undo.set(operator, "on_duty", on_duty)
            self._undo.put(self.on_duty, group, self.on_duty[group] + (1 if on_duty else -1))

    def activity(self, operator: Operator, step: ActivityStep, cause: str, call: CallId = NO_CALL) -> None:
        """Change an operator's activity."""
        self._undo.set(operator, "activity", ACTIVITY.next(operator.activity, step))
        if step in (ActivityStep.READY, ActivityStep.END_CALL):
            self._undo.set(operator, "free_since", self.now)
        self._settle(operator, cause, call)
        self._leave_desk(operator)

    def prolonged(self, operator: Operator, cause: str) -> None:
        """Save that the person has prolonged their wrap-up; the present state goes on."""
        self.do(SavePresence(self._presence_record(operator, cause)))

    def _leave_desk(self, operator: Operator) -> None:
        """Free the phone of an operator who is off shift, but not before the last conversation has ended."""
        if operator.presence is Presence.OFF and operator.activity in (Activity.IDLE, Activity.WRAPPING_UP):
            self._undo.take(self.at_phone, operator.phone)
            self._undo.set(operator, "phone", NO_PHONE)

    def seat(self, operator: Operator, phone: PhoneName) -> None:
        """Assign the phone to the operator."""
        self._undo.set(operator, "phone", phone)
        self._undo.put(self.at_phone, phone, operator.person.id)
        self._count_on_duty(operator)

    def clear_desk(self, phone: PhoneName) -> None:
        """Make the phone nobody's."""
        self._undo.take(self.at_phone, phone)

    # -- phones ------------------------------------------------------------------------------------------------

    def phone(self, name: PhoneName) -> Phone:
        """Return what is known of the phone."""
        return self.phones.get(name) or self._new_phone(name)

    def _new_phone(self, name: PhoneName) -> Phone:
        phone = Phone(name)
        if name:
            self._undo.put(self.phones, name, phone)
        return phone

    def step_phone(self, phone: Phone, step: PhoneStep) -> None:
        """Move the phone one step through the lifecycle."""
        was_ready = phone.ready
        self._undo.set(phone, "state", PHONE.next(phone.state, step))
        self._look_who_sits_at(phone, was_ready)

    def rest(self, phone: Phone, why: str) -> None:
        """Offer nobody at the phone for now, for this reason; '': from now on again."""
        was_ready = phone.ready
        self._undo.set(phone, "rests", why)
        self._look_who_sits_at(phone, was_ready)

    def _look_who_sits_at(self, phone: Phone, was_ready: bool) -> None:
        """Add or remove the operator; one whose phone can be rung again is free from now on: the last to be offered."""
        person = self.at_phone.get(phone.name)
        if person is not None:
            operator = self.operators[person]
            if phone.ready and not was_ready:
                self._undo.set(operator, "free_since", self.now)
            self._count_on_duty(operator)
            self.enrol(operator)

    def dials(self, operator: Operator, channel: ChannelId) -> None:
        """Note the operator's own call to dial a code: no offers until it has ended."""
        self._undo.set(operator, "dialling", channel)
        self._undo.put(self.dialling, channel, operator)
        self.enrol(operator)

    def dialled(self, channel: ChannelId) -> Operator | None:
        """Return the operator whose code-dialling call has ended, and forget that call; None if it was no such call."""
        return self._undo.take(self.dialling, channel)

    def can_be_offered(self, operator: Operator) -> bool:
        """Whether the operator can be offered a caller now: free, and at a phone that can be rung."""
        return operator.free and self.phone(operator.phone).ready

    def joins_internal_call(self, channel: ChannelId, *people: Operator) -> None:
        """Note that a phone calls a colleague: no offers to either of them until that call has ended."""
        self._undo.put(self.internal_calls, channel, people)
        for operator in people:
            self._undo.set(operator, "internal_call", channel)
            self._settle(operator, "internal_call")

    def internal_call_over(self, channel: ChannelId) -> tuple[Operator, ...]:
        """Forget the call and return who took part in it; nobody if it was no such call."""
        people = self._undo.take(self.internal_calls, channel) or ()
        for operator in people:
            self._undo.set(operator, "internal_call", NO_CHANNEL)
            self._undo.set(operator, "free_since", self.now)
            self._settle(operator, "internal_call_over")
        return people

    def enrol(self, operator: Operator) -> None:
        """Add the operator to the roster if they can be offered a caller, otherwise remove them."""
        roster = self.rosters[operator.person.group]
        if self.can_be_offered(operator):
            roster.add(operator.person.id, operator.free_since)
        else:
            roster.remove(operator.person.id)

    def _settle(self, operator: Operator, cause: str, call: CallId = NO_CALL) -> None:
        self._undo.set(operator, "since", self.now)
        self.enrol(operator)
        self.do(SavePresence(self._presence_record(operator, cause, call)))

    def _presence_record(self, operator: Operator, cause: str, call: CallId = NO_CALL) -> PresenceRecord:
        return PresenceRecord(
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

    def _queue_member(self, operator: Operator) -> SyncQueueMember:
        on_shift = operator.presence is not Presence.OFF
        paused = operator.presence is Presence.PAUSED
        return SyncQueueMember(operator.person.id, operator.person.group, operator.phone, on_shift, paused)

    def staff(self, groups: Iterable[GroupId]) -> int:
        """Return how many people of these groups are on duty: on shift, not paused, at a phone that can be reached."""
        return sum(self.on_duty.get(group, 0) for group in groups)

    def out_of_reach(self, groups: Iterable[GroupId]) -> int:
        """Return how many people of these groups are on shift and not paused, but at a phone that cannot be reached."""
        groups = set(groups)
        people = (self.operators[person] for person in self.at_phone.values())
        ready = sum(one.presence is Presence.AVAILABLE and one.person.group in groups for one in people)
        return ready - self.staff(groups)

    def free(self, groups: Iterable[GroupId]) -> int:
        """Return how many people of these groups can be offered a caller now."""
        return sum(len(self.rosters[group]) for group in groups if group in self.rosters)

    def lines_sharing_staff(self, line: LineState) -> Iterable[LineState]:
        """Return the other lines whose callers the same people answer."""
        ours = set(line.settings.answered_by)
        return (x for x in self.lines.values() if x is not line and not ours.isdisjoint(x.settings.answered_by))

    def longest_free(
        self, groups: Iterable[GroupId], without: frozenset[PersonId] | set[PersonId] = frozenset()
    ) -> Operator | None:
        """Return the operator of these groups who has been free the longest (ESTP 5.4.1); None if nobody is free."""
        firsts = (self.rosters[group].first(without) for group in groups if group in self.rosters)
        first = min((entry for entry in firsts if entry), default=None)
        return self.operators[first[1]] if first else None
