"""Undo log: every change by an event is noted here first, so that the event can be undone as a whole.

The note is made before the change and has the old value, not the change. So undoing is correct wherever an exception
was raised, even between note and change. Entities (callers, offers, operators) hold immutable values that are replaced;
containers (the queue, a roster, a window of waits) are changed by the methods here.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Undo:
    """The notes of one event, the latest last. Their number, `len`, marks a moment to which `back_to` can return.

    `most`: the maximum number kept; 0 for an object outside of any event, whose changes are never undone.
    """

    __slots__ = ("_note", "_past")

    def __init__(self, most: int | None = None) -> None:
        # The undo function and its arguments: a flat tuple, because a call makes about twenty of them.
        self._past: deque[tuple[Any, ...]] = deque(maxlen=most)
        self._note = self._past.append

    def __len__(self) -> int:
        return len(self._past)

    def forget(self) -> None:
        """Keep all changes: drop the notes."""
        self._past.clear()

    def back_to(self, moment: int = 0) -> None:
        """Undo all changes noted after that number of notes."""
        while len(self._past) > moment:
            put_right, *values = self._past.pop()
            put_right(*values)

    def things(self) -> Iterator[object]:
        """Yield the things of which an attribute was changed; one may come several times."""
        return (values[0] for put_right, *values in self._past if put_right is setattr)

    # -- attributes --------------------------------------------------------------------------------------------

    def set(self, thing: object, name: str, value: object) -> None:
        """Set one attribute."""
        self._note((setattr, thing, name, getattr(thing, name)))
        setattr(thing, name, value)

    def change(self, thing: object, changes: Mapping[str, object]) -> None:
        """Set several attributes."""
        note = self._note
        for name, value in changes.items():
            note((setattr, thing, name, getattr(thing, name)))
            setattr(thing, name, value)

    def keep(self, thing: object) -> None:
        """Note all attributes of `thing` before they are replaced; the contents of its containers are not covered."""
        self._note((vars(thing).update, vars(thing).copy()))

    # -- dictionaries; undoing puts a removed key at the end ---------------------------------------------------

    def put(self, entries: dict[K, V], key: K, value: V) -> None:
        """Add or replace an entry."""
        self._note((entries.__setitem__, key, entries[key]) if key in entries else (entries.pop, key, None))
        entries[key] = value

    def take(self, entries: dict[K, V], key: K) -> V | None:
        """Remove an entry and return its value; None: it was not there."""
        if key not in entries:
            return None
        self._note((entries.__setitem__, key, entries[key]))
        return entries.pop(key)

    def take_first(self, entries: dict[K, V]) -> None:
        """Remove the first entry; undoing makes it the first again."""
        key = next(iter(entries))
        self._note((_put_first, entries, key, entries[key]))
        del entries[key]

    # -- sorted lists ------------------------------------------------------------------------------------------

    def insert(self, keys: list[Any], key: object) -> None:
        """Insert a key in sorted order."""
        self._note((_no_longer, keys, key, len(keys)))
        insort(keys, key)

    def remove(self, keys: list[Any], key: object) -> None:
        """Remove a key; one that is not there is ignored."""
        index = bisect_left(keys, key)
        if index < len(keys) and keys[index] == key:
            self._note((_again, keys, key, len(keys)))
            del keys[index]

    def cut(self, keys: list[Any], number: int) -> None:
        """Remove the first `number` keys."""
        self._note((_begin_with, keys, keys[:number], len(keys)))
        del keys[:number]

    # -- deques: items are added at the end and removed from the front -----------------------------------------

    def append(self, seen: deque[V], item: V) -> None:
        """Add an item at the end."""
        self._note((_shorten, seen, len(seen)))
        seen.append(item)

    def popleft(self, seen: deque[V]) -> V:
        """Remove the first item and return it."""
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
