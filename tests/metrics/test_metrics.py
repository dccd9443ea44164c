"""What a supervisor's Prometheus reads, and that it keeps to Prometheus' conventions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from callcenter.core.commands import Answer, Contained, Reply, SaveAnnouncement, SaveCall, SaveOffer, SetAsideCall
from callcenter.core.events import Event, LookUp, RecordingFailed, RecordingFinished, RequestLookedUp
from callcenter.core.ids import CallId, ChannelId, LineId, OfferId, PersonId
from callcenter.core.records import (
    OF_INCOMING_CALLS,
    OF_OUTGOING_CALLS,
    AnnouncementRecord,
    CallRecord,
    Direction,
    OfferRecord,
    Outcome,
    PromiseResult,
)
from callcenter.core.server import ONLY
from callcenter.core.view import LineView, OperatorView, PromisesView, View, WaitingView
from callcenter.metrics import AmiState, Metrics, RecordingState, RegisterState, RequestState
from callcenter.metrics.call_backs import CallBackState
from callcenter.metrics.chats import ChatState
from callcenter.metrics.recent import LIMIT
from callcenter.metrics.requests import ChannelState, FileState
from callcenter.metrics.webhooks import WebhookState
from callcenter.planning.forecast import Forecast, Need
from callcenter.system.certificate import PROBLEMS, Judged

ROOT = Path(__file__).parents[2]
HOSTILE = '+7342"\n} 1\ncallcenter_fake 1 😀'

LINE = LineView(
    id="estp",
    open=True,
    lines_in_use=100,
    capacity=100,
    waiting={"urgent": 2, "normal": 40},
    longest_wait=301.5,
    on_duty=1,
    required_staff=2,
    target_wait=300.0,
    windows={
        "5m": WaitingView(0, 0, 2, None, None, 0.0, 95.0),
        "30m": WaitingView(12, 0, 4, 310.0, None, 0.25, 420.0),
        "day": WaitingView(60, 40, 240, 240.0, 250.0, 0.05, 1250.0),
    },
    handling=205.0,
    patience=None,
    next_wait=None,
    promises=PromisesView(trusted=True, judged=4, coverage=0.75, kept=None, bias=-0.02, rmse=0.5),
)

FORECAST = Forecast(
    target=300.0,
    risk=0.1,
    calls=32.5,
    average=310.0,
    average_registered=331.5,
    exceeding=0.55,
    exceeding_registered=0.62,
    abandonment=0.31,
    offered=640.0,
    needed_now=4,
    needed=(Need("14:00", 12.5, 3), Need("14:30", 20.0, 5)),
)

NOBODY = WaitingView(0, 0, 0, None, None, None, None)

CALL = CallRecord(
    call=CallId(HOSTILE),
    line="estp",
    number=HOSTILE,
    name=HOSTILE,
    arrived_at=100.0,
    urgency="normal",
    joined_at=110.0,
)

OFFER = OfferRecord(offer="offer-1-1", call=CallId(HOSTILE), operator="101", kind="queue", placed_at=50.0)


def announced(call: str = HOSTILE, number: int = 1, **facts: Any) -> AnnouncementRecord:
    """One announcement to a waiting caller: «не более пяти минут», with nine of ten answered in four."""
    record = AnnouncementRecord(
        call=CallId(call), number=number, spoken_at=111.0, ahead=3, staff=2, handling=180.0, patience=None,
        to_serve=3.0, estimate=150.0, p90=240.0, spoken=5, prompts=("position-4", "wait-5"),
    )  # fmt: skip
    return replace(record, **facts)


def person(id: str, presence: str, activity: str) -> OperatorView:
    return OperatorView(PersonId(id), "Имя", "operators", "desk", presence, activity, "", 1.0, None, "")


class Scrape:
    """What one scrape says."""

    def __init__(self, text: bytes) -> None:
        self.families: dict[str, Metric] = {
            family.name: family for family in text_string_to_metric_families(text.decode())
        }
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.samples.get((f"callcenter_{name}", frozenset(labels.items())))

    def ours(self) -> Iterator[tuple[str, Metric]]:
        """Families of our own, under the names that the text shows."""
        for family in self.families.values():
            if family.name.startswith("callcenter_"):
                yield family.name + ("_total" if family.type == "counter" else ""), family


class World:
    """The daemon around the metrics."""

    def __init__(self) -> None:
        people = [person("101", "available", "talking"), person("102", "off", "idle"), person("103", "off", "idle")]
        self.view = View({"estp": LINE}, {p.id: p for p in people}, {"operators": 0}, {ONLY: True})
        self.register = RegisterState()
        self.recordings = RecordingState()
        self.ami = AmiState(True, 0.25, {"token": 2}, {(LineId("estp"), "number"): 3})
        self.forecasts: dict[LineId, tuple[Forecast, float]] = {}
        self.registered = {LineId("estp"): (3, 4)}
        self.requests = RequestState(
            open={("estp", "new"): 3},
            overdue={("estp", "answer"): 1},
            warnings={("estp", "answer", "before"): 2},
            waiting={"email": 4},
            oldest={"email": 61.5},
            letters_late={"estp": 2},
            means={("estp", "registered"): 7200.0},
            mean_aims={("estp", "registered"): 43200.0},
            sent=7,
            failed=1,
            files=FileState(2, 12.5, {"clean": 5, "infected": 1}),
            chats=ChatState(
                {("estp", "open"): 1},
                {("estp", "ended"): 1},
                {"estp": 1},
                {"estp": 1},
                {"estp": 7},
                {"estp": 31.5},
                {"estp": 120.0},
                {"estp": 2},
            ),
            channels=ChannelState(
                outcomes={("estp", "email", "new"): 3}, ages={("estp", "email"): 2.5}, waiting={("estp", "email"): 1}
            ),
            call_backs=CallBackState(
                open={("estp", "due"): 2},
                late={"estp": 1},
                came={("estp", "busy"): 5},
                windows={("estp", "kept"): 9, ("estp", "missed"): 1},
            ),
        )
        self.certificate = Judged("expiring", "The desk's certificate expires soon.", datetime(2026, 12, 7, tzinfo=UTC))
        self.metrics = Metrics(
            lambda: self.view,
            lambda: self.register,
            lambda: self.ami,
            lambda: self.forecasts,
            lambda: self.recordings,
            registered=lambda: self.registered,
            request_state=lambda: self.requests,
            webhook_state=lambda: WebhookState({"crm": 3}, {"crm": 61.0}, {"crm": 8}, {"crm": 1}),
            certificate=lambda: self.certificate,
            version="1.2.3",
        )

    def scrape(self) -> Scrape:
        return Scrape(self.metrics.text())

    def save(self, record: CallRecord | OfferRecord | AnnouncementRecord) -> None:
        match record:
            case CallRecord():
                self.metrics.observe_command(SaveCall(record), 0.0)
            case OfferRecord():
                self.metrics.observe_command(SaveOffer(record), 0.0)
            case AnnouncementRecord():
                self.metrics.observe_command(SaveAnnouncement(record), 0.0)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.clause("ESTP 2.2b")
def test_a_full_understaffed_line_is_seen_as_that(world: World) -> None:
    scrape = world.scrape()
    assert scrape("lines_in_use", line="estp") == scrape("lines_capacity", line="estp") == 100
    assert scrape("waiting_callers", line="estp", urgency="normal") == 40
    assert scrape("longest_wait_seconds", line="estp") == 301.5
    assert scrape("operators_on_duty", line="estp") == 1
    assert scrape("operators_required", line="estp") == 2
    assert scrape("understaffed", line="estp") == 1
    assert scrape("operators", group="operators", presence="off", activity="idle") == 2
    assert scrape("operators_free", group="operators") == 0


@pytest.mark.clause("ESTP 2.2b")
def test_people_at_lost_phones_are_seen_apart(world: World) -> None:
    assert world.scrape()("operators_out_of_reach", line="estp") == 0
    world.view = replace(world.view, lines={"estp": replace(LINE, on_duty=0, out_of_reach=3)})
    assert world.scrape()("operators_out_of_reach", line="estp") == 3
    assert world.scrape()("operators_on_duty", line="estp") == 0


def test_a_closed_line_is_never_understaffed(world: World) -> None:
    world.view = replace(world.view, lines={"estp": replace(LINE, open=False, on_duty=0)})
    assert world.scrape()("understaffed", line="estp") == 0
    assert world.scrape()("line_open", line="estp") == 0


@pytest.mark.clause("ESTP 2.2d")
def test_an_average_of_no_calls_is_absent_and_not_zero(world: World) -> None:
    scrape = world.scrape()
    assert scrape("average_wait_seconds", line="estp", window="5m") is None
    assert scrape("average_wait_seconds", line="estp", window="30m") == 310
    assert scrape("average_wait_seconds", line="estp", window="day") == 240
    assert scrape("target_wait_seconds", line="estp") == 300


@pytest.mark.clause("ESTP 2.2d")
def test_the_average_of_registered_persons_stands_beside_that_of_all(world: World) -> None:
    scrape = world.scrape()
    assert scrape("average_wait_registered_seconds", line="estp", window="day") == 250
    assert scrape("average_wait_registered_seconds", line="estp", window="30m") is None, "none was registered"
    assert scrape("answered_calls", line="estp", window="day") == 60
    assert scrape("answered_registered_calls", line="estp", window="day") == 40


@pytest.mark.clause("ESTP 2.2d")
def test_an_average_that_is_fooled_by_callers_who_hang_up_is_seen_through(world: World) -> None:
    """One agent, 60 calls an hour of five minutes each: "240 seconds on average", and four of five hang up."""
    scrape = world.scrape()
    assert (scrape("average_wait_seconds", line="estp", window="day") or 0) < 300
    assert scrape("abandoned_calls", line="estp", window="day") == 240
    assert scrape("abandonment_ratio", line="estp", window="day") == 0.8
    assert scrape("service_level_ratio", line="estp", window="day") == 0.05
    assert scrape("offered_wait_seconds", line="estp", window="day") == 1250
    world.view = replace(world.view, lines={"estp": replace(LINE, windows={"5m": NOBODY})})
    scrape = world.scrape()
    assert scrape("abandonment_ratio", line="estp", window="5m") is None
    assert scrape("abandoned_calls", line="estp", window="5m") == 0


@pytest.mark.clause("ESTP 5.4.6")
def test_what_the_estimator_assumes_and_how_true_it_was(world: World) -> None:
    scrape = world.scrape()
    assert scrape("handling_seconds", line="estp") == 205
    assert scrape("patience_seconds", line="estp") is None, "nobody gives up"
    assert scrape("next_wait_seconds", line="estp") is None, "nobody can tell"
    assert scrape("promises_trusted", line="estp") == 1
    assert scrape("promises_judged", line="estp") == 4
    assert scrape("promises_coverage_ratio", line="estp") == 0.75
    assert scrape("promises_kept_ratio", line="estp") is None
    assert scrape("promises_bias_ratio", line="estp") == -0.02
    assert scrape("promises_rmse_ratio", line="estp") == 0.5
    silent = replace(LINE, patience=420.0, next_wait=95.0, promises=replace(LINE.promises, trusted=False))
    world.view = replace(world.view, lines={"estp": silent})
    scrape = world.scrape()
    assert scrape("promises_trusted", line="estp") == 0
    assert scrape("patience_seconds", line="estp") == 420
    assert scrape("next_wait_seconds", line="estp") == 95


@pytest.mark.clause("ESTP 5.4.6")
@pytest.mark.parametrize(
    ("result", "waited", "promise", "estimate"),
    [
        (PromiseResult.ANSWERED, 100.0, "kept", "kept"),
        (PromiseResult.ANSWERED, 299.0, "kept", "broken"),
        (PromiseResult.ANSWERED, 301.0, "broken", "broken"),
        (PromiseResult.GAVE_UP, 100.0, "unjudged", "unjudged"),
        (PromiseResult.GAVE_UP, 250.0, "unjudged", "broken"),
        (PromiseResult.GAVE_UP, 301.0, "broken", "broken"),
        (PromiseResult.LOST, 301.0, "unjudged", "unjudged"),
    ],
)
def test_a_promise_is_counted_once_by_what_came_of_it(
    world: World, result: PromiseResult, waited: float, promise: str, estimate: str
) -> None:
    world.save(CALL)
    world.save(announced())
    before = world.scrape()
    assert before("announcements_total", line="estp", said="time") == 1
    assert before("promises_total", line="estp", result=promise) == 0
    for _ in range(2):
        world.save(announced(result=result, waited=waited))
    scrape = world.scrape()
    assert scrape("announcements_total", line="estp", said="time") == 1
    counted = {r: scrape("promises_total", line="estp", result=r) for r in ("kept", "broken", "unjudged")}
    assert counted == {r: float(r == promise) for r in counted}
    counted = {r: scrape("estimates_total", line="estp", result=r) for r in ("kept", "broken", "unjudged")}
    assert counted == {r: float(r == estimate) for r in counted}


@pytest.mark.clause("ESTP 5.4.6")
def test_an_announcement_without_a_time_promises_nothing(world: World) -> None:
    world.save(CALL)
    for record in (announced(spoken=None), announced(number=2, spoken=None, estimate=None, p90=None)):
        world.save(record)
        world.save(replace(record, result=PromiseResult.ANSWERED, waited=99.0))
    scrape = world.scrape()
    assert scrape("announcements_total", line="estp", said="no_time") == 2
    assert scrape("announcements_total", line="estp", said="time") == 0
    assert sum(scrape("promises_total", line="estp", result=r) or 0 for r in ("kept", "broken", "unjudged")) == 0
    assert scrape("estimates_total", line="estp", result="kept") == 1, "judged although nobody heard it"


@pytest.mark.clause("ESTP 2.2d")
def test_a_breach_is_seen_before_it_happens_and_with_what_would_prevent_it(world: World) -> None:
    world.forecasts = {LineId("estp"): (FORECAST, 14.0)}
    scrape = world.scrape()
    assert scrape("forecast_average_wait_registered_seconds", line="estp") == 331.5
    assert scrape("forecast_average_wait_seconds", line="estp") == 310
    assert scrape("forecast_breach_registered_probability", line="estp") == 0.62
    assert scrape("forecast_breach_probability", line="estp") == 0.55
    assert scrape("forecast_risk_probability", line="estp") == 0.1
    assert scrape("forecast_abandonment_ratio", line="estp") == 0.31
    assert scrape("forecast_offered_wait_seconds", line="estp") == 640
    assert scrape("forecast_callers", line="estp") == 32.5
    assert scrape("forecast_age_seconds", line="estp") == 14
    assert scrape("operators_needed", line="estp") == 4
    assert scrape("operators_needed_later", line="estp", start="14:30") == 5
    assert scrape("operators_needed_later", line="estp", start="15:00") is None


def test_what_a_forecast_does_not_know_is_absent(world: World) -> None:
    world.forecasts = {LineId("estp"): (Forecast(300.0, 0.1), 14.0)}
    told = {name for name, _ in world.scrape().samples if re.search(r"forecast|needed", name)}
    assert told == {"callcenter_forecast_risk_probability", "callcenter_forecast_age_seconds"}
    world.forecasts = {}
    assert not [name for name, _ in world.scrape().samples if re.search(r"forecast|needed", name)]


def test_an_announcement_to_a_caller_nobody_knows_is_passed_over(world: World) -> None:
    world.save(announced("unheard of"))
    assert world.scrape()("announcements_total", line="estp", said="time") == 0


def test_a_call_is_counted_once_when_it_is_over_however_often_its_row_is_saved(world: World) -> None:
    answered = replace(CALL, answered_at=400.0, waiting=290.0, outcome=Outcome.ANSWERED)
    ended = replace(answered, ended_at=500.0, talk=95.0)
    for record in (CALL, answered):
        world.save(record)
    assert world.scrape()("calls_total", line="estp", outcome="answered") == 0
    for record in (ended, replace(ended, recording="2026/x.wav"), replace(ended, recording_sha256="0")):
        world.save(record)
    scrape = world.scrape()
    assert scrape("calls_total", line="estp", outcome="answered") == 1
    assert scrape("talk_seconds_sum", line="estp") == 95
    within = {"line": "estp", "urgency": "normal", "outcome": "answered"}
    assert scrape("waiting_seconds_bucket", **within, le="240.0") == 0
    assert scrape("waiting_seconds_bucket", **within, le="300.0") == 1


def test_abandoned_and_refused_callers_are_counted_as_such(world: World) -> None:
    world.save(replace(CALL, ended_at=130.0, waiting=20.0, outcome=Outcome.ABANDONED))
    world.save(replace(CALL, call=CallId("2"), joined_at=None, ended_at=101.0, outcome=Outcome.ALL_LINES_BUSY))
    world.save(replace(CALL, call=CallId("3"), joined_at=None, ended_at=101.0, outcome=Outcome.CLOSED))
    scrape = world.scrape()
    for outcome in ("abandoned", "all_lines_busy", "closed"):
        assert scrape("calls_total", line="estp", outcome=outcome) == 1
    assert scrape("waiting_seconds_count", line="estp", urgency="normal", outcome="abandoned") == 1
    assert scrape("talk_seconds_count", line="estp") == 0


def test_every_outcome_is_there_before_the_first_call_so_that_increases_are_seen(world: World) -> None:
    scrape = world.scrape()
    assert set(Outcome) - {Outcome.IN_PROGRESS} == OF_INCOMING_CALLS | OF_OUTGOING_CALLS
    assert all(scrape("calls_total", line="estp", outcome=outcome.value) == 0 for outcome in OF_INCOMING_CALLS)
    assert all(scrape("outgoing_calls_total", line="estp", outcome=outcome.value) == 0 for outcome in OF_OUTGOING_CALLS)


def test_a_call_by_an_operator_is_in_a_counter_of_its_own(world: World) -> None:
    world.save(replace(CALL, direction=Direction.OUTGOING, answered_at=120.0, ended_at=130.0, outcome=Outcome.ANSWERED))
    world.save(replace(OFFER, kind="outgoing", ringing_at=101.0, answered_at=105.0, ended_at=130.0, result="connected"))
    scrape = world.scrape()
    assert scrape("outgoing_calls_total", line="estp", outcome="answered") == 1
    assert scrape("calls_total", line="estp", outcome="answered") == 0
    assert scrape("talk_seconds_count", line="estp") == 0
    assert not [name for name, labels in scrape.samples if ("kind", "outgoing") in labels]


def test_an_offer_shows_how_fast_the_phone_rang_and_was_answered(world: World) -> None:
    ringing = replace(OFFER, ringing_at=50.003)
    answered = replace(ringing, answered_at=54.003)
    connected = replace(answered, connected_at=54.004, result="connected")
    for record in (OFFER, ringing, answered, connected, replace(connected, ended_at=99.0, talk=45.0)):
        world.save(record)
    world.save(replace(OFFER, offer=OfferId("offer-1-2"), ringing_at=51.0, ended_at=66.0, result="missed"))
    scrape = world.scrape()
    assert scrape("offers_total", kind="queue", result="connected") == 1
    assert scrape("offers_total", kind="queue", result="missed") == 1
    assert scrape("offer_ringing_delay_seconds_bucket", kind="queue", le="0.005") == 1
    assert scrape("offer_ringing_delay_seconds_count", kind="queue") == 2
    assert scrape("offer_answer_delay_seconds_sum", kind="queue") == pytest.approx(4.0)


def test_an_answer_that_is_taken_back_is_counted_by_its_last_word(world: World) -> None:
    connected = replace(OFFER, ringing_at=51.0, answered_at=52.0, connected_at=52.0, result="connected")
    for record in (connected, replace(connected, ended_at=52.5, result="false_answer")):
        world.save(record)
    scrape = world.scrape()
    assert scrape("offers_total", kind="queue", result="connected") is None
    assert scrape("offers_total", kind="queue", result="false_answer") == 1


def test_a_phone_that_never_said_it_rings_is_measured_from_the_offer(world: World) -> None:
    world.save(replace(OFFER, answered_at=52.0))
    scrape = world.scrape()
    assert scrape("offer_ringing_delay_seconds_count", kind="queue") == 0
    assert scrape("offer_answer_delay_seconds_sum", kind="queue") == 2


@pytest.mark.clause("ESTP 2.6")
def test_recordings_are_counted_by_result(world: World) -> None:
    world.metrics.observe_event(RecordingFinished(CallId(HOSTILE), HOSTILE, 61.5, "0"), 1.0)
    world.metrics.observe_event(RecordingFailed(CallId(HOSTILE), HOSTILE), 1.0)
    scrape = world.scrape()
    assert scrape("recordings_total", result="ok") == 1
    assert scrape("recordings_total", result="failed") == 1
    assert scrape("recorded_seconds_total") == 61.5


def test_the_daemons_own_parts(world: World) -> None:
    assert world.scrape()("ami_last_event_age_seconds") == 0.25
    assert world.scrape()("ami_refused_total", reason="token") == 2
    assert world.scrape()("calls_refused_total", line="estp", reason="number") == 3
    world.ami, world.register = AmiState(), RegisterState(17, 3, 61.5, 2, 18, 9000, 5, spool_works=False)
    scrape = world.scrape()
    assert scrape("ami_up") == 0
    assert scrape("ami_last_event_age_seconds") is None
    assert scrape("register_pending_rows") == 17
    assert scrape("register_oldest_pending_seconds") == 61.5
    assert scrape("register_write_failures_total") == 3
    assert scrape("register_set_aside_total") == 2
    assert (scrape("spool_facts"), scrape("spool_bytes"), scrape("spool_failures_total")) == (18, 9000, 5)
    assert scrape("spool_up") == 0
    assert scrape("build_info", version="1.2.3") == 1


def test_memory_does_not_grow_with_the_number_of_calls(world: World) -> None:
    for number in range(12_000):
        world.save(replace(CALL, call=CallId(str(number)), ended_at=130.0, outcome=Outcome.CLOSED))
        world.save(announced(str(number)))
    assert len(world.metrics._counts.calls._seen) <= LIMIT
    assert len(world.metrics._ledger._line_of) <= LIMIT
    assert len(world.metrics._ledger._spoken) <= LIMIT
    assert world.scrape()("calls_total", line="estp", outcome="closed") == 12_000


# -- conventions -----------------------------------------------------------------------------------------------


def busy(world: World) -> Scrape:
    """A scrape with every metric in it."""
    world.forecasts = {LineId("estp"): (FORECAST, 14.0)}
    guessing = replace(LINE.promises, kept=0.9)
    world.view = replace(world.view, lines={"estp": replace(LINE, patience=420.0, next_wait=95.0, promises=guessing)})
    world.save(replace(CALL, answered_at=120.0, waiting=10.0, talk=5.0, ended_at=130.0, outcome=Outcome.ANSWERED))
    world.save(replace(OFFER, ringing_at=51.0, answered_at=52.0, ended_at=60.0, result="connected"))
    world.save(announced(result=PromiseResult.ANSWERED, waited=10.0))
    world.metrics.observe_event(RecordingFinished(CallId(HOSTILE), HOSTILE, 61.5, "0"), 1.0)
    world.metrics.observe_request("GET", "/api/me", 200)
    world.metrics.observe_request(HOSTILE, "unmatched", 404)
    world.metrics.observe_command(Contained(CallId(HOSTILE), "an offer", ValueError(HOSTILE)), 1.0)
    world.metrics.observe_command(SetAsideCall(CallId(HOSTILE), HOSTILE), 1.0)
    world.metrics.observe_task("journal")
    world.metrics.observe_form("estp", "taken")
    return world.scrape()


LABELS = {
    "problem": set(PROBLEMS),
    "answer": {"wrong_secret", "try_later"},
    "reason": {"token", "number"},
    "line": {"estp"},
    "urgency": {"urgent", "normal"},
    "outcome": {*(outcome.value for outcome in Outcome), "new", "taken", "ended"},
    "group": {"operators"},
    "presence": {"available", "paused", "off"},
    "activity": {"idle", "talking"},
    "window": {"5m", "30m", "day"},
    "kind": {"queue", "transfer", "consult", "take_back"},
    "result": {"ok", "failed", "connected", "kept", "broken", "unjudged", "busy", "missed", *LookUp},
    "said": {"time", "no_time"},
    "during": {"an offer", *(event.__name__ for event in get_args(Event))},
    "task": {"journal"},
    "start": {"14:00", "14:30"},
    "method": {"GET", "other"},
    "route": {"/api/me", "unmatched"},
    "code": {"200", "404"},
    "version": {"1.2.3"},
    "state": {"new", "due", "open"},
    "webhook": {"crm"},
    "target": {"answer"},
    "when": {"before"},
    "way": {"email"},
    "channel": {"email"},
    "verdict": {"clean", "infected"},
    "who": {"registered"},
}


def test_labels_are_words_of_ours_and_nothing_of_a_caller(world: World) -> None:
    scrape = busy(world)
    used = {pair for _, family in scrape.ours() for sample in family.samples for pair in sample.labels.items()}
    used = {(label, value) for label, value in used if label != "le"}
    assert {label for label, _ in used} == set(LABELS)
    assert not [(label, value) for label, value in used if value not in LABELS[label]]
    assert b"7342" not in world.metrics.text()


def test_names_units_and_help_texts_follow_the_conventions(world: World) -> None:
    for name, family in busy(world).ours():
        assert re.fullmatch(r"callcenter_[a-z]+(_[a-z]+)*", name), name
        assert re.fullmatch(r"[A-Z1].*\.", family.documentation), name
        assert not re.search(r"_(ms|millis\w*|minutes|hours|count|sum|bucket|gauge|counter|histogram)(_|$)", name)
        assert name.endswith("_total") == (family.type == "counter"), name
        assert family.type in ("counter", "gauge", "histogram")
        if family.type == "histogram" or re.search(r"wait_|_age|_delay|talk", name):
            assert name.removesuffix("_total").endswith("_seconds"), name


@pytest.mark.clause("ESTP 5.3.1")
def test_wrong_secrets_are_counted_apart_from_attempts_that_come_too_soon(world: World) -> None:
    for answer in (Answer.WRONG_SECRET, Answer.WRONG_SECRET, Answer.TRY_LATER, Answer.LOGGED_IN):
        world.metrics.observe_command(Reply("web:1", answer), 0.0)
    text = world.metrics.text().decode()
    assert 'callcenter_wrong_secrets_total{answer="wrong_secret"} 2.0' in text
    assert 'callcenter_wrong_secrets_total{answer="try_later"} 1.0' in text


def test_nothing_is_counted_as_recorded_where_nobody_talked(world: World) -> None:
    world.metrics.observe_event(RecordingFinished("c1", "", 0.0, ""), 0.0)
    assert 'callcenter_recordings_total{result="ok"} 0.0' in world.metrics.text().decode()


@pytest.mark.clause("ESTP 2.6")
def test_it_is_seen_when_nothing_is_recorded_and_when_recordings_are_found_wanting(world: World) -> None:
    assert world.scrape()("recording_possible") == 1
    world.view = replace(world.view, not_recording="3 MB are free")
    world.recordings = RecordingState(checked=40, problems=2, unfinished=5)
    scrape = world.scrape()
    assert scrape("recording_possible") == 0
    assert (scrape("recordings_checked_total"), scrape("recordings_problems_total")) == (40, 2)
    assert scrape("recordings_unfinished") == 5


@pytest.mark.clause("ESTP 5.6.2")
def test_the_share_of_registered_conversations_is_seen(world: World) -> None:
    scrape = world.scrape()
    assert scrape("registered_ratio", line="estp") == 0.75
    assert scrape("unregistered_conversations", line="estp") == 1
    world.registered = {}
    assert world.scrape()("registered_ratio", line="estp") is None, "not known, or nobody called"


@pytest.mark.clause("ESTP 5.5.3")
def test_requests_that_are_late_and_mail_that_waits_are_seen(world: World) -> None:
    scrape = world.scrape()
    assert scrape("requests_open", line="estp", state="new") == 3
    assert scrape("requests_overdue", line="estp", target="answer") == 1
    assert scrape("request_warnings_total", line="estp", target="answer", when="before") == 2
    assert scrape("outbox_messages", way="email") == 4
    assert scrape("outbox_oldest_seconds", way="email") == 61.5
    assert scrape("letters_late", line="estp") == 2
    assert scrape("request_mean_answer_seconds", line="estp", who="registered") == 7200
    assert scrape("request_mean_answer_aim_seconds", line="estp", who="registered") == 43200
    assert (scrape("outbox_sent_total"), scrape("outbox_failed_total")) == (7, 1)


def test_looked_up_requests_are_counted_by_what_came_of_it(world: World) -> None:
    world.metrics.observe_event(RequestLookedUp(CallId(ChannelId("c1")), 1, LookUp.UNKNOWN), 0.0)
    assert world.scrape()("request_lookups_total", result="unknown") == 1
    assert world.scrape()("request_lookups_total", result="found") == 0


@pytest.mark.clause("ESTP 5.6.3")
def test_refusals_because_of_conduct_are_counted_from_zero(world: World) -> None:
    assert world.scrape()("conduct_refusals_total", line="estp") == 0
    world.metrics.observe_conduct("estp")
    assert world.scrape()("conduct_refusals_total", line="estp") == 1


def test_histograms_have_the_promised_five_minutes_as_a_bound(world: World) -> None:
    bounds = {
        float(sample.labels["le"])
        for sample in busy(world).families["callcenter_waiting_seconds"].samples
        if sample.name.endswith("_bucket")
    }
    assert {240.0, 300.0, 360.0} <= bounds


def test_the_process_is_measured_once(world: World) -> None:
    text = world.metrics.text().decode()
    assert text.count("# TYPE process_cpu_seconds_total ") == 1
    assert "_created" not in text


def test_the_documentation_lists_exactly_the_metrics_that_there_are(world: World) -> None:
    table = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(callcenter_\w+)`", table, flags=re.MULTILINE)
    assert sorted(documented) == sorted(name for name, _ in busy(world).ours())


def test_alerts_use_only_metrics_that_there_are(world: World) -> None:
    rules = yaml.safe_load((ROOT / "monitoring/rules.yml").read_text(encoding="utf-8"))
    expressions = {rule["alert"]: rule["expr"] for group in rules["groups"] for rule in group["rules"]}
    assert {
        "AverageWaitAboveTarget",
        "Understaffed",
        "AmiDown",
        "RecordingsFailing",
        "RegisterBehind",
        "LinesFull",
    } <= set(expressions)
    existing = {name for name, _ in busy(world).samples}
    for alert, expression in expressions.items():
        used = set(re.findall(r"callcenter_\w+", expression.replace('job="callcenter"', "")))
        assert used <= existing, alert
