"""Whether callers were served in their order, by what the phones saw of the ringing (ESTP 2.3, 4.2)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tests.chaos.evidence import Case, Evidence, moment
from tests.chaos.judge import INVERTED, INVERTED_IN_NET, Violation, clock
from tests.chaos.testimony import Ringing

TOGETHER = 0.5
"""Seconds: what happens nearer to each other happens at the same moment, at different phones."""
TOGETHER_IN_NET = 1.2
"""The same in Asterisk's own queue, where each caller looks once a second whether it is their turn."""
_RANK = {"urgent": 0, "normal": 1}


@dataclass(frozen=True, slots=True)
class Waiting:
    """One caller in the queue. `place`: the moment that gives the place."""

    case: Case
    rank: int
    """Of the class that was chosen in the end; see `rank_at`."""
    joined: float
    place: float
    until: float
    """Answered, or gone."""
    chosen: float
    """When the controller learnt the class; who is asked while waiting is normal until then."""
    dialplan_steps: Sequence[tuple[float, str]] = ()
    """Where the dialplan had the caller from when on."""

    def rank_at(self, at: float) -> int:
        """The rank at that moment."""
        return self.rank if at >= self.chosen else _RANK["normal"]

    def in_net(self, at: float) -> bool:
        """Whether Asterisk's own queue knows the caller: who listens to an announcement comes over after it."""
        before = [dialplan_step for since, dialplan_step in self.dialplan_steps if since <= at]
        return bool(before) and before[-1] == "alone"

    def by_net(self, at: float) -> Waiting:
        """As Asterisk knows the caller: class and former place only where the controller has told them.

        A class that was chosen in the waiting room is told a moment later, or not any more.
        """
        told = any(since <= at and dialplan_step == "waiting" for since, dialplan_step in self.dialplan_steps)
        if not told:
            return replace(self, rank=_RANK["normal"], place=self.joined)
        return replace(self, chosen=float("inf")) if self.chosen > self.joined + TOGETHER else self

    def unattended(self, at: float, together: float = TOGETHER) -> bool:
        """Waits at that moment and around it, and no phone rings for this caller."""
        if not self.joined + together < at < self.until - together:
            return False
        return not any(r.rung_at - together <= at <= r.rang_until + together for r in self.case.ringings)


def inversions(evidence: Evidence, limit: float) -> Iterator[Violation]:
    """Phones that were rung for somebody while somebody with a better place waited and no phone rang for them.

    `limit`: who has waited so long is not overtaken by the more urgent any more. Ringing and not the answer is what
    counts: a phone that rang sooner may be answered later.
    """
    everybody = sorted(waiting(evidence), key=lambda one: one.joined)
    joined = [one.joined for one in everybody]
    for overtaker in everybody:
        for ringing in overtaker.case.ringings:
            at = ringing.rung_at
            if ringing.taken_back or not joined[0] <= at or evidence.died(at, 1.0):
                continue
            there = everybody[: bisect_right(joined, at)]
            ours = evidence.by_controller(overtaker.case, ringing)
            together = TOGETHER if ours else TOGETHER_IN_NET
            passed = [one for one in there if one.unattended(at, together) and _better(one, overtaker, at, limit)]
            if not ours:
                passed = [one for one in passed if _better_in_net(one, overtaker, at, limit)]
                passed = [one for one in passed if not _outrun(one, everybody, at)]
            if passed:
                yield _violation(overtaker, ringing, passed, ours=ours)


def _better_in_net(one: Waiting, other: Waiting, at: float, limit: float) -> bool:
    """The same by what Asterisk knows, which has nobody to ask."""
    if not one.in_net(at - TOGETHER_IN_NET):
        return False
    return _better(one.by_net(at), replace(other.by_net(at), chosen=0.0), at, limit)


def _outrun(passed: Waiting, everybody: Sequence[Waiting], at: float) -> bool:
    """Whether a phone was rung for a caller of the other line just then.

    Asterisk has a queue for each line, which know nothing of each other. When two phones become free, the first of one
    line may look for the phone that the other line has just taken, and the second of its line gets the other one.
    """
    others = [one for one in everybody if one.case.asked_waiting != passed.case.asked_waiting]
    return any(abs(ringing.rung_at - at) <= TOGETHER_IN_NET for other in others for ringing in other.case.ringings)


def _better(one: Waiting, other: Waiting, at: float, limit: float) -> bool:
    """Whether `one` has to be served before `other`, with room for moments that fall together.

    Callers of two lines have no common order: the longest waiting of those who are the first of their lines is served.
    """
    if one.case is other.case or one.case.asked_waiting != other.case.asked_waiting:
        return False
    rank, other_rank = one.rank_at(at - TOGETHER), other.rank_at(at + TOGETHER)
    overdue, other_overdue = at - one.place >= limit + TOGETHER, at - other.place >= limit - TOGETHER
    earlier = one.place < other.place - TOGETHER
    if earlier:
        return rank <= other_rank or overdue
    return rank < other_rank and not other_overdue


def _violation(overtaker: Waiting, ringing: Ringing, passed: Sequence[Waiting], *, ours: bool) -> Violation:
    first = min(passed, key=lambda one: (one.rank, one.place))
    text = (
        f"phone {ringing.phone} was rung {'' if ours else 'by the fallback queue '}for {_name(overtaker)} while"
        f" {len(passed)} with a better place waited, the first {first.case.number}, {_name(first)}"
    )
    return Violation(INVERTED if ours else INVERTED_IN_NET, overtaker.case.number, ringing.rung_at, text)


def waiting(evidence: Evidence) -> Iterator[Waiting]:
    """All who were ever in the queue."""
    for case in evidence.cases:
        row = case.row
        joined = moment(row["joined_at"]) if row else None
        if row is None or joined is None:
            continue
        answered = case.conversations[0].answered_at if case.conversations else None
        place = moment(row["place_at"]) if row["place_at"] else None
        until = min(case.ended_at, answered or float("inf"))
        where = evidence.dialplan_steps.get(str(row["call"]), ())
        chosen = moment(row["question_answered_at"]) if row["question_answered_at"] else None
        rank, place = _RANK.get(row["urgency"], 1), joined if place is None else place
        yield Waiting(case, rank, joined, place, until, chosen or joined, where)


def _name(one: Waiting) -> str:
    urgency = next(name for name, number in _RANK.items() if number == one.rank)
    return f"a caller ({urgency}, place of {clock(one.place)})"
