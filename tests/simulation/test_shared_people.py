"""One team on four lines: in which order their callers are served (docs/waiting-times.md, decision 40).

The live core in virtual time, with callers of all lines at random. Who comes next is worked out here anew, from the
rule alone, and compared with every offer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from random import Random

import pytest

from callcenter.core.commands import Command, Ring
from callcenter.core.ids import CallId, GroupId, LineId
from callcenter.core.settings import Line
from tests.core.story import CUSTOMER, Guest, Story, settings

LIMITS = {"estp": 180.0, "elot": 120.0, "e-sauda": 300.0, "tbs": 180.0}
TEAM = ("101", "102", "103")
EVERYBODY = (GroupId("operators"),)


def line(name: str) -> Line:
    return Line(
        LineId(name),
        EVERYBODY,
        class_of_digit={"1": "urgent", "2": "normal"},
        asks_before_queue=True,
        overtaking_limit=LIMITS[name],
        announce_every=3600.0,
        capacity=30,
    )


@dataclass(frozen=True)
class Waiting:
    """A caller as the rule sees them."""

    call: CallId
    line: str
    urgency: str
    since: float

    def in_line(self, now: float) -> tuple[int, float]:
        """The order within a line: first who has waited for the limit, then by urgency; each by arrival."""
        overdue = now - self.since >= LIMITS[self.line]
        return (-1 if overdue else ["urgent", "normal"].index(self.urgency)), self.since


class Day:
    """Callers of all lines and their team."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        first, *others = (line(name) for name in LIMITS)
        self.story = Story(replace(settings(first, *others), ring_timeout=3600.0, silent_phone=3600.0))
        for name in LIMITS:
            self.story.opens(LineId(name))
        self.story.watch = self.compare
        self.waiting: dict[CallId, Waiting] = {}
        self.guests: dict[CallId, Guest] = {}
        self.busy: dict[str, tuple[float, CallId]] = {}
        """Who talks: until when, with whom."""
        self.waits: dict[str, list[float]] = {name: [] for name in LIMITS}
        self.wrong: list[str] = []
        self.urgent_passed = 0
        """Offers to somebody who was not urgent while somebody urgent waited on another line."""

    def next_one(self) -> Waiting:
        """The rule: of each line's first caller, the one who has waited the longest."""
        heads = [min((one for one in self.waiting.values() if one.line == name), key=self._in_line, default=None)
                 for name in LIMITS]  # fmt: skip
        return min((head for head in heads if head), key=lambda head: head.since)

    def _in_line(self, one: Waiting) -> tuple[int, float]:
        return one.in_line(self.story.now)

    def compare(self, commands: list[Command]) -> None:
        for ring in commands:
            if not isinstance(ring, Ring):
                continue
            meant = self.next_one()
            if meant.call != ring.call:
                self.wrong.append(f"at {self.story.now}: {self.waiting[ring.call]} was offered, and not {meant}")
            offered = self.waiting.pop(ring.call)
            self.urgent_passed += offered.urgency == "normal" and any(
                one.urgency == "urgent" and one.line != offered.line for one in self.waiting.values()
            )
            self.waits[offered.line].append(self.story.now - offered.since)

    def arrives(self, name: str, urgency: str) -> None:
        guest = self.story.calls(CUSTOMER, LineId(name), f"+7342{len(self.guests):07}")
        self.guests[guest.call] = guest
        guest.hears_greeting()
        self.waiting[guest.call] = Waiting(guest.call, name, urgency, self.story.now)
        guest.presses("1" if urgency == "urgent" else "2")

    def runs(self, seconds: float) -> None:
        self.story.logs_in(*TEAM)
        until = self.story.now + seconds
        while self.story.now < until:
            self.story.passes(self.chance.expovariate(1 / 25))
            self.arrives(self.chance.choice([*LIMITS, "estp"]), self.chance.choice(["urgent", "normal", "normal"]))
            self.work()
        for _ in range(1000):
            if self.waiting:
                self.story.passes(5)
                self.work()
        assert not self.waiting

    def work(self) -> None:
        for person in TEAM:
            phone = self.story.phone(person)
            if person in self.busy:
                until, call = self.busy[person]
                if self.story.now >= until:
                    del self.busy[person]
                    self.guests[call].hangs_up()
                    self.story.returns(person)
            elif phone.leg:
                self.busy[person] = self.story.now + self.chance.uniform(20, 110), phone.display.call
                phone.answers()


@pytest.mark.clause("ESTP 2.3", "ESTP 4.2", "eLot 2.4")
@pytest.mark.parametrize("seed", range(3))
def test_of_all_lines_first_callers_the_one_who_has_waited_the_longest_is_next(seed: int) -> None:
    day = Day(seed)
    day.runs(3600.0)
    assert day.wrong == []
    served = sum(map(len, day.waits.values()))
    assert served == len(day.guests) > 100
    assert Counter(guest.row.line for guest in day.guests.values()).keys() == LIMITS.keys()
    assert day.urgent_passed, "urgency is a matter of one line: somebody urgent waits while another line is served"
    means = [sum(waits) / len(waits) for waits in day.waits.values()]
    assert max(means) < 1.5 * min(means) + 10, "no line is left behind, though one has twice as many callers"
