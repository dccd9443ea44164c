"""Call-backs and kept places on a real Asterisk: who is rung, who is dialled, what the caller hears and keys in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from callcenter.core.commands import CallBackOver, KeepPlace
from callcenter.core.events import CallBackDue
from callcenter.core.ids import CallBackId, GroupId, LineId
from tests.e2e.hearing import brief_prompts, listen
from tests.e2e.listening import CALLER, OPERATOR, hears, one_story, told, voice
from tests.e2e.softphone import Call, Softphone
from tests.e2e.station import Station, station, until
from tests.e2e.test_caller_arrival import ends
from tests.e2e.test_outgoing import provider  # noqa: F401 - a fixture

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.clause("ESTP 5.4.5"),
    pytest.mark.clause("ESTP 5.5.2"),
]
CUSTOMER = "+79125550177"
ASKS = ("keep-place-9", "keep-confirm", "keep-enter")
OUTGOING = {"ranges": ["+7 342", "+7 9XX XXX XX XX"], "trunk": "city", "ring": "5"}


@dataclass
class Book:
    """Who keeps the wishes."""

    told: list[CallBackOver] = field(default_factory=list)
    kept: list[KeepPlace] = field(default_factory=list)

    def over(self, told: CallBackOver) -> None:
        self.told.append(told)

    def keep_place(self, wanted: KeepPlace) -> None:
        self.kept.append(wanted)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("call_backs")
    async with station(
        folder,
        line={"outgoing": OUTGOING},
        ivr={"keep_place": {"key": "9"}, "ask_inn": "false", "urgency": {}},
        queue={"announce_every": "5"},
        prompts=str(brief_prompts(folder / "prompts", 0.5, ASKS)),
    ) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def here(running: Station) -> AsyncIterator[Station]:
    async for line in one_story(running):
        yield line


@pytest.fixture
def book(here: Station) -> Book:
    found = Book()
    here.controller._performer._call_backs = found
    return found


def due(here: Station, id: str, number: str = CUSTOMER, **more: Any) -> None:
    """The time of a call-back has come."""
    now = here.controller.now()
    wish = {"place_at": now, "start_by": now + 600.0, "label": "ESTP-2026-000123", **more}
    groups = (GroupId("operators"),)
    here.controller.take(CallBackDue(CallBackId(id), 1, LineId("estp"), number, groups, "normal", **wish))


async def answered(phone: Softphone) -> Call:
    """The operator picks up the own phone."""
    call = await phone.rings()
    call.answer()
    call.say(voice(OPERATOR))
    return call


async def talk(call: Call, there: Call) -> None:
    """Customer and operator hear each other, and the customer hangs up."""
    there.answer()
    there.say(voice(CALLER))
    await hears(call, CALLER)
    await hears(there, OPERATOR)
    await listen(call, 1.0)
    there.hang_up()
    await asyncio.wait_for(call.ended.wait(), 15.0)


async def test_a_free_person_calls_the_customer(here: Station, provider: Softphone, book: Book) -> None:  # noqa: F811
    phone = await here.operator("101")
    due(here, "cb-1")
    call = await answered(phone)
    assert CUSTOMER in call.caller_id
    there = await provider.rings()
    await talk(call, there)
    row = await here.ended(number=CUSTOMER, outcome="answered")
    assert (row["direction"], row["call_back"], row["attempt"]) == ("outgoing", "cb-1", 1)
    assert [(one.call_back, one.result.value) for one in book.told] == [("cb-1", "talked")]
    due(here, "cb-1")
    assert len(book.told) == 2, "it is over, whoever tells it again"


@pytest.mark.parametrize(("status", "result"), [(486, "busy"), (480, "no_answer"), (404, "wrong_number")])
async def test_a_customer_who_is_not_reached(
    here: Station,
    provider: Softphone,  # noqa: F811
    book: Book,
    status: int,
    result: str,
) -> None:
    phone = await here.operator("101")
    due(here, f"cb-{status}", f"+7342{status:07d}")
    await answered(phone)
    (await provider.rings()).reject(status)
    await until(lambda: book.told, what="what came of it")
    assert [(one.call_back, one.result.value) for one in book.told] == [(f"cb-{status}", result)]


async def test_an_operator_who_does_not_answer(here: Station, provider: Softphone, book: Book) -> None:  # noqa: F811
    """The attempt is not used: a colleague makes it."""
    silent = await here.operator("101")
    due(here, "cb-2", "+73422000002")
    ringing = await silent.rings()
    other = await here.operator("102")
    await asyncio.sleep(1.2)  # a phone that refuses at once is said to do so by itself
    ringing.reject(486)
    call = await answered(other)
    await until(lambda: here.see("101").presence == "paused", what="who declines is paused")
    await talk(call, await provider.rings())
    assert [one.result.value for one in book.told] == ["talked"]
    assert provider.incoming.empty(), "dialled once"
    await here.ended(number="+73422000002", outcome="answered")
    rows = here.rows("select * from calls where call_back = 'cb-2'")
    assert sorted(row["dialled_at"] is not None for row in rows) == [False, True]


async def keeps(here: Station, caller: Call, keys: str) -> None:
    """The caller presses the key when it is offered, and then these."""
    await told(caller, "keep-place-9")
    await caller.press("9")
    for key in keys.split():
        await told(caller, "keep-confirm" if len(key) == 1 else "keep-enter")
        caller.media.heard.clear()
        await caller.press(key)


async def test_a_caller_keeps_the_place(here: Station, provider: Softphone, book: Book) -> None:  # noqa: F811
    caller = await here.caller("+73421000031")
    await keeps(here, caller, "1")
    await ends(caller)
    row = await here.ended(number="+73421000031")
    assert (row["outcome"], row["hung_up_by"], row["call_back_to"]) == ("call_back", "system", "+73421000031")
    [wanted] = book.kept
    phone = await here.operator("101")
    due(here, "cb-3", wanted.number, place_at=wanted.place_at, kept_place=wanted.call)
    await talk(await answered(phone), await provider.rings())

    def judged() -> set[str]:
        promises = here.rows("select * from announcements")
        return {promise["result"] for promise in promises if promise["call"] == row["call"]}

    await until(lambda: judged() == {"answered"}, what="the promises are judged")


async def test_a_caller_keys_in_another_number(here: Station, book: Book) -> None:
    caller = await here.caller("+73421000032")
    await keeps(here, caller, "2 89125550133# 1")
    await ends(caller)
    row = await here.ended(number="+73421000032")
    assert (row["outcome"], row["call_back_to"]) == ("call_back", "+79125550133")
    assert [one.number for one in book.kept] == ["+79125550133"]


async def test_a_caller_who_goes_back_to_waiting_is_served(here: Station, book: Book) -> None:
    caller = await here.caller("+73421000033")
    caller.say(voice(CALLER))
    await keeps(here, caller, "0")
    phone = await here.operator("101")
    there = await answered(phone)
    await hears(caller, OPERATOR)
    await listen(caller, 1.0)
    there.hang_up()
    await ends(caller)
    assert (await here.ended(number="+73421000033"))["outcome"] == "answered"
    assert not book.kept


async def test_an_operator_who_becomes_free_gets_the_caller_at_the_keys(here: Station, book: Book) -> None:
    caller = await here.caller("+73421000034")
    caller.say(voice(CALLER))
    await keeps(here, caller, "")
    await told(caller, "keep-confirm")
    there = await answered(await here.operator("101"))
    await caller.press("1")
    await hears(caller, OPERATOR)
    await hears(there, CALLER)
    await listen(caller, 1.0)
    there.hang_up()
    await ends(caller)
    assert not book.kept
