"""Stories of arrival: closed, full, who calls, how urgent it is (ESTP 2.1, 2.2, 4.2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from callcenter.customers.csv_file import CustomersFile
from callcenter.customers.table import CustomersTable
from callcenter.store import Register
from tests.e2e.hearing import brief_prompts, heard_prompts, listen, names, whole
from tests.e2e.listening import CALLER, GENERAL, all_quiet, hears, voice
from tests.e2e.softphone import Call, Softphone
from tests.e2e.station import PROJECT, Station, station, until
from tests.patience import patience

pytestmark = pytest.mark.e2e
CUSTOMER, CUSTOMER_INN = "+73420000001", "5900000010"
SUPPLIER, SUPPLIER_INN = "+73420000031", "5900000316"
WRONG_INN, UNKNOWN_INN = "5900000011", "7707083893"


async def import_customers(folder: Path) -> None:
    """The directory, as `callcenter customers import` leaves it, before the line starts."""
    register = await Register.open(folder / "var" / "register.sqlite")
    read = CustomersFile.read(PROJECT / "tests" / "data" / "customers.csv")
    await CustomersTable(register).replace(read.entries, "customers.csv", datetime.now(UTC))
    await register.close()


async def metric(line: Station, sample: str) -> float:
    """One sample of /metrics; 0 where there is none."""
    address = f"http://127.0.0.1:{line.config.http.port}/metrics"
    async with aiohttp.ClientSession() as browser, browser.get(address) as response:
        lines = (await response.text()).splitlines()
    return next((float(found.rsplit(" ", 1)[1]) for found in lines if found.startswith(sample + " ")), 0.0)


async def ends(call: Call, within: float = 15.0) -> None:
    """Wait until the other side hangs up."""
    async with patience(within):
        await call.ended.wait()
    assert not call.ended_by_us


async def hears_question(line: Station, caller: Call, question: str, wrong: int = 0, after: float = 1.6) -> None:
    """Wait until the only caller is asked, after so many wrong answers, and has heard the first words of it.

    `after`: seconds until then, for the prompts before it and a turn of the waiting room.
    """

    def asked() -> bool:
        callers = line.controller._center._floor.callers.values()
        return [(one.question.value, one.inn_tries) for one in callers] == [(question, wrong)]

    await until(asked, 20.0, f"the caller is asked for {question}")
    await listen(caller, after)


@asynccontextmanager
async def general_line(line: Station, status: int = 200) -> AsyncIterator[Softphone]:
    """The general inbound line, at the trunk's address: it takes calls, or refuses them."""
    phone = Softphone("general", f"{line.network}1.200", 5060, line.proxy)

    def react(call: Call) -> None:
        call.say(voice(GENERAL))
        call.answer() if status == 200 else call.reject(status)

    phone.on_call = react
    async with phone:
        yield phone


def outside_hours() -> dict[str, str]:
    """Hours that are not now."""
    morning = datetime.now(ZoneInfo("Europe/Moscow")).hour < 12
    return {"opens": "20:00", "closes": "21:00"} if morning else {"opens": "05:00", "closes": "06:00"}


def holiday() -> dict[str, Any]:
    """Every day around now is a holiday, at any time of the day."""
    today = datetime.now(UTC).date()
    days = [(today + timedelta(days=shift)).isoformat() for shift in (-1, 0, 1)]
    return {"extra_workdays": [], "extra_holidays": days}


def first_words(call: Call, brief: Path, *among: str) -> list[str]:
    """What the caller heard, of these prompts."""
    return names(heard_prompts(call.heard(), among, brief))


# -- closed, full --------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 2.2a, 2.2c")
@pytest.mark.parametrize("hours", [outside_hours(), holiday()], ids=["outside hours", "holiday"])
async def test_a_closed_line_says_so_and_counts(tmp_path: Path, brief: Path, hours: dict[str, Any]) -> None:
    async with station(tmp_path, hours=hours, prompts=str(brief)) as line:
        caller = await line.caller()
        await ends(caller)
        row = await line.ended(outcome="closed")
        assert await metric(line, 'callcenter_calls_total{line="estp",outcome="closed"}') == 1
        assert line.controller.view().lines["estp"].lines_in_use == 0
    assert first_words(caller, brief, "closed-hours", "greeting", "all-lines-busy") == ["closed-hours"]
    assert (row["hung_up_by"], row["waiting"], row["joined_at"]) == ("system", None, None)


@pytest.mark.clause("ESTP 2.2b")
async def test_one_caller_more_than_there_are_lines_hears_so_and_the_next_is_admitted(
    tmp_path: Path, brief: Path
) -> None:
    async with station(
        tmp_path, ivr={"ask_inn": "false", "urgency": {}}, line={"capacity": "3"}, prompts=str(brief)
    ) as line:
        admitted = [await line.caller(f"+7342111110{number}") for number in range(3)]
        await until(lambda: line.waiting() == 3, what="three callers wait")
        refused = await line.caller("+73421111199")
        await ends(refused)
        row = await line.ended(outcome="all_lines_busy")
        assert (row["number"], row["hung_up_by"]) == ("+73421111199", "system")
        assert await metric(line, 'callcenter_calls_total{line="estp",outcome="all_lines_busy"}') == 1
        assert not any(caller.ended.is_set() for caller in admitted)
        admitted[0].hang_up()
        await line.ended(outcome="abandoned")
        await line.caller("+73421111188")
        await until(lambda: line.waiting() == 3, what="the freed line is used again")
    assert first_words(refused, brief, "all-lines-busy", "greeting", "closed-hours") == ["all-lines-busy"]


# -- who calls -----------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 2.1")
async def test_a_customer_known_by_number_is_not_asked(tmp_path: Path, brief: Path) -> None:
    await import_customers(tmp_path)
    async with station(tmp_path, ivr={"urgency": {}}, prompts=str(brief)) as line:
        caller = await line.caller(CUSTOMER.replace("+7", "8"))
        await until(lambda: line.waiting() == 1, what="the caller waits")
        row = await line.row(number=CUSTOMER)
        caller.hang_up()
    assert (row["identification"], row["role"], row["inn"]) == ("by_number", "Заказчик", CUSTOMER_INN)
    assert first_words(caller, brief, "greeting", "ask-inn", "not-customer") == ["greeting"]


@pytest.mark.clause("ESTP 2.1")
async def test_a_known_supplier_reaches_the_general_line_and_they_hear_each_other(tmp_path: Path, brief: Path) -> None:
    await import_customers(tmp_path)
    async with station(tmp_path, prompts=str(brief)) as line, general_line(line) as general:
        caller = await line.caller(SUPPLIER)
        caller.say(voice(CALLER))
        there = await general.rings()
        await hears(there, CALLER)
        await hears(caller, GENERAL)
        caller.hang_up()
        await ends(there)
        row = await line.ended(number=SUPPLIER)
        await all_quiet(line)
    assert (row["outcome"], row["identification"], row["role"]) == ("general_line", "by_number", "Поставщик")
    assert (row["operator"], row["joined_at"], row["hung_up_by"]) == ("", None, "caller")
    assert first_words(caller, brief, "greeting", "not-customer", "general-unavailable")[-1] == "not-customer"


@pytest.mark.clause("ESTP 2.1")
async def test_the_general_line_hangs_up_first(tmp_path: Path, brief: Path) -> None:
    await import_customers(tmp_path)
    async with station(tmp_path, prompts=str(brief)) as line, general_line(line) as general:
        caller = await line.caller(SUPPLIER)
        there = await general.rings()
        await hears(caller, GENERAL)
        there.hang_up()
        await ends(caller)
        row = await line.ended(number=SUPPLIER)
        await all_quiet(line)
    assert (row["outcome"], row["hung_up_by"]) == ("general_line", "system")


@pytest.mark.clause("ESTP 2.1")
async def test_a_general_line_that_does_not_answer_is_told_to_the_caller(tmp_path: Path, brief: Path) -> None:
    await import_customers(tmp_path)
    async with station(tmp_path, prompts=str(brief)) as line, general_line(line, status=480):
        caller = await line.caller(SUPPLIER)
        await ends(caller)
        row = await line.ended(number=SUPPLIER)
    assert first_words(caller, brief, "not-customer", "general-unavailable") == ["not-customer", "general-unavailable"]
    assert (row["outcome"], row["hung_up_by"]) == ("general_line", "system")


@pytest.mark.clause("ESTP 2.1")
@pytest.mark.parametrize(
    ("keys", "identification", "inn", "said"),
    [
        (
            [WRONG_INN + "#", CUSTOMER_INN + "#"],
            "by_inn",
            CUSTOMER_INN,
            ["ask-inn", "inn-again", "identified"],
        ),
        (["123456789012"], "unknown", "", ["ask-inn", "inn-again"]),
        ([UNKNOWN_INN + "#"], "inn_only", UNKNOWN_INN, ["ask-inn", "inn-unknown-go-on"]),
        (["#"], "unknown", "", ["ask-inn"]),
        (["*"], "unknown", "", ["ask-inn"]),
        (["1#", "2#"], "unknown", "", ["ask-inn", "inn-again", "inn-unknown-go-on"]),
    ],
    ids=["wrong, then right", "twelve digits", "right but unknown", "skipped by #", "skipped by *", "wrong twice"],
)
async def test_a_caller_keys_in_an_inn(
    tmp_path: Path, brief: Path, keys: list[str], identification: str, inn: str, said: list[str]
) -> None:
    await import_customers(tmp_path)
    async with station(tmp_path, ivr={"urgency": {}}, prompts=str(brief)) as line:
        caller = await line.caller()
        for wrong, entry in enumerate(keys):
            await hears_question(line, caller, "inn", wrong)
            await caller.press(entry)
        await until(lambda: line.rows()[0]["question_answered_at"], what="the answer is in the register")
        row = await line.row(identification=identification)
        await listen(caller, 3.5)
        caller.hang_up()
    assert row["inn"] == inn
    assert row["role"] == ("Заказчик" if identification == "by_inn" else "")
    assert first_words(caller, brief, "ask-inn", "inn-again", "identified", "inn-unknown-go-on", "not-customer") == said


@pytest.mark.clause("ESTP 2.1")
async def test_the_inn_of_a_supplier_leads_to_the_general_line(tmp_path: Path, brief: Path) -> None:
    await import_customers(tmp_path)
    async with station(tmp_path, prompts=str(brief)) as line, general_line(line) as general:
        caller = await line.caller()
        await hears_question(line, caller, "inn")
        await caller.press(SUPPLIER_INN + "#")
        await general.rings()
        await hears(caller, GENERAL)
        caller.hang_up()
        row = await line.ended(outcome="general_line")
    assert (row["identification"], row["inn"], row["role"]) == ("by_inn", SUPPLIER_INN, "Поставщик")


# -- what a caller hears, at full length ---------------------------------------------------------------------------


@pytest.mark.clause("ESTP 2.1, 2.6, 4.2, 5.4.6")
async def test_the_way_into_the_queue_as_it_is_heard(tmp_path: Path) -> None:
    """The greeting tells of the recording before anything else, and wholly; keys cut questions short."""
    prompts = brief_prompts(tmp_path / "prompts", whole=["greeting", "ask-inn", "ask-urgency", "urgency-accepted"])
    async with station(tmp_path, prompts=str(prompts)) as line:
        caller = await line.caller()
        await hears_question(line, caller, "inn", after=2.5)
        await caller.press("#")
        await hears_question(line, caller, "urgency", after=2.5)
        await caller.press("1")
        row = await line.row(urgency="urgent")
        await listen(caller, 6.0)
        caller.hang_up()
    found = heard_prompts(caller.heard(), prompts=prompts)
    assert names(found) == [
        "greeting",
        "nobody-on-shift",
        "ask-inn",
        "ask-urgency",
        "urgency-accepted",
        "press-for-info",
    ]
    assert row["identification"] == "unknown"
    assert found[0].start < 1.0
    assert [whole(one, prompts) for one in found] == [True, True, False, False, True, True]
