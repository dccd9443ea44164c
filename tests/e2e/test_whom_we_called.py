"""An outgoing conversation is as good as an incoming one: kept, handed on and recorded, on a real Asterisk."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.hearing import brief_prompts, listen
from tests.e2e.listening import CALLER, COLLEAGUE, OPERATOR, all_quiet, hears, hears_music, told, voice
from tests.e2e.softphone import Call, Softphone
from tests.e2e.station import Station, configuration, station, until
from tests.e2e.test_transfer import parts, recording
from tests.e2e.test_transfer_key import pressed
from tests.e2e.test_vanished import COUNTDOWN, SOON, TAKE_BACK

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.clause("ESTP 5.4.5"),
    pytest.mark.clause("ESTP 2.6"),
]
numbers = itertools.count(1)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("called")
    prompts = brief_prompts(folder / "prompts", 0.4, ["operator-lost"])
    timings = {"vanished_after": COUNTDOWN, "take_back": TAKE_BACK, "phone_check": 1}
    outgoing = {"ranges": ["+7 342"], "trunk": "city", "ring": "10"}
    data = configuration(
        ivr={"ask_inn": "false", "urgency": {}}, prompts=str(prompts), timings=timings, line={"outgoing": outgoing}
    )
    async with station(folder, **data) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def here(running: Station) -> AsyncIterator[Station]:
    yield running
    try:
        await running.hang_up_all()
        await all_quiet(running, 2 * SOON)
    finally:
        for person in list(running.controller.view().operators):
            await running.api(person, "logout")


@dataclass
class Talk:
    """Operator 101 has called a customer, and they hear each other."""

    here: Station
    number: str
    customer: Call
    operator: Call

    async def row(self) -> dict[str, Any]:
        """The one row of the call, when all of it is in the register, with whoever took part."""
        row = await self.here.ended(number=self.number)
        assert len(self.here.rows(f"select * from calls where number = '{self.number}'")) == 1
        offers = self.here.rows(f"select * from offers where call = '{row['call']}' order by id")
        row["offers"] = [(one["kind"], one["operator"], one["result"]) for one in offers]
        assert row["talk"] == pytest.approx(sum(one["talk"] for one in offers), abs=0.1)
        assert (row["direction"], row["waiting"], row["joined_at"]) == ("outgoing", None, None)
        assert (row["outcome"], row["operator"], row["recording_problem"]) == ("answered", "101", "")
        return row

    def heard(self, row: dict[str, Any]) -> tuple[list[float], list[float]]:
        """Who is in the recording, in order: what the customer's side said, and the operators' side."""
        sides = recording(self.here, row)
        return parts(sides[:, 0]), parts(sides[:, 1])


@pytest_asyncio.fixture(loop_scope="module")
async def talk(here: Station) -> AsyncIterator[Talk]:
    number = f"+7342555{next(numbers):04}"
    phone = await here.operator("101")
    await until(lambda: not here.see("101").phone_trouble, SOON, "the phone is there, and has been for a moment")
    async with Softphone("provider", f"{here.network}1.200", 5060, here.proxy) as provider:
        assert (await here.api("101", "call", number=number)).status == 200
        operator = await phone.rings()
        operator.answer()
        operator.say(voice(OPERATOR))
        customer = await provider.rings()
        customer.answer()
        customer.say(voice(CALLER))
        await hears(customer, OPERATOR)
        await hears(operator, CALLER)
        await until(lambda: here.see("101").activity == "talking", what="they talk")
        await listen(operator, 0.7)
        yield Talk(here, number, customer, operator)
        customer.hang_up()


async def answers(phone: Softphone, talk: Talk, who: float = COLLEAGUE) -> Call:
    """A phone rings for this customer and is answered; they talk for a moment."""
    there = await phone.rings(within=TAKE_BACK)
    assert there.caller_number == talk.number
    there.answer()
    there.say(voice(who))
    return there


async def goes_on(there: Call, talk: Talk, who: float = COLLEAGUE) -> None:
    await hears(talk.customer, who)
    await hears(there, CALLER)
    await listen(there, 0.8)


async def test_the_operator_hangs_up_and_the_customer_hears_no_farewell_from_us(talk: Talk) -> None:
    talk.operator.hang_up()
    await until(talk.customer.ended.is_set, 3.0, "the customer's call ends")
    row = await talk.row()
    assert (row["hung_up_by"], row["offers"]) == ("operator", [("outgoing", "101", "connected")])
    assert talk.heard(row) == ([CALLER], [OPERATOR])


async def test_the_call_of_a_phone_that_lost_its_power_is_taken_back(talk: Talk) -> None:
    await talk.here.unplug("101")
    await told(talk.customer, "operator-lost", SOON)
    await talk.here.operator("102")
    kept = talk.here.see("101").kept
    assert kept
    assert (kept.number, kept.direction) == (talk.number, "outgoing")
    await hears_music(talk.customer)
    assert talk.here.see("102").activity == "idle", "nobody else is rung"
    back = await answers(await talk.here.phone("101"), talk, OPERATOR)
    await goes_on(back, talk, OPERATOR)
    back.hang_up()
    row = await talk.row()
    early = ("take_back", "101", "unreachable")  # a phone that is just starting may be tried too soon
    placed = [one for one in row["offers"] if one != early]
    assert placed == [("outgoing", "101", "lost"), ("take_back", "101", "connected")]
    assert row["recording_seconds"] > row["talk"] - 1.0, "both parts are in the recording"


async def test_nobody_takes_it_back_and_a_colleague_has_it(talk: Talk) -> None:
    colleague = await talk.here.operator("102")
    await talk.here.unplug("101")
    await told(talk.customer, "operator-lost", SOON)
    there = await answers(colleague, talk)
    await goes_on(there, talk)
    there.hang_up()
    row = await talk.row()
    assert [one for one in row["offers"] if one[0] != "take_back"] == [
        ("outgoing", "101", "lost"),
        ("queue", "102", "connected"),
    ]
    assert talk.heard(row) == ([CALLER], [OPERATOR, COLLEAGUE])
    view = talk.here.controller.view().lines["estp"]
    assert view.windows["day"].answered == 0, "nobody waited whom we called"


@pytest.mark.clause("ESTP 5.4.4")
@pytest.mark.parametrize("way", ["code", "key"])
async def test_it_is_transferred(talk: Talk, way: str) -> None:
    colleague = await talk.here.operator("201")
    if way == "code":
        await talk.operator.press("*22")
    else:
        await pressed(talk.operator, "*22")
    there = await answers(colleague, talk)
    await goes_on(there, talk)
    talk.customer.hang_up()
    await until(there.ended.is_set, what="the colleague's call ends")
    row = await talk.row()
    assert (row["hung_up_by"], row["offers"][-1]) == ("caller", ("transfer", "201", "connected"))
    assert talk.heard(row) == ([CALLER], [OPERATOR, COLLEAGUE])


@pytest.mark.clause("ESTP 5.4.4")
@pytest.mark.parametrize("taken_back", [False, True])
async def test_a_colleague_is_asked_first(talk: Talk, taken_back: bool) -> None:
    colleague = await talk.here.operator("201")
    answer = await talk.here.api("101", "transfer", target="technical", consult=True, note="спрашивает о подписи")
    assert answer.status == 200
    there = await answers(colleague, talk)
    call = talk.here.see("201").call
    assert call
    assert call.handed_why == "спрашивает о подписи"
    await hears(talk.operator, COLLEAGUE)
    await hears_music(talk.customer)
    if taken_back:
        assert (await talk.here.api("101", "transfer/cancel")).status == 200
        await goes_on(talk.operator, talk, OPERATOR)
        talk.operator.hang_up()
    else:
        talk.operator.hang_up()
        await goes_on(there, talk)
        there.hang_up()
    await until(talk.customer.ended.is_set, 5.0, "the customer's call ends")
    row = await talk.row()
    assert talk.heard(row) == ([CALLER], [OPERATOR] if taken_back else [OPERATOR, COLLEAGUE])
