"""From a request to the call-back in which its answer is told, on a real Asterisk; the controller dies in between."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.hearing import brief_prompts, listen
from tests.e2e.listening import CALLER, OPERATOR, all_quiet, hears, voice
from tests.e2e.processes import another_process, asterisk_without_controller, controlled, ready
from tests.e2e.softphone import Softphone
from tests.e2e.station import Station, station, until
from tests.e2e.test_call_backs import ASKS, keeps
from tests.e2e.test_caller_arrival import ends

pytestmark = [pytest.mark.e2e, pytest.mark.clause("ESTP 5.4.5"), pytest.mark.clause("ESTP 5.5.2")]
CUSTOMER = "+73425550199"
LINE = {
    "outgoing": {"ranges": ["+7 342"], "trunk": "city", "ring": "20"},
    "requests": {"call_backs": {"voicemail": "1", "after_busy": "0"}},
    "subjects": {},
}
HEAD = "401"


async def told(here: Station, person: str, path: str, /, **body: Any) -> Any:
    """What the desk answers."""
    answer = await here.api(person, path, **body)
    content = await answer.json()
    assert answer.status == 200, content
    return content


async def answered_by_telephone(line: Station) -> str:
    """A request, from the form to its answer, which is to be told on the telephone. Returns its id."""
    form = await told(line, "101", "requests", line="estp")
    path = f"requests/{form['id']}"
    asked = {"subject": "Подпись", "essentials": "Не подписывается", "urgency": "Контроль"}
    await told(line, "101", f"{path}/fill", **asked, way="telephone", address=CUSTOMER, number=CUSTOMER)
    filed = (await (await line.api("101", f"{path}/look")).json())["version"]
    filed = (await told(line, "101", f"{path}/submit", version=filed))["version"]
    filed = (await told(line, HEAD, f"{path}/assign", version=filed, kind="person", id="101"))["version"]
    filed = (await told(line, "101", f"{path}/start", version=filed))["version"]
    await told(line, "101", f"{path}/answer", version=filed, text="Перевыпустите сертификат.")
    return str(form["id"])


async def test_an_answer_is_told_by_telephone_though_the_controller_dies_while_the_customers_phone_rings(
    tmp_path: Path, brief: Path
) -> None:
    async with (
        asterisk_without_controller(tmp_path, brief, line=LINE) as line,
        Softphone("provider", f"{line.network}1.200", 5060, line.proxy) as provider,
    ):
        with another_process(line, tmp_path) as killed:
            await ready(line)
            phone = await line.operator("101")
            await line.api(HEAD)
            await answered_by_telephone(line)
            leg = await phone.rings(15.0)
            leg.answer()
            leg.say(voice(OPERATOR))
            (await provider.rings()).reject(486)
            await asyncio.wait_for(leg.ended.wait(), 10.0)
            leg = await phone.rings(15.0)  # the next try
            leg.answer()
            leg.say(voice(OPERATOR))
            there = await provider.rings()
            await until(lambda: line.rows("select * from calls where attempt = 2"), what="it has a row")
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        there.answer()
        there.say(voice(CALLER))
        await hears(leg, CALLER)
        async with controlled(line):
            await hears(there, OPERATOR)
            await listen(leg, 2.0)
            there.hang_up()
            await asyncio.wait_for(leg.ended.wait(), 5.0)
            await until(lambda: line.rows("select * from call_backs where state = 'done'"), what="it is known")
            await all_quiet(line)
        assert provider.incoming.empty(), "dialled once for each try"
        tries = line.rows("select * from call_back_tries order by number")
        assert [one["came"] for one in tries] == ["busy", "talked"]
        (request,) = line.rows("select * from requests")
        assert request["state"] == "answered"
        (message,) = line.rows("select * from request_messages")
        assert message["fate"] == "sent"
        calls = line.rows("select * from calls order by id")
        assert [(one["outcome"], one["attempt"]) for one in calls] == [("busy", 1), ("answered", 2)]
        assert [one["call"] for one in tries] == [one["call"] for one in calls]


async def test_a_try_that_ends_while_no_controller_is_there_is_used_and_another_one_follows(
    tmp_path: Path, brief: Path
) -> None:
    """It dies as the customer's phone rings; the operator gives up, and nobody saw it."""
    async with (
        asterisk_without_controller(tmp_path, brief, line=LINE) as line,
        Softphone("provider", f"{line.network}1.200", 5060, line.proxy) as provider,
    ):
        with another_process(line, tmp_path) as killed:
            await ready(line)
            phone = await line.operator("101")
            await line.api(HEAD)
            await answered_by_telephone(line)
            leg = await phone.rings(15.0)
            leg.answer()
            leg.say(voice(OPERATOR))
            there = await provider.rings()
            await until(lambda: line.rows("select * from calls where attempt = 1"), what="it has a row")
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        leg.hang_up()
        await asyncio.wait_for(there.ended.wait(), 10.0)
        async with controlled(line):
            await until(lambda: line.rows("select * from call_back_tries where came <> ''"), what="it is known")
            await all_quiet(line)
        assert provider.incoming.empty(), "dialled once for this try"
        (tried,) = line.rows("select * from call_back_tries")
        (call,) = line.rows("select * from calls")
        assert (tried["came"], tried["call"]) == ("lost", call["call"])
        assert (call["outcome"], call["attempt"], call["dialled_at"] is None) == ("lost", 1, False)
        (promised,) = line.rows("select * from call_backs")
        assert promised["state"] == "waiting"
        assert promised["next_at"] > tried["over_at"], "as after no answer"
        (message,) = line.rows("select * from request_messages")
        assert message["fate"] != "sent"


async def test_who_keeps_the_place_and_hangs_up_is_called_when_the_turn_comes(tmp_path: Path) -> None:
    prompts = str(brief_prompts(tmp_path / "prompts", 0.5, ASKS))
    rules = LINE | {"requests": {"call_backs": {"voicemail": "0"}}}
    plan = {"ivr": {"keep_place": {"key": "9"}, "ask_inn": "false", "urgency": {}}, "queue": {"announce_every": "5"}}
    async with (
        station(tmp_path, line=rules, prompts=prompts, **plan) as line,
        Softphone("provider", f"{line.network}1.200", 5060, line.proxy) as provider,
    ):
        caller = await line.caller("+73421000031")
        await keeps(line, caller, "1")
        await ends(caller)
        await until(lambda: line.rows("select * from call_backs"), what="it is promised")
        phone = await line.operator("101")
        leg = await phone.rings(15.0)
        leg.answer()
        leg.say(voice(OPERATOR))
        there = await provider.rings()
        there.answer()
        there.say(voice(CALLER))
        await hears(leg, CALLER)
        await hears(there, OPERATOR)
        there.hang_up()
        await asyncio.wait_for(leg.ended.wait(), 5.0)
        await until(lambda: line.rows("select * from call_backs where state = 'done'"), what="it is known")
        (one,) = line.rows("select * from call_backs")
        assert (one["origin"], one["number"], one["request"]) == ("kept_place", "+73421000031", None)
        first, second = await until(lambda: rows if len(rows := calls(line)) == 2 else [], what="both have rows")
        assert (one["call"], first["outcome"], second["call_back"]) == (first["call"], "call_back", one["call_back"])
        assert one["place_at"] == first["place_at"]
        assert line.rows("select * from requests") == []


def calls(line: Station) -> list[dict[str, Any]]:
    return line.rows("select * from calls order by id")
