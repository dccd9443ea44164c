"""The scrape: all counters and all gauges, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import prometheus_client
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from callcenter.core.commands import Command, SaveAnnouncement, SaveCall
from callcenter.core.events import Event
from callcenter.core.ids import LineId
from callcenter.core.view import View
from callcenter.metrics import forecast, gauges, requests, webhooks
from callcenter.metrics.counts import Counts
from callcenter.metrics.ledger import LedgerCounts
from callcenter.system.certificate import PROBLEMS, Judged


class RegisterState(NamedTuple):
    """How far the register lags behind, and where the facts are kept that it does not have yet."""

    pending: int = 0
    """Rows not yet written."""
    failures: int = 0
    """Failed writes since the start."""
    oldest: float = 0.0
    """Seconds that the oldest unwritten row has waited."""
    set_aside: int = 0
    """Facts since the start that cannot be written at all."""
    spooled: int = 0
    """Facts in the spool. The next field: their size in bytes."""
    spooled_bytes: int = 0
    spool_failures: int = 0
    """Facts since the start that could not be written to the spool."""
    spool_works: bool = True


class RecordingState(NamedTuple):
    """The state of recordings after they were made (ESTP 2.6)."""

    checked: int = 0
    """Recordings compared with their conversation since the start. The next field: how many of them have a problem."""
    problems: int = 0
    unfinished: int = 0
    """Calls whose recording is still being made, or waits for room on the disk."""


class AmiState(NamedTuple):
    """The connection to the Asterisk Manager Interface (AMI)."""

    connected: bool = False
    """Connected and logged in."""
    last_event_age: float | None = None
    """Seconds since the last event; None if there was none yet."""
    refused: Mapping[str, int] = {}
    """Events since the start that Asterisk did not send itself, by the sign that showed it."""
    turned_away: Mapping[tuple[LineId, str], int] = {}
    """Calls since the start that the dialplan refused without an answer, by line and reason."""


class Metrics:
    """The metrics of one daemon, in their own registry."""

    def __init__(
        self,
        view: Callable[[], View],
        register_state: Callable[[], RegisterState],
        ami_state: Callable[[], AmiState],
        forecasts: Callable[[], forecast.Forecasts] = dict,
        recordings: Callable[[], RecordingState] = RecordingState,
        connections_ended: Callable[[], Mapping[str, int]] = dict,
        registered: Callable[[], Mapping[LineId, tuple[int, int]]] = dict,
        request_state: Callable[[], requests.RequestState] = requests.RequestState,
        webhook_state: Callable[[], webhooks.WebhookState] = webhooks.WebhookState,
        certificate: Callable[[], Judged | None] = lambda: None,
        *,
        version: str = "unknown",
    ) -> None:
        # Otherwise each counter also gets a series with its creation time, which nobody here uses.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._view = view
        self._counts = Counts(self._registry)
        self._ledger = LedgerCounts(self._registry)
        self._registry.register(
            _Seen(
                view,
                register_state,
                ami_state,
                forecasts,
                recordings,
                connections_ended,
                registered,
                request_state,
                webhook_state,
                version,
            )
        )
        self._registry.register(_Certificate(certificate))
        ProcessCollector(registry=self._registry)

    def observe_event(self, event: Event, now: float) -> None:
        """Count what an event reports. `now` is when it was handled, in seconds of the core's clock."""
        self._counts.observe_event(event)

    def observe_command(self, command: Command, now: float) -> None:
        """Count what a command says. Rows that are saved again are counted only once."""
        self._counts.observe_command(command)
        if isinstance(command, SaveCall):
            self._ledger.observe_call(command.record)
        elif isinstance(command, SaveAnnouncement):
            self._ledger.observe(command.record)

    def observe_defect(self, during: str) -> None:
        """Count a defect; `during` says what failed."""
        self._counts.observe_defect(during)

    def observe_loop_delay(self, seconds: float) -> None:
        """Count by how much something came too late in the event loop."""
        self._counts.observe_loop_delay(seconds)

    def observe_task(self, name: str) -> None:
        """Count a task that ended although it should not have."""
        self._counts.observe_task(name)

    def observe_request(self, method: str, route: str, code: int) -> None:
        """Count one HTTP request. `route` is the pattern that it matched, or 'unmatched'."""
        self._counts.observe_request(method, route, code)

    def observe_form(self, line: str, outcome: str) -> None:
        """Count a form that was sent on the public pages, by what became of it."""
        self._counts.observe_form(line, outcome)

    def observe_conduct(self, line: str) -> None:
        """Count a call of the line that an operator refused because of the caller's conduct."""
        self._counts.observe_conduct(line)

    def text(self) -> bytes:
        """Return the scrape, in Prometheus' text format 0.0.4."""
        for line in self._view().lines:
            self._counts.begin(line)
            self._ledger.begin(line)
        return prometheus_client.generate_latest(self._registry)


class _Seen(Collector):
    """Gauges of the present moment, computed anew for every scrape."""

    def __init__(
        self,
        view: Callable[[], View],
        register_state: Callable[[], RegisterState],
        ami_state: Callable[[], AmiState],
        forecasts: Callable[[], forecast.Forecasts],
        recordings: Callable[[], RecordingState],
        connections_ended: Callable[[], Mapping[str, int]],
        registered: Callable[[], Mapping[LineId, tuple[int, int]]],
        request_state: Callable[[], requests.RequestState],
        webhook_state: Callable[[], webhooks.WebhookState],
        version: str,
    ) -> None:
        self._version = version
        self._view = view
        self._register_state = register_state
        self._ami_state = ami_state
        self._forecasts = forecasts
        self._recordings = recordings
        self._connections_ended = connections_ended
        self._registered = registered
        self._request_state = request_state
        self._webhook_state = webhook_state

    def describe(self) -> Iterable[Metric]:
        """Declare nothing: the view need not exist yet when this is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Return all metric families, read from the present state."""
        yield from gauges.families(self._view())
        yield from forecast.families(self._forecasts())
        yield from self._parts()

    def _parts(self) -> Iterator[Metric]:
        yield from _ami(self._ami_state())
        yield from _register(self._register_state())
        yield from _recordings(RecordingState(*self._recordings()), self._view().not_recording)
        yield from _notes(self._registered())
        yield from requests.families(self._request_state())
        yield from webhooks.families(self._webhook_state())
        ended = CounterMetricFamily(
            "callcenter_http_connections_ended",
            "Connections to the page that were refused or ended, by reason.",
            labels=["reason"],
        )
        for reason, count in self._connections_ended().items():
            ended.add_metric([reason], count)
        yield ended
        build = GaugeMetricFamily("callcenter_build_info", "The running version; always 1.", labels=["version"])
        build.add_metric([self._version], 1)
        yield build


class _Certificate(Collector):
    """The desk's certificate; nothing without one."""

    def __init__(self, judged: Callable[[], Judged | None]) -> None:
        self._judged = judged

    def describe(self) -> Iterable[Metric]:
        """Declare nothing: the certificate need not have been looked at yet when this is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Return when it ends, and what is wrong with it."""
        judged = self._judged()
        if judged is None:
            return
        problem = GaugeMetricFamily(
            "callcenter_certificate_problem",
            "1 for what is wrong with the desk's certificate; 0 for everything else.",
            labels=["problem"],
        )
        for word in PROBLEMS:
            problem.add_metric([word], word == judged.problem)
        yield problem
        ends = GaugeMetricFamily(
            "callcenter_certificate_ends_timestamp_seconds", "When the desk's certificate expires (Unix time)."
        )
        if judged.ends:
            ends.add_metric([], judged.ends.timestamp())
        yield ends


def _ami(state: AmiState) -> Iterator[Metric]:
    up = "1 while logged in to Asterisk's manager interface."
    yield GaugeMetricFamily("callcenter_ami_up", up, value=state.connected)
    last = GaugeMetricFamily("callcenter_ami_last_event_age_seconds", "Time since Asterisk last reported anything.")
    if state.last_event_age is not None:
        last.add_metric([], state.last_event_age)
    yield last
    refused = CounterMetricFamily(
        "callcenter_ami_refused",
        "Events that are not Asterisk's own word, by what showed it: somebody writes into the messages of calls.",
        labels=["reason"],
    )
    for reason, count in state.refused.items():
        refused.add_metric([reason], count)
    yield refused
    turned_away = CounterMetricFamily(
        "callcenter_calls_refused",
        "Calls refused without an answer, because there were too many: of one trunk, one number, or to the line.",
        labels=["line", "reason"],
    )
    for (line, reason), count in state.turned_away.items():
        turned_away.add_metric([line, reason], count)
    yield turned_away


def _register(state: RegisterState) -> Iterator[Metric]:
    for name, help_text, value in (
        ("register_pending_rows", "Facts not yet written to the call register.", state.pending),
        ("register_oldest_pending_seconds", "Wait of the longest waiting of them; 0: none waits.", state.oldest),
        ("spool_up", "1 while facts are kept on the disk until they are in the register.", state.spool_works),
        ("spool_facts", "Facts kept so.", state.spooled),
        ("spool_bytes", "Disk space that they take.", state.spooled_bytes),
    ):
        yield GaugeMetricFamily(f"callcenter_{name}", help_text, value=value)
    for name, help_text, value in (
        ("register_write_failures", "Failed attempts to write to the call register.", state.failures),
        ("register_set_aside", "Facts that can't be written to the call register, nor ever will.", state.set_aside),
        (
            "spool_failures",
            "Facts that could not be kept on the disk, and waited in memory alone.",
            state.spool_failures,
        ),
    ):
        yield CounterMetricFamily(f"callcenter_{name}", help_text, value=value)


def _notes(registered: Mapping[LineId, tuple[int, int]]) -> Iterator[Metric]:
    share = GaugeMetricFamily(
        "callcenter_registered_ratio",
        "Share of today's conversations that are over of which the operator has registered the question.",
        labels=["line"],
    )
    open_ones = GaugeMetricFamily(
        "callcenter_unregistered_conversations", "Conversations of today that nobody has registered.", labels=["line"]
    )
    for line, (done, all_of_them) in registered.items():
        share.add_metric([line], done / all_of_them)
        open_ones.add_metric([line], all_of_them - done)
    yield share
    yield open_ones


def _recordings(state: RecordingState, not_recording: str) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "callcenter_recording_possible",
        "1 while conversations are recorded; 0: the disk has no room.",
        value=not not_recording,
    )
    yield GaugeMetricFamily(
        "callcenter_recordings_unfinished",
        "Calls whose recording is being made, or waits for the disk to take it.",
        value=state.unfinished,
    )
    for name, help_text, value in (
        ("checked", "Recordings compared with their conversation.", state.checked),
        ("problems", "Recordings that are missing, incomplete or changed, of those compared.", state.problems),
    ):
        yield CounterMetricFamily(f"callcenter_recordings_{name}", help_text, value=value)
