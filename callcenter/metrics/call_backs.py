"""Figures of call-backs: how many wait, what came of tries, how many began inside their convenient time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


class CallBackState(NamedTuple):
    """What waits, as of the last look into the register; and what has happened since the start."""

    open: Mapping[tuple[str, str], int] = {}
    """By line and state."""
    late: Mapping[str, int] = {}
    """By line."""
    came: Mapping[tuple[str, str], int] = {}
    """By line and result."""
    windows: Mapping[tuple[str, str], int] = {}
    """By line, and `kept` or `missed`."""


def families(state: CallBackState) -> Iterator[Metric]:
    """Return all metric families of call-backs."""
    open_ = GaugeMetricFamily(
        "callcenter_call_backs_open", "Call-backs that have not ended, by state.", labels=["line", "state"]
    )
    for labels, count in state.open.items():
        open_.add_metric(labels, count)
    yield open_
    late = GaugeMetricFamily(
        "callcenter_call_backs_late",
        "Of these, those whose convenient time is over, and nobody has tried.",
        labels=["line"],
    )
    for line, count in state.late.items():
        late.add_metric([line], count)
    yield late
    tries = CounterMetricFamily(
        "callcenter_call_back_tries", "Tries of call-backs that are over.", labels=["line", "result"]
    )
    for labels, count in state.came.items():
        tries.add_metric(labels, count)
    yield tries
    windows = CounterMetricFamily(
        "callcenter_call_back_windows",
        "Call-backs that were begun inside their convenient time, or not.",
        labels=["line", "result"],
    )
    for labels, count in state.windows.items():
        windows.add_metric(labels, count)
    yield windows
