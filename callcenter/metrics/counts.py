"""Counters and histograms of what happens: calls, offers, recordings, HTTP requests, defects."""

from __future__ import annotations

from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram

from callcenter.core.commands import Answer, Command, Contained, OfferKind, Reply, SaveCall, SaveOffer, SetAsideCall
from callcenter.core.events import Event, LookUp, RecordingFailed, RecordingFinished, RequestLookedUp
from callcenter.core.ids import LineId
from callcenter.core.records import OF_INCOMING_CALLS, OF_OUTGOING_CALLS, CallRecord, Direction, OfferRecord
from callcenter.metrics.recent import SeenOnce

WAITING_BUCKETS = (5, 10, 20, 30, 60, 90, 120, 180, 240, 300, 360, 420, 600, 900, 1800)
"""Seconds; the buckets are narrow around the promised 300 s (ESTP 2.2d)."""
TALK_BUCKETS = (10, 30, 60, 120, 180, 240, 300, 420, 600, 900, 1800, 3600)
RINGING_DELAY_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
"""Seconds. Expect a few milliseconds on one machine, tenths of a second with phones over a network."""
LOOP_DELAY_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
ANSWER_DELAY_BUCKETS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 60)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class CallCounts:
    """Counts each call once, when it has ended."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seen = SeenOnce()
        self._calls = Counter(
            "callcenter_calls_total",
            "Calls that have ended, by what became of them.",
            ["line", "outcome"],
            registry=registry,
        )
        self._outgoing = Counter(
            "callcenter_outgoing_calls_total",
            "Calls by operators that have ended, by what they came to.",
            ["line", "outcome"],
            registry=registry,
        )
        self._waiting = Histogram(
            "callcenter_waiting_seconds",
            "Time from the arrival (waiting_from) to the first answer, or to giving up.",
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

    def begin(self, line: LineId) -> None:
        """Create every outcome with 0. Prometheus' increase() does not see a counter that first appears with 1."""
        for outcome in OF_INCOMING_CALLS:
            self._calls.labels(line, outcome.value)
        for outcome in OF_OUTGOING_CALLS:
            self._outgoing.labels(line, outcome.value)
        self._talk.labels(line)

    def observe(self, record: CallRecord) -> None:
        """Count a call when the caller has hung up.

        Not earlier: an answer can still be taken back, if the phone that answered hung up at once.
        """
        if record.ended_at is None or not self._seen.first_time(record.call):
            return
        if record.direction is Direction.OUTGOING:
            self._outgoing.labels(record.line, record.outcome.value).inc()
            return
        self._calls.labels(record.line, record.outcome.value).inc()
        if record.waiting is not None:
            self._waiting.labels(record.line, record.urgency, record.outcome.value).observe(record.waiting)
        if record.answered_at is not None:
            self._talk.labels(record.line).observe(record.talk)


class OfferCounts:
    """Counts offers to operators' phones, each fact of an offer once."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ended = SeenOnce()
        self._ringing = SeenOnce()
        self._answered = SeenOnce()
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
        for kind in frozenset(OfferKind) - {OfferKind.OUTGOING}:
            self._ringing_delay.labels(kind.value)
            self._answer_delay.labels(kind.value)

    def observe(self, record: OfferRecord) -> None:
        """Count what is new in an offer's row; the row may be saved several times. Outgoing calls offer nobody."""
        if record.kind == OfferKind.OUTGOING:
            return
        offer, ringing, answered = record.offer, record.ringing_at, record.answered_at
        if ringing is not None and self._ringing.first_time(offer):
            self._ringing_delay.labels(record.kind).observe(ringing - record.placed_at)
        if answered is not None and self._answered.first_time(offer):
            # Some phones answer without having reported that they ring.
            rung_from = record.placed_at if ringing is None else ringing
            self._answer_delay.labels(record.kind).observe(answered - rung_from)
        if record.ended_at is not None and self._ended.first_time(offer):
            self._offers.labels(record.kind, record.result).inc()


class Counts:
    """Everything that is counted of calls and of the services around them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.calls = CallCounts(registry)
        self._offers = OfferCounts(registry)
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
        self._defects = Counter(
            "callcenter_defects_total",
            "Defects of the controller that were contained, by what failed: an event, or a part of one.",
            ["during"],
            registry=registry,
        )
        self._set_aside = Counter(
            "callcenter_calls_set_aside_total",
            "Calls that were given to Asterisk's own queue since the controller could not handle them.",
            registry=registry,
        )
        self._tasks = Counter(
            "callcenter_tasks_failed_total",
            "Tasks of the controller that ended when they should not have.",
            ["task"],
            registry=registry,
        )
        self._loop_delay = Histogram(
            "callcenter_loop_delay_seconds",
            "How long the controller's event loop kept waiting what was due; looked at four times a second.",
            buckets=LOOP_DELAY_BUCKETS,
            registry=registry,
        )
        self._forms = Counter(
            "callcenter_public_forms_total",
            "Forms that were sent on the public pages, by what became of them.",
            ["line", "outcome"],
            registry=registry,
        )
        self._conduct = Counter(
            "callcenter_conduct_refusals_total",
            "Calls that an operator refused because of the caller's conduct.",
            ["line"],
            registry=registry,
        )
        self._lookups = Counter(
            "callcenter_request_lookups_total",
            "Numbers of requests that callers have keyed in, by what came of it.",
            ["result"],
            registry=registry,
        )
        for found in LookUp:
            self._lookups.labels(found.value)
        for event in get_args(Event):
            self._defects.labels(event.__name__)
        for answer in (Answer.WRONG_SECRET, Answer.TRY_LATER):
            self._wrong_secrets.labels(answer.value)
        for result in ("ok", "failed"):
            self._recordings.labels(result)

    def begin(self, line: LineId) -> None:
        """Create what is counted of each line, with 0."""
        self.calls.begin(line)
        self._conduct.labels(line)

    def observe_form(self, line: str, outcome: str) -> None:
        """Count a form that was sent on the public pages, by what became of it."""
        self._forms.labels(line, outcome).inc()

    def observe_conduct(self, line: str) -> None:
        """Count a refusal because of conduct (ESTP 5.6.3, eLot 2.11)."""
        self._conduct.labels(line).inc()

    def observe_event(self, event: Event) -> None:
        """Count what an event reports."""
        if isinstance(event, RecordingFinished) and event.path:
            self._recordings.labels("ok").inc()
            self._recorded.inc(max(0.0, event.seconds))
        elif isinstance(event, RecordingFailed):
            self._recordings.labels("failed").inc()
        elif isinstance(event, RequestLookedUp):
            self._lookups.labels(event.result.value).inc()

    def observe_command(self, command: Command) -> None:
        """Count what a command says. Rows that are saved again are counted only once."""
        if isinstance(command, SaveCall):
            self.calls.observe(command.record)
        elif isinstance(command, SaveOffer):
            self._offers.observe(command.record)
        elif isinstance(command, Contained):
            self.observe_defect(command.during)
        elif isinstance(command, SetAsideCall):
            self._set_aside.inc()
        elif isinstance(command, Reply) and command.answer in (Answer.WRONG_SECRET, Answer.TRY_LATER):
            self._wrong_secrets.labels(command.answer.value).inc()

    def observe_defect(self, during: str) -> None:
        """Count one defect. `during` is a word of our own code (an event's name), never a call's id."""
        self._defects.labels(during).inc()

    def observe_loop_delay(self, seconds: float) -> None:
        """Count by how much something came too late."""
        self._loop_delay.observe(seconds)

    def observe_task(self, name: str) -> None:
        """Count a task that has failed."""
        self._tasks.labels(name).inc()

    def observe_request(self, method: str, route: str, code: int) -> None:
        """Count one HTTP request. `route` is the pattern that it matched, or 'unmatched'."""
        self._http.labels(method if method in METHODS else "other", route, str(code)).inc()
