"""Shifts by telephone, on a real Asterisk: codes, PINs, pauses; and a phone that registers with a password."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from callcenter.calendar.clock import wall_clock
from callcenter.knowledge.news import NewsText
from callcenter.knowledge.news_table import NewsTable
from tests.e2e.hearing import PROMPTS, brief_prompts, heard_prompts, names
from tests.e2e.listening import CALLER, OPERATOR, all_quiet, hears, one_story, told, voice
from tests.e2e.softphone import RATE, Call, Softphone
from tests.e2e.station import Station, station, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), pytest.mark.clause("ESTP 5.3.1")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("codes")
    answers = [path.stem for path in (PROMPTS / "ru").glob("op-*.wav") if "enter" not in path.stem]
    prompts = brief_prompts(folder / "prompts", 0.3, [*answers, "conduct-refused"])
    ivr = {"ask_inn": "false", "urgency": {}}
    async with station(folder, ivr=ivr, prompts=str(prompts), registering=["103"]) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def here(running: Station) -> AsyncIterator[Station]:
    async for line in one_story(running):
        yield line


async def dials(phone: Softphone, code: str, *entries: str) -> Call:
    """Dial a code and key in what is asked for."""
    call = await phone.dial(code)
    await until(call.answered.is_set, what=f"{code} is answered")
    if entries:
        await until(lambda: len(call.media.heard) > RATE // 10, what="asked for something")
    for entry in entries:
        await call.press(entry)
    return call


async def is_told(phone: Softphone, code: str, *entries: str, answer: str) -> None:
    """Dial a code, hear the answer, and that Asterisk hangs up after it."""
    call = await dials(phone, code, *entries)
    await told(call, answer)
    await until(call.ended.is_set, 15.0, "the call of a code ends by itself")


async def is_accepted(phone: Softphone, code: str) -> None:
    """Dial a code, and hear nothing but a beep, which is too short to be found among the prompts."""
    call = await dials(phone, code)
    await until(call.ended.is_set, 15.0, "the call of a code ends by itself")
    assert names(heard_prompts(call.heard(8.0), ["op-not-possible", "op-not-logged-in"])) == []


def pin(here: Station, person: str) -> str:
    initial = here.secrets.initial(person)
    assert initial
    return initial.pin


def changes(here: Station, person: str) -> list[dict[str, Any]]:
    return here.rows(f"select * from presence_changes where operator = '{person}' order by id")


async def test_a_shift_from_the_first_code_to_the_last(here: Station) -> None:
    phone = await here.phone("101")
    await is_told(phone, "*11", "101#", pin(here, "101") + "#", answer="op-logged-in")
    assert here.see("101").presence == "available"
    await is_told(phone, "*13", "2", answer="op-paused")
    assert (here.see("101").presence, here.see("101").reason) == ("paused", "break")
    await is_told(phone, "*14", answer="op-returned")
    assert here.see("101").presence == "available"
    await is_told(phone, "*12", answer="op-logged-out")
    assert here.see("101").presence == "off"
    await until(lambda: len(changes(here, "101")) == 4)
    assert [(row["presence"], row["reason"], row["cause"]) for row in changes(here, "101")] == [
        ("available", "", "asked"),
        ("paused", "break", "asked"),
        ("available", "", "asked"),
        ("off", "", "asked"),
    ]
    (shift,) = here.rows("select * from shifts where operator = '101'")
    assert shift["phone"] == "101"
    assert shift["started_at"] < shift["ended_at"]


@pytest.mark.clause("ESTP 5.2")
async def test_who_has_news_to_read_is_told_so_when_the_shift_begins(here: Station) -> None:
    now = wall_clock()
    news = NewsTable(here.controller._register)
    item = await news.write(NewsText("Новый тариф", "С понедельника.", now), "301", now)
    try:
        phone = await here.phone("101")
        call = await dials(phone, "*11", "101#", pin(here, "101") + "#")
        await told(call, "op-logged-in")
        await told(call, "op-unread-news")
        await until(call.ended.is_set, 15.0, "the call of a code ends by itself")
        assert here.see("101").presence == "available"
        await news.confirm(item.id, item.version, "101", now)
        await is_told(phone, "*11", "101#", pin(here, "101") + "#", answer="op-logged-in")
    finally:
        await news.withdraw(item.id, item.version, "301", now)


async def talked(here: Station, phone: Softphone, number: str) -> tuple[Call, Call]:
    """A conversation with whoever sits at this phone: the caller's side, and the operator's."""
    caller = await here.caller(number)
    leg = await phone.rings()
    leg.answer()
    leg.media.say(voice(OPERATOR))
    caller.media.say(voice(CALLER))
    await hears(caller, OPERATOR)
    return caller, leg


def registered(here: Station, number: str) -> list[tuple[Any, ...]]:
    found = here.rows(
        "select n.* from call_notes n join calls c on c.call = n.call "
        f"where c.number = '{number}' and n.registered_at is not null"
    )
    return [(row["operator"], row["subject"], row["result"], bool(row["conduct"])) for row in found]


@pytest.mark.clause("ESTP 3.1")
@pytest.mark.clause("ESTP 5.6.2")
async def test_who_has_only_a_telephone_registers_calls_by_their_subject(here: Station) -> None:
    phone = await here.operator("101")
    subjects = list(here.config.lines["estp"].subjects)
    await is_told(phone, "*71", answer="op-not-possible")  # there was no call yet
    caller, leg = await talked(here, phone, "+73425554001")
    await leg.press("*72")
    await until(lambda: registered(here, "+73425554001") == [("101", subjects[1], "answered", False)])
    await hears(caller, OPERATOR)
    caller.hang_up()
    await leg.ended.wait()
    await is_accepted(phone, "*71")  # it was another one after all
    assert registered(here, "+73425554001") == [("101", subjects[0], "answered", False)]
    caller, leg = await talked(here, phone, "+73425554002")
    caller.hang_up()
    await leg.ended.wait()
    await is_accepted(phone, "*73")
    assert registered(here, "+73425554002") == [("101", subjects[2], "answered", False)]
    stranger = await here.phone("104")
    await is_told(stranger, "*71", answer="op-not-logged-in")


@pytest.mark.clause("ESTP 5.6.3")
async def test_a_telephone_ends_a_call_because_of_the_callers_conduct(
    here: Station, caplog: pytest.LogCaptureFixture
) -> None:
    phone = await here.operator("101")
    caller, leg = await talked(here, phone, "+73425554003")
    await leg.press("*6")
    await told(caller, "conduct-refused")
    await until(caller.ended.is_set, 15.0, "the call is over")
    await until(leg.ended.is_set)
    await until(lambda: registered(here, "+73425554003") == [("101", "", "refused", True)])
    assert "because of the caller's conduct" in caplog.text
    caller, leg = await talked(here, phone, "+73425554004")
    caller.hang_up()  # after a curse; the code comes afterwards
    await leg.ended.wait()
    await is_accepted(phone, "*6")
    assert registered(here, "+73425554004") == [("101", "", "refused", True)]


async def test_codes_without_a_shift_and_reasons_that_are_none(here: Station) -> None:
    phone = await here.phone("102")
    for code, keys in (("*12", ()), ("*13", ("1",)), ("*14", ())):
        await is_told(phone, code, *keys, answer="op-not-logged-in")
    await here.operator("102")
    await is_told(phone, "*13", "9", answer="op-not-possible")
    assert here.see("102").presence == "available"


async def test_a_phone_has_one_person_and_a_person_one_phone(here: Station) -> None:
    await here.operator("101")
    phone = await here.phone("101")
    await is_told(phone, "*11", "104#", pin(here, "104") + "#", answer="op-not-possible")
    assert here.see("104").presence == "off"
    elsewhere = await here.phone("104")
    await is_told(elsewhere, "*11", "101#", pin(here, "101") + "#", answer="op-logged-in")
    assert here.see("101").phone == "104"


async def test_wrong_pins_are_counted_and_slow_down(here: Station, caplog: pytest.LogCaptureFixture) -> None:
    phone = await here.phone("201")
    right = pin(here, "201")
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    for entry in (wrong, "0" * 12, wrong):
        await is_told(phone, "*11", "201#", entry + "#", answer="op-wrong-pin")
    await is_told(phone, "*11", "201#", right + "#", answer="op-try-later")
    assert here.see("201").presence == "off"
    await is_told(phone, "*11", "999#", right + "#", answer="op-wrong-pin")  # nobody of that id
    log = caplog.text + (here.config.var / "asterisk/log/messages.log").read_text()
    assert "3 wrong passwords or PINs in a row for '201'" in caplog.text
    assert not re.search(f"{right}|{wrong}", log), "no PIN in a log"


async def test_hanging_up_before_the_pin(here: Station) -> None:
    phone = await here.phone("202")
    call = await dials(phone, "*11", "202#")
    call.hang_up()
    await all_quiet(here)
    assert here.see("202").presence == "off"


async def test_who_missed_a_call_hears_so_on_returning(here: Station) -> None:
    phone = await here.operator("101")
    caller = await here.caller()
    missed = await phone.rings()
    await until(missed.ended.is_set)
    await until(lambda: (here.see("101").presence, here.see("101").reason) == ("paused", "missed"))
    call = await dials(phone, "*14")
    await told(call, "op-missed-paused")
    await told(call, "op-returned")
    await until(call.ended.is_set)
    again = await phone.rings()  # not sooner; and the caller has kept the place
    again.answer()
    again.say(voice(OPERATOR))
    await hears(caller, OPERATOR)
    caller.hang_up()
    await until(again.ended.is_set)


@pytest.mark.parametrize(
    ("status", "told_so"), [(480, "op-dnd-paused"), (603, "op-dnd-paused"), (302, "op-forwarded-paused")]
)
async def test_who_was_paused_by_the_phones_settings_hears_which(here: Station, status: int, told_so: str) -> None:
    phone = await here.operator("101")
    phone.on_call = lambda call: call.reject(status, f"sip:900@{here.proxy[0]}" if status == 302 else "")
    caller = await here.caller()
    await until(lambda: here.see("101").presence == "paused")
    phone.on_call = None
    caller.hang_up()
    await is_told(phone, "*14", answer=told_so)
    assert here.see("101").presence == "available"


async def test_a_phone_that_registers_can_log_in_and_talk(here: Station) -> None:
    secret = here.secrets.phones["103"]
    async with Softphone("103", f"{here.network}3.7", 0, here.proxy, secret) as phone:
        phone.register()
        await until(phone.registered.is_set, what="registered")
        await is_told(phone, "*11", "103#", pin(here, "103") + "#", answer="op-logged-in")
        assert here.see("103").phone == "103"
        caller = await here.caller()
        caller.say(voice(CALLER))
        call = await phone.rings()
        call.answer()
        call.say(voice(OPERATOR))
        await hears(caller, OPERATOR)
        await hears(call, CALLER)
        caller.hang_up()
        await until(call.ended.is_set)


async def test_a_wrong_sip_password_registers_nothing(here: Station) -> None:
    async with Softphone("103", f"{here.network}3.8", 0, here.proxy, "not the password") as phone:
        phone.register()
        (attempt,) = phone.calls.values()
        await until(lambda: attempt.status in (401, 403) or attempt.ended.is_set())
        assert not phone.registered.is_set()
        call = await phone.dial("*14")
        await until(lambda: call.status >= 400, what="calls of a stranger are refused")


async def test_a_phone_that_is_not_registered_is_unreachable_at_once(here: Station) -> None:
    assert (await here.api("103", phone="103")).status == 200
    caller = await here.caller()
    await until(lambda: here.see("103").phone_trouble == "unreachable", 5.0, "sooner than its phone could have rung")
    await until(lambda: here.waiting() == 1)
    assert (here.see("103").presence, here.see("103").activity) == ("available", "idle")
    caller.hang_up()


async def test_the_echo_proves_phone_and_line(here: Station) -> None:
    phone = await here.phone("101")
    call = await dials(phone, "*16")
    await hears(call)
    call.media.say(voice(OPERATOR))
    await hears(call, OPERATOR)
    call.hang_up()
    await call.ended.wait()
