"""Stories of what past days teach: when callers came, how long they took, how long they waited in vain."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from callcenter.core.commands import Save, SaveCall, SaveOffer
from callcenter.core.ids import CallId, LineId
from callcenter.core.records import CallRecord, Identification, OfferRecord, Outcome, PromiseResult
from callcenter.core.warm_start import Acquaintance, LineWarmStart, PastWait
from callcenter.reports import history
from callcenter.store import Register
from callcenter.store.tables import Offer
from tests.store.stories import MORNING, announcement, arrival, fill, wall

MOSCOW, PERM, BERLIN = ZoneInfo("Europe/Moscow"), ZoneInfo("Asia/Yekaterinburg"), ZoneInfo("Europe/Berlin")
SATURDAY, SUNDAY, MONDAY, TUESDAY = (date(2026, 11, day) for day in (21, 22, 23, 24))
HOUR = 3600.0


def queued(call: str, joined_at: float, line: str = "estp", **known: Any) -> SaveCall:
    """A caller came through the menu in ten seconds and joined the queue."""
    return SaveCall(CallRecord(CallId(call), LineId(line), "", "", joined_at - 10.0, joined_at=joined_at, **known))


def handled(call: str, seconds: float, kind: str = "queue", result: str = "connected") -> SaveOffer:
    """An operator picked up at second 30 and was busy for so long."""
    return SaveOffer(
        OfferRecord(f"of {call}", CallId(call), "101", kind, 20.0, 25.0, 30.0, 31.0, 30.0 + seconds, result, 1.0)
    )


def at(*moment: int) -> float:
    """A moment in UTC, as the core's clock in these stories."""
    return (datetime(*moment, tzinfo=UTC) - MORNING).total_seconds()  # type: ignore[arg-type, misc]


async def test_callers_are_counted_by_the_half_hour_in_which_they_joined(register: Register) -> None:
    await fill(
        register,
        [
            queued("first", 5.0),  # came at 8:59:55
            queued("second", 0.5 * HOUR - 0.1),
            queued("third", 0.5 * HOUR),
            queued("evening", 14.99 * HOUR),
            queued("tomorrow", 15 * HOUR),
            queued("another line", 5.0, line="perm"),
            arrival("left in the menu", 5.0, outcome=Outcome.LEFT_IN_MENU),
        ],
    )
    days = await history.half_hours(register, "estp", MOSCOW, [MONDAY, TUESDAY])
    assert {day: {slot: n for slot, n in enumerate(counts) if n} for day, counts in days.items()} == {
        MONDAY: {18: 2, 19: 1, 47: 1},
        TUESDAY: {0: 1},
    }
    perm = await history.half_hours(register, "estp", PERM, [MONDAY])
    assert perm[MONDAY][22:24] == [2, 1]


async def test_a_day_that_nobody_saw_teaches_nothing_and_a_silent_one_does(register: Register) -> None:
    closed = arrival("too late", at(2026, 11, 22, 20, 0), outcome=Outcome.CLOSED)
    await fill(register, [closed, queued("first", 0.0)])
    days = await history.half_hours(register, "estp", MOSCOW, [SATURDAY, SUNDAY, MONDAY, TUESDAY])
    assert {day: sum(counts) for day, counts in days.items()} == {SUNDAY: 0, MONDAY: 1}
    assert await history.half_hours(register, "estp", MOSCOW, []) == {}


async def test_days_on_which_the_clock_is_changed(register: Register) -> None:
    spring, autumn = date(2026, 3, 29), date(2026, 10, 25)
    await fill(
        register,
        [
            queued("first of spring", at(2026, 3, 28, 23, 0)),  # midnight in Berlin
            queued("before", at(2026, 3, 29, 0, 59)),
            queued("after", at(2026, 3, 29, 1, 0)),  # 3:00
            queued("last of spring", at(2026, 3, 29, 21, 59)),  # 23:59
            queued("next", at(2026, 3, 29, 22, 0)),
            queued("first passage", at(2026, 10, 25, 0, 10)),  # 2:10
            queued("second passage", at(2026, 10, 25, 1, 10)),  # 2:10 again
            queued("last of autumn", at(2026, 10, 25, 22, 59)),
        ],
    )
    days = await history.half_hours(register, "estp", BERLIN, [spring, autumn])
    assert {slot: n for slot, n in enumerate(days[spring]) if n} == {0: 1, 3: 1, 6: 1, 47: 1}
    assert {slot: n for slot, n in enumerate(days[autumn]) if n} == {4: 2, 47: 1}


async def test_how_long_operators_are_busy_with_a_call_of_the_queue(register: Register) -> None:
    facts: list[Save] = [
        *(queued(call, 10.0) for call in ("short", "long", "glitch", "transferred", "talking")),
        queued("yesterday", -20 * HOUR),
        queued("perm", 10.0, line="perm"),
        handled("short", 60.0),
        handled("long", 180.5),
        handled("glitch", 0.3, result="false_answer"),
        handled("transferred", 500.0, kind="transfer"),
        handled("perm", 500.0),
        handled("yesterday", 900.0),
        SaveOffer(OfferRecord("of talking", "talking", "101", "queue", 1.0, 2.0, 3.0, 3.0, None, "connected")),
    ]
    await fill(register, facts)
    number, mean = await history.handling(register, "estp", wall(-HOUR))
    assert number == 2
    assert mean == pytest.approx(130.25, abs=0.01), "ten seconds of ringing count: nobody else can have the operator"
    assert await history.handling(register, "estp", wall(HOUR)) == (0, 0.0)


async def test_patience_is_all_queueing_shared_by_those_who_gave_up(register: Register) -> None:
    await fill(
        register,
        [
            queued("answered", 10.0, outcome=Outcome.ANSWERED, answered_at=110.0, waiting=100.0),
            queued("gave up", 10.0, outcome=Outcome.ABANDONED, waiting=50.0),
            queued("lost", 10.0, outcome=Outcome.LOST, waiting=30.0),
            queued("waits", 10.0),
            arrival("menu", 0.0, outcome=Outcome.LEFT_IN_MENU),
            queued("perm", 10.0, line="perm", outcome=Outcome.ABANDONED, waiting=1.0),
        ],
    )
    assert await history.patience(register, "estp", wall(-1)) == (1, 180.0)
    assert await history.patience(register, "estp", wall(0) + timedelta(hours=1)) == (0, 0.0)


@pytest.mark.clause("ESTP 2.2d")
async def test_a_controller_that_starts_again_is_told_of_today(register: Register) -> None:
    await fill(
        register,
        [
            queued("answered", 10.0, outcome=Outcome.ANSWERED, answered_at=110.0, waiting=100.0, ended_at=200.0,
                   identification=Identification.BY_NUMBER),
            handled("answered", 60.0),
            queued("gave up", 10.0, outcome=Outcome.ABANDONED, waiting=50.0, ended_at=60.0),
            queued("lost", 10.0, outcome=Outcome.LOST, waiting=30.0, ended_at=40.0),
            queued("yesterday", -20 * HOUR, outcome=Outcome.ABANDONED, waiting=7.0, ended_at=-20 * HOUR + 7),
            queued("perm", 10.0, line="perm", outcome=Outcome.ABANDONED, waiting=1.0, ended_at=11.0),
        ],
    )  # fmt: skip
    past = await history.line_warm_start(register, "estp", MOSCOW, wall(300.0), wrap_up=20.0)
    assert (past.handled, past.gave_up, past.queued, past.joined) == (1, 2, 187.0, 3)
    assert past.handling == pytest.approx(90.0, abs=0.01), "ringing, talk and wrap-up"
    assert past.waits == (PastWait(240.0, 50.0, False, False), PastWait(190.0, 100.0, True, True))
    nothing = await history.line_warm_start(register, "kazan", MOSCOW, wall(300.0), wrap_up=20.0)
    assert nothing == LineWarmStart("kazan", handling=20.0)


@pytest.mark.clause("ESTP 5.4.6")
async def test_a_controller_that_starts_again_is_told_how_true_its_promises_were(register: Register) -> None:
    kept = announcement("1", 1, 10.0, waited=100.0, result=PromiseResult.ANSWERED)
    broken = announcement("1", 2, 55.5, waited=55.0, result=PromiseResult.ANSWERED, p90=50.0)
    await fill(
        register,
        [
            *(queued(call, 5.0) for call in ("1", "2")),
            queued("3", -7200.0),
            queued("perm", 5.0, line="perm"),
            kept,
            broken,
            announcement("2", 1, 10.0, waited=90.0, result=PromiseResult.GAVE_UP),
            announcement("2", 2, 11.0),
            announcement("2", 3, 12.0, waited=1.0, result=PromiseResult.LOST),
            announcement("3", 1, -7000.0, waited=1.0, result=PromiseResult.ANSWERED),
            announcement("perm", 1, 10.0, waited=100.0, result=PromiseResult.ANSWERED),
        ],
    )
    past = await history.line_warm_start(register, "estp", MOSCOW, wall(300.0), 20.0, 7200.0)
    assert [(promise.call, promise.number, promise.spoken_at) for promise in past.promises] == [
        ("3", 1, -7300.0),  # too old to be judged, but the line learns from it
        ("2", 1, -290.0),
        ("1", 1, -290.0),
        ("1", 2, -244.5),
    ]
    assert past.promises[2:] == (replace(kept.record, spoken_at=-290.0), replace(broken.record, spoken_at=-244.5))


def test_postgresql_would_understand_the_difference_of_moments() -> None:
    query = select(history.seconds_between(Offer.answered_at, Offer.ended_at))
    text = str(query.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    assert "EXTRACT(EPOCH FROM (offers.ended_at - offers.answered_at))" in text


def test_postgresql_would_understand_the_minute_of_a_moment() -> None:
    text = str(select(history.minute_of(Offer.answered_at)).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    assert "date_trunc('minute', offers.answered_at)" in text


async def test_a_controller_that_starts_again_knows_who_has_called_before(register: Register) -> None:
    def calls(call: str, number: str, at: float, how: Identification, **known: Any) -> SaveCall:
        told = queued(call, at, identification=how, **known)
        return SaveCall(replace(told.record, number=number))

    late = -91 * 24 * HOUR
    await fill(
        register,
        [
            calls("a", "+71", 10.0, Identification.BY_INN, inn="5902290459", customer="Школа", role="Заказчик"),
            calls("b", "+71", 20.0, Identification.UNKNOWN),
            calls("c", "+72", 15.0, Identification.UNKNOWN),
            calls("d", "+73", late, Identification.INN_ONLY, inn="7707083893"),
            calls("e", "", 16.0, Identification.INN_ONLY, inn="7707083893"),
            SaveCall(replace(arrival("f", 17.0).record, number="+74")),  # did not hear the greeting
        ],
    )
    past = await history.line_warm_start(register, LineId("estp"), MOSCOW, wall(300.0), wrap_up=20.0)
    known = Acquaintance("+71", Identification.BY_INN, "5902290459", "Школа", "Заказчик")
    assert past.acquaintances == (Acquaintance("+72"), known), "who called last at the end"
