"""The judge of call-backs finds what is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import call_back_judge
from tests.chaos.call_back_judge import CallBackEvidence
from tests.chaos.call_backs import Rung
from tests.chaos.judge import DIALLED_TWICE, FORGOTTEN, NOT_KEPT, TRIES
from tests.chaos.test_judge import START, Tale, at
from tests.chaos.testimony import EndedBy, Placed

VERA, GLEB = "+73427000001", "+73428000001"
"""Vera was promised a call, Gleb keeps his place."""


def call_back(id: int, number: str, **more: Any) -> dict[str, Any]:
    wish = {"id": id, "call_back": f"cb-{id}", "number": number, "origin": "wish", "call": "", "state": "done"}
    return wish | {"next_at": None, "changed_at": at(40.0)} | more


def tried(call_back: int, number: int, due: float, came: str) -> dict[str, Any]:
    return {"call_back": call_back, "number": number, "due_at": at(due), "over_at": at(due + 8.0), "came": came}


def call(call_back: int, attempt: int, number: str, dialled: float | None) -> dict[str, Any]:
    name = f"{call_back}-{attempt}-{dialled}"
    moment = None if dialled is None else at(dialled)
    return {"call": name, "call_back": f"cb-{call_back}", "attempt": attempt, "number": number, "dialled_at": moment}


@pytest.fixture
def good() -> CallBackEvidence:
    """Vera is busy, a phone of ours does not answer, then they talk; Gleb is called at once."""
    return CallBackEvidence(
        promised=[VERA],
        rung=[Rung(VERA, START + 12.0), Rung(VERA, START + 32.0, answered=True), Rung(GLEB, START + 52.0, True)],
        call_backs=[call_back(1, VERA), call_back(2, GLEB, origin="kept_place", call="gleb")],
        tries=[
            tried(1, 1, 10.0, "busy"),
            tried(1, 2, 20.0, "not_started"),
            tried(1, 3, 30.0, "talked"),
            tried(2, 1, 50.0, "talked"),
        ],
        calls=[
            call(1, 1, VERA, 12.0),
            call(1, 2, VERA, None),
            call(1, 3, VERA, 32.0),
            call(2, 1, GLEB, 52.0),
        ],
        keepers=[Placed(GLEB, 0, START, START, START, ended_at=START + 45.0, ended_by=EndedBy.LINE)],
        keepers_rows=[{"call": "gleb", "number": GLEB, "outcome": "call_back", "arrived_at": at(0.0)}],
        ended_at=START + 100.0,
    )


def kinds(found: CallBackEvidence, folder: Path) -> set[tuple[str, str]]:
    return {(one.kind, one.number) for one in call_back_judge.violations(found, Tale(folder).evidence())}


def test_nothing_is_wrong_with_a_good_run(good: CallBackEvidence, tmp_path: Path) -> None:
    assert kinds(good, tmp_path) == set()


def test_two_calls_or_two_ringings_for_one_try(good: CallBackEvidence, tmp_path: Path) -> None:
    again = replace(good, calls=[*good.calls, call(1, 1, VERA, 14.0)])
    assert kinds(again, tmp_path) == {(DIALLED_TWICE, VERA)}
    twice = replace(good, rung=[*good.rung, Rung(VERA, START + 14.0)])
    assert kinds(twice, tmp_path) == {(DIALLED_TWICE, VERA)}


def test_a_phone_that_was_rung_in_a_try_that_is_said_not_to_have_begun(good: CallBackEvidence, tmp_path: Path) -> None:
    rung = replace(good, rung=[*good.rung, Rung(VERA, START + 22.0)])
    assert kinds(rung, tmp_path) == {(TRIES, VERA)}


def test_a_try_that_nobody_saw_counts_as_lost_even_if_nobody_saw_the_dialling(
    good: CallBackEvidence, tmp_path: Path
) -> None:
    calls = [*good.calls[:2], call(1, 3, VERA, None), good.calls[3]]
    assert kinds(replace(good, calls=calls), tmp_path) == {(TRIES, VERA)}
    lost = [*good.tries[:2], tried(1, 3, 30.0, "lost"), good.tries[3]]
    assert kinds(replace(good, calls=calls, tries=lost), tmp_path) == set()


def test_a_conversation_that_nobody_had(good: CallBackEvidence, tmp_path: Path) -> None:
    silent = replace(good, rung=[one for one in good.rung if not one.answered])
    assert kinds(silent, tmp_path) == {(TRIES, VERA), (TRIES, GLEB)}


def test_a_stranger_who_is_rung(good: CallBackEvidence, tmp_path: Path) -> None:
    wrong = "+73427000009"
    assert kinds(replace(good, rung=[*good.rung, Rung(wrong, START)]), tmp_path) == {(TRIES, wrong)}


def test_what_is_forgotten(good: CallBackEvidence, tmp_path: Path) -> None:
    _, gleb = good.call_backs
    lost = replace(good, promised=[VERA, "+73427000009"])
    assert kinds(lost, tmp_path) == {(FORGOTTEN, "+73427000009")}
    for state, next_at in (("due", None), ("under_way", None), ("waiting", None), ("waiting", at(60.0))):
        left = replace(good, call_backs=[call_back(1, VERA, state=state, next_at=next_at), gleb])
        assert kinds(left, tmp_path) == {(FORGOTTEN, VERA)}
    to_come = replace(good, call_backs=[call_back(1, VERA, state="waiting", next_at=at(3600.0)), gleb])
    assert kinds(to_come, tmp_path) == set()
    open_try = replace(good, tries=[*good.tries[:-1], {**good.tries[-1], "over_at": None}])
    assert kinds(open_try, tmp_path) == {(FORGOTTEN, GLEB)}


def test_a_place_that_is_not_kept(good: CallBackEvidence, tmp_path: Path) -> None:
    vera, gleb = good.call_backs
    for promised in ((vera,), (vera, gleb, {**gleb, "id": 3, "call_back": "cb-3"})):
        assert (NOT_KEPT, GLEB) in kinds(replace(good, call_backs=promised, rung=[], tries=[], calls=[]), tmp_path)
    unknown = replace(good, keepers_rows=[], call_backs=[vera], rung=good.rung[:2], tries=good.tries[:3])
    assert kinds(unknown, tmp_path) == {(NOT_KEPT, GLEB)}
