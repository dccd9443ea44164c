"""The judge of the morning: sipp's logs are read right, and promises are set against what the phones saw."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from callcenter.simulation.traffic import Demand
from tests.bench import sip_log, verdict, virtual_morning
from tests.bench.sip_log import Caller, Taken
from tests.bench.verdict import BrokenMeasurementError, Promise

ANNA, BORIS = "+73422000001", "+73422000002"


def logged(*parts: tuple[str, str, str, str]) -> str:
    """(time, direction, first line, CSeq) as sipp writes them, all of one call of Anna's."""
    return "".join(
        f"----------------------------------------------- 2026-11-21 {at}\nUDP message {way} (99 bytes):\n\n"
        f"{first}\nFrom: <sip:{ANNA}@127.0.0.1>;tag=1\nTo: <sip:101@127.0.0.1>\nCall-ID: 1-1@127.0.0.1\n"
        f"CSeq: {cseq}\nContent-Length: 0\n\nv=0\nc=IN IP4 127.0.0.1\n\n"
        for at, way, first, cseq in parts
    )


INVITED = ("09:00:00.000000", "received", "INVITE sip:101@127.0.0.1 SIP/2.0", "1 INVITE")
ANSWERED = ("09:00:01.250000", "sent", "SIP/2.0 200 OK", "1 INVITE")
RESENT = ("09:00:01.750000", "sent", "SIP/2.0 200 OK", "1 INVITE")
ACKNOWLEDGED = ("09:00:01.800000", "received", "ACK sip:101@127.0.0.1 SIP/2.0", "1 ACK")
ENDED = ("09:00:05.000000", "received", "BYE sip:101@127.0.0.1 SIP/2.0", "2 BYE")
CANCELLED = ("09:00:01.260000", "received", "CANCEL sip:101@127.0.0.1 SIP/2.0", "1 CANCEL")


def test_an_answer_counts_from_when_it_was_first_sent(tmp_path: Path) -> None:
    log = tmp_path / "messages.log"
    log.write_text(logged(INVITED, ANSWERED, RESENT, ACKNOWLEDGED, ENDED))
    (call,) = sip_log.taken(sip_log.messages(log))
    assert call.number == ANNA
    assert (call.answered_at - call.rung_at, call.ended_at - call.rung_at) == pytest.approx((1.25, 5.0), abs=1e-5)


def test_a_phone_that_picked_up_too_late_took_nothing(tmp_path: Path) -> None:
    log = tmp_path / "messages.log"
    log.write_text(logged(INVITED, CANCELLED, ANSWERED))
    assert sip_log.taken(sip_log.messages(log)) == []


def row(caller: str, **changes: Any) -> dict[str, Any]:
    """An announcement of the register at 1000 s, of 2 minutes at most."""
    return {
        "caller": caller,
        "number": 1,
        "spoken_at": "1970-01-01 00:16:40.000000",
        "ahead": 3,
        "staff": 8,
        "estimate": 60.0,
        "p90": 100.0,
        "prompts": '["position-4", "wait-2"]',
        "result": "answered",
        "waited": 50.0,
    } | changes


def judged(*rows: dict[str, Any], answered_after: float | None, gone_after: float = 500.0) -> list[Promise]:
    taken = [] if answered_after is None else [Taken(ANNA, 990.0, 1000.0 + answered_after, 2000.0)]
    return verdict.promises(rows, verdict.fates([Caller(ANNA, 990.0, 1000.0 + gone_after)], taken))


def test_the_phones_decide_whether_a_promise_was_kept_whatever_the_ledger_says() -> None:
    promises = judged(row(ANNA, waited=50.0), answered_after=110.0)
    found = verdict.quality(promises)
    assert (found.coverage, found.kept) == (0.0, 1.0), "later than P90, but within the two minutes"
    assert found.bias == pytest.approx(60 / 110 - 1)
    assert found.rmse == pytest.approx(50 / 110)


def test_who_gives_up_before_the_promised_time_proves_nothing_and_later_proves_it_broken() -> None:
    (soon,) = judged(row(ANNA, result="gave_up"), answered_after=None, gone_after=90.0)
    (late,) = judged(row(ANNA, result="gave_up"), answered_after=None, gone_after=101.0)
    assert (soon.within(soon.p90), late.within(late.p90)) == (None, False)


def test_an_operator_who_picks_up_after_the_caller_has_gone_answered_nobody() -> None:
    (promise,) = judged(row(ANNA, result="gave_up"), answered_after=90.1, gone_after=90.0)
    assert (promise.answered, promise.waited) == (False, 90.0)


def test_a_longer_time_counts_as_such_unless_the_reason_was_told() -> None:
    later = [
        row(ANNA, number=2, prompts='["place-4"]'),
        row(ANNA, number=3, prompts='["position-4", "wait-3"]'),
        row(ANNA, number=4, prompts='["fewer-operators", "position-4", "wait-over-30"]'),
    ]
    promises = judged(row(ANNA), *later, answered_after=90.0)
    assert [one.spoken for one in promises] == [2, None, 3, math.inf]
    assert verdict.rises(promises) == (1, 1)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (row(BORIS), "no phone of ours"),
        (row(ANNA, result="open"), "its result is 'open'"),
        (row(ANNA, spoken_at="1970-01-01 03:16:40.000000"), "clocks differ"),
    ],
)
def test_a_measurement_that_says_nothing_is_refused(broken: dict[str, Any], why: str) -> None:
    with pytest.raises(BrokenMeasurementError, match=why):
        judged(broken, answered_after=90.0)


def test_callers_who_come_again_in_virtual_time_wait_as_long_as_their_operators_talk() -> None:
    nine = [Demand(float(at), 22.0, math.inf, "normal") for at in range(9)]
    promises = virtual_morning.once(nine, ring=1.0)
    first_free = 0.0 + 1.0 + 22.0
    assert {one.caller for one in promises} == {"call-8"}, "the others found an operator free"
    assert [one.number for one in promises] == [1, 2]
    assert promises[0].waited == pytest.approx(first_free + 1.0 - 8.0)
