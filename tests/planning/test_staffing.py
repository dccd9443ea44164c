"""People needed per half-hour."""

from __future__ import annotations

import pytest

from callcenter.planning.staffing import Aim, staffing


@pytest.mark.clause("ESTP 2.2b")
@pytest.mark.clause("ESTP 2.2d")
def test_busy_half_hours_get_more_people_and_quiet_ones_the_two_that_must_be_there() -> None:
    """Each with what callers may expect."""
    rows = staffing({20: 90.0, 18: 10.0, 19: 0.0}, 180.0, 600.0, Aim(at_least=2))
    assert [(row.clock, row.people) for row in rows] == [("09:00", 2), ("09:30", 2), ("10:00", 6)]
    assert [row.erlangs for row in rows] == pytest.approx([1.0, 0.0, 9.0])
    assert all(row.state.offered_wait <= 300 for row in rows)


def test_a_service_level_takes_more_people_than_the_average_alone() -> None:
    """80 % within 20 seconds beside 5 minutes on average."""
    average, level = (staffing({18: 90.0}, 180.0, None, Aim(within=20.0, level=wanted))[0] for wanted in (None, 0.8))
    assert average.people == 10
    assert level.people > average.people
    assert level.state.service_level >= 0.8
