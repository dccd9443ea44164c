"""What Prometheus sees of the call centre (docs/metrics.md has a line for each metric).

Two sources: gauges are read from a fresh `View` at every scrape, so nothing stale remains in them; counters
and histograms grow with the events and commands that the daemon passes by. Labels are always words of the
configuration or of the core (a line, a group, a result), never a number, a name or a channel.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from callcenter.core.commands import Answer, Command, OfferKind, Reply, SaveCall, SaveOffer
from callcenter.core.events import Event, RecordingFailed, RecordingFinished
from callcenter.core.records import CallRecord, OfferRecord, Outcome
from callcenter.core.view import LineView, View

WAITING_BUCKETS = (5, 10, 20, 30, 60, 90, 120, 180, 240, 300, 360, 420, 600, 900, 1800)
"""Seconds; close around the promised 300 (ESTP 2.2d)."""
TALK_BUCKETS = (10, 30, 60, 120, 180, 240, 300, 420, 600, 900, 1800, 3600)
RINGING_DELAY_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
"""Seconds; a few milliseconds are expected on one machine, tenths with phones over a network."""
ANSWER_DELAY_BUCKETS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 60)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

RegisterState = Callable[[], tuple[int, int]]
"""Rows not yet written, and writes that failed since the start."""
AmiState = Callable[[], tuple[bool, float | None]]
"""Whether we are connected and logged in, and the seconds since the last event (None: there was none yet)."""


class Metrics:
    """The metrics of one daemon, in a registry of their own."""

    def __init__(
        self,
        view: Callable[[], View],
        register_state: RegisterState,
        ami: AmiState,
        *,
        version: str = "unknown",
    ) -> None:
        # Without this every series comes twice, for a time of creation that nobody here reads.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._view = view
        self._counted_calls = _SeenOnce()
        self._counted_offers = _SeenOnce()
        self._ringing_offers = _SeenOnce()
        self._answered_offers = _SeenOnce()
        self._define_counters()
        self._registry.register(_FloorCollector(view, register_state, ami, version))
        ProcessCollector(registry=self._registry)

    def _define_counters(self) -> None:
        registry = self._registry
        self._calls = Counter(
            "callcenter_calls_total",
            "Calls that have ended, by what became of them.",
            ["line", "outcome"],
            registry=registry,
        )
        self._waiting = Histogram(
            "callcenter_waiting_seconds",
            "Time from joining the queue to the first answer, or to giving up.",
            ["line", "urgency", "outcome"],
            buckets=WAITING_BUCKETS,
            registry=registry,
        )
        self._talk = Histogram(
            "callcenter_talk_seconds",
            "Time that an answered caller spent in conversation.",
            ["line"],
            buckets=TALK_BUCKETS,
            registry=registry,
        )
        self._define_offers(registry)
        self._define_services(registry)

    def _define_offers(self, registry: CollectorRegistry) -> None:
        self._offers = Counter(
            "callcenter_offers_total",
            "Ringings of an operator's phone for a caller, by result.",
            ["kind", "result"],
            registry=registry,
        )
        self._ringing_delay = Histogram(
            "callcenter_offer_ringing_delay_seconds",
            "Time from the decision to offer a caller to an operator until the operator's phone rings.",
            ["kind"],
            buckets=RINGING_DELAY_BUCKETS,
            registry=registry,
        )
        self._answer_delay = Histogram(
            "callcenter_offer_answer_delay_seconds",
            "Time that an answered operator's phone rang.",
            ["kind"],
            buckets=ANSWER_DELAY_BUCKETS,
            registry=registry,
        )
        for kind in OfferKind:
            self._ringing_delay.labels(kind.value)
            self._answer_delay.labels(kind.value)

    def _define_services(self, registry: CollectorRegistry) -> None:
        self._recordings = Counter(
            "callcenter_recordings_total",
            "Recordings of conversations that were finished, by result.",
            ["result"],
            registry=registry,
        )
        self._recorded = Counter(
            "callcenter_recorded_seconds_total", "Length of all finished recordings.", registry=registry
        )
        self._http = Counter(
            "callcenter_http_requests_total",
            "HTTP requests that were answered.",
            ["method", "route", "code"],
            registry=registry,
        )
        self._wrong_secrets = Counter(
            "callcenter_wrong_secrets_total",
            "Log-ins refused for a wrong password or PIN, or because there were too many before.",
            ["answer"],
            registry=registry,
        )
        for answer in (Answer.WRONG_SECRET, Answer.TRY_LATER):
            self._wrong_secrets.labels(answer.value)
        for result in ("ok", "failed"):
            self._recordings.labels(result)

    def observe_event(self, event: Event, now: float) -> None:
        """Count what an event says; `now` is the time it was handled, seconds of the core's clock."""
        if isinstance(event, RecordingFinished) and event.path:
            self._recordings.labels("ok").inc()
            self._recorded.inc(max(0.0, event.seconds))
        elif isinstance(event, RecordingFailed):
            self._recordings.labels("failed").inc()

    def observe_command(self, command: Command, now: float) -> None:
        """Count what a command says; rows that are saved again are counted once."""
        if isinstance(command, SaveCall):
            self._observe_call(command.record)
        elif isinstance(command, SaveOffer):
            self._observe_offer(command.record)
        elif isinstance(command, Reply) and command.answer in (Answer.WRONG_SECRET, Answer.TRY_LATER):
            self._wrong_secrets.labels(command.answer.value).inc()

    def observe_request(self, method: str, route: str, code: int) -> None:
        """Count one HTTP request; `route` is the pattern it matched, 'unmatched' when none."""
        self._http.labels(method if method in METHODS else "other", route, str(code)).inc()

    def text(self) -> bytes:
        """The scrape, in Prometheus' text format 0.0.4."""
        for line in self._view().lines:
            # A counter that first appears with 1 has no increase(): so every outcome is there from the start.
            for outcome in Outcome:
                if outcome is not Outcome.IN_PROGRESS:
                    self._calls.labels(line, outcome.value)
            self._talk.labels(line)
        return prometheus_client.generate_latest(self._registry)

    def _observe_call(self, record: CallRecord) -> None:
        # Only when the caller is gone: until then an answer by a phone that hung up at once may be taken back.
        if record.ended_at is None or not self._counted_calls.first_time(record.call):
            return
        self._calls.labels(record.line, record.outcome.value).inc()
        if record.waiting is not None:
            self._waiting.labels(record.line, record.urgency, record.outcome.value).observe(record.waiting)
        if record.answered_at is not None:
            self._talk.labels(record.line).observe(record.talk)

    def _observe_offer(self, record: OfferRecord) -> None:
        offer, ringing, answered = record.offer, record.ringing_at, record.answered_at
        if ringing is not None and self._ringing_offers.first_time(offer):
            self._ringing_delay.labels(record.kind).observe(ringing - record.placed_at)
        if answered is not None and self._answered_offers.first_time(offer):
            # A phone may answer without ever having said that it rings.
            rung_from = record.placed_at if ringing is None else ringing
            self._answer_delay.labels(record.kind).observe(answered - rung_from)
        if record.ended_at is not None and self._counted_offers.first_time(offer):
            self._offers.labels(record.kind, record.result).inc()


class _SeenOnce:
    """Remembers the last few thousand names, so that a row that is saved again is told from a new one."""

    def __init__(self, limit: int = 5_000) -> None:
        self._limit = limit
        self._names: dict[str, None] = {}

    def first_time(self, name: str) -> bool:
        if name in self._names:
            return False
        self._names[name] = None
        if len(self._names) > self._limit:
            del self._names[next(iter(self._names))]
        return True


class _FloorCollector(Collector):
    """Gauges of the present moment, made anew for every scrape."""

    def __init__(self, view: Callable[[], View], register_state: RegisterState, ami: AmiState, version: str) -> None:
        self._version = version
        self._view = view
        self._register_state = register_state
        self._ami = ami

    def describe(self) -> Iterable[Metric]:
        """Nothing to check at registration: the view need not exist yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All families, from one view."""
        view = self._view()
        lines = list(view.lines.values())
        yield from _promises(lines)
        yield from _queue(lines)
        yield from _staff(view)
        yield from self._parts()

    def _parts(self) -> Iterator[Metric]:
        up, age = self._ami()
        yield GaugeMetricFamily("callcenter_ami_up", "1 while logged in to Asterisk's manager interface.", value=up)
        last = GaugeMetricFamily("callcenter_ami_last_event_age_seconds", "Time since Asterisk last reported anything.")
        if age is not None:
            last.add_metric([], age)
        yield last
        pending, failures = self._register_state()
        yield GaugeMetricFamily(
            "callcenter_register_pending_rows", "Facts not yet written to the call register.", value=pending
        )
        yield CounterMetricFamily(
            "callcenter_register_write_failures_total",
            "Failed attempts to write to the call register.",
            value=failures,
        )
        build = GaugeMetricFamily("callcenter_build_info", "The running version; always 1.", labels=["version"])
        build.add_metric([self._version], 1)
        yield build


def _by_line(
    name: str, help_text: str, lines: Iterable[LineView], value: Callable[[LineView], float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_text, labels=["line"])
    for line in lines:
        family.add_metric([line.id], value(line))
    return family


def _promises(lines: list[LineView]) -> Iterator[Metric]:
    """Hours, lines and waiting time as published (ESTP 2.2a, 2.2b, 2.2d)."""
    yield _by_line("callcenter_line_open", "1 during the line's published hours.", lines, lambda x: x.open)
    yield _by_line(
        "callcenter_lines_in_use",
        "Callers on the line at this moment, in any state.",
        lines,
        lambda x: x.lines_in_use,
    )
    yield _by_line("callcenter_lines_capacity", "Callers admitted at the same time.", lines, lambda x: x.capacity)
    average = GaugeMetricFamily(
        "callcenter_average_wait_seconds",
        "Average waiting time of the calls answered in the window; absent when there were none.",
        labels=["line", "window"],
    )
    for line in lines:
        windows = {"5m": line.average_5min, "30m": line.average_30min, "day": line.average_day}
        for window, seconds in windows.items():
            if seconds is not None:
                average.add_metric([line.id, window], seconds)
    yield average
    yield _by_line(
        "callcenter_target_wait_seconds",
        "The average waiting time that is not to be exceeded.",
        lines,
        lambda x: x.target_wait,
    )


def _queue(lines: list[LineView]) -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "callcenter_waiting_callers", "Callers waiting in the queue.", labels=["line", "urgency"]
    )
    for line in lines:
        for urgency, callers in line.waiting.items():
            waiting.add_metric([line.id, urgency], callers)
    yield waiting
    yield _by_line(
        "callcenter_longest_wait_seconds",
        "Wait so far of the caller who has waited longest; 0: nobody waits.",
        lines,
        lambda x: x.longest_wait,
    )


def _staff(view: View) -> Iterator[Metric]:
    lines = view.lines.values()
    people = GaugeMetricFamily(
        "callcenter_operators",
        "People by group and by what they and their phones do.",
        labels=["group", "presence", "activity"],
    )
    for state, count in sorted(Tally((p.group, p.presence, p.activity) for p in view.operators.values()).items()):
        people.add_metric(state, count)
    yield people
    free = GaugeMetricFamily("callcenter_operators_free", "People who can take a call now.", labels=["group"])
    for group, number in view.free.items():
        free.add_metric([group], number)
    yield free
    yield _by_line(
        "callcenter_operators_on_duty",
        "People of the line's groups on shift and not paused.",
        lines,
        lambda x: x.on_duty,
    )
    yield _by_line(
        "callcenter_operators_required",
        "People who must be on duty during hours.",
        lines,
        lambda x: x.required_staff,
    )
    yield _by_line(
        "callcenter_understaffed",
        "1 when the line is open with fewer people on duty than required.",
        lines,
        lambda x: x.open and x.on_duty < x.required_staff,
    )
