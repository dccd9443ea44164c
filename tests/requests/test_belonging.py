"""Where a message belongs: facts in, a place out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.ids import LineId
from callcenter.requests.belonging import Candidate, Facts, Limits, Nature, Outcome, place
from callcenter.requests.lifecycle import State
from callcenter.requests.number import Number, numbers_in
from callcenter.requests.request import RequestId
from tests.requests.lines import moscow

NOW = moscow("2026-11-30 10:00")
LIMITS = Limits(timedelta(days=30), per_hour=5, acknowledged_per_hour=2)
PETR = "petr@customer.ru"
OPEN = Candidate(RequestId("r"), Number(LineId("estp"), 2026, 7), State.IN_WORK, NOW, frozenset({PETR}))
FACTS = Facts(Nature.WRITTEN, PETR, NOW)


def test_what_refers_to_a_message_of_ours_goes_on_with_its_request_whoever_writes() -> None:
    found = place(replace(FACTS, sender="colleague@customer.ru", answers=OPEN), LIMITS)
    assert (found.outcome, found.request, found.acknowledge) == (Outcome.JOINED, OPEN, False)


def test_a_number_counts_together_with_an_address_of_the_request_and_alone_only_as_a_suggestion() -> None:
    assert place(replace(FACTS, named=(OPEN,)), LIMITS).outcome is Outcome.JOINED
    stranger = place(replace(FACTS, sender="stranger@example.ru", named=(OPEN,)), LIMITS)
    assert (stranger.outcome, stranger.request, stranger.suggested) == (Outcome.NEW, None, OPEN.number)


@pytest.mark.parametrize(
    ("state", "days", "outcome"),
    [
        (State.CLOSED, 30, Outcome.JOINED),
        (State.CLOSED, 31, Outcome.NEW),
        (State.ANSWERED, 300, Outcome.JOINED),
        (State.REFUSED, 0, Outcome.NEW),
        (State.MERGED, 0, Outcome.NEW),
    ],
)
def test_what_has_ended_goes_on_for_a_term_and_after_that_it_is_another_matter(
    state: State, days: int, outcome: Outcome
) -> None:
    ended = replace(OPEN, state=state, changed_at=NOW - timedelta(days=days))
    found = place(replace(FACTS, answers=ended), LIMITS)
    assert found.outcome is outcome
    assert found.suggested == (OPEN.number if outcome is Outcome.NEW else None)


def test_a_machine_is_filed_beside_the_request_and_never_answered() -> None:
    machine = replace(FACTS, nature=Nature.AUTOMATIC)
    assert place(replace(machine, answers=OPEN), LIMITS).outcome is Outcome.BESIDE
    assert place(machine, LIMITS).acknowledge is False
    assert place(replace(FACTS, quiet=True), LIMITS).acknowledge is False
    assert place(FACTS, LIMITS).acknowledge is True


def test_word_of_a_letter_that_is_not_ours_becomes_nothing() -> None:
    returned = replace(FACTS, nature=Nature.RETURNED, named=(OPEN,))
    assert place(returned, LIMITS).outcome is Outcome.UNRELATED
    assert place(replace(returned, answers=OPEN), LIMITS).outcome is Outcome.RETURNED


def test_a_flood_from_one_address_takes_no_more_numbers_and_loses_nothing() -> None:
    flood = replace(FACTS, last_hour=5, acknowledged=2, latest=OPEN)
    assert place(flood, LIMITS).request is OPEN
    assert place(replace(flood, latest=None), LIMITS).outcome is Outcome.NEW
    assert place(replace(FACTS, acknowledged=2), LIMITS).acknowledge is False


@given(
    st.sampled_from(Nature),
    st.sampled_from(State),
    st.integers(0, 10),
    st.integers(0, 10),
    st.booleans(),
    st.booleans(),
)
def test_whatever_the_facts_are_every_message_has_a_place_and_no_machine_gets_an_answer(
    nature: Nature, state: State, last_hour: int, acknowledged: int, refers: bool, quiet: bool
) -> None:
    one = replace(OPEN, state=state)
    facts = Facts(nature, PETR, NOW, one if refers else None, (one,), one, last_hour, acknowledged, quiet)
    found = place(facts, LIMITS)
    assert (found.request is not None) == (found.outcome not in (Outcome.NEW, Outcome.UNRELATED))
    assert not (found.acknowledge and (nature is not Nature.WRITTEN or quiet or acknowledged >= 2))
    if nature is not Nature.RETURNED:
        assert found.outcome is not Outcome.UNRELATED


def test_numbers_are_found_in_a_subject() -> None:
    assert [str(one) for one in numbers_in("Re: Ответ на обращение ESTP-2026-000123 (e-sauda-2026-000001)")] == [
        "ESTP-2026-000123",
        "E-SAUDA-2026-000001",
    ]
    assert numbers_in("XESTP-2026-0001234567 ESTP-2026-000000 123") == []
