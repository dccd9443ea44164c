"""The judge finds what is wrong: a harness that finds nothing whatever happens would prove nothing."""

from __future__ import annotations

import csv
import hashlib
import json
import wave
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.chaos import evidence
from tests.chaos.evidence import Evidence
from tests.chaos.faults import Happening
from tests.chaos.idle import stuck
from tests.chaos.judge import (
    DROPPED,
    INVERTED,
    INVERTED_IN_NET,
    KEPT,
    PLACES,
    RECORDINGS,
    ROWS,
    SHIFTS,
    SILENT,
    TWICE,
    violations,
)
from tests.chaos.order import inversions
from tests.chaos.testimony import EndedBy, Placed, Ringing, Seen

START = 1_800_000_000.0
ANNA, BORIS = "+73422000002", "+73422000004"
"""Both call the line that asks before the queue."""
LIMIT = 180.0


def at(seconds: float) -> str:
    """A moment of the story as the register writes it."""
    return datetime.fromtimestamp(START + seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


class Tale:
    """A run that went well, to be spoilt: two callers, one operator each, no faults. Seconds from START."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.placed = [self.caller(ANNA, 0.0, 40.0), self.caller(BORIS, 1.0, 41.0)]
        self.rung = [self.phone("101", ANNA, 20.0, 22.0, 38.0), self.phone("102", BORIS, 21.0, 23.0, 39.0)]
        self.rows = [self.row(ANNA, 0.0, 22.0, 38.0, "101"), self.row(BORIS, 1.0, 23.0, 39.0, "102")]
        self.offers = [self.offer(ANNA, "101", 20.0), self.offer(BORIS, "102", 21.0)]
        self.shifts: list[dict[str, Any]] = [{"operator": "101", "ended_at": None, "end_cause": ""}]
        self.presence: list[dict[str, Any]] = []
        self.happened: list[Happening] = []
        self.gaps: dict[str, list[tuple[float, float]]] = {}
        self.dialplan_steps: list[tuple[float, str, str]] = []
        self.keys = {ANNA: "2", BORIS: "2"}

    @staticmethod
    def caller(number: str, dialled: float, ended: float, crowd: int = 0) -> Placed:
        begin = START + dialled
        return Placed(number, crowd, begin, begin, begin, begin + 3, "", START + ended, EndedBy.LINE)

    @staticmethod
    def phone(phone: str, number: str, rung: float, answered: float, ended: float) -> Ringing:
        return Ringing(phone, number, START + rung, START + answered, True, START + ended, EndedBy.PHONE)

    def row(self, number: str, arrived: float, answered: float, ended: float, operator: str) -> dict[str, Any]:
        name = f"{number}.wav"
        digest = self.recording(name, ended - answered)
        return {
            "call": number, "number": number, "arrived_at": at(arrived), "joined_at": at(arrived + 3),
            "place_at": at(arrived + 3), "answered_at": at(answered), "ended_at": at(ended + 2),
            "waiting": answered - arrived - 3, "talk": ended - answered, "operator": operator, "urgency": "normal",
            "outcome": "answered", "hung_up_by": "operator", "recording": name, "recording_sha256": digest,
            "recording_problem": "", "question_answered_at": at(arrived + 3),
        }  # fmt: skip

    @staticmethod
    def offer(number: str, operator: str, placed: float) -> dict[str, Any]:
        return {"offer": f"offer-{number}", "call": number, "operator": operator, "placed_at": at(placed)}

    def recording(self, name: str, seconds: float, silent: int | None = None) -> str:
        """Write one, and return its digest."""
        tone = (np.sin(np.arange(int(8000 * seconds)) / 3) * 8000).astype("<i2")
        both = np.stack([tone, tone], axis=1)
        if silent is not None:
            both[: len(both) // 2, silent] = 0
        with wave.open(str(self.folder / name), "wb") as file:
            file.setparams((2, 2, 8000, 0, "NONE", ""))
            file.writeframes(both.tobytes())
        return hashlib.sha256((self.folder / name).read_bytes()).hexdigest()

    def evidence(self) -> Evidence:
        journal = self.folder / "var" / "asterisk" / "journal.csv"
        journal.parent.mkdir(parents=True, exist_ok=True)
        with journal.open("w", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            for since, call, dialplan_step in self.dialplan_steps:
                writer.writerow(
                    [START + since, "CC_STAGE", call, call, "PJSIP/trunk", json.dumps({"extra": dialplan_step})]
                )
        return evidence.gather(
            Seen(self.placed, self.rung),
            self.happened,
            self.rows,
            self.offers,
            self.shifts,
            self.presence,
            self.keys,
            self.gaps,
            folder=self.folder,
            recordings=self.folder,
            began=START,
            closed=START + 100,
        )

    def kinds(self) -> set[str]:
        """What is found wrong."""
        found = self.evidence()
        return {one.kind for one in (*violations(found), *inversions(found, LIMIT))}


@pytest.fixture
def tale(tmp_path: Path) -> Tale:
    return Tale(tmp_path)


def test_a_run_that_went_well_has_no_violations(tale: Tale) -> None:
    assert tale.kinds() == set()


# -- calls -------------------------------------------------------------------------------------------------------------


def test_a_caller_whom_the_line_hangs_up_was_dropped(tale: Tale) -> None:
    tale.rung.pop(0)
    assert DROPPED in tale.kinds()


def test_a_conversation_that_the_line_ends_was_dropped(tale: Tale) -> None:
    tale.rung[0].ended_by = EndedBy.LINE
    assert DROPPED in tale.kinds()


def test_a_refused_caller_was_dropped(tale: Tale) -> None:
    tale.placed[0].refused = "SIP/2.0 503 Service Unavailable"
    assert DROPPED in tale.kinds()


def test_who_was_there_when_asterisk_died_was_not_dropped_by_us(tale: Tale) -> None:
    tale.placed[0] = replace(tale.placed[0], ended_at=None, ended_by=EndedBy.NOBODY)
    assert DROPPED in tale.kinds()
    death = Happening("kill Asterisk", START + 38, mended_at=START + 40, back_at=START + 41, died_at=[START + 38.0])
    tale.happened = [replace(death, asterisk_died=True)]
    assert DROPPED not in tale.kinds()


def test_an_arrival_that_was_held_up_on_its_way_makes_the_wait_from_arrival_shorter(tale: Tale) -> None:
    tale.rows[0] |= {"waiting_from": "arrival", "arrived_at": at(2.5), "waiting": 19.5}
    assert ROWS in tale.kinds()
    tale.happened = [Happening("AMI stalled", START - 0.5, mended_at=START + 2.5)]
    assert ROWS not in tale.kinds()


def test_who_hangs_up_on_a_dead_asterisk_was_cut_off(tale: Tale) -> None:
    """The caller's BYE met nobody any more: the register says what it can know."""
    tale.placed[0] = replace(tale.placed[0], ended_by=EndedBy.PHONE, in_vain=True)
    tale.rows[0] |= {"outcome": "lost", "hung_up_by": "system"}
    assert ROWS in tale.kinds()
    died = tale.placed[0].ended_at or 0.0
    death = Happening("kill Asterisk", died - 0.1, mended_at=died + 2, back_at=died + 3, died_at=[died - 0.01])
    tale.happened = [replace(death, asterisk_died=True)]
    assert ROWS not in tale.kinds()
    tale.placed[0].in_vain = False
    tale.placed[0].ended_at, tale.placed[0].ended_by = died, EndedBy.PHONE
    assert ROWS in tale.kinds(), "this time Asterisk had answered"


def test_who_of_two_that_hung_up_in_the_same_moment_was_first_is_not_asked(tale: Tale) -> None:
    caller, ringing, row = tale.placed[0], tale.rung[0], tale.rows[0]
    assert ringing.ended_at is not None
    caller.ended_by, caller.ended_at = EndedBy.PHONE, ringing.ended_at - 0.02
    row["ended_at"] = at(caller.ended_at - START)
    for who in ("caller", "operator"):
        row["hung_up_by"] = who
        assert not tale.kinds()
    caller.ended_at += 1.0
    row |= {"hung_up_by": "caller", "ended_at": at(caller.ended_at - START)}
    assert tale.kinds() == {ROWS}


def test_a_phone_picked_up_while_it_was_taken_back_was_no_conversation(tale: Tale) -> None:
    """The operator asked for a break 6 ms before; the caller waits on, and the next one's phone rings."""
    crossed = tale.phone("102", ANNA, 18.0, 19.0, 19.002)
    crossed.ended_by = EndedBy.LINE
    tale.rung.insert(0, crossed)
    assert not tale.kinds()
    crossed.ended_at = START + 19.5
    assert DROPPED in tale.kinds()


@pytest.mark.parametrize("after", [-0.03, 0.071])
def test_of_a_caller_who_gives_up_while_the_phone_is_picked_up_both_may_be_said(tale: Tale, after: float) -> None:
    """The line takes the phone back because the caller has gone: they were put through for a blink, or just not."""
    caller, ringing, row = tale.placed[0], tale.rung[0], tale.rows[0]
    caller.ended_by, caller.ended_at = EndedBy.PHONE, START + 22.0 + after
    ringing.ended_by, ringing.ended_at = EndedBy.LINE, START + 22.074
    row |= {"ended_at": at(22.0 + after), "talk": max(0.0, after), "hung_up_by": "caller"}
    assert not tale.kinds()
    row["answered_at"] = at(20.0)
    assert tale.kinds() == {ROWS}, "when they were put through is known"
    row |= {"answered_at": None, "operator": "", "outcome": "abandoned", "waiting": 19.0 + after}
    assert not tale.kinds()


def test_who_gave_up_well_before_the_phone_was_picked_up_talked_to_nobody(tale: Tale) -> None:
    caller, ringing, row = tale.placed[0], tale.rung[0], tale.rows[0]
    caller.ended_by, caller.ended_at = EndedBy.PHONE, START + 21.8
    ringing.ended_by, ringing.ended_at = EndedBy.LINE, START + 22.05
    row |= {"ended_at": at(21.8), "talk": 0.0, "hung_up_by": "caller"}
    assert tale.kinds() == {ROWS}
    row |= {"answered_at": None, "operator": "", "outcome": "abandoned", "waiting": 18.8}
    assert not tale.kinds()


def test_music_that_stops_is_found_but_not_the_quiet_before_it(tale: Tale) -> None:
    tale.gaps = {ANNA: [(START + 1.0, START + 4.0)]}
    assert tale.kinds() == set()
    tale.gaps[ANNA].append((START + 10.0, START + 11.5))
    assert tale.kinds() == {SILENT}


def test_a_caller_who_has_to_wait_again_after_a_conversation_is_found(tale: Tale) -> None:
    tale.placed[0].ended_at, tale.placed[0].ended_by = START + 50.0, EndedBy.PHONE
    assert KEPT in tale.kinds()
    tale.rung.append(tale.phone("101", ANNA, 40.0, 41.0, 49.0))
    assert KEPT in tale.kinds()


def test_an_operator_who_is_rung_while_talking_is_found(tale: Tale) -> None:
    tale.rung[1] = tale.phone("101", BORIS, 30.0, 31.0, 39.0)
    assert TWICE in tale.kinds()


# -- the order ---------------------------------------------------------------------------------------------------------


def test_who_is_rung_for_before_an_earlier_caller_has_overtaken(tale: Tale) -> None:
    tale.rung[1], tale.offers[1] = tale.phone("102", BORIS, 15.0, 16.0, 39.0), tale.offer(BORIS, "102", 15.0)
    assert INVERTED in tale.kinds()
    tale.offers.pop()
    tale.dialplan_steps = [
        (3.0, ANNA, "waiting"),
        (12.0, ANNA, "alone"),
        (4.0, BORIS, "waiting"),
        (12.1, BORIS, "alone"),
    ]
    assert INVERTED_IN_NET in tale.kinds()


def test_a_phone_that_vanished_says_nothing_of_the_end(tale: Tale) -> None:
    tale.placed[0].unplugged, tale.placed[0].ended_at, tale.placed[0].ended_by = True, None, EndedBy.NOBODY
    assert not tale.kinds()
    tale.rows[0]["talk"] = 30.0
    assert ROWS in tale.kinds()


def test_the_fallback_queue_cannot_serve_who_still_listens_to_an_announcement(tale: Tale) -> None:
    tale.rung[1] = tale.phone("102", BORIS, 15.0, 16.0, 39.0)
    tale.offers.pop()
    tale.dialplan_steps = [
        (3.0, ANNA, "waiting"),
        (14.5, ANNA, "alone"),
        (4.0, BORIS, "waiting"),
        (12.1, BORIS, "alone"),
    ]
    assert INVERTED_IN_NET not in tale.kinds()


def test_the_fallback_queue_cannot_know_a_former_place_that_nobody_has_told_it(tale: Tale) -> None:
    """Boris was cut off, and called again when the controller was away; later he got his old place back."""
    tale.rung[0] = tale.phone("101", ANNA, 15.0, 22.0, 38.0)
    tale.rung[1] = tale.phone("102", BORIS, 18.0, 23.0, 39.0)
    tale.offers.clear()
    tale.rows[1]["place_at"] = at(-60.0)
    tale.dialplan_steps = [(3.0, ANNA, "alone"), (4.0, BORIS, "alone")]
    assert INVERTED_IN_NET not in tale.kinds()
    tale.dialplan_steps[1:] = [(4.0, BORIS, "waiting"), (10.0, BORIS, "alone")]
    assert INVERTED_IN_NET in tale.kinds()


def test_an_urgent_caller_may_overtake_until_the_limit(tale: Tale) -> None:
    tale.rung[1], tale.offers[1] = tale.phone("102", BORIS, 15.0, 16.0, 39.0), tale.offer(BORIS, "102", 15.0)
    tale.rows[1]["urgency"] = "urgent"
    found = tale.evidence()
    assert not list(inversions(found, LIMIT))
    assert list(inversions(found, 10.0))


def test_an_urgent_caller_who_has_to_wait_for_a_normal_one_is_found(tale: Tale) -> None:
    tale.rung[1] = tale.phone("102", BORIS, 25.0, 26.0, 39.0)
    tale.rows[1]["urgency"] = "urgent"
    assert INVERTED in tale.kinds()


# -- callers who are asked while they wait -----------------------------------------------------------------------------


CLARA, DORA = "+73422000011", "+73422000013"


@pytest.fixture
def waiting(tmp_path: Path) -> Tale:
    """The same, on the line that asks in the queue: Dora comes a second after Clara, and is rung for a second later."""
    tale = Tale(tmp_path)
    tale.placed = [replace(one, number=number) for one, number in zip(tale.placed, (CLARA, DORA), strict=True)]
    tale.rung = [replace(one, number=number) for one, number in zip(tale.rung, (CLARA, DORA), strict=True)]
    for row, offer, number, arrived in zip(tale.rows, tale.offers, (CLARA, DORA), (0.0, 1.0), strict=True):
        row |= {"call": number, "number": number, "joined_at": at(arrived + 1.1), "place_at": at(arrived)}
        row["waiting"] += 1.9
        offer["call"] = number
    tale.keys = {CLARA: "2", DORA: "2"}
    return tale


def test_who_is_asked_while_waiting_has_joined_after_the_greeting(waiting: Tale) -> None:
    assert waiting.kinds() == set()
    waiting.rows[0] |= {"joined_at": at(3.0), "waiting": 19.0}
    assert waiting.kinds() == {ROWS}


def test_a_key_in_the_waiting_room_counts_unless_a_phone_rings_already(waiting: Tale) -> None:
    waiting.keys[CLARA] = "1"
    assert waiting.kinds() == {ROWS}
    waiting.rows[0]["urgency"] = "urgent"
    assert waiting.kinds() == set()
    waiting.rows[0]["urgency"] = "normal"
    waiting.rung[0], waiting.offers[0] = waiting.phone("101", CLARA, 2.0, 22.0, 38.0), waiting.offer(CLARA, "101", 2.0)
    assert waiting.kinds() == set(), "the question was not asked any more"


def test_a_late_urgency_overtakes_from_then_on(waiting: Tale) -> None:
    waiting.rows[1]["urgency"], waiting.keys[DORA] = "urgent", "1"
    waiting.rung[1], waiting.offers[1] = waiting.phone("102", DORA, 8.0, 23.0, 39.0), waiting.offer(DORA, "102", 8.0)
    assert waiting.kinds() == set()
    waiting.placed[1].key_at = START + 9.5
    waiting.rows[1]["question_answered_at"] = at(9.5)
    assert waiting.kinds() == {INVERTED}, "she was not urgent yet"


def test_callers_of_two_lines_have_no_common_order(waiting: Tale) -> None:
    waiting.rung[1], waiting.offers[1] = waiting.phone("102", DORA, 8.0, 23.0, 39.0), waiting.offer(DORA, "102", 8.0)
    assert waiting.kinds() == {INVERTED}
    for told in (waiting.placed[0], waiting.rung[0]):
        told.number = ANNA
    waiting.rows[0] |= {"number": ANNA, "joined_at": at(3.0), "waiting": 19.0}
    waiting.keys[ANNA] = "2"
    assert INVERTED not in waiting.kinds()


def test_asterisks_queues_may_take_a_phone_from_each_other(waiting: Tale) -> None:
    """Each line has its own; among its own callers a queue keeps the order."""
    eva = "+73422000012"
    waiting.dialplan_steps = [(4.0, CLARA, "alone"), (4.0, DORA, "alone")]
    waiting.offers.clear()
    waiting.rung[1] = waiting.phone("102", DORA, 15.0, 23.0, 39.0)
    assert INVERTED_IN_NET in waiting.kinds()
    waiting.placed.append(waiting.caller(eva, 2.0, 41.0))
    waiting.rows.append({**waiting.rows[1], "call": "third", "number": eva, "joined_at": at(5.0)})
    waiting.rung.append(waiting.phone("103", eva, 14.5, 23.0, 39.0))
    assert INVERTED_IN_NET not in waiting.kinds()
    waiting.rung[2] = waiting.phone("103", eva, 8.0, 23.0, 39.0)
    assert INVERTED_IN_NET in waiting.kinds()


def test_who_was_being_asked_as_the_controller_went_is_counted(waiting: Tale) -> None:
    waiting.happened = [Happening("kill", START + 2.0, mended_at=START + 2.0, back_at=START + 3.5, blind=True)]
    found = waiting.evidence()
    assert [found.asked(case) for case in found.cases] == [True, True]
    waiting.happened = [Happening("kill", START + 5.0, mended_at=START + 5.0, back_at=START + 6.0, blind=True)]
    found = waiting.evidence()
    assert [found.asked(case) for case in found.cases] == [False, False]


def test_an_operator_without_calls_while_somebody_waits_is_stuck_unless_paused(tale: Tale) -> None:
    tale.placed.append(tale.caller("+73422000003", 2.0, 90.0))
    tale.rows.append({**tale.rows[1], "call": "third", "number": "+73422000003", "joined_at": at(5.0), "place_at": ""})
    tale.presence = [{"operator": "101", "at": at(40.0), "presence": "paused"}]
    found = [one.what for one in stuck(tale.evidence(), ("101", "102"), 1.0)]
    assert [text.split()[1] for text in found] == ["102"]


# -- the register ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("arrived_at", at(2.0)),
        ("answered_at", at(24.0)),
        ("answered_at", None),
        ("ended_at", None),
        ("ended_at", at(45.0)),
        ("talk", 10.0),
        ("waiting", 30.0),
        ("operator", "102"),
        ("operator", ""),
        ("outcome", "lost"),
        ("hung_up_by", "caller"),
        ("urgency", "urgent"),
        ("joined_at", None),
        ("joined_at", at(6.0)),
    ],
)
def test_a_wrong_row_is_found(tale: Tale, column: str, wrong: object) -> None:
    tale.rows[0][column] = wrong
    assert ROWS in tale.kinds()


def test_a_missing_a_doubled_and_a_strange_row_are_found(tale: Tale) -> None:
    row = tale.rows.pop(0)
    assert ROWS in tale.kinds()
    tale.rows += [row, {**row, "call": "again"}]
    assert ROWS in tale.kinds()
    tale.rows[-1] = {**row, "call": "strange", "number": "+73420000000"}
    assert ROWS in tale.kinds()


def test_a_shift_that_a_fault_ended_is_found(tale: Tale) -> None:
    tale.shifts[0] |= {"ended_at": at(30.0), "end_cause": "controller restarted"}
    assert tale.kinds() == {SHIFTS}


def test_a_place_that_was_not_kept_is_found(tale: Tale) -> None:
    tale.placed = [replace(tale.placed[0], ended_at=None, ended_by=EndedBy.NOBODY), tale.caller(ANNA, 35.0, 80.0, 1)]
    tale.rung = [tale.phone("101", ANNA, 60.0, 62.0, 78.0)]
    first = {**tale.rows[0], "answered_at": None, "ended_at": at(30.0), "waiting": 27.0, "talk": 0.0}
    first |= {"operator": "", "outcome": "lost", "hung_up_by": "", "call": "first", "recording": ""}
    again = {**tale.row(ANNA, 35.0, 62.0, 78.0, "101"), "place_at": first["place_at"]}
    tale.rows, tale.offers = [first, again], [tale.offer(ANNA, "101", 60.0)]
    death = Happening("kill Asterisk", START + 30, mended_at=START + 32, back_at=START + 33, died_at=[START + 30.0])
    tale.happened = [replace(death, asterisk_died=True)]
    assert tale.kinds() == set()
    again["place_at"] = again["joined_at"]
    assert tale.kinds() == {PLACES}


# -- recordings --------------------------------------------------------------------------------------------------------


def test_a_missing_recording_is_found(tale: Tale) -> None:
    tale.rows[0] |= {"recording": "", "recording_problem": "no room"}
    assert tale.kinds() == {RECORDINGS}


def test_where_there_was_no_room_it_is_enough_that_the_register_says_so(tale: Tale) -> None:
    tale.rows[0] |= {"recording": "", "recording_problem": "no room"}
    tale.happened = [Happening("spool full", START + 25, mended_at=START + 30, back_at=START + 30)]
    assert tale.kinds() == set()
    tale.rows[0]["recording_problem"] = ""
    assert tale.kinds() == {RECORDINGS}


@pytest.mark.parametrize("side", [0, 1])
def test_a_short_a_changed_and_a_silent_recording_are_found(tale: Tale, side: int) -> None:
    name = tale.rows[0]["recording"]
    tale.rows[0]["recording_sha256"] = tale.recording(name, 14.0)
    assert tale.kinds() == {RECORDINGS}
    tale.rows[0]["recording_sha256"] = tale.recording(name, 16.0, silent=side)
    assert tale.kinds() == {RECORDINGS}
    tale.rows[0]["recording_sha256"] = "0" * 64
    assert tale.kinds() == {RECORDINGS}
