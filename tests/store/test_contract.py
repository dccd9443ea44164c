"""What every store keeps to, whatever it keeps its rows in; `test_warm_start` and `test_owed` are of this kind, too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete

from callcenter.core.commands import Save, SaveAnnouncement, SaveCall, SaveOffer, SavePresence, SaveTransfer
from callcenter.core.ids import CallId, LineId
from callcenter.core.records import (
    CUT_OFF,
    LOST_CAUSE,
    REFUSED_FOR_CONDUCT,
    CallRecord,
    Direction,
    HungUpBy,
    OfferRecord,
    Outcome,
    PresenceRecord,
    PromiseResult,
    TransferRecord,
)
from callcenter.store import MemoryStore, Register, RegisterError, Store, Writer
from callcenter.store.errors import FactError
from callcenter.store.facts import Fact
from callcenter.store.rows import row_of
from callcenter.store.spool import Spool
from callcenter.store.tables import Base
from tests.databases import Where
from tests.store.stories import announcement, arrival, fill, presence, rows, wall
from tests.store.test_warm_start import LATELY, clock

SHIFT = ("operator", "phone", "started_at", "ended_at", "end_cause")


def facts(*saves: Save) -> list[Fact]:
    """Facts as the writer makes them, of somebody who has no open shift."""
    numbers, found = count(), []
    for save in saves:
        opens = isinstance(save, SavePresence) and save.record.presence != "off"
        row = row_of(save, wall, f"fact {next(numbers)}")
        found.append(Fact(type(save), row, time.monotonic(), opens, 0, kept=False))
    return found


# -- writing -----------------------------------------------------------------------------------------------------------


async def test_a_row_is_written_once_in_its_last_version(store: Store) -> None:
    await store.write(facts(arrival("1"), arrival("2")))
    await store.write(facts(arrival("1", operator="101"), arrival("3"), arrival("1", operator="102")))
    assert await rows(store, "calls", "call", "operator") == [("1", "102"), ("2", ""), ("3", "")]


async def test_moments_and_lists_come_back_as_they_were(store: Store) -> None:
    await fill(store, [arrival("1", 10.5), announcement("1", prompts=("position-3", "wait-unknown"))])
    assert await rows(store, "calls", "arrived_at", "ended_at", "talk") == [(wall(10.5), None, 0.0)]
    assert await rows(store, "announcements", "number", "spoken_at", "prompts") == [
        (1, wall(0), ["position-3", "wait-unknown"])
    ]


async def test_a_call_may_be_told_behind_what_refers_to_it(store: Store) -> None:
    await store.write(facts(SaveOffer(OfferRecord("o", "1", "101", "queue", 1.0)), arrival("1")))
    assert await rows(store, "offers", "offer", "call") == [("o", "1")]


async def test_all_facts_are_written_or_none(store: Store) -> None:
    homeless = SaveOffer(OfferRecord("o", "a call that nobody told of", "101", "queue", 1.0))
    with pytest.raises(FactError) as caught:
        await store.write(facts(arrival("1"), presence("101", 0.0, "available", "log in"), homeless))
    assert "nobody told of" not in str(caught.value), "personal data may be in it"
    for table in ("calls", "presence_changes", "shifts", "offers"):
        assert await rows(store, table, "operator") == [], table


async def test_a_fact_that_cannot_be_stored_holds_up_no_other(store: Store, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    writer = Writer(store, wall, spool)
    writer.start()
    for number in range(10):
        writer.put(arrival(f"{number}"))
    writer.put(SaveTransfer(TransferRecord("a call that nobody told of", 1, 1.0, "101", "technical", consult=False)))
    writer.put(arrival("10"))
    assert await writer.stop(10)
    assert (writer.refused, writer.failures, writer.written) == (1, 0, 11)
    assert await rows(store, "calls", "call") == [(f"{number}",) for number in range(11)]
    assert spool.facts == 0
    spool.close()


async def test_what_is_written_twice_is_there_once(store: Store) -> None:
    """A network may lose the answer to a commit; the writer then writes the same facts again."""
    batch = facts(
        arrival("1"),
        presence("101", 0.0, "available", "log in"),
        presence("101", 9.0, "off", "asked"),
        presence("101", 10.0, "available", "log in"),
    )
    await store.write(batch)
    await store.write(batch)
    assert await rows(store, "calls", "call") == [("1",)]
    assert len(await rows(store, "presence_changes", "fact")) == 3
    assert await rows(store, "shifts", *SHIFT) == [
        ("101", "phone-101", wall(0), wall(9), "asked"),
        ("101", "phone-101", wall(10), None, ""),
    ]


@pytest.mark.clause("ESTP 5.4.5")
async def test_a_start_knows_which_attempts_of_call_backs_are_used(store: Store) -> None:
    out: dict[str, Any] = {"direction": Direction.OUTGOING, "call_back": "cb-1", "attempt": 1}
    missed = arrival("1", outcome=Outcome.CANCELLED, ended_at=9.0, **out)
    dialled = arrival("2", 10.0, outcome=Outcome.BUSY, ended_at=20.0, dialled_at=12.0, **out)
    lost = arrival("3", 30.0, outcome=Outcome.LOST, ended_at=40.0, **{**out, "call_back": "cb-2"})
    goes_on = arrival("4", 50.0, dialled_at=52.0, **{**out, "attempt": 2})
    usual = arrival("5", 60.0, outcome=Outcome.BUSY, ended_at=70.0, dialled_at=62.0, direction=Direction.OUTGOING)
    await store.write(facts(missed, dialled, lost, goes_on, usual))
    found = await store.floor_warm_start(clock, LATELY, {LineId("estp"): 600.0}, wall(100.0))
    assert found.attempts == (dialled.record, lost.record)
    later = await store.floor_warm_start(clock, LATELY, {LineId("estp"): 600.0}, wall(100.0) + timedelta(days=15))
    assert later.attempts == ()


async def test_a_start_knows_who_keeps_a_place_and_what_they_were_told(store: Store) -> None:
    kept = arrival("1", joined_at=1.0, ended_at=60.0, outcome=Outcome.CALL_BACK, call_back_to="+79125550101")
    await store.write(facts(kept, announcement("1"), arrival("2", ended_at=9.0), announcement("2")))
    found = await store.floor_warm_start(clock, LATELY, {LineId("estp"): 600.0}, wall(100.0))
    assert found.kept_places == (kept.record,)
    assert [one.call for one in found.announcements] == ["1"]
    await store.close_calls(wall(100.0), "restarted", [one.call for one in found.kept_places])
    assert await rows(store, "announcements", "call", "result") == [("1", "open"), ("2", "lost")]


@pytest.mark.clause("ESTP 5.3.1")
async def test_a_shift_is_what_lies_between_log_in_and_log_out(store: Store) -> None:
    changes = [
        presence("101", 0.0, "available", "log in"),
        presence("102", 1.0, "available", "log in"),
        presence("101", 60.0, "available", "offer", "offered"),
        presence("101", 70.0, "paused", "lunch"),
        presence("101", 3600.0, "off", "asked"),
        presence("101", 3700.0, "available", "log in"),
        presence("101", 3800.0, "off", "supervisor"),
    ]
    await fill(store, changes)
    assert await rows(store, "shifts", *SHIFT) == [
        ("101", "phone-101", wall(0), wall(3600), "asked"),
        ("102", "phone-102", wall(1), None, ""),
        ("101", "phone-101", wall(3700), wall(3800), "supervisor"),
    ]
    assert len(await rows(store, "presence_changes", "fact")) == 7


async def test_nobody_has_two_open_shifts(store: Store) -> None:
    """The writer of another start does not know of the first one."""
    for at in (0.0, 60.0):
        await fill(store, [presence("101", at, "available", "log in")])
    assert await rows(store, "shifts", "started_at", "ended_at") == [(wall(0), None)]


# -- closing -----------------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 5.3.1")
async def test_what_a_previous_start_left_open_is_closed_with_its_cause(store: Store) -> None:
    left: list[Save] = [
        arrival("1"),
        arrival("2", answered_at=5.0, operator="101", outcome=Outcome.ANSWERED, kept_for="101", kept_until=20.0),
        arrival("3", outcome=Outcome.ABANDONED, ended_at=4.0, cause_text="gave up"),
        arrival("4", answered_at=5.0, hung_up_by=HungUpBy.CALLER),
        SaveOffer(OfferRecord("o-1", "1", "101", "queue", 1.0)),
        SaveOffer(OfferRecord("o-2", "2", "101", "queue", 1.0, result="connected")),
        SaveTransfer(TransferRecord("2", 1, 9.0, "101", "technical", consult=True)),
        announcement("1", 1, waited=61.0, result=PromiseResult.ANSWERED),
        announcement("1", 2),
        presence("101", 0.0, "available", "log in"),
        presence("102", 0.0, "available", "log in"),
        presence("102", 5.0, "off", "asked"),
    ]
    await fill(store, left)
    assert await store.close_calls(wall(3600), "controller restarted") == 3
    assert await store.close_shifts(wall(3600), "controller restarted") == 1
    assert await store.close_calls(wall(7200), "again") == await store.close_shifts(wall(7200), "again") == 0

    assert await rows(store, "calls", "call", "outcome", "hung_up_by", "cause", "cause_text", "ended_at") == [
        ("1", "lost", "system", LOST_CAUSE, "controller restarted", wall(3600)),
        ("2", "answered", "system", LOST_CAUSE, "controller restarted", wall(3600)),
        ("3", "abandoned", "", None, "gave up", wall(4)),
        ("4", "answered", "caller", LOST_CAUSE, "controller restarted", wall(3600)),
    ]
    assert await rows(store, "calls", "kept_for", "kept_until") == [("", None)] * 4
    assert await rows(store, "offers", "offer", "result", "ended_at") == [
        ("o-1", "lost", wall(3600)),
        ("o-2", "connected", None),
    ]
    assert await rows(store, "transfers", "result", "ended_at") == [("lost", wall(3600))]
    assert await rows(store, "announcements", "number", "result") == [(1, "answered"), (2, "lost")]
    assert await rows(store, "shifts", *SHIFT[3:]) == [(wall(3600), "controller restarted"), (wall(5), "asked")]


async def test_what_the_core_goes_on_with_stays_open(store: Store) -> None:
    for call in ("1", "2"):
        offer = SaveOffer(OfferRecord(f"o-{call}", CallId(call), f"10{call}", "queue", 1.0))
        await fill(store, [arrival(call), announcement(call), offer])
    assert await store.close_calls(wall(3600), "controller restarted", ["1"]) == 1
    assert await rows(store, "calls", "call", "ended_at") == [("1", None), ("2", wall(3600))]
    assert await rows(store, "offers", "call", "ended_at") == [("1", None), ("2", wall(3600))]
    assert await rows(store, "announcements", "call", "result") == [("1", "open"), ("2", "lost")]


# -- what cannot be asked ----------------------------------------------------------------------------------------------


async def test_a_store_in_memory_refuses_sql_and_says_why() -> None:
    store = MemoryStore()
    for ask in (store.session, lambda: store.read(None)):
        with pytest.raises(RegisterError, match="in memory, and answers no reports; keep it in a database"):
            ask()


# -- both alike, whatever is told --------------------------------------------------------------------------------------

AT = st.integers(-3, 30).map(lambda tens: tens * 10.0)
MAYBE = st.none() | AT
CALLS = st.sampled_from([f"{n}" for n in range(6)])
PEOPLE = st.sampled_from(["101", "102", "103"])
CALL = st.builds(
    CallRecord,
    call=CALLS,
    line=st.sampled_from(["estp", "estp", "perm", "closed"]),
    number=st.sampled_from(["+71", "+71", "+72", "anonymous"]),
    name=st.just("Кедровка"),
    arrived_at=AT | AT.map(lambda at: at - 2 * 86400.0),
    joined_at=MAYBE,
    place_at=MAYBE,
    answered_at=MAYBE,
    ended_at=st.none() | MAYBE,
    waiting=MAYBE,
    talk=st.sampled_from([0.0, 5.0]),
    outcome=st.sampled_from(Outcome),
    hung_up_by=st.sampled_from(HungUpBy),
    cause=st.sampled_from([None, 16, LOST_CAUSE]),
    cause_text=st.sampled_from(["", CUT_OFF, REFUSED_FOR_CONDUCT]),
    recording=st.sampled_from(["", "1.wav"]),
    recording_problem=st.sampled_from(["", "the disk is full"]),
)
LOST = CALL.map(
    lambda record: replace(
        record,
        cause=LOST_CAUSE,
        cause_text=CUT_OFF,
        hung_up_by=HungUpBy.SYSTEM,
        outcome=Outcome.LOST,
        ended_at=record.arrived_at + 40.0,
    )
)
OFFER = st.builds(
    OfferRecord,
    offer=st.sampled_from(["o-1", "o-2", "o-3", "o-4"]),
    call=CALLS,
    operator=PEOPLE,
    kind=st.just("queue"),
    placed_at=AT,
    ended_at=MAYBE,
    result=st.sampled_from(["", "connected"]),
)
PRESENCE = st.builds(
    PresenceRecord,
    operator=PEOPLE,
    at=AT,
    presence=st.sampled_from(["available", "paused", "off"]),
    activity=st.sampled_from(["idle", "talking", "wrapping_up"]),
    cause=st.just("asked"),
    phone=st.just("phone"),
)
TRANSFER = st.builds(
    TransferRecord,
    call=CALLS,
    number=st.integers(1, 2),
    asked_at=AT,
    from_operator=PEOPLE,
    target=st.just("technical"),
    consult=st.booleans(),
    ended_at=MAYBE,
    result=st.sampled_from(["", "done"]),
)
PROMISE = st.builds(
    lambda call, number, at, result: replace(announcement(call, number, at).record, result=result),
    CALLS,
    st.integers(1, 2),
    AT,
    st.sampled_from(PromiseResult),
)
FACTS = st.one_of(
    CALL.map(SaveCall),
    LOST.map(SaveCall),
    OFFER.map(SaveOffer),
    PRESENCE.map(SavePresence),
    TRANSFER.map(SaveTransfer),
    PROMISE.map(SaveAnnouncement),
)
BEGINNING: list[Save] = [
    *(SaveCall(replace(arrival(f"{n}", 10.0 * n, joined_at=10.0 * n).record, number="+71")) for n in range(5)),
    *(presence(person, 0.0, "available", "log in", "talking") for person in ("101", "102")),
]
"""So that what follows has something to refer to; call 5 nobody tells of but by chance."""
TOLD = st.lists(FACTS, max_size=30).map(lambda told: BEGINNING + told)


async def everything(store: Store, told: Sequence[Save], now: float, settled: str) -> list[Any]:
    """What a store says at every occasion, and what it has in the end."""
    writer = Writer(store, wall)
    writer.start()
    for save in told:
        writer.put(save)
    assert await writer.stop(10)
    lines = {LineId("estp"): 600.0, LineId("perm"): 60.0}
    said: list[Any] = [writer.refused]
    said += [await store.floor_warm_start(clock, LATELY, lines, wall(now))]
    said += [await store.owed_calls(wall(now)), await store.owed_calls(wall(now), "perm")]
    said += [await store.called_back(wall(now), settled), await store.owed_calls(wall(now))]
    said += [await store.close_calls(wall(now), "restarted", ["1", "2"]), await store.close_shifts(wall(now), "away")]
    said += [await store.owed_calls(wall(now) + timedelta(hours=1))]
    said += [await store.floor_warm_start(clock, LATELY, lines, wall(now))]
    columns = ("call", "outcome", "ended_at", "cause", "cause_text", "hung_up_by", "called_back_at", "arrived_at")
    said += [await rows(store, "calls", *columns)]
    said += [await rows(store, table, "call", "ended_at", "result") for table in ("offers", "transfers")]
    said += [await rows(store, "announcements", "call", "number", "result")]
    said += [await rows(store, "presence_changes", "operator", "at", "presence"), await rows(store, "shifts", *SHIFT)]
    return said


def emptied(connection: Connection) -> None:
    """Nobody has told anything."""
    for table in reversed(Base.metadata.sorted_tables):
        connection.execute(delete(table))


def test_a_store_in_memory_answers_as_a_database_does(where: Where) -> None:
    with asyncio.Runner() as runner:
        register = runner.run(Register.open(where))

        @settings(
            max_examples=100 if isinstance(where, Path) else 20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(TOLD, st.integers(0, 70).map(lambda tens: tens * 10.0), CALLS)
        def alike(told: list[Save], now: float, settled: str) -> None:
            runner.run(register.read(emptied))
            expected = runner.run(everything(register, told, now, settled))
            assert runner.run(everything(MemoryStore(), told, now, settled)) == expected

        alike()
        runner.run(register.close())
