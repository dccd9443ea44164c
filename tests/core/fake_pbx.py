"""A tiny obedient Asterisk for stories of the core: callers, operators' legs, two-party bridges, places.

It performs the commands that reach Asterisk and reports what a real one would report, in the order of a real one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from callcenter.core.commands import (
    AfterBridge,
    Announce,
    CallOut,
    Command,
    HangUp,
    KeepLeg,
    OfferKind,
    Place,
    Record,
    Redirect,
    Ring,
    SyncQueueMember,
    TellRequest,
)
from callcenter.core.events import (
    AnnouncementSpoken,
    BridgeEntered,
    BridgeLeft,
    ChannelHungUp,
    ChannelSeen,
    Event,
    InFallbackQueue,
    OfferAnswered,
    OfferFailed,
    OfferFailure,
    OfferRinging,
    PhoneHungUp,
)
from callcenter.core.ids import NO_BRIDGE, NO_CALL, NO_OFFER, BridgeId, CallId, ChannelId, LineId, OfferId, PhoneName
from callcenter.core.records import HungUpBy
from tests.core.journal import Journal
from tests.core.outgoing_pbx import OutgoingPbx

DIALPLAN_STEPS = {
    None: "arriving",
    Place.CLOSED: "closed",
    Place.FULL: "full",
    Place.GREETING: "greeting",
    Place.GREETING_AGAIN: "greeting",
    Place.IDENTIFY: "identifying",
    Place.URGENCY: "choosing",
    Place.WAITING: "waiting",
    Place.HOLD: "held",
    Place.GENERAL: "general",
    Place.GOODBYE: "leaving",
    Place.CONDUCT: "leaving",
    Place.NOT_PAID: "leaving",
    Place.KEEP_PLACE: "waiting",
    Place.CALL_BACK: "call-back",
}
"""What the dialplan notes on a caller's channel."""
SENT_AWAY = (Place.CLOSED, Place.FULL, Place.GOODBYE, Place.CONDUCT, Place.NOT_PAID, Place.CALL_BACK)
"""Places after which there is nothing more."""


@dataclass
class CallerChannel:
    """A caller's channel, where it is and what it has heard."""

    id: CallId
    line: LineId
    number: str
    place: Place | None = None
    after: Place = Place.HOLD
    bridge: BridgeId = NO_BRIDGE
    recorded: bool = False
    keep_to: str = ""
    """The number that was said to a caller who wants to keep the place."""
    heard: list[str] = field(default_factory=list)
    arrived_at: float = 0.0
    served: str = ""
    """What the dialplan notes of a held caller: whether the conversation had served them; '': it does not matter."""
    fallback: str = ""
    """Where Asterisk has the caller when it helps itself: the greeting before its own queue, or that queue."""
    outgoing: CallId = NO_CALL
    """The outgoing call in which an operator has called them."""
    by_queue: bool = False
    """Whether Asterisk's own queue has made the conversation: after it there is nothing but the good-bye."""

    @property
    def dialplan_step(self) -> str:
        """What the dialplan notes on the channel."""
        return self.fallback or ("called" if self.outgoing and not self.place else DIALPLAN_STEPS[self.place])


@dataclass
class Leg:
    """An operator's channel."""

    id: OfferId
    ring: Ring
    answered: bool = False
    keep: bool = False
    bridge: BridgeId = NO_BRIDGE
    consulting: bool = False
    """The bridge is, or was last, with a colleague; not with the caller."""

    @property
    def caller(self) -> CallId:
        """The caller's channel, which Asterisk knows by its name."""
        return CallId(ChannelId(self.ring.caller_channel.removeprefix("SIP/")))

    @property
    def variables(self) -> dict[str, str]:
        """What the channel carries."""
        out = self.ring.kind is OfferKind.OUTGOING
        return {"CC_STAGE": "outgoing", "CC_OUTGOING": self.id, "CC_RECORDED": "1"} if out else {}

    @property
    def by_us(self) -> bool:
        """Rung at our request, not by Asterisk's own queue."""
        return self.id.startswith(("offer-", "out-"))


class FakePbx:
    """Everybody who has a channel. `report` takes what Asterisk tells, in order."""

    def __init__(self, report: Callable[[Event], None], clock: Callable[[], float] = lambda: 0.0) -> None:
        self.callers: dict[CallId, CallerChannel] = {}
        self.legs: dict[OfferId, Leg] = {}
        self.capacity = 100
        self.members: dict[PhoneName, SyncQueueMember] = {}
        """Who is in Asterisk's own queue, by phone."""
        self.lost: set[PhoneName] = set()
        """Phones that Asterisk knows to be out of reach: a call there fails at once, without a channel."""
        self.dead: set[PhoneName] = set()
        """Phones that are, without its knowing: nothing comes back."""
        self.watches = False
        """Whether it lists phones at a connection: since the first of them was lost."""
        self.ports = True
        """Whether there are any for another call."""
        self.journal = Journal(clock)
        self._clock = clock
        self._report = report
        self.out = OutgoingPbx(self)
        self._bridges = count(1)
        self._rings = count(1)

    # -- what the controller wants -------------------------------------------------------------------------------

    def obey(self, command: Command) -> None:
        """Perform a command; those that are not for Asterisk, or come too late, are passed over."""
        match command:
            case Redirect():
                self._redirect(command)
            case Announce(channel, number, prompts) if channel in self.callers:
                self.callers[CallId(channel)].heard += prompts
                self._report(AnnouncementSpoken(CallId(channel), number))
            case TellRequest(channel, prompts=prompts) if channel in self.callers:
                self.callers[CallId(channel)].heard += prompts
            case AfterBridge(channel, place) if channel in self.callers:
                self.callers[CallId(channel)].after = place
            case Record(channel) if channel in self.callers:
                self.callers[CallId(channel)].recorded = True
            case KeepLeg(leg, keep) if leg in self.legs:
                self.legs[leg].keep = keep
            case Ring(offer, phone=phone) if phone in self.lost or not self.ports:
                self._report(OfferFailed(offer, OfferFailure.NOT_PLACED))
            case Ring(offer, phone=phone):
                self.rung(command)
                if phone not in self.dead:
                    self._report(OfferRinging(offer))
            case CallOut(phone=phone):
                placed = phone not in self.lost and self.ports
                self.out.obey(command, placed=placed, silent=phone in self.dead)
            case HangUp(channel_id) if CallId(channel_id) in self.out.legs:
                self.out.hang_up(CallId(channel_id), asked=True)
            case HangUp(channel_id):
                self.hang_up(channel_id, by=HungUpBy.SYSTEM)
            case SyncQueueMember(phone=phone, on_shift=on_shift):
                self.members.pop(phone, None)
                if on_shift:
                    self.members[phone] = command
            case _:
                pass

    def rung(self, ring: Ring) -> Leg:
        """A phone is rung for a caller, whom Asterisk knows by the channel's name."""
        self.legs[ring.offer] = leg = Leg(ring.offer, ring)
        self.journal.rung(ring.offer, ring.phone, leg.caller)
        return leg

    def _redirect(self, command: Redirect) -> None:
        caller = self.callers.get(CallId(command.channel))
        if caller is None:
            return
        left_behind = self._leave(caller)
        if command.place is Place.FALLBACK_QUEUE:
            self.help_itself(caller.id)
            self._go_on(left_behind)
            return
        if caller.fallback:
            self._leave_queue(caller)
        caller.keep_to = command.number or caller.keep_to
        self._goes_to(caller, command.place)
        if command.place is Place.WAITING:
            caller.after = Place.HOLD
        caller.heard += command.prompts
        if command.announcement:
            self._report(AnnouncementSpoken(caller.id, command.announcement))
        self._go_on(left_behind)

    # -- what people do ------------------------------------------------------------------------------------------

    def arrive(self, call: CallId, line: LineId, number: str) -> None:
        """A caller dials a line."""
        self.callers[call] = CallerChannel(call, line, number, arrived_at=self._clock())
        self.journal.arrived(call, line, number)

    def is_called(self, caller: CallerChannel, ring: Ring) -> None:
        """Whom an operator has called answers: from now on like any other."""
        self.callers[caller.id] = caller
        self.journal.called(caller.id, caller.number)
        leg = self.rung(ring)
        leg.answered = True
        self.journal.answered(leg.id)
        self._join(leg, caller)

    def report(self, event: Event) -> None:
        """Tell what has happened."""
        self._report(event)

    def hang_up(self, id: ChannelId, cause: int = 16, by: HungUpBy = HungUpBy.CALLER) -> None:
        """A channel ends, by its own phone or at our request."""
        call, offer = CallId(id), OfferId(id)
        channel = self.callers.get(call) or self.legs.get(offer)
        if channel is None:
            return
        if offer in self.legs and self.legs[offer].by_us and by is not HungUpBy.SYSTEM:
            self._report(PhoneHungUp(offer, cause))
        left_behind = self._leave(channel)
        self.callers.pop(call, None)
        leg = self.legs.pop(offer, None)
        self.journal.ended(id, cause, by)
        if isinstance(channel, CallerChannel):
            self._leave_queue(channel)
        self._report(ChannelHungUp(id, cause))
        if leg and not leg.answered:
            self._report(OfferFailed(offer, OfferFailure.NO_ANSWER))  # the originate's answer: one fact, told twice
        self._go_on(left_behind)

    def hold(self, call: CallId, leg: OfferId = NO_OFFER) -> None:
        """A phone's own transfer key: Asterisk takes the caller out of the bridge, and holds.

        `leg`: it hangs up at the same moment, and is out of the bridge before the caller.
        """
        caller = self.callers[call]
        self._leave(self.legs.get(leg, caller))
        caller.after, caller.served = Place.HOLD, "0"
        self._goes_to(caller, Place.HOLD)

    def fail(self, offer: OfferId, failure: OfferFailure, cause: int) -> None:
        """A phone is not answered."""
        del self.legs[offer]
        self.journal.ended(offer, cause, HungUpBy.NOBODY)
        self._report(OfferFailed(offer, failure))
        self._report(ChannelHungUp(offer, cause))

    def answer(self, offer: OfferId) -> None:
        """A phone is picked up: bridged with the operator who asks for advice, else with the caller."""
        leg = self.legs[offer]
        leg.answered = True
        self.journal.answered(offer)
        self._report(OfferAnswered(offer))
        asking = self.legs.get(OfferId(leg.ring.consult_leg))
        self._join(leg, asking or self.callers.get(leg.caller))

    # -- left to itself ------------------------------------------------------------------------------------------

    def help_itself(self, call: CallId) -> None:
        """The heartbeat is stale when this caller looks: on to Asterisk's own queue, new callers after a greeting."""
        caller = self.callers[call]
        if caller.bridge or caller.fallback == "alone" or caller.place in SENT_AWAY:
            return
        if not caller.place and not caller.fallback and self._is_full(caller):
            self._goes_to(caller, Place.FULL)
        elif caller.place is not Place.GENERAL:
            caller.fallback = "alone" if caller.place or caller.fallback else "alone-greeting"
            self.journal.came_to(call, caller.fallback)
            if caller.fallback == "alone":
                caller.recorded = True
                self._report(InFallbackQueue(call, f"SIP/{call}", caller.line, caller.number))

    def _is_full(self, caller: CallerChannel) -> bool:
        others = (each for each in self.callers.values() if each is not caller and each.line == caller.line)
        there = [
            each for each in others if (each.place or each.fallback) and each.place not in (Place.CLOSED, Place.FULL)
        ]
        return len(there) >= self.capacity

    def ring_by_itself(self, call: CallId, phone: PhoneName) -> OfferId:
        """Asterisk's own queue rings a phone for a caller."""
        id = OfferId(f"{call[: call.rfind('-') + 1]}17001.{next(self._rings)}")
        self.legs[id] = Leg(id, Ring(id, OfferKind.QUEUE, phone, call, f"SIP/{call}", "", "", 15.0))
        self.journal.rung(id, phone, call)
        return id

    def dies(self) -> None:
        """Asterisk itself: nobody is on the line any more, and nothing of it is written down."""
        self.callers.clear()
        self.out.legs.clear()
        self.legs.clear()
        self.members.clear()

    def _leave_queue(self, caller: CallerChannel) -> None:
        caller.fallback = ""
        self._falls_silent(caller)

    def _falls_silent(self, caller: CallerChannel) -> None:
        """Asterisk's own queue rings nobody any more for this caller."""
        rung = [id for id, leg in self.legs.items() if leg.caller == caller.id and not leg.answered]
        for id in rung:
            if not self.legs[id].by_us:
                self.hang_up(id, by=HungUpBy.SYSTEM)

    def _goes_to(self, caller: CallerChannel, place: Place) -> None:
        caller.place = place
        caller.served = caller.served if place is Place.HOLD else ""
        to = f":{caller.keep_to}" if place is Place.CALL_BACK else ""
        self.journal.came_to(caller.id, DIALPLAN_STEPS[place] + to)

    # -- bridges -------------------------------------------------------------------------------------------------

    def _join(self, leg: Leg, other: CallerChannel | Leg | None) -> None:
        if other is None:
            self.hang_up(leg.id)
            return
        left_behind = self._leave(other)
        leg.bridge = other.bridge = BridgeId(f"bridge-{next(self._bridges)}")
        leg.consulting = isinstance(other, Leg)
        if isinstance(other, Leg):
            other.consulting = True
        else:
            other.by_queue = not leg.by_us
            if leg.by_us:
                self._falls_silent(other)
            self.journal.talk_began(leg.id)
        self._report(BridgeEntered(leg.id, leg.bridge))
        self._report(BridgeEntered(other.id, leg.bridge))
        self._go_on(left_behind)

    def _leave(self, channel: CallerChannel | Leg) -> CallerChannel | Leg | None:
        """Out of the bridge; the other one, who is thereby alone and out of it too."""
        bridge, channel.bridge = channel.bridge, NO_BRIDGE
        if not bridge:
            return None
        everybody: list[CallerChannel | Leg] = [*self.callers.values(), *self.legs.values()]
        other = next(other for other in everybody if other.bridge == bridge)
        other.bridge = NO_BRIDGE
        if isinstance(channel, Leg) and isinstance(other, CallerChannel):
            self.journal.talk_ended(channel.id)
        elif isinstance(channel, CallerChannel) and isinstance(other, Leg):
            self.journal.talk_ended(other.id)
        self._report(BridgeLeft(channel.id, bridge))
        self._report(BridgeLeft(other.id, bridge))
        return other

    def _go_on(self, channel: CallerChannel | Leg | None) -> None:
        if isinstance(channel, CallerChannel):
            channel.fallback = ""
            self._goes_to(channel, Place.GOODBYE if channel.by_queue else channel.after)
        elif channel and channel.consulting and (channel.keep or channel.ring.kind is OfferKind.CONSULT):
            self._join(channel, self.callers.get(channel.caller))  # whoever is left goes on with the caller
        elif channel:
            self.hang_up(channel.id)

    def seen(self) -> tuple[ChannelSeen, ...]:
        """The channels of a snapshot."""
        callers = (
            ChannelSeen(
                caller.id,
                f"SIP/{caller.id}",
                caller.bridge,
                self._clock() - caller.arrived_at,
                {
                    "CC_STAGE": caller.dialplan_step,
                    "CC_LINE": caller.line,
                    "CC_AFTER": caller.after.value,
                    "CC_RECORDED": "1" if caller.recorded else "",
                    "CC_SERVED": caller.served,
                    "CC_OUTGOING": caller.outgoing,
                    "CC_KEEP_TO": caller.keep_to,
                },
                caller.number,
            )
            for caller in self.callers.values()
        )
        legs = (
            ChannelSeen(leg.id, f"SIP/{leg.ring.phone}", leg.bridge, variables=leg.variables, phone=leg.ring.phone)
            for leg in self.legs.values()
        )
        return (*callers, *legs, *self.out.seen())
