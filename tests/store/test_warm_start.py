"""Stories of a controller that starts again: the register tells it where everybody stood."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from callcenter.core.commands import Save, SaveCall, SaveLineOrder, SaveOffer, SavePresence, SaveTransfer
from callcenter.core.ids import CallId, LineId, PersonId
from callcenter.core.records import (
    CUT_OFF,
    LOST_CAUSE,
    HungUpBy,
    Identification,
    LineOrderRecord,
    OfferRecord,
    Outcome,
    PresenceRecord,
    PromiseResult,
    TransferRecord,
)
from callcenter.core.warm_start import FloorWarmStart
from callcenter.store import Register, Store
from tests.store.stories import MORNING, announcement, arrival, fill, presence, wall

LATELY = timedelta(seconds=120)
FAILED: dict[str, Any] = {"cause": LOST_CAUSE, "cause_text": CUT_OFF, "hung_up_by": HungUpBy.SYSTEM}


def clock(moment: datetime) -> float:
    """The core's clock in these stories."""
    return (moment - MORNING).total_seconds()


def cut_off(call: str, number: str, at: float, ended_at: float, line: str = "estp") -> SaveCall:
    """The telephone system has failed a caller who waited."""
    record = arrival(call, at, ended_at=ended_at, outcome=Outcome.LOST, joined_at=at, place_at=at, **FAILED).record
    return SaveCall(replace(record, number=number, line=LineId(line)))


async def warm_started(store: Store, at: float, facts: list[Save], **place_kept: float) -> FloorWarmStart:
    """These facts, as a controller finds them that starts at second `at`."""
    await fill(store, facts)
    lines = {LineId(line): seconds for line, seconds in (place_kept or {"estp": 600.0}).items()}
    return await store.floor_warm_start(clock, LATELY, lines, wall(at))


async def test_orders_that_hold_and_whom_a_supervisor_took_out_of_turn_are_recalled(store: Store) -> None:
    order = LineOrderRecord("o-1", LineId("estp"), False, "Авария", PersonId("402"), 5.0, 3600.0)
    over = replace(order, order="o-2", ended_at=9.0, ended_by=PersonId("404"))
    waits = arrival("1", 1.0, joined_at=2.0, place_at=1.0)
    taken = replace(waits.record, out_of_turn_at=6.5, out_of_turn_by=PersonId("402"), out_of_turn_why="Торги")
    facts: list[Save] = [waits, SaveLineOrder(order), SaveLineOrder(replace(over, ended_at=None)), SaveCall(taken)]
    found = await warm_started(store, 10.0, [*facts, SaveLineOrder(over)])
    assert (found.line_orders, found.calls) == ((order,), (taken,))


async def test_a_new_register_recalls_nobody(store: Store) -> None:
    assert await warm_started(store, 0.0, []) == FloorWarmStart()


async def test_a_caller_who_waits_is_recalled_with_place_class_and_promises(store: Store) -> None:
    waits = arrival("1", 10.125, joined_at=20.000001, place_at=5.5, urgency="urgent", inn="5902219696")
    waits = SaveCall(replace(waits.record, identification=Identification.BY_INN, customer="Минздрав", role="Заказчик"))
    promises = [announcement("1", 1, 21.0), announcement("1", 2, 66.0, estimate=None, p90=None, spoken=None)]
    found = await warm_started(store, 70.0, [waits, *promises])
    assert found == FloorWarmStart(calls=(waits.record,), announcements=tuple(save.record for save in promises))


async def test_a_conversation_is_recalled_with_its_offers_and_transfers(store: Store) -> None:
    talks = arrival("1", 1.0, joined_at=2.0, answered_at=9.0, operator="101", outcome=Outcome.ANSWERED, waiting=7.0)
    missed = OfferRecord("offer-1", "1", "102", "queue", 2.0, ended_at=5.0, result="missed")
    taken = OfferRecord("offer-2", "1", "101", "queue", 5.0, 5.5, 9.0, 9.1, result="connected")
    handed = TransferRecord("1", 1, 30.0, "101", "technical", consult=True)
    promise = announcement("1", 1, 2.5, waited=6.5, result=PromiseResult.ANSWERED)
    over: list[Save] = [
        arrival("0", outcome=Outcome.ABANDONED, ended_at=8.0),
        announcement("0", result=PromiseResult.GAVE_UP),
    ]
    facts: list[Save] = [talks, SaveOffer(missed), SaveOffer(taken), SaveTransfer(handed), promise, *over]
    found = await warm_started(store, 40.0, facts)
    assert found == FloorWarmStart(
        (talks.record,), (missed, taken), (handed,), (promise.record,), ended_lately=frozenset({CallId("0")})
    )


@pytest.mark.clause("ESTP 5.3.1")
async def test_shifts_go_on_as_they_were_last(store: Store) -> None:
    ended = arrival("1", 0.0, ended_at=50.0, outcome=Outcome.ANSWERED, talk=40.0, recording="1.wav")
    earlier = SaveOffer(OfferRecord("offer-1", "1", "101", "queue", 2.0, result="connected", ended_at=3.0))
    last = SaveOffer(OfferRecord("offer-2", "1", "101", "queue", 9.0, result="connected", ended_at=50.0))
    wrapping_up = PresenceRecord(
        "101", 50.0, "available", "wrapping_up", "conversation_ended", "phone-101", call="1", free_since=4.0
    )
    paused = PresenceRecord("102", 30.0, "paused", "idle", "lunch", "phone-102", "lunch")
    facts: list[Save] = [
        *(ended, earlier, last),
        *(presence(person, 0.0, "available", "log in") for person in ("101", "102", "103")),
        SavePresence(paused),
        SavePresence(wrapping_up),
        presence("103", 60.0, "off", "asked"),
    ]
    found = await warm_started(store, 61.0, facts)
    assert found.shifts == (paused, wrapping_up)
    assert found.offers == (last.record,)


async def test_a_clock_that_was_put_back_does_not_bring_back_an_earlier_state(store: Store) -> None:
    facts = [presence("101", 7200.0, "available", "log in"), presence("101", 3600.0, "paused", "lunch")]
    found = await warm_started(store, 3700.0, list(facts))
    assert [shift.presence for shift in found.shifts] == ["paused"]


async def test_what_ended_lately_is_named_however_long_nobody_was_there(store: Store) -> None:
    days = 9 * 86400.0
    facts = [arrival(f"{end}", end - 30.0, ended_at=end, outcome=Outcome.ABANDONED) for end in (100.0, 500.0, 600.0)]
    found = await warm_started(store, days, list(facts))
    assert found == FloorWarmStart(ended_lately=frozenset({CallId("500.0"), CallId("600.0")}))


async def test_recordings_that_nobody_finished_are_asked_for_again(store: Store) -> None:
    talked: dict[str, Any] = {"ended_at": 60.0, "answered_at": 20.0, "outcome": Outcome.ANSWERED, "talk": 40.0}
    left = arrival("left", **talked)
    done = arrival("done", **talked, recording="done.wav")
    failed = arrival("failed", **talked, recording_problem="the disk is full")
    silent = arrival("silent", **(talked | {"talk": 0.0}))
    found = await warm_started(store, 90.0, [left, done, failed, silent])
    assert found.unfinished_recordings == (left.record,)


async def test_who_was_cut_off_keeps_the_place_for_a_while_and_gets_it_once(store: Store) -> None:
    waits = cut_off("1", "+71", 0.0, 100.0)
    too_long_ago = cut_off("2", "+72", -900.0, 99.0)
    called_again = cut_off("3", "+73", 0.0, 100.0)
    cut_off_again = cut_off("4", "+73", 150.0, 160.0)
    of_another_line = cut_off("5", "+75", 0.0, 650.0, "perm")
    of_no_line = cut_off("6", "+76", 0.0, 650.0, "closed long ago")
    gave_up = arrival("7", 0.0, ended_at=100.0, outcome=Outcome.ABANDONED, cause=16)
    facts: list[Save] = [waits, too_long_ago, called_again, cut_off_again, of_another_line, of_no_line, gave_up]
    found = await warm_started(store, 700.0, facts, estp=600.0, perm=60.0)
    assert found.cut_off == (waits.record, cut_off_again.record, of_another_line.record)


async def test_several_callers_of_one_office_keep_several_places(store: Store) -> None:
    first, second, third = (cut_off(str(place), "+71", float(place), 100.0) for place in (1, 2, 3))
    again = SaveCall(replace(arrival("4", 130.0, joined_at=135.0).record, number="+71"))
    found = await warm_started(store, 150.0, [third, first, second, again])
    assert found.cut_off == (second.record, third.record)


async def test_who_calls_again_and_is_still_in_the_menus_has_not_got_the_place_yet(store: Store) -> None:
    """The controller died while the greeting was played."""
    first = cut_off("1", "+71", 0.0, 100.0)
    again = SaveCall(replace(arrival("2", 130.0).record, number="+71"))
    found = await warm_started(store, 150.0, [first, again])
    assert (found.calls, found.cut_off) == ((again.record,), (first.record,))


async def test_a_call_of_long_ago_or_of_a_line_that_is_no_more_is_not_in_progress(store: Store) -> None:
    forgotten, unknown = arrival("1", -2 * 86400.0), arrival("2", 5.0)
    unknown = SaveCall(replace(unknown.record, line=LineId("closed")))
    known = arrival("3", 6.0)
    found = await warm_started(
        store, 10.0, [forgotten, unknown, known, SaveOffer(OfferRecord("o", "2", "1", "queue", 6.0))]
    )
    assert found == FloorWarmStart(calls=(known.record,))


async def test_a_row_that_no_fact_can_have_left_is_passed_over_and_told(
    register: Register, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(register, [arrival("1"), arrival("2"), announcement("1")])
    async with register.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE calls SET outcome = 'eaten by a bear' WHERE call = '2'")
        await connection.exec_driver_sql("UPDATE announcements SET handling = NULL, result = ''")
    found = await register.floor_warm_start(clock, LATELY, {"estp": 600.0}, wall(5))
    assert [call.call for call in found.calls] == ["1"]
    assert found.announcements == ()
    assert "eaten by a bear" in caplog.text
    assert "Кедровка" not in caplog.text, "personal data in the log"
