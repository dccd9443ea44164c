"""What a run will do: its size, its faults in their order, who calls and who answers. All follows from the seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from callcenter.core.ids import LineId
from tests.e2e.station import NUMBER

GROUPS = ("kill", "term", "ami", "db", "disk", "asterisk")
"""What `--faults` chooses from."""
VARIANTS = {
    "kill": ("kill", "kill and stay away", "kill twice", "kill while starting"),
    "term": ("SIGTERM",),
    "ami": ("AMI cut", "AMI refused", "AMI stalled", "AMI half-open"),
    "db": ("database locked", "database locked while starting", "database full"),
    "disk": ("recordings full", "spool full"),
    "asterisk": ("kill Asterisk",),
}
NEEDS_ROOT = frozenset({"database full", "recordings full", "spool full"})
ASKED_BEFORE, ASKED_WAITING = LineId("estp"), LineId("second")
"""The lines: one asks for the urgency before the queue, one while callers wait. The same people answer both."""
DIALLED = {ASKED_BEFORE: NUMBER, ASKED_WAITING: "73422921961"}
WITNESSES = "+73429"
"""How the numbers of the callers begin who only listen, with simpler phones than the others."""
KEEPERS, CUSTOMERS = "+73428", "+73427"
"""The same of those who keep their place and are called back, and of those who were promised a call."""
KEEPS_PLACE = "9"
"""The key with which a waiting caller keeps the place."""
_WEIGHTS = {"kill": 5, "term": 1, "ami": 3, "db": 2, "disk": 1, "asterisk": 1}
"""How often in one round; the first round has one of each, so that a short run has seen all."""
_TALK = (3.0, 12.0)
_RING = (0.4, 2.0)
_MISSED = 0.03
_IMPATIENT = 0.35
_URGENT, _SILENT = 0.2, 0.1
_VISITS = 0.15
_ROWS = 20_000
_FOR_EVER = 3600.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The size of a run. Seconds; `seconds`: in which faults are injected, without the calm before and after."""

    seconds: float = 90.0
    seed: int = 1
    callers: int = 60
    operators: int = 8
    groups: tuple[str, ...] = GROUPS
    calm: tuple[float, float] = (6.0, 12.0)
    """Between a fault that is mended and the next one."""
    ring_timeout: float = 6.0
    wrap_up: float = 1.0

    @property
    def people(self) -> tuple[str, ...]:
        """The operators' ids, which are their phones' too."""
        return tuple(str(101 + place) for place in range(self.operators))


def faults(plan: Plan, *, root: bool) -> Iterator[str]:
    """Names of faults, without end."""
    luck = random.Random(f"faults {plan.seed}")
    decks: dict[str, list[str]] = {}
    known = {group: [v for v in VARIANTS[group] if root or v not in NEEDS_ROOT] for group in plan.groups}
    known = {group: variants for group, variants in known.items() if variants}
    round_ = list(known)
    while known:
        luck.shuffle(round_)
        for group in round_:
            if not decks.get(group):
                decks[group] = luck.sample(known[group], len(known[group]))
            yield decks[group].pop()
        round_ = [group for group in known for _ in range(_WEIGHTS[group])]


@dataclass(frozen=True, slots=True)
class Dials:
    """One caller to be: seconds. `key`: what they press when asked for the urgency."""

    number: str
    delay: float
    thinks: float
    key: str
    visits: bool
    later: float
    patience: float

    def fields(self) -> tuple[object, ...]:
        """The row of sipp's injection file."""
        times = [round(1000 * each) for each in (self.delay, self.thinks, self.later, self.patience)]
        return (
            DIALLED[line_of(self.number)],
            self.number,
            times[0],
            times[1],
            self.key,
            int(self.visits),
            times[2],
            times[3],
        )


def line_of(number: str) -> LineId:
    """Which line a caller calls, each time."""
    return ASKED_WAITING if int(number[-1]) % 2 else ASKED_BEFORE


def callers(plan: Plan, crowd: int, again: Sequence[str] = ()) -> list[Dials]:
    """Who calls in crowd number `crowd`; the numbers of all crowds differ, but for those who call `again`."""
    luck = random.Random(f"callers {plan.seed} {crowd}")
    first = 2_000_000 + crowd * _ROWS % 7_000_000
    numbers = [*again, *(f"+7342{first + place}" for place in range(_ROWS - len(again)))]
    return [_caller(luck, number, place, plan, again=place < len(again)) for place, number in enumerate(numbers)]


def _caller(luck: random.Random, number: str, place: int, plan: Plan, *, again: bool) -> Dials:
    at_first = place < plan.callers
    chance = luck.random()
    return Dials(
        number,
        delay=luck.uniform(4.0, 12.0) if again else luck.uniform(0.0, 12.0 if at_first else 4.0),
        thinks=luck.uniform(2.2, 4.0),
        key="1" if chance < _URGENT else "5" if chance < _URGENT + _SILENT else "2",
        visits=not again and luck.random() < _VISITS,
        later=luck.uniform(4.0, 15.0),
        patience=luck.uniform(4.0, 45.0) if not again and luck.random() < _IMPATIENT else _FOR_EVER,
    )


def answers(plan: Plan, person: str, crowd: int) -> list[tuple[int, int]]:
    """How a phone takes its calls: milliseconds of ringing, then of talking. A few it misses, though not the first."""
    luck = random.Random(f"answers {plan.seed} {person} {crowd}")
    return [
        (
            round(1000 * (plan.ring_timeout + 4 if row and luck.random() < _MISSED else luck.uniform(*_RING))),
            round(1000 * luck.uniform(*_TALK)),
        )
        for row in range(3000)
    ]
