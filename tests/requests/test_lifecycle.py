"""The lifecycle of a request, and the numbers without gaps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.ids import LineId
from callcenter.core.machine import IllegalTransition
from callcenter.requests.lifecycle import ENDS, REQUEST, UNFINISHED, State, Step
from callcenter.requests.number import Counter, Number, missing_numbers, parse_number


def test_every_state_is_reached_and_from_every_state_there_is_an_end() -> None:
    for state in State:
        REQUEST.way(state)
        assert state in ENDS or any(_leads(state, end) for end in ENDS), state
    assert {step for _, step in REQUEST.table} == {*Step}


def _leads(state: State, end: State) -> bool:
    try:
        return bool(REQUEST.way(end, state))
    except IllegalTransition:
        return False


def test_refused_and_merged_are_final_and_only_what_comes_from_outside_goes_on_from_closed() -> None:
    after = {(before, step) for before, step in REQUEST.table if before in ENDS}
    assert after == {(State.CLOSED, Step.REOPEN), (State.CLOSED, Step.NOT_DELIVERED)}
    assert {*State} == ENDS | UNFINISHED | {State.DRAFT, State.ANSWERED}


@pytest.mark.clause("E-SAUDA 3.4")
def test_numbers_have_no_gaps_and_are_read_as_they_were_written() -> None:
    counter, given_ = Counter(LineId("e-sauda"), 2026), []
    for _ in range(12):
        number, counter = counter.next()
        given_.append(number)
    assert str(given_[-1]) == "E-SAUDA-2026-000012"
    assert parse_number(" e-sauda-2026-000012 ") == given_[-1]
    assert missing_numbers(given_, counter) == []
    lost = given_.pop(4)
    assert missing_numbers([*given_, Number(LineId("e-sauda"), 2025, 5)], counter) == [lost]


@pytest.mark.parametrize(
    "text",
    [
        *("", "ESTP", "ESTP-2026-0", "ESTP-2026-000000", "ESTP-2026-0000012", "ESTP-26-000001"),
        *("ESTP-2026-00000\u0661", "ESTP-2026-1000000000"),
    ],
)
def test_what_is_no_number_is_none(text: str) -> None:
    assert parse_number(text) is None


@given(st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True), st.integers(0, 9999), st.integers(1, 10**9 - 1))
def test_every_number_is_found_again(line: str, year: int, running: int) -> None:
    number = Number(LineId(line), year, running)
    assert parse_number(str(number)) == number


@given(st.text(max_size=200))
def test_whatever_is_written_is_a_number_or_none(text: str) -> None:
    number = parse_number(text)
    assert number is None or str(number) == text.strip().upper()
