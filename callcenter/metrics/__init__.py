"""What Prometheus sees of the call centre (docs/metrics.md has a line for each metric).

Two sources: gauges are read from a fresh `View` at every scrape, so nothing stale remains in them; counters
and histograms grow with the events and commands that the daemon passes by. Labels are always words of the
configuration or of the core (a line, a group, a result, a half-hour of the day), never a number, a name or a
channel. What is unknown is absent, never zero or NaN.
"""

from __future__ import annotations

from callcenter.metrics.exposition import AmiState, Metrics, RecordingState, RegisterState

__all__ = ["AmiState", "Metrics", "RecordingState", "RegisterState"]
