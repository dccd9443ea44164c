"""A line of textbooks, served in order of arrival, by recursion over its callers: what the live core is compared with.

Poisson arrivals, exponential handling times and patience. No events and no core: a caller is taken by the operator who
is free first, unless that is later than their patience allows (they would have waited just as long: the offered wait).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from math import inf
from random import Random

from callcenter.simulation.outcome import SimulatedCall
from callcenter.simulation.rivals import Rival, RivalView


def first_come(
    *, calls: int, staff: int, load: float, handling: float, patience: float | None, rivals: Sequence[Rival], seed: int
) -> Iterator[SimulatedCall]:
    """`load`: work that arrives, as a share of what `staff` people can do; the last rival gives the estimate."""
    random = Random(seed)
    now, free_at = 0.0, [0.0] * staff
    queue: deque[tuple[float, float, bool]] = deque()  # joined at, leaves at, answered
    gone: list[tuple[float, float]] = []  # to be answered at, joined at: what the rivals have not heard of yet
    for _ in range(calls):
        now += random.expovariate(load * staff / handling)
        while gone and gone[0][0] <= now:
            answered_at, joined_at = heapq.heappop(gone)
            for rival in rivals:
                rival.answered(answered_at - joined_at, answered_at)
        queue = deque(caller for caller in queue if caller[1] > now)
        offered = max(0.0, free_at[0] - now)
        takes, stays = random.expovariate(1 / handling), random.expovariate(1 / patience) if patience else inf
        floor = RivalView(now, len(queue), staff, now - queue[0][0] if queue else None)
        said = {rival.name: rival.estimate(floor) for rival in rivals} if offered else {}
        mean, p90 = said[rivals[-1].name] if offered else (0.0, 0.0)
        answered = offered <= stays
        if answered:
            heapq.heapreplace(free_at, now + offered + takes)
            heapq.heappush(gone, (now + offered, now))
        queue.append((now, now + min(offered, stays), answered))
        outcome = "answered" if answered else "abandoned"
        waited = min(offered, stays)
        yield SimulatedCall(
            now, "normal", floor.ahead, staff, mean, p90, offered, outcome, waited, takes, stays, False, said
        )
