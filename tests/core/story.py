"""Stories of the field: people call, phones ring, time passes; the core decides, a tiny Asterisk obeys.

Time is virtual and starts at `START`; timers fire by themselves when it passes. Every command and every row of the
register is kept, so that a test can say what became of somebody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from callcenter.core.callcenter import CallCenter
from callcenter.core.commands import (
    Answer,
    CancelTimer,
    Command,
    Contained,
    FinishRecording,
    HangUp,
    Notice,
    Place,
    Reply,
    Ring,
    SaveAnnouncement,
    SavePresence,
    SetTimer,
    SyncQueueMember,
)
from callcenter.core.events import (
    AsteriskLost,
    AsteriskResponsive,
    AsteriskUnresponsive,
    CallArrived,
    CancelTransfer,
    CompleteTransfer,
    Customer,
    Event,
    GeneralLineEnded,
    GreetingHeard,
    HoursChanged,
    InfoMenuVisited,
    InnEntry,
    InnGiven,
    LogIn,
    LogOut,
    OfferFailure,
    OutgoingAsked,
    Pause,
    PhoneFound,
    PhoneLost,
    PhonesListed,
    Return,
    Snapshot,
    Timer,
    TimerFired,
    Transfer,
    UrgencyGiven,
)
from callcenter.core.ids import NO_OFFER, CallId, GroupId, LineId, OfferId, PersonId, PhoneName
from callcenter.core.records import AnnouncementRecord, CallRecord, OfferRecord, PresenceRecord, TransferRecord
from callcenter.core.settings import Line, Outgoing, Person, Settings
from callcenter.core.view import LineView, OperatorView
from tests.core.fake_pbx import CallerChannel, FakePbx, Leg
from tests.core.kept import Kept

START = 1000.0
JOURNAL_BEGINS = 3.0
"""Seconds that the journal is read from before the last moment that was surely seen: rather twice than never."""
INN = "5902290459"
CUSTOMER = Customer("Министерство образования Пермского края", "Заказчик", INN)
SUPPLIER = Customer("ООО «Поставщик»", "Поставщик", "7707083893")

OUTGOING = Outgoing(("+7342", "+79XXXXXXXXX", "0890"), ("operators", "managers"), 30.0)
NUMBER = "+79125550101"
ESTP = Line(
    id="estp",
    answered_by=("operators",),
    class_of_digit={"1": "urgent", "2": "normal"},
    overtaking_limit=180.0,
    announce_every=45.0,
    expected_calls=20,
    asks_before_queue=True,
    outgoing=OUTGOING,
)
"""A line that asks before the queue; in most stories nobody cares, because no time passes."""
ASKS_IN_QUEUE = replace(ESTP, asks_before_queue=False)
GROUPS = {"operators": ("101", "102", "103"), "technical": ("201", "202"), "managers": ("301",)}
PEOPLE = {
    PersonId(id): Person(PersonId(id), f"Сотрудник {id}", GroupId(group), f"phone-{id}")
    for group, ids in GROUPS.items()
    for id in ids
}

C = TypeVar("C")


def settings(line: Line = ESTP, *more: Line, **changes: Any) -> Settings:
    """The small call centre of the stories: three operators, two technical specialists, one client manager."""
    return replace(Settings({each.id: each for each in (line, *more)}, PEOPLE), **changes)


class Story:
    """A day at the call centre."""

    def __init__(self, settings: Settings = settings()) -> None:  # noqa: B008 - frozen
        self.settings = settings
        self.now = START
        self.center = CallCenter(settings)
        self.pbx = FakePbx(self._report, lambda: self.now)
        self.take: Callable[[CallCenter, Event, float], list[Command]] = CallCenter.handle
        """How an event is handed over."""
        self.watch: Callable[[list[Command]], None] = lambda commands: None
        """Is shown what came of every event."""
        self.contains = False
        """Whether defects are part of the story; otherwise one that is contained is loud here nevertheless."""
        self.connected = True
        self.systemname = ""
        """What the Asterisk to which people call now puts before the ids of its channels."""
        self.alive = True
        """Whether the controller is; Asterisk goes on without it."""
        self.unseen_since = START
        self.starts = 0
        self.kept = Kept()
        self.timers: dict[Timer, float] = {}
        self.commands: list[Command] = []
        self._inbox: deque[Event] = deque()
        self._unheard: list[Event] | None = None
        self._handling = False
        self._calls = 0
        self.tell(*(Snapshot((), server=server) for server in settings.servers))

    # -- events and time -----------------------------------------------------------------------------------------

    def tell(self, *told: Event) -> None:
        """Something happened; and whatever follows from it happens too."""
        self._inbox.extend(told)
        if self._handling:
            return
        self._handling = True
        try:
            while self._inbox:
                self.handle(self._inbox.popleft())
        finally:
            self._handling = False

    def act(self, do: Callable[..., None], *what: Any) -> None:
        """Somebody does something at Asterisk; only when it is done is it told, and reacted to."""
        self._handling = True
        try:
            do(*what)
        finally:
            self._handling = False
        self.tell()

    def handle(self, event: Event) -> list[Command]:
        """One event and what the core wants done about it."""
        if not self.alive:
            return []
        commands = self.take(self.center, event, self.now)
        for command in commands:
            if isinstance(command, Contained) and not self.contains:
                raise command.problem
            self.commands.append(command)
            self._keep(command)
            self.kept.keep(command)
            if self.reaches_asterisk(command):
                self.pbx.obey(command)
        self.watch(commands)
        return commands

    def reaches_asterisk(self, command: Command) -> bool:
        """Whether there is a connection by which it can be told."""
        return self.connected

    def passes(self, seconds: float) -> None:
        """Time goes by; timers fire at their moments."""
        until = self.now + seconds
        while self.alive and (due := [timer for timer, at in self.timers.items() if at <= until]):
            timer = min(due, key=lambda timer: self.timers[timer])
            self.now = max(self.now, self.timers.pop(timer))
            self.tell(TimerFired(timer))
        self.now = until

    def _report(self, event: Event) -> None:
        if self._unheard is not None:
            self._unheard.append(event)
        elif self.connected:
            self.tell(event)

    def _keep(self, command: Command) -> None:
        match command:
            case SetTimer(timer, at):
                self.timers[timer] = at
            case CancelTimer(timer):
                self.timers.pop(timer, None)
            case _:
                pass

    @property
    def calls_saved(self) -> dict[CallId, CallRecord]:
        """Rows of calls, as they were last written."""
        return self.kept.calls

    @property
    def offers_saved(self) -> dict[OfferId, OfferRecord]:
        """Rows of offers."""
        return self.kept.offers

    @property
    def transfers_saved(self) -> dict[tuple[CallId, int], TransferRecord]:
        """Rows of transfers."""
        return self.kept.transfers

    # -- the line ------------------------------------------------------------------------------------------------

    def opens(self, line: LineId = ESTP.id) -> None:
        """Nine o'clock."""
        self.tell(HoursChanged(line, True))

    def closes(self, line: LineId = ESTP.id) -> None:
        """Eighteen o'clock."""
        self.tell(HoursChanged(line, False))

    def stops_hearing_asterisk(self) -> None:
        """The connection stands, and what we say arrives; but of what happens nothing comes back for a while."""
        self.tell(AsteriskUnresponsive())
        self._unheard = []

    def hears_asterisk(self) -> None:
        """Everything that was held up comes, in its order."""
        told, self._unheard = self._unheard or [], None
        self.tell(*told, AsteriskResponsive())

    def loses_asterisk(self) -> None:
        """The connection drops: Asterisk goes on, unseen and deaf."""
        self._unheard = None
        self.tell(AsteriskLost())
        self.connected, self.unseen_since = False, self.now

    def finds_asterisk(self, journal: bool = False, restarted: bool = False) -> None:
        """Connected again, with a snapshot of what is really there; and with Asterisk's journal of the time between."""
        if self.connected:
            self.unseen_since = self.now
        self.connected = True
        if self.pbx.watches:
            there = frozenset(PhoneName(person.phone) for person in PEOPLE.values()) - self.pbx.lost
            self.tell(PhonesListed(there, frozenset(self.pbx.lost), self.now))
        self.tell(self.seen(journal, restarted))

    def seen(self, journal: bool = True, restarted: bool = False) -> Snapshot:
        """What a controller is told that (re)connects now."""
        told = self.pbx.journal.histories(self.unseen_since - JOURNAL_BEGINS) if journal else ()
        return Snapshot(self.pbx.seen(), told, restarted)

    def dies(self) -> None:
        """kill -9: Asterisk goes on, and the register has every row."""
        if self.connected:
            self.unseen_since = self.now
        self.alive = self.connected = False
        self.timers.clear()

    def starts_again(
        self,
        changed: Settings | None = None,
        restarted: bool = False,
        *,
        journal: bool = True,
        told: Event | None = None,
    ) -> None:
        """A new controller: it recalls what the register has, then looks at Asterisk and its journal.

        `journal`: whether Asterisk has written down already what happened. `told`: what it learns before that.
        """
        self.starts += 1
        settings = self.settings if changed is None else changed
        is_open = {id: line.hours_open for id, line in self.center._floor.lines.items()}
        self.center = CallCenter(replace(settings, boot=str(self.starts)))
        self.alive = True
        for line in settings.lines:
            self.handle(HoursChanged(line, is_open.get(line, True)))
        self.handle(self.kept.floor_warm_start(self.now, {id: line.place_kept for id, line in settings.lines.items()}))
        if told:
            self.handle(told)
        self.finds_asterisk(journal=journal, restarted=restarted)

    def asterisk_dies(self) -> None:
        """Every call ends, without a word."""
        if self.alive:
            self.loses_asterisk()
        self.pbx.dies()

    # -- people --------------------------------------------------------------------------------------------------

    def logs_in(self, *people: str, phone: str = "", verified: bool = True) -> Answer:
        """People come to work one after the other; the answer of the last one."""
        for person in people:
            self.tell(LogIn(PersonId(person), verified, PhoneName(phone), "page"))
        return self.answer()

    def logs_out(self, person: str) -> Answer:
        """Somebody goes home."""
        self.tell(LogOut(PersonId(person), reply_to="page"))
        return self.answer()

    def pauses(self, person: str, reason: str = "lunch") -> Answer:
        """Somebody takes a break."""
        self.tell(Pause(reason, PersonId(person), reply_to="page"))
        return self.answer()

    def returns(self, person: str) -> Answer:
        """Somebody is back, or done with the wrap-up."""
        self.tell(Return(PersonId(person), reply_to="page"))
        return self.answer()

    def answer(self) -> Answer:
        """What the last one who asked for something was told."""
        return self.all(Reply)[-1].answer

    def phone(self, person: str) -> Phone:
        """A person's phone."""
        return Phone(self, person)

    # -- callers -------------------------------------------------------------------------------------------------

    def calls(self, customer: Customer | None = None, line: LineId = ESTP.id, number: str = "+73422000000") -> Guest:
        """Somebody dials the line."""
        self._calls += 1
        guest = Guest(self, f"{self.systemname}17000.{self._calls}")
        self.pbx.arrive(guest.call, line, number)
        guest.channel = self.pbx.callers[guest.call]
        self._report(CallArrived(guest.call, f"SIP/{guest.call}", line, number, "", customer))
        return guest

    def waits(self, urgency: str = "normal", customer: Customer | None = CUSTOMER) -> Guest:
        """A Customer (None: somebody unknown) calls, listens to the greeting and joins the queue."""
        guest = self.calls(customer)
        guest.hears_greeting()
        if customer is None:
            guest.skips_inn()
        guest.presses("1" if urgency == "urgent" else "2")
        return guest

    def talks(self, person: str) -> Guest:
        """A Customer calls and has been talking with this free operator for a second."""
        guest = self.waits()
        self.phone(person).answers()
        self.passes(1)
        assert guest.state == "talking"
        return guest

    def reaches(self, person: str, number: str = NUMBER) -> Guest:
        """This operator has called somebody, and has been talking with them for a second."""
        self.tell(OutgoingAsked(PersonId(person), number, customer=CUSTOMER, reply_to="page"))
        assert self.answer() is Answer.CALLING_OUT
        call = list(self.calls_saved)[-1]
        self.act(self.pbx.out.phone_answers, call)
        self.passes(6)
        self.act(self.pbx.out.customer_answers, call)
        self.passes(1)
        guest = Guest(self, call, self.pbx.callers[self.pbx.out.customers[call]])
        assert guest.talks_with(person)
        return guest

    # -- what became of it ---------------------------------------------------------------------------------------

    def all(self, kind: type[C]) -> list[C]:
        """Every command of a kind so far."""
        return [command for command in self.commands if isinstance(command, kind)]

    def since(self, mark: int) -> list[Command]:
        """Commands after the first `mark`."""
        return self.commands[mark:]

    @property
    def line(self) -> LineView:
        """The ESTP line as supervisors see it."""
        return self.center.view(self.now).lines["estp"]

    @property
    def notices(self) -> list[str]:
        """The log."""
        return [notice.text for notice in self.all(Notice)]

    def operator(self, person: str) -> OperatorView:
        """A person as the page shows them."""
        return self.center.view(self.now).operators[PersonId(person)]

    def is_now(self, person: str) -> tuple[str, str]:
        """Presence and activity of a person."""
        seen = self.operator(person)
        return seen.presence, seen.activity

    def offers(self, guest: Guest) -> list[tuple[str, str]]:
        """Who was rung for this caller, and what came of it."""
        saved = self.offers_saved.values()
        return [(offer.operator, offer.result) for offer in saved if offer.call == guest.call]

    def transfers(self, guest: Guest) -> list[tuple[str, str]]:
        """Who got the caller by transfer ('' nobody), and what came of it."""
        saved = self.transfers_saved.values()
        return [(transfer.to_operator, transfer.result) for transfer in saved if transfer.call == guest.call]

    def announcements(self, guest: Guest) -> list[AnnouncementRecord]:
        """What the register has of announcements to this caller: the last version of each."""
        saved = (save.record for save in self.all(SaveAnnouncement) if save.record.call == guest.call)
        return list({record.number: record for record in saved}.values())

    def shifts(self, person: str) -> list[PresenceRecord]:
        """Every change of this person's state."""
        return [save.record for save in self.all(SavePresence) if save.record.operator == person]

    def queue_member(self, person: str) -> SyncQueueMember:
        """What Asterisk's own queue was last told of this person."""
        return [queue_member for queue_member in self.all(SyncQueueMember) if queue_member.operator == person][-1]


@dataclass
class Guest:
    """A caller, with the phone in hand."""

    story: Story
    call: CallId
    channel: CallerChannel = None  # type: ignore[assignment]  # from the moment the PBX has it

    def hears_greeting(self, language: str = "") -> None:
        self.story._report(GreetingHeard(self.call, language))

    def enters_inn(self, digits: str = INN, valid: bool = True, customer: Customer | None = None) -> None:
        self.story._report(InnGiven(self.call, InnEntry.ENTERED, digits, valid, customer, self.in_queue))

    def skips_inn(self) -> None:
        self.story._report(InnGiven(self.call, InnEntry.SKIPPED, in_queue=self.in_queue))

    def is_silent_about_inn(self) -> None:
        self.story._report(InnGiven(self.call, InnEntry.TIMEOUT, in_queue=self.in_queue))

    def presses(self, digit: str) -> None:
        self.story._report(UrgencyGiven(self.call, digit, self.in_queue))

    @property
    def in_queue(self) -> bool:
        """Whether the dialplan asks in the waiting room."""
        there = self.story.pbx.callers.get(self.call)
        line = there.line if there else ESTP.id
        return not self.story.settings.lines[line].asks_before_queue

    def opens_info_menu(self) -> None:
        self.story._report(InfoMenuVisited(self.call))

    def general_line_ends(self, answered: bool = True) -> None:
        self.story._report(GeneralLineEnded(self.channel.id, answered))

    def hangs_up(self) -> None:
        self.story.act(self.story.pbx.hang_up, self.channel.id)

    def talks_with(self, person: str) -> bool:
        """They really share a bridge, and the core knows."""
        leg = self.story.phone(person).leg
        joined = bool(leg and leg.bridge and leg.bridge == self.channel.bridge)
        view = self.story.operator(person)
        known = view.activity == "talking" and view.call is not None and view.call.call == self.call
        assert joined == known, f"in one bridge: {joined}, known as talking: {known}"
        return joined

    @property
    def row(self) -> CallRecord:
        """The register's row."""
        return self.story.calls_saved[self.call]

    @property
    def state(self) -> str:
        """Where the core believes the caller to be."""
        caller = self.story.center._floor.callers.get(self.call)
        return caller.state.value if caller else "gone"

    @property
    def place(self) -> Place | None:
        """Where in the dialplan Asterisk has the caller."""
        return self.channel.place

    def is_at(self, place: Place) -> bool:
        """Whether that is where they are."""
        return self.place is place

    @property
    def way_out(self) -> str:
        """Where Asterisk sends the caller when the bridge ends."""
        return self.channel.after.value

    @property
    def heard(self) -> list[str]:
        """Prompts, in order."""
        return self.channel.heard

    @property
    def recordings(self) -> list[FinishRecording]:
        """Orders to finish the recording."""
        return [finish for finish in self.story.all(FinishRecording) if finish.call == self.call]


@dataclass
class Phone:
    """A person's telephone."""

    story: Story
    person: str

    @property
    def at(self) -> str:
        """Which phone it is."""
        return self.story.operator(self.person).phone or PEOPLE[PersonId(self.person)].phone

    @property
    def leg(self) -> Leg | None:
        """The channel to this phone, if there is one."""
        legs = self.story.pbx.legs.values()
        mine = [leg for leg in legs if leg.ring.phone == self.at]
        assert len(mine) <= 1, f"the phone of {self.person} has {len(mine)} channels at once"
        return mine[0] if mine else None

    @property
    def _there(self) -> Leg:
        assert self.leg, f"no channel to the phone of {self.person}"
        return self.leg

    @property
    def rings(self) -> bool:
        return self.leg is not None and not self.leg.answered

    @property
    def display(self) -> Ring:
        """What was asked of the phone."""
        return self._there.ring

    def answers(self) -> None:
        assert self.rings, f"the phone of {self.person} does not ring"
        self.story.act(self.story.pbx.answer, self._there.id)

    def hangs_up(self) -> None:
        assert self._there.answered
        self.story.act(self.story.pbx.hang_up, self._there.id)

    def answers_and_hangs_up(self) -> None:
        self.answers()
        self.hangs_up()

    def is_not_answered(self) -> None:
        self.story.act(self.story.pbx.fail, self._there.id, OfferFailure.NO_ANSWER, 19)

    def is_busy(self) -> None:
        self.story.act(self.story.pbx.fail, self._there.id, OfferFailure.BUSY, 17)

    def is_unreachable(self) -> None:
        self.story.act(self.story.pbx.fail, self._there.id, OfferFailure.NOT_PLACED, 20)

    def declines(self) -> None:
        """Somebody presses the red key of the ringing phone."""
        self.story.passes(2)
        self.story.act(self.story.pbx.fail, self._there.id, OfferFailure.NOT_PLACED, 21)

    def does_not_disturb(self) -> None:
        self.story.act(self.story.pbx.fail, self._there.id, OfferFailure.NOT_PLACED, 19)

    def forwards(self) -> None:
        self.story.act(self.story.pbx.fail, self._there.id, OfferFailure.NOT_PLACED, 23)

    def is_lost(self) -> None:
        """Its registration ends, or it does not answer at its address any more."""
        self.story.pbx.watches = True
        self.story.pbx.lost.add(PhoneName(self.at))
        self.story._report(PhoneLost(PhoneName(self.at)))

    def is_back(self) -> None:
        """It registers, or answers again."""
        self.story.pbx.watches = True
        self.story.pbx.lost.discard(PhoneName(self.at))
        self.story._report(PhoneFound(PhoneName(self.at)))

    def is_dead(self, dead: bool = True) -> None:
        """It has lost its power: whatever is sent there is lost, and Asterisk does not know that yet."""
        (self.story.pbx.dead.add if dead else self.story.pbx.dead.discard)(PhoneName(self.at))

    def transfers(self, target: str, consult: bool = False, not_customer: bool = False, note: str = "") -> Answer:
        leg = self.leg.id if self.leg else NO_OFFER
        self.story.tell(Transfer(GroupId(target), PersonId(self.person), leg, consult, not_customer, "page", note))
        return self.story.answer()

    def takes_back(self) -> Answer:
        self.story.tell(CancelTransfer(PersonId(self.person), reply_to="page"))
        return self.story.answer()

    def completes(self) -> Answer:
        self.story.tell(CompleteTransfer(PersonId(self.person), reply_to="page"))
        return self.story.answer()


def withdrawn(commands: list[Command]) -> list[str]:
    """The channels that were told to hang up."""
    return [command.channel_id for command in commands if isinstance(command, HangUp)]
