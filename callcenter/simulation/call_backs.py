"""Simulated call-backs: customers who are to be called at a convenient time, and the telephone network to them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from callcenter.core.commands import CallBackOver, CallBackResult, CallOut
from callcenter.core.events import (
    BridgeEntered,
    BridgeLeft,
    CallBackDue,
    ChannelHungUp,
    CustomerAnswered,
    CustomerDialled,
    Event,
    OutgoingPhoneAnswered,
    OutgoingPhoneRings,
)
from callcenter.core.ids import BridgeId, CallBackId, CallId, ChannelId, PhoneName
from callcenter.core.settings import Line
from callcenter.simulation.agenda import Agenda
from callcenter.simulation.traffic import Duration, TrafficError

RANGE = "+79"
"""How the customers' numbers begin: nobody is dialled by a simulation."""
CUSTOMER_ANSWERS = 10.0
"""Seconds that the customer's phone rings."""


@dataclass(frozen=True, slots=True)
class CallBackTraffic:
    """Wishes to be called back; as many every day."""

    per_day: int
    handling: Duration
    """Talk and wrap-up, seconds; the ringing comes before."""
    window: float = 7200.0
    """Seconds from the time when one is due to the end of its window, which is never after `until`."""
    since: float = 9 * 3600.0
    until: float = 18 * 3600.0
    """The time of day, in seconds, from which and until which customers may be called."""

    def __post_init__(self) -> None:
        if self.per_day < 1 or not 60.0 <= self.window <= self.until - self.since or self.since < 0:
            raise TrafficError("call-backs: at least one a day, with a window of a minute to the opening hours' length")


@dataclass(slots=True)
class CallBackTotals:
    """What came of them in one run."""

    due: int = 0
    in_window: int = 0
    """The customer was dialled before the end of the window."""
    late: int = 0
    not_started: int = 0
    waited: float = 0.0
    """Seconds from the time when each was due until the customer was dialled, together."""
    passed: float = 0.0
    """The most call-backs begun while one caller waited, beyond the line's share of the callers served meanwhile."""


@dataclass(frozen=True, slots=True)
class _Wish:
    due: CallBackDue
    handling: float


class CallBackWork:
    """The call-backs of one run. `tell` reports events to the core, `inbox` takes those that happen at once.

    `talks` is called when customer and operator begin to talk: with the operator's phone, the seconds that it keeps
    them busy, and what to do when the conversation ends.
    """

    def __init__(
        self,
        traffic: CallBackTraffic,
        seed: int,
        line: Line,
        agenda: Agenda,
        inbox: deque[Event],
        tell: Callable[..., None],
        talks: Callable[[PhoneName, float, Callable[[None], None]], None],
    ) -> None:
        self.totals = CallBackTotals()
        self.begun = 0
        """Call-backs for which a phone was rung."""
        self._traffic = traffic
        self._random = Random(f"{seed} call-backs")  # noqa: S311 - chance, not secrets
        self._line = line
        self._agenda = agenda
        self._inbox = inbox
        self._tell = tell
        self._talks = talks
        self._live: set[CallId] = set()
        """Outgoing calls that the core has not ended."""
        self._wishes: dict[str, _Wish] = {}
        """By the customer's number."""

    def day(self, midnight: float) -> None:
        """Plan the wishes of a day: due at any time that leaves them a whole window."""
        traffic = self._traffic
        last = traffic.until - traffic.window
        for _ in range(traffic.per_day):
            at = midnight + traffic.since + self._random.random() * (last - traffic.since)
            self._agenda.add(at, self._due, (at, traffic.handling.draw(self._random, at)))

    def call_out(self, command: CallOut, answered_at: float) -> None:
        """Ring the operator's phone; it is answered, the customer is dialled, and answers."""
        self.begun += 1
        self._live.add(command.call)
        self._inbox.append(OutgoingPhoneRings(command.call))
        self._agenda.add(answered_at, self._phone_answers, (command, answered_at))

    def ended(self, call: ChannelId) -> None:
        """Forget a call that the core ends: the operator goes home."""
        self._live.discard(CallId(call))

    def over(self, told: CallBackOver) -> None:
        """Count one that nobody could begin."""
        self.totals.not_started += told.result is CallBackResult.NOT_STARTED

    def _due(self, wish: tuple[float, float]) -> None:
        at, handling = wish
        self.totals.due += 1
        id, number = CallBackId(f"cb-{self.totals.due}"), f"{RANGE}{self.totals.due:09d}"
        until = at + self._traffic.window
        due = CallBackDue(id, 1, self._line.id, number, self._line.answered_by, self._line.default_class, at, until)
        self._wishes[number] = _Wish(due, handling)
        self._tell(due)

    def _phone_answers(self, rung: tuple[CallOut, float]) -> None:
        command, now = rung
        if command.call not in self._live:
            return
        wish = self._wishes.pop(command.number)
        totals = self.totals
        totals.in_window += now <= wish.due.start_by
        totals.late += now > wish.due.start_by
        totals.waited += now - wish.due.place_at
        customer = ChannelId(f"customer-{command.call}")
        self._tell(OutgoingPhoneAnswered(command.call), CustomerDialled(command.call, customer))
        self._agenda.add(now + CUSTOMER_ANSWERS, self._customer_answers, (command, customer, wish.handling))

    def _customer_answers(self, talk: tuple[CallOut, ChannelId, float]) -> None:
        command, customer, handling = talk
        if command.call not in self._live:
            return
        self._live.remove(command.call)
        bridge = BridgeId(f"bridge-{command.call}")

        def hangs_up(_: None) -> None:
            self._tell(
                BridgeLeft(customer, bridge),
                BridgeLeft(command.call, bridge),
                ChannelHungUp(customer),
                ChannelHungUp(command.call),
            )

        self._tell(
            CustomerAnswered(command.call, customer),
            BridgeEntered(customer, bridge),
            BridgeEntered(command.call, bridge),
        )
        self._talks(command.phone, handling, hangs_up)
