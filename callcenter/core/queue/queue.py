"""The order of service: by urgency, but nobody is overtaken for longer than the limit (ESTP 2.3, 4.2)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from math import inf, nextafter

from callcenter.core.ids import NO_CALL, CallId
from callcenter.core.undo import Undo

OUT_OF_TURN = 1e9
"""Seconds by which the places of those who were taken out of turn are before all others, on all lines."""
Key = tuple[float, int, CallId]
"""(time of the place, sequence number, call): the order of arrival."""


class Queue:
    """The waiting callers of one line. Join, leave, head (without `may`) and position take O(log n) comparisons.

    Order at time t: first those who have waited `limit` seconds or longer, whatever their class, in order of
    arrival; then class by class, the most urgent first, each in order of arrival. A caller for whom a phone is
    ringing keeps the place (`reserve`) but is not offered a second time. One who has arrived but hears the greeting, or
    answers questions before the queue, holds a place already (`expect`): others count them, but they are not offered.
    """

    def __init__(self, classes: Sequence[str], limit: float, undo: Undo | None = None) -> None:
        self._undo = Undo(0) if undo is None else undo
        self._rank = {name: rank for rank, name in enumerate(classes)}
        self._limit = limit
        self._all: list[list[Key]] = [[] for _ in classes]
        self._ready: list[list[Key]] = [[] for _ in classes]
        self._coming: list[list[Key]] = [[] for _ in classes]
        self._place: dict[CallId, tuple[int, Key]] = {}
        self._expected: dict[CallId, tuple[int, Key]] = {}
        self._moved: dict[CallId, float] = {}
        """Since when those really wait who were given a place before everybody else."""
        self._sequence = 0

    def __len__(self) -> int:
        return len(self._place)

    def __contains__(self, call: CallId) -> bool:
        return call in self._place

    def counts(self) -> dict[str, int]:
        """Return the number of waiting callers by class, including those for whom a phone rings."""
        return {name: len(self._all[rank]) for name, rank in self._rank.items()}

    def oldest(self) -> float | None:
        """Return when the caller who has waited the longest joined; None if nobody waits."""
        if self._moved:
            return min((self.since(call) for call in self._place), default=None)
        return min((keys[0][0] for keys in self._all if keys), default=None)

    def since(self, call: CallId) -> float:
        """Return the time of a caller's own place, also of one who was given a better one since."""
        return self._moved.get(call, self._place[call][1][0])

    def expect(self, call: CallId, urgency: str, place_at: float) -> None:
        """Hold the place of a caller who has arrived and will join."""
        self.leave(call)
        undo, rank = self._undo, self._rank[urgency]
        undo.set(self, "_sequence", self._sequence + 1)
        key = (place_at, self._sequence, call)
        undo.put(self._expected, call, (rank, key))
        undo.insert(self._coming[rank], key)

    def join(self, call: CallId, urgency: str, place_at: float) -> None:
        """Add a caller to the queue at the place of `place_at`; an expected one keeps the order of arrival."""
        undo, rank = self._undo, self._rank[urgency]
        held = undo.take(self._expected, call)
        if held:
            undo.remove(self._coming[held[0]], held[1])
        sequence = held[1][1] if held else self._sequence + 1
        undo.set(self, "_sequence", max(self._sequence, sequence))
        key = (place_at, sequence, call)
        undo.put(self._place, call, (rank, key))
        undo.insert(self._all[rank], key)
        undo.insert(self._ready[rank], key)

    def where(self, call: CallId) -> tuple[int, float]:
        """Return the rank of the class and the time of the place, also of one who is only expected."""
        rank, key = self._place.get(call) or self._expected[call]
        return rank, key[0]

    def move_behind(self, call: CallId, place_at: float, rank: int = 0) -> None:
        """Give somebody for whom no phone rings a later place: behind `place_at`, in no class above `rank`."""
        theirs, (own, _, _) = self._place[call]
        self._move(call, max(rank, theirs), max(nextafter(place_at, inf), own))

    def first(self) -> float:
        """Return the earliest time that gives a place to anybody here, also one who is only expected."""
        return min((keys[0][0] for keys in (*self._all, *self._coming) if keys), default=inf)

    def move_to_front(self, call: CallId, now: float) -> None:
        """Give somebody for whom no phone rings the place before everybody else; no other class.

        A place so early is that of somebody who has waited as long as the limit, whom nobody overtakes.
        """
        self._move_before(call, nextafter(min(now - self._limit, self.first()), -inf))

    def take_out_of_turn(self, call: CallId, taken_at: float) -> None:
        """Give a caller the place before everybody else, also those who come; of several the one taken last is first.

        It depends on that moment alone: who leaves the queue for a while, or is found again, has it again.
        """
        self._move_before(call, -OUT_OF_TURN - taken_at)

    def _move_before(self, call: CallId, place_at: float) -> None:
        since = self.since(call)
        self._move(call, self._place[call][0], place_at)
        self._undo.put(self._moved, call, since)

    def _move(self, call: CallId, to: int, place_at: float) -> None:
        undo = self._undo
        rank, key = self._place[call]
        undo.set(self, "_sequence", self._sequence + 1)
        moved = (place_at, self._sequence, call)
        # For whom a phone rings already is not offered a second time: that stays so.
        for lists in (self._all, self._ready) if self._is_ready(rank, key) else (self._all,):
            undo.remove(lists[rank], key)
            undo.insert(lists[to], moved)
        undo.put(self._place, call, (to, moved))

    def _is_ready(self, rank: int, key: Key) -> bool:
        keys = self._ready[rank]
        index = bisect_left(keys, key)
        return keys[index : index + 1] == [key]

    def leave(self, call: CallId) -> None:
        """Remove a caller, answered or not, or only expected; an unknown caller is ignored."""
        held = self._undo.take(self._expected, call)
        if held:
            self._undo.remove(self._coming[held[0]], held[1])
        place = self._undo.take(self._place, call)
        self._undo.take(self._moved, call)
        if place is None:
            return
        rank, key = place
        self._undo.remove(self._all[rank], key)
        self._undo.remove(self._ready[rank], key)

    def reclass(self, call: CallId, urgency: str) -> None:
        """Change a caller's class; the time of the place stays, and so does an offer."""
        undo, rank = self._undo, self._rank[urgency]
        old, key = self._place[call]
        ready = self._is_ready(old, key)
        undo.remove(self._all[old], key)
        undo.remove(self._ready[old], key)
        undo.put(self._place, call, (rank, key))
        undo.insert(self._all[rank], key)
        if ready:
            undo.insert(self._ready[rank], key)

    def reserve(self, call: CallId) -> None:
        """Note that a phone rings for this caller: no second offer."""
        rank, key = self._place[call]
        self._undo.remove(self._ready[rank], key)

    def release(self, call: CallId) -> None:
        """Note that the offer failed: the caller is offered again, from the same place."""
        rank, key = self._place[call]
        keys = self._ready[rank]
        index = bisect_left(keys, key)
        if index == len(keys) or keys[index] != key:
            self._undo.insert(keys, key)

    def head(self, now: float, may: Callable[[CallId], bool] | None = None) -> CallId | None:
        """Return the caller to be offered next; `may`: consider only callers for whom it is true."""
        if may is None:
            heads = [(rank, keys[0]) for rank, keys in enumerate(self._ready) if keys]
        else:  # the first of a class who may is also its first overdue caller
            firsts = (next((key for key in keys if may(key[2])), None) for keys in self._ready)
            heads = [(rank, key) for rank, key in enumerate(firsts) if key]
        if not heads:
            return None
        return min(heads, key=lambda head: self._order(head[0], head[1], now))[1][2]

    def urgency(self, call: CallId) -> str:
        """Return the name of the caller's class."""
        rank = self._place[call][0]
        return next(name for name, other in self._rank.items() if other == rank)

    def place_at(self, call: CallId) -> float:
        """Return the time that gives the caller's place."""
        return self._place[call][1][0]

    def ahead(self, call: CallId, now: float) -> int:
        """Return how many callers have a better place, including those for whom a phone rings, and those expected."""
        rank, key = self._place[call]
        return self._before(self._all, rank, key, now, 0.0) + self._before(self._coming, rank, key, now, 0.0)

    def ready_ahead(self, call: CallId, now: float) -> int:
        """Return how many callers can be offered before this one now."""
        rank, key = self._place[call]
        return self._before(self._ready, rank, key, now, 0.0)

    def to_serve(self, call: CallId, now: float, horizon: float = 0.0) -> int:
        """Return how many callers without a ringing phone are served before this one, if that takes `horizon` seconds.

        Within that time less urgent callers may reach the limit; they then come before callers who arrived after them.
        """
        rank, key = self._place[call]
        return self._before(self._ready, rank, key, now, horizon) + self._before(self._coming, rank, key, now, horizon)

    def to_serve_newcomer(self, urgency: str, now: float, horizon: float = 0.0) -> int:
        """Do the same for a caller of this class who joined now."""
        rank, key = self._rank[urgency], (now, self._sequence + 1, NO_CALL)
        return self._before(self._ready, rank, key, now, horizon) + self._before(self._coming, rank, key, now, horizon)

    def ready_before(self, place_at: float) -> int:
        """Return how many callers without a ringing phone have a place before that time."""
        return sum(bisect_left(keys, (place_at, 0, NO_CALL)) for keys in (*self._ready, *self._coming))

    def more_urgent(self, call: CallId) -> tuple[str, ...]:
        """Return the classes whose callers may overtake this one until the limit."""
        rank = self._place[call][0]
        return tuple(name for name, other in self._rank.items() if other < rank)

    def everybody(self) -> Iterable[CallId]:
        """Return all who wait, including those for whom a phone rings, in no order."""
        return self._place.keys()

    def in_order(self, now: float) -> list[CallId]:
        """Return all callers, including those for whom a phone rings, in the order of service at `now`."""
        return [key[2] for _, key in sorted(self._order(rank, key, now) for rank, key in self._place.values())]

    def in_turn(self, now: float) -> list[CallId]:
        """Return all for whom no phone rings, including those expected, in the order of service at `now`."""
        entries = [
            (rank, key) for lists in (self._ready, self._coming) for rank, keys in enumerate(lists) for key in keys
        ]
        return [key[2] for _, key in sorted(self._order(rank, key, now) for rank, key in entries)]

    def would_overtake(self, call: CallId) -> list[CallId]:
        """Return the more urgent ones with a later place: they come first until this one has reached the limit."""
        rank, key = self._place[call]
        return [theirs[2] for keys in self._ready[:rank] for theirs in keys if theirs > key]

    def _before(self, lists: list[list[Key]], rank: int, key: Key, now: float, horizon: float) -> int:
        if self._overdue(key, now):
            return sum(bisect_left(keys, key) for keys in lists)
        limit: Key = min(key, (now + horizon - self._limit, self._sequence + 1, NO_CALL))
        more_urgent = sum(len(keys) for keys in lists[:rank])
        overdue = sum(bisect_left(keys, limit) for keys in lists[rank + 1 :])
        return more_urgent + bisect_left(lists[rank], key) + overdue

    def _overdue(self, key: Key, now: float) -> bool:
        return now - key[0] >= self._limit

    def _order(self, rank: int, key: Key, now: float) -> tuple[int, Key]:
        return (-1, key) if self._overdue(key, now) else (rank, key)
