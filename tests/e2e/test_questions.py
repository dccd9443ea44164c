"""What callers do to the questions: keys at the wrong moment, going away at any step (ESTP 2.1, 4.2, 5.6.1)."""

from __future__ import annotations

import asyncio
import copy
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.hearing import brief_prompts, heard_prompts, listen, names
from tests.e2e.listening import CALLER, OPERATOR, all_quiet, hears, hears_music, one_story, voice
from tests.e2e.processes import another_process, asterisk_without_controller, controlled, ready, serve
from tests.e2e.softphone import Call
from tests.e2e.station import NUMBER, Station, configuration, every_day, station, until
from tests.e2e.test_caller_arrival import CUSTOMER_INN, ends, hears_question, import_customers

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), pytest.mark.clause("ESTP 2.1, 5.6.1")]

SECOND = "73422921961"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("questions")
    async with station(folder, prompts=str(brief_prompts(folder / "prompts"))) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def here(running: Station) -> AsyncIterator[Station]:
    async for line in one_story(running):
        yield line


# -- keys ----------------------------------------------------------------------------------------------------------


async def test_more_digits_than_an_inn_has_answer_no_other_question(here: Station) -> None:
    """A card number, all at once; the last digits would be an urgency."""
    caller = await here.caller("+73421000001")
    await hears_question(here, caller, "inn")
    await caller.press("5001007322591111")
    await hears_question(here, caller, "urgency")
    row = await here.row(number="+73421000001")
    assert (row["inn"], row["urgency"]) == ("500100732259", "normal")
    caller.hang_up()


async def test_keys_while_the_operator_is_being_connected(here: Station) -> None:
    phone = await here.operator("101")
    await here.operator("201")
    caller = await here.caller("+73421000002")
    caller.say(voice(CALLER))
    there = await phone.rings()
    typing = asyncio.create_task(caller.press("1*0#*22*9" * 2))
    await asyncio.sleep(0.5)
    there.answer()
    there.say(voice(OPERATOR))
    await typing
    await hears(caller, OPERATOR)
    await hears(there, CALLER)
    assert here.see("201").activity == "idle", "the caller has no codes"
    there.hang_up()
    await ends(caller)
    row = await here.ended(number="+73421000002")
    assert (row["outcome"], row["operator"], row["info_visits"]) == ("answered", "101", 0)


# -- going away ----------------------------------------------------------------------------------------------------


async def in_the_greeting(here: Station, caller: Call) -> None:
    await listen(caller, 0.5)


async def when_asked_for_the_inn(here: Station, caller: Call) -> None:
    await hears_question(here, caller, "inn")


async def typing_the_inn(here: Station, caller: Call) -> None:
    await when_asked_for_the_inn(here, caller)
    await caller.press("59000")


async def when_asked_for_the_urgency(here: Station, caller: Call) -> None:
    await when_asked_for_the_inn(here, caller)
    await caller.press("#")
    await hears_question(here, caller, "urgency")


async def in_the_information_menu(here: Station, caller: Call) -> None:
    await when_asked_for_the_urgency(here, caller)
    await caller.press("2")
    await listen(caller, 2.5)
    await caller.press("1")
    await until(lambda: here.rows("select * from calls order by arrived_at")[-1]["info_visits"], what="the menu")


async def while_a_phone_rings(here: Station, caller: Call) -> None:
    await (await here.operator("101")).rings()


async def in_the_conversation(here: Station, caller: Call) -> Call:
    there = await (await here.operator("101")).rings()
    there.answer()
    there.say(voice(OPERATOR))
    await hears(caller, OPERATOR)
    await listen(caller, 1.0)
    return there


async def on_hold(here: Station, caller: Call) -> None:
    there = await in_the_conversation(here, caller)
    await here.operator("201")
    await there.press("*22")
    await (await here.phone("201")).rings()
    there.hang_up()
    await hears_music(caller)


async def in_the_good_bye(here: Station, caller: Call) -> None:
    there = await in_the_conversation(here, caller)
    there.hang_up()
    await listen(caller, 0.4)


STEPS: dict[Callable[[Station, Call], Awaitable[object]], tuple[str, set[str]]] = {
    in_the_greeting: ("left_in_menu", {"caller"}),
    when_asked_for_the_inn: ("abandoned", {"caller"}),
    typing_the_inn: ("abandoned", {"caller"}),
    when_asked_for_the_urgency: ("abandoned", {"caller"}),
    in_the_information_menu: ("abandoned", {"caller"}),
    while_a_phone_rings: ("abandoned", {"caller"}),
    in_the_conversation: ("answered", {"caller"}),
    on_hold: ("answered", {"caller"}),
    in_the_good_bye: ("answered", {"operator"}),
}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
async def test_the_caller_hangs_up(here: Station, step: Callable[[Station, Call], Awaitable[object]]) -> None:
    """At each step: one row, which says what was, and nobody is left busy."""
    number = f"+7342200{list(STEPS).index(step):04}"
    caller = await here.caller(number)
    await step(here, caller)
    caller.hang_up()
    row = await here.ended(number=number)
    outcome, hung_up_by = STEPS[step]
    assert row["outcome"] == outcome
    assert row["hung_up_by"] in hung_up_by
    await all_quiet(here)


async def test_the_caller_hangs_up_before_the_answer(here: Station) -> None:
    caller = await here.caller("+73421000003")
    await until(lambda: caller.status, what="a first response: before it nothing can be cancelled (RFC 3261, 9.1)")
    caller.hang_up()
    await all_quiet(here)
    next_one = await here.caller("+73421000004")
    await when_asked_for_the_inn(here, next_one)
    next_one.hang_up()
    assert [row["outcome"] for row in here.rows() if row["number"] == "+73421000003"] in ([], ["left_in_menu"])


# -- lines and controllers -----------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 4.2")
async def test_two_lines_with_different_menus(tmp_path: Path, brief: Path) -> None:
    """Each asks in its own way, at the same time, and the same key means something else."""
    lines = configuration()["lines"]
    lines["second"] = copy.deepcopy(lines["estp"]) | {"numbers": [SECOND]}
    lines["second"]["ivr"] |= {"identify": "before_queue", "ask_inn": "false", "urgency": {"2": "urgent"}}
    async with station(tmp_path, lines=lines, prompts=str(brief)) as line:
        first = await line.caller("+73421000001", dial=NUMBER)
        await until(lambda: "estp" in asked(line), what="the first has arrived: two INVITEs may overtake one another")
        second = await line.caller("+73421000002", dial=SECOND)
        await until(lambda: asked(line) == {"estp": ("waiting", "inn"), "second": ("choosing", "nothing")})
        await listen(first, 2.0)
        await second.press("2")
        await first.press("#")
        await until(lambda: asked(line) == {"estp": ("waiting", "urgency"), "second": ("waiting", "nothing")})
        await listen(first, 1.0)
        await first.press("2")
        rows = [await line.row(number=f"+7342100000{n}", urgency=which) for n, which in ((1, "normal"), (2, "urgent"))]
        served = []
        phone = await line.operator("101")
        for _ in rows:
            there = await phone.rings()
            served.append(there.caller_number)
            there.answer()
            await listen(there, 1.0)
            there.hang_up()
        for caller in (first, second):
            await ends(caller)
        await all_quiet(line)
    assert [row["line"] for row in rows] == ["estp", "second"]
    assert served == ["+73421000001", "+73421000002"], "of the first of each line, who arrived first"
    assert "ask-inn" in names(heard_prompts(first.heard(), ["ask-inn", "ask-urgency"], brief))
    assert names(heard_prompts(second.heard(), ["ask-inn", "ask-urgency"], brief)) == ["ask-urgency"]


def asked(line: Station) -> dict[str, tuple[str, str]]:
    """By line: the state of its only caller, and what is asked in the queue."""
    callers = line.controller._center._floor.callers.values()
    return {one.record.line: (one.state.value, one.question.value) for one in callers}


@pytest.mark.clause("ESTP 2.3")
async def test_the_controller_dies_while_a_caller_types(tmp_path: Path, brief: Path) -> None:
    """The digits are Asterisk's: the next controller gets the whole INN, and the caller keeps the place."""
    await import_customers(tmp_path)
    ivr = {"ask_inn": "true", "urgency": {}}
    async with asterisk_without_controller(tmp_path, brief, ivr=ivr, dialplan=every_day(tmp_path)) as line:
        with another_process(line, tmp_path) as killed:
            await ready(line)
            caller = await line.caller("+73421111101")
            await until(lambda: line.rows() and line.rows()[0]["joined_at"], what="the caller waits, and is asked")
            await listen(caller, 2.0)
            await caller.press(CUSTOMER_INN[:2])
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        typing = asyncio.create_task(slowly(caller, CUSTOMER_INN[2:]))
        async with controlled(line):
            await typing
            await caller.press("#")
            row = await line.row(number="+73421111101", identification="by_inn")
            phone = await line.operator("101")
            assert await serve(line, phone, 1) == ["+73421111101"]
            await line.ended(number="+73421111101", outcome="answered")
            await all_quiet(line)
    assert (row["inn"], row["place_at"]) == (CUSTOMER_INN, row["arrived_at"])


async def slowly(caller: Call, keys: str) -> None:
    for key in keys:
        await listen(caller, 0.8)
        await caller.press(key)


@pytest.mark.clause("ESTP 2.3")
async def test_an_answer_that_no_controller_hears_costs_no_place(tmp_path: Path, brief: Path) -> None:
    """All is typed while the controller is dead: the caller goes on unidentified, from the same place."""
    ivr = {"ask_inn": "true", "urgency": {}}
    async with asterisk_without_controller(tmp_path, brief, ivr=ivr, dialplan=every_day(tmp_path)) as line:
        with another_process(line, tmp_path) as killed:
            await ready(line)
            caller = await line.caller("+73421111101")
            await until(lambda: line.rows() and line.rows()[0]["joined_at"], what="the caller waits, and is asked")
            await listen(caller, 2.0)
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        await caller.press(CUSTOMER_INN + "#")
        await listen(caller, 0.3)
        async with controlled(line):
            phone = await line.operator("101")
            assert await serve(line, phone, 1) == ["+73421111101"]
            row = await line.ended(number="+73421111101", outcome="answered")
    assert (row["identification"], row["place_at"]) == ("unknown", row["arrived_at"])
