"""What is simulated: callers, operators, and a line with its settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite

from callcenter.core.errors import ReadableError
from callcenter.core.ids import GroupId, LineId, PersonId, PhoneName
from callcenter.core.settings import Line, Outgoing, Person, Settings
from callcenter.simulation.call_backs import RANGE, CallBackTraffic
from callcenter.simulation.staff_plan import StaffPlan
from callcenter.simulation.traffic import Demands

AGENTS = GroupId("agents")
LINE = Line(LineId("line"), (AGENTS,), capacity=1_000_000, classes=("normal",))
"""A line without limits and with one urgency class."""
LONGEST_ANSWER_DELAY = 60.0


class ScenarioError(ReadableError, ValueError):
    """The scenario cannot be simulated; the text is for people."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Callers, operators and line. Equal scenarios and seeds give equal rows."""

    demand: Demands
    staff: StaffPlan
    line: Line = LINE
    """The core's settings, as of a live line. People, opening hours, INN and required staff have no effect."""
    wrap_up: float = 0.0
    """Seconds at the end of the handling time. A call shorter than twice this is half talk, half wrap-up."""
    answer_delay: float = 0.0
    """How long an operator's phone rings, seconds; in addition to the handling time."""
    greeting: float = 0.0
    """Seconds from the arrival until a caller has heard the greeting."""
    answering: float = 0.0
    """Seconds from a question to the caller's answer."""
    unknown: float = 0.0
    """Share of callers whom the directory does not know, so that they are asked for the INN."""
    call_backs: CallBackTraffic | None = None
    """Customers to be called back, beside the callers."""

    def __post_init__(self) -> None:
        if not 0 <= self.answer_delay <= LONGEST_ANSWER_DELAY:
            raise ScenarioError(
                f"operators answer after {self.answer_delay:g} s; 0 to {LONGEST_ANSWER_DELAY:g} is allowed"
            )
        if not (isfinite(self.greeting) and self.greeting >= 0 and isfinite(self.answering) and self.answering >= 0):
            raise ScenarioError("the times of greeting and answers are seconds, 0 or more")
        if not 0 <= self.unknown <= 1:
            raise ScenarioError(f"a share of {self.unknown:g} unknown callers; 0 to 1 is allowed")
        if not (isfinite(self.wrap_up) and self.wrap_up >= 0):
            raise ScenarioError(f"a wrap-up of {self.wrap_up:g} s; 0 or more is allowed")
        if not (isfinite(self.line.announce_every) and self.line.announce_every > 0):
            raise ScenarioError(f"announcements every {self.line.announce_every:g} s; more than 0 is allowed")
        if self.line.default_class not in self.line.classes:
            raise ScenarioError(
                f"the default class '{self.line.default_class}' is none of the classes {', '.join(self.line.classes)}"
            )


def settings_of(scenario: Scenario) -> Settings:
    """Return the core's settings: one line and enough people.

    Without a greeting, callers take no time before the queue, and their class is known on joining.
    """
    line = replace(
        scenario.line,
        answered_by=(AGENTS,),
        required_staff=0,
        ask_inn=scenario.unknown > 0,
        asks_before_queue=scenario.line.asks_before_queue or scenario.greeting == 0,
        class_of_digit={str(rank): name for rank, name in enumerate(scenario.line.classes)}
        if len(scenario.line.classes) > 1
        else None,
        outgoing=Outgoing((RANGE,), (AGENTS,)) if scenario.call_backs else None,
    )
    ids = [f"{number:05d}" for number in range(1, scenario.staff.most + 1)]
    return Settings(
        {line.id: line},
        {PersonId(id): Person(PersonId(id), id, AGENTS, PhoneName(id)) for id in ids},
        ring_timeout=scenario.answer_delay + 1.0,
        wrap_up=scenario.wrap_up,
        false_answer=0.0,  # even a very short one is a talk, not a fault of the phone
    )
