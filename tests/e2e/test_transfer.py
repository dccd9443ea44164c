"""Handing a caller on, with a real Asterisk: by code and over the page's API, and everything that can go wrong."""

from __future__ import annotations

import hashlib
import itertools
import wave
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import pytest_asyncio

from tests.e2e.hearing import PROMPTS, brief_prompts
from tests.e2e.listening import CALLER, COLLEAGUE, GENERAL, OPERATOR, hears, hears_music, one_story, told, voice, voices
from tests.e2e.softphone import RATE, Call, Softphone
from tests.e2e.station import Station, station, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

numbers = itertools.count(1)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("transfers")
    whole = [path.stem for path in (PROMPTS / "ru").glob("op-*.wav")] + ["general-unavailable"]
    prompts = brief_prompts(folder / "prompts", 0.3, whole)
    async with station(folder, ivr={"ask_inn": "false", "urgency": {}}, prompts=str(prompts)) as found:
        yield found


class Talk:
    """A caller in conversation with operator 101; colleagues are there as each story wants."""

    def __init__(self, here: Station, number: str, caller: Call, operator: Call) -> None:
        self.here, self.number, self.caller, self.operator = here, number, caller, operator

    async def colleague(self, person: str = "201") -> Call:
        """The colleague's phone rings."""
        return await (await self.here.phone(person)).rings()

    async def row(self) -> dict[str, Any]:
        """The call's row, once it is closed and its recording is in."""
        await until(lambda: self._rows()[0]["ended_at"], what="the call's row is closed")
        await until(lambda: self._rows()[0]["recording"], what="the recording is registered")
        return self._rows()[0]

    def _rows(self) -> list[dict[str, Any]]:
        return self.here.rows(f"select * from calls where number = '{self.number}'")

    async def transfers(self, *expected: tuple[str, str, str]) -> None:
        """Wait until the register has these attempts: (target, to whom, result)."""
        sql = (
            "select target, to_operator, result from transfers join calls using (call) "
            f"where calls.number = '{self.number}' order by transfers.number"
        )
        await until(
            lambda: [tuple(row.values()) for row in self.here.rows(sql)] == list(expected),
            what=f"transfers {expected}, found {self.here.rows(sql)}",
        )

    def offers(self) -> list[tuple[str, str, str]]:
        """Offers of the call: (operator, kind, result)."""
        sql = (
            "select offers.operator, kind, result from offers join calls using (call) "
            f"where calls.number = '{self.number}' order by offers.id"
        )
        return [(row["operator"], row["kind"], row["result"]) for row in self.here.rows(sql)]


@pytest_asyncio.fixture(loop_scope="module")
async def here(running: Station) -> AsyncIterator[Station]:
    """The line with nobody on shift; afterwards no ghost may be left."""
    async for line in one_story(running):
        yield line


@pytest_asyncio.fixture(loop_scope="module")
async def talk(here: Station) -> Talk:
    """The caller talks with 101."""
    phone = await here.operator("101")
    number = f"+7342555{next(numbers):04}"
    caller = await here.caller(number)
    caller.say(voice(CALLER))
    operator = await phone.rings()
    operator.answer()
    operator.say(voice(OPERATOR))
    await hears(caller, OPERATOR)
    await hears(operator, CALLER)
    await until(lambda: here.see("101").activity == "talking")
    return Talk(here, number, caller, operator)


async def on_shift(here: Station, *people: str) -> None:
    for person in people:
        await here.operator(person)


def pick_up(call: Call) -> None:
    call.answer()
    call.say(voice(COLLEAGUE))


async def ends(*calls: Call) -> None:
    for call in calls:
        await until(call.ended.is_set, 12.0, f"the call of {call.phone.user} ends")


def recording(here: Station, row: dict[str, Any]) -> npt.NDArray[np.int16]:
    """The two channels of a call's file, after its hash and length are found to be as registered."""
    path = here.config.recordings.folder / row["recording"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == row["recording_sha256"]
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE)
        assert file.getnframes() / RATE == pytest.approx(row["recording_seconds"], abs=0.02)
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return samples.reshape(-1, 2)


def parts(side: npt.NDArray[np.int16]) -> list[float]:
    """Who is heard on one side of a recording, one after the other, each once for an unbroken stretch."""
    step = RATE // 20
    heard = [voices(side[start : start + step]) for start in range(0, len(side) - step, step)]
    found = [next(iter(who)) for who in heard if len(who) == 1]
    return [who for who, _ in itertools.groupby(found)]


# -- directly to a free colleague ------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 5.4.4")
@pytest.mark.clause("ESTP 2.6")
async def test_by_code_to_a_free_specialist_and_all_of_it_is_in_one_recording(talk: Talk) -> None:
    await on_shift(talk.here, "201")
    await talk.operator.press("*22")
    colleague = await talk.colleague()
    await told(talk.operator, "op-transfer-ringing")
    await hears(talk.operator, CALLER)  # the conversation goes on until the colleague is there
    pick_up(colleague)
    await hears(talk.caller, COLLEAGUE)
    await hears(colleague, CALLER)
    await ends(talk.operator)
    assert not talk.operator.ended_by_us
    await until(lambda: talk.here.see("101").activity == "idle")
    colleague.hang_up()
    await ends(talk.caller)
    row = await talk.row()
    await talk.transfers(("technical", "201", "done"))
    assert talk.offers() == [("101", "queue", "connected"), ("201", "transfer", "connected")]
    assert (row["operator"], row["outcome"], row["hung_up_by"]) == ("101", "answered", "operator")
    both = recording(talk.here, row)
    assert row["recording_seconds"] == pytest.approx(row["talk"], abs=0.3)
    assert parts(both[:, 0]) == [CALLER]
    assert parts(both[:, 1]) == [OPERATOR, COLLEAGUE]


@pytest.mark.clause("ESTP 5.4.5")
async def test_over_the_api_and_the_colleague_picks_up_at_once(talk: Talk) -> None:
    await on_shift(talk.here, "301")
    answer = await talk.here.api("101", "transfer", target="managers")
    assert (answer.status, (await answer.json())["answer"]) == (200, "ringing_colleague")
    colleague = await talk.colleague("301")
    pick_up(colleague)
    await hears(talk.caller, COLLEAGUE)
    await hears(colleague, CALLER)
    await ends(talk.operator)
    talk.caller.hang_up()
    await ends(colleague)
    row = await talk.row()
    await talk.transfers(("managers", "301", "done"))
    assert row["hung_up_by"] == "caller"


async def test_a_colleague_quicker_than_the_words_to_the_operator(talk: Talk) -> None:
    await on_shift(talk.here, "201")
    (await talk.here.phone("201")).on_call = pick_up
    await talk.operator.press("*22")
    colleague = await talk.colleague()
    (await talk.here.phone("201")).on_call = None
    await hears(talk.caller, COLLEAGUE)  # and no music that nobody would stop
    await hears(colleague, CALLER)
    await ends(talk.operator)
    colleague.hang_up()
    await ends(talk.caller)
    await talk.transfers(("technical", "201", "done"))


async def test_the_operator_hangs_up_while_the_colleagues_phone_rings(talk: Talk) -> None:
    await on_shift(talk.here, "201")
    await talk.operator.press("*22")
    colleague = await talk.colleague()
    talk.operator.hang_up()
    await hears_music(talk.caller)
    pick_up(colleague)
    await hears(talk.caller, COLLEAGUE)
    await hears(colleague, CALLER)
    colleague.hang_up()
    await ends(talk.caller)
    row = await talk.row()
    await talk.transfers(("technical", "201", "done"))
    assert parts(recording(talk.here, row)[:, 1]) == [OPERATOR, COLLEAGUE]
    assert row["recording_seconds"] == pytest.approx(row["talk"], abs=0.3)


async def test_the_first_colleague_misses_the_next_is_busy_and_the_caller_stays(talk: Talk) -> None:
    await on_shift(talk.here, "201", "202")
    (await talk.here.phone("202")).on_call = lambda call: call.reject(486)
    await talk.operator.press("*22")
    missed = await talk.colleague("201")
    await ends(missed)
    await talk.colleague("202")
    (await talk.here.phone("202")).on_call = None
    await until(lambda: talk.here.see("101").transfer == "missed")
    await hears(talk.caller, OPERATOR)
    await hears(talk.operator, CALLER)
    assert [talk.here.see(person).reason for person in ("201", "202")] == ["missed", ""]
    assert talk.here.see("202").phone_trouble == "busy"
    await talk.transfers(("technical", "", "missed"))
    talk.operator.hang_up()
    await ends(talk.caller)
    assert talk.offers()[1:] == [("201", "transfer", "missed"), ("202", "transfer", "busy")]


async def test_the_operator_has_gone_all_colleagues_miss_and_the_caller_is_served_again(talk: Talk) -> None:
    await on_shift(talk.here, "201")
    (await talk.here.phone("201")).on_call = None
    await talk.operator.press("*22")
    await talk.colleague("201")
    talk.operator.hang_up()
    again = await (await talk.here.phone("101")).rings()  # from the queue, by its longest free operator
    again.answer()
    again.say(voice(OPERATOR))
    await hears(talk.caller, OPERATOR)
    talk.caller.hang_up()
    await ends(again)
    row = await talk.row()
    assert (row["operator"], row["outcome"]) == ("101", "answered")
    await talk.transfers(("technical", "", "missed"))


@pytest.mark.clause("ESTP 5.4.4")
@pytest.mark.clause("ESTP 5.4.5")
async def test_none_free_is_told_at_once_and_nothing_is_dropped(talk: Talk) -> None:
    await talk.operator.press("*22")
    await told(talk.operator, "op-none-free-technical")
    await hears(talk.caller, OPERATOR)
    await hears(talk.operator, CALLER)
    await talk.operator.press("*33")
    await told(talk.operator, "op-none-free-managers")
    answer = await talk.here.api("101", "transfer", target="managers", consult=True)
    assert (answer.status, (await answer.json())["answer"]) == (409, "none_free")
    await hears(talk.caller, OPERATOR)
    await hears(talk.operator, CALLER)
    assert not talk.caller.ended.is_set()
    talk.operator.hang_up()
    await ends(talk.caller)
    await talk.transfers(("technical", "", "none_free"), ("managers", "", "none_free"), ("managers", "", "none_free"))


async def test_a_transfer_after_a_transfer(talk: Talk) -> None:
    await on_shift(talk.here, "201", "301")
    await talk.operator.press("*22")
    specialist = await talk.colleague("201")
    pick_up(specialist)
    await ends(talk.operator)
    await hears(talk.caller, COLLEAGUE)
    await specialist.press("*23")
    manager = await talk.colleague("301")
    manager.answer()
    manager.say(voice(GENERAL))
    await hears(talk.caller, GENERAL)
    await ends(specialist)
    manager.hang_up()
    await ends(talk.caller)
    row = await talk.row()
    await talk.transfers(("technical", "201", "done"), ("managers", "301", "done"))
    assert parts(recording(talk.here, row)[:, 1]) == [OPERATOR, COLLEAGUE, GENERAL]


# -- first a word with the colleague ---------------------------------------------------------------------------------


async def consultation(talk: Talk, by_code: bool = True) -> Call:
    """101 and 201 talk, the caller hears music."""
    await on_shift(talk.here, "201")
    if by_code:
        await talk.operator.press("*32")
    else:
        await talk.here.api("101", "transfer", target="technical", consult=True)
    colleague = await talk.colleague()
    pick_up(colleague)
    await hears(colleague, OPERATOR)
    await hears(talk.operator, COLLEAGUE)
    await hears_music(talk.caller)
    await until(lambda: talk.here.see("101").activity == "consulting")
    assert talk.here.see("201").activity == "advising"
    return colleague


@pytest.mark.parametrize("way", ["hangs up", "dials the code", "clicks"])
@pytest.mark.clause("ESTP 5.4.4")
async def test_the_colleague_is_asked_first_and_goes_on_with_the_caller(talk: Talk, way: str) -> None:
    colleague = await consultation(talk, by_code=way != "clicks")
    if way == "hangs up":
        talk.operator.hang_up()
    elif way == "dials the code":
        await talk.operator.press("*4")
    else:
        assert (await talk.here.api("101", "transfer/complete")).status == 200
    await hears(talk.caller, COLLEAGUE)
    await hears(colleague, CALLER)
    await ends(talk.operator)
    await until(lambda: talk.here.see("201").activity == "talking")
    colleague.hang_up()
    await ends(talk.caller)
    row = await talk.row()
    await talk.transfers(("technical", "201", "done"))
    both = recording(talk.here, row)
    assert parts(both[:, 0]) == [CALLER]
    assert parts(both[:, 1]) == [OPERATOR, COLLEAGUE]
    assert row["recording_seconds"] == pytest.approx(row["talk"], abs=0.3), "the consultation is not the caller's"


@pytest.mark.parametrize("way", ["dials the code", "clicks", "colleague hangs up"])
async def test_after_the_advice_the_operator_goes_on_with_the_caller(talk: Talk, way: str) -> None:
    colleague = await consultation(talk)
    if way == "dials the code":
        await talk.operator.press("*0")
    elif way == "clicks":
        assert (await talk.here.api("101", "transfer/cancel")).status == 200
    else:
        colleague.hang_up()
    await hears(talk.caller, OPERATOR)
    await hears(talk.operator, CALLER)
    await ends(colleague)
    await until(lambda: talk.here.see("101").activity == "talking")
    await talk.transfers(("technical", "", "cancelled"))
    talk.operator.hang_up()
    await ends(talk.caller)
    row = await talk.row()
    assert parts(recording(talk.here, row)[:, 1]) == [OPERATOR]
    assert row["recording_seconds"] == pytest.approx(row["talk"], abs=0.3)


async def test_taking_back_while_the_colleagues_phone_rings(talk: Talk) -> None:
    await on_shift(talk.here, "201")
    await talk.operator.press("*32")
    colleague = await talk.colleague()
    await told(talk.operator, "op-transfer-ringing")
    await hears(talk.operator, CALLER)
    await talk.operator.press("*0")
    await ends(colleague)
    await told(talk.operator, "op-hold-resume")
    await hears(talk.operator, CALLER)
    await hears(talk.caller, OPERATOR)
    await until(lambda: talk.here.see("201").activity == "idle")
    assert talk.here.see("201").presence == "available", "a withdrawn offer was not missed"
    await talk.transfers(("technical", "", "cancelled"))
    talk.operator.hang_up()
    await ends(talk.caller)


async def test_advice_refused_then_another_colleague(talk: Talk) -> None:
    colleague = await consultation(talk)
    colleague.hang_up()
    await hears(talk.operator, CALLER)
    await on_shift(talk.here, "301")
    await talk.operator.press("*23")
    manager = await talk.colleague("301")
    pick_up(manager)
    await hears(talk.caller, COLLEAGUE)
    await ends(talk.operator)
    manager.hang_up()
    await ends(talk.caller)
    await talk.transfers(("technical", "", "cancelled"), ("managers", "301", "done"))


# -- the caller gives up ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["*22", "*32"])
async def test_the_caller_hangs_up_while_the_colleagues_phone_rings(talk: Talk, code: str) -> None:
    await on_shift(talk.here, "201")
    await talk.operator.press(code)
    colleague = await talk.colleague()
    talk.caller.hang_up()
    await ends(colleague, talk.operator)
    await talk.transfers(("technical", "", "caller_left"))
    await until(lambda: talk.here.see("201").activity == "idle")
    assert talk.here.see("201").presence == "available"
    assert (await talk.row())["hung_up_by"] == "caller"


async def test_the_held_caller_hangs_up(talk: Talk) -> None:
    await on_shift(talk.here, "201")
    await talk.operator.press("*22")
    colleague = await talk.colleague()
    talk.operator.hang_up()
    await hears_music(talk.caller)
    talk.caller.hang_up()
    await ends(colleague)
    await talk.transfers(("technical", "", "caller_left"))


async def test_the_caller_hangs_up_during_the_consultation(talk: Talk) -> None:
    colleague = await consultation(talk)
    talk.caller.hang_up()
    await ends(colleague, talk.operator)
    await talk.transfers(("technical", "", "caller_left"))
    row = await talk.row()
    assert (row["outcome"], row["hung_up_by"]) == ("answered", "caller")


async def test_the_caller_hangs_up_as_the_code_is_dialled(talk: Talk) -> None:
    await on_shift(talk.here, "201")
    await talk.operator.press("*2")
    talk.caller.hang_up()
    await talk.operator.press("2")
    await ends(talk.operator)
    await talk.transfers()


# -- the general line ------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="module")
async def general(here: Station) -> AsyncIterator[Softphone]:
    """The general inbound line, behind the trunk."""
    async with Softphone("general", f"{here.network}1.200", 5060, here.proxy) as phone:
        yield phone


@pytest.mark.clause("ESTP 2.1")
@pytest.mark.parametrize(("code", "words"), [("*9", "not-customer"), ("*20", "transferring-general")])
async def test_to_the_general_line(talk: Talk, general: Softphone, code: str, words: str) -> None:
    await talk.operator.press(code)
    there = await general.rings()
    await ends(talk.operator)
    there.answer()
    there.say(voice(GENERAL))
    await hears(talk.caller, GENERAL)
    await hears(there, CALLER)
    assert talk.here.see("101").activity == "idle"
    there.hang_up()
    await ends(talk.caller)
    row = await talk.row()
    await talk.transfers(("general", "", "done"))
    assert row["identification"] == ("by_operator" if code == "*9" else "unknown")
    assert row["outcome"] == "answered"


@pytest.mark.clause("ESTP 2.1")
async def test_the_general_line_does_not_answer(talk: Talk, general: Softphone) -> None:
    general.on_call = lambda call: call.reject(480)
    answer = await talk.here.api("101", "transfer", target="general", not_customer=True)
    assert answer.status == 200
    await general.rings()
    await told(talk.caller, "general-unavailable")
    talk.caller.hang_up()
    await talk.transfers(("general", "", "done"))


async def test_codes_at_the_wrong_moment(talk: Talk) -> None:
    await talk.operator.press("*4")
    await told(talk.operator, "op-not-possible")
    await hears(talk.caller, OPERATOR)
    assert (await talk.here.api("101", "transfer/cancel")).status == 409
    await talk.operator.press("*7")  # no code at all
    await hears(talk.caller, OPERATOR)
    await hears(talk.operator, CALLER)
    talk.operator.hang_up()
    await ends(talk.caller)
    await talk.transfers()
