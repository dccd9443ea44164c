"""Our formulas beside a published library's: pyqueueing, which sums the same chains in its own way."""

from __future__ import annotations

import pytest
from pyqueueing import ErlangA, ErlangB, ErlangC

from callcenter.planning.erlang import Load, erlang_b, least_staff, steady_state

LOADS = [(5.5, 4), (5.5, 6), (5.5, 7), (0.3, 1), (20.0, 18), (20.0, 24), (95.0, 100), (190.0, 200)]
"""Erlangs, people."""


@pytest.mark.parametrize(("erlangs", "staff"), LOADS)
def test_erlang_b(erlangs: float, staff: int) -> None:
    """Share of callers turned away."""
    library = ErlangB(arrival_rate=erlangs / 180, service_rate=1 / 180, servers=staff)
    assert erlang_b(erlangs, staff) == pytest.approx(library.prob_block())


@pytest.mark.parametrize(("erlangs", "staff"), [(erlangs, staff) for erlangs, staff in LOADS if staff > erlangs])
def test_erlang_c(erlangs: float, staff: int) -> None:
    """Probability of waiting, mean wait, service level, occupancy, people for a mean wait."""
    rate = erlangs / 180
    library = ErlangC(arrival_rate=rate, service_rate=1 / 180, servers=staff)
    state = steady_state(Load(rate, 180.0), staff, within=20.0)
    assert state.waiting == pytest.approx(library.prob_wait())
    assert state.wait == pytest.approx(library.mean_wait())
    assert state.service_level == pytest.approx(library.service_level(20.0))
    assert state.occupancy == pytest.approx(library.utilization())
    assert least_staff(Load(rate, 180.0), target=60.0) == library.required_servers(target_mean_wait=60.0)


@pytest.mark.parametrize("patience", [60.0, 300.0, 600.0])
@pytest.mark.parametrize(("erlangs", "staff"), LOADS)
def test_erlang_a(erlangs: float, staff: int, patience: float) -> None:
    """Probability of waiting and of giving up, mean wait of all callers, occupancy.

    Its mean wait of the answered and its service level are approximations, so ours are checked by integrals instead.
    """
    rate = erlangs / 180
    library = ErlangA(arrival_rate=rate, service_rate=1 / 180, servers=staff, patience_rate=1 / patience)
    state = steady_state(Load(rate, 180.0, patience), staff)
    assert state.waiting == pytest.approx(library.prob_wait())
    assert state.abandonment == pytest.approx(library.prob_abandon())
    assert state.wait == pytest.approx(library.mean_wait())
    assert state.occupancy == pytest.approx(library.utilization())
