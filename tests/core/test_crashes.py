"""The controller is killed at any moment, and Asterisk goes on without it: what the next one knows and writes.

The stories of `test_properties` with a mortal controller: all that must be true there must be true here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from callcenter.core.caller import CallerState
from callcenter.core.events import CallArrived
from callcenter.core.floor import Floor
from callcenter.core.ids import CallId
from callcenter.core.operator import Presence
from callcenter.core.records import Outcome
from tests.core.journal import CallLines
from tests.core.test_properties import HUNT, PHONES_OWN, SMALL, CallCentreStories, Move

pytestmark = [pytest.mark.clause("ESTP 2.3"), pytest.mark.clause("ESTP 5.6.1")]

Essence = dict[str, Any]


def essence(floor: Floor, now: float) -> Essence:
    """All that a caller, an operator or the register would miss."""
    return {
        "queues": {id: line.queue.in_order(now) for id, line in floor.lines.items()},
        "ready": {id: line.queue.head(now) for id, line in floor.lines.items()},
        "lines in use": {id: line.lines_in_use for id, line in floor.lines.items()},
        "calls": set(floor.callers),
        **{f"{call}: {what}": value for call, one in floor.callers.items() for what, value in _caller(one).items()},
        "offers": set(floor.offers),
        **{
            offer.id: (offer.state, offer.call, offer.operator, offer.kind, offer.bridge, offer.talking_since)
            for offer in floor.offers.values()
        },
        **{
            id: (one.presence, one.activity, one.reason, one.offer, one.phone, one.ready_at)
            for id, one in floor.operators.items()
            if one.presence is not Presence.OFF or one.offer  # who went home in the middle of wrap-up is gone
        },
        "free, the longest first": {group: list(roster._order) for group, roster in floor.rosters.items()},
        "kept": {call: operator.person.id for call, operator in floor.kept.items()},
        "on duty": dict(floor.on_duty),
        "at phones": dict(floor.at_phone),
    }


def _caller(caller: Any) -> Essence:
    heard = [record.number for record in caller.promises]
    handover = caller.handover
    return {
        "row": caller.record,
        "state": caller.state,
        "place": caller.place_at,
        "channel": caller.channel,
        "offer": caller.offer,
        "legs": set(caller.legs),
        "bridge": caller.bridge,
        "talks since": caller.talking_since,
        "way out": caller.after if caller.state in (CallerState.TALKING, CallerState.HELD) else None,
        "recorded": caller.recorded,
        "said": caller.said,
        "promises": heard,
        "handover": handover and (handover.record, handover.from_leg, handover.offer, handover.tried),
        "transfers": caller.transfers,
    }


class MortalController(CallCentreStories):
    """`muddled`: messages were lost or came late at least once, so that rows may tell less than the truth."""

    def __init__(self) -> None:
        super().__init__()
        self.muddled = False
        self.pbx.capacity = SMALL.capacity

    def connection_is_found(self) -> None:
        """As before, and the journal is read."""
        self.pending.clear()
        self.muddled = self.muddled or self.disturbed
        self.story.finds_asterisk(journal=True)
        self.told(True)
        self.disturbed = False

    def told(self, at_once: bool) -> None:
        """As before; but nothing happens twice at the very same moment, which rows could not tell apart."""
        super().told(at_once)
        if not self.pending:
            self.story.passes(0.001)

    def phones_troubles(self) -> Iterator[Move]:
        """None: which phones are lost is not written down, but asked again."""
        return iter(())

    # -- death ---------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.story.connected and not self.pending)
    @rule()
    def dies_and_is_back_at_once(self) -> None:
        """Nothing happened meanwhile: nothing may be different."""
        before, rested = essence(self.floor, self.story.now), self.rested()
        self.dies()
        self.starts_again()
        if not self.muddled and not self.disturbed and not rested:
            after = essence(self.floor, self.story.now)
            different = {what: (was, after.get(what)) for what, was in before.items() if after.get(what) != was}
            assert not different, "\n".join(f"{what}:\n  {was}\n  {now}" for what, (was, now) in different.items())

    @rule(choices=st.lists(st.integers(0, 10_000), max_size=15))
    def dies_and_asterisk_goes_on(self, choices: list[int]) -> None:
        """Callers come and go, phones are rung by Asterisk's own queue, conversations end."""
        self.dies()
        for choice in choices:
            moves = list(self.moves_without_us())
            name, move = moves[choice % len(moves)]
            note(name)
            move()
            self.story.passes(0.001)
        self.starts_again()

    def dies(self) -> None:
        self.muddled = self.muddled or self.disturbed or bool(self.pending)
        self.pending.clear()
        self.story.dies()

    def starts_again(self) -> None:
        note("the controller starts again")
        self.pending.clear()
        told = self.story.seen()
        self.story.starts_again()
        self.told(True)
        self.disturbed = False
        once = essence(self.floor, self.story.now)
        rows = self.rows()
        self.story.handle(replace(told, channels=self.pbx.seen()))
        assert essence(self.floor, self.story.now) == once, "reading the journal twice"
        assert self.rows() == rows, "reading the journal twice"

    def rested(self) -> bool:
        """Whether a phone rests, or somebody is free since one did: no row tells until when."""
        if any(phone.rests for phone in self.floor.phones.values()):
            return True
        written = self.story.kept.presence
        people = [one for one in self.floor.operators.values() if one.presence is not Presence.OFF]
        told = all(written[one.person.id].free_since == one.free_since for one in people)
        causes = {offer.result for offer in self.story.offers_saved.values()}
        return not told and not causes.isdisjoint((*PHONES_OWN, "lost", "left"))

    def rows(self) -> tuple[Any, ...]:
        kept = self.story.kept
        return (dict(kept.calls), dict(kept.offers), dict(kept.transfers), dict(kept.presence))

    def moves_without_us(self) -> Iterator[Move]:
        for seconds in (0.1, 1, 5, 20, 45):
            yield f"{seconds} s pass", partial(self.story.passes, seconds)
        yield "somebody calls", self.calls_unheard
        for id in self.pbx.callers:
            yield f"{id} hangs up", partial(self.pbx.hang_up, id)
            yield from [(f"{id} is left to Asterisk", partial(self.pbx.help_itself, id))] * 2
        for offer, leg in self.pbx.legs.items():
            if not leg.answered:
                yield from [(f"{offer} is answered", partial(self.pbx.answer, offer))] * 3
                yield f"{offer} rings in vain", partial(self.pbx.hang_up, offer, 19)
            else:
                yield f"{offer} hangs up", partial(self.pbx.hang_up, offer)
        yield from self.queue_of_asterisk()

    def queue_of_asterisk(self) -> Iterator[Move]:
        busy = {leg.ring.phone for leg in self.pbx.legs.values()}
        rung = {leg.ring.call for leg in self.pbx.legs.values()}
        for caller in self.pbx.callers.values():
            for phone, member in self.pbx.members.items():
                free = phone not in busy and not member.paused
                if free and caller.fallback == "alone" and not caller.bridge and caller.id not in rung:
                    ring = partial(self.pbx.ring_by_itself, caller.id, phone)
                    yield from [(f"Asterisk rings {phone} for {caller.id}", ring)] * 2

    def callers_moves(self) -> Iterator[Move]:
        """As before; and whoever hears Asterisk's own greeting hears it to its end."""
        for name, move in super().callers_moves():
            id = CallId(name.partition(" ")[0])
            caller = self.pbx.callers.get(id)
            if caller and caller.fallback and " goes on" in name:
                yield f"{id} has been greeted by Asterisk", partial(self.comes_to_the_fallback_queue, id)
            else:
                yield name, move

    def comes_to_the_fallback_queue(self, call: CallId) -> None:
        """Which Asterisk tells a controller that is there."""
        self.told(True)
        self.pbx.help_itself(call)

    def calls_unheard(self) -> None:
        call = CallId(f"17000.{len(self.arrived) + 1:03d}")
        self.arrived[call] = CallArrived(call, f"SIP/{call}", "estp", "+7342", "", None)
        self.pbx.arrive(call, "estp", "+7342")

    # -- what must be true ---------------------------------------------------------------------------------------------

    @invariant()
    def rows_are_true(self) -> None:
        """Of everybody who is gone: when, why, and how long they waited and talked with whom."""
        if self.muddled or self.disturbed or self.pending or not self.story.connected:
            self.muddled = self.muddled or self.disturbed or bool(self.pending)
            return
        for call, lines in self.pbx.journal.calls.items():
            if lines.ended_at is not None and call not in self.unwritten(lines):
                self.is_true(call, lines)

    def unwritten(self, lines: CallLines) -> set[str]:
        """Came and went before anybody asked them anything, unseen by a connected controller."""
        return (
            {lines.id}
            if lines.id not in self.story.calls_saved and lines.dialplan_steps[-1][1] == "arriving"
            else set()
        )

    def is_true(self, call: str, lines: CallLines) -> None:
        row = self.story.calls_saved[CallId(call)]
        assert row.ended_at is not None
        assert row.ended_at == lines.ended_at
        assert row.arrived_at == lines.arrived_at
        assert row.outcome is not Outcome.IN_PROGRESS
        talks = [(start, end) for start, end in lines.talks if end is not None]
        assert row.talk == pytest.approx(sum(end - start for start, end in talks))
        queued = [at for at, dialplan_step in lines.dialplan_steps if dialplan_step in ("waiting", "alone")]
        assert row.joined_at == (queued[0] if queued else None)
        if talks and all(end - start > self.floor.settings.false_answer for start, end in talks):
            assert row.outcome is Outcome.ANSWERED
            assert row.answered_at is not None
            assert row.answered_at == talks[0][0]
            assert (row.waiting, row.queued) == (row.answered_at - row.arrived_at, row.answered_at - queued[0])
            assert row.operator
        elif not talks and queued and row.outcome is Outcome.GENERAL_LINE:
            assert (row.waiting, row.queued) == (None, None)
        elif not talks and queued:
            assert row.outcome in (Outcome.ABANDONED, Outcome.LOST)
            assert (row.waiting, row.queued) == (row.ended_at - row.arrived_at, row.ended_at - queued[0])

    @invariant()
    def offers_have_their_end(self) -> None:
        for id, record in self.story.offers_saved.items():
            assert record.ended_at is not None or id in self.floor.offers, "an offer without end"
            assert record.talk >= 0


TestMortalController = MortalController.TestCase
TestMortalController.settings = settings(
    max_examples=HUNT or 200,
    stateful_step_count=30,
    derandomize=not HUNT,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
