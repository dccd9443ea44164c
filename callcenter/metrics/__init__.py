"""The metrics that Prometheus scrapes (docs/metrics.md describes each one).

There are two sources. Gauges are read from a fresh `View` at every scrape, so they are never stale. Counters and
histograms grow with the events and commands that the daemon handles. Labels are always words of the configuration
or of the core (a line, a group, a result, a half-hour of the day), never a telephone number, a name or a channel.
An unknown value is left out, never reported as zero or NaN.
"""

from __future__ import annotations

from callcenter.metrics.exposition import AmiState, Metrics, RecordingState, RegisterState
from callcenter.metrics.requests import RequestState

__all__ = ["AmiState", "Metrics", "RecordingState", "RegisterState", "RequestState"]
