"""The accelerated morning as it is planned: who calls when, how long people talk, how the line is set.

Everything is about seven times as fast as on the real line: calls of 25 s instead of three minutes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import accumulate

from callcenter.core.settings import Line

OPERATORS = 8
PHASES = ((45.0, 9), (90.0, 72), (165.0, 15))
"""(seconds, callers): quiet, far more than eight people can serve, quiet again."""
TALK, SHORTEST_TALK, RING, WRAP_UP = 21.0, 1.0, (0.5, 1.5), 2.0
"""Seconds: mean of an exponential time, beyond the shortest; least and most; always."""
PATIENCE = 200.0
"""Mean of an exponential time, counted from the greeting. Nobody can be told when the operator answers, so some end a
conversation by it: this makes conversations shorter, but leaves them exponential."""
URGENT = 0.15
"""Share of callers who say that it is urgent."""
LINE = Line(
    "estp",
    ("operators",),
    classes=("urgent", "normal"),
    default_class="normal",
    overtaking_limit=25.0,
    announce_every=10.0,
    expected_handling=25.0,
    expected_patience=150.0,
)
"""As somebody would set it who knows the line roughly: handling really takes 23 s on average."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One caller to be. Seconds from the beginning, and from the greeting."""

    number: str
    at: float
    patience: float
    urgent: bool


def plans(rng: random.Random) -> list[Plan]:
    """In each phase so many callers at random moments: a Poisson process of which the count is known."""
    starts = accumulate((seconds for seconds, _ in PHASES), initial=0.0)
    moments = sorted(
        start + rng.uniform(0, seconds)
        for start, (seconds, callers) in zip(starts, PHASES, strict=False)
        for _ in range(callers)
    )
    return [
        Plan(f"+7342{2000000 + place}", at, 2 + rng.expovariate(1 / PATIENCE), rng.random() < URGENT)
        for place, at in enumerate(moments)
    ]


def talk(rng: random.Random) -> float:
    """How long an operator would talk, seconds."""
    return SHORTEST_TALK + rng.expovariate(1 / TALK)
