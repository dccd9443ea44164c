"""Counts the waiting times promised to callers, by whether they were kept (ESTP 5.4.6).

These are counters, so that Prometheus can compute the share that was kept over any period. The gauges of `gauges.py`
only show how the line itself judges its estimates now.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from callcenter.core.ids import LineId
from callcenter.core.queue.ledger import judged
from callcenter.core.records import AnnouncementRecord, CallRecord, PromiseResult
from callcenter.metrics.recent import LineOfCall, SeenOnce

KEPT, BROKEN, UNJUDGED = "kept", "broken", "unjudged"


class LedgerCounts:
    """Counts announcements when they are spoken, and the promises in them when the real wait is known."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._line_of = LineOfCall()
        self._spoken = SeenOnce()
        self._settled = SeenOnce()
        self._announcements = Counter(
            "callcenter_announcements_total",
            "Announcements that waiting callers heard, by whether they promised a time.",
            ["line", "said"],
            registry=registry,
        )
        self._promises = Counter(
            "callcenter_promises_total",
            "Spoken waiting times by what came of them.",
            ["line", "result"],
            registry=registry,
        )
        self._estimates = Counter(
            "callcenter_estimates_total",
            "Estimates written down, spoken or not, by whether the wait stayed within their 90th percentile.",
            ["line", "result"],
            registry=registry,
        )

    def begin(self, line: LineId) -> None:
        """Create all results with 0, so that Prometheus sees the first one as an increase."""
        for said in ("time", "no_time"):
            self._announcements.labels(line, said)
        for result in (KEPT, BROKEN, UNJUDGED):
            self._promises.labels(line, result)
            self._estimates.labels(line, result)

    def observe_call(self, record: CallRecord) -> None:
        """Remember the line of the call: the row of an announcement contains only the call's id."""
        self._line_of.learn(record.call, record.line)

    def observe(self, record: AnnouncementRecord) -> None:
        """Count an announcement. It is saved when spoken, and again when the caller was answered or has gone."""
        line = self._line_of(record.call)
        if line is None:
            return
        name = (record.call, record.number)
        if self._spoken.first_time(name):
            self._announcements.labels(line, "no_time" if record.spoken is None else "time").inc()
        if record.result is PromiseResult.OPEN or not self._settled.first_time(name):
            return
        judgement = judged(record, record.spoken_at)
        if record.spoken is not None:
            self._promises.labels(line, _result(judgement.kept)).inc()
        if record.p90 is not None:
            self._estimates.labels(line, _result(judgement.held)).inc()


def _result(kept: bool | None) -> str:
    return UNJUDGED if kept is None else KEPT if kept else BROKEN
