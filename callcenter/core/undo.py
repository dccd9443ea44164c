"""What was before: every write of an event is noted here first, so that the event can be taken back as a whole.

The note comes before the write and says what was true, not what is to be done: so taking back is right wherever an
exception fell, even between the two. Entities (callers, offers, operators) hold values that do not change and are
replaced; what is a container itself (the queue, a roster, a window of waits) is changed through the methods here.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Mapping
from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Undo:
    """The notes of one event, the latest last. A moment to come back to is their number then: `len`.

    `most`: so many are kept; 0 for what stands alone, outside of any event, and is never taken back.
    """

    __slots__ = ("_note", "_past")

    def __init__(self, most: int | None = None) -> None:
        # What puts it right, and its arguments: flat, since a call makes some twenty of them.
        self._past: deque[tuple[Any, ...]] = deque(maxlen=most)
        self._note = self._past.append

    def __len__(self) -> int:
        return len(self._past)

    def forget(self) -> None:
        """All of it stands."""
        self._past.clear()

    def back_to(self, moment: int = 0) -> None:
        """Everything is again as it was when there were so many notes."""
        while len(self._past) > moment:
            put_right, *values = self._past.pop()
            put_right(*values)

    # -- attributes --------------------------------------------------------------------------------------------

    def set(self, thing: object, name: str, value: object) -> None:
        """One attribute gets another value."""
        self._note((setattr, thing, name, getattr(thing, name)))
        setattr(thing, name, value)

    def change(self, thing: object, changes: Mapping[str, object]) -> None:
        """Several of them do."""
        note = self._note
        for name, value in changes.items():
            note((setattr, thing, name, getattr(thing, name)))
            setattr(thing, name, value)

    def keep(self, thing: object) -> None:
        """All attributes of `thing` may be replaced from now on; what its containers hold is not covered."""
        self._note((vars(thing).update, vars(thing).copy()))

    # -- dictionaries; a key that is put back stands last ------------------------------------------------------

    def put(self, entries: dict[K, V], key: K, value: V) -> None:
        """Enter or replace."""
        self._note((entries.__setitem__, key, entries[key]) if key in entries else (entries.pop, key, None))
        entries[key] = value

    def take(self, entries: dict[K, V], key: K) -> V | None:
        """Remove, and what it was; None: it was not there."""
        if key not in entries:
            return None
        self._note((entries.__setitem__, key, entries[key]))
        return entries.pop(key)

    def take_first(self, entries: dict[K, V]) -> None:
        """Remove the first entry, which stands first again when it is put back."""
        key = next(iter(entries))
        self._note((_put_first, entries, key, entries[key]))
        del entries[key]

    # -- sorted lists ------------------------------------------------------------------------------------------

    def insert(self, keys: list[Any], key: object) -> None:
        """A key at its place."""
        self._note((_no_longer, keys, key, len(keys)))
        insort(keys, key)

    def remove(self, keys: list[Any], key: object) -> None:
        """One that is not there is passed over."""
        index = bisect_left(keys, key)
        if index < len(keys) and keys[index] == key:
            self._note((_again, keys, key, len(keys)))
            del keys[index]

    def cut(self, keys: list[Any], number: int) -> None:
        """The first so many go."""
        self._note((_begin_with, keys, keys[:number], len(keys)))
        del keys[:number]

    # -- what is seen comes last and is forgotten first --------------------------------------------------------

    def append(self, seen: deque[V], item: V) -> None:
        """Seen last."""
        self._note((_shorten, seen, len(seen)))
        seen.append(item)

    def popleft(self, seen: deque[V]) -> V:
        """The first one is forgotten; it is returned."""
        self._note((_lengthen, seen, seen[0], len(seen)))
        return seen.popleft()


def _put_first(entries: dict[Any, Any], key: object, value: object) -> None:
    rest = {other: entries[other] for other in entries if other != key}
    entries.clear()
    entries[key] = value
    entries.update(rest)


def _no_longer(keys: list[Any], key: object, length: int) -> None:
    if len(keys) > length:
        del keys[bisect_left(keys, key)]


def _again(keys: list[Any], key: object, length: int) -> None:
    if len(keys) < length:
        insort(keys, key)


def _begin_with(keys: list[Any], first: list[Any], length: int) -> None:
    if len(keys) < length:
        keys[:0] = first


def _shorten(items: deque[Any], length: int) -> None:
    while len(items) > length:
        items.pop()


def _lengthen(items: deque[Any], first: object, length: int) -> None:
    if len(items) < length:
        items.appendleft(first)
