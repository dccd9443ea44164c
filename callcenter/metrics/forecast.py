"""Gauges of how the day will probably end, and of how many operators are needed to meet its target (ESTP 2.2d)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric

from callcenter.core.ids import LineId
from callcenter.planning.forecast import Forecast

Forecasts = Mapping[LineId, tuple[Forecast, float]]
"""By line: the forecast of the day and its age in seconds. Lines without a forecast are missing."""

PER_LINE: tuple[tuple[str, str, Callable[[Forecast], float | None]], ...] = (
    (
        "callcenter_forecast_average_wait_seconds",
        "Expected average wait of all calls answered today, from opening to closing.",
        lambda x: x.average,
    ),
    (
        "callcenter_forecast_average_wait_registered_seconds",
        "The same of registered persons only: how the published promise will end today.",
        lambda x: x.average_registered,
    ),
    (
        "callcenter_forecast_breach_probability",
        "Probability that the average wait of all calls answered today ends above the target.",
        lambda x: x.exceeding,
    ),
    (
        "callcenter_forecast_breach_registered_probability",
        "The same of registered persons only.",
        lambda x: x.exceeding_registered,
    ),
    (
        "callcenter_forecast_risk_probability",
        "The probability of a breach that is accepted, from the configuration.",
        lambda x: x.risk,
    ),
    (
        "callcenter_forecast_offered_wait_seconds",
        "Expected wait of a caller of endless patience among those still to come today.",
        lambda x: x.offered,
    ),
    (
        "callcenter_forecast_abandonment_ratio",
        "Expected share of those who wait now or are still to come that will not be answered.",
        lambda x: x.abandonment,
    ),
    ("callcenter_forecast_callers", "Callers expected from now to closing.", lambda x: x.calls),
    (
        "callcenter_operators_needed",
        "The fewest people on duty from now to closing that keep the target; absent when none can.",
        lambda x: x.needed_now,
    ),
)


def families(forecasts: Forecasts) -> Iterator[Metric]:
    """Return all metric families; what a forecast does not know is left out."""
    for name, help_text, value in PER_LINE:
        family = GaugeMetricFamily(name, help_text, labels=["line"])
        for line, (forecast, _) in forecasts.items():
            found = value(forecast)
            if found is not None:
                family.add_metric([line], found)
        yield family
    later = GaugeMetricFamily(
        "callcenter_operators_needed_later",
        "The fewest people on duty in each half-hour left of today with whom a patient caller waits within the target.",
        labels=["line", "start"],
    )
    age = GaugeMetricFamily(
        "callcenter_forecast_age_seconds", "Time since the line's forecast was made.", labels=["line"]
    )
    for line, (forecast, seconds) in forecasts.items():
        age.add_metric([line], seconds)
        for need in forecast.needed:
            later.add_metric([line, need.clock], need.people)
    yield later
    yield age
