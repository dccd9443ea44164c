"""Stories of callers whom a failure cut off: somebody calls them back, once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from callcenter.core.commands import Save, SaveCall
from callcenter.core.ids import LineId
from callcenter.core.records import CUT_OFF, LOST_CAUSE, HungUpBy, Outcome
from callcenter.store import Store
from tests.store.stories import arrival, fill, wall

FAILED: dict[str, Any] = {"cause": LOST_CAUSE, "cause_text": CUT_OFF, "hung_up_by": HungUpBy.SYSTEM}


def call(name: str, number: str, at: float, line: str = "estp", **known: Any) -> SaveCall:
    """A call of a number."""
    return SaveCall(replace(arrival(name, at, **known).record, number=number, line=LineId(line)))


def cut_off(name: str, number: str, at: float, **known: Any) -> SaveCall:
    """Asterisk died while the caller waited for a minute."""
    usual: dict[str, Any] = {
        "joined_at": at,
        "ended_at": at + 60.0,
        "waiting": 60.0,
        "outcome": Outcome.LOST,
        "urgency": "urgent",
    }
    return call(name, number, at, **(usual | FAILED | known))


ANSWERED: dict[str, Any] = {"joined_at": 0.0, "answered_at": 20.0, "operator": "101", "outcome": Outcome.ANSWERED}


async def owed(store: Store, facts: list[Save], at: float = 3600.0, line: str | None = None) -> list[str]:
    """Which of these calls are owed back at second `at`."""
    await fill(store, facts)
    return [one.call for one in await store.owed_calls(wall(at), line)]


async def test_who_waited_or_talked_when_asterisk_died_is_called_back(store: Store) -> None:
    talked = cut_off("talked", "+72", 0.0, talk=30.0, waiting=20.0, **ANSWERED)
    in_menu = cut_off("in the menu", "+73", 5.0, joined_at=None, waiting=None)
    facts: list[Save] = [cut_off("waited", "+71", -5.0), talked, in_menu]
    await fill(store, facts)
    found = await store.owed_calls(wall(100))
    assert [(one.call, one.was, one.waited) for one in found] == [
        ("waited", "waiting", 60.0),
        ("talked", "talking", 20.0),
        ("in the menu", "in the menu", None),
    ]
    first = found[0]
    assert (first.number, first.name, first.urgency, first.since) == ("+71", "Кедровка", "urgent", wall(55))
    assert first.reason == CUT_OFF


async def test_who_waited_and_was_gone_when_nobody_looked_is_called_back(store: Store) -> None:
    unseen: dict[str, Any] = {"cause_text": "gone while unseen", "hung_up_by": HungUpBy.NOBODY}
    facts = [
        cut_off("waited", "+71", 0.0, **unseen),
        cut_off("was served", "+72", 0.0, **(unseen | ANSWERED)),
        cut_off("had not joined", "+73", 0.0, **(unseen | {"joined_at": None})),
    ]
    assert await owed(store, list(facts)) == ["waited"]


async def test_who_was_served_or_left_or_cannot_be_called_is_owed_nothing(store: Store) -> None:
    facts = [
        call("gave up", "+71", 0.0, joined_at=0.0, ended_at=60.0, outcome=Outcome.ABANDONED, cause=16),
        call("stopped in order", "+72", 0.0, ended_at=60.0, outcome=Outcome.LOST, hung_up_by=HungUpBy.SYSTEM, cause=16),
        cut_off("heard that we are closed", "+73", 0.0, outcome=Outcome.CLOSED),
        cut_off("heard the farewell", "+74", 0.0, hung_up_by=HungUpBy.OPERATOR, **ANSWERED),
        cut_off("with a provider in trouble", "+75", 0.0, hung_up_by=HungUpBy.CALLER, outcome=Outcome.ABANDONED),
        cut_off("withheld", "", 0.0),
        cut_off("anonymous", "anonymous", 0.0),
        cut_off("long ago", "+76", -40 * 86400.0),
    ]
    assert await owed(store, list(facts)) == []


async def test_who_calls_again_and_is_answered_is_owed_nothing_any_more(store: Store) -> None:
    facts = [
        cut_off("answered", "+71", 0.0),
        call("again", "+71", 120.0, answered_at=150.0),
        cut_off("gave up", "+72", 0.0),
        call("in vain", "+72", 120.0, ended_at=150.0, outcome=Outcome.ABANDONED),
        cut_off("answered elsewhere", "+73", 0.0),
        call("elsewhere", "+73", 120.0, line="perm", answered_at=150.0),
        call("before", "+74", -600.0, answered_at=-550.0, ended_at=-400.0),
        cut_off("answered before", "+74", 0.0),
    ]
    assert await owed(store, list(facts)) == ["gave up", "answered elsewhere", "answered before"]


async def test_a_call_back_settles_what_the_number_is_owed(store: Store) -> None:
    facts = [cut_off("1", "+71", 0.0), cut_off("2", "+71", 300.0), cut_off("3", "+72", 0.0)]
    await fill(store, list(facts))
    assert await store.called_back(wall(3600), "1") == 2
    assert [one.call for one in await store.owed_calls(wall(3600))] == ["3"]
    assert await store.called_back(wall(3600), "1") == 0
    assert await store.called_back(wall(3600), "nobody") == 0
    assert await owed(store, [cut_off("2", "+71", 300.0, talk=1.0)]) == ["3"], "the core's rows do not undo it"


async def test_the_calls_of_a_controller_that_nobody_can_restore_are_owed(store: Store) -> None:
    await fill(store, [call("1", "+71", 0.0, joined_at=5.0), call("2", "+72", 0.0, **ANSWERED)])
    await store.close_calls(wall(600), "controller restarted")
    found = await store.owed_calls(wall(700))
    assert [(one.call, one.was, one.reason) for one in found] == [
        ("1", "waiting", "controller restarted"),
        ("2", "talking", "controller restarted"),
    ]
