"""Enter what Asterisk's journal tells of the time when nobody received its events, with the original times.

Every entry becomes the ordinary event that it would have been, handled with the floor's `now` set to the time when it
happened; the entries of all calls are sorted by time. So rows, averages and wrap-ups come out as if nothing had been
missed. What the core already knows is ignored because of its state: reading the journal twice changes nothing.

The journal tells of the past; only the snapshot tells who exists and who talks *now*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import isfinite

from callcenter.core.call import conversation, departure, dialplan_step, ringing
from callcenter.core.call_history import CallHistory, LegHistory
from callcenter.core.caller import CALLER, Caller, CallerStep
from callcenter.core.catchup import adoption
from callcenter.core.commands import OfferKind, Place, SaveOffer
from callcenter.core.events import BridgeEntered, BridgeLeft, ChannelHungUp, ChannelSeen, OfferAnswered
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_BRIDGE, NO_CALL, BridgeId, CallId, ChannelId, OfferId
from callcenter.core.offer import Offer
from callcenter.core.operator import Activity
from callcenter.core.records import CallRecord, HungUpBy, OfferRecord, Outcome
from callcenter.core.server import ServerState

UNSEEN = "unseen-"
"""Prefix of the provisional name of a bridge whose real id the next snapshot tells."""
AT_ONCE = 2.0
"""Maximum seconds between the end of a conversation and the end of the call if the caller hung up."""

Step = tuple[float, Callable[[], None]]


def enter(
    floor: Floor, server: ServerState, histories: Iterable[CallHistory], seen: Mapping[ChannelId, ChannelSeen]
) -> None:
    """Enter everything that happened until `floor.now`. `seen`: the channels that exist on this server, by id."""
    now = floor.now
    steps: list[tuple[float, CallId, Callable[[], None]]] = []
    floor.expect_nobody(server)
    for history in histories:
        if history.call:
            floor.attempt(floor.call_of(history.call), "the journal", _gather, floor, history, seen, steps)
    with floor.looking_back():
        for at, call, enter_it in sorted(steps, key=lambda step: step[0]):
            wrap_ups_over(floor, at)
            floor.at(at)
            floor.attempt(call, "the journal", enter_it)
        wrap_ups_over(floor, now)


def _gather(
    floor: Floor,
    history: CallHistory,
    seen: Mapping[ChannelId, ChannelSeen],
    steps: list[tuple[float, CallId, Callable[[], None]]],
) -> None:
    caller = floor.caller_of(history.call)
    way_out = caller.after if caller else Place.HOLD
    past = _Past(floor, history, seen, way_out, frozenset(floor.offers))
    steps += [(at, past.call, step) for at, step in past.steps()]


def unseen(leg: ChannelId) -> BridgeId:
    """Return a provisional id for the bridge in which this leg talks."""
    return BridgeId(UNSEEN + leg)


def wrap_ups_over(floor: Floor, until: float) -> None:
    """End the wrap-ups that are over by `until`, each at its own time: the operator has been free since then."""
    busy = (one for one in floor.operators.values() if one.activity is Activity.WRAPPING_UP)
    over = [(one.ready_at, one.person.id) for one in busy if one.ready_at is not None and one.ready_at <= until]
    for at, person in sorted(over):
        floor.at(at)
        floor.attempt(NO_CALL, "the end of a wrap-up", conversation.wrap_up_over, floor, person)


@dataclass(frozen=True, slots=True)
class _Past:
    """The history of one call, compared with what the floor knows."""

    floor: Floor
    history: CallHistory
    seen: Mapping[ChannelId, ChannelSeen]
    way_out: Place
    """Where Asterisk sent the caller when a conversation ended: nobody was connected to change it."""
    ours: frozenset[OfferId]
    """Legs that the core knew before."""

    @property
    def call(self) -> CallId:
        """The call; the journal has the id of the caller's channel."""
        return self.floor.call_of(self.history.call)

    # -- what happened, in order -----------------------------------------------------------------------------------

    def steps(self) -> Iterator[Step]:
        """Yield times and the steps to enter at them. Missing or impossible times are corrected."""
        history, call = self.history, self.call
        if not self.floor.ended_lately(call) and call not in self.floor.aside and self._concerns_us():
            began = self._began()
            if call not in self.floor.callers:
                yield began, self._arrived
            last = self._last_known(began)
            for at, name in history.dialplan_steps:
                last = max(last, self._moment(at, began))
                yield self._moment(at, began), partial(self._came_to, name)
            for leg in history.legs:
                if leg.channel_id not in (history.call, ""):
                    yield from self._of_leg(leg, began)
            if history.ended_at is not None and history.call not in self.seen:
                yield max(last, self._moment(history.ended_at, began)), self._ended
        else:  # the end of the call is already entered, but its legs may have ended later
            for leg in history.legs:
                if leg.channel_id in self.floor.offers:
                    yield from self._of_leg(leg, 0.0)

    def _of_leg(self, leg: LegHistory, began: float) -> Iterator[Step]:
        alive = leg.channel_id in self.seen
        ended_at = self.history.ended_at if leg.ended_at is None else leg.ended_at
        if not alive and ended_at is None and leg.channel_id not in self.floor.offers:
            return  # it came after the snapshot: Asterisk will report it
        placed = self._moment(leg.placed_at, began)
        if leg.answered_at is not None:
            yield self._moment(leg.answered_at, placed), partial(self._answered, leg)
        last = placed
        talks = sorted((talk for talk in leg.talks if isfinite(talk[0])), key=lambda talk: talk[0])
        for start, end in talks:
            until = ended_at if end is None else end
            if alive and (end is None or (start, end) == talks[-1]) and self._together(leg):
                until = None
            elif end is None and alive:
                continue  # it began after the snapshot
            yield (last := self._moment(start, placed)), partial(self._talk_began, leg)
            if until is not None:
                yield (last := self._moment(until, last)), partial(self._talk_ended, leg)
        if ended_at is not None and not alive:
            yield max(last, self._moment(ended_at, placed)), partial(self._leg_ended, leg)

    def _concerns_us(self) -> bool:
        """Whether the call is known, or was missed; not if Asterisk is still going to report its arrival."""
        if self.call in self.floor.callers:
            return True
        if self.history.line not in self.floor.lines:
            return False
        channel = self.seen.get(self.history.call)
        if channel and channel.variables.get("CC_STAGE") == dialplan_step.ARRIVING:
            past = self.history
            self.floor.expect(CallRecord(past.call, past.line, past.number, past.name, self._began()))
            return False
        return bool(channel) or self.history.ended_at is not None

    # -- entering the steps ----------------------------------------------------------------------------------------

    def _caller(self) -> Caller | None:
        return self.floor.callers.get(self.call)

    def _arrived(self) -> None:
        history = self.history
        if self._caller() is None and not self.floor.ended_lately(history.call):
            channel = self.seen.get(history.call) or ChannelSeen(history.call, history.channel)
            channel = ChannelSeen(history.call, channel.channel, number=history.number or channel.number)
            adoption.adopt(self.floor, channel, history.line, self.floor.now, history.name)

    def _came_to(self, name: str) -> None:
        caller = self._caller()
        if caller:
            dialplan_step.follow(self.floor, caller, name)

    def _answered(self, leg: LegHistory) -> None:
        if leg.channel_id in self.floor.offers:
            ringing.answered(self.floor, OfferAnswered(OfferId(leg.channel_id)))

    def _talk_began(self, leg: LegHistory) -> None:
        floor, caller, bridge = self.floor, self._caller(), unseen(leg.channel_id)
        if caller is None or leg.channel_id in caller.past_legs:
            return
        offer = floor.offer_of(leg.channel_id)
        if offer is None:
            self._found_talking(caller, leg)
        elif offer.talking_since is None and floor.now > offer.quiet_since:
            for channel in (offer.id, caller.channel_id):
                conversation.bridge_entered(floor, BridgeEntered(channel, bridge))

    def _found_talking(self, caller: Caller, leg: LegHistory) -> None:
        """Enter that an operator answered a phone rung by Asterisk's own queue."""
        floor, bridge = self.floor, unseen(leg.channel_id)
        if caller.talking_since is not None and floor.now <= caller.talking_since:
            return  # older than what is known
        if caller.bridge:
            conversation.bridge_left(floor, BridgeLeft(caller.channel_id, caller.bridge))
        dialplan_step.follow(floor, caller, dialplan_step.FALLBACK_QUEUE)
        if not CALLER.allows(caller.state, CallerStep.CONNECT):
            return
        operator = adoption.at_phone(floor, leg.phone)
        offer = None
        if operator:
            adoption.forget_ghost(floor, caller, operator, self.seen)
        if operator and adoption.available(operator):
            offer = adoption.adopt_leg(floor, caller, operator, leg, floor.now, bridge)
        conversation.found_talking(floor, caller, offer)
        if operator and not caller.record.operator:
            floor.note(caller, operator=operator.person.id)
        floor.change(caller, bridge=bridge)

    def _talk_ended(self, leg: LegHistory) -> None:
        floor, caller, offer = self.floor, self._caller(), self.floor.offer_of(leg.channel_id)
        if caller is None or caller.talking_since is None or floor.now < caller.talking_since:
            return
        if offer is None:
            if caller.bridge == unseen(leg.channel_id):
                self._nobody_we_know_left(caller)
            return
        if caller.leg != offer.id or offer.talking_since is None or offer.bridge != caller.bridge:
            return
        if self._sent_away(caller, offer):
            floor.change(caller, after=Place.GOODBYE)
        elif self._kept():
            floor.change(caller, after=Place.HOLD)
        elif offer.id in self.ours:
            floor.change(caller, after=self.way_out)
        theirs = caller.channel_id
        leaving = (theirs, offer.id) if self._caller_hung_up() else (offer.id, theirs)
        bridge = offer.bridge
        for channel in leaving:
            conversation.bridge_left(floor, BridgeLeft(channel, bridge))

    def _nobody_we_know_left(self, caller: Caller) -> None:
        if self._caller_hung_up():
            conversation.stop_clock(self.floor, caller)
            self.floor.change(caller, bridge=NO_BRIDGE)
        else:
            conversation.bridge_left(self.floor, BridgeLeft(caller.channel_id, caller.bridge))

    def _leg_ended(self, leg: LegHistory) -> None:
        self._talk_ended(leg)
        floor, offer = self.floor, self.floor.offer_of(leg.channel_id)
        if offer is None:
            self._enter_row(leg)
            return
        if offer.pending:
            floor.withdraw(offer)  # nobody saw what happened to it: no reason to pause the operator
        departure.hung_up(floor, ChannelHungUp(offer.id, leg.cause))

    def _enter_row(self, leg: LegHistory) -> None:
        """Write the row of a leg that Asterisk's own queue rang and that has no offer; no operator is paused for it."""
        floor, caller = self.floor, self._caller()
        operator = adoption.at_phone(floor, leg.phone)
        if caller is None or operator is None or leg.channel_id in caller.past_legs:
            return
        floor.change(caller, past_legs=caller.past_legs | {OfferId(leg.channel_id)})
        placed = self._moment(leg.placed_at, caller.record.arrived_at)
        answered_at = None if leg.answered_at is None else self._moment(leg.answered_at, placed)
        talks = [(self._moment(start, placed), self._moment(end, placed)) for start, end in leg.talks]
        floor.do(
            SaveOffer(
                OfferRecord(
                    OfferId(leg.channel_id),
                    caller.call,
                    operator.person.id,
                    OfferKind.QUEUE.value,
                    placed,
                    answered_at=answered_at,
                    connected_at=talks[0][0] if talks else None,
                    ended_at=floor.now,
                    result="connected" if talks else "missed",
                    talk=sum(max(0.0, end - start) for start, end in talks),
                )
            )
        )

    def _ended(self) -> None:
        floor, history, caller = self.floor, self.history, self._caller()
        if caller is None:
            return
        refused = dialplan_step.refusal(history)
        if refused and caller.state in dialplan_step.MENUS and caller.record.outcome is Outcome.IN_PROGRESS:
            floor.note(caller, outcome=refused)
        if caller.record.hung_up_by is HungUpBy.NOBODY:
            floor.note(caller, hung_up_by=history.hung_up_by)
        departure.see_off(floor, caller, history.cause, history.cause_text)

    # -- times -----------------------------------------------------------------------------------------------------

    def _began(self) -> float:
        known = self._caller()
        if known:
            return known.record.arrived_at
        told = [self.history.arrived_at, *(at for at, _ in self.history.dialplan_steps)]
        told += [leg.placed_at for leg in self.history.legs]
        finite = [at for at in told if at is not None and isfinite(at)]
        channel = self.seen.get(self.history.call)
        return min([*finite, self.floor.now - (channel.seconds if channel else 0.0)])

    def _last_known(self, began: float) -> float:
        """Return the earliest possible end of the call, from what is known."""
        caller = self._caller()
        if caller is None:
            return began
        record = caller.record
        known = (record.joined_at, record.answered_at, caller.talking_since)
        return max([began, *(at for at in known if at is not None)])

    def _moment(self, at: float | None, earliest: float) -> float:
        """Limit a time to between `earliest` and now; a missing one becomes `earliest`."""
        return min(max(at, earliest), self.floor.now) if at is not None and isfinite(at) else earliest

    def _together(self, leg: LegHistory) -> bool:
        caller, theirs = self.seen.get(self.history.call), self.seen.get(leg.channel_id)
        return bool(caller and theirs and theirs.bridge and theirs.bridge == caller.bridge)

    def _next_step(self) -> str:
        """Return where the caller came to after the hold that follows the conversation ending at `now`; '': nowhere."""
        steps = self.history.dialplan_steps
        return next((name for at, name in steps if at >= self.floor.now and name != dialplan_step.HELD), "")

    def _kept(self) -> bool:
        """Whether the conversation ending at `now` ended without a good-bye: with a transfer, or not served."""
        came_to = self._next_step()
        if came_to:
            return came_to in (dialplan_step.FALLBACK_QUEUE, dialplan_step.WAITING, dialplan_step.GENERAL)
        channel = self.seen.get(self.history.call)
        return channel is not None and not channel.bridge and dialplan_step.unserved(channel.variables)

    def _sent_away(self, caller: Caller, offer: Offer) -> bool:
        """Whether the dialplan decided by itself that the conversation ending at `now` had served the caller."""
        came_to = self._next_step()
        if came_to:
            return came_to == dialplan_step.LEAVING
        channel = self.seen.get(self.history.call)
        if channel is None or channel.bridge:
            return False
        if channel.variables.get("CC_STAGE") == dialplan_step.HELD:
            return channel.variables.get("CC_SERVED") == "1"
        # The snapshot was taken just while the dialplan decides: apply the same rule here.
        talked = self.floor.now - (offer.talking_since or self.floor.now)
        return caller.handover is None and talked > self.floor.settings.false_answer

    def _caller_hung_up(self) -> bool:
        """Whether the conversation ending at `now` ends because the caller hung up."""
        history = self.history
        if history.ended_at is None or history.call in self.seen or history.hung_up_by is not HungUpBy.CALLER:
            return False
        return history.ended_at - self.floor.now <= AT_ONCE and all(
            at < self.floor.now for at, _ in history.dialplan_steps
        )
