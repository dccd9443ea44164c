"""Who is free the longest, against a model that simply takes the minimum."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.ids import PersonId
from callcenter.core.queue.roster import Roster

people = st.sampled_from((PersonId("101"), PersonId("102"), PersonId("103"), PersonId("104")))


@pytest.mark.clause("ESTP 5.4.1")
@given(st.lists(st.tuples(people, st.none() | st.integers(0, 5)), max_size=40), st.sets(people))
def test_the_longest_free_first(steps: list[tuple[PersonId, int | None]], without: set[PersonId]) -> None:
    roster, model = Roster(), dict[PersonId, float]()
    for person, since in steps:
        if since is None:
            roster.remove(person)
            model.pop(person, None)
        else:
            roster.add(person, since)
            model[person] = since
        assert len(roster) == len(model)
        expected = min(((at, who) for who, at in model.items() if who not in without), default=None)
        assert roster.first(without) == expected
