"""Judges the call-backs, one by one: nobody is dialled twice for one try, none is forgotten (ESTP 5.4.5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.chaos.call_backs import Rung
from tests.chaos.evidence import Evidence, Row, moment
from tests.chaos.judge import DIALLED_TWICE, FORGOTTEN, NOT_KEPT, TRIES, Violation
from tests.chaos.testimony import CROSSING, EndedBy, Placed

_ENDED = ("done", "given_up", "withdrawn")
_SAME_MOMENT = 0.5
"""Seconds between the register's moments and those of the customers' phones."""


@dataclass(frozen=True, slots=True)
class CallBackEvidence:
    """What is judged. Rows of the register; `calls`: those of call-backs alone."""

    promised: Sequence[str]
    """Numbers to which the page promised it."""
    rung: Sequence[Rung]
    call_backs: Sequence[Row]
    tries: Sequence[Row]
    calls: Sequence[Row]
    keepers: Sequence[Placed]
    """Calls of those who want to keep the place."""
    keepers_rows: Sequence[Row]
    ended_at: float
    """When the register was read, POSIX seconds."""


def violations(found: CallBackEvidence, evidence: Evidence) -> list[Violation]:
    """All of them; `evidence` tells what else happened."""
    return [*_dialled_twice(found), *_wrong_tries(found), *_forgotten(found), *_not_kept(found, evidence)]


def _dialled_twice(found: CallBackEvidence) -> Iterator[Violation]:
    """One try, one call that was dialled, one customer's phone that was rung once."""
    dialled: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in found.calls:
        if row["dialled_at"]:
            dialled[str(row["call_back"]), int(row["attempt"])].append(row)
    for (call_back, attempt), rows in dialled.items():
        if len(rows) > 1:
            at, calls = moment(rows[-1]["dialled_at"]) or 0.0, [row["call"] for row in rows]
            text = f"{len(rows)} calls for try {attempt} of {call_back}: {calls}"
            yield Violation(DIALLED_TWICE, str(rows[0]["number"]), at, text)
    for one, tried, rung in _tried(found):
        if len(rung) > 1:
            text = f"the phone was rung {len(rung)} times for try {tried['number']} of {one['call_back']}"
            yield Violation(DIALLED_TWICE, str(one["number"]), rung[-1].at, text)


def _wrong_tries(found: CallBackEvidence) -> Iterator[Violation]:
    """What the register says of a try is what the customer's phone saw."""
    numbers = {str(one["number"]) for one in found.call_backs}
    for rung in found.rung:
        if rung.number not in numbers:
            yield Violation(TRIES, rung.number, rung.at, "a phone was rung to which no call-back was promised")
    dialled = {(str(row["call_back"]), int(row["attempt"])) for row in found.calls if row["dialled_at"]}
    for one, tried, theirs in _tried(found):
        name, came = f"try {tried['number']} of {one['call_back']}", tried["came"] or "not over"
        wrong = ""
        unseen = came == "lost"  # nobody saw what came of it, perhaps not even the dialling: it counts
        if theirs and not unseen and (str(one["call_back"]), int(tried["number"])) not in dialled:
            wrong = f"{name}: the phone was rung, and no call has been dialled by the register"
        elif theirs and came == "not_started":
            wrong = f"{name} is not started, but the phone was rung"
        elif came in ("talked", "voicemail") and not any(each.answered for each in theirs):
            wrong = f"{name} is {came}, but nobody answered"
        if wrong:
            yield Violation(TRIES, str(one["number"]), moment(tried["due_at"]) or 0.0, wrong)


def _tried(found: CallBackEvidence) -> Iterator[tuple[Row, Row, list[Rung]]]:
    """Each try, with the ringings from its beginning until the next one; no two call-backs have one number."""
    tries: defaultdict[int, list[Row]] = defaultdict(list)
    for tried in found.tries:
        tries[int(tried["call_back"])].append(tried)
    for one in found.call_backs:
        theirs = sorted(tries[int(one["id"])], key=lambda tried: int(tried["number"]))
        begins = [(moment(tried["due_at"]) or 0.0) - _SAME_MOMENT for tried in theirs]
        for place, tried in enumerate(theirs):
            begin = begins[place] if place else 0.0
            end = begins[place + 1] if place + 1 < len(theirs) else float("inf")
            yield one, tried, [each for each in found.rung if each.number == one["number"] and begin <= each.at < end]


def _forgotten(found: CallBackEvidence) -> Iterator[Violation]:
    """Everything that was promised has ended, or waits for a time that is to come."""
    known = {str(one["number"]) for one in found.call_backs}
    for number in found.promised:
        if number not in known:
            yield Violation(FORGOTTEN, number, 0.0, "the page said that it is promised, the register knows nothing")
    for one in found.call_backs:
        next_at = moment(one["next_at"])
        to_come = one["state"] == "waiting" and next_at is not None and next_at > found.ended_at - _SAME_MOMENT
        if one["state"] not in _ENDED and not to_come:
            at = moment(one["changed_at"]) or 0.0
            yield Violation(FORGOTTEN, str(one["number"]), at, f"{one['call_back']} is {one['state']} at the end")
    ended = {int(one["id"]) for one in found.call_backs if one["state"] in _ENDED}
    for tried in found.tries:
        if int(tried["call_back"]) in ended and tried["over_at"] is None:
            number = next(str(one["number"]) for one in found.call_backs if one["id"] == tried["call_back"])
            text = f"try {tried['number']} is not over, its call-back has ended"
            yield Violation(FORGOTTEN, number, moment(tried["due_at"]) or 0.0, text)


def _not_kept(found: CallBackEvidence, evidence: Evidence) -> Iterator[Violation]:
    """Whom the line let go with a promise has exactly one call-back."""
    promised: defaultdict[str, int] = defaultdict(int)
    for one in found.call_backs:
        if one["origin"] == "kept_place":
            promised[str(one["call"])] += 1
    for row in found.keepers_rows:
        kept, wanted = promised[str(row["call"])], row["outcome"] == "call_back"
        if kept != wanted:
            text = f"the call is {row['outcome']}, and {kept} call-backs keep its place"
            yield Violation(NOT_KEPT, str(row["number"]), moment(row["arrived_at"]) or 0.0, text)
    outcomes = {str(row["number"]): row["outcome"] for row in found.keepers_rows}
    for placed in found.keepers:
        if placed.ended_by is not EndedBy.LINE or placed.ended_at is None or placed.refused:
            continue
        until = placed.ended_at + CROSSING
        talked = any(
            one.number == placed.number and one.joined and placed.dialled_at <= (one.answered_at or 0.0) <= until
            for one in evidence.seen.rung
        )
        if not talked and outcomes.get(placed.number) != "call_back" and not evidence.died(placed.ended_at):
            text = f"the line let the caller go, and the register says {outcomes.get(placed.number, 'nothing')}"
            yield Violation(NOT_KEPT, placed.number, placed.ended_at, text)
