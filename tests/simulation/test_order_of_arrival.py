"""Callers whom nobody knows by number are served in the order in which they arrived, like everybody else (ESTP 2.3)."""

from __future__ import annotations

import pytest

from tests.simulation.order_of_arrival import IN_GREETING, IN_MENU, MORE_URGENT, OVERDUE, UNEXPLAINED, run

pytestmark = pytest.mark.clause("ESTP 2.3")


def test_every_inversion_of_two_days_has_its_reason() -> None:
    found = run(2.0)
    assert found.calls > 1500
    assert found.inversions[UNEXPLAINED] == 0
    assert set(found.inversions) <= {IN_GREETING, MORE_URGENT, OVERDUE}
    known, unknown = (sum(waits) / len(waits) for waits in (found.known_wait, found.unknown_wait))
    assert unknown < known + 10, "nobody waits longer because the directory does not have the number"


def test_a_line_that_asks_before_the_queue_pays_for_it_with_inversions() -> None:
    assert run(1.0, before_queue=True).inversions[IN_MENU] > 0
