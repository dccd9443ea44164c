"""Whatever callers, operators and peers send: a clear error or passed over, and no call in progress suffers."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from callcenter.accounts.secrets import Secrets, SecretsError
from callcenter.app.run import controller
from callcenter.app.web_server import StartError
from callcenter.asterisk.ami import Ami, AmiSettings
from callcenter.config import Config
from callcenter.store import RegisterError
from tests.e2e.hearing import brief_prompts
from tests.e2e.listening import CALLER, OPERATOR, all_quiet, hears, hears_music, one_story, voice, voices
from tests.e2e.softphone import RATE, Call, Softphone
from tests.e2e.station import Station, configuration, station, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]
STRAIGHT_TO_THE_QUEUE = {"ask_inn": "false", "urgency": {}}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("bad-input")
    prompts = brief_prompts(folder / "prompts", 0.3)
    async with station(folder, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(prompts)) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def here(running: Station) -> AsyncIterator[Station]:
    async for line in one_story(running):
        yield line


async def talk(here: Station, caller: Call, person: str = "101") -> Call:
    """The operator answers and both hear each other."""
    phone = await here.operator(person)
    caller.say(voice(CALLER))
    call = await phone.rings()
    call.answer()
    call.say(voice(OPERATOR))
    await hears(caller, OPERATOR)
    await hears(call, CALLER)
    return call


async def over(*calls: Call) -> None:
    for call in calls:
        await until(call.ended.is_set, what=f"the call of {call.phone.user} ends")


# -- who calls -------------------------------------------------------------------------------------------------------

NAMES = {
    "an injected line": ",Line: other",
    "a whole event": "x\\r\\nEvent: Hangup\\r\\nUniqueid: 1",
    "control characters": "a\x01\x02\x08\x1b[2Jb\x7f",
    "a kilobyte": "я" * 512,
    "four kilobytes": "я" * 2048,
    "emoji": "👩‍💻 Анна 😀",
    "quotes": 'Ан\\"на \\\\',
    "variables": "${SHELL(touch /tmp/x)}${EPOCH} $[1+1]",
    "brackets": "<sip:evil@example.org> [x](!) ; & | #",
    "commas": "a,b,,c=d",
}


@pytest.mark.parametrize("what", NAMES)
@pytest.mark.clause("ESTP 5.6.1")
async def test_a_hostile_callers_name(here: Station, what: str) -> None:
    number = f"+7342777{list(NAMES).index(what):04}"
    caller = await here.caller(number, name=NAMES[what])
    await until(caller.answered.is_set, what="the line answers, whatever the caller is called")
    operator = await talk(here, caller)
    caller.hang_up()
    await over(operator)
    known = "" if what == "four kilobytes" else number  # the dialplan has no room to look behind such a name
    row = await here.row(number=known, hung_up_by="caller")
    assert (row["line"], row["outcome"], row["operator"]) == ("estp", "answered", "101")
    assert len(row["name"]) <= 300
    assert row["name"].isprintable() or "\u200d" in row["name"]
    assert not re.search(r"[\r\n]", operator.caller_id)


async def test_a_hostile_callers_number(here: Station) -> None:
    """Each is a caller like any other; what is no number is kept as it came."""
    users = ["%0d%0aLine:%20other", "${EPOCH}", "a,b", "9" * 300, "+7(342)555-00-01;x=1", "%00", "'--"]
    known = {row["call"] for row in here.rows()}
    callers = [await here.caller(user) for user in users]
    last = await here.caller("+73425550001")
    await until(last.answered.is_set, what="who calls after them is answered")
    through = [caller for caller in callers if caller.answered.is_set()]
    assert len(through) >= 4, {user: caller.status for user, caller in zip(users, callers, strict=True)}
    operator = await (await here.operator("101")).rings()
    operator.answer()
    operator.say(voice(OPERATOR))
    await until(lambda: any(voices(caller.heard(0.2)) == {OPERATOR} for caller in through), what="one of them talks")
    for caller in (*callers, last):
        caller.hang_up()
    await over(operator)

    def new() -> list[dict[str, Any]]:
        return [row for row in here.rows() if row["call"] not in known]

    await until(lambda: len(new()) > len(through) and all(row["ended_at"] for row in new()), what="rows are closed")
    assert {row["line"] for row in new()} == {"estp"}
    assert all(len(row["number"]) <= 64 and "\r" not in row["number"] for row in new())


async def test_a_call_to_a_number_that_is_nobodys(here: Station) -> None:
    before = len(here.rows())
    for number in ("999", "s", "cc-fallback", "*11", "78005553535"):
        stranger = await here.caller("+73425550000", dial=number)
        await until(lambda call=stranger: call.status >= 400 or call.answered.is_set())  # type: ignore[misc]
        assert stranger.status == 404 or number == "s", f"{number}: {stranger.status}"
        stranger.hang_up()
    caller = await here.caller()
    operator = await talk(here, caller)
    caller.hang_up()
    await over(operator)
    assert len(here.rows()) <= before + 2


# -- keys at the wrong moment ----------------------------------------------------------------------------------------


async def test_keys_at_every_wrong_moment(here: Station) -> None:
    """Greeting, announcement, music, conversation: the place is kept, and a caller has no codes."""
    await here.operator("201")
    first = await here.caller("+73425550010")
    await until(first.answered.is_set)
    await first.press("#*0*22*9")
    await until(lambda: here.waiting() == 1, what="the first waits")
    second = await here.caller("+73425550011")
    await until(lambda: here.waiting() == 2, what="the second waits behind")
    await first.press("234567890*#" * 4)
    await hears_music(first, 20.0)
    operator = await talk(here, first)
    await first.press("*22*9*0")
    await hears(first, OPERATOR)
    await hears(operator, CALLER)
    assert here.see("201").activity == "idle", "the caller's own keys transfer nobody"
    await operator.press("5#7")
    await hears(first, OPERATOR)
    first.hang_up()
    await over(operator)
    operator = await (await here.phone("101")).rings()
    operator.answer()
    await over_to(second, operator)
    before, after = [await here.row(number=f"+734255500{n}", outcome="answered") for n in (10, 11)]
    assert before["answered_at"] < after["answered_at"]
    assert not here.rows("select * from transfers")


async def over_to(caller: Call, operator: Call) -> None:
    """A short conversation, ended by the caller."""
    operator.say(voice(OPERATOR))
    await hears(caller, OPERATOR)
    caller.hang_up()
    await over(operator)


# -- what only a broken or hostile peer would say --------------------------------------------------------------------

USER_EVENTS = (
    *(
        "CCArrived",
        "CCGreeted",
        "CCInn",
        "CCUrgency",
        "CCSpoken",
        "CCInfo",
        "CCRequest",
        "CCGeneral",
        "CCAnswered",
        "CCFeature",
    ),
    *("CCLogIn", "CCLogOut", "CCPause", "CCReturn", "CCUnheardOf", ""),
)


async def test_events_of_unknown_channels_and_without_their_fields(here: Station) -> None:
    """Asked for through a second connection, as another manager user would."""
    caller = await here.caller()
    operator = await talk(here, caller)
    (call,) = here.controller._center._floor.callers
    await here.row(call=call)
    calls = len(here.rows())
    stranger: dict[str, str]
    for name in USER_EVENTS:
        for stranger in ({}, {"Uniqueid": "1.1"}, {"Uniqueid": "offer-x", "Line": "nowhere", "Feature": "transfer-x"}):
            here.controller.link._on_message({"Event": "UserEvent", "UserEvent": name, **stranger})
    for event in ("Hangup", "BridgeEnter", "BridgeLeave", "Newstate", "OriginateResponse", "Status", "Odd", ""):
        here.controller.link._on_message({"Event": event})
        here.controller.link._on_message({"Event": event, "Uniqueid": "7.7", "Cause": "x", "Response": "Failure"})
    await hears(caller, OPERATOR)
    await hears(operator, CALLER)
    assert here.see("101").activity == "talking"
    caller.hang_up()
    await over(operator)
    await here.row(call=call, outcome="answered")
    assert len(here.rows()) == calls


async def test_sip_that_is_none(here: Station) -> None:
    """Noise on the port, half messages and a call that is never finished; the next caller is served."""
    caller = await here.caller()
    operator = await talk(here, caller)
    async with Softphone("noise", f"{here.network}1.66", 0, here.proxy) as phone:
        assert phone.transport
        for noise in (
            b"",
            b"\x00" * 1500,
            b"INVITE",
            b"INVITE sip:x SIP/2.0\r\n\r\n",
            b"\xff\xfe\r\n\r\n",
            b"a" * 9000,
        ):
            phone.transport.sendto(noise, here.proxy)
        await phone.dial("7" * 500)
    await hears(caller, OPERATOR)
    await hears(operator, CALLER)
    caller.hang_up()
    await over(operator)


# -- what is wrong at the start --------------------------------------------------------------------------------------


def written(folder: Path, **changes: Any) -> Config:
    """A configuration of its own, in its own folder."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(configuration(**changes), allow_unicode=True, sort_keys=False))
    return Config.load(path)


async def starts(config: Config, *, with_asterisk: bool) -> None:
    async with controller(config, with_asterisk=with_asterisk):
        raise AssertionError("it should not have started")


@pytest.mark.parametrize("which", ["sip_port", "ami_port"])
async def test_a_port_of_asterisk_is_in_use(tmp_path: Path, which: str) -> None:
    config = written(tmp_path)
    kind, host, port = {
        "sip_port": (socket.SOCK_DGRAM, config.asterisk.sip_bind, config.asterisk.sip_port),
        "ami_port": (socket.SOCK_STREAM, config.asterisk.ami_bind, config.asterisk.ami_port),
    }[which]
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind((host, port))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        with pytest.raises(StartError, match=rf"^asterisk\.{which}: {re.escape(host)}:{port} is in use"):
            await starts(config, with_asterisk=True)


async def test_the_port_of_the_page_is_in_use(tmp_path: Path) -> None:
    config = written(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", config.http.port))
        taken.listen()
        with pytest.raises(StartError, match=rf"^http\.port: 127\.0\.0\.1:{config.http.port} cannot be used"):
            await starts(config, with_asterisk=False)


@pytest.fixture
def diary(tmp_path: Path) -> Iterator[Path]:
    """A file where the database should be."""
    path = tmp_path / "var" / "register.sqlite"
    path.parent.mkdir()
    path.write_text("Dear diary, " * 500)
    yield path
    assert path.read_text().startswith("Dear diary"), "what it was is left as it was"


async def test_a_database_that_is_none(tmp_path: Path, diary: Path) -> None:
    config = written(tmp_path)
    with pytest.raises(RegisterError, match=re.escape(str(diary))):
        await starts(config, with_asterisk=False)


@pytest.mark.parametrize("damage", ["ami: [", "ami: 'open sesame", "- a list", "ami: {a: b}", "phones: 7", "\x00"])
async def test_a_damaged_file_of_secrets(tmp_path: Path, damage: str) -> None:
    config = written(tmp_path)
    Secrets.load_or_create(config.var, config)
    path = config.var / "secrets.yaml"
    path.write_text(damage)
    with pytest.raises(SecretsError) as told:
        await starts(config, with_asterisk=False)
    assert str(path) in str(told.value)
    assert "sesame" not in str(told.value)
    assert path.read_text() == damage


async def test_a_wrong_ami_password(here: Station, caplog: pytest.LogCaptureFixture) -> None:
    """It is said with what to compare, never with the password, and the calls of others go on."""
    caller = await here.caller()
    operator = await talk(here, caller)
    asterisk = here.config.asterisk
    wrong = AmiSettings(asterisk.ami_host, asterisk.ami_port, "callcenter", "not-the-password")
    told: list[tuple[bool, str]] = []
    ami = Ami(wrong, lambda message: None, lambda connected, reason: told.append((connected, reason)))
    trying = asyncio.create_task(ami.run())
    await until(lambda: told, what="the refusal is told")
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)
    assert not told[0][0]
    assert "refused the AMI login of 'callcenter'" in told[0][1]
    assert "not-the-password" not in caplog.text
    await hears(caller, OPERATOR)
    caller.hang_up()
    await over(operator)


async def test_no_prompts_at_all(tmp_path: Path) -> None:
    """The caller hears no words, but is put through."""
    prompts = tmp_path / "prompts"
    (prompts / "ru").mkdir(parents=True)
    (prompts / "music").mkdir()
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(prompts)) as here:
        caller = await here.caller()
        operator = await talk(here, caller)
        await until(lambda: len(operator.media.heard) > RATE, what="longer than a false answer")
        operator.hang_up()
        await over(caller)
        assert (await here.row(hung_up_by="operator"))["outcome"] == "answered"
        await all_quiet(here)
