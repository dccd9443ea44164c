"""Whoever calls may write into a SIP message what they like: none of it becomes an event, a line or a shift's end."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio

from callcenter.asterisk.connection import ActionFailed, Connection
from callcenter.asterisk.event_check import Refusal
from callcenter.core import events
from tests.attack.stranger import Stranger
from tests.e2e.hearing import brief_prompts
from tests.e2e.listening import CALLER, OPERATOR, all_quiet, hears, one_story, voice
from tests.e2e.softphone import Call
from tests.e2e.station import NUMBER, PROJECT, Station, station, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]
NEW_LINE, END = "%0d%0a", "%0d%0a%0d%0a"


def all_events(folder: Path) -> str:
    """A dialplan whose manager tells its controller everything: an Asterisk that knows no filters by name."""
    copy = folder / "dialplan"
    copy.mkdir()
    for template in (PROJECT / "dialplan").iterdir():
        text = template.read_text()
        if template.name == "manager.conf.j2":
            text = re.sub(r"^eventfilter.*\n", "", text, flags=re.MULTILINE)
            assert "eventfilter" not in text
        (copy / template.name).write_text(text)
    return str(copy)


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["as shipped", "every event told"])
async def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("forgery")
    prompts = brief_prompts(folder / "prompts", 0.3)
    dialplan = {} if request.param == "as shipped" else {"dialplan": all_events(folder)}
    async with station(folder, ivr={"ask_inn": "false", "urgency": {}}, prompts=str(prompts), **dialplan) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def here(running: Station) -> AsyncIterator[Station]:
    async for line in one_story(running):
        yield line


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> bytearray:
    """Every byte that Asterisk's manager says."""
    heard, received = bytearray(), Connection.data_received

    def listening(connection: Connection, data: bytes) -> None:
        heard.extend(data)
        received(connection, data)

    monkeypatch.setattr(Connection, "data_received", listening)
    return heard


def forged(heard: bytearray) -> list[bytes]:
    """Lines in which a stranger has the first word."""
    return re.findall(rb"^Forged.*$", heard, re.MULTILINE)


@pytest.fixture
def told(heard: bytearray) -> Iterator[bytearray]:
    """The same, to be judged at the end: there may be no such line."""
    yield heard
    assert b"CallerIDNum: " in heard, "nothing was told at all"
    assert not forged(heard)
    assert not re.findall(rb"^CallerIDNum: (?!<unknown>)[^\r]*[^0-9*#+\r][^\r]*$", heard, re.MULTILINE)


def event(**headers: str) -> str:
    """An event of Asterisk's manager, as it may stand in the user part of a SIP address."""
    return NEW_LINE.join(quote(f"{name}: {value}", safe="/.=+") for name, value in headers.items())


LOG_OUT = event(Event="UserEvent", Uniqueid="e", UserEvent="CCLogOut", Phone="101", Forged="1")


async def talk(here: Station, number: str = "+73425551001") -> tuple[Call, Call]:
    """A caller is answered by 101, and they hear each other, whatever was tried before."""
    caller = await here.caller(number)
    caller.say(voice(CALLER))
    phone = await here.phone("101")
    while (operator := await phone.rings()).ended.is_set():
        pass  # it rang for the stranger
    operator.answer()
    operator.say(voice(OPERATOR))
    await hears(caller, OPERATOR)
    await hears(operator, CALLER)
    return caller, operator


async def over(caller: Call, operator: Call) -> None:
    caller.hang_up()
    await until(operator.ended.is_set, what="the operator's call ends")


@pytest.mark.clause("ESTP 5.3.1")
async def test_a_callers_number_logs_nobody_out(here: Station, told: bytearray) -> None:
    """Whatever stands before the forged event and after it: alone, in the middle of a message, or ending in another."""
    await here.operator("101")
    async with Stranger(f"{here.network}1.99", here.proxy) as stranger:
        for start in ("7" + END, END, "7" + NEW_LINE, "7" + END + END):
            for end in (END, "", END + "Event%3a%20X"):
                stranger.answers.clear()
                stranger.invite(NUMBER, f"<sip:{start}{LOG_OUT}{end}@x>")
                assert await stranger.is_answered(), "the attack has to get through to the line"
                await until(lambda: here.see("101").activity == "offered", what="the stranger is in the queue")
                assert here.see("101").presence == "available"
                stranger.bye(NUMBER)
                await until(lambda: here.see("101").activity == "idle", what="the stranger is gone")
    assert here.see("101").presence == "available"
    await over(*await talk(here))


@pytest.mark.clause("ESTP 2.2b")
async def test_forged_arrivals_take_no_line(here: Station, told: bytearray) -> None:
    """More of them than the line has places, each cancelled at once, and with an id that no channel has."""
    await here.operator("101")
    async with Stranger(f"{here.network}1.99", here.proxy) as stranger:
        for number in range(110):
            arrived = event(
                Event="UserEvent", Channel=f"PJSIP/trunk-city-{number:08x}", Uniqueid=f"1.{number}",
                UserEvent="CCArrived", Line="estp", Number="1", Name="", Forged="1",
            )  # fmt: skip
            call = stranger.invite(NUMBER, f"<sip:7{END}{arrived}{END}@x>")
            await until(lambda call=call: stranger.statuses(call))  # type: ignore[misc]
            stranger.cancel(NUMBER)
            await stranger.is_answered()
            stranger.bye(NUMBER)  # the answer was quicker than the cancelling
            stranger.answers.clear()
    await until(lambda: here.controller.view().lines["estp"].lines_in_use == 0, within=40, what="all lines are free")
    await until(lambda: here.see("101").activity == "idle", what="101 is free")
    # A call that could not be cancelled in time has rung at 101, as any call does, and nobody picked up.
    await here.api("101", "return")
    await over(*await talk(here))


@pytest.mark.clause("ESTP 2.3")
async def test_a_forged_hanging_up_makes_nobody_forgotten(here: Station, told: bytearray) -> None:
    """The attacker even knows the id and the channel of the one who waits."""
    first = await here.caller("+73425551002")
    await until(lambda: here.waiting() == 1, what="somebody waits")
    call = (await here.row(number="+73425551002"))["call"]
    channel = here.controller._center._floor.callers[call].channel
    async with Stranger(f"{here.network}1.99", here.proxy) as stranger:
        gone = event(Event="Hangup", Channel=channel, Uniqueid=call, Cause="16", Forged="1")
        stranger.invite(NUMBER, f"<sip:7{END}{gone}{END}@x>")
        assert await stranger.is_answered()
        await until(lambda: here.waiting() == 2, what="the stranger waits behind")
        stranger.bye(NUMBER)
        await until(lambda: here.waiting() == 1, what="the stranger is gone")
    assert here.controller.view().lines["estp"].lines_in_use == 1
    phone = await here.operator("101")
    leg = await phone.rings()
    leg.answer()
    await until(lambda: here.see("101").activity == "talking")
    await over(first, leg)


@pytest.mark.clause("ESTP 2.2b")
async def test_a_call_without_a_channel_does_not_hold_a_line(here: Station, told: bytearray) -> None:
    """Should anybody find another way to make one up: the lines in use are the channels that there are."""
    caller = await here.caller("+73425551004")
    await until(lambda: here.waiting() == 1, what="somebody waits")
    here.controller.take(events.CallArrived("1.666", "PJSIP/trunk-city-00000666", "estp", "+73425550666"))
    in_use = [here.controller.view().lines["estp"].lines_in_use]
    for _ in range(2):
        await here.controller.link.list_channels()
        in_use.append(here.controller.view().lines["estp"].lines_in_use)
    assert in_use == [2, 2, 1]
    assert here.waiting() == 1, "who has a channel waits on"
    caller.hang_up()


SPLIT = "\r\n "
"""A folded header: one value on two lines (RFC 3261, 7.3.1)."""
INJECTIONS = {
    "encoded": f"x{END}Event%3a%20Forged%0d%0aForged%3a%201{END}",
    "a lone line feed": "x\nForged: 1\n\nEvent: Forged\nForged: 1\n\n",
    "a lone return": "x\rForged: 1\r\rEvent: Forged\r\r",
    "folded": f"x{SPLIT}Forged: 1{SPLIT}Event: Forged{SPLIT}",
    "escaped in quotes": 'x\\\r\\\nForged: 1\\\r\\\n\\\r\\\nEvent: Forged\\\r\\\n',
    "an empty line": "x\r\n\r\nForged: 1\r\n\r\n",
}  # fmt: skip
FIELDS: dict[str, Callable[[str], dict[str, str]]] = {
    "name": lambda x: {"From": f'"{x}" <sip:7@x>;tag=1'},
    "user": lambda x: {"From": f"<sip:{x}@x>;tag=1"},
    "domain": lambda x: {"From": f"<sip:7@{x}>;tag=1"},
    "tag": lambda x: {"From": f"<sip:7@x>;tag={x}"},
    "parameter": lambda x: {"From": f"<sip:7@x;p={x}>;tag=1"},
    "To": lambda x: {"To": f'"{x}" <sip:{x}@x>'},
    "Contact": lambda x: {"Contact": f'"{x}" <sip:{x}@127.0.0.1:9>;p="{x}"'},
    "Diversion": lambda x: {"Diversion": f'"{x}" <sip:{x}@x>;reason="{x}"'},
    "P-Asserted-Identity": lambda x: {"P-Asserted-Identity": f'"{x}" <sip:{x}@x>', "Privacy": "id"},
    "Remote-Party-ID": lambda x: {"Remote-Party-ID": f'"{x}" <sip:{x}@x>;party=calling'},
    "History-Info": lambda x: {"History-Info": f"<sip:{x}@x?Reason={x}>;index=1"},
    "Referred-By": lambda x: {"Referred-By": f'"{x}" <sip:{x}@x>', "Replaces": f"{x};to-tag=1;from-tag=1"},
    "User-Agent": lambda x: {"User-Agent": x, "Server": x},
    "Subject": lambda x: {"Subject": x, "Organization": x, "Call-Info": f"<{x}>", "Alert-Info": f"<{x}>"},
    "Reason": lambda x: {"Reason": f'SIP;cause=200;text="{x}"'},
    "Geolocation": lambda x: {"Geolocation": f"<cid:{x}>", "Geolocation-Routing": x},
    "Call-ID": lambda x: {"Call-ID": x},
}


@pytest.mark.parametrize("how", INJECTIONS)
@pytest.mark.clause("ESTP 2.3", "ESTP 5.3.1")
async def test_whatever_a_trunk_says_of_itself_stays_inside_its_line(here: Station, told: bytearray, how: str) -> None:
    """Each field that a call can bring, with each way to end a line, from the invitation to the end of the call."""
    await here.operator("101")
    text = INJECTIONS[how]
    through = 0
    async with Stranger(f"{here.network}1.99", here.proxy) as stranger:
        for build in FIELDS.values():
            stranger.answers.clear()
            stranger.invite(NUMBER, "<sip:7@x>", build(text))
            through += await stranger.is_answered()
            stranger.bye(NUMBER, {"Reason": f'Q.850;cause=16;text="{text}"'})
            await until(lambda: here.controller.view().lines["estp"].lines_in_use == 0, what="the stranger is gone")
        for letter, value in {"s": text, "i": text, "o": f"{text} 1 1 IN IP4 127.0.0.1"}.items():
            stranger.answers.clear()
            stranger.invite(NUMBER, "<sip:7@x>", sdp={letter: value})
            through += await stranger.is_answered()
            stranger.bye(NUMBER)
            await until(lambda: here.controller.view().lines["estp"].lines_in_use == 0, what="the stranger is gone")
    assert through >= (8 if how in ("encoded", "folded") else 0), "most of these are calls like any other"
    await until(lambda: here.see("101").activity == "idle", what="101 is free")
    await over(*await talk(here))
    assert here.see("101").presence == "available"


@pytest.mark.parametrize("how", ["encoded", "folded", "a lone line feed"])
async def test_whatever_a_phone_says_of_itself_stays_inside_its_line(
    here: Station, told: bytearray, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Its answers to a call carry names and reasons, too."""
    text = INJECTIONS[how]
    phone = await here.operator("101")
    said = f'P-Asserted-Identity: "{text}" <sip:{text}@x>\r\nServer: {text}\r\nReason: Q.850;cause=16;text="{text}"\r\n'
    sent = phone._send
    monkeypatch.setattr(phone, "_send", lambda words: sent(words.replace("CSeq:", f"{said}CSeq:", 1)))
    caller = await here.caller("+73425551003")
    operator = await phone.rings()
    operator.answer()
    await until(lambda: here.see("101").activity in ("talking", "idle"), what="the answer is understood, or refused")
    monkeypatch.setattr(phone, "_send", sent)
    caller.hang_up()
    operator.hang_up()
    await all_quiet(here)


@pytest.mark.parametrize("start", ["20", "", "x" * 30])
async def test_a_transfer_target_stays_inside_its_line(here: Station, told: bytearray, start: str) -> None:
    """The phone's transfer key, with an event of Asterisk's in place of a number: it even knows the caller's id."""
    await here.operator("101")
    number = f"+734255590{len(start):02}"
    caller, operator = await talk(here, number)
    known = here.controller._center._floor.callers[(await here.row(number=number))["call"]]
    gone = event(Event="Hangup", Channel=known.channel, Uniqueid=known.call, Cause="16", Forged="1")
    operator.transfer(f"{start}{END}{gone}{END}")
    await until(lambda: operator.referred, what="an answer to REFER")
    await hears(caller, OPERATOR)
    assert here.see("101").activity == "talking"
    await over(caller, operator)


async def test_where_a_phone_forwards_to_does_nothing(here: Station, heard: bytearray) -> None:
    """Asterisk itself names a channel after it. The filters keep that from us; without them, nothing is believed."""
    phone = await here.operator("101")
    phone.on_call = lambda call: call.reject(302, f"sip:900{END}{LOG_OUT}{END}@{here.proxy[0]}")
    caller = await here.caller("+73425551005")
    await until(lambda: here.see("101").presence == "paused", what="the phone has forwarded the call")
    phone.on_call = None
    caller.hang_up()
    await all_quiet(here)
    assert here.see("101").presence == "paused"
    if here.config.dialplan == PROJECT / "dialplan":
        assert not forged(heard)


async def test_another_user_of_the_manager_forges_nothing(here: Station, told: bytearray) -> None:
    """A monitoring program that may send events of its own does not know the token."""
    await here.operator("101")
    before = here.controller.link._check.refused[Refusal.TOKEN]
    for token in ({}, {"Token": ""}, {"Token": "0" * 32}):
        said = {"Event": "UserEvent", "UserEvent": "CCLogOut", "Phone": "101", "Uniqueid": "1.1", **token}
        here.controller.link._on_message(said)
    assert here.controller.link._check.refused[Refusal.TOKEN] == before + 3, "they are refused and counted"
    assert here.see("101").presence == "available"
    with pytest.raises(ActionFailed, match="Permission denied"):  # nor may our own user send any
        await here.controller.link.ami.send({"Action": "UserEvent", "UserEvent": "CCLogOut", "Phone": "101"})
    await over(*await talk(here))
