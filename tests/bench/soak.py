"""Years of calls in virtual time, with all that a day has: does anything of the core grow?

The core of the live controller and the obedient Asterisk of its tests; callers who choose an urgency, give up, are cut
off or transferred; operators who miss calls, pause, consult and go home; a connection that breaks, and, if wanted, a
controller that is killed.
Every night the line is empty: what the core still holds can be compared with the nights before, and the register must
have every call of the day, once.
"""

from __future__ import annotations

import gc
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from random import Random
from typing import Any

from callcenter.core.callcenter import CallCenter
from callcenter.core.commands import (
    CancelTimer,
    Command,
    Contained,
    FinishRecording,
    Place,
    Redirect,
    Ring,
    SavePresence,
    SetTimer,
)
from callcenter.core.events import (
    GENERAL_LINE,
    AsteriskLost,
    CallArrived,
    CancelTransfer,
    CompleteTransfer,
    Customer,
    DayStarted,
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
    Pause,
    RecordingFinished,
    Return,
    Snapshot,
    Timer,
    TimerFired,
    Transfer,
    UrgencyGiven,
)
from callcenter.core.floor import Floor
from callcenter.core.ids import CallId, ChannelId, GroupId, OfferId, PersonId
from callcenter.core.operator import Activity
from callcenter.core.settings import Line, Person, Settings
from callcenter.simulation.agenda import Agenda
from tests.bench.usage import resident
from tests.core.fake_pbx import FakePbx
from tests.core.journal import Journal
from tests.core.kept import Kept

DAY, OPEN = 86_400.0, 9 * 3600.0
OPERATORS, SPECIALISTS = 8, 3
TALK, PATIENCE, WRAP_UP = 150.0, 500.0, 20.0
LOAD = 1.02
CUSTOMER = Customer("Министерство образования Пермского края", "Заказчик", "5902290459")
SUPPLIER = Customer("ООО «Поставщик»", "Поставщик", "7707083893")
LINE = Line("estp", ("operators",), capacity=40, class_of_digit={"1": "urgent", "2": "normal"}, remembered_calls=200)


@dataclass(frozen=True, slots=True)
class Night:
    """What the core and its process hold when a day's last caller has gone."""

    calls: int
    days: int
    resident: int
    """Bytes of the process."""
    objects: int
    """That the garbage collector watches."""
    sizes: Mapping[str, int]
    """Entries of each container of the floor."""


class Soak:
    """Day after day. Equal seeds give equal days. `deaths`: the share of breaks that are the controller's own end."""

    def __init__(self, seed: int = 1, *, hours: float = OPEN, deaths: float = 0.0) -> None:
        people = {PersonId(f"{n}"): Person(f"{n}", "", "operators", f"{n}") for n in range(101, 101 + OPERATORS)}
        people |= {PersonId(f"{n}"): Person(f"{n}", "", "technical", f"{n}") for n in range(201, 201 + SPECIALISTS)}
        self.calls = self.days = self.today = 0
        self.seen: Counter[str] = Counter()
        """How often what happened: a soak in which nothing was missed or transferred says little."""
        self._hours, self._deaths = hours, deaths
        self._random = Random(seed)
        self._people = list(people)
        self._settings = Settings({"estp": LINE}, people, wrap_up=WRAP_UP)
        self._center = CallCenter(self._settings)
        self._now = 0.0
        self._agenda = Agenda()
        self._timers: dict[Timer, SetTimer] = {}
        self._inbox: deque[Event] = deque()
        self._telling = False
        self._alive = self._connected = True
        self._unseen_since = 0.0
        self._starts = 0
        self.kept = Kept()
        """Of the day."""
        self._pbx = FakePbx(self._report, lambda: self._now)
        self._tell(Snapshot(()))

    @property
    def floor(self) -> Floor:
        """What the core remembers."""
        return self._center._floor

    # -- time ------------------------------------------------------------------------------------------------------

    def nights(self) -> Iterator[Night]:
        """One after the other, without end."""
        while True:
            self._pbx.journal = Journal(lambda: self._now)  # Asterisk's file, and not the core's memory
            self.kept = Kept(presence=self.kept.presence)
            self._morning()
            closing = self._now + self._hours
            self._later(self._gap(), self._arrives, closing)
            self._later(self._random.expovariate(4 / self._hours), self._breaks, closing)
            self._at(closing, self._evening, None)
            arrived = self.calls
            while self._agenda.soonest < (self.days + 1) * DAY:
                self._now, do, what = self._agenda.take()
                do(what)
            self.today = self.calls - arrived
            self.days += 1
            self._now = self.days * DAY
            yield Night(self.calls, self.days, resident(), len(gc.get_objects()), sizes(self.floor))

    def _morning(self) -> None:
        self._tell(
            DayStarted("estp"), HoursChanged("estp", True), *(LogIn(PersonId(person), True) for person in self._people)
        )

    def _evening(self, _: None) -> None:
        self._tell(HoursChanged("estp", False))
        self._later(3600.0, lambda _: self._tell(*(LogOut(PersonId(person)) for person in self._people)), None)

    def _later(self, seconds: float, do: Callable[[Any], None], what: object) -> None:
        self._at(self._now + seconds, do, what)

    def _at(self, at: float, do: Callable[[Any], None], what: object) -> None:
        self._agenda.add(at, do, what)

    def _gap(self) -> float:
        return self._random.expovariate(LOAD * OPERATORS / (TALK + WRAP_UP + 4.0))

    def _chance(self, share: float, name: str) -> bool:
        happens = self._random.random() < share
        self.seen[name] += happens
        return happens

    # -- what is told and done ---------------------------------------------------------------------------------------

    def _report(self, event: Event) -> None:
        if self._connected:
            self._tell(event)

    def _tell(self, *events: Event) -> None:
        self._inbox.extend(events if self._alive else ())
        if self._telling:
            return
        self._telling = True
        while self._inbox:
            for command in self._center.handle(self._inbox.popleft(), self._now):
                self._obey(command)
        self._telling = False

    def _act(self, do: Callable[..., None], *what: object) -> None:
        """Somebody does something at Asterisk; only when it is done is it reacted to."""
        self._telling = True
        do(*what)
        self._telling = False
        self._tell()

    def _obey(self, command: Command) -> None:
        self.kept.keep(command)
        match command:
            case Contained():
                raise command.problem
            case SetTimer(timer, at):
                self._timers[timer] = command
                self._at(at, self._due, command)
            case CancelTimer(timer):
                self._timers.pop(timer, None)
            case FinishRecording(call, _, talk):
                self._later(1.0, lambda done: self._tell(done), RecordingFinished(call, f"{call}.wav", talk, "0" * 64))
            case SavePresence(record) if record.presence == "paused" and record.activity == "idle":
                self._later(self._random.uniform(10, 300), self._returns, record.operator)
            case _ if self._connected:
                self._pbx.obey(command)
                if isinstance(command, Redirect):
                    self._later(self._random.uniform(1, 8), self._goes_on, (CallId(command.channel), command.place))
                elif isinstance(command, Ring):
                    self._rings(command)

    def _due(self, set_by: SetTimer) -> None:
        if self._timers.get(set_by.timer) is set_by:
            del self._timers[set_by.timer]
            self._tell(TimerFired(set_by.timer))

    # -- callers -----------------------------------------------------------------------------------------------------

    def _arrives(self, closing: float) -> None:
        self.calls += 1
        call = f"{int(self._now)}.{self.calls}"
        who = self._random.choices((CUSTOMER, None, SUPPLIER), (80, 17, 3))[0]
        self._pbx.arrive(CallId(call), "estp", "+73422921960")
        self._asks(CallArrived(CallId(call), f"SIP/{call}", "estp", "+73422921960", "", who))
        self._later(self._random.expovariate(1 / PATIENCE), self._gives_up, call)
        self._later(2 * 3600.0, self._hangs_up, call)  # whatever befell: nobody stays for ever
        if self._now < closing:
            self._later(self._gap(), self._arrives, closing)

    def _asks(self, arrived: CallArrived) -> None:
        """What to do with the caller: again and again, until somebody answers."""
        caller = self._pbx.callers.get(arrived.call)
        if caller and caller.place is None:
            self._report(arrived)
            self._later(2.0, self._asks, arrived)

    def _goes_on(self, where: tuple[CallId, Place]) -> None:
        call, place = where
        caller = self._pbx.callers.get(call)
        if caller is None or caller.place is not place or caller.bridge:
            return
        if place not in (Place.CLOSED, Place.FULL, Place.GOODBYE) and not self._connected:
            self._later(2.0, self._goes_on, where)  # the dialplan says it again
            return
        match place:
            case Place.GREETING | Place.GREETING_AGAIN:
                self._report(GreetingHeard(call))
            case Place.IDENTIFY:
                known = self._chance(0.7, "gives a known INN")
                self._report(InnGiven(call, InnEntry.ENTERED, "5902290459", known, CUSTOMER if known else None))
            case Place.URGENCY:
                self._report(UrgencyGiven(call, "1" if self._chance(0.15, "is urgent") else "2"))
            case Place.WAITING if self._chance(0.05, "listens to information"):
                self._report(InfoMenuVisited(call))
            case Place.WAITING if self._chance(0.6, "answers in the queue"):
                known = self._chance(0.7, "gives a known INN")
                customer = CUSTOMER if known else None
                self._report(InnGiven(call, InnEntry.ENTERED, "5902290459", known, customer, in_queue=True))
                self._report(UrgencyGiven(call, "1" if self._chance(0.15, "is urgent") else "2", in_queue=True))
            case Place.GENERAL:
                self._report(GeneralLineEnded(call, self._chance(0.5, "speaks with the general line")))
            case Place.CLOSED | Place.FULL | Place.GOODBYE:
                self._hangs_up(call)

    def _gives_up(self, call: CallId) -> None:
        caller = self._pbx.callers.get(call)
        if caller and not caller.bridge:
            self.seen["gives up"] += 1
            self._hangs_up(call)

    def _hangs_up(self, id: ChannelId) -> None:
        self._act(self._pbx.hang_up, id)

    # -- operators ---------------------------------------------------------------------------------------------------

    def _rings(self, ring: Ring) -> None:
        if self._chance(0.04, "misses"):
            self._later(ring.timeout, self._fails, ring.offer)
        else:
            self._later(self._random.uniform(1, 6), self._answers, ring.offer)

    def _fails(self, offer: OfferId) -> None:
        leg = self._pbx.legs.get(offer)
        if leg and not leg.answered:
            self._act(self._pbx.fail, offer, OfferFailure.NO_ANSWER, 19)

    def _answers(self, offer: OfferId) -> None:
        leg = self._pbx.legs.get(offer)
        if leg is None or leg.answered:
            return
        self._act(self._pbx.answer, offer)
        talk = 0.1 if self._chance(0.01, "answers falsely") else self._random.expovariate(1 / TALK)
        self._later(talk, self._talked, offer)

    def _talked(self, offer: OfferId) -> None:
        leg = self._pbx.legs.get(offer)
        if leg is None or not leg.bridge:
            return
        if self._chance(0.08, "transfers"):
            target = self._random.choices(
                (GroupId("technical"), GroupId("operators"), GENERAL_LINE, GroupId("kitchen")), (80, 10, 9, 1)
            )[0]
            self._tell(Transfer(target, leg=offer, consult=self._chance(0.5, "consults")))
            self._later(self._random.uniform(5, 90), self._decides, offer)
        else:
            self._hangs_up(leg.ring.call if self._chance(0.7, "hangs up first") else offer)

    def _decides(self, offer: OfferId) -> None:
        """After asking a colleague, or in vain."""
        if offer in self._pbx.legs:
            complete = self._chance(0.6, "completes")
            self._tell(CompleteTransfer(leg=offer) if complete else CancelTransfer(leg=offer))
            self._later(self._random.uniform(5, 60), self._hangs_up, offer)

    def _returns(self, person: str) -> None:
        self._tell(Return(PersonId(person)))
        if self._chance(0.2, "pauses"):
            self._later(self._random.uniform(600, 5000), lambda who: self._tell(Pause("lunch", who)), person)

    # -- the world ---------------------------------------------------------------------------------------------------

    def _breaks(self, closing: float) -> None:
        """The connection, or all of the controller: for a blink, or so long that much happens unseen."""
        self._unseen_since = self._now
        if self._chance(self._deaths, "is killed"):
            self._timers.clear()
            self._alive = False
        else:
            self._tell(AsteriskLost())
            self.seen["connection breaks"] += 1
        self._connected = False
        self._later(self._random.choice((0.2, 3.0, 60.0)), self._mended, closing)

    def _mended(self, closing: float) -> None:
        self._connected = True
        if not self._alive:
            self._starts_again(closing)
        histories = self._pbx.journal.histories(self._unseen_since - 60.0)
        self._tell(Snapshot(self._pbx.seen(), histories))
        if self._now < closing:
            self._later(self._random.expovariate(4 / self._hours), self._breaks, closing)

    def _starts_again(self, closing: float) -> None:
        self._alive = True
        self._starts += 1
        self._center = CallCenter(replace(self._settings, boot=str(self._starts)))
        floor_warm_start = self.kept.floor_warm_start(self._now, {"estp": LINE.place_kept})
        self._tell(DayStarted("estp"), HoursChanged("estp", self._now < closing), floor_warm_start)


def sizes(floor: Floor) -> dict[str, int]:
    """Entries of every container that the floor holds, by kind of owner and name; of equal ones all together."""
    found: Counter[str] = Counter()
    seen: set[int] = set()
    todo: list[tuple[str, Any]] = [("Floor", floor)]
    while todo:
        name, one = todo.pop()
        if id(one) in seen or isinstance(one, str | bytes | int | float | Activity | None):
            continue
        seen.add(id(one))
        if isinstance(one, Mapping):
            found[name] += len(one)
            todo += [(f"{name}[]", value) for value in one.values()]
        elif isinstance(one, list | tuple | set | frozenset | deque):
            found[name] += len(one)
            todo += [(f"{name}[]", value) for value in one]
        elif type(one).__module__.startswith("callcenter.core"):
            todo += [(f"{type(one).__name__}.{key}", value) for key, value in _attributes(one)]
    return dict(found)


def _attributes(one: object) -> Iterator[tuple[str, object]]:
    names = [field.name for field in fields(one)] if is_dataclass(one) else list(getattr(one, "__dict__", ()))
    names += [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
    return ((name, getattr(one, name)) for name in dict.fromkeys(names) if hasattr(one, name))
