"""Judges the evidence, call by call. Every violation names its call, so that its whole story can be told."""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tests.chaos.evidence import Case, Evidence, Row, moment
from tests.chaos.plan import WITNESSES
from tests.chaos.testimony import CROSSING, EndedBy, Placed, Ringing

GREETING = 1.1
"""Seconds from the answer to the end of the greeting, with prompts of 0.8 s."""
TOLERANCE = 1.0
"""Seconds between what a phone saw and what the register says."""
_SAME_MOMENT = 0.5
"""Seconds in which a caller has hung up already and a phone does not know it yet, or the other way round."""
_FAREWELL = 6.0
"""Seconds from an operator's BYE to the line's: the good-bye between."""
_SHORTEST = 1.0
"""Seconds: with less there may be a conversation or none."""
_LAST_SECONDS = 3.0
"""Of a recording that Asterisk had not yet written when it was killed."""
_ROOM_SEEN = 5.0
"""Seconds until the controller sees that there is room again."""
_LOUD = 500
"""Of 32767; the tones of callers and phones are louder."""
_MOSTLY = 0.8
"""Share of a conversation in which each side is heard; tones of one phone never pause."""

DROPPED, SILENT, KEPT, INVERTED, INVERTED_IN_NET, ROWS, RECORDINGS, STUCK, TWICE, SHIFTS, PLACES, *_BACK = KINDS = (
    "calls dropped by a fault",
    "music or conversations that stopped",
    "callers kept, or queued again, after their conversation",
    "order inversions",
    "order inversions in the fallback queue",
    "register rows missing, doubled or wrong",
    "recordings missing, short or silent",
    "operators stuck",
    "operators rung for two callers at once",
    "shifts ended by a fault",
    "places not kept after Asterisk's death",
    "customers dialled twice for one try",
    "call-backs forgotten",
    "kept places without a call-back",
    "tries of call-backs told wrongly",
)
DIALLED_TWICE, FORGOTTEN, NOT_KEPT, TRIES = _BACK


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must not be. `number`: the caller's, '' where no call is meant."""

    kind: str
    number: str
    at: float
    """POSIX seconds."""
    what: str


def violations(evidence: Evidence) -> list[Violation]:
    """All of them."""
    found: list[Violation] = []
    for case in evidence.cases:
        found += _dropped(evidence, case)
        found += _silences(case)
        found += _kept(case)
        found += _row(evidence, case)
        found += _recording(evidence, case)
        found += _place(evidence, case)
    for row in evidence.strangers:
        number = str(row["number"])
        found.append(Violation(ROWS, number, moment(row["arrived_at"]) or 0.0, f"no phone placed this call: {row}"))
    found += _two_at_once(evidence)
    found += _shifts(evidence)
    return sorted(found, key=lambda one: one.at)


# -- calls ---------------------------------------------------------------------------------------------------------


def _dropped(evidence: Evidence, case: Case) -> Iterator[Violation]:
    """Who was cut off though nobody wanted it, and Asterisk lived."""
    placed = case.placed
    if placed.refused and not evidence.died(placed.ended_at or 0.0, 3.0):
        yield Violation(DROPPED, case.number, placed.ended_at or 0.0, f"was refused: {placed.refused}")
    elif placed.ended_by is EndedBy.NOBODY and not case.death and not placed.unplugged:
        yield Violation(DROPPED, case.number, placed.dialled_at, "the phone saw no end of this call")
    elif placed.ended_by is EndedBy.LINE and not placed.refused and not _released(case):
        yield Violation(DROPPED, case.number, case.ended_at, "the line hung up, and no operator had done so before")
    for ringing in case.conversations:
        if ringing.ended_by is EndedBy.LINE and not _caller_left(placed, ringing):
            text = f"phone {ringing.phone} was hung up in the conversation, the caller had not done so"
            yield Violation(DROPPED, case.number, ringing.ended_at or 0.0, text)
    unheard = placed.accepted_at is None and not placed.refused and not case.death and case.ended_at < float("inf")
    once = placed.number.startswith(WITNESSES)  # their phones send an INVITE once only
    if unheard and not (once and evidence.away(placed.dialled_at)):
        waited = case.ended_at - placed.dialled_at
        if waited > 5.0 and placed.heard_at is None:
            yield Violation(DROPPED, case.number, placed.dialled_at, f"nobody answered the INVITE for {waited:.1f} s")


def _released(case: Case) -> bool:
    """An operator ended the last conversation, and the good-bye followed."""
    last = case.conversations[-1] if case.conversations else None
    if last is None or last.ended_by is not EndedBy.PHONE or last.ended_at is None:
        return False
    return -_SAME_MOMENT <= case.ended_at - last.ended_at <= _FAREWELL


def _caller_left(placed: Placed, ringing: Ringing) -> bool:
    if placed.ended_by is not EndedBy.PHONE or placed.ended_at is None or ringing.ended_at is None:
        return False
    return placed.ended_at - _SAME_MOMENT <= ringing.ended_at <= placed.ended_at + TOLERANCE


def _silences(case: Case) -> Iterator[Violation]:
    """Seconds in which a caller who listened heard nothing, from the waiting room on."""
    joined = moment(case.row["joined_at"]) if case.row else None
    for begin, end in case.gaps:
        if joined is not None and begin > joined + TOLERANCE and not (case.death and end >= case.death.at - TOLERANCE):
            yield Violation(SILENT, case.number, begin, f"nothing was heard for {end - begin:.1f} s")


def _kept(case: Case) -> Iterator[Violation]:
    """Whose operator has hung up is served, and hears the good-bye."""
    for index, ringing in enumerate(case.conversations):
        if ringing.ended_by is not EndedBy.PHONE or ringing.ended_at is None or case.death:
            continue
        if index + 1 < len(case.conversations) and ringing.seconds(case.ended_at) > _SHORTEST:
            again = case.conversations[index + 1].phone
            yield Violation(KEPT, case.number, ringing.ended_at, f"phone {again} was rung after the conversation")
        elif case.placed.unplugged:
            pass  # when it ended nobody saw
        elif index + 1 == len(case.conversations) and case.ended_at - ringing.ended_at > _FAREWELL:
            text = f"was on the line for {case.ended_at - ringing.ended_at:.1f} s after the conversation"
            yield Violation(KEPT, case.number, ringing.ended_at, text)


def _two_at_once(evidence: Evidence) -> Iterator[Violation]:
    """A phone that was rung while it rang or talked already."""
    busy: dict[str, Ringing] = {}
    for ringing in evidence.seen.rung:
        if ringing.taken_back:
            continue
        before = busy.get(ringing.phone)
        if before and ringing.rung_at < (before.ended_at or ringing.rung_at) - CROSSING:
            does = "talked with" if (before.answered_at or ringing.rung_at) < ringing.rung_at else "rang for"
            text = f"phone {ringing.phone} was rung while it {does} {before.number}"
            yield Violation(TWICE, ringing.number, ringing.rung_at, text)
        if before is None or (ringing.ended_at or float("inf")) > (before.ended_at or 0.0):
            busy[ringing.phone] = ringing


# -- the register --------------------------------------------------------------------------------------------------


def _row(evidence: Evidence, case: Case) -> Iterator[Violation]:
    """One row, and what it says is what the phones saw."""
    placed, row = case.placed, case.row
    if row is None:
        known = placed.heard_at is not None and not (case.death and case.death.at - placed.dialled_at < TOLERANCE)
        if case.rows or known:
            text = f"{len(case.rows)} rows: {[r['call'] for r in case.rows]}" if case.rows else "no row"
            yield Violation(ROWS, case.number, placed.dialled_at, text)
        return
    late = evidence.late(case)
    for text in (*_times(case, row, late), *_facts(case, row, late), *_urgency(evidence, case, row)):
        yield Violation(ROWS, case.number, placed.dialled_at, text)


def _times(case: Case, row: Row, late: float) -> Iterator[str]:
    """`late`: seconds by which events that were held up on their way may be dated late."""
    first = case.conversations[0] if case.conversations else None
    yield from _differ("arrived_at", moment(row["arrived_at"]), case.placed.dialled_at, late)
    answered = moment(row["answered_at"])
    if first and (case.talk > _SHORTEST or answered is not None):
        yield from _differ("answered_at", answered, first.answered_at, late)
    elif not first and answered is not None:
        yield f"answered_at is {clock(answered)}, but no phone answered"
    ended = moment(row["ended_at"])
    if case.death:
        if ended is None or not case.death.at - TOLERANCE <= ended <= case.death.back_at + 5.0:
            yield f"ended_at is {clock(ended)}, Asterisk died at {clock(case.death.at)}"
    elif not case.placed.unplugged:
        yield from _differ("ended_at", ended, case.ended_at, late)
    joined, left = moment(row["joined_at"]), answered if answered is not None else ended
    if joined is not None and left is not None:
        from_arrival = row.get("waiting_from") == "arrival"
        began = case.placed.dialled_at if from_arrival else joined
        yield from _differ("waiting", row["waiting"], left - began, late if from_arrival else 0.0, seconds=True)
    if first and joined is None:
        yield "answered without having joined the queue"


def _facts(case: Case, row: Row, late: float) -> Iterator[str]:
    first, outcome = case.conversations[0] if case.conversations else None, row["outcome"]
    if first and case.talk <= _SHORTEST:
        return  # a conversation or none: both may be said of it
    if first and row["operator"] != first.phone:
        yield f"operator is {row['operator'] or 'nobody'}, the phone that answered {first.phone}"
    if not first and row["operator"]:
        yield f"operator is {row['operator']}, but no phone answered"
    yield from _differ("talk", row["talk"], case.talk, late, seconds=True)
    allowed = {"answered"} if first else {"abandoned"} if row["joined_at"] else {"left_in_menu"}
    if case.death:
        allowed = {"lost", *(allowed if first else ())}
    if outcome not in allowed:
        yield f"outcome is {outcome}, not {' or '.join(sorted(allowed))}"
    if not case.death and not case.placed.unplugged:
        expected = _hung_up_by(case)
        if row["hung_up_by"] not in expected:
            yield f"hung_up_by is {row['hung_up_by'] or 'nobody'}, not {' or '.join(sorted(expected))}"


def _hung_up_by(case: Case) -> set[str]:
    """Both may have hung up, and their messages met on the way."""
    last = case.conversations[-1] if case.conversations else None
    if last is None or last.ended_by is not EndedBy.PHONE:
        return {"caller"}
    if case.placed.ended_by is not EndedBy.PHONE or last.ended_at is None:
        return {"operator"}
    earlier = last.ended_at - case.ended_at
    if abs(earlier) <= CROSSING:
        return {"caller", "operator"}
    return {"operator" if earlier < 0 else "caller"}  # who hears the good-bye may hang up in it


def _urgency(evidence: Evidence, case: Case, row: Row) -> Iterator[str]:
    """What was pressed counts, and when the caller joined the queue (where the controller could see it).

    Before the queue: by pressing. While waiting: after the greeting, and the key counts as long as no phone rings.
    """
    pressed, joined = case.placed.key_at, moment(row["joined_at"])
    if not case.key or pressed is None or joined is None or pressed > case.ended_at - TOLERANCE:
        return
    begin = case.placed.accepted_at or pressed
    if any(evidence.blind(at) for at in (begin, pressed, joined)) or case.death:
        return
    allowed = {"urgent" if case.key == "1" else "normal"}
    if case.asked_waiting and (
        pressed < joined + _SAME_MOMENT or any(one.rung_at < pressed + TOLERANCE for one in case.ringings)
    ):
        allowed.add("normal")
    if row["urgency"] not in allowed:
        yield f"urgency is {row['urgency']}, the caller pressed {case.key}"
    yield from _differ("joined_at", joined, begin + GREETING if case.asked_waiting else pressed)
    if case.asked_waiting and row["question_answered_at"]:
        yield from _differ("question_answered_at", moment(row["question_answered_at"]), pressed, evidence.late(case))


def _differ(
    what: str, said: float | None, seen: float | None, late: float = 0.0, *, seconds: bool = False
) -> Iterator[str]:
    least = -TOLERANCE - (late if seconds else 0.0)  # a duration may begin late as well as end late
    if said is None or seen is None or not least <= said - seen <= TOLERANCE + late:
        texts = [f"{x:.1f} s" if seconds and x is not None else clock(x) for x in (said, seen)]
        off = f" ({said - seen:+.1f} s)" if said is not None and seen is not None else ""
        yield f"{what} is {texts[0]}, the phones say {texts[1]}{off}"


def clock(at: float | None) -> str:
    """A moment for the reader of a story."""
    return "-" if at is None or at == float("inf") else f"{datetime.fromtimestamp(at, UTC):%H:%M:%S.%f}"[:-3]


def _place(evidence: Evidence, case: Case) -> Iterator[Violation]:
    """Whom Asterisk's death cut off while waiting, and who called again, waits at the old place."""
    earlier = [one for one in evidence.cases if one.number == case.number and one.placed.crowd < case.placed.crowd]
    before = max(earlier, key=lambda one: one.placed.crowd, default=None)
    if before is None or before.row is None or case.row is None or before.conversations or not case.row["joined_at"]:
        return
    old = moment(before.row["place_at"] or before.row["joined_at"])
    new = moment(case.row["place_at"] or case.row["joined_at"])
    if old is not None and (new is None or abs(new - old) > TOLERANCE):
        text = f"had the place of {clock(old)}, and got that of {clock(new)}"
        yield Violation(PLACES, case.number, case.placed.dialled_at, text)


def _shifts(evidence: Evidence) -> Iterator[Violation]:
    for row in evidence.shifts:
        ended = moment(row["ended_at"])
        if ended is not None:
            text = f"the shift of {row['operator']} ended: {row['end_cause']}"
            yield Violation(SHIFTS, "", ended, text)


# -- recordings ----------------------------------------------------------------------------------------------------


def _recording(evidence: Evidence, case: Case) -> Iterator[Violation]:
    """As long as the conversation, both sides heard, and the file is the one that was registered."""
    if case.talk <= _SHORTEST or case.row is None:
        return
    if known_unrecorded(evidence, case):
        return
    for text in _wrong_with(evidence, case, case.row):
        problem = f" (problem: {case.row['recording_problem']})" if case.row["recording_problem"] else ""
        yield Violation(RECORDINGS, case.number, case.conversations[0].answered_at or 0.0, text + problem)


def known_unrecorded(evidence: Evidence, case: Case) -> bool:
    """Whether there was no room for this recording, and the register says that something is wrong with it.

    Where Asterisk died in the first seconds of it; where the spool was full at any time of the conversation; or where
    it began when the other disk was full.
    """
    if not case.conversations or case.row is None or not case.row["recording_problem"]:
        return False
    if case.death and case.talk <= _LAST_SECONDS:
        return True  # Asterisk had written nothing yet
    begin = case.ringings[0].rung_at
    answered = case.conversations[0].answered_at or begin
    begin -= _ROOM_SEEN
    return evidence.during("spool full", begin, case.ended_at) or evidence.during("recordings full", begin, answered)


def _wrong_with(evidence: Evidence, case: Case, row: Row) -> Iterator[str]:
    path = evidence.recordings / str(row["recording"])
    if not row["recording"] or not path.is_file():
        yield f"no recording of {case.talk:.1f} s: {row['recording'] or 'none is registered'}"
        return
    if hashlib.sha256(path.read_bytes()).hexdigest() != row["recording_sha256"]:
        yield f"{row['recording']} is another file than was registered"
    seconds, heard = listened(path)
    least = case.talk - (_LAST_SECONDS if case.death else TOLERANCE)
    if not least <= seconds <= case.talk + TOLERANCE:
        yield f"the recording has {seconds:.1f} s of {case.talk:.1f} s"
    for side, share in zip(("caller", "operator"), heard, strict=True):
        if share < _MOSTLY:
            yield f"the {side} is heard in {100 * share:.0f} % of {seconds:.1f} s"


def listened(path: Path) -> tuple[float, tuple[float, float]]:
    """Seconds of a recording, and the share of tenths of a second in which each side is heard, its edges left out."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
        rate = file.getframerate()
    step, edge = rate // 10, rate // 2
    inner = samples[edge:-edge] if len(samples) > 4 * edge else samples
    inner = inner[: len(inner) // step * step]
    if not len(inner):
        return len(samples) / rate, (0.0, 0.0)
    loud = np.abs(inner.astype(np.int32)).reshape(-1, step, 2).max(axis=1) > _LOUD
    left, right = loud.mean(axis=0)
    return len(samples) / rate, (float(left), float(right))
