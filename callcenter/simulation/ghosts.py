"""The offered wait of callers who hung up: when it would have been their turn if they had been patient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from callcenter.core.ids import CallId
from callcenter.core.queue.queue import Queue


class Ghosts:
    """A second queue with the same rules, in which callers who hung up keep their places until it is their turn.

    A ghost's turn comes when an operator is offered somebody behind it, or becomes free while nobody waits. Each ghost
    is treated as if it alone had stayed, so a ghost delays nobody.
    """

    def __init__(self, classes: Sequence[str], limit: float) -> None:
        self._queue = Queue(classes, limit)
        self._ghosts: set[CallId] = set()

    def __len__(self) -> int:
        return len(self._ghosts)

    def joined(self, call: CallId, urgency: str, place_at: float) -> None:
        """A caller has joined the queue."""
        self._queue.join(call, urgency, place_at)

    def reclassed(self, call: CallId, urgency: str) -> None:
        """A waiting caller has chosen this class."""
        if call in self._queue:
            self._queue.reclass(call, urgency)

    def gave_up(self, call: CallId) -> None:
        """A waiting caller has hung up."""
        self._ghosts.add(call)

    def left(self, call: CallId) -> None:
        """A caller's wait has ended, and the wait of a patient caller in this place is known."""
        self._ghosts.discard(call)
        self._queue.leave(call)

    def rung(self, call: CallId, now: float) -> Iterator[CallId]:
        """A phone rings for this caller. Yields the ghosts whose turn it would have been before."""
        while self._ghosts and (head := self._queue.head(now)) in self._ghosts and head is not None:
            self.left(head)
            yield head
        if call in self._queue:
            self._queue.reserve(call)

    def not_answered(self, call: CallId) -> None:
        """The phone no longer rings, and the caller is back at the old place."""
        if call in self._queue:
            self._queue.release(call)

    def all(self) -> Iterator[CallId]:
        """An operator is free and nobody waits: yields every ghost, because it is their turn."""
        for call in sorted(self._ghosts):
            self.left(call)
            yield call
