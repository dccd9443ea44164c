"""Why somebody in a queue has the place they have, and not another (ESTP 2.3, 4.2): facts, which others put into words.

The order itself is `Queue`'s; this explains it, so that a supervisor can tell it to a caller who complains.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from callcenter.core.ids import CallId


class By(StrEnum):
    """What the place comes from, the strongest reason first."""

    RINGING = "ringing"
    """A phone rings for them already."""
    OUT_OF_TURN = "out_of_turn"
    """A supervisor has taken them out of turn."""
    HURRY = "hurry"
    """A call-back whose window ends soon, within the line's share."""
    LIMIT = "limit"
    """They have waited as long as the limit: nobody overtakes them any more."""
    URGENCY = "urgency"
    """Their class: they go before others who came earlier."""
    ARRIVAL = "arrival"
    """Nothing but the order of arrival."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of somebody in a queue, in the order of service."""

    call: CallId
    since: float
    """The time of the place: it gives the order of arrival."""
    rank: int
    """Of the class: 0 is the most urgent."""
    arrived_at: float
    """When this call arrived; the place is older if they keep that of a former call."""
    ringing: bool = False
    out_of_turn: bool = False
    hurried: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """Why somebody stands where they stand."""

    by: By
    overtakes: int
    """How many who came earlier come after them."""
    overtaken: int
    """How many who came later come before them."""
    kept: bool
    """Whether the place is that of a former call."""
    safe_at: float | None
    """When they will have waited as long as the limit, if somebody may overtake them until then; None: nobody can."""


KEPT = 1.0
"""Seconds by which a place is older than the call, if it is that of a former one."""


def explained(order: Sequence[Standing], limit: float, now: float) -> list[Turn]:
    """Explain the order of service, for each in it. `limit`: seconds, as in `Queue`. O(n log n)."""
    by_arrival = sorted((one.since, index) for index, one in enumerate(order))
    earlier: list[tuple[float, int]] = []
    turns = []
    for index, one in enumerate(order):
        key = (one.since, index)
        came_before = bisect_left(earlier, key)
        overtaken = len(earlier) - came_before
        overtakes = bisect_left(by_arrival, key) - came_before
        insort(earlier, key)
        overdue = now - one.since >= limit
        safe_at = None if overdue or one.rank == 0 else one.since + limit
        kept = one.arrived_at - one.since >= KEPT
        turns.append(Turn(_by(one, overtakes=overtakes, overdue=overdue), overtakes, overtaken, kept, safe_at))
    return turns


def _by(one: Standing, *, overtakes: int, overdue: bool) -> By:
    if one.ringing:
        return By.RINGING
    if one.out_of_turn:
        return By.OUT_OF_TURN
    if one.hurried:
        return By.HURRY
    if overdue:
        return By.LIMIT
    return By.URGENCY if overtakes else By.ARRIVAL
