"""An operator calls out over a provider, on a real Asterisk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from tests.e2e.hearing import brief_prompts, listen
from tests.e2e.listening import CALLER, OPERATOR, channels, hears, hears_music, level, one_story, voice
from tests.e2e.softphone import Call, Softphone
from tests.e2e.station import NUMBER, Station, station, until
from tests.e2e.test_caller_conversation import sides

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.clause("ESTP 5.4.5"),
    pytest.mark.clause("ESTP 5.5.2"),
]
CUSTOMER = "+79125550177"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("outgoing")
    prompts = str(brief_prompts(folder / "prompts", 0.5))
    outgoing = {"ranges": ["+7 342", "+7 9XX XXX XX XX"], "trunk": "city", "ring": "5", "words": "greeting"}
    async with station(folder, line={"outgoing": outgoing}, prompts=prompts) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def here(running: Station) -> AsyncIterator[Station]:
    async for line in one_story(running):
        yield line


@pytest_asyncio.fixture(loop_scope="module")
async def provider(running: Station) -> AsyncIterator[Softphone]:
    """The other end of the trunk: what it is called with, and what it answers."""
    async with Softphone("provider", f"{running.network}1.200", 5060, running.proxy) as there:
        yield there


def state(here: Station) -> str:
    """How far the operator's call is, as the page shows it."""
    own = here.see("101").outgoing
    return own.state if own else ""


async def asks(here: Station, number: str, person: str = "101") -> dict[str, Any]:
    """An operator dials a number on the page; what the page is told."""
    response = await here.api(person, "call", number=number)
    told: dict[str, Any] = await response.json()
    return told


async def dials(here: Station, phone: Softphone, number: str = CUSTOMER) -> Call:
    """The operator dials, and answers the own phone."""
    told = await asks(here, number)
    assert told["answer"] == "calling_out", told
    call = await phone.rings()
    assert number in call.caller_id, "the phone shows who will be called"
    call.answer()
    call.say(voice(OPERATOR))
    return call


async def test_an_operator_calls_a_customer(here: Station, provider: Softphone) -> None:
    phone = await here.operator("101")
    call = await dials(here, phone)
    there = await provider.rings()
    assert there.invite.startswith(f"INVITE sip:{CUSTOMER}@")
    assert f"+{NUMBER}" in there.caller_id, "the line's number is shown"
    await until(lambda: state(here) == "ringing", what="it rings")
    assert here.see("101").activity == "calling_out"
    assert here.controller.view().lines["estp"].lines_in_use == 1
    there.answer()
    there.say(voice(CALLER))
    await hears(call, CALLER)
    await hears(there, OPERATOR)
    await listen(call, 2.0)
    there.hang_up()
    await until(call.ended.is_set, 5.0)
    row = await here.ended(number=CUSTOMER, outcome="answered")
    assert (row["direction"], row["operator"], row["line"], row["hung_up_by"]) == ("outgoing", "101", "estp", "caller")
    assert row["waiting"] is None
    assert 2.0 <= row["talk"] < 8.0
    assert 0.0 < row["ringing"] < 5.0
    assert row["recording_problem"] == ""
    customer, operator = sides(here, row)
    assert abs(len(customer) / 8000 - row["talk"]) < 1.0
    middle = slice(len(customer) // 2, len(customer) // 2 + 1600)
    assert level(customer[middle], CALLER) > 0.1 > level(customer[middle], OPERATOR)
    assert level(operator[middle], OPERATOR) > 0.1 > level(operator[middle], CALLER)


@pytest.mark.parametrize(
    ("status", "outcome"), [(486, "busy"), (603, "refused"), (404, "wrong_number"), (503, "failed")]
)
async def test_a_customer_who_is_not_reached(here: Station, provider: Softphone, status: int, outcome: str) -> None:
    number = f"+7342{status:07d}"
    phone = await here.operator("101")
    call = await dials(here, phone, number)
    (await provider.rings()).reject(status)
    row = await here.ended(number=number)
    assert (row["outcome"], row["answered_at"], row["talk"]) == (outcome, None, 0.0)
    await until(call.ended.is_set, 5.0)
    await until(lambda: here.see("101").activity == "idle", what="free at once")
    assert np.abs(call.heard(1.0)).max() > 1000, "a tone has told it"


@pytest.mark.clause("ESTP 2.6")
async def test_a_hold_by_the_phone_ends_no_recording(here: Station, provider: Softphone) -> None:
    phone = await here.operator("101")
    call = await dials(here, phone, "+73422000054")
    there = await provider.rings()
    there.answer()
    there.say(voice(CALLER))
    await hears(there, OPERATOR)
    for who in (call, there):
        who.media.restart(30111)
    await listen(call, 2.0)
    for sequence in (10000, 50000, 20000):
        call.hold()
        await hears_music(there)
        call.resume(sequence)
        await hears(there, OPERATOR)
        await listen(there, 2.0)
    call.hang_up()
    row = await here.ended(number="+73422000054")
    assert (row["outcome"], row["hung_up_by"], row["recording_problem"]) == ("answered", "operator", "")
    assert row["recording_seconds"] == pytest.approx(row["talk"], abs=1.0)
    _, operator = sides(here, row)
    last = operator[-8000:-1600]
    assert level(last, OPERATOR) > 0.1, "what is said after the last hold is recorded"


async def test_nobody_answers(here: Station, provider: Softphone) -> None:
    phone = await here.operator("101")
    call = await dials(here, phone, "+73422000055")
    there = await provider.rings()
    row = await here.ended(number="+73422000055")
    assert row["outcome"] == "no_answer"
    assert 4.0 < row["ringing"] < 8.0
    await until(there.ended.is_set, 5.0)
    await until(call.ended.is_set, 5.0)


async def test_the_operator_gives_up_while_it_rings(here: Station, provider: Softphone) -> None:
    phone = await here.operator("101")
    await dials(here, phone, "+73422000056")
    there = await provider.rings()
    assert (await here.api("101", "end")).status == 200
    row = await here.ended(number="+73422000056")
    assert (row["outcome"], row["hung_up_by"]) == ("cancelled", "operator")
    await until(there.ended.is_set, 5.0)


@pytest.mark.parametrize("number", ["112", "02", "+1 212 555 0100", "+375 17 222 22 22", "8 495 111-22-33", "+7912"])
async def test_a_forbidden_number_is_refused_with_words_and_nothing_is_dialled(here: Station, number: str) -> None:
    await here.operator("101")
    before = len(here.rows())
    told = await asks(here, number)
    assert told["answer"] in ("number_not_allowed", "wrong_value")
    assert told["message"]
    assert await channels(here) == []
    assert len(here.rows()) == before
    assert here.see("101").activity == "idle"


async def test_the_dialplan_itself_dials_no_other_number(here: Station, provider: Softphone) -> None:
    """Even if the controller were wrong: what is not in the ranges has no place in the dialplan."""
    phone = await here.operator("101")
    here.controller.link.ami.send(
        {
            "Action": "Originate",
            "Channel": "PJSIP/101",
            "ChannelId": "out-evil-0000001",
            "Context": "cc-outgoing",
            "Exten": "s",
            "Priority": "1",
            "Async": "true",
            "Variable": ["CC_OUT_LINE=estp", "CC_OUT_TO=+12125550100"],
        }
    )
    call = await phone.rings()
    call.answer()
    await until(call.ended.is_set, 10.0)
    assert provider.incoming.empty()
