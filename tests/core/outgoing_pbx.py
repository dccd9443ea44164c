"""The part of the obedient Asterisk that calls out: an operator's phone first, and then, by itself, the number.

Who has answered is a caller of that Asterisk like any other (fake_pbx.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from callcenter.core.commands import CallOut, OfferKind, Place, Ring
from callcenter.core.events import (
    ChannelHungUp,
    ChannelSeen,
    CustomerAnswered,
    CustomerDialled,
    CustomerNotReached,
    CustomerRings,
    DialResult,
    OfferFailure,
    OutgoingNotPlaced,
    OutgoingPhoneAnswered,
    OutgoingPhoneRings,
    PhoneHungUp,
)
from callcenter.core.ids import NO_CHANNEL, CallId, ChannelId, ChannelName, OfferId
from callcenter.core.records import HungUpBy

if TYPE_CHECKING:
    from tests.core.fake_pbx import FakePbx


@dataclass
class OutLeg:
    """An operator's channel of an outgoing call, and the customer's when there is one."""

    command: CallOut
    answered: bool = False
    customer: ChannelId = NO_CHANNEL


class OutgoingPbx:
    """Who calls out. `dialled`: each number that was dialled, with the call: never twice for one."""

    def __init__(self, pbx: FakePbx) -> None:
        self._pbx = pbx
        self._report = pbx.report
        self._numbers = count(1)
        self.legs: dict[CallId, OutLeg] = {}
        self.dialled: list[tuple[CallId, str]] = []
        self.used: set[CallId] = set()
        self.customers: dict[CallId, CallId] = {}
        """The channels of those who have answered, by the outgoing call."""

    def obey(self, command: CallOut, *, placed: bool, silent: bool) -> None:
        """Ring the operator's phone, if it can be rung."""
        assert command.call not in self.used, "an id is used once: Asterisk refuses a second channel of it"
        self.used.add(command.call)
        if not placed:
            self._report(OutgoingNotPlaced(command.call, OfferFailure.NOT_PLACED))
            return
        self.legs[command.call] = OutLeg(command)
        if not silent:
            self._report(OutgoingPhoneRings(command.call))

    def phone_answers(self, call: CallId) -> None:
        """The operator picks up, and the dialplan goes on by itself."""
        leg = self.legs[call]
        leg.answered = True
        self._report(OutgoingPhoneAnswered(call))
        if call not in self.legs:
            return  # the core has ended it at once
        leg.customer = ChannelId(f"17002.{next(self._numbers)}")
        self.dialled.append((call, leg.command.number))
        self._report(CustomerDialled(call, leg.customer, ChannelName(f"SIP/{leg.customer}")))
        self._report(CustomerRings(leg.customer))

    def phone_is_not_answered(self, call: CallId, cause: int = 19) -> None:
        """The operator does not pick up: one fact, told twice."""
        del self.legs[call]
        self._report(ChannelHungUp(call, cause))
        self._report(OutgoingNotPlaced(call, OfferFailure.NO_ANSWER))

    def customer_answers(self, call: CallId) -> None:
        from tests.core.fake_pbx import CallerChannel

        leg = self.legs.pop(call)
        name, order = ChannelName(f"SIP/{leg.customer}"), leg.command
        self._report(CustomerAnswered(call, leg.customer, name))
        self.customers[call] = channel = CallId(leg.customer)
        there = CallerChannel(channel, order.line, order.number, after=Place.GOODBYE, recorded=order.recorded)
        there.outgoing = call
        ring = Ring(OfferId(call), OfferKind.OUTGOING, order.phone, channel, name, order.number, "", 15.0)
        self._pbx.is_called(there, ring)

    def customer_is_not_reached(self, call: CallId, result: DialResult, cause: int = 17) -> None:
        """The customer's channel ends without an answer; a tone, and the phone hangs up."""
        leg = self.legs[call]
        customer, leg.customer = leg.customer, NO_CHANNEL
        self._report(ChannelHungUp(customer, cause))
        self._report(CustomerNotReached(call, result, cause))
        self.hang_up(call, asked=True)

    def customer_hangs_up(self, call: CallId) -> None:
        if call in self.customers:
            self._pbx.hang_up(self.customers[call])
            return
        leg = self.legs.pop(call)
        self._report(ChannelHungUp(leg.customer, 16))
        self._report(ChannelHungUp(call, 16))

    def hang_up(self, call: CallId, *, asked: bool = False, cause: int = 16) -> None:
        """The operator's leg ends, by the phone or because we `asked`."""
        if call in self.customers:
            self._pbx.hang_up(OfferId(call), cause, HungUpBy.SYSTEM if asked else HungUpBy.OPERATOR)
            if cause == 16:
                self.part()
            return
        leg = self.legs.pop(call, None)
        if leg is None:
            return
        if not asked:
            self._report(PhoneHungUp(OfferId(call), cause))
        if leg.customer:
            self._report(ChannelHungUp(leg.customer, 16))
        self._report(ChannelHungUp(call, cause))

    def part(self) -> None:
        """Who has been called hears no good-bye: after a moment of silence Asterisk hangs up."""
        for there in list(self._pbx.callers.values()):
            if there.outgoing and there.place is Place.GOODBYE:
                self._pbx.hang_up(there.id, by=HungUpBy.SYSTEM)

    def seen(self) -> tuple[ChannelSeen, ...]:
        """The channels of a snapshot."""
        found = []
        for call, leg in self.legs.items():
            variables = {"CC_STAGE": "outgoing", "CC_OUTGOING": call} if leg.answered else {}
            variables["CC_RECORDED"] = "1" if leg.command.recorded else ""
            name = ChannelName(f"SIP/{leg.command.phone}")
            found.append(ChannelSeen(call, name, variables=variables, phone=leg.command.phone))
            if leg.customer:
                carried = {"CC_OUTGOING": call}
                found.append(ChannelSeen(leg.customer, ChannelName(f"SIP/{leg.customer}"), variables=carried))
        return tuple(found)
