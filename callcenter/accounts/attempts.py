"""Wrong passwords and PINs delay further attempts, but only those from the same place (ESTP 5.3.1).

Attempts are counted by where they come from and for whom: a stranger who guesses somebody's password delays attempts
from the stranger's own address alone. A *known* place, that is the person's own browser or a phone, is delayed by
nobody's mistakes but its own. All unknown places together may make more mistakes for one id, so that many addresses
cannot guess without end either. Ids that exist and ids that do not are treated alike.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

LONGEST_DELAY = 3600.0
"""Longest delay after wrong passwords or PINs, in seconds."""
FROM_EVERYWHERE = 30
"""For one id, all unknown places together may make this many times the mistakes that one of them may make."""
REMEMBERED = 20_000
"""Pairs of place and id; a few megabytes. More are forgotten, those with the fewest mistakes first."""

_CANDIDATES = 50
_DOUBLINGS = 20
_EVERYWHERE = ""


class Origin(NamedTuple):
    """Where an attempt comes from."""

    place: str
    """The address, the browser or the phone; text for the log."""
    known: bool
    """Whether the place vouches for the person: a browser where they have logged in before, or a phone."""


@dataclass(slots=True)
class _Mistakes:
    wrong: int = 0
    """In a row."""
    blocked_until: float = 0.0
    under_way: int = 0
    """Attempts that are being verified: until then each counts as a mistake, or many at once would get through."""


class Attempts:
    """Decides which attempts may be made. Pure: `now` is in seconds of any clock that does not go back."""

    def __init__(self, allowed: int, delay: float) -> None:
        """`allowed`: mistakes in a row before a delay of `delay` seconds, which doubles with each further one."""
        self._allowed = allowed
        self._delay = delay
        self._mistakes: OrderedDict[tuple[str, str], _Mistakes] = OrderedDict()

    def begin(self, person: str, origin: Origin, now: float) -> bool:
        """Return whether the attempt may be made; if so, `end` has to follow."""
        keys = self._keys(person, origin)
        if not all(self._may(key, now) for key in keys):
            return False
        for key in keys:
            self._of(key).under_way += 1
        return True

    def end(self, person: str, origin: Origin, right: bool | None, now: float) -> tuple[int, float]:
        """Note how an attempt ended; None: nobody looked. Returns the mistakes in a row and the delay, 0.0 if none."""
        found = 0, 0.0
        for key in self._keys(person, origin):
            mistakes = self._of(key)
            mistakes.under_way -= 1
            if right is False:
                mistakes.wrong += 1
                too_many = mistakes.wrong - self._limit(key)
                delay = min(LONGEST_DELAY, self._delay * 2 ** min(too_many, _DOUBLINGS)) if too_many >= 0 else 0.0
                mistakes.blocked_until = now + delay
                found = max(found, (mistakes.wrong, delay), key=lambda each: each[1])
            elif right:
                mistakes.wrong, mistakes.blocked_until = 0, 0.0
            if not mistakes.wrong and not mistakes.under_way:
                del self._mistakes[key]
        return found

    def _may(self, key: tuple[str, str], now: float) -> bool:
        mistakes = self._mistakes.get(key)
        if mistakes is None:
            return True
        if now < mistakes.blocked_until:
            return False
        return mistakes.wrong + mistakes.under_way < max(self._limit(key), mistakes.wrong + 1)

    def _limit(self, key: tuple[str, str]) -> int:
        return self._allowed * (FROM_EVERYWHERE if key[0] == _EVERYWHERE else 1)

    @staticmethod
    def _keys(person: str, origin: Origin) -> list[tuple[str, str]]:
        own = (origin.place, person)
        return [own] if origin.known else [own, (_EVERYWHERE, person)]

    def _of(self, key: tuple[str, str]) -> _Mistakes:
        found = self._mistakes.get(key)
        if found is None:
            if len(self._mistakes) >= REMEMBERED:
                self._forget_one()
            found = self._mistakes[key] = _Mistakes()
        self._mistakes.move_to_end(key)
        return found

    def _forget_one(self) -> None:
        """Forget the pair with the fewest mistakes among the oldest: made-up ids do not push out guesses at one id."""
        oldest = [(key, self._mistakes[key]) for key, _ in zip(self._mistakes, range(_CANDIDATES), strict=False)]
        idle = [(mistakes.wrong, place, key) for place, (key, mistakes) in enumerate(oldest) if not mistakes.under_way]
        if idle:
            del self._mistakes[min(idle)[2]]
