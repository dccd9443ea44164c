"""A full line: as many callers wait as operators talk, at any size, and every one of them goes through a whole call.

`Story` tells of a few people in all detail; this one keeps no books that would cost more than the core itself. What is
handed to the core goes through `handle`, which a measurement replaces.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count
from random import Random

from callcenter.core.callcenter import CallCenter
from callcenter.core.commands import Announce, Command, Contained, Place, Redirect, Ring
from callcenter.core.events import (
    AnnouncementSpoken,
    BridgeEntered,
    BridgeLeft,
    CallArrived,
    ChannelHungUp,
    ChannelSeen,
    Event,
    GreetingHeard,
    HoursChanged,
    LogIn,
    OfferAnswered,
    OfferRinging,
    Pause,
    RecordingFinished,
    Return,
    Snapshot,
    Timer,
    TimerFired,
    TimerKind,
    UrgencyGiven,
)
from callcenter.core.ids import BridgeId, CallId, LineId, OfferId, PersonId
from callcenter.core.settings import Line, Person, Settings

HANDLING = 180.0
"""Seconds: with so many people a call ends every HANDLING / number seconds."""
LINES = ESTP, SUPPLIERS = LineId("estp"), LineId("suppliers")
CLASS_OF_DIGIT = {"1": "urgent", "2": "normal"}


class FullLine:
    """`size` callers wait for two lines, `size` people of one group talk. One in ten callers is urgent.

    Not `busy`: all people are free, and nobody waits.
    """

    def __init__(self, size: int, *, busy: bool = True, clock: Callable[[float], float] = float) -> None:
        lines = {
            id: Line(
                id,
                ("all",),
                capacity=10 * size + 100,
                ask_inn=False,
                asks_before_queue=True,
                class_of_digit=CLASS_OF_DIGIT,
            )
            for id in LINES
        }
        people = {PersonId(f"{n:05d}"): Person(f"{n:05d}", "", "all", f"phone-{n}") for n in range(size)}
        self.center = CallCenter(Settings(lines, people, wrap_up=0.0))
        self.handle: Callable[[Event, float], list[Command]] = self.center.handle
        self.size = size
        self._clock = clock
        """Turns seconds into what the core gets as the time."""
        self.now = 1000.0
        self._random = Random(size)
        self._numbers = count()
        self._inbox: deque[Event] = deque()
        self._waiting: list[CallId] = []
        self._place: dict[CallId, int] = {}
        self._talks: deque[tuple[CallId, OfferId]] = deque()
        """(call, leg), those who talk the longest first."""
        self._lines: dict[str, str] = {}
        self._rings: deque[Ring] = deque()
        self._begin(busy)

    def _begin(self, busy: bool) -> None:
        self._tell(Snapshot(()), *(HoursChanged(line, True) for line in LINES))
        self._tell(*(LogIn(person, True) for person in self.center.view(self.now).operators))
        if busy:
            for _ in range(2 * self.size):
                self.arrives()
        self._passes(60.0)

    # -- what happens ------------------------------------------------------------------------------------------

    def turn(self) -> None:
        """What happens while one operator finishes a call: with all of them, one call comes and one goes."""
        self.arrives()
        self.is_told_again()
        self.finishes()
        if self._waiting and self._random.random() < 0.1:
            self.gives_up()
            self.arrives()
        if self._random.random() < 0.1:
            self.pauses()

    def arrives(self) -> None:
        """Somebody calls, hears the greeting, chooses an urgency, and waits or is connected."""
        self._passes(HANDLING / self.size)
        call = CallId(f"{1795298577 + next(self._numbers)}.1")
        line = ESTP if self._random.random() < 0.75 else SUPPLIERS
        self._tell(CallArrived(call, f"PJSIP/{call}", line, "+73422921960"))

    def is_told_again(self) -> None:
        """It is time to tell somebody who waits."""
        if self._waiting:
            self._tell(TimerFired(Timer(TimerKind.ANNOUNCE, self._anybody())))

    def gives_up(self) -> None:
        """Somebody hangs up who has waited."""
        call = self._anybody()
        self._leaves(call)
        self._tell(ChannelHungUp(call))

    def finishes(self) -> None:
        """A conversation ends as they mostly do: the caller hangs up. Its operator is rung for the next caller."""
        call, leg = self._talks.popleft()
        bridge = BridgeId(f"bridge-{leg}")
        self._tell(BridgeLeft(call, bridge), BridgeLeft(leg, bridge), ChannelHungUp(call), ChannelHungUp(leg))
        self._tell(RecordingFinished(call, f"{call}.wav", 180.0, "0" * 64))

    def pauses(self) -> None:
        """Somebody takes a break in the middle of a conversation, and thinks better of it."""
        person = PersonId(f"{self._random.randrange(self.size):05d}")
        self._tell(Pause("lunch", person=person), Return(person=person))

    def seen(self) -> tuple[ChannelSeen, ...]:
        """The channels of a snapshot."""
        waiting = {"CC_STAGE": "waiting", "CC_LINE": "estp"}
        callers = [ChannelSeen(call, f"PJSIP/{call}", variables=waiting) for call in self._waiting]
        for call, leg in self._talks:
            callers += [ChannelSeen(id, f"PJSIP/{id}", f"bridge-{leg}") for id in (call, leg)]
        return tuple(callers)

    @property
    def waiting(self) -> int:
        """Callers who wait."""
        return len(self._waiting)

    @property
    def talking(self) -> int:
        """Callers who talk."""
        return len(self._talks)

    # -- Asterisk ----------------------------------------------------------------------------------------------

    def _tell(self, *events: Event) -> None:
        self._inbox.extend(events)
        while self._inbox or self._rings:
            if self._inbox:
                for command in self.handle(self._inbox.popleft(), self._clock(self.now)):
                    self._obey(command)
            else:
                self._picks_up(self._rings.popleft())

    def _obey(self, command: Command) -> None:
        match command:
            case Contained():
                raise command.problem
            case Redirect(channel, Place.GREETING | Place.GREETING_AGAIN):
                self._inbox.append(GreetingHeard(CallId(channel)))
            case Redirect(channel, Place.URGENCY):
                self._inbox.append(UrgencyGiven(CallId(channel), "1" if self._random.random() < 0.1 else "2"))
            case Redirect(channel, Place.WAITING, _, number):
                self._place[CallId(channel)] = len(self._waiting)
                self._waiting.append(CallId(channel))
                if number:
                    self._inbox.append(AnnouncementSpoken(CallId(channel), number))
            case Announce(channel, number):
                self._inbox.append(AnnouncementSpoken(CallId(channel), number))
            case Ring():
                self._rings.append(command)

    def _picks_up(self, ring: Ring) -> None:
        self._leaves(ring.call)
        self._talks.append((ring.call, ring.offer))
        bridge = BridgeId(f"bridge-{ring.offer}")
        self._inbox.extend((OfferRinging(ring.offer), OfferAnswered(ring.offer)))
        self._inbox.extend((BridgeEntered(ring.offer, bridge), BridgeEntered(ring.call, bridge)))
        self._inbox.append(TimerFired(Timer(TimerKind.FALSE_ANSWER, ring.call)))

    def _anybody(self) -> CallId:
        return self._waiting[self._random.randrange(len(self._waiting))]

    def _leaves(self, call: CallId) -> None:
        place, last = self._place.pop(call), self._waiting.pop()
        if last != call:
            self._waiting[place], self._place[last] = last, place

    def _passes(self, seconds: float) -> None:
        self.now += seconds
