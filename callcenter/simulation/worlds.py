"""Whole lines by name, each with something that real days have and the textbook's queue has not (ESTP 2.2d, 5.4.6).

All have the arrivals of the ESTP line and people so that a queue stands at its peaks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from callcenter.core.settings import Line
from callcenter.simulation.crowd import Crowd, Kind, Level
from callcenter.simulation.scenario import LINE, Scenario
from callcenter.simulation.staff_plan import StaffPlan
from callcenter.simulation.traffic import ESTP_DAY, Exponential, LogNormal, Poisson

WRAP_UP = 20.0
CLASSES = ("urgent", "normal")
_USUAL = (Kind(1.0, LogNormal(180.0, 1.2), Exponential(600.0)),)
_HOURS = ((9.0, 5), (10.0, 7), (13.0, 5), (15.0, 6), (17.0, 5), (18.5, 2))
"""When a number of people comes on duty; the last ones stay, so that nobody waits until morning."""


@dataclass(frozen=True, slots=True)
class World:
    """One such line."""

    sentence: str
    """What it has, for people."""
    kinds: tuple[Kind, ...] = _USUAL
    level: Level = Level()
    rush: Mapping[int, float] | None = None
    """Factors on the arrivals of half-hours."""
    people: Sequence[tuple[float, int]] = _HOURS
    """(hour, people from then on)."""
    expected: float = 1.0
    """What the line expects of the handling time beforehand, relative to the truth."""

    def scenario(self, days: int, line: Line = LINE) -> Scenario:
        """Return so many days of it, on a line with these settings."""
        rates = [rate * (self.rush or {}).get(slot, 1.0) for slot, rate in enumerate(ESTP_DAY.per_hour)]
        crowd = Crowd(Poisson(tuple(rates)), self.kinds, days, self.level)
        classes = CLASSES if any(kind.urgency for kind in self.kinds) else ("normal",)
        line = replace(
            line,
            classes=classes,
            default_class="normal",
            expected_handling=crowd.handling * self.expected,
            expected_patience=crowd.patience,
        )
        plan = StaffPlan(tuple((hour * 3600.0, people) for hour, people in self.people), daily=True)
        return Scenario(crowd, plan, line, WRAP_UP)


def _kind(weight: float, handling: float, patience: float = 600.0, urgency: str = "", from_noon: float = 1.0) -> Kind:
    return Kind(weight, LogNormal(handling, 1.2), Exponential(patience), urgency, from_noon)


WORLDS: Mapping[str, World] = {
    "steady": World("every day alike, only by chance different"),
    "wandering": World("the level of arrivals wanders within the day", level=Level(half_hour=0.3)),
    "day-factor": World("some days have more callers than others", level=Level(day=0.25)),
    "two-classes": World(
        "urgent callers, whose calls take longer",
        kinds=(_kind(0.2, 260.0, urgency="urgent"), _kind(0.8, 160.0, urgency="normal")),
    ),
    "subjects": World(
        "subjects whose calls take 60, 180 and 480 s; the long ones are more frequent in the afternoon",
        kinds=(_kind(0.45, 60.0), _kind(0.4, 180.0), _kind(0.15, 480.0, from_noon=1.5)),
    ),
    "lunch": World(
        "two of seven people at lunch from 12:00 to 13:00",
        people=((9.0, 5), (10.0, 7), (12.0, 5), (13.0, 6), (17.0, 5), (18.5, 2)),
    ),
    "last-shift": World("the last shift ends with the last call", people=(*_HOURS[:-1], (18.0, 0))),
    "patience": World(
        "urgent callers are patient, the others are not",
        kinds=(_kind(0.3, 180.0, 1200.0, "urgent"), _kind(0.7, 180.0, 300.0, "normal")),
    ),
    "after-lunch": World(
        "few call from 12:00 to 13:00, many afterwards", rush={24: 0.6, 25: 0.6, 26: 1.7, 27: 1.6, 28: 1.3}
    ),
    "too-short": World("the line expects half of the handling time that calls have", expected=0.5),
    "too-long": World("the line expects double the handling time that calls have", expected=2.0),
}
