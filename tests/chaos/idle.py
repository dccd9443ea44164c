"""Operators who could have taken a call and got none, though callers waited: one who is stuck looks like that."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tests.chaos.evidence import Evidence, moment
from tests.chaos.judge import STUCK, Violation
from tests.chaos.order import waiting

TOO_LONG = 30.0
"""Seconds. A daemon that dies leaves the operators without calls for some ten: stale, a turn, gathering, ringing."""
_STEP = 1.0


def idle(evidence: Evidence, people: tuple[str, ...], wrap_up: float) -> Iterator[tuple[str, float, float]]:
    """(operator, from when, seconds): on shift, neither paused nor rung, and somebody waited for whom no phone rang."""
    queue = list(waiting(evidence))
    ticks = range(int((evidence.closed - evidence.began) / _STEP))
    moments = [evidence.began + _STEP * tick for tick in ticks]
    demand = [not evidence.died(at, 2.0) and any(one.unattended(at) for one in queue) for at in moments]
    for person in people:
        busy = [
            (r.rung_at, (r.ended_at or evidence.closed) + wrap_up + 1.0)
            for r in evidence.seen.rung
            if r.phone == person
        ]
        busy += _paused(evidence, person)
        since: float | None = None
        for at, wanted in [*zip(moments, demand, strict=True), (evidence.closed, False)]:
            free = wanted and not any(begin <= at <= end for begin, end in busy)
            if free and since is None:
                since = at
            elif not free and since is not None:
                yield person, since, at - since
                since = None


def _paused(evidence: Evidence, person: str) -> list[tuple[float, float]]:
    """When the operator was paused, or not on shift."""
    changes = [
        (moment(row["at"]) or 0.0, str(row["presence"])) for row in evidence.presence if row["operator"] == person
    ]
    changes.sort()
    changes.append((float("inf"), "available"))
    return [(at, end) for (at, presence), (end, _) in pairwise(changes) if presence != "available"]


def stuck(evidence: Evidence, people: tuple[str, ...], wrap_up: float) -> Iterator[Violation]:
    """Those who had nothing to do for too long."""
    for person, since, seconds in idle(evidence, people, wrap_up):
        if seconds > TOO_LONG:
            text = f"phone {person} was free for {seconds:.0f} s, and callers waited for whom no phone rang"
            yield Violation(STUCK, "", since, text)
