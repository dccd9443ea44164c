"""Prometheus metrics of webhooks: what other programs have not been told yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric


class WebhookState(NamedTuple):
    """By webhook. Counters are since the start."""

    waiting: Mapping[str, int] = {}
    oldest: Mapping[str, float] = {}
    """Seconds since the oldest event that waits; without those for which none does."""
    told: Mapping[str, int] = {}
    given_up: Mapping[str, int] = {}


def families(state: WebhookState) -> Iterator[Metric]:
    """Return all metric families of webhooks."""
    for name, words, gauges in (
        ("callcenter_webhook_events", "Events that a webhook has not been told yet.", state.waiting),
        ("callcenter_webhook_oldest_seconds", "How long the oldest of them has waited.", state.oldest),
    ):
        gauge = GaugeMetricFamily(name, words, labels=["webhook"])
        for hook, value in gauges.items():
            gauge.add_metric([hook], value)
        yield gauge
    for name, words, counts in (
        ("callcenter_webhook_told", "Events that a webhook has taken.", state.told),
        ("callcenter_webhook_given_up", "Events that a webhook is not told any more.", state.given_up),
    ):
        counter = CounterMetricFamily(name, words, labels=["webhook"])
        for hook, count in counts.items():
            counter.add_metric([hook], count)
        yield counter
